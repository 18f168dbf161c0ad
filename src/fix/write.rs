//! Writing of planned files.
//!
//! Promises: a file is written completely or not at all, and no existing file is replaced. If a file cannot be written, the following ones
//! are not written, because they may depend on it.

use super::files::PlannedFile;
use crate::error::Error;
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;

/// Writes files in order and calls `told` after each one.
///
/// # Errors
/// If a file cannot be written.
pub fn write(folder: &Path, files: &[PlannedFile], mut told: impl FnMut(&PlannedFile)) -> Result<(), Error> {
    for planned in files {
        let path = folder.join(&planned.name);
        put(&path, planned.text.as_bytes(), false)?;
        told(planned);
    }
    Ok(())
}

/// Writes a text to a file in one step.
pub fn put(path: &Path, text: &[u8], replace: bool) -> Result<(), Error> {
    let unwritten = |source| Error::Unwritten { path: path.to_path_buf(), source };
    let folder = path.parent().unwrap_or(Path::new("."));
    if !replace {
        fs::create_dir_all(folder).map_err(unwritten)?;
    }
    let mut builder = tempfile::Builder::new();
    builder.prefix(".supalint-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    // its own message names the temporary file, which means nothing to anyone
    let mut file = builder.tempfile_in(folder).map_err(|error| unwritten(error.kind().into()))?;
    file.write_all(text).and_then(|()| file.as_file().sync_all()).map_err(unwritten)?;
    let done = if replace {
        fs::metadata(path).and_then(|old| fs::set_permissions(file.path(), old.permissions())).map_err(unwritten)?;
        file.persist(path)
    } else {
        file.persist_noclobber(path)
    };
    match done {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == ErrorKind::AlreadyExists => Err(Error::Exists { path: path.to_path_buf() }),
        Err(error) => Err(unwritten(error.error)),
    }
}
