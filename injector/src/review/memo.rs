//! Answers that are reused. The pods of one ReplicaSet are identical until they are stored, and so is the result of
//! injecting them.

use std::sync::{Mutex, PoisonError};

use crate::object::show_empty_maps;
use crate::value::{EcoString, Map, Value};

/// How many answers are kept. Kubernetes creates the pods of five ReplicaSets at a time.
const MOST: usize = 16;

/// The longest review whose answer is kept, in bytes: all of them together take a few megabytes at most.
pub(super) const LONGEST: usize = 64 << 10;

/// Answers to the most recent pods. They are valid only as long as the configuration and the circumstances stay the
/// same.
#[derive(Debug, Default)]
pub struct Memo {
    /// The most recently used answer comes first.
    answers: Mutex<Vec<(Key, Known)>>,
}

/// Every part of a review that affects the patch and the warnings.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Key {
    path: EcoString,
    /// In canonical form, but with the empty labels and annotations that were written.
    pod: Value,
}

/// The stored part of an answer.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) response: Map,
    pub(super) templates: Vec<EcoString>,
    pub(super) warnings: Vec<String>,
}

impl Key {
    pub(super) fn new(path: &str, pod: &Value, written: Option<&Value>) -> Key {
        let mut pod = pod.clone();
        show_empty_maps(&mut pod, written);
        Key { path: path.into(), pod }
    }
}

impl Memo {
    /// The answer to an identical pod.
    pub(super) fn find(&self, key: &Key) -> Option<Known> {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let found = answers.iter().position(|(known, _)| known == key)?;
        answers.get_mut(..=found)?.rotate_right(1);
        answers.first().map(|(_, known)| known.clone())
    }

    /// Stores an answer, and drops the least recently used one.
    pub(super) fn keep(&self, key: Key, known: Known) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.truncate(MOST - 1);
        answers.insert(0, (key, known));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Key {
        Key::new("/inject", &Map::from_iter([("name", name)]).into(), None)
    }

    fn known(template: &str) -> Known {
        Known { response: Map::new(), templates: vec![template.into()], warnings: Vec::new() }
    }

    #[test]
    fn what_was_asked_for_last_is_kept() {
        let memo = Memo::default();
        let has = |name: &str| memo.find(&key(name)).map(|known| known.templates);
        (0..MOST).for_each(|i| memo.keep(key(&i.to_string()), known(&i.to_string())));
        assert_eq!(has("0"), Some(vec!["0".into()]));
        memo.keep(key("new"), known("new"));
        assert_eq!((has("1"), has("0"), has("new")), (None, Some(vec!["0".into()]), Some(vec!["new".into()])));
    }
}
