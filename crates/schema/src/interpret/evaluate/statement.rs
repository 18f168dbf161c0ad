//! Statements of PL/pgSQL.
//!
//! Promises: with known conditions, control flow is that of PL/pgSQL. A branch under an unknown condition runs inside a savepoint, with
//! [`Certainty::Maybe`]. Variables that it assigns are unknown afterwards, unless all branches assign the same value. If the branch fails, it
//! is treated as not run.

use super::query::{Env, Table};
use super::routine::{Frame, Parsed, Program, Scope};
use super::tables::Presence;
use super::value::{Object, Record, Value, render};
use super::{MAX_NESTING, Machine, Ran, Stop, condition};
use crate::catalog::SqlError;
use crate::catalog::object::Certainty;
use crate::source::{Site, Span};
use crate::syntax::ast::{Ast, Form};
use crate::syntax::expression::{Data, ObjectName};
use crate::syntax::parser;
use crate::syntax::plpgsql::*;
use crate::syntax::split::Splitter;
use smol_str::SmolStr;
use std::rc::Rc;
use std::sync::Arc;

/// Control flow after a statement.
#[derive(Clone, Debug, PartialEq)]
pub enum Flow {
    Next,
    Exit(Option<SmolStr>),
    Continue(Option<SmolStr>),
    Return,
}

/// Control flow after an iteration.
enum After {
    Again,
    End(Flow),
}

