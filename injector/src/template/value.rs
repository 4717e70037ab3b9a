//! Go's values, as far as a template can see them.
//!
//! A copy of a value is cheap: anything large is shared. Data trees (`crate::value::Value`) become values, and
//! values become data trees, without a walk through what they hold.

use std::any::Any;
use std::borrow::Cow;
use std::sync::Arc;

use super::collection::{List, Map};
use super::function::{Failure, Function};
use super::object::{IntType, Kind, Object, UintType};
use crate::value as tree;
pub use crate::value::{EcoString, EcoVec};

/// How deep values may be nested when they are written out or compared. Dictionaries can contain themselves.
pub const MAX_DEPTH: usize = 200;

/// A Go value.
#[derive(Clone, Default)]
pub enum Value {
    /// "No value": what a missing map key gives. Prints `<no value>`; fields of it are missing too.
    #[default]
    Missing,
    /// An interface that holds nothing: `null` in data, `nil` as an argument. Fields of it are errors.
    Nil,
    /// A bool.
    Bool(bool),
    /// A signed integer.
    Int(i64, IntType),
    /// An unsigned integer.
    Uint(u64, UintType),
    /// A `float64`. All numbers of JSON and YAML data are of this type.
    Float(f64),
    /// A `complex128`: real and imaginary part. Only literals make one.
    Complex(f64, f64),
    /// A string.
    String(EcoString),
    /// A slice.
    List(List),
    /// A map with string keys.
    Map(Map),
    /// A function, for `call`.
    Function(Function),
    /// A value of the host program.
    Object(Arc<dyn Object>),
}

impl Value {
    /// A Go `int`: the result of number literals and most functions.
    pub fn int(value: i64) -> Value {
        Value::Int(value, IntType::Int)
    }

    /// A value of the host program.
    pub fn object(object: impl Object) -> Value {
        Value::Object(Arc::new(object))
    }

    /// A data tree whose maps functions may change: what a function returns when Go's would make a new map.
    pub fn changeable(data: &tree::Value) -> Value {
        match data {
            tree::Value::List(items) => Value::List(List::Any(items.iter().map(Value::changeable).collect())),
            tree::Value::Map(map) => Value::Map(Map::dict(map.iter().map(|(k, v)| (k.clone(), Value::changeable(v))))),
            tree::Value::Null
            | tree::Value::Bool(_)
            | tree::Value::Int(_)
            | tree::Value::Uint(_)
            | tree::Value::Float(_)
            | tree::Value::String(_) => data.into(),
        }
    }

    /// The kind of its type.
    pub fn kind(&self) -> Kind {
        match self {
            Value::Missing | Value::Nil => Kind::Invalid,
            Value::Bool(_) => Kind::Bool,
            Value::Int(_, t) => Kind::Int(*t),
            Value::Uint(_, t) => Kind::Uint(*t),
            Value::Float(_) => Kind::Float64,
            Value::Complex(_, _) => Kind::Complex128,
            Value::String(_) => Kind::String,
            Value::List(_) => Kind::Slice,
            Value::Map(_) => Kind::Map,
            Value::Function(_) => Kind::Function,
            Value::Object(object) => object.kind(),
        }
    }

