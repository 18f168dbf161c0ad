//! Evaluation of DO blocks and functions of the project, as on a new database, in which only migrations have inserted rows.
//!
//! Promises: each inner statement runs in order, at its own location in the file. A block that fails changes nothing. Statements under an
//! unknown condition run with [`Certainty::Maybe`]. If such a statement would fail, it is treated as not run, because the condition probably
//! prevents the failure. Time and memory are limited. Code that runs longer is stopped and listed in [`Database::bounded`], and facts that
//! it could have changed become uncertain.
//! Limits: loops over unknown rows and commands with unknown text are skipped and listed in [`Database::undecided`]. Facts that they could
//! have changed become uncertain.

mod acl;
mod aggregate;
mod condition;
mod doubt;
mod expr;
mod function;
mod lookup;
mod order;
mod pattern;
mod query;
mod relation;
mod routine;
mod statement;
mod tables;
mod value;

use super::body;
use super::run::{Database, Outcome};
use crate::catalog::SqlError;
use crate::catalog::effect::{Change, Effect};
use crate::catalog::name::QName;
use crate::catalog::object::{Certainty, Policy, Trigger};
use crate::source::{FileId, Site, Sources, Span};
use crate::syntax::ast::{Ast, Code, Form, ObjectKind, Statement};
use crate::syntax::expression::{Expr, Insert, Query, SetExpr};
use query::{Env, SubqueryCache, Table};
pub use relation::{Temporary, temporary};
use routine::{Frame, Program};
use rustc_hash::FxHashMap;
use smol_str::SmolStr;
use std::rc::Rc;
use std::sync::Arc;
use value::Value;

/// Maximum number of statements, iterations and queries of one block.
const MAX_STEPS: u32 = 50_000;
/// Maximum number of rows and operators that one block evaluates.
const MAX_WORK: u64 = 3_000_000;
/// Maximum for the whole migration history.
const MAX_TOTAL_STEPS: u64 = 1_000_000;
const MAX_TOTAL_WORK: u64 = 60_000_000;
/// Maximum depth of nested functions, DO blocks and EXECUTE commands.
const MAX_CALLS: usize = 8;
/// Maximum depth of nested PL/pgSQL statements, through all calls.
const MAX_NESTING: usize = 90;

/// Counters of the whole migration history.
#[derive(Clone, Debug, Default)]
struct Spent {
    steps: u64,
    work: u64,
}

/// Counters of the running block and of the whole migration history.
#[derive(Clone, Debug, Default)]
pub struct Budget {
    steps: u32,
    work: u64,
    total: Spent,
    /// Number of running blocks and functions.
    calls: usize,
    nesting: usize,
}

impl Budget {
    /// Returns whether code is running.
    pub fn is_running(&self) -> bool {
        self.calls > 0
    }

    /// Returns whether the whole migration history is below its maximum.
    fn has_left(&self) -> bool {
        self.total.steps <= MAX_TOTAL_STEPS && self.total.work <= MAX_TOTAL_WORK
    }
}

/// Reason for which evaluation ends early.
#[derive(Debug)]
pub enum Stop {
    Failed(SqlError),
    /// A maximum was reached.
    Bounded,
}

impl From<SqlError> for Stop {
    fn from(reason: SqlError) -> Stop {
        Stop::Failed(reason)
    }
}

pub type Ran<T> = Result<T, Stop>;

/// An object that was dropped with [`Certainty::Maybe`], so that it may still exist.
enum Dropped {
    Policy(QName, Policy),
    Trigger(QName, Trigger),
}

/// Evaluates PL/pgSQL on a database.
pub struct Machine<'w> {
    pub world: &'w mut Database,
    pub sources: &'w mut Sources,
    /// Statement of the file that is running.
    origin: Site,
    certainty: Certainty,
    /// Whether code was skipped. Later failures are then uncertain.
    blind: bool,
    /// Whether a maximum was reached.
    cut: bool,
    /// Whether an exception handler of the running code catches a failure.
    guarded: bool,
    effects: Vec<Effect>,
    frames: Vec<Frame>,
    ctes: Vec<(SmolStr, Arc<Table>)>,
    /// Results of subqueries that do not depend on rows of the running SELECT.
    settled: SubqueryCache,
    /// Depth of the outermost query whose row a name refers to.
    reached: usize,
    programs: FxHashMap<(FileId, Span), Rc<Program>>,
    expressions: usize,
    /// Objects that were dropped with [`Certainty::Maybe`].
    dropped: Vec<Dropped>,
    /// Tables that an event trigger receives.
    created: Vec<QName>,
    /// Effects that make facts uncertain because code was skipped.
    doubts: Vec<Effect>,
    /// Whether skipped code could have changed the schema.
    undecided: bool,
}

