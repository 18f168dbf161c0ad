//! Bodies, their variables, and calls of functions of the project.
//!
//! Promises: a body is parsed once, however often it runs. Its variables work as in PL/pgSQL. Limits: bodies in other languages are not
//! evaluated, and neither are functions of the platform and of extensions, because their bodies here are not the real ones.

use super::expr::field_of;
use super::query::{Env, Table};
use super::statement::Flow;
use super::tables::{Cells, Presence, Rows};
use super::value::{Object, Record, Value};
use super::{MAX_CALLS, Machine, Ran, Stop};
use crate::catalog::SqlError;
use crate::catalog::object::{ArgMode, Argument, Certainty, Function, RoutineKind};
use crate::source::{FileId, Site, Span};
use crate::syntax::ast::{Ast, Body, Code, Form, Statement};
use crate::syntax::cursor::Cursor;
use crate::syntax::expression::*;
use crate::syntax::lexer::{Token, tokens};
use crate::syntax::plpgsql::{self, IntoClause, Piece, Routine, SqlPiece, VariableConflict};
use crate::syntax::split::RawStatement;
use crate::syntax::types::TypeName;
use crate::syntax::{parser, sql};
use rustc_hash::FxHashMap;
use smol_str::SmolStr;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

/// A body with a cache of its parsed expressions and statements.
pub struct Program {
    pub file: FileId,
    pub text: Arc<str>,
    /// Location of the code in the text.
    pub span: Span,
    pub routine: Arc<Routine>,
    read: RefCell<FxHashMap<(usize, Reading), Rc<Parsed>>>,
}

/// Form in which a piece of the body was parsed.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Reading {
    Expression,
    Query,
    Perform,
    Statement,
}

pub enum Parsed {
    Expr(Expr),
    Query(Query),
    Statement(Statement),
    Unread,
}

impl Program {
    fn remember(&self, piece: Piece, form: Reading, read: impl FnOnce() -> Parsed) -> Rc<Parsed> {
        let key = (piece.start, form);
        if let Some(known) = self.read.borrow().get(&key) {
            return known.clone();
        }
        let parsed = Rc::new(read());
        self.read.borrow_mut().insert(key, parsed.clone());
        parsed
    }

    /// Parses an expression, or a query without SELECT.
    pub fn expression(&self, piece: Piece) -> Rc<Parsed> {
        self.remember(piece, Reading::Expression, || {
            let mut cursor = self.routine.cursor(&self.text, piece);
            match sql::expression(&mut cursor, piece.end) {
                Ok(expr) => Parsed::Expr(expr),
                Err(_) => self.select(piece),
            }
        })
    }

    pub fn query(&self, piece: Piece) -> Rc<Parsed> {
        self.remember(piece, Reading::Query, || {
            let mut cursor = self.routine.cursor(&self.text, piece);
            sql::query(&mut cursor, piece.end).map_or(Parsed::Unread, Parsed::Query)
        })
    }

    pub fn perform(&self, piece: Piece) -> Rc<Parsed> {
        self.remember(piece, Reading::Perform, || self.select(piece))
    }

    fn select(&self, piece: Piece) -> Parsed {
        let text = format!("SELECT {}", piece.span.of(&self.text));
        let tokens = tokens(&text);
        let mut cursor = Cursor::new(&text, &tokens);
        let end = cursor.end;
        sql::query(&mut cursor, end).map_or(Parsed::Unread, Parsed::Query)
    }

    /// Parses a statement without its INTO clause.
    pub fn statement(&self, piece: Piece, into: Option<&IntoClause>) -> Rc<Parsed> {
        self.remember(piece, Reading::Statement, || {
            let whole = SqlPiece { role: plpgsql::Role::Statement, piece, into: into.map(|into| into.piece), owner: piece.span };
            let tokens: Vec<Token> = self.routine.sql_tokens(&whole);
            Parsed::Statement(parser::statement(&self.text, &RawStatement { tokens, ..RawStatement::default() }))
        })
    }
}

#[derive(Clone)]
pub struct Variable {
    pub name: SmolStr,
    pub value: Value,
    pub ty: Option<Rc<TypeName>>,
}

