//! Diagnostics and fixes as plain data.

use crate::catalog::name::{QName, quote_ident, quote_literal};
use crate::source::{Site, Sources, Span};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// Severity of a diagnostic. `Error` breaks access, data or the push. `Warn` has a cost. `Info` is for information.
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

/// Whether all facts behind a diagnostic were read from the migrations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    Unsure,
    Certain,
}

/// Subject area of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Category {
    Security,
    Performance,
    Integrity,
    Migration,
}

/// A location with a short description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    pub site: Site,
    pub message: String,
}

/// Safety of a fix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Safety {
    /// The fix changes no access and no rows.
    Safe,
    /// The fix is correct SQL, but changes access or data, so it needs review.
    Review,
    /// The fix contains a placeholder that has to be replaced by hand.
    Manual,
}

/// A replacement of source text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    pub site: Site,
    pub text: String,
}

/// Position of a step in a migration with fixes: privileges, then policies, then constraints, then indexes.
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

/// The way in which a step can share a file with others under the Supabase migration runner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Run {
    /// In one transaction with other steps.
    Batch,
    /// In a later file than the preceding step.
    NextFile,
    /// As the only statement of its file.
    Alone,
}

/// One statement of a fix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The statement if no other step concerns the same object.
    pub sql: String,
    pub phase: Phase,
    pub run: Run,
    /// Statement that undoes the step, or `None` if there is nothing to undo or no such statement.
    pub undo: Option<String>,
    pub work: Work,
}

/// Object of a step, so that steps on the same object can be merged or written in another form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    /// A statement that is not merged with others.
    Statement,
    /// A statement without effect that raises an error if a condition does not hold.
    Assertion,
    Policy(PolicyChange),
    Index(IndexChange),
    Grant(GrantChange),
}

/// Privileges on objects of one kind that a role is granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantChange {
    /// Privileges as SQL: `select, insert`.
    pub what: String,
    /// Kind of the objects: `table` or `function`.
    pub noun: &'static str,
    /// Names of the objects as SQL.
    pub objects: Vec<String>,
    pub role: &'static str,
}

impl GrantChange {
    /// Maximum number of objects in one line.
    const IN_A_LINE: usize = 2;

    pub fn sql(&self) -> String {
        let on = match self.objects.len() > GrantChange::IN_A_LINE {
            true => format!("\n  {}\n ", self.objects.join(",\n  ")),
            false => format!(" {}", self.objects.join(", ")),
        };
        format!("grant {} on {}{on} to {};", self.what, self.noun, self.role)
    }
}

/// New text for parts of the clauses of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyChange {
    pub table: QName,
    pub policy: SmolStr,
    /// Changed clauses, in the order of the policy.
    pub clauses: Vec<ClauseChange>,
}

/// A clause of a policy, and replacements of its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClauseChange {
    /// Keyword of the clause: `using` or `with check`.
    pub word: String,
    pub site: Site,
    /// Names that have changed since the clause was written.
    pub renamed: Vec<(Span, SmolStr)>,
    pub edits: Vec<(Span, String)>,
}

impl ClauseChange {
    fn text(&self, sources: &Sources, edits: &[(Span, String)]) -> String {
        let renamed = self.renamed.iter().map(|(span, text)| (*span, text.as_str()));
        sources.edited(self.site, renamed.chain(edits.iter().map(|(span, text)| (*span, text.as_str()))))
    }
}

impl PolicyChange {
    pub fn sql(&self, sources: &Sources) -> String {
        self.statement(|clause| clause.text(sources, &clause.edits))
    }

    /// Returns the statement that restores the clauses.
    pub fn undo(&self, sources: &Sources) -> String {
        self.statement(|clause| clause.text(sources, &[]))
    }

    fn statement(&self, text: impl Fn(&ClauseChange) -> String) -> String {
        let clauses: String = self.clauses.iter().map(|clause| format!("\n  {} ({})", clause.word, text(clause))).collect();
        format!("alter policy {} on {}{clauses};", quote_ident(&self.policy), self.table.quoted())
    }
}

/// An index that is created or dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexChange {
    pub made: bool,
    pub table: QName,
    pub name: SmolStr,
    pub unique: bool,
    /// Key columns as SQL, in order.
    pub columns: Vec<String>,
    /// Text after the name of the table.
    pub definition: String,
    /// Whether CONCURRENTLY is used. PostgreSQL rejects it on a partitioned table (0A000).
    pub concurrently: bool,
    /// Comment on a dropped index.
    pub comment: Option<SmolStr>,
}

impl IndexChange {
    pub fn sql(&self) -> String {
        if self.made { self.create() } else { self.drop("") }
    }

