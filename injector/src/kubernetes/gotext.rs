//! Values as Go's `%v` prints them, for error texts.

use std::fmt::Write;

use crate::json;
use crate::value::{Map, Value};

/// A value.
pub(super) fn value(value: &Value) -> String {
    let mut out = String::new();
    write_value(&mut out, value);
    out
}

/// A map.
pub(super) fn map(map: &Map) -> String {
    let mut out = String::new();
    write_map(&mut out, map);
    out
}

/// A list.
pub(super) fn list(list: &[Value]) -> String {
    let mut out = String::new();
    write_list(&mut out, list);
    out
}

fn write_value(out: &mut String, value: &Value) {
    // Writing to a string cannot fail.
    let _ = match value {
        Value::Null => write!(out, "<nil>"),
        Value::Bool(b) => write!(out, "{b}"),
        Value::Int(i) => write!(out, "{i}"),
        Value::Uint(u) => write!(out, "{u}"),
        Value::Float(f) => write!(out, "{}", json::float(*f)),
        Value::String(s) => write!(out, "{}", json::visible(s)),
        Value::List(l) => return write_list(out, l),
        Value::Map(m) => return write_map(out, m),
    };
}

fn write_map(out: &mut String, map: &Map) {
    out.push_str("map[");
    for (i, (key, value)) in map.iter().enumerate() {
        out.push_str(if i == 0 { "" } else { " " });
        out.push_str(&json::visible(key));
        out.push(':');
        write_value(out, value);
    }
    out.push(']');
}

fn write_list(out: &mut String, list: &[Value]) {
    out.push('[');
    for (i, value) in list.iter().enumerate() {
        out.push_str(if i == 0 { "" } else { " " });
        write_value(out, value);
    }
    out.push(']');
}
