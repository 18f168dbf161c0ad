//! Statements that restore what a fix removes.
//!
//! Promises: the statements create the same objects with their current names. Limits: if the catalog and the text of the user do not
//! contain the whole definition, there is no statement, and the fix states that it cannot be undone.

use crate::analysis::prelude::*;
use crate::catalog::acl::Acl;
use crate::remedy::policy_edit::{Edits, whole};
use crate::syntax::ast::ObjectKind;
use crate::syntax::lexer::{Token, TokenKind, ident_value, tokens};

/// Returns the `create policy …` statement of a policy.
pub fn policy(cx: &State, table: &Table, policy: &Policy) -> String {
    let clauses = policy.clauses().map(|(word, clause)| (word, whole(cx, clause, &Edits::new())));
    create_policy(table, &policy.name, policy.permissive, policy.command, &policy.roles, clauses)
}

pub fn create_policy<'c>(
    table: &Table,
    name: &str,
    permissive: bool,
    command: Command,
    roles: &[SmolStr],
    clauses: impl Iterator<Item = (&'c str, String)>,
) -> String {
    let kind = if permissive { "" } else { "\n  as restrictive" };
    let roles: Vec<String> = roles.iter().map(|role| role_name(role)).collect();
    let clauses: String = clauses.map(|(word, text)| format!("\n  {} ({text})", word.to_lowercase())).collect();
    format!(
        "create policy {} on {}{kind}\n  for {} to {}{clauses};",
        quote_ident(name),
        table.name.quoted(),
        command.word().to_lowercase(),
        roles.join(", ")
    )
}

/// Returns an unused name for a new policy. Names of other policies of the same fix are passed in.
pub fn free_policy_name(table: &Table, command: Command, taken: &[SmolStr]) -> SmolStr {
    let word = command.word().to_lowercase();
    let numbered = (2..).map(|nth: u32| derived_name(&table.name.name, &word, &nth.to_string()));
    let free = |name: &SmolStr| table.policy(name).is_none() && !taken.contains(name);
    std::iter::once(derived_name(&table.name.name, "", &word)).chain(numbered).find(free).expect("there are more numbers than names")
}

/// Returns a role as SQL. `public` is a keyword here, and no role can have the quoted name `"public"`.
pub fn role_name(role: &str) -> String {
    if role == crate::catalog::PUBLIC { role.to_string() } else { quote_ident(role) }
}

/// Returns the `alter table … add constraint …` statement of a constraint.
pub fn constraint(cx: &State, table: &Table, constraint: &Constraint) -> Option<String> {
    let list = |names: &[SmolStr]| names.iter().map(|name| quote_ident(name)).collect::<Vec<_>>().join(", ");
    let text = cx.slice(constraint.at).to_ascii_lowercase();
    // the stored text of a column constraint may lack INITIALLY DEFERRED
    if constraint.deferrable
        || ["initially", "match ", "using index", "no inherit", "on delete set null (", "tablespace"].iter().any(|word| text.contains(word))
    {
        return None;
    }
    let definition = match constraint.kind {
        ConstraintKind::Check => format!("check ({})", cx.text(constraint.expr.as_ref()?)),
        ConstraintKind::ForeignKey => {
            let key = constraint.references.as_ref()?;
            let action = |event: &str, action: ReferentialAction| match action {
                ReferentialAction::NoAction => String::new(),
                ReferentialAction::Restrict => format!(" on {event} restrict"),
                ReferentialAction::Cascade => format!(" on {event} cascade"),
                ReferentialAction::SetNull => format!(" on {event} set null"),
                ReferentialAction::SetDefault => format!(" on {event} set default"),
            };
            format!(
                "foreign key ({}) references {} ({}){}{}",
                list(&constraint.columns),
                key.table.quoted(),
                list(&key.columns),
                action("update", key.on_update),
                action("delete", key.on_delete)
            )
        }
        ConstraintKind::Unique => {
            let index = table.index(constraint.index.as_ref()?)?;
            let distinct = if index.nulls_not_distinct { " nulls not distinct" } else { "" };
            let include = if index.include.is_empty() { String::new() } else { format!(" include ({})", list(&index.include)) };
            let options = storage(cx, constraint.at).map(|options| format!(" {options}")).unwrap_or_default();
            format!("unique{distinct} ({}){include}{options}", list(&constraint.columns))
        }
        ConstraintKind::PrimaryKey | ConstraintKind::Exclude => return None,
    };
    let unproven = if constraint.validated.value { "" } else { " not valid" };
    Some(format!("alter table {} add constraint {} {definition}{unproven};", table.name.quoted(), quote_ident(&constraint.name)))
}

/// Returns storage parameters such as `with (fillfactor = 70)` from the text, because the catalog does not store them.
pub fn storage(cx: &State, at: Site) -> Option<String> {
    let text = cx.slice(at);
    let all = tokens(text);
    let start = all.windows(2).position(|pair| is_word(pair[0], text, "with") && pair[1].kind == TokenKind::LParen)?;
    let end = all[start..].iter().find(|token| token.kind == TokenKind::RParen)?;
    Some(Span::new(all[start].start, end.end).of(text).to_string())
}

