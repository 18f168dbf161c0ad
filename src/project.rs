//! The migrations of a project, in the order in which they run.
//!
//! Promises: nothing is read from the disk. The migrations are those that the Supabase runner runs, in its order. Files that it skips are listed with the reason. If the
//! runner would run no file of a folder, the files are still read, in the order that their names suggest ([`Project::lenient`]). Invalid
//! bytes are replaced and listed ([`TextProblem`]), and the rest of the file is read.

pub mod layout;
pub mod plan;
mod rollback_markers;
pub mod text;

use crate::config::Config;
use crate::source::{FileId, Site, Sources, Span};
pub use layout::is_sql;
use layout::{Choice, Entry, Listing};
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use crate::config::Platform;
pub use rollback_markers::RollbackMarkers;

/// A migration file that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migration {
    pub file: FileId,
    /// Digits at the start of the name, which the runner records. Empty if there are none.
    pub version: SmolStr,
    /// Part of the name between the version and the extension.
    pub name: SmolStr,
    /// Name of the file, or `folder/migration.sql` if each migration has its own folder.
    pub named_in: String,
    /// End of the part that runs, in bytes. Some runners keep the rollback below it in the same file.
    pub end: u32,
}

impl Migration {
    /// Returns the part of the text that runs.
    pub fn text<'s>(&self, sources: &'s Sources) -> &'s str {
        &sources.get(self.file).text()[..self.end as usize]
    }

    /// Returns the location of the part that runs.
    pub fn site(&self) -> Site {
        Site::new(self.file, Span::new(0, self.end))
    }
}

/// Reason why a file does not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SkipReason {
    /// The name is not `<digits>_<name>.sql`. In a lenient project, the name has no digits although others have, or the file is hidden.
    Name,
    /// It is a folder. If the name matches, the Supabase runner tries to read it as a file and fails.
    Directory,
    /// It is a socket, pipe or device.
    NotAFile,
    /// It is the first file of the folder, named `<timestamp>_init.sql`, from before 2021-12-09. Old versions of the Supabase CLI created
    /// such a file, so the runner skips it.
    OldInit,
    /// In a project of another runner: it undoes a migration (`.down.sql`, `U1__…` of Flyway), or it is not in `sqitch.plan`.
    Undo,
}

/// An .sql file in the folder of migrations that does not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// File in the sources. Its text is empty if the file cannot be read.
    pub file: FileId,
    /// Name of the file.
    pub name: String,
    pub reason: SkipReason,
}

/// Migrations with the same version. The runner can record only the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duplicate {
    pub version: SmolStr,
    /// Two or more files, in the order in which they run.
    pub files: Vec<FileId>,
}

/// A migration that runs after a migration with a greater number, because names are compared as text: `9_b.sql` after `10_a.sql`.
/// Eight or more digits count as a date: `20250101_…` and `20250101093000_…` are in order as text, although not as numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Misplaced {
    pub file: FileId,
    /// First file with a greater number.
    pub after: FileId,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TextProblemKind {
    /// Invalid UTF-8, located at the first invalid byte. PostgreSQL rejects the file. Unless the file is UTF-16, all invalid bytes are U+FFFD
    /// in the text.
    NotUtf8,
    /// Zero bytes, located at the first. PostgreSQL rejects the file. All of them are spaces in the text.
    Nul,
    /// Byte order mark, which stays in the text. psql accepts it. PostgreSQL rejects the first statement if the runner sends the mark.
    ByteOrderMark,
}

/// Bytes of a migration that are not SQL text. There is at most one problem of each kind per file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextProblem {
    pub file: FileId,
    pub span: Span,
    pub kind: TextProblemKind,
}

/// A project: its settings and migration files, before any statement is parsed.
#[derive(Clone, Debug)]
pub struct Project {
    /// Absolute path of the folder with `supabase/` or `migrations/`. Paths in [`Sources`] are relative to it.
    pub root: PathBuf,
    /// Absolute path of the folder of migrations.
    pub folder: PathBuf,
    /// Migrations in the order in which they run.
    pub migrations: Vec<Migration>,
    /// Skipped files, in the order of their names. A skipped file that the user passed is also the last of `migrations`, so it is checked.
    pub skipped: Vec<Skipped>,
    /// Duplicate versions. Empty in a lenient project.
    pub duplicates: Vec<Duplicate>,
    /// Files out of numeric order. Empty in projects of other runners, which compare numbers.
    pub misplaced: Vec<Misplaced>,
    pub problems: Vec<TextProblem>,
    /// Files that the user passed, in the order of `sources`. Empty if the user passed a folder.
    pub passed_files: Vec<FileId>,
    /// File of the settings, if diagnostics can point into it.
    pub settings: Option<FileId>,
    /// Whether no file has a name that the Supabase runner accepts, so files with other names are read.
    pub lenient: bool,
    /// Whether the runner runs only the files of a plan, so that a new file alone does not run.
    pub is_planned: bool,
    /// Markers between a migration and its rollback in one file, if there are such files.
    pub markers: Option<&'static RollbackMarkers>,
    pub platform: Platform,
    pub config: Config,
    /// Files of application code with queries, in the order of their paths.
    pub app: Arc<[AppFile]>,
}

/// Text of a file of application code.
#[derive(Clone, Debug)]
pub struct Text {
    /// Path relative to the root of the project, with forward slashes.
    pub path: String,
    pub text: Arc<str>,
}

/// A file of application code with queries.
#[derive(Clone, Debug)]
pub struct AppFile {
    pub file: FileId,
    pub code: supalint_queries::shape::CodeFile,
}

impl TextProblem {
    pub fn site(&self) -> Site {
        Site::new(self.file, self.span)
    }
}

