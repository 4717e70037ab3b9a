//! Slices and maps.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::value::Value;
use crate::value as tree;
use crate::value::{EcoString, EcoVec};

/// A slice.
#[derive(Clone)]
pub enum List {
    /// `[]interface {}`, from data.
    Data(EcoVec<tree::Value>),
    /// `[]interface {}`, made by functions.
    Any(EcoVec<Value>),
    /// A slice of another type, made by functions: `[]string`, `[]int`. Slices of host types are `Object`s.
    Typed(Arc<Typed>),
    /// A nil slice; the type of its elements.
    Nil(&'static str),
}

/// A slice with elements of one type.
#[derive(Clone)]
pub struct Typed {
    /// The elements' type: `string`, `int`, `[]interface {}`.
    pub element: &'static str,
    /// The elements.
    pub items: Vec<Value>,
}

/// The name of the type of an interface that may hold anything.
pub const ANY: &str = "interface {}";

impl List {
    /// A `[]string`.
    pub fn strings<S: Into<EcoString>>(items: impl IntoIterator<Item = S>) -> List {
        List::typed("string", items.into_iter().map(|s| Value::String(s.into())).collect())
    }

    /// A slice whose elements are of the type named.
    pub fn typed(element: &'static str, items: Vec<Value>) -> List {
        List::Typed(Arc::new(Typed { element, items }))
    }

    /// The name of the elements' type.
    pub fn element_type(&self) -> &'static str {
        match self {
            List::Data(_) | List::Any(_) => ANY,
            List::Typed(typed) => typed.element,
            List::Nil(element) => element,
        }
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        match self {
            List::Data(items) => items.len(),
            List::Any(items) => items.len(),
            List::Typed(typed) => typed.items.len(),
            List::Nil(_) => 0,
        }
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// An element.
    pub fn get(&self, index: usize) -> Option<Value> {
        match self {
            List::Data(items) => items.get(index).map(Value::from),
            List::Any(items) => items.get(index).cloned(),
            List::Typed(typed) => typed.items.get(index).cloned(),
            List::Nil(_) => None,
        }
    }

    /// The elements.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Value> + ExactSizeIterator + '_ {
        (0..self.len()).map(|i| self.get(i).unwrap_or_default())
    }

    /// The elements from `from` up to, not including, `to`; of the same type.
    pub fn slice(&self, from: usize, to: usize) -> List {
        match self {
            List::Data(items) => List::Data(items.iter().skip(from).take(to.saturating_sub(from)).cloned().collect()),
            List::Any(items) => List::Any(items.iter().skip(from).take(to.saturating_sub(from)).cloned().collect()),
            List::Typed(typed) => List::typed(
                typed.element,
                typed.items.iter().skip(from).take(to.saturating_sub(from)).cloned().collect(),
            ),
            List::Nil(element) => List::Nil(element),
        }
    }
}

/// A map with string keys.
#[derive(Clone)]
pub enum Map {
    /// `map[string]interface {}`, from data. It cannot be changed.
    Data(tree::Map),
    /// `map[string]interface {}`, made by functions. As in Go, all holders see changes (`set`, `unset`, `merge`).
    Dict(Arc<Dict>),
    /// `map[string]string`; all values of the tree are strings.
    Strings(tree::Map),
    /// A nil `map[string]interface {}`.
    NilAny,
    /// A nil `map[string]string`.
    NilStrings,
}

/// A map that functions change in place.
#[derive(Default)]
pub struct Dict {
    entries: Mutex<BTreeMap<EcoString, Value>>,
}

impl Dict {
    // A panic cannot leave the map half changed.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<EcoString, Value>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets a key.
    pub fn set(&self, key: impl Into<EcoString>, value: Value) {
        let old = self.lock().insert(key.into(), value);
        drop(old);
    }

    /// Removes a key.
    pub fn unset(&self, key: &str) {
        let old = self.lock().remove(key);
        drop(old);
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<Value> {
        self.lock().get(key).cloned()
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The entries at this moment, in the order of their keys.
    pub fn entries(&self) -> Vec<(EcoString, Value)> {
        self.lock().iter().map(|(k, v)| (k.clone(), v.clone())).collect()
    }
}

impl Map {
    /// A `map[string]interface {}` that can be changed.
    pub fn dict<K: Into<EcoString>>(entries: impl IntoIterator<Item = (K, Value)>) -> Map {
        let entries = Mutex::new(entries.into_iter().map(|(k, v)| (k.into(), v)).collect());
        Map::Dict(Arc::new(Dict { entries }))
    }

    /// The name of the values' type.
    pub fn element_type(&self) -> &'static str {
        match self {
            Map::Data(_) | Map::Dict(_) | Map::NilAny => ANY,
            Map::Strings(_) | Map::NilStrings => "string",
        }
    }

    /// Whether it is a nil map.
    pub fn is_nil(&self) -> bool {
        match self {
            Map::NilAny | Map::NilStrings => true,
            Map::Data(_) | Map::Dict(_) | Map::Strings(_) => false,
        }
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        match self {
            Map::Data(map) | Map::Strings(map) => map.len(),
            Map::Dict(dict) => dict.len(),
            Map::NilAny | Map::NilStrings => 0,
        }
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<Value> {
        match self {
            Map::Data(map) | Map::Strings(map) => map.get(key).map(Value::from),
            Map::Dict(dict) => dict.get(key),
            Map::NilAny | Map::NilStrings => None,
        }
    }

    /// Whether there is an entry of this name, nil included.
    pub fn contains_key(&self, key: &str) -> bool {
        match self {
            Map::Data(map) | Map::Strings(map) => map.contains_key(key),
            Map::Dict(dict) => dict.lock().contains_key(key),
            Map::NilAny | Map::NilStrings => false,
        }
    }

    /// The entries, in the order of their keys.
    pub fn entries(&self) -> Vec<(EcoString, Value)> {
        match self {
            Map::Data(map) | Map::Strings(map) => map.iter().map(|(k, v)| (k.clone(), v.into())).collect(),
            Map::Dict(dict) => dict.entries(),
            Map::NilAny | Map::NilStrings => Vec::new(),
        }
    }
}
