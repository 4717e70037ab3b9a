//! JSON in the order of Go's fields.

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use super::zero;
use crate::json;
use crate::kubernetes::types::{Base, Field, Kind, Shape, Type};
use crate::value::{Map, Value};

/// Compact JSON in the order of Go's fields, of a value as [`round_trip`](super::round_trip) returns it: what is empty
/// is left out, what is always written is written. Unknown fields come last.
pub fn to_json(value: &Value, kind: impl Into<Kind>) -> String {
    json::to_string(&Typed(value, kind.into()))
}

struct Typed<'a>(&'a Value, Kind);

impl Serialize for Typed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Typed(value, kind) = self;
        match (kind.shape, kind.base, value) {
            (Shape::List, _, Value::List(list)) => {
                let mut out = serializer.serialize_seq(Some(list.len()))?;
                list.iter().try_for_each(|v| out.serialize_element(&Typed(v, kind.element())))?;
                out.end()
            }
            (Shape::Plain | Shape::Pointer, Base::Struct(of), Value::Map(map)) => fields(map, of, serializer),
            (Shape::Plain, Base::Struct(_), Value::Null) => Typed(&zero(*kind), *kind).serialize(serializer),
            _ => value.serialize(serializer),
        }
    }
}

fn fields<S: Serializer>(map: &Map, of: Type, serializer: S) -> Result<S::Ok, S::Error> {
    let mut out = serializer.serialize_map(None)?;
    for field in of.fields() {
        match map.get(field.json) {
            Some(value) if !field.omits(value) => out.serialize_entry(field.json, &Typed(value, field.kind))?,
            None if is_written(field) => out.serialize_entry(field.json, &Typed(&zero(field.kind), field.kind))?,
            Some(_) | None => {}
        }
    }
    for (key, value) in map.iter().filter(|(key, _)| of.field(key).is_none()) {
        out.serialize_entry(key.as_str(), value)?;
    }
    out.end()
}

fn is_written(field: &Field) -> bool {
    !field.omits(&zero(field.kind))
}
