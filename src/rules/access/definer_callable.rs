//! SECURITY DEFINER functions that clients may call and that do not check their caller.

use crate::analysis::calls::Calls;
use crate::analysis::definer::{Touches, checks_caller, trusted_argument};
use crate::remedy::grant::revoke_execute;
use crate::rules::prelude::*;

rule!("access/definer-callable", Security, Warn, Schema(check), fixable);

fn check(cx: &mut Cx) {
    let tenants = crate::analysis::tenant::tenant_columns(cx);
    let calls = Calls::of(cx);
    for function in cx.user_functions() {
        if !function.security_definer.value || !cx.is_exposed(&function.name.schema) {
            continue;
        }
        let roles: Vec<&str> = API_ROLES.into_iter().filter(|role| cx.catalog.may_execute(role, function)).collect();
        if roles.is_empty() {
            continue;
        }
        let touches = Touches::of(cx, function);
        // access/definer-trusts-argument reports it with the argument
        let trusting = touches.rows.is_some() && trusted_argument(cx, function, &tenants).is_some();
        let meant = function.returns_trigger()
            || cx.callers(function).is_empty()
            || trusting
            || checks_caller(cx, function)
            || calls.is_needed_by_users(function)
            || (cx.is_read_whole(function) && touches.rows.is_none());
        report(cx, function, &roles, &touches, meant);
    }
}

fn report(cx: &mut Cx, function: &Function, roles: &[&str], touches: &Touches, meant: bool) {
    let name = function.display();
    let anon = roles.contains(&"anon");
    let who = if anon { "anyone who has the anon key" } else { "every signed-in user" };
    let what = match (&touches.written, &touches.rows) {
        (Some(table), _) => format!("changes rows of `{table}`"),
        (None, Some(table)) => format!("reads `{table}`"),
        (None, None) => "runs".to_string(),
    };
    let message = format!(
        "{who} can call `{name}`, which {what} with the privileges of `{}`: row level security does not apply, and the function does not check its caller",
        function.owner
    );
    let granted = ["anon", "authenticated"].into_iter().find_map(|role| explicit_grant(cx, function, role));
    let by_intent = explicit_grant(cx, function, if anon { "anon" } else { "authenticated" }).is_some();
    let severity = if anon && !by_intent { Severity::Warn } else { Severity::Info };
    let revoke = revoke_execute(cx, function);
    let draft = cx.report(function, function.named, message);
    draft
        .severity(severity)
        .label("callable through the API")
        .help("Revoke EXECUTE from PUBLIC, anon and authenticated, check the caller in the body, or make the function SECURITY INVOKER. Revoking it from anon alone changes nothing while PUBLIC has it.")
        .fix(Safety::Review, format!("Revoke EXECUTE on `{name}` from the API roles (clients that call it get 42501)"), [revoke])
        .check("Search the client code for `rpc(…)`. Calls of this function will fail. Server code with the service role key can still call it.");
    if let Some(granted) = granted {
        draft.because(granted, "EXECUTE is granted here");
    }
    match anon {
        true => draft.cause(
            "anon",
            "SECURITY DEFINER function that does not check its caller can be called by anyone who has the anon key",
            "SECURITY DEFINER functions that do not check their caller can be called by anyone who has the anon key",
        ),
        false => draft.cause(
            "authenticated",
            "SECURITY DEFINER function that does not check its caller can be called by every signed-in user",
            "SECURITY DEFINER functions that do not check their caller can be called by every signed-in user",
        ),
    };
    for role in roles {
        let lint = match *role {
            "anon" => "anon_security_definer_function_executable",
            _ => "authenticated_security_definer_function_executable",
        };
        let key = format!("{lint}_{}_{}_{}", function.name.schema, function.name.name, function.identity_arguments());
        draft.advisor(lint, key);
    }
    if meant {
        draft.only_for_advisor();
    }
}

/// Returns the GRANT EXECUTE that names a role. GRANT ALL, which dumps contain for every role, is no sign of intent.
fn explicit_grant(cx: &Cx, function: &Function, role: &str) -> Option<Site> {
    let of_role = function.acl.grants.iter().filter(|grant| grant.grantee == role && grant.by_default.is_none());
    of_role.map(|grant| grant.at).find(|at| cx.statement_head(*at) == "GRANT EXECUTE")
}
