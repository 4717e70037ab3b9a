//! Real rules in real network namespaces, with real connections. Every test first shows where a connection
//! goes without rules, and has namespaces of its own. Each runs for both variants of iptables and both families,
//! and without iptables unless it needs iptables.

use ::harness::Backend;

use crate::support::{Family, needs};

/// Runs a function of [`support::Case`]'s variant and family as four tests, with both variants of iptables.
macro_rules! for_all {
    ($($test:ident),+ $(,)?) => { $(
        mod $test {
            use crate::support::{Family};
use ::harness::{Backend};

            #[test]
            fn legacy_ipv4() {
                crate::netns::run(super::$test, Backend::Legacy, Family::Ipv4);
            }

            #[test]
            fn legacy_ipv6() {
                crate::netns::run(super::$test, Backend::Legacy, Family::Ipv6);
            }

            #[test]
            fn nft_ipv4() {
                crate::netns::run(super::$test, Backend::Nft, Family::Ipv4);
            }

            #[test]
            fn nft_ipv6() {
                crate::netns::run(super::$test, Backend::Nft, Family::Ipv6);
            }
        }
    )+ };
}

/// Runs it as two more, without iptables.
macro_rules! for_native {
    ($($test:ident),+ $(,)?) => {
        mod native { $(
            mod $test {
                use crate::support::{Family};
use ::harness::{Backend};

                #[test]
                fn ipv4() {
                    crate::netns::run(super::super::$test, Backend::Native, Family::Ipv4);
                }

                #[test]
                fn ipv6() {
                    crate::netns::run(super::super::$test, Backend::Native, Family::Ipv6);
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

mod addresses;
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

/// Runs a test, or reports why it cannot run.
fn run(test: impl FnOnce(Backend, Family), backend: Backend, family: Family) {
    if ::harness::can_run(&needs()) {
        test(backend, family);
    }
}
