//! Real rules in real network namespaces, met by real connections. Every test first shows where a connection
//! goes without rules, and has namespaces of its own; each is run for
//! both kinds of iptables and both families, and without iptables where it asks nothing of iptables.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test fails by a panic, and prints how to enter its namespaces"
)]

#[path = "../support/mod.rs"]
mod support;

/// Runs a function of [`support::Case`]'s kind and family as four tests, with both kinds of iptables.
macro_rules! for_all {
    ($($test:ident),+ $(,)?) => { $(
        mod $test {
            use crate::support::{Family, Kind};

            #[test]
            fn legacy_ipv4() {
                crate::run(super::$test, Kind::Legacy, Family::Ipv4);
            }

            #[test]
            fn legacy_ipv6() {
                crate::run(super::$test, Kind::Legacy, Family::Ipv6);
            }

            #[test]
            fn nft_ipv4() {
                crate::run(super::$test, Kind::Nft, Family::Ipv4);
            }

            #[test]
            fn nft_ipv6() {
                crate::run(super::$test, Kind::Nft, Family::Ipv6);
            }
        }
    )+ };
}

/// Runs it as two more, without iptables.
macro_rules! for_native {
    ($($test:ident),+ $(,)?) => {
        mod native { $(
            mod $test {
                use crate::support::{Family, Kind};

                #[test]
                fn ipv4() {
                    crate::run(super::super::$test, Kind::Native, Family::Ipv4);
                }

                #[test]
                fn ipv6() {
                    crate::run(super::super::$test, Kind::Native, Family::Ipv6);
                }
            }
        )+ }
    };
}

/// All six.
macro_rules! for_all_and_native {
    ($($test:ident),+ $(,)?) => {
        for_all!($($test),+);
        for_native!($($test),+);
    };
}

mod dns;
mod dual_stack;
mod harness;
mod inbound;
mod invalid;
mod outbound;
mod readback;
mod tproxy;
mod virtual_machine;
mod within_pod;

/// Runs a test, or says why it cannot run.
fn run(test: impl FnOnce(support::Kind, support::Family), kind: support::Kind, family: support::Family) {
    match support::missing() {
        None => test(kind, family),
        Some(why) if std::env::var("CI").is_ok_and(|ci| ci == "true") => panic!("cannot run: {why}"),
        Some(why) => eprintln!("NOT RUN: {why}"),
    }
}
