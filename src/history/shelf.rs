//! What two replays of much the same files read: whichever comes first reads it, and leaves the other a copy.
//!
//! Promises: who takes from a shelf gets what it would have read; no more than some thousand statements lie there at a time, and what finds
//! no room is read twice.

use crate::catalog::future::Future;
use crate::syntax::ast::Statement;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Statements that may lie on a shelf.
const ROOM: usize = 8192;

/// Where a run of statements begins: the address of its text, which is the same for both, and the byte in it.
type Place = (usize, usize);

/// Nothing lies on the default one.
#[derive(Clone, Default)]
pub struct Shelf {
    /// Addresses of the texts that are read twice.
    texts: Arc<HashSet<usize>>,
    /// Where runs that one has begun end.
    ends: Arc<Mutex<HashMap<Place, End>>>,
    runs: Arc<Mutex<Runs>>,
    moved: Arc<Condvar>,
    future: Arc<Future>,
}

/// Where a run of statements ends, and whether that is the end of its text.
#[derive(Clone, Copy)]
pub struct End {
    pub at: usize,
    pub ends_file: bool,
}

#[derive(Default)]
struct Runs {
    there: HashMap<Place, Run>,
    /// Statements that lie there.
    count: usize,
    /// Those who wait for one.
    waiting: usize,
}

enum Run {
    /// Somebody is at it.
    Begun,
    Read(Vec<Statement>),
}

impl Shelf {
    /// For what one replay reads and another too, but for the first texts of both, which are folded once.
    pub fn of(one: Vec<Arc<str>>, other: Vec<Arc<str>>, common: usize) -> Shelf {
        let later: HashSet<usize> = one.iter().skip(common).map(address).collect();
        let both = other.iter().skip(common).map(address).filter(|text| later.contains(text)).collect();
        let future = Future::new(one.into_iter().chain(other).collect());
        Shelf { texts: Arc::new(both), future: Arc::new(future), ..Shelf::default() }
    }

    /// Is there nothing that it is for?
    pub fn is_bare(&self) -> bool {
        self.texts.is_empty()
    }

    /// What the statements of some texts make, which is looked for once in each.
    pub fn future(&self, texts: Vec<Arc<str>>) -> Future {
        self.future.with(texts)
    }

    /// Where the run that begins at a byte of a text ends, found by `find` unless the other has found it.
    pub fn end_or(&self, text: &Arc<str>, at: usize, find: impl FnOnce() -> End) -> End {
        let place = (address(text), at);
        if !self.texts.contains(&place.0) {
            return find();
        }
        let mut ends = lock(&self.ends);
        // nobody asks a third time
        ends.remove(&place).unwrap_or_else(|| {
            let end = find();
            ends.insert(place, end);
            end
        })
    }

    /// The statements of a text from a byte on, read by `read` unless the other has read them. While the other is at it, whoever does not wait
    /// gets nothing.
    pub fn take_or(&self, text: &Arc<str>, at: usize, waits: bool, read: impl FnOnce() -> Vec<Statement>) -> Option<Vec<Statement>> {
        let place = (address(text), at);
        if !self.texts.contains(&place.0) {
            return Some(read());
        }
        let mut runs = lock(&self.runs);
        loop {
            match runs.there.remove(&place) {
                Some(Run::Read(statements)) => {
                    runs.count -= statements.len();
                    return Some(statements);
                }
                Some(Run::Begun) => {
                    runs.there.insert(place, Run::Begun);
                    if !waits {
                        return None;
                    }
                    runs.waiting += 1;
                    runs = self.moved.wait(runs).unwrap_or_else(PoisonError::into_inner);
                    runs.waiting -= 1;
                }
                None if runs.count >= ROOM => {
                    drop(runs);
                    return Some(read());
                }
                None => break,
            }
        }
        runs.there.insert(place, Run::Begun);
        drop(runs);
        let begun = Begun { shelf: self, place };
        let statements = read();
        let copy = statements.clone();
        let mut runs = lock(&self.runs);
        runs.count += copy.len();
        runs.there.insert(place, Run::Read(copy));
        drop(runs);
        drop(begun);
        Some(statements)
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn address(text: &Arc<str>) -> usize {
    text.as_ptr().addr()
}

/// Wakes who waits, also where reading panics.
struct Begun<'s> {
    shelf: &'s Shelf,
    place: Place,
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        let mut runs = lock(&self.shelf.runs);
        if let Some(Run::Begun) = runs.there.get(&self.place) {
            runs.there.remove(&self.place);
        }
        if runs.waiting > 0 {
            self.shelf.moved.notify_all();
        }
    }
}
