//! Runs rules over a history and creates the report.
//!
//! Promises: the same project gives the same report. Each problem is reported once, even if several statements cause it. Allowed problems
//! are kept with their reasons. Limits: the engine does not depend on single rules.

use crate::allow::Allows;
use crate::analysis::Analyses;
use crate::analysis::state::State;
use crate::catalog::Catalog;
use crate::catalog::name::QName;
use crate::config::{self, Config, Level};
use crate::finding::{Finding, Label, Severity, combined_fingerprint};
use crate::history::{self, Outcome, Replay, Revision, Step, Visitor};
use crate::project::Project;
use crate::report::{LeftOut, Report};
use crate::rules::cx::Cx;
use crate::rules::draft::{PendingDiagnostic, without_version};
use crate::rules::{self, Check, Rule};
use crate::source::{FileId, Site, Sources};
use crate::syntax::sql;
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::{BTreeSet, VecDeque};
use std::sync::{Mutex, OnceLock, PoisonError};

/// Selection of rules on the command line: ids or groups.
#[derive(Clone, Debug, Default)]
pub struct RuleSelection {
    /// Rules that run, instead of those of the settings. An empty list uses the settings.
    pub select: Vec<String>,
    /// Rules that do not run, in addition to those of the settings.
    pub ignore: Vec<String>,
}

/// Part of the problems that is reported.
#[derive(Default)]
pub struct Scope {
    /// Fingerprints of known problems.
    pub baseline: BTreeSet<String>,
    /// Changes. Each one excludes the problems that existed before it.
    pub since: Vec<Since>,
}

/// A change: only problems that it causes are reported.
pub struct Since {
    pub new: BTreeSet<FileId>,
    /// Project before the change, whose files are in the same sources. With `None`, the problems in the new files are those of the change.
    pub before: Option<Project>,
}

/// A report with the state that it is based on.
pub struct CheckResult {
    pub report: Report,
    pub catalog: Catalog,
    /// Fingerprints of problems that are not reported.
    pub hidden: FxHashSet<String>,
}

/// Checks a project with all enabled rules.
pub fn run(sources: Sources, project: &Project, choice: &RuleSelection) -> Report {
    run_within(sources, project, choice, &Scope::default()).0
}

/// Checks a project and reports the problems within a scope. Also returns the fingerprints of the other problems.
pub fn run_within(sources: Sources, project: &Project, choice: &RuleSelection, scope: &Scope) -> (Report, FxHashSet<String>) {
    let CheckResult { report, catalog, hidden } = check_within(sources, project, choice, scope);
    drop_in_background(catalog);
    (report, hidden)
}

/// Frees a value in another thread, because freeing a large catalog takes time.
fn drop_in_background<T: Send + 'static>(what: T) {
    let _ = std::thread::Builder::new().stack_size(sql::ROOM).spawn(move || drop(what));
}

/// Checks a project and returns the report with its state.
pub fn check(sources: Sources, project: &Project, choice: &RuleSelection) -> CheckResult {
    check_within(sources, project, choice, &Scope::default())
}

