//! Runs rules over a history and makes the report.
//!
//! Promises: the same project gives the same report. A finding is told once, however many statements bring it about; one that is allowed is
//! kept apart with the reason. Refuses: to know any rule by name.

use crate::allow::Allows;
use crate::analysis::Analyses;
use crate::analysis::state::State;
use crate::catalog::Catalog;
use crate::catalog::name::QName;
use crate::config::{self, Config, Level};
use crate::finding::{Finding, Label, Severity, mixed};
use crate::history::{self, Outcome, Replay, Revision, Step, Visitor};
use crate::project::Project;
use crate::report::{LeftOut, Report};
use crate::rules::cx::Cx;
use crate::rules::draft::{Told, without_version};
use crate::rules::{self, Check, Rule};
use crate::source::{FileId, Site, Sources};
use crate::syntax::sql;
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

/// Only what some files bring: what was not found without them, and what stands in one of them.
pub struct Since {
    pub new: BTreeSet<FileId>,
    /// The project without them, its files in the same sources. With none, what stands in no new file counts as having been there.
    pub before: Option<Project>,
}

/// A report, and what it was made from.
pub struct Examined {
    pub report: Report,
    pub catalog: Catalog,
    /// Fingerprints of findings that were not asked about.
    pub hidden: FxHashSet<String>,
}

/// Replays a project under all rules that are on.
pub fn run(sources: Sources, project: &Project, choice: &Choice) -> Report {
    run_within(sources, project, choice, &Scope::default()).0
}

/// The same for one who asks about a part of what is found; also told are the fingerprints of the rest.
pub fn run_within(sources: Sources, project: &Project, choice: &Choice, scope: &Scope) -> (Report, FxHashSet<String>) {
    let Examined { report, catalog, hidden } = examine_within(sources, project, choice, scope);
    free_aside(catalog);
    (report, hidden)
}

/// Nobody waits for a large catalog to be freed: the process may end before it is.
fn free_aside<T: Send + 'static>(what: T) {
    let _ = std::thread::Builder::new().spawn(move || drop(what));
}

/// The same for one who asks more than the report holds.
pub fn examine(sources: Sources, project: &Project, choice: &Choice) -> Examined {
    examine_within(sources, project, choice, &Scope::default())
}

fn examine_within(mut sources: Sources, project: &Project, choice: &Choice, scope: &Scope) -> Examined {
    let mut engine = Engine::new(project, choice);
    engine.changed = scope.since.iter().flat_map(|since| &since.new).copied().collect();
    // most runs compare with one revision, and the first one shares the fold
    let mut befores = scope.since.iter().map(|since| since.before.as_ref());
    let mut known: Vec<Option<FxHashSet<String>>> = Vec::new();
    let replay = match befores.next().flatten() {
        None => history::replay(&mut sources, project, &mut engine),
        Some(before) => {
            let (replay, revision) = history::replay_both(&mut sources, project, before, &mut engine, |engine| match engine {
                Some(engine) => engine.of(before),
                None => Engine::new(before, choice),
            });
            known.push(Some(fingerprints(revision)));
            replay
        }
    };
    known.resize_with(scope.since.len().min(1), || None);
    for before in befores {
        known.push(before.map(|before| {
            let (mut sources, mut visitor) = (sources.clone(), Engine::new(before, choice));
            let replay = history::replay(&mut sources, before, &mut visitor);
            fingerprints(Revision { replay, visitor, sources })
        }));
    }
    let Replay { catalog, statements, unread, bounded, undecided } = replay;
    let analyses = Analyses::default();
    let Judged { mut findings, mut suppressed, ignored } = engine.found(State::new(&catalog, project, &sources, &analyses));
    let (mut left_out, mut hidden) = (LeftOut { ignored, ..LeftOut::default() }, FxHashSet::default());
    let mut leave_out = |findings: &mut Vec<Finding>, is_left: &dyn Fn(&Finding) -> bool| {
        let (left, shown): (Vec<_>, Vec<_>) = std::mem::take(findings).into_iter().partition(is_left);
        *findings = shown;
        let count = left.len();
        hidden.extend(left.into_iter().map(|finding| finding.fingerprint));
        count
    };
    left_out.baseline = leave_out(&mut findings, &|finding| scope.baseline.contains(&finding.fingerprint));
    for (since, known) in scope.since.iter().zip(&known) {
        let was_there = |finding: &Finding| known.as_ref().is_none_or(|known| known.contains(&finding.fingerprint));
        left_out.earlier += leave_out(&mut findings, &|finding| was_there(finding) && !since.holds(finding, &sources));
    }
    findings.iter_mut().for_each(|finding| engine.place_in_change(finding, &sources));
    findings.sort_by_cached_key(|finding| place_in_order(finding, &sources));
    count_causes(&mut findings);
    suppressed.sort_by_cached_key(|(finding, _)| place_in_order(finding, &sources));
    free_aside(analyses);
    let report =
        Report { findings, suppressed, left_out, unread, bounded, undecided, statements, files: project.migrations.len(), sources };
    Examined { report, catalog, hidden }
}

