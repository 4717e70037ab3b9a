//! What calls cost, against the bare programs that do the same work: `scripts/bench` runs this.
//!
//! Each run is in a network namespace that is made for it before the clock starts. The clock runs from just
//! before a program is started until it has been waited for; starting is `posix_spawn`, which copies nothing of
//! this process. This program, the bare programs and, with `--compare`, another build of it take turns, so that what
//! else the machine does affects all of them; medians are shown. Targets are marked, not asserted.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program of its own, which prints its results")]

mod cases;
mod injector;
mod instructions;
mod measure;
mod namespace;
mod plugin;
mod programs;
mod table;
mod trace;
mod webhook;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use programs::Program;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// The most bytes that the binary may have: 1.2 MiB.
const MOST_BYTES: u64 = 1_258_291;

const USAGE: &str = "scripts/bench --help names the flags";

/// What was asked for.
struct Arguments {
    binary: PathBuf,
    /// `istio-cni`.
    cni: Option<PathBuf>,
    /// `sidecar-injector`.
    injector: Option<PathBuf>,
    /// What runs programs and does nothing else (`benches/calls/floor.rs`).
    floor: Option<PathBuf>,
    /// Another build of this program.
    compare: Option<PathBuf>,
    /// The file for the results, besides the table.
    json: Option<PathBuf>,
    rounds: usize,
    /// Only rows with this in their name.
    only: String,
    /// Count instructions instead of measuring time.
    instructions: bool,
}

/// The path of a binary, in full, as it is run from elsewhere.
fn existing(path: &str) -> Result<PathBuf> {
    Ok(Path::new(path).canonicalize().map_err(|error| format!("{path}: {error}"))?)
}

impl Arguments {
    fn parse(mut words: impl Iterator<Item = String>) -> Result<Self> {
        let mut arguments = Self {
            binary: PathBuf::new(),
            cni: None,
            injector: None,
            floor: None,
            compare: None,
            json: None,
            rounds: 30,
            only: String::new(),
            instructions: false,
        };
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word} needs a value: {USAGE}"));
            match word.as_str() {
                "--cni" => arguments.cni = Some(existing(&value()?)?),
                "--injector" => arguments.injector = Some(existing(&value()?)?),
                "--compare" => arguments.compare = Some(existing(&value()?)?),
                "--floor" => arguments.floor = Some(existing(&value()?)?),
                "--json" => arguments.json = Some(value()?.into()),
                "--rounds" => arguments.rounds = value()?.parse::<usize>()?.max(1),
                "--only" => arguments.only = value()?,
                "--instructions" => arguments.instructions = true,
                // Cargo's way to mark a benchmark.
                "--bench" => {}
                flag if flag.starts_with('-') => return Err(format!("{flag} is not known: {USAGE}").into()),
                path => arguments.binary = existing(path)?,
            }
        }
        match arguments.binary.as_os_str().is_empty() {
            true => Err(format!("no binary is given: {USAGE}").into()),
            false => Ok(arguments),
        }
    }
}

fn main() -> ExitCode {
    match Arguments::parse(std::env::args().skip(1)).and_then(|arguments| run(&arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    namespace::enter_private_files()?;
    namespace::fresh()?;
    let ours = Program::at(&arguments.binary, &[]);
    let wanted = cases::all().filter(|case| case.name.contains(&arguments.only));
    if arguments.instructions {
        return instructions::run(wanted, &ours, arguments.compare.as_deref(), Path::new("target/callgrind"));
    }
    let size = std::fs::metadata(&arguments.binary)?.len();
    let mut table = table::Table::new(size, arguments.compare.is_some());
    for reference in measure::references(arguments.rounds)? {
        table.reference(reference);
    }
    for case in wanted {
        let prepared = case.prepare(&ours, arguments.floor.as_deref())?;
        table.row(measure::row(&prepared, arguments.compare.as_deref(), arguments.rounds)?);
    }
    let plugin = arguments.cni.as_deref().map(|path| plugin::rows(path, &ours)).transpose()?;
    let injector = arguments.injector.as_deref().map(injector::rows).transpose()?;
    let others = plugin.into_iter().flatten().chain(injector.into_iter().flatten());
    for case in others.filter(|case| case.name.contains(&arguments.only)) {
        table.row(measure::row(&case, None, arguments.rounds)?);
    }
    if let Some(plugin) = arguments.cni.as_deref().filter(|_| "CNI".contains(&arguments.only)) {
        plugin::crowds(plugin)?.into_iter().for_each(|crowd| table.crowd(crowd));
    }
    if let Some(injector) = arguments.injector.as_deref().filter(|_| "webhook".contains(&arguments.only)) {
        webhook::loads(injector)?.into_iter().for_each(|load| table.load(load));
    }
    match &arguments.json {
        Some(path) => table.write(path),
        None => Ok(()),
    }
}
