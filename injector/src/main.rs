//! Exit status, and where memory comes from; nothing else.

use std::process::ExitCode;
use std::sync::Arc;
use std::{env, io};

use sidecar_injector::commands::{self, Streams};

/// musl's own allocator asks the kernel for each page anew, and gives each one back.
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

fn main() -> ExitCode {
    let mut streams = Streams { input: &mut io::stdin(), out: &mut io::stdout(), errors: &mut io::stderr() };
    commands::run(env::args_os().collect(), Arc::new(|name| env::var_os(name)), &mut streams).code().into()
}
