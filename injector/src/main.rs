//! Exit status and the memory allocator; nothing else.

use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::Arc;
use std::{env, io};

use sidecar_injector::commands::{self, Streams};

/// musl's own allocator, like any with one lock, lets only one core at a time answer requests.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // https://no-color.org
    let colour = io::stdout().is_terminal() && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let mut streams = Streams { input: &mut io::stdin(), out: &mut io::stdout(), errors: &mut io::stderr(), colour };
    commands::run(env::args_os().collect(), Arc::new(|name| env::var_os(name)), &mut streams).code().into()
}
