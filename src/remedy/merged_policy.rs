//! Several permissive policies as one.
//!
//! Promises: PostgreSQL joins the conditions of permissive policies with OR, USING and WITH CHECK each by itself, so the merged policy
//! allows the same rows. Limits: only policies for the same roles are merged.
//! Source: PostgreSQL's documentation, CREATE POLICY, "Multiple Policies".

use super::policy_edit::{Edits, alter, whole};
use super::restore;
use super::wrapped_call::wrapped_in;
use crate::analysis::prelude::*;

/// Returns whether another policy allows everything that this one allows, because its condition is the same and its roles and commands
/// include those of this one. Of two equal policies, the later one repeats the earlier one.
pub fn repeats(cx: &State, policy: &Policy, other: &Policy) -> bool {
    let text = |clause: Option<&Expression>| clause.map(|clause| cx.text(clause).split_whitespace().collect::<Vec<_>>().join(" "));
    let check = |policy: &Policy| text(policy.check.as_ref().or(policy.using.as_ref()));
    let asks_using = policy.command != Command::Insert;
    let asks_check = matches!(policy.command, Command::Insert | Command::Update | Command::All);
    let same = (!asks_using || text(policy.using.as_ref()) == text(other.using.as_ref())) && (!asks_check || check(policy) == check(other));
    let covers = other.permissive
        && (other.command == Command::All || other.command == policy.command)
        && policy.roles.iter().all(|role| other.applies_to_role(role));
    let equal = is_alike(policy, other);
    policy.permissive && covers && same && !std::ptr::eq(policy, other) && (!equal || (other.at, &other.name) < (policy.at, &policy.name))
}

/// Returns the step that drops a policy.
pub fn drop(cx: &State, table: &Table, policy: &Policy) -> Step {
    let sql = format!("drop policy {} on {};", quote_ident(&policy.name), table.name.quoted());
    Step::batch(Phase::Policy, sql).undo(restore::policy(cx, table, policy))
}

/// Returns whether policies are for the same command and the same roles.
pub fn is_alike(one: &Policy, other: &Policy) -> bool {
    one.command == other.command && has_same_roles(one, other)
}

/// Returns the steps that merge each group of policies for the same roles and command into its first policy. `None` if there is no such
/// group, or if a policy may have changed.
pub fn merge(cx: &State, table: &Table, policies: &[&Policy]) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    let mut merged: Vec<&Policy> = Vec::new();
    for first in policies {
        if merged.iter().any(|known| std::ptr::eq(*known, *first)) {
            continue;
        }
        let rest: Vec<&Policy> = policies.iter().copied().filter(|other| !std::ptr::eq(*other, *first) && is_alike(first, other)).collect();
        if rest.is_empty() {
            continue;
        }
        let group = || std::iter::once(*first).chain(rest.iter().copied());
        if group().any(|policy| policy.certainty != Certainty::Certain || cx.may_have_changed(policy)) {
            return None;
        }
        // a policy without WITH CHECK uses USING, which only has to be written where another one differs
        let checks = group().any(|policy| policy.check.is_some());
        if checks && first.check.is_none() || !checks && group().any(|policy| policy.using.is_none()) {
            return None;
        }
        let clauses: Option<Vec<Edits>> = first.clauses().map(|(word, clause)| joined(cx, table, first, (word, clause), &rest)).collect();
        steps.push(alter(cx, table, first, &clauses?));
        steps.extend(rest.iter().map(|policy| drop(cx, table, policy)));
        merged.extend(group());
    }
    (!steps.is_empty()).then_some(steps)
}

