//! `check --format markdown`: a comment on a pull request, with a table of rules and folded diagnostics per rule.
//!
//! Promises: the output fits into a comment (65,536 characters on GitHub) and has the number of omitted diagnostics. The most severe come
//! first. Names in migrations cannot form markup, HTML, links, or mentions of users and issues. The first line is a marker with which a bot
//! finds its comment.

use super::clean::{clean, line};
use super::summary::{self, FileRange};
use super::{RenderOptions, count, page};
use crate::finding::{Cause, Confidence, Finding, Safety};
use crate::report::Report;
use crate::source;
use std::io::{self, Write};

/// Maximum size in bytes. The rest of 65,536 is for the text of a bot.
const ROOM: usize = 64_000;
/// Space in bytes for the text after the diagnostics.
const END: usize = 300;
/// Maximum number of diagnostics per cause that are shown in full.
const WHOLE: usize = 3;
/// Maximum number of lines of SQL per diagnostic.
const LINES: usize = 12;

pub fn write(report: &Report, options: &RenderOptions, out: &mut dyn Write) -> io::Result<()> {
    let groups = summary::groups(&report.findings);
    let mut text = head(report, &groups);
    let mut left = 0;
    for group in &groups {
        let mut shown = 0;
        let open = |shown| {
            let some = if shown < group.len() { format!("{shown} of {}", group.len()) } else { group.len().to_string() };
            format!("\n<details>\n<summary><code>{}</code> ({some})</summary>\n", group[0].rule)
        };
        let close = "\n</details>\n";
        let mut body = String::new();
        for (finding, place) in in_order(group) {
            let entry = match place {
                Place::Whole => entry(report, options, finding),
                Place::First(cause) => format!("\n{}:\n{}", prose(&cause.message), entry(report, options, finding)),
                Place::Line => short(report, options, finding),
            };
            // a shortened list has a longer heading than a complete one
            if text.len() + open(group.len() - 1).len() + body.len() + entry.len() + close.len() + END > ROOM {
                break;
            }
            body.push_str(&entry);
            shown += 1;
        }
        left += group.len() - shown;
        if shown > 0 {
            text.extend([open(shown).as_str(), &body, close]);
        }
    }
    if left > 0 {
        let are = if left == 1 { "is" } else { "are" };
        text.push_str(&format!("\n{} {are} not shown because of the size limit of a comment.\n", count(left, "problem")));
    }
    if !report.bounded.is_empty() {
        let pieces = count(report.bounded.len(), "place");
        text.push_str(&format!("\nCode in {pieces} runs too long to evaluate, so some effects are unknown.\n"));
    }
    out.write_all(text.as_bytes())
}

/// Form in which a diagnostic is shown.
enum Place<'f> {
    Whole,
    /// In full, after the sentence about its cause.
    First(&'f Cause),
    Line,
}

/// Returns the diagnostics ordered by cause, with the form of each.
fn in_order<'f>(group: &[&'f Finding]) -> Vec<(&'f Finding, Place<'f>)> {
    let mut out = Vec::new();
    for alike in summary::causes(group) {
        let several = alike.len() > 1;
        out.extend(alike.into_iter().enumerate().map(|(at, finding)| match &finding.cause {
            Some(cause) if several && at == 0 => (finding, Place::First(cause)),
            Some(_) if at >= WHOLE => (finding, Place::Line),
            Some(_) | None => (finding, Place::Whole),
        }));
    }
    out
}

/// Returns the summary and the table of rules.
fn head(report: &Report, groups: &[Vec<&Finding>]) -> String {
    let mut out = format!("<!-- supalint -->\n### supalint\n\n{}\n", summary::summary(report));
    if !groups.is_empty() {
        out.push_str("\n| rule | severity | problems | title |\n|---|---|---:|---|\n");
    }
    for group in groups {
        let (rule, worst) = (group[0].rule, group[0].severity.name());
        let title = summary::rule(rule).map_or("", |rule| page::title(rule.page));
        let link = format!("{}/blob/main/rules/{rule}.md", env!("CARGO_PKG_REPOSITORY"));
        out.push_str(&format!("| [`{rule}`]({link}) | {worst} | {} | {} |\n", group.len(), prose(title)));
    }
    out
}