/// What is found in a revision.
fn fingerprints(revision: Revision<Engine>) -> FxHashSet<String> {
    let Revision { replay, visitor: mut engine, sources } = revision;
    let analyses = Analyses::default();
    let state = State::new(&replay.catalog, engine.project, &sources, &analyses);
    engine.found(state).findings.into_iter().map(|finding| finding.fingerprint).collect()
}

impl Since {
    /// Whether a finding stands in a new file.
    fn holds(&self, finding: &Finding, sources: &Sources) -> bool {
        self.new.contains(&sources.resolve(finding.primary.site).file)
    }
}

/// Leaves out what is known; told are its fingerprints.
pub fn leave_out(report: &mut Report, baseline: &BTreeSet<String>) -> BTreeSet<String> {
    let is_known = |finding: &Finding| baseline.contains(&finding.fingerprint);
    let hidden: BTreeSet<String> =
        report.findings.iter().filter(|finding| is_known(finding)).map(|finding| finding.fingerprint.clone()).collect();
    report.findings.retain(|finding| !is_known(finding));
    report.left_out.baseline += hidden.len();
    count_causes(&mut report.findings);
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
    /// The files that a change brings, and the last statement in them that changed an object.
    changed: BTreeSet<FileId>,
    touched: FxHashMap<QName, Site>,
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
    fn run<'a>(&self, cx: Cx<'a>, check: impl FnOnce(&mut Cx<'a>)) -> Vec<Told> {
        let mut found = cx.found(check);
        for told in &mut found {
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
        Engine { project, on_the_way, at_the_end, told: Vec::new(), changed: BTreeSet::new(), touched: FxHashMap::default() }
    }

    /// Points a finding to what the change did to its object, where it stands elsewhere.
    fn place_in_change(&self, finding: &mut Finding, sources: &Sources) {
        let is_in_change = |site: Site| self.changed.contains(&sources.resolve(site).file);
        if self.changed.is_empty() || is_in_change(finding.primary.site) {
            return;
        }
        let label = match finding.related.iter().position(|label| is_in_change(label.site)) {
            Some(at) => finding.related.remove(at),
            None => {
                let subject = &finding.subject;
                let name = subject.table.as_ref().unwrap_or(&subject.name);
                let name = name.split('(').next().unwrap_or(name);
                let touched = subject.schema.as_ref().and_then(|schema| self.touched.get(&QName::new(schema.clone(), name)));
                let Some(site) = touched else { return };
                Label { site: *site, message: "changed here".to_string() }
            }
        };
        let former = std::mem::replace(&mut finding.primary, label);
        if !former.site.is_platform() {
            let message = if former.message.is_empty() { "defined here".to_string() } else { former.message };
            finding.related.insert(0, Label { message, ..former });
        }
    }

    /// The same for a revision that has come to the same state.
    fn of(&self, revision: &'a Project) -> Engine<'a> {
        let (on_the_way, at_the_end, told) = (self.on_the_way.clone(), self.at_the_end.clone(), self.told.clone());
        Engine { project: revision, on_the_way, at_the_end, told, changed: BTreeSet::new(), touched: FxHashMap::default() }
    }

    /// Runs the checks of one moment of the history, which `call` picks out.
    fn check(&mut self, catalog: &Catalog, sources: &Sources, call: impl Fn(Check, &mut Cx<'_>)) {
        let analyses = Analyses::default();
        let state = State::new(catalog, self.project, sources, &analyses);
        for active in &self.on_the_way {
            let cx = Cx::new(state, active.rule);
            self.told.extend(active.run(cx, |cx| call(active.rule.check, cx)));
        }
    }

    /// Runs the checks of the final state, each on whichever thread is free; what they find comes in the order of rules.
    fn check_schema(&self, state: State) -> Vec<Told> {
        let checks = self.at_the_end.iter().filter_map(|active| match active.rule.check {
            Check::Schema(check) => Some((active, check)),
            _ => None,
        });
        let checks: Vec<_> = checks.collect();
        let found: Vec<OnceLock<Vec<Told>>> = checks.iter().map(|_| OnceLock::new()).collect();
        // rules of one group ask the same of the bodies: who takes them from both ends seldom waits for the other's answer
        let left: VecDeque<_> = checks.iter().zip(&found).collect();
        let left = Mutex::new(left);
        let work = |last: bool| {
            while let Some(((active, check), slot)) = take(&left, last) {
                let _ = slot.set(active.run(Cx::new(state, active.rule), check));
            }
        };
        let others = std::thread::available_parallelism().map_or(1, |threads| threads.get()).min(MOST_THREADS) - 1;
        std::thread::scope(|scope| {
            // without a thread to be had, this one does it all
            let _threads: Vec<_> = (0..others).map(|nth| sql::roomy_thread(scope, move || work(nth % 2 == 0))).collect();
            work(false);
        });
        found.into_iter().filter_map(OnceLock::into_inner).flatten().collect()
    }

    /// All that is found if the history ends here.
    fn found(&mut self, state: State) -> Judged {
        let sources = state.sources;
        let mut told = std::mem::take(&mut self.told);
        let mut allows = self.allows(sources);
        told.extend(self.check_schema(state));
        let mut once = Once::default();
        let (mut findings, mut suppressed) = (Vec::with_capacity(told.len()), Vec::new());
        for finding in told.into_iter().filter_map(|told| once.told(told, state.catalog, sources)) {
            match allows.reason(&finding, sources) {
                Some(reason) => suppressed.push((finding, reason)),
                None => findings.push(finding),
            }
        }
        let of_allows = self.check_allows(state, &allows);
        findings.extend(of_allows.into_iter().filter_map(|told| once.told(told, state.catalog, sources)));
        let ignored = self.ignore(&mut findings, sources);
        Judged { findings, suppressed, ignored }
    }

    fn allows(&self, sources: &Sources) -> Allows {
        let is_on = |rule: &&Rule| self.on_the_way.iter().chain(&self.at_the_end).any(|active| active.rule.id == rule.id);
        let (ran, idle): (Vec<&Rule>, Vec<&Rule>) = rules::ALL.iter().partition(|rule| is_on(rule));
        let ids = |rules: Vec<&Rule>| rules.into_iter().map(|rule| rule.id).collect();
        Allows::read(sources, self.project, ids(ran), ids(idle))
    }

    /// Leaves out what stands in files that the settings ignore, and counts it.
    fn ignore(&self, findings: &mut Vec<Finding>, sources: &Sources) -> usize {
        let ignored = config::paths(&self.project.config.ignored_paths);
        let all = findings.len();
        if !ignored.is_empty() {
            findings.retain(|finding| !ignored.is_match(&*sources.get(sources.resolve(finding.primary.site).file).path));
        }
        all - findings.len()
    }

    /// Runs the checks of what was allowed.
    fn check_allows(&self, state: State, allows: &Allows) -> Vec<Told> {
        let run = |active: &Active| {
            let Check::Report(check) = active.rule.check else { return Vec::new() };
            active.run(Cx::new(state, active.rule), |cx| check(cx, allows))
        };
        self.at_the_end.iter().flat_map(run).collect()
    }
}

/// What is found, what is allowed with its reason, and how much stands in files that the settings ignore.
struct Judged {
    findings: Vec<Finding>,
    suppressed: Vec<(Finding, String)>,
    ignored: usize,
}

/// Puts the number of findings into the sentence of each cause.
pub fn count_causes(findings: &mut [Finding]) {
    let mut counts: FxHashMap<(&'static str, String), usize> = FxHashMap::default();
    for finding in findings.iter() {
        if let Some(cause) = &finding.cause {
            *counts.entry((finding.rule, cause.key.clone())).or_default() += 1;
        }
    }
    for finding in findings {
        if let Some(cause) = &mut finding.cause {
            let count = counts[&(finding.rule, cause.key.clone())];
            cause.message = format!("{count} {}", cause.words[usize::from(count > 1)]);
        }
    }
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
    /// Places that have brought one of a fingerprint.
    places: FxHashMap<String, Vec<Site>>,
}

impl Once {
    /// The finding, if it holds in this state and was not told yet.
    fn told(&mut self, told: Told, catalog: &Catalog, sources: &Sources) -> Option<Finding> {
        if !told.lasts(catalog) {
            return None;
        }
        let fingerprint = self.print(&told.finding, told.per_place, sources)?;
        Some(Finding { fingerprint, ..*told.finding })
    }

    /// The fingerprint that tells a finding from those of other places. A statement's has the name of its file in it, so that an equal one
    /// in another file changes nothing.
    fn print(&mut self, finding: &Finding, per_place: bool, sources: &Sources) -> Option<String> {
        let site = sources.resolve(finding.primary.site);
        let of_statement = per_place && finding.subject.kind != "migration";
        let print = match of_statement {
            true => {
                let path = &sources.get(site.file).path;
                mixed(&finding.fingerprint, without_version(path.rsplit('/').next().unwrap_or(path)))
            }
            false => finding.fingerprint.clone(),
        };
        let places = self.places.entry(print.clone()).or_default();
        let further = places.len();
        let is_known = places.iter().any(|known| if of_statement { *known == site } else { known.file == site.file });
        if is_known || further > 0 && !per_place {
            return None;
        }
        places.push(site);
        Some(if further == 0 { print } else { mixed(&print, &further.to_string()) })
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
        if self.changed.contains(&outcome.migration.file) {
            let objects = outcome.effects.iter().filter_map(|effect| effect.change.object());
            self.touched.extend(objects.map(|object| (object.clone(), outcome.site)));
        }
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
