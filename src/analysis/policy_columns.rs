//! The columns by which a policy selects rows.

use crate::analysis::eval_frequency::{names_row, outer_scopes};
use crate::analysis::prelude::*;

/// Returns the columns of the policy's table that the policy compares with values that are the same for all rows.
pub fn picks(root: &Expr) -> Vec<SmolStr> {
    let own = |expr: &Expr| {
        let bound = matches!(&expr.uncast().kind, ExprKind::Column { binding: Binding::Column { depth: 0, .. }, .. });
        expr.uncast().column().filter(|_| bound).map(SmolStr::from)
    };
    match &root.kind {
        ExprKind::Logic { left, right, .. } => picks(left).into_iter().chain(picks(right)).collect(),
        ExprKind::InQuery { expr, negated: false, query } => own(expr).filter(|_| outer_scopes(query, 0).is_empty()).into_iter().collect(),
        _ => {
            let Some((left, right)) = root.equality() else { return Vec::new() };
            let fixed = |one: &Expr, other: &Expr| own(one).filter(|_| !names_row(other, 0));
            fixed(left, right).or_else(|| fixed(right, left)).into_iter().collect()
        }
    }
}
