//! Errors that stop a run. Problems in SQL are diagnostics, not errors.
//!
//! Promises: each message states what to do.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("`{}` does not exist: give a project folder, a folder of migrations, or .sql files", path.display())]
    NoSuchPath { path: PathBuf },

    #[error("no migrations found in `{}`: {}", path.display(), elsewhere(projects))]
    NoMigrations { path: PathBuf, projects: Vec<PathBuf> },

    #[error("`{}` contains no migrations, so nothing was checked: {}", path.display(), or_schemas(schemas.as_deref()))]
    Empty { path: PathBuf, schemas: Option<PathBuf> },

    #[error("`{}` is not a migration of the project: pass a file in `{}`, or the folder of the project", path.display(), folder.display())]
    NotAMigration { path: PathBuf, folder: PathBuf },

    #[error("`{}` is not an ordinary file but {kind}: pass an ordinary file", path.display())]
    NotAFile { path: PathBuf, kind: &'static str },

    #[error("`{word}` does not exist: write `--fix={word}` to choose what --fix writes")]
    FixWord { word: String },

    #[error("{option} works on one project at a time: run {}", commands.iter().map(|command| format!("`{command}`")).collect::<Vec<_>>().join(", then "))]
    OneProject { option: &'static str, commands: Vec<String> },

    #[error("`{}` contains characters with a special meaning in a shell or in YAML: rename the folder, or write the hook and the workflow yourself", path.display())]
    OddFolder { path: PathBuf },

    #[error("--statistics does not support --format {format}: choose terminal or json")]
    NoStatistics { format: String },

    #[error("`{}` is not an .sql file: give a project folder, a folder of migrations, or .sql files", path.display())]
    NotSql { path: PathBuf },

    #[error("`{}` and `{}` are not .sql files of the same folder: check them one by one", one.display(), other.display())]
    ManyPaths { one: PathBuf, other: PathBuf },

    #[error("cannot read `{}` ({source}): make it readable, or do not pass it", path.display())]
    Unreadable { path: PathBuf, source: io::Error },

    #[error("`{}` is not UTF-8 text (byte {at}): save it as UTF-8", path.display())]
    NotText { path: PathBuf, at: usize },

    #[error("cannot write `{}` ({source}): {}, or choose another file with --output", path.display(), make_writable(source))]
    Unwritable { path: PathBuf, source: io::Error },

    #[error("cannot write `{}` ({source}): {}, and run again", path.display(), make_writable(source))]
    Unwritten { path: PathBuf, source: io::Error },

    #[error("`{}` already exists and is not replaced: move it, and run again", path.display())]
    Exists { path: PathBuf },

    #[error("cannot plan migrations: {reason}")]
    NoPlan { reason: String },

    #[error("--fix=inline edits only files that are passed or changed: pass .sql files that no database has applied, or add --changed")]
    NothingNamed,

    #[error("`{}` changed during the run, or is not plain UTF-8: save it as UTF-8 without a byte order mark, and run again", path.display())]
    Changed { path: PathBuf },

    #[error("--emit cannot be used with --fix=inline, which writes no migrations")]
    NothingToEmit,

    #[error("the settings in `{}` are not usable: {reason}", path.display())]
    Settings { path: PathBuf, reason: String },

    #[error("the baseline `{}` does not exist: write it with --write-baseline, or run with --no-baseline", path.display())]
    NoBaseline { path: PathBuf },

    #[error("the baseline `{}` is not usable ({reason}): repair it, or remove it and write a new one with --write-baseline", path.display())]
    Baseline { path: PathBuf, reason: String },

    #[error("`git` is not there: install it, or run without --changed and --since")]
    NoGit,

    #[error("git cannot tell what has changed ({reason}): run in a git repository, or without --changed and --since")]
    Git { reason: String },

    #[error(
        "git knows no revision `{revision}`: fetch it (`git fetch origin <branch>`; in CI, check out the full history), or use another revision"
    )]
    NoRevision { revision: String },

    #[error("`{revision}` and HEAD have no commit in common: fetch more of the history (`git fetch --unshallow`), or use another revision")]
    NoCommonCommit { revision: String },

    #[error("SOURCE_DATE_EPOCH is `{text}`: set it to seconds since 1970, or unset it")]
    NoDate { text: String },

    #[error("no rule or group `{name}`{}", near.as_deref().map_or("; run `supalint rules` to see them all".to_string(), suggestion))]
    UnknownRule { name: String, near: Option<String> },

    #[error("cannot write the report ({0}): check where standard output goes, or use --output FILE")]
    Output(#[source] io::Error),

    #[error("cannot start a thread ({source}): free memory or end other processes, and run again")]
    NoThread {
        #[source]
        source: io::Error,
    },
}

/// Returns what to do if a folder contains no migrations.
fn or_schemas(schemas: Option<&Path>) -> String {
    match schemas {
        Some(path) => {
            format!("the schema is in `{0}`, so run `supalint check {0}`, or write migrations with `supabase db diff`", path.display())
        }
        None => "write a first migration, or pass another folder".to_string(),
    }
}

/// Returns what to do if a file cannot be written.
fn make_writable(error: &io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::PermissionDenied => "make its folder writable",
        ErrorKind::ReadOnlyFilesystem => "make its file system writable",
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "free space on the disk",
        ErrorKind::NotFound => "create its folder",
        ErrorKind::IsADirectory | ErrorKind::NotADirectory => "remove the file or folder that is at this path",
        _ => "solve this problem",
    }
}

/// Returns which projects to pass instead.
fn elsewhere(projects: &[PathBuf]) -> String {
    const SHOWN: usize = 5;
    let names: Vec<String> = projects.iter().take(SHOWN).map(|path| format!("`{}`", path.display())).collect();
    let more = if projects.len() > SHOWN { format!(" and {} more", projects.len() - SHOWN) } else { String::new() };
    match names.as_slice() {
        [] => "run in a folder that contains supabase/migrations or migrations, or pass such a folder".to_string(),
        [name] => format!("pass the project in {name}"),
        names => format!("pass one of the projects in {}{more}", names.join(", ")),
    }
}

fn suggestion(near: &str) -> String {
    format!("; did you mean `{near}`?")
}
