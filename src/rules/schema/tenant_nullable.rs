//! Nullable tenant columns. A row with NULL belongs to no tenant.

use crate::analysis::row_parent::path;
use crate::analysis::tenant::{NullVisibility, Tenant, Tenants};
use crate::remedy::backfill::forbid_null;
use crate::rules::prelude::*;

rule!("schema/tenant-nullable", Integrity, Warn, Schema(check), fixable);

fn check(cx: &mut Cx) {
    let tenants = Tenants::of(cx);
    for table in cx.user_tables().filter(|table| !table.external && table.kind != TableKind::Foreign) {
        unused_key(cx, table, &tenants);
        for tenant in tenants.of_table(table) {
            let Some(column) = table.column(&tenant.column) else { continue };
            if column.not_null.value || is_checked(table, &column.name) {
                continue;
            }
            if let Some(visibility) = tenants.null_visibility(cx, table, &column.name) {
                report(cx, table, column, tenant, visibility);
            }
        }
    }
}

/// Reports a nullable foreign key to the tenants that no policy of the table uses yet.
fn unused_key(cx: &mut Cx, table: &Table, tenants: &Tenants) {
    for (constraint, key) in table.foreign_keys().filter(|(_, key)| tenants.is_tenant_table(&key.table) && key.table != table.name) {
        let [name] = constraint.columns.as_slice() else { continue };
        let Some(column) = table.column(name).filter(|column| !column.not_null.value && !is_checked(table, &column.name)) else { continue };
        let in_policies = table
            .policies
            .iter()
            .flat_map(Policy::clauses)
            .any(|(_, clause)| clause.root.all().iter().any(|part| part.column() == Some(name)));
        if in_policies || !tenants.of_table(table).is_empty() || key.on_delete == ReferentialAction::SetNull {
            continue;
        }
        let message = format!(
            "`{name}` of `{}` refers to the tenants in `{}` but can be NULL: a policy that separates tenants hides such a row from everyone",
            table.name, key.table
        );
        cx.report((table, column), column.named, message)
            .severity(Severity::Info)
            .given(column.not_null.certainty)
            .because(constraint.at, "refers to the tenants")
            .help("Set it NOT NULL if each row belongs to a tenant.")
            .cause(
                "unused",
                "nullable foreign key refers to tenants, and no policy uses it",
                "nullable foreign keys refer to tenants, and no policy uses them",
            );
    }
}

/// Returns whether a validated constraint prevents NULL.
fn is_checked(table: &Table, column: &str) -> bool {
    let forbids = |expr: &Expr| match &expr.kind {
        ExprKind::IsNull { expr, negated: true } => expr.column() == Some(column),
        _ => false,
    };
    table.constraints.iter().any(|constraint| {
        constraint.validated.value && constraint.expr.as_ref().is_some_and(|expr| expr.root.conjuncts().into_iter().any(forbids))
    })
}

fn report(cx: &mut Cx, table: &Table, column: &Column, tenant: &Tenant, visibility: NullVisibility) {
    let (name, own) = (&table.name, &column.name);
    let path = path(cx, table, own);
    let emptied = table.foreign_keys().find(|(constraint, key)| {
        matches!(constraint.columns.as_slice(), [only] if only == own) && key.on_delete == ReferentialAction::SetNull
    });
    // NULL is intended, usually for rows that outlive their tenant or have none
    let dropped = column.not_null.at != column.at && !column.not_null.at.is_platform();
    let seers = match visibility {
        NullVisibility::Privileged => "only to users who see every row",
        _ if cx.serves_api() => "only to the service role",
        _ => "only to roles that bypass row level security",
    };
    let message = format!("`{own}` separates the tenants in `{name}` but can be NULL: a row with NULL is visible to no tenant, {seers}");
    let help = match (&path, emptied.is_some()) {
        (_, true) => {
            "First change its foreign key to CASCADE or RESTRICT. Deleting a tenant sets the column to NULL, which NOT NULL turns into an error. Then fill the column and set it NOT NULL."
                .to_string()
        }
        (Some(path), _) => format!("Fill it from `{}` through `{}`, then set it NOT NULL.", path.parent.name, path.key),
        (None, _) => "Fill it in the rows with NULL, then set it NOT NULL. If rows with NULL are for everyone, write `is null or …` in the policy.".to_string(),
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
        .label("can be NULL")
        .because(tenant.at, "compared with the tenants of the caller")
        .given(column.not_null.certainty)
        .help(help)
        .fix(safety, format!("Fill `{name}.{own}` and set it NOT NULL (a rollback keeps the filled values)"), steps);
    if let Some((constraint, _)) = emptied {
        draft.because(constraint.at, "set to NULL when the tenant is deleted");
    }
}
