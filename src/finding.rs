//! What a rule says: plain data, no behaviour beyond its own order and names.

use crate::source::Site;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// How much a finding matters. `Error` breaks access, data or the push; `Warn` costs; `Info` is worth knowing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Info,
    Warn,
    Error,
}

impl Severity {
    pub const ALL: [Severity; 3] = [Severity::Error, Severity::Warn, Severity::Info];

    pub fn name(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Warn => "warn",
            Severity::Error => "error",
        }
    }
}

/// Whether everything the finding rests on was read from the migrations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    Unsure,
    Certain,
}

/// What a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Category {
    Security,
    Performance,
    Integrity,
    Migration,
}

/// A place with a few words on what is to be seen there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    pub site: Site,
    pub message: String,
}

/// How far a fix may be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Safety {
    /// Nobody's access and no row changes.
    Safe,
    /// Right in form; a person has to agree with what it changes.
    Review,
    /// Holds a placeholder that a person must fill.
    Manual,
}

/// A replacement of source text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    pub site: Site,
    pub text: String,
}

/// Where a step stands in a corrective migration: privileges before policies before indexes before constraints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    Function,
    Grant,
    Data,
    Column,
    Policy,
    Rls,
    View,
    Constraint,
    Index,
}

/// How a step shares a file with others under the Supabase migration runner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Run {
    /// In one transaction with other steps.
    Batch,
    /// In a file after the one before it.
    NextFile,
    /// The only statement of its file.
    Alone,
}

/// One statement of a cure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub sql: String,
    pub phase: Phase,
    pub run: Run,
    pub undo: Option<String>,
}

impl Step {
    pub fn batch(phase: Phase, sql: impl Into<String>) -> Step {
        Step { sql: sql.into(), phase, run: Run::Batch, undo: None }
    }

    pub fn next_file(phase: Phase, sql: impl Into<String>) -> Step {
        Step { run: Run::NextFile, ..Step::batch(phase, sql) }
    }

    pub fn alone(phase: Phase, sql: impl Into<String>) -> Step {
        Step { run: Run::Alone, ..Step::batch(phase, sql) }
    }

    pub fn undo(mut self, sql: impl Into<String>) -> Step {
        self.undo = Some(sql.into());
        self
    }
}

/// A cure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    pub title: String,
    pub safety: Safety,
    /// The statement as it should have been written.
    pub rewrite: Vec<Edit>,
    /// What to run on a database that already has it.
    pub steps: Vec<Step>,
}

/// The object a finding is about: its identity across edits and moved lines.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Subject {
    /// `table`, `policy`, `function`, `column`, `index`, `constraint`, `view`, `migration`, `statement`, `project`.
    pub kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<SmolStr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<SmolStr>,
    pub name: SmolStr,
}

/// What the same lint is called by Supabase's own advisor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Advisor {
    pub name: &'static str,
    pub cache_key: String,
}

/// One thing that is wrong, where, why, and what cures it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub rule: &'static str,
    pub subject: Subject,
    pub severity: Severity,
    pub confidence: Confidence,
    pub message: String,
    pub primary: Label,
    pub related: Vec<Label>,
    pub help: Option<String>,
    pub fix: Option<Fix>,
    pub advisor: Option<Advisor>,
    /// Hash of rule and subject (and of `discriminator`), never of a place.
    pub fingerprint: String,
}
