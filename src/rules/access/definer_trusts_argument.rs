//! SECURITY DEFINER functions that trust an id from their caller.

use crate::analysis::calls::Calls;
use crate::analysis::identity_argument::{identity_arguments, is_identity, takes_secret};
use crate::remedy::caller_check::use_auth_uid;
use crate::remedy::restore;
use crate::rules::prelude::*;
use std::cell::OnceCell;

rule!("access/definer-trusts-argument", Security, Warn, Schema(check), fixable);

fn check(cx: &mut Cx) {
    let identity = cx.identity_helpers();
    let tenants = crate::analysis::tenant::tenant_columns(cx);
    let calls = OnceCell::new();
    for function in cx.api_functions() {
        let roles = if function.security_definer.value { cx.callers(function) } else { Vec::new() };
        if roles.is_empty() || identity.identifies_caller(function) || takes_secret(function) {
            continue;
        }
        // if there are both ids, the id of the user is the one to check
        let person = function.inputs().find(|argument| is_identity(cx, function, argument, &[]));
        let told = person.or_else(|| function.inputs().find(|argument| is_identity(cx, function, argument, &tenants)));
        let Some(argument) = told else { continue };
        let use_of = touches(cx, function);
        if use_of.rows.is_some() {
            report(cx, function, argument, &roles, &use_of, calls.get_or_init(|| Calls::of(cx)));
        }
    }
}

/// The access of a function to rows.
struct Touches {
    /// The first table that the function reads or writes.
    rows: Option<QName>,
    writes: bool,
}

fn touches(cx: &Cx, function: &Function) -> Touches {
    let mut out = Touches { rows: None, writes: false };
    for (origin, code) in cx.code_of(function) {
        if let Code::Data(Data::Insert(insert)) = code {
            out.rows = out.rows.take().or_else(|| origin.named(&insert.table));
        }
        out.writes |= matches!(code, Code::Data(Data::Insert(_) | Data::Update(_) | Data::Delete(_) | Data::Merge { .. }));
        code.walk(&mut |node| {
            match node {
                Node::From(item) if out.rows.is_none() => out.rows = origin.relation(item),
                Node::Query(query) => out.writes |= query.with.iter().any(|cte| !matches!(cte.body, Data::Query(_))),
                _ => {}
            }
            Walk::Into
        });
    }
    out
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
    let key = format!("{}_{}_{}", function.name.schema, function.name.name, identity_arguments(function));
    let cure = match policies.is_empty() {
        true => Some((format!("Revoke EXECUTE on `{name}` from the API roles"), revoke(cx, function))),
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
    let advisor = if roles.contains(&"anon") {
        "anon_security_definer_function_executable"
    } else {
        "authenticated_security_definer_function_executable"
    };
    draft.advisor(advisor, format!("{advisor}_{key}"));
}

/// Revokes EXECUTE from the API roles. Views and defaults call functions with the privileges of the user, so they stop working for API
/// roles too.
fn revoke(cx: &Cx, function: &Function) -> Step {
    let kind = if function.kind == RoutineKind::Procedure { "procedure" } else { "function" };
    let what = format!("{kind} {}", function.quoted());
    let (mut sql, mut back) = restore::revoke(&what, &function.acl, &["public", "anon", "authenticated"], Privileges::EXECUTE, "execute");
    if cx.catalog.roles.contains(&"service_role".into()) && function.acl.direct("service_role").is_empty() {
        sql = format!("{sql}\ngrant execute on {what} to service_role;");
        back = format!("revoke execute on {what} from service_role;\n{back}");
    }
    Step::batch(Phase::Grant, sql).undo(back)
}
