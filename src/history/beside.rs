//! Another history beside one: of the migrations that both have, it runs only those that may do something else there.
//!
//! Promises: it comes to the state that it would come to alone. What a migration does is settled by what it reads, so one that neither
//! reads nor writes anything in which the two differ does the same in both, and what it did in the one is taken over.

use super::{Fold, Replay, Visitor};
use crate::interpret::World;
use crate::project::{Migration, Project};
use crate::source::Sources;
use crate::syntax::ast::Statement;

/// Where another project's history goes its own way.
#[derive(Clone, Copy, Debug)]
pub struct Parting {
    /// Migrations that both begin with.
    migrations: usize,
    /// Bytes that the next one begins with in both.
    head: u32,
    /// Where what it ends with in both begins in the one.
    tail: Option<u32>,
}

impl Parting {
    pub fn of(one: &Project, other: &Project, sources: &Sources) -> Parting {
        let migrations = one.common(other);
        let (mut head, mut tail) = (0, None);
        if let Some((one, other)) = one.migrations.get(migrations).zip(other.migrations.get(migrations)) {
            for piece in other.pieces(sources).filter(|piece| piece.file == one.file) {
                match piece.span.start {
                    0 => head = piece.span.end,
                    start => tail = Some(start).filter(|_| piece.span.end == one.end),
                }
            }
        }
        Parting { migrations, head, tail }
    }

    /// Is it before the migration that comes next in the one?
    pub fn is_before(self, one: &Fold) -> bool {
        self.migrations == one.done && self.head == 0
    }

    /// Is it within the one's migration, before a byte?
    pub fn is_within(self, one: &Fold, next: u32) -> bool {
        self.migrations == one.done && self.head > 0 && self.head <= next
    }
}

/// The other history.
pub struct Beside {
    fold: Fold,
    /// What the one had counted when they last met.
    statements: usize,
    unread: usize,
    /// Is the one in the midst of a migration that both have, and that comes next here?
    is_open: bool,
    /// How many of those ran here too, with none behind them that did not.
    ran: usize,
    /// The statements of this one, where it is likely to run too: a copy takes less than to read them once more.
    kept: Option<Vec<Statement>>,
    /// Is there a difference that nobody would be seen to look at? Then all runs here too.
    lost: bool,
    /// Where both come to what the migration ends with in both, within which they parted: its number, and the byte in the one.
    tail: Option<(usize, u32)>,
}

impl Beside {
    /// For a project whose history goes its own way from here, if it would have come to the same state.
    pub fn of(one: &mut Fold, project: &Project, parting: Parting, sources: &Sources) -> Option<Beside> {
        let mut fold = one.of(project, parting.head, sources)?;
        one.each_world(World::part);
        fold.each_world(World::part);
        let lost = !one.world.catalog.future.part(&fold.world.catalog.future);
        let (statements, unread) = (one.replay.statements, one.replay.unread.len());
        let tail = parting.tail.map(|tail| (parting.migrations, tail));
        Some(Beside { fold, statements, unread, is_open: false, ran: 0, kept: None, lost, tail })
    }

    /// Before each migration of the one.
    pub fn open(&mut self, one: &mut Fold, migration: &Migration, project: &Project, sources: &mut Sources, visitor: &mut dyn Visitor) {
        let left = &project.migrations[self.fold.done..];
        let Some(before) = left.iter().position(|other| other == migration) else { return };
        self.is_open = true;
        self.kept = (self.ran > 1).then(Vec::new);
        self.pass(one, &left[..before], sources, visitor);
    }

    /// Before each statement of the one, and before the end of a migration. Does something begin there that both have?
    pub fn reach(&mut self, one: &mut Fold, next: u32, project: &Project, sources: &mut Sources, visitor: &mut dyn Visitor) -> bool {
        // what is told of a whole file at its end is not the tail's alone
        self.is_open &= next < u32::MAX || self.fold.begun.is_none() || !one.refuses();
        let Some(tail) = self.tail.filter(|(number, at)| *number == one.done && *at <= next) else { return false };
        self.tail = None;
        let migration = &project.migrations[self.fold.done];
        let pieces = migration.pieces(sources).count();
        self.fold.go_on(migration, pieces - 1, sources, visitor);
        self.meet(one);
        self.is_open = one.world.catalog.now <= tail && one.is_level(&self.fold);
        self.is_open
    }

