//! Attributes of netlink messages, as nf_tables has them: numbers in network byte order, text that ends with
//! a zero byte, and attributes within attributes.

use netlink_packet_core::{DecodeError, DefaultNla, Emitable, NLA_F_NESTED, NLA_HEADER_SIZE, NlasIterator};

/// Attributes in their encoded form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Attributes {
    bytes: Vec<u8>,
    /// Whether one was too long for its length field, and was left out.
    overflow: bool,
}

impl Attributes {
    /// The longest value of an attribute: its length, with the header, is a 16-bit number.
    const LONGEST: usize = u16::MAX as usize - NLA_HEADER_SIZE;

    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Adds an attribute.
    pub(super) fn value(mut self, kind: u16, value: &[u8]) -> Self {
        if value.len() > Self::LONGEST {
            self.overflow = true;
            return self;
        }
        let attribute = DefaultNla::new(kind, value.to_vec());
        let start = self.bytes.len();
        self.bytes.resize(start + attribute.buffer_len(), 0);
        if let Some(space) = self.bytes.get_mut(start..) {
            attribute.emit(space);
        }
        self
    }

    /// Adds a number.
    pub(super) fn number(self, kind: u16, value: u32) -> Self {
        self.value(kind, &value.to_be_bytes())
    }

    /// Adds a text.
    pub(super) fn text(self, kind: u16, text: &str) -> Self {
        let mut value = Vec::with_capacity(text.len() + 1);
        value.extend_from_slice(text.as_bytes());
        value.push(0);
        self.value(kind, &value)
    }

    /// Adds an attribute that holds others.
    pub(super) fn nest(mut self, kind: u16, inner: &Self) -> Self {
        self.overflow |= inner.overflow;
        self.value(kind | NLA_F_NESTED, &inner.bytes)
    }

    /// Adds an attribute that holds one value of a register: data of nf_tables.
    pub(super) fn data(self, kind: u16, value: &[u8]) -> Self {
        self.nest(kind, &Self::new().value(super::uapi::NFTA_DATA_VALUE, value))
    }

    /// Adds attributes as another message had them.
    pub(super) fn raw(mut self, attributes: &[Raw]) -> Self {
        for attribute in attributes {
            self = self.value(attribute.kind, &attribute.value);
        }
        self
    }

    /// The encoded form; `None` where an attribute was too long.
    pub(super) fn bytes(&self) -> Option<&[u8]> {
        (!self.overflow).then_some(&self.bytes)
    }

    /// How long the encoded form is.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }
}

/// An attribute as it was read, with the flags of its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Raw {
    pub(super) kind: u16,
    pub(super) value: Vec<u8>,
}

/// An attribute within a message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attribute<'a> {
    /// What it is, without flags.
    pub(super) kind: u16,
    nested: bool,
    value: &'a [u8],
}

/// Goes through the attributes of a message or of another attribute.
pub(super) fn attributes(bytes: &[u8]) -> impl Iterator<Item = Result<Attribute<'_>, DecodeError>> {
    NlasIterator::new(bytes).map(|attribute| {
        let attribute = attribute?;
        let (kind, nested, length) = (attribute.kind(), attribute.nested_flag(), usize::from(attribute.length()));
        let value = attribute.into_inner().get(NLA_HEADER_SIZE..length);
        let value = value.ok_or_else(|| DecodeError::from("an attribute is cut off"))?;
        Ok(Attribute { kind, nested, value })
    })
}

impl<'a> Attribute<'a> {
    /// The value as it is.
    pub(super) fn bytes(self) -> &'a [u8] {
        self.value
    }

    /// The value as a number.
    pub(super) fn number(self) -> Result<u32, DecodeError> {
        self.array().map(u32::from_be_bytes)
    }

    fn array<const N: usize>(self) -> Result<[u8; N], DecodeError> {
        self.value.try_into().map_err(|_| DecodeError::invalid_number(N, self.value.len()))
    }

    /// The value as text.
    pub(super) fn text(self) -> Result<String, DecodeError> {
        let text = self.value.strip_suffix(&[0]).unwrap_or(self.value);
        Ok(String::from_utf8(text.to_vec())?)
    }

    /// The attributes that it holds.
    pub(super) fn inner(self) -> impl Iterator<Item = Result<Attribute<'a>, DecodeError>> {
        attributes(self.value)
    }

    /// The value of a register that it holds; `None` where it holds something else.
    pub(super) fn data(self) -> Result<Option<Vec<u8>>, DecodeError> {
        let mut value = None;
        for attribute in self.inner() {
            let attribute = attribute?;
            if attribute.kind != super::uapi::NFTA_DATA_VALUE || value.is_some() {
                return Ok(None);
            }
            value = Some(attribute.value.to_vec());
        }
        Ok(value)
    }

    /// The attribute for another message.
    pub(super) fn raw(self) -> Raw {
        Raw { kind: self.kind | if self.nested { NLA_F_NESTED } else { 0 }, value: self.value.to_vec() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let inner = Attributes::new().number(1, 0x0102_0304).text(2, "nat");
        let written = Attributes::new().nest(7, &inner).data(8, &[9, 9, 9]).value(9, &[]);
        let read: Vec<_> = attributes(written.bytes().unwrap()).map(Result::unwrap).collect();
        assert_eq!(read.iter().map(|a| a.kind).collect::<Vec<_>>(), [7, 8, 9]);
        let nested: Vec<_> = read[0].inner().map(Result::unwrap).collect();
        assert_eq!((nested[0].number().unwrap(), nested[1].text().unwrap()), (0x0102_0304, "nat".to_owned()));
        assert_eq!(read[1].data().unwrap(), Some(vec![9, 9, 9]));
        assert!(read[2].number().is_err());
        let raw: Vec<_> = read.into_iter().map(Attribute::raw).collect();
        assert_eq!(Attributes::new().raw(&raw), written);
    }

    #[test]
    fn lengths_are_checked() {
        assert!(Attributes::new().value(1, &[0; 65531]).bytes().is_some());
        assert!(Attributes::new().value(1, &[0; 65532]).bytes().is_none());
        let written = Attributes::new().number(1, 1);
        let bytes = written.bytes().unwrap();
        for end in 1..bytes.len() {
            assert!(attributes(&bytes[..end]).any(|a| a.is_err()), "{end}");
        }
        for length in 0..4 {
            assert!(attributes(&[length, 0, 1, 0]).any(|a| a.is_err()), "{length}");
        }
    }
}
