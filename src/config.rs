//! Settings of a project: `supalint.toml`, and the settings that `supabase/config.toml` contains.
//!
//! Promises: unknown settings and invalid values are errors with their line. In `supabase/config.toml`, only the settings that supalint uses
//! are read. Limits: the names of rules are not checked here.

mod allowance;
mod schema;
#[cfg(test)]
mod tests;

use crate::error::Error;
use crate::finding::Severity;
use allowance::Written;
pub use allowance::{Allowance, paths};
use globset::Glob;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Runner of the migrations. It determines which objects exist before the first migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Platform {
    Supabase,
    Postgres,
}

/// Privileges of the API roles on a new object in `public` without a GRANT.
/// Supabase discontinued them for new projects on 2026-05-30 and for all projects on 2026-10-30. PostgreSQL itself grants none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum DefaultPrivileges {
    /// The default of Supabase at the date of the migration.
    #[default]
    ByDate,
    /// All privileges for `anon`, `authenticated` and `service_role`.
    Granted,
    /// No privileges.
    None,
}

/// Form in which `--fix` creates and drops indexes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum IndexForm {
    /// CONCURRENTLY: one file per index for up to five indexes, and one file for more.
    #[default]
    Auto,
    /// CONCURRENTLY, with one file per index. Every version of the Supabase CLI can run them.
    Each,
    /// CONCURRENTLY, in one file.
    Together,
    /// Without CONCURRENTLY, in a transaction that blocks writes while it runs.
    Off,
}

/// Severity of a rule in this project. `off` disables the rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Off,
    Info,
    Warn,
    Error,
}

impl Level {
    /// Returns the severity, or `None` if the rule does not run.
    pub fn severity(self) -> Option<Severity> {
        match self {
            Level::Off => None,
            Level::Info => Some(Severity::Info),
            Level::Warn => Some(Severity::Warn),
            Level::Error => Some(Severity::Error),
        }
    }
}

/// Lowest severity that causes exit status 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, clap::ValueEnum)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum FailOn {
    Error,
    Warn,
    Info,
    Never,
}

/// Settings with defaults, except for those that the command line or the rules set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Path of the settings file, if it exists. Errors name it.
    pub path: Option<PathBuf>,
    /// Text of the settings file.
    pub text: String,
    /// Runner of the migrations. `None` detects it from the files.
    pub platform: Option<Platform>,
    /// Schemas that the API serves. `graphql_public` in this list does not expose tables of `public`.
    pub exposed_schemas: Vec<String>,
    pub default_privileges: DefaultPrivileges,
    /// Columns that separate tenants.
    pub tenant_columns: Vec<String>,
    /// Ids of rules or groups that run. An empty list means all rules.
    pub select: Vec<String>,
    pub ignore: Vec<String>,
    /// Severities by id of a rule or group.
    pub severity: BTreeMap<String, Level>,
    pub fail_on: Option<FailOn>,
    /// Major version of PostgreSQL.
    pub postgres_version: u32,
    /// Whether `[auth] enable_anonymous_sign_ins` of supabase/config.toml lets anyone sign in without credentials.
    pub anonymous_sign_ins: bool,
    /// Address of the custom access token hook in supabase/config.toml, if it is enabled: `pg-functions://…` or `https://…`.
    pub token_hook: Option<String>,
    /// Whether supabase/config.toml enables a third-party auth provider, whose tokens have their own claims.
    pub third_party_auth: bool,
    pub index_concurrently: IndexForm,
    /// Migrations whose problems are not reported, although their statements count.
    pub ignored_paths: Vec<Glob>,
    /// Version after which problems are reported.
    pub since_version: Option<String>,
    /// File of known problems.
    pub baseline: Option<PathBuf>,
    /// Allowed problems, by their object.
    pub allow: Vec<Allowance>,
    pub queries: Queries,
    /// `[api] max_rows` of supabase/config.toml: the largest number of rows that the API returns.
    pub max_rows: i64,
}

/// Default of `[api] max_rows`. Source: Supabase's documentation, "Supabase CLI config".
const MAX_ROWS: i64 = 1000;

