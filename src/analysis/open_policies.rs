//! Commands that a policy allows for every row, whoever the caller with the role is.

use crate::analysis::predicate::{Outcomes, of_not_null_columns, outcomes, outcomes_given};
use crate::analysis::prelude::*;

/// A command that a policy allows a role for every row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    pub role: &'static str,
    pub command: Command,
    /// Whether an API serves the table, the role has the privilege, and no restrictive policy narrows the rows.
    pub effective: bool,
}

/// Returns the commands that a permissive policy allows API roles for every row. `known` gives results of parts of the conditions.
pub fn openings(cx: &State, table: &Table, policy: &Policy, known: &dyn Fn(&Expr) -> Option<Outcomes>) -> Vec<Opening> {
    if !policy.permissive || !table.rls.value {
        return Vec::new();
    }
    let not_null = of_not_null_columns(table);
    let known = |expr: &Expr| known(expr).or_else(|| not_null(expr));
    let is_true = |policy: &Policy, role: &str, command: Command| {
        deciding(policy, command).is_some_and(|clause| outcomes_given(&clause.root, role, &known).is_always_true())
    };
    // tables of the platform have APIs of their own
    let served = table.created.is_platform() || cx.is_exposed(&table.name.schema);
    let all = API_ROLES.into_iter().flat_map(|role| COMMANDS.map(|(command, privilege, _)| (role, command, privilege)));
    all.filter(|(role, command, _)| policy.applies_to(*command) && cx.concerns(policy, role) && is_true(policy, role, *command))
        .map(|(role, command, privilege)| {
            let narrowed = cx.applicable(table, role, command).1.into_iter().any(|policy| !is_true(policy, role, command));
            Opening { role, command, effective: served && !narrowed && cx.reachable(role, table, privilege) }
        })
        .collect()
}

/// Returns whether privileges and policies let an API role insert or update some rows of a table.
pub fn may_write(cx: &State, table: &Table) -> bool {
    let may_hold = |policy: &Policy, role: &str, command: Command| {
        deciding(policy, command).is_some_and(|clause| !outcomes(&clause.root, role).is_never_true())
    };
    let is_allowed = |role: &str, command: Command| {
        let (permissive, restrictive) = cx.applicable(table, role, command);
        let is_passable = |policy: &&Policy| deciding(policy, command).is_none() || may_hold(policy, role, command);
        !table.rls.value || permissive.iter().any(|policy| may_hold(policy, role, command)) && restrictive.iter().all(is_passable)
    };
    let writes = [(Command::Insert, Privileges::INSERT), (Command::Update, Privileges::UPDATE)];
    API_ROLES
        .into_iter()
        .any(|role| writes.iter().any(|(command, privilege)| cx.reachable(role, table, *privilege) && is_allowed(role, *command)))
}

/// Returns the clause that decides which rows a command may read, change or add.
fn deciding(policy: &Policy, command: Command) -> Option<&Expression> {
    match command {
        Command::Insert => policy.check.as_ref().or(policy.using.as_ref()),
        _ => policy.using.as_ref(),
    }
}

/// Returns who has a role, in words.
pub fn whose(role: &str) -> &'static str {
    if role == "anon" { "anyone who has the anon key" } else { "every signed-in user" }
}

/// Returns what a role can do, in words: `insert rows, and change and delete every row`.
pub fn deeds(commands: &[Command]) -> String {
    let verb = |command: &Command| match command {
        Command::Select => Some("read"),
        Command::Update => Some("change"),
        Command::Delete => Some("delete"),
        Command::Insert | Command::All => None,
    };
    let verbs: Vec<&str> = commands.iter().filter_map(verb).collect();
    let rows = (!verbs.is_empty()).then(|| format!("{} every row", crate::analysis::needed_privileges::list(&verbs, "and")));
    let insert = commands.contains(&Command::Insert).then(|| "insert any row".to_string());
    insert.into_iter().chain(rows).collect::<Vec<_>>().join(" and ")
}
