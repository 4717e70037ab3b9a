//! Programs, and what comes of them.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

/// What came of a process.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The exit status; `None` if a signal ended it.
    pub status: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub log: String,
}

impl Outcome {
    /// What came of a finished process.
    pub fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { status: output.status.code(), out: text(&output.stdout), log: text(&output.stderr) }
    }

    /// Whether the exit status is 0.
    pub fn succeeded(&self) -> bool {
        self.status == Some(0)
    }

    /// The errors that our programs wrote, one after the other.
    pub fn errors(&self) -> String {
        self.log.lines().filter(|line| line.contains("\terror\t")).collect()
    }
}

/// Runs a program with an input.
#[track_caller]
pub fn feed(command: &mut Command, input: &str) -> Outcome {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    // A program that fails early does not read all: its status is what counts, not this.
    let _ = child.stdin.take().expect("a pipe").write_all(input.as_bytes());
    Outcome::of(&child.wait_with_output().unwrap_or_else(|error| panic!("{command:?}: {error}")))
}

/// Runs a program with an input; it must succeed. Returns what it prints.
#[track_caller]
pub fn run(command: &mut Command, input: &str) -> String {
    let outcome = feed(command, input);
    assert!(outcome.succeeded(), "{command:?}: {:?}\n{}{}\ninput:\n{input}", outcome.status, outcome.log, outcome.out);
    outcome.out
}
