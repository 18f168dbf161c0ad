//! Row level security refuses what no policy allows. Which commands that leaves to the service role alone, and which policies can
//! let nothing through because another is missing.

use super::bare_auth_call::wrapped;
use super::caller::{asks, pinned};
use super::disabled::can_have_rls;
use super::often::names_row;
use crate::rules::prelude::*;

rule!("rls/missing-command", Security, Info, Schema(check), fixable);

fn check(cx: &mut Cx) {
    for table in cx.exposed_tables().filter(|table| table.rls.value && can_have_rls(table)) {
        let granted: Vec<_> = COMMANDS.into_iter().filter(|(_, privilege, _)| !cx.reaching(table, *privilege).is_empty()).collect();
        // policies for the service role and roles of the project's own say nothing about API clients
        if !table.policies.iter().any(|policy| policy.permissive && !clients(cx, policy).is_empty()) {
            only_restrictive(cx, table);
            continue;
        }
        let blind = blind(cx, table);
        let lacking: Vec<_> = granted
            .into_iter()
            .filter(|(command, ..)| !(is_spoken_of(cx, table, *command) || blind && *command == Command::Select))
            .collect();
        if !lacking.is_empty() {
            uncovered(cx, table, &lacking);
        }
    }
}

/// API roles that a policy is for.
fn clients(cx: &Cx, policy: &Policy) -> Vec<&'static str> {
    API_ROLES.into_iter().filter(|role| cx.concerns(policy, role)).collect()
}

/// Is there a policy for a command that lets something through, or that plainly says nothing shall be?
fn is_spoken_of(cx: &Cx, table: &Table, command: Command) -> bool {
    let refuses = |policy: &Policy| policy.clauses().any(|(_, clause)| clause.root.is_false());
    table
        .policies
        .iter()
        .any(|policy| policy.applies_to(command) && (policy.permissive || refuses(policy)) && !clients(cx, policy).is_empty())
}

fn only_restrictive(cx: &mut Cx, table: &Table) {
    let refuses = |policy: &Policy| policy.clauses().all(|(_, clause)| clause.root.is_false());
    let concerned = |policy: &&Policy| !policy.permissive && !refuses(policy) && !clients(cx, policy).is_empty();
    let Some(policy) = table.policies.iter().find(concerned) else { return };
    let message = format!("`{}` has only restrictive policies for API clients, and so lets them do nothing at all", table.name);
    cx.report(table, policy.named, message)
        .severity(Severity::Warn)
        .given(table.rls.certainty)
        .given(policy.certainty)
        .discriminate("restrictive")
        .help("add a permissive policy for what clients may do; a restrictive one only narrows what permissive ones let through");
}

/// UPDATE and DELETE find their rows by reading them. Did that have to be said?
fn blind(cx: &mut Cx, table: &Table) -> bool {
    let reads = |role: &&str| !cx.applicable(table, role, Command::Select).0.is_empty();
    let is_blind = |policy: &&Policy| {
        let roles = clients(cx, policy);
        let privilege = if policy.command == Command::Update { Privileges::UPDATE } else { Privileges::DELETE };
        policy.permissive
            && matches!(policy.command, Command::Update | Command::Delete)
            && !policy.using.as_ref().is_some_and(|using| using.root.is_false())
            && roles.iter().any(|role| cx.reachable(role, table, privilege) && cx.reachable(role, table, Privileges::SELECT))
            && !roles.iter().any(reads)
    };
    let policies: Vec<&Policy> = table.policies.iter().filter(is_blind).collect();
    let Some(first) = policies.first() else { return false };
    let name = &table.name;
    let (verb, whose) = if first.command == Command::Update { ("update", "UPDATE") } else { ("delete", "DELETE") };
    let message = format!(
        "policy \"{}\" lets {} {verb} rows of `{name}` that no policy lets them read: {whose} … WHERE finds none",
        first.name,
        who(first)
    );
    let fix = reading_too(cx, table, first);
    let draft = cx.report(table, first.named, message);
    draft.severity(Severity::Warn).given(table.rls.certainty).given(first.certainty).discriminate("blind");
    draft.help("add a SELECT policy for the same rows, or drop this one if only the service role is meant to write");
    if let Some(step) = fix {
        draft.fix(Safety::Review, format!("Let them read the rows of `{name}` that they may change"), [step]);
    }
    for policy in policies.iter().skip(1) {
        draft.because(policy.named, "finds none either");
    }
    true
}

