//! JSON Patch (RFC 6902): what an admission webhook answers with.

mod apply;
mod lists;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::fmt::Write;

pub use apply::{Missing, apply};
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::json;
use crate::value::{EcoString, Map, Value};

/// One operation of a patch.
#[derive(Clone, Debug, PartialEq)]
pub enum Operation {
    /// Adds a member to an object, or an element to a list before the one that has the index now.
    Add {
        /// A JSON pointer.
        path: EcoString,
        /// What is added.
        value: Value,
    },
    /// Replaces the value at a path.
    Replace {
        /// A JSON pointer.
        path: EcoString,
        /// What takes its place.
        value: Value,
    },
    /// Removes the value at a path.
    Remove {
        /// A JSON pointer.
        path: EcoString,
    },
}

impl Serialize for Operation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (op, path, value) = match self {
            Operation::Add { path, value } => ("add", path, Some(value)),
            Operation::Replace { path, value } => ("replace", path, Some(value)),
            Operation::Remove { path } => ("remove", path, None),
        };
        let mut out = serializer.serialize_map(None)?;
        out.serialize_entry("op", op)?;
        out.serialize_entry("path", path.as_str())?;
        if let Some(value) = value {
            out.serialize_entry("value", value)?;
        }
        out.end()
    }
}

/// The operations that make `to` of `from`, in the order of the keys: none for what is equal.
pub fn diff(from: &Value, to: &Value) -> Vec<Operation> {
    let mut out = Diff { path: String::new(), operations: Vec::new() };
    out.values(from, to);
    out.operations
}

/// The patch as JSON.
pub fn to_json(patch: &[Operation]) -> String {
    json::to_string(patch)
}

struct Diff {
    /// The current path, as a JSON pointer.
    path: String,
    operations: Vec<Operation>,
}

impl Diff {
    fn values(&mut self, from: &Value, to: &Value) {
        match (from, to) {
            (Value::Map(from), Value::Map(to)) => self.maps(from, to),
            (Value::List(from), Value::List(to)) => self.lists(from, to),
            _ if from == to => {}
            _ => self.replace(to),
        }
    }

    fn maps(&mut self, from: &Map, to: &Map) {
        if from.is_shared_with(to) {
            return;
        }
        let (mut old, mut new) = (from.iter().peekable(), to.iter().peekable());
        loop {
            let order = match (old.peek(), new.peek()) {
                (Some((old, _)), Some((new, _))) => old.cmp(new),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => return,
            };
            let removed = if order.is_le() { old.next() } else { None };
            let added = if order.is_ge() { new.next() } else { None };
            let Some((key, _)) = removed.or(added) else { return };
            let here = self.enter_key(key);
            match (removed, added) {
                (Some((_, from)), Some((_, to))) => self.values(from, to),
                (Some(_), None) => self.remove(),
                (None, Some((_, to))) => self.add(to),
                (None, None) => {}
            }
            self.path.truncate(here);
        }
    }

    fn add(&mut self, value: &Value) {
        self.operations.push(Operation::Add { path: self.path.as_str().into(), value: value.clone() });
    }

    fn replace(&mut self, value: &Value) {
        self.operations.push(Operation::Replace { path: self.path.as_str().into(), value: value.clone() });
    }

    fn remove(&mut self) {
        self.operations.push(Operation::Remove { path: self.path.as_str().into() });
    }

    /// Appends a key to the path. Returns the length to which it is to be cut again.
    fn enter_key(&mut self, key: &str) -> usize {
        let here = self.path.len();
        self.path.push('/');
        for c in key.chars() {
            match c {
                '~' => self.path.push_str("~0"),
                '/' => self.path.push_str("~1"),
                c => self.path.push(c),
            }
        }
        here
    }

    fn enter_index(&mut self, index: usize) -> usize {
        let here = self.path.len();
        // Writing to a string cannot fail.
        let _ = write!(self.path, "/{index}");
        here
    }
}
