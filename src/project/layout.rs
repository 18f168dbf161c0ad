//! Entries of a folder of migrations: which of them run, with which version, and in which order.
//!
//! Promises: only names and kinds of entries are read. Only folders are opened, and links are not followed in loops.

use super::text::Decoded;
use super::{EarlierState, SkipReason, plan, unreadable};
use crate::error::Error;
use std::cmp::Ordering;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

/// Whether and how an entry runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    Run { version: String, name: String },
    Skip(SkipReason),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Path relative to the folder.
    pub relative: PathBuf,
    pub choice: Choice,
    /// Content, after it is read.
    pub decoded: Decoded,
}

/// Entries of a folder.
#[derive(Debug, Default)]
pub struct Listing {
    /// Entries in the byte order of their names.
    pub entries: Vec<Entry>,
    /// Whether no entry has a name that the Supabase runner accepts, so other names run too.
    pub lenient: bool,
    /// Whether a plan defines the order of entries.
    pub planned: bool,
    /// First name in the folder, of any kind.
    first: OsString,
}

/// Lists the entries of an earlier state of a folder.
pub fn list(folder: &Path, earlier: &EarlierState) -> Result<Listing, Error> {
    let mut names = names(folder)?;
    names.retain(|(name, _)| !earlier.absent.contains(Path::new(name)));
    names.extend(earlier.texts.keys().filter_map(|path| path.components().next()).map(|first| (first.as_os_str().to_os_string(), None)));
    names.sort_by(|(one, _), (other, _)| one.as_encoded_bytes().cmp(other.as_encoded_bytes()));
    names.dedup_by(|(one, _), (other, _)| one == other);
    let kind = |name: &Path, kind: Option<Kind>| match kind {
        _ if earlier.texts.contains_key(name) => Kind::File,
        Some(kind) => kind,
        None => kind_of_target(&folder.join(name)),
    };
    let first = names.first().map(|(name, _)| name.clone()).unwrap_or_default();
    if let Some(order) = plan::order(folder) {
        return Ok(Listing { entries: planned(folder, earlier, order, &names), lenient: true, planned: true, first });
    }
    let files = names.iter().map(|(name, kind)| (Path::new(name), *kind)).filter(|(name, _)| is_sql(name));
    let files: Vec<(PathBuf, Kind)> = files.map(|(name, known)| (name.to_path_buf(), kind(name, known))).collect();
    let of_kind_file = || files.iter().filter(|(_, kind)| *kind == Kind::File).map(|(path, _)| path);

    if of_kind_file().next().is_none() {
        let entries: Vec<Entry> = names.iter().filter_map(|(name, _)| in_own_folder(folder, earlier, name)).collect();
        if !entries.is_empty() {
            return Ok(Listing { entries, lenient: true, planned: false, first });
        }
    }
    // the strictest scheme that accepts a name
    const SCHEMES: [Scheme; 3] = [supabase_parts, digit_parts, any_parts];
    let scheme = SCHEMES.into_iter().position(|parts| of_kind_file().any(|path| parts(&shown(path)).is_some())).unwrap_or(0);
    let entry = |(relative, kind): (PathBuf, Kind)| {
        let choice = match (kind, SCHEMES[scheme](&shown(&relative))) {
            (Kind::Folder, _) => Choice::Skip(SkipReason::Directory),
            (Kind::Other, _) => Choice::Skip(SkipReason::NotAFile),
            (Kind::File, None) => Choice::Skip(SkipReason::Name),
            (Kind::File, Some((version, name))) => Choice::Run { version, name },
        };
        Entry { relative, choice, decoded: Decoded::default() }
    };
    let entries = files.into_iter().map(entry).collect();
    Ok(Listing { entries, lenient: scheme > 0, planned: false, first })
}

/// Returns the scripts of a plan in its order, followed by scripts of the folder that are not in the plan.
fn planned(folder: &Path, earlier: &EarlierState, order: Vec<PathBuf>, names: &[(OsString, Option<Kind>)]) -> Vec<Entry> {
    let is_file = |path: &PathBuf| earlier.texts.contains_key(path) || !earlier.absent.contains(path) && folder.join(path).is_file();
    let entry = |relative: PathBuf, choice: Choice| Entry { relative, choice, decoded: Decoded::default() };
    let name = |path: &Path| shown(&path.with_extension(""));
    let rest = names.iter().map(|(name, _)| PathBuf::from(name)).filter(|path| is_sql(path) && !order.contains(path));
    let rest: Vec<Entry> = rest.filter(is_file).map(|path| entry(path, Choice::Skip(SkipReason::Undo))).collect();
    let run = order.into_iter().filter(is_file).map(|path| {
        let choice = Choice::Run { version: String::new(), name: name(&path) };
        entry(path, choice)
    });
    run.chain(rest).collect()
}