impl<'w> Machine<'w> {
    fn new(world: &'w mut Database, sources: &'w mut Sources, origin: Site, certainty: Certainty) -> Machine<'w> {
        Machine {
            world,
            sources,
            origin,
            certainty,
            blind: false,
            cut: false,
            guarded: false,
            effects: Vec::new(),
            frames: Vec::new(),
            ctes: Vec::new(),
            settled: SubqueryCache::default(),
            reached: usize::MAX,
            programs: FxHashMap::default(),
            expressions: 0,
            dropped: Vec::new(),
            created: Vec::new(),
            doubts: Vec::new(),
            undecided: false,
        }
    }

    /// Counts statements, iterations or queries.
    fn step(&mut self, count: u32) -> Ran<()> {
        let budget = &mut self.world.budget;
        budget.steps += count;
        budget.total.steps += u64::from(count);
        if budget.steps > MAX_STEPS || !budget.has_left() { Err(Stop::Bounded) } else { Ok(()) }
    }

    /// Counts rows and operators.
    fn work(&mut self, count: usize) -> Ran<()> {
        let budget = &mut self.world.budget;
        budget.work += count as u64;
        budget.total.work += count as u64;
        if budget.work > MAX_WORK || !budget.has_left() { Err(Stop::Bounded) } else { Ok(()) }
    }

    /// Runs `body`. If it fails, all its changes are undone.
    fn whole(mut self, body: impl FnOnce(&mut Machine<'w>) -> Ran<()>) -> Outcome {
        if self.world.budget.calls >= MAX_CALLS {
            let place = self.sources.resolve(self.origin);
            // a loop can reach the statement several times
            let again = self.world.bounded.last().is_some_and(|last| self.sources.resolve(*last) == place);
            self.world.bounded.push(self.origin);
            if !again {
                self.doubt();
            }
            return Outcome::default();
        }
        if self.world.budget.calls == 0 {
            self.world.budget.steps = 0;
            self.world.budget.work = 0;
        }
        self.world.budget.calls += 1;
        let session = self.world.catalog.session.clone();
        let changes = self.world.temporary.changes();
        self.world.catalog.begin();
        let ran = body(&mut self);
        self.restore(0);
        self.world.budget.calls -= 1;
        // a failure of an uncertain statement is ignored
        let failed = match ran {
            Ok(()) => None,
            Err(Stop::Bounded) => {
                self.world.bounded.push(self.origin);
                self.blind = true;
                self.cut = true;
                None
            }
            Err(Stop::Failed(_)) if self.certainty == Certainty::Maybe || self.blind => None,
            Err(Stop::Failed(reason)) => Some(reason),
        };
        if failed.is_some() {
            self.world.catalog.rollback();
            self.world.catalog.session = session;
            if self.world.temporary.changes() != changes {
                let changed: Vec<QName> = self.world.temporary.names().cloned().collect();
                changed.into_iter().for_each(|table| self.world.inserted.insert(table, ()));
            }
            return Outcome { failed, ..Outcome::default() };
        }
        self.world.catalog.commit();
        if self.cut {
            self.doubt();
        }
        if self.undecided {
            let place = self.sources.resolve(self.origin);
            // a loop can reach the statement several times
            if self.world.undecided.last() != Some(&place) {
                self.world.undecided.push(place);
            }
        }
        if self.blind {
            let change = Change::Obscure { span: self.sources.resolve(self.origin).span };
            self.world.apply(vec![Effect { at: self.origin, certainty: self.certainty, change }]);
        }
        Outcome { effects: self.effects, ..Outcome::default() }
    }
}

/// Runs the code of a DO block, which is part of the text of `file`.
pub fn block(world: &mut Database, sources: &mut Sources, origin: Site, file: FileId, code: &Code, certainty: Certainty) -> Outcome {
    let machine = Machine::new(world, sources, origin, certainty);
    machine.whole(|machine| {
        let Some(program) = machine.program(file, code) else { return Ok(()) };
        if let Err(reason) = body::declared(&machine.world.catalog, &program.routine) {
            return machine.tolerate(Stop::Failed(reason));
        }
        machine.frames.push(Frame::of(program.clone()));
        machine.block(&program.routine.block).map(|_| ())
    })
}

/// Runs the functions that a query calls.
pub fn select(world: &mut Database, sources: &mut Sources, origin: Site, query: &Query, certainty: Certainty) -> Outcome {
    let machine = Machine::new(world, sources, origin, certainty);
    machine.whole(|machine| machine.query(query, &Env::EMPTY).map(|_| ()))
}

/// Runs a procedure or function.
pub fn call(world: &mut Database, sources: &mut Sources, origin: Site, expr: &Expr, certainty: Certainty) -> Outcome {
    let machine = Machine::new(world, sources, origin, certainty);
    machine.whole(|machine| machine.eval(expr, &Env::EMPTY).map(|_| ()))
}

