//! Puts a pod's network namespace under a sidecar proxy's control, once, before the application starts.
//!
//! One direction of flow, effects at one end:
//!
//! ```text
//! argv + env ──cli──▶ Flags ──config (+ host facts)──▶ Config ──capture──▶ Plan { rules, routing }
//!                                                                            │
//!         stdout ◀──netfilter::restore── dry run ◀───────────────────────────┤
//!         kernel ◀──kernel (processes, netlink)── state (diff → Change) ◀────┘
//!                         └── snapshot ──▶ state
//! Config ──validation (plan)──▶ connections ──kernel::probe──▶ what was seen ──validation (judge)──▶ log, status
//! ```
//!
//! Everything left of [`kernel`], and but for [`config::host`], which only reads, is pure: no files,
//! processes, environment or clock. [`commands`] holds the recipes, [`commands::apply`] the main one.

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

pub mod capture;
pub mod cli;
pub mod commands;
pub mod config;
pub mod explain;
pub mod kernel;
pub mod logging;
pub mod netfilter;
pub mod state;
pub mod validation;

use cli::{Command, Invocation, Parsed};
use commands::{Call, Failure};
use config::host::ThisHost;
use config::{Config, Options, Problems};

/// Exit status of a call that failed; nothing was changed.
const FAILED: u8 = 1;
/// Exit status of a call that is wrong; nothing was touched.
const WRONG_USAGE: u8 = 2;
/// Exit status of a call whose validation failed, as Istio's program has it.
const NOT_VALID: u8 = 126;

/// Runs a call. `argv` begins with the program's name, `variable` looks up the environment, `out` is
/// standard output; the log goes to standard error.
pub fn run(argv: Vec<OsString>, variable: &dyn Fn(&str) -> Option<OsString>, out: &mut dyn Write) -> ExitCode {
    let invocation = match cli::parse(argv, variable) {
        Parsed::Call(invocation) => invocation,
        Parsed::Text(text) => return exit(out.write_all(text.as_bytes()).map_err(Failure::Output)),
    };
    let mut problems = Problems::default();
    let Invocation { command, flags, ignored, errors } = invocation;
    problems.warnings.extend(ignored.into_iter().map(Into::into));
    problems.errors.extend(errors.into_iter().map(Into::into));
    let options = Options::read(command, &flags, &mut problems);
    options.logging.install();
    enter_namespace(&options, &mut problems);
    let config = Config::resolve(&flags, &options, &ThisHost, &mut problems);
    problems.warnings.iter().for_each(|w| log::warn!("{w}"));
    problems.errors.iter().for_each(|e| log::error!("{e}"));
    if !problems.errors.is_empty() {
        return ExitCode::from(WRONG_USAGE);
    }
    let level = if options.command == Command::Apply { log::Level::Info } else { log::Level::Debug };
    log::log!(level, "configuration:{config}");
    let plan = capture::plan(&config);
    exit(carry_out(Call { config: &config, plan: &plan, options: &options }, out))
}

/// Where addresses are looked at and rules are made from here on. A wrong call stays where it is.
fn enter_namespace(options: &Options, problems: &mut Problems) {
    if let Some(path) = options.network_namespace.as_ref().filter(|_| problems.errors.is_empty())
        && let Err(error) = kernel::netns::enter(path)
    {
        problems.errors.push(config::UsageError::Namespace(error.to_string()));
    }
}

fn carry_out(call: Call<'_>, out: &mut dyn Write) -> Result<(), Failure> {
    if call.options.dry_run {
        return Ok(commands::dry_run::dry_run(call, out)?);
    }
    match call.options.command {
        Command::Clean => return commands::apply::clean(call),
        Command::Apply if call.options.skip_apply => log::info!("not applying: --skip-rule-apply"),
        Command::Apply => commands::apply::apply(call)?,
    }
    if call.options.run_validation { commands::validate::validate(call) } else { Ok(()) }
}

fn exit(result: Result<(), Failure>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // Somebody stopped reading, such as `head`: not our failure, and nobody is there to be told.
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(failure) => {
            log::error!("{failure}");
            ExitCode::from(if matches!(failure, Failure::Validation(_)) { NOT_VALID } else { FAILED })
        }
    }
}