/// Files of application code whose queries are checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Queries {
    /// Folders and files, relative to the root of the project. `None` means the repository, or the root of the project if the repository has
    /// several projects.
    pub paths: Option<Vec<PathBuf>>,
    /// Files that are not read, as globs over paths relative to the root of the project.
    pub ignore: Vec<Glob>,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            path: None,
            text: String::new(),
            platform: None,
            exposed_schemas: vec!["public".to_string()],
            default_privileges: DefaultPrivileges::default(),
            tenant_columns: TENANT_COLUMNS.map(str::to_string).to_vec(),
            select: Vec::new(),
            ignore: Vec::new(),
            severity: BTreeMap::new(),
            fail_on: None,
            postgres_version: NEWEST_POSTGRES,
            anonymous_sign_ins: false,
            token_hook: None,
            third_party_auth: false,
            index_concurrently: IndexForm::default(),
            ignored_paths: Vec::new(),
            since_version: None,
            baseline: None,
            allow: Vec::new(),
            queries: Queries::default(),
            max_rows: MAX_ROWS,
        }
    }
}

/// Value of `major_version` that `supabase init` writes.
const NEWEST_POSTGRES: u32 = 17;

/// Usual names of tenant columns. Parts of a tenant (store, branch, location, project, group) are excluded.
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

/// Name of the settings file in the root of a project, or in its `supabase` folder.
pub const FILE: &str = "supalint.toml";

/// Settings of supalint, in `supalint.toml` next to `supabase/`.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(title = "supalint.toml"))]
#[serde(deny_unknown_fields)]
struct Settings {
    /// Runner of the migrations [default: detected from the files].
    platform: Option<Platform>,
    /// Schemas that the API serves [default: `[api] schemas` of supabase/config.toml, or public].
    exposed_schemas: Option<Vec<String>>,
    /// Privileges of anon and authenticated on new tables without a GRANT [default: by-date].
    default_privileges: Option<DefaultPrivileges>,
    /// Columns that separate tenants [default: usual names, such as organization_id and tenant_id].
    tenant_columns: Option<Vec<String>>,
    /// Rules that run: ids or groups [default: all].
    #[cfg_attr(test, schemars(with = "Option<Vec<schema::Rule>>"))]
    select: Option<Vec<String>>,
    /// Rules that do not run: ids or groups.
    #[cfg_attr(test, schemars(with = "Option<Vec<schema::Rule>>"))]
    ignore: Option<Vec<String>>,
    /// Severities of rules, by id or group. `off` disables a rule.
    #[cfg_attr(test, schemars(schema_with = "schema::severities"))]
    #[serde(default)]
    severity: Option<BTreeMap<String, Level>>,
    /// Lowest severity that causes exit status 1 [default: warn].
    fail_on: Option<FailOn>,
    /// Major version of PostgreSQL [default: `[db] major_version` of supabase/config.toml].
    #[cfg_attr(test, schemars(range(min = 10, max = 99)))]
    postgres_version: Option<u32>,
    /// Form in which `--fix` creates and drops indexes [default: auto].
    index_concurrently: Option<IndexForm>,
    /// Migrations whose problems are not reported, as globs over paths relative to the project. Their statements still count.
    #[cfg_attr(test, schemars(with = "Option<Vec<String>>"))]
    ignored_paths: Option<Vec<Spanned<String>>>,
    /// Report only problems of migrations after this version.
    #[cfg_attr(test, schemars(schema_with = "schema::version"))]
    #[serde(default)]
    since_version: Option<Spanned<toml::Value>>,
    /// File of known problems that are not reported, relative to this file. `supalint check --write-baseline` writes it.
    baseline: Option<PathBuf>,
    /// Allowed problems, each with a reason.
    allow: Option<Vec<Written>>,
    /// Application code whose queries are checked.
    queries: Option<QuerySettings>,
}

/// Application code whose queries are checked.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct QuerySettings {
    /// Folders and files with code, relative to the project [default: the repository].
    paths: Option<Vec<PathBuf>>,
    /// Files that are not read, as globs over paths relative to the project. Files in .gitignore are never read.
    #[cfg_attr(test, schemars(with = "Option<Vec<String>>"))]
    ignore: Option<Vec<Spanned<String>>>,
}

