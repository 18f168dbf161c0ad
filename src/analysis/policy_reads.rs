//! Tables that policies read, and circles of policies that read each other.
//!
//! Promises: policies are followed as PostgreSQL expands them. A table that a subquery reads brings the SELECT policies for the role that
//! reads it: the caller, the owner of a view without security_invoker, or the owner of a SECURITY DEFINER function. Owners and roles with
//! BYPASSRLS have no policies. PostgreSQL rejects a query (42P17) if the policies of a table contain a subquery, also one without FROM, and
//! are reached again while they are expanded. The query of a function is expanded only when the function runs, so a circle through
//! functions ends when the stack is full (54001). Tested on PostgreSQL 15.
//! Limits: dynamic statements of functions, and calls in views, are not followed.

use crate::analysis::prelude::*;
use crate::catalog::MIGRATION_ROLE;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Maximum depth of nested function calls that are followed.
const DEPTH: usize = 4;

/// A policy that reads a table.
#[derive(Clone)]
pub struct Reading<'a> {
    pub table: &'a Table,
    pub policy: &'a Policy,
    /// Location of the subquery or of the call in the policy.
    pub at: Site,
    /// The function that reads the table, and the location in its body.
    pub function: Option<(&'a Function, Site)>,
    pub reads: &'a Table,
    /// Whether another condition can decide before the call runs, so that it does not always run.
    pub is_avoidable: bool,
    /// The role whose policies apply to the table that is read.
    role: SmolStr,
}

/// Policies that lead back to the table of the first one.
pub struct Circle<'a> {
    pub readings: Vec<Reading<'a>>,
    /// The SELECT policy with a subquery that is reached again, if the circle begins with another command.
    pub closing: Option<&'a Policy>,
}

impl Circle<'_> {
    /// Whether the circle is closed by a function while the query runs (54001), not while it is planned (42P17).
    pub fn is_through_function(&self) -> bool {
        self.readings.iter().any(|reading| reading.function.is_some())
    }
}

pub struct Reads<'c, 'a> {
    cx: &'c State<'a>,
    known: BTreeMap<(QName, &'static str, SmolStr), Vec<Reading<'a>>>,
}

impl<'c, 'a> Reads<'c, 'a> {
    pub fn new(cx: &'c State<'a>) -> Reads<'c, 'a> {
        Reads { cx, known: BTreeMap::new() }
    }

