//! Writing of files.
//!
//! Promises: a file is written completely or not at all, and an existing file is replaced only on request.

use super::unreadable;
use crate::error::Error;
use crate::project::layout::TEMPORARY;
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::time::Duration;

/// Writes a new text to a file that was read before.
///
/// # Errors
/// If the file changed since it was read, or cannot be written.
pub fn replace(path: &Path, old: &str, new: &str) -> Result<(), Error> {
    let bytes = fs::read(path).map_err(unreadable(path))?;
    if bytes != old.as_bytes() {
        return Err(Error::Changed { path: path.to_path_buf() });
    }
    put(path, new.as_bytes(), true)
}

/// Writes a text to a file in one step.
pub fn put(path: &Path, text: &[u8], replace: bool) -> Result<(), Error> {
    let unwritten = |source| Error::Unwritten { path: path.to_path_buf(), source };
    match write_whole(path, text, replace) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists && !replace => Err(Error::Exists { path: path.to_path_buf() }),
        other => other.map_err(unwritten),
    }
}

/// Writes a text to any file in one step, and returns the error of the system.
///
/// # Errors
/// If the file cannot be written, or if it exists and `replace` is false.
pub fn write_whole(path: &Path, text: &[u8], replace: bool) -> io::Result<()> {
    let target = if replace { fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf()) } else { path.to_path_buf() };
    // only a file in the same folder can replace the target in one step
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !replace {
        fs::create_dir_all(folder)?;
    }
    sweep(folder);
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY).rand_bytes(RANDOM);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    // errors of the crate contain the name of the temporary file, which does not help users
    let mut file = builder.tempfile_in(folder).map_err(plain)?;
    file.as_file_mut().write_all(text)?;
    file.as_file().sync_all()?;
    if !replace {
        return file.persist_noclobber(&target).map(drop).map_err(|error| plain(error.error));
    }
    if let Ok(old) = fs::metadata(&target) {
        fs::set_permissions(file.path(), old.permissions())?;
    }
    file.persist(&target).map(drop).map_err(|error| plain(error.error))
}

/// Returns the error of the system without the text that the crate adds.
fn plain(error: io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => error.kind().into(),
    }
}

/// Number of random letters after the prefix of the name of a temporary file.
const RANDOM: usize = 8;

/// Removes temporary files of killed runs. Young files are kept, because another run may still write them.
fn sweep(folder: &Path) {
    const OLD: Duration = Duration::from_secs(60);
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let is_ours = name.len() == TEMPORARY.len() + RANDOM && name.as_encoded_bytes().starts_with(TEMPORARY.as_bytes());
        let data = entry.metadata().ok().filter(|data| is_ours && data.is_file());
        let age = data.and_then(|data| data.modified().ok()?.elapsed().ok());
        if age.is_some_and(|age| age > OLD) {
            // a file that cannot be removed does not prevent writing
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    #[test]
    fn files_that_a_killed_run_left_are_removed_by_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let [old, new, other] =
            [".supalint-tmp-aaaaaaaa", ".supalint-tmp-bbbbbbbb", ".supalint-baseline"].map(|name| folder.path().join(name));
        for path in [&old, &new, &other] {
            fs::write(path, "part of a").unwrap();
        }
        let hour_ago = SystemTime::now() - Duration::from_secs(3600);
        for path in [&old, &other] {
            fs::File::options().write(true).open(path).unwrap().set_modified(hour_ago).unwrap();
        }
        put(&folder.path().join("a.sql"), b"select 1;", false).unwrap();
        assert_eq!([old, new, other].map(|path| path.exists()), [false, true, true]);
    }

    #[test]
    fn what_stands_there_is_replaced_only_if_that_is_wanted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sql");
        put(&path, b"one", false).unwrap();
        assert!(matches!(put(&path, b"two", false), Err(Error::Exists { .. })));
        put(&path, b"three", true).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"three");
        let error = put(&folder.path().join("missing/a.sql"), b"", true).unwrap_err().to_string();
        assert!(error.contains("create its folder") && !error.contains(TEMPORARY), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let [file, link] = ["file", "link"].map(|name| folder.path().join(name));
        fs::write(&file, "before").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        put(&link, b"after", true).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&file).unwrap(), b"after");
    }
}