/// Returns the steps that replace each policy for ALL by policies for single commands: its condition is joined to the policies for the same
/// roles, and new policies are created for the other commands. `None` if there is no such policy, or if one may have changed.
pub fn split(cx: &State, table: &Table, policies: &[&Policy]) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    let mut names: Vec<SmolStr> = Vec::new();
    for all in policies.iter().copied().filter(|policy| policy.command == Command::All) {
        let alike: Vec<&Policy> =
            table.policies.iter().filter(|other| other.permissive && has_same_roles(other, all) && !std::ptr::eq(*other, all)).collect();
        let is_unclear = |policy: &&Policy| policy.certainty != Certainty::Certain || cx.may_have_changed(policy);
        if alike.is_empty() {
            continue;
        }
        if std::iter::once(&all).chain(&alike).any(is_unclear) || alike.iter().any(|other| other.command == Command::All) {
            return None;
        }
        let using = all.using.as_ref()?;
        for (command, ..) in COMMANDS {
            let of_command: Vec<&Policy> = alike.iter().copied().filter(|policy| policy.command == command).collect();
            let Some((first, rest)) = of_command.split_first() else {
                let clauses = clauses_for(command, using, all.check.as_ref());
                let text = clauses.map(|(word, clause)| (word, whole(cx, clause, &wrapped_in(cx, table, all, command, clause))));
                let name = restore::free_policy_name(table, command, &names);
                let sql = restore::create_policy(table, &name, true, command, &all.roles, text);
                let undo = format!("drop policy {} on {};", quote_ident(&name), table.name.quoted());
                steps.push(Step::batch(Phase::Policy, sql).undo(undo));
                names.push(name);
                continue;
            };
            let rest: Vec<&Policy> = rest.iter().copied().chain([all]).collect();
            let needs_using = command != Command::Insert;
            let checks = command == Command::Update && (first.check.is_some() || rest.iter().any(|policy| policy.check.is_some()));
            if needs_using && first.using.is_none() || (checks || !needs_using) && first.check.is_none() {
                return None;
            }
            let clauses: Option<Vec<Edits>> =
                first.clauses().map(|(word, clause)| joined(cx, table, first, (word, clause), &rest)).collect();
            steps.push(alter(cx, table, first, &clauses?));
            steps.extend(rest.iter().filter(|policy| !std::ptr::eq(**policy, all)).map(|policy| drop(cx, table, policy)));
        }
        steps.push(drop(cx, table, all));
    }
    (!steps.is_empty()).then_some(steps)
}

/// Returns the clauses of a policy for one command that allow the same as those of a policy for ALL.
fn clauses_for<'e>(
    command: Command,
    using: &'e Expression,
    check: Option<&'e Expression>,
) -> impl Iterator<Item = (&'static str, &'e Expression)> {
    let (using, check) = match command {
        Command::Insert => (None, check.or(Some(using))),
        Command::Update | Command::All => (Some(using), check),
        Command::Select | Command::Delete => (Some(using), None),
    };
    using.map(|clause| ("using", clause)).into_iter().chain(check.map(|clause| ("with check", clause)))
}

/// Returns whether policies are for the same roles.
pub fn has_same_roles(one: &Policy, other: &Policy) -> bool {
    one.roles.len() == other.roles.len() && one.roles.iter().all(|role| other.roles.contains(role))
}

/// Returns the edits that append the conditions of other policies to a clause.
fn joined(cx: &State, table: &Table, policy: &Policy, (word, clause): (&str, &Expression), others: &[&Policy]) -> Option<Edits> {
    let wrapped = |clause| wrapped_in(cx, table, policy, policy.command, clause);
    let mut edits = wrapped(clause);
    let mut tail = String::new();
    let mut known = vec![cx.text(clause)];
    for other in others {
        let part = if word == "USING" { other.using.as_ref()? } else { other.check.as_ref().or(other.using.as_ref())? };
        if !known.contains(&cx.text(part)) {
            tail.push_str(&format!("\n    or ({})", whole(cx, part, &wrapped(part))));
            known.push(cx.text(part));
        }
    }
    if !tail.is_empty() {
        let span = clause.site.span;
        edits.push((Span::new(span.start, span.start), "(".into()));
        edits.push((Span::new(span.end, span.end), format!("){tail}")));
    }
    Some(edits)
}
