//! Pods without a cluster: network namespaces, wired to each other, with real listeners and clients in them.
//!
//! A [`Case`] is a pod with a sidecar's listeners, and the world around it; `Case::apply` is the only thing
//! that the program under test does. The rest asks the kernel: who answers, and what does he know of us?

mod address;
mod apply;
mod case;
mod client;
mod namespace;
mod packet;
mod requirements;
mod server;

pub use address::{Family, PodNetwork};
pub use apply::{Kind, STANDARD};
pub use case::{Case, wait_until};
pub use client::{Client, Connection};
pub use namespace::{APP, Namespace, PROXY, ROOT, TPROXY_PROXY, Who, refuse_initial};
pub use packet::{ACK, RST, RawTcp, SYN, Segment};
pub use requirements::missing;
pub use server::{Relay, Server, Source, Transparent};
