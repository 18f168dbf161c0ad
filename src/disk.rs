//! Files on the disk: migrations, settings, and files that supalint writes.
//!
//! Promises: only this module reads migrations and settings. Links are not followed in loops. Limits: a migration that cannot be read is an
//! error, because the schema would be incomplete without it.

mod code;
mod locate;
mod repository;
mod settings;
#[cfg(test)]
mod tests;
pub mod write;

use crate::config::Config;
use crate::error::Error;
use crate::project::layout::{self, Choice, Entry, Folder, Kind, Listing, TEMPORARY};
use crate::project::text::{self, Decoded};
use crate::project::{self, EarlierState, Place, Platform, Project, SkipReason, plan};
use crate::source::{FileId, Sources};
pub use code::{code, code_root, relative};
pub use repository::repository;
pub use settings::{ordinary, text};
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Finds the project of `paths` (or of the current folder if there are none), and reads its settings and migrations.
///
/// `config` is used instead of the project's `supalint.toml`. Texts are added to `sources` in the order in which they run, followed by files
/// that do not run.
///
/// # Errors
/// If a path or a migration cannot be read, there are no migrations, or the settings are invalid.
pub fn open(paths: &[PathBuf], config: Option<&Path>, sources: &mut Sources) -> Result<Project, Error> {
    read_from(find(paths)?, config, sources)
}

/// Returns the location of the project of `paths`, or of the current folder if there are none.
///
/// # Errors
/// If there is no project, or a path cannot be read.
pub fn find(paths: &[PathBuf]) -> Result<Place, Error> {
    if paths.is_empty() {
        let current_dir = std::env::current_dir().map_err(|source| Error::Unreadable { path: ".".into(), source })?;
        return locate::around(&current_dir);
    }
    locate::of_paths(paths)
}

/// Returns the paths grouped by project, in the order of the first path of each project.
///
/// # Errors
/// If a path cannot be read, or contains no project.
pub fn each(paths: &[PathBuf]) -> Result<Vec<Vec<PathBuf>>, Error> {
    locate::each(paths)
}

/// Returns the folder of declarative schemas next to the folder of migrations, if it contains SQL.
pub fn schemas(project: &Project) -> Option<PathBuf> {
    locate::schemas(&project.folder)
}

/// Reads a project at a known location.
///
/// # Errors
/// As [`open`].
pub fn read_from(place: Place, config: Option<&Path>, sources: &mut Sources) -> Result<Project, Error> {
    let config = settings::read(&place.root, config, place.supabase_config.as_deref())?;
    let mut listing = layout::arrange(&folder(&place.folder)?);
    let mut buffer = Vec::new();
    for entry in &mut listing.entries {
        entry.decoded = read(entry, &place, &mut buffer)?;
    }
    Ok(Project::new(place, config, listing, &mut |path, text| sources.add(path, text)))
}

/// Returns a project with an earlier state of its folder. Unchanged texts have the same file in `sources`.
///
/// # Errors
/// If a file cannot be read.
pub fn at_revision(project: &Project, earlier: &EarlierState, sources: &mut Sources) -> Result<Project, Error> {
    let is_supabase = project.platform == Platform::Supabase && project.markers.is_none();
    let (root, own_folder) = (project.root.clone(), project.folder.clone());
    let place = Place { root, folder: own_folder, passed_files: Vec::new(), passed_code: Vec::new(), is_supabase, supabase_config: None };
    let known: HashMap<Arc<str>, (FileId, Arc<str>)> =
        sources.files().map(|(file, source)| (source.path.clone(), (file, sources.text(file)))).collect();
    let prefix = project::prefix(&place.root, &place.folder);
    let mut listing = layout::arrange(&folder(&place.folder)?.at(earlier));
    let mut buffer = Vec::new();
    for entry in &mut listing.entries {
        let known = known.get(&*(prefix.clone() + &layout::shown(&entry.relative)));
        entry.decoded = match (earlier.texts.get(&entry.relative), known) {
            (Some(bytes), _) => text::decode(bytes),
            (None, Some((file, text))) => {
                let problems = project.problems.iter().filter(|problem| problem.file == *file);
                Decoded { text: text.clone(), problems: problems.map(|problem| (problem.span, problem.kind)).collect() }
            }
            (None, None) => read(entry, &place, &mut buffer)?,
        };
    }
    let store = &mut |path: String, text: Arc<str>| match known.get(&*path) {
        Some((file, known)) if Arc::ptr_eq(known, &text) || *known == text => *file,
        Some(_) | None => sources.add_revision(path, text),
    };
    let config = Config { platform: Some(project.platform), ..project.config.clone() };
    Ok(Project { app: project.app.clone(), ..Project::new(place, config, listing, store) })
}

