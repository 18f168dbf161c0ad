//! The lines of source that illustrate a diagnostic, as a separate text.
//!
//! Promises: the cost depends on the length of the excerpt, not on the length of the files. Labels in the platform, outside the text, or on
//! top of another label become notes. Long lines are cut around the labels, long labels to their first line, and control characters are
//! made visible.

use super::clean::{clean, line};
use super::style::columns;
use crate::finding::{Finding, Label};
use crate::source::{FileId, Site, Source, Sources, Span};
use std::ops::Range;
use std::sync::Arc;

/// Maximum number of lines of a label that is shown completely.
const LABEL_LINES: usize = 3;
/// Maximum number of lines above a label that are searched for the start of its statement.
const STATEMENT_LINES: usize = 4;

/// A location as users write it.
#[derive(Clone, Debug)]
pub struct Place {
    pub path: Arc<str>,
    pub line: usize,
    pub column: usize,
}

/// A label within [`Excerpt::text`].
#[derive(Debug)]
pub struct Mark {
    pub span: Range<usize>,
    pub message: String,
    pub primary: bool,
    pub place: Place,
}

/// Consecutive lines of one file within [`Excerpt::text`].
#[derive(Debug)]
pub struct Block {
    pub span: Range<usize>,
    /// Line number, counted from 0.
    pub first_line: usize,
    pub lines: usize,
}

/// Excerpt of the sources for one diagnostic. The block of the primary label is first.
#[derive(Debug, Default)]
pub struct Excerpt {
    pub text: String,
    pub blocks: Vec<Block>,
    pub marks: Vec<Mark>,
    /// Labels without lines.
    pub notes: Vec<(Option<Place>, String)>,
}

/// A label with its location in a file.
struct Wanted<'a> {
    label: &'a Label,
    primary: bool,
    span: Span,
    lines: (usize, usize),
    window: usize,
}

struct Window {
    file: FileId,
    first: usize,
    last: usize,
}

impl Excerpt {
    /// Creates the excerpt of a diagnostic. `limit` is the maximum width of a line in columns, and `related` the maximum number of related
    /// locations.
    pub fn of(finding: &Finding, sources: &Sources, limit: usize, related: usize) -> Excerpt {
        let mut excerpt = Excerpt::default();
        let mut wanted: Vec<Wanted> = Vec::new();
        let mut windows: Vec<Window> = Vec::new();
        let labels = std::iter::once((&finding.primary, true)).chain(finding.related.iter().take(related).map(|label| (label, false)));
        for (label, primary) in labels {
            let site = sources.resolve(label.site);
            if site.is_platform() {
                excerpt.notes.push((None, label.message.clone()));
                continue;
            }
            let source = sources.get(site.file);
            let (span, lines) = shown(source, site.span);
            let (first, last) = surroundings(source, lines);
            windows.push(Window { file: site.file, first, last });
            wanted.push(Wanted { label, primary, span, lines, window: windows.len() - 1 });
        }
        merge(&mut windows, &mut wanted);
        for (index, window) in windows.iter().enumerate() {
            let in_window: Vec<&Wanted> = wanted.iter().filter(|wanted| wanted.window == index).collect();
            if !in_window.is_empty() {
                excerpt.block(sources, window, &in_window, limit);
            }
        }
        excerpt
    }

    fn block(&mut self, sources: &Sources, window: &Window, wanted: &[&Wanted], limit: usize) {
        let source = sources.get(window.file);
        let start = self.text.len();
        let mut spans: Vec<Range<usize>> = wanted.iter().map(|_| usize::MAX..usize::MAX).collect();
        for index in window.first..=window.last {
            let line = source.line_span(index);
            // before a long line is cut, which could leave a part of a secret
            let text = &*sources.masked(line.of(source.text()));
            let within = |offset: u32| (offset.clamp(line.start, line.end) - line.start) as usize;
            let needed: Vec<Range<usize>> = wanted
                .iter()
                .filter(|wanted| wanted.lines.0 <= index && index <= wanted.lines.1)
                .map(|wanted| within(wanted.span.start)..within(wanted.span.end))
                .collect();
            let fitted = Fitted::new(text, &needed, limit);
            let base = self.text.len();
            for (wanted, span) in wanted.iter().zip(&mut spans) {
                if wanted.lines.0 == index {
                    span.start = base + fitted.map(within(wanted.span.start));
                }
                if wanted.lines.1 == index {
                    span.end = base + fitted.map(within(wanted.span.end));
                }
            }
            self.text.push_str(&fitted.text);
            self.text.push('\n');
        }
        self.blocks.push(Block { span: start..self.text.len(), first_line: window.first, lines: window.last - window.first + 1 });
        for (wanted, span) in wanted.iter().zip(spans) {
            let position = source.position(wanted.span.start);
            let place = Place { path: source.path.clone(), line: position.line as usize, column: position.column as usize };
            self.mark(Mark { span, message: wanted.label.message.clone(), primary: wanted.primary, place });
        }
    }

