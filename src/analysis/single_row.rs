//! Subqueries that return at most one row.

use crate::analysis::prelude::*;

/// Returns whether a unique index of the only table guarantees at most one row.
pub fn is_one_row(cx: &State, reads: &[&FromItem], conjuncts: &[&Expr]) -> bool {
    let [FromItem { relation: FromRelation::Table { bound: Some(bound), .. }, .. }] = reads else { return false };
    let Some(table) = cx.catalog.table(&QName::new(bound.0.clone(), bound.1.clone())) else { return false };
    let own = |expr: &Expr| match &expr.kind {
        ExprKind::Column { binding: Binding::Column { depth: 0, .. }, .. } => expr.column().map(SmolStr::from),
        _ => None,
    };
    let given: Vec<SmolStr> =
        conjuncts.iter().filter_map(|conjunct| conjunct.equality()).flat_map(|(left, right)| [own(left), own(right)]).flatten().collect();
    table.indexes.iter().any(|index| index.identifies(&given))
}