#[derive(Clone, Default)]
pub struct Scope {
    pub label: Option<SmolStr>,
    pub variables: Vec<Variable>,
}

/// A running body.
#[derive(Default)]
pub struct Frame {
    pub program: Option<Rc<Program>>,
    pub scopes: Vec<Scope>,
    /// Values of `$1`, `$2`, …
    pub params: Vec<Value>,
    /// Whether columns hide parameters of the same name, as in functions in SQL.
    pub columns_win: bool,
    pub returned: Option<Value>,
    /// Whether the body may have returned before, under an unknown condition.
    pub doubtful: bool,
    pub rows: Vec<(Cells, Presence)>,
    /// Whether the body may have returned unknown rows.
    pub rows_unknown: bool,
    pub row_columns: Vec<SmolStr>,
    /// Error that the running handler handles.
    pub handling: Option<SqlError>,
    pub cursors: Vec<(SmolStr, Piece)>,
}

impl Frame {
    pub fn of(program: Rc<Program>) -> Frame {
        let found = Variable { name: "found".into(), value: Value::Bool(false), ty: None };
        Frame { program: Some(program), scopes: vec![Scope { label: None, variables: vec![found] }], ..Frame::default() }
    }

    /// Returns the frame of an EXECUTE command, which cannot use the variables of the body.
    pub fn of_command(params: Vec<Value>) -> Frame {
        Frame { params, ..Frame::default() }
    }

    pub fn variable(&mut self, name: &str) -> Option<&mut Variable> {
        self.scopes.iter_mut().rev().flat_map(|scope| scope.variables.iter_mut().rev()).find(|variable| variable.name == name)
    }

    pub fn declare(&mut self, name: &SmolStr, value: Value, ty: Option<TypeName>) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.variables.push(Variable { name: name.clone(), value, ty: ty.map(Rc::new) });
        }
    }
}

/// Returns whether the function can be evaluated.
pub fn is_readable(function: &Function) -> bool {
    let readable = match (&*function.body, function.language.as_str()) {
        (Body::Code(_), "plpgsql" | "sql") | (Body::Sql { .. }, _) => true,
        (Body::Code(_) | Body::None, _) => false,
    };
    readable
        && function.kind != RoutineKind::Aggregate
        && !function.returns_trigger()
        && !function.of_extension
        && !function.at.is_platform()
}

