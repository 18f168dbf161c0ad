//! Unknown variables that statements write, resolved as in the PL/pgSQL compiler.
//!
//! Promises: the compiler rejects a body with a returned variable for all data. Limits: names in pieces are not checked, because they can
//! be columns. Fields of variables are not checked.

use super::super::cursor::SyntaxError;
use super::super::expression::{Ident, ObjectName};
use super::{Block, Loop, LoopControl, Routine, Stmt, StmtKind};
use std::collections::HashMap;

/// Returns PostgreSQL's errors for targets that are not variables. `outside` returns whether a name is defined outside the body: the name,
/// parameters and result columns of the function, and `new`, `old` and `tg_…` in a trigger. A DO block has no such names.
pub fn unknown_variables(routine: &Routine, outside: &dyn Fn(&str) -> bool) -> Vec<SyntaxError> {
    let mut names = Names { known: HashMap::new(), outside, found: Vec::new() };
    names.enter("found");
    names.block(&routine.block);
    names.found
}

struct Names<'a> {
    /// Variables and labels in scope, with the number of blocks that declare them.
    known: HashMap<&'a str, usize>,
    outside: &'a dyn Fn(&str) -> bool,
    found: Vec<SyntaxError>,
}

impl<'a> Names<'a> {
    fn enter(&mut self, name: &'a str) {
        *self.known.entry(name).or_default() += 1;
    }

    fn leave(&mut self, name: &'a str) {
        if let Some(count) = self.known.get_mut(name) {
            *count -= 1;
        }
    }

    fn block(&mut self, block: &'a Block) {
        let names = || block.declarations.iter().map(|declaration| &declaration.name).chain(&block.label);
        names().for_each(|name| self.enter(&name.name));
        self.list(&block.body);
        ["sqlstate", "sqlerrm"].into_iter().for_each(|name| self.enter(name));
        block.handlers.iter().for_each(|handler| self.list(&handler.body));
        ["sqlstate", "sqlerrm"].into_iter().for_each(|name| self.leave(name));
        names().for_each(|name| self.leave(&name.name));
    }

    fn list(&mut self, list: &'a [Stmt]) {
        list.iter().for_each(|stmt| self.statement(stmt));
    }

    fn statement(&mut self, stmt: &'a Stmt) {
        match &stmt.kind {
            StmtKind::Block(block) => return self.block(block),
            StmtKind::Loop(a_loop) => return self.a_loop(a_loop),
            StmtKind::Assign(assign) => self.target(&assign.name),
            StmtKind::Execute { into: Some(into), .. } | StmtKind::Sql { into: Some(into), .. } => self.targets(&into.targets),
            StmtKind::GetDiagnostics { items, .. } => items.iter().for_each(|item| self.target(&item.0)),
            StmtKind::Fetch { cursor, into, .. } => {
                self.name(cursor);
                self.targets(&into.targets);
            }
            StmtKind::Open { cursor, .. } | StmtKind::Move { cursor, .. } | StmtKind::Close { cursor } => self.name(cursor),
            _ => {}
        }
        stmt.lists().into_iter().for_each(|list| self.list(list));
    }

    fn a_loop(&mut self, a_loop: &'a Loop) {
        let own = match &a_loop.control {
            LoopControl::Range { var, .. } | LoopControl::Cursor { var, .. } => Some(var),
            LoopControl::Query { targets, .. } | LoopControl::Execute { targets, .. } => {
                self.loop_targets(targets, "loop variable of loop over rows must be a record variable or list of scalar variables");
                None
            }
            LoopControl::Each { targets, .. } => {
                self.loop_targets(targets, "loop variable of FOREACH must be a known variable or list of variables");
                None
            }
            LoopControl::Forever | LoopControl::While(_) => None,
        };
        let names = || own.into_iter().chain(&a_loop.label);
        names().for_each(|name| self.enter(&name.name));
        self.list(&a_loop.body);
        names().for_each(|name| self.leave(&name.name));
    }

    fn loop_targets(&mut self, targets: &[ObjectName], message: &str) {
        match targets {
            [only] if only.parts.len() == 1 => {
                if !self.knows(&only.parts[0]) {
                    self.found.push(SyntaxError { span: only.span(), message: message.into() });
                }
            }
            list => self.targets(list),
        }
    }

    fn targets(&mut self, targets: &[ObjectName]) {
        targets.iter().for_each(|target| self.target(target));
    }

    fn target(&mut self, target: &ObjectName) {
        if target.parts.first().is_some_and(|first| !self.knows(first)) {
            self.found.push(SyntaxError { span: target.span(), message: format!("\"{target}\" is not a known variable") });
        }
    }

    fn name(&mut self, name: &Ident) {
        self.target(&ObjectName { parts: vec![name.clone()] });
    }

    fn knows(&self, name: &Ident) -> bool {
        let name = name.name.as_str();
        name.starts_with('$') || self.known.get(name).is_some_and(|count| *count > 0) || (self.outside)(name)
    }
}
