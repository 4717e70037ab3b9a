//! Exit status, and where memory comes from; nothing else.

use std::process::ExitCode;
use std::sync::Arc;
use std::{env, io};

use sidecar_injector::commands::{self, Streams};

/// musl's own allocator, and others with one lock, let only one core at a time answer requests.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let mut streams = Streams { input: &mut io::stdin(), out: &mut io::stdout(), errors: &mut io::stderr() };
    commands::run(env::args_os().collect(), Arc::new(|name| env::var_os(name)), &mut streams).code().into()
}
