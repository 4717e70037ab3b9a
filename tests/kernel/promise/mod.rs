//! The promise about state, proved with the real program, real iptables of both variants and a real kernel.
//!
//! Each test works in network and mount namespaces of its own. `PROMISE_FULL=1` makes the counts those of
//! the whole proof; without it, a smaller number of the same is done. The figures are printed.

mod concurrency;
mod differential;
mod faults;
mod gaps;
mod generate;
mod kills;
mod netlink;
mod pod;
mod refusals;
mod round_trip;
mod scenario;
mod upgrades;
mod verdict;
