//! What is wrong with an object that does not fit its type.

use std::fmt;

use crate::json;
use crate::kubernetes::types::{Field, Kind, Type};
use crate::kubernetes::{Path, quantity};
use crate::value::Value;

/// An object does not fit its type: the problem in Go's words, its place, and the value.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{} ({} is {})", .0.problem, .0.path, .0.value)]
pub struct Error(Box<Mistake>);

#[derive(Clone, Debug, PartialEq)]
struct Mistake {
    path: Path,
    value: String,
    problem: Problem,
}

/// What is wrong with a value.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(super) enum Problem {
    /// It is of another type.
    #[error("json: cannot unmarshal {found} into Go {place} of type {wanted}")]
    Type {
        /// What it is, in Go's words.
        found: String,
        /// The field that it is meant for.
        place: Place,
        /// The type of the field.
        wanted: String,
    },
    /// It is no quantity.
    #[error(transparent)]
    Quantity(quantity::Error),
    /// It is no point in time.
    #[error("parsing time as \"2006-01-02T15:04:05Z07:00\": write it in that form")]
    Time,
}

/// A field in Go's words: `struct field Container.spec.containers.name`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Place {
    /// The innermost struct.
    inside: &'static str,
    /// The fields that lead to it, the innermost first.
    fields: Vec<&'static str>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.fields.is_empty() {
            return f.write_str("value");
        }
        write!(f, "struct field {}", self.inside)?;
        self.fields.iter().rev().try_for_each(|field| write!(f, ".{field}"))
    }
}

impl Error {
    pub(super) fn new(value: &Value, problem: Problem) -> Error {
        const LONGEST: usize = 80;
        let mut text = json::visible(&json::to_string(value)).into_owned();
        if text.len() > LONGEST {
            let end = (0..=LONGEST).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
            text.truncate(end);
            text.push('…');
        }
        Error(Box::new(Mistake { path: Path::default(), value: text, problem }))
    }

    /// A value of another type than the field's.
    pub(super) fn mismatch(value: &Value, wanted: Kind) -> Error {
        Error::unreadable(value, wanted, go_kind(value).to_owned())
    }

    /// A value that Go calls `found`, for a field of another type.
    pub(super) fn unreadable(value: &Value, wanted: Kind, found: String) -> Error {
        Error::new(value, Problem::Type { found, place: Place::default(), wanted: wanted.go_name().into_owned() })
    }

    /// Its place.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    pub(super) fn below(mut self, key: &str) -> Error {
        self.0.path.push_key(key);
        self
    }

    pub(super) fn within(mut self, index: usize) -> Error {
        self.0.path.push_index(index);
        self
    }

    pub(super) fn below_field(mut self, key: &str, of: Type, field: &'static Field) -> Error {
        if let Problem::Type { place, .. } = &mut self.0.problem {
            if place.fields.is_empty() {
                place.inside = of.short_name();
            }
            place.fields.push(field.json);
            if let Some(embedded) = of.embedded().filter(|_| field.promoted) {
                place.fields.push(embedded.short_name());
            }
        }
        self.below(key)
    }
}

/// What Go calls a JSON value.
fn go_kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Int(_) | Value::Uint(_) | Value::Float(_) => "number",
        Value::String(_) => "string",
        Value::List(_) => "array",
        Value::Map(_) => "object",
    }
}
