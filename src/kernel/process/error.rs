//! How child processes fail, in words.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

/// A child process that did not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// It could not be started.
    #[error(
        "{program} cannot be run: {source}{}",
        crate::kernel::shortage(.source, "; is it installed, executable, and built for this architecture?")
    )]
    Start { program: PathBuf, source: io::Error },
    /// It failed.
    #[error("{command} failed with {}{}{}{}", end(.status), place(.line), standard_error(.said), because(.cause))]
    Failed {
        command: String,
        status: ExitStatus,
        /// The line of its input that it complains about, with its number.
        line: Option<(usize, String)>,
        said: String,
        cause: Option<String>,
    },
    /// It took too long, and was killed.
    #[error("{command} did not finish within {bound:?} and was killed{}{}", standard_error(.said), because(.cause))]
    Hung { command: String, bound: Duration, said: String, cause: Option<String> },
    /// Talking to it failed.
    #[error("{command}: {source}")]
    Pipe { command: String, source: io::Error },
}

impl ProcessError {
    /// Whether the same call may go well if it is made again.
    pub fn passes(&self) -> bool {
        // Another program was changing the rules.
        const TEMPORARY: [&str; 4] =
            ["Resource temporarily unavailable", "Interrupted system call", "Device or resource busy", "try again"];
        match self {
            Self::Failed { said, .. } => TEMPORARY.iter().any(|words| said.contains(words)),
            Self::Start { source, .. } => matches!(source.raw_os_error(), Some(nix::libc::EAGAIN)),
            Self::Hung { .. } | Self::Pipe { .. } => false,
        }
    }
}

fn end(status: &ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => status.to_string(),
    }
}

fn place(line: &Option<(usize, String)>) -> String {
    line.as_ref().map(|(number, text)| format!(" at line {number} of its input: `{text}`")).unwrap_or_default()
}

fn standard_error(said: &str) -> String {
    let lines: Vec<_> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    match lines.as_slice() {
        [] => "; it wrote nothing to standard error".to_owned(),
        lines => format!("; standard error: {}", lines.join(" / ")),
    }
}

fn because(cause: &Option<String>) -> String {
    cause.as_ref().map(|cause| format!("; {cause}")).unwrap_or_default()
}

/// Finds `line 12` in what a program wrote to standard error, and the line in its input.
pub(super) fn complaint(said: &str, input: &str) -> Option<(usize, String)> {
    let mut words = said.split([' ', ':', '\n', ',', '(', ')']).filter(|w| !w.is_empty());
    let number = std::iter::from_fn(|| {
        words.by_ref().find(|w| *w == "line")?;
        Some(words.clone().next().and_then(|w| w.parse::<usize>().ok()))
    });
    let number = number.flatten().next()?;
    Some((number, input.lines().nth(number.checked_sub(1)?)?.to_owned()))
}
