//! Values of networking: ports, ranges of addresses, interfaces, owners, marks, routing tables, families. They know
//! nothing else, neither flags nor rules nor the kernel.

mod families;
mod interface;
mod network;
mod number;
mod owner;
mod port;

pub use families::{Families, Family};
pub use interface::Interface;
pub use network::{Network, PROXY_SOURCE_V4, PROXY_SOURCE_V6};
pub use number::{Mark, RouteTable};
pub use owner::Owner;
pub use port::{DNS_AGENT, DNS_PORT, Port, PortRange};
