//! `check --statistics`: the number of problems of each rule, as text and as JSON.
//!
//! Promises: the rule with the most problems comes first. Problems that are not reported are not counted.

use super::clean::Reader;
use super::summary::{self, summary};
use super::{Painter, RenderOptions, guarded, json, page, wrap, write_json};
use crate::finding::{Confidence, Finding, Safety, Severity};
use crate::report::Report;
use serde::Serialize;
use std::cmp::Reverse;
use std::io::{self, Write};

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    statistics: Vec<Row<'a>>,
    summary: json::Summary,
}

#[derive(Serialize)]
struct Row<'a> {
    rule: &'a str,
    count: usize,
    error: usize,
    warn: usize,
    info: usize,
    /// Number of problems that `--fix` can fix.
    fixable: usize,
    /// Number of problems that only `--fix=review` can fix.
    fixable_with_review: usize,
}

/// Returns a row per rule that reports a problem.
fn rows(report: &Report) -> Vec<Row<'_>> {
    let row = |group: Vec<&Finding>| -> Row<'_> {
        let of = |severity| group.iter().filter(|finding| finding.severity == severity).count();
        let fixable = |safety| group.iter().filter(|finding| is_fixable(finding, safety)).count();
        Row {
            rule: group[0].rule,
            count: group.len(),
            error: of(Severity::Error),
            warn: of(Severity::Warn),
            info: of(Severity::Info),
            fixable: fixable(Safety::Safe),
            fixable_with_review: fixable(Safety::Review),
        }
    };
    let mut rows: Vec<Row> = summary::groups(&report.findings).into_iter().map(row).collect();
    rows.sort_by_key(|row| (Reverse(row.count), row.rule));
    rows
}

/// Returns whether the fix of a diagnostic has this safety and can be written.
pub fn is_fixable(finding: &Finding, safety: Safety) -> bool {
    let has_steps = finding.fix.as_ref().is_some_and(|fix| fix.safety == safety && !fix.steps.is_empty());
    has_steps && finding.confidence == Confidence::Certain
}

/// Writes a table for people.
///
/// # Errors
/// Only what `out` returns.
pub fn text(report: &Report, options: &RenderOptions, out: &mut dyn Write) -> io::Result<()> {
    let (painter, rows) = (Painter { colour: options.colour }, rows(report));
    guarded(out, Reader::Screen, |out| {
        let digits = rows.first().map_or(1, |row| row.count.to_string().len());
        let width = rows.iter().map(|row| row.rule.len()).max().unwrap_or(0);
        for row in &rows {
            let worst = match row {
                Row { error: 1.., .. } => Severity::Error,
                Row { warn: 1.., .. } => Severity::Warn,
                _ => Severity::Info,
            };
            let severity = painter.severity(worst, &format!("{:5}", worst.name()));
            let head = format!("{:digits$}  {}  {severity}  ", row.count, painter.name(&format!("{:width$}", row.rule)));
            let title = summary::rule(row.rule).map_or("", |rule| page::title(rule.page));
            writeln!(out, "{}", wrap(title, options.width, &head, &" ".repeat(digits + width + 11)))?;
        }
        if options.quiet { Ok(()) } else { writeln!(out, "{}{}", if rows.is_empty() { "" } else { "\n" }, summary(report)) }
    })
}

/// Writes one JSON object.
///
/// # Errors
/// Only what `out` returns.
pub fn json(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let document = Document { version: 1, statistics: rows(report), summary: json::summary(report) };
    guarded(out, Reader::Json, |out| write_json(out, &document))
}
