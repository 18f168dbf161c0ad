//! Finds a project's migrations and puts them in the order in which they run.
//!
//! Promises: what the Supabase runner would run is taken, in its order, and nothing else; what it leaves out is told with the reason.
//! A folder it would take nothing from is still read, in the way its names suggest ([`Project::lenient`]). Text is taken as it stands;
//! bytes that are no text are replaced and told ([`TextProblem`]), so that one bad byte costs no file. Nobody else reads migrations.
//! Refuses: to leave out a migration that cannot be read, since nothing could be concluded from the rest.

use crate::config::Config;
use crate::error::Error;
use crate::source::{FileId, Sources, Span};
use smol_str::SmolStr;
use std::path::{Path, PathBuf};

pub use crate::config::Platform;

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
}

/// Why a file does not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SkipReason {
    /// Not `<digits>_<name>.sql`. (In a lenient project: without digits where others have some, or hidden.)
    Name,
    /// The Supabase runner takes the name, and fails when it reads the folder as a file.
    Directory,
    /// A socket, pipe or device.
    NotAFile,
    /// The first file of the folder, `<timestamp>_init.sql`, of before 2021-12-09: the Supabase runner holds it for a relic of its own.
    OldInit,
    /// Undoes a migration (`.down.sql`, Flyway's `U1__…`), in a project that Supabase does not run.
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
/// Dates of unequal length (`20250101_…`, `20250101093000_…`) are no numbers here: as text they are in order.
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
    pub duplicates: Vec<Duplicate>,
    pub misplaced: Vec<Misplaced>,
    pub problems: Vec<TextProblem>,
    /// Files that the user named, in the order of the folder; none if a folder was named.
    pub named: Vec<FileId>,
    /// No name in the folder is one the Supabase runner takes; these were taken all the same.
    pub lenient: bool,
    pub platform: Platform,
    pub config: Config,
}

pub fn open(_paths: &[PathBuf], _config: Option<&Path>, _sources: &mut Sources) -> Result<Project, Error> {
    Err(Error::NotYet { command: "check" })
}
