//! An object of the data tree.

use std::cmp::Ordering;
use std::fmt;

use super::{EcoString, EcoVec, Value};

/// An object: keys in byte order, each once.
#[derive(Clone, Default, PartialEq)]
pub struct Map {
    entries: EcoVec<(EcoString, Value)>,
}

/// The order of two keys by their bytes. They are short, and differ early: calls of `memcmp` were a tenth of an admission.
pub(crate) fn order(key: &str, other: &str) -> Ordering {
    let differing = key.bytes().zip(other.bytes()).find(|(byte, other)| byte != other);
    differing.map_or_else(|| key.len().cmp(&other.len()), |(byte, other)| byte.cmp(&other))
}

/// How many keys are looked through one after another.
const FEW: usize = 16;

impl Map {
    /// An empty map. Allocates nothing.
    pub const fn new() -> Self {
        Map { entries: EcoVec::new() }
    }

    /// An empty map with room for `capacity` entries.
    pub fn with_capacity(capacity: usize) -> Self {
        Map { entries: EcoVec::with_capacity(capacity) }
    }

    /// A map of entries in any order. Of a key that occurs twice, the last value counts.
    pub(super) fn of_entries(mut entries: EcoVec<(EcoString, Value)>) -> Self {
        let are_in_order = |entries: &[(EcoString, Value)]| entries.is_sorted_by(|(a, _), (b, _)| order(a, b).is_lt());
        if !are_in_order(&entries) {
            // To insert them one by one would take a time that grows with the square of their number.
            entries.make_mut().sort_by(|(a, _), (b, _)| order(a, b));
        }
        if !are_in_order(&entries) {
            let mut once: EcoVec<(EcoString, Value)> = EcoVec::with_capacity(entries.len());
            for (key, value) in entries {
                match once.make_mut().last_mut() {
                    Some((last, earlier)) if *last == key => *earlier = value,
                    _ => once.push((key, value)),
                }
            }
            entries = once;
        }
        Map { entries }
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether both are copies of one map that neither has changed since. Equal maps need not be.
    pub fn is_shared_with(&self, other: &Map) -> bool {
        self.entries.as_ptr() == other.entries.as_ptr() && self.len() == other.len()
    }

    fn find(&self, key: &str) -> Result<usize, usize> {
        // Most maps are written in order already: look at the end first.
        match self.entries.last() {
            Some((last, _)) if order(last, key).is_lt() => Err(self.entries.len()),
            _ => self.entries.binary_search_by(|(k, _)| order(k, key)),
        }
    }

    /// The place of a key. Of few keys, most differ in length already: no need to compare them.
    fn position(&self, key: &str) -> Option<usize> {
        match self.entries.len() {
            ..=FEW => self.entries.iter().position(|(k, _)| k.len() == key.len() && order(k, key).is_eq()),
            _ => self.find(key).ok(),
        }
    }

    /// Whether there is an entry of this name, `null` included.
    pub fn contains_key(&self, key: &str) -> bool {
        self.position(key).is_some()
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.position(key).and_then(|i| self.entries.get(i)).map(|(_, v)| v)
    }

    /// The value of a key, to be changed. Copies what is shared with other trees.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Value> {
        let i = self.position(key)?;
        self.entries.make_mut().get_mut(i).map(|(_, v)| v)
    }

    /// The text of a key; nothing if it is absent or no string.
    pub fn str(&self, key: &str) -> Option<&str> {
        self.get(key).and_then(Value::as_str)
    }

    /// Sets a key, and returns the value that it had.
    pub fn insert(&mut self, key: impl Into<EcoString>, value: impl Into<Value>) -> Option<Value> {
        let (key, value) = (key.into(), value.into());
        match self.find(&key) {
            Ok(i) => self.entries.make_mut().get_mut(i).map(|(_, v)| std::mem::replace(v, value)),
            Err(i) => {
                self.entries.insert(i, (key, value));
                None
            }
        }
    }

    /// The value of a key, inserted as `null` if it is absent.
    pub fn entry(&mut self, key: impl Into<EcoString>) -> &mut Value {
        let key = key.into();
        let i = match self.find(&key) {
            Ok(i) => i,
            Err(i) => {
                self.entries.insert(i, (key, Value::Null));
                i
            }
        };
        #[expect(clippy::indexing_slicing, reason = "found or inserted at this place just above")]
        &mut self.entries.make_mut()[i].1
    }

    /// Removes a key, and returns its value.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        self.position(key).map(|i| self.entries.remove(i).1)
    }

    /// Keeps the entries for which `keep` is true.
    pub fn retain(&mut self, mut keep: impl FnMut(&str, &mut Value) -> bool) {
        self.entries.retain(|(k, v)| keep(k, v));
    }

    /// The entries, in the order of their keys.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&EcoString, &Value)> + ExactSizeIterator {
        self.entries.iter().map(|(k, v)| (k, v))
    }

    /// The entries, with values to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&EcoString, &mut Value)> {
        self.entries.make_mut().iter_mut().map(|(k, v)| (&*k, v))
    }

    /// The keys, in order.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &EcoString> + ExactSizeIterator {
        self.entries.iter().map(|(k, _)| k)
    }

    /// The values, in the order of their keys.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &Value> + ExactSizeIterator {
        self.entries.iter().map(|(_, v)| v)
    }
}

impl fmt::Debug for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl IntoIterator for Map {
    type Item = (EcoString, Value);
    type IntoIter = ecow::vec::IntoIter<(EcoString, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}

impl<K: Into<EcoString>, V: Into<Value>> FromIterator<(K, V)> for Map {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        Map::of_entries(entries.into_iter().map(|(k, v)| (k.into(), v.into())).collect())
    }
}
