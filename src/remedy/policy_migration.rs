//! Policies of a table that use its old tenant column, rewritten to the new column as another table uses it.
//!
//! Promises: a condition is replaced by one with the same requirements for the caller (the same roles and states, for the same command).
//! Limits: if one condition cannot be replaced, none is.

use crate::analysis::eval_frequency;
use crate::analysis::prelude::*;
use crate::remedy::policy_edit::{Edits, alter, text};
use crate::remedy::wrapped_call::{wrapped, wrapped_in};
use std::collections::BTreeSet;

/// A table whose policies use the new tenant, and the column that they use.
#[derive(Clone, Copy)]
pub struct Example<'t> {
    pub table: &'t Table,
    pub column: &'t str,
}

pub fn policies(cx: &State, table: &Table, old: &str, new: &str, example: Example) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    for policy in &table.policies {
        let clauses: Option<Vec<Edits>> = policy.clauses().map(|(_, clause)| edits(cx, table, policy, clause, old, new, example)).collect();
        let clauses = clauses?;
        if clauses.iter().any(|edits| !edits.is_empty()) {
            if cx.may_have_changed(policy) {
                return None;
            }
            steps.push(alter(cx, table, policy, &clauses));
        }
    }
    Some(steps)
}

fn edits(cx: &State, table: &Table, policy: &Policy, clause: &Expression, old: &str, new: &str, example: Example) -> Option<Edits> {
    let mut out = Edits::new();
    for leaf in leaves(&clause.root) {
        let columns = row_columns(leaf)?;
        if !columns.contains(old) {
            continue;
        }
        let alone = columns.len() == 1 && !matches!(leaf.kind, ExprKind::Not(_));
        out.push((leaf.span, alone.then(|| model(cx, table, policy, leaf, new, example))??));
    }
    if !out.is_empty() {
        let beside: Edits = wrapped_in(cx, table, policy, policy.command, clause)
            .into_iter()
            .filter(|(span, _)| !out.iter().any(|(leaf, _)| leaf.contains(*span)))
            .collect();
        out.extend(beside);
    }
    Some(out)
}

/// Returns the condition of the other table on the new column that corresponds to a condition on the old column.
fn model(cx: &State, table: &Table, policy: &Policy, leaf: &Expr, new: &str, example: Example) -> Option<String> {
    let fitting = example.table.policies.iter().filter(|other| other.permissive == policy.permissive && !cx.may_have_changed(other));
    let (same, beside): (Vec<&Policy>, Vec<&Policy>) = fitting.partition(|other| other.command == policy.command);
    same.into_iter().chain(beside).flat_map(Policy::clauses).find_map(|(_, clause)| {
        let fits = |other: &&Expr| {
            row_columns(other).is_some_and(|columns| columns.len() == 1 && columns.contains(example.column))
                && !matches!(other.kind, ExprKind::Not(_))
                && cx.identity_helpers().in_expr(other)
                && strings(other) == strings(leaf)
                && !names(other, &[table, example.table])
        };
        let found = leaves(&clause.root).into_iter().find(fits)?;
        let mut edits = wrapped(cx, clause);
        eval_frequency::columns(found, 0, &mut |column, scope| {
            if let ExprKind::Column { path, .. } = &column.kind
                && scope == Some(0)
                && (path.len() > 1 || example.column != new)
            {
                edits.push((column.span, format!("{}.{}", quote_ident(&table.name.name), quote_ident(new))));
            }
        });
        Some(text(cx, clause, found.span, &edits))
    })
}

/// Returns the operands of nested AND and OR.
fn leaves(expr: &Expr) -> Vec<&Expr> {
    match &expr.kind {
        ExprKind::Logic { left, right, .. } => leaves(left).into_iter().chain(leaves(right)).collect(),
        _ => vec![expr],
    }
}

/// Returns the columns of the policy's row, or `None` if a reference is unknown.
fn row_columns(expr: &Expr) -> Option<BTreeSet<&str>> {
    let (mut out, mut known) = (BTreeSet::new(), true);
    eval_frequency::columns(expr, 0, &mut |column, scope| match scope {
        Some(0) => out.extend(column.column()),
        Some(_) => {}
        None => known = false,
    });
    known.then_some(out)
}

fn strings(expr: &Expr) -> BTreeSet<&str> {
    expr.all().into_iter().filter_map(|part| if let ExprKind::String(text) = &part.kind { Some(text.as_str()) } else { None }).collect()
}

/// Returns whether an expression reads one of these tables, or uses its name as an alias.
fn names(expr: &Expr, tables: &[&Table]) -> bool {
    let mut found = false;
    expr.walk(&mut |node| {
        if let Node::From(item) = node {
            let of_table = match &item.relation {
                FromRelation::Table { name, .. } => Some(name.last()),
                _ => None,
            };
            let is = |name: &str| tables.iter().any(|table| table.name.name == name);
            found |= of_table.is_some_and(is) || item.reference().is_some_and(is);
        }
        Walk::Into
    });
    found
}
