//! The tables whose rows a view shows, and the roles for which policies would hide rows.

use crate::analysis::prelude::*;
use crate::catalog::MIGRATION_ROLE;
use std::collections::BTreeSet;

/// Tables whose row level security a view bypasses.
pub struct Shown<'s, 'a> {
    cx: &'s State<'a>,
    owner: &'s str,
    tables: Vec<&'a Table>,
    seen: BTreeSet<QName>,
}

impl<'s, 'a> Shown<'s, 'a> {
    pub fn by(cx: &'s State<'a>, view: &'s View) -> Vec<&'a Table> {
        let mut shown = Shown { cx, owner: &view.owner, tables: Vec::new(), seen: BTreeSet::new() };
        shown.view(view, view.materialized);
        shown.tables
    }

    /// Adds the tables of a view. `refreshed` is true in a materialized view, which runs as its owner, so that rules for the current user
    /// apply to the owner.
    fn view(&mut self, view: &View, refreshed: bool) {
        for name in &view.reads {
            if !self.seen.insert(name.clone()) {
                continue;
            }
            if let Some(table) = self.cx.catalog.table(name) {
                if table.rls.value && self.is_bypassed(table) {
                    self.tables.push(table);
                }
            } else if let Some(inner) = self.cx.catalog.views.get(name)
                // a view with security_invoker uses the privileges of the current user, also inside another view
                && (refreshed || inner.materialized || !inner.security_invoker.value)
            {
                self.view(inner, refreshed || inner.materialized);
            }
        }
    }

    fn is_bypassed(&self, table: &Table) -> bool {
        let role = self.cx.catalog.roles.get(&self.owner.into());
        let may = role.is_some_and(|role| role.bypass_rls || role.superuser) || self.owner == MIGRATION_ROLE;
        may || (table.owner == self.owner && !table.force_rls.value)
    }
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