impl Listing {
    /// Skips the `init` file that old versions of the Supabase CLI created, as the runner does.
    pub fn skip_old_init(&mut self) {
        const LAST: &str = "20211209000000";
        let first = self.first.to_string_lossy();
        let Some((before, _)) = first.split_once("_init.sql") else { return };
        let timestamp = before.len().checked_sub(LAST.len()).and_then(|start| before.get(start..));
        if timestamp.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()) && digits < LAST)
            && let Some(entry) = self.entries.first_mut().filter(|entry| entry.relative.as_os_str() == self.first && entry.runs())
        {
            entry.choice = Choice::Skip(SkipReason::OldInit);
        }
    }

    /// Skips files that undo a migration, in projects of other runners.
    pub fn skip_undos(&mut self) {
        for entry in self.entries.iter_mut().filter(|entry| entry.runs() && undoes(&shown(&entry.relative))) {
            entry.choice = Choice::Skip(SkipReason::Undo);
        }
    }

    /// Sorts by number, as other runners do: 9 before 10, and names without a number last. If each migration has a folder, they are sorted
    /// as text.
    pub fn sort_by_number(&mut self) {
        if self.planned || self.entries.iter().any(|entry| entry.relative.components().count() > 1) {
            return;
        }
        self.entries.sort_by_cached_key(|entry| {
            let numbers = match &entry.choice {
                Choice::Run { version, .. } if !version.is_empty() => Some(numbers(version)),
                _ => None,
            };
            (numbers.is_none(), numbers, entry.relative.clone().into_os_string().into_encoded_bytes())
        });
    }
}

impl Entry {
    pub fn runs(&self) -> bool {
        matches!(self.choice, Choice::Run { .. })
    }
}

/// Returns whether a folder may contain migrations. Many tools use the name `migrations` for a folder of programs. A folder that cannot be
/// read may contain migrations.
pub fn may_hold_migrations(folder: &Path) -> bool {
    let Ok(names) = names(folder) else { return true };
    let is_foreign = |(name, _): &(OsString, Option<Kind>)| !name.as_encoded_bytes().starts_with(b".") && folder.join(name).is_file();
    holds_migrations(folder) || !names.iter().any(is_foreign)
}

pub fn holds_migrations(folder: &Path) -> bool {
    list(folder, &EarlierState::default()).is_ok_and(|listing| !listing.entries.is_empty())
}

/// Returns whether each migration has its own folder.
pub fn holds_folders(folder: &Path) -> bool {
    list(folder, &EarlierState::default()).is_ok_and(|listing| listing.entries.iter().any(|entry| entry.relative.components().count() > 1))
}

/// Prefix of temporary files, which stay if a run is killed.
pub const TEMPORARY: &str = ".supalint-tmp-";

/// Returns all names in byte order, as the Supabase runner reads them. The targets of links are not read yet.
fn names(folder: &Path) -> Result<Vec<(OsString, Option<Kind>)>, Error> {
    let entries = fs::read_dir(folder).map_err(unreadable(folder))?;
    let name = |entry: fs::DirEntry| (entry.file_name(), entry.file_type().ok().and_then(Kind::of));
    let mut names = entries.map(|entry| entry.map(name)).collect::<Result<Vec<_>, _>>().map_err(unreadable(folder))?;
    names.retain(|(name, _)| !name.as_encoded_bytes().starts_with(TEMPORARY.as_bytes()));
    names.sort_by(|(one, _), (other, _)| one.as_encoded_bytes().cmp(other.as_encoded_bytes()));
    Ok(names)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    File,
    Folder,
    Other,
}

impl Kind {
    /// Returns the kind, or `None` for a link.
    fn of(kind: fs::FileType) -> Option<Kind> {
        match () {
            () if kind.is_symlink() => None,
            () if kind.is_dir() => Some(Kind::Folder),
            () if kind.is_file() => Some(Kind::File),
            () => Some(Kind::Other),
        }
    }
}

fn kind_of_target(path: &Path) -> Kind {
    // reading a broken link fails later, with its path
    fs::metadata(path).ok().and_then(|data| Kind::of(data.file_type())).unwrap_or(Kind::File)
}

pub fn is_sql(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("sql"))
}

/// Names of the file of a migration with its own folder, in Prisma and Diesel.
pub const OWN_FOLDER_FILES: [&str; 2] = ["migration.sql", "up.sql"];