    /// Its type, as `%T` prints it; `<nil>` if there is no value.
    pub fn type_name(&self) -> Cow<'_, str> {
        match self {
            Value::Missing | Value::Nil => "<nil>".into(),
            Value::List(list) => format!("[]{}", list.element_type()).into(),
            Value::Map(map) => format!("map[string]{}", map.element_type()).into(),
            Value::Object(object) => object.type_name(),
            Value::Bool(_)
            | Value::Int(_, _)
            | Value::Uint(_, _)
            | Value::Float(_)
            | Value::Complex(_, _)
            | Value::String(_)
            | Value::Function(_) => self.kind().name().into(),
        }
    }

    /// Whether it is nothing at all: missing, or an interface that holds nothing.
    pub fn is_nothing(&self) -> bool {
        matches!(self, Value::Missing | Value::Nil)
    }

    /// Whether it is nothing, or a nil pointer, slice or map.
    pub fn is_nil(&self) -> bool {
        match self {
            Value::Missing | Value::Nil | Value::List(List::Nil(_)) => true,
            Value::Map(map) => map.is_nil(),
            Value::Object(object) => object.is_nil(),
            Value::Bool(_)
            | Value::Int(_, _)
            | Value::Uint(_, _)
            | Value::Float(_)
            | Value::Complex(_, _)
            | Value::String(_)
            | Value::List(_)
            | Value::Function(_) => false,
        }
    }

    /// Whether `if` treats it as true: anything but false, zero, nothing, and empty values. Structs are always true.
    pub fn is_true(&self) -> bool {
        match self {
            Value::Missing | Value::Nil => false,
            Value::Bool(b) => *b,
            Value::Int(i, _) => *i != 0,
            Value::Uint(u, _) => *u != 0,
            Value::Float(f) => *f != 0.0,
            Value::Complex(re, im) => *re != 0.0 || *im != 0.0,
            Value::String(s) => !s.is_empty(),
            Value::List(list) => !list.is_empty(),
            Value::Map(map) => !map.is_empty(),
            Value::Function(_) => true,
            Value::Object(object) => match object.kind() {
                Kind::Struct | Kind::Function => true,
                Kind::Pointer => !object.is_nil(),
                Kind::Slice | Kind::Map => !object.is_empty(),
                Kind::Invalid
                | Kind::Bool
                | Kind::Int(_)
                | Kind::Uint(_)
                | Kind::Float64
                | Kind::Complex128
                | Kind::String => object.plain().is_some_and(|v| v.is_true()),
            },
        }
    }

    /// The number of elements, entries or bytes; nothing if it has no length. Pointers are followed.
    pub fn length(&self) -> Option<usize> {
        match self {
            Value::String(s) => Some(s.len()),
            Value::List(list) => Some(list.len()),
            Value::Map(map) => Some(map.len()),
            Value::Object(object) => match object.kind() {
                Kind::Slice | Kind::Map => Some(object.len()),
                Kind::String => object.plain().and_then(|v| v.length()),
                Kind::Pointer => object.target().and_then(|v| v.length()),
                Kind::Invalid
                | Kind::Bool
                | Kind::Int(_)
                | Kind::Uint(_)
                | Kind::Float64
                | Kind::Complex128
                | Kind::Struct
                | Kind::Function => None,
            },
            Value::Missing
            | Value::Nil
            | Value::Bool(_)
            | Value::Int(_, _)
            | Value::Uint(_, _)
            | Value::Float(_)
            | Value::Complex(_, _)
            | Value::Function(_) => None,
        }
    }

    /// The object of the host program, if it is one.
    pub fn as_object(&self) -> Option<&Arc<dyn Object>> {
        if let Value::Object(object) = self { Some(object) } else { None }
    }

    /// The elements of a slice of any type; nothing if it is none.
    pub fn elements(&self) -> Option<Vec<Value>> {
        if let Value::List(list) = self {
            return Some(list.iter().collect());
        }
        let object = self.as_object().filter(|o| o.kind() == Kind::Slice)?;
        Some((0..object.len()).map(|i| object.element(i).unwrap_or_default()).collect())
    }

    /// The entries of a map with string keys, of any type, in the order of their keys; nothing if it is none.
    pub fn entries(&self) -> Option<Vec<(EcoString, Value)>> {
        if let Value::Map(map) = self {
            return Some(map.entries());
        }
        let object = self.as_object().filter(|o| o.kind() == Kind::Map)?;
        object.entries().into_iter().map(|(k, v)| Some((k.as_text()?, v))).collect()
    }

    /// The text, if it is a string (of a named type too).
    pub fn as_text(&self) -> Option<EcoString> {
        if let Value::String(s) = self {
            return Some(s.clone());
        }
        if let Value::String(s) = self.as_object()?.plain()? { Some(s) } else { None }
    }

    /// The object, if it is one of the host's type `T`.
    pub fn downcast<T: Object>(&self) -> Option<&T> {
        let object: &dyn Any = self.as_object()?.as_ref();
        object.downcast_ref()
    }

    /// The output of Go's JSON encoder as a tree. Costs nothing for values that came from data.
    pub fn to_data(&self) -> Result<tree::Value, Failure> {
        self.data_at(MAX_DEPTH)
    }

    /// The text of Go's JSON encoder: keys of maps sorted, fields of structs in their order.
    pub fn to_json(&self) -> Result<String, Failure> {
        self.json_at(MAX_DEPTH)
    }

    fn json_at(&self, depth: usize) -> Result<String, Failure> {
        let Some(depth) = depth.checked_sub(1) else {
            return Err("json: unsupported value: encountered a cycle".into());
        };
        // Only values made by functions can contain structs of the host program.
        Ok(match self {
            Value::Object(object) => object.to_json()?,
            Value::List(list @ (List::Any(_) | List::Typed(_))) => {
                crate::json::list(&list.iter().map(|v| v.json_at(depth)).collect::<Result<Vec<_>, _>>()?)
            }
            Value::Map(Map::Dict(dict)) => {
                let entry = |(key, v): (EcoString, Value)| Ok((key, v.json_at(depth)?));
                crate::json::object(dict.entries().into_iter().map(entry).collect::<Result<Vec<_>, Failure>>()?)
            }
            Value::Missing
            | Value::Nil
            | Value::Bool(_)
            | Value::Int(_, _)
            | Value::Uint(_, _)
            | Value::Float(_)
            | Value::Complex(_, _)
            | Value::String(_)
            | Value::List(List::Data(_) | List::Nil(_))
            | Value::Map(Map::Data(_) | Map::Strings(_) | Map::NilAny | Map::NilStrings)
            | Value::Function(_) => crate::json::to_string(&self.to_data()?),
        })
    }

    fn data_at(&self, depth: usize) -> Result<tree::Value, Failure> {
        let Some(depth) = depth.checked_sub(1) else {
            return Err("json: unsupported value: encountered a cycle".into());
        };
        Ok(match self {
            Value::Missing | Value::Nil | Value::List(List::Nil(_)) | Value::Map(Map::NilAny | Map::NilStrings) => {
                tree::Value::Null
            }
            Value::Bool(b) => (*b).into(),
            Value::Int(i, _) => (*i).into(),
            Value::Uint(u, _) => (*u).into(),
            Value::Float(f) => number(*f).ok_or_else(|| format!("json: unsupported value: {f}"))?,
            Value::Complex(_, _) | Value::Function(_) => {
                return Err(format!("json: unsupported type: {}", self.type_name()).into());
            }
            Value::String(s) => s.clone().into(),
            Value::List(List::Data(items)) => items.clone().into(),
            Value::List(list) => {
                tree::Value::List(list.iter().map(|v| v.data_at(depth)).collect::<Result<EcoVec<_>, _>>()?)
            }
            Value::Map(Map::Data(map) | Map::Strings(map)) => map.clone().into(),
            Value::Map(Map::Dict(dict)) => {
                let mut map = tree::Map::with_capacity(dict.len());
                for (key, value) in dict.entries() {
                    map.insert(key, value.data_at(depth)?);
                }
                map.into()
            }
            Value::Object(object) => object.to_data()?,
        })
    }
}

