//! Migrations with fixes: planned from the steps of diagnostics, tested, and then written.
//!
//! Promises: a plan is tested before it is shown. The history and the plan are analysed in memory. Fixes that fail, do not resolve the
//! problem or cause a new one are skipped and listed with the reason. Fixes that become possible through the plan are included, so a second
//! run has nothing to do. The same project gives the same plan, byte for byte. Limits: existing migrations are not changed (except by
//! [`inline`]), fixes that depend on uncertain facts are skipped, and placeholders are not filled.

mod conflicts;
pub mod emit;
pub mod files;
pub mod inline;
pub mod merge;
pub mod show;
mod verify_plan;
mod version;

use crate::catalog::Catalog;
use crate::engine::{self, CheckResult, RuleSelection};
use crate::error::Error;
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
pub struct SkippedFix {
    pub rule: &'static str,
    pub message: String,
    pub reason: String,
}

/// A fix that is shown but not written, because it needs review or has a placeholder.
#[derive(Clone, Debug)]
pub struct ShownFix {
    pub rule: &'static str,
    pub title: String,
    pub safety: Safety,
    pub steps: Vec<Step>,
}

impl ShownFix {
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
    pub skipped: Vec<SkippedFix>,
    pub shown: Vec<ShownFix>,
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
    fn is_selected(&self, finding: &Finding) -> bool {
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
pub fn plan(input: &PlanInput<'_>, level: Level) -> Result<Plan, Error> {
    // another fix may resolve the problem that a fix causes; if none does, no fix may cause a problem
    let (plan, is_clean) = attempt(input, level, NewProblems::AllowedIfResolved)?;
    if is_clean { Ok(plan) } else { Ok(attempt(input, level, NewProblems::Rejected)?.0) }
}

/// Whether a fix may cause a problem that another fix of the plan resolves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NewProblems {
    AllowedIfResolved,
    Rejected,
}

/// Returns a plan, and whether it resolves all problems that it causes.
fn attempt(input: &PlanInput<'_>, level: Level, new_problems: NewProblems) -> Result<(Plan, bool), Error> {
    let mut work = Planning {
        level,
        new_problems,
        project: input.project.clone(),
        sources: input.sources.clone(),
        skipped: BTreeMap::new(),
        complete: false,
        input,
        naming: None,
    };
    let mut current = engine::check(work.sources.clone(), &work.project, &RuleSelection::default());
    work.complete = verify_plan::is_complete(&current);
    let shown = work.shown(&current.report);
    let unsure = work.unsure(&current.report);
    let severities = verify_plan::severities(&current.report);
    let mut before = None;
    let mut files: Vec<PlannedFile> = Vec::new();
    for _ in 0..MOST_PASSES {
        let Some((more, after)) = work.pass(&current)? else { break };
        work.keep(&more);
        files.extend(more);
        let CheckResult { catalog, .. } = std::mem::replace(&mut current, after);
        before.get_or_insert(catalog);
    }
    let is_clean = verify_plan::new_problems(&severities, &current.report).next().is_none();
    for entry in work.fixes(&current.report, &BTreeSet::new()) {
        let reason = "it changes the same text as another fix: run --fix again".to_string();
        work.skipped.insert(entry.finding.fingerprint.clone(), skipped_fix(entry.finding, reason));
    }
    let CheckResult { mut report, catalog, .. } = current;
    report.findings.retain(|finding| input.is_selected(finding));
    let before = before.unwrap_or_else(|| catalog.clone());
    let skipped = work.skipped.into_values().collect();
    let from = input.project.migrations.len();
    Ok((Plan { files, skipped, shown, unsure, before, report, after: catalog, from, project: work.project }, is_clean))
}

fn skipped_fix(finding: &Finding, reason: String) -> SkippedFix {
    SkippedFix { rule: finding.rule, message: finding.message.clone(), reason }
}

/// State of the planning.
struct Planning<'a> {
    level: Level,
    new_problems: NewProblems,
    /// The project with the files that are planned so far.
    project: Project,
    sources: Sources,
    /// Skipped fixes, by the fingerprint of their diagnostic.
    skipped: BTreeMap<String, SkippedFix>,
    /// Whether all statements were parsed and run.
    complete: bool,
    input: &'a PlanInput<'a>,
    naming: Option<Naming>,
}