    /// Before each statement.
    pub fn statement(&mut self, statement: &Statement) {
        if let Some(kept) = &mut self.kept {
            kept.push(statement.clone());
        }
    }

    /// Behind each migration. Is it taken over, so that it did not run here?
    pub fn close(&mut self, one: &mut Fold, project: &Project, sources: &mut Sources, visitor: &mut dyn Visitor) -> bool {
        if !std::mem::take(&mut self.is_open) {
            return false;
        }
        let migration = &project.migrations[self.fold.done];
        let kept = self.kept.take();
        if !self.may_differ(one) {
            self.follow(one);
            self.ran = 0;
            return true;
        }
        match kept {
            Some(kept) => {
                self.fold.open(migration, sources, visitor);
                self.fold.statements(migration, migration.file, kept, sources, visitor);
                self.fold.close(sources, visitor);
            }
            None => self.fold.migration(migration, sources, visitor),
        }
        self.compare(one);
        self.ran += 1;
        false
    }

    /// Behind the last migration of the one: what it adds up to. Is whoever looks at the one noticed where that looks at a difference?
    pub fn end(mut self, one: &mut Fold, project: &Project, sources: &mut Sources, visitor: &mut dyn Visitor) -> (Replay, bool) {
        self.pass(one, &project.migrations[self.fold.done..], sources, visitor);
        self.fold.begin_session();
        (self.fold.end(), !self.lost)
    }

    /// Folds what is its own alone, where the one is behind what is the one's own.
    fn pass(&mut self, one: &mut Fold, migrations: &[Migration], sources: &mut Sources, visitor: &mut dyn Visitor) {
        migrations.iter().for_each(|migration| self.fold.migration(migration, sources, visitor));
        self.meet(one);
    }

    /// Where each is behind what is its own alone.
    fn meet(&mut self, one: &mut Fold) {
        // of what is not in both, nobody knows what it may have made
        one.each_world(|world| self.lost |= world.is_obscured());
        self.fold.each_world(|world| self.lost |= world.is_obscured());
        self.compare(one);
    }

    /// May what the one has run come to something else here?
    fn may_differ(&mut self, one: &mut Fold) -> bool {
        let world = one.world.may_differ(&self.fold.world);
        let bare = match (&mut one.bare, &self.fold.bare) {
            (Some(one), Some(other)) => one.may_differ(other),
            (None, None) => false,
            (Some(_), None) | (None, Some(_)) => true,
        };
        self.lost || world || bare
    }

    /// Takes over what the one has run.
    fn follow(&mut self, one: &mut Fold) {
        if one.replay.statements > self.statements {
            let here = one.world.catalog.here;
            let now = (self.fold.done, self.fold.world.catalog.stood.own(here).span.end);
            self.fold.each_world(|world| (world.catalog.now, world.catalog.here) = (now, here));
        }
        one.world.hand_on(&mut self.fold.world);
        if let (Some(one), Some(other)) = (&mut one.bare, &mut self.fold.bare) {
            one.hand_on(other);
        }
        self.fold.replay.statements += one.replay.statements - self.statements;
        self.fold.replay.unread.extend_from_slice(&one.replay.unread[self.unread..]);
        self.fold.defaults_ended = one.defaults_ended;
        self.fold.done += 1;
        self.fold.begun = None;
        self.fold.batch.clear();
        self.count(one);
    }

    /// Looks for differences where both have run something.
    fn compare(&mut self, one: &mut Fold) {
        let world = one.world.compare(&mut self.fold.world);
        let bare = match (&mut one.bare, &mut self.fold.bare) {
            (Some(one), Some(other)) => one.compare(other),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        self.lost |= !(world && bare);
        self.count(one);
    }

    fn count(&mut self, one: &Fold) {
        (self.statements, self.unread) = (one.replay.statements, one.replay.unread.len());
    }
}
