//! The order of a merged list.

use std::collections::HashMap;

use super::error::{Error, Problem};
use crate::kubernetes::gotext;
use crate::value::{EcoString, EcoVec, Map, Value};

/// What an element is found by: the value of its merge key; itself, if the key is empty.
pub(super) fn key_of<'a>(element: &'a Value, key: &'static str) -> Result<&'a Value, Error> {
    if key.is_empty() {
        return Ok(element);
    }
    element.get(key).ok_or_else(|| {
        let map = element.as_map().map_or_else(|| gotext::map(&Map::new()), gotext::map);
        Error::new(Problem::NoMergeKey { map, key })
    })
}

/// The index of the first element with a key in a list.
pub(super) struct Keys {
    keys: Vec<Option<Value>>,
    /// Positions of texts and integers, for long lists: a pod can have thousands of environment variables.
    scalars: Option<HashMap<Scalar, usize>>,
}

/// What nearly all keys are.
#[derive(PartialEq, Eq, Hash)]
enum Scalar {
    Text(EcoString),
    Int(i64),
}

impl Scalar {
    fn of(key: &Value) -> Option<Scalar> {
        match key {
            Value::String(text) => Some(Scalar::Text(text.clone())),
            Value::Int(int) => Some(Scalar::Int(*int)),
            Value::Null | Value::Bool(_) | Value::Uint(_) | Value::Float(_) | Value::List(_) | Value::Map(_) => None,
        }
    }
}

impl Keys {
    pub(super) fn of(list: &[Value], key: &'static str) -> Keys {
        const LONG: usize = 32;
        let keys: Vec<_> = list.iter().map(|e| key_of(e, key).ok().cloned()).collect();
        let scalars = (keys.len() > LONG).then(|| {
            let mut scalars = HashMap::with_capacity(keys.len());
            for (i, key) in keys.iter().enumerate() {
                if let Some(scalar) = key.as_ref().and_then(Scalar::of) {
                    scalars.entry(scalar).or_insert(i);
                }
            }
            scalars
        });
        Keys { keys, scalars }
    }

    pub(super) fn position(&self, key: &Value) -> Option<usize> {
        match self.scalars.as_ref().and_then(|scalars| Some((scalars, Scalar::of(key)?))) {
            Some((scalars, scalar)) => scalars.get(&scalar).copied(),
            None => self.keys.iter().position(|k| k.as_ref() == Some(key)),
        }
    }
}

/// An element, with its positions in the two lists that were merged.
struct Item {
    element: Value,
    /// The index of its key in the original list.
    server: Option<usize>,
    /// The index of its key in the patch.
    patch: Option<usize>,
}

/// Puts merged elements into Kubernetes' order. Those with a key of the patch are in its order, the rest in that of
/// the original list. Of the two sequences the next element of the patch comes first, unless the original list has
/// both and the other one earlier.
pub(super) fn arrange(
    merged: EcoVec<Value>,
    patch: &Keys,
    server: &Keys,
    key: &'static str,
) -> Result<EcoVec<Value>, Error> {
    let (mut patched, mut others) = (Vec::new(), Vec::new());
    for element in merged {
        let value = key_of(&element, key)?;
        let item = Item { server: server.position(value), patch: patch.position(value), element };
        if item.patch.is_some() { patched.push(item) } else { others.push(item) }
    }
    sort(&mut patched, |item| item.patch);
    sort(&mut others, |item| item.server);

    let mut out = EcoVec::with_capacity(patched.len() + others.len());
    let (mut patched, mut others) = (patched.into_iter().peekable(), others.into_iter().peekable());
    loop {
        let other_is_next = match (others.peek(), patched.peek()) {
            (Some(other), Some(patch)) => other.server.zip(patch.server).is_some_and(|(o, p)| o < p),
            (other, _) => other.is_some(),
        };
        let next = if other_is_next { others.next() } else { patched.next() };
        match next {
            Some(item) => out.push(item.element),
            None => return Ok(out),
        }
    }
}

/// Sorts by position. An element without one, which there is if a patch sets an empty order, goes before whatever it is
/// compared with: Kubernetes' sort takes it for the smaller one each time.
fn sort(items: &mut [Item], position: impl Fn(&Item) -> Option<usize>) {
    if items.iter().all(|item| position(item).is_some()) {
        items.sort_by_key(position);
        return;
    }
    for end in 1..items.len() {
        for at in (1..=end).rev() {
            let Some([.., before, item]) = items.get_mut(..=at) else { break };
            if position(item).zip(position(before)).is_some_and(|(i, b)| i >= b) {
                break;
            }
            std::mem::swap(before, item);
        }
    }
}
