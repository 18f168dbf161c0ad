//! Policies that allow clients to write every row, because their condition is true for each user with the role.

use crate::analysis::needed_privileges::list;
use crate::analysis::open_policies::{Opening, deeds, openings, whose};
use crate::analysis::owner_columns::owner_columns;
use crate::analysis::state::is_users_table;
use crate::remedy::restore::role_name;
use crate::rules::prelude::*;

rule!("rls/always-true", Security, Error, Schema(check), fixable);

fn check(cx: &mut Cx) {
    for (table, policy) in cx.policies() {
        let opened = openings(cx, table, policy, &|_| None);
        if opened.iter().any(|opening| opening.command != Command::Select) {
            report(cx, table, policy, &opened);
        }
    }
}

fn report(cx: &mut Cx, table: &Table, policy: &Policy, opened: &[Opening]) {
    let name = &table.name;
    let gained = |role: &str| -> Vec<Command> {
        opened.iter().filter(|opening| opening.effective && opening.role == role).map(|opening| opening.command).collect()
    };
    let (anon, users) = (gained("anon"), gained("authenticated"));
    let owners = owner_columns(cx, table);
    let more: Vec<Command> = users.iter().copied().filter(|command| !anon.contains(command)).collect();
    let parts = [("anon", &anon), ("authenticated", &more)].into_iter().filter(|(_, commands)| !commands.is_empty());
    let gains: Vec<String> = parts.map(|(role, commands)| format!("{} {}", whose(role), deeds(commands))).collect();
    let message = match gains.is_empty() {
        false => format!("policy \"{}\" on `{name}` lets {}", policy.name, gains.join(", and ")),
        true => {
            format!("policy \"{}\" on `{name}` allows every row: only missing privileges or other policies prevent writes", policy.name)
        }
    };
    // a form that strangers fill in is often meant; rows in the name of others are not
    let severity = match (gains.is_empty(), anon.as_slice()) {
        (true, _) => Severity::Info,
        (_, []) => Severity::Warn,
        (_, [Command::Insert]) if owners.is_empty() => Severity::Warn,
        _ => Severity::Error,
    };
    let clause = match opened.iter().any(|opening| opening.command != Command::Insert) {
        true => policy.using.as_ref(),
        false => policy.check.as_ref().or(policy.using.as_ref()),
    };
    let place = clause.map_or(policy.named, |clause| clause.site);
    let help = match owners.iter().find(|owner| !owner.is_tenant).or(owners.first()) {
        Some(owner) if owner.is_tenant => {
            format!("Compare `{}` with the tenants of the caller, or drop the policy if only server code writes: the service role bypasses row level security.", owner.name)
        }
        Some(owner) => {
            format!("Compare `{0}` with the caller: `{0} = (select auth.uid())`. Drop the policy if only server code writes: the service role bypasses row level security.", owner.name)
        }
        None => "Add a condition that depends on the caller, or drop the policy if only server code writes: the service role bypasses row level security.".into(),
    };
    let advised = is_advised(table, policy);
    let fix = for_service(cx, table, policy);
    let draft = cx.report((table, policy), place, message);
    draft.label("always true").severity(severity).given(table.rls.certainty).because(policy.named, "policy created here").help(help);
    let (key, whom) = match severity {
        Severity::Info => ("nobody".to_string(), "clients without privileges write every row".to_string()),
        Severity::Warn => (
            whose(if anon.is_empty() { "authenticated" } else { "anon" }).to_string(),
            match anon.is_empty() {
                true => "every signed-in user write every row".to_string(),
                false => "anyone who has the anon key insert any row".to_string(),
            },
        ),
        Severity::Error => (name.to_string(), format!("anyone who has the anon key write every row of `{name}`")),
    };
    draft.cause(key, format!("policy lets {whom}"), format!("policies let {whom}"));
    if let Some((title, check, step)) = fix {
        draft.fix(Safety::Review, title, [step]).check(check);
    }
    if advised {
        draft.advisor("rls_policy_always_true", format!("rls_policy_always_true_{}_{}_{}", name.schema, name.name, policy.name));
    }
}

/// Returns the fix for a policy whose name says that it is for the service role: only the TO is missing.
fn for_service(cx: &Cx, table: &Table, policy: &Policy) -> Option<(String, String, Step)> {
    let name = policy.name.to_lowercase().replace(['_', '-'], " ");
    let meant = ["service role", "service key"].iter().any(|words| name.contains(words));
    if !meant || cx.may_have_changed(policy) || cx.catalog.roles.get(&"service_role".into()).is_none() {
        return None;
    }
    let to = |roles: &[String]| format!("alter policy {} on {} to {};", quote_ident(&policy.name), table.name.quoted(), roles.join(", "));
    let roles: Vec<String> = policy.roles.iter().map(|role| role_name(role)).collect();
    let lost = API_ROLES.into_iter().filter(|role| cx.concerns(policy, role)).map(|role| format!("`{role}`")).collect::<Vec<_>>();
    Some((
        format!("Restrict policy \"{}\" to the service role", policy.name),
        format!("Check that no client uses this policy: {} lose it.", list(&lost, "and")),
        Step::batch(Phase::Policy, to(&["service_role".into()])).undo(to(&roles)),
    ))
}

/// Returns whether Supabase's advisor reports the policy too. It compares the text of the clauses with `true`.
pub fn is_advised(table: &Table, policy: &Policy) -> bool {
    let is_true = |clause: &Option<Expression>| clause.as_ref().is_some_and(|clause| clause.root.is_true());
    let using = matches!(policy.command, Command::Update | Command::Delete | Command::All) && is_true(&policy.using);
    let check = is_true(&policy.check);
    let roles = policy.roles.iter().any(|role| matches!(role.as_str(), "public" | "anon" | "authenticated"));
    table.kind == TableKind::Ordinary && table.rls.value && policy.permissive && roles && (using || check) && is_users_table(table)
}
