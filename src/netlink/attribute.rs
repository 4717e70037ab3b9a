//! Attributes of netlink messages, as nf_tables has them: numbers in network byte order, text that ends with
//! a zero byte, and attributes within attributes.

use netlink_packet_core::{DecodeError, NLA_ALIGNTO, NLA_F_NESTED, NLA_HEADER_SIZE, NlaBuffer, NlasIterator};

/// A value of a register (`NFTA_DATA_VALUE` of `linux/netfilter/nf_tables.h`).
const DATA_VALUE: u16 = 1;

/// Attributes in their encoded form: one buffer for all levels, since there are hundreds in a transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Attributes {
    bytes: Vec<u8>,
    /// Whether one was too long for its length field.
    overflow: bool,
}

impl Attributes {
    pub(crate) fn new() -> Self {
        Self { bytes: Vec::with_capacity(512), overflow: false }
    }

    /// Adds an attribute whose value `write` appends.
    fn with(mut self, kind: u16, write: impl FnOnce(Self) -> Self) -> Self {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[0; NLA_HEADER_SIZE]);
        let mut done = write(self);
        // The length counts the header, and not the padding.
        let length = u16::try_from(done.bytes.len().saturating_sub(start)).unwrap_or_else(|_| {
            done.overflow = true;
            u16::MAX
        });
        if let Some(header) = done.bytes.get_mut(start..) {
            let mut header = NlaBuffer::new(header);
            header.set_length(length);
            header.set_kind(kind);
            if kind & NLA_F_NESTED != 0 {
                header.set_nested_flag();
            }
        }
        done.bytes.resize(done.bytes.len().next_multiple_of(NLA_ALIGNTO), 0);
        done
    }

    /// Adds an attribute.
    pub(crate) fn value(self, kind: u16, value: &[u8]) -> Self {
        self.with(kind, |mut all| {
            all.bytes.extend_from_slice(value);
            all
        })
    }

    /// Adds a number.
    pub(crate) fn number(self, kind: u16, value: u32) -> Self {
        self.value(kind, &value.to_be_bytes())
    }

    /// Adds a text.
    pub(crate) fn text(self, kind: u16, text: &str) -> Self {
        self.with(kind, |mut all| {
            all.bytes.extend_from_slice(text.as_bytes());
            all.bytes.push(0);
            all
        })
    }

    /// Adds an attribute that holds those that `write` adds.
    pub(crate) fn nest(self, kind: u16, write: impl FnOnce(Self) -> Self) -> Self {
        self.with(kind | NLA_F_NESTED, write)
    }

    /// Adds an attribute that holds one value of a register: data of nf_tables.
    pub(crate) fn data(self, kind: u16, value: &[u8]) -> Self {
        self.nest(kind, |data| data.value(DATA_VALUE, value))
    }

    /// Adds attributes as another message had them.
    pub(crate) fn raw(self, attributes: &[Raw]) -> Self {
        attributes.iter().fold(self, |all, attribute| all.value(attribute.kind, &attribute.value))
    }

    /// The encoded form; `None` if an attribute was too long.
    pub(crate) fn bytes(&self) -> Option<&[u8]> {
        (!self.overflow).then_some(&self.bytes)
    }

    /// How long the encoded form is.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }
}

/// An attribute as it was read, with the flags of its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Raw {
    pub(crate) kind: u16,
    pub(crate) value: Vec<u8>,
}

/// An attribute within a message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attribute<'a> {
    /// What it is, without flags.
    pub(crate) kind: u16,
    nested: bool,
    value: &'a [u8],
}

/// Goes through the attributes of a message or of another attribute.
pub(crate) fn attributes(bytes: &[u8]) -> impl Iterator<Item = Result<Attribute<'_>, DecodeError>> {
    NlasIterator::new(bytes).map(|attribute| {
        let attribute = attribute?;
        let (kind, nested, length) = (attribute.kind(), attribute.nested_flag(), usize::from(attribute.length()));
        let value = attribute.into_inner().get(NLA_HEADER_SIZE..length);
        let value = value.ok_or_else(|| DecodeError::from("an attribute is cut off"))?;
        Ok(Attribute { kind, nested, value })
    })
}

/// The first attribute of a kind; what cannot be read is passed over.
pub(crate) fn of_kind(bytes: &[u8], kind: u16) -> Option<Attribute<'_>> {
    attributes(bytes).filter_map(Result::ok).find(|attribute| attribute.kind == kind)
}

impl<'a> Attribute<'a> {
    /// The value as it is.
    pub(crate) fn bytes(self) -> &'a [u8] {
        self.value
    }

    /// The value as a number.
    pub(crate) fn number(self) -> Result<u32, DecodeError> {
        let bytes = self.value.try_into().map_err(|_| DecodeError::invalid_number(4, self.value.len()))?;
        Ok(u32::from_be_bytes(bytes))
    }

    /// The value as text.
    pub(crate) fn text(self) -> Result<&'a str, DecodeError> {
        let text = self.value.strip_suffix(&[0]).unwrap_or(self.value);
        std::str::from_utf8(text).map_err(|_| DecodeError::from("a name is not UTF-8"))
    }

    /// The attributes that it holds.
    pub(crate) fn inner(self) -> impl Iterator<Item = Result<Attribute<'a>, DecodeError>> {
        attributes(self.value)
    }

    /// The value of a register that it holds; `None` if it holds something else.
    pub(crate) fn data(self) -> Result<Option<Vec<u8>>, DecodeError> {
        let mut value = None;
        for attribute in self.inner() {
            let attribute = attribute?;
            if attribute.kind != DATA_VALUE || value.is_some() {
                return Ok(None);
            }
            value = Some(attribute.value.to_vec());
        }
        Ok(value)
    }

    /// The attribute for another message.
    pub(crate) fn raw(self) -> Raw {
        Raw { kind: self.kind | if self.nested { NLA_F_NESTED } else { 0 }, value: self.value.to_vec() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let inner = |all: Attributes| all.number(1, 0x0102_0304).text(2, "nat");
        let written = Attributes::new().nest(7, inner).data(8, &[9, 9, 9]).value(9, &[]);
        let read: Vec<_> = attributes(written.bytes().unwrap()).map(Result::unwrap).collect();
        assert_eq!(read.iter().map(|a| a.kind).collect::<Vec<_>>(), [7, 8, 9]);
        let nested: Vec<_> = read[0].inner().map(Result::unwrap).collect();
        assert_eq!((nested[0].number().unwrap(), nested[1].text().unwrap()), (0x0102_0304, "nat"));
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
