//! Queries for which the role of the client has no privilege or no policy.

use super::{quoted, report};
use crate::analysis::app_query::doubt::Doubts;
use crate::analysis::app_query::function::called;
use crate::analysis::app_query::relation::Relation;
use crate::analysis::app_query::{AppQuery, all, known_target};
use crate::analysis::exposure::can_have_rls;
use crate::rules::prelude::*;
use crate::syntax::ast::ObjectKind;
use supalint_queries::shape::{self, ClientKind, Command as AppCommand, Selection};

rule!("query/refused", Security, Error, Schema(check));

/// Role of server code, which bypasses row security but needs privileges.
const SERVICE: &str = "service_role";

fn check(cx: &mut Cx) {
    for query in all(cx) {
        if is_script(cx, query) {
            continue;
        }
        let roles: &[&str] = match query.query.client.kind {
            // a user may sign in with any client that has the anonymous key
            ClientKind::Anon | ClientKind::SignedIn => &API_ROLES,
            ClientKind::ServiceRole => &[SERVICE],
            ClientKind::Unknown => continue,
        };
        if query.query.command == AppCommand::Call {
            call(cx, query, roles);
        } else if let Some(relation) = known_target(cx, query.query).filter(|relation| relation.is_known()) {
            match relation {
                _ if lacks_privilege(cx, query, relation, roles) => {}
                Relation::Table(table) if roles != [SERVICE] => lacks_policy(cx, query, table, roles),
                Relation::Table(_) | Relation::View(_) => {}
            }
        }
    }
}

/// Returns whether a query belongs to a script that a developer runs, often with a key of another role.
fn is_script(cx: &Cx, query: AppQuery) -> bool {
    cx.path_of(query.file).split('/').any(|part| matches!(part, "scripts" | "script" | "scratch" | "tools"))
}

/// Returns the commands that a query runs, with the required privileges.
fn commands(query: &shape::Query) -> Vec<(Command, Privileges, &'static str)> {
    let of = |command: Command| COMMANDS.into_iter().find(|(known, ..)| *known == command);
    let own: &[Command] = match query.command {
        AppCommand::Select => &[Command::Select],
        AppCommand::Insert => &[Command::Insert],
        AppCommand::Upsert => &[Command::Insert],
        AppCommand::Update => &[Command::Update],
        AppCommand::Delete => &[Command::Delete],
        AppCommand::Call => &[],
    };
    own.iter().filter_map(|command| of(*command)).collect()
}

/// Returns whether a query returns the rows that it writes.
fn returns_rows(query: &shape::Query) -> bool {
    !matches!(query.command, AppCommand::Select | AppCommand::Call) && !matches!(query.select, Selection::Nothing | Selection::Unknown)
}

fn lacks_privilege(cx: &mut Cx, query: AppQuery, relation: Relation, roles: &[&str]) -> bool {
    let is_unclear = match relation {
        Relation::Table(table) => cx.may_have_been_granted(table),
        Relation::View(_) => false,
    };
    if is_unclear || Doubts::of(cx).concern_grants() {
        return false;
    }
    let has = |role: &str, privilege: Privileges| match relation {
        Relation::Table(table) => cx.reachable(role, table, privilege),
        Relation::View(view) => {
            cx.catalog.may_use_schema(role, &view.name.schema)
                && (cx.catalog.privileges(role, &view.acl, &view.owner, ObjectKind::View).contains(privilege)
                    || cx.catalog.column_privilege(role, &view.acl, privilege))
        }
    };
    let lacking = commands(query.query).into_iter().find(|(_, privilege, _)| !roles.iter().any(|role| has(role, *privilege)));
    let Some((_, privilege, word)) = lacking else { return false };
    let name = relation.name();
    let message = format!("{} cannot {word} on `{name}`: the query fails with 42501 (permission denied)", quoted(roles, "and"));
    let revoked = match relation {
        Relation::Table(table) => roles.iter().find_map(|role| table.acl.revoked(role, privilege)),
        Relation::View(view) => roles.iter().find_map(|role| view.acl.revoked(role, privilege)),
    };
    let draft = report(cx, About::named(relation.noun(), name), query, query.query.source, message);
    draft
        .discriminate(word)
        .help(format!(
            "Grant the privilege: `grant {} on {} to {}`, or use another client.",
            word.to_lowercase(),
            name.quoted(),
            roles.join(", ")
        ))
        .because(
            revoked.unwrap_or(relation.named()),
            if revoked.is_some() { "revoked here" } else { "created here, without the privilege" },
        );
    true
}

fn lacks_policy(cx: &mut Cx, query: AppQuery, table: &Table, roles: &[&str]) {
    let doubts = Doubts::of(cx);
    let is_guarded = table.rls.value && table.rls.certainty == Certainty::Certain && can_have_rls(table);
    if !is_guarded || doubts.concern_policies() || doubts.concern(&table.name.name) {
        return;
    }
    let allowed = |command: Command| roles.iter().any(|role| !cx.applicable(table, role, command).0.is_empty());
    let Some((command, _, word)) = commands(query.query).into_iter().next() else { return };
    let who = quoted(roles, "or");
    let (message, severity) = if !allowed(command) {
        match query.query.command {
            AppCommand::Insert | AppCommand::Upsert => {
                (format!("no policy of `{}` allows {who} to INSERT: the query fails with 42501", table.name), Severity::Error)
            }
            AppCommand::Select => {
                (format!("no policy of `{}` allows {who} to SELECT: the query never returns rows", table.name), Severity::Warn)
            }
            _ => (format!("no policy of `{}` allows {who} to {word}: the query never changes rows", table.name), Severity::Warn),
        }
    } else if returns_rows(query.query) && command == Command::Insert && !allowed(Command::Select) {
        let message = format!(
            "no policy of `{}` allows {who} to SELECT: the insert fails with 42501, because `.select()` reads the new row",
            table.name
        );
        (message, Severity::Error)
    } else {
        return;
    };
    report(cx, About::table(table), query, query.query.source, message)
        .discriminate(word)
        .severity(severity)
        .help("Create a policy for the command, or use a client of server code.")
        .because(table.rls.at, "row security is enabled here");
}

fn call(cx: &mut Cx, query: AppQuery, roles: &[&str]) {
    let Some(function) = called(cx, query.query) else { return };
    let may = |role: &&&str| cx.catalog.may_use_schema(role, &function.name.schema) && cx.catalog.may_execute(role, function);
    if roles.iter().any(|role| may(&role)) || Doubts::of(cx).concern_grants() {
        return;
    }
    let revoked = roles.iter().chain(&["public"]).find_map(|role| function.acl.revoked(role, Privileges::EXECUTE));
    let message =
        format!("{} cannot execute `{}`: the call fails with 42501 (permission denied)", quoted(roles, "and"), function.display());
    report(cx, About::function(function), query, query.query.source, message)
        .help("Grant EXECUTE to the role of the client, or call the function from server code.")
        .because(revoked.unwrap_or(function.named), if revoked.is_some() { "revoked here" } else { "the function is defined here" });
}
