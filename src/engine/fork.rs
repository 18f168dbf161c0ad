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
use std::sync::{Arc, OnceLock};
use std::thread::{Scope, ScopedJoinHandle};

/// Who looks, and will tell what was found.
type Looking<'scope> = ScopedJoinHandle<'scope, Found>;

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
    asked: Arc<Asked>,
    /// Does it wait until it is asked?
    waits: bool,
    /// Whoever looks, unless nobody could yet.
    found: Option<Looking<'scope>>,
}

/// Ids of the rules whose findings somebody asks for, once they are known.
type Asked = OnceLock<BTreeSet<&'static str>>;

impl<'scope, 'a> Fork<'scope, 'a> {
    /// Asks for the findings of some rules.
    pub fn ask(self, rules: BTreeSet<&'static str>) -> Answering<'scope, 'a> {
        let _ = self.asked.set(rules);
        Answering(self)
    }
}

/// Nobody is left waiting, also where something panics.
impl Drop for Fork<'_, '_> {
    fn drop(&mut self) {
        let _ = self.asked.set(BTreeSet::new());
    }
}

/// Another project that has been asked.
pub struct Answering<'scope, 'a>(Fork<'scope, 'a>);

impl Answering<'_, '_> {
    /// What is found.
    pub fn end(mut self, sources: &Sources, choice: &Choice) -> Found {
        let Answering(fork) = &mut self;
        match fork.found.take() {
            Some(thread) => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            None if fork.asked.wait().is_empty() => Found::default(),
            None => alone(sources.clone(), Engine::new(fork.project, choice).unread(), &fork.shelf, &fork.asked),
        }
    }
}

/// What is found in a project that is folded from its first migration on.
fn alone(mut sources: Sources, mut engine: Engine<'_>, shelf: &Shelf, asked: &Asked) -> Found {
    let project = engine.project;
    let replay = history::replay_beside(&mut sources, project, &mut engine, shelf);
    found(engine, replay, &sources, asked)
}

fn found(mut engine: Engine<'_>, replay: Replay, sources: &Sources, asked: &Asked) -> Found {
    engine.keep(asked.wait());
    let mut judged = engine.found(&replay.catalog, sources);
    let prints = judged.findings.iter_mut().map(|told| std::mem::take(&mut told.finding.fingerprint)).collect();
    Found { prints, rest: Some(Box::new((judged, replay))) }
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
            Fork { project, common, shelf, asked: Arc::default(), waits, found: None }
        });
        self.forks.push(fork);
    }

    /// Looks at another project from its first migration on. Without a thread to be had, it waits for the end.
    fn apart(&self, fork: &Fork<'scope, 'a>, sources: &Sources) -> Option<Looking<'scope>> {
        let engine = Engine::new(fork.project, self.choice).unread();
        let (sources, shelf, asked) = (sources.clone(), fork.shelf.clone(), fork.asked.clone());
        sql::roomy_thread(self.threads, move || alone(sources, engine, &shelf, &asked)).ok()
    }

    /// Lets those go their own way that have no more in common with the history.
    fn part_behind(&mut self, fold: &Fold, sources: &Sources) {
        let mut forks = std::mem::take(&mut self.forks);
        for fork in forks.iter_mut().flatten().filter(|fork| fork.common == fold.done() && !fork.waits) {
            fork.found = self.part(fork, fold, sources);
        }
        self.forks = forks;
    }

    /// Lets another project go its own way from here.
    fn part(&self, fork: &Fork<'scope, 'a>, fold: &Fold, sources: &Sources) -> Option<Looking<'scope>> {
        let project = fork.project;
        if !fold.is_of(project, sources) {
            return self.apart(fork, sources);
        }
        let mut engine = self.engine.fork(project);
        let (fold, mut sources, shelf, asked) = (fold.clone(), sources.clone(), fork.shelf.clone(), fork.asked.clone());
        let work = move || {
            let replay = history::resume(fold, &mut sources, project, &mut engine, &shelf);
            found(engine, replay, &sources, &asked)
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
