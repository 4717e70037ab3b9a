//! Why a patch cannot be applied.

use crate::kubernetes::Path;

/// A patch cannot be applied: the reason in Kubernetes' words, and the place in the patch.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{} (in {} of the patch)", .0.problem, .0.path)]
pub struct Error(Box<Mistake>);

#[derive(Clone, Debug, PartialEq)]
struct Mistake {
    path: Path,
    problem: Problem,
}

/// What is wrong with a patch.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(super) enum Problem {
    /// The patch, or what it is applied to, is no object.
    #[error("invalid JSON document: the {whose} is {kind}, an object is needed")]
    NotAnObject {
        /// What it is.
        kind: &'static str,
        /// Whether it is the patch or the object.
        whose: &'static str,
    },
    /// A directive that does not exist.
    #[error("unknown patch type: {directive} in map: {map}")]
    UnknownDirective {
        /// The value of `$patch`.
        directive: String,
        /// The element that has it.
        map: String,
    },
    /// `$patch: merge` in a list.
    #[error("merging lists cannot yet be specified in the patch")]
    MergeDirective,
    /// An element without the key by which elements are merged.
    #[error("map: {map} does not contain declared merge key: {key}")]
    NoMergeKey {
        /// The element.
        map: String,
        /// The key that it lacks.
        key: &'static str,
    },
    /// A list of objects that has no merge key.
    #[error("cannot merge lists without merge key for struct")]
    NoDeclaredMergeKey,
    /// A list that is merged has elements of several types.
    #[error("list element types are not identical: {0}")]
    MixedElements(String),
    /// A list that is merged has lists in it.
    #[error("lists of lists are not supported")]
    ListOfLists,
    /// A list that is merged has `null` in it.
    #[error("list elements must not be null")]
    NullElement,
    /// Neither list has an element, and an order is asked for.
    #[error("no elements in any of the given slices")]
    NoElements,
    /// `$retainKeys` is no list, or misses a key of the patch.
    #[error("invalid patch format of retainKeys")]
    RetainKeys,
    /// What should be a list is none.
    #[error("expected a []interface {{}}, but received {0}")]
    NoList(&'static str),
    /// The elements of a patch are not in the order that it asks for.
    #[error("The order in patch list:\n{patch}\n doesn't match $setElementOrder list:\n{order}\n")]
    Order {
        /// The elements.
        patch: String,
        /// The order.
        order: String,
    },
}

impl Error {
    pub(super) fn new(problem: Problem) -> Error {
        Error(Box::new(Mistake { path: Path::default(), problem }))
    }

    /// The place in the patch.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    pub(super) fn below(mut self, key: &str) -> Error {
        self.0.path.push_key(key);
        self
    }

    pub(super) fn within(mut self, index: usize) -> Error {
        self.0.path.push_index(index);
        self
    }
}
