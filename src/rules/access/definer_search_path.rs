//! Functions look names up along the caller's search path unless they say otherwise; one that runs with its owner's rights should.

use crate::analysis::code::path_names;
use crate::analysis::pinned_path::{pinned, unfound_in_auth};
use crate::analysis::search_path_effects::Paths;
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

/// Who calls functions along a path of their own.
struct Users<'a> {
    /// API roles that may put objects where names without a schema are looked up.
    creators: Vec<&'static str>,
    /// Triggers of tables that Supabase Auth writes to.
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
            "`{name}` runs on `{table}` without a search_path of its own: Supabase Auth looks names up in `auth` alone, does not find `{missing}`, and {}",
            if *swallowed { "the function keeps quiet about what it did not do" } else { "its request, such as a sign-up, fails" }
        ),
        (None, []) => format!(
            "`{name}` runs with the rights of `{}` and looks names up along its caller's search_path: a caller who can set that path, or put an \
             object into it, has it run code of theirs",
            function.owner
        ),
        (None, [role, ..]) => format!(
            "`{name}` runs with the rights of `{}` and looks names up along its caller's search_path: `{role}` may create objects in `public`, and so \
             have it run code of theirs",
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
    // where ALTER FUNCTION made it a definer, there is no option of CREATE FUNCTION to stand beside
    let inline = function.at.file == definer.file && function.at.span.contains(definer.span) && function.at.span != definer.span;
    let words = cx.slice(definer);
    let advisor = advisor(cx, function);
    let severity = if sign_up.is_some() || !creators.is_empty() { Severity::Error } else { Severity::Warn };
    let draft = cx.report(function, function.named, message);
    draft
        .severity(severity)
        .label("no search_path is set for it")
        .because(definer, "runs with its owner's rights")
        .help(match path.as_str() {
            "''" => "pin the path to nothing: every name in the body is written with its schema or is PostgreSQL's own".to_string(),
            _ => format!(
                "pin the path that its names are found along today, with `{set}`; or write every name with its schema and pin it to ''"
            ),
        })
        .fix(safety, format!("Pin the search_path of `{name}`"), [step])
        .advisor("function_search_path_mutable", advisor);
    if inline {
        draft.rewrite([Edit { site: definer, text: format!("{words} {set}") }]);
    }
    if let Some(sign_up) = sign_up {
        draft.because(sign_up.trigger, "called from here");
    }
}

fn kind(function: &Function) -> &'static str {
    if function.kind == RoutineKind::Procedure { "procedure" } else { "function" }
}

/// May a role put objects where names without a schema are looked up?
fn may_create(cx: &Cx, role: &str) -> bool {
    cx.catalog.schemas.get(&"public".into()).is_some_and(|schema| {
        cx.catalog.privileges(role, &schema.acl, &schema.owner, crate::syntax::ast::ObjectKind::Schema).contains(Privileges::CREATE)
    })
}

/// A function that Supabase Auth runs, whose role has `search_path = auth`, and a name that it then does not find.
struct SignUp {
    table: QName,
    trigger: Site,
    missing: SmolStr,
    /// Errors are caught.
    swallowed: bool,
}

fn sign_up_trigger(cx: &Cx, function: &Function, users: &Users) -> Option<SignUp> {
    let (table, trigger) = users.auth.iter().find(|(_, trigger)| trigger.function == function.name && trigger.enabled)?;
    let missing = unfound_in_auth(cx, function)?;
    let text = crate::analysis::identity_helpers::body(cx, function).to_ascii_lowercase();
    Some(SignUp { table: table.name.clone(), trigger: trigger.at, missing, swallowed: text.contains("when others") })
}

/// `'public, extensions'` in quotes is the name of one schema.
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
        format!("the search_path of `{name}` is one schema called \"{list}\", which does not exist: names without a schema are not found when it runs"),
    )
    .label("its search_path is a list in one pair of quotes")
    .help("write the schemas without quotes around the whole list")
    .fix(Safety::Review, format!("Set the search_path of `{name}` to a list"), [step])
    .discriminate("list");
}

/// One that does nothing that its caller could not do.
fn of_invoker(cx: &mut Cx, function: &Function) {
    let message = format!(
        "`{}` looks names up along its caller's search_path. It runs with its caller's rights, so that it cannot escalate privileges",
        function.display()
    );
    let advisor = advisor(cx, function);
    cx.report(function, function.named, message)
        .severity(Severity::Info)
        .discriminate("invoker")
        .cause(
            "invoker",
            "SECURITY INVOKER function looks names up along its caller's search_path",
            "SECURITY INVOKER functions look names up along their caller's search_path",
        )
        .advisor("function_search_path_mutable", advisor)
        .help(
            "Set search_path if names must not depend on the caller. Leave it off SQL functions that queries inline, because a setting \
             prevents inlining.",
        );
}

/// Supabase's key holds the digest of the body, for functions of one name.
fn advisor(cx: &Cx, function: &Function) -> String {
    let digest = md5::compute(crate::analysis::identity_helpers::body(cx, function));
    format!("function_search_path_mutable_{}_{}_{digest:x}", function.name.schema, function.name.name)
}
