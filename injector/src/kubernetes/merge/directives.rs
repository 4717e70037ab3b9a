//! Directives: keys of a patch that are no fields.

use super::error::{Error, Problem};
use crate::kubernetes::gotext;
use crate::value::{EcoVec, Map, Value};

/// Replaces, deletes or merges the object that has it.
pub(super) const DIRECTIVE: &str = "$patch";
/// Lists the keys that are kept.
pub(super) const RETAIN_KEYS: &str = "$retainKeys";
/// Gives the order of a list.
pub(super) const ORDER: &str = "$setElementOrder/";
/// Lists what is removed from a list of scalars.
pub(super) const DELETE_FROM: &str = "$deleteFromPrimitiveList/";

/// The result of a patch with `$patch` in it.
pub(super) fn whole_map(directive: &Value, patch: &Map) -> Result<Map, Error> {
    match directive.as_str() {
        Some("replace") => {
            let mut new = patch.clone();
            new.remove(DIRECTIVE);
            Ok(new)
        }
        Some("delete") => Ok(Map::new()),
        _ => Err(unknown(directive, patch)),
    }
}

/// `$patch` has a value that it cannot have.
pub(super) fn unknown(directive: &Value, patch: &Map) -> Error {
    Error::new(Problem::UnknownDirective { directive: gotext::value(directive), map: gotext::map(patch) })
}

/// `$retainKeys`: deletes the other keys.
pub(super) fn retain_keys(original: &mut Map, patch: &Map) -> Result<(), Error> {
    let Some(keys) = patch.get(RETAIN_KEYS) else { return Ok(()) };
    let Value::List(keys) = keys else { return Err(Error::new(Problem::RetainKeys).below(RETAIN_KEYS)) };
    let retained = |key: &str| keys.iter().any(|k| k.as_str() == Some(key));
    for (key, value) in patch.iter() {
        let directive = key.as_str() == RETAIN_KEYS || key.starts_with(ORDER) || key.starts_with(DELETE_FROM);
        if !directive && !value.is_null() && !retained(key) {
            return Err(Error::new(Problem::RetainKeys).below(RETAIN_KEYS));
        }
    }
    original.retain(|key, _| retained(key));
    Ok(())
}

/// What a directive or the list that it is about should be.
pub(super) fn list(value: &Value) -> Result<&EcoVec<Value>, Error> {
    value.as_list().ok_or_else(|| Error::new(Problem::NoList(value.kind())))
}

/// A value of a patch for which the object has no counterpart: without nulls in its objects, and without objects that
/// have directives. None if nothing is left of it.
pub(super) fn clean(patch: &Value) -> Option<Value> {
    match cleaned(patch, Nulls::Dropped) {
        Cleaned::Same => Some(patch.clone()),
        Cleaned::Gone => None,
        Cleaned::New(value) => Some(value),
    }
}

/// The same for a list whose order the patch sets. There Kubernetes leaves nulls in objects, and takes a directive that is
/// null for one.
pub(super) fn clean_ordered(patch: &EcoVec<Value>) -> EcoVec<Value> {
    cleaned_list(patch, Nulls::Kept).unwrap_or_else(|| patch.clone())
}

#[derive(Clone, Copy, PartialEq)]
enum Nulls {
    Dropped,
    Kept,
}

enum Cleaned {
    Same,
    Gone,
    New(Value),
}

fn cleaned(patch: &Value, nulls: Nulls) -> Cleaned {
    let is_dropped = |value: &Value| nulls == Nulls::Dropped && value.is_null();
    match patch {
        Value::Map(map) if map.get(DIRECTIVE).is_some_and(|d| !is_dropped(d)) => Cleaned::Gone,
        Value::Map(map) => {
            let mut out: Option<Map> = None;
            for (key, value) in map.iter() {
                let cleaned = if is_dropped(value) { Cleaned::Gone } else { cleaned(value, nulls) };
                match cleaned {
                    Cleaned::Same => {}
                    Cleaned::Gone => drop(out.get_or_insert_with(|| map.clone()).remove(key)),
                    Cleaned::New(new) => drop(out.get_or_insert_with(|| map.clone()).insert(key.clone(), new)),
                }
            }
            out.map_or(Cleaned::Same, |map| Cleaned::New(Value::Map(map)))
        }
        Value::List(list) => cleaned_list(list, nulls).map_or(Cleaned::Same, |list| Cleaned::New(Value::List(list))),
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Uint(_) | Value::Float(_) | Value::String(_) => {
            Cleaned::Same
        }
    }
}

fn cleaned_list(list: &EcoVec<Value>, nulls: Nulls) -> Option<EcoVec<Value>> {
    let elements = || list.iter().map(|v| (v, cleaned(v, nulls)));
    if elements().all(|(_, c)| matches!(c, Cleaned::Same)) {
        return None;
    }
    let kept = elements().filter_map(|(v, c)| match c {
        Cleaned::Same => Some(v.clone()),
        Cleaned::Gone => None,
        Cleaned::New(new) => Some(new),
    });
    Some(kept.collect())
}
