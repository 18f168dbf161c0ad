//! `check --format sarif`: SARIF 2.1.0, for GitHub code scanning and other viewers.
//!
//! Promises: the output is within the limits of GitHub (docs.github.com, "SARIF support for code scanning" and "SARIF results exceed one or
//! more limits"): at most 25,000 results per run, of which GitHub shows 5,000; 10 MB after compression, here before compression; one
//! location per result; 100 related locations; descriptions of 1,024 characters. The least severe results are omitted, and a notification
//! has their number. Paths are relative to `%SRCROOT%`, the root of the repository, and never absolute. `fixes` contains the exact edits of
//! a file, without edits of built statements.
//!
//! GitHub's upload action computes `primaryLocationLineHash` and rejects other values, so the fingerprint has its own name. GitHub ignores
//! `suppressions`, which other viewers use.

use super::proposal::exact;
use super::style::Painter;
use super::summary::{self, FileRange};
use super::{RenderOptions, count, page};
use crate::finding::{Category, Confidence, Finding, Fix, Safety, Severity};
use crate::report::Report;
use crate::rules::{self, Rule};
use crate::source::{self, Site, Sources};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use std::io::{self, Write};

const RESULTS: usize = 25_000;
/// Maximum size of results in bytes before compression: 10 MB minus space for rules and notifications.
const BYTES: usize = 8_000_000;
const RELATED: usize = 100;
const DESCRIPTION: usize = 1_024;
const NOTIFICATIONS: usize = 1_000;
const REASON: usize = 300;

const ROOT: &str = "%SRCROOT%";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'a> {
    tool: Tool,
    automation_details: Id,
    column_kind: &'static str,
    original_uri_base_ids: BaseIds,
    invocations: [Invocation; 1],
    results: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver {
    name: &'static str,
    semantic_version: &'static str,
    information_uri: &'static str,
    rules: Vec<Descriptor>,
    notifications: Vec<Kind>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    id: &'static str,
    short_description: Text,
    full_description: Text,
    help: Help,
    help_uri: String,
    default_configuration: Configuration,
    properties: RuleProperties,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Kind {
    id: &'static str,
    short_description: Text,
}

#[derive(Serialize)]
struct Help {
    text: String,
    markdown: &'static str,
}

#[derive(Serialize)]
struct Configuration {
    level: &'static str,
}

#[derive(Serialize)]
struct RuleProperties {
    category: Category,
    tags: Vec<&'static str>,
    precision: &'static str,
    #[serde(rename = "problem.severity")]
    problem_severity: &'static str,
    #[serde(rename = "security-severity", skip_serializing_if = "Option::is_none")]
    security_severity: Option<&'static str>,
}

#[derive(Serialize)]
struct Id {
    id: String,
}

#[derive(Serialize)]
struct BaseIds {
    #[serde(rename = "%SRCROOT%")]
    root: Described,
}

#[derive(Serialize)]
struct Described {
    description: Text,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation {
    execution_successful: bool,
    tool_execution_notifications: Vec<Notification>,
}

#[derive(Serialize)]
struct Notification {
    descriptor: Reference,
    level: &'static str,
    message: Text,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    locations: Vec<Location>,
}

#[derive(Serialize)]
struct Reference {
    id: &'static str,
}

#[derive(Serialize)]
struct Text {
    text: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    rule_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule_index: Option<usize>,
    level: &'static str,
    message: Text,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    locations: Vec<Location>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related_locations: Vec<Location>,
    partial_fingerprints: Fingerprints<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fixes: Vec<Change<'a>>,
    /// Required on every result or on none (§3.27.23).
    suppressions: Vec<Suppression<'a>>,
    properties: Properties,
}

#[derive(Serialize)]
struct Fingerprints<'a> {
    #[serde(rename = "supalint/v1")]
    own: &'a str,
}

#[derive(Serialize)]
struct Suppression<'a> {
    kind: &'static str,
    status: &'static str,
    justification: &'a str,
}

