//! Statements read on other threads while those before them are folded: reading is most of the work, and needs no catalog.
//!
//! Promises: statements come in order; no more than some thousand are held at a time; whoever folds reads too rather than wait.

use crate::source::Span;
use crate::syntax::ast::Statement;
use crate::syntax::parser;
use crate::syntax::split::{RawStatement, Session, Splitter};
use crate::syntax::sql;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Scope;

/// Statements of a large piece that are read at a time.
const BATCH: usize = 128;
/// Bytes of small pieces that are read at a time, each whole.
const SMALL: usize = 4 << 10;
/// Pieces of work that may be under way or wait.
const AHEAD: usize = 16;
/// Threads beside the one that folds: more would wait for it.
const MOST_READERS: usize = 3;

/// Some statements of one piece, in order.
struct Batch {
    statements: Vec<Statement>,
    /// Nothing of the piece follows.
    ends_piece: bool,
}

/// A text, and the part of it that is read.
pub type Piece = (Arc<str>, Span);

/// The statements of some pieces of texts, one after the other.
pub struct Ahead {
    desk: Arc<Desk>,
    /// What comes next.
    at_hand: VecDeque<Batch>,
}

/// Begins to read. Where no thread is to be had, pieces are read as their statements are asked for.
pub fn read<'scope>(scope: &'scope Scope<'scope, '_>, pieces: Vec<Piece>) -> Ahead {
    let state =
        State { pieces, piece: 0, at: None, taken: 0, given: 0, read: VecDeque::new(), idle: 0, hungry: false, closed: false, lost: false };
    let desk = Arc::new(Desk { state: Mutex::new(state), room: Condvar::new(), ready: Condvar::new() });
    let readers = std::thread::available_parallelism().map_or(1, |threads| threads.get() - 1).clamp(1, MOST_READERS);
    for _ in 0..readers {
        let desk = desk.clone();
        if sql::roomy_thread(scope, move || desk.serve()).is_err() {
            break;
        }
    }
    Ahead { desk, at_hand: VecDeque::new() }
}

impl Ahead {
    /// The statements of the next piece, to its end.
    pub fn piece(&mut self) -> impl Iterator<Item = Statement> {
        let mut ends = false;
        let batches = std::iter::from_fn(move || {
            let batch = if ends { None } else { self.batch() };
            ends = batch.as_ref().is_none_or(|batch| batch.ends_piece);
            batch
        });
        batches.flat_map(|batch| batch.statements)
    }

    fn batch(&mut self) -> Option<Batch> {
        if self.at_hand.is_empty() {
            self.at_hand = self.desk.next()?;
        }
        self.at_hand.pop_front()
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.desk.lock().closed = true;
        self.desk.room.notify_all();
    }
}

/// Where work is taken from and put.
struct Desk {
    state: Mutex<State>,
    /// There is room again.
    room: Condvar,
    /// Something was put.
    ready: Condvar,
}

struct State {
    pieces: Vec<Piece>,
    piece: usize,
    /// Where in the piece, and in which session; nothing of one that nobody has begun.
    at: Option<(u32, Session)>,
    /// Pieces of work that somebody took.
    taken: usize,
    /// Those that were handed on.
    given: usize,
    /// Those between, where they are done.
    read: VecDeque<Option<VecDeque<Batch>>>,
    /// Readers that wait for room.
    idle: usize,
    /// Whoever folds waits for a piece.
    hungry: bool,
    /// Nobody asks any more.
    closed: bool,
    /// A reader panicked, and what it took will never be put.
    lost: bool,
}

/// What one reads at a time: never nothing.
struct Work {
    number: usize,
    runs: Vec<Run>,
}

/// Statements of one piece.
struct Run {
    piece: Piece,
    /// None for all of the piece, which nobody has split yet.
    raw: Option<Vec<RawStatement>>,
    ends_piece: bool,
}

