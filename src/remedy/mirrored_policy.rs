//! Policies for a table without policies, based on those of a similar table.
//!
//! Promises: the other table restricts rows to the caller with columns that this table has too, with the same types and references. The new
//! policies are those of the other table with the name of this one. Limits: tables are excluded if a policy allows everyone, reads its own
//! table, or may have been changed by an unknown statement.

use super::wrapped_call::wrapped;
use crate::analysis::caller_check::depends_on_caller;
use crate::analysis::eval_frequency;
use crate::analysis::prelude::*;
use crate::remedy::policy_edit::{Edits, whole};
use crate::remedy::restore::{create_policy, free_policy_name};

pub struct PoliciesOfSimilarTable<'a> {
    pub of: &'a Table,
    pub steps: Vec<Step>,
}

/// Returns the policies of the most similar table.
pub fn policies_of_similar_table<'a>(cx: &State<'a>, table: &Table) -> Option<PoliciesOfSimilarTable<'a>> {
    let alike = |other: &Table| other.columns.iter().filter(|column| is_same(table, other, &column.name)).count();
    let commands = |other: &Table| {
        let all = [Command::Select, Command::Insert, Command::Update, Command::Delete];
        all.into_iter().filter(|command| other.policies.iter().any(|policy| policy.applies_to(*command))).count()
    };
    let others = cx
        .exposed_tables()
        .filter(|other| other.name.schema == table.name.schema && other.name != table.name && is_model(cx, table, other));
    let best = others.max_by_key(|other| (commands(other), alike(other), std::cmp::Reverse(&other.name)))?;
    let mut names: Vec<SmolStr> = Vec::new();
    let policies: Vec<&Policy> = for_clients(cx, best).collect();
    let needed = policies.iter().filter(|policy| !policies.iter().any(|all| says_as_much(cx, all, policy)));
    let steps = needed.map(|policy| step(cx, table, policy, &mut names)).collect();
    Some(PoliciesOfSimilarTable { of: best, steps })
}

fn for_clients<'t>(cx: &State, table: &'t Table) -> impl Iterator<Item = &'t Policy> {
    table.policies.iter().filter(|policy| API_ROLES.iter().any(|role| cx.concerns(policy, role)))
}

/// Returns whether a policy for all commands has the same condition as a policy for one command. PostgreSQL would evaluate both.
fn says_as_much(cx: &State, all: &Policy, one: &Policy) -> bool {
    let text = |clause: Option<&Expression>| clause.map(|clause| cx.text(clause).split_whitespace().collect::<Vec<_>>().join(" "));
    let same = |of: fn(&Policy) -> Option<&Expression>| of(one).is_none() || text(of(all)) == text(of(one));
    let alike = all.permissive && one.permissive && all.roles == one.roles;
    let writes = |policy: &Policy| matches!(policy.command, Command::Insert | Command::Update | Command::All);
    alike
        && all.command == Command::All
        && one.command != Command::All
        && same(|policy| policy.using.as_ref())
        && (!writes(one) || same(|policy| policy.check.as_ref().or(policy.using.as_ref())))
}

/// Returns whether both tables have a column with the same type and reference.
fn is_same(table: &Table, other: &Table, column: &str) -> bool {
    let (Some(one), Some(two)) = (table.column(column), other.column(column)) else { return false };
    one.ty == two.ty && target(table, column) == target(other, column)
}

fn target<'t>(table: &'t Table, column: &str) -> Option<(&'t QName, &'t [SmolStr])> {
    let mut keys = table.foreign_keys().filter(|(constraint, _)| matches!(constraint.columns.as_slice(), [only] if only == column));
    keys.next().map(|(_, key)| (&key.table, key.columns.as_slice()))
}

fn is_model(cx: &State, table: &Table, other: &Table) -> bool {
    let mut policies = for_clients(cx, other);
    other.rls.value
        && other.rls.certainty == Certainty::Certain
        && for_clients(cx, other).any(|policy| policy.permissive)
        && policies.all(|policy| {
            let fits = |clause: &Expression| fits(table, other, &clause.root);
            let tied = |clause: &Expression| eval_frequency::names_row(&clause.root, 0) && depends_on_caller(cx, &clause.root);
            policy.certainty == Certainty::Certain
                && !policy.at.is_platform()
                && !cx.may_have_changed(policy)
                && policy.clauses().all(|(_, clause)| fits(clause) && (!policy.permissive || tied(clause)))
        })
}

/// Returns whether the condition of a policy can be used for the other table.
fn fits(table: &Table, other: &Table, root: &Expr) -> bool {
    let (mut known, mut refers, mut names_row) = (true, false, false);
    // a primary key without a reference identifies the row, not its owner
    let is_key = |name: &str| {
        [table, other].iter().any(|table| table.primary_key().is_some_and(|key| key.columns.iter().any(|column| column == name)))
    };
    eval_frequency::columns(root, 0, &mut |column, scope| match (scope, column.column()) {
        (Some(0), Some(name)) => {
            let to = target(other, name);
            known &= is_same(table, other, name) && (to.is_some() || !is_key(name));
            refers |= to.is_some();
            names_row = true;
        }
        (Some(_), _) => {}
        (None, _) => known = false,
    });
    let mut apart = true;
    root.walk(&mut |node| {
        if let Node::From(item) = node {
            let named = |name: &str| name == table.name.name || name == other.name.name;
            let bound = match &item.relation {
                FromRelation::Table { name, .. } => named(name.last()),
                _ => false,
            };
            apart &= !bound && !item.reference().is_some_and(named);
        }
        Walk::Into
    });
    known && apart && (refers || !names_row)
}

fn step(cx: &State, table: &Table, policy: &Policy, names: &mut Vec<SmolStr>) -> Step {
    let name = free_policy_name(table, policy.command, names);
    let clauses = policy.clauses().map(|(word, clause)| {
        let mut edits: Edits = wrapped(cx, clause);
        eval_frequency::columns(&clause.root, 0, &mut |column, scope| {
            if let ExprKind::Column { path, .. } = &column.kind
                && scope == Some(0)
                && path.len() > 1
                && !edits.iter().any(|(span, _)| span.contains(column.span))
            {
                edits.push((column.span, format!("{}.{}", quote_ident(&table.name.name), quote_ident(path.last().expect("not empty")))));
            }
        });
        (word, whole(cx, clause, &edits))
    });
    let sql = create_policy(table, &name, policy.permissive, policy.command, &policy.roles, clauses);
    let undo = format!("drop policy {} on {};", quote_ident(&name), table.name.quoted());
    names.push(name);
    Step::batch(Phase::Policy, sql).undo(undo)
}