impl Machine<'_> {
    pub fn block(&mut self, block: &Block) -> Ran<Flow> {
        let label = block.label.as_ref().map(|label| label.name.clone());
        self.frame().scopes.push(Scope { label: label.clone(), variables: Vec::new() });
        let flow = self.block_inside(block);
        self.frame().scopes.pop();
        match flow? {
            Flow::Exit(to) if to.is_some() && to == label => Ok(Flow::Next),
            flow => Ok(flow),
        }
    }

    fn block_inside(&mut self, block: &Block) -> Ran<Flow> {
        for declaration in &block.declarations {
            self.declare(declaration)?;
        }
        if block.handlers.is_empty() {
            return self.list(&block.body);
        }
        self.world.catalog.begin();
        let session = self.world.catalog.session.clone();
        let mark = self.effects.len();
        let refused = self.world.refused.len();
        let guarded = std::mem::replace(&mut self.guarded, true);
        let depths = (self.frames.len(), self.ctes.len(), self.world.budget.nesting);
        let scopes = self.frame().scopes.len();
        let ran = self.list(&block.body);
        self.guarded = guarded;
        let reason = match ran {
            Err(Stop::Failed(reason)) => reason,
            ended => {
                // a handler catches the platform's refusal
                if block.handlers.iter().flat_map(|handler| &handler.conditions).any(|condition| catches(condition, "42501")) {
                    self.world.refused.truncate(refused);
                }
                self.world.catalog.commit();
                return ended;
            }
        };
        self.world.refused.truncate(refused);
        self.world.catalog.rollback();
        self.world.catalog.session = session;
        self.effects.truncate(mark);
        self.frames.truncate(depths.0);
        self.ctes.truncate(depths.1);
        self.world.budget.nesting = depths.2;
        self.frame().scopes.truncate(scopes);
        let Some(handler) =
            block.handlers.iter().find(|handler| handler.conditions.iter().any(|condition| catches(condition, reason.sqlstate)))
        else {
            return Err(Stop::Failed(reason));
        };
        let before = self.frame().handling.replace(reason);
        let flow = self.list(&handler.body);
        self.frame().handling = before;
        flow
    }

    fn declare(&mut self, declaration: &Declaration) -> Ran<()> {
        let name = &declaration.name.name;
        match &declaration.kind {
            DeclKind::Variable { ty, default, .. } => {
                let value = match default {
                    Some(piece) => {
                        let value = self.value(*piece)?;
                        self.typed(value, ty)?
                    }
                    None => Value::Null,
                };
                self.frame().declare(name, value, Some(ty.clone()));
            }
            DeclKind::Alias { of } => {
                let value = match of.last().strip_prefix('$') {
                    Some(_) => self.parameter(of.last()),
                    None => self.variable(&path(of)).unwrap_or(Value::Unknown),
                };
                self.frame().declare(name, value, None);
            }
            DeclKind::Cursor { query, .. } => {
                self.frame().cursors.push((name.clone(), *query));
                self.frame().declare(name, Value::Something, None);
            }
        }
        Ok(())
    }

    /// Converts a value to the type of a variable.
    fn typed(&mut self, value: Value, ty: &crate::syntax::types::TypeName) -> Ran<Value> {
        if ty.of_row || ty.of_column || matches!(value, Value::Record(_)) || ty.is("record") {
            return Ok(value);
        }
        self.cast(value, ty)
    }

    fn list(&mut self, list: &[Stmt]) -> Ran<Flow> {
        for stmt in list {
            match self.statement(stmt)? {
                Flow::Next => {}
                flow => return Ok(flow),
            }
        }
        Ok(Flow::Next)
    }

    fn statement(&mut self, stmt: &Stmt) -> Ran<Flow> {
        self.step(1)?;
        if self.world.budget.nesting >= MAX_NESTING {
            return Err(Stop::Bounded);
        }
        self.world.budget.nesting += 1;
        let flow = self.statement_inside(stmt);
        self.world.budget.nesting = self.world.budget.nesting.saturating_sub(1);
        flow
    }

    fn statement_inside(&mut self, stmt: &Stmt) -> Ran<Flow> {
        let plain = match &stmt.kind {
            StmtKind::Block(block) => return self.block(block),
            StmtKind::If { branches, otherwise } => return self.if_statement(branches, otherwise),
            StmtKind::Case { operand, whens, otherwise } => return self.case_statement(*operand, whens, otherwise.as_deref()),
            StmtKind::Loop(a_loop) => return self.a_loop(a_loop, stmt.span),
            StmtKind::Exit { label, when } => return self.leave(Flow::Exit(label.as_ref().map(|label| label.name.clone())), *when),
            StmtKind::Continue { label, when } => {
                return self.leave(Flow::Continue(label.as_ref().map(|label| label.name.clone())), *when);
            }
            StmtKind::Return { value } => {
                if let Some(piece) = value {
                    let value = self.value(*piece)?;
                    self.frame().returned = Some(value);
                }
                return Ok(Flow::Return);
            }
            StmtKind::Raise(raise) => return self.raise(raise),
            StmtKind::Assign(assign) => self.assign_statement(assign),
            StmtKind::ReturnNext { .. } | StmtKind::ReturnQueryExecute { .. } => {
                self.frame().rows_unknown = true;
                Ok(())
            }
            StmtKind::ReturnQuery { query } => self.return_query(*query),
            StmtKind::Assert { condition, .. } => self.value(*condition).and_then(|value| match value.holds() {
                Some(false) => Err(SqlError::new("P0004", "assertion failed").into()),
                _ => Ok(()),
            }),
            StmtKind::Execute { command, into, using } => self.execute(stmt.span, *command, into.as_ref(), using),
            StmtKind::Perform { query } => self.perform(*query),
            StmtKind::Sql { sql, into } => self.sql(*sql, into.as_ref()),
            StmtKind::Call { sql } => self.sql(*sql, None),
            StmtKind::GetDiagnostics { items, .. } => {
                for (target, item) in items {
                    let value = match (item.as_str(), &self.frame().handling) {
                        ("returned_sqlstate", Some(reason)) => Value::text(reason.sqlstate),
                        ("message_text", Some(reason)) => Value::text(&reason.message),
                        _ => Value::Something,
                    };
                    self.assign(target, value)?;
                }
                Ok(())
            }
            StmtKind::Fetch { into, .. } => self.forget(into),
            StmtKind::Open { .. }
            | StmtKind::Move { .. }
            | StmtKind::Close { .. }
            | StmtKind::Commit
            | StmtKind::Rollback
            | StmtKind::Null => Ok(()),
        };
        match plain {
            Ok(()) => Ok(Flow::Next),
            Err(stop) => self.tolerate(stop).map(|()| Flow::Next),
        }
    }

    pub(super) fn program_now(&self) -> Option<Rc<Program>> {
        self.frames.last().and_then(|frame| frame.program.clone())
    }

    /// Returns the value of an expression of the body.
    fn value(&mut self, piece: Piece) -> Ran<Value> {
        let Some(program) = self.program_now() else { return Ok(Value::Unknown) };
        match &*program.expression(piece) {
            Parsed::Expr(expr) => self.eval(expr, &Env::EMPTY),
            Parsed::Query(query) => {
                let table = self.query(query, &Env::EMPTY)?;
                Ok(table.scalar()?)
            }
            Parsed::Statement(_) | Parsed::Unread => Ok(Value::Unknown),
        }
    }

    fn values(&mut self, pieces: &[Piece]) -> Ran<Vec<Value>> {
        pieces.iter().map(|piece| self.value(*piece)).collect()
    }

    /// Returns whether a condition is true, or `None` if unknown. An error in the condition is a failure of the statement.
    fn decide(&mut self, piece: Piece) -> Ran<Option<bool>> {
        match self.value(piece) {
            Ok(value) => Ok(value.holds()),
            Err(stop) => self.tolerate(stop).map(|()| None),
        }
    }

    fn if_statement(&mut self, branches: &[(Piece, Vec<Stmt>)], otherwise: &[Stmt]) -> Ran<Flow> {
        let mut possible: Vec<&[Stmt]> = Vec::new();
        for (condition, list) in branches {
            match self.decide(*condition)? {
                Some(false) => {}
                Some(true) if possible.is_empty() => return self.list(list),
                Some(true) => {
                    possible.push(list);
                    return self.undecided(&possible);
                }
                None => possible.push(list),
            }
        }
        if possible.is_empty() {
            return self.list(otherwise);
        }
        possible.push(otherwise);
        self.undecided(&possible)
    }

    fn case_statement(&mut self, operand: Option<Piece>, whens: &[(Vec<Piece>, Vec<Stmt>)], otherwise: Option<&[Stmt]>) -> Ran<Flow> {
        let operand = operand.map(|operand| self.value(operand)).transpose()?;
        let mut possible: Vec<&[Stmt]> = Vec::new();
        for (values, list) in whens {
            let mut holds = Value::Bool(false);
            for piece in values {
                let value = self.value(*piece)?;
                let equal = match &operand {
                    Some(operand) => super::value::equal(operand, &value),
                    None => value,
                };
                holds = super::value::or(&holds, &equal);
            }
            match holds.holds() {
                Some(false) => {}
                Some(true) if possible.is_empty() => return self.list(list),
                Some(true) => {
                    possible.push(list);
                    return self.undecided(&possible);
                }
                None => possible.push(list),
            }
        }
        match (possible.is_empty(), otherwise) {
            (true, Some(otherwise)) => self.list(otherwise),
            (true, None) => self.tolerate(SqlError::new("20000", "case not found").into()).map(|()| Flow::Next),
            (false, otherwise) => {
                possible.push(otherwise.unwrap_or_default());
                self.undecided(&possible)
            }
        }
    }

    /// Runs each branch with [`Certainty::Maybe`], because the condition is unknown.
    fn undecided(&mut self, lists: &[&[Stmt]]) -> Ran<Flow> {
        let before = self.frame().scopes.clone();
        let mut outcomes: Vec<Vec<Scope>> = Vec::new();
        let mut doubt = false;
        for list in lists {
            self.frame().scopes = before.clone();
            let flow = self.run_uncertain(|machine| machine.list(list))?;
            match flow {
                Some(Flow::Next) => outcomes.push(std::mem::take(&mut self.frame().scopes)),
                Some(flow) => {
                    self.frame().doubtful |= flow == Flow::Return;
                    doubt = true;
                }
                None => {}
            }
        }
        self.frame().scopes = merged(before, &outcomes);
        if doubt {
            self.certainty = Certainty::Maybe;
        }
        Ok(Flow::Next)
    }

    /// Runs skipped code, undoes it, and makes the facts uncertain that it could have changed.
    fn tried(&mut self, body: impl FnOnce(&mut Self) -> Ran<Flow>) -> Ran<()> {
        let world = &self.world;
        let (session, unread, bounded) = (world.catalog.session.clone(), world.unread.len(), world.bounded.len());
        let (mark, refused) = (self.effects.len(), world.refused.len());
        let doubts = self.doubts.len();
        self.world.catalog.begin();
        let ran = self.run_uncertain(body);
        self.world.catalog.rollback();
        self.world.catalog.session = session;
        self.world.unread.truncate(unread);
        self.world.bounded.truncate(bounded);
        self.world.refused.truncate(refused);
        let tried = self.effects.split_off(mark);
        self.doubt_again(doubts);
        self.doubt_effects_of(&tried);
        ran.map(|_| ())
    }

    /// Runs code under an unknown condition. Returns `None` if it fails.
    fn run_uncertain(&mut self, body: impl FnOnce(&mut Self) -> Ran<Flow>) -> Ran<Option<Flow>> {
        let certainty = std::mem::replace(&mut self.certainty, Certainty::Maybe);
        let guarded = std::mem::replace(&mut self.guarded, false);
        let session = self.world.catalog.session.clone();
        let mark = self.effects.len();
        let dropped = self.dropped.len();
        let depths = (self.frames.len(), self.ctes.len(), self.world.budget.nesting);
        self.world.catalog.begin();
        let ran = body(self);
        self.certainty = certainty;
        self.guarded = guarded;
        match ran {
            Ok(flow) => {
                self.restore(dropped);
                self.world.catalog.commit();
                Ok(Some(flow))
            }
            Err(Stop::Bounded) => {
                self.world.catalog.commit();
                Err(Stop::Bounded)
            }
            Err(Stop::Failed(_)) => {
                self.world.catalog.rollback();
                self.world.catalog.session = session;
                self.dropped.truncate(dropped);
                self.effects.truncate(mark);
                self.frames.truncate(depths.0);
                self.ctes.truncate(depths.1);
                self.world.budget.nesting = depths.2;
                Ok(None)
            }
        }
    }

    /// Runs EXIT and CONTINUE. If their condition is unknown, all changes are uncertain until the loop ends.
    fn leave(&mut self, flow: Flow, when: Option<Piece>) -> Ran<Flow> {
        let Some(when) = when else { return Ok(flow) };
        match self.decide(when)? {
            Some(true) => Ok(flow),
            Some(false) => Ok(Flow::Next),
            None => {
                self.certainty = Certainty::Maybe;
                Ok(Flow::Next)
            }
        }
    }

    fn a_loop(&mut self, a_loop: &Loop, span: Span) -> Ran<Flow> {
        let certainty = self.certainty;
        let label = a_loop.label.as_ref().map(|label| label.name.clone());
        self.frame().scopes.push(Scope { label, variables: Vec::new() });
        let scopes = self.frame().scopes.len();
        let flow = self.loop_inside(a_loop, span);
        self.frame().scopes.truncate(scopes - 1);
        if !self.frame().doubtful {
            self.certainty = certainty;
        }
        flow
    }

    fn loop_inside(&mut self, a_loop: &Loop, span: Span) -> Ran<Flow> {
        let certainty = self.certainty;
        match &a_loop.control {
            LoopControl::Forever => loop {
                if let After::End(flow) = self.iteration(a_loop)? {
                    return Ok(flow);
                }
                // if the number of iterations is unknown, one iteration is sufficient
                if self.certainty != certainty || self.blind {
                    return Ok(Flow::Next);
                }
            },
            LoopControl::While(condition) => loop {
                match self.decide(*condition)? {
                    Some(false) => return Ok(Flow::Next),
                    Some(true) => {
                        if let After::End(flow) = self.iteration(a_loop)? {
                            return Ok(flow);
                        }
                        if self.certainty != certainty {
                            return Ok(Flow::Next);
                        }
                    }
                    None => return self.undecided(&[&a_loop.body, &[]]),
                }
            },
            LoopControl::Range { var, reverse, low, high, by } => {
                let (low, high) = (self.value(*low)?, self.value(*high)?);
                let by = by.map(|by| self.value(by)).transpose()?.map_or(Some(1), |by| by.as_int());
                let (Some(mut at), Some(to), Some(by)) = (low.as_int(), high.as_int(), by.filter(|by| *by > 0)) else {
                    return self.unknown_rows(span);
                };
                self.frame().declare(&var.name, Value::Null, None);
                while if *reverse { at >= to } else { at <= to } {
                    self.set(&var.name, Value::Int(at));
                    if let After::End(flow) = self.iteration(a_loop)? {
                        return Ok(flow);
                    }
                    let Some(next) = (if *reverse { at.checked_sub(by) } else { at.checked_add(by) }) else { break };
                    at = next;
                }
                Ok(Flow::Next)
            }
            LoopControl::Query { targets, query } => {
                let Some(program) = self.program_now() else { return Ok(Flow::Next) };
                let table = match &*program.query(*query) {
                    Parsed::Query(query) => self.query(query, &Env::EMPTY),
                    _ => Ok(Table::unknown()),
                };
                self.each_row(a_loop, span, targets, table)
            }
            LoopControl::Execute { targets, command, using } => {
                let table = self.command_rows(span, *command, using);
                self.each_row(a_loop, span, targets, table)
            }
            LoopControl::Cursor { var, cursor, .. } => {
                let known = self.frame().cursors.iter().rev().find(|(name, _)| *name == cursor.name).map(|(_, query)| *query);
                let (Some(program), Some(query)) = (self.program_now(), known) else { return self.unknown_rows(span) };
                let table = match &*program.query(query) {
                    Parsed::Query(query) => self.query(query, &Env::EMPTY),
                    _ => Ok(Table::unknown()),
                };
                self.frame().declare(&var.name, Value::Null, None);
                let target = ObjectName { parts: vec![var.clone()] };
                self.each_row(a_loop, span, &[target], table)
            }
            LoopControl::Each { targets, slice, array } => {
                let items = match self.value(*array)? {
                    Value::Array(items) if slice.is_none() => items,
                    Value::Text(text) if slice.is_none() => match super::value::parse_array(&text) {
                        Some(items) => Arc::new(items),
                        None => return self.unknown_rows(span),
                    },
                    Value::Null => {
                        return self.tolerate(SqlError::new("22004", "FOREACH expression must not be null").into()).map(|()| Flow::Next);
                    }
                    _ => return self.unknown_rows(span),
                };
                for item in items.iter() {
                    if let [target] = targets.as_slice() {
                        self.assign(target, item.clone())?;
                    }
                    if let After::End(flow) = self.iteration(a_loop)? {
                        return Ok(flow);
                    }
                }
                self.set_found(Some(!items.is_empty()));
                Ok(Flow::Next)
            }
        }
    }

    /// Skips a loop over unknown rows. Later failures are then uncertain.
    fn unknown_rows(&mut self, span: Span) -> Ran<Flow> {
        self.skip_code(span);
        Ok(Flow::Next)
    }

    fn each_row(&mut self, a_loop: &Loop, span: Span, targets: &[ObjectName], table: Ran<Table>) -> Ran<Flow> {
        let table = match table {
            Ok(table) => table,
            Err(stop) => return self.tolerate(stop).map(|()| Flow::Next),
        };
        let exists = table.exists();
        if !table.complete {
            self.skip_code(span);
        }
        for (cells, presence) in &table.rows {
            match presence {
                Presence::Unclear => {
                    self.blind = true;
                    let before = self.frame().scopes.clone();
                    self.assign_row(targets, &table, Some(cells))?;
                    self.tried(|machine| machine.list(&a_loop.body))?;
                    self.frame().scopes = before;
                }
                Presence::Certain => {
                    self.assign_row(targets, &table, Some(cells))?;
                    if let After::End(flow) = self.iteration(a_loop)? {
                        return Ok(flow);
                    }
                }
                Presence::Maybe => {
                    let before = self.frame().scopes.clone();
                    self.assign_row(targets, &table, Some(cells))?;
                    let flow = self.run_uncertain(|machine| machine.list(&a_loop.body))?;
                    self.frame().doubtful |= flow == Some(Flow::Return);
                    if flow.is_some_and(|flow| flow != Flow::Next && flow != Flow::Continue(None)) {
                        self.certainty = Certainty::Maybe;
                    }
                    let after = std::mem::take(&mut self.frame().scopes);
                    self.frame().scopes = merged(before.clone(), &[before, after]);
                }
            }
        }
        self.set_found(exists);
        Ok(Flow::Next)
    }

    fn iteration(&mut self, a_loop: &Loop) -> Ran<After> {
        self.step(1)?;
        let mine = |label: &Option<SmolStr>| label.is_none() || *label == a_loop.label.as_ref().map(|label| label.name.clone());
        Ok(match self.list(&a_loop.body)? {
            Flow::Next => After::Again,
            Flow::Continue(label) if mine(&label) => After::Again,
            Flow::Exit(label) if mine(&label) => After::End(Flow::Next),
            flow => After::End(flow),
        })
    }

    fn assign_statement(&mut self, assign: &Assign) -> Ran<()> {
        let value = self.value(assign.value)?;
        let subscripted = assign.target.span.end > assign.name.span().end;
        if !subscripted {
            return self.assign(&assign.name, value);
        }
        // an assignment to an element makes the whole array unknown
        self.assign(&assign.name, Value::Something)
    }

    fn assign(&mut self, target: &ObjectName, value: Value) -> Ran<()> {
        let path = path(target);
        let (name, fields) = match path.as_slice() {
            [name] => (name.clone(), &[][..]),
            [first, rest @ ..] => {
                let labelled = self.frame().scopes.iter().any(|scope| scope.label.as_ref() == Some(first));
                let known = self.frame().variable(first).is_some();
                if labelled && !known { (rest[0].clone(), &rest[1..]) } else { (first.clone(), rest) }
            }
            [] => return Ok(()),
        };
        let ty = self.frame().variable(&name).and_then(|variable| variable.ty.clone());
        let value = match (fields, &ty) {
            ([], Some(ty)) => self.typed(value, ty)?,
            _ => value,
        };
        let Some(variable) = self.frame().variable(&name) else { return Ok(()) };
        variable.value = match fields {
            [] => value,
            [field] => with_field(&variable.value, field, value),
            _ => Value::Unknown,
        };
        Ok(())
    }

    fn set(&mut self, name: &str, value: Value) {
        if let Some(variable) = self.frame().variable(name) {
            variable.value = value;
        }
    }

    /// Assigns the columns of a row to variables, or NULL if there is no row.
    fn assign_row(&mut self, targets: &[ObjectName], table: &Table, cells: Option<&super::tables::Cells>) -> Ran<()> {
        if let [target] = targets
            && self.holds_rows(target, table)
        {
            let value = match cells {
                Some(cells) => table.record(cells),
                None => {
                    let fields = table.columns.iter().map(|column| (column.clone(), Value::Null)).collect();
                    Value::Record(Arc::new(Record { fields }))
                }
            };
            return self.assign(target, value);
        }
        for (at, target) in targets.iter().enumerate() {
            let value = match cells {
                Some(cells) => cells.get(at).cloned().unwrap_or(Value::Null),
                None => Value::Null,
            };
            self.assign(target, value)?;
        }
        Ok(())
    }

    /// Returns whether the target is a variable of a row type.
    fn holds_rows(&mut self, target: &ObjectName, table: &Table) -> bool {
        let [only] = target.parts.as_slice() else { return false };
        let ty = self.frame().variable(&only.name).and_then(|variable| variable.ty.clone());
        match ty {
            Some(ty) if ty.is("record") || ty.of_row => true,
            Some(ty) if ty.builtin || ty.of_column || ty.dimensions > 0 => false,
            Some(ty) => {
                let found = self.world.catalog.find_type(&ty.name);
                found.is_some_and(|name| self.world.catalog.tables.contains(&name) || self.world.catalog.views.contains(&name))
            }
            None => table.columns.len() > 1 || only.name != "found" && self.frame().variable(&only.name).is_some(),
        }
    }

    /// Makes the variables of INTO unknown.
    fn forget(&mut self, into: &IntoClause) -> Ran<()> {
        for target in &into.targets {
            self.assign(target, Value::Unknown)?;
        }
        Ok(())
    }

    fn into(&mut self, into: &IntoClause, table: &Table) -> Ran<()> {
        match (table.rows.as_slice(), table.complete) {
            ([], true) if into.strict => Err(SqlError::new("P0002", "query returned no rows").into()),
            ([], true) => {
                self.set_found(Some(false));
                self.assign_row(&into.targets, table, None)
            }
            ([(_, Presence::Certain), (_, Presence::Certain), ..], _) if into.strict => {
                Err(SqlError::new("P0003", "query returned more than one row").into())
            }
            ([(cells, Presence::Certain), ..], true) => {
                self.set_found(Some(true));
                self.assign_row(&into.targets, table, Some(cells))
            }
            _ => {
                self.set_found(table.exists());
                self.forget(into)
            }
        }
    }

    fn perform(&mut self, query: Piece) -> Ran<()> {
        let Some(program) = self.program_now() else { return Ok(()) };
        if let Parsed::Query(query) = &*program.perform(query) {
            let table = self.query(query, &Env::EMPTY)?;
            self.set_found(table.exists());
        }
        Ok(())
    }

    fn sql(&mut self, piece: Piece, into: Option<&IntoClause>) -> Ran<()> {
        let Some(program) = self.program_now() else { return Ok(()) };
        let parsed = program.statement(piece, into);
        let Parsed::Statement(statement) = &*parsed else { return Ok(()) };
        match &statement.form {
            Form::Opaque(_) => self.unread(program.file, statement),
            Form::Read(ast) => match &**ast {
                Ast::Data(Data::Query(query)) if into.is_some() || query.select().is_none_or(|select| select.into.is_none()) => {
                    let table = self.query(query, &Env::EMPTY)?;
                    match into {
                        Some(into) => self.into(into, &table)?,
                        None => self.set_found(table.exists()),
                    }
                    return Ok(());
                }
                Ast::Call(expr) => {
                    self.eval(expr, &Env::EMPTY)?;
                    return Ok(());
                }
                Ast::Data(data) => {
                    let found = self.affects_rows(data)?;
                    self.put(program.file, statement)?;
                    self.set_found(found);
                }
                _ => self.put(program.file, statement)?,
            },
        }
        match into {
            Some(into) => self.forget(into),
            None => Ok(()),
        }
    }

    fn return_query(&mut self, query: Piece) -> Ran<()> {
        let Some(program) = self.program_now() else { return Ok(()) };
        let table = match &*program.query(query) {
            Parsed::Query(query) => self.query(query, &Env::EMPTY)?,
            _ => Table::unknown(),
        };
        let frame = self.frame();
        frame.rows_unknown |= !table.complete;
        frame.row_columns = table.columns;
        frame.rows.extend(table.rows);
        Ok(())
    }

    fn execute(&mut self, span: Span, command: Piece, into: Option<&IntoClause>, using: &[Piece]) -> Ran<()> {
        let table = self.command_rows(span, command, using)?;
        match into {
            Some(into) => {
                // EXECUTE does not change FOUND
                let found = self.variable(&["found".into()]);
                self.into(into, &table)?;
                self.set("found", found.unwrap_or(Value::Unknown));
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Runs the command in the value of an expression. Returns the rows of its last query.
    fn command_rows(&mut self, span: Span, command_piece: Piece, using: &[Piece]) -> Ran<Table> {
        let command = self.value(command_piece)?;
        let params = self.values(using)?;
        let text = match command {
            Value::Text(text) => text,
            Value::Null => return Err(SqlError::new("22004", "query string argument of EXECUTE is null").into()),
            _ => {
                self.pass_over_command(command_piece);
                return Ok(Table::unknown());
            }
        };
        self.work(text.len() / 16)?;
        let file = self.program_now().map_or(self.origin.file, |program| program.file);
        let derived = self.sources.add_derived(Site::new(file, span), text.as_str());
        self.frames.push(Frame::of_command(params));
        let mut last = Ok(None);
        for raw in Splitter::new(&text) {
            let statement = parser::statement(&text, &raw);
            last = self.run_statement(derived, &statement);
            if last.is_err() {
                break;
            }
        }
        self.frames.pop();
        last.map(|table| table.unwrap_or_default())
    }

    fn raise(&mut self, raise: &Raise) -> Ran<Flow> {
        if raise.level != Level::Exception {
            // the parameters are evaluated and can fail
            return match self.values(&raise.params) {
                Ok(_) => Ok(Flow::Next),
                Err(stop) => self.tolerate(stop).map(|()| Flow::Next),
            };
        }
        let bare = raise.format.is_none() && raise.condition.is_none() && raise.options.is_empty();
        if let (true, Some(reason)) = (bare, &self.frame().handling) {
            return Err(Stop::Failed(reason.clone()));
        }
        let params = self.values(&raise.params)?;
        let mut state = match &raise.condition {
            Some(Condition::Name(name)) => condition::code(&name.name),
            Some(Condition::State(state, _)) => condition::known(state),
            None => None,
        };
        let mut message = match &raise.format {
            Some((format, _)) => self.filled(format, &params),
            None => raise.condition.as_ref().map_or_else(String::new, |condition| match condition {
                Condition::Name(name) => name.name.to_string(),
                Condition::State(state, _) => state.to_string(),
            }),
        };
        for (option, piece) in &raise.options {
            let value = self.value(*piece)?;
            match (option.as_str(), value.as_text()) {
                ("errcode", Some(text)) => state = condition::code(text).or_else(|| condition::known(text)),
                ("message", Some(text)) => message = text.to_string(),
                _ => {}
            }
        }
        Err(SqlError::new(state.unwrap_or("P0001"), message).into())
    }

    /// Returns the message of RAISE.
    fn filled(&self, format: &str, params: &[Value]) -> String {
        let visible = |object: &Object| self.is_visible(object);
        let mut out = String::new();
        let mut params = params.iter();
        let mut chars = format.chars().peekable();
        while let Some(c) = chars.next() {
            if c != '%' {
                out.push(c);
            } else if chars.next_if_eq(&'%').is_some() {
                out.push('%');
            } else {
                match params.next() {
                    Some(Value::Null) => out.push_str("<NULL>"),
                    Some(value) => out.push_str(render(value, &visible).as_deref().unwrap_or("…")),
                    None => out.push('%'),
                }
            }
        }
        out
    }
}

fn path(name: &ObjectName) -> Vec<SmolStr> {
    name.parts.iter().map(|part| part.name.clone()).collect()
}

fn with_field(base: &Value, field: &str, value: Value) -> Value {
    match base {
        Value::Record(record) => {
            let mut record = (**record).clone();
            match record.fields.iter_mut().find(|(name, _)| name == field) {
                Some((_, known)) => *known = value,
                None => return Value::Unknown,
            }
            Value::Record(Arc::new(record))
        }
        _ => Value::Unknown,
    }
}

/// Returns whether a condition of a handler includes the error.
fn catches(wanted: &Condition, sqlstate: &str) -> bool {
    match wanted {
        Condition::Name(name) if name.name == "others" => sqlstate != "P0004",
        Condition::Name(name) => condition::code(&name.name).is_some_and(|code| condition::catches(code, sqlstate)),
        Condition::State(state, _) => condition::catches(state, sqlstate),
    }
}

/// Merges the variables after all possible branches. A variable with different values becomes unknown.
fn merged(before: Vec<Scope>, outcomes: &[Vec<Scope>]) -> Vec<Scope> {
    let Some((first, rest)) = outcomes.split_first() else { return before };
    let mut out = first.clone();
    for other in rest {
        for (scope, other) in out.iter_mut().zip(other) {
            for (variable, other) in scope.variables.iter_mut().zip(&other.variables) {
                if variable.value != other.value {
                    let sure = variable.value.is_null() == Some(false) && other.value.is_null() == Some(false);
                    variable.value = if sure { Value::Something } else { Value::Unknown };
                }
            }
        }
    }
    out
}
