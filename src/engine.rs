//! Runs rules over a history and makes the report.
//!
//! Promises: the same project gives the same report. A finding is told once, however many statements bring it about; one that is allowed is
//! kept apart with the reason. Refuses: to know any rule by name.

mod fork;

use crate::allow::Allows;
use crate::catalog::Catalog;
use crate::config::{self, Config, Level};
use crate::finding::{Finding, Severity, further_print};
use crate::history::{self, Outcome, Replay, Step, Visitor};
use crate::project::Project;
use crate::report::{LeftOut, Report};
use crate::rules::cx::{Cx, Findings};
use crate::rules::draft::Told;
use crate::rules::state::{Beside, Open, State};
use crate::rules::{self, Check, Rule};
use crate::source::{FileId, Sources};
use crate::syntax::sql;
use fork::{Fork, Question, Watch};
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::{BTreeSet, VecDeque};
use std::sync::{Mutex, OnceLock, PoisonError};

/// Rules that were asked for beside what the project's settings say: ids or groups.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// Instead of the settings' list; empty leaves it to them.
    pub select: Vec<String>,
    /// Beside the settings' list.
    pub ignore: Vec<String>,
}

/// What is asked about of all that is found.
#[derive(Default)]
pub struct Scope {
    /// Fingerprints of findings that are known.
    pub baseline: BTreeSet<String>,
    /// Each leaves out what was there before.
    pub since: Vec<Since>,
}

/// Only what some files bring: what points to one of them, and what was not there without them.
pub struct Since {
    pub new: BTreeSet<FileId>,
    /// The project without them, its files in the same sources. With none, what does not point to a new file counts as having been there.
    pub before: Option<Project>,
}

/// A report, and what it was made from.
pub struct Examined {
    pub report: Report,
    pub catalog: Catalog,
    /// Fingerprints of findings that were not asked about.
    pub hidden: FxHashSet<String>,
    /// What else there is to free.
    rest: Vec<Box<dyn Send>>,
}

/// Replays a project under all rules that are on.
pub fn run(sources: Sources, project: &Project, choice: &Choice) -> Report {
    run_within(sources, project, choice, &Scope::default()).0
}

/// The same for one who asks about a part of what is found; also told are the fingerprints of the rest.
pub fn run_within(sources: Sources, project: &Project, choice: &Choice, scope: &Scope) -> (Report, FxHashSet<String>) {
    let Examined { report, catalog, hidden, rest } = examine_within(sources, project, choice, scope);
    free_beside((catalog, rest));
    (report, hidden)
}

/// Nobody waits for a large catalog to be freed: the process may end before it is.
fn free_beside<T: Send + 'static>(what: T) {
    let _ = std::thread::Builder::new().spawn(move || drop(what));
}

/// The same for one who asks more than the report holds.
pub fn examine(sources: Sources, project: &Project, choice: &Choice) -> Examined {
    examine_within(sources, project, choice, &Scope::default())
}

