//! Signs that only server code writes a table or runs one command on it.
//!
//! Promises: each sign is written in the migrations: a SECURITY DEFINER function or trigger that writes the table, a policy for the service
//! role, a privilege that clients lack, or a dropped policy for the command. Limits: code outside the database is unknown.

use crate::analysis::identity_helpers;
use crate::analysis::prelude::*;
use crate::syntax::lexer::{TokenKind, ident_value, tokens};

pub fn is_servers(cx: &State, table: &Table, command: Command, roles: &[&str]) -> bool {
    is_written_by_functions(cx, table)
        || names_service_role(cx, table)
        || is_granted_in_part(cx, table, roles)
        || was_dropped(cx, table, command)
}

fn is_written_by_functions(cx: &State, table: &Table) -> bool {
    let of_owner = |function: &Function| function.security_definer.value || function.returns_trigger();
    let mut found = false;
    for (origin, code) in cx.code() {
        if origin.function().is_some_and(of_owner) {
            code.each_data(&mut |data| found |= origin.written(data).as_ref() == Some(&table.name));
        }
    }
    let unread = |function: &&Function| of_owner(function) && !cx.is_read_whole(function);
    found
        || cx
            .user_functions()
            .filter(unread)
            .any(|function| identity_helpers::body(cx, function).to_lowercase().contains(table.name.name.to_lowercase().as_str()))
}

fn names_service_role(cx: &State, table: &Table) -> bool {
    table.policies.iter().any(|policy| {
        policy.roles.iter().any(|role| cx.catalog.roles.get(role).is_some_and(|role| role.bypass_rls))
            || policy.clauses().any(|(_, clause)| clause.root.all().iter().any(|part| part.as_str() == Some("service_role")))
    })
}

/// Returns whether clients have only some privileges. All or none are the defaults.
fn is_granted_in_part(cx: &State, table: &Table, roles: &[&str]) -> bool {
    let all = Privileges::SELECT | Privileges::INSERT | Privileges::UPDATE | Privileges::DELETE;
    roles.iter().any(|role| !cx.catalog.table_privileges(role, table).contains(all))
}

/// Returns whether a migration dropped a policy for the command, judging by its name, that no longer exists.
fn was_dropped(cx: &State, table: &Table, command: Command) -> bool {
    let words: &[&str] = match command {
        Command::All => &[],
        Command::Select => &["select", "view", "read", "see"],
        Command::Insert => &["insert", "create", "add"],
        Command::Update => &["update", "edit", "modify", "change"],
        Command::Delete => &["delete", "remove"],
    };
    let dropped = |statement: &str| {
        let found = tokens(statement);
        let names: Vec<SmolStr> = found
            .iter()
            .filter(|token| matches!(token.kind, TokenKind::Word | TokenKind::QuotedIdent))
            .map(|token| ident_value(*token, statement))
            .skip_while(|name| matches!(name.as_str(), "drop" | "policy" | "if" | "exists"))
            .collect();
        let (Some(name), Some(on)) = (names.first(), names.iter().position(|name| name == "on")) else { return false };
        let lower = name.to_lowercase();
        names[on..].contains(&table.name.name)
            && table.policy(name).is_none()
            && (words.iter().any(|word| lower.contains(word))
                || lower.contains("manage")
                || lower.split(|c: char| !c.is_alphanumeric()).any(|word| word == "all"))
    };
    cx.project().migrations.iter().any(|migration| {
        let text = migration.text(cx.sources);
        let lower = text.to_ascii_lowercase();
        lower.match_indices("drop policy").any(|(at, _)| dropped(text[at..].split(';').next().unwrap_or_default()))
    })
}
