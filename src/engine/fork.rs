//! How else a history might have gone: what is found in the project as it was, beside what is found in it as it is.
//!
//! Promises: what both begin with is folded once, and the rest by a thread of its own; what comes of it is what a run of the other project
//! alone would find.

use super::{Choice, Engine, free_beside, prints, run};
use crate::history::{self, Fold, Outcome, Step, Visitor};
use crate::project::{Migration, Project};
use crate::source::Sources;
use crate::syntax::sql;
use std::collections::BTreeSet;
use std::thread::{Scope, ScopedJoinHandle};

/// Another project, and what is found in it.
pub struct Fork<'scope, 'a> {
    project: &'a Project,
    /// Migrations that both begin with.
    common: usize,
    state: State<'scope>,
}

enum State<'scope> {
    Unknown,
    /// Fingerprints of what is found.
    Known(BTreeSet<String>),
    Found(ScopedJoinHandle<'scope, BTreeSet<String>>),
}

impl Fork<'_, '_> {
    /// Fingerprints of what is found.
    pub fn end(self, sources: &Sources, choice: &Choice) -> BTreeSet<String> {
        match self.state {
            State::Known(prints) => prints,
            State::Found(thread) => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            State::Unknown => alone(sources.clone(), self.project, choice),
        }
    }
}

/// What is found in a project that is folded from its first migration on.
fn alone(sources: Sources, project: &Project, choice: &Choice) -> BTreeSet<String> {
    prints(&run(sources, project, choice).findings)
}

/// An engine, and other projects, each of which parts from its history somewhere.
pub struct Watch<'scope, 'env, 'a> {
    pub engine: Engine<'a>,
    /// None where nobody asks.
    pub forks: Vec<Option<Fork<'scope, 'a>>>,
    choice: &'a Choice,
    threads: &'scope Scope<'scope, 'env>,
}

impl<'scope, 'env, 'a: 'scope> Watch<'scope, 'env, 'a> {
    pub fn new(project: &'a Project, choice: &'a Choice, threads: &'scope Scope<'scope, 'env>) -> Watch<'scope, 'env, 'a> {
        Watch { engine: Engine::new(project, choice), forks: Vec::new(), choice, threads }
    }

    /// Asks about another project, whose files are in the same sources.
    pub fn add(&mut self, other: Option<&'a Project>, sources: &Sources) {
        let fork = other.map(|project| {
            let common = self.engine.project.common(project);
            let state = if common == 0 { self.apart(project, sources) } else { State::Unknown };
            Fork { project, common, state }
        });
        self.forks.push(fork);
    }

    /// Without a thread to be had, it waits for the end.
    fn beside(&self, work: impl FnOnce() -> BTreeSet<String> + Send + 'scope) -> State<'scope> {
        sql::roomy_thread(self.threads, work).map_or(State::Unknown, State::Found)
    }

    fn apart(&self, project: &'a Project, sources: &Sources) -> State<'scope> {
        let (choice, sources) = (self.choice, sources.clone());
        self.beside(move || alone(sources, project, choice))
    }

    /// Lets another project go its own way from here.
    fn part(&mut self, project: &'a Project, fold: &Fold, sources: &Sources) -> State<'scope> {
        if !fold.is_of(project, sources) {
            return self.apart(project, sources);
        }
        self.engine.bodies = self.engine.bodies.later(fold.catalog(), sources);
        let mut engine = self.engine.fork(project, self.engine.bodies.shared(fold.catalog(), sources));
        if project.migrations.len() == fold.done() {
            return State::Known(prints(&engine.found(fold.catalog(), sources).findings));
        }
        let (fold, mut sources) = (fold.clone(), sources.clone());
        self.beside(move || {
            let replay = history::resume(fold, &mut sources, project, &mut engine);
            let found = prints(&engine.found(&replay.catalog, &sources).findings);
            free_beside((replay, engine.bodies));
            found
        })
    }
}

impl<'scope, 'a: 'scope> Visitor for Watch<'scope, '_, 'a> {
    fn statement(&mut self, step: &Step<'_>, sources: &Sources) {
        self.engine.statement(step, sources);
    }

    fn outcome(&mut self, outcome: &Outcome<'_>, sources: &Sources) {
        self.engine.outcome(outcome, sources);
    }

    fn migration(&mut self, fold: &Fold, migration: &Migration, sources: &Sources) {
        self.engine.migration(fold, migration, sources);
        let mut forks = std::mem::take(&mut self.forks);
        for fork in forks.iter_mut().flatten().filter(|fork| fork.common == fold.done()) {
            fork.state = self.part(fork.project, fold, sources);
        }
        self.forks = forks;
    }
}
