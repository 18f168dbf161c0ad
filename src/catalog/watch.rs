//! Two states that are kept one beside the other: who asks for something in which they differ is noticed.
//!
//! Promises: what a thread does without being noticed comes to the same in both.

use std::cell::Cell;

thread_local! {
    static LOOKED: Cell<bool> = const { Cell::new(false) };
}

/// Somebody asks for what differs.
pub fn look() {
    LOOKED.set(true);
}

/// Has this thread looked at what differs, since it was last asked?
pub fn looked() -> bool {
    LOOKED.take()
}

/// The same, so that the next to ask is told of it too.
pub fn has_looked() -> bool {
    LOOKED.get()
}

/// Does something, and tells whether that looked at what differs; who did it has not looked yet.
pub fn watched<T>(act: impl FnOnce() -> T) -> (T, bool) {
    let before = LOOKED.take();
    let done = act();
    (done, LOOKED.replace(before))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_noticed_is_kept_apart() {
        assert!(!watched(|| ()).1);
        assert_eq!(watched(|| watched(look).1), (true, false));
        look();
        assert!(!watched(|| ()).1 && has_looked() && looked() && !looked());
    }
}