    /// Returns the shortest circle that begins with a policy when a role runs a command.
    pub fn circle(&mut self, table: &'a Table, policy: &Policy, role: &str, command: Command) -> Option<Circle<'a>> {
        let cx = self.cx;
        let closing = |role: &str| evaluated(cx, table, role, Command::Select).into_iter().find(|policy| has_subquery(policy));
        let mut circle = self.search(table, policy, role, command, &|role| closing(role).is_some())?;
        if command != Command::Select && !circle.is_through_function() {
            circle.closing = circle.readings.last().and_then(|last| closing(&last.role));
        }
        Some(circle)
    }

    /// Returns a circle that a policy without a subquery would close if it contained one, such as `(select auth.uid())`, and the command
    /// that PostgreSQL would then reject. The command of the policy is an argument, because a new policy can be for another command.
    pub fn closed_by(&mut self, table: &'a Table, policy: &Policy, command: Command) -> Option<(&'static str, Circle<'a>)> {
        if !matches!(command, Command::Select | Command::All) || has_subquery(policy) {
            return None;
        }
        let cx = self.cx;
        // another policy with a subquery closes the circle already
        let is_closed = |role: &str| evaluated(cx, table, role, Command::Select).into_iter().any(has_subquery);
        let closes = |role: &str| !bypasses(cx, table, role) && cx.concerns(policy, role) && !is_closed(role);
        for (command, _, word) in COMMANDS {
            for first in table.policies.iter().filter(|policy| policy.applies_to(command)) {
                let found = followed_roles(cx, first).iter().find_map(|role| self.search(table, first, role, command, &closes));
                if let Some(circle) = found.filter(|circle| !circle.is_through_function()) {
                    return Some((word, circle));
                }
            }
        }
        None
    }

    fn search(
        &mut self,
        table: &'a Table,
        policy: &Policy,
        role: &str,
        command: Command,
        closes: &dyn Fn(&str) -> bool,
    ) -> Option<Circle<'a>> {
        let firsts = self.of(table, role, command);
        let mut queue: VecDeque<Vec<Reading<'a>>> =
            firsts.into_iter().filter(|reading| reading.policy.name == policy.name).map(|reading| vec![reading]).collect();
        let mut seen: BTreeSet<(QName, SmolStr, bool)> = BTreeSet::new();
        while let Some(path) = queue.pop_front() {
            let last = path.last()?;
            let crossed = path.iter().any(|reading| reading.function.is_some());
            if last.reads.name == table.name {
                match crossed {
                    false if closes(&last.role) => return Some(Circle { readings: path, closing: None }),
                    // what runs later runs for the same role and command, or it ends
                    true if last.role == role && command == Command::Select => return Some(Circle { readings: path, closing: None }),
                    _ => continue,
                }
            }
            if !seen.insert((last.reads.name.clone(), last.role.clone(), crossed)) {
                continue;
            }
            let (reads, role) = (last.reads, last.role.clone());
            for next in self.of(reads, &role, Command::Select) {
                queue.push_back(path.iter().cloned().chain([next]).collect());
            }
        }
        None
    }

