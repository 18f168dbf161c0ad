//! Callers of a function in the database: policies, functions, views and tables.

use crate::analysis::prelude::*;
use std::collections::HashMap;

/// A policy and its table.
pub type OfPolicy<'a> = (&'a Table, &'a Policy);

/// All calls, by the name of the called function.
pub struct Calls<'a> {
    by_name: HashMap<&'a str, Vec<(Option<OfPolicy<'a>>, &'a Call)>>,
    /// Calls that need EXECUTE of the role that runs the query: those of policies, views, SECURITY INVOKER functions, defaults and checks.
    /// Source: PostgreSQL's documentation, "CREATE VIEW" and "CREATE FUNCTION".
    of_user: HashMap<&'a str, Vec<&'a Call>>,
}

impl<'a> Calls<'a> {
    pub fn of(cx: &State<'a>) -> Calls<'a> {
        let mut calls = Calls { by_name: HashMap::new(), of_user: HashMap::new() };
        for (table, policy) in cx.policies() {
            policy.clauses().for_each(|(_, clause)| calls.read(Some((table, policy)), true, Code::Expr(&clause.root)));
        }
        for (origin, code) in cx.code() {
            calls.read(None, origin.function().is_none_or(|function| !function.security_definer.value), code);
        }
        for table in cx.user_tables() {
            let defaults = table.columns.iter().flat_map(|column| column.default.iter().chain(column.generated.as_deref()));
            let checks = table.constraints.iter().filter_map(|constraint| constraint.expr.as_ref());
            for expression in defaults.chain(checks) {
                Code::Expr(&expression.root).walk(&mut |node| calls.note_of_user(node));
            }
        }
        calls
    }

    fn read(&mut self, policy: Option<OfPolicy<'a>>, of_user: bool, code: Code<'a>) {
        code.walk(&mut |node| {
            if let Node::Expr(Expr { kind: ExprKind::Call(call), .. }) = node {
                self.by_name.entry(call.name.last()).or_default().push((policy, call));
            }
            if of_user { self.note_of_user(node) } else { Walk::Into }
        });
    }

    fn note_of_user(&mut self, node: Node<'a>) -> Walk {
        if let Node::Expr(Expr { kind: ExprKind::Call(call), .. }) = node {
            self.of_user.entry(call.name.last()).or_default().push(call);
        }
        Walk::Into
    }

    /// Returns the calls that may call a function.
    pub fn to(&self, function: &Function) -> impl Iterator<Item = &(Option<OfPolicy<'a>>, &'a Call)> {
        self.by_name.get(function.name.name.as_str()).into_iter().flatten().filter(|(_, call)| may_be(call, function))
    }

    /// Whether policies, views, SECURITY INVOKER functions, defaults or checks call a function, so that roles that use them need EXECUTE.
    pub fn is_needed_by_users(&self, function: &Function) -> bool {
        self.of_user.get(function.name.name.as_str()).into_iter().flatten().any(|call| may_be(call, function))
    }

    /// Returns the policies that call a function.
    pub fn policies(&self, function: &Function) -> Vec<OfPolicy<'a>> {
        let mut policies: Vec<OfPolicy<'a>> = self.to(function).filter_map(|(policy, _)| *policy).collect();
        // calls of one policy follow each other
        policies.dedup_by(|(_, one), (_, other)| std::ptr::eq(*one, *other));
        policies
    }
}

fn may_be(call: &Call, function: &Function) -> bool {
    call.name.schema().is_none_or(|schema| schema == function.name.schema)
}
