//! YAML: texts to trees by the rules of yaml.v2, as sigs.k8s.io/yaml applies them; trees to the text that it prints.
//!
//! `granit-parser` takes texts apart into events; plain ones are read without it (`block`). What scalars mean (`resolve`)
//! and how they are printed (`scalar`, `write`) is this program's own code: no crate has these rules.

use crate::value::Value;

mod block;
mod error;
mod float;
mod locate;
mod order;
mod outline;
mod read;
mod resolve;
mod scalar;
mod write;

#[cfg(test)]
mod tests;

pub use error::{Error, Position, Problem};
pub use outline::{Outline, outline};
pub use read::{MAX_DEPTH, MAX_SIZE};

/// One step of a path into a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// The value of a key of a map.
    Key(&'a str),
    /// The element of a list, counted from 0.
    Index(usize),
}

/// Reads the first document of a text; an empty text is `null`.
///
/// Numbers stay what was written: `1.0` is a [`Value::Float`], though JSON would print it as `1`.
pub fn parse(text: &str) -> Result<Value, Error> {
    read::read(text)
}

/// The start of the value at a path. Reads the text anew, so positions cost nothing until they are asked for.
pub fn locate(text: &str, path: &[Step<'_>]) -> Option<Position> {
    locate::locate(text, path)
}

/// The position of each of several paths: the key or the element that it ends with, or else the innermost one on the
/// way there that exists.
pub fn places(text: &str, paths: &[&[Step<'_>]]) -> Vec<Option<Position>> {
    locate::places(text, paths)
}

/// The text that sigs.k8s.io/yaml prints, which ends with a newline.
pub fn to_string(value: &Value) -> String {
    write::write(value)
}
