//! Runs rules over a history and makes the report.
//!
//! Promises: the same project gives the same report. A finding is told once, however many statements bring it about; one that is allowed is
//! kept apart with the reason. Refuses: to know any rule by name.

use crate::allow::Allows;
use crate::catalog::Catalog;
use crate::config::{Config, Level};
use crate::finding::{Finding, Severity, further_print};
use crate::history::{self, Outcome, Replay, Step, Visitor};
use crate::project::{Migration, Project};
use crate::report::Report;
use crate::rules::code::Bodies;
use crate::rules::cx::{Cx, Told};
use crate::rules::{self, Check, Rule};
use crate::source::{FileId, Sources};
use crate::syntax::sql;
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, OnceLock, PoisonError};

/// Rules that were asked for beside what the project's settings say: ids or groups.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// Instead of the settings' list; empty leaves it to them.
    pub select: Vec<String>,
    /// Beside the settings' list.
    pub ignore: Vec<String>,
}

/// A report, and what it was made from.
pub struct Examined {
    pub report: Report,
    pub catalog: Catalog,
}

/// Replays a project under all rules that are on.
pub fn run(sources: Sources, project: &Project, choice: &Choice) -> Report {
    let Examined { report, catalog, .. } = examine(sources, project, choice);
    // nobody waits for a large catalog to be freed: the process may end before it is
    let _ = std::thread::Builder::new().spawn(move || drop(catalog));
    report
}

/// The same for one who asks more than the report holds.
pub fn examine(mut sources: Sources, project: &Project, choice: &Choice) -> Examined {
    let mut engine = Engine::new(project, choice);
    let replay = history::replay(&mut sources, project, &mut engine);
    engine.finish(replay, sources)
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
}

/// More would wait for the slowest rule.
const MOST_THREADS: usize = 4;

/// A rule that is on.
struct Active {
    rule: &'static Rule,
    /// What the settings want it to be.
    severity: Option<Severity>,
}

