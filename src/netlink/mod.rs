//! Messages of netlink (netlink(7)) as bytes: pure. Their contents are read by the code that needs them, which
//! knows the kinds that can come: code for every kind would be twice as large as the rest of the program.

use std::net::IpAddr;

use netlink_packet_core::{
    DecodeError, NLM_F_REQUEST, NetlinkDeserializable, NetlinkHeader, NetlinkMessage, NetlinkPayload,
    NetlinkSerializable,
};
use nix::errno::Errno;

mod attribute;

pub(crate) use attribute::{Attribute, Attributes, Raw, attributes, of_kind};

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    /// What it is (`nlmsg_type`).
    pub(crate) kind: u16,
    /// Its contents: a header of its kind, then attributes.
    pub(crate) body: Vec<u8>,
}

impl Message {
    /// A message with these contents, padded to a multiple of four bytes.
    pub(crate) fn new(kind: u16, mut body: Vec<u8>) -> Self {
        body.resize(body.len().next_multiple_of(4), 0);
        Self { kind, body }
    }

    /// Appends the message, as a request, to `buffer`.
    pub(crate) fn write(self, flags: u16, sequence: u32, buffer: &mut Vec<u8>) {
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST | flags;
        header.sequence_number = sequence;
        let mut message = NetlinkMessage::new(header, NetlinkPayload::InnerMessage(self));
        message.finalize();
        let start = buffer.len();
        buffer.resize(start + message.buffer_len(), 0);
        if let Some(space) = buffer.get_mut(start..) {
            message.serialize(space);
        }
    }
}

impl NetlinkSerializable for Message {
    fn message_type(&self) -> u16 {
        self.kind
    }

    fn buffer_len(&self) -> usize {
        self.body.len()
    }

    fn serialize(&self, buffer: &mut [u8]) {
        buffer.copy_from_slice(&self.body);
    }
}

impl NetlinkDeserializable for Message {
    type Error = DecodeError;

    fn deserialize(header: &NetlinkHeader, payload: &[u8]) -> Result<Self, DecodeError> {
        Ok(Self { kind: header.message_type, body: payload.to_vec() })
    }
}

/// The messages in a part of an answer, or in a transaction.
pub(crate) fn messages(mut bytes: &[u8]) -> Result<Vec<NetlinkMessage<Message>>, DecodeError> {
    let mut messages = Vec::new();
    while !bytes.is_empty() {
        let message = NetlinkMessage::<Message>::deserialize(bytes)?;
        // Messages begin at multiples of four bytes.
        let length = usize::try_from(message.header.length).unwrap_or(usize::MAX);
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        messages.push(message);
    }
    Ok(messages)
}

/// The content of messages, without those about the answer itself, such as its end.
#[cfg(any(test, feature = "internals"))]
pub(crate) fn contents(bytes: &[u8]) -> Option<Vec<Message>> {
    let inner =
        |m: NetlinkMessage<Message>| if let NetlinkPayload::InnerMessage(m) = m.payload { Some(m) } else { None };
    Some(messages(bytes).ok()?.into_iter().filter_map(inner).collect())
}

/// Whether a new attempt may succeed: another program changed meanwhile what was listed or changed, or the
/// kernel was interrupted or short of something. `ERESTART`: the generation that a transaction was made for is gone.
pub(crate) fn is_transient(errno: Errno) -> bool {
    matches!(errno, Errno::EAGAIN | Errno::EINTR | Errno::ERESTART | Errno::ENOBUFS)
}

/// An address as netlink has it.
pub(crate) fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}
