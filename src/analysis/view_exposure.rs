//! The tables whose rows a view shows, and the roles for which policies would hide rows.

use crate::analysis::prelude::*;
use crate::catalog::MIGRATION_ROLE;

/// Returns the tables whose row level security a view bypasses.
pub fn bypassed_tables<'a>(cx: &State<'a>, view: &View) -> Vec<&'a Table> {
    // a relation, and whether a materialized view reads it: that runs as its owner, so that rules for the current user apply to the owner
    let reads = |view: &View, refreshed: bool| view.reads.iter().map(|name| (name.clone(), refreshed)).collect::<Vec<_>>();
    let read_by = |(name, refreshed): &(QName, bool)| {
        // a view with security_invoker uses the privileges of the current user, also inside another view
        let runs_as_owner = |view: &&View| *refreshed || view.materialized || !view.security_invoker.value;
        let inner = cx.catalog.views.get(name).filter(|_| cx.catalog.table(name).is_none()).filter(runs_as_owner);
        inner.map(|inner| reads(inner, *refreshed || inner.materialized)).unwrap_or_default()
    };
    let mut tables: Vec<&Table> = Vec::new();
    for (name, _) in reachable(reads(view, view.materialized), read_by) {
        let table = cx.catalog.table(&name).filter(|table| table.rls.value && is_bypassed(cx, &view.owner, table));
        tables.extend(table.filter(|table| !tables.iter().any(|known| known.name == table.name)));
    }
    tables
}

fn is_bypassed(cx: &State, owner: &str, table: &Table) -> bool {
    let role = cx.catalog.roles.get(&owner.into());
    let may = role.is_some_and(|role| role.bypass_rls || role.superuser) || owner == MIGRATION_ROLE;
    may || (table.owner == owner && !table.force_rls.value)
}

/// Returns whether a query filters rows by the caller.
pub fn is_filtered(query: &Query, identity: &IdentityHelpers) -> bool {
    let selects = query.body.selects();
    let asks = |select: &&Select| {
        let on = select.from.iter().flat_map(FromItem::tables).filter_map(|item| item.on.as_ref());
        select.filter.iter().chain(on).chain(&select.having).any(|expr| identity.in_expr(expr))
            || select.from.iter().flat_map(FromItem::tables).any(|item| match &item.relation {
                FromRelation::Query(inner) => is_filtered(inner, identity),
                _ => false,
            })
    };
    !selects.is_empty() && selects.iter().all(asks)
        || query.with.iter().any(|cte| matches!(&cte.body, Data::Query(inner) if is_filtered(inner, identity)))
}
