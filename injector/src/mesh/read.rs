//! Proto JSON in: a tree, merged into a message.
//!
//! A message is kept as the map of its canonical JSON: names in lowerCamelCase, zero scalars and empty lists absent,
//! enums by name, durations in seconds. So copies are cheap, and a message in canonical form is its own JSON.

use crate::value::{EcoString, EcoVec, Map, Value};

use super::descriptor::{EnumType, Field, Kind, MessageType, ScalarKind, Shape};
use super::duration;

/// A value that a field cannot hold.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{path}: {value} is not allowed; it has to be {allowed}")]
pub struct FieldError {
    /// The path of JSON names from the message that was read.
    pub path: String,
    /// The value, as JSON; shortened if it is long.
    pub value: String,
    /// What is allowed there.
    pub allowed: String,
}

/// Merges `text`'s fields into a message: each given field replaces the old value as a whole, `null` is ignored, a
/// member of a oneof clears the other members. The paths of unknown fields are recorded; otherwise they are ignored,
/// as in Istio.
pub(super) fn apply(
    message: &mut Map,
    kind: &'static MessageType,
    json: &Value,
    unknown: &mut Vec<String>,
) -> Result<(), FieldError> {
    Reader { path: Vec::new(), unknown }.message(message, kind, json)
}

struct Reader<'u> {
    path: Vec<String>,
    unknown: &'u mut Vec<String>,
}

impl Reader<'_> {
    fn message(&mut self, message: &mut Map, kind: &'static MessageType, json: &Value) -> Result<(), FieldError> {
        let given = match json {
            Value::Null => return Ok(()),
            Value::Map(given) => given,
            Value::Bool(_) | Value::Int(_) | Value::Uint(_) | Value::Float(_) | Value::String(_) | Value::List(_) => {
                return Err(self.error(json, "an object"));
            }
        };
        let mut known = 0;
        for field in kind.fields {
            let (by_json, by_name) = (given.get(field.json), given.get(field.name));
            known += usize::from(by_json.is_some());
            known += usize::from(by_name.is_some() && field.name != field.json);
            let Some(value) = by_json.or(by_name).filter(|v| !v.is_null()) else { continue };
            self.path.push(field.json.to_owned());
            let value = self.field(field, value)?;
            self.path.pop();
            set(message, kind, field, value);
        }
        if known < given.len() {
            let path = self.path.join(".");
            let dot = if path.is_empty() { "" } else { "." };
            let is_known = |k: &EcoString| kind.fields.iter().any(|f| f.json == *k || f.name == *k);
            self.unknown.extend(given.keys().filter(|k| !is_known(k)).map(|k| format!("{path}{dot}{k}")));
        }
        Ok(())
    }

    fn field(&mut self, field: &'static Field, json: &Value) -> Result<Value, FieldError> {
        match field.shape {
            Shape::One => self.one(field.kind, json),
            Shape::List => {
                let elements = json.as_list().ok_or_else(|| self.error(json, "a list"))?;
                let mut list = EcoVec::with_capacity(elements.len());
                for (i, element) in elements.iter().enumerate() {
                    self.path.push(i.to_string());
                    list.push(self.one(field.kind, element)?);
                    self.path.pop();
                }
                Ok(Value::List(list))
            }
            Shape::Map => {
                let entries = json.as_map().ok_or_else(|| self.error(json, "an object"))?;
                let mut map = Map::with_capacity(entries.len());
                for (key, value) in entries.iter() {
                    self.path.push(key.to_string());
                    map.insert(key.clone(), self.one(field.kind, value)?);
                    self.path.pop();
                }
                Ok(Value::Map(map))
            }
        }
    }

    fn one(&mut self, kind: Kind, json: &Value) -> Result<Value, FieldError> {
        match kind {
            Kind::Scalar(kind) | Kind::Wrapper(kind) => {
                scalar(kind, json).ok_or_else(|| self.error(json, kind.allowed()))
            }
            Kind::Enum(kind) => enumerated(kind, json).ok_or_else(|| self.error(json, &allowed_values(kind))),
            Kind::Message(kind) => {
                let mut message = Map::new();
                self.message(&mut message, kind, json)?;
                Ok(Value::Map(message))
            }
            Kind::Duration => {
                let nanoseconds = json.as_str().and_then(duration::parse);
                let nanoseconds =
                    nanoseconds.ok_or_else(|| self.error(json, "a duration such as \"45s\" or \"1m30s\""))?;
                Ok(duration::to_json(nanoseconds).into())
            }
            Kind::Struct => match json {
                Value::Map(_) => Ok(json.clone()),
                Value::Null => Ok(Value::Map(Map::new())),
                Value::Bool(_)
                | Value::Int(_)
                | Value::Uint(_)
                | Value::Float(_)
                | Value::String(_)
                | Value::List(_) => Err(self.error(json, "an object")),
            },
        }
    }

    fn error(&self, value: &Value, allowed: &str) -> FieldError {
        const LONG: usize = 80;
        let mut value = crate::json::to_string(value);
        if value.len() > LONG {
            let end = (0..=LONG).rev().find(|i| value.is_char_boundary(*i)).unwrap_or(0);
            value.truncate(end);
            value.push('…');
        }
        let path = if self.path.is_empty() { "the whole text".to_owned() } else { self.path.join(".") };
        FieldError { path, value, allowed: allowed.to_owned() }
    }
}

