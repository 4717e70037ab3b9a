//! What a call is to do, and how; everything that is not about the rules themselves.

use std::path::PathBuf;
use std::time::Duration;

use log::LevelFilter;

use super::problems::{Problems, Warning};
use super::reader::{Reader, items};
use super::scalar::{parse_bool, parse_duration};
use crate::cli::{self, Command, Flags, flags};
use crate::logging::Logging;
use crate::net::{Families, Port};
use crate::netfilter::{Backend, Variant};

/// The form of what goes to standard output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OutputFormat {
    /// For people and for the programs that load it.
    #[default]
    Text,
    /// For other programs.
    Json,
    /// A flow chart of the rules, for people who look at pictures.
    Mermaid,
}

/// Whether, and how, a call only shows what it would do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DryRun {
    /// It does it.
    #[default]
    No,
    /// It prints it.
    Print,
    /// It prints it, and has the kernel do it in a network namespace that goes with the call.
    Kernel,
}

/// Options of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// What to do.
    pub command: Command,
    /// Only show what would be done.
    pub dry_run: DryRun,
    /// Explain the rules that the kernel has.
    pub live: bool,
    /// Check until something differs.
    pub watch: bool,
    /// Findings are differences.
    pub strict: bool,
    /// Do not apply.
    pub skip_apply: bool,
    /// Change existing, different rules.
    pub reconcile: bool,
    /// Apply even if the rules are in place.
    pub force_apply: bool,
    /// Prove that redirection works.
    pub run_validation: bool,
    /// The port the validation connects to.
    pub probe_port: Port,
    /// The bound on the validation.
    pub probe_timeout: Duration,
    /// The network namespace to work in; that of the process if `None`.
    pub network_namespace: Option<PathBuf>,
    /// Host file system, pod namespace.
    pub cni_mode: bool,
    /// What the rules are written with.
    pub backend: Backend,
    /// The families asked for; `None` for those of the namespace's addresses.
    pub families: Option<Families>,
    /// The form of standard output.
    pub output: OutputFormat,
    /// How the log is written.
    pub logging: Logging,
    /// The bound on one child process.
    pub program_timeout: Duration,
}

impl Options {
    /// Reads the options out of the flags. What is wrong goes to `problems`.
    pub fn read(command: Command, flags: &Flags, problems: &mut Problems) -> Self {
        let mut read = Reader::new(flags, problems);
        let level = read.word(&flags::LOG_OUTPUT_LEVEL, parse_level).flatten().unwrap_or(Logging::default().level);
        let logging = Logging { level, json: read.boolean(&flags::LOG_AS_JSON, false) };
        let cleanup_only = read.boolean(&flags::CLEANUP_ONLY, false);
        let strict = read.boolean(&flags::STRICT, false);
        let skip_apply = read.boolean(&flags::SKIP_RULE_APPLY, false);
        let reconcile = read.boolean(&flags::RECONCILE, true);
        let force_apply = read.boolean(&flags::FORCE_APPLY, false);
        let run_validation = read.boolean(&flags::RUN_VALIDATION, false);
        let cni_mode = read.boolean(&flags::CNI_MODE, false);
        let native = read.boolean(&flags::NATIVE_NFTABLES, false);
        let program_timeout = read
            .variable(cli::PROGRAM_TIMEOUT)
            .and_then(|g| read.parsed_or_warn(cli::PROGRAM_TIMEOUT, g, parse_duration));
        let live = in_command(&mut read, &flags::LIVE, command, Command::Explain);
        let watch = in_command(&mut read, &flags::WATCH, command, Command::Check);
        let dry_run = dry_run(&mut read);
        let command = if cleanup_only && command == Command::Apply { Command::Clean } else { command };
        let kind = read.word(&flags::FORCE_IPTABLES_BINARY, Variant::parse).flatten();
        Self {
            command,
            dry_run,
            live,
            watch,
            strict,
            skip_apply,
            reconcile,
            force_apply,
            run_validation,
            probe_port: read.number(&flags::PROBE_PORT, Port::parse).unwrap_or(Port::at_least_one(15002)),
            probe_timeout: read.number(&flags::PROBE_TIMEOUT, parse_duration).unwrap_or(Duration::from_secs(5)),
            network_namespace: read.word(&flags::NETWORK_NAMESPACE, parse_path),
            cni_mode,
            backend: if native { Backend::Nftables } else { Backend::Iptables(kind) },
            families: read.word(&flags::IP_FAMILIES, parse_families).flatten(),
            output: read
                .word(&flags::OUTPUT, |text| parse_output(text, has_rules_to_draw(command, dry_run)))
                .unwrap_or_default(),
            logging,
            program_timeout: program_timeout.unwrap_or(Duration::from_secs(60)),
        }
    }
}

