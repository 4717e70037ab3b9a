//! The real Envoy as sidecar of a real application, with the rules of the real program: requests go out and come
//! in through it, and none is lost, not even while rules are changed.

use harness::Backend;

use crate::support::needs;

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

/// Runs a function of [`sidecar::Mesh`] for both variants of iptables in both modes.
macro_rules! for_all {
    ($($test:ident),+ $(,)?) => { $(
        mod $test {
            use crate::envoy::Mode::{Redirect, Tproxy};
            use harness::Backend::{Legacy, Nft};

            #[test]
            fn redirect_legacy() {
                crate::envoy::run(super::$test, Legacy, Redirect);
            }

            #[test]
            fn redirect_nft() {
                crate::envoy::run(super::$test, Nft, Redirect);
            }

            #[test]
            fn tproxy_legacy() {
                crate::envoy::run(super::$test, Legacy, Tproxy);
            }

            #[test]
            fn tproxy_nft() {
                crate::envoy::run(super::$test, Nft, Tproxy);
            }
        }
    )+ };
}
pub(crate) use for_all;

/// Runs a test, or reports why it cannot run.
fn run(test: impl FnOnce(sidecar::Mesh), backend: Backend, mode: Mode) {
    if !harness::can_run(&needs()) {
        return;
    }
    match sidecar::envoy() {
        Ok(envoy) => test(sidecar::Mesh::new(backend, mode, envoy)),
        Err(why) => drop(harness::cannot_run(why)),
    }
}
