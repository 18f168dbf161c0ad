//! Parses each format and compares the result with the report.

use super::super::{clean, summary};
use super::*;
use crate::source::Sources;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Function that panics if the text does not match the report.
type Reader = fn(&Report, &str);

/// All formats except the terminal format.
pub const READ: [(Format, Reader); 8] = [
    (Format::Json, json),
    (Format::Sarif, sarif),
    (Format::Github, github),
    (Format::Gitlab, gitlab),
    (Format::Junit, junit),
    (Format::Markdown, markdown),
    (Format::Advisors, advisors),
    (Format::Compact, compact),
];

fn value(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

fn list<'v>(value: &'v Value, at: &str) -> &'v [Value] {
    value.pointer(at).and_then(Value::as_array).unwrap_or_else(|| panic!("{at} is a list")).as_slice()
}

fn number(value: &Value, at: &str) -> usize {
    value.pointer(at).and_then(Value::as_u64).unwrap_or_else(|| panic!("{at} is a number")) as usize
}

fn string<'v>(value: &'v Value, at: &str) -> &'v str {
    value.pointer(at).and_then(Value::as_str).unwrap_or_else(|| panic!("{at} is text"))
}

fn is_in_a_file(finding: &Finding, sources: &Sources) -> bool {
    !sources.resolve(finding.primary.site).is_platform()
}

fn json(report: &Report, text: &str) {
    let value = value(text);
    assert_eq!((list(&value, "/findings").len(), list(&value, "/suppressed").len()), (report.findings.len(), report.suppressed.len()));
}

/// Byte of a place that is counted in lines and characters.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let start = text.split_inclusive('\n').take(line - 1).map(str::len).sum::<usize>();
    text[start..].char_indices().nth(column - 1).map_or(text.len(), |(at, _)| start + at)
}

fn range(text: &str, region: &Value) -> std::ops::Range<usize> {
    let at = |line: &str, column: &str| offset(text, number(region, line), number(region, column));
    at("/startLine", "/startColumn")..at("/endLine", "/endColumn")
}

fn decoded(uri: &str) -> String {
    percent_encoding::percent_decode_str(uri).decode_utf8().expect("UTF-8").into_owned()
}

fn sarif(report: &Report, text: &str) {
    let value = value(text);
    let typed: serde_sarif::sarif::Sarif = serde_json::from_str(text).expect("SARIF");
    assert_eq!(typed.runs.len(), 1);

    let run = &value["runs"][0];
    let rules = list(run, "/tool/driver/rules");
    for rule in rules {
        assert!(list(rule, "/properties/tags").len() <= 10 && string(rule, "/help/markdown").starts_with("# "));
        let is_of_security = list(rule, "/properties/tags").iter().any(|tag| tag == "security");
        assert_eq!(rule.pointer("/properties/security-severity").is_some(), is_of_security);
    }
    let results = list(run, "/results");
    let found = summary::worst_first(&report.findings).into_iter().map(|finding| (finding, None));
    let all: Vec<(&Finding, Option<&str>)> =
        found.chain(report.suppressed.iter().map(|(finding, reason)| (finding, Some(reason.as_str())))).collect();
    assert_eq!(results.len(), all.len());
    for (result, (finding, reason)) in results.iter().zip(all) {
        assert!(string(result, "/message/text").starts_with(&finding.message));
        assert_eq!(string(result, "/partialFingerprints/supalint~1v1"), finding.fingerprint);
        let suppressions = list(result, "/suppressions");
        assert_eq!(suppressions.first().map(|suppression| string(suppression, "/justification")), reason);
        if let Some(index) = result.get("ruleIndex").and_then(Value::as_u64) {
            assert_eq!(rules[index as usize]["id"], result["ruleId"]);
        }
        if is_in_a_file(finding, &report.sources) {
            assert_eq!(located(&report.sources, &result["locations"][0]), slice(&report.sources, finding.primary.site));
        }
        for (nth, related) in result["relatedLocations"].as_array().into_iter().flatten().enumerate() {
            assert_eq!(number(related, "/id"), nth);
            let labels = finding.related.iter().filter(|label| label.message == string(related, "/message/text"));
            assert!(labels.map(|label| slice(&report.sources, label.site)).any(|words| words == located(&report.sources, related)));
        }
        for fix in result["fixes"].as_array().into_iter().flatten() {
            let edits = &finding.fix.as_ref().expect("it has a fix").rewrite;
            fixed(&report.sources, edits, fix);
        }
    }
    assert!(list(run, "/invocations/0/toolExecutionNotifications").len() >= report.unread.len() + report.bounded.len());
}

