//! Where a project lies in its repository.
//!
//! Promises: looks for `.git` and runs nothing. A project in no repository is taken for one's root.

use std::path::Path;

/// `apps/web/` for the project in that folder of a repository; empty for the repository's own folder. With forward slashes.
pub fn in_repository(root: &Path) -> String {
    let Ok(root) = std::fs::canonicalize(root) else { return String::new() };
    // A work tree's `.git` is a file.
    let top = root.ancestors().find(|folder| folder.join(".git").exists());
    let inside = top.and_then(|top| root.strip_prefix(top).ok()).unwrap_or(Path::new(""));
    inside.components().map(|part| format!("{}/", part.as_os_str().to_string_lossy())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

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
