//! `check --format terminal`: diagnostics by rule with excerpts and fixes, then a summary.
//!
//! Promises: the cost of a diagnostic depends on the length of its output, not of its files. Each diagnostic has at least one line, and the
//! first ones of each rule are shown in full. Only this format uses `miette`, which draws frames from an [`Excerpt`].

use super::clean::{clean, line};
use super::excerpt::{Excerpt, Fitted, place};
use super::proposal::{Kind, Row, proposal};
use super::statistics::is_fixable;
use super::style::{Painter, columns, untab, wrap};
use super::summary::{UNSURE, causes, groups, scope, tallies, tally};
use super::{RenderOptions, count};
use crate::finding::{Cause, Confidence, Finding, Fix, Run, Safety, Severity};
use crate::report::{Report, Unread};
use crate::source::Site;
use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents, SourceSpan, SpanContents};
use owo_colors::Style;
use std::cmp::Reverse;
use std::fmt;
use std::io::{self, Write};
use std::ops::Range;
use textwrap::{WordSeparator, WordSplitter};

/// Number of diagnostics per rule and cause that are shown in full.
const WHOLE: usize = 3;
/// Maximum number of lines of a fix without `--verbose`.
const FIX_LINES: usize = 16;
/// Maximum number of related locations without `--verbose`.
const RELATED: usize = 6;
const UNREAD: usize = 5;
/// Rule that reports statements that cannot be parsed.
const SYNTAX: &str = "migration/syntax";

pub fn write(report: &Report, options: &RenderOptions, out: &mut dyn Write) -> io::Result<()> {
    let page = Page { report, options, painter: Painter { colour: options.colour } };
    for (index, group) in groups(&report.findings).iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        page.group(group, out)?;
    }
    if options.verbose {
        page.suppressed(out)?;
    }
    if options.quiet {
        return Ok(());
    }
    page.unread(out)?;
    page.bounded(out)?;
    page.undecided(out)?;
    page.summary(out)
}

struct Page<'a> {
    report: &'a Report,
    options: &'a RenderOptions,
    painter: Painter,
}

