//! The trip of an object through Go's structs: decoded, and encoded again.

mod error;
mod scalar;
#[cfg(test)]
mod tests;
mod time;
mod write;
pub mod written;

pub use error::Error;
use error::Problem;
pub use write::to_json;

use super::types::{Base, Field, Kind, Shape, Type, plain};
use crate::value::{EcoVec, Map, Value};

/// The source of a tree, which decides how strictly its scalars are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A YAML document of a user: numbers and booleans become strings if strings are wanted.
    Yaml,
    /// JSON, or a tree that was made: scalars are of the right type.
    Json,
}

/// What Go makes of an object that it decodes into a struct and encodes again: keys by their proper names, canonical
/// quantities, no empty fields but those that are always written, and no unknown ones. Parts in which nothing changes are
/// shared with the object.
pub fn round_trip(value: &Value, of: Type, mode: Mode) -> Result<Value, Error> {
    let kind = Kind::from(of);
    let target = match mode {
        Mode::Yaml => Some(kind),
        Mode::Json => None,
    };
    Ok(convert(value, kind, target)?.unwrap_or_else(|| value.clone()))
}

/// The value as it is encoded; none if that is what it is already.
///
/// `target` is what sigs.k8s.io/yaml takes for the type of the value: it differs from `kind` below the fields of
/// embedded structs, which makes it miss strings there.
fn convert(value: &Value, kind: Kind, target: Option<Kind>) -> Result<Option<Value>, Error> {
    match (kind.shape, value) {
        (Shape::Pointer | Shape::List | Shape::Map, Value::Null) => Ok(None),
        (Shape::Plain | Shape::Pointer, _) => one(value, kind.base, target),
        (Shape::List, Value::List(list)) => elements(list, kind.element(), element_target(target, Shape::List)),
        (Shape::Map, Value::Map(map)) => entries(map, kind.element(), element_target(target, Shape::Map)),
        (Shape::List | Shape::Map, _) => Err(Error::mismatch(value, kind)),
    }
}

fn element_target(target: Option<Kind>, shape: Shape) -> Option<Kind> {
    target.filter(|t| t.shape == shape).map(Kind::element)
}

fn elements(list: &EcoVec<Value>, kind: Kind, target: Option<Kind>) -> Result<Option<Value>, Error> {
    let mut out: Option<EcoVec<Value>> = None;
    for (i, element) in list.iter().enumerate() {
        let Some(new) = convert(element, kind, target).map_err(|e| e.within(i))? else { continue };
        if let Some(slot) = out.get_or_insert_with(|| list.clone()).make_mut().get_mut(i) {
            *slot = new;
        }
    }
    Ok(out.map(Value::List))
}

fn entries(map: &Map, kind: Kind, target: Option<Kind>) -> Result<Option<Value>, Error> {
    let mut out: Option<Map> = None;
    for (key, value) in map.iter() {
        if let Some(new) = convert(value, kind, target).map_err(|e| e.below(key))? {
            out.get_or_insert_with(|| map.clone()).insert(key.clone(), new);
        }
    }
    Ok(out.map(Value::Map))
}

/// One value: of a field, an element of a list or map, or what a pointer points to.
fn one(value: &Value, base: Base, target: Option<Kind>) -> Result<Option<Value>, Error> {
    match (base, value) {
        (Base::Struct(of), Value::Map(map)) => fields(map, of, target),
        (Base::Struct(of), Value::Null) => Ok(Some(zero_struct(of))),
        (Base::Struct(_), _) => Err(Error::mismatch(value, plain(base))),
        (Base::String, _) => scalar::string(value, target),
        (Base::Bool, _) => scalar::boolean(value),
        (Base::Int32, _) => scalar::integer(value, base, i32::MIN.into()..=i32::MAX.into()),
        (Base::Int64, _) => scalar::integer(value, base, i64::MIN..=i64::MAX),
        (Base::Quantity, _) => scalar::quantity(value),
        (Base::IntOrString, Value::String(_)) => Ok(None),
        (Base::IntOrString, _) => scalar::integer(value, Base::Int32, i32::MIN.into()..=i32::MAX.into()),
        (Base::Time, _) => scalar::time(value),
        (Base::Any, _) => Ok(None),
    }
}

