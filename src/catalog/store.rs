//! A map that can take back what was done to it, so that a statement which fails half way changes nothing.
//!
//! Promises: while another store is kept beside it, whoever reads or writes where the two differ is noticed, and so is what changes.

use super::name::QName;
use super::watch::{look, looked};
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hash;
use std::sync::Arc;

/// Found by hash, for every statement asks for names; read in the order of keys, so that it is the same every time.
#[derive(Clone, Debug)]
pub struct Store<K, V> {
    places: FxHashMap<K, usize>,
    order: BTreeMap<K, usize>,
    values: Vec<Option<Arc<V>>>,
    /// Places in `values` that hold nothing.
    free: Vec<usize>,
    log: Vec<(K, Option<Arc<V>>)>,
    marks: Vec<Mark<K>>,
    /// None unless there is another store beside it.
    beside: Option<Box<Beside<K, V>>>,
}

/// What two stores, each of one of two histories, know of one another.
#[derive(Clone, Debug)]
struct Beside<K, V> {
    /// Keys that the other, which has not gone on, is to hold what this one held when it last settled; some more than once.
    settled: Vec<K>,
    /// Keys that were written to since then, or since the two last met, with what was there before.
    changed: FxHashMap<K, Option<Arc<V>>>,
    /// Keys that they hold different values under, with that of the other; who is the other has none.
    differing: FxHashMap<K, Option<Arc<V>>>,
}

impl<K, V> Default for Beside<K, V> {
    fn default() -> Self {
        Beside { settled: Vec::new(), changed: FxHashMap::default(), differing: FxHashMap::default() }
    }
}

/// A place to go back to, and what was changed since.
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
            beside: None,
        }
    }
}

impl<K: Ord + Hash + Clone, V: Clone> Store<K, V> {
    fn shared(&self, key: &K) -> Option<&Arc<V>> {
        self.look_at(key);
        self.values[*self.places.get(key)?].as_ref()
    }

    /// Somebody who holds a value will read it.
    pub fn look_at(&self, key: &K) {
        if let Some(beside) = &self.beside
            && beside.differing.contains_key(key)
        {
            look();
        }
    }

    /// Somebody looks at all there is.
    pub fn look_over(&self) {
        if let Some(beside) = &self.beside
            && !beside.differing.is_empty()
        {
            look();
        }
    }

    /// Somebody looks for some of what there is, here and in the other.
    fn look_for(&self, wanted: impl Fn(&K, &V) -> bool) {
        if let Some(beside) = &self.beside {
            let here = |key: &K| self.places.get(key).and_then(|place| self.values[*place].as_ref());
            let is_wanted = |(key, other): (&K, &Option<Arc<V>>)| here(key).into_iter().chain(other).any(|value| wanted(key, value));
            if beside.differing.iter().any(is_wanted) {
                look();
            }
        }
    }

    pub fn get(&self, key: &K) -> Option<&V> {
        self.shared(key).map(|value| &**value)
    }

    pub fn contains(&self, key: &K) -> bool {
        self.look_at(key);
        self.places.contains_key(key)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.look_over();
        self.entries()
    }

    /// Entries that nobody reads before he has looked at their keys.
    pub fn entries(&self) -> impl Iterator<Item = (&K, &V)> {
        self.order.iter().filter_map(|(key, place)| Some((key, &**self.values[*place].as_ref()?)))
    }

    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    /// Those values for which `wanted` holds: who asks so has not looked at the others.
    pub fn which(&self, wanted: impl Fn(&V) -> bool) -> impl Iterator<Item = &V> {
        self.look_for(|_, value| wanted(value));
        self.entries().map(|(_, value)| value).filter(move |value| wanted(value))
    }

    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.look_over();
        self.order.keys()
    }

    pub fn len(&self) -> usize {
        self.look_over();
        self.order.len()
    }

    pub fn is_empty(&self) -> bool {
        self.look_over();
        self.order.is_empty()
    }

    fn put(&mut self, key: K, value: Arc<V>) {
        self.note(&key);
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
        self.note(key);
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

    /// A value is about to be written to.
    fn note(&mut self, key: &K) {
        self.look_at(key);
        if let Some(beside) = &mut self.beside
            && !beside.changed.contains_key(key)
        {
            let before = self.places.get(key).and_then(|place| self.values[*place].clone());
            beside.changed.insert(key.clone(), before);
        }
    }

    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.record(key);
        self.note(key);
        self.values[*self.places.get(key)?].as_mut().map(Arc::make_mut)
    }

    pub fn insert(&mut self, key: K, value: V) {
        self.share(key, Arc::new(value));
    }

    /// Inserts a value that somebody else may still read.
    pub fn share(&mut self, key: K, value: Arc<V>) {
        self.record(&key);
        self.put(key, value);
    }

    pub fn remove(&mut self, key: &K) -> Option<Arc<V>> {
        self.record(key);
        self.take(key)
    }

    /// Keys of the values for which `wanted` holds.
    pub fn keys_of(&self, wanted: impl Fn(&V) -> bool) -> Vec<K> {
        self.look_for(|_, value| wanted(value));
        self.entries().filter(|(_, value)| wanted(value)).map(|(key, _)| key.clone()).collect()
    }

    /// Changes every value for which `wanted` holds.
    pub fn update(&mut self, wanted: impl Fn(&V) -> bool, mut change: impl FnMut(&mut V)) {
        for key in self.keys_of(wanted) {
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
                    Some(value) => self.put(key, value),
                    None => drop(self.take(&key)),
                }
            }
        }
    }
}

