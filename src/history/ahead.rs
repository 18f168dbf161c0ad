//! Parsing of statements in other threads while earlier statements are applied. Parsing is most of the work and needs no catalog.
//!
//! Promises: statements are in order. The number of statements in memory is limited to some thousand. The applying thread parses too
//! instead of waiting.

use crate::source::Span;
use crate::syntax::ast::Statement;
use crate::syntax::parser;
use crate::syntax::split::{RawStatement, Session, Splitter};
use crate::syntax::sql;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Scope;

/// Number of statements of a large text that are parsed as one piece of work.
const BATCH: usize = 128;
/// Size in bytes of small texts that are parsed together as one piece of work.
const SMALL: usize = 4 << 10;
/// Maximum number of pieces of work that are in progress or waiting.
const AHEAD: usize = 16;
/// Maximum number of additional threads. More would wait for the applying thread.
const MOST_READERS: usize = 3;

/// Consecutive statements of one text.
struct Batch {
    statements: Vec<Statement>,
    /// Whether the batch is the last of its text.
    ends_piece: bool,
}

/// A text, and the part of it to parse.
pub type Piece = (Arc<str>, Span);

/// The statements of several texts, in order.
pub struct Ahead {
    desk: Arc<Desk>,
    /// Parsed batches that come next.
    at_hand: VecDeque<Batch>,
}

/// Starts to parse. Without threads, texts are parsed when their statements are requested.
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
    /// Returns the remaining statements of the next text.
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

/// Shared state of the parsing threads.
struct Desk {
    state: Mutex<State>,
    /// Signals that there is room for more work.
    room: Condvar,
    /// Signals that a batch is ready.
    ready: Condvar,
}

struct State {
    pieces: Vec<Piece>,
    piece: usize,
    /// Position in the text, and the session there. `None` if the text is not started.
    at: Option<(u32, Session)>,
    /// Number of pieces of work that were taken.
    taken: usize,
    /// Number of returned pieces of work.
    given: usize,
    /// Pieces of work between these numbers. `Some` if parsed.
    read: VecDeque<Option<VecDeque<Batch>>>,
    /// Number of threads that wait for room.
    idle: usize,
    /// Whether the applying thread waits for a batch.
    hungry: bool,
    /// Whether no more statements are requested.
    closed: bool,
    /// Whether a thread panicked, so that its batch is lost.
    lost: bool,
}

/// A piece of work, which is never empty.
struct Work {
    number: usize,
    runs: Vec<Run>,
}

/// Statements of one text.
struct Run {
    piece: Piece,
    /// Split statements, or `None` for a whole text that is not split yet.
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
    /// Takes several small texts, or a part of a large one.
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
    /// Locks the state. A panic in another thread is reported by that thread.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the statements of the next piece of work.
    fn next(&self) -> Option<VecDeque<Batch>> {
        let mut state = self.lock();
        loop {
            if let Some(read) = state.read.front_mut().and_then(Option::take) {
                state.read.pop_front();
                state.given += 1;
                // waking a thread costs more than a piece of work, so it waits for room for several
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

    /// Parses until no work is left.
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

/// Wakes waiting threads if a parsing thread panics.
struct Watch<'a>(&'a Desk);

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.lock().lost = true;
            self.0.ready.notify_all();
        }
    }
}
