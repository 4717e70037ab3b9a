//! What nf_tables runs for a rule: instructions that load values into registers and compare them, count,
//! and decide. The kernel calls them expressions (`linux/netfilter/nf_tables.h`); each kind is a struct of
//! attributes after its name.

use super::uapi::{
    NFT_REG_VERDICT, NFTA_DATA_VERDICT, NFTA_EXPR_DATA, NFTA_EXPR_NAME, NFTA_VERDICT_CHAIN, NFTA_VERDICT_CODE,
};
use crate::netlink::{Attributes, Raw};

mod decode;

/// A register: numbers of `enum nft_registers`.
pub(crate) type Register = u32;

/// The set that a value is looked up in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SetReference {
    /// One of the kernel's, by name.
    Name(String),
    /// One of the same transaction, by number.
    Id(u32),
}

/// One instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Instruction {
    /// Loads what is known of a packet.
    Meta { key: u32, into: Register },
    /// Sets what is known of a packet.
    SetMeta { key: u32, from: Register },
    /// Loads what is known of the packet's connection.
    Ct { key: u32, into: Register },
    /// Sets what is known of the packet's connection.
    SetCt { key: u32, from: Register },
    /// Loads a part of the packet.
    Payload { base: u32, offset: u32, length: u32, into: Register },
    /// `into = (from & mask) ^ xor`.
    Bitwise { from: Register, into: Register, mask: Vec<u8>, xor: Vec<u8> },
    /// Changes the byte order of each `size` bytes of a value.
    ByteOrder { from: Register, into: Register, operation: u32, length: u32, size: u32 },
    /// Continues if the comparison holds.
    Compare { register: Register, operation: u32, value: Vec<u8> },
    /// Continues if the value is in the range, or, with another operation, if it is not.
    Range { register: Register, operation: u32, low: Vec<u8>, high: Vec<u8> },
    /// Continues if the set holds the value, or, with a flag, if it does not.
    Lookup { register: Register, set: SetReference, flags: u32 },
    /// Loads a value.
    Load { into: Register, value: Vec<u8> },
    /// Decides.
    NftVerdict { code: u32, chain: Option<String> },
    /// Counts the packet. What it has counted is not kept.
    Counter,
    /// Sends the connection to a port of this host.
    Redirect { lowest: Option<Register>, highest: Option<Register>, flags: u32 },
    /// Gives the packet to a transparent listener.
    Tproxy { family: u32, address: Option<Register>, port: Option<Register> },
    /// Something else, as it was read.
    Other(Vec<Raw>),
}

/// Attributes of the kinds of instructions.
mod kinds {
    pub(crate) const META_DREG: u16 = 1;
    pub(crate) const META_KEY: u16 = 2;
    pub(crate) const META_SREG: u16 = 3;
    pub(crate) const CT_DREG: u16 = 1;
    pub(crate) const CT_KEY: u16 = 2;
    pub(crate) const CT_SREG: u16 = 4;
    pub(crate) const PAYLOAD_DREG: u16 = 1;
    pub(crate) const PAYLOAD_BASE: u16 = 2;
    pub(crate) const PAYLOAD_OFFSET: u16 = 3;
    pub(crate) const PAYLOAD_LEN: u16 = 4;
    pub(crate) const BITWISE_SREG: u16 = 1;
    pub(crate) const BITWISE_DREG: u16 = 2;
    pub(crate) const BITWISE_LEN: u16 = 3;
    pub(crate) const BITWISE_MASK: u16 = 4;
    pub(crate) const BITWISE_XOR: u16 = 5;
    /// Which operation. Older kernels have one, and older programs cannot list this; it is only read.
    pub(crate) const BITWISE_OP: u16 = 6;
    pub(crate) const BYTEORDER_SREG: u16 = 1;
    pub(crate) const BYTEORDER_DREG: u16 = 2;
    pub(crate) const BYTEORDER_OP: u16 = 3;
    pub(crate) const BYTEORDER_LEN: u16 = 4;
    pub(crate) const BYTEORDER_SIZE: u16 = 5;
    pub(crate) const CMP_SREG: u16 = 1;
    pub(crate) const CMP_OP: u16 = 2;
    pub(crate) const CMP_DATA: u16 = 3;
    pub(crate) const RANGE_SREG: u16 = 1;
    pub(crate) const RANGE_OP: u16 = 2;
    pub(crate) const RANGE_FROM_DATA: u16 = 3;
    pub(crate) const RANGE_TO_DATA: u16 = 4;
    pub(crate) const LOOKUP_SET: u16 = 1;
    pub(crate) const LOOKUP_SREG: u16 = 2;
    pub(crate) const LOOKUP_SET_ID: u16 = 4;
    pub(crate) const LOOKUP_FLAGS: u16 = 5;
    pub(crate) const IMMEDIATE_DREG: u16 = 1;
    pub(crate) const IMMEDIATE_DATA: u16 = 2;
    pub(crate) const REDIR_REG_PROTO_MIN: u16 = 1;
    pub(crate) const REDIR_REG_PROTO_MAX: u16 = 2;
    pub(crate) const REDIR_FLAGS: u16 = 3;
    pub(crate) const TPROXY_FAMILY: u16 = 1;
    pub(crate) const TPROXY_REG_ADDR: u16 = 2;
    pub(crate) const TPROXY_REG_PORT: u16 = 3;
}

