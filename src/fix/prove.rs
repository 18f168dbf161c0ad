//! Test of a plan, by analysis of the history with the plan.
//!
//! Promises: fixes are rejected if PostgreSQL would reject them, if they do not resolve their problem, or if they cause a new warning or
//! error. New problems with the severity info are allowed, such as a shorter index that becomes redundant. The responsible fix is found by
//! location, otherwise by object. If neither identifies it, the whole plan is rejected.

use super::files::PlannedFile;
use super::merge::Cure;
use super::oppose::Done;
use super::{Withheld, withheld};
use crate::catalog::{Rejected, When};
use crate::engine::Examined;
use crate::finding::{Finding, Severity, Subject};
use crate::project::Project;
use crate::report::Report;
use crate::source::Site;
use std::collections::{BTreeMap, BTreeSet};

/// Returns whether all statements were parsed and would run.
pub fn is_solid(state: &Examined) -> bool {
    let external = state.catalog.tables.values().any(|table| table.external);
    let followed = state.report.bounded.is_empty() && state.report.undecided.is_empty();
    rejected(state).next().is_none() && followed && state.report.unread.is_empty() && !external
}

/// Returns the statements that PostgreSQL would reject, on an existing or a new database.
pub fn rejected(state: &Examined) -> impl Iterator<Item = &Rejected> {
    state.catalog.rejected.iter().filter(|rejected| !matches!(rejected.when, When::AmongItsLike | When::OtherPath))
}

/// Returns the fixes that must not be written, by the fingerprint of their diagnostic.
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
        out.blame(at(unread.site), &format!("its statement cannot be parsed: {}", unread.reason));
    }
    for Rejected { site, reason, when, .. } in rejected(after) {
        let reason = match when {
            When::Afresh => "it depends on objects that no migration creates".to_string(),
            When::Always | When::InBatch | When::AmongItsLike | When::OtherPath => {
                format!("PostgreSQL would reject it: {}", reason.message)
            }
        };
        out.blame(at(*site), &reason);
    }
    if !out.told.is_empty() {
        return out.told;
    }
    let left: BTreeSet<&str> = after.report.findings.iter().map(|finding| finding.fingerprint.as_str()).collect();
    for (cure, Cure { finding, .. }) in cures.iter().enumerate() {
        if left.contains(finding.fingerprint.as_str()) {
            out.blame(vec![cure], "it does not resolve the problem");
        }
    }
    for (cures, reason) in taken_back(&after.report, files) {
        out.blame(cures, &reason);
    }
    let had = had(&before.report);
    for finding in brought(&had, &after.report).filter(|finding| !curable.contains(finding.fingerprint.as_str())) {
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
        out.blame(to_blame, &format!("it would cause {}: {}", finding.rule, finding.message));
    }
    out.told
}

/// Returns the severity of each problem, by fingerprint.
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

/// Rule whose diagnostics no fix causes: the privileges depend on the default grants before the fix too. They are reported when row level
/// security protects the rows.
const DEFAULT_GRANTS: &str = "access/relies-on-default-grants";

/// Returns new warnings and errors, and those with an increased severity.
pub fn brought<'r>(had: &BTreeMap<String, Severity>, report: &'r Report) -> impl Iterator<Item = &'r Finding> {
    report.findings.iter().filter(|finding| {
        finding.severity > Severity::Info
            && finding.rule != DEFAULT_GRANTS
            && had.get(&finding.fingerprint).is_none_or(|severity| *severity < finding.severity)
    })
}

/// Returns whether two subjects concern the same table, or the same object of another kind.
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
