//! Runs programs and waits for them, and does nothing else: what a call of the real program has to take at
//! least, as its own start and the programs that it needs cannot be done without. For `scripts/bench`.
//!
//! `floor PROGRAM ARGUMENT... [<FILE] [--and PROGRAM... | --then PROGRAM...]`: those with `--and` between them
//! run at the same time.

use std::fs::File;
use std::io;
use std::process::{Child, Command, ExitCode, Stdio};

fn main() -> io::Result<ExitCode> {
    let words: Vec<_> = std::env::args().skip(1).collect();
    for together in words.split(|w| w == "--then") {
        let running = together.split(|w| w == "--and").map(start).collect::<io::Result<Vec<Child>>>()?;
        for mut child in running {
            if !child.wait()?.success() {
                return Ok(ExitCode::FAILURE);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn start(words: &[String]) -> io::Result<Child> {
    let (program, arguments) = words.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let mut command = Command::new(program);
    for argument in arguments {
        match argument.strip_prefix('<') {
            Some(path) => command.stdin(Stdio::from(File::open(path)?)),
            None => command.arg(argument),
        };
    }
    command.spawn()
}
