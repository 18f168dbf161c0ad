//! Callers of a function in the database: policies, functions and views.

use crate::analysis::prelude::*;
use std::collections::HashMap;

/// A policy and its table.
pub type OfPolicy<'a> = (&'a Table, &'a Policy);

/// All calls, by the name of the called function.
pub struct Calls<'a> {
    by_name: HashMap<&'a str, Vec<(Option<OfPolicy<'a>>, &'a Call)>>,
}

impl<'a> Calls<'a> {
    pub fn of(cx: &State<'a>) -> Calls<'a> {
        let mut calls = Calls { by_name: HashMap::new() };
        for (table, policy) in cx.policies() {
            policy.clauses().for_each(|(_, clause)| calls.read(Some((table, policy)), Code::Expr(&clause.root)));
        }
        cx.code().for_each(|(_, code)| calls.read(None, code));
        calls
    }

    fn read(&mut self, policy: Option<OfPolicy<'a>>, code: Code<'a>) {
        code.walk(&mut |node| {
            if let Node::Expr(Expr { kind: ExprKind::Call(call), .. }) = node {
                self.by_name.entry(call.name.last()).or_default().push((policy, call));
            }
            Walk::Into
        });
    }

    /// Returns the calls that may call a function.
    pub fn to(&self, function: &Function) -> impl Iterator<Item = &(Option<OfPolicy<'a>>, &'a Call)> {
        let fits = |(_, call): &&(_, &Call)| call.name.schema().is_none_or(|schema| schema == function.name.schema);
        self.by_name.get(function.name.name.as_str()).into_iter().flatten().filter(fits)
    }

    /// Returns the policies that call a function.
    pub fn policies(&self, function: &Function) -> Vec<OfPolicy<'a>> {
        let mut policies: Vec<OfPolicy<'a>> = self.to(function).filter_map(|(policy, _)| *policy).collect();
        // calls of one policy follow each other
        policies.dedup_by(|(_, one), (_, other)| std::ptr::eq(*one, *other));
        policies
    }
}