#[derive(Serialize)]
struct Properties {
    confidence: Confidence,
    #[serde(skip_serializing_if = "Option::is_none")]
    safety: Option<Safety>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<usize>,
    physical_location: Physical,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Text>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Physical {
    artifact_location: Artifact,
    region: Region,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Artifact {
    uri: String,
    uri_base_id: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: u32,
    start_column: u32,
    end_line: u32,
    end_column: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Change<'a> {
    description: Text,
    artifact_changes: Vec<ArtifactChange<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ArtifactChange<'a> {
    artifact_location: Artifact,
    replacements: Vec<Replacement<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Replacement<'a> {
    deleted_region: Region,
    inserted_content: Inserted<'a>,
}

#[derive(Serialize)]
struct Inserted<'a> {
    text: &'a str,
}

pub fn write(report: &Report, options: &RenderOptions, out: &mut dyn Write) -> io::Result<()> {
    let page = Page { sources: &report.sources, options };
    let (results, left) = page.results(report)?;
    let log = Log {
        schema: "https://json.schemastore.org/sarif-2.1.0.json",
        version: "2.1.0",
        runs: [Run {
            tool: Tool { driver: driver() },
            // GitHub uses the text before the last slash as the category, which separates the projects of a repository
            automation_details: Id { id: format!("supalint/{}", options.path_prefix) },
            column_kind: "unicodeCodePoints",
            original_uri_base_ids: BaseIds {
                root: Described { description: text("the root of the repository, or of the project if there is no repository") },
            },
            invocations: [Invocation { execution_successful: true, tool_execution_notifications: page.notifications(report, left) }],
            results,
        }],
    };
    let mut text = serde_json::to_vec(&log)?;
    text.push(b'\n');
    out.write_all(&text)
}

fn text(text: impl Into<String>) -> Text {
    Text { text: text.into() }
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warn => "warning",
        Severity::Info => "note",
    }
}

fn driver() -> Driver {
    let kind = |id, words: &str| Kind { id, short_description: text(words) };
    Driver {
        name: env!("CARGO_PKG_NAME"),
        semantic_version: env!("CARGO_PKG_VERSION"),
        information_uri: env!("CARGO_PKG_REPOSITORY"),
        rules: rules::ALL.iter().map(|rule| descriptor(rule)).collect(),
        notifications: vec![
            kind("unread", "Statement that could not be parsed, so its effect is unknown"),
            kind("bounded", "Code that runs too long to evaluate, so some effects are unknown"),
            kind("cut", "Output that was cut because of a size limit"),
        ],
    }
}

fn descriptor(rule: &Rule) -> Descriptor {
    let (category, score) = match rule.category {
        Category::Security => ("security", Some(score(rule.severity))),
        Category::Performance => ("performance", None),
        Category::Integrity => ("integrity", None),
        Category::Migration => ("migration", None),
    };
    let mut tags = vec![category, rule.group(), "supabase"];
    tags.dedup();
    Descriptor {
        id: rule.id,
        short_description: text(cut(page::title(rule.page), DESCRIPTION)),
        full_description: text(cut(&page::summary(rule.page), DESCRIPTION)),
        help: Help { text: page::render(rule.page, Painter { colour: false }, RenderOptions::PLAIN.width), markdown: rule.page },
        help_uri: format!("{}/blob/main/rules/{}.md", env!("CARGO_PKG_REPOSITORY"), rule.id),
        default_configuration: Configuration { level: level(rule.severity) },
        properties: RuleProperties {
            category: rule.category,
            tags,
            // rules avoid false alarms and mark unsure diagnostics
            precision: "high",
            problem_severity: match rule.severity {
                Severity::Error => "error",
                Severity::Warn => "warning",
                Severity::Info => "recommendation",
            },
            security_severity: score,
        },
    }
}

/// Returns the score in the middle of the ranges high, medium and low of GitHub. A linter without data does not use critical (over 9.0).
fn score(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "8.0",
        Severity::Warn => "5.5",
        Severity::Info => "2.0",
    }
}

fn cut(words: &str, most: usize) -> String {
    match words.char_indices().nth(most - 1) {
        Some((at, c)) if at + c.len_utf8() < words.len() => format!("{}…", &words[..at]),
        _ => words.to_string(),
    }
}

/// Returns a text as a sentence: `Wrap the call.`
fn sentence(words: &str) -> String {
    let mut chars = words.chars();
    let start: String = chars.next().map(|first| first.to_uppercase().collect()).unwrap_or_default();
    let end = if words.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{start}{}{end}", chars.as_str())
}

struct Page<'a> {
    sources: &'a Sources,
    options: &'a RenderOptions,
}

impl<'a> Page<'a> {
    /// Returns the most severe results within the limits, and the number of omitted results.
    fn results(&self, report: &'a Report) -> io::Result<(Vec<Entry<'a>>, usize)> {
        let found = summary::worst_first(&report.findings).into_iter().map(|finding| (finding, None));
        // GitHub shows allowed problems as open
        let allowed = if self.options.quiet { &[][..] } else { &report.suppressed };
        let suppressed = allowed.iter().map(|(finding, reason)| (finding, Some(reason.as_str())));
        let (mut results, mut room, mut left) = (Vec::new(), BYTES, 0);
        for (finding, reason) in found.chain(suppressed) {
            if results.len() == RESULTS {
                left += 1;
                continue;
            }
            let entry = self.entry(finding, reason);
            let mut size = Size(0);
            serde_json::to_writer(&mut size, &entry)?;
            if size.0 > room {
                left += 1;
            } else {
                room -= size.0;
                results.push(entry);
            }
        }
        Ok((results, left))
    }