fn fields(map: &Map, of: Type, target: Option<Kind>) -> Result<Option<Value>, Error> {
    let target = target.and_then(|t| if let Base::Struct(of) = t.base { Some(of) } else { None });
    let mut out: Option<Map> = None;
    for (i, (key, value)) in map.iter().enumerate() {
        let (name, new) = match of.matching(key) {
            Some((_, field)) => {
                let target = target.and_then(|t| field_target(t, of, field, key));
                let new = convert(value, field.kind, target).map_err(|e| e.below_field(key, of, field))?;
                let omitted = field.omits(new.as_ref().unwrap_or(value));
                // A field under its own name that stays as it is needs no work.
                match new {
                    _ if omitted => (None, None),
                    None if field.json == key.as_str() => (Some(key.clone()), None),
                    None => (Some(field.json.into()), Some(value.clone())),
                    Some(new) => (Some(field.json.into()), Some(new)),
                }
            }
            None => (None, None),
        };
        if out.is_none() && name.is_some() && new.is_none() {
            continue;
        }
        let out = out.get_or_insert_with(|| first(map, i, of));
        if let Some(name) = name {
            out.insert(name, new.unwrap_or_else(|| value.clone()));
        }
    }
    for field in of.written() {
        if !out.as_ref().unwrap_or(map).contains_key(field.json) {
            out.get_or_insert_with(|| first(map, map.len(), of)).insert(field.json, zero(field.kind));
        }
    }
    Ok(out.map(Value::Map))
}

/// The first entries of a map, with room for the remaining ones and for those that may be missing.
fn first(map: &Map, count: usize, of: Type) -> Map {
    let mut out = Map::with_capacity(map.len() + of.written().len());
    for (key, value) in map.iter().take(count) {
        out.insert(key.clone(), value.clone());
    }
    out
}

/// What sigs.k8s.io/yaml takes for the type of a field: the embedded struct, for a field that Go promotes from it.
fn field_target(target: Type, of: Type, field: &Field, key: &str) -> Option<Kind> {
    let field = if target == of { field } else { target.matching(key)?.1 };
    match target.embedded() {
        Some(embedded) if field.promoted => Some(embedded.into()),
        _ => Some(field.kind),
    }
}

impl Field {
    /// Whether Go leaves the field out because of its value.
    fn omits(&self, value: &Value) -> bool {
        match (self.kind.shape, self.kind.base) {
            (Shape::Plain, Base::Struct(_) | Base::Quantity | Base::IntOrString) => false,
            (Shape::Plain, Base::Time) => self.omitzero && value.is_null(),
            (Shape::Pointer, _) => self.omitempty && value.is_null(),
            (Shape::Plain | Shape::List | Shape::Map, _) => self.omitempty && is_empty(value),
        }
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(b) => !b,
        Value::Int(i) => *i == 0,
        Value::Uint(_) | Value::Float(_) => false,
        Value::String(s) => s.is_empty(),
        Value::List(l) => l.is_empty(),
        Value::Map(m) => m.is_empty(),
    }
}

/// What an unset field is encoded as.
pub(super) fn zero(kind: Kind) -> Value {
    match (kind.shape, kind.base) {
        (Shape::Pointer | Shape::List | Shape::Map, _) | (Shape::Plain, Base::Time | Base::Any) => Value::Null,
        (Shape::Plain, Base::String) => Value::from(""),
        (Shape::Plain, Base::Bool) => Value::Bool(false),
        (Shape::Plain, Base::Int32 | Base::Int64 | Base::IntOrString) => Value::Int(0),
        (Shape::Plain, Base::Quantity) => Value::from("0"),
        (Shape::Plain, Base::Struct(of)) => zero_struct(of),
    }
}

fn zero_struct(of: Type) -> Value {
    Value::Map(of.written().map(|f| (f.json, zero(f.kind))).collect())
}
