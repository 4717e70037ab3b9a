//! From rules to instructions, as nft(8) makes them.

use super::NftError;
use super::instruction::{Instruction, Register, SetReference};
use super::sets::NewSet;
use super::uapi::{
    NF_ACCEPT, NF_DROP, NFPROTO_IPV4, NFPROTO_IPV6, NFT_BYTEORDER_HTON, NFT_CMP_EQ, NFT_CMP_GTE, NFT_CMP_LTE,
    NFT_CMP_NEQ, NFT_CT_MARK, NFT_CT_STATE, NFT_CT_ZONE, NFT_JUMP, NFT_LOOKUP_F_INV, NFT_META_IIFNAME,
    NFT_META_L4PROTO, NFT_META_MARK, NFT_META_NFPROTO, NFT_META_OIFNAME, NFT_META_SKGID, NFT_META_SKUID,
    NFT_PAYLOAD_NETWORK_HEADER, NFT_PAYLOAD_TRANSPORT_HEADER, NFT_RANGE_NEQ, NFT_REG_1, NFT_RETURN,
};
use crate::net::{Family, Interface, Network, Owner, PortRange};
use crate::netfilter::{ConntrackState, Negatable, Protocol};
use crate::netlink::octets;
use crate::nftables::{AddressRange, Body, Expression, NftVerdict, OwnerKind, Side, chain_name};

/// The register that everything goes through: no rule compares two values.
const REGISTER: Register = NFT_REG_1;
/// `IFNAMSIZ` of `linux/if.h`.
pub(crate) const NAME_LENGTH: usize = 16;

/// What the kernel runs for a rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Assembled {
    pub(crate) instructions: Vec<Instruction>,
    /// The sets that it looks values up in, by [`SetReference::Id`]: their numbers begin with the one that
    /// was given.
    pub(crate) sets: Vec<NewSet>,
}

/// Makes the instructions of a rule, whose first set gets the number `first_set`.
pub(crate) fn assemble(body: &Body, first_set: u32) -> Result<Assembled, NftError> {
    let mut assembler = Assembler { done: Assembled::default(), first_set, family: None, protocol: None };
    for expression in &body.expressions {
        assembler.expression(expression)?;
    }
    if let Some(verdict) = body.verdict {
        let (code, chain) = match verdict {
            NftVerdict::Accept => (NF_ACCEPT, None),
            NftVerdict::Drop => (NF_DROP, None),
            NftVerdict::Return => (NFT_RETURN, None),
            NftVerdict::Jump(chain) => (NFT_JUMP, Some(chain_name(chain).to_owned())),
        };
        assembler.push(Instruction::NftVerdict { code, chain });
    }
    Ok(assembler.done)
}

/// A rule in the making.
struct Assembler {
    done: Assembled,
    first_set: u32,
    /// What the rule has made sure of.
    family: Option<Family>,
    protocol: Option<Protocol>,
}

impl Assembler {
    fn push(&mut self, instruction: Instruction) {
        self.done.instructions.push(instruction);
    }