impl Instruction {
    /// Adds the instruction as an element of a rule's list.
    pub(crate) fn encode(&self, to: Attributes) -> Attributes {
        match self {
            Self::Meta { key, into } => {
                named(to, "meta", &|to| to.number(kinds::META_KEY, *key).number(kinds::META_DREG, *into))
            }
            Self::SetMeta { key, from } => {
                named(to, "meta", &|to| to.number(kinds::META_KEY, *key).number(kinds::META_SREG, *from))
            }
            Self::Ct { key, into } => {
                named(to, "ct", &|to| to.number(kinds::CT_KEY, *key).number(kinds::CT_DREG, *into))
            }
            Self::SetCt { key, from } => {
                named(to, "ct", &|to| to.number(kinds::CT_KEY, *key).number(kinds::CT_SREG, *from))
            }
            Self::Payload { base, offset, length, into } => named(to, "payload", &|to| {
                to.number(kinds::PAYLOAD_DREG, *into)
                    .number(kinds::PAYLOAD_BASE, *base)
                    .number(kinds::PAYLOAD_OFFSET, *offset)
                    .number(kinds::PAYLOAD_LEN, *length)
            }),
            Self::Bitwise { from, into, mask, xor } => named(to, "bitwise", &|to| {
                to.number(kinds::BITWISE_SREG, *from)
                    .number(kinds::BITWISE_DREG, *into)
                    .number(kinds::BITWISE_LEN, u32::try_from(mask.len()).unwrap_or(u32::MAX))
                    .data(kinds::BITWISE_MASK, mask)
                    .data(kinds::BITWISE_XOR, xor)
            }),
            Self::ByteOrder { from, into, operation, length, size } => named(to, "byteorder", &|to| {
                to.number(kinds::BYTEORDER_SREG, *from)
                    .number(kinds::BYTEORDER_DREG, *into)
                    .number(kinds::BYTEORDER_OP, *operation)
                    .number(kinds::BYTEORDER_LEN, *length)
                    .number(kinds::BYTEORDER_SIZE, *size)
            }),
            Self::Compare { register, operation, value } => named(to, "cmp", &|to| {
                to.number(kinds::CMP_SREG, *register).number(kinds::CMP_OP, *operation).data(kinds::CMP_DATA, value)
            }),
            Self::Range { register, operation, low, high } => named(to, "range", &|to| {
                to.number(kinds::RANGE_SREG, *register)
                    .number(kinds::RANGE_OP, *operation)
                    .data(kinds::RANGE_FROM_DATA, low)
                    .data(kinds::RANGE_TO_DATA, high)
            }),
            Self::Lookup { register, set, flags } => named(to, "lookup", &|to| lookup(to, *register, set, *flags)),
            Self::Load { into, value } => {
                named(to, "immediate", &|to| to.number(kinds::IMMEDIATE_DREG, *into).data(kinds::IMMEDIATE_DATA, value))
            }
            Self::NftVerdict { code, chain } => named(to, "immediate", &|to| verdict(to, *code, chain.as_deref())),
            Self::Counter => named(to, "counter", &|to| to),
            Self::Redirect { lowest, highest, flags } => named(to, "redir", &|to| {
                let to = optional(to, kinds::REDIR_REG_PROTO_MIN, *lowest);
                let to = optional(to, kinds::REDIR_REG_PROTO_MAX, *highest);
                optional(to, kinds::REDIR_FLAGS, Some(*flags).filter(|f| *f != 0))
            }),
            Self::Tproxy { family, address, port } => named(to, "tproxy", &|to| {
                let to = optional(to.number(kinds::TPROXY_FAMILY, *family), kinds::TPROXY_REG_ADDR, *address);
                optional(to, kinds::TPROXY_REG_PORT, *port)
            }),
            Self::Other(attributes) => to.raw(attributes),
        }
    }
}

