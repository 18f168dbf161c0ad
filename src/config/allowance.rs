//! `[[allow]]` in the settings, and the parsing of globs, versions and days in other settings.
//!
//! Promises: invalid values are errors.

use crate::source::Span;
use globset::{Glob, GlobBuilder, GlobSet, GlobSetBuilder};
use jiff::civil::Date;
use serde::Deserialize;
use std::ops::Range;
use toml::{Spanned, Value};

/// A problem that the settings allow for an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Id of a rule, or a group.
    pub rule: String,
    /// Glob over names such as `public.notes."read own"`.
    pub object: Glob,
    pub because: String,
    /// Last day on which the problem is allowed.
    pub until: Option<Date>,
    /// Whether the last day is over.
    pub expired: bool,
    /// Location of the rule in the text of the settings.
    pub span: Span,
}

/// A problem that is allowed for an object.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Allow"))]
#[serde(deny_unknown_fields)]
pub struct Written {
    /// Id of the rule, or a group.
    #[cfg_attr(test, schemars(with = "super::schema::Rule"))]
    rule: Spanned<String>,
    /// Object of the problem, as a glob over names such as public.notes or public.notes."read own".
    object: String,
    /// Reason why the problem is allowed.
    because: String,
    /// Last day on which the problem is allowed, such as "2026-12-31".
    #[cfg_attr(test, schemars(schema_with = "super::schema::day"))]
    #[serde(default)]
    until: Option<Spanned<Value>>,
}

/// Names of the fields of [`Written`].
pub const KEYS: [&str; 4] = ["rule", "object", "because", "until"];

impl Written {
    /// Returns the location for errors in the entry.
    pub fn span(&self) -> Range<usize> {
        self.rule.span()
    }

    pub fn read(self) -> Result<Allowance, String> {
        let span = self.span();
        let because = self.because.split_whitespace().collect::<Vec<_>>().join(" ");
        if because.is_empty() {
            return Err("`because` is empty: give a reason".to_string());
        }
        // a backslash escapes on every system
        let object = GlobBuilder::new(&self.object).backslash_escape(true).build().map_err(|error| no_glob(&error))?;
        let until = self.until.map(|until| day(until.get_ref())).transpose()?;
        let span = Span::new(span.start as u32, span.end as u32);
        Ok(Allowance { rule: self.rule.into_inner(), object, because, until, expired: false, span })
    }
}

fn day(value: &Value) -> Result<Date, String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Datetime(day) => day.to_string(),
        Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Array(_) | Value::Table(_) => String::new(),
    };
    let is_day = text.len() == "2026-12-31".len();
    text.parse().ok().filter(|_| is_day).ok_or_else(|| "`until` must be a day, such as \"2026-12-31\"".to_string())
}

/// Reads a version: the digits at the start of the name of a migration.
pub fn version(value: &Value) -> Result<String, String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Integer(number) => number.to_string(),
        Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) | Value::Array(_) | Value::Table(_) => String::new(),
    };
    let is_version = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_version {
        Ok(text)
    } else {
        Err("`since_version` must be the digits of a migration's name, such as \"20250101000000\"".to_string())
    }
}

/// Parses a glob over paths relative to the root of the project. Without a slash, except at the end, it matches names in any folder. With a
/// slash at the end, it matches all files in a folder.
pub fn path_glob(written: &str) -> Result<Glob, String> {
    let path = written.strip_prefix("./").or(written.strip_prefix('/')).unwrap_or(written);
    let anywhere = if path == written && !path.trim_end_matches('/').contains('/') { "**/" } else { "" };
    let inside = if path.ends_with('/') { "**" } else { "" };
    let glob = format!("{anywhere}{path}{inside}");
    GlobBuilder::new(&glob).literal_separator(true).backslash_escape(true).build().map_err(|error| no_glob(&error))
}

fn no_glob(error: &globset::Error) -> String {
    format!("`{}` is not a valid pattern: {}", error.glob().unwrap_or_default(), reason(error))
}

/// Returns the patterns as one set. Sets that are too large are rejected when the settings are read.
pub fn paths(globs: &[Glob]) -> GlobSet {
    compile("", globs).unwrap_or_default()
}

/// Compiles the patterns of a setting to one set.
///
/// # Errors
/// If a pattern or the whole set is too large.
pub fn compile(setting: &str, globs: &[Glob]) -> Result<GlobSet, String> {
    let mut set = GlobSetBuilder::new();
    for glob in globs {
        set.add(glob.clone());
    }
    set.build().map_err(|error| format!("`{setting}` cannot be used ({}): write fewer or shorter patterns", reason(&error)))
}

/// Returns the first line of an error. It is shortened, because it can contain a long pattern.
fn reason(error: &globset::Error) -> String {
    const LONGEST: usize = 120;
    let text = error.kind().to_string();
    text.lines().next().unwrap_or_default().chars().take(LONGEST).collect()
}
