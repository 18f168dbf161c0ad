//! What is worked out of a whole state, once for all rules.

use crate::catalog::watch::look;
use std::sync::Arc;

/// Something of a state, and the same of the one beside it.
pub struct Whole<T> {
    pub(super) here: Arc<T>,
    /// None where it is equal.
    there: Option<Arc<T>>,
}

impl<T: PartialEq> Whole<T> {
    pub fn of(here: Arc<T>) -> Whole<T> {
        Whole { here, there: None }
    }

    pub fn beside(here: Arc<T>, there: Arc<T>) -> Whole<T> {
        let differs = !Arc::ptr_eq(&here, &there) && here != there;
        Whole { here, there: differs.then_some(there) }
    }
}

impl<T> Whole<T> {
    /// Asks it something. Who would be answered otherwise by the other has looked at what differs.
    pub fn ask<'w, A: PartialEq>(&'w self, ask: impl Fn(&'w T) -> A) -> A {
        let answer = ask(&self.here);
        if self.there.as_ref().is_some_and(|there| ask(there) != answer) {
            look();
        }
        answer
    }
}
