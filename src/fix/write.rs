//! Planned files on the disk.
//!
//! Promises: a file appears whole or not at all, and none that is there is ever replaced. If one can't be written, those behind it are
//! not: they may build on it.

use super::files::PlannedFile;
use crate::error::Error;
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;

/// Writes files in their order; `told` hears of each that is there.
///
/// # Errors
/// If one cannot be written.
pub fn write(folder: &Path, files: &[PlannedFile], mut told: impl FnMut(&PlannedFile)) -> Result<(), Error> {
    for planned in files {
        let path = folder.join(&planned.name);
        put(&path, planned.text.as_bytes(), false)?;
        told(planned);
    }
    Ok(())
}

/// Puts a text in its place in one step.
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
