//! The command line and the environment, as text: which flags were given, their sources, and their text.
//!
//! Nothing is judged here but the shape of the call; `config` reads the values. So all errors of
//! one call can be reported together.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::Path;

use crate::api::Setting;
use crate::text::shortened;

mod command_words;
mod errors;
pub mod flags;
mod parser;

pub(crate) use errors::{Ignored, ShapeError};
use flags::Flag;
pub use parser::command;
#[cfg(any(test, feature = "internals"))]
pub use parser::parsers_agree;

/// The program's name, in messages and as a positional argument to drop.
pub const PROGRAM: &str = "istio-iptables";
/// The name under which the program cleans up.
pub const CLEAN_PROGRAM: &str = "istio-clean-iptables";

/// The variable that bounds a child process.
pub const PROGRAM_TIMEOUT: &str = "ISTIO_IPTABLES_PROGRAM_TIMEOUT";

/// Variables without a flag, with what they mean.
pub const VARIABLES: [(&str, &str); 5] = [
    ("ISTIO_OUTBOUND_OWNER_GROUPS", "Groups whose outbound traffic is captured [default: *]"),
    ("ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE", "Groups whose outbound traffic is not captured, with * above"),
    ("ISTIO_OUTBOUND_IPV4_LOOPBACK_CIDR", "The IPv4 loopback range [default: 127.0.0.1/32]"),
    (PROGRAM_TIMEOUT, "The bound on one child process [default: 60s]"),
    ("ENVOY_USER", "The proxy's user, for the default of --proxy-uid [default: istio-proxy]"),
];

/// What the program is asked to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Command {
    /// Put the rules in place.
    #[default]
    Apply,
    /// Remove everything managed.
    Clean,
    /// Report how the kernel's rules differ from the wanted ones.
    Check,
    /// Report what becomes of a packet.
    Explain,
}

impl Command {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::Clean => "clean",
            Self::Check => "check",
            Self::Explain => "explain",
        }
    }

    const ALL: [Self; 4] = [Self::Apply, Self::Clean, Self::Check, Self::Explain];

    /// The command that a word asks for.
    fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.name() == word)
    }
}

/// The source of a value. Printed as a user would look for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A flag on the command line.
    Flag(&'static Flag),
    /// A variable of the environment.
    Variable(&'static str),
    /// A place that another program reads, in its words.
    Named(&'static str),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(Flag { long, short: Some(short), .. }) => write!(f, "--{long} (-{short})"),
            Self::Flag(Flag { long, short: None, .. }) => write!(f, "--{long}"),
            Self::Variable(name) => write!(f, "environment variable {name}"),
            Self::Named(name) => f.write_str(name),
        }
    }
}

/// A value as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// The text.
    pub text: String,
    /// Its source.
    pub source: Source,
}

/// A call, taken apart.
#[derive(Debug, Default)]
pub struct Invocation {
    /// What to do.
    pub command: Command,
    /// The words after `explain`, which describe a packet.
    pub packet: Vec<String>,
    /// The values.
    pub flags: Flags,
    /// What was accepted without effect, to warn about.
    pub ignored: Vec<Ignored>,
    /// What is wrong with the call's shape.
    pub errors: Vec<ShapeError>,
}

impl Invocation {
    /// A call with these values.
    pub fn of(command: Command, values: &[Setting<'_>]) -> Self {
        let mut call = Self { command, ..Self::default() };
        // The last one counts.
        for &Setting { flag: name, text, named } in values.iter().rev() {
            match flags::ALL.iter().find(|flag| flag.long == name) {
                Some(flag) => call.give(flag, text.to_owned(), Source::Named(named)),
                None => call.errors.push(ShapeError::Unknown { flag: shortened(name), similar: None }),
            }
        }
        call
    }

    fn give(&mut self, flag: &Flag, text: String, source: Source) {
        if flag.is_retired() {
            self.ignored.push(Ignored::Retired { flag: source, instead: flag.help });
        } else {
            self.flags.given.push((flag.long, Given { text, source }));
        }
    }
}

/// The values given for each flag and variable, strongest first.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    given: Vec<(&'static str, Given)>,
}

