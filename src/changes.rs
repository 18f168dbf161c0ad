//! Changed files of a folder according to git.
//!
//! Promises: the installed `git` runs in the folder itself, so subfolders, worktrees and any current folder work. Paths are read as bytes
//! between zero bytes, so they can contain any character. Files in the working tree count, committed or not. If git fails, the result is an
//! error. Programs in the settings of the repository (fsmonitor, hooks, external diff, filters) do not run.

use crate::error::Error;
use crate::project::{EarlierState, is_sql};
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

/// Commit to compare with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Against {
    /// The last commit.
    Head,
    /// The merge base of HEAD and a revision, as in a pull request.
    Revision(String),
}

/// Kind of the files that are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// SQL files, also ignored ones, because they can be migrations too.
    Migration,
    /// Files of application code that git does not ignore.
    Code,
}

impl FileKind {
    fn includes(self, path: &Path) -> bool {
        match self {
            FileKind::Migration => is_sql(path),
            FileKind::Code => supalint_queries::is_code(path),
        }
    }
}

/// Changed files of a folder, and the files before the change.
#[derive(Debug, Default)]
pub struct Changes {
    /// Paths of files with new text, relative to the folder. Files that were only renamed are not included.
    pub new: BTreeSet<PathBuf>,
    pub earlier: EarlierState,
}

/// Compares a folder with a commit.
///
/// # Errors
/// If git is not installed or fails, or if the revision does not exist.
pub fn of(folder: &Path, against: &Against, kind: FileKind) -> Result<Changes, Error> {
    let git = Git::of(folder)?;
    let mut changes = Changes::default();
    let mut old: Vec<(PathBuf, OsString)> = Vec::new();
    let others = match kind {
        FileKind::Migration => git.list(&["--others"])?,
        FileKind::Code => git.list(&["--others", "--exclude-standard"])?,
    };
    if let Some(raw) = git.difference(against)? {
        let mut parts = raw.split(|byte| *byte == 0).filter(|part| !part.is_empty());
        while let Some(head) = parts.next() {
            let fields: Vec<&[u8]> = head.split(|byte| *byte == b' ').collect();
            let [_, _, before, _, status] = fields.as_slice() else { continue };
            let Some(path) = parts.next().map(path_of) else { break };
            let old_text = (path.clone(), os(before));
            match status.first() {
                Some(b'A') => changes.add(path),
                Some(b'D') => old.push(old_text),
                Some(b'R' | b'C') => {
                    let Some(new) = parts.next().map(path_of) else { break };
                    if status.first() == Some(&b'R') {
                        old.push(old_text);
                    }
                    changes.earlier.absent.insert(new.clone());
                    if *status != b"R100" {
                        changes.new.insert(new);
                    }
                }
                // a file with merge conflicts has no single earlier text
                Some(b'U') => {
                    changes.new.insert(path);
                }
                Some(_) | None => {
                    old.push(old_text);
                    changes.new.insert(path);
                }
            }
        }
    } else {
        changes.add_all(&checked_output(git.list(&["--cached"])?)?);
    }
    changes.add_all(&checked_output(others)?);
    for (path, blob) in old.into_iter().filter(|(path, _)| kind.includes(path)) {
        let text = git.output([OsStr::new("cat-file"), OsStr::new("blob"), &blob])?;
        changes.earlier.texts.insert(path, text);
    }
    Ok(changes)
}

impl Changes {
    /// Adds the files of a list that is separated by zero bytes. All of them are new.
    fn add_all(&mut self, list: &[u8]) {
        list.split(|byte| *byte == 0).filter(|part| !part.is_empty()).map(path_of).for_each(|path| self.add(path));
    }

    fn add(&mut self, path: PathBuf) {
        self.earlier.absent.insert(path.clone());
        self.new.insert(path);
    }
}

struct Git<'a> {
    folder: &'a Path,
    /// Keys of git settings with filter programs.
    filters: Vec<OsString>,
}

/// Settings that prevent git from running programs.
const SAFE_GIT_SETTINGS: [&str; 4] =
    ["core.fsmonitor=false", "core.hooksPath=/dev/null", "core.attributesFile=/dev/null", "core.pager=cat"];