    pub fn undo(&self) -> String {
        if self.made {
            return self.drop("if exists ");
        }
        let named = QName::new(self.table.schema.clone(), self.name.clone()).quoted();
        let comment = self.comment.as_ref().map(|text| format!("\ncomment on index {named} is {};", quote_literal(text)));
        self.create() + &comment.unwrap_or_default()
    }

    fn how(&self) -> &'static str {
        if self.concurrently { "concurrently " } else { "" }
    }

    fn create(&self) -> String {
        let unique = if self.unique { "unique " } else { "" };
        let (how, name, on) = (self.how(), quote_ident(&self.name), self.table.quoted());
        format!("create {unique}index {how}if not exists {name} on {on} {};", self.definition)
    }

    fn drop(&self, lenient: &str) -> String {
        format!("drop index {}{lenient}{};", self.how(), QName::new(self.table.schema.clone(), self.name.clone()).quoted())
    }
}

impl Step {
    pub fn batch(phase: Phase, sql: impl Into<String>) -> Step {
        Step { sql: sql.into(), phase, run: Run::Batch, undo: None, work: Work::Statement }
    }

    pub fn next_file(phase: Phase, sql: impl Into<String>) -> Step {
        Step { run: Run::NextFile, ..Step::batch(phase, sql) }
    }

    pub fn alone(phase: Phase, sql: impl Into<String>) -> Step {
        Step { run: Run::Alone, ..Step::batch(phase, sql) }
    }

    pub fn assertion(phase: Phase, sql: impl Into<String>) -> Step {
        Step { work: Work::Assertion, ..Step::batch(phase, sql) }
    }

    pub fn policy(change: PolicyChange, sources: &Sources) -> Step {
        let step = Step::batch(Phase::Policy, change.sql(sources)).undo(change.undo(sources));
        Step { work: Work::Policy(change), ..step }
    }

    pub fn index(change: IndexChange) -> Step {
        let run = if change.concurrently { Run::Alone } else { Run::Batch };
        let step = Step::batch(Phase::Index, change.sql()).undo(change.undo());
        Step { run, work: Work::Index(change), ..step }
    }

    /// Creates a step that grants privileges. It has no undo statement, because a REVOKE would also remove older grants.
    pub fn grant(change: GrantChange) -> Step {
        Step { work: Work::Grant(change.clone()), ..Step::batch(Phase::Grant, change.sql()) }
    }

    pub fn undo(mut self, sql: impl Into<String>) -> Step {
        self.undo = Some(sql.into());
        self
    }
}

/// A fix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    pub title: String,
    pub safety: Safety,
    /// Text that states what to check before applying the fix.
    pub check: Option<String>,
    /// Edits of the statement in the source.
    pub rewrite: Vec<Edit>,
    /// Statements to run on a database that already has the problem.
    pub steps: Vec<Step>,
}

/// The object of a diagnostic. It identifies the diagnostic across edits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Subject {
    /// Kind of the object: `table`, `policy`, `function`, `column`, `index`, `constraint`, `view`, `migration`, `statement`, `project`.
    pub kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<SmolStr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<SmolStr>,
    pub name: SmolStr,
}

impl Subject {
    /// Returns the name as SQL, and the name without quotes.
    pub fn names(&self) -> [String; 2] {
        let parts: Vec<&str> = self.schema.iter().chain(&self.table).map(SmolStr::as_str).chain([self.name.as_str()]).collect();
        [parts.iter().map(|part| quote_ident(part)).collect::<Vec<_>>().join("."), parts.join(".")]
    }
}

/// Name and key of the same lint in Supabase's advisor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Advisor {
    pub name: &'static str,
    pub cache_key: String,
}

/// The cause that several diagnostics of a rule share. Formats for people group diagnostics by cause. Other formats list each diagnostic
/// with its cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// Key of the cause. Diagnostics of a rule with the same key have the same cause.
    pub key: String,
    /// Text after the number of diagnostics in the sentence about the cause, for one and for several diagnostics.
    #[serde(skip)]
    pub words: [String; 2],
    /// Sentence about the cause: `12 tables have no row level security: it is enabled on no table of the project`.
    pub message: String,
}

/// A diagnostic: one problem with its locations, help and fix.
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
    /// Rows of Supabase's advisor about the same problem. A problem for two roles can have two.
    pub advisors: Vec<Advisor>,
    pub cause: Option<Cause>,
    /// Hash of the rule, the subject and added text, independent of locations. For problems of single statements, it also contains the
    /// file.
    pub fingerprint: String,
}

/// Returns a fingerprint that combines another fingerprint with a text.
pub fn combined_fingerprint(print: &str, with: &str) -> String {
    format!("{:032x}", xxhash_rust::xxh3::xxh3_128(format!("{print}\0{with}").as_bytes()))
}
