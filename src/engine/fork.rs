//! How else a history might have gone: what is found in the project as it was, beside what is found in it as it is.
//!
//! Promises: what both begin with is folded once, and so is what both have later, where it does the same; what is judged by nothing in which
//! they differ is judged once. Of the rules that are asked for, what comes of it is what a run of the other project alone would find. Those
//! that nobody asks for, as they found nothing in the one, do not run in the other, and where nothing is likely to be asked, nothing is
//! done before it is.

use super::{Choice, Engine, Scene};
use crate::history::{self, Beside, Fate, Fold, Outcome, Parting, Replay, Step, Visitor};
use crate::project::{Migration, Project};
use crate::rules::state::{Open, State};
use crate::source::{FileId, Sources};
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::BTreeSet;

/// What is found in another project.
#[derive(Default)]
pub struct Found {
    /// Fingerprints.
    pub prints: FxHashSet<String>,
    /// What they were found by, for whoever has time to free it.
    pub rest: Option<Box<dyn Send>>,
}

/// What is asked about another project.
pub struct Question<'q> {
    pub rules: BTreeSet<&'static str>,
    /// The state that it has come to and what of a rule's findings may be others in it, where that is known: nothing else is asked for.
    pub known: Option<(&'q State<'q>, &'q FxHashMap<&'static str, Open>)>,
    pub sources: &'q Sources,
    pub choice: &'q Choice,
}

/// Another project, and what is found in it.
pub struct Fork<'a> {
    project: &'a Project,
    /// None once it has gone its own way.
    parting: Option<Parting>,
    /// Does it wait until it is asked?
    waits: bool,
    /// None before that, and where it can't go on from what both begin with.
    run: Option<Box<Run<'a>>>,
    end: Option<Box<End<'a>>>,
}

/// The other project's history, under way beside the one.
struct Run<'a> {
    engine: Engine<'a>,
    beside: Beside,
    /// How much the one's rules had told before what is not settled yet.
    told: usize,
}

/// The other project's history, where it has ended with the one.
struct End<'a> {
    /// None once it was taken.
    engine: Option<Engine<'a>>,
    replay: Replay,
    /// Is whoever looks at the one noticed where that looks at a difference?
    is_watched: bool,
}

impl<'a> Fork<'a> {
    /// What told of its way.
    pub fn engine(&mut self) -> Option<Engine<'a>> {
        self.end.as_mut()?.engine.take()
    }

    /// The state that it has come to, where who looks at what differs is noticed.
    pub fn state(&self) -> Option<State<'_>> {
        let end = self.end.as_ref().filter(|end| end.is_watched)?;
        Some(State::new(&end.replay.catalog, self.project))
    }

    /// Does anything of it stand in any of these files?
    pub fn has(&self, files: &BTreeSet<FileId>, sources: &Sources) -> bool {
        self.project.migrations.iter().any(|migration| migration.pieces(sources).any(|piece| files.contains(&piece.file)))
    }

    /// What some rules find.
    pub fn ask(&self, engine: Option<Engine<'a>>, question: &Question) -> Found {
        if question.rules.is_empty() {
            return Found::default();
        }
        match (engine, &self.end, question.known) {
            (Some(engine), _, Some((state, open))) => found(engine, state, question.sources, &question.rules, Some(open)),
            (Some(engine), Some(end), None) => {
                found(engine, &State::new(&end.replay.catalog, self.project), question.sources, &question.rules, None)
            }
            _ => {
                let mut engine = Engine::new(self.project, question.choice).unread();
                let mut sources = question.sources.clone();
                let replay = history::replay(&mut sources, self.project, &mut engine);
                let Found { prints, rest } = found(engine, &State::new(&replay.catalog, self.project), &sources, &question.rules, None);
                Found { prints, rest: Some(Box::new((rest, replay, sources))) }
            }
        }
    }

    /// What there is to free.
    pub fn rest(self) -> Option<Box<dyn Send>> {
        Some(Box::new(self.end?.replay))
    }
}

