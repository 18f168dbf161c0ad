//! Where text comes from, and how a byte in it is named.
//!
//! Promises: every fact, finding and edit is placed by a [`Site`]; bytes become lines and columns here and nowhere else.
//! SQL that no file holds (what `EXECUTE format(…)` builds, a quoted body with doubled quotes) is a *derived* source whose
//! sites resolve to the site it came from, so nothing downstream needs to know the difference. What a file held and holds still
//! stands where it stands now: of what an edit only moved, all that is known is the same before and after it.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

/// A source in [`Sources`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u32);

impl FileId {
    /// What exists before the first migration: the platform's own start.
    pub const PLATFORM: FileId = FileId(0);
}

/// A half-open range of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    pub start: u32,
    pub end: u32,
}

impl Span {
    pub fn new(start: u32, end: u32) -> Span {
        Span { start, end }
    }

    /// The smallest span that holds both.
    pub fn to(self, other: Span) -> Span {
        Span { start: self.start.min(other.start), end: self.end.max(other.end) }
    }

    pub fn shifted(self, by: u32) -> Span {
        Span { start: self.start + by, end: self.end + by }
    }

    pub fn contains(self, other: Span) -> bool {
        self.start <= other.start && other.end <= self.end
    }

    pub fn len(self) -> usize {
        (self.end - self.start) as usize
    }

    pub fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// The text this span covers.
    pub fn of(self, text: &str) -> &str {
        &text[self.start as usize..self.end as usize]
    }
}

/// A place in a source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Site {
    pub file: FileId,
    pub span: Span,
}

impl Site {
    pub fn new(file: FileId, span: Span) -> Site {
        Site { file, span }
    }

    pub fn is_platform(self) -> bool {
        self.file == FileId::PLATFORM
    }
}

/// Line and column, both counted from 1; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    pub line: u32,
    pub column: u32,
}

/// One text with its line index.
#[derive(Clone, Debug)]
pub struct Source {
    /// As users see it: relative to the project's root, with forward slashes.
    pub path: Arc<str>,
    text: Arc<str>,
    lines: OnceLock<Vec<u32>>,
    origin: Origin,
}

#[derive(Clone, Copy, Debug)]
enum Origin {
    /// A file.
    File,
    /// A file as it was, where most of it stands in what it is now.
    Past(Option<Kept>),
    /// Built from what stands there.
    Derived(Site),
}

/// What a file held that begins and ends as what it holds now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The file as it is.
    pub now: FileId,
    pub common: Common,
}

/// What two texts have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Common {
    /// Bytes that both begin with.
    pub head: u32,
    /// Where what both end with begins, in the one and in the other.
    pub tails: (u32, u32),
}

impl Source {
    pub fn text(&self) -> &str {
        &self.text
    }

    fn line_starts(&self) -> &[u32] {
        self.lines.get_or_init(|| {
            std::iter::once(0)
                .chain(self.text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at as u32 + 1))
                .collect()
        })
    }

    /// Index of the line that holds the byte, counted from 0.
    pub fn line_index(&self, offset: u32) -> usize {
        self.line_starts().partition_point(|start| *start <= offset) - 1
    }

    /// Bytes of a line counted from 0, without its line ending.
    pub fn line_span(&self, index: usize) -> Span {
        let starts = self.line_starts();
        let start = starts[index];
        let end = starts.get(index + 1).map_or(self.text.len() as u32, |next| next - 1);
        let end = if end > start && self.text.as_bytes()[end as usize - 1] == b'\r' { end - 1 } else { end };
        Span { start, end }
    }

    pub fn line_count(&self) -> usize {
        self.line_starts().len()
    }

    pub fn position(&self, offset: u32) -> Position {
        let mut offset = (offset as usize).min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let line = self.line_index(offset as u32);
        let start = self.line_starts()[line] as usize;
        Position { line: line as u32 + 1, column: self.text[start..offset].chars().count() as u32 + 1 }
    }
}