    fn expression(&mut self, expression: &Expression) -> Result<(), NftError> {
        match expression {
            Expression::InInterface(name) => self.interface(NFT_META_IIFNAME, name),
            Expression::OutInterface(name) => self.interface(NFT_META_OIFNAME, name),
            Expression::Family(family) => self.family(*family),
            Expression::Protocol(protocol) => self.protocol(*protocol),
            Expression::Address(side, network) => self.network(*side, network),
            Expression::Addresses(side, ranges) => self.addresses(*side, ranges),
            Expression::Port(protocol, side, ports) => {
                self.port(*protocol, *side);
                let (low, high) = (ports.value().low(), ports.value().high());
                self.between(ports.negated(), low.to_be_bytes().to_vec(), high.to_be_bytes().to_vec());
            }
            Expression::Ports(protocol, side, ports) => self.ports(*protocol, *side, ports),
            Expression::Owner(kind, owner) => self.owner(*kind, owner)?,
            Expression::ConntrackState(states) => self.states(states),
            Expression::Mark(mark) => {
                self.push(Instruction::Meta { key: NFT_META_MARK, into: REGISTER });
                self.compare(mark.negated(), mark.value().number().to_ne_bytes().to_vec());
            }
            Expression::ConnectionMark(mark) => {
                self.push(Instruction::Ct { key: NFT_CT_MARK, into: REGISTER });
                self.compare(false, mark.number().to_ne_bytes().to_vec());
            }
            Expression::Counter => self.push(Instruction::Counter),
            Expression::Redirect(port) => {
                self.load(port.number().to_be_bytes().to_vec());
                self.push(Instruction::Redirect { lowest: Some(REGISTER), highest: None, flags: 0 });
            }
            Expression::Tproxy(family, port) => {
                self.load(port.number().to_be_bytes().to_vec());
                let family = nfproto(*family).into();
                self.push(Instruction::Tproxy { family, address: None, port: Some(REGISTER) });
            }
            Expression::SetMark(mark) => {
                self.load(mark.number().to_ne_bytes().to_vec());
                self.push(Instruction::SetMeta { key: NFT_META_MARK, from: REGISTER });
            }
            Expression::SaveMark => {
                self.push(Instruction::Meta { key: NFT_META_MARK, into: REGISTER });
                self.push(Instruction::SetCt { key: NFT_CT_MARK, from: REGISTER });
            }
            Expression::RestoreMark => {
                self.push(Instruction::Ct { key: NFT_CT_MARK, into: REGISTER });
                self.push(Instruction::SetMeta { key: NFT_META_MARK, from: REGISTER });
            }
            Expression::ConntrackZone(zone) => {
                self.load(zone.to_ne_bytes().to_vec());
                self.push(Instruction::SetCt { key: NFT_CT_ZONE, from: REGISTER });
            }
        }
        Ok(())
    }

    fn load(&mut self, value: Vec<u8>) {
        self.push(Instruction::Load { into: REGISTER, value });
    }

    fn compare(&mut self, negated: bool, value: Vec<u8>) {
        let operation = if negated { NFT_CMP_NEQ } else { NFT_CMP_EQ };
        self.push(Instruction::Compare { register: REGISTER, operation, value });
    }

    /// The value is in a range, or not; in network byte order.
    fn between(&mut self, negated: bool, low: Vec<u8>, high: Vec<u8>) {
        if low == high {
            self.compare(negated, low);
        } else if negated {
            self.push(Instruction::Range { register: REGISTER, operation: NFT_RANGE_NEQ, low, high });
        } else {
            self.push(Instruction::Compare { register: REGISTER, operation: NFT_CMP_GTE, value: low });
            self.push(Instruction::Compare { register: REGISTER, operation: NFT_CMP_LTE, value: high });
        }
    }

    fn lookup(&mut self, negated: bool, set: NewSet) {
        let id = u32::try_from(self.done.sets.len()).unwrap_or(u32::MAX).saturating_add(self.first_set);
        self.done.sets.push(set);
        let flags = if negated { NFT_LOOKUP_F_INV } else { 0 };
        self.push(Instruction::Lookup { register: REGISTER, set: SetReference::Id(id), flags });
    }

    fn interface(&mut self, key: u32, name: &Negatable<Interface>) {
        self.push(Instruction::Meta { key, into: REGISTER });
        // A prefix is compared as it is, a name with the zero bytes after it.
        let text = name.value().as_str();
        let value = match text.strip_suffix('+') {
            Some(prefix) => prefix.as_bytes().to_vec(),
            None => text.bytes().chain(std::iter::repeat(0)).take(NAME_LENGTH).collect(),
        };
        self.compare(name.negated(), value);
    }

    /// Makes sure of the family, since the packet's content is read as that of one.
    fn family(&mut self, family: Family) {
        if self.family != Some(family) {
            self.push(Instruction::Meta { key: NFT_META_NFPROTO, into: REGISTER });
            self.compare(false, vec![nfproto(family)]);
            self.family = Some(family);
        }
    }

    fn protocol(&mut self, protocol: Protocol) {
        if self.protocol != Some(protocol) {
            self.push(Instruction::Meta { key: NFT_META_L4PROTO, into: REGISTER });
            self.compare(false, vec![protocol_number(protocol)]);
            self.protocol = Some(protocol);
        }
    }

    /// Loads an address.
    fn address(&mut self, family: Family, side: Side) {
        self.family(family);
        let (offset, length) = address_place(family, side);
        self.push(Instruction::Payload { base: NFT_PAYLOAD_NETWORK_HEADER, offset, length, into: REGISTER });
    }

