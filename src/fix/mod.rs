//! Migrations with fixes: planned from the steps of diagnostics, tested, and then written.
//!
//! Promises: a plan is tested before it is shown. The history and the plan are analysed in memory. Fixes that fail, do not resolve the
//! problem or cause a new one are skipped and listed with the reason. Fixes that become possible through the plan are included, so a second
//! run has nothing to do. The same project gives the same plan, byte for byte. Limits: existing migrations are not changed (except by
//! [`inline`]), fixes that depend on uncertain facts are skipped, and placeholders are not filled.

pub mod emit;
pub mod files;
pub mod inline;
pub mod merge;
mod oppose;
mod prove;
pub mod show;
mod version;
pub mod write;

use crate::catalog::Catalog;
use crate::engine::{self, CheckResult, RuleSelection};
use crate::finding::{Confidence, Finding, Run, Safety, Step};
use crate::project::{Migration, Project};
use crate::report::Report;
use crate::source::Sources;
use files::PlannedFile;
use rustc_hash::FxHashSet;
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet};
use version::Naming;

/// Safety of the fixes that are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Safe,
    Review,
}

impl Level {
    pub fn writes(self, safety: Safety) -> bool {
        match safety {
            Safety::Safe => true,
            Safety::Review => self == Level::Review,
            Safety::Manual => false,
        }
    }
}

/// A skipped fix and the reason.
#[derive(Clone, Debug)]
pub struct Withheld {
    pub rule: &'static str,
    pub message: String,
    pub reason: String,
}

/// A fix that is shown but not written, because it needs review or has a placeholder.
#[derive(Clone, Debug)]
pub struct Shown {
    pub rule: &'static str,
    pub title: String,
    pub safety: Safety,
    pub steps: Vec<Step>,
}

impl Shown {
    /// Returns the statements, with a comment where another file begins.
    pub fn sql(&self) -> String {
        let mut out = String::new();
        for step in &self.steps {
            if step.run != Run::Batch && !out.is_empty() {
                out.push_str("-- in a later file:\n");
            }
            out.push_str(step.sql.trim_end().trim_end_matches(';'));
            out.push_str(";\n");
        }
        out
    }
}

/// The files to write, and the state of the project after them.
pub struct Plan {
    pub files: Vec<PlannedFile>,
    pub withheld: Vec<Withheld>,
    pub shown: Vec<Shown>,
    /// Number of fixes that are skipped because they depend on uncertain facts.
    pub unsure: usize,
    /// State before the plan.
    pub before: Catalog,
    /// Problems after the plan, of the selected rules.
    pub report: Report,
    pub after: Catalog,
    /// Index of the first migration of the plan.
    pub from: usize,
    pub project: Project,
}

/// Input of a plan.
pub struct PlanInput<'a> {
    /// Sources as they were read, before the analysis.
    pub sources: &'a Sources,
    pub project: &'a Project,
    /// Rules whose problems are fixed. New problems are tested with all rules of the settings.
    pub choice: &'a RuleSelection,
    /// Fingerprints of problems that are not reported.
    pub hidden: &'a FxHashSet<String>,
}

impl PlanInput<'_> {
    fn asks(&self, finding: &Finding) -> bool {
        !self.hidden.contains(&finding.fingerprint) && engine::is_on(finding.rule, self.project, self.choice)
    }
}

/// Maximum number of passes. Each pass makes new fixes possible, such as the second of two changes of the same text.
const MOST_PASSES: usize = 6;
/// Maximum number of rounds. Each round skips at least one fix.
const MOST_ROUNDS: usize = 30;

/// Plans migrations with fixes.
///
/// # Errors
/// If no name sorts after the existing migrations.
pub fn plan(ground: &PlanInput<'_>, level: Level) -> Result<Plan, String> {
    // what one cure brings another may take away; where none does, nothing may be brought
    let (plan, is_clean) = attempt(ground, level, Patience::UntilTheEnd)?;
    if is_clean { Ok(plan) } else { Ok(attempt(ground, level, Patience::None)?.0) }
}

/// Whether a fix may cause a problem that another fix of the plan resolves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Patience {
    UntilTheEnd,
    None,
}

/// Returns a plan, and whether it resolves all problems that it causes.
fn attempt(ground: &PlanInput<'_>, level: Level, patience: Patience) -> Result<(Plan, bool), String> {
    let mut work = Planning {
        level,
        patience,
        project: ground.project.clone(),
        sources: ground.sources.clone(),
        refused: BTreeMap::new(),
        solid: false,
        ground,
        naming: None,
    };
    let mut now = engine::check(work.sources.clone(), &work.project, &RuleSelection::default());
    work.solid = prove::is_solid(&now);
    let shown = work.shown(&now.report);
    let unsure = work.unsure(&now.report);
    let had = prove::had(&now.report);
    let mut before = None;
    let mut files: Vec<PlannedFile> = Vec::new();
    for _ in 0..MOST_PASSES {
        let Some((more, after)) = work.pass(&now)? else { break };
        work.keep(&more);
        files.extend(more);
        let CheckResult { catalog, .. } = std::mem::replace(&mut now, after);
        before.get_or_insert(catalog);
    }
    let is_clean = prove::brought(&had, &now.report).next().is_none();
    for cure in work.cures(&now.report, &BTreeSet::new()) {
        let reason = "it changes the same text as another fix: run --fix again".to_string();
        work.refused.insert(cure.finding.fingerprint.clone(), withheld(cure.finding, reason));
    }
    let CheckResult { mut report, catalog, .. } = now;
    report.findings.retain(|finding| ground.asks(finding));
    let before = before.unwrap_or_else(|| catalog.clone());
    let withheld = work.refused.into_values().collect();
    let from = ground.project.migrations.len();
    Ok((Plan { files, withheld, shown, unsure, before, report, after: catalog, from, project: work.project }, is_clean))
}

