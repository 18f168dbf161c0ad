//! The roles that a policy is meant for.
//!
//! Promises: a role for which a policy can never be true is not included. Limits: a policy without TO includes `anon` only if it clearly
//! allows requests without sign-in, for one named command.

use crate::analysis::predicate::{outcomes, roles_compared};
use crate::analysis::prelude::*;

/// Roles of API requests. The service role bypasses row level security but needs privileges.
pub const ROLES: [&str; 3] = ["anon", "authenticated", SERVICE];
pub const SERVICE: &str = "service_role";

/// Returns whether a permissive policy is meant to allow a command for a role.
pub fn is_invited(cx: &State, policy: &Policy, role: &str, command: Command) -> bool {
    if !policy.permissive || !policy.applies_to(command) {
        return false;
    }
    let clauses = || policy.asked(command).map(|clause| &*clause.root);
    let is_meant = policy.roles.iter().any(|name| name == role)
        || match role {
            SERVICE => is_public(policy) && clauses().any(is_for_service),
            "anon" => {
                is_public(policy) && policy.command == command && is_harmless(command) && clauses().all(|root| needs_nobody(cx, root))
            }
            _ => cx.concerns(policy, role),
        };
    is_meant && !clauses().any(|root| refuses(root, role))
}

fn is_public(policy: &Policy) -> bool {
    policy.roles.iter().any(|name| name == "public")
}

/// Returns whether a command without sign-in is usually intended: reading, or inserting from a form. For other commands, TO was probably
/// forgotten.
fn is_harmless(command: Command) -> bool {
    matches!(command, Command::Select | Command::Insert)
}

/// Returns whether an expression can never be true for a role.
pub fn refuses(root: &Expr, role: &str) -> bool {
    outcomes(root, role).is_never_true()
}

/// Returns whether an expression is true only for the service role.
fn is_for_service(root: &Expr) -> bool {
    root.conjuncts().into_iter().any(|conjunct| roles_compared(conjunct).is_some_and(|roles| roles == (vec![SERVICE], false)))
}

/// Returns whether an expression can be true for requests without sign-in.
fn needs_nobody(cx: &State, root: &Expr) -> bool {
    match &root.kind {
        ExprKind::Logic { op: Logic::And, left, right } => needs_nobody(cx, left) && needs_nobody(cx, right),
        ExprKind::Logic { op: Logic::Or, left, right } => needs_nobody(cx, left) || needs_nobody(cx, right),
        _ => !refuses(root, "anon") && !cx.identity_helpers().in_expr(root),
    }
}
