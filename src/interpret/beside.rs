//! A world beside another, which has run the same migrations but for a few.
//!
//! Promises: where one has run a migration and was not seen to look at anything in which the two differ, the other would have run it
//! just so. What of a world is in no store is compared whole.

use super::World;
use super::evaluate::Spent;
use crate::catalog::store::Meet;
use crate::catalog::watch;
use crate::catalog::{Catalog, Session};
use crate::source::{Site, Span};

/// How far a world had come when it last met the other.
#[derive(Clone, Copy, Default)]
pub struct Met {
    rejected: usize,
    bounded: usize,
    /// In the catalog.
    obscured: usize,
    /// Inside of code.
    unread: usize,
    spent: Spent,
}

impl World {
    /// From here on, there is another that is the same.
    pub fn part(&mut self) {
        self.catalog.part();
        self.inserted.part();
        self.note_meeting();
    }

    fn note_meeting(&mut self) {
        self.met = Met {
            rejected: self.catalog.rejected.len(),
            bounded: self.bounded.len(),
            obscured: self.catalog.unread.len(),
            unread: self.unread.len(),
            spent: self.budget.spent(),
        };
    }

    /// What of it is in no store, and outlasts a file.
    fn rest(&self) -> impl PartialEq + use<> {
        (self.catalog.rest(), self.settings_changed, self.relies)
    }

    /// Is all of the session the same, but for when it began, and no transaction open?
    pub fn is_level(&self, other: &World) -> bool {
        let session = |world: &World| Session { began: 0, ..world.catalog.session.clone() };
        let is_bare = |world: &World| world.savepoints.is_empty() && world.temporary.names().next().is_none();
        is_bare(self) && is_bare(other) && session(self) == session(other)
    }

    /// Statements that nobody could read since they last met.
    fn obscured(&self) -> impl Iterator<Item = Span> {
        self.catalog.unread[self.met.obscured..].iter().map(|(_, span)| *span)
    }

    /// Is anything obscured that was not when they last met?
    pub fn is_obscured(&self) -> bool {
        self.obscured().next().is_some()
    }

    /// May the other, which has not run it, come to something else by what this has run since they met?
    pub fn may_differ(&mut self, other: &World) -> bool {
        let looked = watch::looked();
        let spent = self.budget.spent().since(self.met.spent);
        let is_bounded = self.bounded.len() > self.met.bounded || !other.budget.has_left(spent);
        looked || is_bounded || self.rest() != other.rest()
    }

    /// Hands the other all that has come of what it has not run, where it is now.
    pub fn hand_on(&mut self, other: &mut World) {
        let Catalog { now: (number, _), here, stood, unread, .. } = &mut other.catalog;
        unread.extend(self.obscured().map(|span| (*number, stood.own(Site::new(here.file, span)).span)));
        self.catalog.meet(&mut other.catalog, Meet::Follow);
        self.inserted.meet(&mut other.inserted, Meet::Follow);
        other.catalog.session.clone_from(&self.catalog.session);
        other.catalog.rejected.extend_from_slice(&self.catalog.rejected[self.met.rejected..]);
        other.unread.extend_from_slice(&self.unread[self.met.unread..]);
        other.budget.spend(self.budget.spent().since(self.met.spent));
        self.note_meeting();
        other.note_meeting();
    }

    /// Looks for differences where both have run something. Are there only such as stores know of?
    pub fn compare(&mut self, other: &mut World) -> bool {
        self.catalog.meet(&mut other.catalog, Meet::Compare);
        self.inserted.meet(&mut other.inserted, Meet::Compare);
        // who has looked at anything till now has done so in both
        watch::looked();
        let known = self.rest() == other.rest() && self.obscured().eq(other.obscured());
        self.note_meeting();
        other.note_meeting();
        known
    }
}
