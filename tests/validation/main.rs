//! `--run-validation` of the real program, in real network namespaces: it passes where the rules are, and says
//! what is wrong where they are not.

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

mod failing;
mod passing;
mod pod;

use support::{Family, Kind};

/// Runs a function of [`pod::Pod`] for both kinds of iptables.
macro_rules! for_both {
    ($($test:ident),+ $(,)?) => { $(
        mod $test {
            #[test]
            fn legacy() {
                crate::run(super::$test, crate::support::Kind::Legacy);
            }

            #[test]
            fn nft() {
                crate::run(super::$test, crate::support::Kind::Nft);
            }
        }
    )+ };
}
pub(crate) use for_both;

/// Runs a test, or says why it cannot run.
fn run(test: impl FnOnce(pod::Pod), kind: Kind) {
    match support::missing() {
        None => test(pod::Pod(support::Case::new(kind, Family::Ipv4))),
        Some(why) if std::env::var("CI").is_ok_and(|ci| ci == "true") => panic!("cannot run: {why}"),
        Some(why) => eprintln!("NOT RUN: {why}"),
    }
}