    /// Adds a mark. If two labels cover the same characters, the later one becomes a note.
    fn mark(&mut self, mut mark: Mark) {
        mark.span.end = mark.span.end.max(mark.span.start);
        for taken in &self.marks {
            let overlaps =
                mark.span.start < taken.span.end.max(taken.span.start + 1) && taken.span.start < mark.span.end.max(mark.span.start + 1);
            if overlaps && mark.span.start < taken.span.start {
                // of a statement that contains another label, only the beginning is marked
                let line = self.text[mark.span.start..].find('\n').unwrap_or(0);
                mark.span.end = taken.span.start.min(mark.span.start + line);
            } else if overlaps {
                if !mark.message.is_empty() {
                    self.notes.push((Some(mark.place), mark.message));
                }
                return;
            }
        }
        self.marks.push(mark);
    }
}

/// Returns the part of a span that is underlined, and its lines.
fn shown(source: &Source, span: Span) -> (Span, (usize, usize)) {
    let text = source.text();
    let mut start = floor(text, span.start as usize);
    let mut end = floor(text, span.end as usize).max(start);
    let covered = &text[start..end];
    if !covered.trim().is_empty() {
        end = start + covered.trim_end().len();
        start += covered.len() - covered.trim_start().len();
    }
    let first = source.line_index(start as u32);
    let mut last = source.line_index(end as u32);
    if last - first >= LABEL_LINES {
        last = first;
        end = start + source.line_span(first).end.saturating_sub(start as u32) as usize;
        end = start + text[start..end].trim_end().len();
    }
    (Span::new(start as u32, end as u32), (first, last))
}

fn floor(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

/// Returns the lines to show around labelled lines: from the start of the statement if it is near, and one more line if it continues.
fn surroundings(source: &Source, (first, last): (usize, usize)) -> (usize, usize) {
    let line = |index: usize| source.line_span(index).of(source.text()).trim();
    let ends = |text: &str| {
        let code = text.split("--").next().unwrap_or(text).trim_end();
        code.is_empty() || code.ends_with(';') || code.ends_with("*/")
    };
    let start = (first.saturating_sub(STATEMENT_LINES + 1)..first).rev().find(|above| ends(line(*above))).map(|above| above + 1);
    let from = match start {
        Some(start) => start,
        None if first <= STATEMENT_LINES => 0,
        None => first - 1,
    };
    let continues = last + 1 < source.line_count() && !ends(line(last)) && !line(last + 1).is_empty();
    (from, if continues { last + 1 } else { last })
}

fn merge(windows: &mut [Window], wanted: &mut [Wanted]) {
    // a gap of one line is shown, because the frame around it is as long
    const GAP: usize = 3;
    let mut changed = true;
    while changed {
        changed = false;
        for right in 1..windows.len() {
            if !wanted.iter().any(|wanted| wanted.window == right) {
                continue;
            }
            let near = (0..right).find(|left| {
                let (a, b) = (&windows[*left], &windows[right]);
                wanted.iter().any(|wanted| wanted.window == *left) && a.file == b.file && a.first <= b.last + GAP && b.first <= a.last + GAP
            });
            if let Some(left) = near {
                windows[left].first = windows[left].first.min(windows[right].first);
                windows[left].last = windows[left].last.max(windows[right].last);
                wanted.iter_mut().filter(|wanted| wanted.window == right).for_each(|wanted| wanted.window = left);
                changed = true;
            }
        }
    }
}

/// A line that is cut to a number of columns around the required parts.
pub struct Fitted<'a> {
    pub text: String,
    line: &'a str,
    /// Kept ranges of the line, and their offsets in `text`.
    kept: Vec<(Range<usize>, usize)>,
}

