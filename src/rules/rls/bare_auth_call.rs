//! Policies that call an auth function once per row instead of once per statement. A subquery makes the call run once.

use crate::analysis::caller_check::{is_session_call, pinned};
use crate::analysis::eval_frequency::EvalFrequency;
use crate::analysis::policy_reads::{Circle, Reads};
use crate::remedy::policy_edit::{Edits, alter, in_place, rests_on_text};
use crate::remedy::wrapped_call::{Bare, bare_calls, wraps};
use crate::rules::prelude::*;

rule!("rls/bare-auth-call", Performance, Error, Schema(check), fixable);

fn check(cx: &mut Cx) {
    let state = **cx;
    let mut reads = Reads::new(&state);
    for (table, policy) in state.policies() {
        if is_bypassed(cx, policy) {
            continue;
        }
        let found: Vec<(&Expression, Vec<Bare>)> = policy.clauses().map(|(_, clause)| (clause, bare_calls(cx, clause))).collect();
        if found.iter().any(|(_, calls)| !calls.is_empty()) {
            report(cx, table, policy, &found, reads.closed_by(table, policy, policy.command));
        }
    }
}

fn report(cx: &mut Cx, table: &Table, policy: &Policy, found: &[(&Expression, Vec<Bare>)], circle: Option<(&str, Circle)>) {
    let using = |clause: &Expression| policy.using.as_ref().is_some_and(|using| using.site == clause.site);
    // WITH CHECK runs once per written row, and these are few
    let weight = |clause: &Expression, call: &Bare| (using(clause), call.often);
    let all = || found.iter().flat_map(|(clause, calls)| calls.iter().map(move |call| (*clause, call)));
    let Some(worst) = all().map(|(clause, call)| weight(clause, call)).max() else { return };
    let concerned: Vec<(&Expression, &Bare)> = all().filter(|(clause, call)| weight(clause, call) == worst).collect();
    let Some(&(clause, first)) = concerned.first() else { return };
    let place = clause.site.in_same_file(first.span);
    let rows = &table.name.name;
    let once = if concerned.len() == 1 { "once per row" } else { "per row" };
    let when = match worst {
        (_, EvalFrequency::Inner | EvalFrequency::Once) => format!("{once} that a subquery reads"),
        (false, _) => format!("{once} written to `{rows}`"),
        (true, EvalFrequency::Row) => format!("{once} of `{rows}`"),
        (true, EvalFrequency::CostlyArgument) => format!("{once} of `{rows}`, as an argument of a function that costs more"),
    };
    let index = index_of(cx, table, policy);
    // the Storage API looks up objects by bucket and name
    let looked_up = index.is_some() || table.created.is_platform();
    let severity = match worst {
        (true, EvalFrequency::Row) if !table.rls.value => Severity::Info,
        (true, EvalFrequency::Row) if looked_up => Severity::Warn,
        (true, EvalFrequency::Row) => Severity::Error,
        _ => Severity::Info,
    };
    let message = format!("policy \"{}\" on `{}` calls {} {when}", policy.name, table.name, named(&concerned));
    let edits: Vec<Edits> = found.iter().map(|(clause, calls)| wraps(cx, clause, calls)).collect();
    let example = edits.iter().flatten().find(|(span, _)| *span == first.whole).map(|(_, text)| one_line(text)).unwrap_or_default();
    let safety = if all().all(|(_, call)| call.safe) { Safety::Safe } else { Safety::Review };
    let (safety, known) = rests_on_text(cx, policy, safety);
    let step = alter(cx, table, policy, &edits);
    let rewrite: Vec<Edit> = found.iter().zip(&edits).flat_map(|((clause, _), edits)| in_place(clause, edits)).collect();
    let help = match first.safe {
        true if first.whole != first.span => format!("Wrap the whole expression in a subquery, which runs once: `{example}`."),
        true => format!("Wrap the call in a subquery, which runs once: `{example}`."),
        false => format!("Declare the function STABLE if it only reads, and wrap the call in a subquery: `{example}`."),
    };
    let advisor = is_advised(table, policy);
    let draft = cx.report((table, policy), place, message);
    draft.label(when).severity(severity).given(table.rls.certainty).given(known);
    match circle {
        None => {
            draft.help(help).fix(safety, format!("Wrap the calls in policy \"{}\" in subqueries", policy.name), [step]).rewrite(rewrite);
        }
        Some((command, circle)) => {
            draft.help(help_in_circle(&table.name, command, &circle));
            for reading in &circle.readings {
                draft.because(reading.at, format!("policy \"{}\" reads `{}`", reading.policy.name, reading.reads.name));
            }
        }
    }
    for (clause, call) in concerned.iter().skip(1).take(2) {
        draft.because(clause.site.in_same_file(call.span), "also called here");
    }
    if let Some(index) = index {
        draft.because(index.named, "queries that use this index evaluate the call once, and other queries once per row");
    }
    if advisor {
        draft.advisor("auth_rls_initplan", format!("auth_rls_init_plan_{}_{}_{}", table.name.schema, table.name.name, policy.name));
    }
}

