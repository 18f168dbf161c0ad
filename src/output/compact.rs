//! `check --format compact`: one line per problem, `path:line:column: severity: message [rule]`, for grep, editors and hooks.
//!
//! Promises: the output contains only such lines, in the order of the report. Own text is plain ASCII. Names are as the user wrote them,
//! without line breaks and control characters.

use super::{clean, summary};
use crate::finding::{Confidence, Finding};
use crate::report::Report;
use crate::source::{self, Sources};
use std::io::{self, Write};

pub fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    report.findings.iter().try_for_each(|finding| writeln!(out, "{}", line("", finding, &report.sources)))
}

/// Returns the line of a diagnostic. `path_prefix` is the prefix of its path.
pub fn line(path_prefix: &str, finding: &Finding, sources: &Sources) -> String {
    let place = match summary::file_range(sources, finding.primary.site) {
        Some(range) => format!("{}:{}:{}", clean::line(&source::join(path_prefix, range.file)), range.start.line, range.start.column),
        None => "(platform)".to_string(),
    };
    let doubt = if finding.confidence == Confidence::Unsure { " (unsure)" } else { "" };
    format!("{place}: {}: {}{doubt} [{}]", finding.severity.name(), clean::line(&finding.message), finding.rule)
}