fn examine_within(mut sources: Sources, project: &Project, choice: &Choice, scope: &Scope) -> Examined {
    let mut watch = Watch::new(project, choice);
    // a baseline holds most of what was there before
    let waits = !scope.baseline.is_empty();
    scope.since.iter().for_each(|since| watch.add(since.before.as_ref(), waits, &sources));
    let Replay { catalog, statements, unread, bounded } = history::replay(&mut sources, project, &mut watch);
    let Watch { mut engine, mut forks } = watch;
    let engines: Vec<Option<Engine>> = forks.iter_mut().map(|fork| fork.as_mut()?.engine()).collect();
    let states: Vec<Option<State>> = forks.iter().map(|fork| fork.as_ref()?.state()).collect();
    let beside = states.iter().zip(&forks).zip(&scope.since).find_map(|((state, fork), since)| {
        Some(Beside { state: state.as_ref()?, shown: Some(&since.new), shares: fork.as_ref()?.has(&since.new, &sources) })
    });
    let state = State::new(&catalog, project);
    let scene = Scene { state: &state, sources: &sources, beside, known: Some(&scope.baseline), open: None };
    let Judged { mut findings, mut suppressed, ignored, open } = engine.found(&scene);
    let (mut left_out, mut hidden) = (LeftOut { ignored, ..LeftOut::default() }, FxHashSet::default());
    let mut rest: Vec<Box<dyn Send>> = Vec::new();
    let mut leave_out = |findings: &mut Vec<Told>, is_left: &dyn Fn(&Told) -> bool| {
        let (mut left, shown): (Vec<_>, Vec<_>) = std::mem::take(findings).into_iter().partition(is_left);
        *findings = shown;
        let count = left.len();
        hidden.extend(left.iter_mut().map(|told| std::mem::take(&mut told.finding.fingerprint)));
        rest.push(Box::new(left));
        count
    };
    left_out.baseline = leave_out(&mut findings, &|told| scope.baseline.contains(&told.finding.fingerprint));
    let mut found_before = Vec::new();
    for (((since, fork), engine), there) in scope.since.iter().zip(&forks).zip(engines).zip(&states) {
        let is_shown = |told: &Told| since.shows(&told.finding, &sources);
        let Some(fork) = fork else {
            left_out.earlier += leave_out(&mut findings, &|told| !is_shown(told));
            continue;
        };
        let is_settled = |told: &Told| there.is_some() && told.settled;
        let rules = findings.iter().filter(|told| !is_settled(told) && !is_shown(told)).map(|told| told.finding.rule).collect();
        let known = there.as_ref().map(|state| (state, &open));
        let question = Question { rules, known, sources: &sources, choice };
        let found = fork.ask(engine, &question);
        let was_there = |told: &Told| is_settled(told) || found.prints.contains(&told.finding.fingerprint);
        left_out.earlier += leave_out(&mut findings, &|told| was_there(told) && !is_shown(told));
        found_before.extend(found.rest);
    }
    findings.sort_by_cached_key(|told| place_in_order(&told.finding, &sources));
    suppressed.sort_by_cached_key(|(told, _)| place_in_order(&told.finding, &sources));
    let findings = findings.into_iter().map(|told| *told.finding).collect();
    let suppressed = suppressed.into_iter().map(|(told, reason)| (*told.finding, reason)).collect();
    rest.append(&mut found_before);
    rest.extend(states.into_iter().flatten().chain([state]).map(|state| Box::new(state.bodies) as Box<dyn Send>));
    rest.extend(forks.into_iter().flatten().filter_map(Fork::rest));
    let report = Report { findings, suppressed, left_out, unread, bounded, statements, files: project.migrations.len(), sources };
    Examined { report, catalog, hidden, rest }
}

impl Since {
    /// Does a finding point to a new file?
    fn shows(&self, finding: &Finding, sources: &Sources) -> bool {
        std::iter::once(&finding.primary).chain(&finding.related).any(|label| self.new.contains(&sources.resolve(label.site).file))
    }
}

/// Leaves out what is known; told are its fingerprints.
pub fn leave_out(report: &mut Report, baseline: &BTreeSet<String>) -> BTreeSet<String> {
    let is_known = |finding: &Finding| baseline.contains(&finding.fingerprint);
    let hidden: BTreeSet<String> =
        report.findings.iter().filter(|finding| is_known(finding)).map(|finding| finding.fingerprint.clone()).collect();
    report.findings.retain(|finding| !is_known(finding));
    report.left_out.baseline += hidden.len();
    hidden
}

/// Is a rule on?
pub fn is_on(id: &str, project: &Project, choice: &Choice) -> bool {
    rules::ALL.iter().any(|rule| rule.id == id && activate(rule, &project.config, choice).is_some())
}

struct Engine<'a> {
    project: &'a Project,
    /// Rules that look while the history unfolds.
    on_the_way: Vec<Active>,
    at_the_end: Vec<Active>,
    told: Vec<Told>,
    /// Will somebody read what is found, or only ask whether it is?
    read: bool,
}

/// More would wait for the slowest rule.
const MOST_THREADS: usize = 4;

/// A rule that is on.
#[derive(Clone, Copy)]
struct Active {
    rule: &'static Rule,
    /// What the settings want it to be.
    severity: Option<Severity>,
}

impl Active {
    /// What the rule finds as `check` has it look.
    fn run<'a>(&self, cx: Cx<'a>, check: impl FnOnce(&mut Cx<'a>)) -> Findings {
        let mut found = cx.found(check);
        for told in &mut found.told {
            told.finding.severity = set(told.finding.severity, self.rule.severity, self.severity);
        }
        found
    }
}

