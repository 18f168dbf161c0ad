//! Columns that say to which user or tenant a row belongs.

use crate::analysis::caller_check::pinned;
use crate::analysis::prelude::*;
use crate::analysis::row_parent::target;
use crate::analysis::tenant::{Tenants, is_person};

/// A column of an owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnerColumn {
    pub name: SmolStr,
    /// Whether the column identifies a tenant, not a user.
    pub is_tenant: bool,
    /// Whether the column is the whole primary key, so that the row describes the user.
    pub is_key: bool,
}

/// Returns the columns that identify the user or tenant of a row, in the order of the table. A policy of the table compares such a column
/// with the caller or the caller's tenants, or its name and its reference identify a user.
pub fn owner_columns(cx: &State, table: &Table) -> Vec<OwnerColumn> {
    let compared: Vec<SmolStr> =
        table.policies.iter().flat_map(Policy::clauses).flat_map(|(_, clause)| compared(cx, &clause.root)).collect();
    let tenants = Tenants::of(cx).of_table(table);
    let is_key = |name: &str| table.primary_key().is_some_and(|key| matches!(key.columns.as_slice(), [only] if only == name));
    let owner = |column: &Column| {
        let name = &column.name;
        let is_tenant = tenants.iter().any(|tenant| tenant.column == *name);
        let refers = target(table, name).is_some_and(|target| target.is("auth", "users"));
        let is_user = compared.contains(name) || refers && (is_person(name) || is_key(name));
        (is_tenant || is_user).then(|| OwnerColumn { name: name.clone(), is_tenant, is_key: is_key(name) })
    };
    table.columns.iter().filter_map(owner).collect()
}

/// Returns the columns of the row that a condition compares with the caller in one of its branches.
fn compared(cx: &State, expr: &Expr) -> Vec<SmolStr> {
    match &expr.kind {
        ExprKind::Logic { left, right, .. } => compared(cx, left).into_iter().chain(compared(cx, right)).collect(),
        _ => pinned(cx, expr).into_iter().collect(),
    }
}
