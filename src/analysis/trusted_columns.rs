//! Columns that decide what policies allow: the role or the tenant that a policy looks up in the caller's own row of another table.
//!
//! Promises: the look-up finds the row by the caller, and the column is compared with a constant, a parameter or the row of the policy, or
//! is the result. Limits: only columns that are named like a role or that hold a tenant count.

use crate::analysis::identity_helpers::is_uid;
use crate::analysis::prelude::*;
use crate::analysis::tenant::tenant_columns;
use std::collections::BTreeSet;

/// A column that policies trust.
pub struct Trusted<'a> {
    pub table: &'a Table,
    pub column: &'a Column,
    /// Column that identifies the user of the row.
    pub person: SmolStr,
    /// A policy that depends on the column.
    pub by: (&'a Table, &'a Policy),
    /// Function in which the policy looks the column up.
    pub function: Option<&'a Function>,
    pub is_tenant: bool,
}

const AUTHORITY: [&str; 11] =
    ["role", "roles", "admin", "superadmin", "superuser", "staff", "moderator", "permission", "permissions", "privilege", "privileges"];

/// Returns the trusted columns of all policies, each once.
pub fn trusted_columns<'a>(cx: &State<'a>) -> Vec<Trusted<'a>> {
    let tenants = tenant_columns(cx);
    let mut out: Vec<Trusted<'a>> = Vec::new();
    let mut seen: BTreeSet<QName> = BTreeSet::new();
    for (table, policy) in cx.policies() {
        for (_, clause) in policy.clauses() {
            let bound = |item: &FromItem| match &item.relation {
                FromRelation::Table { bound: Some(bound), .. } => Some(QName::new(bound.0.clone(), bound.1.clone())),
                _ => None,
            };
            for query in clause.root.queries() {
                look(cx, query, &bound, &tenants, (table, policy), None, &mut out);
            }
            for call in clause.root.all().into_iter().filter_map(Expr::as_call) {
                let callable = cx.catalog.callable(&call.name, call.args.len());
                let [function] = callable.as_slice() else { continue };
                if function.at.is_platform() || function.of_extension || !seen.insert(function.name.clone()) {
                    continue;
                }
                for (origin, code) in cx.code_of(function) {
                    for query in code.queries() {
                        look(cx, query, &|item| origin.relation(item), &tenants, (table, policy), Some(function), &mut out);
                    }
                }
            }
        }
    }
    out
}

fn look<'a>(
    cx: &State<'a>,
    query: &Query,
    relation: &dyn Fn(&FromItem) -> Option<QName>,
    tenants: &[SmolStr],
    by: (&'a Table, &'a Policy),
    function: Option<&'a Function>,
    out: &mut Vec<Trusted<'a>>,
) {
    let Some(select) = query.select() else { return };
    let items: Vec<&FromItem> = select.from.iter().flat_map(FromItem::tables).collect();
    for item in &items {
        let Some(table) = relation(item).and_then(|name| cx.catalog.table(&name)).filter(|table| !table.created.is_platform()) else {
            continue;
        };
        let own = |expr: &Expr| -> Option<SmolStr> {
            let ExprKind::Column { path, .. } = &expr.uncast().kind else { return None };
            let name = path.last()?;
            let of_item = match path.len() {
                1 => items.len() == 1,
                _ => item.reference() == Some(&path[path.len() - 2]),
            };
            (of_item && table.column(name).is_some()).then(|| name.clone())
        };
        let conditions: Vec<&Expr> = select.filter.iter().chain(items.iter().flat_map(|item| &item.on)).flat_map(Expr::conjuncts).collect();
        let pairs: Vec<(&Expr, &Expr)> = conditions
            .iter()
            .filter_map(|condition| condition.equality())
            .flat_map(|(left, right)| [(left, right), (right, left)])
            .collect();
        // the caller, or a parameter of a function for the caller
        let is_caller = |expr: &Expr| is_uid(expr) || function.is_some() && is_variable(expr, table);
        let is_user = |name: &str| {
            table.foreign_keys().all(|(key, to)| {
                key.columns.len() != 1 || key.columns[0] != name || !tenants.contains(&key.columns[0]) && to.table != table.name
            })
        };
        let Some(person) = pairs.iter().find_map(|(one, other)| {
            own(one).filter(|name| is_caller(other) && !tenants.contains(name) && !is_authority(name) && is_user(name))
        }) else {
            continue;
        };
        let compared = pairs.iter().filter(|(one, other)| own(one).is_some() && own(other).is_none()).filter_map(|(one, _)| own(one));
        let listed = conditions.iter().filter_map(|condition| match &condition.kind {
            ExprKind::InList { expr, negated: false, .. } | ExprKind::Quantified { left: expr, all: false, .. } => own(expr),
            ExprKind::Column { .. } => own(condition),
            _ => None,
        });
        let returned = select.targets.iter().filter_map(|target| own(&target.expr));
        // what a subquery looks up elsewhere is not trusted
        let verified = |name: &str| conditions.iter().flat_map(|condition| condition.queries()).any(|query| mentions(query, name));
        for name in compared.chain(listed).chain(returned).filter(|name| !verified(name)) {
            let is_tenant = tenants.contains(&name);
            let Some(column) = table.column(&name).filter(|_| name != person && (is_tenant || is_authority(&name))) else { continue };
            if !out.iter().any(|known| known.table.name == table.name && known.column.name == name) {
                out.push(Trusted { table, column, person: person.clone(), by, function, is_tenant });
            }
        }
    }
}

fn mentions(query: &Query, column: &str) -> bool {
    let mut found = false;
    query.walk(&mut |node| {
        found |= matches!(node, Node::Expr(expr) if expr.column() == Some(column));
        Walk::Into
    });
    found
}

fn is_variable(expr: &Expr, table: &Table) -> bool {
    match &expr.uncast().kind {
        ExprKind::Param(_) => true,
        ExprKind::Column { path, .. } => path.len() == 1 && table.column(&path[0]).is_none(),
        _ => false,
    }
}

fn is_authority(name: &str) -> bool {
    name.split('_').any(|word| AUTHORITY.contains(&word))
}
