//! The whole history, statement by statement, with a visitor who is told what each did.
//!
//! Promises: a file begins with a fresh session, as the Supabase runner does (`RESET ALL`); a statement that PostgreSQL would
//! reject changes nothing and is listed in the catalog with the reason; memory does not grow with the number of statements.

mod ahead;
mod beside;

use crate::catalog::effect::Effect;
use crate::catalog::future::Future;
use crate::catalog::object::Certainty;
use crate::catalog::{Catalog, Contradiction, Rejected, When};
use crate::config::DefaultPrivileges;
pub use crate::interpret::platform::{Cause, Owned, Refusal};
use crate::interpret::{World, refuses_transaction};
use crate::project::{Migration, Platform, Project};
use crate::source::{FileId, Site, Sources};
use crate::syntax::ast::Unread;
use crate::syntax::ast::{Form, Statement};
use crate::syntax::parser;
use crate::syntax::split::Splitter;
pub use beside::{Beside, Fate, Parting};
use smol_str::SmolStr;
use std::sync::Arc;

/// What exists on the platform before the first migration.
pub const PLATFORM: &str = include_str!("history/supabase.sql");

/// The first version of a migration that gets no grants from the platform's defaults any more.
/// Source: Supabase changelog 45329, existing projects since 2026-10-30.
const DEFAULT_GRANTS_ENDED: u64 = 20261030000000;

/// A statement that is about to run.
pub struct Step<'a> {
    /// The world before it.
    pub catalog: &'a Catalog,
    pub migration: &'a Migration,
    pub statement: &'a Statement,
    pub site: Site,
}

/// What became of a statement.
pub struct Outcome<'a> {
    /// The world behind it.
    pub catalog: &'a Catalog,
    pub migration: &'a Migration,
    pub effects: &'a [Effect],
    /// Why PostgreSQL would have rejected it.
    pub failed: Option<&'a Contradiction>,
    /// What of it a hosted Supabase project refuses, though PostgreSQL lets a superuser do it.
    pub refused: &'a [Refusal],
    pub site: Site,
}

/// Where a file ends, for who is told where in it the history is.
pub const END: u32 = u32::MAX;