/// A double as data: an integer if it is one, because JSON text does not distinguish the two.
fn number(float: f64) -> Option<tree::Value> {
    if float.fract() == 0.0 && float.abs() < 9e18 {
        return Some((float as i64).into());
    }
    float.is_finite().then_some(tree::Value::Float(float))
}

impl From<&tree::Value> for Value {
    /// As Go sees decoded JSON: every number is a `float64`.
    fn from(data: &tree::Value) -> Self {
        match data {
            tree::Value::Null => Value::Nil,
            tree::Value::Bool(b) => Value::Bool(*b),
            tree::Value::Int(i) => Value::Float(*i as f64),
            tree::Value::Uint(u) => Value::Float(*u as f64),
            tree::Value::Float(f) => Value::Float(*f),
            tree::Value::String(s) => Value::String(s.clone()),
            tree::Value::List(items) => Value::List(List::Data(items.clone())),
            tree::Value::Map(map) => Value::Map(Map::Data(map.clone())),
        }
    }
}

impl From<tree::Value> for Value {
    fn from(data: tree::Value) -> Self {
        (&data).into()
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Value::Bool(value)
    }
}

impl From<i32> for Value {
    fn from(value: i32) -> Self {
        Value::Int(value.into(), IntType::Int32)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Value::Int(value, IntType::Int64)
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Value::Uint(value.into(), UintType::Uint32)
    }
}

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Value::Uint(value, UintType::Uint64)
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

impl From<List> for Value {
    fn from(value: List) -> Self {
        Value::List(value)
    }
}

impl From<Map> for Value {
    fn from(value: Map) -> Self {
        Value::Map(value)
    }
}

impl From<Arc<dyn Object>> for Value {
    fn from(value: Arc<dyn Object>) -> Self {
        Value::Object(value)
    }
}

impl FromIterator<Value> for Value {
    /// A `[]interface {}`.
    fn from_iter<I: IntoIterator<Item = Value>>(items: I) -> Self {
        Value::List(List::Any(items.into_iter().collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_shared_both_ways() {
        let data = crate::json::parse(br#"{"a":[1,2.5,"x",null]}"#).unwrap();
        let value = Value::from(&data);
        assert_eq!(value.to_data().unwrap(), data);
        assert_eq!(value.type_name(), "map[string]interface {}");
        let Value::Map(map) = value else { panic!() };
        let list = map.get("a").unwrap();
        let elements = list.elements().unwrap();
        assert_eq!(elements[0].type_name(), "float64");
        assert!(matches!(elements[3], Value::Nil));
    }

    #[test]
    fn a_dictionary_that_contains_itself_is_an_error_and_not_a_loop() {
        let map = Map::dict([("a", Value::int(1))]);
        let Map::Dict(dict) = &map else { panic!() };
        dict.set("self", map.clone().into());
        assert!(Value::from(map.clone()).to_data().is_err());
        dict.unset("self");
    }

    #[test]
    fn values_are_small() {
        assert_eq!(size_of::<Value>(), 32);
    }
}
