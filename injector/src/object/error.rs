//! What can be wrong with a file of objects.

use std::error::Error as StdError;
use std::fmt;

use super::documents::SeparatorError;
use crate::kubernetes::typed;
use crate::yaml::{self, Position};

/// An object that cannot be rewritten. `E` is the error of what was to be done with it.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct Error<E: StdError + 'static> {
    /// The place.
    pub place: Box<Place>,
    /// What.
    #[source]
    pub problem: Box<Problem<E>>,
}

impl<E: StdError + 'static> Error<E> {
    pub(super) fn new(place: Place, problem: Problem<E>) -> Self {
        Error { place: Box::new(place), problem: Box::new(problem) }
    }
}

/// A place in a text of several documents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Which document, counted from 1.
    pub document: usize,
    /// The line and column, if known.
    pub position: Option<Position>,
    /// The item of a list, such as `items[3].items[0]`.
    pub item: String,
    /// The object's kind and name.
    pub object: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "document {}", self.document)?;
        if let Some(position) = self.position {
            write!(f, ", {position}")?;
        }
        for part in [&self.item, &self.object] {
            if !part.is_empty() {
                write!(f, ", {part}")?;
            }
        }
        Ok(())
    }
}

/// What is wrong.
#[derive(Debug, thiserror::Error)]
pub enum Problem<E: StdError + 'static> {
    /// A line that begins like a separator.
    #[error(transparent)]
    Separator(SeparatorError),
    /// Not YAML.
    #[error("{}", .0.message())]
    Yaml(yaml::Error),
    /// A document that is not an object.
    #[error("a document has to be an object with `apiVersion` and `kind`, not {0}")]
    NoObject(&'static str),
    /// `kind` or `apiVersion` of a wrong type.
    #[error("`{key}` has to be a string, not {found}")]
    TypeMeta {
        /// Which of the two.
        key: &'static str,
        /// What it is instead.
        found: &'static str,
    },
    /// An object that does not fit its kind.
    #[error(transparent)]
    Typed(typed::Error),
    /// An object without a pod template.
    #[error("spec.template is required value: without it there is no pod to inject into")]
    NoTemplate,
    /// Lists in lists.
    #[error("a List may contain Lists up to {limit} levels deep; these are nested deeper")]
    Depth {
        /// How deep they may be.
        limit: usize,
    },
    /// The work on an object failed.
    #[error(transparent)]
    Work(E),
    /// The result could not be written.
    #[error("the result cannot be written: {0}")]
    Output(std::io::Error),
}

/// A byte that is not UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{position}: the byte 0x{byte:02X} is not UTF-8; YAML has to be saved as UTF-8")]
pub struct NotUtf8 {
    /// The position; its column counts characters.
    pub position: Position,
    /// The byte.
    pub byte: u8,
}

/// The text of a file.
pub fn text_of(bytes: &[u8]) -> Result<&str, NotUtf8> {
    std::str::from_utf8(bytes).map_err(|error| {
        let (valid, rest) = bytes.split_at(error.valid_up_to());
        let valid = str::from_utf8(valid).unwrap_or_default();
        let line_start = valid.rfind('\n').map_or(0, |at| at + 1);
        let line = 1 + valid.matches('\n').count();
        let column = 1 + valid.get(line_start..).map_or(0, |line| line.chars().count());
        NotUtf8 { position: Position { line, column }, byte: rest.first().copied().unwrap_or_default() }
    })
}
