//! A map with nested transactions, so that a statement that fails changes nothing.

use super::name::QName;
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hash;
use std::sync::Arc;

/// A map with lookup by hash and iteration in the order of keys.
#[derive(Clone, Debug)]
pub struct Store<K, V> {
    places: FxHashMap<K, usize>,
    order: BTreeMap<K, usize>,
    values: Vec<Option<Arc<V>>>,
    /// Unused positions in `values`.
    free: Vec<usize>,
    log: Vec<(K, Option<Arc<V>>)>,
    marks: Vec<Mark<K>>,
}

/// A savepoint with the changes since then.
#[derive(Clone, Debug)]
struct Mark<K> {
    start: usize,
    changed: BTreeSet<K>,
}

impl<K, V> Default for Store<K, V> {
    fn default() -> Self {
        Store {
            places: FxHashMap::default(),
            order: BTreeMap::new(),
            values: Vec::new(),
            free: Vec::new(),
            log: Vec::new(),
            marks: Vec::new(),
        }
    }
}

impl<K: Ord + Hash + Clone, V: Clone> Store<K, V> {
    fn shared(&self, key: &K) -> Option<&Arc<V>> {
        self.values[*self.places.get(key)?].as_ref()
    }

    pub fn get(&self, key: &K) -> Option<&V> {
        self.shared(key).map(|value| &**value)
    }

    pub fn contains(&self, key: &K) -> bool {
        self.places.contains_key(key)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.order.iter().filter_map(|(key, place)| Some((key, &**self.values[*place].as_ref()?)))
    }

    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    /// Returns the values for which `wanted` holds.
    pub fn which(&self, wanted: impl Fn(&V) -> bool) -> impl Iterator<Item = &V> {
        self.values().filter(move |value| wanted(value))
    }

    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.order.keys()
    }

    pub fn len(&self) -> usize {
        self.order.len()
    }

    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    fn put(&mut self, key: K, value: Arc<V>) {
        if let Some(place) = self.places.get(&key) {
            self.values[*place] = Some(value);
            return;
        }
        let place = match self.free.pop() {
            Some(place) => {
                self.values[place] = Some(value);
                place
            }
            None => {
                self.values.push(Some(value));
                self.values.len() - 1
            }
        };
        self.order.insert(key.clone(), place);
        self.places.insert(key, place);
    }

    fn take(&mut self, key: &K) -> Option<Arc<V>> {
        let place = self.places.remove(key)?;
        self.order.remove(key);
        self.free.push(place);
        self.values[place].take()
    }

    fn record(&mut self, key: &K) {
        let Some(mark) = self.marks.last_mut() else { return };
        if mark.changed.insert(key.clone()) {
            self.log.push((key.clone(), self.shared(key).cloned()));
        }
    }

    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.record(key);
        self.values[*self.places.get(key)?].as_mut().map(Arc::make_mut)
    }

    pub fn insert(&mut self, key: K, value: V) {
        self.share(key, Arc::new(value));
    }

    /// Inserts a shared value.
    pub fn share(&mut self, key: K, value: Arc<V>) {
        self.record(&key);
        self.put(key, value);
    }

    pub fn remove(&mut self, key: &K) -> Option<Arc<V>> {
        self.record(key);
        self.take(key)
    }

    /// Returns the keys of the values for which `wanted` holds.
    pub fn keys_of(&self, wanted: impl Fn(&V) -> bool) -> Vec<K> {
        self.iter().filter(|(_, value)| wanted(value)).map(|(key, _)| key.clone()).collect()
    }

    /// Changes every value for which `wanted` holds.
    pub fn update(&mut self, wanted: impl Fn(&V) -> bool, mut change: impl FnMut(&mut V)) {
        for key in self.keys_of(wanted) {
            if let Some(value) = self.get_mut(&key) {
                change(value);
            }
        }
    }

    /// Begins a nested transaction of changes.
    pub fn begin(&mut self) {
        self.marks.push(Mark { start: self.log.len(), changed: BTreeSet::new() });
    }

    /// Returns the number of open transactions.
    pub fn depth(&self) -> usize {
        self.marks.len()
    }

    /// Commits the changes since the last `begin`.
    pub fn commit(&mut self) {
        let Some(mark) = self.marks.pop() else { return };
        match self.marks.last_mut() {
            Some(outer) => outer.changed.extend(mark.changed),
            None => self.log.clear(),
        }
    }

    /// Rolls back the changes since the last `begin`.
    pub fn rollback(&mut self) {
        let mark = self.marks.pop().map_or(0, |mark| mark.start);
        while self.log.len() > mark {
            if let Some((key, value)) = self.log.pop() {
                match value {
                    Some(value) => self.put(key, value),
                    None => drop(self.take(&key)),
                }
            }
        }
    }
}

impl<V: Clone> Store<QName, V> {
    /// Returns the names in one schema.
    pub fn names_in<'a>(&'a self, schema: &'a str) -> impl Iterator<Item = &'a QName> {
        self.order.range(QName::new(schema, "")..).map(|(name, _)| name).take_while(move |name| name.schema == schema)
    }

    /// Returns the names in one schema, with their values.
    pub fn entries_in<'a>(&'a self, schema: &'a str) -> impl Iterator<Item = (&'a QName, &'a V)> {
        let names = self.order.range(QName::new(schema, "")..).take_while(move |(name, _)| name.schema == schema);
        names.filter_map(|(name, place)| Some((name, &**self.values[*place].as_ref()?)))
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
