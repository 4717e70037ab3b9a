//! The parser of the command line: what clap does, with all errors of a call reported and not only the first.

use std::ffi::{OsStr, OsString};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, value_parser};

use super::flags::{self, Flag, Heading, ValueKind};
use super::{PROGRAM, ShapeError};
use crate::text::shortened;

/// Lets clap parse, and again without what it rejects, until it accepts the rest: it
/// stops at its first error, this program reports all of them.
pub(super) fn matches(
    mut argv: Vec<OsString>,
    errors: &mut Vec<ShapeError>,
) -> Result<Option<clap::ArgMatches>, String> {
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
        let place = |flag: &str| argv.iter().position(|a| begins_with(a, flag));
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
            Some(at) => argv.remove(at),
            None => return Ok(None),
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
    let argv = argv.get(1..).unwrap_or_default();
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
        known.is_none_or(|f| f.is_switch())
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
        .no_binary_name(true)
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
