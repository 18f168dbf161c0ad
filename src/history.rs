//! Stands in for the replay of a history.

use crate::catalog::effect::Effect;
use crate::catalog::{Catalog, Contradiction};
use crate::project::{Migration, Project};
use crate::report::Unread;
use crate::source::{Site, Sources};
use crate::syntax::ast::Statement;

pub struct Step<'a> {
    /// The world behind the statement.
    pub catalog: &'a Catalog,
    pub migration: &'a Migration,
    pub statement: &'a Statement,
    pub effects: &'a [Effect],
    pub failed: Option<&'a Contradiction>,
    pub site: Site,
}

/// Sources that hold the platform's own start, for a project to be read into.
pub fn sources() -> Sources {
    let mut sources = Sources::default();
    sources.add("(Supabase)", "");
    sources
}

pub trait Visitor {
    fn statement(&mut self, _step: &Step<'_>, _sources: &Sources) {}
    fn migration(&mut self, _catalog: &Catalog, _migration: &Migration, _sources: &Sources) {}
}

#[derive(Default)]
pub struct Replay {
    pub catalog: Catalog,
    pub statements: usize,
    pub unread: Vec<Unread>,
}

pub fn replay(_sources: &mut Sources, _project: &Project, _visitor: &mut dyn Visitor) -> Replay {
    Replay::default()
}
