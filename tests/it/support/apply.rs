//! Applies the migrations of a project to a server, and compares the results with those of supalint.
//!
//! A file without problems is sent in one message, as the runner sends it, and must succeed. This does not depend on the splitter. Other
//! files are sent statement by statement, each in its own transaction, as supalint processes them. The server must reject exactly the
//! statements of `migration/would-fail` and `migration/syntax`, with the same code and message. The final schema must be the same.

use super::catalog::{Definitions, Objects, changes, definitions};
use super::plan;
use super::server::{Database, Refusal, Server};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use supalint::catalog::Catalog;
use supalint::config::DefaultPrivileges;
use supalint::disk;
use supalint::engine::{self, RuleSelection};
use supalint::finding::{Confidence, Finding};
use supalint::fix::{Plan, emit};
use supalint::history;
use supalint::project::Project;
use supalint::source::{Sources, Span};
use supalint::syntax::split::{RawStatement, Splitter};

/// First version whose objects get no default grants of the platform. Source: Supabase changelog 45329.
const DEFAULT_GRANTS_ENDED: u64 = 20261030000000;

/// Statements that end these grants, as in Supabase's CLI. TRUNCATE, REFERENCES and TRIGGER remain, and UPDATE on sequences.
const END_DEFAULT_GRANTS: &str = "
    alter default privileges for role postgres in schema public
      revoke select, insert, update, delete on tables from anon, authenticated, service_role;
    alter default privileges for role postgres in schema public revoke usage, select on sequences from anon, authenticated, service_role;
    alter default privileges for role postgres in schema public revoke execute on functions from anon, authenticated, service_role";

/// Codes of errors that only the transaction of a file causes: statements that cannot run in one (25001), and new enum values (55P04).
const OF_TRANSACTION: [&str; 2] = ["25001", "55P04"];

/// Returns the differences between a server and supalint for one project, each with its location. `spare` is not changed. The last files of
/// the project can be those of `plan`. The verification script must fail before the plan and succeed after it. The rollback must restore
/// the previous state.
pub fn compare(server: &Arc<Server>, spare: &mut Database, birth: &Objects, root: &Path, plan: Option<&Plan>) -> Vec<String> {
    let case = Case::open(root);
    let judge = |database: &mut Database| {
        let first = case.files.len() - plan.map_or(0, |plan| plan.files.len());
        let mut complaints = case.apply(database, 0..first);
        let before = plan.map(|plan| BeforePlan::of(database, plan));
        complaints.extend(case.apply(database, first..case.files.len()));
        // supalint assumes that objects outside the migrations exist, but they do not exist on this server
        if !case.relies_on_others {
            complaints.extend(Objects::of_server(database).since(birth).differences(&fold(root)));
        }
        complaints.extend(before.into_iter().flat_map(|before| before.complaints(database)));
        complaints
    };
    // most projects need no database of their own unless there are complaints
    if !case.ends_transactions() && spare.undone(judge).is_empty() { Vec::new() } else { judge(&mut server.database()) }
}

/// State of the database before a plan.
struct BeforePlan<'a> {
    plan: &'a Plan,
    held: Definitions,
    /// Verification script of the plan.
    verify: String,
    is_kept: bool,
}

impl BeforePlan<'_> {
    fn of<'a>(database: &mut Database, plan: &'a Plan) -> BeforePlan<'a> {
        let verify = emit::verify(plan);
        let is_kept = script(database, &verify).is_ok();
        BeforePlan { plan, held: definitions(database), verify, is_kept }
    }

    /// Returns complaints after the plan, and rolls it back.
    fn complaints(&self, database: &mut Database) -> Vec<String> {
        let mut out = Vec::new();
        if self.is_kept && self.verify.contains("$verify$") && !plan::changes_only_policies_and_rows(self.plan) {
            out.push(format!("what the plan promises was so before:\n    {}", self.verify.replace('\n', "\n    ")));
        }
        out.extend(script(database, &self.verify).err().map(|error| format!("what the plan promises is not so: {error}")));
        database.fresh_session();
        if !plan::loses_data(self.plan) {
            out.extend(script(database, &emit::rollback(self.plan)).err().map(|error| format!("taking the plan back: {error}")));
            out.extend(changes(&self.held, &definitions(database)).into_iter().map(|line| format!("the plan taken back, {line}")));
        }
        out
    }
}