/// Adds a name and what belongs to it.
fn named(to: Attributes, name: &str, data: &dyn Fn(Attributes) -> Attributes) -> Attributes {
    to.text(NFTA_EXPR_NAME, name).nest(NFTA_EXPR_DATA, data)
}

fn lookup(to: Attributes, register: Register, set: &SetReference, flags: u32) -> Attributes {
    let to = match set {
        SetReference::Name(name) => to.text(kinds::LOOKUP_SET, name),
        // The name is not known yet: the kernel makes one of this pattern.
        SetReference::Id(id) => to.text(kinds::LOOKUP_SET, ANONYMOUS_SET).number(kinds::LOOKUP_SET_ID, *id),
    };
    optional(to.number(kinds::LOOKUP_SREG, register), kinds::LOOKUP_FLAGS, Some(flags).filter(|f| *f != 0))
}

fn verdict(to: Attributes, code: u32, chain: Option<&str>) -> Attributes {
    to.number(kinds::IMMEDIATE_DREG, NFT_REG_VERDICT).nest(kinds::IMMEDIATE_DATA, |data| {
        data.nest(NFTA_DATA_VERDICT, |verdict| {
            let verdict = verdict.number(NFTA_VERDICT_CODE, code);
            chain.into_iter().fold(verdict, |verdict, chain| verdict.text(NFTA_VERDICT_CHAIN, chain))
        })
    })
}

fn optional(to: Attributes, kind: u16, value: Option<u32>) -> Attributes {
    match value {
        Some(value) => to.number(kind, value),
        None => to,
    }
}

/// The pattern of the name of a set that belongs to a rule.
pub(crate) const ANONYMOUS_SET: &str = "__set%d";

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<Instruction> {
        use Instruction::*;
        vec![
            Meta { key: 6, into: 1 },
            SetMeta { key: 3, from: 2 },
            Ct { key: 0, into: 1 },
            SetCt { key: 23, from: 1 },
            Payload { base: 1, offset: 16, length: 4, into: 1 },
            Bitwise { from: 1, into: 1, mask: vec![255, 255, 0, 0], xor: vec![0; 4] },
            ByteOrder { from: 1, into: 1, operation: 1, length: 4, size: 4 },
            Compare { register: 1, operation: 1, value: vec![1, 2, 3] },
            Range { register: 1, operation: 1, low: vec![0, 1], high: vec![0, 9] },
            Lookup { register: 1, set: SetReference::Name("__set0".into()), flags: 1 },
            Lookup { register: 1, set: SetReference::Name("named".into()), flags: 0 },
            Load { into: 1, value: vec![0x3a, 0x99] },
            NftVerdict { code: 1, chain: None },
            NftVerdict { code: -3_i32 as u32, chain: Some("istio-output".into()) },
            Counter,
            Redirect { lowest: Some(1), highest: Some(1), flags: 2 },
            Redirect { lowest: None, highest: None, flags: 0 },
            Tproxy { family: 2, address: None, port: Some(1) },
            Tproxy { family: 10, address: Some(1), port: None },
        ]
    }

    #[test]
    fn what_is_written_is_read() {
        for instruction in all() {
            let encoded = instruction.encode(Attributes::new());
            let decoded = Instruction::decode(encoded.bytes().unwrap()).unwrap();
            assert_eq!(decoded, instruction);
        }
    }

    #[test]
    fn what_is_not_known_is_kept() {
        let data = |to: Attributes| to.number(1, 1).number(2, 3).number(99, 7);
        for name in ["meta", "limit"] {
            let encoded = Attributes::new().text(NFTA_EXPR_NAME, name).nest(NFTA_EXPR_DATA, data);
            let decoded = Instruction::decode(encoded.bytes().unwrap()).unwrap();
            assert!(matches!(decoded, Instruction::Other(_)), "{decoded:?}");
            assert_eq!(decoded.encode(Attributes::new()), encoded);
        }
    }

    #[test]
    fn any_bytes_can_be_decoded_or_refused() {
        for instruction in all() {
            let encoded = instruction.encode(Attributes::new());
            let bytes = encoded.bytes().unwrap();
            for at in 0..bytes.len() {
                for value in [0, 1, 2, 3, 4, 5, 8, 127, 255] {
                    let mut bytes = bytes.to_vec();
                    bytes[at] = value;
                    let _ = Instruction::decode(&bytes);
                }
                let _ = Instruction::decode(&bytes[..at]);
            }
        }
    }
}
