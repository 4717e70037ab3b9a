//! Strategic merge patch.

use super::{Path, Type};
use crate::value::Value;

/// Why a patch cannot be applied.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{path}")]
pub struct Error {
    /// Where in the patch.
    pub path: Path,
}

/// Applies a patch to an object of a type.
pub fn apply(original: Value, _patch: &Value, _of: Type) -> Result<Value, Error> {
    Ok(original)
}
