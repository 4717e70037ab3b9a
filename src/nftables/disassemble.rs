//! From instructions to rules: reads what the kernel has in the terms in which rules are wanted, whatever program
//! wrote it. What cannot be read that way is not managed.

use super::assemble::{address_place, nfproto, port_offset, protocol_number};
use super::instruction::{Instruction, Register, SetReference};
use super::sets::{self, Element};
use super::uapi::{
    NF_ACCEPT, NF_DROP, NF_NAT_RANGE_PROTO_SPECIFIED, NFT_BYTEORDER_HTON, NFT_CMP_EQ, NFT_CMP_GTE, NFT_CMP_LTE,
    NFT_CMP_NEQ, NFT_CT_MARK, NFT_CT_STATE, NFT_CT_ZONE, NFT_JUMP, NFT_LOOKUP_F_INV, NFT_META_IIFNAME,
    NFT_META_L4PROTO, NFT_META_MARK, NFT_META_NFPROTO, NFT_META_OIFNAME, NFT_META_SKGID, NFT_META_SKUID,
    NFT_PAYLOAD_NETWORK_HEADER, NFT_PAYLOAD_TRANSPORT_HEADER, NFT_RANGE_EQ, NFT_RANGE_NEQ, NFT_REG_1, NFT_REG_4,
    NFT_RETURN, NFT_SET_ANONYMOUS, NFT_SET_CONSTANT, NFT_SET_INTERVAL,
};
use crate::net::{Family, Owner, Port, PortRange};
use crate::netfilter::{Negatable, Protocol};
use crate::nftables::{AddressRange, Body, Expression, NftVerdict, Side, chain_named};
use values::{address, interface, mark, network, owner, states};

mod values;

/// The content of a set that a rule looks something up in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SetContent<'a> {
    pub(crate) flags: u32,
    pub(crate) elements: &'a [Element],
}

/// The source of the content of sets.
pub(crate) type Sets<'f, 'a> = &'f dyn Fn(&SetReference) -> Option<SetContent<'a>>;

/// Reads a rule; `None` if it is not one that could be wanted.
pub(crate) fn disassemble<'a>(instructions: &[Instruction], set: Sets<'_, 'a>) -> Option<Body> {
    let mut reader = RuleReader::default();
    let mut rest = instructions;
    while let [instruction, after @ ..] = rest {
        // Nothing is done after a verdict.
        if reader.body.verdict.is_some() {
            return None;
        }
        rest = match (instruction, after) {
            (
                Instruction::Compare { register, operation: NFT_CMP_GTE, value: low },
                [Instruction::Compare { register: same, operation: NFT_CMP_LTE, value: high }, after @ ..],
            ) if register == same => {
                reader.range(*register, false, low, high)?;
                after
            }
            (instruction, after) => {
                reader.instruction(instruction, set)?;
                after
            }
        };
    }
    reader.finish()
}

/// What a register holds.
#[derive(Clone, Debug)]
enum Value {
    Meta(u32),
    /// A uid or gid in network byte order.
    Swapped(u32),
    Ct(u32),
    /// State of connection tracking, these bits of it.
    States(u32),
    Address(Family, Side),
    /// The first bits of an address.
    Prefix(Family, Side, u8),
    Port(Side),
    Constant(Vec<u8>),
}

#[derive(Default)]
struct RuleReader {
    body: Body,
    registers: [Option<Value>; 5],
    /// What the rule has made sure of.
    family: Option<Family>,
    protocol: Option<Protocol>,
    /// Whether an address implies the family.
    family_is_said: bool,
}

impl RuleReader {
    fn finish(mut self) -> Option<Body> {
        if let (Some(family), false) = (self.family, self.family_is_said) {
            self.body.expressions.insert(0, Expression::Family(family));
        }
        Some(self.body)
    }

    fn push(&mut self, expression: Expression) -> Option<()> {
        self.body.expressions.push(expression);
        Some(())
    }

