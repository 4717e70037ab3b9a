//! What is wrong with the shape of a call, and what of it has no effect.

use super::Source;
use super::flags::Flag;
use crate::text::Printable;

/// Something of the call that has no effect.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Ignored {
    /// A flag that some Istio release had.
    #[error("{flag} no longer has any effect. {instead}.")]
    Retired {
        flag: Source,
        /// What holds in its place.
        instead: &'static str,
    },
    /// A word that is no flag, which scripts for virtual machines pass, or which an error before it explains.
    #[error("the argument {0:?} is ignored: it is neither a flag nor a command")]
    Stray(String),
}

/// What is wrong with the shape of a call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    /// An unknown flag.
    #[error("unknown flag {}{}; --help lists all flags", .flag.escape_debug(), suggestion(.similar))]
    Unknown {
        /// The flag as written.
        flag: String,
        /// One that is spelled much like it.
        similar: Option<String>,
    },
    /// A flag without its value.
    #[error("{0} needs a value; an empty one is written as ''")]
    NoValue(String),
    /// A value that looks like a flag.
    #[error("{} cannot be {value:?}: that looks like a flag; if its value is meant to be empty, write {} '', or --{}= with nothing after it", Source::Flag(.flag), short_or_long(.flag), .flag.long)]
    LooksLikeFlag {
        /// The flag whose value it is.
        flag: &'static Flag,
        value: String,
    },
    /// Text that is not UTF-8.
    #[error("{name} cannot be {value:?}: it is not valid UTF-8")]
    NotUtf8 {
        /// Whose text it is.
        name: String,
        /// The text, with replacement characters.
        value: String,
    },
    /// A word that is no flag.
    #[error("{word:?} is neither a flag nor a command{}; the commands are apply, clean, check and explain", suggestion(.similar))]
    NoCommand {
        word: String,
        /// What may have been meant.
        similar: Option<String>,
    },
    /// Two things to do.
    #[error("{0} and {1} are two commands; give only one")]
    TwoCommands(&'static str, &'static str),
    /// Whatever else the parser finds.
    #[error("{}", Printable(.0))]
    Other(String),
}

impl ShapeError {
    /// Whether it is about a word by itself.
    pub(super) fn is_of_a_word(&self) -> bool {
        match self {
            Self::NoCommand { .. } | Self::TwoCommands(..) => true,
            Self::Unknown { .. }
            | Self::NoValue(_)
            | Self::LooksLikeFlag { .. }
            | Self::NotUtf8 { .. }
            | Self::Other(_) => false,
        }
    }
}

fn suggestion(similar: &Option<String>) -> String {
    similar.as_ref().map(|s| format!(" (did you mean {s}?)")).unwrap_or_default()
}

fn short_or_long(flag: &Flag) -> String {
    flag.short.map_or_else(|| format!("--{}", flag.long), |short| format!("-{short}"))
}
