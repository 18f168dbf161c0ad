//! The literals with which SQL compares text columns, and those that it writes as defaults.

use super::prelude::*;
use super::scope::visit;
use std::collections::BTreeMap;

/// A literal of a column, and the first location of it.
pub type Values = BTreeMap<SmolStr, Site>;

/// Returns the literals of each column, by the names of its table and column.
pub fn compared(cx: &State) -> BTreeMap<(QName, SmolStr), Values> {
    let mut all: BTreeMap<(QName, SmolStr), Values> = BTreeMap::new();
    for owner in cx.sql_owners() {
        visit(cx, owner, &mut |reader, node, scope| {
            let Node::Expr(expr) = node else { return };
            let (column, literals): (&Expr, Vec<&Expr>) = match &expr.kind {
                ExprKind::Binary { op, left, right } if matches!(op.as_str(), "=" | "<>" | "!=") => match left.as_str() {
                    Some(_) => (right, vec![left]),
                    None => (left, vec![right]),
                },
                ExprKind::InList { expr, list, .. } => (expr, list.iter().collect()),
                ExprKind::Quantified { left, right, .. } => match &right.uncast().kind {
                    ExprKind::Array(list) => (left, list.iter().collect()),
                    _ => return,
                },
                _ => return,
            };
            let Some(found) = scope.column(column.uncast()) else { return };
            let values = all.entry((found.table, found.column)).or_default();
            for literal in literals {
                if let Some(text) = literal.as_str() {
                    values.entry(text.into()).or_insert_with(|| reader.at(literal.span));
                }
            }
        });
    }
    all
}
