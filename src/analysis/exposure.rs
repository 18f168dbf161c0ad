//! What API roles may do with every row of a table.

use super::prelude::*;

/// Returns whether a table can have row level security and its state is known. That of an external table is unknown.
pub fn can_have_rls(table: &Table) -> bool {
    !table.external && table.kind != TableKind::Foreign
}

/// Returns a text that states which API roles can do what with every row, or `None` if no API role has access.
pub fn exposure(cx: &State, table: &Table) -> Option<String> {
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
