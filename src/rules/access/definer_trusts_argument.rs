//! SECURITY DEFINER functions that trust an id from their caller.

use crate::analysis::calls::Calls;
use crate::analysis::definer::{Touches, trusted_argument};
use crate::remedy::caller_check::use_auth_uid;
use crate::remedy::grant::revoke_execute;
use crate::rules::prelude::*;
use std::cell::OnceCell;

rule!("access/definer-trusts-argument", Security, Warn, Schema(check), fixable);

fn check(cx: &mut Cx) {
    let tenants = crate::analysis::tenant::tenant_columns(cx);
    let calls = OnceCell::new();
    for function in cx.api_functions() {
        let roles = if function.security_definer.value { cx.callers(function) } else { Vec::new() };
        let argument = if roles.is_empty() { None } else { trusted_argument(cx, function, &tenants) };
        let Some(argument) = argument else { continue };
        let touches = Touches::of(cx, function);
        if touches.rows.is_some() {
            report(cx, function, argument, &roles, &touches, calls.get_or_init(|| Calls::of(cx)));
        }
    }
}

fn report(cx: &mut Cx, function: &Function, argument: &Argument, roles: &[&str], touches: &Touches, calls: &Calls) {
    let name = function.display();
    let policies = calls.policies(function);
    let who = if roles.contains(&"anon") { "anyone who has the anon key" } else { "every signed-in user" };
    let told = argument.name.as_deref().unwrap_or_default();
    let rows = touches.rows.as_ref().map_or_else(String::new, |rows| format!(" `{rows}`"));
    let answers_yes_or_no = function.returns.as_ref().is_some_and(|ty| ty.is("boolean") && !ty.setof) && !touches.writes;
    let what = match (touches.writes, answers_yes_or_no) {
        (true, _) => format!("can pass any id and change rows of{rows}"),
        (false, true) => format!("can pass any id and get a yes or no answer from{rows}"),
        (false, false) => format!("can pass any id and read rows of{rows}"),
    };
    let message =
        format!("`{name}` runs with the privileges of `{}` and trusts `{told}` without checking the caller: {who} {what}", function.owner);
    let severity = match () {
        () if answers_yes_or_no => Severity::Info,
        () if roles.contains(&"anon") && (policies.is_empty() || touches.writes) => Severity::Error,
        () => Severity::Warn,
    };
    let grant = ["public"].into_iter().chain(roles.iter().copied()).find_map(|role| function.acl.site(role, Privileges::EXECUTE));
    let cure = match policies.is_empty() {
        true => Some((format!("Revoke EXECUTE on `{name}` from the API roles"), revoke_execute(cx, function))),
        false => use_auth_uid(cx, function, argument, calls)
            .map(|step| (format!("Use `auth.uid()` instead of `{told}` in `{name}` (server code can no longer pass another user)"), step)),
    };
    let draft = cx.report(function, function.named, message);
    draft.severity(severity).label("callable through the API").because(argument.at, "passed by the caller");
    if let Some(grant) = grant.filter(|grant| *grant != function.at) {
        draft.because(grant, "EXECUTE is granted here");
    }
    match policies.first() {
        Some((table, policy)) => {
            let users = match policies.len() {
                1 => "calls it".to_string(),
                all => format!("and {} more policies call it", all - 1),
            };
            draft.because(policy.named, "a policy calls the function").help(format!(
                "Use `auth.uid()` in the function instead of `{told}`. Policy \"{}\" on `{}` {users}, so roles that query the table need EXECUTE.",
                policy.name, table.name
            ));
        }
        None => {
            draft.help(format!(
                "Check first that `auth.uid()` may use `{told}`, or revoke EXECUTE from PUBLIC, anon and authenticated. Revoking it from anon alone changes nothing while PUBLIC has it."
            ));
        }
    }
    if let Some((title, step)) = cure {
        draft
            .fix(Safety::Review, title, [step])
            .check("Search the client code for `rpc(…)`. These calls will fail, or return only the caller's own rows.");
    }
}
