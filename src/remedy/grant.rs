//! Statements that grant privileges.

use crate::analysis::prelude::*;

/// Returns a GRANT step, which a REVOKE undoes.
pub fn grant(what: &str, on: &str, roles: &[&str]) -> Step {
    let roles = roles.join(", ");
    Step::batch(Phase::Grant, format!("grant {what} on {on} to {roles};")).undo(format!("revoke {what} on {on} from {roles};"))
}
