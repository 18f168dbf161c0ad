//! Errors of INSERT and UPDATE that do not depend on existing rows.
//!
//! Promises: only rows that are certainly written are checked: those of VALUES, or of a SELECT without FROM.

use super::{Context, Meaning};
use crate::catalog::object::*;
use crate::catalog::{ObjectKey, SqlError};
use crate::syntax::ast::{Identity, TriggerTime};
use crate::syntax::expression::*;
use smol_str::SmolStr;

/// Returns whether the value is the keyword DEFAULT.
fn is_default(expr: &Expr) -> bool {
    matches!(&expr.kind, ExprKind::Other(inside) if inside.is_empty())
}

fn generated_always(column: &Column) -> bool {
    column.generated.is_some() || column.identity == Some(Identity::Always)
}

/// Returns the values of each row, and whether at least one row is certainly written. Returns `None` if the number of values is unknown.
fn rows(query: &Query) -> Option<(Vec<Vec<&Expr>>, bool)> {
    match &query.body {
        SetExpr::Values(rows) => Some((rows.iter().map(|row| row.iter().collect()).collect(), true)),
        SetExpr::Select(select) => {
            let values: Vec<&Expr> = select.targets.iter().map(|target| &target.expr).collect();
            let starred = values.iter().any(|value| matches!(value.kind, ExprKind::Star { .. }));
            let plain = select.from.is_empty() && select.filter.is_none() && query.with.is_empty() && query.limit.is_none();
            (!starred).then_some((vec![values], plain))
        }
        SetExpr::Query(query) => rows(query),
        SetExpr::Set { .. } | SetExpr::Data(_) => None,
    }
}

impl Context<'_> {
    /// Returns an error for the rows of an INSERT. All columns in its list must exist.
    pub fn check_insert(&self, insert: &Insert, table: &Table) -> Meaning {
        if table.external || table.certainty != Certainty::Certain || insert.in_parts {
            return Ok(());
        }
        if let Some((at, column)) =
            insert.columns.iter().enumerate().find(|(at, column)| insert.columns[..*at].iter().any(|before| before.name == column.name))
        {
            debug_assert!(at > 0);
            return Err(SqlError::new("42701", format!("column \"{}\" specified more than once", column.name)));
        }
        let columns: Vec<&Column> = match insert.columns.as_slice() {
            [] => table.columns.iter().collect(),
            named => named.iter().filter_map(|name| table.column(&name.name)).collect(),
        };
        let Some(source) = &insert.source else { return self.check_left_out(table, &[]) };
        let Some((rows, sure)) = rows(source) else { return Ok(()) };
        let wrong = |what: &str| Err(SqlError::new("42601", format!("INSERT has more {what}")));
        if let Some((first, rest)) = rows.split_first() {
            if rest.iter().any(|row| row.len() != first.len()) {
                return Err(SqlError::new("42601", "VALUES lists must all be the same length"));
            }
            if first.len() > columns.len() {
                return wrong("expressions than target columns");
            }
            if first.len() < columns.len() && !insert.columns.is_empty() {
                return wrong("target columns than expressions");
            }
        }
        for row in &rows {
            for (column, value) in columns.iter().zip(row) {
                self.check_written(column, value, insert.overriding)?;
            }
        }
        if !sure || rows.is_empty() || !self.stores_rows_unchanged(table) {
            return Ok(());
        }
        let written: Vec<&SmolStr> = columns.iter().take(rows[0].len()).map(|column| &column.name).collect();
        self.check_left_out(table, &written)?;
        for row in &rows {
            let null = columns.iter().zip(row).find(|(column, value)| is_required(column) && matches!(value.kind, ExprKind::Null));
            if let Some((column, _)) = null {
                return Err(left_null(table, column));
            }
        }
        Ok(())
    }

    /// Returns whether rows are certainly stored as written. A BEFORE trigger can change or skip a row.
    fn stores_rows_unchanged(&self, table: &Table) -> bool {
        let fills = |trigger: &Trigger| trigger.time == TriggerTime::Before && trigger.events.iter().any(|event| event == "insert");
        !table.triggers.iter().any(fills) && table.kind != TableKind::Foreign
    }

    fn check_left_out(&self, table: &Table, written: &[&SmolStr]) -> Meaning {
        let left_out = |column: &&Column| !written.contains(&&column.name) && is_required(column) && column.default.is_none();
        match table.columns.iter().find(left_out) {
            Some(column) if self.stores_rows_unchanged(table) => Err(left_null(table, column)),
            _ => Ok(()),
        }
    }

    fn check_written(&self, column: &Column, value: &Expr, overriding: bool) -> Meaning {
        if is_default(value) {
            return Ok(());
        }
        if column.generated.is_some() || (column.identity == Some(Identity::Always) && !overriding) {
            let reason = format!("cannot insert a non-DEFAULT value into column \"{}\"", column.name);
            return Err(SqlError::new("428C9", reason));
        }
        // in PL/pgSQL, a name can be a variable
        if self.is_top_level() { self.check_value(&column.name, &column.ty, value, "expression") } else { Ok(()) }
    }

    pub fn check_assignments(&self, table: &Table, assignments: &[Assignment]) -> Meaning {
        if table.external {
            return Ok(());
        }
        for assignment in assignments {
            for name in &assignment.columns {
                let Some(column) = table.column(&name.name) else {
                    let reason = format!("column \"{}\" of relation \"{}\" does not exist", name.name, table.name.name);
                    return Err(SqlError::new("42703", reason).missing(ObjectKey::of_table(
                        "column",
                        name.name.clone(),
                        table.name.name.clone(),
                    )));
                };
                if generated_always(column) && !is_default(&assignment.value) {
                    let reason = format!("column \"{}\" can only be updated to DEFAULT", name.name);
                    return Err(SqlError::new("428C9", reason));
                }
            }
            if let ([name], true) = (assignment.columns.as_slice(), self.is_top_level() && !assignment.in_parts)
                && let Some(column) = table.column(&name.name)
            {
                self.check_value(&column.name, &column.ty, &assignment.value, "expression")?;
            }
        }
        Ok(())
    }
}

/// Returns whether a row needs a value for the column, unless the column has a default. Columns of the project's types are excluded,
/// because domains can have defaults.
fn is_required(column: &Column) -> bool {
    column.not_null.value
        && column.not_null.certainty == Certainty::Certain
        && column.certainty == Certainty::Certain
        && column.generated.is_none()
        && column.identity.is_none()
        && column.sequence.is_none()
        && column.ty.user.is_none()
}

fn left_null(table: &Table, column: &Column) -> SqlError {
    let reason = format!("null value in column \"{}\" of relation \"{}\" violates not-null constraint", column.name, table.name.name);
    SqlError::new("23502", reason)
}