impl<'a> Engine<'a> {
    fn new(project: &'a Project, choice: &Choice) -> Engine<'a> {
        let rules: Vec<Active> = rules::ALL.iter().filter_map(|rule| activate(rule, &project.config, choice)).collect();
        let (at_the_end, on_the_way) =
            rules.into_iter().partition(|active| matches!(active.rule.check, Check::Schema(_) | Check::Report(_)));
        Engine { project, on_the_way, at_the_end, told: Vec::new(), read: true }
    }

    /// The same for one who only asks which findings there are.
    fn unread(self) -> Engine<'a> {
        Engine { read: false, ..self }
    }

    /// Leaves out the rules that nobody asks for. What was allowed in vain shows when all have looked.
    fn keep(&mut self, asked: &BTreeSet<&'static str>) {
        let is_report = |active: &Active| matches!(active.rule.check, Check::Report(_));
        let is_asked = |active: &Active| asked.contains(active.rule.id);
        if !self.at_the_end.iter().any(|active| is_report(active) && is_asked(active)) {
            self.at_the_end.retain(is_asked);
        }
    }

    /// The same for another project that has come to the same state, of which somebody only asks which findings there are.
    fn fork(&self, project: &'a Project) -> Engine<'a> {
        let (on_the_way, at_the_end, told) = (self.on_the_way.clone(), self.at_the_end.clone(), self.told.clone());
        Engine { project, on_the_way, at_the_end, told, read: false }
    }

    /// Runs the checks of one moment of the history, which `call` picks out.
    fn check(&mut self, catalog: &Catalog, sources: &Sources, call: impl Fn(Check, &mut Cx<'_>)) {
        let state = State::new(catalog, self.project);
        for active in &self.on_the_way {
            let cx = Cx::new(&state, sources, active.rule);
            self.told.extend(active.run(cx, |cx| call(active.rule.check, cx)).told);
        }
    }

    /// Runs the checks of the final state, each on whichever thread is free; what they find comes in the order of rules.
    fn check_schema<'s>(&self, scene: &Scene<'s>, allows: &Allows) -> Vec<(&'static str, Findings)> {
        let checks = self.at_the_end.iter().filter_map(|active| match active.rule.check {
            Check::Schema(check) => Some((active, check)),
            _ => None,
        });
        let checks: Vec<_> = checks.collect();
        let found: Vec<OnceLock<Findings>> = checks.iter().map(|_| OnceLock::new()).collect();
        // rules of one group ask the same of the bodies: who takes them from both ends seldom waits for the other's answer
        let left: VecDeque<_> = checks.iter().zip(&found).collect();
        let left = Mutex::new(left);
        let work = |last: bool| {
            while let Some(((active, check), slot)) = take(&left, last) {
                let _ = slot.set(active.run(self.cx(scene, active.rule, allows), check));
            }
        };
        let others = std::thread::available_parallelism().map_or(1, |threads| threads.get()).min(MOST_THREADS) - 1;
        std::thread::scope(|scope| {
            // without a thread to be had, this one does it all
            let _threads: Vec<_> = (0..others).map(|nth| sql::roomy_thread(scope, move || work(nth % 2 == 0))).collect();
            work(false);
        });
        let ids = checks.iter().map(|(active, _)| active.rule.id);
        ids.zip(found).filter_map(|(id, found)| Some((id, found.into_inner()?))).collect()
    }

    /// What a rule is to look at.
    fn cx<'s>(&self, scene: &Scene<'s>, rule: &'static Rule, allows: &Allows) -> Cx<'s> {
        let Scene { state, sources, beside, known, open } = *scene;
        let mut cx = Cx::new(state, sources, rule);
        // what is allowed is told too
        let is_hidden = !allows.speaks_of(rule.id);
        if let Some(beside) = beside {
            cx = cx.beside(Beside { shown: beside.shown.filter(|_| is_hidden), ..beside });
        }
        if let Some(known) = known.filter(|known| is_hidden && !known.is_empty()) {
            cx = cx.known(known);
        }
        if !self.read && !allows.ask_places_of(rule.id) {
            cx = cx.unread();
        }
        match open.and_then(|open| open.get(rule.id)) {
            Some(open) => cx.asked(open),
            None => cx,
        }
    }

    /// All that is found if the history ends here.
    fn found(&mut self, scene: &Scene) -> Judged {
        let mut told = std::mem::take(&mut self.told);
        let mut allows = self.allows(scene.sources);
        let mut open = FxHashMap::default();
        for (id, found) in self.check_schema(scene, &allows) {
            told.extend(found.told);
            open.insert(id, found.open);
        }
        let (catalog, sources) = (scene.state.catalog, scene.sources);
        let mut once = Once::default();
        let (mut findings, mut suppressed) = (Vec::with_capacity(told.len()), Vec::new());
        for told in told.into_iter().filter_map(|told| once.told(told, catalog, sources)) {
            match allows.reason(&told.finding, sources) {
                Some(reason) => suppressed.push((told, reason)),
                None => findings.push(told),
            }
        }
        findings.extend(self.check_allows(scene, &allows).into_iter().filter_map(|told| once.told(told, catalog, sources)));
        let ignored = self.ignore(&mut findings, sources);
        Judged { findings, suppressed, ignored, open }
    }

    fn allows(&self, sources: &Sources) -> Allows {
        let is_on = |rule: &&Rule| self.on_the_way.iter().chain(&self.at_the_end).any(|active| active.rule.id == rule.id);
        let (ran, idle): (Vec<&Rule>, Vec<&Rule>) = rules::ALL.iter().partition(|rule| is_on(rule));
        let ids = |rules: Vec<&Rule>| rules.into_iter().map(|rule| rule.id).collect();
        Allows::read(sources, self.project, ids(ran), ids(idle))
    }

    /// Leaves out what stands in files that the settings ignore, and counts it.
    fn ignore(&self, findings: &mut Vec<Told>, sources: &Sources) -> usize {
        let ignored = config::paths(&self.project.config.ignored_paths);
        let all = findings.len();
        if !ignored.is_empty() {
            findings.retain(|told| !ignored.is_match(&*sources.get(sources.resolve(told.finding.primary.site).file).path));
        }
        all - findings.len()
    }

    /// Runs the checks of what was allowed.
    fn check_allows(&self, scene: &Scene, allows: &Allows) -> Vec<Told> {
        let run = |active: &Active| {
            let Check::Report(check) = active.rule.check else { return Vec::new() };
            active.run(Cx::new(scene.state, scene.sources, active.rule), |cx| check(cx, allows)).told
        };
        self.at_the_end.iter().flat_map(run).collect()
    }
}

/// The end of a history, and what is asked about it.
#[derive(Clone, Copy)]
struct Scene<'s> {
    state: &'s State<'s>,
    sources: &'s Sources,
    beside: Option<Beside<'s>>,
    /// Fingerprints of what will be left out.
    known: Option<&'s BTreeSet<String>>,
    /// What is asked of rules; all of one that is not there.
    open: Option<&'s FxHashMap<&'static str, Open>>,
}