/// Returns the help for a call whose subquery would make PostgreSQL reject a command.
fn help_in_circle(table: &QName, command: &str, circle: &Circle) -> String {
    let Some(first) = circle.readings.first() else { return String::new() };
    format!(
        "Move the subquery of policy \"{}\" into a SECURITY DEFINER function before you wrap the call. That policy leads back to `{table}`, so PostgreSQL would reject each {command} with 42P17 (infinite recursion) if this policy contained a subquery too.",
        first.policy.name
    )
}

/// Returns the names of the calls, with their numbers if there is more than one.
fn named(calls: &[(&Expression, &Bare)]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for (_, call) in calls {
        if !names.contains(&call.name.as_str()) {
            names.push(&call.name);
        }
    }
    let reads = calls.iter().find_map(|(_, call)| call.reads.as_ref().map(|read| (call, read)));
    match (names.as_slice(), reads) {
        ([name], Some((_, read))) if calls.len() == 1 => format!("{name}(), which reads `{read}`,"),
        ([name], _) if calls.len() == 1 => format!("{name}()"),
        ([name], _) => format!("{name}() {} times", calls.len()),
        (names, _) => {
            let (last, rest) = names.split_last().expect("a call has a name");
            format!("{}() and {last}()", rest.join("(), "))
        }
    }
}

/// Returns whether all roles of a policy bypass row level security.
fn is_bypassed(cx: &Cx, policy: &Policy) -> bool {
    policy.roles.iter().all(|role| cx.catalog.roles.get(role).is_some_and(|role| role.bypass_rls))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns an index with which PostgreSQL can find the rows that a policy allows, so that it rarely evaluates the policy for other rows.
fn index_of<'a>(cx: &Cx, table: &'a Table, policy: &Policy) -> Option<&'a Index> {
    let of = |policy: &Policy| {
        let columns: Vec<SmolStr> =
            policy.using.iter().flat_map(|using| using.root.conjuncts()).filter_map(|conjunct| pinned(cx, conjunct)).collect();
        let serves = |index: &&Index| {
            index.predicate.is_none()
                && index.columns.first().is_some_and(|first| first.column.as_ref().is_some_and(|c| columns.contains(c)))
        };
        table.indexes.iter().find(serves)
    };
    let beside = |other: &&Policy| {
        other.permissive && (other.command == Command::All || policy.command == Command::All || other.command == policy.command)
    };
    // permissive policies are combined with OR, so each of them needs an index
    table.policies.iter().filter(beside).all(|other| of(other).is_some()).then(|| of(policy))?
}

/// Returns whether Supabase's advisor reports the policy too. It searches for `auth.uid()` without `select auth.uid()` in the text.
fn is_advised(table: &Table, policy: &Policy) -> bool {
    let called = |clause: &Expression, wanted: &str| {
        let is = |expr: &Expr| expr.as_call().is_some_and(|call| is_session_call(call) && call.name.last() == wanted);
        let selected = |query: &&Query| query.body.selects().iter().any(|select| select.targets.first().is_some_and(|t| is(&t.expr)));
        clause.root.all().into_iter().any(is) && !clause.root.queries().iter().any(selected)
    };
    let passed_over = matches!(table.name.schema.as_str(), "auth" | "storage" | "cron" | "extensions" | "net" | "vault");
    let functions = ["uid", "jwt", "role", "email", "current_setting"];
    table.rls.value && !passed_over && policy.clauses().any(|(_, clause)| functions.iter().any(|name| called(clause, name)))
}
