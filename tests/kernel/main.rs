//! The program on real kernels: what needs root, network namespaces, and the programs that make rules. Each test has
//! namespaces of its own; one that cannot run reports that, and fails under CI.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test fails by a panic, and prints how to enter its namespaces"
)]

mod check;
mod envoy;
mod explain;
mod native;
mod netns;
mod promise;
mod support;
mod validation;

/// The program under test.
const PROGRAM: &str = env!("CARGO_BIN_EXE_istio-iptables");