impl Work {
    fn done(self) -> VecDeque<Batch> {
        self.runs.into_iter().map(Run::read).collect()
    }
}

impl Run {
    fn read(self) -> Batch {
        let (text, span) = &self.piece;
        let text = &text[..span.end as usize];
        let parse = |raw: &RawStatement| parser::statement(text, raw);
        let statements = match &self.raw {
            Some(raw) => raw.iter().map(parse).collect(),
            None => Splitter::starting_at(text, span.start as usize).map(|raw| parse(&raw)).collect(),
        };
        Batch { statements, ends_piece: self.ends_piece }
    }
}

impl State {
    /// Small pieces, or a part of a large one.
    fn take(&mut self) -> Option<Work> {
        if self.read.len() >= AHEAD {
            return None;
        }
        let mut runs = Vec::new();
        let mut bytes = 0;
        while let Some(piece @ (_, span)) = self.pieces.get(self.piece) {
            bytes += span.len();
            if self.at.is_some() || span.len() > SMALL {
                if runs.is_empty() {
                    runs.push(self.part_of(piece.clone()));
                }
                break;
            }
            if bytes > SMALL && !runs.is_empty() {
                break;
            }
            runs.push(Run { piece: piece.clone(), raw: None, ends_piece: true });
            self.piece += 1;
        }
        if runs.is_empty() {
            return None;
        }
        let number = self.taken;
        self.taken += 1;
        self.read.push_back(None);
        Some(Work { number, runs })
    }

    fn part_of(&mut self, piece: Piece) -> Run {
        let (text, span) = &piece;
        let (at, session) = self.at.unwrap_or((span.start, Session::default()));
        let mut splitter = Splitter::resumed(&text[..span.end as usize], at as usize, session);
        let raw: Vec<RawStatement> = splitter.by_ref().take(BATCH).collect();
        let ends_piece = raw.len() < BATCH;
        (self.piece, self.at) =
            if ends_piece { (self.piece + 1, None) } else { (self.piece, Some((splitter.position() as u32, splitter.session()))) };
        Run { piece, raw: Some(raw), ends_piece }
    }
}

impl Desk {
    /// A panic elsewhere is told by the thread that it befell.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next piece of work, done.
    fn next(&self) -> Option<VecDeque<Batch>> {
        let mut state = self.lock();
        loop {
            if let Some(read) = state.read.front_mut().and_then(Option::take) {
                state.read.pop_front();
                state.given += 1;
                // waking costs more than a piece, so there is to be room for several
                if state.idle > 0 && state.read.len() <= AHEAD / 2 {
                    self.room.notify_all();
                }
                return Some(read);
            }
            if let Some(work) = state.take() {
                drop(state);
                state = self.put(work.number, work.done());
            } else if state.read.is_empty() || state.lost {
                return None;
            } else {
                state.hungry = true;
                state = wait(&self.ready, state);
                state.hungry = false;
            }
        }
    }

    fn put(&self, number: usize, read: VecDeque<Batch>) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        let place = number - state.given;
        state.read[place] = Some(read);
        if state.hungry {
            self.ready.notify_one();
        }
        state
    }

    /// Reads until nothing is left.
    fn serve(&self) {
        let _watch = Watch(self);
        let mut state = self.lock();
        while !state.closed && state.piece < state.pieces.len() {
            state = match state.take() {
                Some(work) => {
                    drop(state);
                    self.put(work.number, work.done())
                }
                None => {
                    state.idle += 1;
                    state = wait(&self.room, state);
                    state.idle -= 1;
                    state
                }
            };
        }
    }
}

fn wait<'a>(for_what: &Condvar, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
    for_what.wait(state).unwrap_or_else(PoisonError::into_inner)
}

/// Wakes who waits when a reader panics, so that the panic is told.
struct Watch<'a>(&'a Desk);

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.lock().lost = true;
            self.0.ready.notify_all();
        }
    }
}
