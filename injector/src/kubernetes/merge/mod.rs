//! Strategic merge patch: a patch is merged into an object field by field, lists by the merge keys of their types.

mod directives;
mod error;
mod list;
mod order;
#[cfg(test)]
mod tests;

pub use error::Error;
use error::Problem;

use super::types::{Base, Kind, Shape, Type};
use crate::value::{Map, Value};
use directives::{DELETE_FROM, DIRECTIVE, ORDER, RETAIN_KEYS};

/// Applies a patch to an object of a type. A `null` patch changes nothing.
///
/// As in Kubernetes, nothing but merge keys and directives of the patch is checked: whether the result fits its type
/// is found out by [`round_trip`](super::typed::round_trip).
pub fn apply(original: Value, patch: &Value, of: Type) -> Result<Value, Error> {
    let no_object = |kind, whose| Error::new(Problem::NotAnObject { kind, whose });
    let kind = original.kind();
    let original = match original {
        Value::Map(map) => map,
        Value::Null => Map::new(),
        Value::Bool(_) | Value::Int(_) | Value::Uint(_) | Value::Float(_) | Value::String(_) | Value::List(_) => {
            return Err(no_object(kind, "object"));
        }
    };
    if patch.is_null() {
        return Ok(Value::Map(original));
    }
    let patch = patch.as_map().ok_or_else(|| no_object(patch.kind(), "patch"))?;
    merge_maps(original, patch, Some(of)).map(Value::Map)
}

/// What is known of the value of a key: its type, and how lists of it are merged.
#[derive(Clone, Copy, Default)]
struct Schema {
    /// The struct that it is, or that its elements are.
    of: Option<Type>,
    /// The merge key, empty for scalars, if lists are merged instead of replaced.
    merge_key: Option<&'static str>,
}

impl Schema {
    /// Nothing is known below an unknown field.
    fn of_field(of: Option<Type>, key: &str, shapes: &[Shape]) -> Schema {
        let Some((_, field)) = of.and_then(|of| of.matching(key)) else { return Schema::default() };
        let Kind { shape, base } = field.kind;
        let inner = if let Base::Struct(inner) = base { Some(inner) } else { None };
        Schema { of: inner.filter(|_| shapes.contains(&shape)), merge_key: field.merge_key }
    }
}

fn merge_maps(mut original: Map, patch: &Map, of: Option<Type>) -> Result<Map, Error> {
    match patch.get(DIRECTIVE) {
        None => {}
        Some(directive) => return directives::whole_map(directive, patch),
    }
    directives::retain_keys(&mut original, patch)?;
    let ordered = order_lists(&mut original, patch, of)?;
    for (key, value) in patch.iter() {
        if key.starts_with(ORDER) || key.as_str() == RETAIN_KEYS || ordered.contains(&key.as_str()) {
            continue;
        }
        match key.strip_prefix(DELETE_FROM) {
            Some(list) => delete_elements(&mut original, list, value, of).map_err(|e| e.below(key))?,
            None => merge_key(&mut original, key, value, of).map_err(|e| e.below(key))?,
        }
    }
    Ok(original)
}

fn merge_key(original: &mut Map, key: &str, patch: &Value, of: Option<Type>) -> Result<(), Error> {
    if patch.is_null() {
        original.remove(key);
        return Ok(());
    }
    // The old value is taken out, so that it is changed in place unless it is shared.
    let old = original.get_mut(key).map(std::mem::take);
    let new = match (old, patch) {
        (Some(Value::Map(old)), Value::Map(patch)) => {
            let schema = Schema::of_field(of, key, &[Shape::Plain, Shape::Pointer]);
            Some(Value::Map(merge_maps(old, patch, schema.of)?))
        }
        (Some(Value::List(old)), Value::List(patch)) => {
            let schema = Schema::of_field(of, key, &[Shape::List]);
            Some(Value::List(match schema.merge_key {
                Some(merge_key) => list::merge(old, patch, merge_key, schema.of)?,
                None => patch.clone(),
            }))
        }
        (_, patch) => directives::clean(patch),
    };
    match new {
        Some(new) => drop(original.insert(key, new)),
        None => drop(original.remove(key)),
    }
    Ok(())
}

/// `$deleteFromPrimitiveList/KEY`: the scalars to be removed from a list.
fn delete_elements(original: &mut Map, key: &str, patch: &Value, of: Option<Type>) -> Result<(), Error> {
    if patch.is_null() {
        original.remove(key);
        return Ok(());
    }
    let (Some(Value::List(old)), Value::List(patch)) = (original.get_mut(key), patch) else { return Ok(()) };
    let schema = Schema::of_field(of, key, &[Shape::List]);
    let new = list::delete(std::mem::take(old), patch, schema.merge_key.unwrap_or_default(), schema.of)?;
    *old = new;
    Ok(())
}

/// `$setElementOrder/KEY`: merges the list of the key, and puts it into the order given. Returns the keys.
fn order_lists<'a>(original: &mut Map, patch: &'a Map, of: Option<Type>) -> Result<Vec<&'a str>, Error> {
    let mut ordered = Vec::new();
    for (directive, order) in patch.iter() {
        let Some(key) = directive.strip_prefix(ORDER) else { continue };
        let schema = Schema::of_field(of, key, &[Shape::List]);
        let order = directives::list(order).map_err(|e| e.below(directive))?;
        let old = original.get(key).map(directives::list).transpose().map_err(|e| e.below(key))?.cloned();
        let new = patch.get(key).map(directives::list).transpose().map_err(|e| e.below(key))?;
        ordered.push(key);
        if old.is_none() && new.is_none() {
            continue;
        }
        let result = list::merge_in_order(old, new, order, schema.merge_key, schema.of).map_err(|e| e.below(key))?;
        original.insert(key, Value::List(result));
    }
    Ok(ordered)
}
