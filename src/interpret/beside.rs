//! A world beside another, which has run the same statements but for some.
//!
//! Promises: where one has run statements and was not seen to look at anything in which the two differ, the other would have run them
//! just so. What of a world is in no store is compared whole.

use super::World;
use super::evaluate::Spent;
use crate::catalog::{Session, watch};
use crate::source::{FileId, Site, Span};

/// How far a world has come.
#[derive(Clone, Default)]
pub struct Way {
    rejected: usize,
    bounded: usize,
    /// In the catalog.
    obscured: usize,
    /// Inside of code.
    unread: usize,
    spent: Spent,
    session: Session,
}

impl World {
    /// From here on, there is another that is the same.
    pub fn part(&mut self) {
        self.catalog.part();
        self.inserted.part();
        self.note_meeting();
    }

    fn way(&self) -> Way {
        Way {
            rejected: self.catalog.rejected.len(),
            bounded: self.bounded.len(),
            obscured: self.catalog.unread.len(),
            unread: self.unread.len(),
            spent: self.budget.spent(),
            session: self.catalog.session.clone(),
        }
    }

    fn note_meeting(&mut self) {
        self.settled = self.way();
        self.met = self.settled.clone();
    }

    /// What of it is in no store, and outlasts a file.
    fn rest(&self) -> impl PartialEq + use<> {
        (self.catalog.rest(), self.settings_changed, self.relies)
    }

    /// Is no transaction open, and nothing there that the end of the file takes away?
    pub fn is_bare(&self) -> bool {
        let (tables, views) = (&self.catalog.tables, &self.catalog.views);
        let has_temporary = || tables.entries_in("pg_temp").next().is_some() || views.entries_in("pg_temp").next().is_some();
        self.savepoints.is_empty() && self.temporary.names().next().is_none() && !has_temporary()
    }

    /// Is the session the same in another, in which places in the file may be others?
    pub fn is_level(&self, other: &World, file: FileId) -> bool {
        let (here, there) = (&self.catalog.session, &other.catalog.session);
        let stood = &other.catalog.stood;
        let began = stood.own(Site::new(file, Span::new(here.began, here.began)));
        let began_with = began.span.start == there.began && (began.file != file || there.began == 0 || !stood.knows(file));
        let rest = |session: &Session| Session { began: 0, ..session.clone() };
        began_with && rest(here) == rest(there)
    }

    /// Is anything obscured that was not when they last met?
    pub fn is_obscured(&self) -> bool {
        self.catalog.unread.len() > self.met.obscured
    }

    /// May the other, which has not run it, come to something else by what this has run since it last settled?
    pub fn may_differ(&self, other: &World) -> bool {
        let is_bounded = self.bounded.len() > self.settled.bounded || !other.budget.has_left(self.budget.spent().since(self.met.spent));
        is_bounded || self.rest() != other.rest()
    }

    /// The other would have come to the same by what this has run since it last settled, or since they met.
    pub fn settle(&mut self) {
        self.catalog.settle();
        self.inserted.settle();
        self.settled = self.way();
    }

    /// Hands the other what it had come to when it last settled, which it has since they met; the other is so many files further on, and at
    /// this one.
    pub fn hand_on(&mut self, other: &mut World, further: isize, file: FileId) {
        let (met, settled) = (std::mem::take(&mut self.met), self.settled.clone());
        let (stood, unread) = (other.catalog.stood.clone(), &mut other.catalog.unread);
        let obscured = self.catalog.unread[met.obscured..settled.obscured].iter();
        unread.extend(obscured.map(|(number, span)| (number.saturating_add_signed(further), stood.own(Site::new(file, *span)).span)));
        self.catalog.hand_on(&mut other.catalog);
        self.inserted.hand_on(&mut other.inserted);
        let began = Site::new(file, Span::new(settled.session.began, settled.session.began));
        other.catalog.session = Session { began: stood.own(began).span.start, ..settled.session.clone() };
        other.catalog.rejected.extend_from_slice(&self.catalog.rejected[met.rejected..settled.rejected]);
        other.unread.extend_from_slice(&self.unread[met.unread..settled.unread]);
        other.budget.spend(settled.spent.since(met.spent));
        other.note_meeting();
        self.met = settled;
    }

    /// Looks for differences where both have run something, of a file. Are there only such as stores know of?
    pub fn compare(&mut self, other: &mut World, file: FileId) -> bool {
        self.catalog.compare(&mut other.catalog);
        self.inserted.compare(&mut other.inserted);
        // who has looked at anything till now has done so in both
        watch::looked();
        fn obscured(world: &World) -> impl Iterator<Item = Span> {
            world.catalog.unread[world.met.obscured..].iter().map(|(_, span)| *span)
        }
        let there = |span| other.catalog.stood.own(Site::new(file, span)).span;
        let known = self.rest() == other.rest() && obscured(self).map(there).eq(obscured(other));
        self.note_meeting();
        other.note_meeting();
        known
    }
}