/// What is told, what is allowed, and how much stands in files that the settings ignore.
struct Judged {
    findings: Vec<Told>,
    suppressed: Vec<(Told, String)>,
    ignored: usize,
    /// What of a rule's findings may be others in the state beside.
    open: FxHashMap<&'static str, Open>,
}

/// Where a finding stands in a report.
fn place_in_order(finding: &Finding, sources: &Sources) -> impl Ord + use<> {
    let site = sources.resolve(finding.primary.site);
    let path = sources.get(site.file).path.clone();
    (path, site.span, finding.rule, finding.subject.clone(), finding.message.clone())
}

/// Has each finding told once.
#[derive(Default)]
struct Once {
    /// Files that have brought one of a fingerprint.
    files: FxHashMap<String, Vec<FileId>>,
}

impl Once {
    /// The finding, if it holds in this state and was not told yet.
    fn told(&mut self, mut told: Told, catalog: &Catalog, sources: &Sources) -> Option<Told> {
        if !told.lasts(catalog) {
            return None;
        }
        let fingerprint = self.print(&told.finding, told.per_file, sources)?;
        told.finding.fingerprint = fingerprint;
        Some(told)
    }

    /// The fingerprint that tells a finding from those of other files.
    fn print(&mut self, finding: &Finding, per_file: bool, sources: &Sources) -> Option<String> {
        let file = sources.resolve(finding.primary.site).file;
        let files = self.files.entry(finding.fingerprint.clone()).or_default();
        let further = files.len();
        if files.contains(&file) || further > 0 && !per_file {
            return None;
        }
        files.push(file);
        Some(if further == 0 { finding.fingerprint.clone() } else { further_print(&finding.fingerprint, further) })
    }
}

/// The first or last of what nobody does yet.
fn take<T>(left: &Mutex<VecDeque<T>>, last: bool) -> Option<T> {
    let mut left = left.lock().unwrap_or_else(PoisonError::into_inner);
    if last { left.pop_back() } else { left.pop_front() }
}