impl Page<'_> {
    fn group(&self, group: &[&Finding], out: &mut dyn Write) -> io::Result<()> {
        let rule = group[0].rule;
        if group.len() > WHOLE {
            self.heading(rule, &count(group.len(), "problem"), out)?;
        }
        let (alone, several): (Vec<_>, Vec<_>) = causes(group).into_iter().partition(|alike| alike.len() == 1);
        let alone: Vec<&Finding> = alone.into_iter().flatten().collect();
        // problems with a common cause come before single problems of the same severity
        let mut blocks: Vec<&Vec<&Finding>> = several.iter().chain(std::iter::once(&alone)).filter(|alike| !alike.is_empty()).collect();
        blocks.sort_by_key(|alike| Reverse(alike[0].severity));
        for (index, alike) in blocks.into_iter().enumerate() {
            if index > 0 {
                writeln!(out)?;
            }
            let cause = alike[0].cause.as_ref().filter(|_| !std::ptr::eq(alike, &alone));
            self.alike(alike, cause, out)?;
        }
        writeln!(out, "  {} supalint explain {rule}", self.painter.dim("why:"))
    }

    /// Writes diagnostics with the same cause, or without one: the sentence about the cause, the first ones in full, and one line for each
    /// of the others.
    fn alike(&self, findings: &[&Finding], cause: Option<&Cause>, out: &mut dyn Write) -> io::Result<()> {
        if let Some(cause) = cause {
            let head = format!("{} ", self.painter.name("cause:"));
            let message = clean(&cause.message).split_whitespace().map(|word| self.painter.bold(word)).collect::<Vec<_>>().join(" ");
            writeln!(out, "{}\n", wrap(&message, self.options.width, &head, "  "))?;
        }
        let whole = if self.options.verbose { findings.len() } else { WHOLE.min(findings.len()) };
        for (index, finding) in findings[..whole].iter().enumerate() {
            if index > 0 {
                writeln!(out)?;
            }
            self.whole(finding, out)?;
        }
        if whole < findings.len() {
            let more = format!("{} more of {}", findings.len() - whole, findings[0].rule);
            writeln!(out, "\n  {} {}", self.painter.bold(&more), self.painter.dim("(--verbose shows them in full)"))?;
            self.lines(&findings[whole..], out)?;
        }
        Ok(())
    }

    fn heading(&self, rule: &str, note: &str, out: &mut dyn Write) -> io::Result<()> {
        let bar = if self.options.unicode { "─" } else { "-" };
        let rest = self.options.width.saturating_sub(rule.len() + note.len() + 9);
        let (before, after) = (self.painter.dim(&bar.repeat(2)), self.painter.dim(&bar.repeat(rest)));
        writeln!(out, "{before} {} {before} {note} {after}\n", self.painter.bold(rule))
    }

    fn lines(&self, findings: &[&Finding], out: &mut dyn Write) -> io::Result<()> {
        let places: Vec<String> = findings.iter().map(|finding| self.place(finding)).collect();
        let width = places.iter().map(|place| columns(place, 0)).max().unwrap_or(0).min(72);
        for (finding, place) in findings.iter().zip(&places) {
            let pad = " ".repeat(width.saturating_sub(columns(place, 0)));
            let severity = self.painter.severity(finding.severity, finding.severity.name());
            let message = line(&finding.message);
            writeln!(out, "  {}{pad}  {severity}  {message}{}", self.painter.name(place), self.doubt(finding))?;
        }
        Ok(())
    }

    fn place(&self, finding: &Finding) -> String {
        match place(&self.report.sources, finding.primary.site) {
            Some(place) => place.to_string(),
            None => "(platform)".to_string(),
        }
    }

    fn doubt(&self, finding: &Finding) -> &'static str {
        if finding.confidence == Confidence::Unsure { " (unsure)" } else { "" }
    }

    fn whole(&self, finding: &Finding, out: &mut dyn Write) -> io::Result<()> {
        let most = if self.options.verbose { usize::MAX } else { RELATED };
        let excerpt = Excerpt::of(finding, &self.report.sources, self.options.width.saturating_sub(10).max(40), most);
        let head = format!("{}[{}]:", finding.severity.name(), finding.rule);
        let message = clean(&finding.message).split_whitespace().map(|word| self.painter.bold(word)).collect::<Vec<_>>().join(" ");
        writeln!(out, "{}", wrap(&message, self.options.width, &format!("{} ", self.painter.severity(finding.severity, &head)), "  "))?;
        let mut text = String::new();
        let shown = Shown { finding, excerpt };
        let drawn = self.handler(finding, &shown.excerpt).render_report(&mut text, &shown);
        debug_assert!(drawn.is_ok(), "every mark lies in a block");
        // the first line is the heading of miette, which the heading above replaces; trailing spaces are removed
        for line in text.lines().skip(1) {
            writeln!(out, "{}", line.trim_end())?;
        }
        for (place, message) in &shown.excerpt.notes {
            let note = match place {
                Some(place) => format!("{place}: {message}"),
                None => format!("{message} (created by the platform before the first migration)"),
            };
            self.entry("note", &note, out)?;
        }
        if finding.related.len() > most {
            let more = count(finding.related.len() - most, "more related location");
            self.entry("note", &format!("{more} (shown by --verbose and --format json)"), out)?;
        }
        self.expansion(finding, out)?;
        if finding.confidence == Confidence::Unsure {
            self.entry("note", UNSURE, out)?;
        }
        if let Some(help) = &finding.help {
            self.entry("help", help, out)?;
        }
        if let Some(fix) = &finding.fix {
            self.fix(finding, fix, out)?;
        }
        Ok(())
    }

    fn entry(&self, tag: &str, text: &str, out: &mut dyn Write) -> io::Result<()> {
        let first = format!("  {} ", self.painter.name(&format!("{tag}:")));
        let rest = " ".repeat(tag.len() + 4);
        writeln!(out, "{}", wrap(&clean(text), self.options.width, &first, &rest))
    }

    /// Writes the statement that `EXECUTE` builds, because it is not in the file.
    fn expansion(&self, finding: &Finding, out: &mut dyn Write) -> io::Result<()> {
        let (site, sources) = (finding.primary.site, &self.report.sources);
        if !sources.is_derived(site.file) {
            return Ok(());
        }
        let built = sources.get(site.file).text();
        let home = sources.resolve(site);
        let origin = sources.get(home.file).text().get(home.span.start as usize..home.span.end as usize).unwrap_or_default();
        if !built.trim().is_empty() && !origin.contains(built.trim()) {
            let built = built.split_whitespace().collect::<Vec<_>>().join(" ");
            let built = Fitted::new(&built, &[], 2 * self.options.width).text;
            self.entry("note", &format!("this runs `{built}`"), out)?;
        }
        Ok(())
    }

    fn fix(&self, finding: &Finding, fix: &Fix, out: &mut dyn Write) -> io::Result<()> {
        let safety = match fix.safety {
            Safety::Safe => "safe",
            Safety::Review => "needs review",
            Safety::Manual => "complete it by hand",
        };
        let head = format!("  {} ", self.painter.name(&format!("fix ({safety}):")));
        writeln!(out, "{}", wrap(&clean(&fix.title), self.options.width, &head, "       "))?;
        let hunks = proposal(&self.report.sources, &fix.rewrite);
        let home = self.report.sources.resolve(finding.primary.site).file;
        for (index, hunk) in hunks.iter().enumerate() {
            let elsewhere = hunk.file != home;
            if elsewhere {
                let path = line(&self.report.sources.get(hunk.file).path);
                writeln!(out, "       {}", self.painter.name(&path))?;
            } else if index > 0 {
                writeln!(out, "       {}", self.painter.dim("..."))?;
            }
            self.rows(&hunk.rows, out)?;
        }
        if hunks.is_empty() || self.options.verbose {
            self.steps(fix, out)?;
        }
        Ok(())
    }

    fn rows(&self, rows: &[Row], out: &mut dyn Write) -> io::Result<()> {
        let digits = rows.iter().map(|row| row.number.to_string().len()).max().unwrap_or(1);
        let (bar, gap) = if self.options.unicode { ("│", "·") } else { ("|", ":") };
        let limit = self.options.width.saturating_sub(10 + digits).max(40);
        let most = if self.options.verbose { rows.len() } else { FIX_LINES };
        for row in rows.iter().take(most) {
            let fitted = Fitted::new(&row.text, &row.marks, limit);
            let number = self.painter.dim(&format!("{:>digits$}", row.number));
            let line = match row.kind {
                Kind::Same | Kind::Grown => format!("{bar} {}", self.marked(&fitted, &row.marks)),
                Kind::Removed => format!("{} {}", self.painter.removed("-"), self.painter.removed(&untab(&fitted.text, 0))),
                Kind::Added => format!("{} {}", self.painter.added("+"), self.painter.added(&untab(&fitted.text, 0))),
            };
            writeln!(out, "       {number} {}", line.trim_end())?;
            if row.kind == Kind::Grown {
                let mut under = String::new();
                for mark in &row.marks {
                    let (start, end) = (fitted.map(mark.start), fitted.map(mark.end));
                    let from = columns(&fitted.text[..start], 0);
                    under.push_str(&" ".repeat(from.saturating_sub(columns(&under, 0))));
                    under.push_str(&"+".repeat(columns(&fitted.text[start..end], from)));
                }
                writeln!(out, "       {:digits$} {gap} {}", "", self.painter.added(&under))?;
            }
        }
        if rows.len() > most {
            writeln!(out, "       {:digits$} ... {} (--verbose shows all)", "", count(rows.len() - most, "more line"))?;
        }
        Ok(())
    }

    fn marked(&self, fitted: &Fitted, marks: &[Range<usize>]) -> String {
        let (mut text, mut at) = (String::new(), 0);
        let piece = |from: usize, to: usize| untab(&fitted.text[from..to], columns(&fitted.text[..from], 0));
        for mark in marks {
            let (start, end) = (fitted.map(mark.start).max(at), fitted.map(mark.end).max(at));
            text.push_str(&piece(at, start));
            text.push_str(&self.painter.added(&piece(start, end)));
            at = end;
        }
        text + &piece(at, fitted.text.len())
    }

    fn steps(&self, fix: &Fix, out: &mut dyn Write) -> io::Result<()> {
        let mut lines: Vec<String> = Vec::new();
        for (index, step) in fix.steps.iter().enumerate() {
            match step.run {
                Run::Alone => lines.push(self.painter.dim("-- in a separate migration")),
                Run::NextFile if index > 0 => lines.push(self.painter.dim("-- in a later migration")),
                Run::Batch | Run::NextFile => {}
            }
            let sql = step.sql.trim_end();
            let end = if sql.ends_with(';') || sql.is_empty() { "" } else { ";" };
            lines.extend(format!("{sql}{end}").lines().map(|line| self.painter.added(&untab(&clean(line), 0))));
        }
        let most = if self.options.verbose || lines.len() <= FIX_LINES + 1 { lines.len() } else { FIX_LINES };
        for line in &lines[..most] {
            writeln!(out, "{}", format!("       {line}").trim_end())?;
        }
        if most < lines.len() {
            writeln!(out, "       ... {} (--verbose shows all)", count(lines.len() - most, "more line"))?;
        }
        Ok(())
    }

    fn suppressed(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.report.suppressed.is_empty() {
            return Ok(());
        }
        writeln!(out, "\n{}", self.painter.bold("allowed:"))?;
        for (finding, reason) in &self.report.suppressed {
            writeln!(out, "  {}  {}  {}", self.painter.name(&self.place(finding)), finding.rule, line(&finding.message))?;
            writeln!(out, "    because {}", line(reason))?;
        }
        Ok(())
    }

    fn unread(&self, out: &mut dyn Write) -> io::Result<()> {
        // a statement with a reported syntax error is not listed again
        let reported = self.report.findings.iter().filter(|finding| finding.rule == SYNTAX);
        let reported: Vec<Site> = reported.map(|finding| self.report.sources.resolve(finding.primary.site)).collect();
        let is_reported = |unread: &&Unread| {
            let site = self.report.sources.resolve(unread.site);
            reported.iter().any(|error| error.file == site.file && site.span.contains(error.span))
        };
        let unread: Vec<&Unread> = self.report.unread.iter().filter(|unread| !is_reported(unread)).collect();
        if unread.is_empty() {
            return Ok(());
        }
        let (what, effects) = if unread.len() == 1 { ("statement", "its effect is") } else { ("statements", "their effects are") };
        writeln!(
            out,
            "\n{} {} {what} could not be parsed, so {effects} unknown:",
            self.painter.severity(Severity::Warn, "!"),
            unread.len()
        )?;
        let most = if self.options.verbose { unread.len() } else { UNREAD };
        for one in unread.iter().take(most) {
            let at = place(&self.report.sources, one.site).map_or(String::new(), |place| place.to_string());
            writeln!(out, "  {}  {}: {}", self.painter.name(&at), line(&one.head), line(&one.reason))?;
        }
        if unread.len() > most {
            writeln!(out, "  ... and {} more (--verbose shows all)", unread.len() - most)?;
        }
        Ok(())
    }

    fn bounded(&self, out: &mut dyn Write) -> io::Result<()> {
        let bounded = &self.report.bounded;
        if bounded.is_empty() {
            return Ok(());
        }
        let what = if bounded.len() == 1 { "piece of code runs" } else { "pieces of code run" };
        let mark = self.painter.severity(Severity::Warn, "!");
        writeln!(out, "\n{mark} {} {what} too long to evaluate, so some effects are unknown:", bounded.len())?;
        for site in bounded {
            let at = place(&self.report.sources, *site).map_or(String::new(), |place| place.to_string());
            writeln!(out, "  {}", self.painter.name(&at))?;
        }
        Ok(())
    }

    /// Writes the statements with unknown effects, only with `--verbose`.
    fn undecided(&self, out: &mut dyn Write) -> io::Result<()> {
        let undecided = &self.report.undecided;
        if undecided.is_empty() || !self.options.verbose {
            return Ok(());
        }
        let (what, depends) = if undecided.len() == 1 { ("statement runs", "depends") } else { ("statements run", "depend") };
        let mark = self.painter.severity(Severity::Warn, "!");
        writeln!(out, "\n{mark} {} {what} code that {depends} on data, so what it changes is uncertain:", undecided.len())?;
        for site in undecided {
            let at = place(&self.report.sources, *site).map_or(String::new(), |place| place.to_string());
            writeln!(out, "  {}", self.painter.name(&at))?;
        }
        Ok(())
    }

    fn summary(&self, out: &mut dyn Write) -> io::Result<()> {
        let report = self.report;
        let groups = groups(&report.findings);
        let of = |findings: &[&Finding], severity| findings.iter().filter(|finding| finding.severity == severity).count();
        if groups.len() > 1 {
            let width = groups.iter().map(|group| group[0].rule.len()).max().unwrap_or(0);
            let head: String = Severity::ALL.iter().map(|severity| format!("{:>7}", severity.name())).collect();
            writeln!(out, "\n{}", self.painter.dim(&format!("{:width$}{head}", "rule")))?;
            for group in &groups {
                let (mut row, mut gap) = (format!("{:width$}", group[0].rule), 0);
                for severity in Severity::ALL {
                    gap += 7;
                    let number = of(group, severity);
                    if number > 0 {
                        row.push_str(&self.painter.severity(severity, &format!("{number:>gap$}")));
                        gap = 0;
                    }
                }
                writeln!(out, "{row}")?;
            }
        }
        let fixable = |safety| report.findings.iter().filter(|finding| is_fixable(finding, safety)).count();
        if !report.findings.is_empty() || !report.unread.is_empty() || !report.bounded.is_empty() {
            writeln!(out)?;
        }
        let found: Vec<String> = tallies(report.findings.iter())
            .into_iter()
            .map(|(severity, number)| self.painter.severity(severity, &tally(severity, number)))
            .collect();
        let found = if found.is_empty() { self.painter.bold("No problems") } else { found.join(", ") };
        write!(out, "{found} in {}", scope(report))?;
        if !report.unread.is_empty() {
            write!(out, "; {} not read", count(report.unread.len(), "statement"))?;
        }
        if let Some(elapsed) = self.options.elapsed {
            write!(out, "; {} ms", elapsed.as_millis())?;
        }
        writeln!(out)?;
        match (fixable(Safety::Safe), fixable(Safety::Review)) {
            (0, 0) => Ok(()),
            (0, review) => writeln!(out, "{} fixable with --fix=review", count(review, "problem")),
            (safe, 0) => writeln!(out, "{} fixable with --fix", count(safe, "problem")),
            (safe, review) => writeln!(out, "{} fixable with --fix, {review} more with --fix=review", count(safe, "problem")),
        }
    }

    fn handler(&self, finding: &Finding, excerpt: &Excerpt) -> GraphicalReportHandler {
        let mut theme = match (self.options.unicode, self.options.colour) {
            (true, true) => GraphicalTheme::unicode(),
            (true, false) => GraphicalTheme::unicode_nocolor(),
            (false, true) => GraphicalTheme::ascii(),
            (false, false) => GraphicalTheme::none(),
        };
        if self.options.colour {
            let severity = Painter::severity_style(finding.severity);
            theme.styles.link = Style::new().cyan();
            // in the order of the text
            let mut marks: Vec<(usize, bool)> = excerpt.marks.iter().map(|mark| (mark.span.start, mark.primary)).collect();
            marks.sort_unstable();
            let style = |primary: bool| if primary { severity } else { Style::new().blue().bold() };
            theme.styles.highlights = marks.iter().map(|(_, primary)| style(*primary)).collect();
            if theme.styles.highlights.is_empty() {
                theme.styles.highlights.push(severity);
            }
        }
        GraphicalReportHandler::new_themed(theme)
            .with_links(false)
            .with_width(self.options.width)
            .with_break_words(false)
            .with_word_separator(WordSeparator::AsciiSpace)
            .with_word_splitter(WordSplitter::NoHyphenation)
            .without_syntax_highlighting()
            .tab_width(super::style::TAB)
    }
}

