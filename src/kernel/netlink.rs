//! Requests to the kernel over netlink (netlink(7)).

use std::io;

use netlink_packet_core::{
    ErrorMessage, NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, NetlinkDeserializable, NetlinkHeader, NetlinkMessage,
    NetlinkPayload, NetlinkSerializable,
};
use netlink_sys::{Socket, SocketAddr};

/// A socket of one netlink protocol.
#[derive(Debug)]
pub struct Netlink {
    socket: Socket,
    sequence: u32,
}

impl Netlink {
    /// Opens a socket of a protocol, such as `NETLINK_ROUTE`.
    ///
    /// # Errors
    /// What the system says; `EPROTONOSUPPORT` where the kernel does not have it.
    pub fn open(protocol: isize) -> io::Result<Self> {
        let mut socket = Socket::new(protocol)?;
        socket.bind_auto()?;
        socket.connect(&SocketAddr::new(0, 0))?;
        Ok(Self { socket, sequence: 0 })
    }

    /// Asks for everything there is of something.
    ///
    /// # Errors
    /// The kernel's answer, or an answer that cannot be read. A dump that was disturbed by a change is
    /// repeated.
    pub fn dump<M>(&mut self, message: &M) -> io::Result<Vec<M>>
    where
        M: NetlinkSerializable + NetlinkDeserializable + Clone,
    {
        loop {
            self.send(message, NLM_F_REQUEST | NLM_F_DUMP)?;
            match self.answers() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                answers => return answers,
            }
        }
    }

    /// Asks for a change, and waits until it is made.
    ///
    /// # Errors
    /// The kernel's answer.
    pub fn change<M>(&mut self, message: &M, flags: u16) -> io::Result<()>
    where
        M: NetlinkSerializable + NetlinkDeserializable + Clone,
    {
        self.send(message, NLM_F_REQUEST | NLM_F_ACK | flags)?;
        self.answers::<M>().map(drop)
    }

    fn send<M: NetlinkSerializable + Clone>(&mut self, message: &M, flags: u16) -> io::Result<()> {
        self.sequence += 1;
        let mut header = NetlinkHeader::default();
        header.flags = flags;
        header.sequence_number = self.sequence;
        let mut request = NetlinkMessage::new(header, NetlinkPayload::InnerMessage(message.clone()));
        request.finalize();
        let mut bytes = vec![0; request.buffer_len()];
        request.serialize(&mut bytes);
        self.socket.send(&bytes, 0).map(drop)
    }

    /// All answers to the last request.
    fn answers<M: NetlinkDeserializable>(&mut self) -> io::Result<Vec<M>> {
        /// `NLM_F_DUMP_INTR` of `linux/netlink.h`: something changed while it was listed.
        const DISTURBED: u16 = 0x10;
        let mut found = Vec::new();
        let mut disturbed = false;
        loop {
            let (bytes, _) = self.socket.recv_from_full()?;
            let mut rest = bytes.as_slice();
            while !rest.is_empty() {
                let message = NetlinkMessage::<M>::deserialize(rest)
                    .map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e.to_string()))?;
                // Messages begin at multiples of four bytes.
                let length = (message.header.length as usize).next_multiple_of(4).max(16);
                rest = rest.get(length..).unwrap_or_default();
                if message.header.sequence_number != self.sequence {
                    continue;
                }
                disturbed |= message.header.flags & DISTURBED != 0;
                match message.payload {
                    NetlinkPayload::InnerMessage(message) => found.push(message),
                    NetlinkPayload::Done(_) if disturbed => return Err(io::ErrorKind::Interrupted.into()),
                    NetlinkPayload::Done(_) | NetlinkPayload::Error(ErrorMessage { code: None, .. }) => {
                        return Ok(found);
                    }
                    NetlinkPayload::Error(error) => return Err(error.to_io()),
                    _ => {}
                }
            }
        }
    }
}
