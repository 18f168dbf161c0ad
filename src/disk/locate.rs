//! Paths to a folder of migrations and the project around it.
//!
//! Promises: only names and kinds of entries are read. The meaning of a path does not depend on the other paths.

use super::code::relative;
use super::{listing, plan_of, repository, settings, unreadable};
use crate::error::Error;
use crate::project::layout::{self, Kind};
use crate::project::{Place, is_sql};
use std::ffi::OsString;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Component, Path, PathBuf};
use walkdir::{DirEntry, WalkDir};

/// Returns the project that contains `current_dir`, otherwise the only project below it.
pub fn around(current_dir: &Path) -> Result<Place, Error> {
    for folder in current_dir.ancestors() {
        if let Some(migrations) = inside(folder)? {
            return Ok(place_of(migrations, Vec::new()));
        }
    }
    only_project_below(current_dir, Path::new(""))
}

/// Returns the project to which a file of application code belongs.
fn of_code(path: &Path) -> Result<Place, Error> {
    let parent = absolute(path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")))?;
    around(&parent).or_else(|error| match repository(&parent).0 {
        // the project can be in another folder of the repository
        Some(repository) => only_project_below(&repository, &repository),
        None => Err(error),
    })
}

/// Returns the project of one or more paths.
pub fn of_paths(paths: &[PathBuf]) -> Result<Place, Error> {
    let (code, paths): (Vec<PathBuf>, Vec<PathBuf>) = paths.iter().cloned().partition(|path| supalint_queries::is_code(path));
    let mut place = match code.first() {
        Some(path) if paths.is_empty() => of_code(path)?,
        _ => of_migrations(&paths)?,
    };
    for path in code {
        if is_folder(&path)? {
            return Err(Error::NotSql { path });
        }
        place.passed_code.push(relative(&place.root, &absolute(&path)?));
    }
    Ok(place)
}

fn of_migrations(paths: &[PathBuf]) -> Result<Place, Error> {
    let mut place: Option<(PathBuf, Vec<PathBuf>)> = None;
    let is_one = paths.iter().all(|path| is_same(path, &paths[0]));
    for path in paths {
        let is_folder = is_folder(path)?;
        if is_folder && is_one {
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
    Ok(place_of(folder, names))
}

/// Groups paths by their folder of migrations. If the folder itself is passed, files in it are dropped.
pub fn each(paths: &[PathBuf]) -> Result<Vec<Vec<PathBuf>>, Error> {
    let mut projects: Vec<(PathBuf, Vec<PathBuf>)> = Vec::new();
    for path in paths {
        let migrations = if is_folder(path)? {
            folder(path)?.folder
        } else if supalint_queries::is_code(path) {
            of_code(path)?.folder
        } else {
            file(path)?.0
        };
        match projects.iter_mut().find(|(known, _)| is_same(known, &migrations)) {
            Some((_, all)) => all.push(path.clone()),
            None => projects.push((migrations, vec![path.clone()])),
        }
    }
    let whole = |paths: Vec<PathBuf>| match paths.iter().find(|path| path.is_dir()) {
        Some(folder) => vec![folder.clone()],
        None => paths,
    };
    Ok(projects.into_iter().map(|(_, paths)| whole(paths)).collect())
}

fn is_folder(path: &Path) -> Result<bool, Error> {
    match fs::metadata(path) {
        Ok(data) => Ok(data.is_dir()),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(Error::NoSuchPath { path: path.to_path_buf() }),
        Err(error) => Err(unreadable(path)(error)),
    }
}

fn folder(path: &Path) -> Result<Place, Error> {
    let absolute_path = absolute(path)?;
    let is_folder_of_migrations = || match absolute_path.file_name() {
        Some(name) if name == "migrations" => is_supabase_folder(absolute_path.parent()) || may_hold_migrations(&absolute_path),
        _ => holds_migrations(&absolute_path),
    };
    match inside(&absolute_path)? {
        Some(folder) => Ok(place_of(folder, Vec::new())),
        None if is_folder_of_migrations() => Ok(place_of(absolute_path, Vec::new())),
        // a folder that cannot be read is an error, because it may contain migrations
        None => {
            fs::read_dir(&absolute_path).map_err(unreadable(path))?;
            only_project_below(&absolute_path, path)
        }
    }
}

/// Returns the folder of migrations of a file, and the path of the file in it.
fn file(path: &Path) -> Result<(PathBuf, PathBuf), Error> {
    let no_file = || Error::NotSql { path: path.to_path_buf() };
    let name = path.file_name().filter(|_| is_sql(path)).ok_or_else(no_file)?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let parent = absolute(parent)?;
    // a seed or dump next to the folder of migrations is not a migration
    if let Some(folder) = inside(&parent)? {
        let folder = folder.strip_prefix(&parent).map(|relative| path.with_file_name(relative)).unwrap_or(folder);
        return Err(Error::NotAMigration { path: path.to_path_buf(), folder });
    }
    if layout::OWN_FOLDER_FILES.iter().any(|file| name == *file)
        && let (Some(folder), Some(own)) = (parent.parent(), parent.file_name())
        && holds_folders(folder)
    {
        return Ok((folder.to_path_buf(), Path::new(own).join(name)));
    }
    Ok((parent, PathBuf::from(name)))
}

/// Returns the folder of migrations in a project or in its `supabase` folder.
fn inside(project: &Path) -> Result<Option<PathBuf>, Error> {
    let [supabase, plain, deploy] = ["supabase/migrations", "migrations", "deploy"].map(|name| project.join(name));
    if is_there(&supabase)? {
        return Ok(Some(supabase));
    }
    if is_there(&plain)? && (is_supabase_folder(Some(project)) || may_hold_migrations(&plain)) {
        return Ok(Some(plain));
    }
    Ok(Some(deploy).filter(|deploy| plan_of(deploy).is_some() && deploy.is_dir()))
}

/// Returns whether a folder contains a folder of Supabase migrations.
pub fn is_project(folder: &Path) -> bool {
    folder.join("supabase/migrations").is_dir()
}

/// Returns whether a folder exists. A folder that cannot be read is an error.
fn is_there(folder: &Path) -> Result<bool, Error> {
    match fs::metadata(folder) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Err(unreadable(folder)(error)),
        data => Ok(data.is_ok_and(|data| data.is_dir())),
    }
}

/// Returns the folder of declarative schemas next to a folder of migrations, if it contains SQL.
pub fn schemas(migrations: &Path) -> Option<PathBuf> {
    let folder = migrations.with_file_name("schemas");
    let is_called_migrations = migrations.file_name().is_some_and(|name| name == "migrations");
    Some(folder).filter(|folder| is_called_migrations && holds_migrations(folder))
}

/// Returns the only project below a folder. `passed_path` is the path of the folder as the user passed it.
fn only_project_below(folder: &Path, passed_path: &Path) -> Result<Place, Error> {
    match below(folder).as_slice() {
        [only] => match inside(only)? {
            Some(migrations) => Ok(place_of(migrations, Vec::new())),
            None => Ok(place_of(only.clone(), Vec::new())),
        },
        _ => Err(no_migrations(folder, passed_path)),
    }
}

/// Returns the error for a folder without a project. It lists the projects below the folder.
fn no_migrations(folder: &Path, passed_path: &Path) -> Error {
    let schemas = [folder.join("supabase/schemas"), folder.join("schemas")];
    if let Some(schemas) = schemas.into_iter().find(|path| is_supabase_folder(path.parent()) && holds_migrations(path)) {
        let shown = passed_path.join(schemas.strip_prefix(folder).unwrap_or(&schemas));
        return Error::Empty { path: folder.to_path_buf(), schemas: Some(shown) };
    }
    let shown = |path: PathBuf| passed_path.join(path.strip_prefix(folder).unwrap_or(&path));
    Error::NoMigrations { path: folder.to_path_buf(), projects: below(folder).into_iter().map(shown).collect() }
}

/// Returns the projects below a folder.
pub fn below(folder: &Path) -> Vec<PathBuf> {
    /// Maximum depth of the search in folders.
    const DEPTH: usize = 4;
    let holds_projects = |entry: &DirEntry| {
        let name = entry.file_name();
        let foreign = name.as_encoded_bytes().starts_with(b".") || name == "node_modules" || name == "target";
        entry.depth() == 0 || entry.file_type().is_dir() && !foreign
    };
    let folders = WalkDir::new(folder).min_depth(1).max_depth(DEPTH).sort_by_file_name().into_iter().filter_entry(holds_projects);
    let projects = folders.flatten().filter(|entry| {
        let path = entry.path();
        // the folder of Drizzle is itself a folder of migrations
        let holds = || inside(path).ok().flatten().is_some_and(|folder| holds_migrations(&folder));
        let itself = || entry.file_name() == "drizzle" && holds_migrations(path);
        !is_supabase_folder(Some(path)) && (holds() || itself())
    });
    projects.map(|entry| entry.path().to_path_buf()).collect()
}

fn is_supabase_folder(path: Option<&Path>) -> bool {
    path.and_then(Path::file_name).is_some_and(|name| name == "supabase")
}

fn is_same(one: &Path, other: &Path) -> bool {
    one == other || matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

/// Returns the absolute path. Links are kept, because users know the folder by the link, unless `..` follows.
fn absolute(path: &Path) -> Result<PathBuf, Error> {
    let has_parent = path.components().any(|part| part == Component::ParentDir);
    let absolute_path: io::Result<PathBuf> = if has_parent { path.canonicalize() } else { std::path::absolute(path) };
    absolute_path.map_err(unreadable(path))
}

/// Returns whether a folder may contain migrations. Many tools use the name `migrations` for a folder of programs. A folder that cannot be
/// read may contain migrations.
fn may_hold_migrations(folder: &Path) -> bool {
    let Ok(names) = super::folder(folder) else { return true };
    let is_foreign = |(name, kind): (&OsString, &Kind)| !name.as_encoded_bytes().starts_with(b".") && *kind == Kind::File;
    holds_migrations(folder) || !names.entries.iter().any(is_foreign)
}

fn holds_migrations(folder: &Path) -> bool {
    listing(folder).is_ok_and(|listing| !listing.entries.is_empty())
}

/// Returns whether each migration has its own folder.
fn holds_folders(folder: &Path) -> bool {
    listing(folder).is_ok_and(|listing| listing.entries.iter().any(|entry| entry.relative.components().count() > 1))
}

fn place_of(folder: PathBuf, mut passed_files: Vec<PathBuf>) -> Place {
    passed_files.sort();
    passed_files.dedup();
    let is_called_migrations = folder.file_name().is_some_and(|name| name == "migrations");
    let root = match folder.parent() {
        // declarative schemas are next to the migrations
        Some(parent) if is_supabase_folder(Some(parent)) => parent.parent().unwrap_or(parent),
        Some(parent) if is_called_migrations || plan_of(&folder).is_some() => parent,
        _ => &folder,
    };
    let own = root.join("supabase");
    let supabase_config = if own.is_dir() {
        Some(own.join("config.toml"))
    } else {
        // a `supabase` folder with another name
        Some(root.join("config.toml")).filter(|path| settings::is_supabase(path))
    };
    let root = root.to_path_buf();
    Place { root, folder, passed_files, passed_code: Vec::new(), is_supabase: supabase_config.is_some(), supabase_config }
}
