//! Approximate sets of names in an expression or query. They answer most queries about uses without a search.

use crate::syntax::expression::{Binding, Expr, ExprKind, FromRelation, Node, Query, Walk};
use rustc_hash::FxHasher;
use std::hash::Hasher;

/// A set of names with false positives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Names(u64);

impl Names {
    pub fn of_expr(expr: &Expr) -> Names {
        let mut names = Names::default();
        expr.walk(&mut |node| names.see(&node));
        names
    }

    pub fn of_query(query: &Query) -> Names {
        let mut names = Names::default();
        query.walk(&mut |node| names.see(&node));
        names
    }

    /// Returns the set of one name.
    pub fn only(name: &str) -> Names {
        Names(bit(name))
    }

    /// Returns whether the set may contain one of these names: last names of relations, columns, functions, types, and of sequences in
    /// text.
    pub fn may_hold(self, any: Names) -> bool {
        self.0 & any.0 != 0
    }

    fn add(&mut self, name: &str) {
        self.0 |= bit(name);
    }

    fn see(&mut self, node: &Node) -> Walk {
        match node {
            Node::From(item) => {
                if let FromRelation::Table { name, bound } = &item.relation {
                    self.add(name.last());
                    bound.iter().for_each(|bound| self.add(&bound.1));
                }
            }
            Node::Expr(expr) => match &expr.kind {
                ExprKind::Column { path, binding } => {
                    path.last().into_iter().for_each(|name| self.add(name));
                    if let Binding::Column { relation: Some(relation), .. } = binding {
                        self.add(&relation.1);
                    }
                }
                ExprKind::Call(call) => {
                    self.add(call.name.last());
                    if call.name.last() == "nextval"
                        && let Some(text) = call.args.first().and_then(|arg| arg.value.as_str())
                    {
                        self.add(text.rsplit('.').next().unwrap_or(text).trim_matches('"'));
                    }
                }
                ExprKind::Cast { to, .. } => self.add(to.name.last()),
                _ => {}
            },
            Node::Query(_) => {}
        }
        Walk::Into
    }
}

fn bit(name: &str) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write(name.as_bytes());
    1 << (hasher.finish() >> 58)
}
