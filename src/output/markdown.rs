//! `check --format markdown`: a comment on a pull request: a table of what was found, then the findings by rule, folded.
//!
//! Promises: fits into a comment (GitHub takes 65,536 characters), and says what it left out for that; the worst stands first. What users named stands as they
//! wrote it and does nothing: no markup, no HTML, no link, no mention of a person or an issue. Begins with a mark by which a bot finds its
//! comment again.

use super::clean::{clean, line};
use super::gist::{self, Stand};
use super::{Look, count, page};
use crate::finding::{Cause, Confidence, Finding, Safety};
use crate::report::Report;
use std::io::{self, Write};

/// In bytes, of which a comment never takes more than characters. What is left of 65,536 is for a bot's own words.
const ROOM: usize = 64_000;
/// For what stands behind the findings.
const END: usize = 300;
/// Findings of one cause that are shown whole.
const WHOLE: usize = 3;
/// Lines of SQL for a finding.
const LINES: usize = 12;

pub fn write(report: &Report, look: &Look, out: &mut dyn Write) -> io::Result<()> {
    let groups = gist::groups(&report.findings);
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
                Place::Whole => entry(report, look, finding),
                Place::First(cause) => format!("\n{}:\n{}", prose(&cause.message), entry(report, look, finding)),
                Place::Line => short(report, look, finding),
            };
            // one less than all has the longer heading
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
        text.push_str(&format!("\n{} {are} not shown here, for a comment has room for no more.\n", count(left, "finding")));
    }
    if !report.bounded.is_empty() {
        let pieces = count(report.bounded.len(), "place");
        text.push_str(&format!("\nCode in {pieces} runs too long to be followed to its end, so not all that it does is known.\n"));
    }
    out.write_all(text.as_bytes())
}

/// How a finding is shown.
enum Place<'f> {
    Whole,
    /// Whole, behind the sentence for all findings of its cause.
    First(&'f Cause),
    Line,
}

/// Findings by cause.
fn in_order<'f>(group: &[&'f Finding]) -> Vec<(&'f Finding, Place<'f>)> {
    let mut out = Vec::new();
    for alike in gist::causes(group) {
        let several = alike.len() > 1;
        out.extend(alike.into_iter().enumerate().map(|(at, finding)| match &finding.cause {
            Some(cause) if several && at == 0 => (finding, Place::First(cause)),
            Some(_) if at >= WHOLE => (finding, Place::Line),
            Some(_) | None => (finding, Place::Whole),
        }));
    }
    out
}

/// What there is of each rule.
fn head(report: &Report, groups: &[Vec<&Finding>]) -> String {
    let mut out = format!("<!-- supalint -->\n### supalint\n\n{}\n", gist::summary(report));
    if !groups.is_empty() {
        out.push_str("\n| rule | severity | findings | what it finds |\n|---|---|---:|---|\n");
    }
    for group in groups {
        let (rule, worst) = (group[0].rule, group[0].severity.name());
        let title = gist::rule(rule).map_or("", |rule| page::title(rule.page));
        let link = format!("{}/blob/main/rules/{rule}.md", env!("CARGO_PKG_REPOSITORY"));
        out.push_str(&format!("| [`{rule}`]({link}) | {worst} | {} | {} |\n", group.len(), prose(title)));
    }
    out
}

fn place(report: &Report, look: &Look, finding: &Finding) -> String {
    match gist::stand(&report.sources, finding.primary.site) {
        Some(Stand { file, start, .. }) => code(&format!("{}{file}:{}", look.home, start.line)),
        None => "the platform".to_string(),
    }
}

/// A line for one of many findings of a cause.
fn short(report: &Report, look: &Look, finding: &Finding) -> String {
    format!("\n- {} {}\n", place(report, look, finding), prose(&finding.message))
}

fn entry(report: &Report, look: &Look, finding: &Finding) -> String {
    let place = place(report, look, finding);
    let doubt = if finding.confidence == Confidence::Unsure { " (unsure)" } else { "" };
    let mut out = format!("\n**{}{doubt}** {place}<br>{}\n", finding.severity.name(), prose(&finding.message));
    if let Some(help) = &finding.help {
        out.push_str(&format!("\n> help: {}\n", prose(help)));
    }
    let (title, sql) = match &finding.fix {
        Some(fix) if !fix.steps.is_empty() => {
            let safety = match fix.safety {
                Safety::Safe => "safe",
                Safety::Review => "review it first",
                Safety::Manual => "fill in the gaps",
            };
            let steps = fix.steps.iter().map(|step| {
                let sql = step.sql.trim_end();
                if sql.is_empty() || sql.ends_with(';') { sql.to_string() } else { format!("{sql};") }
            });
            (format!("{} ({safety})", fix.title), steps.collect::<Vec<_>>().join("\n"))
        }
        _ => ("The lines it is about".to_string(), about(report, finding)),
    };
    if !sql.trim().is_empty() {
        out.push_str(&format!("\n{}:\n\n{}", prose(&title), fenced(&sql)));
    }
    out
}

/// The lines that hold what a finding points at.
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

/// A block of SQL, by a fence that it does not hold itself.
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

/// A code span, in which nothing means anything.
fn code(text: &str) -> String {
    let text = line(text);
    let ticks = "`".repeat(longest_run(&text) + 1);
    // One space at each end is not shown.
    let edge = |c: char| c == '`' || c == ' ';
    let pad = if text.is_empty() || text.starts_with(edge) || text.ends_with(edge) { " " } else { "" };
    format!("{ticks}{pad}{text}{pad}{ticks}")
}

/// Text of ours with names of users' in it: what stands between backticks is code, all else plain.
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

/// No mark-up, and an empty comment wherever a site would make a link or call somebody.
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