fn is_word(token: Token, text: &str, word: &str) -> bool {
    token.kind == TokenKind::Word && token.text(text).eq_ignore_ascii_case(word)
}

/// Returns the name after one of these words as it is written: `schema.name` or `name`.
fn name_behind(text: &str, words: &[&str]) -> Option<(Option<SmolStr>, SmolStr)> {
    let all = tokens(text);
    let at = all.iter().position(|token| words.iter().any(|word| is_word(*token, text, word)))? + 1;
    let name = |at: usize| {
        let token = all.get(at).filter(|token| matches!(token.kind, TokenKind::Word | TokenKind::QuotedIdent))?;
        Some(ident_value(*token, text))
    };
    match all.get(at + 1).is_some_and(|next| next.kind == TokenKind::Dot) {
        true => Some((name(at), name(at + 2)?)),
        false => Some((None, name(at)?)),
    }
}

/// Returns whether a written name refers to an object in a session without settings.
fn stands_for(written: &(Option<SmolStr>, SmolStr), object: &QName) -> bool {
    written.1 == object.name && written.0.as_deref().unwrap_or("public") == object.schema
}

/// Returns the `create trigger …` statement of the user, or `None` if the table, trigger or function was renamed.
pub fn trigger(cx: &State, table: &Table, trigger: &Trigger) -> Option<String> {
    let text = cx.slice(trigger.at);
    let same = name_behind(text, &["trigger"])?.1 == trigger.name
        && stands_for(&name_behind(text, &["on"])?, &table.name)
        && stands_for(&name_behind(text, &["function", "procedure"])?, &trigger.function);
    let disabled = match trigger.enabled.value {
        true => String::new(),
        false => format!("\nalter table {} disable trigger {};", table.name.quoted(), quote_ident(&trigger.name)),
    };
    same.then(|| format!("{};{disabled}", text.trim_end().trim_end_matches(';')))
}

/// Returns whether the `create function …` statement of the user is the complete definition. ALTER FUNCTION and renames make it incomplete.
pub fn is_as_written(cx: &State, function: &Function) -> bool {
    let text = cx.slice(function.at);
    let lower = text.to_ascii_lowercase();
    let named = name_behind(text, &["function", "procedure"]);
    named.is_some_and(|named| stands_for(&named, &function.name))
        && function.at.file == function.security_definer.at.file
        && function.at.span.contains(function.security_definer.at.span)
        && function.settings.iter().all(|(name, _)| lower.contains(name.as_str()))
        && function.owner == cx.catalog.current_role()
}

/// Returns the `create function …` statement of the user with the current privileges.
pub fn function(cx: &State, function: &Function) -> Option<String> {
    let kind = if function.kind == RoutineKind::Procedure { "procedure" } else { "function" };
    let born = cx.catalog.initial_acl(ObjectKind::Function, &function.name.schema, function.at, Certainty::Certain);
    let mut out = format!("{};", cx.slice(function.at).trim_end().trim_end_matches(';'));
    let mut grantees: Vec<&SmolStr> = born.grants.iter().chain(&function.acl.grants).map(|grant| &grant.grantee).collect();
    grantees.sort_unstable();
    grantees.dedup();
    for grantee in grantees {
        let verb = match (born.direct(grantee).is_empty(), function.acl.direct(grantee).is_empty()) {
            (false, true) => "revoke execute on {} from {}",
            (true, false) => "grant execute on {} to {}",
            (true, true) | (false, false) => continue,
        };
        let statement = verb.replacen("{}", &format!("{kind} {}", function.quoted()), 1).replacen("{}", &role_name(grantee), 1);
        out.push_str(&format!("\n{statement};"));
    }
    is_as_written(cx, function).then_some(out)
}

/// Returns statements that revoke a privilege from roles, also on columns, and statements that restore it.
pub fn revoke(what: &str, acl: &Acl, holders: &[&str], privilege: Privileges, word: &str) -> (String, String) {
    let whole: Vec<&str> = holders.iter().copied().filter(|role| acl.direct(role).contains(privilege)).collect();
    let any: Vec<&str> = holders.iter().copied().filter(|role| acl.site(role, privilege).is_some()).collect();
    let list = |roles: &[&str]| roles.iter().map(|role| role_name(role)).collect::<Vec<_>>().join(", ");
    let mut back: Vec<String> = Vec::new();
    if !whole.is_empty() {
        back.push(format!("grant {word} on {what} to {};", list(&whole)));
    }
    // a REVOKE on the table also revokes the privilege on each column
    for role in &any {
        let of_role = acl.grants.iter().filter(|grant| grant.grantee == *role && grant.privileges.contains(privilege));
        let columns: Vec<String> = of_role.filter_map(|grant| grant.column.as_deref()).map(quote_ident).collect();
        if !columns.is_empty() {
            back.push(format!("grant {word} ({}) on {what} to {};", columns.join(", "), role_name(role)));
        }
    }
    (format!("revoke {word} on {what} from {};", list(&any)), back.join("\n"))
}
