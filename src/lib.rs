//! Puts a pod's network namespace under a sidecar proxy's control, once, before the application starts.
//!
//! One direction of flow, effects at one end:
//!
//! ```text
//! argv + env ──cli──▶ Flags ──config (+ host facts)──▶ Config ──capture──▶ Plan { rules, routing }
//!                                                                            │
//!                        report ◀── dry run, explain ◀───────────────────────┤
//!         kernel ──observe──▶ stores ──(plan − observed)──▶ actions by phase ┴──▶ kernel, observed again
//! Config ──validation (plan)──▶ connections ──kernel::probe──▶ what was seen ──validation (judge)──▶ log, status
//! ```
//!
//! Everything but `kernel`, the recipes in `commands`, and `config::host`, which only reads, is pure: no files,
//! processes, environment or clock. `commands::reconcile` is the loop, `commands::apply` the main recipe.

// What exists for benchmarks and tests alone is not reported as unused.
#![cfg_attr(not(feature = "internals"), allow(unused_imports))]

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

mod api;
#[cfg(not(feature = "internals"))]
mod capture;
#[cfg(not(feature = "internals"))]
mod cli;
#[cfg(not(feature = "internals"))]
mod commands;
#[cfg(not(feature = "internals"))]
mod config;
#[cfg(not(feature = "internals"))]
mod explain;
#[cfg(not(feature = "internals"))]
mod kernel;
mod logging;
#[cfg(not(feature = "internals"))]
mod net;
#[cfg(not(feature = "internals"))]
mod netfilter;
mod netlink;
#[cfg(not(feature = "internals"))]
mod nftables;
#[cfg(not(feature = "internals"))]
mod report;
mod sequence;
#[cfg(not(feature = "internals"))]
mod state;
mod text;
mod validation;

// Benchmarks, fuzzing and the tests of parts see inside.
#[cfg(feature = "internals")]
pub mod capture;
#[cfg(feature = "internals")]
pub mod cli;
#[cfg(feature = "internals")]
pub mod commands;
#[cfg(feature = "internals")]
pub mod config;
#[cfg(feature = "internals")]
pub mod explain;
#[cfg(feature = "internals")]
pub mod kernel;
#[cfg(feature = "internals")]
pub mod net;
#[cfg(feature = "internals")]
pub mod netfilter;
#[cfg(feature = "internals")]
pub mod nftables;
#[cfg(feature = "internals")]
pub mod report;
#[cfg(feature = "internals")]
pub mod state;

pub use api::{Done, Setting, Task, Traffic, mistakes, traffic, within};
use cli::{Command, Flags, Invocation, Parsed};
use commands::Call;
pub use config::parse_bool;
use config::{Config, Options, Problems};
use explain::Request;
use kernel::host::ThisHost;
pub use logging::log_line;
pub use report::Outcome;
use report::Report;
pub use text::shortened;

/// Runs a call. `argv` begins with the program's name, `variable` looks up the environment, `out` is
/// standard output; the log goes to standard error.
pub fn run(argv: Vec<OsString>, variable: &dyn Fn(&str) -> Option<OsString>, out: &mut dyn Write) -> ExitCode {
    let invocation = match cli::parse(argv, variable) {
        Parsed::Call(invocation) => invocation,
        Parsed::Text(text) => return exit(Outcome::Printed, out.write_all(text.as_bytes())),
    };
    perform(invocation, &|options| options.logging.install(), |report| exit(report.outcome, report.write(out)))
}

/// Does what a call asks for, and gives a report of it to `then`. `prepare` comes first.
fn perform<T>(invocation: Invocation, prepare: &dyn Fn(&Options), then: impl FnOnce(&Report<'_>) -> T) -> T {
    let mut problems = Problems::default();
    let Invocation { command, packet, flags, ignored, errors } = invocation;
    problems.warnings.extend(ignored.into_iter().map(Into::into));
    problems.errors.extend(errors.into_iter().map(Into::into));
    let options = Options::read(command, &flags, &mut problems);
    prepare(&options);
    enter_namespace(&flags, &options, &mut problems);
    let config = Config::resolve(&flags, &options, &ThisHost, &mut problems);
    let packet = described(&packet, &mut problems);
    problems.warnings.iter().for_each(|w| log::warn!("{w}"));
    problems.errors.iter().for_each(|e| log::error!("{e}"));
    let plan = capture::plan(&config);
    let mut report = Report::new(&options, &problems);
    if problems.errors.is_empty() {
        let level = if options.command == Command::Apply { log::Level::Info } else { log::Level::Debug };
        log::log!(level, "configuration:{config}");
        let call = Call { config: &config, plan: &plan, options: &options };
        let result = commands::run(call, packet.as_ref(), &mut report);
        report.outcome = result.unwrap_or_else(|failure| {
            log::error!("{failure}");
            report.error(&failure);
            failure.outcome()
        });
    }
    then(&report)
}

/// Enters the namespace in which addresses are read and rules are made from here on. A wrong call stays in its own.
fn enter_namespace(flags: &Flags, options: &Options, problems: &mut Problems) {
    let Some(path) = options.network_namespace.as_ref().filter(|_| problems.errors.is_empty()) else { return };
    let given = flags.of(&cli::flags::NETWORK_NAMESPACE).next();
    if let (Some(given), Err(why)) = (given, kernel::netns::enter(path)) {
        let reason = format!(
            "not a network namespace that can be entered ({why}); give a path such as /proc/PID/ns/net or /run/netns/NAME"
        );
        problems.errors.push(config::UsageError::value(given, reason));
    }
}

/// The packet that the words after `explain` describe.
fn described(words: &[String], problems: &mut Problems) -> Option<Request> {
    if words.is_empty() {
        return None;
    }
    let described = Request::parse(words);
    let errors = described.as_ref().err().into_iter().flatten();
    problems.errors.extend(errors.map(|e| config::UsageError::Packet(e.to_string())));
    described.ok()
}

fn exit(outcome: Outcome, written: io::Result<()>) -> ExitCode {
    let mut status = outcome.status();
    if let Err(error) = written
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        let done = match matches!(outcome, Outcome::Applied | Outcome::InPlace | Outcome::NotValid) {
            true => ". The rules are in place nevertheless",
            false if outcome == Outcome::Removed => ". Managed rules were removed nevertheless",
            false => "",
        };
        log::error!("standard output: {error}{done}");
        status = status.max(Outcome::Failed.status());
    }
    ExitCode::from(status)
}
