//! Proto JSON out: a message as compact text, its fields in the order in which they are declared.

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use crate::value::{Map, Value};

use super::descriptor::{Field, Kind, MessageType, ScalarKind, Shape};

/// The compact JSON of a message.
pub(super) fn to_json(message: &Map, kind: &'static MessageType) -> String {
    crate::json::to_string(&Message { message, kind })
}

struct Message<'m> {
    message: &'m Map,
    kind: &'static MessageType,
}

struct Content<'m> {
    value: &'m Value,
    field: &'static Field,
}

struct One<'m> {
    value: &'m Value,
    kind: Kind,
}

impl Serialize for Message<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_map(None)?;
        for field in self.kind.fields {
            if let Some(value) = self.message.get(field.json) {
                out.serialize_entry(field.json, &Content { value, field })?;
            }
        }
        out.end()
    }
}

impl Serialize for Content<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let kind = self.field.kind;
        match (self.field.shape, self.value) {
            (Shape::List, Value::List(list)) => {
                let mut out = serializer.serialize_seq(None)?;
                list.iter().try_for_each(|value| out.serialize_element(&One { value, kind }))?;
                out.end()
            }
            (Shape::Map, Value::Map(map)) => {
                let mut out = serializer.serialize_map(None)?;
                map.iter().try_for_each(|(key, value)| out.serialize_entry(key.as_str(), &One { value, kind }))?;
                out.end()
            }
            (Shape::One | Shape::List | Shape::Map, value) => One { value, kind }.serialize(serializer),
        }
    }
}

impl Serialize for One<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match (self.kind, self.value) {
            (Kind::Message(kind), Value::Map(message)) => Message { message, kind }.serialize(serializer),
            (Kind::Scalar(kind) | Kind::Wrapper(kind), value) => match (kind, value) {
                // Doubles cannot hold every 64-bit integer, so proto JSON writes those as strings.
                (ScalarKind::Int64 | ScalarKind::Uint64, Value::Int(i)) => serializer.collect_str(i),
                (ScalarKind::Int64 | ScalarKind::Uint64, Value::Uint(u)) => serializer.collect_str(u),
                (ScalarKind::Double, Value::Float(f)) if !f.is_finite() => serializer.serialize_str(not_finite(*f)),
                (_, value) => value.serialize(serializer),
            },
            (Kind::Enum(_) | Kind::Message(_) | Kind::Duration | Kind::Struct, value) => value.serialize(serializer),
        }
    }
}

fn not_finite(value: f64) -> &'static str {
    if value.is_nan() {
        "NaN"
    } else if value > 0.0 {
        "Infinity"
    } else {
        "-Infinity"
    }
}