/// Who is told of a history as it unfolds; the sources hold what has been read so far.
pub trait Visitor {
    /// Before each file.
    fn open(&mut self, _: &mut Fold, _: &Migration, _: &mut Sources) {}
    /// Before each statement, with the byte of the file at which it begins, and before what the end of a file does, with [`END`].
    fn reach(&mut self, _: &mut Fold, _: u32, _: &mut Sources) {}
    /// Before each statement.
    fn statement(&mut self, _: &Step<'_>, _: &Sources) {}
    fn outcome(&mut self, _: &Outcome<'_>, _: &Sources) {}
    /// Behind each file.
    fn close(&mut self, _: &mut Fold) {}
    /// Behind the last file.
    fn end(&mut self, _: &mut Fold, _: &mut Sources) {}
}

/// For who asks only for the end of the history.
impl Visitor for () {}

/// What the history adds up to.
#[derive(Clone, Default)]
pub struct Replay {
    pub catalog: Catalog,
    pub statements: usize,
    pub unread: Vec<Unread>,
    /// Statements whose code was not run to its end, because it runs too long.
    pub bounded: Vec<Site>,
}

/// Sources that hold the platform's own start, for a project to be read into.
pub fn sources() -> Sources {
    let mut sources = Sources::default();
    sources.add("(Supabase)", PLATFORM);
    sources
}

/// Folds a project's migrations.
pub fn replay(sources: &mut Sources, project: &Project, visitor: &mut dyn Visitor) -> Replay {
    std::thread::scope(|scope| {
        // others begin to read while the platform's own start is folded
        let pieces = project.migrations.iter().flat_map(|migration| migration.pieces(sources));
        let mut ahead = ahead::read(scope, pieces.map(|piece| (sources.text(piece.file), piece.span)).collect());
        let mut fold = Fold::begin(sources, project);
        for migration in &project.migrations {
            fold.open(migration, sources, visitor);
            for piece in migration.pieces(sources) {
                fold.statements(migration, piece.file, ahead.piece(), sources, visitor);
            }
            fold.close(sources, visitor);
        }
        fold.begin_session();
        visitor.end(&mut fold, sources);
        fold.end()
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

/// A history under way. A clone of it goes its own way.
#[derive(Clone)]
pub struct Fold {
    world: World,
    /// The same without what no migration creates, from the statement on that is the first to rely on such a thing.
    bare: Option<World>,
    /// Statements of the file so far, each with what it is called if it refuses a transaction.
    batch: Vec<(Site, Option<SmolStr>)>,
    replay: Replay,
    defaults_ended: bool,
    /// Migrations behind it.
    done: usize,
    /// Pieces of the next one that have run, where it has begun.
    begun: Option<usize>,
}

impl Fold {
    fn begin(sources: &mut Sources, project: &Project) -> Fold {
        let mut world = World::default();
        world.birth(sources, project.platform == Platform::Supabase);
        world.catalog.postgres_version = project.config.postgres_version;
        world.catalog.future = Arc::new(Future::new(texts(sources, project)));
        world.catalog.stood = project.stood(sources);
        if project.config.default_privileges == DefaultPrivileges::None {
            world.end_platform_defaults();
        }
        let defaults_ended = project.config.default_privileges != DefaultPrivileges::ByDate;
        Fold { world, bare: None, batch: Vec::new(), replay: Replay::default(), defaults_ended, done: 0, begun: None }
    }

    pub fn catalog(&self) -> &Catalog {
        &self.world.catalog
    }

    /// The fold of another project that begins with the same migrations and so many bytes of the next one, if it has come to the
    /// same state: what comes later has a say in what is taken to be missing.
    fn of(&self, project: &Project, head: u32, sources: &Sources) -> Option<Fold> {
        let begun = (head > 0).then_some(1);
        // a statement may go on in the one where it ends in the other
        if begun.is_some() && self.world.catalog.now > (self.done, head) {
            return None;
        }

        let future = self.world.catalog.future.with(texts(sources, project));
        if !self.world.catalog.future.answers_as(&future, self.done) {
            return None;
        }
        let mut fold = Fold { begun, ..self.clone() };
        let (future, stood) = (Arc::new(future), project.stood(sources));
        fold.each_world(|world| (world.catalog.future, world.catalog.stood) = (future.clone(), stood.clone()));
        Some(fold)
    }

    /// Folds a migration, of which each statement is read when it is its turn.
    fn migration(&mut self, migration: &Migration, sources: &mut Sources, visitor: &mut dyn Visitor) {
        self.go_on(migration, usize::MAX, sources, visitor);
        self.close(sources, visitor);
    }

    /// Folds the pieces of a migration that have not run, up to one.
    fn go_on(&mut self, migration: &Migration, to: usize, sources: &mut Sources, visitor: &mut dyn Visitor) {
        let from = self.begun.unwrap_or_else(|| {
            self.open(migration, sources, visitor);
            0
        });
        self.begun = Some(to);
        for piece in migration.pieces(sources).take(to).skip(from) {
            let text = sources.text(piece.file);
            let text = &text[..piece.span.end as usize];
            let statements = Splitter::starting_at(text, piece.span.start as usize).map(|raw| parser::statement(text, &raw));
            self.statements(migration, piece.file, statements, sources, visitor);
        }
    }

    /// Folds statements of a migration that stand in a file.
    fn statements(
        &mut self,
        migration: &Migration,
        file: FileId,
        statements: impl IntoIterator<Item = Statement>,
        sources: &mut Sources,
        visitor: &mut dyn Visitor,
    ) {
        statements.into_iter().for_each(|statement| self.statement(migration, file, statement, sources, visitor));
    }

    /// Before the first statement of a migration.
    fn open(&mut self, migration: &Migration, sources: &mut Sources, visitor: &mut dyn Visitor) {
        visitor.open(self, migration, sources);
        if !self.defaults_ended && is_after_default_grants(&migration.version) {
            self.each_world(World::end_platform_defaults);
            self.defaults_ended = true;
        }
        self.begin_session();
    }

    fn begin_session(&mut self) {
        self.each_world(|world| world.catalog.session = Default::default());
    }

    /// Behind its last.
    fn close(&mut self, sources: &mut Sources, visitor: &mut dyn Visitor) {
        visitor.reach(self, END, sources);
        self.each_world(World::end_transaction);
        self.each_world(World::drop_temporary);
        self.end_batch();
        self.done += 1;
        self.begun = None;
        visitor.close(self);
    }

    fn end(mut self) -> Replay {
        self.replay.unread.append(&mut self.world.unread);
        Replay { catalog: self.world.catalog, bounded: self.world.bounded, ..self.replay }
    }

    /// Is no transaction open, and nothing there that the end of the file takes away?
    fn is_bare(&self) -> bool {
        self.world.is_bare() && self.bare.as_ref().is_none_or(World::is_bare)
    }

    /// Is the session the same in another?
    fn is_level(&self, other: &Fold, file: FileId) -> bool {
        let is_level = |(one, other): (&World, &World)| one.is_level(other, file);
        is_level((&self.world, &other.world)) && self.bare.as_ref().zip(other.bare.as_ref()).is_none_or(is_level)
    }

    fn each_world(&mut self, act: impl FnMut(&mut World)) {
        std::iter::once(&mut self.world).chain(&mut self.bare).for_each(act);
    }

    fn reject(&mut self, site: Site, reason: Contradiction, when: When) {
        self.world.catalog.rejected.push(Rejected { site, reason, when });
    }

    /// The runner sends a file's statements in one pipeline, but for one that is alone.
    fn end_batch(&mut self) {
        let batch = std::mem::take(&mut self.batch);
        if batch.len() < 2 {
            return;
        }
        let when = if batch.iter().all(|(_, what)| what.is_some()) { When::AmongItsLike } else { When::InBatch };
        for (site, what) in batch {
            if let Some(what) = what {
                let reason = Contradiction::new("25001", format!("{what} cannot be executed within a pipeline"));
                self.reject(site, reason, when);
            }
        }
    }

    /// Runs a statement in the world without the outside too, which begins with the statement that shows that there is one: it is
    /// read once more, as the first run took it.
    fn run_bare(&mut self, site: Site, statement: Option<Statement>, sources: &mut Sources) -> Option<Contradiction> {
        if self.bare.is_none() {
            self.bare = Some(self.world.without_the_outside()?);
        }
        let statement = statement.or_else(|| {
            let text = sources.text(site.file);
            let raw = Splitter::starting_at(&text, site.span.start as usize).next()?;
            Some(parser::statement(&text, &raw))
        })?;
        let bare = self.bare.as_mut()?;
        bare.refused.clear();
        bare.run(sources, site.file, statement, Certainty::Certain).failed
    }

    /// Puts the next statement of a migration to the world.
    fn statement(&mut self, migration: &Migration, file: FileId, statement: Statement, sources: &mut Sources, visitor: &mut dyn Visitor) {
        visitor.reach(self, statement.span.start, sources);
        let site = Site::new(file, statement.span);
        let now = (self.done, self.world.catalog.stood.own(site).span.end);
        self.each_world(|world| (world.catalog.now, world.catalog.here) = (now, site));
        self.replay.statements += 1;
        let unchecked = self.world.catalog.session.bodies_unchecked;
        if let (Form::Opaque(opaque), None) = (&statement.form, statement.ast(unchecked)) {
            self.replay.unread.push(Unread { site, head: opaque.head.to_string(), reason: opaque.reason.clone() });
        }
        visitor.statement(&Step { catalog: &self.world.catalog, migration, statement: &statement, site }, sources);
        let refuses = statement.ast(unchecked).and_then(refuses_transaction);
        let again = self.bare.is_some().then(|| statement.clone());
        let ran = self.world.run(sources, file, statement, Certainty::Certain);
        let failed = ran.failed.as_ref();
        let refused = std::mem::take(&mut self.world.refused);
        let refused = if failed.is_none() { refused.as_slice() } else { &[] };
        let outcome = Outcome { catalog: &self.world.catalog, migration, effects: &ran.effects, failed, refused, site };
        visitor.outcome(&outcome, sources);
        self.batch.push((site, refuses.filter(|_| failed.is_none())));
        if let Some(reason) = ran.in_batch.filter(|_| ran.failed.is_none()) {
            self.reject(site, reason, When::InBatch);
        }
        let afresh = self.run_bare(site, again, sources);
        match (ran.failed, afresh) {
            (Some(reason), _) => self.reject(site, reason, When::Always),
            (None, Some(reason)) => self.reject(site, reason, When::Afresh),
            (None, None) => {}
        }
    }
}

/// Is this the version of a migration made after the day, where it is a time stamp at all?
fn is_after_default_grants(version: &str) -> bool {
    version.len() == 14 && version.parse::<u64>().is_ok_and(|stamp| stamp >= DEFAULT_GRANTS_ENDED)
}