/// Stores a value in canonical form.
fn set(message: &mut Map, kind: &'static MessageType, field: &'static Field, value: Value) {
    for rival in kind.rivals(field) {
        message.remove(rival.json);
    }
    if !field.has_presence() && is_zero(field, &value) {
        message.remove(field.json);
    } else {
        message.insert(field.json, value);
    }
}

fn is_zero(field: &Field, value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(b) => !b,
        Value::Int(i) => *i == 0,
        Value::Uint(_) => false,
        Value::Float(f) => *f == 0.0,
        Value::String(s) => match field.kind {
            Kind::Enum(kind) => kind.number(s) == Some(0),
            Kind::Scalar(_) | Kind::Message(_) | Kind::Wrapper(_) | Kind::Duration | Kind::Struct => s.is_empty(),
        },
        Value::List(list) => list.is_empty(),
        Value::Map(map) => map.is_empty(),
    }
}

/// A scalar; `null`, which only a list or a map can hold here, is zero.
fn scalar(kind: ScalarKind, json: &Value) -> Option<Value> {
    match (kind, json) {
        (ScalarKind::Bool, Value::Bool(_)) | (ScalarKind::String, Value::String(_)) => Some(json.clone()),
        (ScalarKind::Bool, Value::Null) => Some(Value::Bool(false)),
        (ScalarKind::String, Value::Null) => Some(Value::String(EcoString::new())),
        (ScalarKind::Bool | ScalarKind::String, _) => None,
        (ScalarKind::Int32, _) => integer(json)?.try_into().ok().map(|i: i32| Value::from(i)),
        (ScalarKind::Uint32, _) => integer(json)?.try_into().ok().map(|i: u32| Value::Int(i.into())),
        (ScalarKind::Int64, _) => integer(json)?.try_into().ok().map(Value::Int),
        (ScalarKind::Uint64, _) => integer(json)?.try_into().ok().map(|i: u64| Value::from(i)),
        (ScalarKind::Double, _) => double(json).map(Value::Float),
    }
}

/// An integer, as a number or as a string of one.
fn integer(json: &Value) -> Option<i128> {
    match json {
        Value::Null => Some(0),
        Value::Int(i) => Some((*i).into()),
        Value::Uint(u) => Some((*u).into()),
        // YAML's 1e3 reaches Istio as the JSON number 1000.
        #[expect(clippy::cast_possible_truncation, reason = "whole, and below 2^53")]
        Value::Float(f) => (f.fract() == 0.0 && f.abs() < 9e15).then_some(*f as i128),
        Value::String(text) => {
            // A string holds the JSON text of a number: no plus sign, no leading zeros.
            let text = text.trim_matches([' ', '\t', '\r', '\n']);
            let digits = text.strip_prefix('-').unwrap_or(text);
            let plain = digits == "0" || (!digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit()));
            match text {
                "null" => Some(0),
                _ if plain => text.parse().ok(),
                _ => None,
            }
        }
        Value::Bool(_) | Value::List(_) | Value::Map(_) => None,
    }
}

fn double(json: &Value) -> Option<f64> {
    match json {
        Value::Null => Some(0.0),
        #[expect(clippy::cast_precision_loss, reason = "a JSON number is read as the nearest double")]
        Value::Int(i) => Some(*i as f64),
        #[expect(clippy::cast_precision_loss, reason = "a JSON number is read as the nearest double")]
        Value::Uint(u) => Some(*u as f64),
        Value::Float(f) => Some(*f),
        Value::String(text) => match text.as_str() {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            text => serde_json::from_str(text).ok(),
        },
        Value::Bool(_) | Value::List(_) | Value::Map(_) => None,
    }
}

/// An enum's value by name, or by number; a number without a name is kept.
fn enumerated(kind: &EnumType, json: &Value) -> Option<Value> {
    match json {
        Value::String(name) => kind.number(name).map(|_| json.clone()),
        Value::Null | Value::Int(_) | Value::Float(_) => {
            let number: i32 = integer(json)?.try_into().ok()?;
            Some(kind.name(number).map_or_else(|| Value::from(number), Value::from))
        }
        Value::Bool(_) | Value::Uint(_) | Value::List(_) | Value::Map(_) => None,
    }
}

fn allowed_values(kind: &EnumType) -> String {
    let names: Vec<_> = kind.values.iter().map(|(name, _)| *name).collect();
    format!("one of {}, or its number", names.join(", "))
}
