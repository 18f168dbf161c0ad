//! Views that read with the privileges of their owner and bypass row level security of their tables.

use crate::analysis::view_exposure::{bypassed_tables, is_filtered};
use crate::remedy::view::{by_invoker, by_revoke, written_value};
use crate::rules::prelude::*;

rule!("access/view-bypasses-rls", Security, Error, Schema(check), fixable);

fn check(cx: &mut Cx) {
    for view in cx.exposed_views() {
        if view.security_invoker.value && !view.materialized {
            continue;
        }
        let may_use = |role: &&str| cx.catalog.may_use_schema(role, &view.name.schema);
        let selecting: Vec<&str> = API_ROLES.into_iter().filter(|role| cx.may_select_view(role, view)).collect();
        let readers: Vec<&str> = selecting.iter().copied().filter(may_use).collect();
        let tables = if readers.is_empty() { Vec::new() } else { bypassed_tables(cx, view) };
        let draft = match tables.is_empty() {
            false => report(cx, view, &readers, &tables),
            true if selecting.is_empty() => continue,
            true => {
                let message =
                    format!("`{}` reads with the privileges of its owner, but bypasses row level security of no table", view.name);
                cx.report(view, view.named, message).only_for_advisor()
            }
        };
        let lint = if view.materialized { "materialized_view_in_api" } else { "security_definer_view" };
        draft.advisor(lint, format!("{lint}_{}_{}", view.name.schema, view.name.name));
        if view.reads.contains(&QName::new("auth", "users")) {
            draft.advisor("auth_users_exposed", format!("auth_users_exposed_{}_{}", view.name.schema, view.name.name));
        }
    }
}

fn report<'c>(cx: &'c mut Cx, view: &View, readers: &[&str], tables: &[&Table]) -> &'c mut DiagnosticBuilder {
    let name = &view.name;
    let who = if readers.contains(&"anon") { "anyone who has the anon key" } else { "every signed-in user" };
    let guarded: Vec<&Table> = tables.iter().copied().filter(|table| !readers.iter().all(|role| is_open(cx, table, role))).collect();
    let filters = view.query.as_ref().is_some_and(|query| is_filtered(query, cx.identity_helpers()));
    let shown = match guarded.as_slice() {
        [] => format!("`{}`", tables[0].name),
        [one] => format!("`{}`", one.name),
        [one, other] => format!("`{}` and `{}`", one.name, other.name),
        [one, more @ ..] => format!("`{}` and {} more tables", one.name, more.len()),
    };
    let why = if view.materialized { "stores the rows that its owner can read" } else { "reads with the privileges of its owner" };
    let message = if guarded.is_empty() {
        format!("`{name}` {why} and bypasses row level security of {shown}, but the current policies let {who} read every row anyway")
    } else if filters {
        format!(
            "`{name}` {why} and bypasses row level security of {shown}: only its own condition on the caller limits the rows that {who} can read"
        )
    } else {
        format!("`{name}` {why} and bypasses row level security of {shown}: {who} can read every row that it selects")
    };
    let meant = !view.materialized && written_value(cx, view).is_some();
    let severity = match () {
        () if guarded.is_empty() || meant => Severity::Info,
        () if filters && !view.materialized => Severity::Warn,
        () => Severity::Error,
    };
    let unreadable = tables.iter().copied().find(|table| readers.iter().any(|role| !cx.reachable(role, table, Privileges::SELECT)));
    let invoker = !view.materialized && cx.config().postgres_version >= 15;
    let help = match unreadable {
        _ if view.materialized => {
            "Revoke it from the API roles, or move it to a schema that the API does not serve. A materialized view cannot have policies."
                .to_string()
        }
        _ if !invoker => "Revoke it from the API roles. `security_invoker` requires PostgreSQL 15.".to_string(),
        _ if meant => {
            "Give the reason in a comment. Check that the view has no column and no row that its readers should not see.".to_string()
        }
        Some(table) => format!(
            "Remove `{}` from the view, then set `security_invoker`. API roles cannot read that table, so the view would fail for them. Until then, revoke the view from the API roles.",
            table.name
        ),
        None => "Set `security_invoker = true`, so that the policies of the reader apply.".to_string(),
    };
    // an explicit `off` is reported, but has no fix
    let safety = if meant { Safety::Manual } else { Safety::Review };
    let (title, step) = if invoker && unreadable.is_none() { by_invoker(cx, view) } else { by_revoke(view) };
    let first = guarded.first().copied().unwrap_or(tables[0]);
    let set_at = if view.security_invoker.at == view.named { view.at } else { view.security_invoker.at };
    let readable = ["public", "anon", "authenticated"].into_iter().find_map(|role| view.acl.site(role, Privileges::SELECT));
    let draft = cx.report(view, view.named, message);
    draft
        .severity(severity)
        .label(if view.materialized { "readable through the API" } else { "without security_invoker" })
        .because(first.rls.at, "row level security is enabled here")
        .given(first.rls.certainty)
        .help(help)
        .fix(safety, title, [step]);
    if set_at != view.at {
        draft.because(set_at, "disabled here");
    }
    if let Some(grant) = readable.filter(|grant| *grant != view.at) {
        draft.because(grant, "SELECT is granted here");
    }
    draft
}

/// Returns whether the policies of a table let a role read every row anyway.
fn is_open(cx: &Cx, table: &Table, role: &str) -> bool {
    let (permissive, restrictive) = cx.applicable(table, role, Command::Select);
    restrictive.is_empty() && permissive.iter().any(|policy| policy.using.as_ref().is_some_and(|using| using.root.is_true()))
}
