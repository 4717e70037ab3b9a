//! What differs between two lists: found by what identifies the elements, not by their indices. A pod has lists of
//! thousands of variables, of which injection adds some in front.

use std::collections::HashMap;

use super::Diff;
use crate::json;
use crate::value::Value;

/// The keys that identify objects in Kubernetes' lists, the most telling one first.
const KEYS: [&str; 8] = ["mountPath", "devicePath", "containerPort", "name", "ip", "uid", "topologyKey", "key"];

/// What identifies an element.
#[derive(PartialEq, Eq, Hash)]
enum Identity<'a> {
    /// A text, or that of a key.
    Text(&'a str),
    /// The number of a key.
    Number(i64),
    /// Nothing but what it is.
    Whole(String),
}

impl<'a> Identity<'a> {
    fn of(element: &'a Value) -> Identity<'a> {
        let key = element.as_map().and_then(|map| KEYS.iter().find_map(|key| map.get(key)));
        match key.unwrap_or(element) {
            Value::String(text) => Identity::Text(text),
            Value::Int(number) => Identity::Number(*number),
            Value::Null | Value::Bool(_) | Value::Uint(_) | Value::Float(_) | Value::List(_) | Value::Map(_) => {
                Identity::Whole(json::to_string(element))
            }
        }
    }
}

impl Diff {
    pub(super) fn lists(&mut self, from: &[Value], to: &[Value]) {
        if from.as_ptr() == to.as_ptr() && from.len() == to.len() {
            return;
        }
        let before = from.iter().zip(to).take_while(|(a, b)| a == b).count();
        let (_, old) = from.split_at(before);
        let (_, new) = to.split_at(before);
        let after = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| a == b).count();
        let (old, _) = old.split_at(old.len() - after);
        let (new, _) = new.split_at(new.len() - after);

        // What is left of `at` is as it should be, what is right of it is as it was.
        let mut at = before;
        let (mut old_done, mut new_done) = (0, 0);
        let ends = [(old.len(), new.len())];
        for (i, j) in pairs(old, new).into_iter().chain(ends) {
            at = self.gap(at, old.get(old_done..i).unwrap_or_default(), new.get(new_done..j).unwrap_or_default());
            if let Some((from, to)) = old.get(i).zip(new.get(j)) {
                let here = self.enter_index(at);
                self.values(from, to);
                self.path.truncate(here);
                at += 1;
            }
            (old_done, new_done) = (i + 1, j + 1);
        }
    }

    /// Between two elements that stay there is nothing that is the same before and after.
    fn gap(&mut self, mut at: usize, old: &[Value], new: &[Value]) -> usize {
        for (from, to) in old.iter().zip(new) {
            let here = self.enter_index(at);
            match (Identity::of(from), Identity::of(to)) {
                // Apparently the same element, with something changed in it.
                (Identity::Whole(_), Identity::Whole(_)) => self.values(from, to),
                _ => self.replace(to),
            }
            self.path.truncate(here);
            at += 1;
        }
        let here = self.enter_index(at);
        old.iter().skip(new.len()).for_each(|_| self.remove());
        self.path.truncate(here);
        for to in new.iter().skip(old.len()) {
            let here = self.enter_index(at);
            self.add(to);
            self.path.truncate(here);
            at += 1;
        }
        at
    }
}

/// The elements that are in both lists and keep their order: as many as there can be, as positions in both.
fn pairs(old: &[Value], new: &[Value]) -> Vec<(usize, usize)> {
    if old.is_empty() || new.is_empty() {
        return Vec::new();
    }
    let mut places: HashMap<Identity<'_>, Vec<usize>> = HashMap::with_capacity(new.len());
    for (j, element) in new.iter().enumerate().rev() {
        places.entry(Identity::of(element)).or_default().push(j);
    }
    let common = old.iter().enumerate().filter_map(|(i, e)| Some((i, places.get_mut(&Identity::of(e))?.pop()?)));
    longest_increasing(common.collect())
}

/// The longest part of pairs, sorted by the first number, in which the second one increases too.
fn longest_increasing(pairs: Vec<(usize, usize)>) -> Vec<(usize, usize)> {
    // For each length the pair that ends such a part with the smallest second number; and for each pair the one before.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(pairs.len());
    let second = |p: usize| pairs.get(p).map_or(0, |(_, j)| *j);
    for (p, (_, j)) in pairs.iter().enumerate() {
        let length = ends.partition_point(|end| second(*end) < *j);
        before.push(length.checked_sub(1).and_then(|l| ends.get(l)).copied());
        match ends.get_mut(length) {
            Some(end) => *end = p,
            None => ends.push(p),
        }
    }
    let last = ends.last().copied();
    let mut chosen: Vec<_> = std::iter::successors(last, |p| before.get(*p).copied().flatten()).collect();
    chosen.reverse();
    chosen.into_iter().filter_map(|p| pairs.get(p).copied()).collect()
}
