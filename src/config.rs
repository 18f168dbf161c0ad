//! What a project says about itself: `supalint.toml`, and what `supabase/config.toml` already holds.
//!
//! Promises: a setting nobody knows, or a value nobody can use, is refused with its line and never skipped over. Of the Supabase
//! file only what matters here is read; all else in it, known or not, is Supabase's own concern.
//! Whether the rules named in settings exist is not judged here: only who knows the rules can tell.

use crate::error::Error;
use crate::finding::Severity;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use toml::de::DeTable;

/// What runs the migrations, and so what exists before the first of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Platform {
    Supabase,
    Postgres,
}

/// What the API roles may do with a new object in `public` that no migration grants.
/// Supabase changed it: new projects since 2026-05-30, all since 2026-10-30. Says nothing about plain PostgreSQL, which grants none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DefaultPrivileges {
    /// As Supabase had it when the migration was written.
    #[default]
    ByDate,
    /// All, to `anon`, `authenticated` and `service_role`.
    Granted,
    None,
}

/// How `--fix` makes and drops indexes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IndexForm {
    /// CONCURRENTLY, a few each in a file of its own, more together.
    #[default]
    Auto,
    /// CONCURRENTLY, each in a file of its own: what every Supabase CLI runs.
    Each,
    /// CONCURRENTLY, together in one file.
    Together,
    /// In a transaction, which keeps writers out for its time.
    Off,
}

/// A rule's severity in this project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Off,
    Info,
    Warn,
    Error,
}

impl Level {
    /// None if the rule does not run.
    pub fn severity(self) -> Option<Severity> {
        match self {
            Level::Off => None,
            Level::Info => Some(Severity::Info),
            Level::Warn => Some(Severity::Warn),
            Level::Error => Some(Severity::Error),
        }
    }
}

/// Lowest severity that makes the exit status 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum FailOn {
    Error,
    Warn,
    Info,
    Never,
}

/// Settings with every default filled in, save those that the command line or the rules themselves decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The settings file, if there is one: to be named when something in it is wrong.
    pub path: Option<PathBuf>,
    /// None: to be told from the files.
    pub platform: Option<Platform>,
    /// Schemas the API exposes. `graphql_public` may be among them: it exposes nothing of `public`.
    pub exposed_schemas: Vec<String>,
    pub default_privileges: DefaultPrivileges,
    /// Columns that say whose a row is, where customers share tables.
    pub tenant_columns: Vec<String>,
    /// Ids of rules or groups; empty means all.
    pub select: Vec<String>,
    pub ignore: Vec<String>,
    /// By id of rule or group.
    pub severity: BTreeMap<String, Level>,
    pub fail_on: Option<FailOn>,
    /// Major version.
    pub postgres_version: u32,
    pub index_concurrently: IndexForm,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            path: None,
            platform: None,
            exposed_schemas: vec!["public".to_string()],
            default_privileges: DefaultPrivileges::default(),
            tenant_columns: TENANT_COLUMNS.map(str::to_string).to_vec(),
            select: Vec::new(),
            ignore: Vec::new(),
            severity: BTreeMap::new(),
            fail_on: None,
            postgres_version: NEWEST_POSTGRES,
            index_concurrently: IndexForm::default(),
        }
    }
}

/// What `supabase init` writes as `major_version`.
const NEWEST_POSTGRES: u32 = 17;

/// Names that mean whoever rents the product. Places within a tenant (store, branch, location, project, group) are left out.
const TENANT_COLUMNS: [&str; 18] = [
    "organization_id",
    "organisation_id",
    "org_id",
    "tenant_id",
    "workspace_id",
    "team_id",
    "account_id",
    "company_id",
    "customer_id",
    "business_id",
    "agency_id",
    "merchant_id",
    "household_id",
    "school_id",
    "clinic_id",
    "practice_id",
    "studio_id",
    "restaurant_id",
];

/// The settings file in a project's root, or in its `supabase` folder.
pub const FILE: &str = "supalint.toml";

/// `supalint.toml` as written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    platform: Option<Platform>,
    exposed_schemas: Option<Vec<String>>,
    default_privileges: Option<DefaultPrivileges>,
    tenant_columns: Option<Vec<String>>,
    select: Option<Vec<String>>,
    ignore: Option<Vec<String>>,
    severity: Option<BTreeMap<String, Level>>,
    fail_on: Option<FailOn>,
    postgres_version: Option<u32>,
    index_concurrently: Option<IndexForm>,
}

