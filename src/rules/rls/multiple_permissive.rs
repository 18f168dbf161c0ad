//! Tables with several permissive policies for the same role and command. PostgreSQL evaluates all of them.

use crate::analysis::needed_privileges::list;
use crate::remedy::merged_policy::{has_same_roles, is_alike, merge, split};
use crate::rules::prelude::*;

rule!("rls/multiple-permissive", Performance, Warn, Schema(check), fixable);

/// Policies that PostgreSQL evaluates when a role runs a command.
struct Evaluated<'a> {
    role: SmolStr,
    word: &'static str,
    policies: Vec<&'a Policy>,
}

fn check(cx: &mut Cx) {
    for table in cx.user_tables() {
        let found = evaluated(cx, table);
        if !found.is_empty() {
            report(cx, table, &found);
        }
    }
}

/// Returns each role and command with several permissive policies. Roles that inherit them from other roles are not included.
fn evaluated<'a>(cx: &Cx, table: &'a Table) -> Vec<Evaluated<'a>> {
    let roles = cx.catalog.roles.values().filter(|role| !role.bypass_rls && !is_internal(&role.name));
    let pairs = roles.flat_map(|role| COMMANDS.map(|(command, _, word)| (role, command, word)));
    pairs
        .map(|(role, command, word)| {
            let applies = |policy: &&Policy| policy.permissive && policy.applies_to(command) && policy.applies_to_role(&role.name);
            Evaluated { role: role.name.clone(), word, policies: table.policies.iter().filter(applies).collect() }
        })
        .filter(|found| found.policies.len() > 1)
        .collect()
}

/// Returns whether Supabase's advisor passes a role over. Its pattern `pg_%` matches `pgbouncer` too.
fn is_internal(role: &str) -> bool {
    role.starts_with("pg") || role.starts_with("supabase") && role.ends_with("admin")
}

fn report(cx: &mut Cx, table: &Table, found: &[Evaluated]) {
    let name = &table.name;
    // every role has the policies of PUBLIC, but requests are made by few
    let clients: Vec<&Evaluated> = found.iter().filter(|one| API_ROLES.contains(&one.role.as_str())).collect();
    let shown: Vec<&Evaluated> = if clients.is_empty() { found.iter().collect() } else { clients };
    let mut commands: Vec<&str> = Vec::new();
    let mut roles: Vec<String> = Vec::new();
    let mut policies: Vec<&Policy> = Vec::new();
    for one in &shown {
        let role = format!("`{}`", one.role);
        if !commands.contains(&one.word) {
            commands.push(one.word);
        }
        if !roles.contains(&role) {
            roles.push(role);
        }
        for policy in &one.policies {
            if !policies.iter().any(|known| std::ptr::eq(*known, *policy)) {
                policies.push(policy);
            }
        }
    }
    policies.sort_by_key(|policy| policy.at);
    let most = shown.iter().map(|one| one.policies.len()).max().unwrap_or_default();
    let message = format!(
        "`{name}` has up to {most} permissive policies for {} by {}: PostgreSQL evaluates all of them for each row until one is true",
        list(&commands, "and"),
        list(&roles, "and")
    );
    let spread = policies.iter().any(|policy| policy.command == Command::All && policies.iter().any(|other| other.command != Command::All));
    let all_are =
        |test: fn(&Policy, &Policy) -> bool| found.iter().all(|one| one.policies.iter().all(|policy| test(policy, one.policies[0])));
    let merged = if all_are(is_alike) { merge(cx, table, &policies) } else { None };
    let divided = if merged.is_none() && all_are(has_same_roles) { split(cx, table, &policies) } else { None };
    let (kind, one, several, help) = match (&merged, spread) {
        (Some(_), _) => (
            "alike",
            "table has several permissive policies for the same roles and command",
            "tables have several permissive policies for the same roles and command",
            "Merge the policies into one, with OR between their conditions.",
        ),
        (None, true) => (
            "all",
            "table has a permissive policy for ALL and others for single commands",
            "tables have a permissive policy for ALL and others for single commands",
            "Replace the policy for ALL by policies for the commands that no other policy has, and join conditions for the same command with OR.",
        ),
        (None, false) => (
            "roles",
            "table has several permissive policies for overlapping roles",
            "tables have several permissive policies for overlapping roles",
            "Give each policy a TO with the roles that need it, and join conditions for the same command with OR in one policy.",
        ),
    };
    let Some((first, rest)) = policies.split_first() else { return };
    let draft = cx.report(table, first.named, message);
    draft.label(scope(first)).given(table.rls.certainty).help(help);
    for policy in rest {
        draft.because(policy.named, scope(policy));
    }
    draft.cause(kind, one, several);
    match (merged, divided) {
        (Some(steps), _) => drop(
            draft
                .fix(Safety::Review, format!("Merge policies on `{name}`"), steps)
                .check("Choose a name that describes the merged policy."),
        ),
        // the cost is small if the conditions are seldom evaluated
        (None, Some(steps)) => drop(
            draft
                .severity(Severity::Info)
                .fix(Safety::Review, format!("Split the policy for ALL on `{name}` by command"), steps)
                .check("Choose names that describe the new policies. The access of each role stays the same."),
        ),
        (None, None) => drop(draft.severity(Severity::Info)),
    }
    // PostgreSQL does not evaluate them, but the linter reports them
    if !table.rls.value {
        draft.only_for_advisor();
    }
    if table.kind == TableKind::Ordinary {
        for one in found {
            let key = format!("multiple_permissive_policies_{}_{}_{}_{}", name.schema, name.name, one.role, one.word);
            draft.advisor("multiple_permissive_policies", key);
        }
    }
}

/// Returns the command and the roles of a policy in words.
fn scope(policy: &Policy) -> String {
    format!("for {} to {}", policy.command.word(), policy.roles.join(", "))
}
