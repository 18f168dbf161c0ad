//! Statements read on other threads while those before them are folded: reading is most of the work, and needs no catalog.
//!
//! Promises: statements come in order; no more than some thousand are held at a time; whoever folds reads too rather than wait.

use super::shelf::{End, Shelf};
use crate::syntax::ast::Statement;
use crate::syntax::parser;
use crate::syntax::split::{RawStatement, Splitter};
use crate::syntax::sql;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Scope;

/// Statements read at a time.
const BATCH: usize = 128;
/// Batches that may be under way or wait.
const AHEAD: usize = 16;
/// Threads beside the one that folds: more would wait for it.
const MOST_READERS: usize = 3;

/// Some statements of one file, in order.
pub struct Batch {
    pub statements: Vec<Statement>,
    /// Nothing of the file follows.
    pub ends_file: bool,
}

/// The batches of some texts, each a file, one after the other.
pub struct Ahead {
    desk: Arc<Desk>,
}

/// Begins to read. Where no thread is to be had, texts are read as their statements are asked for.
pub fn read<'scope>(scope: &'scope Scope<'scope, '_>, texts: Vec<Arc<str>>, shelf: Shelf) -> Ahead {
    let state = State {
        texts,
        shelf,
        file: 0,
        at: 0,
        taken: 0,
        given: 0,
        read: VecDeque::new(),
        idle: 0,
        hungry: false,
        closed: false,
        lost: false,
    };
    let desk = Arc::new(Desk { state: Mutex::new(state), room: Condvar::new(), ready: Condvar::new() });
    let readers = std::thread::available_parallelism().map_or(1, |threads| threads.get() - 1).clamp(1, MOST_READERS);
    for _ in 0..readers {
        let desk = desk.clone();
        if sql::roomy_thread(scope, move || desk.serve()).is_err() {
            break;
        }
    }
    Ahead { desk }
}

impl Iterator for Ahead {
    type Item = Batch;

    fn next(&mut self) -> Option<Batch> {
        let mut state = self.desk.lock();
        loop {
            if let Some(batch) = state.read.front_mut().and_then(Option::take) {
                state.read.pop_front();
                state.given += 1;
                // waking costs more than a batch, so there is to be room for several
                if state.idle > 0 && state.read.len() <= AHEAD / 2 {
                    self.desk.room.notify_all();
                }
                return Some(batch);
            }
            if let Some(work) = state.take() {
                drop(state);
                state = self.desk.put(work.number, work.read());
            } else if state.read.is_empty() || state.lost {
                return None;
            } else {
                state.hungry = true;
                state = wait(&self.desk.ready, state);
                state.hungry = false;
            }
        }
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
    texts: Vec<Arc<str>>,
    shelf: Shelf,
    file: usize,
    at: usize,
    /// Batches that somebody took to read.
    taken: usize,
    /// Batches that were handed on.
    given: usize,
    /// Those between, where they are read.
    read: VecDeque<Option<Batch>>,
    /// Readers that wait for room.
    idle: usize,
    /// Whoever folds waits for a batch.
    hungry: bool,
    /// Nobody asks any more.
    closed: bool,
    /// A reader panicked, and what it took will never be put.
    lost: bool,
}

/// A batch to be read.
struct Work {
    number: usize,
    text: Arc<str>,
    /// The byte of the text at which it begins.
    at: usize,
    /// Its statements, where they were split off to find its end.
    raw: Option<Vec<RawStatement>>,
    shelf: Shelf,
    ends_file: bool,
}

impl Work {
    fn read(&self) -> Batch {
        let parse = |raw: &RawStatement| parser::statement(&self.text, raw);
        let read = || match &self.raw {
            Some(raw) => raw.iter().map(parse).collect(),
            None => Splitter::starting_at(&self.text, self.at).take(BATCH).map(|raw| parse(&raw)).collect(),
        };
        Batch { statements: self.shelf.take_or(&self.text, self.at, read), ends_file: self.ends_file }
    }
}

impl State {
    fn take(&mut self) -> Option<Work> {
        let text = self.texts.get(self.file).filter(|_| self.read.len() < AHEAD)?.clone();
        let at = self.at;
        let mut raw = None;
        let End { at: end, ends_file } = self.shelf.end_or(&text, at, || {
            let mut splitter = Splitter::starting_at(&text, at);
            let split: Vec<RawStatement> = splitter.by_ref().take(BATCH).collect();
            let ends_file = split.len() < BATCH;
            raw = Some(split);
            End { at: splitter.position(), ends_file }
        });
        (self.file, self.at) = if ends_file { (self.file + 1, 0) } else { (self.file, end) };
        let number = self.taken;
        self.taken += 1;
        self.read.push_back(None);
        Some(Work { number, text, at, raw, shelf: self.shelf.clone(), ends_file })
    }
}

impl Desk {
    /// A panic elsewhere is told by the thread that it befell.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, number: usize, batch: Batch) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        let place = number - state.given;
        state.read[place] = Some(batch);
        if state.hungry {
            self.ready.notify_one();
        }
        state
    }

    /// Reads until nothing is left.
    fn serve(&self) {
        let _watch = Watch(self);
        let mut state = self.lock();
        while !state.closed && state.file < state.texts.len() {
            state = match state.take() {
                Some(work) => {
                    drop(state);
                    self.put(work.number, work.read())
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