/// Every field of [`Settings`]: serde knows them too, but tells them only in prose.
const SETTINGS: [&str; 10] = [
    "platform",
    "exposed_schemas",
    "default_privileges",
    "tenant_columns",
    "select",
    "ignore",
    "severity",
    "fail_on",
    "postgres_version",
    "index_concurrently",
];

/// Reads what a project says.
///
/// `chosen` is used instead of the root's own `supalint.toml`. `supabase` is the file that Supabase's tools read, if the project has one.
///
/// # Errors
/// If a file is there and cannot be used, or `chosen` is not there.
pub fn read(root: &Path, chosen: Option<&Path>, supabase: Option<&Path>) -> Result<Config, Error> {
    let mut config = Config::default();
    if let Some(path) = supabase
        && let Some(text) = text(path)?
    {
        config.hear_supabase(path, &text)?;
    }
    let mut own = root.join(FILE);
    // Where the repository is the `supabase` folder, what is above it is not the project's.
    if let Some(beside) = supabase.map(|path| path.with_file_name(FILE))
        && !own.exists()
        && beside.exists()
    {
        own = beside;
    }
    let path = chosen.unwrap_or(&own);
    match text(path)? {
        Some(text) => config.hear(path, &text)?,
        None if chosen.is_some() => return Err(unusable(path, "there is no such file; name another with --config".to_string())),
        None => {}
    }
    Ok(config)
}

/// Whether a `config.toml` that stands beside a folder of migrations is Supabase's: many tools name theirs so.
pub fn is_supabase(path: &Path) -> bool {
    let table = fs::read_to_string(path).ok().and_then(|text| text.parse::<toml::Table>().ok()).unwrap_or_default();
    table.contains_key("project_id") || ["api", "db", "auth", "storage"].iter().filter(|name| table.contains_key(**name)).count() > 1
}

impl Config {
    fn hear(&mut self, path: &Path, text: &str) -> Result<(), Error> {
        let table = DeTable::parse(text).map_err(|error| broken(path, text, &error))?;
        // The first in the file, not in the alphabet.
        let unknown = table.get_ref().keys().filter(|key| !SETTINGS.contains(&key.get_ref().as_ref())).min_by_key(|key| key.span().start);
        if let Some(key) = unknown {
            let near = nearest(key.get_ref()).map(|near| format!("; did you mean `{near}`?"));
            let near = near.unwrap_or_else(|| format!("; known are {}", SETTINGS.join(", ")));
            return Err(unusable(path, format!("line {}: unknown setting `{}`{near}", line(text, key.span().start), key.get_ref())));
        }
        let settings: Settings = toml::from_str(text).map_err(|error| broken(path, text, &error))?;
        if let Some(version) = settings.postgres_version
            && !MAJOR_VERSIONS.contains(&version)
        {
            return Err(unusable(path, format!("`postgres_version` is the major version, such as {NEWEST_POSTGRES}, not {version}")));
        }
        let Settings {
            platform,
            exposed_schemas,
            default_privileges,
            tenant_columns,
            select,
            ignore,
            severity,
            fail_on,
            postgres_version,
            index_concurrently,
        } = settings;
        self.path = Some(path.to_path_buf());
        self.platform = platform.or(self.platform);
        self.fail_on = fail_on.or(self.fail_on);
        replace(&mut self.exposed_schemas, exposed_schemas);
        replace(&mut self.default_privileges, default_privileges);
        replace(&mut self.tenant_columns, tenant_columns);
        replace(&mut self.select, select);
        replace(&mut self.ignore, ignore);
        replace(&mut self.severity, severity);
        replace(&mut self.postgres_version, postgres_version);
        replace(&mut self.index_concurrently, index_concurrently);
        Ok(())
    }

