//! Traversal of related objects: dependents, child tables, and relations that a view reads.
//!
//! Promises: each object is visited once, so a traversal ends even if objects form cycles. For example, after `CREATE OR REPLACE VIEW`, a
//! view can read itself through another view. There is no recursion, so long chains do not exhaust the stack.

use std::collections::BTreeSet;

/// Returns `start` and all objects that it leads to, directly or indirectly. Each object is listed once, after an object that leads to it.
pub fn reachable<T: Ord + Clone, N: IntoIterator<Item = T>>(start: impl IntoIterator<Item = T>, mut next: impl FnMut(&T) -> N) -> Vec<T> {
    let mut visited = BTreeSet::new();
    let mut out: Vec<T> = start.into_iter().filter(|object| visited.insert(object.clone())).collect();
    let mut at = 0;
    while at < out.len() {
        let found = next(&out[at]);
        out.extend(found.into_iter().filter(|object| visited.insert(object.clone())));
        at += 1;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_visits_each_object_of_a_cycle_once() {
        let next = |at: &u32| [(at + 1) % 5, (at + 3) % 5];
        assert_eq!(reachable([2], next), [2, 3, 0, 4, 1]);
    }

    #[test]
    fn a_long_chain_needs_no_stack() {
        assert_eq!(reachable([0], |at: &u32| (*at < 200_000).then_some(at + 1)).len(), 200_001);
    }
}