impl Flags {
    /// The values given for a flag: that of the command line, then those of its variables, the winning
    /// one first.
    pub fn of(&self, flag: &Flag) -> impl Iterator<Item = &Given> {
        self.named(flag.long)
    }

    /// The value of a variable that has no flag.
    pub fn variable(&self, name: &'static str) -> Option<&Given> {
        self.named(name).next()
    }

    fn named(&self, name: &'static str) -> impl Iterator<Item = &Given> {
        self.given.iter().filter(move |(n, _)| *n == name).map(|(_, given)| given)
    }
}

/// What a call asks for: work, or only a text.
#[derive(Debug)]
pub enum Parsed {
    /// `--help` or `--version`: print this and end.
    Text(String),
    /// Work.
    Call(Invocation),
}

/// Takes a call apart. `argv` begins with the program's name; `variable` looks up the environment.
pub fn parse(argv: Vec<OsString>, variable: &dyn Fn(&str) -> Option<OsString>) -> Parsed {
    let mut arguments = argv.into_iter();
    let by_name = match arguments.next().map(|path| file_name(&path)).as_deref() {
        Some(CLEAN_PROGRAM) => Command::Clean,
        Some(_) | None => Command::Apply,
    };
    let mut call = Invocation { command: by_name, ..Invocation::default() };
    let matches = match parser::matches(arguments.collect(), &mut call.errors) {
        Ok(matches) => matches,
        Err(text) => return Parsed::Text(text),
    };
    for flag in flags::ALL {
        if let Some(text) = from_command_line(flag, matches.as_ref(), &mut call.errors) {
            call.give(flag, text, Source::Flag(flag));
        }
        for name in flag.variables.iter().rev() {
            call.flags.given.extend(from_environment(name, variable, &mut call.errors).map(|g| (flag.long, g)));
        }
    }
    for (name, _) in VARIABLES {
        call.flags.given.extend(from_environment(name, variable, &mut call.errors).map(|g| (name, g)));
    }
    command_words::take(&mut call, matches.iter().filter_map(|m| m.get_many("words")).flatten());
    Parsed::Call(call)
}

fn file_name(path: &OsStr) -> String {
    Path::new(path).file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The value of a flag: the last one given. Earlier ones count too if they look like flags: then one of
/// those, `--dry-run` perhaps, was taken for a value.
fn from_command_line(
    flag: &'static Flag,
    matches: Option<&clap::ArgMatches>,
    errors: &mut Vec<ShapeError>,
) -> Option<String> {
    let mut last = None;
    // A flag that is in no argument has no place in the parser.
    let values = matches.and_then(|m| m.try_get_many::<OsString>(flag.long).ok().flatten());
    for value in values.into_iter().flatten() {
        last = utf8(value, || Source::Flag(flag).to_string(), errors);
        if let Some(text) = last.as_ref().filter(|text| looks_like_flag(text)) {
            errors.push(ShapeError::LooksLikeFlag { flag, value: shortened(text) });
        }
    }
    last.filter(|text| !looks_like_flag(text))
}

fn from_environment(
    name: &'static str,
    variable: &dyn Fn(&str) -> Option<OsString>,
    errors: &mut Vec<ShapeError>,
) -> Option<Given> {
    let source = Source::Variable(name);
    let text = utf8(&variable(name)?, || source.to_string(), errors)?;
    Some(Given { text, source })
}

fn utf8(value: &OsStr, name: impl Fn() -> String, errors: &mut Vec<ShapeError>) -> Option<String> {
    match value.to_str() {
        Some(text) => Some(text.to_owned()),
        None => {
            errors.push(ShapeError::NotUtf8 { name: name(), value: shortened(&value.to_string_lossy()) });
            None
        }
    }
}

fn looks_like_flag(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next() == Some('-') && chars.next().is_some_and(|c| c == '-' || c.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests;
