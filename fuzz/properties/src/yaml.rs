//! YAML, and the text that is written of it.

use sidecar_injector::value::{Map, Value};
use sidecar_injector::{json, yaml};

use crate::one_line;

/// The most levels of a JSON text that are read.
const JSON_DEPTH: usize = 127;
/// The longest key that may come before a colon in a text in one line.
const SIMPLE_KEY: usize = 1000;
/// How many values are located.
const MOST_PATHS: usize = 20;

/// What is read can be written, is read as the same, and written as the same; as JSON it is YAML too. An error has a
/// place within the text.
pub fn yaml(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let read = match yaml::parse(text) {
        Ok(value) => value,
        Err(error) => return error_is_within(text, &error),
    };
    let depth = depth(&read);
    assert!(depth <= yaml::MAX_DEPTH, "{depth} levels");
    let expected = as_json(&read);
    let written = yaml::to_string(&read);
    assert!(written.ends_with('\n'), "no newline at the end: {written:?}");
    let again = yaml::parse(&written).unwrap_or_else(|error| panic!("{error}\n{written}"));
    assert_eq!(json::to_string(&again), expected, "written and read again:\n{written}");
    assert_eq!(yaml::to_string(&again), written, "read and written again");
    if depth <= JSON_DEPTH {
        let value = json::parse(expected.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{expected}"));
        assert_eq!(yaml::to_string(&value), written, "through JSON");
        if !has_long_key(&read) && expected.chars().all(is_printable) {
            let flow = yaml::parse(&expected).unwrap_or_else(|error| panic!("{error}\n{expected}"));
            assert_eq!(json::to_string(&flow), expected, "JSON read as YAML");
        }
    }
    let mut left = MOST_PATHS;
    all_are_found(&written, &again, &mut Vec::new(), &mut left);
}

/// Whether a character may be in a YAML text as it is. JSON allows more.
fn is_printable(c: char) -> bool {
    !matches!(c, '\u{7f}'..='\u{84}' | '\u{86}'..='\u{9f}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// Checks the place of an error.
fn error_is_within(text: &str, error: &yaml::Error) {
    one_line(&error.to_string());
    let (line, column) = (error.position.line, error.position.column);
    let ends = text.replace("\r\n", "\n");
    let mut lines = ends.split(['\n', '\r']);
    let Some(of_error) = line.checked_sub(1).and_then(|before| lines.nth(before)) else {
        panic!("line {line} of {text:?}: {error}")
    };
    assert!((1..=of_error.chars().count() + 1).contains(&column), "column {column} of {of_error:?}: {error}");
}

fn depth(value: &Value) -> usize {
    match value {
        Value::List(list) => 1 + list.iter().map(depth).max().unwrap_or(0),
        Value::Map(map) => 1 + map.values().map(depth).max().unwrap_or(0),
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Uint(_) | Value::Float(_) | Value::String(_) => 0,
    }
}

/// The value as JSON. A negative zero is written as zero: YAML's reader in Go has only one zero.
fn as_json(value: &Value) -> String {
    fn one_zero(value: &Value) -> Value {
        match value {
            Value::Float(f) if *f == 0.0 => Value::Int(0),
            Value::List(list) => Value::List(list.iter().map(one_zero).collect()),
            Value::Map(map) => Value::Map(map.iter().map(|(k, v)| (k.clone(), one_zero(v))).collect::<Map>()),
            Value::Null | Value::Bool(_) | Value::Int(_) | Value::Uint(_) | Value::Float(_) | Value::String(_) => {
                value.clone()
            }
        }
    }
    json::to_string(&one_zero(value))
}

fn has_long_key(value: &Value) -> bool {
    match value {
        Value::List(list) => list.iter().any(has_long_key),
        Value::Map(map) => map.iter().any(|(k, v)| json::to_string(k.as_str()).len() > SIMPLE_KEY || has_long_key(v)),
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Uint(_) | Value::Float(_) | Value::String(_) => false,
    }
}

/// Every value has a place in the text that was written, one after another.
fn all_are_found<'v>(text: &str, value: &'v Value, path: &mut Vec<yaml::Step<'v>>, left: &mut usize) {
    let Some(less) = left.checked_sub(1) else { return };
    *left = less;
    let place = yaml::locate(text, path).unwrap_or_else(|| panic!("{path:?} is not found in\n{text}"));
    let line = text.split('\n').nth(place.line - 1).unwrap_or_else(|| panic!("{path:?} is at {place}"));
    assert!(place.column <= line.chars().count() + 1, "{path:?} is at {place}");
    let mut inner = |step, value| {
        path.push(step);
        all_are_found(text, value, path, left);
        path.pop();
    };
    match value {
        Value::List(list) => list.iter().enumerate().for_each(|(i, v)| inner(yaml::Step::Index(i), v)),
        Value::Map(map) => map.iter().for_each(|(k, v)| inner(yaml::Step::Key(k), v)),
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Uint(_) | Value::Float(_) | Value::String(_) => {}
    }
}
