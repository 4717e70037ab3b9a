//! Patches applied: how the API server gets the pod from what a webhook answers.

use super::Operation;
use crate::value::{EcoVec, Map, Value};

/// A patch names a place that the object does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the object has nothing at {path:?}")]
pub struct Missing {
    /// The JSON pointer.
    pub path: String,
}

/// Applies a patch to an object.
pub fn apply(mut object: Value, patch: &[Operation]) -> Result<Value, Missing> {
    for operation in patch {
        let (Operation::Add { path, .. } | Operation::Replace { path, .. } | Operation::Remove { path }) = operation;
        run(&mut object, path, operation).ok_or_else(|| Missing { path: path.to_string() })?;
    }
    Ok(object)
}

fn run(object: &mut Value, path: &str, operation: &Operation) -> Option<()> {
    let Some((parent, last)) = path.rsplit_once('/') else {
        let (Operation::Add { value, .. } | Operation::Replace { value, .. }) = operation else { return None };
        *object = value.clone();
        return Some(());
    };
    let steps = parent.split('/').skip(1).map(unescape);
    let parent = steps.into_iter().try_fold(object, |value, key| step(value, &key))?;
    match parent {
        Value::Map(map) => in_map(map, unescape(last), operation),
        Value::List(list) => in_list(list, last, operation),
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Uint(_) | Value::Float(_) | Value::String(_) => None,
    }
}

fn step<'a>(value: &'a mut Value, key: &str) -> Option<&'a mut Value> {
    match value {
        Value::Map(map) => map.get_mut(key),
        Value::List(list) => list.make_mut().get_mut(key.parse::<usize>().ok()?),
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Uint(_) | Value::Float(_) | Value::String(_) => None,
    }
}

fn unescape(key: &str) -> String {
    key.replace("~1", "/").replace("~0", "~")
}

fn in_map(map: &mut Map, key: String, operation: &Operation) -> Option<()> {
    match operation {
        Operation::Add { value, .. } => drop(map.insert(key, value.clone())),
        Operation::Replace { value, .. } => *map.get_mut(&key)? = value.clone(),
        Operation::Remove { .. } => drop(map.remove(&key)?),
    }
    Some(())
}

fn in_list(list: &mut EcoVec<Value>, index: &str, operation: &Operation) -> Option<()> {
    let index = if index == "-" { list.len() } else { index.parse().ok()? };
    match operation {
        Operation::Add { value, .. } if index <= list.len() => list.insert(index, value.clone()),
        Operation::Replace { value, .. } => *list.make_mut().get_mut(index)? = value.clone(),
        Operation::Remove { .. } if index < list.len() => drop(list.remove(index)),
        Operation::Add { .. } | Operation::Remove { .. } => return None,
    }
    Some(())
}
