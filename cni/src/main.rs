//! `istio-cni`: makes a pod's rules when the container runtime makes its network, and puts itself in place on a node.
//!
//! A runtime calls it as a CNI plugin: its input is the environment and standard input
//! (<https://www.cni.dev/docs/spec/>). It asks nothing else: containerd and CRI-O pass the pod's annotations. Called
//! with a command, it is its own installer.
//!
//! ```text
//! environment + standard input ──protocol, settings──▶ Call ──pod──▶ values of istio-iptables' flags ──its library──▶ kernel
//! ```

use std::process::ExitCode;

mod arguments;
mod command_line;
mod failure;
mod install;
mod logging;
mod metadata;
mod plugin;
mod pod;
mod protocol;
mod settings;
#[cfg(test)]
mod tests;

/// musl's own allocator asks the kernel for each page anew, and gives each back.
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

fn main() -> ExitCode {
    let argv: Vec<_> = std::env::args_os().collect();
    if argv.len() > 1 {
        return command_line::run(argv);
    }
    plugin::run(&|name| std::env::var_os(name), &mut std::io::stdin().lock(), &mut std::io::stdout().lock())
}
