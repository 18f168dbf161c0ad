//! Another history beside one: of what both have, it runs only those statements that may do something else there.
//!
//! Promises: it comes to the state that it would come to alone. What a statement does is settled by what it reads, so one that neither
//! reads nor writes anything in which the two differ does the same in both, and what it did in the one is taken over, once the other needs
//! it: where it has to run something itself.

use super::{END, Fold, Replay, Visitor};
use crate::catalog::{Catalog, watch};
use crate::interpret::World;
use crate::project::{Migration, Project};
use crate::source::{FileId, Site, Sources};
use crate::syntax::parser;
use crate::syntax::split::Splitter;

/// Statements after which it is asked whether what they did is taken over: each time costs, and where it is not, all of them run once more.
const MOST: usize = 16;

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
            for (nth, piece) in other.pieces(sources).enumerate().filter(|(_, piece)| piece.file == one.file) {
                match (nth, piece.span.start) {
                    (0, 0) => head = piece.span.end,
                    (_, start) => tail = Some(start).filter(|_| piece.span.end == one.end),
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

/// What became of what the one has run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// That is not known yet, or it is no matter of the other.
    Open,
    /// It is taken over.
    TakenOver,
    /// It ran here too.
    Ran,
}

/// The other history.
pub struct Beside {
    fold: Fold,
    met: Way,
    settled: Way,
    has_settled: bool,
    /// The file in the midst of which both are, if they have come to the same place in it.
    file: Option<FileId>,
    /// Where what is not settled begins in it.
    began: u32,
    /// May that come to something else here?
    differs: bool,
    /// Does the session of the one differ from that of this one?
    is_uneven: bool,
    /// Has this one ended the file by itself?
    has_ended: bool,
    /// Has the one run what is not in this one, since they met?
    is_apart: bool,
    /// Is there a difference that nobody would be seen to look at? Then all runs here too.
    lost: bool,
    /// Where both come to what the migration ends with in both, within which they parted: its number, and the byte in the one.
    tail: Option<(usize, u32)>,
}

/// How far the one has come.
#[derive(Clone, Copy)]
struct Way {
    statements: usize,
    unread: usize,
    /// Statements of the file.
    batch: usize,
    defaults_ended: bool,
    /// The last statement, with the number of its file.
    here: (usize, Site),
}

impl Way {
    fn of(one: &Fold) -> Way {
        let Catalog { now: (number, _), here, .. } = one.world.catalog;
        Way {
            statements: one.replay.statements,
            unread: one.replay.unread.len(),
            batch: one.batch.len(),
            defaults_ended: one.defaults_ended,
            here: (number, here),
        }
    }
}

impl Beside {
    /// For a project whose history goes its own way from here, if it would have come to the same state.
    pub fn of(one: &mut Fold, project: &Project, parting: Parting, sources: &Sources) -> Option<Beside> {
        let mut fold = one.of(project, parting.head, sources)?;
        one.each_world(World::part);
        fold.each_world(World::part);
        let lost = !one.world.catalog.future.part(&fold.world.catalog.future);
        let tail = parting.tail.map(|tail| (parting.migrations, tail));
        let way = Way::of(one);
        Some(Beside {
            fold,
            met: way,
            settled: way,
            has_settled: false,
            file: None,
            began: 0,
            differs: false,
            is_uneven: false,
            has_ended: false,
            is_apart: true,
            lost,
            tail,
        })
    }

    /// Before each migration of the one.
    pub fn open(&mut self, one: &mut Fold, migration: &Migration, project: &Project, sources: &mut Sources, visitor: &mut dyn Visitor) {
        let left = &project.migrations[self.fold.done..];
        match left.iter().position(|other| other == migration) {
            None => {
                self.hand_on(one, migration.file);
                self.is_apart = true;
            }
            Some(before) => {
                if self.is_apart || before > 0 {
                    self.pass(one, &left[..before], migration.file, sources, visitor);
                }
                self.enter(Some(migration.file), 0);
            }
        }
    }

    /// Before each statement of the one, and before the end of a migration. Does something begin there that both have?
    pub fn arrive(&mut self, one: &mut Fold, next: u32, project: &Project, sources: &mut Sources, visitor: &mut dyn Visitor) -> bool {
        let Some(tail) = self.tail.take_if(|(number, at)| *number == one.done && *at <= next) else { return false };
        let migration = &project.migrations[self.fold.done];
        let pieces: Vec<Site> = migration.pieces(sources).collect();
        let Some(last) = pieces.last() else { return false };
        self.fold.go_on(migration, pieces.len() - 1, sources, visitor);
        self.meet(one, last.file);
        let is_there = one.world.catalog.now <= tail && one.is_bare() && self.fold.is_bare() && one.is_level(&self.fold, last.file);
        self.enter(Some(last.file).filter(|_| is_there), tail.1);
        self.is_apart = !is_there;
        is_there
    }

    /// There too. What becomes of what the one has run?
    pub fn reach(&mut self, one: &mut Fold, next: u32, project: &Project, sources: &mut Sources, visitor: &mut dyn Visitor) -> Fate {
        let Some(file) = self.file else { return Fate::Open };
        let is_end = next == END;
        self.differs |= self.is_uneven | self.may_differ(one);
        let is_early = self.lost || !self.differs && one.replay.statements - self.settled.statements < MOST;
        if !is_end && (is_early || !one.is_bare()) {
            return Fate::Open;
        }
        let fate = match self.differs || is_end && !one.is_bare() {
            true => self.run(one, file, next, project, sources, visitor),
            false => self.settle(one, next),
        };
        if is_end && self.fold.begun.is_some() {
            self.hand_on(one, file);
            self.fold.close(sources, visitor);
            self.has_ended = true;
        }
        fate
    }

    /// Behind each migration.
    pub fn close(&mut self, one: &mut Fold) {
        self.is_uneven = false;
        match self.file.take() {
            Some(file) if std::mem::take(&mut self.has_ended) => self.compare(one, file),
            Some(_) => {
                self.settle(one, 0);
                self.fold.done += 1;
            }
            None => {}
        }
        (self.met.batch, self.settled.batch) = (0, 0);
    }

    /// Behind the last migration of the one: what it adds up to. Is whoever looks at the one noticed where that looks at a difference?
    pub fn end(mut self, one: &mut Fold, project: &Project, sources: &mut Sources, visitor: &mut dyn Visitor) -> (Replay, bool) {
        self.pass(one, &project.migrations[self.fold.done..], FileId::PLATFORM, sources, visitor);
        self.fold.begin_session();
        (self.fold.end(), !self.lost)
    }

    fn enter(&mut self, file: Option<FileId>, at: u32) {
        (self.file, self.began, self.differs) = (file, at, false);
    }

    /// Folds what is its own alone, where the one is behind what is the one's own.
    fn pass(&mut self, one: &mut Fold, migrations: &[Migration], file: FileId, sources: &mut Sources, visitor: &mut dyn Visitor) {
        self.hand_on(one, file);
        migrations.iter().for_each(|migration| self.fold.migration(migration, sources, visitor));
        self.meet(one, file);
        self.is_apart = false;
    }

    /// Where each is behind what is its own alone.
    fn meet(&mut self, one: &mut Fold, file: FileId) {
        // of what is not in both, nobody knows what it may have made
        one.each_world(|world| self.lost |= world.is_obscured());
        self.fold.each_world(|world| self.lost |= world.is_obscured());
        self.compare(one, file);
    }

    /// May what the one has run since it settled come to something else here?
    fn may_differ(&self, one: &Fold) -> bool {
        let bare = match (&one.bare, &self.fold.bare) {
            (Some(one), Some(other)) => one.may_differ(other),
            (None, None) => false,
            (Some(_), None) | (None, Some(_)) => true,
        };
        watch::looked() | self.lost | bare | one.world.may_differ(&self.fold.world)
    }

    /// What the one has run would come to the same here.
    fn settle(&mut self, one: &mut Fold, next: u32) -> Fate {
        one.each_world(World::settle);
        (self.settled, self.has_settled) = (Way::of(one), true);
        self.began = next;
        Fate::TakenOver
    }

    /// Runs what is not settled.
    fn run(
        &mut self,
        one: &mut Fold,
        file: FileId,
        next: u32,
        project: &Project,
        sources: &mut Sources,
        visitor: &mut dyn Visitor,
    ) -> Fate {
        let migration = &project.migrations[self.fold.done];
        self.hand_on(one, file);
        if self.fold.begun.is_none() && self.began == 0 {
            self.fold.open(migration, sources, visitor);
        }
        self.fold.begun.get_or_insert(0);
        let end = migration.pieces(sources).last().map_or(0, |piece| piece.span.end).min(next);
        let text = sources.text(file);
        let text = &text[..end as usize];
        let statements = Splitter::starting_at(text, self.began as usize).map(|raw| parser::statement(text, &raw));
        self.fold.statements(migration, file, statements, sources, visitor);
        self.compare(one, file);
        self.enter(Some(file), next);
        // if it is not, all that follows in the file runs here too
        self.is_uneven |= !one.is_level(&self.fold, file);
        Fate::Ran
    }

    /// Takes over what is settled.
    fn hand_on(&mut self, one: &mut Fold, file: FileId) {
        if !std::mem::take(&mut self.has_settled) {
            return;
        }
        let further = self.fold.done as isize - one.done as isize;
        one.world.hand_on(&mut self.fold.world, further, file);
        if let (Some(one), Some(other)) = (&mut one.bare, &mut self.fold.bare) {
            one.hand_on(other, further, file);
        }
        let (met, settled) = (self.met, self.settled);
        if settled.statements > met.statements {
            let (number, here) = settled.here;
            let now = (number.saturating_add_signed(further), self.fold.world.catalog.stood.own(here).span.end);
            self.fold.each_world(|world| (world.catalog.now, world.catalog.here) = (now, here));
        }
        self.fold.replay.statements += settled.statements - met.statements;
        self.fold.replay.unread.extend_from_slice(&one.replay.unread[met.unread..settled.unread]);
        self.fold.batch.extend_from_slice(&one.batch[met.batch..settled.batch]);
        self.fold.defaults_ended = settled.defaults_ended;
        self.met = settled;
    }

    /// Looks for differences where both have run something, and nothing is to be taken over.
    fn compare(&mut self, one: &mut Fold, file: FileId) {
        let world = one.world.compare(&mut self.fold.world, file);
        let bare = match (&mut one.bare, &mut self.fold.bare) {
            (Some(one), Some(other)) => one.compare(other, file),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        self.lost |= !(world && bare);
        self.has_settled = false;
        self.met = Way::of(one);
        self.settled = self.met;
    }
}
