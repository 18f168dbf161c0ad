//! The roles that a policy is meant for.
//!
//! Promises: a role for which a policy can never be true is not included. Limits: a policy without TO includes `anon` only if it clearly
//! allows requests without sign-in, for one named command.

use crate::analysis::identity_helpers::{is_auth_call, is_uid};
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
    let anon = role == "anon";
    match &root.kind {
        ExprKind::Logic { op: Logic::And, left, right } => refuses(left, role) || refuses(right, role),
        ExprKind::Logic { op: Logic::Or, left, right } => refuses(left, role) && refuses(right, role),
        ExprKind::IsNull { expr, negated: true } => anon && is_uid(expr),
        ExprKind::Subquery(_) => unwrapped(root).is_some_and(|inner| refuses(inner, role)),
        _ => match roles_asked(root) {
            Some(roles) => !roles.contains(&role),
            None => root.is_false() || anon && root.equality().is_some_and(|(left, right)| is_uid(left) || is_uid(right)),
        },
    }
}

/// Returns whether an expression is true only for the service role.
fn is_for_service(root: &Expr) -> bool {
    root.conjuncts().into_iter().any(|conjunct| roles_asked(conjunct).is_some_and(|roles| roles == [SERVICE]))
}

/// Returns whether an expression can be true for requests without sign-in.
fn needs_nobody(cx: &State, root: &Expr) -> bool {
    match &root.kind {
        ExprKind::Logic { op: Logic::And, left, right } => needs_nobody(cx, left) && needs_nobody(cx, right),
        ExprKind::Logic { op: Logic::Or, left, right } => needs_nobody(cx, left) || needs_nobody(cx, right),
        _ => !refuses(root, "anon") && !cx.identity_helpers().in_expr(root),
    }
}

/// Returns the roles that `auth.role() = 'x'` and similar expressions compare with the role of the caller.
fn roles_asked(expr: &Expr) -> Option<Vec<&str>> {
    match &expr.kind {
        ExprKind::InList { expr, list, negated: false } if is_role(expr) => list.iter().map(Expr::as_str).collect(),
        _ => match expr.equality()? {
            (role, text) | (text, role) if is_role(role) && text.as_str().is_some() => text.as_str().map(|text| vec![text]),
            _ => None,
        },
    }
}

/// Returns whether an expression is the role of the caller: `auth.role()`, `auth.jwt() ->> 'role'`, `current_user`, or a setting with it.
fn is_role(expr: &Expr) -> bool {
    let expr = unwrapped(expr).unwrap_or(expr).uncast();
    match &expr.kind {
        ExprKind::Binary { op, left, right } if op == "->>" => {
            let source = unwrapped(left).unwrap_or(left).uncast();
            right.as_str() == Some("role") && source.as_call().is_some_and(is_auth_call)
        }
        ExprKind::Call(call) if call.name.last() == "current_setting" => {
            call.args.first().and_then(|arg| arg.value.as_str()).is_some_and(|name| matches!(name, "request.jwt.claim.role" | "role"))
        }
        ExprKind::Call(call) => {
            call.name.is("auth", "role")
                || call.name.parts.len() == 1 && matches!(call.name.last(), "current_user" | "current_role" | "user")
        }
        _ => false,
    }
}

/// Returns the expression that `(select x)` selects.
fn unwrapped(expr: &Expr) -> Option<&Expr> {
    let ExprKind::Subquery(query) = &expr.uncast().kind else { return None };
    let select = query.select().filter(|select| select.from.is_empty() && select.filter.is_none())?;
    match select.targets.as_slice() {
        [target] => Some(&target.expr),
        _ => None,
    }
}