/// Every text of a run.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<Source>,
    derived: HashMap<(Site, Arc<str>), FileId>,
}

impl Sources {
    pub fn add(&mut self, path: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> FileId {
        self.push(path.into(), text.into(), Origin::File)
    }

    /// What a file held that now holds something else, or is not there any more.
    pub fn add_past(&mut self, path: impl Into<Arc<str>>, text: impl Into<Arc<str>>, kept: Option<Kept>) -> FileId {
        self.push(path.into(), text.into(), Origin::Past(kept))
    }

    /// The places that make up a text, in order: a file's own, or those in which what it was stands now.
    pub fn pieces(&self, file: FileId) -> impl Iterator<Item = Site> + use<> {
        let source = self.get(file);
        let end = source.text.len() as u32;
        let own = |start, end| Site::new(file, Span::new(start, end));
        let pieces = match source.origin {
            Origin::Past(Some(Kept { now, common: Common { head, tails: (was, is) } })) => {
                [Site::new(now, Span::new(0, head)), own(head, was), Site::new(now, Span::new(is, is + end - was))]
            }
            Origin::File | Origin::Past(None) | Origin::Derived(_) => [own(0, end), own(end, end), own(end, end)],
        };
        pieces.into_iter().filter(|piece| !piece.span.is_empty())
    }

    /// Where what stands in files now stood in those of a history.
    pub fn stood(&self, files: impl Iterator<Item = FileId>) -> Stood {
        let kept = files.filter_map(|was| match self.get(was).origin {
            Origin::Past(Some(kept)) => Some((was, kept)),
            Origin::File | Origin::Past(None) | Origin::Derived(_) => None,
        });
        Stood(kept.collect())
    }

    /// Text that is built from what stands at `origin`; the same again where the same is built there.
    pub fn add_derived(&mut self, origin: Site, text: impl Into<Arc<str>>) -> FileId {
        let key = (origin, text.into());
        if let Some(known) = self.derived.get(&key) {
            return *known;
        }
        let path = self.get(origin.file).path.clone();
        let file = self.push(path, key.1.clone(), Origin::Derived(origin));
        self.derived.insert(key, file);
        file
    }

    fn push(&mut self, path: Arc<str>, text: Arc<str>, origin: Origin) -> FileId {
        self.files.push(Source { path, text, lines: OnceLock::new(), origin });
        FileId(self.files.len() as u32 - 1)
    }

    /// Puts another text in the place of a file's.
    pub fn replace(&mut self, file: FileId, text: impl Into<Arc<str>>) {
        let source = &mut self.files[file.0 as usize];
        (source.text, source.lines) = (text.into(), OnceLock::new());
    }

    pub fn get(&self, file: FileId) -> &Source {
        &self.files[file.0 as usize]
    }

    /// What stands in files: neither the platform's own, nor what is built from either, nor what was.
    pub fn files(&self) -> impl Iterator<Item = (FileId, &Source)> {
        let ids = (0..).map(FileId);
        ids.zip(&self.files).filter(|(file, source)| *file != FileId::PLATFORM && matches!(source.origin, Origin::File))
    }

    /// A shared handle to the text, for readers that outlive a borrow of `self`.
    pub fn text(&self, file: FileId) -> Arc<str> {
        self.get(file).text.clone()
    }

    pub fn slice(&self, site: Site) -> &str {
        site.span.of(self.get(site.file).text())
    }

    /// The text at a place with parts replaced, given as spans of the source. Of two that overlap the outer one counts, or else the first.
    pub fn edited<'e>(&self, site: Site, edits: impl IntoIterator<Item = (Span, &'e str)>) -> String {
        let source = self.get(site.file).text();
        let mut edits: Vec<(Span, &str)> = edits.into_iter().collect();
        edits.sort_by_key(|(span, _)| (span.start, std::cmp::Reverse(span.end)));
        let mut out = String::new();
        let mut at = site.span.start;
        for (span, text) in edits {
            if span.start < at {
                continue;
            }
            out.push_str(&source[at as usize..span.start as usize]);
            out.push_str(text);
            at = span.end;
        }
        out.push_str(&source[at as usize..site.span.end as usize]);
        out
    }

    /// The place in a real file that a site stands for.
    pub fn resolve(&self, mut site: Site) -> Site {
        while let Origin::Derived(origin) = self.get(site.file).origin {
            site = origin;
        }
        site
    }

    pub fn is_derived(&self, file: FileId) -> bool {
        matches!(self.get(file).origin, Origin::Derived(_))
    }

    /// Start and end of a site in its real file.
    pub fn range(&self, site: Site) -> (Position, Position) {
        let site = self.resolve(site);
        let source = self.get(site.file);
        (source.position(site.span.start), source.position(site.span.end))
    }
}

