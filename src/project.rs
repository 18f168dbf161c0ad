//! Finds a project's migrations and puts them in the order in which they run.
//!
//! Promises: what the Supabase runner would run is taken, in its order, and nothing else; what it leaves out is told with the reason.
//! A folder it would take nothing from is still read, in the way its names suggest ([`Project::lenient`]). Text is taken as it stands;
//! bytes that are no text are replaced and told ([`TextProblem`]), so that one bad byte costs no file. Nobody else reads migrations.
//! Refuses: to leave out a migration that cannot be read, since nothing could be concluded from the rest.

mod direction;
mod layout;
mod locate;
mod plan;
mod repository;
mod text;

#[cfg(test)]
mod tests;

use crate::config::{self, Config};
use crate::error::Error;
use crate::source::{FileId, Site, Sources, Span};
use layout::{Choice, Entry, Listing};
pub use layout::{TEMPORARY, is_sql};
pub use locate::Place;
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use text::Decoded;

pub use crate::config::Platform;
pub use direction::Marks;
pub use repository::repository;

/// A file that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migration {
    pub file: FileId,
    /// The digits its name begins with, as the runner records them. Empty if the name has none.
    pub version: SmolStr,
    /// What stands between version and ending.
    pub name: SmolStr,
    /// The file's name; `folder/migration.sql` where each migration has a folder.
    pub named_in: String,
    /// Where what runs ends: behind it stands what takes it back, for runners that keep both in one file.
    pub end: u32,
}

impl Migration {
    /// What of its file runs.
    pub fn text<'s>(&self, sources: &'s Sources) -> &'s str {
        &sources.get(self.file).text()[..self.end as usize]
    }

    /// The place of what runs.
    pub fn site(&self) -> Site {
        Site::new(self.file, Span::new(0, self.end))
    }
}

/// Why a file does not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SkipReason {
    /// Not `<digits>_<name>.sql`. (In a lenient project: without digits where others have some, or hidden.)
    Name,
    /// A folder. If the name is right the Supabase runner takes it, and fails when it reads it as a file.
    Directory,
    /// A socket, pipe or device.
    NotAFile,
    /// The first file of the folder, `<timestamp>_init.sql`, of before 2021-12-09: the Supabase runner holds it for a relic of its own.
    OldInit,
    /// Undoes a migration (`.down.sql`, Flyway's `U1__…`), or stands in no plan of sqitch's, in a project that Supabase does not run.
    Undo,
}

/// An .sql file of the folder that does not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Holds the text if there is one to be read, else nothing.
    pub file: FileId,
    /// The file's name.
    pub name: String,
    pub reason: SkipReason,
}

/// Migrations of one version, of which the runner can record only the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duplicate {
    pub version: SmolStr,
    /// In the order in which they run; two at least.
    pub files: Vec<FileId>,
}

/// A migration that runs after one of a greater number, because names are compared as text: `9_b.sql` after `10_a.sql`.
/// Eight digits and more count as a date: `20250101_…` and `20250101093000_…` are in order as text, though not as numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Misplaced {
    pub file: FileId,
    /// The first of those with a greater number.
    pub after: FileId,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TextProblemKind {
    /// At the first bad byte. PostgreSQL refuses the file. All bad bytes are U+FFFD in our text, unless it was readable as UTF-16.
    NotUtf8,
    /// At the first of them. PostgreSQL refuses the file. All are spaces in our text.
    Nul,
    /// Still in our text. psql takes it; a runner that hands it on makes PostgreSQL refuse the first statement.
    ByteOrderMark,
}

/// Bytes of a migration that are not SQL text; at most one of a kind for each file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextProblem {
    pub file: FileId,
    pub span: Span,
    pub kind: TextProblemKind,
}

