//! Which way a packet of the pod goes, as far as its rules leave that to the kernel's routing.

use std::fmt;
use std::net::IpAddr;

use super::packet::{Endpoint, Packet, PacketProtocol};
use crate::net::Interface;

/// What routing looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// The packet's destination.
    pub to: Endpoint,
    /// Its source, if that is decided and an address of the pod.
    pub from: Option<Endpoint>,
    /// Its protocol.
    pub transport: PacketProtocol,
    /// Its mark.
    pub mark: u32,
    /// The user that sends it.
    pub uid: Option<u32>,
}

/// The next place of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// To this host.
    Local,
    /// Out.
    Out {
        /// By this interface.
        interface: Interface,
        /// The source address of packets that have none yet.
        source: Option<IpAddr>,
    },
    /// Nowhere: there is no route.
    Nowhere,
}

/// Who knows the routes: the kernel.
pub trait Ways: fmt::Debug + Send + Sync {
    /// The way of a packet; `None` if it cannot be known.
    fn way(&self, question: &Question) -> Option<Way>;
}

impl Packet {
    /// What the kernel's routing is asked when it is sent.
    pub fn question(&self) -> Question {
        Question {
            to: self.to,
            from: Some(self.from),
            transport: self.transport,
            mark: self.mark,
            uid: self.sender.map(|s| s.uid),
        }
    }
}
