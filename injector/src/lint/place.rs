//! A value in an object, and its path: the subject of a finding.

use super::input::Object;
use crate::value::{Map, Value};
use crate::yaml::Step;

/// A value and its path.
#[derive(Clone, Debug)]
pub(super) struct At<'p> {
    /// Its object.
    pub(super) object: &'p Object,
    /// The value.
    pub(super) value: &'p Value,
    /// Its path in the object.
    pub(super) path: Vec<Step<'p>>,
}

/// Something that a rule has found.
#[derive(Clone, Debug)]
pub(super) struct Hit<'p> {
    /// Its object.
    pub(super) object: &'p Object,
    /// The path in the object.
    pub(super) path: Vec<Step<'p>>,
    /// The problem, without the object's name.
    pub(super) message: String,
}

static NOTHING: Value = Value::Null;

impl<'p> At<'p> {
    /// An object as it is written.
    pub(super) fn object(object: &'p Object) -> Self {
        At { object, value: &object.tree, path: Vec::new() }
    }

    /// The value of a key; `null` if there is none.
    pub(super) fn key(&self, key: &'p str) -> At<'p> {
        let path = self.path.iter().copied().chain([Step::Key(key)]).collect();
        At { object: self.object, value: self.value.get(key).unwrap_or(&NOTHING), path }
    }

    /// The value at the end of several keys.
    pub(super) fn down(&self, keys: impl IntoIterator<Item = &'p str>) -> At<'p> {
        keys.into_iter().fold(self.clone(), |at, key| at.key(key))
    }

    /// The elements of the list at a key.
    pub(super) fn items(&self, key: &'p str) -> impl Iterator<Item = At<'p>> + use<'p> {
        let list = self.key(key);
        let elements = list.value.as_list().map_or(&[][..], |list| list.as_slice());
        elements.iter().enumerate().map(move |(index, value)| {
            let path = list.path.iter().copied().chain([Step::Index(index)]).collect();
            At { object: list.object, value, path }
        })
    }

    /// The entries of a map.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&'p str, At<'p>)> + use<'p> {
        let map = self.clone();
        let entries = map.value.as_map().into_iter().flat_map(Map::iter);
        entries.map(move |(key, _)| (key.as_str(), map.key(key)))
    }

    /// The text at a key; empty if there is none.
    pub(super) fn text(&self, key: &str) -> &'p str {
        self.value.str_at(&[key]).unwrap_or_default()
    }

    /// Whether it exists.
    pub(super) fn exists(&self) -> bool {
        !self.value.is_null()
    }

    /// A finding about it.
    pub(super) fn hit(self, message: impl Into<String>) -> Hit<'p> {
        Hit { object: self.object, path: self.path, message: message.into() }
    }
}