/// Everything that is known before the first statement is read.
#[derive(Clone, Debug)]
pub struct Project {
    /// Holds `supabase/` or `migrations/`. Absolute; the paths of [`Sources`] are relative to it.
    pub root: PathBuf,
    /// Holds the migrations. Absolute.
    pub folder: PathBuf,
    /// In the order in which they run.
    pub migrations: Vec<Migration>,
    /// In the order of their names. One that the user named is also the last of `migrations`: asked about, it is looked at.
    pub skipped: Vec<Skipped>,
    /// None in a lenient project.
    pub duplicates: Vec<Duplicate>,
    /// Only if Supabase runs the project: other runners compare numbers, and so do we.
    pub misplaced: Vec<Misplaced>,
    pub problems: Vec<TextProblem>,
    /// Files that the user named, in the order of `sources`; none if a folder was named.
    pub named: Vec<FileId>,
    /// The settings, where findings may point into them.
    pub settings: Option<FileId>,
    /// No name in the folder is one the Supabase runner takes; these were taken all the same.
    pub lenient: bool,
    /// How the runner tells the two ways in one file apart, if there are such files.
    pub marks: Option<&'static Marks>,
    pub platform: Platform,
    pub config: Config,
}

/// Finds the project that `paths` name (none: the one around the current folder), reads its settings and its migrations.
///
/// `config` is used instead of the project's own `supalint.toml`. Texts go to `sources` in the order in which they run, then those that do not.
///
/// # Errors
/// If a path or a migration cannot be read, there are no migrations, or settings are unusable.
pub fn open(paths: &[PathBuf], config: Option<&Path>, sources: &mut Sources) -> Result<Project, Error> {
    read_from(find(paths)?, config, sources)
}

/// Where the project is that `paths` name; without one, that around the current folder.
///
/// # Errors
/// If there is none, or a path cannot be looked at.
pub fn find(paths: &[PathBuf]) -> Result<Place, Error> {
    if paths.is_empty() {
        let here = std::env::current_dir().map_err(|source| Error::Unreadable { path: ".".into(), source })?;
        return locate::around(&here);
    }
    locate::named(paths)
}

/// The paths of each project that `paths` name, in the order in which they are first named.
///
/// # Errors
/// If a path cannot be looked at, or holds no project.
pub fn each(paths: &[PathBuf]) -> Result<Vec<Vec<PathBuf>>, Error> {
    locate::each(paths)
}

/// The way from a folder to another, with forward slashes and one at its end; empty for the same folder.
pub fn way(from: &Path, to: &Path) -> String {
    let common = from.components().zip(to.components()).take_while(|(one, other)| one == other).count();
    let up = from.components().skip(common).map(|_| "../".to_string());
    let down = to.components().skip(common).map(|part| format!("{}/", part.as_os_str().to_string_lossy()));
    up.chain(down).collect()
}

/// The same as [`open`] for one that was found.
///
/// # Errors
/// As [`open`].
pub fn read_from(place: Place, config: Option<&Path>, sources: &mut Sources) -> Result<Project, Error> {
    let config = config::read(&place.root, config, place.supabase_config.as_deref())?;
    let listing = layout::list(&place.folder, &Past::default())?;
    let mut buffer = Vec::new();
    read_all(place, config, listing, &mut |entry, place| read(entry, place, &mut buffer), &mut |path, text| sources.add(path, text))
}

/// How a folder was, as far as that is not how it is.
#[derive(Debug, Default)]
pub struct Past {
    /// Files that were not there, from the folder.
    pub absent: BTreeSet<PathBuf>,
    /// Files that were, with what they held.
    pub texts: BTreeMap<PathBuf, Vec<u8>>,
}

/// Who reads an entry.
type Read<'a> = dyn FnMut(&Entry, &Place) -> Result<Decoded, Error> + 'a;
/// Who keeps a text under its path.
type Keep<'a> = dyn FnMut(String, Arc<str>) -> FileId + 'a;

