//! What a folder of migrations holds: which entries run, as what, and in which order.
//!
//! Promises: only names and kinds of entries are looked at; nothing but folders is opened, and no link is followed into a loop.

use super::text::Decoded;
use super::{Past, SkipReason, plan, unreadable};
use crate::error::Error;
use std::cmp::Ordering;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

/// Whether an entry runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    Run { version: String, name: String },
    Skip(SkipReason),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// From the folder.
    pub relative: PathBuf,
    pub choice: Choice,
    /// What it holds, once it is read.
    pub decoded: Decoded,
}

/// A folder, read.
#[derive(Debug, Default)]
pub struct Listing {
    /// In byte order.
    pub entries: Vec<Entry>,
    /// No entry has a name that the Supabase runner takes, and some run nevertheless.
    pub lenient: bool,
    /// A plan gives the order of entries.
    pub planned: bool,
    /// The first name of all in the folder, whatever it is.
    first: OsString,
}

/// What is in a folder, as it was.
pub fn list(folder: &Path, past: &Past) -> Result<Listing, Error> {
    let mut names = names(folder)?;
    names.retain(|(name, _)| !past.absent.contains(Path::new(name)));
    names.extend(past.texts.keys().filter_map(|path| path.components().next()).map(|first| (first.as_os_str().to_os_string(), None)));
    names.sort_by(|(one, _), (other, _)| one.as_encoded_bytes().cmp(other.as_encoded_bytes()));
    names.dedup_by(|(one, _), (other, _)| one == other);
    let kind = |name: &Path, kind: Option<Kind>| match kind {
        _ if past.texts.contains_key(name) => Kind::File,
        Some(kind) => kind,
        None => kind_behind(&folder.join(name)),
    };
    let first = names.first().map(|(name, _)| name.clone()).unwrap_or_default();
    if let Some(order) = plan::order(folder) {
        return Ok(Listing { entries: planned(folder, past, order, &names), lenient: true, planned: true, first });
    }
    let files = names.iter().map(|(name, kind)| (Path::new(name), *kind)).filter(|(name, _)| is_sql(name));
    let files: Vec<(PathBuf, Kind)> = files.map(|(name, known)| (name.to_path_buf(), kind(name, known))).collect();
    let of_kind_file = || files.iter().filter(|(_, kind)| *kind == Kind::File).map(|(path, _)| path);

    if of_kind_file().next().is_none() {
        let entries: Vec<Entry> = names.iter().filter_map(|(name, _)| in_own_folder(folder, past, name)).collect();
        if !entries.is_empty() {
            return Ok(Listing { entries, lenient: true, planned: false, first });
        }
    }
    // The strictest scheme that takes anything.
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

/// Scripts that a plan names, in its order, and behind them those of the folder that it does not name.
fn planned(folder: &Path, past: &Past, order: Vec<PathBuf>, names: &[(OsString, Option<Kind>)]) -> Vec<Entry> {
    let is_file = |path: &PathBuf| past.texts.contains_key(path) || !past.absent.contains(path) && folder.join(path).is_file();
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
    /// What the Supabase runner leaves out although the name is right: the file with which its first versions began every project.
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

    /// What other runners keep beside a migration to take it back.
    pub fn skip_undos(&mut self) {
        for entry in self.entries.iter_mut().filter(|entry| entry.runs() && undoes(&shown(&entry.relative))) {
            entry.choice = Choice::Skip(SkipReason::Undo);
        }
    }

    /// As runners do that compare numbers: 9 before 10, and what has no number last. Where each migration has a folder, its name counts as text.
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

/// Whether the folder holds migrations, or nothing that says it holds anything else: many tools call a folder of programs so.
/// One that cannot be read might.
pub fn may_hold_migrations(folder: &Path) -> bool {
    let Ok(names) = names(folder) else { return true };
    let is_foreign = |(name, _): &(OsString, Option<Kind>)| !name.as_encoded_bytes().starts_with(b".") && folder.join(name).is_file();
    holds_migrations(folder) || !names.iter().any(is_foreign)
}

pub fn holds_migrations(folder: &Path) -> bool {
    list(folder, &Past::default()).is_ok_and(|listing| !listing.entries.is_empty())
}

/// Whether each migration has a folder of its own.
pub fn holds_folders(folder: &Path) -> bool {
    list(folder, &Past::default()).is_ok_and(|listing| listing.entries.iter().any(|entry| entry.relative.components().count() > 1))
}

/// What names of temporary files begin with. A run that is killed leaves them.
pub const TEMPORARY: &str = ".supalint-tmp-";

/// All names in byte order, which is how the Supabase runner meets them. What a link leads to is not known yet.
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
    /// None for a link.
    fn of(kind: fs::FileType) -> Option<Kind> {
        match () {
            () if kind.is_symlink() => None,
            () if kind.is_dir() => Some(Kind::Folder),
            () if kind.is_file() => Some(Kind::File),
            () => Some(Kind::Other),
        }
    }
}

fn kind_behind(path: &Path) -> Kind {
    // A link that leads nowhere fails again where it is read, and is named there.
    fs::metadata(path).ok().and_then(|data| Kind::of(data.file_type())).unwrap_or(Kind::File)
}

pub fn is_sql(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("sql"))
}