/// Names of the fields of [`QuerySettings`].
const QUERY_SETTINGS: [&str; 2] = ["paths", "ignore"];

/// Names of the fields of [`Settings`], because serde exposes them only in error messages.
const SETTINGS: [&str; 15] = [
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
    "ignored_paths",
    "since_version",
    "baseline",
    "allow",
    "queries",
];

/// Returns whether a `config.toml` next to a folder of migrations belongs to Supabase. Many tools use this name.
pub fn is_supabase(text: &str) -> bool {
    let table = text.parse::<toml::Table>().unwrap_or_default();
    table.contains_key("project_id") || ["api", "db", "auth", "storage"].iter().filter(|name| table.contains_key(**name)).count() > 1
}

/// A file of settings.
pub struct SettingsFile<'a> {
    pub path: &'a Path,
    pub text: &'a str,
}

impl Config {
    /// Returns the settings of `supalint.toml` and of `supabase/config.toml`.
    ///
    /// # Errors
    /// If a file is invalid.
    pub fn read(own: Option<&SettingsFile<'_>>, supabase: Option<&SettingsFile<'_>>) -> Result<Config, Error> {
        let mut config = Config::default();
        if let Some(SettingsFile { path, text }) = supabase {
            config.apply_supabase(path, text)?;
        }
        if let Some(SettingsFile { path, text }) = own {
            config.apply(path, text)?;
        }
        Ok(config)
    }

