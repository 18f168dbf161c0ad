//! Statements that grant privileges.

use crate::analysis::prelude::*;
use crate::remedy::restore;

/// Returns a GRANT step, which a REVOKE undoes.
pub fn grant(what: &str, on: &str, roles: &[&str]) -> Step {
    let roles = roles.join(", ");
    Step::batch(Phase::Grant, format!("grant {what} on {on} to {roles};")).undo(format!("revoke {what} on {on} from {roles};"))
}

/// Revokes EXECUTE from PUBLIC and the API roles, and grants it to the roles of servers that had it from PUBLIC only. Policies, views and
/// defaults call functions with the privileges of the user, so they stop working for API roles too.
pub fn revoke_execute(cx: &State, function: &Function) -> Step {
    let kind = if function.kind == RoutineKind::Procedure { "procedure" } else { "function" };
    let what = format!("{kind} {}", function.quoted());
    let (mut sql, mut back) = restore::revoke(&what, &function.acl, &["public", "anon", "authenticated"], Privileges::EXECUTE, "execute");
    let is_lost = |role: &&str| cx.catalog.roles.contains(&(*role).into()) && function.acl.direct(role).is_empty();
    let auth = is_auth_hook(function).then_some("supabase_auth_admin");
    let roles: Vec<&str> = ["service_role"].into_iter().chain(auth).filter(is_lost).collect();
    if !roles.is_empty() {
        let roles = roles.join(", ");
        sql = format!("{sql}\ngrant execute on {what} to {roles};");
        back = format!("revoke execute on {what} from {roles};\n{back}");
    }
    Step::batch(Phase::Grant, sql).undo(back)
}

/// Whether a function has the signature of an Auth hook, which `supabase_auth_admin` calls.
/// Source: Supabase's documentation, "Auth Hooks".
fn is_auth_hook(function: &Function) -> bool {
    let mut inputs = function.inputs();
    inputs.next().is_some_and(|event| event.ty.is("jsonb"))
        && inputs.next().is_none()
        && function.returns.as_ref().is_some_and(|ty| ty.is("jsonb") && !ty.setof)
}
