//! Test of a plan, by analysis of the history with the plan.
//!
//! Promises: fixes are rejected if PostgreSQL would reject them, if they do not resolve their problem, or if they cause a new warning or
//! error. New problems with the severity info are allowed, such as a shorter index that becomes redundant. The responsible fix is found by
//! location, otherwise by object. If neither identifies it, the whole plan is rejected.

use super::conflicts::StatementEffects;
use super::files::PlannedFile;
use super::merge::FixInPlan;
use super::{SkippedFix, skipped_fix};
use crate::catalog::{Rejected, When};
use crate::engine::CheckResult;
use crate::finding::{Finding, Severity, Subject};
use crate::project::Project;
use crate::report::Report;
use crate::source::Site;
use std::collections::{BTreeMap, BTreeSet};

/// Returns whether all statements were parsed and would run.
pub fn is_complete(state: &CheckResult) -> bool {
    let external = state.catalog.tables.values().any(|table| table.external);
    let followed = state.report.bounded.is_empty() && state.report.undecided.is_empty();
    rejected(state).next().is_none() && followed && state.report.unread.is_empty() && !external
}

/// Returns the statements that PostgreSQL would reject, on an existing or a new database.
pub fn rejected(state: &CheckResult) -> impl Iterator<Item = &Rejected> {
    state.catalog.rejected.iter().filter(|rejected| !matches!(rejected.when, When::InBatchOfSameKind | When::OtherPath))
}

/// Returns the fixes that must not be written, by the fingerprint of their diagnostic.
pub fn rejected_fixes(
    before: &CheckResult,
    after: &CheckResult,
    files: &[PlannedFile],
    project: &Project,
    fixes: &[FixInPlan<'_>],
    fixable: &BTreeSet<&str>,
) -> BTreeMap<String, SkippedFix> {
    let mut out = RejectedFixes { fixes, skipped: BTreeMap::new() };
    let own = &project.migrations[project.migrations.len() - files.len()..];
    // the fixes of a location in a planned file
    let at = |site: Site| -> Vec<usize> {
        let site = after.report.sources.resolve(site);
        let planned = own.iter().zip(files).find(|(migration, _)| migration.file == site.file).map(|(_, planned)| planned);
        let statements = planned.into_iter().flat_map(|planned| &planned.statements);
        let meant = |span: crate::source::Span| span.start < site.span.end.max(site.span.start + 1) && site.span.start < span.end;
        statements.filter(|planned| meant(planned.span)).flat_map(|planned| planned.statement.fixes.iter().copied()).collect()
    };
    let was_unread: BTreeSet<Site> = before.report.unread.iter().map(|unread| unread.site).collect();
    for unread in after.report.unread.iter().filter(|unread| !was_unread.contains(&unread.site)) {
        out.reject(at(unread.site), &format!("its statement cannot be parsed: {}", unread.reason));
    }
    for Rejected { site, reason, when, .. } in rejected(after) {
        let reason = match when {
            When::OnNewDatabase => "it depends on objects that no migration creates".to_string(),
            When::Always | When::InBatch | When::InBatchOfSameKind | When::OtherPath => {
                format!("PostgreSQL would reject it: {}", reason.message)
            }
        };
        out.reject(at(*site), &reason);
    }
    if !out.skipped.is_empty() {
        return out.skipped;
    }
    let left: BTreeSet<&str> = after.report.findings.iter().map(|finding| finding.fingerprint.as_str()).collect();
    for (entry, FixInPlan { finding, .. }) in fixes.iter().enumerate() {
        if left.contains(finding.fingerprint.as_str()) {
            out.reject(vec![entry], "it does not resolve the problem");
        }
    }
    for (fixes, reason) in undone_fixes(&after.report, files) {
        out.reject(fixes, &reason);
    }
    let severities_before = severities(&before.report);
    for finding in new_problems(&severities_before, &after.report).filter(|finding| !fixable.contains(finding.fingerprint.as_str())) {
        let mut responsible = at(finding.primary.site);
        if responsible.is_empty() {
            responsible = finding.related.iter().flat_map(|label| at(label.site)).collect();
        }
        if responsible.is_empty() {
            responsible = (0..fixes.len()).filter(|entry| is_about(&fixes[*entry].finding.subject, &finding.subject)).collect();
        }
        if responsible.is_empty() {
            responsible = (0..fixes.len()).collect();
        }
        out.reject(responsible, &format!("it would cause {}: {}", finding.rule, finding.message));
    }
    out.skipped
}

/// Returns the severity of each problem, by fingerprint.
pub fn severities(report: &Report) -> BTreeMap<String, Severity> {
    report.findings.iter().map(|finding| (finding.fingerprint.clone(), finding.severity)).collect()
}

/// Returns the fixes that a fix of another rule would undo after the plan, with the reason. Without this check, two contradicting rules
/// would undo each other's fixes for ever.
fn undone_fixes(after: &Report, files: &[PlannedFile]) -> Vec<(Vec<usize>, String)> {
    let statements: Vec<_> = files.iter().flat_map(|file| &file.statements).map(|planned| &planned.statement).collect();
    let effects = StatementEffects::of(statements.iter().map(|statement| statement.sql.as_str()));
    let mut out = Vec::new();
    for finding in &after.findings {
        let Some(fix) = &finding.fix else { continue };
        for statement in effects.undone_by(fix.steps.iter().map(|step| step.sql.as_str())) {
            let reason = format!("the fix of {} would undo it: {}", finding.rule, finding.message);
            out.push((statements[statement].fixes.clone(), reason));
        }
    }
    out
}

/// Rule whose diagnostics no fix causes: the privileges depend on the default grants before the fix too. They are reported when row level
/// security protects the rows.
const DEFAULT_GRANTS: &str = "access/relies-on-default-grants";

/// Returns new warnings and errors, and those with an increased severity.
pub fn new_problems<'r>(severities_before: &BTreeMap<String, Severity>, report: &'r Report) -> impl Iterator<Item = &'r Finding> {
    report.findings.iter().filter(|finding| {
        finding.severity > Severity::Info
            && finding.rule != DEFAULT_GRANTS
            && severities_before.get(&finding.fingerprint).is_none_or(|severity| *severity < finding.severity)
    })
}

/// Returns whether two subjects concern the same table, or the same object of another kind.
fn is_about(one: &Subject, other: &Subject) -> bool {
    let of = |subject: &Subject| (subject.schema.clone(), subject.table.clone().unwrap_or_else(|| subject.name.clone()));
    of(one) == of(other)
}

struct RejectedFixes<'a> {
    fixes: &'a [FixInPlan<'a>],
    skipped: BTreeMap<String, SkippedFix>,
}

impl RejectedFixes<'_> {
    fn reject(&mut self, fixes: Vec<usize>, reason: &str) {
        for finding in fixes.into_iter().map(|entry| self.fixes[entry].finding) {
            self.skipped.entry(finding.fingerprint.clone()).or_insert_with(|| skipped_fix(finding, reason.to_string()));
        }
    }
}