fn parse_path(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() || text.contains('\0') {
        return Err("give a path such as /proc/PID/ns/net or /run/netns/NAME, or omit the flag to work in the caller's namespace".to_owned());
    }
    Ok(PathBuf::from(text))
}

fn parse_families(text: &str) -> Result<Option<Families>, String> {
    match text {
        "" | "auto" => Ok(None),
        "ipv4" => Ok(Some(Families::Ipv4)),
        "dual" => Ok(Some(Families::Dual)),
        _ => Err("give auto, ipv4 or dual".to_owned()),
    }
}

/// A switch that one command has.
fn in_command(read: &mut Reader<'_>, flag: &'static flags::Flag, command: Command, of: Command) -> bool {
    let given = read.boolean(flag, false);
    if given && command != of {
        read.warn(Warning::OfOtherCommand { flag: flag.long, command: of.name() });
    }
    given && command == of
}

/// A boolean that is never guessed, or `kernel`.
fn dry_run(read: &mut Reader<'_>) -> DryRun {
    let parse = |text: &str| match text {
        "kernel" => Ok(DryRun::Kernel),
        _ => match parse_bool(text) {
            Ok(true) => Ok(DryRun::Print),
            Ok(false) => Ok(DryRun::No),
            Err(reason) => Err(format!("{reason}, or kernel")),
        },
    };
    read.strict(&flags::DRY_RUN, parse).unwrap_or_default()
}

/// Whether the call prints rules, which can be drawn.
fn has_rules_to_draw(command: Command, dry_run: DryRun) -> bool {
    match command {
        Command::Explain => true,
        Command::Apply => dry_run == DryRun::Print,
        Command::Clean | Command::Check => false,
    }
}

fn parse_output(text: &str, drawable: bool) -> Result<OutputFormat, String> {
    match text {
        "" | "text" => Ok(OutputFormat::Text),
        "json" => Ok(OutputFormat::Json),
        "mermaid" if drawable => Ok(OutputFormat::Mermaid),
        "mermaid" => Err("mermaid is only available with --dry-run and explain; give text or json".to_owned()),
        _ => Err("give text, json or mermaid".to_owned()),
    }
}

/// The level of the scope `default` in Istio's syntax: `default:debug,other:none`, or a bare level, which
/// is that of all scopes. `None` if the text does not mention it.
fn parse_level(text: &str) -> Result<Option<LevelFilter>, String> {
    let mut found = None;
    for item in items(text) {
        let (scope, level) = item.split_once(':').unwrap_or(("default", item));
        let level = match level {
            "none" => LevelFilter::Off,
            "fatal" | "error" => LevelFilter::Error,
            "warn" => LevelFilter::Warn,
            "info" => LevelFilter::Info,
            "debug" => LevelFilter::Debug,
            _ => return Err("give SCOPE:LEVEL, with a level of none, fatal, error, warn, info or debug".to_owned()),
        };
        if matches!(scope, "default" | "all") {
            found = Some(level);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_levels() {
        assert_eq!(parse_level("default:debug,other:none"), Ok(Some(LevelFilter::Debug)));
        assert_eq!(parse_level("other:none"), Ok(None));
        assert_eq!(parse_level("warn"), Ok(Some(LevelFilter::Warn)));
        assert_eq!(parse_level("default:fatal"), Ok(Some(LevelFilter::Error)));
        assert!(parse_level("default:loud").is_err());
    }
}