fn place(report: &Report, options: &RenderOptions, finding: &Finding) -> String {
    match summary::file_range(&report.sources, finding.primary.site) {
        Some(FileRange { file, start, .. }) => code(&format!("{}:{}", source::join(&options.path_prefix, file), start.line)),
        None => "the platform".to_string(),
    }
}

/// Returns one line for a diagnostic that is not shown in full.
fn short(report: &Report, options: &RenderOptions, finding: &Finding) -> String {
    format!("\n- {} {}\n", place(report, options, finding), prose(&finding.message))
}

fn entry(report: &Report, options: &RenderOptions, finding: &Finding) -> String {
    let place = place(report, options, finding);
    let doubt = if finding.confidence == Confidence::Unsure { " (unsure)" } else { "" };
    let mut out = format!("\n**{}{doubt}** {place}<br>{}\n", finding.severity.name(), prose(&finding.message));
    if let Some(help) = &finding.help {
        out.push_str(&format!("\n> help: {}\n", prose(help)));
    }
    let (title, sql) = match &finding.fix {
        Some(fix) if !fix.steps.is_empty() => {
            let safety = match fix.safety {
                Safety::Safe => "safe",
                Safety::Review => "needs review",
                Safety::Manual => "complete it by hand",
            };
            let steps = fix.steps.iter().map(|step| {
                let sql = step.sql.trim_end();
                if sql.is_empty() || sql.ends_with(';') { sql.to_string() } else { format!("{sql};") }
            });
            (format!("Fix ({safety}): {}", fix.title), steps.collect::<Vec<_>>().join("\n"))
        }
        _ => ("Affected lines".to_string(), about(report, finding)),
    };
    if !sql.trim().is_empty() {
        out.push_str(&format!("\n{}:\n\n{}", prose(&title), fenced(&sql)));
    }
    out
}

/// Returns the lines at the primary location of a diagnostic.
fn about(report: &Report, finding: &Finding) -> String {
    let site = report.sources.resolve(finding.primary.site);
    if site.is_platform() {
        return String::new();
    }
    let source = report.sources.get(site.file);
    let (start, end) = report.sources.range(site);
    let lines = (start.line as usize - 1..end.line as usize).take(LINES + 1);
    lines.map(|line| source.line_span(line).of(source.text())).collect::<Vec<_>>().join("\n")
}

/// Returns a block of SQL with a fence that the SQL does not contain.
fn fenced(sql: &str) -> String {
    let sql = clean(sql);
    let mut lines: Vec<&str> = sql.lines().collect();
    if lines.len() > LINES {
        lines.truncate(LINES);
        lines.push("-- …");
    }
    let text = lines.join("\n");
    let fence = "`".repeat(3.max(longest_run(&text) + 1));
    format!("{fence}sql\n{text}\n{fence}\n")
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// Returns a code span.
fn code(text: &str) -> String {
    let text = line(text);
    let ticks = "`".repeat(longest_run(&text) + 1);
    // Markdown removes one space at each end of a code span
    let edge = |c: char| c == '`' || c == ' ';
    let pad = if text.is_empty() || text.starts_with(edge) || text.ends_with(edge) { " " } else { "" };
    format!("{ticks}{pad}{text}{pad}{ticks}")
}

/// Returns a message as Markdown. Text between backticks becomes code, and other text is escaped.
fn prose(text: &str) -> String {
    let text = line(text);
    let parts: Vec<&str> = text.split('`').collect();
    if parts.len().is_multiple_of(2) {
        return plain(&text);
    }
    parts
        .iter()
        .enumerate()
        .map(|(index, part)| match (index % 2 == 1, part.is_empty()) {
            (true, true) => plain("``"),
            (true, false) => code(part),
            (false, _) => plain(part),
        })
        .collect()
}

/// Escapes Markdown, and inserts empty comments where a site would create links or mentions.
fn plain(text: &str) -> String {
    const NOTHING: &str = "<!-- -->";
    let mut out = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '&' | '|' | '~' | '$' => out.extend(['\\', c]),
            '@' | '#' => out.extend([c.to_string().as_str(), NOTHING]),
            ':' if text[at..].starts_with("://") => out.extend([":", NOTHING]),
            '.' if at >= 3 && text.as_bytes()[at - 3..at].eq_ignore_ascii_case(b"www") => out.extend([NOTHING, "."]),
            _ => out.push(c),
        }
    }
    out
}