impl Visitor for Engine<'_> {
    fn statement(&mut self, step: &Step<'_>, sources: &Sources) {
        self.check(step.catalog, sources, |check, cx| {
            if let Check::Statement(check) = check {
                check(cx, step);
            }
        });
    }

    fn outcome(&mut self, outcome: &Outcome<'_>, sources: &Sources) {
        self.check(outcome.catalog, sources, |check, cx| {
            if let Check::Outcome(check) = check {
                check(cx, outcome);
            }
        });
    }
}

/// Whether a rule is on, and what the settings make of its severity.
fn activate(rule: &'static Rule, config: &Config, choice: &Choice) -> Option<Active> {
    let select = if choice.select.is_empty() { &config.select } else { &choice.select };
    let selected = if select.is_empty() { Some(Naming::Nothing) } else { naming(rule, select) };
    let ignored = naming(rule, config.ignore.iter().chain(&choice.ignore));
    // an id says more than a group, so that a group can be on without one of its rules, or off but for one
    if selected.is_none() || ignored >= selected {
        return None;
    }
    let level = [rule.id, rule.group()].into_iter().find_map(|name| config.severity.get(name));
    match level {
        Some(Level::Off) => None,
        Some(level) => Some(Active { rule, severity: level.severity() }),
        None => Some(Active { rule, severity: None }),
    }
}

/// How exactly a rule is named; less exact comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Naming {
    Nothing,
    Group,
    Id,
}

fn naming<'n>(rule: &Rule, names: impl IntoIterator<Item = &'n String>) -> Option<Naming> {
    names.into_iter().filter(|name| rule.is_named(name)).map(|name| if rule.id == name { Naming::Id } else { Naming::Group }).max()
}

/// The settings speak of a rule's usual findings; one that the rule itself holds for less stays less.
fn set(own: Severity, usual: Severity, wanted: Option<Severity>) -> Severity {
    match wanted {
        None => own,
        Some(wanted) if own == usual => wanted,
        Some(wanted) => own.min(wanted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::rls::disabled::RULE;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| name.to_string()).collect()
    }

    fn is_on(select: &[&str], ignore: &[&str]) -> bool {
        let choice = Choice { select: names(select), ignore: names(ignore) };
        activate(&RULE, &Config::default(), &choice).is_some()
    }

    #[test]
    fn an_id_outweighs_a_group_and_ignoring_outweighs_selecting() {
        assert!(is_on(&[], &[]) && is_on(&["rls"], &[]) && is_on(&["rls/disabled"], &["rls"]) && is_on(&[], &["migration"]));
        assert!(!is_on(&["migration"], &[]) && !is_on(&["rls"], &["rls/disabled"]) && !is_on(&["rls"], &["rls"]));
        assert!(!is_on(&[], &["rls"]) && !is_on(&["rls/disabled"], &["rls/disabled"]));
    }

    #[test]
    fn the_command_line_selects_instead_of_the_settings_and_ignores_beside_them() {
        let config = Config { select: names(&["migration"]), ignore: names(&["rls/no-policy"]), ..Config::default() };
        let on = |rule, select: &[&str]| activate(rule, &config, &Choice { select: names(select), ignore: Vec::new() }).is_some();
        assert!(!on(&RULE, &[]) && on(&RULE, &["rls"]) && !on(&crate::rules::rls::no_policy::RULE, &["rls"]));
    }

    #[test]
    fn settings_change_the_usual_severity_and_never_raise_what_a_rule_holds_for_less() {
        let config = |id: &str, level| Config { severity: [(id.to_string(), level)].into(), ..Config::default() };
        let on = |config: &Config| activate(&RULE, config, &Choice::default()).map(|active| active.severity);
        assert_eq!(on(&config("rls", Level::Off)), None);
        assert_eq!(on(&config("rls", Level::Warn)), Some(Some(Severity::Warn)));
        let mut both = config("rls", Level::Off);
        both.severity.insert("rls/disabled".to_string(), Level::Info);
        assert_eq!(on(&both), Some(Some(Severity::Info)));
        assert_eq!(set(Severity::Error, Severity::Error, Some(Severity::Warn)), Severity::Warn);
        assert_eq!(set(Severity::Info, Severity::Error, Some(Severity::Warn)), Severity::Info);
        assert_eq!(set(Severity::Warn, Severity::Error, Some(Severity::Info)), Severity::Info);
        assert_eq!(set(Severity::Warn, Severity::Warn, None), Severity::Warn);
    }
}