/// The file of a migration that has its own folder: Prisma's, Diesel's.
pub const OWN_FOLDER_FILES: [&str; 2] = ["migration.sql", "up.sql"];

fn in_own_folder(folder: &Path, past: &Past, name: &OsString) -> Option<Entry> {
    let is_file = |path: &PathBuf| past.texts.contains_key(path) || !past.absent.contains(path) && folder.join(path).is_file();
    let file = OWN_FOLDER_FILES.into_iter().find(|file| is_file(&Path::new(name).join(file)))?;
    let text = name.to_string_lossy();
    // Diesel's versions have dashes: 2024-01-31-093000.
    let end = text.find(|letter: char| !letter.is_ascii_digit() && letter != '-').unwrap_or(text.len());
    let (version, name_part) = text.split_at(end);
    let name_part = name_part.strip_prefix('_').unwrap_or(name_part).to_string();
    let choice = Choice::Run { version: version.trim_end_matches('-').to_string(), name: name_part };
    Some(Entry { relative: Path::new(name).join(file), choice, decoded: Decoded::default() })
}

/// Version and name that a file's name gives; None if the file does not run.
type Scheme = fn(&str) -> Option<(String, String)>;

/// The Supabase runner's own rule: `^([0-9]+)_(.*)\.sql$`.
fn supabase_parts(name: &str) -> Option<(String, String)> {
    let stem = name.strip_suffix(".sql")?;
    let (version, rest) = stem.split_at(digits(stem));
    let rest = rest.strip_prefix('_').filter(|rest| !version.is_empty() && !rest.contains('\n'))?;
    Some((version.to_string(), rest.to_string()))
}

/// Anything that begins with a number: `20250101093000-a1b2….sql`, `001 tables.sql`, `1.2.sql`.
fn digit_parts(name: &str) -> Option<(String, String)> {
    let stem = stem(name)?;
    let version = dotted(stem, &['.']);
    let rest = &stem[version..];
    (version > 0).then(|| (stem[..version].to_string(), rest.strip_prefix(['_', '-', ' ', '.']).unwrap_or(rest).to_string()))
}

/// Anything at all; Flyway's `V1_2__name.sql` has a version.
fn any_parts(name: &str) -> Option<(String, String)> {
    let stem = stem(name)?;
    let version = stem.strip_prefix(['V', 'v']).map_or("", |rest| &rest[..dotted(rest, &['.', '_'])]);
    match version {
        "" => Some((String::new(), stem.to_string())),
        version => Some((version.replace('_', "."), stem[version.len() + 1..].trim_start_matches('_').to_string())),
    }
}

/// Without its ending; None for what editors and systems hide.
fn stem(name: &str) -> Option<&str> {
    name.get(..name.len().checked_sub(".sql".len())?).filter(|_| !name.starts_with('.'))
}

fn undoes(name: &str) -> bool {
    let undo = name.strip_prefix('U').is_some_and(|rest| rest.starts_with(|letter: char| letter.is_ascii_digit()) && rest.contains("__"));
    undo || stem(name).is_some_and(|stem| stem.to_ascii_lowercase().ends_with(".down"))
}

/// How many digits stand first.
fn digits(text: &str) -> usize {
    text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len())
}

/// Length of the numbers, with one separator between each two, that stand first.
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
    /// Greater than all other numbers, and equal to every date: of dates, text knows the order.
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

/// What a version's author counted by.
pub fn number_or_date(version: &str) -> Number {
    let is_date = version.trim_start_matches('0').len() >= "20250101".len();
    if is_date { Number::Date } else { Number::of(version) }
}

/// As users see a path: with forward slashes.
pub fn shown(path: &Path) -> String {
    path.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}
