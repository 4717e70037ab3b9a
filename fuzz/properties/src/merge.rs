//! Patches: Kubernetes' strategic merge, and JSON patches.

use sidecar_injector::kubernetes::{Type, merge as strategic, patch, typed};
use sidecar_injector::value::{EcoString, Map, Value};
use sidecar_injector::{json, yaml};

use crate::one_line;
use crate::patched::patched;

/// How deep objects may be here: serde_json reads a little more.
const MOST_LEVELS: usize = 100;

/// The JSON patch between two objects leads from one to the other, for an independent reader too; a strategic merge of
/// nothing changes nothing, of something it has what the patch has, and changes nothing again. The trip through the
/// types is one way only.
///
/// The text is two YAML documents with a zero byte between them.
pub fn merge(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let (first, second) = text.split_once('\0').unwrap_or((text, ""));
    let (Ok(a), Ok(b)) = (yaml::parse(first), yaml::parse(second)) else { return };
    if !is_flat(&a, MOST_LEVELS) || !is_flat(&b, MOST_LEVELS) {
        return;
    }
    differs(&a, &b);
    differs(&b, &a);
    assert_eq!(patch::diff(&a, &a.clone()), [], "a patch for nothing");
    let typed = typed_once(&a).zip(typed_once(&b));
    if let Some((a, b)) = &typed {
        differs(a, b);
        merged(a, b);
    }
    merged(&a, &b);
}

/// The JSON patch from one to the other.
fn differs(a: &Value, b: &Value) {
    let operations = patch::diff(a, b);
    assert_eq!(patch::apply(a.clone(), &operations).as_ref(), Ok(b), "{operations:?}");
    let text = patch::to_json(&operations);
    let read = |value| serde_json::from_str(&json::to_string(value)).expect("JSON");
    let (from, to): (_, serde_json::Value) = (read(a), read(b));
    assert_eq!(patched(from, &text), to, "{text}");
}

/// A pod after the trip through its type, which changes nothing the second time.
fn typed_once(value: &Value) -> Option<Value> {
    let mut once = None;
    for mode in [typed::Mode::Yaml, typed::Mode::Json] {
        match typed::round_trip(value, Type::POD, mode) {
            Ok(typed) => {
                for mode in [typed::Mode::Yaml, typed::Mode::Json] {
                    let again = typed::round_trip(&typed, Type::POD, mode).unwrap_or_else(|e| panic!("{e}"));
                    assert_eq!(again, typed, "it changes again in {mode:?}");
                }
                let written = typed::to_json(&typed, Type::POD);
                assert_eq!(json::parse(written.as_bytes()).ok().as_ref(), Some(&typed), "{written}");
                once = Some(typed);
            }
            Err(error) => one_line(&error.to_string()),
        }
    }
    once
}

fn merged(original: &Value, change: &Value) {
    if original.as_map().is_some() {
        for nothing in [Value::Null, Map::new().into()] {
            let same = strategic::apply(original.clone(), &nothing, Type::POD);
            assert_eq!(same.as_ref(), Ok(original), "nothing changes something");
        }
    }
    let merged = match strategic::apply(original.clone(), change, Type::POD) {
        Ok(merged) => merged,
        // Kubernetes' own text about a wrong order has several lines.
        Err(error) => return one_line(&error.to_string().replace('\n', " ")),
    };
    if !is_plain(change) {
        return;
    }
    // What is put into an empty place is checked on the next change, as in Kubernetes.
    let Ok(again) = strategic::apply(merged.clone(), change, Type::POD) else { return };
    // Of several elements with the same key the first is changed, which another may be after that.
    assert!(again == merged || has_twins(original) || has_twins(change), "it changes again:\n{merged:?}\n{again:?}");
    for list in ["containers", "initContainers", "volumes"] {
        for name in names(change, list) {
            assert!(names(&merged, list).contains(&name), "{list} lack {name} of the patch");
        }
        // As in Kubernetes, a value of another type replaces what was there.
        let spec = change.get("spec");
        let is_list = spec.and_then(|spec| spec.get(list)).is_none_or(|value| value.as_list().is_some());
        let replaces = spec.is_some_and(|spec| spec.as_map().is_none()) || !is_list;
        for name in names(original, list).into_iter().filter(|_| !replaces) {
            assert!(names(&merged, list).contains(&name), "{list} lack {name} of the object");
        }
    }
}

/// Whether elements of a list have the same key.
fn has_twins(value: &Value) -> bool {
    const KEYS: [&str; 8] = ["mountPath", "devicePath", "containerPort", "topologyKey", "ip", "uid", "type", "name"];
    match value {
        Value::List(list) => {
            let key =
                |e: &Value| KEYS.iter().find_map(|key| e.get(key)).map_or_else(|| json::to_string(e), json::to_string);
            let mut keys: Vec<String> = list.iter().map(key).collect();
            keys.sort();
            keys.windows(2).any(|pair| pair[0] == pair[1]) || list.iter().any(has_twins)
        }
        Value::Map(map) => map.values().any(has_twins),
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Uint(_) | Value::Float(_) | Value::String(_) => false,
    }
}

fn names(pod: &Value, list: &str) -> Vec<EcoString> {
    let names = pod.list_at(&["spec", list]).iter().filter_map(|e| e.str_at(&["name"]));
    names.map(EcoString::from).collect()
}

/// Whether a patch has neither nulls, which remove something, nor directives.
fn is_plain(change: &Value) -> bool {
    match change {
        Value::Null => false,
        Value::List(list) => list.iter().all(is_plain),
        Value::Map(map) => map.iter().all(|(key, value)| !key.starts_with('$') && is_plain(value)),
        Value::Bool(_) | Value::Int(_) | Value::Uint(_) | Value::Float(_) | Value::String(_) => true,
    }
}

fn is_flat(value: &Value, levels: usize) -> bool {
    let Some(less) = levels.checked_sub(1) else { return false };
    match value {
        Value::List(list) => list.iter().all(|v| is_flat(v, less)),
        Value::Map(map) => map.values().all(|v| is_flat(v, less)),
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Uint(_) | Value::Float(_) | Value::String(_) => true,
    }
}
