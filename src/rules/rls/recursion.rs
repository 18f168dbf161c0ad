//! Policies that lead back to their own table. PostgreSQL rejects every query, or the query fails when the stack is full.

use crate::analysis::needed_privileges::list;
use crate::analysis::policy_reads::{Circle, Reading, Reads, followed_roles};
use crate::remedy::definer_helper::definer_helper;
use crate::rules::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

rule!("rls/recursion", Security, Error, Schema(check), fixable);

/// A circle, and the commands and roles that reach it.
struct Case<'a> {
    circle: Circle<'a>,
    commands: BTreeSet<&'static str>,
    roles: Vec<SmolStr>,
}

fn check(cx: &mut Cx) {
    let state = **cx;
    let mut reads = Reads::new(&state);
    let mut cases: BTreeMap<BTreeSet<(QName, SmolStr)>, Case> = BTreeMap::new();
    // a circle of SELECT policies is the cause of those of other commands that reach it
    let mut recursive: BTreeSet<QName> = BTreeSet::new();
    for (command, _, word) in COMMANDS {
        for (table, policy) in state.policies().filter(|(_, policy)| policy.applies_to(command)) {
            for role in followed_roles(&state, policy) {
                let Some(circle) = reads.circle(table, policy, &role, command) else { continue };
                if command == Command::Select {
                    recursive.extend(circle.readings.iter().map(|reading| reading.table.name.clone()));
                } else if circle.readings.iter().any(|reading| recursive.contains(&reading.reads.name)) {
                    continue;
                }
                let key = circle.readings.iter().map(|reading| (reading.table.name.clone(), reading.policy.name.clone())).collect();
                let case = cases.entry(key).or_insert_with(|| Case { circle, commands: BTreeSet::new(), roles: Vec::new() });
                case.commands.insert(word);
                if !case.roles.contains(&role) {
                    case.roles.push(role);
                }
            }
        }
    }
    for case in cases.into_values() {
        report(cx, &case);
    }
}

fn report(cx: &mut Cx, case: &Case) {
    let circle = &case.circle;
    let Some((first, rest)) = circle.readings.split_first() else { return };
    let table = &first.table.name;
    let is_first = |reading: &&Reading| std::ptr::eq(*reading, first);
    let chain: Vec<String> = circle.readings.iter().map(|reading| step(reading, is_first(&reading))).collect();
    let roles: Vec<String> = case.roles.iter().map(|role| format!("`{role}`")).collect();
    let roles = list(&roles, "and");
    let commands: Vec<&str> = case.commands.iter().copied().collect();
    let commands = list(&commands, "and");
    let is_avoidable = circle.readings.iter().any(|reading| reading.is_avoidable);
    let outcome = match (circle.is_through_function(), is_avoidable, circle.closing) {
        (false, _, Some(closing)) => format!(
            "SELECT policy \"{}\" contains a subquery too, so every {commands} by {roles} fails with 42P17 (infinite recursion detected in policy for relation \"{}\")",
            closing.name, table.name
        ),
        (false, _, None) => {
            format!("every query by {roles} fails with 42P17 (infinite recursion detected in policy for relation \"{}\")", table.name)
        }
        (true, false, _) => format!("queries by {roles} fail with 54001 (stack depth limit exceeded) as soon as the table has rows"),
        (true, true, _) => format!(
            "queries by {roles} can fail with 54001 (stack depth limit exceeded), depending on the condition that PostgreSQL evaluates first"
        ),
    };
    let message = format!("{}: {outcome}", chain.join(", and "));
    let help = match (circle.readings.iter().find_map(|reading| reading.function), circle.closing) {
        (Some((function, _)), _) => {
            format!("Declare `{}` SECURITY DEFINER with a fixed search_path, so that it reads the table without its policies.", function.display())
        }
        (None, Some(_)) => "Move the subquery into a SECURITY DEFINER function in a schema that the API does not serve. PostgreSQL also counts `(select auth.uid())` as a subquery.".into(),
        (None, None) => "Move the subquery into a SECURITY DEFINER function in a schema that the API does not serve, and call the function in the policy.".into(),
    };
    let cure = definer_helper(cx, &circle.readings);
    let draft = cx.report((first.table, first.policy), first.at, message);
    draft.label(label(first)).given(first.table.rls.certainty).help(help);
    if is_avoidable {
        draft.severity(Severity::Warn).unsure();
    }
    if let Some((_, at)) = first.function {
        draft.because(at, format!("reads `{}`", first.reads.name));
    }
    for reading in rest {
        draft.because(reading.at, label(reading)).given(reading.policy.certainty).given(reading.table.rls.certainty);
        if let Some((_, at)) = reading.function {
            draft.because(at, format!("reads `{}`", reading.reads.name));
        }
    }
    if let Some(closing) = circle.closing {
        draft.because(closing.named, "SELECT policy with a subquery").given(closing.certainty);
    }
    if let Some(cure) = cure {
        draft.fix(Safety::Review, cure.title, cure.steps).check(cure.check);
    }
}

fn step(reading: &Reading, is_first: bool) -> String {
    let policy = format!("policy \"{}\" on `{}`", reading.policy.name, reading.table.name);
    let own = if is_first && reading.reads.name == reading.table.name { " itself" } else { "" };
    match reading.function {
        Some((function, _)) => {
            format!("{policy} calls `{}`, which reads `{}` with the rights of its caller", function.display(), reading.reads.name)
        }
        None => format!("{policy} reads `{}`{own}", reading.reads.name),
    }
}

fn label(reading: &Reading) -> String {
    match reading.function {
        Some((function, _)) => format!("policy \"{}\" calls `{}`", reading.policy.name, function.name),
        None => format!("policy \"{}\" reads `{}`", reading.policy.name, reading.reads.name),
    }
}
