//! `check --format github`: workflow commands, which GitHub Actions shows as annotations of a pull request.
//!
//! Promises: there are at most 10 annotations of each level per step, which is the limit of GitHub (github.com/actions/toolkit,
//! docs/problem-matchers.md, "Limitations"). The most severe come first. The last line has the number of the others, which are in a folded
//! group of the log. Text is escaped as in the toolkit (packages/core/src/command.ts), and names in migrations cannot form commands.
//! Columns are given only for ranges within a line, as the runner requires.

use super::clean::{Reader, clean, guard};
use super::summary::{self, FileRange};
use super::{RenderOptions, compact, count};
use crate::finding::{Confidence, Finding, Severity};
use crate::report::Report;
use crate::source;
use std::collections::BTreeSet;
use std::io::{self, Write};

/// Maximum number of annotations per level.
const SHOWN: usize = 10;

pub fn write(report: &Report, options: &RenderOptions, out: &mut dyn Write) -> io::Result<()> {
    let (mut shown, mut rest): (Vec<&Finding>, Vec<&Finding>) = (Vec::new(), Vec::new());
    let mut room = [SHOWN; Severity::ALL.len()];
    // otherwise ten diagnostics of one cause would hide all others
    let mut seen = BTreeSet::new();
    let is_further = |finding: &&Finding| finding.cause.as_ref().is_some_and(|cause| !seen.insert((finding.rule, cause.key.clone())));
    let (further, first): (Vec<&Finding>, Vec<&Finding>) = summary::worst_first(&report.findings).into_iter().partition(is_further);
    let mut sorted = first.into_iter().chain(further).peekable();
    while let Some(finding) = sorted.next() {
        let left = &mut room[summary::effective_severity(finding) as usize];
        // the line with the number of the others is itself a notice and counts towards the limit
        let kept = usize::from(
            summary::effective_severity(finding) == Severity::Info && (!rest.is_empty() || *left == 1 && sorted.peek().is_some()),
        );
        if *left > kept {
            *left -= 1;
            shown.push(finding);
        } else {
            rest.push(finding);
        }
    }
    for finding in shown {
        writeln!(out, "{}", command(report, options, finding))?;
    }
    if rest.is_empty() {
        return writeln!(out, "supalint: {}", summary::summary(report));
    }
    let more = count(rest.len(), "more problem");
    writeln!(out, "::group::{}", data(&more))?;
    for finding in &rest {
        writeln!(out, "{}", guard(&compact::line(&options.path_prefix, finding, &report.sources), Reader::Person))?;
    }
    writeln!(out, "::endgroup::")?;
    let are = if rest.len() == 1 { "is" } else { "are" };
    let words = format!(
        "{}; {more} {are} in the log of this step, because GitHub shows at most {SHOWN} annotations per level",
        summary::summary(report)
    );
    writeln!(out, "::notice title=supalint::{}", data(&words))
}

fn command(report: &Report, options: &RenderOptions, finding: &Finding) -> String {
    let level = match summary::effective_severity(finding) {
        Severity::Error => "error",
        Severity::Warn => "warning",
        Severity::Info => "notice",
    };
    let place = match summary::file_range(&report.sources, finding.primary.site) {
        Some(FileRange { file, start, end }) => {
            let columns = if start.line == end.line { format!(",col={},endColumn={}", start.column, end.column) } else { String::new() };
            format!("file={},line={},endLine={}{columns},", property(&source::join(&options.path_prefix, file)), start.line, end.line)
        }
        None => String::new(),
    };
    let mut message = finding.message.clone();
    if let Some(cause) = finding.cause.as_ref().filter(|cause| !cause.message.starts_with("1 ")) {
        message.push_str(&format!("\ncause: {}", cause.message));
    }
    if finding.confidence == Confidence::Unsure {
        message.push_str(&format!("\n{}", summary::UNSURE));
    }
    if let Some(help) = &finding.help {
        message.push_str(&format!("\nhelp: {help}"));
    }
    format!("::{level} {place}title={}::{}", property(finding.rule), data(&message))
}

fn data(text: &str) -> String {
    clean(&text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")).into_owned()
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