/// The policy that lets those who may write rows read them; none where that would let everybody read.
pub fn reading_too(cx: &Cx, table: &Table, policy: &Policy) -> Option<Step> {
    let using = policy.using.as_ref().filter(|using| tells_callers_apart(cx, using))?;
    Some(policy_like(cx, table, policy, using, Command::Select, "SELECT"))
}

fn who(policy: &Policy) -> String {
    if policy.roles.iter().any(|role| role == "public") { "clients".into() } else { format!("`{}`", policy.roles.join("`, `")) }
}

fn uncovered(cx: &mut Cx, table: &Table, lacking: &[(Command, Privileges, &'static str)]) {
    let name = &table.name;
    let words: Vec<&str> = lacking.iter().map(|(_, _, word)| *word).collect();
    let unread = lacking.iter().any(|(command, ..)| *command == Command::Select);
    let what = match words.split_last() {
        Some((last, [])) => last.to_string(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => return,
    };
    let mut message = format!("no policy of `{name}` allows {what}: only the service role and SECURITY DEFINER functions get through");
    if unread && !words.contains(&"INSERT") {
        message.push_str(", and INSERT … RETURNING fails for clients");
    }
    let model = model(cx, table);
    let steps: Vec<Step> = model
        .iter()
        .flat_map(|(policy, predicate)| lacking.iter().map(|(command, _, word)| policy_like(cx, table, policy, predicate, *command, word)))
        .collect();
    let first = table.policies.iter().find(|policy| policy.permissive && !clients(cx, policy).is_empty());
    let draft = cx.report(table, first.map_or(table.named, |policy| policy.named), message);
    draft
        .label("what clients may do")
        .because(table.named, "created here")
        .given(table.rls.certainty)
        .help("keep it so if only server code does that; otherwise add a policy for each command that clients need");
    if let Some((policy, _)) = model {
        // whether clients are to do that at all is nothing to be read from the schema
        draft.fix(Safety::Manual, format!("Allow {what} to those that \"{}\" lets in", policy.name), steps);
    }
}

/// The policy that others may be made after: the only one for writing that tells callers apart, or else one for reading one's own rows.
fn model<'a>(cx: &Cx, table: &'a Table) -> Option<(&'a Policy, &'a Expression)> {
    [Command::Update, Command::Delete, Command::Insert, Command::Select].into_iter().find_map(|command| {
        let of: Vec<&Policy> = table
            .policies
            .iter()
            .filter(|policy| policy.permissive && policy.command == command && !clients(cx, policy).is_empty())
            .collect();
        let [policy] = of.as_slice() else { return None };
        let predicate = policy.using.as_ref().or(policy.check.as_ref())?;
        let own = command != Command::Select || predicate.root.conjuncts().into_iter().any(|conjunct| pinned(cx, conjunct).is_some());
        (own && tells_callers_apart(cx, predicate)).then_some((*policy, predicate))
    })
}

/// Does what a predicate lets through depend on the row and on who asks?
fn tells_callers_apart(cx: &Cx, predicate: &Expression) -> bool {
    names_row(&predicate.root, 0) && asks(cx, &predicate.root)
}

fn policy_like(cx: &Cx, table: &Table, policy: &Policy, predicate: &Expression, command: Command, word: &str) -> Step {
    let base = derived_name(&table.name.name, "", &word.to_lowercase());
    let free = |name: &SmolStr| table.policy(name).is_none();
    let numbered = (2..).map(|nth| SmolStr::from(format!("{base}_{nth}")));
    let name = std::iter::once(base.clone()).chain(numbered).find(free).unwrap_or(base.clone());
    let (name, on) = (quote_ident(&name), table.name.quoted());
    let clause = if command == Command::Insert { "with check" } else { "using" };
    let roles: Vec<String> = policy.roles.iter().map(|role| if role == "public" { role.to_string() } else { quote_ident(role) }).collect();
    let text = predicate.text_with(cx.sources, &wrapped(cx, predicate));
    Step::batch(
        Phase::Policy,
        format!("create policy {name} on {on}\n  for {} to {}\n  {clause} ({text});", word.to_lowercase(), roles.join(", ")),
    )
    .undo(format!("drop policy {name} on {on};"))
}
