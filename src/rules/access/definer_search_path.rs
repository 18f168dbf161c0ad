//! Functions without a search_path setting, which use the path of the caller. A SECURITY DEFINER function should set its own path.

use crate::analysis::code::path_names;
use crate::analysis::pinned_path::{pinned, unfound_in_auth};
use crate::analysis::search_path_effects::Paths;
use crate::remedy::policy_edit::append;
use crate::rules::prelude::*;

rule!("access/definer-search-path", Security, Warn, Schema(check), fixable);

fn check(cx: &mut Cx) {
    let mut paths = Paths::new(cx);
    let users = Users::of(cx);
    for function in cx.user_functions() {
        if !looks_names_up(function) {
            continue;
        }
        match function.setting("search_path").map(path_names) {
            Some(path) => one_name(cx, function, &path),
            None if function.security_definer.value => {
                let sign_up = sign_up_trigger(cx, function, &users);
                let pin = pinned(cx, &mut paths, function);
                unpinned(cx, function, pin, &users, sign_up);
            }
            None => {}
        }
    }
    let is_invoker = |one: &&Function| looks_names_up(one) && !one.security_definer.value && one.setting("search_path").is_none();
    for function in cx.user_functions().filter(is_invoker) {
        of_invoker(cx, function);
    }
}

/// Whether names in the body are looked up when it runs. Those of `RETURN` and `BEGIN ATOMIC` are bound when the function is created.
fn looks_names_up(function: &Function) -> bool {
    let bound = matches!(&*function.body, crate::syntax::ast::Body::Sql { .. });
    !bound && function.kind != RoutineKind::Aggregate && matches!(function.language.as_str(), "sql" | "plpgsql")
}

/// Users of functions with their own search path.
struct Users<'a> {
    /// API roles that can create objects in a schema in which unqualified names are found.
    creators: Vec<&'static str>,
    /// Triggers of tables that Supabase Auth writes.
    auth: Vec<(&'a Table, &'a Trigger)>,
}

impl<'a> Users<'a> {
    fn of(cx: &Cx<'a>) -> Users<'a> {
        let tables = cx.catalog.tables.which(|table| table.name.schema == "auth" && table.created.is_platform());
        Users {
            creators: API_ROLES.into_iter().filter(|role| may_create(cx, role)).collect(),
            auth: tables.flat_map(|table| table.triggers.iter().map(move |trigger| (table, trigger))).collect(),
        }
    }
}

fn unpinned(cx: &mut Cx, function: &Function, (path, safety): (String, Safety), users: &Users, sign_up: Option<SignUp>) {
    let name = function.display();
    let creators = &users.creators;
    let message = match (&sign_up, creators.as_slice()) {
        (Some(SignUp { table, missing, swallowed, .. }), _) => format!(
            "`{name}` runs on `{table}` without its own search_path: Supabase Auth searches only the schema `auth` and does not find `{missing}`, so {}",
            if *swallowed { "the function fails silently" } else { "requests such as a sign-up fail" }
        ),
        (None, []) => format!(
            "`{name}` runs with the privileges of `{}` but uses the search_path of its caller: a caller who can set that path, or create objects in it, can run code with those privileges",
            function.owner
        ),
        (None, [role, ..]) => format!(
            "`{name}` runs with the privileges of `{}` but uses the search_path of its caller: `{role}` can create objects in `public` and run code with those privileges",
            function.owner
        ),
    };
    let set = format!("set search_path = {path}");
    let quoted = function.quoted();
    let kind = kind(function);
    let step =
        Step::batch(Phase::Function, format!("alter {kind} {quoted} {set};")).undo(format!("alter {kind} {quoted} reset search_path;"));
    let safety = if sign_up.is_some() { Safety::Review } else { safety };
    let definer = function.security_definer.at;
    // if ALTER FUNCTION set SECURITY DEFINER, CREATE FUNCTION has no clause next to which the setting can be inserted
    let inline = function.at.file == definer.file && function.at.span.contains(definer.span) && function.at.span != definer.span;
    let option = append(cx, definer, &set);
    let advisor = advisor(cx, function);
    let severity = if sign_up.is_some() || !creators.is_empty() { Severity::Error } else { Severity::Warn };
    let draft = cx.report(function, function.named, message);
    draft
        .severity(severity)
        .label("no search_path is set")
        .because(definer, "runs with the privileges of its owner")
        .help(match path.as_str() {
            "''" => "Set an empty path: `set search_path = ''`. Every name in the body is qualified or built in.".to_string(),
            _ => format!("Set the path in which its names are found today: `{set}`. Or qualify every name and set the path to ''."),
        })
        .fix(safety, format!("Set the search_path of `{name}`"), [step])
        .advisor("function_search_path_mutable", advisor);
    if inline {
        draft.rewrite([option]);
    }
    if let Some(sign_up) = sign_up {
        draft.because(sign_up.trigger, "trigger that calls the function");
    }
}

fn kind(function: &Function) -> &'static str {
    if function.kind == RoutineKind::Procedure { "procedure" } else { "function" }
}

