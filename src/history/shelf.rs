//! Statements that two replays of much the same files read: whichever comes first reads them, and leaves the other a copy.
//!
//! Promises: who takes from a shelf gets what it would have read; no more than some thousand statements lie there at a time, and what finds
//! no room is read twice.

use crate::syntax::ast::Statement;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Runs of statements that may lie on a shelf.
const ROOM: usize = 96;

/// Where a run of statements begins: the address of its text, which is the same for both, and the byte in it.
type Place = (usize, usize);

/// Nothing lies on the default one.
#[derive(Clone, Default)]
pub struct Shelf {
    /// Addresses of the texts that are read twice.
    texts: Arc<HashSet<usize>>,
    runs: Arc<Mutex<HashMap<Place, Run>>>,
    moved: Arc<Condvar>,
}

enum Run {
    /// Somebody is at it.
    Begun,
    Read(Vec<Statement>),
}

impl Shelf {
    /// For what one replay reads and another too.
    pub fn of(one: &[Arc<str>], other: &[Arc<str>]) -> Shelf {
        let one: HashSet<usize> = one.iter().map(address).collect();
        let both = other.iter().map(address).filter(|text| one.contains(text)).collect();
        Shelf { texts: Arc::new(both), ..Shelf::default() }
    }

    /// Is there nothing that it is for?
    pub fn is_bare(&self) -> bool {
        self.texts.is_empty()
    }

    /// The statements of a text from a byte on, read by `read` unless the other has read them.
    pub fn take_or(&self, text: &Arc<str>, at: usize, read: impl FnOnce() -> Vec<Statement>) -> Vec<Statement> {
        let place = (address(text), at);
        if !self.texts.contains(&place.0) {
            return read();
        }
        let mut runs = self.runs();
        loop {
            match runs.remove(&place) {
                Some(Run::Read(statements)) => return statements,
                Some(Run::Begun) => {
                    runs.insert(place, Run::Begun);
                    runs = self.moved.wait(runs).unwrap_or_else(PoisonError::into_inner);
                }
                None if runs.len() >= ROOM => {
                    drop(runs);
                    return read();
                }
                None => break,
            }
        }
        runs.insert(place, Run::Begun);
        drop(runs);
        let begun = Begun { shelf: self, place };
        let statements = read();
        self.runs().insert(place, Run::Read(statements.clone()));
        drop(begun);
        statements
    }

    fn runs(&self) -> MutexGuard<'_, HashMap<Place, Run>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
        let mut runs = self.shelf.runs();
        if let Some(Run::Begun) = runs.get(&self.place) {
            runs.remove(&self.place);
        }
        drop(runs);
        self.shelf.moved.notify_all();
    }
}