fn in_own_folder(folder: &Path, earlier: &EarlierState, name: &OsString) -> Option<Entry> {
    let is_file = |path: &PathBuf| earlier.texts.contains_key(path) || !earlier.absent.contains(path) && folder.join(path).is_file();
    let file = OWN_FOLDER_FILES.into_iter().find(|file| is_file(&Path::new(name).join(file)))?;
    let text = name.to_string_lossy();
    // versions of Diesel contain dashes: 2024-01-31-093000
    let end = text.find(|letter: char| !letter.is_ascii_digit() && letter != '-').unwrap_or(text.len());
    let (version, name_part) = text.split_at(end);
    let name_part = name_part.strip_prefix('_').unwrap_or(name_part).to_string();
    let choice = Choice::Run { version: version.trim_end_matches('-').to_string(), name: name_part };
    Some(Entry { relative: Path::new(name).join(file), choice, decoded: Decoded::default() })
}

/// Function that returns the version and name in a file name, or `None` if the file does not run.
type Scheme = fn(&str) -> Option<(String, String)>;

/// Scheme of the Supabase runner: `^([0-9]+)_(.*)\.sql$`.
fn supabase_parts(name: &str) -> Option<(String, String)> {
    let stem = name.strip_suffix(".sql")?;
    let (version, rest) = stem.split_at(digits(stem));
    let rest = rest.strip_prefix('_').filter(|rest| !version.is_empty() && !rest.contains('\n'))?;
    Some((version.to_string(), rest.to_string()))
}

/// Scheme of names that begin with a number: `20250101093000-a1b2….sql`, `001 tables.sql`, `1.2.sql`.
fn digit_parts(name: &str) -> Option<(String, String)> {
    let stem = stem(name)?;
    let version = dotted(stem, &['.']);
    let rest = &stem[version..];
    (version > 0).then(|| (stem[..version].to_string(), rest.strip_prefix(['_', '-', ' ', '.']).unwrap_or(rest).to_string()))
}

/// Scheme of all names. `V1_2__name.sql` of Flyway has a version.
fn any_parts(name: &str) -> Option<(String, String)> {
    let stem = stem(name)?;
    let version = stem.strip_prefix(['V', 'v']).map_or("", |rest| &rest[..dotted(rest, &['.', '_'])]);
    match version {
        "" => Some((String::new(), stem.to_string())),
        version => Some((version.replace('_', "."), stem[version.len() + 1..].trim_start_matches('_').to_string())),
    }
}

/// Returns the name without the extension, or `None` for hidden files.
fn stem(name: &str) -> Option<&str> {
    name.get(..name.len().checked_sub(".sql".len())?).filter(|_| !name.starts_with('.'))
}

fn undoes(name: &str) -> bool {
    let undo = name.strip_prefix('U').is_some_and(|rest| rest.starts_with(|letter: char| letter.is_ascii_digit()) && rest.contains("__"));
    undo || stem(name).is_some_and(|stem| stem.to_ascii_lowercase().ends_with(".down"))
}

/// Returns the number of digits at the start.
fn digits(text: &str) -> usize {
    text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len())
}

/// Returns the length of the numbers at the start, which are separated by single separators.
fn dotted(text: &str, separators: &[char]) -> usize {
    let mut end = digits(text);
    while end > 0
        && let Some(rest) = text[end..].strip_prefix(separators)
        && digits(rest) > 0
    {
        end += 1 + digits(rest);
    }
    end
}

/// A number of any length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Number {
    Digits(String),
    /// A date. It is greater than all other numbers and equal to every date, because dates are in order as text.
    Date,
}

impl Number {
    fn of(digits: &str) -> Number {
        Number::Digits(digits.trim_start_matches('0').to_string())
    }

    fn order(&self) -> (bool, usize, &str) {
        match self {
            Number::Digits(digits) => (false, digits.len(), digits),
            Number::Date => (true, 0, ""),
        }
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Number) -> Ordering {
        self.order().cmp(&other.order())
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Number) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

fn numbers(version: &str) -> Vec<Number> {
    version.split(|letter: char| !letter.is_ascii_digit()).map(Number::of).collect()
}

/// Returns the number or date of a version.
pub fn number_or_date(version: &str) -> Number {
    let is_date = version.trim_start_matches('0').len() >= "20250101".len();
    if is_date { Number::Date } else { Number::of(version) }
}

/// Returns a path with forward slashes, as it is shown.
pub fn shown(path: &Path) -> String {
    path.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}
