//! Messages of nf_tables: a header that names the family, then attributes.

use netlink_packet_core::DecodeError;

use super::NftError;
use super::fields::Fields;
use super::uapi::{NFNL_SUBSYS_NFTABLES, NFPROTO_INET};
use crate::netlink::{Attribute, Attributes, Message, attributes};

/// The length of `struct nfgenmsg` (`linux/netfilter/nfnetlink.h`).
const HEADER: usize = 4;

/// A message about tables of the family `inet`.
pub(crate) fn request(kind: u8, attributes: &Attributes) -> Result<Message, NftError> {
    request_for(kind, NFPROTO_INET, attributes)
}

/// A message about tables of a family.
pub(crate) fn request_for(kind: u8, family: u8, attributes: &Attributes) -> Result<Message, NftError> {
    message(of_nftables(kind), [family, 0, 0, 0], attributes)
}

/// A message that begins or ends a transaction.
pub(crate) fn control(kind: u16, attributes: &Attributes) -> Result<Message, NftError> {
    message(kind, [0, 0, 0, NFNL_SUBSYS_NFTABLES], attributes)
}

fn message(kind: u16, header: [u8; HEADER], attributes: &Attributes) -> Result<Message, NftError> {
    let attributes = attributes.bytes().ok_or(NftError::TooLong)?;
    Ok(Message::new(kind, [&header, attributes].concat()))
}

/// The type of a message of nf_tables.
const fn of_nftables(kind: u8) -> u16 {
    u16::from_be_bytes([NFNL_SUBSYS_NFTABLES, kind])
}

/// A message from the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    message: Message,
    /// The family that it is about.
    pub(crate) family: u8,
}

impl Reply {
    /// Reads its header.
    pub(crate) fn read(message: Message) -> Result<Self, DecodeError> {
        match message.body.first() {
            Some(family) if message.body.len() >= HEADER => Ok(Self { family: *family, message }),
            Some(_) | None => Err(DecodeError::buffer_too_small(message.body.len(), HEADER)),
        }
    }

    /// Whether it is of this kind.
    pub(crate) fn is(&self, kind: u8) -> bool {
        self.message.kind == of_nftables(kind)
    }

    /// Its attributes.
    pub(crate) fn attributes(&self) -> impl Iterator<Item = Result<Attribute<'_>, DecodeError>> {
        attributes(self.content())
    }

    /// Its attributes, by kind.
    pub(crate) fn fields(&self) -> Result<Fields<'_>, DecodeError> {
        Fields::read(self.content())
    }

    fn content(&self) -> &[u8] {
        self.message.body.get(HEADER..).unwrap_or_default()
    }

    /// The first attribute of a kind.
    pub(crate) fn attribute(&self, kind: u16) -> Option<Attribute<'_>> {
        self.attributes().filter_map(Result::ok).find(|a| a.kind == kind)
    }
}