    fn entry(&self, finding: &'a Finding, reason: Option<&'a str>) -> Entry<'a> {
        let related: Vec<Location> = finding
            .related
            .iter()
            .filter_map(|label| Some(Location { message: Some(text(label.message.as_str())), ..self.location(label.site)? }))
            .take(RELATED)
            .enumerate()
            .map(|(id, location)| Location { id: Some(id), ..location })
            .collect();
        let suppression = reason.map(|justification| Suppression { kind: "inSource", status: "accepted", justification });
        Entry {
            rule_id: finding.rule,
            rule_index: rules::ALL.iter().position(|rule| rule.id == finding.rule),
            level: level(summary::effective_severity(finding)),
            message: text(self.message(finding, finding.related.len().saturating_sub(RELATED))),
            locations: self.location(finding.primary.site).into_iter().collect(),
            related_locations: related,
            partial_fingerprints: Fingerprints { own: &finding.fingerprint },
            fixes: finding.fix.as_ref().and_then(|fix| self.change(fix)).into_iter().collect(),
            suppressions: suppression.into_iter().collect(),
            properties: Properties { confidence: finding.confidence, safety: finding.fix.as_ref().map(|fix| fix.safety) },
        }
    }

    /// Returns the message. Its first sentence is shown alone where space is limited.
    fn message(&self, finding: &Finding, more: usize) -> String {
        let mut out = finding.message.clone();
        if !out.ends_with('.') {
            out.push('.');
        }
        if let Some(help) = &finding.help {
            out.push(' ');
            out.push_str(&sentence(help));
        }
        if finding.confidence == Confidence::Unsure {
            out.push(' ');
            out.push_str(&sentence(summary::UNSURE));
        }
        if more > 0 {
            out.push_str(&format!(" ({})", count(more, "more related location")));
        }
        out
    }

    fn change(&self, fix: &'a Fix) -> Option<Change<'a>> {
        let edits = exact(self.sources, &fix.rewrite);
        if edits.is_empty() {
            return None;
        }
        let artifact_changes = edits
            .chunk_by(|a, b| a.site.file == b.site.file)
            .map(|edits| ArtifactChange {
                artifact_location: self.artifact(&self.sources.get(edits[0].site.file).path),
                replacements: edits
                    .iter()
                    .filter_map(|edit| {
                        let deleted_region = region(summary::file_range(self.sources, edit.site)?);
                        Some(Replacement { deleted_region, inserted_content: Inserted { text: &edit.text } })
                    })
                    .collect(),
            })
            .collect();
        Some(Change { description: text(fix.title.as_str()), artifact_changes })
    }

    fn location(&self, site: Site) -> Option<Location> {
        let range = summary::file_range(self.sources, site)?;
        let physical_location = Physical { artifact_location: self.artifact(range.file), region: region(range) };
        Some(Location { id: None, physical_location, message: None })
    }

    /// Returns a relative reference. A colon in its first part would be read as a scheme.
    fn artifact(&self, path: &str) -> Artifact {
        const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');
        let encode = |part: &str| utf8_percent_encode(part, KEPT).to_string();
        Artifact { uri: encode(&source::join(&self.options.path_prefix, path)), uri_base_id: ROOT }
    }

    fn notifications(&self, report: &Report, left: usize) -> Vec<Notification> {
        let notify = |id, level, words: String, site: Option<Site>| Notification {
            descriptor: Reference { id },
            level,
            message: text(words),
            locations: site.and_then(|site| self.location(site)).into_iter().collect(),
        };
        let cut_off = (left > 0).then(|| {
            let words = format!(
                "{} of {} not written, because GitHub code scanning limits the number of results",
                left,
                count(report_len(report), "result")
            );
            notify("cut", "warning", words, None)
        });
        let unread = report.unread.iter().map(|unread| {
            let words = format!("{}: {}", cut(&unread.head, REASON), cut(&unread.reason, REASON));
            notify("unread", "warning", format!("a statement could not be parsed, so its effect is unknown: {words}"), Some(unread.site))
        });
        let bounded = report.bounded.iter().map(|site| {
            let words = "code runs too long to evaluate, so some effects are unknown".to_string();
            notify("bounded", "warning", words, Some(*site))
        });
        let all = report.unread.len() + report.bounded.len();
        let more = (all > NOTIFICATIONS).then(|| {
            notify("cut", "warning", format!("{} about statements and code not written", count(all - NOTIFICATIONS, "notification")), None)
        });
        cut_off.into_iter().chain(unread.chain(bounded).take(NOTIFICATIONS)).chain(more).collect()
    }
}

fn report_len(report: &Report) -> usize {
    report.findings.len() + report.suppressed.len()
}

fn region(range: FileRange<'_>) -> Region {
    let FileRange { start, end, .. } = range;
    Region { start_line: start.line, start_column: start.column, end_line: end.line, end_column: end.column }
}

/// Counter of written bytes.
struct Size(usize);

impl Write for Size {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
