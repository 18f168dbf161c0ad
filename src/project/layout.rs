//! Entries of a folder of migrations: which of them run, with which version, and in which order.
//!
//! Promises: only names and kinds of entries decide.

use super::text::Decoded;
use super::{EarlierState, SkipReason, plan};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// Kind of an entry of a folder. For a link, it is the kind of its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    File,
    Folder,
    Other,
}

/// Names in a folder of migrations.
#[derive(Clone, Debug, Default)]
pub struct Folder {
    /// Entries of the folder, in the byte order of their names, in which the Supabase runner reads them.
    pub entries: BTreeMap<OsString, Kind>,
    /// Paths of files in its folders that may be migrations: those that [`Folder::candidates`] names.
    pub nested: BTreeSet<PathBuf>,
    /// Text of the plan next to the folder, for sqitch.
    pub plan: Option<String>,
}

impl Folder {
    /// Returns the paths in folders that are migrations if they are files.
    pub fn candidates(&self) -> Vec<PathBuf> {
        let own = |name: &OsStr| OWN_FOLDER_FILES.map(|file| Path::new(name).join(file));
        let folders = self.entries.iter().filter(|(_, kind)| **kind == Kind::Folder);
        let planned = self.plan.as_deref().map(plan::scripts).unwrap_or_default();
        folders.flat_map(|(name, _)| own(name)).chain(planned).collect()
    }

    /// Returns an earlier state of the folder.
    pub fn at(mut self, earlier: &EarlierState) -> Folder {
        self.entries.retain(|name, _| !earlier.absent.contains(Path::new(name)));
        self.nested.retain(|path| !earlier.absent.contains(path));
        for path in earlier.texts.keys() {
            let Some(first) = path.components().next().map(|part| part.as_os_str().to_os_string()) else { continue };
            if path.as_os_str() == first {
                self.entries.insert(first, Kind::File);
            } else {
                self.entries.entry(first).or_insert(Kind::Folder);
                self.nested.insert(path.clone());
            }
        }
        self
    }

    fn is_file(&self, path: &Path) -> bool {
        self.nested.contains(path) || self.entries.get(path.as_os_str()) == Some(&Kind::File)
    }
}

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

/// Decides which entries of a folder run.
pub fn arrange(folder: &Folder) -> Listing {
    let first = folder.entries.keys().next().cloned().unwrap_or_default();
    if let Some(plan) = &folder.plan {
        return Listing { entries: planned(folder, plan::scripts(plan)), lenient: true, planned: true, first };
    }
    let files: Vec<(&Path, Kind)> =
        folder.entries.iter().map(|(name, kind)| (Path::new(name), *kind)).filter(|(name, _)| is_sql(name)).collect();
    let of_kind_file = || files.iter().filter(|(_, kind)| *kind == Kind::File).map(|(path, _)| path);

    if of_kind_file().next().is_none() {
        let entries: Vec<Entry> = folder.entries.keys().filter_map(|name| in_own_folder(folder, name)).collect();
        if !entries.is_empty() {
            return Listing { entries, lenient: true, planned: false, first };
        }
    }
    // the strictest scheme that accepts a name
    const SCHEMES: [Scheme; 3] = [supabase_parts, digit_parts, any_parts];
    let scheme = SCHEMES.into_iter().position(|parts| of_kind_file().any(|path| parts(&shown(path)).is_some())).unwrap_or(0);
    let entry = |(relative, kind): &(&Path, Kind)| {
        let choice = match (kind, SCHEMES[scheme](&shown(relative))) {
            (Kind::Folder, _) => Choice::Skip(SkipReason::Directory),
            (Kind::Other, _) => Choice::Skip(SkipReason::NotAFile),
            (Kind::File, None) => Choice::Skip(SkipReason::Name),
            (Kind::File, Some((version, name))) => Choice::Run { version, name },
        };
        Entry { relative: relative.to_path_buf(), choice, decoded: Decoded::default() }
    };
    let entries = files.iter().map(entry).collect();
    Listing { entries, lenient: scheme > 0, planned: false, first }
}

/// Returns the scripts of a plan in its order, followed by scripts of the folder that are not in the plan.
fn planned(folder: &Folder, order: Vec<PathBuf>) -> Vec<Entry> {
    let entry = |relative: PathBuf, choice: Choice| Entry { relative, choice, decoded: Decoded::default() };
    let is_file = |path: &PathBuf| folder.is_file(path);
    let name = |path: &Path| shown(&path.with_extension(""));
    let rest = folder.entries.keys().map(PathBuf::from).filter(|path| is_sql(path) && !order.contains(path));
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

/// Prefix of temporary files, which stay if a run is killed.
pub const TEMPORARY: &str = ".supalint-tmp-";

pub fn is_sql(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("sql"))
}

/// Names of the file of a migration with its own folder, in Prisma and Diesel.
pub const OWN_FOLDER_FILES: [&str; 2] = ["migration.sql", "up.sql"];

fn in_own_folder(folder: &Folder, name: &OsString) -> Option<Entry> {
    let file = OWN_FOLDER_FILES.into_iter().find(|file| folder.is_file(&Path::new(name).join(file)))?;
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
