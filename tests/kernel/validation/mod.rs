//! `--run-validation` of the real program, in real network namespaces: it passes if the rules are in place, and reports
//! what is wrong if they are not.

mod failing;
mod passing;
mod pod;

use harness::Backend;

use crate::support::{Case, Family, needs};

/// Runs a function of [`pod::Pod`] for both variants of iptables.
macro_rules! for_both {
    ($($test:ident),+ $(,)?) => { $(
        mod $test {
            #[test]
            fn legacy() {
                crate::validation::run(super::$test, harness::Backend::Legacy);
            }

            #[test]
            fn nft() {
                crate::validation::run(super::$test, harness::Backend::Nft);
            }
        }
    )+ };
}
pub(crate) use for_both;

/// Runs a test, or reports why it cannot run.
fn run(test: impl FnOnce(pod::Pod), backend: Backend) {
    if harness::can_run(&needs()) {
        test(pod::Pod(Case::new(backend, Family::Ipv4)));
    }
}