impl<'a> Git<'a> {
    /// Finds the filter programs in the settings of the repository, so that none of them runs.
    fn of(folder: &'a Path) -> Result<Git<'a>, Error> {
        let mut git = Git { folder, filters: Vec::new() };
        let output = wait(git.start(["config", "--null", "--name-only", "--get-regexp", r"^filter\."])?)?;
        git.filters = output.stdout.split(|byte| *byte == 0).filter(|key| !key.is_empty()).map(os).collect();
        Ok(git)
    }

    /// Returns the difference to a commit, or `None` if there is no commit yet.
    fn difference(&self, against: &Against) -> Result<Option<Vec<u8>>, Error> {
        let from = |base: &str| {
            let kind = ["diff", "--raw", "-z", "--no-abbrev", "--no-ext-diff", "--no-textconv", "--ignore-submodules=all"];
            self.start(kind.into_iter().chain(["--find-renames", "--relative", base, "--", "."]))
        };
        match against {
            Against::Head => {
                let output = wait(from("HEAD")?)?;
                // the reason is determined only after an error, because each process takes time
                match output.status.success() {
                    true => Ok(Some(output.stdout)),
                    false if self.commit("HEAD")?.is_none() => Ok(None),
                    false => Err(git_error(&output)),
                }
            }
            Against::Revision(revision) => {
                let commit = self.commit(revision)?.ok_or_else(|| Error::NoRevision { revision: revision.clone() })?;
                let base = self.try_line(["merge-base", &commit, "HEAD"])?;
                let base = base.ok_or_else(|| Error::NoCommonCommit { revision: revision.clone() })?;
                checked_output(from(&base)?).map(Some)
            }
        }
    }

    fn commit(&self, name: &str) -> Result<Option<String>, Error> {
        let commit = self.try_line(["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{name}^{{commit}}")])?;
        if commit.is_none() {
            // fails outside a repository, with a clear message
            self.output(["rev-parse", "--git-dir"])?;
        }
        Ok(commit)
    }

    /// Starts `git ls-files`.
    fn list(&self, which: &[&str]) -> Result<Child, Error> {
        self.start([&["ls-files", "-z"], which, &["--", "."]].concat())
    }

    fn output<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Result<Vec<u8>, Error> {
        checked_output(self.start(arguments)?)
    }

    /// Returns a line of output, or `None` if git fails or prints nothing.
    fn try_line<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Result<Option<String>, Error> {
        let output = wait(self.start(arguments)?)?;
        let line = String::from_utf8_lossy(&output.stdout).trim().to_string();
        Ok(Some(line).filter(|line| output.status.success() && !line.is_empty()))
    }

    fn start<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Result<Child, Error> {
        let mut command = Command::new("git");
        command.arg("-C").arg(self.folder);
        for setting in SAFE_GIT_SETTINGS {
            command.args(["-c", setting]);
        }
        command.args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // the name of a filter can contain characters that `-c` does not accept, so the environment is used; its own settings are kept
        let first = std::env::var("GIT_CONFIG_COUNT").ok().and_then(|count| count.parse().ok()).unwrap_or(0usize);
        command.env("GIT_CONFIG_COUNT", (first + self.filters.len()).to_string());
        for (nth, key) in (first..).zip(&self.filters) {
            let is_flag = key.as_encoded_bytes().to_ascii_lowercase().ends_with(b".required");
            command.env(format!("GIT_CONFIG_KEY_{nth}"), key).env(format!("GIT_CONFIG_VALUE_{nth}"), if is_flag { "false" } else { "" });
        }
        command.env_remove("GIT_EXTERNAL_DIFF").env("GIT_NO_LAZY_FETCH", "1");
        // git sets these variables in hooks, relative to another folder
        for variable in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR"] {
            command.env_remove(variable);
        }
        command.env("GIT_OPTIONAL_LOCKS", "0").spawn().map_err(|source| match source.kind() {
            ErrorKind::NotFound => Error::NoGit,
            _ => Error::Git { reason: source.to_string() },
        })
    }
}

fn wait(child: Child) -> Result<Output, Error> {
    child.wait_with_output().map_err(|source| Error::Git { reason: source.to_string() })
}

fn checked_output(child: Child) -> Result<Vec<u8>, Error> {
    let output = wait(child)?;
    if output.status.success() { Ok(output.stdout) } else { Err(git_error(&output)) }
}

fn git_error(output: &Output) -> Error {
    let stderr = String::from_utf8_lossy(&output.stderr);
    let reason = stderr.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("it gives no reason").to_string();
    Error::Git { reason }
}

#[cfg(unix)]
fn os(bytes: &[u8]) -> OsString {
    std::os::unix::ffi::OsStringExt::from_vec(bytes.to_vec())
}

#[cfg(not(unix))]
fn os(bytes: &[u8]) -> OsString {
    String::from_utf8_lossy(bytes).into_owned().into()
}

fn path_of(bytes: &[u8]) -> PathBuf {
    PathBuf::from(os(bytes))
}
