//! What can be wrong with a YAML text, and where.

use std::fmt;

/// A place in a text; both count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// A text that cannot be read, and the place of the problem.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{position}: {problem}")]
pub struct Error {
    /// Where.
    pub position: Position,
    /// What.
    pub problem: Problem,
}

/// Why a YAML text cannot be read.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Problem {
    /// The text is no YAML.
    #[error("{0}")]
    Syntax(String),
}
