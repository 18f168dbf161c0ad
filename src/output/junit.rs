//! `check --format junit`: test results, for CI servers that show those.
//!
//! Promises: a suite for each file, so that a clean project shows files that pass and not an empty report, which some servers refuse. A
//! finding is a test case that fails, named after the rule and the object and not after a line, so that servers see the same test in
//! every run. What never fails a run by itself (info, what is not sure, what a person has allowed) is a skipped case with its reason.
//! Text is made fit for XML 1.0.

use super::Look;
use super::gist::{self, Stand};
use super::ink::clean;
use crate::finding::{Confidence, Finding, Severity};
use crate::report::Report;
use crate::source::{FileId, Site};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};

pub fn write(report: &Report, look: &Look, out: &mut dyn Write) -> io::Result<()> {
    let mut cases: BTreeMap<FileId, Vec<Case>> = report.sources.files().map(|(file, _)| (file, Vec::new())).collect();
    let allowed = report.suppressed.iter().map(|(finding, reason)| (finding, Some(reason.as_str())));
    let mut names: BTreeMap<(FileId, String), usize> = BTreeMap::new();
    for (finding, reason) in report.findings.iter().map(|finding| (finding, None)).chain(allowed) {
        let file = report.sources.resolve(finding.primary.site).file;
        let name = gist::line(&format!("{} {}", finding.rule, gist::subject(finding)));
        let times = names.entry((file, name.clone())).or_default();
        *times += 1;
        let name = if *times == 1 { name } else { format!("{name} ({times})") };
        cases.entry(file).or_default().push(case(report, look, finding, reason, &name));
    }
    let unread = unread(report);
    let (mut suites, mut all) = (String::new(), [0; 3]);
    for (file, cases) in cases {
        let path = attribute(&format!("{}{}", look.home, report.sources.get(file).path));
        let count = |skipped: bool| cases.iter().filter(|case| case.skipped == skipped).count();
        // a clean file is a test that passes
        let [tests, skipped, failures] = [cases.len().max(1), count(true), count(false)];
        all = [all[0] + tests, all[1] + skipped, all[2] + failures];
        let counts = format!("tests=\"{tests}\" skipped=\"{skipped}\" errors=\"0\" failures=\"{failures}\"");
        let _ = writeln!(suites, "    <testsuite name=\"{path}\" {counts}>");
        if cases.is_empty() {
            let _ = writeln!(suites, "        <testcase name=\"no findings\" classname=\"{path}\" file=\"{path}\"/>");
        }
        for Case { name, place, skipped, told } in cases {
            let element = if skipped { "skipped" } else { "failure" };
            let _ = writeln!(suites, "        <testcase name=\"{name}\" classname=\"{path}\"{place}>");
            let _ = writeln!(suites, "            <{element}{told}</{element}>\n        </testcase>");
        }
        if let Some(lines) = unread.get(&file) {
            let _ = writeln!(suites, "        <system-out>{}</system-out>", escape(&lines.join("\n")));
        }
        suites.push_str("    </testsuite>\n");
    }
    let [tests, skipped, failures] = all;
    let counts = format!("tests=\"{tests}\" skipped=\"{skipped}\" failures=\"{failures}\" errors=\"0\"");
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"{}\" {counts}>", env!("CARGO_PKG_NAME"))?;
    writeln!(out, "{suites}</testsuites>")
}

/// What was not read or not followed, by file.
fn unread(report: &Report) -> BTreeMap<FileId, Vec<String>> {
    let mut out: BTreeMap<FileId, Vec<String>> = BTreeMap::new();
    let mut say = |site: Site, words: String| {
        let home = report.sources.resolve(site);
        let line = report.sources.range(home).0.line;
        out.entry(home.file).or_default().push(format!("line {line}: {words}"));
    };
    for unread in &report.unread {
        say(unread.site, gist::line(&format!("could not be read: {}: {}", unread.head, unread.reason)));
    }
    for site in &report.bounded {
        say(*site, "runs too long to be followed to its end".to_string());
    }
    out
}

fn case(report: &Report, look: &Look, finding: &Finding, reason: Option<&str>, name: &str) -> Case {
    let fails = reason.is_none() && finding.confidence == Confidence::Certain && finding.severity > Severity::Info;
    let message = match reason {
        Some(reason) => format!("allowed: {reason}"),
        None => finding.message.clone(),
    };
    let stand = gist::stand(&report.sources, finding.primary.site);
    let mut text = String::new();
    if let Some(Stand { file, start, .. }) = stand {
        text.push_str(&format!("{}{file}:{}:{}\n", look.home, start.line, start.column));
    }
    text.push_str(&finding.message);
    if finding.confidence == Confidence::Unsure {
        text.push_str(&format!("\n{}", gist::UNSURE));
    }
    if let Some(help) = &finding.help {
        text.push_str(&format!("\nhelp: {help}"));
    }
    if let Some(fix) = &finding.fix {
        text.push_str(&format!("\nfix: {}", fix.title));
        fix.steps.iter().for_each(|step| text.push_str(&format!("\n{}", step.sql)));
    }
    let told = format!(" message=\"{}\" type=\"{}\">{}", attribute(&message), finding.severity.name(), escape(&clean(&text)));
    let place =
        stand.map(|Stand { file, start, .. }| format!(" file=\"{}\" line=\"{}\"", attribute(&format!("{}{file}", look.home)), start.line));
    Case { name: attribute(name), place: place.unwrap_or_default(), skipped: !fails, told }
}

/// A test case in XML.
struct Case {
    name: String,
    /// Attributes that say where it stands.
    place: String,
    skipped: bool,
    /// What stands behind the name of the element that says how it ended, up to its end.
    told: String,
}

fn attribute(text: &str) -> String {
    escape(&gist::line(text))
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\'' => out.push_str("&apos;"),
            '"' => out.push_str("&quot;"),
            // two characters are no text to XML 1.0, and do not count as control characters
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ => out.push(c),
        }
    }
    out
}
