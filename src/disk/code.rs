//! Files of application code.
//!
//! Promises: the files do not depend on settings of the user, such as a global .gitignore. Links are not followed. Limits: a file that cannot
//! be read is left out, because its queries are unknown and nothing else depends on it.

use super::{locate, repository};
use crate::config::{self, Queries};
use crate::error::Error;
use crate::project::Text;
use ignore::{DirEntry, WalkBuilder, WalkState};
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Folders with code of others, or with code that a build writes.
const FOREIGN: [&str; 8] = ["node_modules", "bower_components", "vendor", "dist", "build", "out", "coverage", "target"];

/// Returns the folder whose code belongs to a project: the repository, or the root of the project if the repository has several projects.
pub fn code_root(root: &Path) -> PathBuf {
    let (repository, relative) = repository(root);
    let above = root.ancestors().nth(relative.split_terminator('/').count());
    match (repository, above) {
        (Some(_), Some(above)) if above == root || !locate::is_project(above) && locate::below(above).len() <= 1 => above.to_path_buf(),
        _ => root.to_path_buf(),
    }
}

/// Reads the files of code of a project, in the order of their paths.
///
/// # Errors
/// If a path of the settings does not exist.
pub fn code(root: &Path, settings: &Queries) -> Result<Vec<Text>, Error> {
    let paths = match &settings.paths {
        Some(paths) => paths.iter().map(|path| root.join(path)).collect(),
        None => vec![code_root(root)],
    };
    if let Some(missing) = paths.iter().find(|path| !path.exists()) {
        return Err(Error::NoSuchPath { path: missing.clone() });
    }
    let Some((first, others)) = paths.split_first() else { return Ok(Vec::new()) };
    let mut walk = WalkBuilder::new(first);
    for path in others {
        walk.add(path);
    }
    let own_root = root.to_path_buf();
    let is_own = move |entry: &DirEntry| {
        let is_foreign = || FOREIGN.iter().any(|name| entry.file_name() == *name);
        let is_other_project = || entry.path() != own_root && locate::is_project(entry.path());
        entry.depth() == 0 || entry.file_type().is_some_and(|kind| !kind.is_dir()) || !is_foreign() && !is_other_project()
    };
    walk.require_git(false).git_global(false).filter_entry(is_own);
    let ignored = config::paths(&settings.ignore);
    let texts = Mutex::new(Vec::new());
    walk.build_parallel().run(|| {
        Box::new(|entry| {
            let file = entry.ok().filter(|entry| entry.file_type().is_some_and(|kind| kind.is_file()));
            if let Some(entry) = file.filter(|entry| supalint_queries::is_code(entry.path())) {
                let path = relative(root, entry.path());
                if !ignored.is_match(&path)
                    && let Some(text) = read(entry.path())
                {
                    texts.lock().unwrap_or_else(PoisonError::into_inner).push(Text { path, text: text.into() });
                }
            }
            WalkState::Continue
        })
    });
    let mut texts = texts.into_inner().unwrap_or_else(PoisonError::into_inner);
    texts.sort_by(|one, other| one.path.cmp(&other.path));
    texts.dedup_by(|one, other| one.path == other.path);
    Ok(texts)
}

/// Reads a file unless it is larger than any that is parsed.
fn read(path: &Path) -> Option<String> {
    let is_small = fs::metadata(path).ok()?.len() <= supalint_queries::MAX_BYTES as u64;
    let bytes = is_small.then(|| fs::read(path).ok()).flatten()?;
    Some(String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}

/// Returns the path relative to a folder, with forward slashes: `../web/src/page.tsx`.
pub fn relative(root: &Path, path: &Path) -> String {
    let common = root.components().zip(path.components()).take_while(|(one, other)| one == other).count();
    let up = root.components().skip(common).map(|_| "..".to_string());
    let down = path.components().skip(common).filter(|part| *part != Component::CurDir);
    up.chain(down.map(|part| part.as_os_str().to_string_lossy().into_owned())).collect::<Vec<_>>().join("/")
}
