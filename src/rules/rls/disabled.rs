//! Tables of the API without row level security. `rls/policy-without-rls` handles tables with policies. A foreign table cannot have row
//! level security.

use super::sibling::mirrored;
use crate::catalog::name::derived_name;
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

/// Returns whether a table can have row level security and its definition is known.
pub fn can_have_rls(table: &Table) -> bool {
    !table.external && table.kind != TableKind::Foreign
}

/// Returns the step that enables row level security on a table.
pub fn enable(table: &Table) -> Step {
    let name = table.name.quoted();
    Step::batch(Phase::Rls, format!("alter table {name} enable row level security;"))
        .undo(format!("alter table {name} disable row level security;"))
}

fn report<'c>(cx: &'c mut Cx, table: &Table) -> &'c mut Draft {
    let turned_off = table.rls.at != table.created && !table.rls.at.is_platform();
    let name = &table.name;
    let exposure = exposure(cx, table);
    let message = match &exposure {
        Some(words) => format!("`{name}` has no row level security: {words}"),
        None => format!("`{name}` has no row level security: only missing grants prevent access by API roles"),
    };
    let grant = API_ROLES.iter().find_map(|role| table.acl.site(role, Privileges::SELECT | WRITES[0] | WRITES[1] | WRITES[2]));
    let selects = API_ROLES.iter().any(|role| cx.catalog.table_privileges(role, table).contains(Privileges::SELECT));
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
    if selects && table.kind == TableKind::Ordinary {
        draft.advisor("rls_disabled_in_public", format!("rls_disabled_in_public_{}_{}", name.schema, name.name));
    }
    draft
}

/// Returns a policy that denies all access. It documents the intention and shows where policies for clients belong.
fn closed(table: &Table) -> Step {
    let (name, on) = (quote_ident(&derived_name(&table.name.name, "", "closed")), table.name.quoted());
    Step::batch(
        Phase::Policy,
        format!("-- denies all access: replace it with policies for what clients need\ncreate policy {name} on {on} using (false);"),
    )
    .undo(format!("drop policy {name} on {on};"))
}

/// Returns the title and steps of the fix. Without policies clients have no access, so the policies of a similar table are added if there
/// is one.
fn cure(cx: &Cx, table: &Table) -> (String, Vec<Step>) {
    let enable = enable(table);
    match mirrored(cx, table) {
        Some(mirrored) => {
            let title = format!("Enable row level security on `{}` with the policies of `{}`", table.name, mirrored.of.name);
            (title, mirrored.steps.into_iter().chain([enable]).collect())
        }
        None => {
            let title = format!("Enable row level security on `{}` (clients have no access until it has policies)", table.name);
            (title, vec![closed(table), enable])
        }
    }
}

/// Returns a description of the access to all rows, or `None` if no API role has privileges.
pub fn exposure(cx: &Cx, table: &Table) -> Option<String> {
    let verbs = |role: &str| {
        let verb = |privilege: Privileges| match privilege {
            Privileges::SELECT => "read",
            Privileges::INSERT => "insert",
            Privileges::UPDATE => "update",
            _ => "delete",
        };
        let held = COMMANDS.into_iter().filter(|(_, privilege, _)| cx.reachable(role, table, *privilege));
        held.map(|(_, privilege, _)| verb(privilege)).collect::<Vec<_>>()
    };
    let told = |who: &str, verbs: &[&str]| {
        let rows = if verbs == ["insert"] { "rows" } else { "every row" };
        match verbs {
            ["read", "insert", "update", "delete"] => format!("{who} can read and change every row"),
            ["read", "insert"] => format!("{who} can read every row and insert rows"),
            [rest @ .., last] if !rest.is_empty() => format!("{who} can {} and {last} {rows}", rest.join(", ")),
            _ => format!("{who} can {} {rows}", verbs.concat()),
        }
    };
    let (anyone, signed_in) = (verbs("anon"), verbs("authenticated"));
    let more: Vec<&str> = signed_in.into_iter().filter(|verb| !anyone.contains(verb)).collect();
    let parts = [("anyone who has the anon key", &anyone), ("every signed-in user", &more)];
    let parts: Vec<String> = parts.iter().filter(|(_, verbs)| !verbs.is_empty()).map(|(who, verbs)| told(who, verbs)).collect();
    (!parts.is_empty()).then(|| parts.join(", and "))
}
