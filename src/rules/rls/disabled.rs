//! Tables that the API serves must have row level security on. One with policies is `rls/policy-without-rls`'s; a foreign
//! table can have none.

use crate::analysis::exposure::{can_have_rls, exposure};
use crate::remedy::mirrored_policy::mirrored;
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
                "table has no row level security, which no migration enables on any table",
                "tables have no row level security, which no migration enables on any table",
            );
        }
    }
}

fn report<'c>(cx: &'c mut Cx, table: &Table) -> &'c mut Draft {
    let turned_off = table.rls.at != table.created && !table.rls.at.is_platform();
    let name = &table.name;
    let exposure = exposure(cx, table);
    let message = match &exposure {
        Some(words) => format!("`{name}` has no row level security: {words}"),
        None => format!("`{name}` has no row level security: only the missing grants keep API roles out"),
    };
    let grant = API_ROLES.iter().find_map(|role| table.acl.site(role, Privileges::SELECT | WRITES[0] | WRITES[1] | WRITES[2]));
    let selects = API_ROLES.iter().any(|role| cx.catalog.table_privileges(role, table).contains(Privileges::SELECT));
    let (title, steps) = cure(cx, table);
    let draft = match turned_off {
        true => cx.report(table, table.rls.at, message).label("turned off here").because(table.named, "created here"),
        false => cx.report(table, table.named, message).label("created here, and row level security is never enabled"),
    };
    draft
        .given(table.rls.certainty)
        .help("enable row level security, then add a policy for each command that clients need; until then only the service role gets through")
        .fix(Safety::Review, title, steps);
    if let Some(grant) = grant.filter(|grant| *grant != table.created) {
        draft.because(grant, "API roles get their privileges here");
    }
    if exposure.is_none() {
        draft.severity(Severity::Info).help("enable it anyway, so that a grant made later does not open every row");
    }
    if selects && table.kind == TableKind::Ordinary {
        draft.advisor("rls_disabled_in_public", format!("rls_disabled_in_public_{}_{}", name.schema, name.name));
    }
    draft
}

/// Without a policy the table is shut to clients, so those of a table like it come along where there is one.
fn cure(cx: &Cx, table: &Table) -> (String, Vec<Step>) {
    let enable = enable(table);
    match mirrored(cx, table) {
        Some(mirrored) => {
            let title = format!("Enable row level security on `{}`, with policies after those of `{}`", table.name, mirrored.of.name);
            (title, mirrored.steps.into_iter().chain([enable]).collect())
        }
        None => {
            let title = format!("Enable row level security on `{}`, which shuts clients out until it has policies for them", table.name);
            (title, vec![closed(table), enable])
        }
    }
}