    /// Returns what the policies of a table read when a role runs a command.
    pub fn of(&mut self, table: &'a Table, role: &str, command: Command) -> Vec<Reading<'a>> {
        let cx = self.cx;
        let key = (table.name.clone(), command.word(), SmolStr::from(role));
        self.known.entry(key).or_insert_with(|| readings(cx, table, role, command)).clone()
    }
}

/// Returns the policies that are expanded when a role runs a command on a table.
fn evaluated<'a>(cx: &State<'a>, table: &'a Table, role: &str, command: Command) -> Vec<&'a Policy> {
    if bypasses(cx, table, role) {
        return Vec::new();
    }
    let (permissive, restrictive) = cx.applicable(table, role, command);
    if permissive.is_empty() { permissive } else { permissive.into_iter().chain(restrictive).collect() }
}

/// Returns whether no policies apply to a role. A role that no migration creates is assumed to bypass them.
fn bypasses(cx: &State, table: &Table, role: &str) -> bool {
    let privileged = role == MIGRATION_ROLE || cx.catalog.roles.get(&role.into()).is_none_or(|role| role.bypass_rls || role.superuser);
    !table.rls.value || privileged || role == table.owner && !table.force_rls.value
}

/// Returns the roles for which a policy is followed.
pub fn followed_roles(cx: &State, policy: &Policy) -> Vec<SmolStr> {
    let clients = API_ROLES.into_iter().filter(|role| cx.serves_api() && cx.concerns(policy, role)).map(SmolStr::from);
    let named = policy.roles.iter().filter(|role| *role != "public" && !API_ROLES.contains(&role.as_str())).cloned();
    clients.chain(named).collect()
}

/// Returns whether a policy contains a subquery. PostgreSQL does not distinguish USING from WITH CHECK here: a subquery in WITH CHECK
/// counts for SELECT too.
fn has_subquery(policy: &Policy) -> bool {
    policy.clauses().any(|(_, clause)| !clause.root.queries().is_empty())
}

fn readings<'a>(cx: &State<'a>, table: &'a Table, role: &str, command: Command) -> Vec<Reading<'a>> {
    let policies = evaluated(cx, table, role, command);
    let alone = policies.iter().filter(|policy| policy.permissive).count() == 1;
    let mut out = Vec::new();
    for policy in policies {
        for clause in policy.asked(command) {
            let mut add = |found: Found<'a>, at: Site, decided: bool| {
                let is_avoidable = found.function.is_some() && (decided || !alone && policy.permissive);
                let Found { table: reads, role, function } = found;
                out.push(Reading { table, policy, at, function, reads, is_avoidable, role });
            };
            walk(&clause.root, false, &mut |node, decided| match node {
                Node::From(item) => {
                    if let FromRelation::Table { bound: Some(bound), .. } = &item.relation {
                        let name = QName::new(bound.0.clone(), bound.1.clone());
                        behind(cx, &name, role, None)
                            .into_iter()
                            .for_each(|found| add(found, clause.site.in_same_file(item.span), decided));
                    }
                }
                Node::Expr(Expr { span, kind: ExprKind::Call(call) }) => {
                    let site = clause.site.in_same_file(*span);
                    called(cx, call, role, DEPTH).into_iter().for_each(|found| add(found, site, decided));
                }
                Node::Expr(_) | Node::Query(_) => {}
            });
        }
    }
    out
}

/// Visits the nodes of a condition, each with whether another operand of an OR or a CASE can decide without it.
fn walk<'e>(expr: &'e Expr, decided: bool, visit: &mut dyn FnMut(Node<'e>, bool)) {
    let decided = decided || matches!(&expr.kind, ExprKind::Logic { op: Logic::Or, .. } | ExprKind::Case { .. });
    if matches!(expr.kind, ExprKind::Logic { .. } | ExprKind::Case { .. }) {
        expr.each_child(&mut |child| walk(child, decided, visit));
    } else {
        expr.walk(&mut |node| {
            visit(node, decided);
            Walk::Into
        });
    }
}

/// A table that is read, and the role whose policies apply.
#[derive(Clone)]
struct Found<'a> {
    table: &'a Table,
    role: SmolStr,
    function: Option<(&'a Function, Site)>,
}

/// Returns the tables that a relation reads: itself, or those of a view.
fn behind<'a>(cx: &State<'a>, name: &QName, role: &str, function: Option<(&'a Function, Site)>) -> Vec<Found<'a>> {
    let read_by = |(name, role): &(QName, SmolStr)| -> Vec<(QName, SmolStr)> {
        let view = cx.catalog.views.get(name).filter(|view| !view.materialized && cx.catalog.table(name).is_none());
        let reader = |view: &View| if view.security_invoker.value { role.clone() } else { view.owner.clone() };
        view.into_iter().flat_map(|view| view.reads.iter().map(move |read| (read.clone(), reader(view)))).collect()
    };
    let relations = reachable([(name.clone(), SmolStr::from(role))], read_by);
    relations.into_iter().filter_map(|(name, role)| Some(Found { table: cx.catalog.table(&name)?, role, function })).collect()
}

/// Returns the tables that a call of a function reads.
fn called<'a>(cx: &State<'a>, call: &Call, role: &str, depth: usize) -> Vec<Found<'a>> {
    let callable = cx.catalog.callable(&call.name, call.args.len());
    let [function] = callable.as_slice() else { return Vec::new() };
    if function.at.is_platform() || function.of_extension || depth == 0 {
        return Vec::new();
    }
    let function: &'a Function = function;
    let role = if function.security_definer.value { function.owner.as_str() } else { role };
    let mut out = Vec::new();
    for (origin, code) in cx.code_of(function) {
        code.walk(&mut |node| {
            match node {
                Node::From(item) => {
                    let at = Some((function, origin.at(item.span)));
                    out.extend(origin.relation(item).into_iter().flat_map(|name| behind(cx, &name, role, at)));
                }
                Node::Expr(Expr { kind: ExprKind::Call(call), .. }) => out.extend(called(cx, call, role, depth - 1)),
                Node::Expr(_) | Node::Query(_) => {}
            }
            Walk::Into
        });
    }
    out
}
