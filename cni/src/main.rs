//! The program.

use std::process::ExitCode;

/// musl's own allocator asks the kernel for each page anew, and gives each back.
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

fn main() -> ExitCode {
    istio_cni::run()
}