/// Where what stands in files now stood in those of one history.
#[derive(Clone, Debug, Default)]
pub struct Stood(Arc<[(FileId, Kept)]>);

impl Stood {
    /// Did the file hold something else?
    pub fn knows(&self, file: FileId) -> bool {
        self.0.iter().any(|(_, kept)| kept.now == file)
    }

    /// The same place in the history's own file: who compares files or places in one asks for it.
    pub fn own(&self, site: Site) -> Site {
        let own = |(was, Kept { now, common: Common { head, tails } }): &(FileId, Kept)| match site.span {
            _ if site.file != *now => None,
            Span { end, .. } if end <= *head => Some(Site::new(*was, site.span)),
            Span { start, end } if start >= tails.1 => Some(Site::new(*was, Span::new(start - tails.1 + tails.0, end - tails.1 + tails.0))),
            Span { .. } => None,
        };
        self.0.iter().find_map(own).unwrap_or(site)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_edit_left_stands_where_it_stands_now() {
        let mut sources = Sources::default();
        let now = sources.add("a.sql", "one;\ntwo and more;\nlast;\n");
        let kept = Kept { now, common: Common { head: 5, tails: (10, 19) } };
        let was = sources.add_past("a.sql", "one;\nto2;\nlast;\n", Some(kept));
        let pieces: Vec<_> = sources.pieces(was).map(|site| (site.file, sources.slice(site))).collect();
        assert_eq!(pieces, [(now, "one;\n"), (was, "to2;\n"), (now, "last;\n")]);
        let stood = sources.stood([was].into_iter());
        let own = |start, end| sources.slice(stood.own(Site::new(now, Span::new(start, end))));
        assert_eq!((own(0, 3), own(19, 23)), ("one", "last"));
        assert_eq!(stood.own(Site::new(was, Span::new(5, 8))), Site::new(was, Span::new(5, 8)));
        assert_eq!(sources.pieces(now).map(|site| sources.slice(site)).collect::<String>(), sources.text(now).to_string());
    }

    #[test]
    fn columns_count_characters_and_lines_end_with_any_ending() {
        let mut sources = Sources::default();
        let file = sources.add("a.sql", "é\tb\r\nsecond");
        let source = sources.get(file);
        assert_eq!(source.position(3), Position { line: 1, column: 3 });
        assert_eq!(source.position(6), Position { line: 2, column: 1 });
        assert_eq!(source.line_span(0).of(source.text()), "é\tb");
        assert_eq!(source.line_count(), 2);
    }

    #[test]
    fn a_derived_site_is_reported_where_it_came_from() {
        let mut sources = Sources::default();
        let file = sources.add("a.sql", "execute 'drop table t'");
        let origin = Site::new(file, Span::new(8, 22));
        let derived = sources.add_derived(origin, "drop table t");
        assert_eq!(sources.resolve(Site::new(derived, Span::new(5, 10))), origin);
    }
}
