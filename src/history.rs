//! The whole history, statement by statement, with a visitor who is told what each did.
//!
//! Promises: a file begins with a fresh session, as the Supabase runner does (`RESET ALL`); a statement that PostgreSQL would
//! reject changes nothing and is listed with the reason; memory does not grow with the number of statements.

use crate::catalog::effect::Effect;
use crate::catalog::future::Future;
use crate::catalog::object::Certainty;
use crate::catalog::{Catalog, Contradiction};
use crate::config::DefaultPrivileges;
use crate::interpret::World;
use crate::project::{Migration, Platform, Project};
use crate::report::Unread;
use crate::source::{Site, Sources};
use crate::syntax::ast::{Form, Statement};
use crate::syntax::parser;
use crate::syntax::split::Splitter;
use std::sync::Arc;

/// What exists on the platform before the first migration.
pub const PLATFORM: &str = include_str!("history/supabase.sql");

/// The first version of a migration that gets no grants from the platform's defaults any more.
/// Source: Supabase changelog 45329, existing projects since 2026-10-30.
const DEFAULT_GRANTS_ENDED: u64 = 20261030000000;

/// A statement and what became of it.
pub struct Step<'a> {
    /// The world behind it.
    pub catalog: &'a Catalog,
    pub migration: &'a Migration,
    pub statement: &'a Statement,
    pub effects: &'a [Effect],
    /// Why PostgreSQL would have rejected it.
    pub failed: Option<&'a Contradiction>,
    pub site: Site,
}

pub trait Visitor {
    fn statement(&mut self, step: &Step<'_>, sources: &Sources);
    fn migration(&mut self, catalog: &Catalog, migration: &Migration, sources: &Sources);
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
    let mut world = World::default();
    world.birth(sources, project.platform == Platform::Supabase);
    if project.config.default_privileges == DefaultPrivileges::None {
        world.end_platform_defaults();
    }
    let mut replay = Replay::default();
    world.catalog.future = Arc::new(Future::new(project.migrations.iter().map(|migration| sources.text(migration.file)).collect()));
    let mut defaults_ended = project.config.default_privileges != DefaultPrivileges::ByDate;
    for (at, migration) in project.migrations.iter().enumerate() {
        if !defaults_ended && is_after_default_grants(&migration.version) {
            world.end_platform_defaults();
            defaults_ended = true;
        }
        world.catalog.session = Default::default();
        let text = sources.text(migration.file);
        for raw in Splitter::new(&text) {
            world.catalog.now = (at, raw.span().end);
            let statement = parser::statement(&text, &raw);
            let site = Site::new(migration.file, statement.span);
            replay.statements += 1;
            if let Form::Opaque(opaque) = &statement.form {
                replay.unread.push(Unread { site, head: opaque.head.to_string(), reason: opaque.reason.clone() });
            }
            let outcome = world.run(sources, migration.file, &statement, Certainty::Certain);
            let step = Step {
                catalog: &world.catalog,
                migration,
                statement: &statement,
                effects: &outcome.effects,
                failed: outcome.failed.as_ref(),
                site,
            };
            visitor.statement(&step, sources);
            if let Some(reason) = outcome.failed {
                replay.failed.push((site, reason));
            }
        }
        world.drop_temporary();
        visitor.migration(&world.catalog, migration, sources);
    }
    replay.unread.append(&mut world.unread);
    replay.bounded = world.bounded;
    replay.catalog = world.catalog;
    replay
}

/// Is this the version of a migration made after the day, where it is a time stamp at all?
fn is_after_default_grants(version: &str) -> bool {
    version.len() == 14 && version.parse::<u64>().is_ok_and(|stamp| stamp >= DEFAULT_GRANTS_ENDED)
}
