//! Statements that enable row level security.

use crate::analysis::prelude::*;

/// Returns the step that enables row level security on a table.
pub fn enable(table: &Table) -> Step {
    let name = table.name.quoted();
    Step::batch(Phase::Rls, format!("alter table {name} enable row level security;"))
        .undo(format!("alter table {name} disable row level security;"))
}

/// Returns a policy that denies all access. It documents the intention and shows where policies for clients belong.
pub fn closed(table: &Table) -> Step {
    let (name, on) = (quote_ident(&derived_name(&table.name.name, "", "closed")), table.name.quoted());
    Step::batch(
        Phase::Policy,
        format!("-- denies all access: replace it with policies for what clients need\ncreate policy {name} on {on} using (false);"),
    )
    .undo(format!("drop policy {name} on {on};"))
}