impl Planning<'_> {
    fn fixes<'r>(&self, report: &'r Report, waiting: &BTreeSet<String>) -> Vec<merge::FixInPlan<'r>> {
        let is_on: BTreeSet<&str> = report
            .findings
            .iter()
            .map(|finding| finding.rule)
            .collect::<BTreeSet<_>>()
            .into_iter()
            .filter(|rule| engine::is_on(rule, self.input.project, self.input.choice))
            .collect();
        merge::fixes(report, self.level, |finding| {
            let print = &finding.fingerprint;
            self.is_sure(finding)
                && is_on.contains(finding.rule)
                && !self.input.hidden.contains(print)
                && !self.skipped.contains_key(print)
                && !waiting.contains(print)
        })
    }

    /// Returns whether a diagnostic is certain enough for its fix to be written.
    fn is_sure(&self, finding: &Finding) -> bool {
        finding.confidence == Confidence::Certain || self.complete && self.level == Level::Review
    }

    fn unsure(&self, report: &Report) -> usize {
        let is_unsure = |finding: &&Finding| {
            let written = finding.fix.as_ref().is_some_and(|fix| !fix.steps.is_empty() && self.level.writes(fix.safety));
            written && !self.is_sure(finding) && self.input.is_selected(finding)
        };
        report.findings.iter().filter(is_unsure).count()
    }

    /// Returns the fixes that need review or have placeholders.
    fn shown(&self, report: &Report) -> Vec<ShownFix> {
        let of = |finding: &Finding| {
            let fix = finding.fix.as_ref().filter(|fix| !fix.steps.is_empty() && !self.level.writes(fix.safety))?;
            self.input.is_selected(finding).then(|| ShownFix {
                rule: finding.rule,
                title: fix.title.clone(),
                safety: fix.safety,
                steps: fix.steps.clone(),
            })
        };
        report.findings.iter().filter_map(of).collect()
    }

    /// Returns the files that fix the problems of a state, and the state after them, or `None` if there is nothing to fix.
    fn pass(&mut self, current: &CheckResult) -> Result<Option<(Vec<PlannedFile>, CheckResult)>, Error> {
        // a fix that was skipped in combination with others may work without them
        self.skipped.clear();
        for _ in 0..MOST_ROUNDS {
            let (fixes, statements) = self.compatible_fixes(current);
            if statements.is_empty() {
                return Ok(None);
            }
            let mut names = match &self.naming {
                Some(naming) => naming.clone(),
                None => Naming::of(&self.project)?,
            };
            let files = files::divide(statements, &fixes, &current.report.sources, &self.project, &mut names)?;
            let (project, sources) = self.with_files(&files);
            let after = engine::check(sources, &project, &RuleSelection::default());
            let fixable: BTreeSet<&str> = match self.new_problems {
                NewProblems::AllowedIfResolved => {
                    let fixes = self.fixes(&after.report, &BTreeSet::new());
                    fixes.into_iter().map(|entry| entry.finding.fingerprint.as_str()).collect()
                }
                NewProblems::Rejected => BTreeSet::new(),
            };
            let rejected = verify_plan::rejected_fixes(current, &after, &files, &project, &fixes, &fixable);
            if rejected.is_empty() {
                self.naming = Some(names);
                return Ok(Some((files, after)));
            }
            self.skipped.extend(rejected);
        }
        for entry in self.fixes(&current.report, &BTreeSet::new()) {
            let reason = "no set of fixes was found that causes no new problem".to_string();
            self.skipped.insert(entry.finding.fingerprint.clone(), skipped_fix(entry.finding, reason));
        }
        Ok(None)
    }

    /// Returns fixes that can be combined, with their statements. The others wait for the next pass.
    fn compatible_fixes<'n>(&self, current: &'n CheckResult) -> (Vec<merge::FixInPlan<'n>>, Vec<merge::Statement>) {
        let mut waiting: BTreeSet<String> = BTreeSet::new();
        loop {
            let fixes = self.fixes(&current.report, &waiting);
            match merge::statements(&fixes, &current.catalog, &current.report.sources) {
                Ok(statements) => return (fixes, statements),
                Err(overlapping) => waiting.extend(overlapping.into_iter().map(|entry| fixes[entry].finding.fingerprint.clone())),
            }
        }
    }

    /// Returns the project with additional files at the end.
    fn with_files(&self, files: &[PlannedFile]) -> (Project, Sources) {
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
        (self.project, self.sources) = self.with_files(files);
    }
}