/// Applies a history to a server, and returns a complaint for each statement with another result than in supalint.
pub fn history(database: &mut Database, root: &Path) -> Vec<String> {
    let case = Case::open(root);
    case.apply(database, 0..case.files.len())
}

/// Runs a script for psql, each statement in its own transaction, until the first failure.
pub fn script(database: &mut Database, script: &str) -> Result<(), String> {
    let script: String = script.lines().filter(|line| !line.starts_with('\\')).map(|line| format!("{line}\n")).collect();
    for raw in Splitter::new(&script) {
        let sql = raw.span().of(&script);
        database.run(sql).map_err(|refusal| format!("{refusal}\n    {sql}"))?;
    }
    Ok(())
}

struct Case {
    project: Project,
    sources: Sources,
    /// Statements of each file, in order.
    files: Vec<Vec<Statement>>,
    /// Whether a statement depends on an object that no migration creates.
    relies_on_others: bool,
}

struct Statement {
    span: Span,
    data: Option<Span>,
    said: Option<Expected>,
}

/// Start of the message about a statement that depends on an object that no migration creates. The error follows in a later part.
const AFRESH: &str = "PostgreSQL rejects this statement on a database that only the migrations create (";

/// Start of the message about a name that another role would not find. The server runs the statements as the role that finds it.
const BY_PATH: &str = "PostgreSQL rejects this statement for a role whose search_path does not contain";

/// Diagnostic about a statement that would fail.
#[derive(Clone)]
struct Expected {
    message: String,
    /// Expected error of the server, or `None` if supalint has its own message.
    refusal: Option<Refusal>,
    sure: bool,
}

impl Case {
    fn open(root: &Path) -> Case {
        let rules = ["migration/would-fail", "migration/syntax"].map(String::from);
        let choice = RuleSelection { select: rules.to_vec(), ignore: Vec::new() };
        let mut sources = history::sources();
        let project = open(root, &mut sources);
        let mut files: Vec<Vec<Statement>> = Vec::new();
        for migration in &project.migrations {
            let text = sources.get(migration.file).text();
            let statement = |raw: RawStatement| Statement { span: raw.span(), data: raw.data, said: None };
            files.push(Splitter::new(text).map(statement).collect());
        }
        let report = engine::run(sources, &project, &choice);
        // suppressed diagnostics are included
        let said = report.findings.iter().chain(report.suppressed.iter().map(|(finding, _)| finding));
        let said = said.filter(|finding| !finding.message.starts_with(BY_PATH));
        let said = said.map(|finding| (finding.primary.site, Expected::new(&finding.message, finding)));
        for (site, said) in said {
            let site = report.sources.resolve(site);
            let file = project.migrations.iter().position(|migration| migration.file == site.file).expect("a finding is of a migration");
            let text = report.sources.get(site.file).text();
            // the location of an incomplete statement is after it
            let at = files[file].partition_point(|statement| statement.span.start <= site.span.start) - 1;
            // only the first of several equal statements is reported
            let words = files[file][at].span.of(text);
            for same in files[file][at..].iter_mut().filter(|statement| statement.span.of(text) == words) {
                same.said.get_or_insert_with(|| said.clone());
            }
        }
        let relies_on_others = report.findings.iter().any(|finding| finding.message.starts_with(AFRESH));
        Case { project, sources: report.sources, files, relies_on_others }
    }

