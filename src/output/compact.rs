//! `check --format compact`: a line for each finding, `path:line:column: severity: message [rule]`, for grep, editors and hooks.
//!
//! Promises: nothing but such lines, in the report's order, each of one finding whole. What is ours is plain ASCII; names are as the
//! user wrote them, without what would break a line or move the cursor. How many there are is for the command line to say elsewhere.

use super::{clean, gist};
use crate::finding::{Confidence, Finding};
use crate::report::Report;
use crate::source::Sources;
use std::io::{self, Write};

pub fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    report.findings.iter().try_for_each(|finding| writeln!(out, "{}", line("", finding, &report.sources)))
}

/// The line of a finding, its file named from `home`.
pub fn line(home: &str, finding: &Finding, sources: &Sources) -> String {
    let place = match gist::stand(sources, finding.primary.site) {
        Some(stand) => format!("{}{}:{}:{}", clean::line(home), clean::line(stand.file), stand.start.line, stand.start.column),
        None => "(platform)".to_string(),
    };
    let doubt = if finding.confidence == Confidence::Unsure { " (unsure)" } else { "" };
    format!("{place}: {}: {}{doubt} [{}]", finding.severity.name(), clean::line(&finding.message), finding.rule)
}
