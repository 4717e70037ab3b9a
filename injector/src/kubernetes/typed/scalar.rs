//! Scalars as Go decodes and encodes them. What is returned is the value that is written; none if it is the same.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use super::{Error, Problem};
use crate::json;
use crate::kubernetes::quantity;
use crate::kubernetes::types::{Base, Kind, Shape, plain};
use crate::value::Value;

/// A string. Numbers and booleans become one if sigs.k8s.io/yaml sees that a string is wanted.
pub(super) fn string(value: &Value, target: Option<Kind>) -> Result<Option<Value>, Error> {
    let coerced = target.is_some_and(|t| t.base == Base::String && matches!(t.shape, Shape::Plain | Shape::Pointer));
    match value {
        Value::String(_) => Ok(None),
        Value::Null => Ok(Some("".into())),
        Value::Bool(b) if coerced => Ok(Some(if *b { "true" } else { "false" }.into())),
        Value::Int(i) if coerced => Ok(Some(i.to_string().into())),
        Value::Uint(u) if coerced => Ok(Some(u.to_string().into())),
        Value::Float(f) if coerced => Ok(Some(shortest(*f).into())),
        Value::Bool(_) | Value::Int(_) | Value::Uint(_) | Value::Float(_) | Value::List(_) | Value::Map(_) => {
            Err(Error::mismatch(value, plain(Base::String)))
        }
    }
}

pub(super) fn boolean(value: &Value) -> Result<Option<Value>, Error> {
    match value {
        Value::Bool(_) => Ok(None),
        Value::Null => Ok(Some(false.into())),
        Value::Int(_) | Value::Uint(_) | Value::Float(_) | Value::String(_) | Value::List(_) | Value::Map(_) => {
            Err(Error::mismatch(value, plain(Base::Bool)))
        }
    }
}

/// An integer. A double counts if its JSON text is an integer.
pub(super) fn integer(value: &Value, base: Base, range: RangeInclusive<i64>) -> Result<Option<Value>, Error> {
    let out_of_range = |text: String| Err(Error::unreadable(value, plain(base), format!("number {text}")));
    match value {
        Value::Int(i) if range.contains(i) => Ok(None),
        Value::Int(i) => out_of_range(i.to_string()),
        Value::Uint(u) => out_of_range(u.to_string()),
        Value::Float(f) => {
            let text = json::float(*f);
            match text.parse() {
                Ok(i) if range.contains(&i) => Ok(Some(Value::Int(i))),
                _ => out_of_range(text),
            }
        }
        Value::Null => Ok(Some(Value::Int(0))),
        Value::Bool(_) | Value::String(_) | Value::List(_) | Value::Map(_) => Err(Error::mismatch(value, plain(base))),
    }
}

pub(super) fn quantity(value: &Value) -> Result<Option<Value>, Error> {
    let text = match value {
        Value::Null => return Ok(Some("0".into())),
        // Kubernetes trims the JSON text, in which any other white space is an escape.
        Value::String(s) => Cow::Borrowed(s.trim_matches(|c: char| c == ' ' || !c.is_ascii() && c.is_whitespace())),
        Value::Int(_) | Value::Uint(_) | Value::Float(_) | Value::Bool(_) | Value::List(_) | Value::Map(_) => {
            Cow::Owned(json::to_string(value))
        }
    };
    let canonical = quantity::canonical(&text).map_err(|e| Error::new(value, Problem::Quantity(e)))?;
    Ok((value.as_str() != Some(&canonical)).then(|| canonical.as_ref().into()))
}

/// A point in time, in UTC and without fractions. The zero time is null.
pub(super) fn time(value: &Value) -> Result<Option<Value>, Error> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => {
            let written = super::time::canonical(text).ok_or_else(|| Error::new(value, Problem::Time))?;
            Ok((written != *value).then_some(written))
        }
        Value::Bool(_) | Value::Int(_) | Value::Uint(_) | Value::Float(_) | Value::List(_) | Value::Map(_) => {
            Err(Error::mismatch(value, plain(Base::String)))
        }
    }
}

/// A double as sigs.k8s.io/yaml makes a string of it, Go's `strconv.FormatFloat(f, 'g', -1, 32)`: rounded to a single, the
/// shortest text, with an exponent below 1e-4 and from 1e6.
fn shortest(f: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "rounding is what Go does")]
    let f = f as f32;
    let size = f.abs();
    if f.is_infinite() {
        return if f > 0.0 { "+Inf".to_owned() } else { "-Inf".to_owned() };
    }
    if size == 0.0 || (1e-4..1e6).contains(&size) || f.is_nan() {
        return format!("{f}");
    }
    let text = format!("{f:e}");
    match text.split_once('e') {
        // At least two digits, and always a sign.
        Some((mantissa, exponent)) => match exponent.strip_prefix('-') {
            Some(digits) => format!("{mantissa}e-{digits:0>2}"),
            None => format!("{mantissa}e+{exponent:0>2}"),
        },
        None => text,
    }
}
