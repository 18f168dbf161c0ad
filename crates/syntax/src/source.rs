//! Texts, and locations in them.
//!
//! Promises: every fact, diagnostic and edit has a [`Site`]. Only this module converts bytes to lines and columns. SQL that is in no file
//! (a statement that `EXECUTE format(…)` builds, or a quoted body with doubled quotes) is a *derived* source. Its sites resolve to the
//! site of the code that builds it, so other modules need not distinguish them.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

/// Id of a source in [`Sources`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u32);

impl FileId {
    /// SQL of the platform, which runs before the first migration.
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

    /// Returns the smallest span that contains both.
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

    /// Returns the text of the span.
    pub fn of(self, text: &str) -> &str {
        &text[self.start as usize..self.end as usize]
    }
}

/// A location: a span in a source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Site {
    pub file: FileId,
    pub span: Span,
}

impl Site {
    pub fn new(file: FileId, span: Span) -> Site {
        Site { file, span }
    }

    /// Returns the location of a whole file: its first byte.
    pub fn start_of(file: FileId) -> Site {
        Site::new(file, Span::default())
    }

    /// Returns another location in the same file.
    pub fn in_same_file(self, span: Span) -> Site {
        Site { span, ..self }
    }

    pub fn is_platform(self) -> bool {
        self.file == FileId::PLATFORM
    }
}

/// Line and column, both counted from 1. Columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    pub line: u32,
    pub column: u32,
}

/// One text with its line index.
#[derive(Clone, Debug)]
pub struct Source {
    /// Path as it is shown: relative to the root of the project, with forward slashes.
    pub path: Arc<str>,
    text: Arc<str>,
    lines: OnceLock<Vec<u32>>,
    origin: Origin,
}

#[derive(Clone, Copy, Debug)]
enum Origin {
    /// A file of the project.
    File,
    /// A file of another revision.
    Revision,
    /// Text that the code at this location builds.
    Derived(Site),
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

    /// Returns the index of the line that contains the byte, counted from 0.
    pub fn line_index(&self, offset: u32) -> usize {
        self.line_starts().partition_point(|start| *start <= offset) - 1
    }

    /// Returns the span of a line, counted from 0, without its line ending.
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

/// All texts of a run.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<Source>,
    derived: HashMap<(Site, Arc<str>), FileId>,
    /// Keys and passwords, which no output shows.
    secrets: Vec<String>,
}

/// Returns the path of a file from a folder further up. `folder` is the path to the folder of the project, such as `apps/db/`. The path of the
/// file is relative to it, and begins with `../` for code of other folders: `../web/page.ts` becomes `apps/web/page.ts`.
pub fn join(folder: &str, path: &str) -> String {
    let (mut folder, mut path) = (folder.trim_end_matches('/'), path);
    while let Some(rest) = path.strip_prefix("../").filter(|_| !folder.is_empty() && !folder.ends_with("..")) {
        path = rest;
        folder = folder.rsplit_once('/').map_or("", |(above, _)| above);
    }
    if folder.is_empty() { path.to_string() } else { format!("{folder}/{path}") }
}

impl Sources {
    pub fn add(&mut self, path: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> FileId {
        self.push(path.into(), text.into(), Origin::File)
    }

    /// Adds the text of a file of another revision, which [`Sources::files`] does not list.
    pub fn add_revision(&mut self, path: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> FileId {
        self.push(path.into(), text.into(), Origin::Revision)
    }

    /// Adds a text that the code at `origin` builds. An equal text of the same origin is added only once.
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

    /// Replaces the text of a file.
    pub fn replace(&mut self, file: FileId, text: impl Into<Arc<str>>) {
        let source = &mut self.files[file.0 as usize];
        (source.text, source.lines) = (text.into(), OnceLock::new());
    }

    /// Appends the sources of another run with the same platform. `folder` is the prefix of the paths of its files. Returns a function that
    /// converts its sites.
    pub fn append(&mut self, other: Sources, folder: &str) -> impl Fn(Site) -> Site + use<> {
        let by = self.files.len().saturating_sub(1) as u32;
        let moved = move |site: Site| if site.is_platform() { site } else { Site { file: FileId(site.file.0 + by), ..site } };
        let known = usize::from(!self.files.is_empty());
        for (nth, mut source) in other.files.into_iter().enumerate().skip(known) {
            if nth > 0 {
                source.path = join(folder, &source.path).into();
            }
            if let Origin::Derived(site) = &mut source.origin {
                *site = moved(*site);
            }
            self.files.push(source);
        }
        self.hide(other.secrets);
        self.derived.extend(other.derived.into_iter().map(|((site, text), file)| ((moved(site), text), FileId(file.0 + by))));
        moved
    }

    /// Adds texts that [`Sources::masked`] hides.
    pub fn hide(&mut self, secrets: impl IntoIterator<Item = String>) {
        for secret in secrets {
            // a short line of a secret with several lines could occur in other words
            let several = secret.contains('\n');
            self.secrets.extend(secret.lines().filter(|line| line.len() > if several { 8 } else { 0 }).map(str::to_string));
        }
        // a secret that contains another is hidden as a whole
        self.secrets.sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
        self.secrets.dedup();
    }

    /// Returns a text with each secret replaced by asterisks, as many as the secret has bytes.
    pub fn masked<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut out = Cow::Borrowed(text);
        for secret in self.secrets.iter().filter(|secret| text.contains(secret.as_str())) {
            out = Cow::Owned(out.replace(secret.as_str(), &"*".repeat(secret.len())));
        }
        out
    }

    pub fn get(&self, file: FileId) -> &Source {
        &self.files[file.0 as usize]
    }

    /// Returns the files of the project, without SQL of the platform, derived texts and texts of other revisions.
    pub fn files(&self) -> impl Iterator<Item = (FileId, &Source)> {
        let ids = (0..).map(FileId);
        ids.zip(&self.files).filter(|(file, source)| *file != FileId::PLATFORM && matches!(source.origin, Origin::File))
    }

    /// Returns a shared handle to the text, which can outlive a borrow of `self`.
    pub fn text(&self, file: FileId) -> Arc<str> {
        self.get(file).text.clone()
    }

    pub fn slice(&self, site: Site) -> &str {
        site.span.of(self.get(site.file).text())
    }

    /// Returns the text at a location with replacements, whose spans are in the source. If two overlap, the outer or first one is used.
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

    /// Returns the location in a file that a site in a derived source resolves to.
    pub fn resolve(&self, mut site: Site) -> Site {
        while let Origin::Derived(origin) = self.get(site.file).origin {
            site = origin;
        }
        site
    }

    pub fn is_derived(&self, file: FileId) -> bool {
        matches!(self.get(file).origin, Origin::Derived(_))
    }

    /// Returns the start and end of a site in its file.
    pub fn range(&self, site: Site) -> (Position, Position) {
        let site = self.resolve(site);
        let source = self.get(site.file);
        (source.position(site.span.start), source.position(site.span.end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_joined_to_a_folder() {
        for (folder, path, joined) in [
            ("", "src/a.ts", "src/a.ts"),
            ("", "../web/a.ts", "../web/a.ts"),
            ("apps/db/", "supabase/a.sql", "apps/db/supabase/a.sql"),
            ("apps/db/", "../web/a.ts", "apps/web/a.ts"),
            ("apps/db/", "../../a.ts", "a.ts"),
            ("db/", "../../a.ts", "../a.ts"),
            ("../db/", "../a.ts", "../a.ts"),
            ("../", "../a.ts", "../../a.ts"),
        ] {
            assert_eq!(join(folder, path), joined);
        }
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
