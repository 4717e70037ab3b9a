//! `eq`, `lt` and the like: what Go compares, and what it refuses to.

use std::cmp::Ordering;

use super::function::Failure;
use super::object::Kind;
use super::print;
use super::value::{EcoString, Value};

const INCOMPATIBLE: &str = "incompatible types for comparison";
const INVALID: &str = "invalid type for comparison";

/// A value of a simple type. Go compares named types by what they are made of.
enum Basic {
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(f64),
    Complex(f64, f64),
    String(EcoString),
}

fn basic(value: &Value) -> Option<Basic> {
    match value {
        Value::Bool(b) => Some(Basic::Bool(*b)),
        Value::Int(i, _) => Some(Basic::Int(*i)),
        Value::Uint(u, _) => Some(Basic::Uint(*u)),
        Value::Float(f) => Some(Basic::Float(*f)),
        Value::Complex(re, im) => Some(Basic::Complex(*re, *im)),
        Value::String(s) => Some(Basic::String(s.clone())),
        Value::Object(object) => object.plain().as_ref().and_then(basic),
        Value::Missing | Value::Nil | Value::List(_) | Value::Map(_) | Value::Function(_) => None,
    }
}

/// Whether two values are equal.
pub(super) fn equal(a: &Value, b: &Value) -> Result<bool, Failure> {
    // The most frequent comparison.
    if let (Value::String(a), Value::String(b)) = (a, b) {
        return Ok(a == b);
    }
    match (basic(a), basic(b)) {
        (Some(a), Some(b)) => match (&a, &b) {
            (Basic::Bool(a), Basic::Bool(b)) => Ok(a == b),
            (Basic::Float(a), Basic::Float(b)) => Ok(a == b),
            (Basic::Complex(ar, ai), Basic::Complex(br, bi)) => Ok(ar == br && ai == bi),
            (Basic::String(a), Basic::String(b)) => Ok(a == b),
            _ => integers(&a, &b).map(|o| o == Ordering::Equal).ok_or_else(|| INCOMPATIBLE.into()),
        },
        (None, None) => others(a, b),
        // Nothing equals no value of a simple type; anything else cannot be compared with one.
        _ if a.is_nothing() || b.is_nothing() => Ok(false),
        _ => Err(INCOMPATIBLE.into()),
    }
}

fn integers(a: &Basic, b: &Basic) -> Option<Ordering> {
    Some(match (a, b) {
        (Basic::Int(a), Basic::Int(b)) => a.cmp(b),
        (Basic::Uint(a), Basic::Uint(b)) => a.cmp(b),
        (Basic::Int(a), Basic::Uint(b)) => u64::try_from(*a).map_or(Ordering::Less, |a| a.cmp(b)),
        (Basic::Uint(a), Basic::Int(b)) => u64::try_from(*b).map_or(Ordering::Greater, |b| a.cmp(&b)),
        _ => return None,
    })
}

/// Compares values that are not of a simple type.
fn others(a: &Value, b: &Value) -> Result<bool, Failure> {
    if a.kind() != b.kind() && !a.is_nothing() && !b.is_nothing() {
        return Err(format!(
            "non-comparable types {}: {}, {}: {}",
            print::as_string(a),
            a.type_name(),
            b.type_name(),
            print::text(b)
        )
        .into());
    }
    if a.is_nil() || b.is_nil() {
        return Ok(a.is_nil() == b.is_nil());
    }
    let not_comparable = || format!("non-comparable type {}: {}", print::as_string(b), b.type_name()).into();
    let comparable = b.as_object().filter(|o| matches!(o.kind(), Kind::Struct | Kind::Pointer));
    comparable.and_then(|object| object.equals(a)).ok_or_else(not_comparable)
}

/// Whether `a` is less than `b`.
pub(super) fn less(a: &Value, b: &Value) -> Result<bool, Failure> {
    let (Some(a), Some(b)) = (basic(a), basic(b)) else { return Err(INVALID.into()) };
    match (&a, &b) {
        (Basic::Float(a), Basic::Float(b)) => Ok(a < b),
        (Basic::String(a), Basic::String(b)) => Ok(a < b),
        (Basic::Bool(_), Basic::Bool(_)) | (Basic::Complex(_, _), Basic::Complex(_, _)) => Err(INVALID.into()),
        _ => integers(&a, &b).map(|o| o == Ordering::Less).ok_or_else(|| INCOMPATIBLE.into()),
    }
}