fn found(
    mut engine: Engine,
    state: &State,
    sources: &Sources,
    rules: &BTreeSet<&'static str>,
    open: Option<&FxHashMap<&'static str, Open>>,
) -> Found {
    engine.keep(rules);
    let mut judged = engine.found(&Scene { state, sources, beside: None, known: None, open });
    let prints = judged.findings.iter_mut().map(|told| std::mem::take(&mut told.finding.fingerprint)).collect();
    Found { prints, rest: Some(Box::new(judged)) }
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
    pub fn add(&mut self, other: Option<&'a Project>, waits: bool, sources: &Sources) {
        // beside a history there is room for one
        let waits = waits || self.forks.iter().flatten().any(|fork| !fork.waits);
        let parting = |project| Some(Parting::of(self.engine.project, project, sources));
        self.forks.push(other.map(|project| Fork { project, parting: parting(project), waits, run: None, end: None }));
    }

    /// Lets the other go its own way if it has no more in common with the history.
    fn part(&mut self, fold: &mut Fold, sources: &Sources, is_here: impl Fn(Parting, &Fold) -> bool) {
        let is_here = |fork: &&mut Fork| !fork.waits && fork.parting.is_some_and(|parting| is_here(parting, fold));
        if let Some(fork) = self.forks.iter_mut().flatten().find(is_here)
            && let Some(parting) = fork.parting.take()
        {
            let project = fork.project;
            let beside = Beside::of(fold, project, parting, sources);
            fork.run = beside.map(|beside| Box::new(Run { engine: self.engine.fork(project), beside, told: 0 }));
        }
    }

    /// The engine, and what goes beside the history.
    fn both(&mut self) -> (&mut Engine<'a>, Option<&mut Run<'a>>) {
        (&mut self.engine, self.forks.iter_mut().flatten().find_map(|fork| fork.run.as_deref_mut()))
    }
}

impl Visitor for Watch<'_> {
    fn open(&mut self, fold: &mut Fold, migration: &Migration, sources: &mut Sources) {
        self.part(fold, sources, Parting::is_before);
        if let (engine, Some(run)) = self.both() {
            run.told = engine.told.len();
            run.beside.open(fold, migration, run.engine.project, sources, &mut run.engine);
        }
    }

    fn reach(&mut self, fold: &mut Fold, next: u32, sources: &mut Sources) {
        self.part(fold, sources, |parting, fold| parting.is_within(fold, next));
        let (engine, Some(run)) = self.both() else { return };
        let (project, all) = (run.engine.project, engine.told.len());
        if run.beside.arrive(fold, next, project, sources, &mut run.engine) {
            run.told = all;
        }
        let fate = run.beside.reach(fold, next, project, sources, &mut run.engine);
        if fate == Fate::TakenOver {
            run.engine.told.extend_from_slice(&engine.told[run.told..]);
        }
        if fate != Fate::Open {
            run.told = all;
        }
    }

    fn statement(&mut self, step: &Step<'_>, sources: &Sources) {
        self.engine.statement(step, sources);
    }

    fn outcome(&mut self, outcome: &Outcome<'_>, sources: &Sources) {
        self.engine.outcome(outcome, sources);
    }

    fn close(&mut self, fold: &mut Fold) {
        if let (_, Some(run)) = self.both() {
            run.beside.close(fold);
        }
    }

    fn end(&mut self, fold: &mut Fold, sources: &mut Sources) {
        self.part(fold, sources, Parting::is_before);
        for fork in self.forks.iter_mut().flatten() {
            if let Some(Run { mut engine, beside, .. }) = fork.run.take().map(|run| *run) {
                let (replay, is_watched) = beside.end(fold, fork.project, sources, &mut engine);
                fork.end = Some(Box::new(End { engine: Some(engine), replay, is_watched }));
            }
        }
    }
}