    fn hear_supabase(&mut self, path: &Path, text: &str) -> Result<(), Error> {
        let table: toml::Table = toml::from_str(text).map_err(|error| broken(path, text, &error))?;
        let api = table.get("api");
        let schemas = api.and_then(|api| api.get("schemas")).and_then(toml::Value::as_array).map(|schemas| {
            schemas.iter().filter_map(toml::Value::as_str).filter(|name| !is_placeholder(name)).map(str::to_string).collect::<Vec<_>>()
        });
        // PostgREST exposes `public` if it is told of no schema.
        replace(&mut self.exposed_schemas, schemas.filter(|schemas| !schemas.is_empty()));
        let exposes = api.and_then(|api| api.get("auto_expose_new_tables")).and_then(toml::Value::as_bool);
        replace(
            &mut self.default_privileges,
            exposes.map(|exposes| if exposes { DefaultPrivileges::Granted } else { DefaultPrivileges::None }),
        );
        let version = table.get("db").and_then(|db| db.get("major_version")).and_then(toml::Value::as_integer);
        let version = version.and_then(|version| u32::try_from(version).ok()).filter(|version| MAJOR_VERSIONS.contains(version));
        replace(&mut self.postgres_version, version);
        Ok(())
    }
}

/// From the first that counted majors in one number, with room for those to come.
const MAJOR_VERSIONS: std::ops::RangeInclusive<u32> = 10..=99;

/// The CLI fills `env(NAME)` in from the environment, which a report must not depend on.
fn is_placeholder(value: &str) -> bool {
    value.starts_with("env(") && value.ends_with(')')
}

fn replace<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

/// None if there is no such file.
fn text(path: &Path) -> Result<Option<String>, Error> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(Error::Unreadable { path: path.to_path_buf(), source }),
    };
    let text =
        String::from_utf8(bytes).map_err(|error| Error::NotText { path: path.to_path_buf(), at: error.utf8_error().valid_up_to() })?;
    Ok(Some(text.strip_prefix('\u{feff}').map(str::to_string).unwrap_or(text)))
}

fn unusable(path: &Path, reason: String) -> Error {
    Error::Settings { path: path.to_path_buf(), reason }
}

fn broken(path: &Path, text: &str, error: &toml::de::Error) -> Error {
    // Its own message spans lines; ours is one.
    let message = error.message().trim().replace('\n', ", ");
    match error.span() {
        Some(span) => unusable(path, format!("line {}: {message}", line(text, span.start))),
        None => unusable(path, message),
    }
}

/// Counted from 1.
fn line(text: &str, at: usize) -> usize {
    text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count() + 1
}

