//! The column that isolates tenants is nullable, so that a row can belong to nobody.

use crate::analysis::row_parent::path;
use crate::analysis::tenant::{Sight, Tenant, Tenants};
use crate::remedy::backfill::forbid_null;
use crate::rules::prelude::*;

rule!("schema/tenant-nullable", Integrity, Warn, Schema(check), fixable);

fn check(cx: &mut Cx) {
    let tenants = Tenants::of(cx);
    for table in cx.user_tables().filter(|table| !table.external && table.kind != TableKind::Foreign) {
        for tenant in tenants.of_table(table) {
            let Some(column) = table.column(&tenant.column) else { continue };
            if column.not_null.value || is_checked(table, &column.name) {
                continue;
            }
            if let Some(sight) = tenants.hides_null(cx, table, &column.name) {
                report(cx, table, column, tenant, sight);
            }
        }
    }
}

/// Does a validated constraint forbid NULL?
fn is_checked(table: &Table, column: &str) -> bool {
    let forbids = |expr: &Expr| match &expr.kind {
        ExprKind::IsNull { expr, negated: true } => expr.column() == Some(column),
        _ => false,
    };
    table.constraints.iter().any(|constraint| {
        constraint.validated.value && constraint.expr.as_ref().is_some_and(|expr| expr.root.conjuncts().into_iter().any(forbids))
    })
}

fn report(cx: &mut Cx, table: &Table, column: &Column, tenant: &Tenant, sight: Sight) {
    let (name, own) = (&table.name, &column.name);
    let path = path(cx, table, own);
    let emptied = table.foreign_keys().find(|(constraint, key)| {
        matches!(constraint.columns.as_slice(), [only] if only == own) && key.on_delete == ReferentialAction::SetNull
    });
    // NULL was allowed on purpose, and mostly for what outlives its tenant or has none
    let dropped = column.not_null.at != column.at && !column.not_null.at.is_platform();
    let seers = match sight {
        Sight::Few => "only to those who see every row",
        _ if cx.serves_api() => "only to the service role",
        _ => "only to whoever bypasses row level security",
    };
    let message = format!("`{own}` decides who sees a row of `{name}`, and may be NULL: such a row is shown to no tenant, {seers}");
    let help = match (&path, emptied.is_some()) {
        (_, true) => {
            "make its foreign key cascade or restrict first: deleting the tenant sets it to NULL, which NOT NULL turns into an error; then fill it and \
             forbid NULL"
                .to_string()
        }
        (Some(path), _) => format!("fill it from `{}` along `{}`, then forbid NULL", path.parent.name, path.key),
        (None, _) => "fill it where it is NULL, then forbid NULL; if NULL is meant to be everybody's, say so in the policy with `is null or …`".to_string(),
    };
    let safety = if path.is_some() && emptied.is_none() { Safety::Review } else { Safety::Manual };
    let steps = forbid_null(cx, table, column);
    let draft = cx.report((table, column), column.named, message);
    if dropped || emptied.is_some() {
        draft.severity(Severity::Info);
    }
    if dropped {
        draft.because(column.not_null.at, "NULL is allowed here");
    }
    draft
        .label("may be NULL")
        .because(tenant.at, "compared with what the caller belongs to")
        .given(column.not_null.certainty)
        .help(help)
        .fix(safety, format!("Forbid NULL in `{name}.{own}`; a rollback leaves the rows that it fills"), steps);
    if let Some((constraint, _)) = emptied {
        draft.because(constraint.at, "set to NULL when the tenant is deleted");
    }
}
