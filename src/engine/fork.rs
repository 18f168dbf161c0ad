//! How else a history might have gone: what is found in the project as it was, beside what is found in it as it is.
//!
//! Promises: what both begin with is folded once, and the rest by a thread of its own; of the rules that are asked for, what comes of it is
//! what a run of the other project alone would find. Those that nobody asks for, as they found nothing in the one, do not run in the other,
//! and where nothing is likely to be asked, nothing is done before it is.

use super::{Choice, Engine};
use crate::history::{self, Fold, Outcome, Replay, Shelf, Step, Visitor};
use crate::project::{Migration, Project};
use crate::source::Sources;
use crate::syntax::sql;
use std::collections::{BTreeSet, HashSet};
use std::thread::{Scope, ScopedJoinHandle};

/// A history that has come to its end, with the rules that have watched it.
struct Ended<'a> {
    engine: Engine<'a>,
    replay: Replay,
    sources: Sources,
}

/// What is found in another project.
#[derive(Default)]
pub struct Found {
    /// Fingerprints.
    pub prints: HashSet<String>,
    /// What it was found in and by, for whoever has time to free it.
    pub rest: Option<Box<dyn Send>>,
}

/// Another project, and what is found in it.
pub struct Fork<'scope, 'a> {
    project: &'a Project,
    /// Migrations that both begin with.
    common: usize,
    shelf: Shelf,
    /// Does it wait until it is asked?
    waits: bool,
    /// Whoever folds it, unless nobody could yet.
    folding: Option<ScopedJoinHandle<'scope, Ended<'a>>>,
}

impl<'a> Fork<'_, 'a> {
    /// What some rules find.
    pub fn ask(self, rules: &BTreeSet<&'static str>, sources: &Sources, choice: &Choice) -> Found {
        let ended = match self.folding {
            Some(thread) => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            None if rules.is_empty() => return Found::default(),
            None => Ended::alone(sources.clone(), Engine::new(self.project, choice).unread(), &self.shelf),
        };
        ended.found(rules)
    }
}

impl<'a> Ended<'a> {
    /// A project that is folded from its first migration on.
    fn alone(mut sources: Sources, mut engine: Engine<'a>, shelf: &Shelf) -> Ended<'a> {
        let project = engine.project;
        let replay = history::replay_beside(&mut sources, project, &mut engine, shelf);
        Ended { engine, replay, sources }
    }

    fn found(self, rules: &BTreeSet<&'static str>) -> Found {
        let Ended { mut engine, replay, sources } = self;
        engine.keep(rules);
        let mut judged = engine.found(&replay.catalog, &sources);
        let prints = judged.findings.iter_mut().map(|told| std::mem::take(&mut told.finding.fingerprint)).collect();
        Found { prints, rest: Some(Box::new((judged, replay, sources))) }
    }
}

/// An engine, and other projects, each of which parts from its history somewhere.
pub struct Watch<'scope, 'env, 'a> {
    pub engine: Engine<'a>,
    /// None where nobody asks.
    pub forks: Vec<Option<Fork<'scope, 'a>>>,
    /// What is read for another project too.
    pub shelf: Shelf,
    choice: &'a Choice,
    threads: &'scope Scope<'scope, 'env>,
}

impl<'scope, 'env, 'a: 'scope> Watch<'scope, 'env, 'a> {
    pub fn new(project: &'a Project, choice: &'a Choice, threads: &'scope Scope<'scope, 'env>) -> Watch<'scope, 'env, 'a> {
        Watch { engine: Engine::new(project, choice), forks: Vec::new(), shelf: Shelf::default(), choice, threads }
    }

    /// Asks about another project, whose files are in the same sources; one that waits is looked at only if something is asked at the end.
    pub fn add(&mut self, other: Option<&'a Project>, sources: &Sources, waits: bool) {
        let fork = other.map(|project| {
            let common = self.engine.project.common(project);
            let mut shelf = Shelf::default();
            // a shelf is for two
            if self.shelf.is_bare() && !waits {
                shelf = history::shelf(sources, self.engine.project, project, common);
                self.shelf = shelf.clone();
            }
            Fork { project, common, shelf, waits, folding: None }
        });
        self.forks.push(fork);
    }

    /// Looks at another project from its first migration on. Without a thread to be had, it waits for the end.
    fn apart(&self, fork: &Fork<'scope, 'a>, sources: &Sources) -> Option<ScopedJoinHandle<'scope, Ended<'a>>> {
        let engine = Engine::new(fork.project, self.choice).unread();
        let (sources, shelf) = (sources.clone(), fork.shelf.clone());
        sql::roomy_thread(self.threads, move || Ended::alone(sources, engine, &shelf)).ok()
    }

    /// Lets those go their own way that have no more in common with the history.
    fn part_behind(&mut self, fold: &Fold, sources: &Sources) {
        let mut forks = std::mem::take(&mut self.forks);
        for fork in forks.iter_mut().flatten().filter(|fork| fork.common == fold.done() && !fork.waits) {
            fork.folding = self.part(fork, fold, sources);
        }
        self.forks = forks;
    }

    /// Lets another project go its own way from here.
    fn part(&self, fork: &Fork<'scope, 'a>, fold: &Fold, sources: &Sources) -> Option<ScopedJoinHandle<'scope, Ended<'a>>> {
        let project = fork.project;
        if !fold.is_of(project, sources) {
            return self.apart(fork, sources);
        }
        let mut engine = self.engine.fork(project);
        let (fold, mut sources, shelf) = (fold.clone(), sources.clone(), fork.shelf.clone());
        let work = move || {
            let replay = history::resume(fold, &mut sources, project, &mut engine, &shelf);
            Ended { engine, replay, sources }
        };
        sql::roomy_thread(self.threads, work).ok()
    }
}

impl<'scope, 'a: 'scope> Visitor for Watch<'scope, '_, 'a> {
    fn begin(&mut self, fold: &Fold, sources: &Sources) {
        self.part_behind(fold, sources);
    }

    fn statement(&mut self, step: &Step<'_>, sources: &Sources) {
        self.engine.statement(step, sources);
    }

    fn outcome(&mut self, outcome: &Outcome<'_>, sources: &Sources) {
        self.engine.outcome(outcome, sources);
    }

    fn migration(&mut self, fold: &Fold, migration: &Migration, sources: &Sources) {
        self.engine.migration(fold, migration, sources);
        self.part_behind(fold, sources);
    }
}