impl<'a> Fitted<'a> {
    pub fn new(line: &'a str, needed: &[Range<usize>], limit: usize) -> Fitted<'a> {
        let mut fitted = Fitted { text: String::with_capacity(line.len()), line, kept: Vec::new() };
        for range in keep(line, needed, limit) {
            if range.start > 0 {
                fitted.text.push_str(if fitted.kept.is_empty() { "... " } else { " ... " });
            }
            fitted.kept.push((range.clone(), fitted.text.len()));
            fitted.text.push_str(&clean(&line[range]));
        }
        if fitted.kept.last().is_some_and(|(range, _)| range.end < line.len()) {
            fitted.text.push_str(" ...");
        }
        fitted
    }

    /// Returns the offset in the cut text of an offset in the line.
    pub fn map(&self, offset: usize) -> usize {
        let (range, at) = self.kept.iter().rev().find(|(range, _)| range.start <= offset).unwrap_or(&self.kept[0]);
        let offset = offset.clamp(range.start, range.end);
        at + clean(&self.line[range.start..offset]).len()
    }
}

fn keep(line: &str, needed: &[Range<usize>], limit: usize) -> Vec<Range<usize>> {
    if line.len() <= limit && !line.contains('\t') || columns(line, 0) <= limit {
        return std::iter::once(0..line.len()).collect();
    }
    let back = |from: usize, by: usize| line[..from].char_indices().rev().nth(by.saturating_sub(1)).map_or(0, |(at, _)| at);
    let forth = |from: usize, by: usize| line[from..].char_indices().nth(by).map_or(line.len(), |(at, _)| from + at);
    // the cut is between words if possible
    let word_start = |at: usize, most: usize| match line[at..most].find(char::is_whitespace) {
        Some(gap) if at > 0 => at + gap + line[at + gap..most].chars().take_while(|c| c.is_whitespace()).map(char::len_utf8).sum::<usize>(),
        _ => at,
    };
    let word_end = |at: usize, least: usize| match line[least..at].rfind(char::is_whitespace) {
        Some(gap) if at < line.len() => least + line[least..least + gap].trim_end().len(),
        _ => at,
    };
    // each required part gets a share of the line: at most half for the part itself, and the rest for its context
    let share = limit.saturating_sub(8) / needed.len().max(1);
    let mut kept: Vec<(Range<usize>, Range<usize>)> = needed
        .iter()
        .map(|range| {
            let words = range.start..range.end.min(forth(range.start, share.max(2) / 2));
            let around = share.saturating_sub(columns(&line[words.clone()], 0)) / 2;
            (back(words.start, around.min(24))..forth(words.end, around.min(24)), words)
        })
        .collect();
    if kept.is_empty() {
        kept.push((0..0, 0..0));
    }
    kept.sort_by_key(|(range, _)| range.start);
    let mut merged: Vec<(Range<usize>, Range<usize>)> = Vec::new();
    for (range, words) in kept {
        match merged.last_mut() {
            Some((before, inner)) if range.start <= forth(before.end, 8) => {
                before.end = before.end.max(range.end);
                inner.end = inner.end.max(words.end);
            }
            _ => merged.push((range, words)),
        }
    }
    let used: usize = merged.iter().map(|(range, _)| columns(&line[range.clone()], 0) + 5).sum();
    let mut left = limit.saturating_sub(used);
    let (first, _) = &mut merged[0];
    if columns(&line[..first.start], 0) <= left {
        left -= columns(&line[..first.start], 0);
        first.start = 0;
    }
    if let Some((last, _)) = merged.last_mut() {
        last.end = forth(last.end, left);
    }
    merged.into_iter().map(|(range, words)| word_start(range.start, words.start)..word_end(range.end, words.end)).collect()
}

/// Returns a location as users write it, or `None` for the platform.
pub fn place(sources: &Sources, site: Site) -> Option<Place> {
    let site = sources.resolve(site);
    let position = sources.get(site.file).position(site.span.start);
    (!site.is_platform()).then(|| Place {
        path: sources.get(site.file).path.clone(),
        line: position.line as usize,
        column: position.column as usize,
    })
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", line(&self.path), self.line, self.column)
    }
}
