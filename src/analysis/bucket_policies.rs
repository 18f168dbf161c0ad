//! Conditions of policies on files in Supabase Storage.

use crate::analysis::predicate::Outcomes;
use crate::analysis::prelude::*;
use crate::analysis::row_columns::row_column;

/// Returns the table of files, if the project has policies on it.
pub fn objects<'a>(cx: &State<'a>) -> Option<&'a Table> {
    cx.guarded_tables().find(|table| table.name.is("storage", "objects"))
}

/// Returns the buckets that `bucket_id = 'x'` or `bucket_id in ('x', 'y')` compares with the bucket of the file.
pub fn buckets_compared<'e>(expr: &'e Expr, objects: &Table) -> Option<Vec<&'e str>> {
    let is_bucket = |expr: &Expr| row_column(expr, objects, 0) == Some("bucket_id");
    match &expr.kind {
        ExprKind::InList { expr, list, negated: false } if is_bucket(expr) => list.iter().map(Expr::as_str).collect(),
        ExprKind::Quantified { left, op, all: false, right } if op == "=" && is_bucket(left) => match &right.uncast().kind {
            ExprKind::Array(list) => list.iter().map(Expr::as_str).collect(),
            _ => None,
        },
        _ => match expr.equality()? {
            (left, right) if is_bucket(left) => Some(vec![right.as_str()?]),
            (left, right) if is_bucket(right) => Some(vec![left.as_str()?]),
            _ => None,
        },
    }
}

/// Returns the result of conditions that only depend on the name and the bucket of the file, which the caller chooses.
pub fn of_file<'s>(cx: &'s State<'s>) -> impl Fn(&Expr) -> Option<Outcomes> + 's {
    move |expr| {
        let leaf =
            !matches!(expr.kind, ExprKind::Logic { .. } | ExprKind::Not(_) | ExprKind::Subquery(_) | ExprKind::Bool(_) | ExprKind::Null);
        let parts = expr.all();
        let is_known = |part: &&Expr| match &part.kind {
            ExprKind::Call(call) => {
                call.name.schema() == Some("storage")
                    || call.name.schema() != Some("auth") && cx.catalog.find_functions(&call.name).is_none()
            }
            ExprKind::Column { .. } => matches!(part.column(), Some("name" | "bucket_id")),
            _ => part.query().is_none(),
        };
        let names_file = parts.iter().any(|part| part.column().is_some());
        (leaf && names_file && !cx.identity_helpers().in_expr(expr) && parts.iter().all(is_known)).then_some(Outcomes::TRUE)
    }
}