/// For two stores that are kept one beside the other.
impl<K: Ord + Hash + Clone, V: Clone + PartialEq> Store<K, V> {
    /// From here on, there is another that holds the same.
    pub fn part(&mut self) {
        self.beside = Some(Box::default());
    }

    /// What was written since the two met, or since it last settled, would be the same in the other.
    pub fn settle(&mut self) {
        if let Some(beside) = &mut self.beside
            && !beside.changed.is_empty()
        {
            beside.settled.extend(beside.changed.drain().map(|(key, _)| key));
        }
    }

    /// The other comes to hold what this one held when it last settled.
    pub fn hand_on(&mut self, other: &mut Store<K, V>) {
        let Some(beside) = &mut self.beside else { return };
        if beside.settled.is_empty() {
            return;
        }
        let keys: FxHashSet<K> = beside.settled.drain(..).collect();
        let mut keys: Vec<K> = keys.into_iter().collect();
        // places are given in the order of keys, whatever their hashes are
        keys.sort_unstable();
        let noted = other.beside.take();
        for key in keys {
            let value = match beside.changed.get(&key) {
                Some(before) => before.clone(),
                None => self.places.get(&key).and_then(|place| self.values[*place].clone()),
            };
            match value {
                Some(value) => other.put(key, value),
                None => drop(other.take(&key)),
            }
        }
        other.beside = noted;
    }

    /// Looks for differences where both have gone on, each for itself, and nothing is to be handed on.
    pub fn compare(&mut self, other: &mut Store<K, V>) {
        let changed = |store: &mut Store<K, V>| {
            let Some(beside) = &mut store.beside else { return FxHashMap::default() };
            beside.settled.clear();
            std::mem::take(&mut beside.changed)
        };
        let (here, there) = (changed(self), changed(other));
        for key in here.into_keys().chain(there.into_keys()) {
            let (one, its) = (self.shared(&key).cloned(), other.shared(&key).cloned());
            let once = match (&one, &its) {
                (Some(one), Some(other)) => Arc::ptr_eq(one, other),
                (one, other) => one.is_none() && other.is_none(),
            };
            let same = once || one == its;
            // what is the same is kept once
            if let Some(one) = one.filter(|_| same && !once) {
                other.put(key.clone(), one);
            }
            if let Some(beside) = &mut self.beside {
                match same {
                    true => _ = beside.differing.remove(&key),
                    false => _ = beside.differing.insert(key, its),
                }
            }
        }
        changed(other);
        // to compare is not to ask
        looked();
    }
}

impl<V: Clone> Store<QName, V> {
    /// Names in one schema.
    pub fn names_in<'a>(&'a self, schema: &'a str) -> impl Iterator<Item = &'a QName> {
        self.look_for(|name, _| name.schema == schema);
        self.order.range(QName::new(schema, "")..).map(|(name, _)| name).take_while(move |name| name.schema == schema)
    }

    /// The same with what is there, which nobody reads before he has looked at the name.
    pub fn entries_in<'a>(&'a self, schema: &'a str) -> impl Iterator<Item = (&'a QName, &'a V)> {
        let names = self.order.range(QName::new(schema, "")..).take_while(move |(name, _)| name.schema == schema);
        names.filter_map(|(name, place)| Some((name, &**self.values[*place].as_ref()?)))
    }

    /// Is there anything of that name in any schema?
    pub fn has_named(&self, last: &str) -> bool {
        self.look_for(|name, _| name.name == last);
        self.order.keys().any(|name| name.name == last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::watch::watched;

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

    #[test]
    fn whoever_asks_for_what_differs_is_noticed() {
        let mut one: Store<&str, i32> = Store::default();
        one.insert("a", 1);
        one.insert("b", 2);
        let mut other = one.clone();
        one.part();
        other.part();
        one.insert("a", 10);
        one.compare(&mut other);
        let looked = |ask: &dyn Fn(&Store<&str, i32>) -> bool| watched(|| ask(&one)).1;
        assert!(looked(&|store| store.contains(&"a")) && looked(&|store| store.is_empty()) && looked(&|store| store.keys().count() > 0));
        assert!(!looked(&|store| store.contains(&"b")) && !looked(&|store| store.contains(&"c")));
        // what the other holds there counts too
        assert!(looked(&|store| store.which(|value| *value == 1).count() > 0));
        assert!(!looked(&|store| store.which(|value| *value == 2).count() > 0));
    }

    #[test]
    fn what_is_settled_is_handed_on_and_what_is_the_same_again_differs_no_more() {
        let mut one: Store<&str, i32> = Store::default();
        one.insert("a", 1);
        let mut other = one.clone();
        one.part();
        other.part();
        one.remove(&"a");
        one.compare(&mut other);
        one.insert("b", 2);
        one.insert("c", 3);
        one.settle();
        one.insert("b", 20);
        one.remove(&"c");
        one.hand_on(&mut other);
        assert_eq!(other.iter().collect::<Vec<_>>(), [(&"a", &1), (&"b", &2), (&"c", &3)]);
        other.remove(&"a");
        other.remove(&"c");
        one.compare(&mut other);
        assert_eq!(watched(|| one.contains(&"a") || one.contains(&"c")), (false, false));
        assert_eq!(watched(|| one.contains(&"b")), (true, true));
    }
}