/// Returns the text of a location in its file.
fn slice(sources: &Sources, site: Site) -> &str {
    let home = sources.resolve(site);
    let (text, clamp) = (sources.get(home.file).text(), |at: u32| (at as usize).min(sources.get(home.file).text().len()));
    text.get(clamp(home.span.start)..clamp(home.span.end)).unwrap_or_default()
}

fn file_named<'s>(sources: &'s Sources, artifact: &Value) -> (FileId, &'s str) {
    assert_eq!(artifact["uriBaseId"], "%SRCROOT%");
    let uri = string(artifact, "/uri");
    assert!(uri.is_ascii() && !uri.starts_with('/') && !uri.contains(':'), "{uri}");
    let path = decoded(uri);
    let (file, source) = sources.files().find(|(_, source)| *source.path == *path).expect("a file of the project");
    (file, source.text())
}

fn located<'s>(sources: &'s Sources, location: &Value) -> &'s str {
    let physical = &location["physicalLocation"];
    let (_, text) = file_named(sources, &physical["artifactLocation"]);
    &text[range(text, &physical["region"])]
}

/// Asserts that the replacements have the same result as the edits.
fn fixed(sources: &Sources, edits: &[Edit], fix: &Value) {
    let mut files = BTreeSet::new();
    for change in list(fix, "/artifactChanges") {
        let (file, text) = file_named(sources, &change["artifactLocation"]);
        files.insert(file);
        let (mut out, mut at) = (String::new(), 0);
        for replacement in list(change, "/replacements") {
            let range = range(text, &replacement["deletedRegion"]);
            assert!(at <= range.start, "replacements are in order and apart");
            out.push_str(&text[at..range.start]);
            out.push_str(string(replacement, "/insertedContent/text"));
            at = range.end;
        }
        out.push_str(&text[at..]);
        let of_file = edits.iter().filter(|edit| edit.site.file == file).map(|edit| (edit.site.span, edit.text.as_str()));
        assert_eq!(out, sources.edited(Site::new(file, Span::new(0, text.len() as u32)), of_file));
    }
    assert_eq!(files, edits.iter().map(|edit| edit.site.file).collect());
}

/// A workflow command in the form that the runner reads.
struct Command {
    name: String,
    properties: BTreeMap<String, String>,
    data: String,
}

fn unescaped(text: &str, also: &[(&str, &str)]) -> String {
    let text = also.iter().fold(text.to_string(), |text, (from, to)| text.replace(from, to));
    text.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")
}

fn command(line: &str) -> Option<Command> {
    let (head, data) = line.trim_start().strip_prefix("::")?.split_once("::")?;
    let (name, properties) = head.split_once(' ').unwrap_or((head, ""));
    let properties = properties.split(',').filter_map(|property| property.split_once('='));
    Some(Command {
        name: name.to_string(),
        properties: properties.map(|(key, value)| (key.to_string(), unescaped(value, &[("%3A", ":"), ("%2C", ",")]))).collect(),
        data: unescaped(data, &[]),
    })
}

