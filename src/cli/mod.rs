//! The command line and the environment, as text: which flags were given, their sources, and their text.
//!
//! Nothing is judged here but the shape of the call; `config` reads the values. So all errors of
//! one call can be reported together.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::Path;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, value_parser};

use crate::api::Setting;
use crate::text::shortened;

mod command_words;
mod errors;
pub mod flags;

use command_words::CommandWords;
pub use errors::{Ignored, ShapeError};
use flags::{Flag, Heading, ValueKind};

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Put the rules in place.
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

    /// All.
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
    Flag {
        /// The long name.
        long: &'static str,
        /// The short name.
        short: Option<char>,
    },
    /// A variable of the environment.
    Variable(&'static str),
    /// A place that another program reads, in its words.
    Named(&'static str),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag { long, short: Some(short) } => write!(f, "--{long} (-{short})"),
            Self::Flag { long, short: None } => write!(f, "--{long}"),
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
#[derive(Debug)]
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
        let (mut given, mut ignored, mut errors) = (Vec::new(), Vec::new(), Vec::new());
        for &Setting { flag: name, text, named } in values {
            let Some(flag) = flags::ALL.iter().find(|flag| flag.long == name) else {
                errors.push(ShapeError::Unknown { flag: shortened(name), similar: None });
                continue;
            };
            let source = Source::Named(named);
            match flag.kind {
                ValueKind::RetiredBool | ValueKind::RetiredText => {
                    ignored.push(Ignored::Retired { flag: source, instead: flag.help });
                }
                ValueKind::Text(_) | ValueKind::Number(_) | ValueKind::Bool => {
                    given.push((flag.long, Given { text: text.to_owned(), source }));
                }
            }
        }
        // The last one counts.
        given.reverse();
        Self { command, packet: Vec::new(), flags: Flags { given }, ignored, errors }
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
    let mut errors = Vec::new();
    let (argv, name) = split_name(argv);
    let matches = match matches(argv, &mut errors) {
        Ok(matches) => matches,
        Err(text) => return Parsed::Text(text),
    };
    let mut ignored = Vec::new();
    let mut given = Vec::new();
    for flag in flags::ALL {
        let source = Source::Flag { long: flag.long, short: flag.short };
        if let Some(text) = from_command_line(flag, source, matches.as_ref(), &mut errors) {
            match flag.kind {
                ValueKind::RetiredBool | ValueKind::RetiredText => {
                    ignored.push(Ignored::Retired { flag: source, instead: flag.help })
                }
                ValueKind::Text(_) | ValueKind::Number(_) | ValueKind::Bool => {
                    given.push((flag.long, Given { text, source }))
                }
            }
        }
        for name in flag.variables.iter().rev() {
            given.extend(from_environment(name, variable, &mut errors).map(|g| (flag.long, g)));
        }
    }
    for (name, _) in VARIABLES {
        given.extend(from_environment(name, variable, &mut errors).map(|g| (name, g)));
    }
    let mut words = CommandWords::default();
    let given_words = matches.as_ref().and_then(|m| m.get_many::<OsString>("words")).into_iter().flatten();
    for (index, word) in given_words.enumerate() {
        if let Some(text) = utf8(word, || "an argument".to_owned(), &mut errors) {
            words.take(index, text, &mut ignored, &mut errors);
        }
    }
    let by_name = if name == CLEAN_PROGRAM { Command::Clean } else { Command::Apply };
    let command = words.command.unwrap_or(by_name);
    Parsed::Call(Invocation { command, packet: words.packet, flags: Flags { given }, ignored, errors })
}

/// The name the program was called by, and the arguments with the name that clap should show.
fn split_name(mut argv: Vec<OsString>) -> (Vec<OsString>, String) {
    let name = argv.first().map(|a| file_name(a)).unwrap_or_default();
    match argv.first_mut() {
        Some(first) => *first = PROGRAM.into(),
        None => argv.push(PROGRAM.into()),
    }
    (argv, name)
}

fn file_name(path: &OsStr) -> String {
    Path::new(path).file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Lets clap parse, and again without what it rejects, until it accepts the rest: it
/// stops at its first error, this program reports all of them.
fn matches(mut argv: Vec<OsString>, errors: &mut Vec<ShapeError>) -> Result<Option<clap::ArgMatches>, String> {
    // A parser of all flags takes 0.14 ms more to build, 7 % of a dry run, and most calls have few of them. If those
    // are not enough, the parser of all finds out what is wrong.
    if let Ok(matches) = parser_of_few(&argv).try_get_matches_from(&argv) {
        return Ok(Some(matches));
    }
    loop {
        let error = match command().try_get_matches_from(&argv) {
            Ok(matches) => return Ok(Some(matches)),
            Err(error) => error,
        };
        if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
            return Err(error.render().to_string());
        }
        let context = |kind| match error.get(kind) {
            Some(ContextValue::String(text)) => Some(text.clone()),
            _ => None,
        };
        // An unknown flag as it was written, a known one as in `--envoy-port <PORT>`.
        let argument = context(ContextKind::InvalidArg).unwrap_or_default();
        let name = argument.split([' ', '=', '[']).next().unwrap_or_default().to_owned();
        let place = |flag: &str| argv.iter().skip(1).position(|a| begins_with(a, flag)).map(|at| at + 1);
        let (problem, at) = if error.kind() == ErrorKind::UnknownArgument {
            let similar = context(ContextKind::SuggestedArg);
            (ShapeError::Unknown { flag: shortened(&argument), similar }, place(&argument))
        } else if error.kind() == ErrorKind::InvalidValue && !name.is_empty() {
            // A flag takes whatever comes after it as its value: only the last argument can lack one.
            (ShapeError::NoValue(name), argv.len().checked_sub(1))
        } else {
            let text = error.render().to_string();
            let line = text.lines().next().unwrap_or_default();
            (ShapeError::Other(line.trim_start_matches("error: ").to_owned()), place(&name))
        };
        if !errors.contains(&problem) {
            errors.push(problem);
        }
        match at {
            Some(at) if at > 0 => argv.remove(at),
            _ => return Ok(None),
        };
    }
}

/// A parser of those flags only that the arguments may hold.
fn parser_of_few(argv: &[OsString]) -> clap::Command {
    let names: Vec<&[u8]> = argv.iter().filter_map(|a| a.as_encoded_bytes().strip_prefix(b"-")).collect();
    parser(flags::ALL.iter().copied().filter(|flag| names.iter().any(|name| may_be(name, flag))))
}

/// Whether what the parser of few flags takes is the same to the parser of all, for fuzzing.
#[cfg(any(test, feature = "internals"))]
pub fn parsers_agree(argv: &[OsString]) -> bool {
    let Ok(few) = parser_of_few(argv).try_get_matches_from(argv) else { return true };
    let Ok(all) = command().try_get_matches_from(argv) else { return false };
    let given = |matches: &clap::ArgMatches, name| {
        let values = matches.try_get_many::<OsString>(name).ok().flatten();
        values.into_iter().flatten().cloned().collect::<Vec<_>>()
    };
    flags::ALL.iter().map(|flag| flag.long).chain(["words"]).all(|name| given(&few, name) == given(&all, name))
}

/// Whether the argument, without its first dash, may hold the flag. Some are values that only look like it.
fn may_be(argument: &[u8], flag: &Flag) -> bool {
    match argument {
        [b'-', long @ ..] => long.starts_with(flag.long.as_bytes()),
        group => flag.short.and_then(|c| u8::try_from(c).ok()).is_some_and(|c| group.contains(&c)),
    }
}

/// Whether the argument is the flag clap complains about: the flag itself, with a value after it, or a
/// group of short ones that holds it.
fn begins_with(argument: &OsStr, flag: &str) -> bool {
    let text = argument.to_string_lossy();
    if flag.is_empty() || text == flag {
        return !flag.is_empty();
    }
    match (flag.strip_prefix("--"), flag.strip_prefix('-')) {
        (Some(_), _) => text.strip_prefix(flag).is_some_and(|rest| rest.starts_with('=')),
        (None, Some(short)) => {
            text.strip_prefix('-').is_some_and(|group| short_flags(group).any(|c| short.starts_with(c)))
        }
        (None, None) => false,
    }
}

/// The flags in a group of short ones such as `np15001`, without the value that ends it.
fn short_flags(group: &str) -> impl Iterator<Item = char> {
    let is_switch = |c: char| {
        let known = flags::ALL.iter().find(|f| f.short == Some(c));
        known.is_none_or(|f| matches!(f.kind, ValueKind::Bool | ValueKind::RetiredBool))
    };
    let mut in_value = group.starts_with('-');
    group.chars().take_while(move |&c| {
        let before = in_value;
        in_value |= c == '=' || !is_switch(c);
        !before
    })
}

/// The parser; also what the man page and the shells' completions are made from.
pub fn command() -> clap::Command {
    flags::ALL.iter().fold(parser(flags::ALL.iter().copied()), |command, flag| {
        command.mut_arg(flag.long, |arg| arg.help(help(flag)).help_heading(flag.heading.text()))
    })
}

/// The parser of these flags, without their help.
fn parser(flags: impl Iterator<Item = &'static Flag>) -> clap::Command {
    let mut command = clap::Command::new(PROGRAM)
        .version(env!("CARGO_PKG_VERSION"))
        .about("Redirects a pod's traffic to its sidecar proxy, with rules in the pod's network namespace")
        .override_usage("istio-iptables [apply | clean | check | explain [PACKET...]] [FLAGS]")
        .after_help(AFTER_HELP)
        .disable_help_subcommand(true)
        .arg(
            Arg::new("words").action(ArgAction::Append).num_args(0..).hide(true).value_parser(value_parser!(OsString)),
        );
    for flag in flags {
        let mut arg = Arg::new(flag.long)
            .long(flag.long)
            .action(ArgAction::Append)
            .value_parser(value_parser!(OsString))
            .hide(flag.heading == Heading::Retired);
        if let Some(short) = flag.short {
            arg = arg.short(short);
        }
        command = command.arg(match flag.kind {
            ValueKind::Text(name) | ValueKind::Number(name) => arg.value_name(name).allow_hyphen_values(true),
            ValueKind::RetiredText => arg.value_name("TEXT").allow_hyphen_values(true),
            ValueKind::Bool | ValueKind::RetiredBool => {
                arg.value_name("BOOL").num_args(0..=1).require_equals(true).default_missing_value("true")
            }
        });
    }
    command
}

fn help(flag: &Flag) -> String {
    match flag.variables {
        [] => flag.help.to_owned(),
        variables => format!("{} [env: {}]", flag.help, variables.join(", ")),
    }
}

const AFTER_HELP: &str = "\
Commands:
  apply    Put the rules in place; the default
  clean    Remove all managed rules and routes, in both variants of iptables and in nftables
  check    Report how the kernel's rules differ from those that the flags ask for; changes nothing
  explain  Show what happens to a packet, rule by rule, or, without PACKET, to each kind of traffic;
           examples of PACKET: out tcp uid=1000 to=10.0.0.5:443 or in udp to=:53 from=10.1.2.3 iface=eth0

Without -b, -i, -q and --redirect-dns, nothing is captured, and existing capture is removed.
A flag overrides its environment variable. Separate the items of a list with commas; IPv4 and IPv6 can
be mixed. Environment variables without a flag: ISTIO_OUTBOUND_OWNER_GROUPS (default *),
ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE, ISTIO_OUTBOUND_IPV4_LOOPBACK_CIDR (default 127.0.0.1/32),
ENVOY_USER (default istio-proxy), ISTIO_IPTABLES_PROGRAM_TIMEOUT (default 60s, for each child process).

Exit status: 0 done or already in place; 1 failed, and nothing changed or the message lists what is left;
2 usage error; 3 check found a difference, or --strict found foreign rules before managed ones;
126 validation failed, the rules stay in place.

Example, as run by Istio's injector (add -n to only print the rules):
  istio-iptables -p 15001 -z 15006 -u 1337 -m REDIRECT -i '*' -x '' -b '*' -d 15090,15021,15020";

/// The value of a flag: the last one given. Earlier ones count too if they look like flags: then one of
/// those, `--dry-run` perhaps, was taken for a value.
fn from_command_line(
    flag: &Flag,
    source: Source,
    matches: Option<&clap::ArgMatches>,
    errors: &mut Vec<ShapeError>,
) -> Option<String> {
    let mut last = None;
    // A flag that is in no argument has no place in the parser.
    let values = matches.and_then(|m| m.try_get_many::<OsString>(flag.long).ok().flatten());
    for value in values.into_iter().flatten() {
        last = utf8(value, || source.to_string(), errors);
        if let Some(text) = last.as_ref().filter(|text| looks_like_flag(text)) {
            errors.push(ShapeError::LooksLikeFlag { flag: source, value: shortened(text) });
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
