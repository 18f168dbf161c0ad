//! Explicitly granted privileges that no policy lets the role use.

use crate::analysis::exposure::can_have_rls;
use crate::analysis::needed_privileges::{list, words};
use crate::analysis::policy_grantees::refuses;
use crate::catalog::acl::Grant;
use crate::rules::prelude::*;

rule!("access/unneeded-grant", Security, Info, Schema(check), fixable);

/// Unused privileges of a role on a table.
struct Idle<'a> {
    table: &'a Table,
    role: &'static str,
    privileges: Privileges,
    /// Whether no policy of the table applies to the role.
    whole: bool,
    at: Site,
    certainty: Certainty,
}

fn check(cx: &mut Cx) {
    // `rls/no-policy` reports tables without policies, `rls/disabled` tables without row level security
    let guarded = |table: &&Table| table.rls.value && can_have_rls(table) && !table.policies.is_empty();
    let mut idle: Vec<Idle> = Vec::new();
    for table in cx.exposed_tables().filter(guarded) {
        idle.extend(API_ROLES.into_iter().filter_map(|role| find(cx, table, role)));
    }
    for idle in &idle {
        report(cx, idle);
    }
}

fn find<'a>(cx: &Cx, table: &'a Table, role: &'static str) -> Option<Idle<'a>> {
    let granted = |grant: &&Grant| grant.grantee == role && grant.column.is_none() && grant.by_default.is_none() && !grant.at.is_platform();
    let mut held = Privileges::NONE;
    let mut certainty = Certainty::Certain;
    for grant in table.acl.grants.iter().filter(granted) {
        held |= grant.privileges;
        certainty = certainty.min(grant.certainty);
    }
    let open = |role: &str, command: Command| {
        let (permissive, _) = cx.applicable(table, role, command);
        permissive.into_iter().any(|policy| !policy.asked(command).any(|clause| refuses(&clause.root, role)))
    };
    let mut used = COMMANDS.into_iter().filter(|(command, ..)| open(role, *command)).fold(Privileges::NONE, |all, (_, one, _)| all | one);
    let whole = used.is_empty();
    if used.intersects(Privileges::UPDATE | Privileges::DELETE) {
        used |= Privileges::SELECT;
    }
    // `rls/missing-command` reports commands that no policy allows for any role
    let theirs = |command: Command| whole || API_ROLES.into_iter().any(|other| other != role && open(other, command));
    let privileges = COMMANDS
        .into_iter()
        .filter(|(command, privilege, _)| held.contains(*privilege) && !used.contains(*privilege) && theirs(*command))
        .fold(Privileges::NONE, |all, (_, privilege, _)| all | privilege);
    let at = table.acl.grants.iter().filter(granted).rev().find(|grant| grant.privileges.intersects(privileges))?.at;
    Some(Idle { table, role, privileges, whole, at, certainty })
}

fn report(cx: &mut Cx, idle: &Idle) {
    let Idle { table, role, privileges, .. } = idle;
    let (name, words) = (&table.name, words(*privileges));
    let message = match idle.whole {
        true => format!("`{role}` is granted {} on `{name}`, but no policy gives it access to the table", list(&words, "and")),
        false => format!("`{role}` is granted {} on `{name}`, but no policy allows this for the role", list(&words, "and")),
    };
    cx.report(*table, idle.at, message)
        .because(table.named, "created here")
        .given(idle.certainty)
        .given(table.rls.certainty)
        .discriminate(role)
        .cause(
            *role,
            format!("table grants `{role}` privileges that no policy lets it use"),
            format!("tables grant `{role}` privileges that no policy lets it use"),
        )
        .help("Revoke it. Otherwise a later policy that is too broad exposes the rows.")
        .fix(Safety::Review, format!("Revoke unused privileges from `{role}`"), [revoke(idle)]);
}

fn revoke(idle: &Idle) -> Step {
    let (what, name) = (words(idle.privileges).join(", ").to_lowercase(), idle.table.name.quoted());
    Step::batch(Phase::Grant, format!("revoke {what} on table {name} from {};", idle.role))
        .undo(format!("grant {what} on table {name} to {};", idle.role))
}