fn check_within(mut sources: Sources, project: &Project, choice: &RuleSelection, scope: &Scope) -> CheckResult {
    let mut engine = Engine::new(project, choice);
    engine.changed = scope.since.iter().flat_map(|since| &since.new).copied().collect();
    // most runs compare with one revision, and the first revision shares the replay
    let mut befores = scope.since.iter().map(|since| since.before.as_ref());
    let mut known: Vec<Option<FxHashSet<String>>> = Vec::new();
    let replay = match befores.next().flatten() {
        None => history::replay(&mut sources, project, &mut engine),
        Some(before) => {
            let (replay, revision) = history::replay_both(&mut sources, project, before, &mut engine, |engine| match engine {
                Some(engine) => engine.for_revision(before),
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
    let FilteredDiagnostics { mut findings, mut only_for_advisor, mut suppressed, ignored } =
        engine.finish(State::new(&catalog, project, &sources, &analyses));
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
        left_out.earlier += leave_out(&mut findings, &|finding| match known {
            Some(known) => known.contains(&finding.fingerprint),
            None => !since.contains(finding, &sources),
        });
    }
    for (since, known) in scope.since.iter().zip(&known) {
        only_for_advisor.retain(|finding| {
            known.as_ref().map_or_else(|| since.contains(finding, &sources), |known| !known.contains(&finding.fingerprint))
        });
    }
    findings.iter_mut().for_each(|finding| engine.move_into_change(finding, &sources));
    findings.sort_by_cached_key(|finding| sort_key(finding, &sources));
    only_for_advisor.sort_by_cached_key(|finding| sort_key(finding, &sources));
    count_causes(&mut findings);
    suppressed.sort_by_cached_key(|(finding, _)| sort_key(finding, &sources));
    let secrets = State::new(&catalog, project, &sources, &analyses).hidden_texts();
    sources.hide(secrets);
    drop_in_background(analyses);
    let (files, code_files) = (project.migrations.len(), project.app.len());
    let report =
        Report { findings, only_for_advisor, suppressed, left_out, unread, bounded, undecided, statements, files, code_files, sources };
    CheckResult { report, catalog, hidden }
}

/// Returns the fingerprints of the problems of a revision.
fn fingerprints(revision: Revision<Engine>) -> FxHashSet<String> {
    let Revision { replay, visitor: mut engine, sources } = revision;
    let analyses = Analyses::default();
    let state = State::new(&replay.catalog, engine.project, &sources, &analyses);
    let FilteredDiagnostics { findings, only_for_advisor, .. } = engine.finish(state);
    findings.into_iter().chain(only_for_advisor).map(|finding| finding.fingerprint).collect()
}

impl Since {
    /// Returns whether a diagnostic is in a new file.
    fn contains(&self, finding: &Finding, sources: &Sources) -> bool {
        self.new.contains(&sources.resolve(finding.primary.site).file)
    }
}

/// Removes known problems from a report and returns their fingerprints.
pub fn remove_known(report: &mut Report, baseline: &BTreeSet<String>) -> BTreeSet<String> {
    let is_known = |finding: &Finding| baseline.contains(&finding.fingerprint);
    let hidden: BTreeSet<String> =
        report.findings.iter().filter(|finding| is_known(finding)).map(|finding| finding.fingerprint.clone()).collect();
    report.findings.retain(|finding| !is_known(finding));
    report.left_out.baseline += hidden.len();
    count_causes(&mut report.findings);
    hidden
}

/// Returns whether a rule is enabled.
pub fn is_on(id: &str, project: &Project, choice: &RuleSelection) -> bool {
    rules::ALL.iter().any(|rule| rule.id == id && activate(rule, &project.config, choice).is_some())
}

struct Engine<'a> {
    project: &'a Project,
    /// Rules that run while the history is replayed.
    replay_rules: Vec<Active>,
    final_rules: Vec<Active>,
    pending: Vec<PendingDiagnostic>,
    /// Files of a change, and the last statement in them that changed each object.
    changed: BTreeSet<FileId>,
    touched: FxHashMap<QName, Site>,
}

/// Maximum number of threads. More would wait for the slowest rule.
const MOST_THREADS: usize = 4;

/// An enabled rule.
#[derive(Clone, Copy)]
struct Active {
    rule: &'static Rule,
    /// Severity in the settings.
    severity: Option<Severity>,
}

impl Active {
    /// Returns the diagnostics of the rule for a check.
    fn run<'a>(&self, cx: Cx<'a>, check: impl FnOnce(&mut Cx<'a>)) -> Vec<PendingDiagnostic> {
        let mut found = cx.run(check);
        for pending in &mut found {
            pending.finding.severity = adjusted_severity(pending.finding.severity, self.rule.severity, self.severity);
        }
        found
    }
}

impl<'a> Engine<'a> {
    fn new(project: &'a Project, choice: &RuleSelection) -> Engine<'a> {
        let rules: Vec<Active> = rules::ALL.iter().filter_map(|rule| activate(rule, &project.config, choice)).collect();
        let (final_rules, replay_rules) =
            rules.into_iter().partition(|active| matches!(active.rule.check, Check::Schema(_) | Check::Report(_)));
        Engine { project, replay_rules, final_rules, pending: Vec::new(), changed: BTreeSet::new(), touched: FxHashMap::default() }
    }

    /// Moves the primary location of a diagnostic to the statement of the change that affects its object.
    fn move_into_change(&self, finding: &mut Finding, sources: &Sources) {
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

    /// Returns an engine for a revision that has the same state so far.
    fn for_revision(&self, revision: &'a Project) -> Engine<'a> {
        let (replay_rules, final_rules, pending) = (self.replay_rules.clone(), self.final_rules.clone(), self.pending.clone());
        Engine { project: revision, replay_rules, final_rules, pending, changed: BTreeSet::new(), touched: FxHashMap::default() }
    }

    /// Runs the checks of one moment in the history, which `call` selects.
    fn check(&mut self, catalog: &Catalog, sources: &Sources, call: impl Fn(Check, &mut Cx<'_>)) {
        let analyses = Analyses::default();
        let state = State::new(catalog, self.project, sources, &analyses);
        for active in &self.replay_rules {
            let cx = Cx::new(state, active.rule);
            self.pending.extend(active.run(cx, |cx| call(active.rule.check, cx)));
        }
    }

    /// Runs the checks of the final state in several threads. The diagnostics are in the order of the rules.
    fn check_schema(&self, state: State) -> Vec<PendingDiagnostic> {
        let checks = self.final_rules.iter().filter_map(|active| match active.rule.check {
            Check::Schema(check) => Some((active, check)),
            _ => None,
        });
        let checks: Vec<_> = checks.collect();
        let found: Vec<OnceLock<Vec<PendingDiagnostic>>> = checks.iter().map(|_| OnceLock::new()).collect();
        // rules of one group use the same analyses, so one thread starts from each end to avoid waiting
        let left: VecDeque<_> = checks.iter().zip(&found).collect();
        let left = Mutex::new(left);
        let work = |last: bool| {
            while let Some(((active, check), slot)) = take_work(&left, last) {
                let _ = slot.set(active.run(Cx::new(state, active.rule), check));
            }
        };
        let others = std::thread::available_parallelism().map_or(1, |threads| threads.get()).min(MOST_THREADS) - 1;
        std::thread::scope(|scope| {
            // if no thread can be started, this thread runs all checks
            let _threads: Vec<_> = (0..others).map(|nth| sql::spawn_with_stack(scope, move || work(nth % 2 == 0))).collect();
            work(false);
        });
        found.into_iter().filter_map(OnceLock::into_inner).flatten().collect()
    }

    /// Returns all diagnostics for the state after the last migration.
    fn finish(&mut self, state: State) -> FilteredDiagnostics {
        let sources = state.sources;
        let mut pending = std::mem::take(&mut self.pending);
        let mut allows = self.allows(sources);
        pending.extend(self.check_schema(state));
        let mut deduplicator = Deduplicator::default();
        let (mut findings, mut only_for_advisor, mut suppressed) = (Vec::with_capacity(pending.len()), Vec::new(), Vec::new());
        for diagnostic in pending {
            let only = diagnostic.only_for_advisor;
            let Some(finding) = deduplicator.accept(diagnostic, state.catalog, sources) else { continue };
            match allows.reason(&finding, sources) {
                Some(reason) if !only => suppressed.push((finding, reason)),
                Some(_) => {}
                None if only => only_for_advisor.push(finding),
                None => findings.push(finding),
            }
        }
        let of_allows = self.check_allows(state, &allows);
        findings.extend(of_allows.into_iter().filter_map(|pending| deduplicator.accept(pending, state.catalog, sources)));
        let ignored = self.ignore(&mut findings, sources);
        self.ignore(&mut only_for_advisor, sources);
        FilteredDiagnostics { findings, only_for_advisor, suppressed, ignored }
    }

    fn allows(&self, sources: &Sources) -> Allows {
        let is_on = |rule: &&Rule| self.replay_rules.iter().chain(&self.final_rules).any(|active| active.rule.id == rule.id);
        let (ran, idle): (Vec<&Rule>, Vec<&Rule>) = rules::ALL.iter().partition(|rule| is_on(rule));
        let ids = |rules: Vec<&Rule>| rules.into_iter().map(|rule| rule.id).collect();
        Allows::read(sources, self.project, ids(ran), ids(idle))
    }

    /// Removes problems in files that the settings ignore, and returns their number.
    fn ignore(&self, findings: &mut Vec<Finding>, sources: &Sources) -> usize {
        let ignored = config::paths(&self.project.config.ignored_paths);
        let all = findings.len();
        if !ignored.is_empty() {
            findings.retain(|finding| !ignored.is_match(&*sources.get(sources.resolve(finding.primary.site).file).path));
        }
        all - findings.len()
    }

    /// Runs the rules that check allow comments and settings.
    fn check_allows(&self, state: State, allows: &Allows) -> Vec<PendingDiagnostic> {
        let run = |active: &Active| {
            let Check::Report(check) = active.rule.check else { return Vec::new() };
            active.run(Cx::new(state, active.rule), |cx| check(cx, allows))
        };
        self.final_rules.iter().flat_map(run).collect()
    }
}

/// Reported problems, rows that only the advisor gives, allowed problems with their reasons, and the number of problems in ignored files.
struct FilteredDiagnostics {
    findings: Vec<Finding>,
    only_for_advisor: Vec<Finding>,
    suppressed: Vec<(Finding, String)>,
    ignored: usize,
}

/// Inserts the number of diagnostics into the sentence of each cause.
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

/// Returns the sort key of a diagnostic in a report.
fn sort_key(finding: &Finding, sources: &Sources) -> impl Ord + use<> {
    let site = sources.resolve(finding.primary.site);
    let path = sources.get(site.file).path.clone();
    (path, site.span, finding.rule, finding.subject.clone(), finding.message.clone())
}

/// Filter that reports each problem once.
#[derive(Default)]
struct Deduplicator {
    /// Locations of each fingerprint.
    places: FxHashMap<String, Vec<Site>>,
}

impl Deduplicator {
    /// Returns the diagnostic if it holds in this state and was not reported before.
    fn accept(&mut self, pending: PendingDiagnostic, catalog: &Catalog, sources: &Sources) -> Option<Finding> {
        if !pending.holds_at_end(catalog) {
            return None;
        }
        let fingerprint = self.unique_fingerprint(&pending.finding, pending.per_place, sources)?;
        Some(Finding { fingerprint, ..*pending.finding })
    }

    /// Returns the fingerprint that separates a diagnostic from equal ones at other locations. That of a statement contains the name of its
    /// file, so that an equal statement in another file does not change it.
    fn unique_fingerprint(&mut self, finding: &Finding, per_place: bool, sources: &Sources) -> Option<String> {
        let site = sources.resolve(finding.primary.site);
        let of_statement = per_place && finding.subject.kind != "migration";
        let print = match of_statement {
            true => {
                let path = &sources.get(site.file).path;
                combined_fingerprint(&finding.fingerprint, without_version(path.rsplit('/').next().unwrap_or(path)))
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
        Some(if further == 0 { print } else { combined_fingerprint(&print, &further.to_string()) })
    }
}

/// Takes the first or last piece of remaining work.
fn take_work<T>(left: &Mutex<VecDeque<T>>, last: bool) -> Option<T> {
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

/// Returns a rule with the severity of the settings, if it is enabled.
fn activate(rule: &'static Rule, config: &Config, choice: &RuleSelection) -> Option<Active> {
    let select = if choice.select.is_empty() { &config.select } else { &choice.select };
    let selected = if select.is_empty() { Some(Specificity::Default) } else { specificity(rule, select) };
    let ignored = specificity(rule, config.ignore.iter().chain(&choice.ignore));
    // an id takes precedence over a group, so single rules of a group can be switched
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

/// Precision with which a setting names a rule, in increasing order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Specificity {
    Default,
    Group,
    Id,
}

fn specificity<'n>(rule: &Rule, names: impl IntoIterator<Item = &'n String>) -> Option<Specificity> {
    names
        .into_iter()
        .filter(|name| rule.is_named(name))
        .map(|name| if rule.id == name { Specificity::Id } else { Specificity::Group })
        .max()
}

/// Returns the severity of a diagnostic. Settings replace the default severity of the rule, but do not raise diagnostics with a lower one.
fn adjusted_severity(own: Severity, usual: Severity, wanted: Option<Severity>) -> Severity {
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
        let choice = RuleSelection { select: names(select), ignore: names(ignore) };
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
        let on = |rule, select: &[&str]| activate(rule, &config, &RuleSelection { select: names(select), ignore: Vec::new() }).is_some();
        assert!(!on(&RULE, &[]) && on(&RULE, &["rls"]) && !on(&crate::rules::rls::no_policy::RULE, &["rls"]));
    }

    #[test]
    fn settings_change_the_usual_severity_and_never_raise_what_a_rule_holds_for_less() {
        let config = |id: &str, level| Config { severity: [(id.to_string(), level)].into(), ..Config::default() };
        let on = |config: &Config| activate(&RULE, config, &RuleSelection::default()).map(|active| active.severity);
        assert_eq!(on(&config("rls", Level::Off)), None);
        assert_eq!(on(&config("rls", Level::Warn)), Some(Some(Severity::Warn)));
        let mut both = config("rls", Level::Off);
        both.severity.insert("rls/disabled".to_string(), Level::Info);
        assert_eq!(on(&both), Some(Some(Severity::Info)));
        assert_eq!(adjusted_severity(Severity::Error, Severity::Error, Some(Severity::Warn)), Severity::Warn);
        assert_eq!(adjusted_severity(Severity::Info, Severity::Error, Some(Severity::Warn)), Severity::Info);
        assert_eq!(adjusted_severity(Severity::Warn, Severity::Error, Some(Severity::Info)), Severity::Info);
        assert_eq!(adjusted_severity(Severity::Warn, Severity::Warn, None), Severity::Warn);
    }
}
