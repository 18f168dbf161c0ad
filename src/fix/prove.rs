//! Whether a plan does what it promises, told from an analysis of history and plan.
//!
//! Promises: nothing passes that PostgreSQL would refuse, that leaves its finding, or that brings one that matters. What is only worth
//! knowing may come: an index for a search makes a shorter one redundant. Who is to blame is told by place, else by object; where
//! neither tells, the whole plan is refused.

use super::files::PlannedFile;
use super::merge::Cure;
use super::oppose::Done;
use super::{Withheld, withheld};
use crate::catalog::{Rejected, When};
use crate::engine::Examined;
use crate::finding::{Finding, Severity, Subject};
use crate::project::Project;
use crate::report::Report;
use crate::source::{FileId, Site};
use std::collections::{BTreeMap, BTreeSet};

/// Was everything read, and would all of it run?
pub fn is_solid(state: &Examined) -> bool {
    let external = state.catalog.tables.values().any(|table| table.external);
    let followed = state.report.bounded.is_empty() && state.report.undecided.is_empty();
    rejected(state).next().is_none() && followed && state.report.unread.is_empty() && !external
}

/// Statements that PostgreSQL would reject, on one database or another.
pub fn rejected(state: &Examined) -> impl Iterator<Item = &Rejected> {
    state.catalog.rejected.iter().filter(|rejected| rejected.when != When::AmongItsLike)
}

/// Cures that must not be written, by the fingerprint of their finding.
pub fn faults(
    before: &Examined,
    after: &Examined,
    files: &[PlannedFile],
    project: &Project,
    cures: &[Cure<'_>],
    curable: &BTreeSet<&str>,
) -> BTreeMap<String, Withheld> {
    let mut out = Faults { cures, told: BTreeMap::new() };
    let own = &project.migrations[project.migrations.len() - files.len()..];
    // which cures a place in a planned file belongs to
    let at = |site: Site| -> Vec<usize> {
        let site = after.report.sources.resolve(site);
        let planned = own.iter().zip(files).find(|(migration, _)| migration.file == site.file).map(|(_, planned)| planned);
        let statements = planned.into_iter().flat_map(|planned| &planned.statements);
        let meant = |span: crate::source::Span| span.start < site.span.end.max(site.span.start + 1) && site.span.start < span.end;
        statements.filter(|planned| meant(planned.span)).flat_map(|planned| planned.statement.cures.iter().copied()).collect()
    };
    let was_unread: BTreeSet<Site> = before.report.unread.iter().map(|unread| unread.site).collect();
    for unread in after.report.unread.iter().filter(|unread| !was_unread.contains(&unread.site)) {
        out.blame(at(unread.site), &format!("its statement can't be read: {}", unread.reason));
    }
    for Rejected { site, reason, when, .. } in rejected(after) {
        let reason = match when {
            When::Afresh => "it rests on what no migration creates".to_string(),
            When::Always | When::InBatch | When::AmongItsLike => format!("PostgreSQL would refuse it: {}", reason.message),
        };
        out.blame(at(*site), &reason);
    }
    if !out.told.is_empty() {
        return out.told;
    }
    let left: BTreeSet<&str> = after.report.findings.iter().map(|finding| finding.fingerprint.as_str()).collect();
    for (cure, Cure { finding, .. }) in cures.iter().enumerate() {
        if left.contains(finding.fingerprint.as_str()) {
            out.blame(vec![cure], "the finding would still be there");
        }
    }
    for (cures, reason) in taken_back(&after.report, files) {
        out.blame(cures, &reason);
    }
    let had = had(&before.report);
    let planned: BTreeSet<FileId> = own.iter().map(|migration| migration.file).collect();
    for finding in brought(&had, &planned, &after.report).filter(|finding| !curable.contains(finding.fingerprint.as_str())) {
        let mut to_blame = at(finding.primary.site);
        if to_blame.is_empty() {
            to_blame = finding.related.iter().flat_map(|label| at(label.site)).collect();
        }
        if to_blame.is_empty() {
            to_blame = (0..cures.len()).filter(|cure| is_about(&cures[*cure].finding.subject, &finding.subject)).collect();
        }
        if to_blame.is_empty() {
            to_blame = (0..cures.len()).collect();
        }
        out.blame(to_blame, &format!("it would bring {}: {}", finding.rule, finding.message));
    }
    out.told
}

/// How severe what is found is, by fingerprint.
pub fn had(report: &Report) -> BTreeMap<String, Severity> {
    report.findings.iter().map(|finding| (finding.fingerprint.clone(), finding.severity)).collect()
}

/// Fixes that a rule would take back behind the plan, however severe its diagnostic is: two rules that disagree would never come to an
/// end. Each is named by the fixes that its statement belongs to.
fn taken_back(after: &Report, files: &[PlannedFile]) -> Vec<(Vec<usize>, String)> {
    let statements: Vec<_> = files.iter().flat_map(|file| &file.statements).map(|planned| &planned.statement).collect();
    let done = Done::of(statements.iter().map(|statement| statement.sql.as_str()));
    let mut out = Vec::new();
    for finding in &after.findings {
        let Some(fix) = &finding.fix else { continue };
        for statement in done.opposed(fix.steps.iter().map(|step| step.sql.as_str())) {
            let reason = format!("{} would take it back: {}", finding.rule, finding.message);
            out.push((statements[statement].cures.clone(), reason));
        }
    }
    out
}

/// Diagnostics that matter and were not there, or mattered less. In the plan's own files every diagnostic matters. What is said of the
/// project as a whole is nobody's fault: a table that gets row level security comes to be one of those whose policies lean on default
/// grants.
pub fn brought<'r>(had: &BTreeMap<String, Severity>, planned: &BTreeSet<FileId>, report: &'r Report) -> impl Iterator<Item = &'r Finding> {
    report.findings.iter().filter(|finding| {
        let of_project = finding.subject.kind == "project";
        let matters = finding.severity > Severity::Info || planned.contains(&report.sources.resolve(finding.primary.site).file);
        matters && !of_project && had.get(&finding.fingerprint).is_none_or(|severity| *severity < finding.severity)
    })
}

/// Do two findings speak of the same table, or the same object of another kind?
fn is_about(one: &Subject, other: &Subject) -> bool {
    let of = |subject: &Subject| (subject.schema.clone(), subject.table.clone().unwrap_or_else(|| subject.name.clone()));
    of(one) == of(other)
}

struct Faults<'a> {
    cures: &'a [Cure<'a>],
    told: BTreeMap<String, Withheld>,
}

impl Faults<'_> {
    fn blame(&mut self, cures: Vec<usize>, reason: &str) {
        for finding in cures.into_iter().map(|cure| self.cures[cure].finding) {
            self.told.entry(finding.fingerprint.clone()).or_insert_with(|| withheld(finding, reason.to_string()));
        }
    }
}
