//! Replay of the whole history, statement by statement, with a visitor.
//!
//! Promises: each file begins with a new session, as in the Supabase runner (`RESET ALL`). A statement that PostgreSQL would reject changes
//! nothing and is listed in the catalog with the error. Memory use does not grow with the number of statements.

mod prefetch;

use crate::catalog::creation_index::CreationIndex;
use crate::catalog::effect::Effect;
use crate::catalog::object::Certainty;
use crate::catalog::{Catalog, ObjectKey, Rejected, RejectedInCode, SqlError, When};
use crate::config::DefaultPrivileges;
pub use crate::interpret::platform::{Cause, Owned, Refusal};
use crate::interpret::{Database, creates, refuses_transaction};
use crate::project::{Migration, Platform, Project};
use crate::source::{Site, Sources};
use crate::syntax::ast::Unread;
use crate::syntax::ast::{Ast, Form, Statement};
use crate::syntax::split::Splitter;
use crate::syntax::{parser, sql};
use smol_str::SmolStr;
use std::sync::{Arc, Mutex, PoisonError};
use supalint_schema::platform::SUPABASE;

/// First version of migrations whose objects get no default grants of the platform.
/// Source: Supabase changelog 45329, existing projects since 2026-10-30.
const DEFAULT_GRANTS_ENDED: u64 = 20261030000000;

/// First version of a project without pg_graphql. Source: Supabase changelog 45329.
const GRAPHQL_ENDED: u64 = 20260518000000;

/// A statement before it runs.
pub struct Step<'a> {
    /// State before the statement.
    pub catalog: &'a Catalog,
    pub migration: &'a Migration,
    pub statement: &'a Statement,
    pub site: Site,
}

/// A statement after it ran.
pub struct Outcome<'a> {
    /// State after the statement.
    pub catalog: &'a Catalog,
    pub migration: &'a Migration,
    pub effects: &'a [Effect],
    /// Error with which PostgreSQL would reject the statement.
    pub failed: Option<&'a SqlError>,
    /// Parts that hosted Supabase refuses, although PostgreSQL runs them for a superuser.
    pub refused: &'a [Refusal],
    pub site: Site,
}

