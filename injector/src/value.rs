//! The one data tree: what YAML and JSON texts hold, what Kubernetes objects are, what templates see.
//!
//! Copying a tree is cheap: lists, maps and long strings are shared until one of the copies changes.

use std::fmt;

mod map;

pub use ecow::{EcoString, EcoVec};
pub use map::Map;
pub(crate) use map::order;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

/// A JSON value. Numbers keep what was written: integers are exact, everything else is a double.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// `null`.
    #[default]
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A signed 64-bit integer.
    Int(i64),
    /// An integer above `i64::MAX`; never a smaller one.
    Uint(u64),
    /// Any other number.
    Float(f64),
    /// Text.
    String(EcoString),
    /// An array.
    List(EcoVec<Value>),
    /// An object.
    Map(Map),
}

impl Value {
    /// The text, if it is a string.
    pub fn as_str(&self) -> Option<&str> {
        if let Value::String(s) = self { Some(s) } else { None }
    }

    /// The truth value, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        if let Value::Bool(b) = self { Some(*b) } else { None }
    }

    /// The number, if it is an integer that fits.
    pub fn as_i64(&self) -> Option<i64> {
        if let Value::Int(i) = self { Some(*i) } else { None }
    }

    /// The elements, if it is a list.
    pub fn as_list(&self) -> Option<&EcoVec<Value>> {
        if let Value::List(l) = self { Some(l) } else { None }
    }

    /// The elements, if it is a list, to be changed.
    pub fn as_list_mut(&mut self) -> Option<&mut EcoVec<Value>> {
        if let Value::List(l) = self { Some(l) } else { None }
    }

    /// The entries, if it is a map.
    pub fn as_map(&self) -> Option<&Map> {
        if let Value::Map(m) = self { Some(m) } else { None }
    }

    /// The entries, if it is a map, to be changed.
    pub fn as_map_mut(&mut self) -> Option<&mut Map> {
        if let Value::Map(m) = self { Some(m) } else { None }
    }

    /// Whether it is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// The value of a key, if it is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.as_map()?.get(key)
    }

    /// The value at a path of keys through maps.
    pub fn at(&self, path: &[&str]) -> Option<&Value> {
        path.iter().try_fold(self, |v, key| v.get(key))
    }

    /// The elements of the list at a path of keys; none if there is no list.
    pub fn list_at(&self, path: &[&str]) -> &[Value] {
        self.at(path).and_then(Value::as_list).map_or(&[], |l| l.as_slice())
    }

    /// The text at a path of keys.
    pub fn str_at(&self, path: &[&str]) -> Option<&str> {
        self.at(path).and_then(Value::as_str)
    }

    /// The map below a key, made if there is none.
    pub fn map_entry(&mut self, key: &str) -> &mut Map {
        let child = self.make_map().entry(key);
        child.make_map()
    }

    /// This value as a map; anything else is replaced by an empty one.
    pub fn make_map(&mut self) -> &mut Map {
        if !matches!(self, Value::Map(_)) {
            *self = Value::Map(Map::new());
        }
        match self {
            Value::Map(m) => m,
            Value::Null
            | Value::Bool(_)
            | Value::Int(_)
            | Value::Uint(_)
            | Value::Float(_)
            | Value::String(_)
            | Value::List(_) => unreachable!("made a map just above"),
        }
    }

    /// What kind of value it is, in the words of JSON, for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Int(_) | Value::Uint(_) | Value::Float(_) => "a number",
            Value::String(_) => "a string",
            Value::List(_) => "a list",
            Value::Map(_) => "an object",
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Value::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Value::Int(value)
    }
}

impl From<i32> for Value {
    fn from(value: i32) -> Self {
        Value::Int(value.into())
    }
}

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        i64::try_from(value).map_or(Value::Uint(value), Value::Int)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Value::Float(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Value::String(value.into())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Value::String(value.into())
    }
}

impl From<EcoString> for Value {
    fn from(value: EcoString) -> Self {
        Value::String(value)
    }
}

impl From<EcoVec<Value>> for Value {
    fn from(value: EcoVec<Value>) -> Self {
        Value::List(value)
    }
}

impl From<Map> for Value {
    fn from(value: Map) -> Self {
        Value::Map(value)
    }
}

impl<V: Into<Value>> FromIterator<V> for Value {
    fn from_iter<I: IntoIterator<Item = V>>(elements: I) -> Self {
        Value::List(elements.into_iter().map(Into::into).collect())
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(b) => serializer.serialize_bool(*b),
            Value::Int(i) => serializer.serialize_i64(*i),
            Value::Uint(u) => serializer.serialize_u64(*u),
            Value::Float(f) => serializer.serialize_f64(*f),
            Value::String(s) => serializer.serialize_str(s),
            Value::List(list) => {
                let mut seq = serializer.serialize_seq(Some(list.len()))?;
                list.iter().try_for_each(|v| seq.serialize_element(v))?;
                seq.end()
            }
            Value::Map(map) => map.serialize(serializer),
        }
    }
}

impl Serialize for Map {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_map(Some(self.len()))?;
        self.iter().try_for_each(|(k, v)| out.serialize_entry(k.as_str(), v))?;
        out.end()
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Builder)
    }
}

struct Builder;

impl<'de> Visitor<'de> for Builder {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut list = EcoVec::new();
        while let Some(value) = seq.next_element()? {
            list.push(value);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut entries = EcoVec::new();
        while let Some((key, value)) = access.next_entry::<Key, Value>()? {
            entries.push((key.0, value));
        }
        Ok(Value::Map(Map::of_entries(entries)))
    }
}

/// A key, read without an allocation of its own.
struct Key(EcoString);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Key;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_str<E>(self, value: &str) -> Result<Key, E> {
                Ok(Key(value.into()))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_keep_each_key_once_and_in_order() {
        let map: Map = [("b", 1), ("a", 2), ("c", 3), ("a", 4)].into_iter().collect();
        assert_eq!(format!("{map:?}"), r#"{"a": Int(4), "b": Int(1), "c": Int(3)}"#);
        assert_eq!(map.get("b"), Some(&Value::Int(1)));
        assert_eq!(map.get("d"), None);
    }

    #[test]
    fn of_a_key_that_is_read_twice_the_last_value_counts() {
        let read = |text: &str| crate::json::to_string(&crate::json::parse(text.as_bytes()).unwrap());
        assert_eq!(read(r#"{"b":1,"a":2,"b":3,"c":4,"a":5,"b":6}"#), r#"{"a":5,"b":6,"c":4}"#);
        assert_eq!(read(r#"{"a":1,"a":2}"#), r#"{"a":2}"#);
    }

    #[test]
    fn a_changed_copy_leaves_the_original_as_it_was() {
        let mut original = Value::Null;
        original.map_entry("metadata").insert("name", "a");
        let mut copy = original.clone();
        copy.map_entry("metadata").insert("name", "b");
        assert_eq!(original.str_at(&["metadata", "name"]), Some("a"));
        assert_eq!(copy.str_at(&["metadata", "name"]), Some("b"));
    }

    #[test]
    fn values_are_small() {
        assert_eq!(size_of::<Value>(), 24);
    }
}
