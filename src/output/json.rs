//! `check --format json`: the format for programs. Fields can be added, but never change their meaning.
//!
//! Promises: the order of fields is fixed. Lines and columns count from 1, and columns are characters. Locations in built statements are
//! those of the code that builds them.

use super::write_json;
use crate::finding::{Advisor, Cause, Confidence, Finding, Label, Safety, Severity, Subject};
use crate::report::{LeftOut, Report};
use crate::source::{Site, Sources};
use serde::Serialize;
use std::io::{self, Write};

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    tool: Tool,
    findings: Vec<Entry<'a>>,
    suppressed: Vec<Suppressed<'a>>,
    left_out: Counts,
    statements: Statements,
    summary: Summary,
}

#[derive(Serialize)]
struct Tool {
    name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
struct Entry<'a> {
    rule: &'a str,
    severity: Severity,
    confidence: Confidence,
    message: &'a str,
    help: Option<&'a str>,
    subject: &'a Subject,
    location: Location<'a>,
    cause: Option<&'a Cause>,
    related: Vec<Related<'a>>,
    fix: Option<Cure<'a>>,
    /// The first of `advisors`.
    advisor: Option<&'a Advisor>,
    advisors: &'a [Advisor],
    fingerprint: &'a str,
}

#[derive(Serialize)]
struct Suppressed<'a> {
    #[serde(flatten)]
    finding: Entry<'a>,
    reason: &'a str,
}

#[derive(Serialize)]
struct Location<'a> {
    file: &'a str,
    line: u32,
    column: u32,
    end_line: u32,
    end_column: u32,
}

#[derive(Serialize)]
struct Related<'a> {
    message: &'a str,
    location: Location<'a>,
}

#[derive(Serialize)]
struct Cure<'a> {
    title: &'a str,
    safety: Safety,
    sql: Vec<&'a str>,
}

/// Numbers of problems that are not reported.
#[derive(Serialize)]
struct Counts {
    ignored: usize,
    earlier: usize,
    baseline: usize,
    less_severe: usize,
}

#[derive(Serialize)]
struct Statements {
    total: usize,
    unread: usize,
    bounded: usize,
    undecided: usize,
}

#[derive(Serialize)]
pub(super) struct Summary {
    files: usize,
    error: usize,
    warn: usize,
    info: usize,
}

pub fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let LeftOut { ignored, earlier, baseline, less_severe } = report.left_out;
    let document = Document {
        version: 1,
        tool: Tool { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") },
        findings: report.findings.iter().map(|finding| entry(finding, &report.sources)).collect(),
        suppressed: report
            .suppressed
            .iter()
            .map(|(finding, reason)| Suppressed { finding: entry(finding, &report.sources), reason })
            .collect(),
        left_out: Counts { ignored, earlier, baseline, less_severe },
        statements: Statements {
            total: report.statements,
            unread: report.unread.len(),
            bounded: report.bounded.len(),
            undecided: report.undecided.len(),
        },
        summary: summary(report),
    };
    write_json(out, &document)
}

/// The numbers of a report.
pub(super) fn summary(report: &Report) -> Summary {
    let of = |severity| report.findings.iter().filter(|finding| finding.severity == severity).count();
    Summary { files: report.files, error: of(Severity::Error), warn: of(Severity::Warn), info: of(Severity::Info) }
}

fn entry<'a>(finding: &'a Finding, sources: &'a Sources) -> Entry<'a> {
    Entry {
        rule: finding.rule,
        severity: finding.severity,
        confidence: finding.confidence,
        message: &finding.message,
        help: finding.help.as_deref(),
        subject: &finding.subject,
        location: location(finding.primary.site, sources),
        cause: finding.cause.as_ref(),
        related: finding.related.iter().map(|Label { site, message }| Related { message, location: location(*site, sources) }).collect(),
        fix: finding.fix.as_ref().map(|fix| Cure {
            title: &fix.title,
            safety: fix.safety,
            sql: fix.steps.iter().map(|step| step.sql.as_str()).collect(),
        }),
        advisor: finding.advisors.first(),
        advisors: &finding.advisors,
        fingerprint: &finding.fingerprint,
    }
}

fn location(site: Site, sources: &Sources) -> Location<'_> {
    let (start, end) = sources.range(site);
    Location {
        file: &sources.get(sources.resolve(site).file).path,
        line: start.line,
        column: start.column,
        end_line: end.line,
        end_column: end.column,
    }
}