/// Returns the relative path from one folder to another, with `/` as separator and at the end. It is empty for the same folder.
pub fn relative_path(from: &Path, to: &Path) -> String {
    let common = from.components().zip(to.components()).take_while(|(one, other)| one == other).count();
    let up = from.components().skip(common).map(|_| "../".to_string());
    let down = to.components().skip(common).map(|part| format!("{}/", part.as_os_str().to_string_lossy()));
    up.chain(down).collect()
}

/// Returns the names in a folder of migrations. Only folders are opened.
fn folder(path: &Path) -> Result<Folder, Error> {
    let mut folder = Folder { plan: plan_of(path).and_then(|plan| read_lossy(&plan)), ..Folder::default() };
    for entry in fs::read_dir(path).map_err(unreadable(path))? {
        let entry = entry.map_err(unreadable(path))?;
        let name = entry.file_name();
        if !name.as_encoded_bytes().starts_with(TEMPORARY.as_bytes()) {
            let kind = entry.file_type().ok().and_then(kind_of).unwrap_or_else(|| kind_of_target(&entry.path()));
            folder.entries.insert(name, kind);
        }
    }
    folder.nested = folder.candidates().into_iter().filter(|file| path.join(file).is_file()).collect();
    Ok(folder)
}

/// Returns the path of the plan of sqitch next to a folder of scripts.
fn plan_of(folder: &Path) -> Option<PathBuf> {
    let is_deploy = folder.file_name().is_some_and(|name| name == "deploy");
    Some(folder.with_file_name(plan::FILE)).filter(|path| is_deploy && path.is_file())
}

fn read_lossy(path: &Path) -> Option<String> {
    Some(String::from_utf8_lossy(&fs::read(path).ok()?).into_owned())
}

/// Returns the kind, or `None` for a link.
fn kind_of(kind: fs::FileType) -> Option<Kind> {
    if kind.is_symlink() {
        None
    } else if kind.is_dir() {
        Some(Kind::Folder)
    } else if kind.is_file() {
        Some(Kind::File)
    } else {
        Some(Kind::Other)
    }
}

fn kind_of_target(path: &Path) -> Kind {
    // reading a broken link fails later, with its path
    fs::metadata(path).ok().and_then(|data| kind_of(data.file_type())).unwrap_or(Kind::File)
}

fn listing(path: &Path) -> Result<Listing, Error> {
    folder(path).map(|folder| layout::arrange(&folder))
}

/// Reads a file through a buffer, which is reused for other files.
fn read(entry: &Entry, place: &Place, buffer: &mut Vec<u8>) -> Result<Decoded, Error> {
    let path = place.folder.join(&entry.relative);
    let mut read_whole = || -> io::Result<Decoded> {
        buffer.clear();
        File::open(&path)?.read_to_end(buffer)?;
        let decoded = text::decode(buffer);
        // positions have 32 bits
        if u32::try_from(decoded.text.len()).is_err() {
            return Err(io::Error::other("larger than 4 GB"));
        }
        Ok(decoded)
    };
    match &entry.choice {
        // reading a pipe could wait forever
        Choice::Skip(SkipReason::Directory | SkipReason::NotAFile) => Ok(Decoded::default()),
        // an unreadable file that does not run and was not passed is no error
        Choice::Skip(_) if !place.passed_files.contains(&entry.relative) => Ok(read_whole().unwrap_or_default()),
        Choice::Skip(_) | Choice::Run { .. } => read_whole().map_err(unreadable(&path)),
    }
}

/// Returns a function that converts an error to one with the path.
fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::Unreadable { path: path.to_path_buf(), source }
}