    fn network(&mut self, side: Side, network: &Negatable<Network>) {
        let range = AddressRange::from(*network.value());
        self.address(range.family(), side);
        if range.low() != range.high() {
            let mask = octets(network.value().mask());
            let xor = vec![0; mask.len()];
            self.push(Instruction::Bitwise { from: REGISTER, into: REGISTER, mask, xor });
        }
        self.compare(network.negated(), octets(range.low()));
    }

    fn addresses(&mut self, side: Side, ranges: &Negatable<Vec<AddressRange>>) {
        let Some(first) = ranges.value().first() else { return };
        self.address(first.family(), side);
        match ranges.value().as_slice() {
            [one] => self.between(ranges.negated(), octets(one.low()), octets(one.high())),
            ranges_of => self.lookup(ranges.negated(), NewSet::addresses(first.family(), ranges_of)),
        }
    }

    /// Loads a port.
    fn port(&mut self, protocol: Protocol, side: Side) {
        self.protocol(protocol);
        let offset = port_offset(side);
        self.push(Instruction::Payload { base: NFT_PAYLOAD_TRANSPORT_HEADER, offset, length: 2, into: REGISTER });
    }

    fn ports(&mut self, protocol: Protocol, side: Side, ports: &Negatable<Vec<PortRange>>) {
        self.port(protocol, side);
        self.lookup(ports.negated(), NewSet::ports(ports.value()));
    }

    fn owner(&mut self, kind: OwnerKind, owner: &Negatable<Owner>) -> Result<(), NftError> {
        let key = match kind {
            OwnerKind::User => NFT_META_SKUID,
            OwnerKind::Group => NFT_META_SKGID,
        };
        self.push(Instruction::Meta { key, into: REGISTER });
        match owner.value().by_number() {
            Owner::Id(id) => self.compare(owner.negated(), id.to_ne_bytes().to_vec()),
            Owner::Range(low, high) => {
                let (operation, length) = (NFT_BYTEORDER_HTON, 4);
                self.push(Instruction::ByteOrder { from: REGISTER, into: REGISTER, operation, length, size: length });
                self.between(owner.negated(), low.to_be_bytes().to_vec(), high.to_be_bytes().to_vec());
            }
            Owner::Name { name, .. } => return Err(NftError::UnknownOwner { name }),
        }
        Ok(())
    }

    fn states(&mut self, states: &[ConntrackState]) {
        let mask = states.iter().fold(0, |mask, state| mask | state_bit(*state)).to_ne_bytes().to_vec();
        self.push(Instruction::Ct { key: NFT_CT_STATE, into: REGISTER });
        let xor = vec![0; mask.len()];
        self.push(Instruction::Bitwise { from: REGISTER, into: REGISTER, mask, xor });
        self.compare(true, 0_u32.to_ne_bytes().to_vec());
    }
}

/// `NF_CT_STATE_BIT` and its like of `linux/netfilter/nf_conntrack_common.h`.
pub(crate) const fn state_bit(state: ConntrackState) -> u32 {
    match state {
        ConntrackState::Invalid => 1,
        ConntrackState::Established => 2,
        ConntrackState::Related => 4,
        ConntrackState::New => 8,
        ConntrackState::Untracked => 64,
    }
}

/// The family's number in netfilter.
pub(crate) const fn nfproto(family: Family) -> u8 {
    match family {
        Family::Ipv4 => NFPROTO_IPV4,
        Family::Ipv6 => NFPROTO_IPV6,
    }
}

/// The protocol's number (IANA).
pub(crate) const fn protocol_number(protocol: Protocol) -> u8 {
    match protocol {
        Protocol::Tcp => 6,
        Protocol::Udp => 17,
    }
}

/// The place of an address in the network header, and its length (RFC 791, RFC 8200).
pub(crate) const fn address_place(family: Family, side: Side) -> (u32, u32) {
    match (family, side) {
        (Family::Ipv4, Side::Source) => (12, 4),
        (Family::Ipv4, Side::Destination) => (16, 4),
        (Family::Ipv6, Side::Source) => (8, 16),
        (Family::Ipv6, Side::Destination) => (24, 16),
    }
}

/// The place of a port in the transport header, the same for TCP and UDP.
pub(crate) const fn port_offset(side: Side) -> u32 {
    match side {
        Side::Source => 0,
        Side::Destination => 2,
    }
}