/// Visitor of the statements of a history. The sources contain all texts so far.
pub trait Visitor {
    /// Called before each statement.
    fn statement(&mut self, _: &Step<'_>, _: &Sources) {}
    /// Called after each statement.
    fn outcome(&mut self, _: &Outcome<'_>, _: &Sources) {}
}

/// Visitor for callers that need only the final state.
impl Visitor for () {}

/// Result of a replay.
#[derive(Clone, Default)]
pub struct Replay {
    pub catalog: Catalog,
    pub statements: usize,
    pub unread: Vec<Unread>,
    /// Locations of code that runs too long to evaluate.
    pub bounded: Vec<Site>,
    /// Statements with code that was skipped because it depends on unknown values.
    pub undecided: Vec<Site>,
}

/// Returns sources with the SQL of the platform, to which a project can be added.
pub fn sources() -> Sources {
    let mut sources = Sources::default();
    sources.add("(Supabase)", SUPABASE);
    sources
}

/// Replays the migrations of a project.
pub fn replay(sources: &mut Sources, project: &Project, visitor: &mut impl Visitor) -> Replay {
    let mut fold = Fold::begin(sources, project);
    fold.migrations(&project.migrations, sources, visitor);
    fold.end(project, sources)
}

/// Result for a revision of a project: its final state and its visitor.
pub struct Revision<V> {
    pub replay: Replay,
    pub visitor: V,
    pub sources: Sources,
}

/// Replays a project and another revision of it, whose files are in the same sources. Equal first migrations are replayed once, unless
/// later ones change their meaning. `visitor_of` creates the visitor of the other revision from the current one, or a new one.
pub fn replay_both<V: Visitor + Send>(
    sources: &mut Sources,
    project: &Project,
    other: &Project,
    visitor: &mut V,
    visitor_of: impl FnOnce(Option<&V>) -> V,
) -> (Replay, Revision<V>) {
    let (both, rest) = project.migrations.split_at(project.common(other));
    let mut fold = Fold::begin(sources, project);
    fold.migrations(both, sources, visitor);
    let (own, done) = match fold.for_revision(other, sources) {
        Some(fold) => (fold, both.len()),
        None => (Fold::begin(sources, other), 0),
    };
    let own_visitor = visitor_of((done == both.len()).then_some(&*visitor));
    let start = Mutex::new(Some((own, own_visitor, sources.clone())));
    let replay_rest = || {
        let (mut own, mut visitor, mut sources) = start.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        own.migrations(&other.migrations[done..], &mut sources, &mut visitor);
        Some(Revision { replay: own.end(other, &mut sources), visitor, sources })
    };
    std::thread::scope(|scope| {
        let thread = sql::spawn_with_stack(scope, replay_rest);
        fold.migrations(rest, sources, visitor);
        let revision = match thread {
            Ok(thread) => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            // if no thread can be started, this thread does all the work
            Err(_) => replay_rest(),
        };
        (fold.end(project, sources), revision.expect("the other revision is folded once"))
    })
}

fn texts(sources: &Sources, project: &Project) -> Vec<Arc<str>> {
    project.migrations.iter().map(|migration| text(migration, sources)).collect()
}

fn text(migration: &Migration, sources: &Sources) -> Arc<str> {
    let text = sources.text(migration.file);
    let runs = migration.text(sources);
    if runs.len() < text.len() { runs.into() } else { text }
}

/// A replay in progress. A clone can continue with other migrations.
#[derive(Clone)]
pub struct Fold {
    database: Database,
    /// State without objects that no migration creates, beginning with the first statement that depends on such an object.
    migrations_only: Option<Database>,
    /// Statements of the current file, each with its name if it cannot run in a transaction.
    batch: Vec<(Site, Option<SmolStr>)>,
    replay: Replay,
    defaults_ended: bool,
    /// Number of replayed migrations.
    done: usize,
}

impl Fold {
    fn begin(sources: &mut Sources, project: &Project) -> Fold {
        let mut database = Database::default();
        database.bootstrap(sources, project.platform == Platform::Supabase);
        database.catalog.postgres_version = project.config.postgres_version;
        database.catalog.creation_index = Arc::new(CreationIndex::new(texts(sources, project)));
        if project.config.default_privileges == DefaultPrivileges::None {
            database.end_platform_defaults();
        }
        let defaults_ended = project.config.default_privileges != DefaultPrivileges::ByDate;
        Fold { database, migrations_only: None, batch: Vec::new(), replay: Replay::default(), defaults_ended, done: 0 }
    }

    /// Returns the replay for another revision with the same first migrations, or `None` if its state differs. Later migrations determine
    /// whether an object is missing.
    fn for_revision(&self, other: &Project, sources: &Sources) -> Option<Fold> {
        let creation_index = self.database.catalog.creation_index.with(texts(sources, other));
        if !self.database.catalog.creation_index.answers_as(&creation_index, self.done) {
            return None;
        }
        let creation_index = Arc::new(creation_index);
        let mut fold = self.clone();
        fold.each_database(|database| database.catalog.creation_index = creation_index.clone());
        Some(fold)
    }

    /// Replays migrations, while other threads parse the following ones.
    fn migrations(&mut self, migrations: &[Migration], sources: &mut Sources, visitor: &mut impl Visitor) {
        std::thread::scope(|scope| {
            let texts = migrations.iter().map(|migration| (sources.text(migration.file), migration.site().span));
            let mut prefetch = prefetch::start(scope, texts.collect());
            for migration in migrations {
                self.begin_migration(migration);
                for statement in prefetch.next_text() {
                    self.statement(migration, statement, sources, visitor);
                }
                self.end_migration();
            }
        });
    }

    /// Prepares the state for the first statement of a migration.
    fn begin_migration(&mut self, migration: &Migration) {
        if self.done == 0 && is_since(&migration.version, GRAPHQL_ENDED) {
            self.each_database(Database::end_platform_graphql);
        }
        if !self.defaults_ended && is_since(&migration.version, DEFAULT_GRANTS_ENDED) {
            self.each_database(Database::end_platform_defaults);
            self.defaults_ended = true;
        }
        self.begin_session();
    }

    fn begin_session(&mut self) {
        self.each_database(|database| database.catalog.session = Default::default());
    }

    /// Ends a migration.
    fn end_migration(&mut self) {
        self.each_database(Database::end_transaction);
        self.each_database(Database::drop_temporary);
        self.end_batch();
        self.done += 1;
    }

    fn end(mut self, project: &Project, sources: &mut Sources) -> Replay {
        self.begin_session();
        self.check_code(project, sources);
        self.replay.unread.append(&mut self.database.unread);
        Replay { catalog: self.database.catalog, bounded: self.database.bounded, undecided: self.database.undecided, ..self.replay }
    }

    /// Runs the SQL of application code on a copy of the state, to find statements that fail. Parameters are NULL.
    fn check_code(&mut self, project: &Project, sources: &mut Sources) {
        let mut copy: Option<Database> = None;
        for (app, sql) in project.app.iter().flat_map(|app| app.code.sql.iter().map(move |sql| (app, sql))) {
            if !sql.complete || sql.is_fragment || sql.in_test {
                continue;
            }
            let site = Site::new(app.file, sql.span);
            let text = sql.text_with_values("null");
            let file = sources.add_derived(site, text.as_str());
            let database = copy.get_or_insert_with(|| self.database.clone());
            for raw in Splitter::new(&text) {
                let statement = parser::statement(&text, &raw).read_by(database.catalog.postgres_version);
                // other statements change the schema at run time, on a database that may be another one
                if !matches!(statement.ast(false), Some(Ast::Data(_))) {
                    break;
                }
                database.catalog.here = Site::new(file, statement.span);
                if let Some(reason) = database.run(sources, file, statement, Certainty::Certain).failed {
                    self.database.catalog.rejected_in_code.push(RejectedInCode { site, reason });
                    break;
                }
            }
        }
    }

    fn each_database(&mut self, act: impl FnMut(&mut Database)) {
        std::iter::once(&mut self.database).chain(&mut self.migrations_only).for_each(act);
    }

    fn reject(&mut self, site: Site, reason: SqlError, when: When, makes: Vec<ObjectKey>) {
        self.database.catalog.rejected.push(Rejected { site, reason, when, makes });
    }

    /// Checks the statements of a file that cannot run in a transaction. The runner sends all statements of a file in one pipeline.
    fn end_batch(&mut self) {
        let batch = std::mem::take(&mut self.batch);
        if batch.len() < 2 {
            return;
        }
        let when = if batch.iter().all(|(_, what)| what.is_some()) { When::InBatchOfSameKind } else { When::InBatch };
        for (site, what) in batch {
            if let Some(what) = what {
                let reason = SqlError::new("25001", format!("{what} cannot be executed within a pipeline"));
                self.reject(site, reason, when, Vec::new());
            }
        }
    }

    /// Runs a statement in the state without objects outside the migrations. The first such statement is parsed again, because the first
    /// run consumed it.
    fn run_migrations_only(&mut self, site: Site, statement: Option<Statement>, sources: &mut Sources) -> Option<SqlError> {
        if self.migrations_only.is_none() {
            self.migrations_only = Some(self.database.without_external_objects()?);
        }
        let statement = statement.or_else(|| parse_again(site, sources, self.database.catalog.postgres_version))?;
        let migrations_only = self.migrations_only.as_mut()?;
        migrations_only.refused.clear();
        migrations_only.run(sources, site.file, statement, Certainty::Certain).failed
    }

    /// Runs the next statement of a migration.
    fn statement(&mut self, migration: &Migration, statement: Statement, sources: &mut Sources, visitor: &mut impl Visitor) {
        let file = migration.file;
        let statement = statement.read_by(self.database.catalog.postgres_version);
        let site = Site::new(file, statement.span);
        let now = (self.done, site.span.end);
        self.each_database(|database| (database.catalog.now, database.catalog.here) = (now, site));
        self.replay.statements += 1;
        let unchecked = self.database.catalog.session.bodies_unchecked;
        if let (Form::Opaque(opaque), None) = (&statement.form, statement.ast(unchecked)) {
            self.replay.unread.push(Unread { site, head: opaque.head.to_string(), reason: opaque.reason.clone() });
        }
        visitor.statement(&Step { catalog: &self.database.catalog, migration, statement: &statement, site }, sources);
        let refuses = statement.ast(unchecked).and_then(refuses_transaction);
        let copy = self.migrations_only.is_some().then(|| statement.clone());
        let ran = self.database.run(sources, file, statement, Certainty::Certain);
        let failed = ran.failed.as_ref();
        let refused = std::mem::take(&mut self.database.refused);
        let refused = if failed.is_none() { refused.as_slice() } else { &[] };
        let outcome = Outcome { catalog: &self.database.catalog, migration, effects: &ran.effects, failed, refused, site };
        visitor.outcome(&outcome, sources);
        self.batch.push((site, refuses.filter(|_| failed.is_none())));
        if let Some(reason) = ran.in_batch.filter(|_| ran.failed.is_none()) {
            self.reject(site, reason, When::InBatch, Vec::new());
        }
        if let Some(reason) = ran.by_path.filter(|_| ran.failed.is_none()) {
            self.reject(site, reason, When::OtherPath, Vec::new());
        }
        let migrations_only_error = self.run_migrations_only(site, copy, sources);
        let (reason, when) = match (ran.failed, migrations_only_error) {
            (Some(reason), _) => (reason, When::Always),
            (None, Some(reason)) => (reason, When::OnNewDatabase),
            (None, None) => return,
        };
        let makes = parse_again(site, sources, self.database.catalog.postgres_version)
            .and_then(|statement| Some(creates(statement.ast(unchecked)?)))
            .unwrap_or_default();
        self.reject(site, reason, when, makes);
    }
}

/// Parses the statement at a location again, with the syntax of a version of PostgreSQL.
fn parse_again(site: Site, sources: &Sources, version: u32) -> Option<Statement> {
    let text = sources.text(site.file);
    let raw = Splitter::statement_at(&text, site.span.start as usize)?;
    Some(parser::statement(&text, &raw).read_by(version))
}

/// Returns whether a version is a timestamp at or after a moment.
fn is_since(version: &str, moment: u64) -> bool {
    version.len() == 14 && version.parse::<u64>().is_ok_and(|stamp| stamp >= moment)
}
