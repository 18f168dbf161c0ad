//! Tables that the API serves must have row level security on. One with policies is `rls/policy-without-rls`'s; a foreign
//! table can have none.

use super::sibling::mirrored;
use crate::catalog::name::derived_name;
use crate::rules::prelude::*;

rule!("rls/disabled", Security, Error, Schema(check), fixable);

const WRITES: [Privileges; 3] = [Privileges::INSERT, Privileges::UPDATE, Privileges::DELETE];

/// So many open tables without a single protected one are one decision, not many slips.
const MANY: usize = 5;

fn check(cx: &mut Cx) {
    let open: Vec<&Table> =
        cx.exposed_tables().filter(|table| !table.rls.value && can_have_rls(table) && table.policies.is_empty()).collect();
    let mut reachable: Vec<&Table> = open.iter().copied().filter(|table| exposure(cx, table).is_some()).collect();
    if reachable.len() >= MANY && !rls_is_used(cx) {
        reachable.sort_by_key(|table| table.named);
        return never_enabled(cx, &reachable);
    }
    for table in open {
        report(cx, table);
    }
}

/// What is known of an external table is not enough to say that it lacks anything.
pub fn can_have_rls(table: &Table) -> bool {
    !table.external && table.kind != TableKind::Foreign
}

/// Enables row level security on a table.
pub fn enable(table: &Table) -> Step {
    let name = table.name.quoted();
    Step::batch(Phase::Rls, format!("alter table {name} enable row level security;"))
        .undo(format!("alter table {name} disable row level security;"))
}

fn report(cx: &mut Cx, table: &Table) {
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
}

/// A policy that lets nobody in, as if there were none: it says that this is meant, and shows where those for clients belong.
fn closed(table: &Table) -> Step {
    let (name, on) = (quote_ident(&derived_name(&table.name.name, "", "closed")), table.name.quoted());
    Step::batch(
        Phase::Policy,
        format!("-- lets nobody in: put policies for what clients need in its place\ncreate policy {name} on {on} using (false);"),
    )
    .undo(format!("drop policy {name} on {on};"))
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

/// Who may do what to every row, in words; none if no API role may do anything.
pub fn exposure(cx: &Cx, table: &Table) -> Option<String> {
    let holder = |privileges: &[Privileges]| {
        let role = API_ROLES.into_iter().find(|role| privileges.iter().any(|one| cx.reachable(role, table, *one)))?;
        Some(if role == "anon" { "anyone who has the anon key" } else { "every signed-in user" })
    };
    let readers = holder(&[Privileges::SELECT]);
    let writers = holder(&WRITES);
    match (readers, writers) {
        (Some(readers), Some(writers)) if readers == writers => Some(format!("{readers} can read and change every row")),
        (Some(readers), Some(writers)) => Some(format!("{readers} can read every row, and {writers} can change them")),
        (Some(readers), None) => Some(format!("{readers} can read every row")),
        (None, Some(writers)) => Some(format!("{writers} can write rows")),
        (None, None) => None,
    }
}

/// Does any file of the project ever turn row level security on, even where that fails?
fn rls_is_used(cx: &Cx) -> bool {
    cx.user_tables().any(|table| table.rls.value)
        || cx.project().migrations.iter().any(|migration| {
            let text = migration.text(cx.sources).to_ascii_lowercase();
            text.contains("row level security") || text.contains("row-level security")
        })
}

fn never_enabled(cx: &mut Cx, tables: &[&Table]) {
    let count = tables.len();
    let message = format!("row level security is never enabled in these files: {count} tables are open to the API");
    let draft = cx.report(About::project(), tables[0].named, message);
    draft.label("the first of them");
    for table in &tables[1..3] {
        draft.because(table.named, "open too");
    }
    draft
        .help("enable it in a migration for every table; what is switched on in the dashboard stands in no file, so every new environment starts without it")
        .fix(Safety::Review, format!("Enable row level security on {count} tables, which shuts clients out until they have policies for them"), tables.iter().flat_map(|table| [closed(table), enable(table)]));
}
