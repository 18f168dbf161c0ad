//! Tables of the API without row level security. `rls/policy-without-rls` handles tables with policies. A foreign table cannot have row
//! level security.

use crate::analysis::exposure::{can_have_rls, exposure, is_sensitive};
use crate::remedy::mirrored_policy::policies_of_similar_table;
use crate::remedy::rls::{closed, enable};
use crate::rules::prelude::*;

rule!("rls/disabled", Security, Error, Schema(check), fixable);

const WRITES: [Privileges; 3] = [Privileges::INSERT, Privileges::UPDATE, Privileges::DELETE];

fn check(cx: &mut Cx) {
    let is_used = cx.user_tables().any(|table| table.rls.value);
    for table in cx.exposed_tables().filter(|table| !table.rls.value && can_have_rls(table) && table.policies.is_empty()) {
        let draft = report(cx, table);
        if !is_used {
            draft.cause(
                "never-enabled",
                "table has no row level security: it is enabled on no table of the project",
                "tables have no row level security: it is enabled on no table of the project",
            );
        }
    }
}

fn report<'c>(cx: &'c mut Cx, table: &Table) -> &'c mut DiagnosticBuilder {
    let turned_off = table.rls.at != table.created && !table.rls.at.is_platform();
    let name = &table.name;
    let exposure = exposure(cx, table);
    let message = match &exposure {
        Some(words) => format!("`{name}` has no row level security: {words}"),
        None => format!("`{name}` has no row level security: only missing grants prevent access by API roles"),
    };
    let grant = API_ROLES.iter().find_map(|role| table.acl.site(role, Privileges::SELECT | WRITES[0] | WRITES[1] | WRITES[2]));
    let rows = advisor_rows(cx, table);
    let sensitive = table.columns.iter().find(|column| is_sensitive(&column.name)).filter(|_| rows.len() > 1);
    let (title, steps) = cure(cx, table);
    let draft = match turned_off {
        true => cx.report(table, table.rls.at, message).label("disabled here").because(table.named, "created here"),
        false => cx.report(table, table.named, message).label("created here, and row level security is never enabled"),
    };
    draft
        .given(table.rls.certainty)
        .help("Enable row level security, then add a policy for each command that clients need. Until then, only the service role has access.")
        .fix(Safety::Review, title, steps);
    if let Some(grant) = grant.filter(|grant| *grant != table.created) {
        draft.because(grant, "API roles are granted privileges here");
    }
    if exposure.is_none() {
        draft.severity(Severity::Info).help("Enable it anyway. Otherwise a later grant exposes every row.");
    }
    if let Some(column) = sensitive {
        draft.because(column.named, "contains sensitive data, according to its name");
    }
    for (lint, key) in rows {
        draft.advisor(lint, key);
    }
    draft
}

/// Returns the lints of Supabase's advisor that report an exposed table without row level security, each with its key.
pub fn advisor_rows(cx: &Cx, table: &Table) -> Vec<(&'static str, String)> {
    let name = &table.name;
    let selects = API_ROLES.iter().any(|role| cx.catalog.table_privileges(role, table).contains(Privileges::SELECT));
    let is_reported = selects && table.kind == TableKind::Ordinary && cx.is_exposed(&name.schema);
    let is_sensitive = table.columns.iter().any(|column| is_sensitive(&column.name));
    let lints = [("rls_disabled_in_public", is_reported), ("sensitive_columns_exposed", is_reported && is_sensitive)];
    let row = |lint: &'static str| (lint, format!("{lint}_{}_{}", name.schema, name.name));
    lints.into_iter().filter(|(_, is_reported)| *is_reported).map(|(lint, _)| row(lint)).collect()
}

/// Returns the title and steps of the fix. Without policies clients have no access, so the policies of a similar table are added if there
/// is one.
fn cure(cx: &Cx, table: &Table) -> (String, Vec<Step>) {
    let enable = enable(table);
    match policies_of_similar_table(cx, table) {
        Some(similar) => {
            let title = format!("Enable row level security on `{}` with the policies of `{}`", table.name, similar.of.name);
            (title, similar.steps.into_iter().chain([enable]).collect())
        }
        None => {
            let title = format!("Enable row level security on `{}` (clients have no access until it has policies)", table.name);
            (title, vec![closed(table), enable])
        }
    }
}