    /// The register, of those that do not overlap.
    fn slot(&mut self, register: Register) -> Option<&mut Option<Value>> {
        (NFT_REG_1..=NFT_REG_4).contains(&register).then_some(())?;
        self.registers.get_mut(usize::try_from(register).ok()?)
    }

    fn get(&mut self, register: Register) -> Option<Value> {
        self.slot(register)?.clone()
    }

    fn set(&mut self, register: Register, value: Value) -> Option<()> {
        *self.slot(register)? = Some(value);
        Some(())
    }

    fn instruction<'a>(&mut self, instruction: &Instruction, set: Sets<'_, 'a>) -> Option<()> {
        match instruction {
            Instruction::Meta { key, into } => self.set(*into, Value::Meta(*key)),
            Instruction::Ct { key, into } => self.set(*into, Value::Ct(*key)),
            Instruction::Payload { base, offset, length, into } => {
                let value = self.payload(*base, *offset, *length)?;
                self.set(*into, value)
            }
            Instruction::Bitwise { from, into, mask, xor } => {
                let value = masked(self.get(*from)?, mask, xor)?;
                self.set(*into, value)
            }
            Instruction::ByteOrder { from, into, operation: NFT_BYTEORDER_HTON, length: 4, size: 4 } => {
                let Value::Meta(key @ (NFT_META_SKUID | NFT_META_SKGID)) = self.get(*from)? else { return None };
                self.set(*into, Value::Swapped(key))
            }
            Instruction::Compare { register, operation: NFT_CMP_EQ, value } => self.compare(*register, false, value),
            Instruction::Compare { register, operation: NFT_CMP_NEQ, value } => self.compare(*register, true, value),
            Instruction::Range { register, operation: NFT_RANGE_EQ, low, high } => {
                self.range(*register, false, low, high)
            }
            Instruction::Range { register, operation: NFT_RANGE_NEQ, low, high } => {
                self.range(*register, true, low, high)
            }
            Instruction::Lookup { register, set: reference, flags } => self.lookup(*register, *flags, set(reference)?),
            Instruction::Load { into, value } => self.set(*into, Value::Constant(value.clone())),
            Instruction::NftVerdict { code, chain } => self.verdict(*code, chain.as_deref()),
            Instruction::Counter => self.push(Expression::Counter),
            Instruction::SetMeta { key, from } => self.set_meta(*key, *from),
            Instruction::SetCt { key, from } => self.set_ct(*key, *from),
            Instruction::Redirect { lowest, highest, flags } => {
                let one = highest.is_none() || highest == lowest;
                (one && flags & !NF_NAT_RANGE_PROTO_SPECIFIED == 0).then_some(())?;
                let port = self.constant_port((*lowest)?)?;
                self.push(Expression::Redirect(port))
            }
            Instruction::Tproxy { family, address: None, port } => {
                let family = Family::BOTH.into_iter().find(|f| u32::from(nfproto(*f)) == *family)?;
                let port = self.constant_port((*port)?)?;
                self.push(Expression::Tproxy(family, port))
            }
            Instruction::Tproxy { .. }
            | Instruction::ByteOrder { .. }
            | Instruction::Compare { .. }
            | Instruction::Range { .. }
            | Instruction::Other(_) => None,
        }
    }

    /// What is at a place of the packet, whose protocols the rule has made sure of.
    fn payload(&self, base: u32, offset: u32, length: u32) -> Option<Value> {
        let sides = [Side::Source, Side::Destination];
        match base {
            NFT_PAYLOAD_NETWORK_HEADER => {
                let family = self.family?;
                let side = sides.into_iter().find(|side| address_place(family, *side).0 == offset)?;
                let whole = address_place(family, side).1;
                // nft loads no more than the bytes of a prefix, if it ends with a byte.
                let bits = u8::try_from(length.checked_mul(8)?).ok()?;
                match length {
                    0 => None,
                    _ if length == whole => Some(Value::Address(family, side)),
                    _ if length < whole => Some(Value::Prefix(family, side, bits)),
                    _ => None,
                }
            }
            NFT_PAYLOAD_TRANSPORT_HEADER if length == 2 && self.protocol.is_some() => {
                sides.into_iter().find(|side| port_offset(*side) == offset).map(Value::Port)
            }
            _ => None,
        }
    }

    fn compare(&mut self, register: Register, negated: bool, value: &[u8]) -> Option<()> {
        let loaded = self.get(register)?;
        let expression = match loaded {
            Value::Meta(NFT_META_NFPROTO) if !negated => return self.learn_family(value),
            Value::Meta(NFT_META_L4PROTO) if !negated => {
                let protocol = [Protocol::Tcp, Protocol::Udp].into_iter().find(|p| [protocol_number(*p)] == *value)?;
                self.protocol = Some(protocol);
                Expression::Protocol(protocol)
            }
            Value::Meta(NFT_META_IIFNAME) => Expression::InInterface(Negatable::new(negated, interface(value)?)),
            Value::Meta(NFT_META_OIFNAME) => Expression::OutInterface(Negatable::new(negated, interface(value)?)),
            Value::Meta(key @ (NFT_META_SKUID | NFT_META_SKGID)) => {
                owner(key, negated, Owner::Id(u32::from_ne_bytes(value.try_into().ok()?)))?
            }
            Value::Swapped(key) => owner(key, negated, Owner::Id(u32::from_be_bytes(value.try_into().ok()?)))?,
            Value::Meta(NFT_META_MARK) => Expression::Mark(Negatable::new(negated, mark(value)?)),
            Value::Ct(NFT_CT_MARK) if !negated => Expression::ConnectionMark(mark(value)?),
            Value::States(bits) if negated && value == [0; 4] => Expression::ConntrackState(states(bits)?),
            Value::Address(family, side) => {
                self.family_is_said = true;
                Expression::Address(side, Negatable::new(negated, network(family, value, None)?))
            }
            Value::Prefix(family, side, length) => {
                self.family_is_said = true;
                Expression::Address(side, Negatable::new(negated, network(family, value, Some(length))?))
            }
            Value::Port(side) => {
                let port = PortRange::single(u16::from_be_bytes(value.try_into().ok()?));
                Expression::Port(self.protocol?, side, Negatable::new(negated, port))
            }
            Value::Meta(_) | Value::Ct(_) | Value::States(_) | Value::Constant(_) => return None,
        };
        self.push(expression)
    }

    fn learn_family(&mut self, value: &[u8]) -> Option<()> {
        let family = Family::BOTH.into_iter().find(|f| [nfproto(*f)] == *value)?;
        // A rule for one family and then for the other holds for no packet; it is not managed.
        if self.family.is_some_and(|known| known != family) {
            return None;
        }
        self.family = Some(family);
        Some(())
    }

    fn range(&mut self, register: Register, negated: bool, low: &[u8], high: &[u8]) -> Option<()> {
        let expression = match self.get(register)? {
            Value::Port(side) => {
                let [low, high] = [low, high].map(|bytes| bytes.try_into().ok().map(u16::from_be_bytes));
                Expression::Port(self.protocol?, side, Negatable::new(negated, PortRange::new(low?, high?)?))
            }
            Value::Swapped(key) => {
                let [low, high] = [low, high].map(|bytes| bytes.try_into().ok().map(u32::from_be_bytes));
                let (low, high) = (low?, high?);
                (low <= high).then_some(())?;
                owner(key, negated, Owner::Range(low, high))?
            }
            Value::Address(family, side) => {
                self.family_is_said = true;
                let range = AddressRange::new(address(family, low)?, address(family, high)?)?;
                match range.network() {
                    Some(network) => Expression::Address(side, Negatable::new(negated, network)),
                    None => Expression::Addresses(side, Negatable::new(negated, vec![range])),
                }
            }
            Value::Meta(_) | Value::Ct(_) | Value::States(_) | Value::Prefix(..) | Value::Constant(_) => return None,
        };
        self.push(expression)
    }

    fn lookup(&mut self, register: Register, flags: u32, set: SetContent<'_>) -> Option<()> {
        let known = NFT_SET_ANONYMOUS | NFT_SET_CONSTANT | NFT_SET_INTERVAL;
        // A set with a name can change by itself.
        let fixed = set.flags & (NFT_SET_ANONYMOUS | NFT_SET_CONSTANT) == NFT_SET_ANONYMOUS | NFT_SET_CONSTANT;
        (fixed && set.flags & !known == 0 && flags & !NFT_LOOKUP_F_INV == 0).then_some(())?;
        let (negated, interval) = (flags == NFT_LOOKUP_F_INV, set.flags & NFT_SET_INTERVAL != 0);
        let expression = match self.get(register)? {
            Value::Port(side) => {
                let ports = sets::ports(interval, set.elements)?;
                Expression::Ports(self.protocol?, side, Negatable::new(negated, ports))
            }
            Value::Address(family, side) => {
                self.family_is_said = true;
                let ranges = sets::addresses(family, interval, set.elements)?;
                (!ranges.is_empty()).then_some(())?;
                Expression::Addresses(side, Negatable::new(negated, ranges))
            }
            Value::Meta(_)
            | Value::Swapped(_)
            | Value::Ct(_)
            | Value::States(_)
            | Value::Prefix(..)
            | Value::Constant(_) => return None,
        };
        self.push(expression)
    }

    fn set_meta(&mut self, key: u32, from: Register) -> Option<()> {
        (key == NFT_META_MARK).then_some(())?;
        let value = self.get(from)?;
        let expression = match &value {
            Value::Constant(value) => Expression::SetMark(mark(value)?),
            Value::Ct(NFT_CT_MARK) => Expression::RestoreMark,
            Value::Ct(_)
            | Value::Meta(_)
            | Value::Swapped(_)
            | Value::States(_)
            | Value::Address(..)
            | Value::Prefix(..)
            | Value::Port(_) => return None,
        };
        self.push(expression)
    }

    fn set_ct(&mut self, key: u32, from: Register) -> Option<()> {
        match key {
            NFT_CT_MARK => {
                let Value::Meta(NFT_META_MARK) = self.get(from)? else { return None };
                self.push(Expression::SaveMark)
            }
            NFT_CT_ZONE => {
                let Value::Constant(value) = self.get(from)? else { return None };
                self.push(Expression::ConntrackZone(u16::from_ne_bytes(value.as_slice().try_into().ok()?)))
            }
            _ => None,
        }
    }

    fn constant_port(&mut self, register: Register) -> Option<Port> {
        let Value::Constant(value) = self.get(register)? else { return None };
        Port::new(u16::from_be_bytes(value.as_slice().try_into().ok()?))
    }

    fn verdict(&mut self, code: u32, chain: Option<&str>) -> Option<()> {
        self.body.verdict = Some(match (code, chain) {
            (NF_ACCEPT, None) => NftVerdict::Accept,
            (NF_DROP, None) => NftVerdict::Drop,
            (NFT_RETURN, None) => NftVerdict::Return,
            (NFT_JUMP, Some(chain)) => NftVerdict::Jump(chain_named(chain)?),
            _ => return None,
        });
        Some(())
    }
}

/// What is left of a value under a mask.
fn masked(value: Value, mask: &[u8], xor: &[u8]) -> Option<Value> {
    xor.iter().all(|b| *b == 0).then_some(())?;
    match value {
        Value::Address(family, side) => {
            let length = ipnetwork::ip_mask_to_prefix(address(family, mask)?).ok()?;
            Some(Value::Prefix(family, side, length))
        }
        Value::Ct(NFT_CT_STATE) => Some(Value::States(u32::from_ne_bytes(mask.try_into().ok()?))),
        Value::Ct(_)
        | Value::Meta(_)
        | Value::Swapped(_)
        | Value::States(_)
        | Value::Prefix(..)
        | Value::Port(_)
        | Value::Constant(_) => None,
    }
}