fn read_all(place: Place, config: Config, mut listing: Listing, read: &mut Read, keep: &mut Keep) -> Result<Project, Error> {
    // Before anything is left out: what a file says counts even if it does not run.
    for entry in &mut listing.entries {
        entry.decoded = read(entry, &place)?;
    }

    let platform = config.platform.unwrap_or_else(|| {
        let supabase = place.is_supabase || listing.entries.iter().any(|entry| text::speaks_supabase(&entry.decoded.text));
        if supabase { Platform::Supabase } else { Platform::Postgres }
    });
    if platform == Platform::Supabase && !listing.lenient {
        listing.skip_old_init();
    } else {
        listing.skip_undos();
    }
    if platform == Platform::Postgres {
        listing.sort_by_number();
    }

    let mut project = Project {
        root: place.root,
        folder: place.folder,
        migrations: Vec::new(),
        skipped: Vec::new(),
        duplicates: Vec::new(),
        misplaced: Vec::new(),
        problems: Vec::new(),
        named: Vec::new(),
        settings: None,
        lenient: listing.lenient,
        marks: None,
        platform,
        config,
    };
    // What does not run comes last, so that nothing that runs depends on it.
    let prefix = prefix(&project.root, &project.folder);
    let (running, skipped): (Vec<Entry>, Vec<Entry>) = listing.entries.into_iter().partition(Entry::runs);
    for entry in running.into_iter().chain(skipped) {
        let both = if place.is_supabase { None } else { direction::of(&entry.decoded.text) };
        project.take(entry, both, &place.named, &prefix, keep);
    }
    project.settings = project.add_settings(keep);
    project.compare_versions();
    Ok(project)
}

/// What the paths of a folder's entries begin with as users see them.
fn prefix(root: &Path, folder: &Path) -> String {
    let mut shown = layout::shown(folder.strip_prefix(root).unwrap_or(folder));
    if !shown.is_empty() && !shown.ends_with('/') {
        shown.push('/');
    }
    shown
}

fn read(entry: &Entry, place: &Place, buffer: &mut Vec<u8>) -> Result<Decoded, Error> {
    let path = place.folder.join(&entry.relative);
    match &entry.choice {
        // Reading a pipe would wait for whoever writes to it.
        Choice::Skip(SkipReason::Directory | SkipReason::NotAFile) => Ok(Decoded::default()),
        // Nobody runs it and nobody asked, so nothing depends on what it holds.
        Choice::Skip(_) if !place.named.contains(&entry.relative) => Ok(text::read(&path, buffer).unwrap_or_default()),
        Choice::Skip(_) | Choice::Run { .. } => text::read(&path, buffer).map_err(unreadable(&path)),
    }
}

