//! The installer's command line.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::ArgMatches;
use log::{LevelFilter, Log, Metadata, Record};

use crate::arguments::{PLUGIN_CONFIG, parser};
use crate::install::{Ended, InstallError, Object, ObjectError, Pass, Places, Until, keep};

/// Wrong usage, as other commands have it.
const USAGE: u8 = 2;

/// What `status` ends with if pods get no rules.
const NOT_INSTALLED: u8 = 3;

/// Why a call cannot be understood, or failed.
#[derive(Debug, thiserror::Error)]
enum CallError {
    #[error(transparent)]
    Install(#[from] InstallError),
    #[error(transparent)]
    Object(#[from] ObjectError),
    #[error("cannot read --config {path}: {source}; name a file with a JSON object, or - for standard input", path = path.display())]
    Config { path: PathBuf, source: io::Error },
    #[error("--conf-name cannot be {name}: it is the name of a file in --conf-dir, and ends in .conflist, .conf or .json", name = name.to_string_lossy())]
    ConfName { name: OsString },
    #[error(
        "--listen cannot be \"{text}\": an address and port such as 127.0.0.1:15023, or empty for no health checks"
    )]
    Listen { text: String },
    #[error("cannot listen on --listen {address}: {source}; name an address and port that is free")]
    Bind { address: SocketAddr, source: io::Error },
    #[error("cannot write to standard output: {0}; check where it goes")]
    Output(#[from] io::Error),
}

impl CallError {
    const fn code(&self) -> u8 {
        match self {
            Self::Install(_) | Self::Bind { .. } | Self::Output(_) => 1,
            Self::Object(_) | Self::Config { .. } | Self::ConfName { .. } | Self::Listen { .. } => USAGE,
        }
    }
}

/// Lines on standard error.
struct Lines;

impl Log for Lines {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let level = record.level().as_str().to_ascii_lowercase();
        // One write for each line, so that lines of several processes do not mix. There is no one left to report an
        // error to.
        let line: String = record.args().to_string().lines().map(|line| format!("{level}: {line}\n")).collect();
        let _ = io::stderr().lock().write_all(line.as_bytes());
    }

    fn flush(&self) {}
}

/// Runs a command. `argv` begins with the program's name.
pub fn run(argv: Vec<OsString>) -> ExitCode {
    let _ = log::set_logger(&Lines);
    log::set_max_level(LevelFilter::Info);
    let matches = match parser().try_get_matches_from(argv) {
        Ok(matches) => matches,
        Err(error) => {
            // Help goes to standard output, what is wrong to standard error.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS };
        }
    };
    let result = match matches.subcommand() {
        Some(("install", matches)) => install(matches),
        Some(("uninstall", matches)) => uninstall(matches),
        Some(("status", matches)) => status(matches),
        _ => return ExitCode::from(USAGE),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            log::error!("{error}");
            ExitCode::from(error.code())
        }
    }
}

fn places(matches: &ArgMatches) -> Result<Places, CallError> {
    let path = |name| matches.get_one::<PathBuf>(name).cloned().unwrap_or_default();
    let named = matches.get_one::<OsString>("conf-name").cloned();
    if let Some(name) = named.clone().filter(|name| !Places::is_configuration_name(name)) {
        return Err(CallError::ConfName { name });
    }
    Ok(Places { binaries: path("bin-dir"), configurations: path("conf-dir"), named })
}

/// The plugin's object, from wherever it is given.
fn object(matches: &ArgMatches) -> Result<Object, CallError> {
    let (text, origin) = plugin_config(matches)?;
    let object = Object::read(&text, &origin)?;
    object.check(&origin)?.iter().for_each(|odd| log::warn!("{odd}"));
    Ok(object)
}

/// The plugin's configuration, and its source.
fn plugin_config(matches: &ArgMatches) -> Result<(String, String), CallError> {
    if let Some(path) = matches.get_one::<PathBuf>("config") {
        let mut bytes = Vec::new();
        let read = if path.as_os_str() == "-" {
            io::stdin().lock().read_to_end(&mut bytes).map(drop)
        } else {
            std::fs::read(path).map(|read| bytes = read)
        };
        read.map_err(|source| CallError::Config { path: path.clone(), source })?;
        return Ok((String::from_utf8_lossy(&bytes).into_owned(), format!("--config {}", path.display())));
    }
    let text = |value: &OsStr| value.to_string_lossy().into_owned();
    if let Some(value) = matches.get_one::<OsString>("plugin-config") {
        return Ok((text(value), "--plugin-config".to_owned()));
    }
    Ok(match std::env::var_os(PLUGIN_CONFIG).filter(|value| !value.is_empty()) {
        Some(value) => (text(&value), format!("the variable {PLUGIN_CONFIG}")),
        None => ("{}".to_owned(), "the default".to_owned()),
    })
}

fn install(matches: &ArgMatches) -> Result<ExitCode, CallError> {
    let places = places(matches)?;
    let object = object(matches)?;
    let until = if matches.get_flag("once") { Until::Installed } else { Until::Signal };
    let listener = if until == Until::Signal { listener(matches)? } else { None };
    match keep(&places, &object, until, listener)? {
        Ended::Installed => Ok(ExitCode::SUCCESS),
        // A caller that waits for it to be in place must not continue.
        Ended::BySignal if until == Until::Installed => Ok(ExitCode::FAILURE),
        Ended::BySignal if matches.get_flag("uninstall-on-exit") => {
            tell(&places.uninstall()?);
            Ok(ExitCode::SUCCESS)
        }
        Ended::BySignal => {
            log::info!("the plugin stays installed; istio-cni uninstall removes it");
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn uninstall(matches: &ArgMatches) -> Result<ExitCode, CallError> {
    let pass = places(matches)?.uninstall()?;
    if pass.done.is_empty() {
        log::info!("nothing was installed");
    }
    tell(&pass);
    Ok(ExitCode::SUCCESS)
}

fn status(matches: &ArgMatches) -> Result<ExitCode, CallError> {
    let status = places(matches)?.status()?;
    let json = matches.get_one::<String>("output").is_some_and(|format| format == "json");
    let text = if json { serde_json::to_string_pretty(&status).map_err(io::Error::from)? } else { status.to_string() };
    writeln!(io::stdout().lock(), "{text}")?;
    Ok(ExitCode::from(if status.installed { 0 } else { NOT_INSTALLED }))
}

fn listener(matches: &ArgMatches) -> Result<Option<TcpListener>, CallError> {
    let text = matches.get_one::<String>("listen").map_or("", String::as_str);
    if text.is_empty() {
        return Ok(None);
    }
    let address: SocketAddr = text.parse().map_err(|_| CallError::Listen { text: text.to_owned() })?;
    let bound = TcpListener::bind(address);
    bound.map(Some).map_err(|source| CallError::Bind { address, source })
}

fn tell(pass: &Pass) {
    pass.notes.iter().for_each(|note| log::warn!("{note}"));
    pass.done.iter().for_each(|done| log::info!("{done}"));
}