/// The setting that was probably meant.
fn nearest(name: &str) -> Option<&'static str> {
    const ALIKE: f64 = 0.8;
    let name = name.to_lowercase().replace('-', "_");
    SETTINGS
        .into_iter()
        .map(|known| (known, strsim::jaro_winkler(&name, known).max(strsim::normalized_damerau_levenshtein(&name, known))))
        .filter(|(_, alike)| *alike >= ALIKE)
        .max_by(|one, other| one.1.total_cmp(&other.1))
        .map(|(known, _)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Settings as read from a project with these two files.
    fn heard(own: &str, supabase: &str) -> Result<Config, String> {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join(FILE), own).unwrap();
        let other = root.path().join("config.toml");
        fs::write(&other, supabase).unwrap();
        read(root.path(), None, Some(&other)).map_err(|error| {
            let message = error.to_string();
            message.split_once("usable: ").map_or(message.clone(), |(_, reason)| reason.to_string())
        })
    }

    fn refused(own: &str) -> String {
        heard(own, "").unwrap_err()
    }

    #[test]
    fn nothing_said_means_the_defaults() {
        let config = heard("", "").unwrap();
        assert_eq!(config, Config { path: config.path.clone(), ..Config::default() });
        assert_eq!(config.exposed_schemas, ["public"]);
        assert_eq!(config.postgres_version, 17);
        let root = tempfile::tempdir().unwrap();
        assert_eq!(read(root.path(), None, Some(&root.path().join("config.toml"))).unwrap(), Config::default());
    }

    #[test]
    fn every_setting_is_read() {
        let own = r#"
            platform = "postgres"
            exposed_schemas = ["api"]
            default_privileges = "by-date"
            tenant_columns = ["shop_id"]
            select = ["rls"]
            ignore = ["index/foreign-key"]
            fail_on = "never"
            postgres_version = 15
            index_concurrently = "each"
            [severity]
            "rls/disabled" = "off"
            index = "info"
        "#;
        let config = heard(own, "").unwrap();
        let severity = [("rls/disabled".to_string(), Level::Off), ("index".to_string(), Level::Info)].into();
        let told = Config {
            path: config.path.clone(),
            platform: Some(Platform::Postgres),
            exposed_schemas: vec!["api".to_string()],
            default_privileges: DefaultPrivileges::ByDate,
            tenant_columns: vec!["shop_id".to_string()],
            select: vec!["rls".to_string()],
            ignore: vec!["index/foreign-key".to_string()],
            severity,
            fail_on: Some(FailOn::Never),
            postgres_version: 15,
            index_concurrently: IndexForm::Each,
        };
        assert_eq!(config, told);
        assert_eq!([Level::Off, Level::Warn].map(Level::severity), [None, Some(Severity::Warn)]);
    }

    #[test]
    fn the_list_of_settings_is_whole() {
        let error = toml::from_str::<Settings>("no_such_thing = 1").unwrap_err();
        let known: Vec<&str> = error.message().split('`').skip(3).step_by(2).collect();
        assert_eq!(known, SETTINGS);
    }

    #[test]
    fn what_is_not_known_is_refused_with_its_line_and_a_near_name() {
        for (written, reason) in [
            ("\nexposed_schema = []", "line 2: unknown setting `exposed_schema`; did you mean `exposed_schemas`?"),
            ("fail-on = 'warn'", "line 1: unknown setting `fail-on`; did you mean `fail_on`?"),
            ("zebra = 1\napple = 2", &format!("line 1: unknown setting `zebra`; known are {}", SETTINGS.join(", "))),
            ("# c\n[serverity]\nx = 'off'", "line 2: unknown setting `serverity`; did you mean `severity`?"),
        ] {
            assert_eq!(refused(written), reason);
        }
    }

    #[test]
    fn what_is_not_usable_is_refused_with_its_line() {
        for (written, reason) in [
            ("platform = 'oracle'", "line 1: unknown variant `oracle`, expected `supabase` or `postgres`"),
            ("\n\nselect = 'rls'", "line 3: invalid type: string \"rls\", expected a sequence"),
            ("[severity]\n'rls/disabled' = 'low'", "line 2: unknown variant `low`, expected one of `off`, `info`, `warn`, `error`"),
            ("postgres_version = 150004", "`postgres_version` is the major version, such as 17, not 150004"),
        ] {
            assert_eq!(refused(written), reason);
        }
        assert!(refused("platform = 'postgres'\nselect = [").starts_with("line 2: "), "{}", refused("select = ["));
        assert!(refused("ignore = []\nignore = []").starts_with("line 2: duplicate key"), "{}", refused("ignore = []\nignore = []"));
    }

    #[test]
    fn the_supabase_file_tells_what_settings_do_not() {
        let supabase = r#"
            project_id = "x"
            [api]
            schemas = ["public", "graphql_public", "app", "env(MORE)"]
            auto_expose_new_tables = false
            [db]
            major_version = 15
            [auth.external.apple]
            secret = "env(SECRET)"
            [a.section.nobody.knows]
            at_all = true
        "#;
        let config = heard("", supabase).unwrap();
        assert_eq!(config.exposed_schemas, ["public", "graphql_public", "app"]);
        assert_eq!(config.default_privileges, DefaultPrivileges::None);
        assert_eq!(config.postgres_version, 15);
        let config = heard("exposed_schemas = []\ndefault_privileges = 'granted'\npostgres_version = 16", supabase).unwrap();
        assert!(config.exposed_schemas.is_empty());
        assert_eq!((config.default_privileges, config.postgres_version), (DefaultPrivileges::Granted, 16));
        let exposing = heard("", "[api]\nauto_expose_new_tables = true").unwrap();
        assert_eq!(exposing.default_privileges, DefaultPrivileges::Granted);
    }

    #[test]
    fn odd_values_in_the_supabase_file_leave_the_defaults() {
        let odd = "api = 3\n[db]\nmajor_version = 'env(VERSION)'";
        assert_eq!(Config { path: None, ..heard("", odd).unwrap() }, Config::default());
        let odd = "[api]\nschemas = []\nauto_expose_new_tables = 'env(X)'\n[db]\nmajor_version = -3";
        assert_eq!(Config { path: None, ..heard("", odd).unwrap() }, Config::default());
        assert!(heard("", "[api]\nschemas = [\n[db]\n").unwrap_err().starts_with("line "));
    }

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

    #[test]
    fn a_file_of_that_name_may_be_another_tools() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("config.toml");
        for (text, is) in [("project_id = 'x'", true), ("[api]\n[db]", true), ("[db]\nurl = 'x'", false), ("title = [", false)] {
            fs::write(&path, text).unwrap();
            assert_eq!(is_supabase(&path), is, "{text}");
        }
        assert!(!is_supabase(root.path()));
    }
}