    fn apply(&mut self, path: &Path, text: &str) -> Result<(), Error> {
        let table = DeTable::parse(text).map_err(|error| broken(path, text, &error))?;
        known(path, text, "setting", table.get_ref(), &SETTINGS)?;
        if let Some(DeValue::Array(allows)) = table.get_ref().get("allow").map(Spanned::get_ref) {
            for allow in allows.iter().filter_map(|allow| allow.get_ref().as_table()) {
                known(path, text, "key of [[allow]]", allow, &allowance::KEYS)?;
            }
        }
        if let Some(DeValue::Table(queries)) = table.get_ref().get("queries").map(Spanned::get_ref) {
            known(path, text, "key of [queries]", queries, &QUERY_SETTINGS)?;
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
            ignored_paths,
            since_version,
            baseline,
            allow,
            queries,
        } = settings;
        let at = |span: std::ops::Range<usize>| move |reason: String| unusable(path, format!("line {}: {reason}", line(text, span.start)));
        let globs = |setting: &str, written: Vec<Spanned<String>>| {
            let first = written.first().map(Spanned::span).unwrap_or_default();
            let globs = written.iter().map(|glob| allowance::path_glob(glob.get_ref()).map_err(at(glob.span())));
            let globs: Vec<Glob> = globs.collect::<Result<_, _>>()?;
            allowance::compile(setting, &globs).map_err(at(first))?;
            Ok(globs)
        };
        let ignored_paths = ignored_paths.map(|written| globs("ignored_paths", written)).transpose()?;
        if let Some(QuerySettings { paths, ignore }) = queries {
            self.queries.paths = paths.or(self.queries.paths.take());
            replace(&mut self.queries.ignore, ignore.map(|written| globs("ignore", written)).transpose()?);
        }
        let since_version = since_version.map(|version| allowance::version(version.get_ref()).map_err(at(version.span()))).transpose()?;
        let read = |allow: Written| {
            let span = allow.span();
            allow.read().map_err(at(span))
        };
        let allow = allow.map(|allow| allow.into_iter().map(read).collect::<Result<Vec<_>, _>>()).transpose()?;
        let folder = path.parent().unwrap_or(Path::new(""));
        self.text = text.to_string();
        self.since_version = since_version.or(self.since_version.take());
        self.baseline = baseline.map(|baseline| folder.join(baseline)).or(self.baseline.take());
        replace(&mut self.ignored_paths, ignored_paths);
        replace(&mut self.allow, allow);
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

    fn apply_supabase(&mut self, path: &Path, text: &str) -> Result<(), Error> {
        let table: toml::Table = toml::from_str(text).map_err(|error| broken(path, text, &error))?;
        let api = table.get("api");
        let schemas = api.and_then(|api| api.get("schemas")).and_then(toml::Value::as_array).map(|schemas| {
            schemas.iter().filter_map(toml::Value::as_str).filter(|name| !is_placeholder(name)).map(str::to_string).collect::<Vec<_>>()
        });
        // without a setting, PostgREST exposes `public`
        replace(&mut self.exposed_schemas, schemas.filter(|schemas| !schemas.is_empty()));
        replace(&mut self.max_rows, api.and_then(|api| api.get("max_rows")).and_then(toml::Value::as_integer).filter(|rows| *rows > 0));
        let exposes = api.and_then(|api| api.get("auto_expose_new_tables")).and_then(toml::Value::as_bool);
        replace(
            &mut self.default_privileges,
            exposes.map(|exposes| if exposes { DefaultPrivileges::Granted } else { DefaultPrivileges::None }),
        );
        let version = table.get("db").and_then(|db| db.get("major_version")).and_then(toml::Value::as_integer);
        let version = version.and_then(|version| u32::try_from(version).ok()).filter(|version| MAJOR_VERSIONS.contains(version));
        replace(&mut self.postgres_version, version);
        let anonymous = table.get("auth").and_then(|auth| auth.get("enable_anonymous_sign_ins")).and_then(toml::Value::as_bool);
        replace(&mut self.anonymous_sign_ins, anonymous);
        let is_enabled = |table: &toml::Value| table.get("enabled").and_then(toml::Value::as_bool) == Some(true);
        let auth = table.get("auth");
        let hook = auth.and_then(|auth| auth.get("hook")?.get("custom_access_token")).filter(|hook| is_enabled(hook));
        self.token_hook = hook.map(|hook| hook.get("uri").and_then(toml::Value::as_str).unwrap_or_default().to_string());
        let providers = auth.and_then(|auth| auth.get("third_party")?.as_table());
        self.third_party_auth = providers.is_some_and(|providers| providers.values().any(is_enabled));
        Ok(())
    }
}

/// Range of major versions: from version 10, the first with a single number, with room for future versions.
const MAJOR_VERSIONS: std::ops::RangeInclusive<u32> = 10..=99;

/// Returns whether a value is `env(NAME)`. The CLI reads it from the environment, on which reports must not depend.
fn is_placeholder(value: &str) -> bool {
    value.starts_with("env(") && value.ends_with(')')
}

fn replace<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

fn unusable(path: &Path, reason: String) -> Error {
    Error::Settings { path: path.to_path_buf(), reason }
}

fn broken(path: &Path, text: &str, error: &toml::de::Error) -> Error {
    // the message of the parser has several lines
    let message = error.message().trim().replace('\n', ", ");
    match error.span() {
        Some(span) => unusable(path, format!("line {}: {message}", line(text, span.start))),
        None => unusable(path, message),
    }
}

/// Returns the line number, counted from 1.
fn line(text: &str, at: usize) -> usize {
    text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count() + 1
}

/// Returns an error for an unknown key.
fn known(path: &Path, text: &str, what: &str, table: &DeTable<'_>, keys: &[&'static str]) -> Result<(), Error> {
    // the first in the file, not in the alphabet
    let unknown = table.keys().filter(|key| !keys.contains(&key.get_ref().as_ref())).min_by_key(|key| key.span().start);
    let Some(key) = unknown else { return Ok(()) };
    let near = nearest(key.get_ref(), keys).map(|near| format!("; did you mean `{near}`?"));
    let near = near.unwrap_or_else(|| format!("; known are {}", keys.join(", ")));
    Err(unusable(path, format!("line {}: unknown {what} `{}`{near}", line(text, key.span().start), key.get_ref())))
}

/// Returns the known key with a similar name.
fn nearest(name: &str, keys: &[&'static str]) -> Option<&'static str> {
    const ALIKE: f64 = 0.8;
    let name = name.to_lowercase().replace('-', "_");
    keys.iter()
        .map(|known| (*known, strsim::jaro_winkler(&name, known).max(strsim::normalized_damerau_levenshtein(&name, known))))
        .filter(|(_, alike)| *alike >= ALIKE)
        .max_by(|one, other| one.1.total_cmp(&other.1))
        .map(|(known, _)| known)
}
