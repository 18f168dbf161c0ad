//! Commands that no policy of a table allows, and policies that have no effect because another policy is missing.

use crate::analysis::caller_check::pinned;
use crate::analysis::exposure::can_have_rls;
use crate::analysis::server_written::is_servers;
use crate::analysis::tenant::{Tenant, Tenants};
use crate::remedy::policy_edit::rests_on_text;
use crate::remedy::policy_like::{depends_on_row_and_caller, policy_like, reading_too};
use crate::rules::prelude::*;

rule!("rls/missing-command", Security, Info, Schema(check), fixable);

fn check(cx: &mut Cx) {
    for table in cx.exposed_tables().filter(|table| table.rls.value && can_have_rls(table)) {
        of_table(cx, table);
    }
}

fn of_table(cx: &mut Cx, table: &Table) {
    let granted: Vec<_> = COMMANDS.into_iter().filter(|(_, privilege, _)| !cx.reaching(table, *privilege).is_empty()).collect();
    // policies for the service role and other roles do not concern API clients
    if !table.policies.iter().any(|policy| policy.permissive && !clients(cx, policy).is_empty()) {
        return only_restrictive(cx, table);
    }
    let blind = blind(cx, table);
    let lacking: Vec<_> =
        granted.into_iter().filter(|(command, ..)| !(is_spoken_of(cx, table, *command) || blind && *command == Command::Select)).collect();
    if !lacking.is_empty() {
        uncovered(cx, table, &lacking);
    }
}

/// Returns the API roles to which a policy applies.
fn clients(cx: &Cx, policy: &Policy) -> Vec<&'static str> {
    API_ROLES.into_iter().filter(|role| cx.concerns(policy, role)).collect()
}

/// Returns whether a policy for a command exists that allows rows, or that explicitly denies all rows.
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
    let message = format!("`{}` has only restrictive policies for API clients, so clients have no access", table.name);
    cx.report(table, policy.named, message)
        .severity(Severity::Warn)
        .given(table.rls.certainty)
        .given(policy.certainty)
        .discriminate("restrictive")
        .help("Add a permissive policy for what clients may do. Restrictive policies only narrow what permissive policies allow.");
}

/// Reports UPDATE and DELETE policies without a SELECT policy, and returns whether there are any. UPDATE and DELETE read rows to find them.
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
    for policy in &policies {
        report_blind(cx, table, policy);
    }
    !policies.is_empty()
}

fn report_blind(cx: &mut Cx, table: &Table, policy: &Policy) {
    let name = &table.name;
    let (verb, whose) = if policy.command == Command::Update { ("update", "UPDATE") } else { ("delete", "DELETE") };
    let message = format!(
        "policy \"{}\" lets {} {verb} rows of `{name}` that no policy lets them read: {whose} … WHERE finds no rows",
        policy.name,
        who(policy)
    );
    let fix = reading_too(cx, table, policy);
    let (safety, known) = rests_on_text(cx, policy, Safety::Review);
    let draft = cx.report((table, policy), policy.named, message);
    draft.severity(Severity::Warn).given(table.rls.certainty).given(policy.certainty).discriminate("blind").given(known);
    draft.help("Add a SELECT policy for the same rows, or drop this policy if only the service role should write.");
    draft.cause(
        name.to_string(),
        format!("policy of `{name}` lets clients write rows that no policy lets them read"),
        format!("policies of `{name}` let clients write rows that no policy lets them read"),
    );
    if let Some(step) = fix {
        draft.fix(safety, format!("Let {} read the rows of `{name}` that policy \"{}\" allows", who(policy), policy.name), [step]);
    }
}

fn who(policy: &Policy) -> String {
    if policy.roles.iter().any(|role| role == "public") { "clients".into() } else { format!("`{}`", policy.roles.join("`, `")) }
}

fn uncovered(cx: &mut Cx, table: &Table, lacking: &[(Command, Privileges, &'static str)]) {
    let first = table.policies.iter().find(|policy| policy.permissive && !clients(cx, policy).is_empty());
    let place = first.map_or(table.named, |policy| policy.named);
    let name = &table.name;
    let words: Vec<&str> = lacking.iter().map(|(_, _, word)| *word).collect();
    let unread = lacking.iter().any(|(command, ..)| *command == Command::Select);
    let what = match words.split_last() {
        Some((last, [])) => last.to_string(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => return,
    };
    let mut message = format!("no policy of `{name}` allows {what}: only the service role and SECURITY DEFINER functions have this access");
    if unread && !words.contains(&"INSERT") {
        message.push_str(", and INSERT … RETURNING fails for clients");
    }
    let model = model(cx, table);
    let steps: Vec<Step> = model
        .iter()
        .flat_map(|(policy, predicate)| lacking.iter().map(|(command, ..)| policy_like(cx, table, policy, predicate, *command)))
        .collect();
    // the schema does not show whether clients should run the command, unless they can already do nearly the same
    let safety = match (lacking, model.map(|(policy, _)| policy.command)) {
        ([(Command::Update, ..)], Some(Command::Delete)) if is_gap(cx, table, Command::Update) => Safety::Review,
        ([(Command::Delete, ..)], Some(Command::Update)) if is_gap(cx, table, Command::Delete) => Safety::Review,
        _ => Safety::Manual,
    };
    let draft = cx.report(table, place, message);
    draft
        .label("policy for clients")
        .because(table.named, "created here")
        .given(table.rls.certainty)
        .help("Keep it if only server code runs these commands. Otherwise add a policy for each command that clients need.");
    if let Some((policy, _)) = model {
        let title = format!("Let {} run {what} on the rows of `{name}` that policy \"{}\" allows", who(policy), policy.name);
        draft.fix(safety, title, steps);
    }
}

/// Returns the policy that is the model for new policies: the only write policy that depends on the caller, otherwise the only policy for
/// reading own rows.
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
        (own && depends_on_row_and_caller(cx, predicate)).then_some((*policy, predicate))
    })
}

/// Returns whether clients write their own rows, or those of their tenant, with all commands except this one. A client who can insert and
/// delete a row can as well update it, and a client who can overwrite a row can nearly as well delete it, unless there are signs that
/// server code does this. Without an INSERT policy, the rows belong to somebody else.
fn is_gap(cx: &Cx, table: &Table, command: Command) -> bool {
    let of = |command: Command| {
        table.policies.iter().filter(move |policy| policy.permissive && policy.command == command && !clients(cx, policy).is_empty())
    };
    let ties = |policy: &Policy| {
        policy.certainty == Certainty::Certain
            && !cx.may_have_changed(policy)
            && policy.clauses().all(|(_, clause)| is_tied(cx, table, clause))
    };
    let others = [Command::Insert, Command::Update, Command::Delete].into_iter().filter(|other| *other != command);
    let roles: Vec<&str> = others.clone().flat_map(of).flat_map(|policy| clients(cx, policy)).collect();
    others.into_iter().all(|other| of(other).next().is_some() && of(other).all(ties)) && !is_servers(cx, table, command, &roles)
}

/// Returns whether a clause allows only rows of the caller or of the caller's tenant.
fn is_tied(cx: &Cx, table: &Table, clause: &Expression) -> bool {
    let of_tenant = |conjunct: &Expr| {
        let within = |tenant: &Tenant| tenant.at.file == clause.site.file && conjunct.span.contains(tenant.at.span);
        !matches!(conjunct.kind, ExprKind::Logic { .. } | ExprKind::Not(_)) && Tenants::of(cx).of_table(table).iter().any(within)
    };
    clause.root.conjuncts().into_iter().any(|conjunct| pinned(cx, conjunct).is_some() || of_tenant(conjunct))
}
