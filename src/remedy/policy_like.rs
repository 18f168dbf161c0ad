//! A policy for another command, based on an existing policy of the table.

use super::policy_edit::whole;
use super::restore::{create_policy, free_policy_name};
use super::wrapped_call::wrapped_in;
use crate::analysis::caller_check::depends_on_caller;
use crate::analysis::eval_frequency::names_row;
use crate::analysis::prelude::*;

/// Returns a SELECT policy with the condition of a write policy, or `None` if it would let everybody read.
pub fn reading_too(cx: &State, table: &Table, policy: &Policy) -> Option<Step> {
    let using = policy.using.as_ref().filter(|using| depends_on_row_and_caller(cx, using))?;
    Some(policy_like(cx, table, policy, using, Command::Select))
}

/// Returns whether a condition depends on both the row and the caller.
pub fn depends_on_row_and_caller(cx: &State, predicate: &Expression) -> bool {
    names_row(&predicate.root, 0) && depends_on_caller(cx, &predicate.root)
}

pub fn policy_like(cx: &State, table: &Table, policy: &Policy, predicate: &Expression, command: Command) -> Step {
    let name = free_policy_name(table, command, &[]);
    let text = |clause: &Expression| whole(cx, clause, &wrapped_in(cx, table, policy, command, clause));
    // the changed row must satisfy the check for inserted rows
    let inserts = || table.policies.iter().find(|policy| policy.permissive && policy.command == Command::Insert)?.check.as_ref();
    let clauses = match command {
        Command::Insert => vec![("with check", text(policy.check.as_ref().unwrap_or(predicate)))],
        Command::Update => {
            let check = policy.check.as_ref().or_else(inserts).map(text).filter(|check| *check != text(predicate));
            std::iter::once(("using", text(predicate))).chain(check.map(|check| ("with check", check))).collect()
        }
        Command::All | Command::Select | Command::Delete => vec![("using", text(predicate))],
    };
    let sql = create_policy(table, &name, true, command, &policy.roles, clauses.into_iter());
    Step::batch(Phase::Policy, sql).undo(format!("drop policy {} on {};", quote_ident(&name), table.name.quoted()))
}
