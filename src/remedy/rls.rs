//! Statements that enable row level security.

use crate::analysis::prelude::*;

/// Enables row level security on a table.
pub fn enable(table: &Table) -> Step {
    let name = table.name.quoted();
    Step::batch(Phase::Rls, format!("alter table {name} enable row level security;"))
        .undo(format!("alter table {name} disable row level security;"))
}

/// A policy that lets nobody in, as if there were none: it says that this is meant, and shows where those for clients belong.
pub fn closed(table: &Table) -> Step {
    let (name, on) = (quote_ident(&derived_name(&table.name.name, "", "closed")), table.name.quoted());
    Step::batch(
        Phase::Policy,
        format!("-- lets nobody in: put policies for what clients need in its place\ncreate policy {name} on {on} using (false);"),
    )
    .undo(format!("drop policy {name} on {on};"))
}