    /// Returns whether a statement begins or ends a transaction.
    fn ends_transactions(&self) -> bool {
        const HEADS: [&str; 9] = ["begin", "start", "commit", "end", "rollback", "abort", "savepoint", "release", "prepare"];
        let files = self.project.migrations.iter().zip(&self.files);
        let mut statements = files.flat_map(|(migration, statements)| {
            statements.iter().map(|statement| statement.span.of(self.sources.get(migration.file).text()))
        });
        statements.any(|sql| HEADS.iter().any(|head| sql.get(..head.len()).is_some_and(|start| start.eq_ignore_ascii_case(head))))
    }

    /// Applies each file in its own session, with the default privileges of the platform at its date.
    fn apply(&self, database: &mut Database, files: Range<usize>) -> Vec<String> {
        let mut complaints = Vec::new();
        for file in files {
            if self.lacks_default_grants(file) && (file == 0 || !self.lacks_default_grants(file - 1)) {
                database.run(END_DEFAULT_GRANTS).expect("default privileges can be changed");
            }
            complaints.extend(self.apply_file(database, file));
            database.fresh_session();
        }
        complaints
    }

    /// Returns whether a file has no default grants, because of its date or the settings.
    fn lacks_default_grants(&self, file: usize) -> bool {
        let is_late = |version: &str| version.len() == 14 && version.parse().is_ok_and(|stamp: u64| stamp >= DEFAULT_GRANTS_ENDED);
        match self.project.config.default_privileges {
            DefaultPrivileges::Granted => false,
            DefaultPrivileges::None => true,
            DefaultPrivileges::ByDate => self.project.migrations[..=file].iter().any(|migration| is_late(&migration.version)),
        }
    }

    fn apply_file(&self, database: &mut Database, file: usize) -> Vec<String> {
        let source = self.sources.get(self.project.migrations[file].file);
        let (text, statements) = (source.text(), &self.files[file]);
        let mut complaints = Vec::new();
        if statements.iter().all(|statement| statement.said.is_none() && statement.data.is_none()) {
            // psql and the runner remove the byte order mark
            let Err(refusal) = database.run(text.trim_start_matches('\u{feff}')) else { return complaints };
            complaints.push(format!("{}: as a whole: PostgreSQL: {refusal}; supalint: nothing", source.path));
        }
        let mut judge = |statement: &Statement, result: Result<(), Refusal>| {
            if let Some(complaint) = statement.judge(&result) {
                let (line, sql) = (source.position(statement.span.start).line, statement.span.of(text));
                complaints.push(format!("{}:{line}: {complaint}\n    {}", source.path, sql.replace('\n', "\n    ")));
            }
        };
        // new runners run these statements outside the transaction of the file, and diagnostics are about old ones
        if statements.iter().all(|statement| statement.span.of(text).to_ascii_lowercase().contains(" index concurrently "))
            && statements.len() > 1
        {
            let whole = database.run(text);
            // reported once for the file
            statements.iter().take(1).for_each(|statement| judge(statement, whole.clone()));
            statements.iter().for_each(|statement| judge(&statement.without_expectation(), database.run(statement.span.of(text))));
            return complaints;
        }
        // errors that only the transaction causes are tested in one message with the statements before them, which is rolled back
        let mut before = String::new();
        let own_transactions = self.ends_transactions();
        for statement in statements.iter().filter(|_| !own_transactions) {
            let sql = statement.span.of(text);
            match &statement.said {
                Some(said) if said.is_of_transaction() => judge(statement, database.run(&format!("{before}{sql}"))),
                Some(_) => {}
                None => before += &format!("{sql};\n"),
            }
        }
        for statement in statements {
            let sql = statement.span.of(text);
            // a failure in a transaction of the file aborts it on the server, but not in supalint; SAVEPOINT fails outside a transaction
            let saved = own_transactions && database.run("savepoint judged").is_ok();
            let result = match statement.data {
                Some(data) => database.copy(sql, data.of(text)),
                None => database.run(sql),
            };
            if saved && result.is_err() {
                database.run("rollback to savepoint judged").expect("the transaction goes on");
            }
            // the statement can succeed alone, and supalint treats it as executed
            if own_transactions || !statement.said.as_ref().is_some_and(Expected::is_of_transaction) {
                // rows are sent as psql sends them, but the runner does not send rows
                match statement.data {
                    Some(_) => judge(&statement.without_expectation(), result),
                    None => judge(statement, result),
                }
            }
        }
        complaints
    }
}

