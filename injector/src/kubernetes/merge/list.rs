//! Lists that are merged element by element.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::directives::{self, DIRECTIVE};
use super::error::{Error, Problem};
use super::merge_maps;
use super::order::{Keys, arrange, key_of};
use crate::kubernetes::Type;
use crate::kubernetes::gotext;
use crate::value::{EcoVec, Value};

/// Merges the elements of a patch into a list, by a merge key; scalars, for which it is empty, by their value.
pub(super) fn merge(
    original: EcoVec<Value>,
    patch: &EcoVec<Value>,
    key: &'static str,
    of: Option<Type>,
) -> Result<EcoVec<Value>, Error> {
    if original.is_empty() && patch.is_empty() {
        return Ok(original);
    }
    if are_objects(&original, patch)? { merge_objects(original, patch, key, of) } else { union(original, patch, key) }
}

/// Removes the scalars of a patch from a list.
pub(super) fn delete(
    mut original: EcoVec<Value>,
    patch: &EcoVec<Value>,
    key: &'static str,
    of: Option<Type>,
) -> Result<EcoVec<Value>, Error> {
    if original.is_empty() && patch.is_empty() {
        return Ok(original);
    }
    if are_objects(&original, patch)? {
        return merge_objects(original, patch, key, of);
    }
    original.retain(|v| !patch.contains(v));
    Ok(original)
}

/// Merges two lists, of which one may be missing, and puts the elements into an order.
pub(super) fn merge_in_order(
    original: Option<EcoVec<Value>>,
    patch: Option<&EcoVec<Value>>,
    order: &EcoVec<Value>,
    merge_key: Option<&'static str>,
    of: Option<Type>,
) -> Result<EcoVec<Value>, Error> {
    let key = merge_key.unwrap_or_default();
    let mut old = original.clone().unwrap_or_default();
    let elements = patch.map_or(&[][..], |patch| patch.as_slice());
    check_order(elements, order, key)?;
    let merged = match (original, patch) {
        (Some(original), Some(patch)) if merge_key.is_some() => merge(original, patch, key, of)?,
        (Some(_), Some(patch)) => patch.clone(),
        (None, Some(patch)) => directives::clean_ordered(patch),
        (original, None) => original.unwrap_or_default(),
    };
    if are_objects(&old, elements)? {
        order.iter().try_for_each(|e| key_of(e, key).map(drop))?;
        reuse_room(&mut old, elements, key);
    }
    arrange(merged, &Keys::of(order, key), &Keys::of(&old, key), key)
}

/// Whether the elements are objects, which only all or none may be.
fn are_objects(original: &[Value], patch: &[Value]) -> Result<bool, Error> {
    let mut elements = original.iter().chain(patch);
    let first = elements.next().ok_or_else(|| Error::new(Problem::NoElements))?;
    match first {
        Value::Null => return Err(Error::new(Problem::NullElement)),
        Value::List(_) => return Err(Error::new(Problem::ListOfLists)),
        Value::Bool(_) | Value::Int(_) | Value::Uint(_) | Value::Float(_) | Value::String(_) | Value::Map(_) => {}
    }
    if elements.any(|e| std::mem::discriminant(e) != std::mem::discriminant(first)) {
        let lists = format!("[{} {}]", gotext::list(original), gotext::list(patch));
        return Err(Error::new(Problem::MixedElements(lists)));
    }
    Ok(matches!(first, Value::Map(_)))
}

/// Elements of a patch must be in the order that it asks for.
fn check_order(patch: &[Value], order: &[Value], key: &'static str) -> Result<(), Error> {
    if patch.is_empty() || order.is_empty() {
        return Ok(());
    }
    let mut rest = order.iter();
    for element in patch.iter().filter(|e| !is_deleted(e)) {
        // Another directive has no place in the order, but Kubernetes passes over it only while something of it is left.
        if element.get(DIRECTIVE).is_some() && !rest.as_slice().is_empty() {
            continue;
        }
        let found = loop {
            let Some(other) = rest.next() else { break false };
            if key_of(element, key)? == key_of(other, key)? {
                break true;
            }
        };
        if !found {
            return Err(Error::new(Problem::Order { patch: gotext::list(patch), order: gotext::list(order) }));
        }
    }
    Ok(())
}

