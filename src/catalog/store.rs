//! A map that can take back what was done to it, so that a statement which fails half way changes nothing.

use super::name::QName;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Ordered by key, so that whatever is read from it comes in the same order every time.
#[derive(Clone, Debug)]
pub struct Store<K, V> {
    map: BTreeMap<K, Arc<V>>,
    log: Vec<(K, Option<Arc<V>>)>,
    marks: Vec<Mark<K>>,
}

/// A place to go back to, and what was changed since.
#[derive(Clone, Debug)]
struct Mark<K> {
    start: usize,
    changed: BTreeSet<K>,
}

impl<K, V> Default for Store<K, V> {
    fn default() -> Self {
        Store { map: BTreeMap::new(), log: Vec::new(), marks: Vec::new() }
    }
}

impl<K: Ord + Clone, V: Clone> Store<K, V> {
    pub fn get(&self, key: &K) -> Option<&V> {
        self.map.get(key).map(|value| &**value)
    }

    pub fn contains(&self, key: &K) -> bool {
        self.map.contains_key(key)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.map.iter().map(|(key, value)| (key, &**value))
    }

    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.map.values().map(|value| &**value)
    }

    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.map.keys()
    }

    pub fn len(&self) -> usize {
        self.map.len()
    }

    pub fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    fn record(&mut self, key: &K) {
        let Some(mark) = self.marks.last_mut() else { return };
        if mark.changed.insert(key.clone()) {
            self.log.push((key.clone(), self.map.get(key).cloned()));
        }
    }

    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.record(key);
        self.map.get_mut(key).map(Arc::make_mut)
    }

    pub fn insert(&mut self, key: K, value: V) {
        self.share(key, Arc::new(value));
    }

    /// Inserts a value that somebody else may still read.
    pub fn share(&mut self, key: K, value: Arc<V>) {
        self.record(&key);
        self.map.insert(key, value);
    }

    pub fn remove(&mut self, key: &K) -> Option<Arc<V>> {
        self.record(key);
        self.map.remove(key)
    }

    /// Changes every value for which `wanted` holds.
    pub fn update(&mut self, wanted: impl Fn(&V) -> bool, mut change: impl FnMut(&mut V)) {
        let keys: Vec<K> = self.map.iter().filter(|(_, value)| wanted(value)).map(|(key, _)| key.clone()).collect();
        for key in keys {
            if let Some(value) = self.get_mut(&key) {
                change(value);
            }
        }
    }

    /// From here on, changes can be taken back.
    pub fn begin(&mut self) {
        self.marks.push(Mark { start: self.log.len(), changed: BTreeSet::new() });
    }

    /// How many `begin`s are open.
    pub fn depth(&self) -> usize {
        self.marks.len()
    }

    /// Keeps what was done since the last `begin`.
    pub fn commit(&mut self) {
        let Some(mark) = self.marks.pop() else { return };
        match self.marks.last_mut() {
            Some(outer) => outer.changed.extend(mark.changed),
            None => self.log.clear(),
        }
    }

    /// Takes back what was done since the last `begin`.
    pub fn rollback(&mut self) {
        let mark = self.marks.pop().map_or(0, |mark| mark.start);
        while self.log.len() > mark {
            if let Some((key, value)) = self.log.pop() {
                match value {
                    Some(value) => self.map.insert(key, value),
                    None => self.map.remove(&key),
                };
            }
        }
    }
}

impl<V> Store<QName, V> {
    /// Names in one schema.
    pub fn names_in<'a>(&'a self, schema: &'a str) -> impl Iterator<Item = &'a QName> {
        self.map.range(QName::new(schema, "")..).map(|(name, _)| name).take_while(move |name| name.schema == schema)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rollback_restores_and_nests() {
        let mut store: Store<&str, i32> = Store::default();
        store.insert("a", 1);
        store.begin();
        store.insert("b", 2);
        *store.get_mut(&"a").unwrap() = 10;
        store.begin();
        store.remove(&"a");
        store.rollback();
        assert_eq!(store.get(&"a"), Some(&10));
        store.rollback();
        assert_eq!(store.iter().collect::<Vec<_>>(), [(&"a", &1)]);
    }
}
