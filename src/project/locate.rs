//! Paths to a folder of migrations and the project around it.
//!
//! Promises: looks at names and kinds only; what a path means does not depend on what else was asked.

use super::{layout, unreadable};
use crate::config;
use crate::error::Error;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Component, Path, PathBuf};
use walkdir::{DirEntry, WalkDir};

/// Where a project is.
#[derive(Debug, PartialEq, Eq)]
pub struct Place {
    pub root: PathBuf,
    pub folder: PathBuf,
    /// Files named by the user, from the folder.
    pub named: Vec<PathBuf>,
    pub is_supabase: bool,
    /// Where `config.toml` is, or would be.
    pub supabase_config: Option<PathBuf>,
}

/// The project that `here` is in, or is.
pub fn around(here: &Path) -> Result<Place, Error> {
    let folder = here.ancestors().find_map(inside);
    folder.map(|folder| Place::of(folder, Vec::new())).ok_or_else(|| no_migrations(here, Path::new("")))
}

/// The project that the paths name; there is one at least.
pub fn named(paths: &[PathBuf]) -> Result<Place, Error> {
    let mut place: Option<(PathBuf, Vec<PathBuf>)> = None;
    for path in paths {
        let is_folder = match fs::metadata(path) {
            Ok(data) => data.is_dir(),
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(Error::NoSuchPath { path: path.clone() }),
            Err(error) => return Err(unreadable(path)(error)),
        };
        if is_folder && paths.len() == 1 {
            return folder(path);
        }
        let (folder, name) = if is_folder { (path.clone(), PathBuf::new()) } else { file(path)? };
        let (known, names) = place.get_or_insert_with(|| (folder.clone(), Vec::new()));
        if is_folder || !is_same(known, &folder) {
            let other = paths.iter().find(|other| *other != path).unwrap_or(path);
            return Err(Error::ManyPaths { one: other.clone(), other: path.clone() });
        }
        names.push(name);
    }
    let (folder, names) = place.ok_or_else(|| no_migrations(Path::new("."), Path::new("")))?;
    Ok(Place::of(folder, names))
}

fn folder(path: &Path) -> Result<Place, Error> {
    let whole = absolute(path)?;
    let is_folder_of_migrations = || match whole.file_name() {
        Some(name) if name == "migrations" => is_supabase_folder(whole.parent()) || layout::may_hold_migrations(&whole),
        _ => layout::holds_migrations(&whole),
    };
    match inside(&whole) {
        Some(folder) => Ok(Place::of(folder, Vec::new())),
        None if is_folder_of_migrations() => Ok(Place::of(whole, Vec::new())),
        // One that nobody can look into is not one without migrations.
        None => {
            fs::read_dir(&whole).map_err(unreadable(path))?;
            Err(no_migrations(path, path))
        }
    }
}

/// The folder of a file's migrations, and the file's path in it.
fn file(path: &Path) -> Result<(PathBuf, PathBuf), Error> {
    let no_file = || Error::NotSql { path: path.to_path_buf() };
    let name = path.file_name().filter(|_| layout::is_sql(path)).ok_or_else(no_file)?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let parent = absolute(parent)?;
    if layout::OWN_FOLDER_FILES.iter().any(|file| name == *file)
        && let (Some(folder), Some(own)) = (parent.parent(), parent.file_name())
        && layout::holds_folders(folder)
    {
        return Ok((folder.to_path_buf(), Path::new(own).join(name)));
    }
    Ok((parent, PathBuf::from(name)))
}

/// The folder of migrations that a project, or its `supabase` folder, holds.
fn inside(project: &Path) -> Option<PathBuf> {
    let supabase = project.join("supabase/migrations");
    let plain = project.join("migrations");
    if supabase.is_dir() {
        Some(supabase)
    } else if plain.is_dir() && (is_supabase_folder(Some(project)) || layout::may_hold_migrations(&plain)) {
        Some(plain)
    } else {
        None
    }
}

/// Nothing in a folder, which users reach by `way`; told are the projects further down, as in a repository of many.
fn no_migrations(folder: &Path, way: &Path) -> Error {
    /// Folders down.
    const DEPTH: usize = 4;
    let holds_projects = |entry: &DirEntry| {
        let name = entry.file_name();
        let foreign = name.as_encoded_bytes().starts_with(b".") || name == "node_modules" || name == "target";
        entry.depth() == 0 || entry.file_type().is_dir() && !foreign
    };
    let folders = WalkDir::new(folder).min_depth(1).max_depth(DEPTH).sort_by_file_name().into_iter().filter_entry(holds_projects);
    let projects = folders.flatten().filter(|entry| {
        let path = entry.path();
        // Drizzle's folder is a folder of migrations itself
        let holds = || inside(path).is_some_and(|folder| layout::holds_migrations(&folder));
        let itself = || entry.file_name() == "drizzle" && layout::holds_migrations(path);
        !is_supabase_folder(Some(path)) && (holds() || itself())
    });
    let shown = |entry: DirEntry| way.join(entry.path().strip_prefix(folder).unwrap_or(entry.path()));
    Error::NoMigrations { path: folder.to_path_buf(), projects: projects.map(shown).collect() }
}

fn is_supabase_folder(path: Option<&Path>) -> bool {
    path.and_then(Path::file_name).is_some_and(|name| name == "supabase")
}

fn is_same(one: &Path, other: &Path) -> bool {
    one == other || matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

/// Links stay as they are, for a folder may be known by the name of the link; but nobody can tell what `..` behind one means.
fn absolute(path: &Path) -> Result<PathBuf, Error> {
    let has_parent = path.components().any(|part| part == Component::ParentDir);
    let whole: io::Result<PathBuf> = if has_parent { path.canonicalize() } else { std::path::absolute(path) };
    whole.map_err(unreadable(path))
}

impl Place {
    fn of(folder: PathBuf, mut named: Vec<PathBuf>) -> Place {
        named.sort();
        named.dedup();
        let is_called_migrations = folder.file_name().is_some_and(|name| name == "migrations");
        let root = match folder.parent() {
            Some(parent) if is_called_migrations && is_supabase_folder(Some(parent)) => parent.parent().unwrap_or(parent),
            Some(parent) if is_called_migrations => parent,
            _ => &folder,
        };
        let own = root.join("supabase");
        let supabase_config = if own.is_dir() {
            Some(own.join("config.toml"))
        } else {
            // A supabase folder under another name.
            Some(root.join("config.toml")).filter(|path| config::is_supabase(path))
        };
        let root = root.to_path_buf();
        Place { root, folder, named, is_supabase: supabase_config.is_some(), supabase_config }
    }
}
