//! What keeps the tool itself from working. Never about the user's SQL: that is a finding.
//!
//! Promises: each message says what to do next.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("`{}` does not exist: give a project folder, a folder of migrations, or .sql files", path.display())]
    NoSuchPath { path: PathBuf },

    #[error("no migrations found in `{}`: {}", path.display(), elsewhere(projects))]
    NoMigrations { path: PathBuf, projects: Vec<PathBuf> },

    #[error("`{}` holds no migrations, so nothing was checked: {}", path.display(), or_schemas(schemas.as_deref()))]
    Empty { path: PathBuf, schemas: Option<PathBuf> },

    #[error("`{}` is not a migration: the project's migrations are in `{}`; name one of those, or the project", path.display(), folder.display())]
    NotAMigration { path: PathBuf, folder: PathBuf },

    #[error("`{}` is not an ordinary file but {kind}: name an ordinary file", path.display())]
    NotAFile { path: PathBuf, kind: &'static str },

    #[error("`{word}` does not exist: write `--fix={word}` to choose what --fix writes")]
    FixWord { word: String },

    #[error("{option} works on one project at a time: run {}", commands.iter().map(|command| format!("`{command}`")).collect::<Vec<_>>().join(", then "))]
    OneProject { option: &'static str, commands: Vec<String> },

    #[error("`{}` has characters that a shell or YAML may take for commands: rename the folder, or write hooks and workflows by hand", path.display())]
    OddFolder { path: PathBuf },

    #[error("--statistics has no form for --format {format}: choose terminal or json")]
    NoStatistics { format: String },

    #[error("`{}` is not an .sql file: give a project folder, a folder of migrations, or .sql files", path.display())]
    NotSql { path: PathBuf },

    #[error("`{}` and `{}` are not .sql files of one folder: check them one by one", one.display(), other.display())]
    ManyPaths { one: PathBuf, other: PathBuf },

    #[error("cannot read `{}` ({source}): make it readable, or leave it out of the paths given", path.display())]
    Unreadable { path: PathBuf, source: io::Error },

    #[error("`{}` is not UTF-8 text (byte {at}): save it as UTF-8", path.display())]
    NotText { path: PathBuf, at: usize },

    #[error("cannot write `{}` ({source}): {}, or choose another place with --output", path.display(), make_writable(source))]
    Unwritable { path: PathBuf, source: io::Error },

    #[error("cannot write `{}` ({source}): {}, and run again", path.display(), make_writable(source))]
    Unwritten { path: PathBuf, source: io::Error },

    #[error("`{}` is there already, and is not replaced: move it, and run again", path.display())]
    Exists { path: PathBuf },

    #[error("cannot plan migrations: {reason}")]
    NoPlan { reason: String },

    #[error(
        "--fix=inline changes only files that are named or changed: give the .sql files that are not applied anywhere yet, or add --changed"
    )]
    NothingNamed,

    #[error("`{}` is not what was read of it, in its bytes: save it as UTF-8 without a byte order mark, and run again", path.display())]
    Changed { path: PathBuf },

    #[error("--emit has no script for --fix=inline: it writes no migration")]
    NothingToEmit,

    #[error("settings in `{}` are not usable: {reason}", path.display())]
    Settings { path: PathBuf, reason: String },

    #[error("there is no baseline `{}`: write one with --write-baseline, or run with --no-baseline", path.display())]
    NoBaseline { path: PathBuf },

    #[error("the baseline `{}` is not usable ({reason}): repair it, or remove it and write it anew with --write-baseline", path.display())]
    Baseline { path: PathBuf, reason: String },

    #[error("`git` is not there: install it, or run without --changed and --since")]
    NoGit,

    #[error("git cannot tell what has changed ({reason}): run in a repository, or without --changed and --since")]
    Git { reason: String },

    #[error(
        "git knows no revision `{revision}`: fetch it (`git fetch origin <branch>`; in CI check out with full history), or name another"
    )]
    NoRevision { revision: String },

    #[error(
        "`{revision}` and HEAD have no commit in common: fetch more of the history (`git fetch --unshallow`), or name another revision"
    )]
    NoCommonCommit { revision: String },

    #[error("SOURCE_DATE_EPOCH is `{text}`: set it to seconds since 1970, or unset it")]
    NoDate { text: String },

    #[error("no rule or group `{name}`{}", near.as_deref().map_or("; run `supalint rules` to see them all".to_string(), suggestion))]
    UnknownRule { name: String, near: Option<String> },

    #[error("cannot write the output ({0}): check what standard output goes to, or use --output FILE")]
    Output(#[source] io::Error),

    #[error("cannot start: {source}; free some memory or processes, and run again")]
    NoThread {
        #[source]
        source: io::Error,
    },
}

/// What to do where a folder has no migrations.
fn or_schemas(schemas: Option<&Path>) -> String {
    match schemas {
        Some(path) => {
            format!("the schema is in `{0}`; run `supalint check {0}`, or write migrations with `supabase db diff`", path.display())
        }
        None => "write a first migration, or name another folder".to_string(),
    }
}

/// What makes a file writable that cannot be written.
fn make_writable(error: &io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::PermissionDenied => "make its folder writable",
        ErrorKind::ReadOnlyFilesystem => "make its file system writable",
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "make room on the disk",
        ErrorKind::NotFound => "make its folder",
        ErrorKind::IsADirectory | ErrorKind::NotADirectory => "remove the folder or file that is in its place",
        _ => "remove the cause",
    }
}

/// Where there are migrations.
fn elsewhere(projects: &[PathBuf]) -> String {
    const SHOWN: usize = 5;
    let names: Vec<String> = projects.iter().take(SHOWN).map(|path| format!("`{}`", path.display())).collect();
    let more = if projects.len() > SHOWN { format!(" and {} more", projects.len() - SHOWN) } else { String::new() };
    match names.as_slice() {
        [] => "run in a project that holds supabase/migrations or migrations, or name the folder".to_string(),
        [name] => format!("name the project that is in {name}"),
        names => format!("name one of the projects in {}{more}", names.join(", ")),
    }
}

fn suggestion(near: &str) -> String {
    format!("; did you mean `{near}`?")
}
