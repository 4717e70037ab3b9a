//! Pods without a cluster: network namespaces, wired to each other, with real listeners and clients in them.
//!
//! A [`Case`] is a pod with a sidecar's listeners, and the world around it; `Case::apply` is the only thing
//! that the program under test does. The rest asks the kernel: who answers, and what does that server see?

mod address;
mod apply;
mod case;
mod client;
mod packet;
mod server;

use harness::Backend;

pub use address::{Family, PodNetwork};
pub use apply::STANDARD;
pub use case::Case;
pub use client::{Client, Connection};
pub use packet::{ACK, RST, RawTcp, SYN, Segment};
pub use server::{Relay, Server, Source, Transparent, bound};

/// The programs that tests with a [`Case`] need.
pub fn needs() -> Vec<String> {
    Backend::restores().into_iter().chain(["ip", "setpriv", "nft"].map(str::to_owned)).collect()
}