fn github(report: &Report, text: &str) {
    let commands: Vec<Command> = text.lines().filter_map(command).collect();
    let of = |name: &str| commands.iter().filter(|command| command.name == name).count();
    assert!(["error", "warning", "notice"].iter().all(|name| of(name) <= 10));
    assert_eq!(commands.len(), of("error") + of("warning") + of("notice") + of("group") + of("endgroup"));
    let plain: Vec<&str> = text.lines().filter(|line| command(line).is_none()).collect();
    assert!(plain.iter().all(|line| !line.contains("##[")), "the runner takes these for commands too");
    // the first of each cause comes before the others
    let mut causes = BTreeSet::new();
    let is_further = |finding: &&Finding| finding.cause.as_ref().is_some_and(|cause| !causes.insert((finding.rule, cause.key.clone())));
    let (further, first): (Vec<&Finding>, Vec<&Finding>) = summary::worst_first(&report.findings).into_iter().partition(is_further);
    let sorted: Vec<&Finding> = first.into_iter().chain(further).collect();
    let mut annotated = 0;
    for (name, severity) in [("error", Severity::Error), ("warning", Severity::Warn), ("notice", Severity::Info)] {
        let of_level = commands.iter().filter(|command| command.name == name && command.properties["title"] != "supalint");
        let worst = sorted.iter().filter(|finding| summary::effective_severity(finding) == severity);
        for (command, finding) in of_level.zip(worst) {
            annotated += 1;
            // a carriage return is escaped, and all other control characters are replaced
            let message: Vec<_> = finding.message.split('\r').map(clean::clean).collect();
            assert!(command.data.starts_with(&message.join("\r")), "{}", command.data);
            assert_eq!(command.properties["title"], finding.rule);
            if let Some(range) = summary::file_range(&report.sources, finding.primary.site) {
                let line = range.start.line.to_string();
                assert_eq!([&command.properties["file"], &command.properties["line"]], [range.file, &line]);
                assert_eq!(command.properties.contains_key("col"), range.start.line == range.end.line);
            }
        }
    }
    let more = report.findings.len() - annotated;
    let last = text.lines().last().expect("there is a summary");
    match more {
        0 => assert!(last.starts_with("supalint: ")),
        _ => assert!(
            last.starts_with("::notice title=supalint::") && last.contains(&format!("; {} ", count(more, "more problem"))),
            "{last}"
        ),
    }
    assert_eq!(plain.len(), if more == 0 { 1 } else { more });
}

fn gitlab(report: &Report, text: &str) {
    let value = value(text);
    let entries = list(&value, "");
    assert_eq!(entries.len(), report.findings.len());
    let fingerprints: BTreeSet<&str> = entries.iter().map(|entry| string(entry, "/fingerprint")).collect();
    assert_eq!(fingerprints.len(), entries.len(), "each has its own");
    for (entry, finding) in entries.iter().zip(&report.findings) {
        assert!(string(entry, "/description").starts_with(&finding.message));
        assert_eq!(string(entry, "/check_name"), finding.rule);
        assert!(["info", "minor", "major", "critical", "blocker"].contains(&string(entry, "/severity")));
        if let Some(range) = summary::file_range(&report.sources, finding.primary.site) {
            assert_eq!((string(entry, "/location/path"), number(entry, "/location/lines/begin")), (range.file, range.start.line as usize));
        }
    }
}

fn junit(report: &Report, text: &str) {
    let read = junit_parser::from_reader(text.as_bytes()).expect("JUnit XML");
    let cases: Vec<&junit_parser::TestCase> = read.suites.iter().flat_map(|suite| &suite.cases).collect();
    let failed: Vec<&junit_parser::TestFailure> =
        cases.iter().filter(|case| case.status.is_failure()).map(|case| case.status.failure_as_ref()).collect();
    let fails = |finding: &&Finding| finding.confidence == Confidence::Certain && finding.severity > Severity::Info;
    assert_eq!(failed.len(), report.findings.iter().filter(fails).count());
    assert_eq!(read.failures as usize, failed.len());
    assert_eq!(read.tests as usize, cases.len());
    let passed = cases.iter().filter(|case| case.status.is_success()).count();
    assert_eq!(cases.len() - passed, report.findings.len() + report.suppressed.len());
    let fit = |text: &str| clean::line(text).replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}").replace("##[", "## [");
    let message = |case: &&junit_parser::TestCase| match &case.status {
        junit_parser::TestStatus::Failure(failure) => Some(failure.message.clone()),
        junit_parser::TestStatus::Skipped(skipped) => Some(skipped.message.clone()),
        junit_parser::TestStatus::Success | junit_parser::TestStatus::Error(_) => None,
    };
    let allowed = report.suppressed.iter().map(|(_, reason)| fit(&format!("allowed: {reason}")));
    let mut told: Vec<String> = cases.iter().filter_map(message).collect();
    let mut meant: Vec<String> = report.findings.iter().map(|finding| fit(&finding.message)).chain(allowed).collect();
    told.sort();
    meant.sort();
    assert_eq!(told, meant);
    for suite in &read.suites {
        let names: BTreeSet<&str> = suite.cases.iter().map(|case| case.original_name.as_str()).collect();
        assert_eq!(names.len(), suite.cases.len(), "each has its own name: {}", suite.name);
        assert!(!suite.cases.is_empty());
    }
    let again = quick_junit::Report::deserialize_from_str(text).expect("what the writer reads itself");
    assert_eq!(again.tests, cases.len());
}