/// Adapter of a diagnostic for miette.
struct Shown<'a> {
    finding: &'a Finding,
    excerpt: Excerpt,
}

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.finding.fmt(f)
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

impl std::error::Error for Shown<'_> {}

impl miette::Diagnostic for Shown<'_> {
    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.finding.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warn => miette::Severity::Warning,
            Severity::Info => miette::Severity::Advice,
        })
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        Some(&self.excerpt)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.excerpt.marks.iter().map(|mark| {
            let text = clean(&mark.message).trim().to_string();
            let text = (!text.is_empty()).then(|| wrap(&text, 64, "", ""));
            let span = SourceSpan::from(mark.span.clone());
            if mark.primary { LabeledSpan::new_primary_with_span(text, span) } else { LabeledSpan::new_with_span(text, span) }
        })))
    }
}

impl miette::SourceCode for Excerpt {
    /// Returns the block around a span. Lines outside the block are never returned.
    fn read_span<'a>(&'a self, span: &SourceSpan, before: usize, after: usize) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let (start, end) = (span.offset(), span.offset() + span.len());
        let block =
            self.blocks.iter().find(|block| block.span.contains(&start) && end <= block.span.end).ok_or(MietteError::OutOfBounds)?;
        let mark = self.marks.iter().find(|mark| mark.span.start == start);
        let name = mark.map_or(String::new(), |mark| line(&mark.place.path));
        Ok(Box::new(if before == 0 && after == 0 {
            let (line, column) = mark.map_or((block.first_line, 0), |mark| (mark.place.line - 1, mark.place.column - 1));
            MietteSpanContents::new_named(name, &self.text.as_bytes()[start..end], *span, line, column, 1)
        } else {
            let data = &self.text.as_bytes()[block.span.clone()];
            MietteSpanContents::new_named(name, data, block.span.clone().into(), block.first_line, 0, block.lines)
        }))
    }
}
