//! The command line and its commands.

use std::ffi::OsString;
use std::fmt;
use std::io::{Read, Write};
use std::sync::Arc;

mod arguments;
#[cfg(feature = "webhook")]
mod check;
mod diff;
mod error;
mod explain;
mod from_cluster;
mod inputs;
mod kube_inject;
mod lint;
mod live;
mod output;
mod render;
mod review;
mod uninject;
#[cfg(feature = "webhook")]
mod webhook;

#[cfg(test)]
mod tests;

pub use error::{Error, PodError};

use inputs::Environment;

/// The input and the output of a command.
pub struct Streams<'s> {
    /// Standard input.
    pub input: &'s mut dyn Read,
    /// Standard output: the result, and nothing else.
    pub out: &'s mut dyn Write,
    /// Standard error.
    pub errors: &'s mut dyn Write,
    /// Whether standard output is a terminal that shows colours.
    pub colour: bool,
}

impl fmt::Debug for Streams<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streams").finish_non_exhaustive()
    }
}

impl Streams<'_> {
    /// Writes all of a result to standard output.
    fn print(&mut self, result: &[u8]) -> Result<(), Error> {
        let written = self.out.write_all(result).and_then(|()| self.out.flush());
        written.map_err(|source| Error::Write { file: "standard output".to_owned(), source })
    }
}

/// Looks up a variable of the environment.
pub type Variables = Arc<dyn Fn(&str) -> Option<OsString> + Send + Sync>;

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// All went well, also if there was nothing to inject.
    Done,
    /// Something failed; standard error has the reason.
    Failed,
    /// The command line is wrong.
    WrongUsage,
    /// Of commands whose failure is an answer (1): nothing could be answered.
    NoAnswer,
}

impl Status {
    /// The exit status of the process.
    pub fn code(self) -> u8 {
        match self {
            Status::Done => 0,
            Status::Failed => 1,
            Status::WrongUsage => 64,
            Status::NoAnswer => 2,
        }
    }
}

/// Runs a call. `argv` begins with the program's name.
pub fn run(argv: Vec<OsString>, variables: Variables, streams: &mut Streams<'_>) -> Status {
    let answers = argv.get(1).is_some_and(|command| command == "lint" || command == "diff");
    let matches = match arguments::command().try_get_matches_from(argv) {
        Ok(matches) => matches,
        Err(error) if error.use_stderr() => {
            let _ = write!(streams.errors, "{error}");
            return if answers { Status::NoAnswer } else { Status::WrongUsage };
        }
        // --help and --version.
        Err(text) => return ended(streams.print(text.to_string().as_bytes()), streams),
    };
    let (environment, warning) = Environment::read(variables);
    if let Some(warning) = warning {
        let _ = writeln!(streams.errors, "Warning: {warning}");
    }
    let result = match matches.subcommand() {
        Some(("kube-inject", matches)) => kube_inject::run(matches, &environment, streams),
        Some(("explain", matches)) => explain::run(matches, &environment, streams),
        Some(("lint", matches)) => {
            let found = lint::run(matches, &environment, streams);
            return answered(found, streams);
        }
        Some(("diff", matches)) => {
            let differs = diff::run(matches, &environment, streams);
            return answered(differs, streams);
        }
        Some(("uninject", matches)) => uninject::run(matches, &environment, streams),
        Some(("render", matches)) => render::run(matches, &environment, streams),
        Some(("review", matches)) => review::run(matches, &environment, streams),
        #[cfg(feature = "webhook")]
        Some(("check", matches)) => check::run(matches, &environment, streams),
        #[cfg(feature = "webhook")]
        Some(("webhook", matches)) => webhook::run(matches, Arc::new(environment)),
        Some(_) | None => return Status::WrongUsage,
    };
    ended(result, streams)
}

fn ended(result: Result<(), Error>, streams: &mut Streams<'_>) -> Status {
    match result {
        Ok(()) => Status::Done,
        // The reader, such as `head`, stopped reading.
        Err(Error::Write { source, .. }) if source.kind() == std::io::ErrorKind::BrokenPipe => Status::Done,
        Err(error) => {
            let _ = writeln!(streams.errors, "Error: {error}");
            Status::Failed
        }
    }
}

/// The same for a command whose exit status 1 is an answer, as with diff(1): no answer is something else.
fn answered(result: Result<bool, Error>, streams: &mut Streams<'_>) -> Status {
    match result {
        Ok(false) => Status::Done,
        Ok(true) => Status::Failed,
        Err(error) => match ended(Err(error), streams) {
            Status::Failed => Status::NoAnswer,
            status @ (Status::Done | Status::WrongUsage | Status::NoAnswer) => status,
        },
    }
}