impl Machine<'_> {
    /// Parses code in PL/pgSQL that is part of the text of a file.
    pub fn program(&mut self, file: FileId, code: &Code) -> Option<Rc<Program>> {
        let text = self.sources.text(file);
        let (_, span) = code.text_and_span(&text);
        if let Some(known) = self.programs.get(&(file, span)) {
            return Some(known.clone());
        }
        let program = Rc::new(Program { file, text, span, routine: code.routine()?.clone(), read: RefCell::default() });
        self.programs.insert((file, span), program.clone());
        Some(program)
    }

    /// Returns the value of a variable or of a field of a variable.
    pub fn variable(&self, path: &[SmolStr]) -> Option<Value> {
        let frame = self.frames.last()?;
        let variables = || frame.scopes.iter().rev().flat_map(|scope| scope.variables.iter().rev());
        let first = path.first()?;
        if let Some(variable) = variables().find(|variable| variable.name == *first) {
            return Some(path[1..].iter().fold(variable.value.clone(), |value, field| field_of(&value, field)));
        }
        if path.len() > 1
            && let Some(scope) = frame.scopes.iter().rev().find(|scope| scope.label.as_ref() == Some(first))
        {
            let variable = scope.variables.iter().find(|variable| variable.name == path[1])?;
            return Some(path[2..].iter().fold(variable.value.clone(), |value, field| field_of(&value, field)));
        }
        match (first.as_str(), &frame.handling) {
            ("sqlstate", Some(reason)) => Some(Value::text(reason.sqlstate)),
            ("sqlerrm", Some(reason)) => Some(Value::text(&reason.message)),
            _ => None,
        }
    }

    fn conflict(&self) -> VariableConflict {
        let program = self.frames.last().and_then(|frame| frame.program.as_ref());
        program.and_then(|program| program.routine.variable_conflict).unwrap_or(VariableConflict::Error)
    }

    /// Returns whether a name that is both a column and a variable is an error.
    pub fn conflicts(&self) -> bool {
        self.conflict() == VariableConflict::Error && !self.frames.last().is_some_and(|frame| frame.columns_win)
    }

    pub fn variables_win(&self) -> bool {
        self.conflict() == VariableConflict::UseVariable
    }

    /// Returns whether a name that is a variable cannot be a column.
    pub fn variables_come_first(&self) -> bool {
        self.conflict() != VariableConflict::UseColumn && !self.frames.last().is_some_and(|frame| frame.columns_win)
    }

    /// Calls a function of the project. The result of another function is unknown.
    pub fn call_function(&mut self, name: &ObjectName, names: &[Option<SmolStr>], args: Vec<Value>) -> Ran<Value> {
        let Some(function) = self.callee(name, args.len()) else { return Ok(Value::Unknown) };
        let Some(frame) = self.run_function(&function, names, args)? else { return Ok(Value::Unknown) };
        if function.returns.as_ref().is_some_and(|ty| ty.setof) || function.args.iter().any(|arg| arg.mode == ArgMode::Table) {
            return Ok(Value::Unknown);
        }
        Ok(self.result(&function, &frame))
    }

    fn callee(&self, name: &ObjectName, args: usize) -> Option<Function> {
        match self.world.catalog.callable(name, args).as_slice() {
            [only] if is_readable(only) => Some((*only).clone()),
            _ => None,
        }
    }

    fn result(&self, function: &Function, frame: &Frame) -> Value {
        let outputs: Vec<&Argument> = function.args.iter().filter(|arg| matches!(arg.mode, ArgMode::Out | ArgMode::InOut)).collect();
        let value_of = |arg: &Argument| {
            let variables = frame.scopes.iter().flat_map(|scope| &scope.variables);
            let found = variables.into_iter().find(|variable| arg.name.as_ref() == Some(&variable.name));
            found.map_or(Value::Unknown, |variable| variable.value.clone())
        };
        if frame.doubtful {
            return Value::Unknown;
        }
        match (outputs.as_slice(), &frame.returned) {
            ([], Some(value)) => value.clone(),
            ([], None) if function.returns.as_ref().is_none_or(|ty| ty.is("void")) => Value::Null,
            ([], None) => Value::Unknown,
            ([only], _) => value_of(only),
            (several, _) => {
                let fields = several.iter().map(|arg| (arg.name.clone().unwrap_or_default(), value_of(arg))).collect();
                Value::Record(Arc::new(Record { fields }))
            }
        }
    }

    /// Returns the rows of a function call in FROM.
    pub fn call_rows(&mut self, call: &Call, column: SmolStr, env: &Env) -> Ran<Rows> {
        if call.name.last() == "pg_event_trigger_ddl_commands" {
            return Ok(self.created_rows());
        }
        let mut args = Vec::with_capacity(call.args.len());
        for arg in &call.args {
            args.push(self.eval(&arg.value, env)?);
        }
        if call.name.last() == "aclexplode" {
            return Ok(super::acl::exploded(args.first().unwrap_or(&Value::Null)));
        }
        if call.name.schema().is_none_or(|schema| schema == "pg_catalog")
            && let Some(value) = self.system_call(call.name.last(), &args)?
        {
            return Ok(Rows { columns: vec![column], rows: vec![(Arc::new([value]), Presence::Certain)], complete: true, open: false });
        }
        let names: Vec<_> = call.args.iter().map(|arg| arg.name.clone()).collect();
        let Some(function) = self.callee(&call.name, args.len()) else { return Ok(Rows::unknown()) };
        let Some(frame) = self.run_function(&function, &names, args)? else { return Ok(Rows::unknown()) };
        let table: Vec<&Argument> = function.args.iter().filter(|arg| arg.mode == ArgMode::Table).collect();
        let set = !table.is_empty() || function.returns.as_ref().is_some_and(|ty| ty.setof);
        if !set {
            let value = self.result(&function, &frame);
            let (columns, cells): (Vec<SmolStr>, Vec<Value>) = match value {
                Value::Record(record) => record.fields.iter().cloned().unzip(),
                value => (vec![column], vec![value]),
            };
            return Ok(Rows { columns, rows: vec![(cells.into(), Presence::Certain)], complete: true, open: false });
        }
        let columns = if !table.is_empty() {
            table.iter().map(|arg| arg.name.clone().unwrap_or_default()).collect()
        } else if function.returns.as_ref().is_some_and(|ty| ty.user.is_none() && !ty.is("record")) {
            vec![column]
        } else {
            frame.row_columns.clone()
        };
        let mut rows = frame.rows;
        let width = columns.len();
        rows.retain(|(cells, _)| cells.len() == width);
        Ok(Rows { complete: !frame.rows_unknown, open: width == 0, columns, rows })
    }

    /// Runs the body of a function, or returns `None` if it cannot be parsed.
    fn run_function(&mut self, function: &Function, names: &[Option<SmolStr>], args: Vec<Value>) -> Ran<Option<Frame>> {
        if function.strict && args.contains(&Value::Null) {
            return Ok(Some(Frame { returned: Some(Value::Null), ..Frame::default() }));
        }
        if self.world.budget.calls >= MAX_CALLS {
            self.world.bounded.push(self.origin);
            self.blind = true;
            self.cut = true;
            return Ok(None);
        }
        let scope = self.parameters(function, names, args)?;
        self.world.budget.calls += 1;
        let path = self.world.catalog.session.search_path.clone();
        let certainty = self.certainty;
        if function.certainty == Certainty::Maybe {
            self.certainty = Certainty::Maybe;
        }
        let pinned = function.setting("search_path").map(|setting| {
            let schemas = setting.split(',').map(super::expr::unquoted).filter(|schema| !schema.is_empty());
            schemas.collect::<Vec<_>>()
        });
        let restore = pinned.is_some();
        if pinned.is_some() {
            self.world.catalog.session.search_path = pinned;
        }
        let ran = self.run_body(function, scope);
        if restore {
            self.world.catalog.session.search_path = path;
        }
        self.certainty = certainty;
        self.world.budget.calls -= 1;
        ran
    }

    fn run_body(&mut self, function: &Function, scope: Scope) -> Ran<Option<Frame>> {
        let file = function.at.file;
        let code = match &*function.body {
            Body::Code(code) => code,
            Body::Sql { statements, result, .. } => return self.run_sql_body(statements, result.as_ref(), scope),
            Body::None => return Ok(None),
        };
        let file = match &code.unescaped {
            None => file,
            Some(text) => self.unescaped(Site::new(file, code.literal), text),
        };
        if let Some(statements) = code.statements() {
            return self.run_sql(file, statements, scope);
        }
        let Some(program) = self.program(file, code) else { return Ok(None) };
        let mut frame = Frame::of(program.clone());
        frame.params = scope.variables.iter().map(|variable| variable.value.clone()).collect();
        frame.scopes.push(Scope { label: Some(function.name.name.clone()), ..scope });
        self.frames.push(frame);
        let ran = self.block(&program.routine.block);
        let frame = self.frames.pop();
        ran.map(|_: Flow| frame)
    }

    /// Returns the file of a body with doubled quotes. Its unescaped text is a file of its own, which is created once.
    fn unescaped(&mut self, literal: Site, text: &str) -> FileId {
        let span = Span::new(0, text.len() as u32);
        let known = self
            .programs
            .keys()
            .find(|(file, known)| *known == span && self.sources.get(*file).text() == text && self.sources.is_derived(*file));
        match known {
            Some((file, _)) => *file,
            None => self.sources.add_derived(literal, text),
        }
    }

    fn run_sql(&mut self, file: FileId, statements: &[Statement], scope: Scope) -> Ran<Option<Frame>> {
        self.push_sql_frame(scope);
        let mut ran = Ok(None);
        for statement in statements.iter() {
            ran = self.run_statement(file, statement);
            if ran.is_err() {
                break;
            }
        }
        let frame = self.frames.pop();
        let last = ran?;
        Ok(frame.map(|frame| with_result(frame, last)))
    }

    fn run_sql_body(&mut self, statements: &[Data], result: Option<&Expr>, scope: Scope) -> Ran<Option<Frame>> {
        self.push_sql_frame(scope);
        let mut last = Ok(None);
        for statement in statements {
            last = match statement {
                Data::Query(query) => self.query(query, &Env::EMPTY).map(Some),
                _ => Ok(None),
            };
            if last.is_err() {
                break;
            }
        }
        let value = match (&last, result) {
            (Ok(_), Some(expr)) => self.eval(expr, &Env::EMPTY).map(Some),
            _ => Ok(None),
        };
        let frame = self.frames.pop();
        let (last, value) = (last?, value?);
        Ok(frame.map(|frame| match value {
            Some(value) => Frame { returned: Some(value), ..frame },
            None => with_result(frame, last),
        }))
    }

    fn push_sql_frame(&mut self, scope: Scope) {
        let params = scope.variables.iter().map(|variable| variable.value.clone()).collect();
        self.frames.push(Frame { params, scopes: vec![scope], columns_win: true, ..Frame::default() });
    }

    /// Returns the parameters with the values of the call.
    fn parameters(&mut self, function: &Function, names: &[Option<SmolStr>], args: Vec<Value>) -> Ran<Scope> {
        let inputs: Vec<&Argument> = function.inputs().collect();
        let mut given: Vec<Option<Value>> = vec![None; inputs.len()];
        for (at, value) in args.into_iter().enumerate() {
            let place = match names.get(at).and_then(Option::as_ref) {
                Some(name) => inputs.iter().position(|arg| arg.name.as_ref() == Some(name)),
                None => Some(at),
            };
            match place {
                Some(place) if place < given.len() && inputs[place].mode != ArgMode::Variadic => given[place] = Some(value),
                // VARIADIC collects the remaining arguments in an array
                _ => {
                    if let Some(last) = given.last_mut() {
                        *last = Some(Value::Something);
                    }
                }
            }
        }
        let mut scope = Scope::default();
        for (arg, value) in inputs.into_iter().zip(given) {
            let value = match (value, &arg.default) {
                (Some(value), _) => self.coerced(value, &arg.ty),
                (None, Some(default)) => {
                    let root = default.root.clone();
                    self.frames.push(Frame::default());
                    let value = self.eval(&root, &Env::EMPTY);
                    self.frames.pop();
                    value?
                }
                (None, None) => Value::Unknown,
            };
            scope.variables.push(Variable { name: arg.name.clone().unwrap_or_default(), value, ty: None });
        }
        for arg in function.args.iter().filter(|arg| matches!(arg.mode, ArgMode::Out | ArgMode::Table)) {
            scope.variables.push(Variable { name: arg.name.clone().unwrap_or_default(), value: Value::Null, ty: None });
        }
        Ok(scope)
    }

    /// Returns the rows of `pg_event_trigger_ddl_commands()`.
    fn created_rows(&self) -> Rows {
        let columns = ["classid", "objid", "objsubid", "command_tag", "object_type", "schema_name", "object_identity", "in_extension"];
        let rows = self.created.iter().map(|table| {
            let cells: Cells = Arc::new([
                Value::object(Object::Relation(crate::catalog::name::QName::new("pg_catalog", "pg_class"))),
                Value::relation(table),
                Value::Int(0),
                Value::text("CREATE TABLE"),
                Value::text("table"),
                Value::text(&table.schema),
                Value::text(table.quoted()),
                Value::Bool(false),
            ]);
            (cells, Presence::Certain)
        });
        Rows { columns: columns.into_iter().map(SmolStr::from).collect(), rows: rows.collect(), complete: true, open: false }
    }

    /// Runs the functions of event triggers for CREATE TABLE.
    pub fn event_triggers(&mut self) -> Ran<()> {
        let triggers: Vec<_> = self.world.catalog.event_triggers.values().cloned().collect();
        for trigger in triggers {
            let wanted = trigger.tags.is_empty() || trigger.tags.iter().any(|tag| tag.eq_ignore_ascii_case("create table"));
            if trigger.event != "ddl_command_end" || !wanted {
                continue;
            }
            let overloads = self.world.catalog.functions.get(&trigger.function);
            let Some(function) = overloads.and_then(|overloads| overloads.first()).cloned() else { continue };
            let ours = function.language == "plpgsql" && !function.of_extension && !function.at.is_platform();
            if ours {
                let text = |name: &str, value: &str| Variable { name: name.into(), value: Value::text(value), ty: None };
                let variables = vec![text("tg_event", "ddl_command_end"), text("tg_tag", "CREATE TABLE")];
                self.run_body(&function, Scope { label: None, variables })?;
            }
        }
        Ok(())
    }

    /// Runs a statement of an EXECUTE command or of a function in SQL. Returns the rows if it is a query.
    pub fn run_statement(&mut self, file: FileId, statement: &Statement) -> Ran<Option<Table>> {
        self.step(1)?;
        let Form::Read(ast) = &statement.form else {
            self.unread(file, statement);
            return Ok(None);
        };
        match &**ast {
            Ast::Data(Data::Query(query)) if query.select().is_none_or(|select| select.into.is_none()) => {
                self.query(query, &Env::EMPTY).map(Some)
            }
            Ast::Data(data) => {
                let found = self.affects_rows(data)?;
                self.put(file, statement)?;
                self.set_found(found);
                Ok(None)
            }
            _ => self.put(file, statement).map(|()| None),
        }
    }

    /// Records a statement that cannot be parsed. It changes nothing.
    pub fn unread(&mut self, file: FileId, statement: &Statement) {
        if let Form::Opaque(opaque) = &statement.form {
            let unread = crate::syntax::ast::Unread {
                site: Site::new(file, statement.span),
                head: opaque.head.to_string(),
                reason: opaque.reason.clone(),
            };
            self.world.unread.push(unread);
            self.skip_code(statement.span);
        }
    }

    pub fn set_found(&mut self, found: Option<bool>) {
        let value = Value::known(found);
        if let Some(variable) = self.frames.last_mut().and_then(|frame| frame.variable("found")) {
            variable.value = value;
        }
    }

    /// Returns whether a statement inserts, changes or deletes rows, or `None` if unknown.
    pub fn affects_rows(&mut self, data: &Data) -> Ran<Option<bool>> {
        let (table, from, filter) = match data {
            Data::Insert(insert) => {
                let plain = insert.source.as_ref().is_none_or(|source| matches!(source.body, SetExpr::Values(_)));
                return Ok((plain && insert.on_conflict.is_none()).then_some(true));
            }
            Data::Update(update) if update.with.is_empty() => (&update.table, &update.from, &update.filter),
            Data::Delete(delete) if delete.with.is_empty() => (&delete.table, &delete.using, &delete.filter),
            Data::Query(_) | Data::Update(_) | Data::Delete(_) | Data::Merge { .. } => return Ok(None),
        };
        let from = std::iter::once(table).chain(from).cloned().collect();
        let filter = filter.clone();
        let one = Target { expr: Expr::new(Span::default(), ExprKind::Number("1".into())), alias: None };
        let select = Select { from, filter, targets: vec![one], ..Select::default() };
        let query = Query { body: SetExpr::Select(Box::new(select)), ..Query::default() };
        match self.query(&query, &Env::EMPTY) {
            Ok(table) => Ok(table.exists()),
            Err(Stop::Failed(reason)) => self.tolerate(Stop::Failed(reason)).map(|()| None),
            Err(stop) => Err(stop),
        }
    }
}

fn with_result(frame: Frame, last: Option<Table>) -> Frame {
    let Some(table) = last else { return frame };
    let returned = match table.rows.as_slice() {
        [] if table.complete => Value::Null,
        [(cells, Presence::Certain), ..] if cells.len() == 1 => cells[0].clone(),
        [(cells, Presence::Certain), ..] => table.record(cells),
        _ => Value::Unknown,
    };
    Frame { returned: Some(returned), rows_unknown: !table.complete, row_columns: table.columns, rows: table.rows, ..frame }
}
