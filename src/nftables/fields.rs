//! The attributes of a message, or of another attribute, by kind.

use netlink_packet_core::DecodeError;

use crate::netlink::{Attribute, attributes};

/// Attributes, by kind.
pub(crate) struct Fields<'a> {
    /// No kind that is read is above these.
    by_kind: [Option<Attribute<'a>>; 20],
    /// Whether there is one of another kind, or one twice.
    strange: bool,
}

impl<'a> Fields<'a> {
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut fields = Self { by_kind: [None; 20], strange: false };
        for attribute in attributes(bytes) {
            let attribute = attribute?;
            match fields.by_kind.get_mut(usize::from(attribute.kind)) {
                Some(field @ None) => *field = Some(attribute),
                Some(Some(_)) | None => fields.strange = true,
            }
        }
        Ok(fields)
    }

    /// Whether there is none of other kinds, and none twice.
    pub(crate) fn are_among(&self, kinds: &[u16]) -> bool {
        !self.strange && self.by_kind.iter().flatten().all(|a| kinds.contains(&a.kind))
    }

    pub(crate) fn get(&self, kind: u16) -> Option<Attribute<'a>> {
        self.by_kind.get(usize::from(kind)).copied().flatten()
    }

    pub(crate) fn number(&self, kind: u16) -> Result<Option<u32>, DecodeError> {
        self.get(kind).map(Attribute::number).transpose()
    }

    /// The numbers of these kinds; `None` if there is anything else.
    pub(crate) fn numbers<const N: usize>(&self, kinds: [u16; N]) -> Result<Option<[Option<u32>; N]>, DecodeError> {
        if !self.are_among(&kinds) {
            return Ok(None);
        }
        let mut numbers = [None; N];
        for (number, kind) in numbers.iter_mut().zip(kinds) {
            *number = self.number(kind)?;
        }
        Ok(Some(numbers))
    }

    pub(crate) fn text(&self, kind: u16) -> Result<Option<&'a str>, DecodeError> {
        self.get(kind).map(Attribute::text).transpose()
    }

    pub(crate) fn data(&self, kind: u16) -> Result<Option<Vec<u8>>, DecodeError> {
        self.get(kind).map(Attribute::data).transpose().map(Option::flatten)
    }
}