/// Runs the event triggers of a statement that created these tables.
pub fn created(world: &mut Database, sources: &mut Sources, origin: Site, tables: Vec<QName>, certainty: Certainty) -> Outcome {
    let mut machine = Machine::new(world, sources, origin, certainty);
    machine.created = tables;
    machine.whole(Machine::event_triggers)
}

/// Returns whether an INSERT may have inserted rows. It did not if its query certainly returns no rows.
pub fn inserts(world: &mut Database, sources: &mut Sources, origin: Site, insert: &Insert) -> bool {
    let Some(source) = insert.source.as_ref().filter(|source| !matches!(source.body, SetExpr::Values(_))) else { return true };
    let mut machine = Machine::new(world, sources, origin, Certainty::Maybe);
    machine.blind = true;
    let exists = if calls_project_code(machine.world, source) { None } else { machine.query(source, &Env::EMPTY).ok() };
    exists.is_none_or(|table| table.exists() != Some(false))
}

/// Returns whether a query calls a function of the project.
pub fn calls_project_code(world: &Database, query: &Query) -> bool {
    use crate::syntax::expression::{ExprKind, Node, Walk};
    let mut found = false;
    query.walk(&mut |node| {
        if let Node::Expr(Expr { kind: ExprKind::Call(call), .. }) = node
            && let Some(name) = world.catalog.find_functions(&call.name)
        {
            let functions = world.catalog.functions.get(&name).into_iter().flatten();
            found |= functions.into_iter().any(routine::is_readable);
        }
        if found { Walk::Over } else { Walk::Into }
    });
    found
}

impl Machine<'_> {
    /// Runs one statement on the database.
    fn put(&mut self, file: FileId, statement: &Statement) -> Ran<()> {
        if self.certainty == Certainty::Maybe {
            self.remember_dropped(statement);
        }
        let refused = self.world.refused.len();
        let outcome = self.world.run(self.sources, file, statement.clone(), self.certainty);
        self.effects.extend(outcome.effects);
        match outcome.failed {
            Some(reason) => {
                self.world.refused.truncate(refused);
                self.tolerate(Stop::Failed(reason))
            }
            None => Ok(()),
        }
    }

    fn remember_dropped(&mut self, statement: &Statement) {
        let Form::Read(ast) = &statement.form else { return };
        let Ast::Drop(drop) = &**ast else { return };
        let catalog = &self.world.catalog;
        for object in &drop.objects {
            let relation = object.on.as_ref().and_then(|on| catalog.find_relation(on));
            let Some((name, table)) = relation.and_then(|name| catalog.table(&name).map(|table| (name.clone(), table))) else { continue };
            match drop.kind {
                ObjectKind::Policy => {
                    self.dropped.extend(table.policy(object.name.last()).map(|policy| Dropped::Policy(name, policy.clone())));
                }
                ObjectKind::Trigger => {
                    let trigger = table.triggers.iter().find(|trigger| trigger.name == object.name.last());
                    self.dropped.extend(trigger.map(|trigger| Dropped::Trigger(name, trigger.clone())));
                }
                _ => {}
            }
        }
    }

    /// Restores the objects that were dropped since `mark` and not created again, with [`Certainty::Maybe`].
    fn restore(&mut self, mark: usize) {
        for dropped in self.dropped.split_off(mark.min(self.dropped.len())) {
            let (at, change) = match dropped {
                Dropped::Policy(table, policy) => {
                    let policy = Policy { certainty: Certainty::Maybe, ..policy };
                    (policy.at, Change::CreatePolicy { table, policy: Box::new(policy) })
                }
                Dropped::Trigger(relation, trigger) => {
                    let trigger = Trigger { certainty: Certainty::Maybe, ..trigger };
                    (trigger.at, Change::CreateTrigger { relation, trigger: Box::new(trigger), replace: false })
                }
            };
            // creating an object that exists again changes nothing
            self.world.apply(vec![Effect { at, certainty: Certainty::Maybe, change }]);
        }
    }

    /// Ignores a failure if the statement, or the state on which it runs, is uncertain.
    fn tolerate(&mut self, stop: Stop) -> Ran<()> {
        match stop {
            Stop::Failed(_) if (self.certainty == Certainty::Maybe || self.blind) && !self.guarded => Ok(()),
            stop => Err(stop),
        }
    }

    fn frame(&mut self) -> &mut Frame {
        if self.frames.is_empty() {
            self.frames.push(Frame::default());
        }
        let last = self.frames.len() - 1;
        &mut self.frames[last]
    }

    fn parameter(&self, name: &str) -> Value {
        let at = name.trim_start_matches('$').parse::<usize>().ok().and_then(|at| at.checked_sub(1));
        match (self.frames.last(), at) {
            (Some(frame), Some(at)) => frame.params.get(at).cloned().unwrap_or(Value::Unknown),
            _ => Value::Unknown,
        }
    }
}
