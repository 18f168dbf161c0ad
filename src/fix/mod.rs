//! Corrective migrations: planned from the steps of findings, proven, and then written.
//!
//! Promises: a plan is proven before anyone sees it. History and plan are analysed again in memory; a cure whose finding survives, that
//! fails, or that brings a new finding is left out and told with its reason, and so is one that another rule would take back. What a plan makes curable is planned too, so that a second
//! run finds nothing to do. The same project gives the same plan, byte for byte. Refuses: to change a migration that is there
//! (but for [`inline`], which was asked to), to write what rests on facts that are not certain, and to fill in what only a person knows.

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
use crate::engine::{self, Choice, Examined};
use crate::finding::{Confidence, Finding, Run, Safety, Step};
use crate::project::{Migration, Project};
use crate::report::Report;
use crate::source::Sources;
use files::PlannedFile;
use rustc_hash::FxHashSet;
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet};
use version::Naming;

/// Which cures are written.
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

/// A cure that is not written, and why.
#[derive(Clone, Debug)]
pub struct Withheld {
    pub rule: &'static str,
    pub message: String,
    pub reason: String,
}

/// A cure that is for a person to agree with, or to fill in.
#[derive(Clone, Debug)]
pub struct Shown {
    pub rule: &'static str,
    pub title: String,
    pub safety: Safety,
    pub steps: Vec<Step>,
}

impl Shown {
    /// The statements, with a word where another file begins.
    pub fn sql(&self) -> String {
        let mut out = String::new();
        for step in &self.steps {
            if step.run != Run::Batch && !out.is_empty() {
                out.push_str("-- in a file behind the one before:\n");
            }
            out.push_str(step.sql.trim_end().trim_end_matches(';'));
            out.push_str(";\n");
        }
        out
    }
}

/// What is to be written, and what the project is then.
pub struct Plan {
    pub files: Vec<PlannedFile>,
    pub withheld: Vec<Withheld>,
    pub shown: Vec<Shown>,
    /// Cures that are not written because they rest on what could not be decided.
    pub unsure: usize,
    /// The state before the plan.
    pub before: Catalog,
    /// What is found behind the plan, by the rules that were asked for.
    pub report: Report,
    pub after: Catalog,
    /// The first migration that is the plan's own.
    pub from: usize,
    pub project: Project,
}

/// What a plan is made for.
pub struct Ground<'a> {
    /// As the project was read, before anything was made of it.
    pub sources: &'a Sources,
    pub project: &'a Project,
    /// The rules whose findings are to be cured. What a plan brings is judged by all that the settings leave on.
    pub choice: &'a Choice,
    /// Fingerprints of findings that were not asked about.
    pub hidden: &'a FxHashSet<String>,
}

impl Ground<'_> {
    fn asks(&self, finding: &Finding) -> bool {
        !self.hidden.contains(&finding.fingerprint) && engine::is_on(finding.rule, self.project, self.choice)
    }
}

/// Each makes something curable that was not before, such as the second of two changes to the same text.
const MOST_PASSES: usize = 6;
/// Each leaves out a cure at least; a plan that still fails is given up.
const MOST_ROUNDS: usize = 30;

/// # Errors
/// If the names of the project's migrations leave no room for one behind them.
pub fn plan(ground: &Ground<'_>, level: Level) -> Result<Plan, String> {
    // what one cure brings another may take away; where none does, nothing may be brought
    let (plan, is_clean) = attempt(ground, level, Patience::UntilTheEnd)?;
    if is_clean { Ok(plan) } else { Ok(attempt(ground, level, Patience::None)?.0) }
}

/// Whether a cure may bring what another cure takes away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Patience {
    UntilTheEnd,
    None,
}

/// A plan, and whether it takes away all that it brings.
fn attempt(ground: &Ground<'_>, level: Level, patience: Patience) -> Result<(Plan, bool), String> {
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
    let mut now = engine::examine(work.sources.clone(), &work.project, &Choice::default());
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
        let Examined { catalog, .. } = std::mem::replace(&mut now, after);
        before.get_or_insert(catalog);
    }
    let planned = work.project.migrations[ground.project.migrations.len()..].iter().map(|migration| migration.file).collect();
    let is_clean = prove::brought(&had, &planned, &now.report).next().is_none();
    for cure in work.cures(&now.report, &BTreeSet::new()) {
        let reason = "it changes text that another cure changes: run --fix again".to_string();
        work.refused.insert(cure.finding.fingerprint.clone(), withheld(cure.finding, reason));
    }
    let Examined { mut report, catalog, .. } = now;
    report.findings.retain(|finding| ground.asks(finding));
    let before = before.unwrap_or_else(|| catalog.clone());
    let withheld = work.refused.into_values().collect();
    let from = ground.project.migrations.len();
    Ok((Plan { files, withheld, shown, unsure, before, report, after: catalog, from, project: work.project }, is_clean))
}

fn withheld(finding: &Finding, reason: String) -> Withheld {
    Withheld { rule: finding.rule, message: finding.message.clone(), reason }
}

/// A plan in the making.
struct Planning<'a> {
    level: Level,
    patience: Patience,
    /// With what is planned so far.
    project: Project,
    sources: Sources,
    /// By fingerprint of the finding.
    refused: BTreeMap<String, Withheld>,
    /// Was everything read that could bear on a finding?
    solid: bool,
    ground: &'a Ground<'a>,
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

    /// Is it certain enough that the cure is needed?
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

    /// What a person has to agree with or fill in.
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

    /// Files that cure what can be cured in this state, and the state behind them; none if there is nothing to do.
    fn pass(&mut self, now: &Examined) -> Result<Option<(Vec<PlannedFile>, Examined)>, String> {
        // what was refused beside others may do without them
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
            let after = engine::examine(sources, &project, &Choice::default());
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
            let reason = "no set of cures was found that brings nothing new".to_string();
            self.refused.insert(cure.finding.fingerprint.clone(), withheld(cure.finding, reason));
        }
        Ok(None)
    }

    /// Cures that can stand beside each other; the others have to wait for what these leave.
    fn choose<'n>(&self, now: &'n Examined) -> (Vec<merge::Cure<'n>>, Vec<merge::Statement>) {
        let mut waiting: BTreeSet<String> = BTreeSet::new();
        loop {
            let cures = self.cures(&now.report, &waiting);
            match merge::statements(&cures, &now.catalog, &now.report.sources) {
                Ok(statements) => return (cures, statements),
                Err(overlapping) => waiting.extend(overlapping.into_iter().map(|cure| cures[cure].finding.fingerprint.clone())),
            }
        }
    }

    /// The project with files behind all it has.
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
