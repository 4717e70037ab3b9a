//! The whole sidecar: a plain Deployment goes in, a pod whose traffic passes the real Envoy comes out. The released programs
//! in images, on a real containerd.
//!
//! Not among the tests that `cargo test` runs: it needs the release binaries, and Envoy. `scripts/test-image` runs it.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test that cannot go on falls over, and tells what it sees"
)]

mod paths;
mod webhook;
mod world;
