//! Preview of a fix: source lines with the edits.
//!
//! Promises: only lines that an edit touches are shown, as source text and never as a printed syntax tree. Limits: edits of built
//! statements are not shown, because no file contains these lines.

use crate::finding::Edit;
use crate::source::{FileId, Source, Sources, Span};
use std::cmp::Reverse;
use std::ops::Range;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Unchanged line.
    Same,
    /// Line in which only the text at [`Row::marks`] is new.
    Grown,
    Removed,
    Added,
}

/// One line of a preview.
#[derive(Debug)]
pub struct Row {
    /// Line number, counted from 1, in the old text for removed lines and in the new text for others.
    pub number: usize,
    pub kind: Kind,
    pub text: String,
    /// Ranges of new bytes in `text`.
    pub marks: Vec<Range<usize>>,
}

/// Consecutive lines.
#[derive(Debug)]
pub struct Hunk {
    pub file: FileId,
    pub rows: Vec<Row>,
}

/// A minimal change.
struct Piece<'a> {
    span: Span,
    text: &'a str,
}

/// Returns the hunks in the order of the text, or none if an edit cannot be shown.
pub fn proposal(sources: &Sources, edits: &[Edit]) -> Vec<Hunk> {
    let mut edits: Vec<&Edit> = edits.iter().filter(|edit| is_shown(sources, edit)).collect();
    edits.sort_by_key(|edit| edit.site);
    let mut hunks = Vec::new();
    for group in edits.chunk_by(|a, b| a.site.file == b.site.file) {
        let file = group[0].site.file;
        let source = sources.get(file);
        let pieces = pieces(source, group);
        let mut shift = 0;
        for near in pieces.chunk_by(|a, b| source.line_index(b.span.start) <= source.line_index(a.span.end) + 2) {
            let rows = rows(source, near, &mut shift);
            hunks.push(Hunk { file, rows });
        }
    }
    hunks
}

/// Returns the edits in the order of their locations, or none if an edit is in a built statement. If edits overlap, the outer or first one
/// is kept.
pub fn exact<'e>(sources: &Sources, edits: &'e [Edit]) -> Vec<&'e Edit> {
    let mut sorted: Vec<&Edit> = edits.iter().collect();
    if !sorted.iter().all(|edit| is_shown(sources, edit)) {
        return Vec::new();
    }
    sorted.sort_by_key(|edit| (edit.site.file, edit.site.span.start, Reverse(edit.site.span.end)));
    let mut done = None;
    sorted.retain(|edit| {
        let free = done.is_none_or(|(file, end)| file != edit.site.file || end <= edit.site.span.start);
        if free {
            done = Some((edit.site.file, edit.site.span.end));
        }
        free
    });
    sorted
}

fn is_shown(sources: &Sources, edit: &Edit) -> bool {
    let Span { start, end } = edit.site.span;
    let source = sources.get(edit.site.file);
    !edit.site.is_platform() && !sources.is_derived(edit.site.file) && source.text().get(start as usize..end as usize).is_some()
}

fn pieces<'a>(source: &Source, edits: &[&'a Edit]) -> Vec<Piece<'a>> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut done = 0;
    for edit in edits {
        let span = edit.site.span;
        if span.start < done {
            continue;
        }
        done = span.end;
        let (old, new) = (span.of(source.text()), edit.text.as_str());
        // a wrap is shown as two insertions
        match new.find(old).filter(|_| !old.is_empty()) {
            Some(at) => {
                pieces.push(Piece { span: Span::new(span.start, span.start), text: &new[..at] });
                pieces.push(Piece { span: Span::new(span.end, span.end), text: &new[at + old.len()..] });
            }
            None => pieces.push(Piece { span, text: new }),
        }
    }
    pieces.retain(|piece| !(piece.span.is_empty() && piece.text.is_empty()));
    pieces
}

fn rows(source: &Source, pieces: &[Piece], shift: &mut isize) -> Vec<Row> {
    let first = source.line_index(pieces[0].span.start);
    let last = pieces.iter().map(|piece| source.line_index(piece.span.end)).max().unwrap_or(first);
    let (from, to) = (source.line_span(first).start, source.line_span(last).end);
    let before = Span::new(from, to).of(source.text());

    let mut after = String::new();
    let mut marks: Vec<Range<usize>> = Vec::new();
    let mut at = from;
    for piece in pieces {
        after.push_str(Span::new(at, piece.span.start.min(to).max(at)).of(source.text()));
        marks.push(after.len()..after.len() + piece.text.len());
        after.push_str(piece.text);
        at = piece.span.end.max(at);
    }
    after.push_str(Span::new(at.min(to), to).of(source.text()));

    let number = |index: usize| (first as isize + *shift + index as isize + 1).max(1) as usize;
    let new = lines(&after, &marks);
    if pieces.iter().all(|piece| piece.span.is_empty() && !piece.text.contains('\n')) {
        new.into_iter()
            .enumerate()
            .map(|(index, (text, marks))| {
                let kind = if marks.is_empty() { Kind::Same } else { Kind::Grown };
                Row { number: number(index), kind, text: text.to_string(), marks }
            })
            .collect()
    } else {
        let old = lines(before, &[]);
        let head = old.iter().zip(&new).take_while(|((a, _), (b, _))| a == b).count();
        let tail = old[head..].iter().rev().zip(new[head..].iter().rev()).take_while(|((a, _), (b, _))| a == b).count();
        let same = |index: usize| Row { number: number(index), kind: Kind::Same, text: new[index].0.to_string(), marks: Vec::new() };
        let removed = (head..old.len() - tail).map(|index| Row {
            number: first + index + 1,
            kind: Kind::Removed,
            text: old[index].0.to_string(),
            marks: Vec::new(),
        });
        let added = (head..new.len() - tail).map(|index| Row {
            number: number(index),
            kind: Kind::Added,
            text: new[index].0.to_string(),
            marks: new[index].1.clone(),
        });
        let rows = (0..head).map(same).chain(removed).chain(added).chain((new.len() - tail..new.len()).map(same)).collect();
        *shift += new.len() as isize - old.len() as isize;
        rows
    }
}

/// Returns the lines without line endings, each with its part of the marks.
fn lines<'a>(text: &'a str, marks: &[Range<usize>]) -> Vec<(&'a str, Vec<Range<usize>>)> {
    let mut start = 0;
    text.split('\n')
        .map(|line| {
            let from = start;
            start += line.len() + 1;
            let line = line.strip_suffix('\r').unwrap_or(line);
            let clip = |at: usize| at.clamp(from, from + line.len()) - from;
            (line, marks.iter().map(|mark| clip(mark.start)..clip(mark.end)).filter(|mark| !mark.is_empty()).collect())
        })
        .collect()
}
