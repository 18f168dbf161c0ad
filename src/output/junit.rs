//! `check --format junit`: test results for CI servers.
//!
//! Promises: there is one suite per file, so that a clean project has passed tests, because some servers reject an empty report. A
//! diagnostic is a failed test with the names of rule and object, without line numbers, so that servers recognize it in later runs.
//! Diagnostics that never fail a run (info, unsure, allowed) are skipped tests with the reason. Text contains only characters of XML 1.0.

use super::RenderOptions;
use super::clean::{clean, line};
use super::summary::{self, FileRange};
use crate::finding::{Confidence, Finding, Severity};
use crate::report::Report;
use crate::source::{self, FileId, Site};
use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};
use std::collections::BTreeMap;
use std::io::{self, Write};

pub fn write(report: &Report, options: &RenderOptions, out: &mut dyn Write) -> io::Result<()> {
    let mut cases: BTreeMap<FileId, Vec<TestCase>> = report.sources.files().map(|(file, _)| (file, Vec::new())).collect();
    let allowed = report.suppressed.iter().map(|(finding, reason)| (finding, Some(reason.as_str())));
    let mut names: BTreeMap<(FileId, String), usize> = BTreeMap::new();
    for (finding, reason) in report.findings.iter().map(|finding| (finding, None)).chain(allowed) {
        let file = report.sources.resolve(finding.primary.site).file;
        let name = fit(&line(&format!("{} {}", finding.rule, summary::subject(finding))));
        let times = names.entry((file, name.clone())).or_default();
        *times += 1;
        let name = if *times == 1 { name } else { format!("{name} ({times})") };
        cases.entry(file).or_default().push(case(report, options, finding, reason, &name));
    }
    let unread = unread(report);
    let mut junit = quick_junit::Report::new(env!("CARGO_PKG_NAME"));
    for (file, cases) in cases {
        let path = fit(&line(&source::join(&options.path_prefix, &report.sources.get(file).path)));
        let mut suite = TestSuite::new(&path);
        if cases.is_empty() {
            let mut passes = TestCase::new("no problems", TestCaseStatus::success());
            passes.set_classname(&path);
            passes.extra.insert("file".into(), (&path).into());
            suite.add_test_case(passes);
        }
        for mut case in cases {
            case.set_classname(&path);
            suite.add_test_case(case);
        }
        if let Some(lines) = unread.get(&file) {
            suite.set_system_out(fit(&lines.join("\n")));
        }
        junit.add_test_suite(suite);
    }
    let text = junit.to_string().map_err(io::Error::other)?;
    writeln!(out, "{}", text.trim_end())
}

/// Returns notes on statements that were not parsed or not evaluated, by file.
fn unread(report: &Report) -> BTreeMap<FileId, Vec<String>> {
    let mut out: BTreeMap<FileId, Vec<String>> = BTreeMap::new();
    let mut say = |site: Site, words: String| {
        let site = report.sources.resolve(site);
        let line = report.sources.range(site).0.line;
        out.entry(site.file).or_default().push(format!("line {line}: {words}"));
    };
    for unread in &report.unread {
        say(unread.site, line(&format!("could not be parsed: {}: {}", unread.head, unread.reason)));
    }
    for site in &report.bounded {
        say(*site, "runs too long to evaluate, so some effects are unknown".to_string());
    }
    out
}

fn case(report: &Report, options: &RenderOptions, finding: &Finding, reason: Option<&str>, name: &str) -> TestCase {
    let fails = reason.is_none() && finding.confidence == Confidence::Certain && finding.severity > Severity::Info;
    let mut status = if fails { TestCaseStatus::non_success(NonSuccessKind::Failure) } else { TestCaseStatus::skipped() };
    let message = match reason {
        Some(reason) => format!("allowed: {reason}"),
        None => finding.message.clone(),
    };
    status.set_type(finding.severity.name()).set_message(fit(&line(&message)));
    let range = summary::file_range(&report.sources, finding.primary.site);
    let mut text = String::new();
    if let Some(FileRange { file, start, .. }) = range {
        text.push_str(&format!("{}:{}:{}\n", source::join(&options.path_prefix, file), start.line, start.column));
    }
    text.push_str(&finding.message);
    if finding.confidence == Confidence::Unsure {
        text.push_str(&format!("\n{}", summary::UNSURE));
    }
    if let Some(help) = &finding.help {
        text.push_str(&format!("\nhelp: {help}"));
    }
    if let Some(fix) = &finding.fix {
        text.push_str(&format!("\nfix: {}", fix.title));
        fix.steps.iter().for_each(|step| text.push_str(&format!("\n{}", step.sql)));
    }
    status.set_description(fit(&clean(&text)));
    let mut case = TestCase::new(name, status);
    if let Some(FileRange { file, start, .. }) = range {
        case.extra.insert("file".into(), fit(&line(&source::join(&options.path_prefix, file))).into());
        case.extra.insert("line".into(), start.line.to_string().into());
    }
    case
}

/// Replaces the two characters that are not control characters but invalid in XML 1.0.
fn fit(text: &str) -> String {
    text.replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")
}
