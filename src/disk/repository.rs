//! Location of a project in its repository.
//!
//! Promises: only `.git` is searched, and no program runs. Without a repository, the root of the project is used.

use std::path::{Path, PathBuf};

/// Returns the root of the repository, if there is one, and the path from there to the project with forward slashes: `apps/web/`. The path
/// is empty if both are the same folder.
pub fn repository(root: &Path) -> (Option<PathBuf>, String) {
    let Ok(root) = std::fs::canonicalize(root) else { return (None, String::new()) };
    // in a git worktree, `.git` is a file
    let Some(top) = root.ancestors().find(|folder| folder.join(".git").exists()) else { return (None, String::new()) };
    let inside = root.strip_prefix(top).unwrap_or(Path::new(""));
    let relative = inside.components().map(|part| format!("{}/", part.as_os_str().to_string_lossy())).collect();
    (Some(top.to_path_buf()), relative)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_repository(root: &Path) -> String {
        repository(root).1
    }

    #[test]
    fn the_nearest_repository_counts_and_none_is_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let project = folder.path().join("apps/web");
        std::fs::create_dir_all(&project).unwrap();
        std::fs::create_dir(folder.path().join(".git")).unwrap();
        assert_eq!(in_repository(&project), "apps/web/");
        assert_eq!(in_repository(&folder.path().join("apps/../apps")), "apps/");
        assert_eq!(in_repository(folder.path()), "");
        std::fs::write(folder.path().join("apps/.git"), "gitdir: elsewhere").unwrap();
        assert_eq!(in_repository(&project), "web/");
        assert_eq!(in_repository(&folder.path().join("missing")), "");
    }
}