impl Active {
    fn run(
        &self,
        catalog: &Catalog,
        sources: &Sources,
        project: &Project,
        bodies: &Bodies,
        call: &impl Fn(Check, &mut Cx<'_>),
    ) -> Vec<Told> {
        let Active { rule, severity } = *self;
        let mut cx = Cx::new(catalog, sources, project, bodies, rule);
        call(rule.check, &mut cx);
        let mut told = cx.into_findings();
        told.iter_mut().for_each(|told| told.finding.severity = set(told.finding.severity, rule.severity, severity));
        told
    }
}

impl<'a> Engine<'a> {
    fn new(project: &'a Project, choice: &Choice) -> Engine<'a> {
        let rules: Vec<Active> = rules::ALL.iter().filter_map(|rule| activate(rule, &project.config, choice)).collect();
        let (at_the_end, on_the_way) =
            rules.into_iter().partition(|active| matches!(active.rule.check, Check::Schema(_) | Check::Report(_)));
        Engine { project, on_the_way, at_the_end, told: Vec::new() }
    }

    /// Runs the checks of one moment of the history, which `call` picks out.
    fn check(&mut self, catalog: &Catalog, sources: &Sources, call: impl Fn(Check, &mut Cx<'_>)) {
        let bodies = Bodies::default();
        for active in &self.on_the_way {
            self.told.extend(active.run(catalog, sources, self.project, &bodies, &call));
        }
    }

    /// Runs the checks of the final state, each on whichever thread is free; what they find comes in the order of rules.
    fn check_schema(&mut self, catalog: &Catalog, sources: &Sources) {
        let bodies = Bodies::default();
        let rules: Vec<&Active> = self.at_the_end.iter().filter(|active| matches!(active.rule.check, Check::Schema(_))).collect();
        let found: Vec<OnceLock<Vec<Told>>> = rules.iter().map(|_| OnceLock::new()).collect();
        // rules of one group ask the same of the bodies: who takes them from both ends seldom waits for the other's answer
        let left: VecDeque<(&Active, &OnceLock<Vec<Told>>)> = rules.into_iter().zip(&found).collect();
        let left = Mutex::new(left);
        let project = self.project;
        let work = |last: bool| {
            while let Some((active, slot)) = take(&left, last) {
                let findings = active.run(catalog, sources, project, &bodies, &|check, cx| {
                    if let Check::Schema(check) = check {
                        check(cx);
                    }
                });
                let _ = slot.set(findings);
            }
        };
        let others = std::thread::available_parallelism().map_or(1, |threads| threads.get()).min(MOST_THREADS) - 1;
        std::thread::scope(|scope| {
            // without a thread to be had, this one does it all
            let _threads: Vec<_> = (0..others).map(|nth| sql::roomy_thread(scope, move || work(nth % 2 == 0))).collect();
            work(false);
        });
        let found: Vec<Vec<Told>> = found.into_iter().filter_map(OnceLock::into_inner).collect();
        self.told.reserve_exact(found.iter().map(Vec::len).sum());
        self.told.extend(found.into_iter().flatten());
    }

    fn finish(mut self, replay: Replay, sources: Sources) -> Examined {
        self.check_schema(&replay.catalog, &sources);
        let Replay { catalog, statements, unread, bounded } = replay;
        let mut once = Once::default();
        let told = std::mem::take(&mut self.told);
        let found: Vec<Finding> = told.into_iter().filter_map(|told| once.told(told, &catalog, &sources)).collect();
        let mut allows = self.allows(&sources);
        let (mut findings, mut suppressed) = (Vec::with_capacity(found.len()), Vec::new());
        for finding in found {
            match allows.reason(&finding, &sources) {
                Some(reason) => suppressed.push((finding, reason)),
                None => findings.push(finding),
            }
        }
        findings.extend(self.check_allows(&allows, &catalog, &sources).into_iter().filter_map(|told| once.told(told, &catalog, &sources)));
        findings.sort_by_cached_key(|finding| place_in_order(finding, &sources));
        suppressed.sort_by_cached_key(|(finding, _)| place_in_order(finding, &sources));
        let files = self.project.migrations.len();
        let report = Report { findings, suppressed, unread, bounded, statements, files, sources };
        Examined { report, catalog }
    }

    fn allows(&self, sources: &Sources) -> Allows {
        let is_on = |rule: &&Rule| self.on_the_way.iter().chain(&self.at_the_end).any(|active| active.rule.id == rule.id);
        let (ran, idle): (Vec<&Rule>, Vec<&Rule>) = rules::ALL.iter().partition(|rule| is_on(rule));
        let ids = |rules: Vec<&Rule>| rules.into_iter().map(|rule| rule.id).collect();
        Allows::read(sources, self.project, ids(ran), ids(idle))
    }

    /// Runs the checks of what was allowed.
    fn check_allows(&self, allows: &Allows, catalog: &Catalog, sources: &Sources) -> Vec<Told> {
        let bodies = Bodies::default();
        let run = |active: &Active| {
            active.run(catalog, sources, self.project, &bodies, &|check, cx| {
                if let Check::Report(check) = check {
                    check(cx, allows);
                }
            })
        };
        self.at_the_end.iter().filter(|active| matches!(active.rule.check, Check::Report(_))).flat_map(run).collect()
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
    /// Files that have brought one of a fingerprint.
    files: HashMap<String, Vec<FileId>>,
}

impl Once {
    /// The finding, if it holds in this state and was not told yet.
    fn told(&mut self, told: Told, catalog: &Catalog, sources: &Sources) -> Option<Finding> {
        if !told.lasts(catalog) {
            return None;
        }
        let Told { mut finding, per_file, .. } = told;
        finding.fingerprint = self.print(&finding, per_file, sources)?;
        Some(finding)
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

    fn migration(&mut self, catalog: &Catalog, migration: &Migration, sources: &Sources) {
        self.check(catalog, sources, |check, cx| {
            if let Check::Migration(check) = check {
                check(cx, migration);
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
