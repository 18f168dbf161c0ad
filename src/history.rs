//! The whole history, statement by statement, with a visitor who is told what each did.
//!
//! Promises: a file begins with a fresh session, as the Supabase runner does (`RESET ALL`); a statement that PostgreSQL would
//! reject changes nothing and is listed with the reason; memory does not grow with the number of statements.

mod ahead;

use crate::catalog::effect::Effect;
use crate::catalog::future::Future;
use crate::catalog::object::Certainty;
use crate::catalog::{Catalog, Contradiction};
use crate::config::DefaultPrivileges;
use crate::interpret::World;
pub use crate::interpret::platform::{Cause, Owned, Refusal};
use crate::project::{Migration, Platform, Project};
use crate::source::{Site, Sources};
use crate::syntax::ast::Unread;
use crate::syntax::ast::{Form, Statement};
use ahead::Batch;
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

/// Who is told of a history as it unfolds; the sources hold what has been read so far.
pub trait Visitor {
    fn statement(&mut self, _: &Step<'_>, _: &Sources) {}
    fn outcome(&mut self, _: &Outcome<'_>, _: &Sources) {}
    fn migration(&mut self, _: &Catalog, _: &Migration, _: &Sources) {}
}

/// What the history adds up to.
#[derive(Default)]
pub struct Replay {
    pub catalog: Catalog,
    pub statements: usize,
    pub unread: Vec<Unread>,
    pub failed: Vec<(Site, Contradiction)>,
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
    let texts: Vec<Arc<str>> = project.migrations.iter().map(|migration| sources.text(migration.file)).collect();
    let mut world = World::default();
    world.birth(sources, project.platform == Platform::Supabase);
    world.catalog.future = Arc::new(Future::new(texts.clone()));
    if project.config.default_privileges == DefaultPrivileges::None {
        world.end_platform_defaults();
    }
    let defaults_ended = project.config.default_privileges != DefaultPrivileges::ByDate;
    let fold = Fold { world, replay: Replay::default(), defaults_ended, visitor, sources };
    std::thread::scope(|scope| fold.all(&project.migrations, ahead::read(scope, texts)))
}

/// A fold under way.
struct Fold<'a> {
    world: World,
    replay: Replay,
    defaults_ended: bool,
    visitor: &'a mut dyn Visitor,
    sources: &'a mut Sources,
}

impl Fold<'_> {
    fn all(mut self, migrations: &[Migration], mut batches: impl Iterator<Item = Batch>) -> Replay {
        for (at, migration) in migrations.iter().enumerate() {
            if !self.defaults_ended && is_after_default_grants(&migration.version) {
                self.world.end_platform_defaults();
                self.defaults_ended = true;
            }
            self.world.catalog.session = Default::default();
            for batch in batches.by_ref() {
                batch.statements.into_iter().for_each(|statement| self.statement(at, migration, statement));
                if batch.ends_file {
                    break;
                }
            }
            self.world.drop_temporary();
            self.visitor.migration(&self.world.catalog, migration, self.sources);
        }
        self.replay.unread.append(&mut self.world.unread);
        Replay { catalog: self.world.catalog, bounded: self.world.bounded, ..self.replay }
    }

    fn statement(&mut self, at: usize, migration: &Migration, statement: Statement) {
        self.world.catalog.now = (at, statement.span.end);
        let site = Site::new(migration.file, statement.span);
        self.replay.statements += 1;
        if let Form::Opaque(opaque) = &statement.form {
            self.replay.unread.push(Unread { site, head: opaque.head.to_string(), reason: opaque.reason.clone() });
        }
        self.visitor.statement(&Step { catalog: &self.world.catalog, migration, statement: &statement, site }, self.sources);
        let ran = self.world.run(self.sources, migration.file, statement, Certainty::Certain);
        let failed = ran.failed.as_ref();
        let refused = std::mem::take(&mut self.world.refused);
        let refused = if failed.is_none() { refused.as_slice() } else { &[] };
        let outcome = Outcome { catalog: &self.world.catalog, migration, effects: &ran.effects, failed, refused, site };
        self.visitor.outcome(&outcome, self.sources);
        if let Some(reason) = ran.failed {
            self.replay.failed.push((site, reason));
        }
    }
}

/// Is this the version of a migration made after the day, where it is a time stamp at all?
fn is_after_default_grants(version: &str) -> bool {
    version.len() == 14 && version.parse::<u64>().is_ok_and(|stamp| stamp >= DEFAULT_GRANTS_ENDED)
}