/// Location of a project.
#[derive(Debug, PartialEq, Eq)]
pub struct Place {
    pub root: PathBuf,
    pub folder: PathBuf,
    /// Files that the user passed, relative to the folder.
    pub passed_files: Vec<PathBuf>,
    /// Files of application code that the user passed, relative to the root.
    pub passed_code: Vec<String>,
    pub is_supabase: bool,
    /// Path of Supabase's `config.toml`, whether or not it exists.
    pub supabase_config: Option<PathBuf>,
}

/// Differences between an earlier state of a folder and its current state.
#[derive(Debug, Default)]
pub struct EarlierState {
    /// Paths of files that did not exist, relative to the folder.
    pub absent: BTreeSet<PathBuf>,
    /// Earlier bytes of files, by path.
    pub texts: BTreeMap<PathBuf, Vec<u8>>,
}

/// Function that stores a text with its path.
pub type StoreText<'a> = dyn FnMut(String, Arc<str>) -> FileId + 'a;

/// Returns the prefix of paths of files in the folder, as they are shown.
pub fn prefix(root: &Path, folder: &Path) -> String {
    let mut shown = layout::shown(folder.strip_prefix(root).unwrap_or(folder));
    if !shown.is_empty() && !shown.ends_with('/') {
        shown.push('/');
    }
    shown
}

impl Project {
    /// Creates a project from the entries of its folder, whose texts are known. Texts are stored in the order in which they run, followed by
    /// files that do not run.
    pub fn new(place: Place, config: Config, mut listing: Listing, store: &mut StoreText<'_>) -> Project {
        // the platform is detected from all files, also from those that do not run
        let platform = config.platform.unwrap_or_else(|| {
            let supabase = place.is_supabase || listing.entries.iter().any(|entry| text::uses_supabase(&entry.decoded.text));
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
            passed_files: Vec::new(),
            settings: None,
            lenient: listing.lenient,
            is_planned: listing.planned,
            markers: None,
            platform,
            config,
            app: Arc::default(),
        };
        // files that do not run come last, so that the other files do not depend on them
        let prefix = prefix(&project.root, &project.folder);
        let (running, skipped): (Vec<Entry>, Vec<Entry>) = listing.entries.into_iter().partition(Entry::runs);
        for entry in running.into_iter().chain(skipped) {
            let rollback = if place.is_supabase { None } else { rollback_markers::of(&entry.decoded.text) };
            project.take(entry, rollback, &place.passed_files, &prefix, store);
        }
        project.settings = project.add_settings(store);
        project.compare_versions();
        project
    }

    /// Returns the project without some of its migrations.
    pub fn without(&self, files: &BTreeSet<FileId>) -> Project {
        let mut project = self.clone();
        project.migrations.retain(|migration| !files.contains(&migration.file));
        project
    }

    /// Returns the number of migrations at the start that are equal in another project.
    pub fn common(&self, other: &Project) -> usize {
        self.migrations.iter().zip(&other.migrations).take_while(|(one, other)| one == other).count()
    }

    /// Returns the migrations after a version.
    pub fn after_version(&self, version: &str) -> BTreeSet<FileId> {
        let key = |version: &str| (layout::number_or_date(version), version.trim_start_matches('0').to_string());
        let is_after = |migration: &&Migration| migration.version.is_empty() || key(&migration.version) > key(version);
        self.migrations.iter().filter(is_after).map(|migration| migration.file).collect()
    }

    /// Returns the file with a path relative to the folder.
    pub fn file_at(&self, path: &Path) -> Option<FileId> {
        let name = layout::shown(path);
        let migrations = self.migrations.iter().filter(|migration| migration.named_in == name).map(|migration| migration.file);
        migrations.chain(self.skipped.iter().filter(|skipped| skipped.name == name).map(|skipped| skipped.file)).next()
    }

    /// Adds the settings after all migrations, if diagnostics can point into them.
    fn add_settings(&self, store: &mut StoreText) -> Option<FileId> {
        let path = self.config.path.as_deref().filter(|_| !self.config.allow.is_empty())?;
        // settings of several projects are in a folder above them
        let above = self.root.ancestors().enumerate().find_map(|(up, folder)| Some((up, path.strip_prefix(folder).ok()?)));
        let shown = above.map_or_else(|| layout::shown(path), |(up, rest)| "../".repeat(up) + &layout::shown(rest));
        Some(store(shown, self.config.text.as_str().into()))
    }

    fn take(
        &mut self,
        entry: Entry,
        rollback: Option<(&'static RollbackMarkers, u32)>,
        passed_files: &[PathBuf],
        prefix: &str,
        store: &mut StoreText,
    ) {
        let Entry { relative, choice, decoded } = entry;
        let end = rollback.map_or(decoded.text.len() as u32, |(_, end)| end);
        let named_in = layout::shown(&relative);
        let file = store(format!("{prefix}{named_in}"), decoded.text);
        let is_passed = passed_files.contains(&relative);
        if is_passed {
            self.passed_files.push(file);
        }
        let (version, name) = match choice {
            Choice::Run { version, name } => (SmolStr::new(version), SmolStr::new(name)),
            Choice::Skip(reason) => {
                self.skipped.push(Skipped { file, name: named_in.clone(), reason });
                if !is_passed || matches!(reason, SkipReason::Directory | SkipReason::NotAFile) {
                    return;
                }
                (SmolStr::default(), SmolStr::new(named_in.trim_end_matches(".sql")))
            }
        };
        self.problems.extend(decoded.problems.into_iter().map(|(span, kind)| TextProblem { file, span, kind }));
        self.markers = rollback.map(|(markers, _)| markers).or(self.markers);
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
        // each number that is greater than all numbers before it
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