fn markdown(report: &Report, text: &str) {
    use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
    assert!(text.len() <= 65_536);
    let rest = text.strip_prefix("<!-- supalint -->\n").expect("a bot's mark");
    let (mut words, mut html, mut depth, mut rows) = (String::new(), 0, 0, 0);
    // text in which a site looks for links and mentions, with a break where HTML or code stands
    let (mut live, mut is_fenced) = (String::new(), false);
    for event in Parser::new_ext(rest, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH) {
        match &event {
            Event::Start(Tag::CodeBlock(_)) | Event::End(TagEnd::CodeBlock) => is_fenced = !is_fenced,
            Event::Text(text) if !is_fenced => live.push_str(text),
            _ => live.push('\0'),
        }
        match event {
            Event::Text(text) | Event::Code(text) => words.push_str(&text),
            Event::SoftBreak | Event::HardBreak => words.push(' '),
            Event::InlineHtml(tag) => assert!(["<!-- -->", "<br>"].contains(&&*tag), "{tag}"),
            Event::Html(tag) => {
                html += 1;
                match tag.trim_end() {
                    "<details>" => depth += 1,
                    "</details>" => depth -= 1,
                    summary => assert!(summary.starts_with("<summary><code>") && summary.ends_with(")</summary>"), "{summary}"),
                }
            }
            Event::Start(Tag::Link { dest_url, .. }) => assert!(dest_url.starts_with(env!("CARGO_PKG_REPOSITORY")), "{dest_url}"),
            Event::Start(Tag::Image { .. }) => panic!("an image"),
            Event::End(TagEnd::TableRow) => rows += 1,
            _ => {}
        }
        assert!((0..=1).contains(&depth));
    }
    for sign in ["@", "#"] {
        assert!(live.split(sign).skip(1).all(|rest| rest.starts_with('\0')), "{sign} calls somebody: {live}");
    }
    assert!(!live.contains("://") && !live.to_ascii_lowercase().contains("www."), "{live}");
    assert_eq!(html % 3, 0, "opened, named and closed");
    let rules: BTreeSet<&str> = report.findings.iter().map(|finding| finding.rule).collect();
    assert_eq!(rows, rules.len());
    if !text.contains("are not shown because") && !text.contains("is not shown because") {
        for finding in &report.findings {
            // between backticks stands code, whose backticks are not shown
            let message = clean::line(&finding.message).replace('`', "");
            assert!(words.replace('`', "").replace("## [", "##[").contains(&message), "{message}\n{words}");
        }
    }
}

fn advisors(report: &Report, text: &str) {
    let value = value(text);
    let rows = list(&value, "/findings");
    let keys: BTreeSet<(&str, &str)> = rows.iter().map(|row| (string(row, "/name"), string(row, "/cache_key"))).collect();
    assert_eq!(keys.len(), rows.len(), "each case once");
    let meant = report.findings.iter().chain(&report.only_for_advisor).flat_map(|finding| &finding.advisors);
    assert_eq!(keys, meant.map(|advisor| (advisor.name, advisor.cache_key.as_str())).collect());
    for row in rows {
        assert!(["ERROR", "WARN", "INFO"].contains(&string(row, "/level")) && string(row, "/facing") == "EXTERNAL");
        assert!(string(row, "/remediation").starts_with("https://supabase.com/docs/"));
        assert_eq!(list(row, "/categories").len(), 1);
        string(row, "/metadata/name");
    }
}

fn compact(report: &Report, text: &str) {
    let lines: Vec<&str> = text.split_terminator('\n').collect();
    assert_eq!(lines.len(), report.findings.len());
    for (line, finding) in lines.iter().zip(&report.findings) {
        assert!(!line.chars().any(char::is_control), "{line:?}");
        let rest = match summary::file_range(&report.sources, finding.primary.site) {
            Some(range) => {
                let place = format!("{}:{}:{}", clean::line(range.file), range.start.line, range.start.column);
                line.strip_prefix(&place).expect("begins with its place")
            }
            None => line.strip_prefix("(platform)").expect("begins with its place"),
        };
        let message = clean::line(&finding.message).replace("##[", "## [");
        assert!(rest.starts_with(&format!(": {}: {message}", finding.severity.name())), "{line}");
        assert!(rest.ends_with(&format!(" [{}]", finding.rule)), "{line}");
    }
}
