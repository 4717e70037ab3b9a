//! Messages of nf_tables: a header that names the family, then attributes.

use netlink_packet_core::{
    DecodeError, NLM_F_REQUEST, NetlinkDeserializable, NetlinkHeader, NetlinkMessage, NetlinkPayload,
    NetlinkSerializable,
};

use super::NftError;
use super::attribute::{Attribute, Attributes, attributes};
use super::uapi::{NFNL_SUBSYS_NFTABLES, NFPROTO_INET};

/// The length of `struct nfgenmsg` (`linux/netfilter/nfnetlink.h`).
const HEADER: usize = 4;

/// A message to the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    kind: u16,
    family: u8,
    /// The subsystem that a transaction is for; 0 in other messages.
    subsystem: u16,
    attributes: Attributes,
}

impl Request {
    /// A message of nf_tables about tables of the family `inet`.
    pub(super) fn new(kind: u8, attributes: Attributes) -> Self {
        Self::for_family(kind, NFPROTO_INET, attributes)
    }

    /// A message of nf_tables about tables of a family.
    pub(super) fn for_family(kind: u8, family: u8, attributes: Attributes) -> Self {
        Self { kind: of_nftables(kind), family, subsystem: 0, attributes }
    }

    /// A message that begins or ends a transaction.
    pub(super) fn control(kind: u16, attributes: Attributes) -> Self {
        Self { kind, family: 0, subsystem: NFNL_SUBSYS_NFTABLES.into(), attributes }
    }

    /// Appends the encoded message to `buffer`.
    pub(super) fn write(self, flags: u16, sequence: u32, buffer: &mut Vec<u8>) -> Result<(), NftError> {
        if self.attributes.bytes().is_none() {
            return Err(NftError::TooLong);
        }
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
        Ok(())
    }
}

/// The type of a message of nf_tables.
const fn of_nftables(kind: u8) -> u16 {
    u16::from_be_bytes([NFNL_SUBSYS_NFTABLES, kind])
}

impl NetlinkSerializable for Request {
    fn message_type(&self) -> u16 {
        self.kind
    }

    fn buffer_len(&self) -> usize {
        HEADER + self.attributes.len()
    }

    fn serialize(&self, buffer: &mut [u8]) {
        let [high, low] = self.subsystem.to_be_bytes();
        let attributes = self.attributes.bytes().unwrap_or_default();
        if let Some((header, rest)) = buffer.split_first_chunk_mut::<HEADER>()
            && let Some(rest) = rest.get_mut(..attributes.len())
        {
            *header = [self.family, 0, high, low];
            rest.copy_from_slice(attributes);
        }
    }
}

/// A message from the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    kind: u16,
    /// The family that it is about.
    pub(super) family: u8,
    attributes: Vec<u8>,
}

impl Reply {
    /// Whether it is of this kind.
    pub(super) fn is(&self, kind: u8) -> bool {
        self.kind == of_nftables(kind)
    }

    /// Its attributes.
    pub(super) fn attributes(&self) -> impl Iterator<Item = Result<Attribute<'_>, DecodeError>> {
        attributes(&self.attributes)
    }
}

impl NetlinkDeserializable for Reply {
    type Error = DecodeError;

    fn deserialize(header: &NetlinkHeader, payload: &[u8]) -> Result<Self, Self::Error> {
        let (Some(family), Some(attributes)) = (payload.first(), payload.get(HEADER..)) else {
            return Err(DecodeError::buffer_too_small(payload.len(), HEADER));
        };
        Ok(Self { kind: header.message_type, family: *family, attributes: attributes.to_vec() })
    }
}
