//! How else a history might have gone: what is found in the project as it was, beside what is found in it as it is.
//!
//! Promises: what both begin with is folded once, and so is what both have later, where it does the same; of the rules that are asked for,
//! what comes of it is what a run of the other project alone would find. Those that nobody asks for, as they found nothing in the one, do
//! not run in the other, and where nothing is likely to be asked, nothing is done before it is.

use super::{Choice, Engine};
use crate::history::{self, Beside, Fold, Outcome, Replay, Step, Visitor};
use crate::project::{Migration, Project};
use crate::source::Sources;
use rustc_hash::FxHashSet;
use std::collections::BTreeSet;

/// What is found in another project.
#[derive(Default)]
pub struct Found {
    /// Fingerprints.
    pub prints: FxHashSet<String>,
    /// What it was found in and by, for whoever has time to free it.
    pub rest: Option<Box<dyn Send>>,
}

/// Another project, and what is found in it.
pub struct Fork<'a> {
    project: &'a Project,
    /// Migrations that both begin with.
    common: usize,
    /// Does it wait until it is asked?
    waits: bool,
    /// None before it has begun, and where it can't go on from what both begin with.
    run: Option<Box<Run<'a>>>,
}

/// The other project's history, under way beside the one.
struct Run<'a> {
    project: &'a Project,
    engine: Engine<'a>,
    beside: Beside,
    /// How much the one's rules had told before the migration that runs.
    told: usize,
}

impl<'a> Fork<'a> {
    /// What some rules find.
    pub fn ask(self, rules: &BTreeSet<&'static str>, sources: &Sources, choice: &Choice) -> Found {
        if rules.is_empty() {
            return Found::default();
        }
        match self.run {
            Some(run) => run.end(rules, sources.clone()),
            None => {
                let mut engine = Engine::new(self.project, choice).unread();
                let mut sources = sources.clone();
                let replay = history::replay(&mut sources, self.project, &mut engine);
                found(engine, replay, sources, rules)
            }
        }
    }
}

fn found(mut engine: Engine<'_>, replay: Replay, sources: Sources, rules: &BTreeSet<&'static str>) -> Found {
    engine.keep(rules);
    let mut judged = engine.found(&replay.catalog, &sources);
    let prints = judged.findings.iter_mut().map(|told| std::mem::take(&mut told.finding.fingerprint)).collect();
    Found { prints, rest: Some(Box::new((judged, replay, sources))) }
}

impl Run<'_> {
    fn end(self, rules: &BTreeSet<&'static str>, mut sources: Sources) -> Found {
        let Run { project, mut engine, beside, .. } = self;
        let replay = beside.end(project, &mut sources, &mut engine);
        found(engine, replay, sources, rules)
    }
}

/// An engine, and other projects, each of which parts from its history somewhere.
pub struct Watch<'a> {
    pub engine: Engine<'a>,
    /// None where nobody asks.
    pub forks: Vec<Option<Fork<'a>>>,
}

impl<'a> Watch<'a> {
    pub fn new(project: &'a Project, choice: &Choice) -> Watch<'a> {
        Watch { engine: Engine::new(project, choice), forks: Vec::new() }
    }

    /// Asks about another project, whose files are in the same sources; one that waits is looked at only if something is asked at the end.
    pub fn add(&mut self, other: Option<&'a Project>, waits: bool) {
        // beside a history there is room for one
        let waits = waits || self.forks.iter().flatten().any(|fork| !fork.waits);
        let common = |project| self.engine.project.common(project);
        self.forks.push(other.map(|project| Fork { project, common: common(project), waits, run: None }));
    }

    /// Lets the other go its own way if it has no more in common with the history.
    fn part_behind(&mut self, fold: &mut Fold, sources: &Sources) {
        if let Some(fork) = self.forks.iter_mut().flatten().find(|fork| fork.common == fold.done() && !fork.waits) {
            let project = fork.project;
            let beside = Beside::of(fold, project, sources);
            fork.run = beside.map(|beside| Box::new(Run { project, engine: self.engine.fork(project), beside, told: 0 }));
        }
    }

    /// The engine, and what goes beside the history.
    fn both(&mut self) -> (&mut Engine<'a>, Option<&mut Run<'a>>) {
        (&mut self.engine, self.forks.iter_mut().flatten().find_map(|fork| fork.run.as_deref_mut()))
    }
}

impl Visitor for Watch<'_> {
    fn begin(&mut self, fold: &mut Fold, sources: &mut Sources) {
        self.part_behind(fold, sources);
    }

    fn open(&mut self, fold: &mut Fold, migration: &Migration, sources: &mut Sources) {
        if let (engine, Some(run)) = self.both() {
            run.told = engine.told.len();
            run.beside.open(fold, migration, run.project, sources, &mut run.engine);
        }
    }

    fn statement(&mut self, step: &Step<'_>, sources: &Sources) {
        self.engine.statement(step, sources);
        if let (_, Some(run)) = self.both() {
            run.beside.statement(step.statement);
        }
    }

    fn outcome(&mut self, outcome: &Outcome<'_>, sources: &Sources) {
        self.engine.outcome(outcome, sources);
    }

    fn migration(&mut self, fold: &mut Fold, migration: &Migration, sources: &mut Sources) {
        self.engine.migration(fold, migration, sources);
        if let (engine, Some(run)) = self.both()
            && run.beside.close(fold, migration, sources, &mut run.engine)
        {
            run.engine.told.extend_from_slice(&engine.told[run.told..]);
        }
        self.part_behind(fold, sources);
    }
}
