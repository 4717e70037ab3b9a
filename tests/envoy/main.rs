//! The real Envoy as sidecar of a real application, with the rules of the real program: requests go out and come
//! in through it, and none is lost, not even while rules are changed.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test fails by a panic, and prints how to enter its namespaces"
)]

#[allow(dead_code, unused_imports, reason = "shared with other tests, which use other parts")]
#[path = "../support/mod.rs"]
mod support;

mod config;
mod requests;
mod sidecar;
mod under_load;

/// How inbound connections get to the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// REDIRECT, Envoy as user 1337.
    Redirect,
    /// TPROXY, Envoy as root in group 1337.
    Tproxy,
}

/// Runs a function of [`sidecar::Mesh`] for both kinds of iptables in both modes.
macro_rules! for_all {
    ($($test:ident),+ $(,)?) => { $(
        mod $test {
            use crate::Mode::{Redirect, Tproxy};
            use crate::support::Kind::{Legacy, Nft};

            #[test]
            fn redirect_legacy() {
                crate::run(super::$test, Legacy, Redirect);
            }

            #[test]
            fn redirect_nft() {
                crate::run(super::$test, Nft, Redirect);
            }

            #[test]
            fn tproxy_legacy() {
                crate::run(super::$test, Legacy, Tproxy);
            }

            #[test]
            fn tproxy_nft() {
                crate::run(super::$test, Nft, Tproxy);
            }
        }
    )+ };
}
pub(crate) use for_all;

/// Runs a test, or says why it cannot run.
fn run(test: impl FnOnce(sidecar::Mesh), kind: support::Kind, mode: Mode) {
    let why = match (support::missing(), sidecar::envoy()) {
        (None, Ok(envoy)) => return test(sidecar::Mesh::new(kind, mode, envoy)),
        (Some(why), _) => why.to_owned(),
        (None, Err(why)) => why.clone(),
    };
    assert!(std::env::var("CI").map_or(true, |ci| ci != "true"), "cannot run: {why}");
    eprintln!("NOT RUN: {why}");
}
