//! What a rule says: plain data, no behaviour beyond its own order and names.

use crate::catalog::name::{QName, quote_ident, quote_literal};
use crate::source::{Site, Sources, Span};
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
    /// As it reads where no other step has to do with the same object.
    pub sql: String,
    pub phase: Phase,
    pub run: Run,
    /// None where nothing has to be undone, or nothing can.
    pub undo: Option<String>,
    pub work: Work,
}

/// What a step works on, where one statement may do the work of several steps, or do it in another form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    /// Stands for itself.
    Statement,
    /// Changes nothing, and raises where something is not as it should be.
    Assertion,
    Policy(PolicyChange),
    Index(IndexChange),
    Grant(GrantChange),
}

/// Privileges on objects of one kind that a role gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantChange {
    /// `select, insert`
    pub what: String,
    /// `table` or `function`
    pub noun: &'static str,
    /// As SQL names them.
    pub objects: Vec<String>,
    pub role: &'static str,
}

impl GrantChange {
    /// Objects that stand in one line.
    const IN_A_LINE: usize = 2;

    pub fn sql(&self) -> String {
        let on = match self.objects.len() > GrantChange::IN_A_LINE {
            true => format!("\n  {}\n ", self.objects.join(",\n  ")),
            false => format!(" {}", self.objects.join(", ")),
        };
        format!("grant {} on {}{on} to {};", self.what, self.noun, self.role)
    }
}

/// New text for parts of a policy's clauses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyChange {
    pub table: QName,
    pub policy: SmolStr,
    /// In the policy's order; those that change.
    pub clauses: Vec<ClauseChange>,
}

/// A clause of a policy, and what shall stand in place of its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClauseChange {
    /// `using` or `with check`
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

    /// The statement that gives the clauses their present texts.
    pub fn undo(&self, sources: &Sources) -> String {
        self.statement(|clause| clause.text(sources, &[]))
    }

    fn statement(&self, text: impl Fn(&ClauseChange) -> String) -> String {
        let clauses: String = self.clauses.iter().map(|clause| format!("\n  {} ({})", clause.word, text(clause))).collect();
        format!("alter policy {} on {}{clauses};", quote_ident(&self.policy), self.table.quoted())
    }
}

/// An index that is made or dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexChange {
    pub made: bool,
    pub table: QName,
    pub name: SmolStr,
    pub unique: bool,
    /// The key columns as SQL, in their order.
    pub columns: Vec<String>,
    /// What stands behind the table's name.
    pub definition: String,
    /// PostgreSQL refuses CONCURRENTLY on a partitioned table (0A000).
    pub concurrently: bool,
    /// What COMMENT says of one that is dropped.
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

    /// Without a way back: where older grants still exist, a REVOKE would take those too.
    pub fn grant(change: GrantChange) -> Step {
        Step { work: Work::Grant(change.clone()), ..Step::batch(Phase::Grant, change.sql()) }
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
    /// What a person has to look at before agreeing.
    pub check: Option<String>,
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

impl Subject {
    /// As it is called in SQL, and the same without quotes.
    pub fn names(&self) -> [String; 2] {
        let parts: Vec<&str> = self.schema.iter().chain(&self.table).map(SmolStr::as_str).chain([self.name.as_str()]).collect();
        [parts.iter().map(|part| quote_ident(part)).collect::<Vec<_>>().join("."), parts.join(".")]
    }
}

/// What the same lint is called by Supabase's own advisor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Advisor {
    pub name: &'static str,
    pub cache_key: String,
}

/// What several findings of a rule have in common. Formats for people group by it; all others show each finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// The same for all findings of the cause.
    pub key: String,
    /// What follows the number of findings in the sentence for all of them: of one, and of several.
    #[serde(skip)]
    pub words: [String; 2],
    /// `12 tables have no row level security, which no migration enables`
    pub message: String,
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
    pub cause: Option<Cause>,
    /// Hash of rule and subject (and of `discriminator`), never of a place; of several files that bring the like, also of which it is.
    pub fingerprint: String,
}

/// A fingerprint of another and what tells it from that.
pub fn mixed(print: &str, with: &str) -> String {
    format!("{:032x}", xxhash_rust::xxh3::xxh3_128(format!("{print}\0{with}").as_bytes()))
}