/// Returns whether a role can create objects in the schema in which unqualified names are found.
fn may_create(cx: &Cx, role: &str) -> bool {
    cx.catalog.schemas.get(&"public".into()).is_some_and(|schema| {
        cx.catalog.privileges(role, &schema.acl, &schema.owner, crate::syntax::ast::ObjectKind::Schema).contains(Privileges::CREATE)
    })
}

/// A trigger function that Supabase Auth runs with `search_path = auth`, and a name that it does not find there.
struct SignUp {
    table: QName,
    trigger: Site,
    missing: SmolStr,
    /// Whether the function catches errors.
    swallowed: bool,
}

fn sign_up_trigger(cx: &Cx, function: &Function, users: &Users) -> Option<SignUp> {
    let (table, trigger) = users.auth.iter().find(|(_, trigger)| trigger.function == function.name && trigger.enabled.value)?;
    let missing = unfound_in_auth(cx, function)?;
    Some(SignUp { table: table.name.clone(), trigger: trigger.at, missing, swallowed: identity_helpers::catches_errors(cx, function) })
}

/// Reports a path such as `'public, extensions'`, which is the name of one schema.
fn one_name(cx: &mut Cx, function: &Function, path: &[SmolStr]) {
    let Some(list) = path.iter().find(|name| name.contains(',')) else { return };
    if cx.catalog.schemas.contains(list) {
        return;
    }
    let name = function.display();
    let meant: Vec<String> = list.split(',').map(|name| quote_ident(name.trim().trim_matches('"'))).collect();
    let meant = meant.join(", ");
    let quoted = function.quoted();
    let kind = kind(function);
    let step = Step::batch(Phase::Function, format!("alter {kind} {quoted} set search_path = {meant};"))
        .undo(format!("alter {kind} {quoted} set search_path = {};", quote_literal(list)));
    cx.report(
        function,
        function.named,
        format!(
            "the search_path of `{name}` is one schema named \"{list}\", which does not exist: the function does not find unqualified names"
        ),
    )
    .label("the quotes turn the list into one name")
    .help(format!("Remove the quotes around the whole list: `set search_path = {meant}`."))
    .fix(Safety::Review, format!("Set the search_path of `{name}` to a list"), [step])
    .discriminate("list");
}

/// Reports a SECURITY INVOKER function without a search_path setting.
fn of_invoker(cx: &mut Cx, function: &Function) {
    let message =
        format!("`{}` uses the search_path of its caller: it is SECURITY INVOKER, so this cannot escalate privileges", function.display());
    let advisor = advisor(cx, function);
    cx.report(function, function.named, message)
        .severity(Severity::Info)
        .discriminate("invoker")
        .cause(
            "invoker",
            "SECURITY INVOKER function uses the search_path of its caller, which cannot escalate privileges",
            "SECURITY INVOKER functions use the search_path of their caller, which cannot escalate privileges",
        )
        .advisor("function_search_path_mutable", advisor)
        .help(
            "Set search_path if names must not depend on the caller. Do not set it on SQL functions that queries inline, because a setting \
             prevents inlining.",
        );
}

/// Returns the key of Supabase's advisor, which contains the digest of the body to separate functions with the same name.
fn advisor(cx: &Cx, function: &Function) -> String {
    let digest = identity_helpers::body_digest(cx, function);
    format!("function_search_path_mutable_{}_{}_{digest}", function.name.schema, function.name.name)
}
