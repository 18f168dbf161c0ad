//! Files of settings.
//!
//! Promises: only ordinary files are opened.

use crate::config::{self, Config, FILE, SettingsFile};
use crate::error::Error;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

/// Reads the settings of a project.
///
/// `chosen` is used instead of `supalint.toml` in the root. `supabase` is the path of `supabase/config.toml`, if the project has one.
///
/// # Errors
/// If a file exists but is invalid, or `chosen` does not exist.
pub fn read(root: &Path, chosen: Option<&Path>, supabase: Option<&Path>) -> Result<Config, Error> {
    let mut own = root.join(FILE);
    // if the repository is the `supabase` folder, files above it do not belong to the project
    if let Some(beside) = supabase.map(|path| path.with_file_name(FILE))
        && !own.exists()
        && beside.exists()
    {
        own = beside;
    }
    let path = chosen.unwrap_or(&own);
    let own = text(path)?;
    if own.is_none() && chosen.is_some() {
        let reason = "there is no such file; name another with --config".to_string();
        return Err(Error::Settings { path: path.to_path_buf(), reason });
    }
    let of_supabase = supabase.map(text).transpose()?.flatten();
    let own = own.as_deref().map(|text| SettingsFile { path, text });
    let of_supabase = supabase.zip(of_supabase.as_deref()).map(|(path, text)| SettingsFile { path, text });
    let config = Config::read(own.as_ref(), of_supabase.as_ref())?;
    Ok(Config { path: config.path.map(|path| std::path::absolute(&path).unwrap_or(path)), ..config })
}

/// Returns whether a `config.toml` belongs to Supabase.
pub fn is_supabase(path: &Path) -> bool {
    text(path).ok().flatten().is_some_and(|text| config::is_supabase(&text))
}

/// Reads a file, or returns `None` if it does not exist.
///
/// # Errors
/// If it exists, but is not text or cannot be read.
pub fn text(path: &Path) -> Result<Option<String>, Error> {
    ordinary(path)?;
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(Error::Unreadable { path: path.to_path_buf(), source }),
    };
    let text =
        String::from_utf8(bytes).map_err(|error| Error::NotText { path: path.to_path_buf(), at: error.utf8_error().valid_up_to() })?;
    Ok(Some(text.strip_prefix('\u{feff}').map(str::to_string).unwrap_or(text)))
}

/// Checks that a path is an ordinary file or a link to one. Reading a pipe could wait forever, and a device may have no end.
///
/// # Errors
/// If the path is something else, except for a folder, which fails when it is opened.
pub fn ordinary(path: &Path) -> Result<(), Error> {
    let Ok(data) = fs::metadata(path) else { return Ok(()) };
    if data.is_file() || data.is_dir() {
        return Ok(());
    }
    Err(Error::NotAFile { path: path.to_path_buf(), kind: kind(data.file_type()) })
}

#[cfg(unix)]
fn kind(kind: fs::FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    match kind {
        kind if kind.is_fifo() => "a named pipe",
        kind if kind.is_socket() => "a socket",
        _ => "a device",
    }
}

#[cfg(not(unix))]
fn kind(_: fs::FileType) -> &'static str {
    "a device"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_settings_may_be_named_and_must_be_there() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join(FILE), "postgres_version = 15").unwrap();
        let other = root.path().join("other.toml");
        assert!(
            read(root.path(), Some(&other), None).unwrap_err().to_string().contains("other.toml` are not usable: there is no such file")
        );
        fs::write(&other, "\u{feff}select = ['rls']").unwrap();
        let config = read(root.path(), Some(&other), None).unwrap();
        assert_eq!((config.postgres_version, config.select, config.path), (17, vec!["rls".to_string()], Some(other.clone())));
        fs::write(&other, b"select = ['\xff']").unwrap();
        assert!(matches!(read(root.path(), Some(&other), None), Err(Error::NotText { at: 11, .. })));
        assert!(matches!(read(root.path(), Some(root.path()), None), Err(Error::Unreadable { .. })));
        let folder = root.path().join("supabase");
        fs::create_dir(&folder).unwrap();
        fs::rename(root.path().join(FILE), folder.join(FILE)).unwrap();
        assert_eq!(read(root.path(), None, Some(&folder.join("config.toml"))).unwrap().postgres_version, 15);
    }
}
