//! A node to try injected pods on, from a shell: a small stand-in for a cluster and `kubectl`. `scripts/demo` and the commands
//! of docs/walk.md use it.
//!
//! ```text
//! pods start                          a node with the images, and with the CNI plugin after the usual ones
//! pods apply -f FILE                  runs the pods of manifests, and waits until they are ready; a Job, until it has finished
//! pods get                            the pods
//! pods containers POD                 its containers, in the order in which they were started
//! pods ip POD                         its address
//! pods logs POD CONTAINER             what a container has written
//! pods exec POD CONTAINER COMMAND...  runs a command in a container
//! pods inside POD COMMAND...          runs a command of this machine in the network namespace of a pod
//! pods delete POD
//! pods stop
//! ```
//!
//! The node needs `PODS_ENVOY` and `PODS_CNI`, the programs, and `PODS_INIT`, a folder with what the image of the init program
//! holds. It belongs into network, mount and process namespaces that are thrown away: `in_throwaway_namespaces` of scripts/lib.sh.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program for tests: it falls over, and tells why"
)]

mod client;
mod server;

use std::process::ExitCode;

/// The socket on which the node listens. It belongs to root.
const SOCKET: &str = "/run/pods.sock";

/// The node's log.
const LOG: &str = "/run/pods.log";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match &*words {
        ["serve"] => server::serve(),
        ["start"] => client::start(),
        ["inside", pod, command @ ..] if !command.is_empty() => client::inside(pod, command),
        ["apply", "-f", file] => client::ask(&["apply"], &client::read(file)),
        ["get" | "stop"] | ["ip" | "delete" | "containers", _] | ["logs", _, _] | ["exec", _, _, _, ..] => {
            client::ask(&words, "")
        }
        _ => {
            eprintln!("pods: not a command: {words:?}; the commands are in tests/node/examples/pods/main.rs");
            ExitCode::from(2)
        }
    }
}
