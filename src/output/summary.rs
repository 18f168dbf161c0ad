//! Parts that several formats share: summaries, order and locations.
//!
//! Promises: orders are stable and depend only on the report. In formats without confidence, an unsure diagnostic is at most a warning.

use super::count;
use crate::finding::{Confidence, Finding, Severity};
use crate::report::{LeftOut, Report};
use crate::rules::{self, Rule};
use crate::source::{Position, Site, Sources};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Returns the diagnostics grouped by rule, the most severe rule first.
pub fn groups(findings: &[Finding]) -> Vec<Vec<&Finding>> {
    let mut sorted: Vec<&Finding> = findings.iter().collect();
    sorted.sort_by_key(|finding| finding.rule);
    let mut groups: Vec<Vec<&Finding>> = sorted.chunk_by(|a, b| a.rule == b.rule).map(<[_]>::to_vec).collect();
    for group in &mut groups {
        group.sort_by_key(|finding| (Reverse(finding.severity), Reverse(finding.confidence)));
    }
    groups.sort_by_key(|group| Reverse(group[0].severity));
    groups
}

/// Returns the diagnostics of a rule grouped by cause. Each group is at the position of its first diagnostic.
pub fn causes<'f>(group: &[&'f Finding]) -> Vec<Vec<&'f Finding>> {
    let mut out: Vec<Vec<&Finding>> = Vec::new();
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for finding in group {
        let place = finding.cause.as_ref().map(|cause| *places.entry(&cause.key).or_insert(out.len()));
        match place.and_then(|place| out.get_mut(place)) {
            Some(alike) => alike.push(finding),
            None => out.push(vec![finding]),
        }
    }
    out
}

/// Returns the diagnostics ordered by severity and confidence, otherwise in the order of the report.
pub fn worst_first(findings: &[Finding]) -> Vec<&Finding> {
    let mut sorted: Vec<&Finding> = findings.iter().collect();
    sorted.sort_by_key(|finding| (Reverse(effective_severity(finding)), Reverse(finding.confidence)));
    sorted
}

/// Returns the severity for readers that fail on errors. An unsure error counts as a warning.
pub fn effective_severity(finding: &Finding) -> Severity {
    match finding.confidence {
        Confidence::Certain => finding.severity,
        Confidence::Unsure => finding.severity.min(Severity::Warn),
    }
}

/// Note on an unsure diagnostic.
pub const UNSURE: &str = "unsure: this depends on SQL that cannot be evaluated from the files alone, so it does not fail the run";

/// Returns a number with its severity: `2 errors`, `1 warning`, `3 info`.
pub fn tally(severity: Severity, number: usize) -> String {
    match severity {
        Severity::Error => count(number, "error"),
        Severity::Warn => count(number, "warning"),
        Severity::Info => format!("{number} info"),
    }
}

/// Returns the number of diagnostics per severity, without zeros.
pub fn tallies<'f>(findings: impl Iterator<Item = &'f Finding> + Clone) -> Vec<(Severity, usize)> {
    let of = |severity| findings.clone().filter(|finding| finding.severity == severity).count();
    Severity::ALL.iter().map(|severity| (*severity, of(*severity))).filter(|(_, number)| *number > 0).collect()
}

/// Returns the summary: `6 errors, 16 warnings in 9 migrations (61 statements)`.
pub fn summary(report: &Report) -> String {
    let found: Vec<String> = tallies(report.findings.iter()).into_iter().map(|(severity, number)| tally(severity, number)).collect();
    let found = if found.is_empty() { "No problems".to_string() } else { found.join(", ") };
    let unread = if report.unread.is_empty() { String::new() } else { format!("; {} not parsed", count(report.unread.len(), "statement")) };
    format!("{found} in {}{unread}", scope(report))
}

/// Returns the scope of a report: `9 migrations (61 statements) and 12 files of code; 2 allowed; 30 in the baseline`.
pub fn scope(report: &Report) -> String {
    let mut out = format!("{} ({})", count(report.files, "migration"), count(report.statements, "statement"));
    if report.code_files > 0 {
        out.push_str(&format!(" and {} of code", count(report.code_files, "file")));
    }
    if !report.suppressed.is_empty() {
        out.push_str(&format!("; {} allowed", report.suppressed.len()));
    }
    let LeftOut { ignored, earlier, baseline, less_severe } = report.left_out;
    for (number, what) in
        [(baseline, "in the baseline"), (earlier, "existing and not shown"), (ignored, "in ignored files"), (less_severe, "less severe")]
    {
        if number > 0 {
            out.push_str(&format!("; {number} {what}"));
        }
    }
    out
}

pub fn rule(id: &str) -> Option<&'static Rule> {
    rules::ALL.iter().copied().find(|rule| rule.id == id)
}

/// Returns the object of a diagnostic in one line, such as `policy "Own notes" on public.notes`.
pub fn subject(finding: &Finding) -> String {
    let subject = &finding.subject;
    let schema = subject.schema.as_deref().map(|schema| format!("{schema}.")).unwrap_or_default();
    match (&subject.table, subject.kind) {
        (_, "project") => subject.kind.to_string(),
        (Some(table), kind) => format!("{kind} \"{}\" on {schema}{table}", subject.name),
        (None, kind) => format!("{kind} {schema}{}", subject.name),
    }
}

/// A range of a file.
#[derive(Clone, Copy, Debug)]
pub struct FileRange<'a> {
    pub file: &'a str,
    pub start: Position,
    pub end: Position,
}

/// Returns the file and range of a location, or `None` for the platform.
pub fn file_range(sources: &Sources, site: Site) -> Option<FileRange<'_>> {
    let site = sources.resolve(site);
    let (start, end) = sources.range(site);
    (!site.is_platform()).then(|| FileRange { file: &sources.get(site.file).path, start, end })
}
