//! `istio-cni`: makes a pod's rules when the container runtime makes its network, and puts itself in place on a node.
//!
//! Called by a runtime it is a CNI plugin: what to do stands in the environment and on standard input
//! (<https://www.cni.dev/docs/spec/>). Called with a command it is its own installer.

use std::process::ExitCode;

/// musl's own allocator asks the kernel for each page anew.
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

fn main() -> ExitCode {
    ExitCode::SUCCESS
}