impl Project {
    /// The same project with its folder as it was. A text that is the same has the same place in `sources`.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn as_it_was(&self, past: &Past, sources: &mut Sources) -> Result<Project, Error> {
        let is_supabase = self.platform == Platform::Supabase && self.marks.is_none();
        let (root, folder) = (self.root.clone(), self.folder.clone());
        let place = Place { root, folder, named: Vec::new(), is_supabase, supabase_config: None };
        let known: HashMap<Arc<str>, (FileId, Arc<str>)> =
            sources.files().map(|(file, source)| (source.path.clone(), (file, sources.text(file)))).collect();
        let mut buffer = Vec::new();
        let prefix = prefix(&self.root, &self.folder);
        let mut read = |entry: &Entry, place: &Place| {
            if let Some(bytes) = past.texts.get(&entry.relative) {
                return Ok(text::decode(bytes));
            }
            let Some((file, text)) = known.get(&*(prefix.clone() + &layout::shown(&entry.relative))) else {
                return read(entry, place, &mut buffer);
            };
            let problems = self.problems.iter().filter(|problem| problem.file == *file);
            Ok(Decoded { text: text.clone(), problems: problems.map(|problem| (problem.span, problem.kind)).collect() })
        };
        let keep = &mut |path: String, text: Arc<str>| match known.get(&*path) {
            Some((file, known)) if Arc::ptr_eq(known, &text) || *known == text => *file,
            Some(_) | None => sources.add_revision(path, text),
        };
        let listing = layout::list(&self.folder, past)?;
        read_all(place, Config { platform: Some(self.platform), ..self.config.clone() }, listing, &mut read, keep)
    }

    /// The same project without some of its migrations.
    pub fn without(&self, files: &BTreeSet<FileId>) -> Project {
        let mut project = self.clone();
        project.migrations.retain(|migration| !files.contains(&migration.file));
        project
    }

    /// Whether the runner takes only what a plan lists, so that a new file alone does not run.
    pub fn is_planned(&self) -> bool {
        plan::path(&self.folder).is_some()
    }

    /// The folder of declarative schemas that stands beside the folder of migrations, if it holds SQL.
    pub fn schemas(&self) -> Option<PathBuf> {
        locate::schemas(&self.folder)
    }

    /// How many migrations it has in common with another before the first that differs.
    pub fn common(&self, other: &Project) -> usize {
        self.migrations.iter().zip(&other.migrations).take_while(|(one, other)| one == other).count()
    }

    /// Migrations behind a version.
    pub fn behind(&self, version: &str) -> BTreeSet<FileId> {
        let key = |version: &str| (layout::number_or_date(version), version.trim_start_matches('0').to_string());
        let behind = |migration: &&Migration| migration.version.is_empty() || key(&migration.version) > key(version);
        self.migrations.iter().filter(behind).map(|migration| migration.file).collect()
    }

    /// The file of a path from the folder.
    pub fn file_at(&self, path: &Path) -> Option<FileId> {
        let name = layout::shown(path);
        let migrations = self.migrations.iter().filter(|migration| migration.named_in == name).map(|migration| migration.file);
        migrations.chain(self.skipped.iter().filter(|skipped| skipped.name == name).map(|skipped| skipped.file)).next()
    }

    /// Puts the settings behind all migrations, if they hold what a finding can be about.
    fn add_settings(&self, keep: &mut Keep) -> Option<FileId> {
        let path = self.config.path.as_deref().filter(|_| !self.config.allow.is_empty())?;
        let whole = std::path::absolute(path).ok()?;
        // settings of several projects stand above them
        let above = self.root.ancestors().enumerate().find_map(|(up, folder)| Some((up, whole.strip_prefix(folder).ok()?)));
        let shown = above.map_or_else(|| layout::shown(path), |(up, rest)| "../".repeat(up) + &layout::shown(rest));
        Some(keep(shown, self.config.text.as_str().into()))
    }

    fn take(&mut self, entry: Entry, both: Option<(&'static Marks, u32)>, named: &[PathBuf], prefix: &str, keep: &mut Keep) {
        let Entry { relative, choice, decoded } = entry;
        let end = both.map_or(decoded.text.len() as u32, |(_, end)| end);
        let named_in = layout::shown(&relative);
        let file = keep(format!("{prefix}{named_in}"), decoded.text);
        let is_named = named.contains(&relative);
        if is_named {
            self.named.push(file);
        }
        let (version, name) = match choice {
            Choice::Run { version, name } => (SmolStr::new(version), SmolStr::new(name)),
            Choice::Skip(reason) => {
                self.skipped.push(Skipped { file, name: named_in.clone(), reason });
                if !is_named || matches!(reason, SkipReason::Directory | SkipReason::NotAFile) {
                    return;
                }
                (SmolStr::default(), SmolStr::new(named_in.trim_end_matches(".sql")))
            }
        };
        self.problems.extend(decoded.problems.into_iter().map(|(span, kind)| TextProblem { file, span, kind }));
        self.marks = both.map(|(marks, _)| marks).or(self.marks);
        self.migrations.push(Migration { file, version, name, named_in, end });
    }

    fn compare_versions(&mut self) {
        if !self.lenient {
            self.duplicates = self.find_duplicates();
        }
        if !self.lenient && self.platform == Platform::Supabase {
            self.misplaced = self.find_misplaced();
        }
    }

    fn find_duplicates(&self) -> Vec<Duplicate> {
        let mut versions: BTreeMap<&SmolStr, Vec<FileId>> = BTreeMap::new();
        for migration in self.migrations.iter().filter(|migration| !migration.version.is_empty()) {
            versions.entry(&migration.version).or_default().push(migration.file);
        }
        let several = versions.into_iter().filter(|(_, files)| files.len() > 1);
        several.map(|(version, files)| Duplicate { version: version.clone(), files }).collect()
    }

    fn find_misplaced(&self) -> Vec<Misplaced> {
        // Each number that is greater than all before it.
        let mut peaks: Vec<(layout::Number, FileId)> = Vec::new();
        let mut misplaced = Vec::new();
        for migration in self.migrations.iter().filter(|migration| !migration.version.is_empty()) {
            let number = layout::number_or_date(&migration.version);
            let after = peaks.partition_point(|(peak, _)| *peak <= number);
            match peaks.get(after) {
                Some((_, after)) => misplaced.push(Misplaced { file: migration.file, after: *after }),
                None => peaks.push((number, migration.file)),
            }
        }
        misplaced
    }
}

/// A failure that names what cannot be read.
fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::Unreadable { path: path.to_path_buf(), source }
}
