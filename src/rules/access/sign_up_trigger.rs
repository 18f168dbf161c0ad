//! Triggers on tables of Supabase Auth whose functions fail, so that requests such as a sign-up fail.

use crate::analysis::pinned_path::{pinned, unfound_in_auth};
use crate::analysis::search_path_effects::Paths;
use crate::rules::prelude::*;

rule!("access/sign-up-trigger", Security, Error, Schema(check), fixable);

/// Role that Supabase Auth uses.
const AUTH_ADMIN: &str = "supabase_auth_admin";

/// The reason why a trigger function fails.
enum Failure {
    /// The role lacks a privilege on a table.
    Privilege(&'static str, QName),
    /// A policy is required, and none applies to the role.
    Policy(QName),
    /// The search_path of the role does not contain an object.
    Name(SmolStr),
    /// The row has no such column.
    Field(SmolStr),
}

fn check(cx: &mut Cx) {
    let mut paths = Paths::new(cx);
    for table in cx.catalog.tables.which(|table| table.name.schema == "auth" && table.created.is_platform()) {
        for trigger in table.triggers.iter().filter(|trigger| trigger.enabled.value) {
            let overloads = cx.catalog.functions.get(&trigger.function).map_or(&[][..], Vec::as_slice);
            let [function] = overloads else { continue };
            if function.of_extension || function.at.is_platform() {
                continue;
            }
            let failure = unknown_field(cx, table, trigger, function).map(Failure::Field);
            let invoker = !function.security_definer.value;
            let failure = failure.or_else(|| if invoker { failure_of_invoker(cx, function) } else { None });
            if let Some(failure) = failure {
                let pin = if function.setting("search_path").is_some() { None } else { Some(pinned(cx, &mut paths, function).0) };
                report(cx, table, trigger, function, &failure, pin);
            }
        }
    }
}

fn failure_of_invoker(cx: &Cx, function: &Function) -> Option<Failure> {
    if function.setting("search_path").is_none()
        && let Some(name) = unfound_in_auth(cx, function)
    {
        return Some(Failure::Name(name));
    }
    let mut failure = None;
    for (origin, code) in cx.code_of(function) {
        code.each_data(&mut |data| {
            let Some(table) = origin.written(data).and_then(|name| cx.catalog.table(&name)) else { return };
            let (privilege, word, command) = match data {
                Data::Insert(_) => (Privileges::INSERT, "INSERT", Command::Insert),
                Data::Update(_) => (Privileges::UPDATE, "UPDATE", Command::Update),
                Data::Delete(_) => (Privileges::DELETE, "DELETE", Command::Delete),
                Data::Merge { .. } | Data::Query(_) => return,
            };
            let held = cx.reachable(AUTH_ADMIN, table, privilege);
            let refused = command == Command::Insert && table.rls.value && cx.applicable(table, AUTH_ADMIN, command).0.is_empty();
            let next = match () {
                () if !is_users_table(table) => None,
                () if !held => Some(Failure::Privilege(word, table.name.clone())),
                () if refused => Some(Failure::Policy(table.name.clone())),
                () => None,
            };
            failure = failure.take().or(next);
        });
        code.walk(&mut |node| {
            if let Node::From(item) = node
                && let Some(table) = origin.relation(item).and_then(|name| cx.catalog.table(&name))
                && is_users_table(table)
                && !cx.reachable(AUTH_ADMIN, table, Privileges::SELECT)
            {
                failure = failure.take().or(Some(Failure::Privilege("SELECT", table.name.clone())));
            }
            Walk::Into
        });
    }
    failure
}

/// Returns a column of NEW or OLD that the table does not have. A function of several tables can ask first which one it is.
fn unknown_field(cx: &Cx, table: &Table, trigger: &Trigger, function: &Function) -> Option<SmolStr> {
    let uses = cx.catalog.tables.values().flat_map(|table| &table.triggers).filter(|other| other.function == trigger.function);
    if table.name.name != "users" || uses.count() > 1 {
        return None;
    }
    let mut unknown = None;
    for (_, code) in cx.code_of(function) {
        code.walk(&mut |node| {
            if let Node::Expr(Expr { kind: ExprKind::Column { path, .. }, .. }) = node
                && let [row, field] = path.as_slice()
                && (row == "new" || row == "old")
                && table.column(field).is_none()
            {
                unknown = unknown.take().or_else(|| Some(field.clone()));
            }
            Walk::Into
        });
    }
    unknown
}

fn report(cx: &mut Cx, table: &Table, trigger: &Trigger, function: &Function, failure: &Failure, pin: Option<String>) {
    let name = function.display();
    let request = match trigger.events.first().map(|event| event.to_ascii_lowercase()) {
        Some(event) if event.starts_with("insert") && table.name.name == "users" => "each sign-up",
        Some(event) if event.starts_with("delete") && table.name.name == "users" => "each deletion of a user",
        _ => "each request that runs it",
    };
    let why = match failure {
        Failure::Privilege(word, table) => {
            format!("it runs with the privileges of `{AUTH_ADMIN}`, which has no {word} privilege on `{table}` (42501, permission denied)")
        }
        Failure::Policy(table) => {
            format!("it runs with the privileges of `{AUTH_ADMIN}`, and no policy lets that role insert rows of `{table}` (42501)")
        }
        Failure::Name(missing) => {
            format!("Supabase Auth searches only the schema `auth` and does not find `{missing}`")
        }
        Failure::Field(field) => format!("a row of `{}` has no column `{field}` (42703)", table.name),
    };
    let swallowed = identity_helpers::catches_errors(cx, function);
    let fails = if swallowed { "fails silently".to_string() } else { format!("fails, and {request} with it") };
    let kind = if function.kind == RoutineKind::Procedure { "procedure" } else { "function" };
    let quoted = function.quoted();
    let set = pin.map(|path| format!(" set search_path = {path}"));
    let reset = if set.is_some() { " reset search_path" } else { "" };
    let step = Step::batch(Phase::Function, format!("alter {kind} {quoted} security definer{};", set.unwrap_or_default()))
        .undo(format!("alter {kind} {quoted} security invoker{reset};"));
    let draft = cx.report(function, function.named, format!("`{name}` {fails}: {why}"));
    draft
        .severity(if swallowed { Severity::Warn } else { Severity::Error })
        .because(trigger.at, format!("trigger of `{}` that calls the function", table.name));
    if let Failure::Field(field) = failure {
        let meta = format!("new.raw_user_meta_data ->> '{field}'");
        draft.help(format!(
            "Use a column of `{}`. Fields that a client sends at sign-up are in `raw_user_meta_data`: `{meta}`.",
            table.name
        ));
    } else {
        draft
            .help("Make the function SECURITY DEFINER, with an own search_path, so that it runs with the privileges of its owner.")
            .fix(Safety::Review, format!("Make `{name}` SECURITY DEFINER"), [step])
            .check(format!("The function then runs with the privileges of `{}` and bypasses row level security.", function.owner));
    }
}

fn is_users_table(table: &Table) -> bool {
    crate::analysis::state::is_users_table(table) && !table.external
}
