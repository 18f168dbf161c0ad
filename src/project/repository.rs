//! Where a project lies in its repository.
//!
//! Promises: looks for `.git` and runs nothing. A project in no repository is taken for one's root.

use std::path::{Path, PathBuf};

/// The folder of the repository that a project lies in, if there is one, and the way from there to the project: `apps/web/`, with forward
/// slashes; empty for the folder itself.
pub fn repository(root: &Path) -> (Option<PathBuf>, String) {
    let Ok(root) = std::fs::canonicalize(root) else { return (None, String::new()) };
    // A work tree's `.git` is a file.
    let Some(top) = root.ancestors().find(|folder| folder.join(".git").exists()) else { return (None, String::new()) };
    let inside = root.strip_prefix(top).unwrap_or(Path::new(""));
    let way = inside.components().map(|part| format!("{}/", part.as_os_str().to_string_lossy())).collect();
    (Some(top.to_path_buf()), way)
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
