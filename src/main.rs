//! Exit status and the memory allocator; nothing else.

use std::process::ExitCode;

/// musl's own allocator asks the kernel for each page anew, and gives each back: half of the system calls and
/// page faults of a call.
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

fn main() -> ExitCode {
    istio_iptables::run(std::env::args_os().collect(), &|name| std::env::var_os(name), &mut std::io::stdout().lock())
}
