//! What can be wrong with a YAML text.

use std::fmt;

use crate::json;

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

/// A text that cannot be read: the place of the problem, and the line there.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{position}: {}", self.message())]
pub struct Error {
    /// Its position.
    pub position: Position,
    /// What.
    pub problem: Problem,
    /// The line at that place, without the blanks around it, cut to 80 characters.
    pub text: String,
}

impl Error {
    pub(super) fn new(source: &str, position: Position, problem: Problem) -> Self {
        let (position, line) = within(source, position);
        Error { position, problem, text: line.trim().chars().take(80).collect() }
    }

    /// The message without the place, for those who print that themselves.
    pub fn message(&self) -> String {
        json::visible(&format!("{}{}", self.problem, Excerpt(&self.text))).into_owned()
    }

    /// The same error in a larger text, in which `lines` lines come before the one that was read.
    #[must_use]
    pub fn after(mut self, lines: usize) -> Self {
        self.position.line += lines;
        self
    }
}

/// The place and its line; the end of the text, if the parser means a line after that.
fn within(source: &str, position: Position) -> (Position, &str) {
    let mut rest = source;
    let mut line = 1;
    loop {
        let (text, after) = rest.split_at(rest.find(['\n', '\r']).unwrap_or(rest.len()));
        let next = after.strip_prefix("\r\n").or_else(|| after.strip_prefix(['\n', '\r']));
        let end = text.chars().count() + 1;
        match next {
            _ if line >= position.line => return (Position { line, column: position.column.min(end) }, text),
            None => return (Position { line, column: end }, text),
            Some(next) => (rest, line) = (next, line + 1),
        }
    }
}

struct Excerpt<'t>(&'t str);

impl fmt::Display for Excerpt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, " (at: {})", self.0) }
    }
}

/// Why a YAML text cannot be read.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Problem {
    /// The text is no YAML.
    #[error("this is not valid YAML: {0}")]
    Syntax(String),
    /// A scalar does not fit its tag.
    #[error("{found} `{text}` cannot be a {tag}")]
    Tag {
        /// The scalar.
        text: String,
        /// What it is.
        found: &'static str,
        /// What the tag asks for.
        tag: String,
    },
    /// Text after `!!binary` is no base64.
    #[error("text tagged !!binary must be base64")]
    Binary,
    /// A number that JSON does not know.
    #[error("`{0}` is a number that JSON cannot hold; quote it if text is meant")]
    NotFinite(String),
    /// A key that cannot become a string.
    #[error("{0} cannot be the key of a map; keys are strings, numbers or booleans")]
    Key(&'static str),
    /// `<<` with something that is no map.
    #[error("the value of the merge key `<<` must be a map or a list of maps, given through aliases or written out")]
    Merge,
    /// An alias inside the value that it refers to.
    #[error("the alias `{0}` is inside the value that it refers to")]
    Cycle(String),
    /// Aliases that make a small text into a huge tree.
    #[error("aliases make {nodes} values out of this text, which is more than its size justifies")]
    Aliases {
        /// How many values there are when all aliases are expanded.
        nodes: u64,
    },
    /// Aliases that make a small text into a huge one.
    #[error("aliases make more than {limit} bytes out of this text")]
    AliasedText {
        /// How many are allowed.
        limit: usize,
    },
    /// Too many levels of lists and maps.
    #[error("lists and maps are nested more than {limit} levels deep")]
    Depth {
        /// How many are allowed.
        limit: usize,
    },
    /// Too long a text.
    #[error("the document has {size} bytes; at most {limit} are read")]
    Size {
        /// How long it is.
        size: usize,
        /// How long it may be.
        limit: usize,
    },
}