/// Whether an element of a patch deletes one of the original list.
fn is_deleted(element: &Value) -> bool {
    element.get(DIRECTIVE).and_then(Value::as_str) == Some("delete")
}

/// The original list as it is when Kubernetes puts the merged elements in order: where the patch has deleted elements, the
/// new ones have been written into the same array, and count as elements of the original list as far as they fit.
fn reuse_room(original: &mut EcoVec<Value>, patch: &[Value], key: &'static str) {
    let deleted: EcoVec<Value> = patch.iter().filter(|e| is_deleted(e)).cloned().collect();
    if deleted.is_empty() {
        return;
    }
    let (room, deleted) = (original.len(), Keys::of(&deleted, key));
    original.retain(|e| key_of(e, key).is_ok_and(|value| deleted.position(value).is_none()));
    let kept = Keys::of(original, key);
    let is_new =
        |e: &&Value| e.get(DIRECTIVE).is_none() && key_of(e, key).is_ok_and(|value| kept.position(value).is_none());
    original.extend(patch.iter().filter(is_new).take(room - original.len()).cloned());
}

fn union(original: EcoVec<Value>, patch: &EcoVec<Value>, key: &'static str) -> Result<EcoVec<Value>, Error> {
    let servers = Keys::of(&original, key);
    let all: EcoVec<_> = original.into_iter().chain(patch.iter().cloned()).collect();
    let values = Keys::of(&all, "");
    let merged = all.iter().enumerate().filter(|(i, value)| values.position(value).is_none_or(|first| first == *i));
    let merged = merged.map(|(_, value)| value.clone()).collect();
    arrange(merged, &Keys::of(patch, key), &servers, key)
}

fn merge_objects(
    original: EcoVec<Value>,
    patch: &EcoVec<Value>,
    key: &'static str,
    of: Option<Type>,
) -> Result<EcoVec<Value>, Error> {
    if key.is_empty() {
        return Err(Error::new(Problem::NoDeclaredMergeKey));
    }
    let (mut original, patch) = special_elements(original, patch, key)?;
    let (servers, patched) = (Keys::of(&original, key), Keys::of(&patch, key));
    let mut added = EcoVec::new();
    // Where in `added` an element of the patch is, by the first position of its key in the patch.
    let mut places = HashMap::new();
    for (i, element) in patch.iter().enumerate() {
        let value = key_of(element, key).map_err(|e| e.within(i))?;
        let Value::Map(changes) = element else { continue };
        let slots = match servers.position(value) {
            Some(at) => original.make_mut().get_mut(at),
            None => match places.entry(patched.position(value)) {
                Entry::Occupied(place) => added.make_mut().get_mut(*place.get()),
                Entry::Vacant(place) => {
                    place.insert(added.len());
                    None
                }
            },
        };
        match slots.map(|slot| (std::mem::take(slot), slot)) {
            Some((Value::Map(old), slot)) => {
                *slot = Value::Map(merge_maps(old, changes, of).map_err(|e| e.within(i))?);
            }
            Some(_) | None => added.push(element.clone()),
        }
    }
    original.extend(added);
    arrange(original, &patched, &servers, key)
}

/// Applies the elements with directives. Returns the list to merge into, and the elements to merge.
fn special_elements(
    mut original: EcoVec<Value>,
    patch: &EcoVec<Value>,
    key: &'static str,
) -> Result<(EcoVec<Value>, EcoVec<Value>), Error> {
    if patch.iter().all(|e| e.get(DIRECTIVE).is_none()) {
        return Ok((original, patch.clone()));
    }
    let mut others = EcoVec::with_capacity(patch.len());
    let mut replace = false;
    for (i, element) in patch.iter().enumerate() {
        let (Value::Map(map), Some(directive)) = (element, element.get(DIRECTIVE)) else {
            others.push(element.clone());
            continue;
        };
        match directive.as_str() {
            Some("delete") => {
                let value = key_of(element, key).map_err(|e| e.within(i))?;
                original.retain(|e| e.get(key) != Some(value));
            }
            Some("replace") => replace = true,
            Some("merge") => return Err(Error::new(Problem::MergeDirective).within(i)),
            _ => return Err(directives::unknown(directive, map).within(i)),
        }
    }
    Ok(if replace { (others, EcoVec::new()) } else { (original, others) })
}
