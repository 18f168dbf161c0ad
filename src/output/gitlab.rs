//! `check --format gitlab`: a Code Quality report, for `artifacts: reports: codequality` (docs.gitlab.com, "Code Quality report format").
//!
//! Promises: each entry has a unique fingerprint that does not depend on line numbers. GitLab compares the fingerprints of two branches,
//! and merges entries with the same fingerprint.

use super::summary::{self, FileRange};
use super::{RenderOptions, write_json};
use crate::finding::{Confidence, Finding, Severity};
use crate::report::Report;
use crate::source;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{self, Write};

#[derive(Serialize)]
struct Entry<'a> {
    description: String,
    check_name: &'a str,
    fingerprint: String,
    severity: &'static str,
    location: Location,
}

#[derive(Serialize)]
struct Location {
    path: String,
    lines: Lines,
}

#[derive(Serialize)]
struct Lines {
    begin: u32,
    end: u32,
}

pub fn write(report: &Report, options: &RenderOptions, out: &mut dyn Write) -> io::Result<()> {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let entries: Vec<Entry> = report
        .findings
        .iter()
        .map(|finding| {
            let times = seen.entry(&finding.fingerprint).or_default();
            *times += 1;
            let fingerprint = if *times == 1 { finding.fingerprint.clone() } else { format!("{}-{times}", finding.fingerprint) };
            entry(report, options, finding, fingerprint)
        })
        .collect();
    write_json(out, &entries)
}

fn entry<'a>(report: &Report, options: &RenderOptions, finding: &'a Finding, fingerprint: String) -> Entry<'a> {
    let doubt = if finding.confidence == Confidence::Unsure { " (unsure)" } else { "" };
    let location = match summary::file_range(&report.sources, finding.primary.site) {
        Some(FileRange { file, start, end }) => {
            Location { path: source::join(&options.path_prefix, file), lines: Lines { begin: start.line, end: end.line } }
        }
        // GitLab requires a path, and objects of the platform have none
        None => Location { path: format!("{}supabase", options.path_prefix), lines: Lines { begin: 1, end: 1 } },
    };
    Entry {
        description: format!("{}{doubt}", finding.message),
        check_name: finding.rule,
        fingerprint,
        severity: match summary::effective_severity(finding) {
            Severity::Error => "critical",
            Severity::Warn => "major",
            Severity::Info => "info",
        },
        location,
    }
}
