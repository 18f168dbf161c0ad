//! What API roles may do with every row of a table.

use super::prelude::*;

/// What is known of an external table is not enough to say that it lacks anything.
pub fn can_have_rls(table: &Table) -> bool {
    !table.external && table.kind != TableKind::Foreign
}

/// Who may do what to every row, in words; none if no API role may do anything.
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