/// Returns the final schema of a project, computed by supalint.
pub fn fold(root: &Path) -> Objects {
    let (catalog, sources) = replay(root);
    Objects::of_fold(&catalog, &sources)
}

/// Extensions of PostgreSQL's distribution. Source: PostgreSQL's documentation, "Additional Supplied Modules and Extensions".
const SUPPLIED: [&str; 10] =
    ["btree_gin", "btree_gist", "citext", "hstore", "ltree", "pg_stat_statements", "pg_trgm", "pgcrypto", "unaccent", "uuid-ossp"];

/// Returns an extension of the project that may be missing on a server or differ in its version.
pub fn foreign_extension(root: &Path) -> Option<String> {
    let has = |name: &str| SUPPLIED.contains(&name);
    let (catalog, _) = replay(root);
    catalog.extensions.values().filter(|made| !made.at.is_platform()).map(|made| made.name.to_string()).find(|name| !has(name))
}

fn replay(root: &Path) -> (Catalog, Sources) {
    let mut sources = history::sources();
    let project = open(root, &mut sources);
    let replay = history::replay(&mut sources, &project, &mut ());
    (replay.catalog, sources)
}

fn open(root: &Path, sources: &mut Sources) -> Project {
    disk::open(&[root.to_path_buf()], None, sources).expect("there are migrations")
}

impl Statement {
    /// Returns the statement without its diagnostic.
    fn without_expectation(&self) -> Statement {
        Statement { span: self.span, data: self.data, said: None }
    }

    /// Returns the difference between the result and the diagnostic.
    fn judge(&self, result: &Result<(), Refusal>) -> Option<String> {
        match (result, &self.said) {
            (Ok(()), None) => None,
            (_, Some(said)) if !said.sure => None,
            (Err(refusal), Some(Expected { refusal: Some(expected), .. })) if refusal != expected => {
                Some(format!("PostgreSQL: {refusal}; supalint: {expected}"))
            }
            (Err(_), Some(_)) => None,
            (Err(refusal), None) => Some(format!("PostgreSQL: {refusal}; supalint: nothing")),
            (Ok(()), Some(said)) => Some(format!("PostgreSQL: no error; supalint: {}", said.message)),
        }
    }
}

impl Expected {
    fn new(message: &str, finding: &Finding) -> Expected {
        // `PostgreSQL rejects this statement: relation "public.notes" does not exist (42P01)`
        let coded = message.strip_suffix(')').and_then(|message| message.rsplit_once(" ("));
        let coded = coded.filter(|(_, code)| code.len() == 5 && code.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        let refusal = coded.map(|(words, code)| {
            let starts = ["PostgreSQL rejects this statement: ", "CI): ", "and PostgreSQL rejects it: "];
            let words = starts.iter().find_map(|start| words.split_once(start)).map_or(words, |(_, words)| words);
            // the runner's pipeline is a single message in this test
            let message = words.replace("be executed within a pipeline", "run inside a transaction block");
            Refusal { sqlstate: code.into(), message }
        });
        Expected { message: message.to_string(), refusal, sure: finding.confidence == Confidence::Certain }
    }

    fn is_of_transaction(&self) -> bool {
        let of_transaction =
            |refusal: &Refusal| OF_TRANSACTION.contains(&refusal.sqlstate.as_str()) && !refusal.message.contains("from a function");
        self.refusal.as_ref().is_some_and(of_transaction)
    }
}
