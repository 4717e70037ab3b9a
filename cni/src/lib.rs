//! `istio-cni`: makes a pod's rules when the container runtime makes its network, and puts itself in place on a node.
//!
//! A runtime calls it as a CNI plugin: its input is the environment and standard input
//! (<https://www.cni.dev/docs/spec/>). It asks nothing else: containerd and CRI-O pass the pod's annotations. Called
//! with a command, it is its own installer.
//!
//! ```text
//! environment + standard input ──protocol, settings──▶ Call ──pod──▶ values of istio-iptables' flags ──its library──▶ kernel
//! ```

// What exists for fuzzing and the manual alone is not reported as unused.
#![cfg_attr(not(feature = "internals"), allow(unused_imports))]

use std::process::ExitCode;

#[cfg(not(feature = "internals"))]
mod arguments;
mod command_line;
#[cfg(not(feature = "internals"))]
mod failure;
#[cfg(not(feature = "internals"))]
mod install;
mod logging;
#[cfg(not(feature = "internals"))]
mod metadata;
mod plugin;
#[cfg(not(feature = "internals"))]
mod pod;
#[cfg(not(feature = "internals"))]
mod protocol;
#[cfg(not(feature = "internals"))]
mod settings;
#[cfg(test)]
mod tests;

// Fuzzing and the manual see inside.
#[cfg(feature = "internals")]
pub mod arguments;
#[cfg(feature = "internals")]
pub mod failure;
#[cfg(feature = "internals")]
pub mod install;
#[cfg(feature = "internals")]
pub mod metadata;
#[cfg(feature = "internals")]
pub mod pod;
#[cfg(feature = "internals")]
pub mod protocol;
#[cfg(feature = "internals")]
pub mod settings;

/// Runs a call of this process: a command of the installer if there are arguments, and else a call of the plugin.
pub fn run() -> ExitCode {
    let argv: Vec<_> = std::env::args_os().collect();
    if argv.len() > 1 {
        return command_line::run(argv);
    }
    plugin::run(&|name| std::env::var_os(name), &mut std::io::stdin().lock(), &mut std::io::stdout().lock())
}