fn withheld(finding: &Finding, reason: String) -> Withheld {
    Withheld { rule: finding.rule, message: finding.message.clone(), reason }
}

/// State of the planning.
struct Planning<'a> {
    level: Level,
    patience: Patience,
    /// The project with the files that are planned so far.
    project: Project,
    sources: Sources,
    /// Skipped fixes, by the fingerprint of their diagnostic.
    refused: BTreeMap<String, Withheld>,
    /// Whether all statements were parsed and run.
    solid: bool,
    ground: &'a PlanInput<'a>,
    naming: Option<Naming>,
}

impl Planning<'_> {
    fn cures<'r>(&self, report: &'r Report, waiting: &BTreeSet<String>) -> Vec<merge::Cure<'r>> {
        let is_on: BTreeSet<&str> = report
            .findings
            .iter()
            .map(|finding| finding.rule)
            .collect::<BTreeSet<_>>()
            .into_iter()
            .filter(|rule| engine::is_on(rule, self.ground.project, self.ground.choice))
            .collect();
        merge::cures(report, self.level, |finding| {
            let print = &finding.fingerprint;
            self.is_sure(finding)
                && is_on.contains(finding.rule)
                && !self.ground.hidden.contains(print)
                && !self.refused.contains_key(print)
                && !waiting.contains(print)
        })
    }

    /// Returns whether a diagnostic is certain enough for its fix to be written.
    fn is_sure(&self, finding: &Finding) -> bool {
        finding.confidence == Confidence::Certain || self.solid && self.level == Level::Review
    }

    fn unsure(&self, report: &Report) -> usize {
        let meant = |finding: &&Finding| {
            let written = finding.fix.as_ref().is_some_and(|fix| !fix.steps.is_empty() && self.level.writes(fix.safety));
            written && !self.is_sure(finding) && self.ground.asks(finding)
        };
        report.findings.iter().filter(meant).count()
    }

    /// Returns the fixes that need review or have placeholders.
    fn shown(&self, report: &Report) -> Vec<Shown> {
        let of = |finding: &Finding| {
            let fix = finding.fix.as_ref().filter(|fix| !fix.steps.is_empty() && !self.level.writes(fix.safety))?;
            self.ground.asks(finding).then(|| Shown {
                rule: finding.rule,
                title: fix.title.clone(),
                safety: fix.safety,
                steps: fix.steps.clone(),
            })
        };
        report.findings.iter().filter_map(of).collect()
    }

    /// Returns the files that fix the problems of a state, and the state after them, or `None` if there is nothing to fix.
    fn pass(&mut self, now: &CheckResult) -> Result<Option<(Vec<PlannedFile>, CheckResult)>, String> {
        // a fix that was skipped in combination with others may work without them
        self.refused.clear();
        for _ in 0..MOST_ROUNDS {
            let (cures, statements) = self.choose(now);
            if statements.is_empty() {
                return Ok(None);
            }
            let mut names = match &self.naming {
                Some(naming) => naming.clone(),
                None => Naming::of(&self.project)?,
            };
            let files = files::cut(statements, &cures, &now.report.sources, &self.project, &mut names)?;
            let (project, sources) = self.with(&files);
            let after = engine::check(sources, &project, &RuleSelection::default());
            let curable: BTreeSet<&str> = match self.patience {
                Patience::UntilTheEnd => {
                    let cures = self.cures(&after.report, &BTreeSet::new());
                    cures.into_iter().map(|cure| cure.finding.fingerprint.as_str()).collect()
                }
                Patience::None => BTreeSet::new(),
            };
            let faults = prove::faults(now, &after, &files, &project, &cures, &curable);
            if faults.is_empty() {
                self.naming = Some(names);
                return Ok(Some((files, after)));
            }
            self.refused.extend(faults);
        }
        for cure in self.cures(&now.report, &BTreeSet::new()) {
            let reason = "no set of fixes was found that causes no new problem".to_string();
            self.refused.insert(cure.finding.fingerprint.clone(), withheld(cure.finding, reason));
        }
        Ok(None)
    }

    /// Returns fixes that can be combined, with their statements. The others wait for the next pass.
    fn choose<'n>(&self, now: &'n CheckResult) -> (Vec<merge::Cure<'n>>, Vec<merge::Statement>) {
        let mut waiting: BTreeSet<String> = BTreeSet::new();
        loop {
            let cures = self.cures(&now.report, &waiting);
            match merge::statements(&cures, &now.catalog, &now.report.sources) {
                Ok(statements) => return (cures, statements),
                Err(overlapping) => waiting.extend(overlapping.into_iter().map(|cure| cures[cure].finding.fingerprint.clone())),
            }
        }
    }

    /// Returns the project with additional files at the end.
    fn with(&self, files: &[PlannedFile]) -> (Project, Sources) {
        let (mut project, mut sources) = (self.project.clone(), self.sources.clone());
        for planned in files {
            let file = sources.add(planned.path.as_str(), planned.text.as_str());
            let (version, name) = (SmolStr::new(&planned.version), SmolStr::new(&planned.slug));
            let (named_in, end) = (planned.name.clone(), planned.text.len() as u32);
            project.migrations.push(Migration { file, version, name, named_in, end });
        }
        (project, sources)
    }

    fn keep(&mut self, files: &[PlannedFile]) {
        (self.project, self.sources) = self.with(files);
    }
}
