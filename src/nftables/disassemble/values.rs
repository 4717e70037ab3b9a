//! Values that rules compare with.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::super::assemble::{NAME_LENGTH, address_place, state_bit};
use super::super::uapi::{NFT_META_SKGID, NFT_META_SKUID};
use crate::net::{Family, Interface, Mark, Network, Owner};
use crate::netfilter::{ConntrackState, Negatable};
use crate::nftables::{Expression, OwnerKind, Side};

/// A name followed by zero bytes, or a prefix of names.
pub(crate) fn interface(value: &[u8]) -> Option<Interface> {
    let name = std::str::from_utf8(value).ok()?;
    let name = if value.len() == NAME_LENGTH {
        let name = name.trim_end_matches('\0');
        // As the user writes it, this would be a prefix.
        (!name.ends_with('+')).then(|| name.to_owned())?
    } else {
        format!("{name}+")
    };
    (!name.contains('\0')).then(|| Interface::parse(&name).ok()).flatten()
}

pub(crate) fn owner(key: u32, negated: bool, owner: Owner) -> Option<Expression> {
    let kind = match key {
        NFT_META_SKUID => OwnerKind::User,
        NFT_META_SKGID => OwnerKind::Group,
        _ => return None,
    };
    Some(Expression::Owner(kind, Negatable::new(negated, owner)))
}

pub(crate) fn mark(value: &[u8]) -> Option<Mark> {
    Mark::new(u32::from_ne_bytes(value.try_into().ok()?))
}

pub(crate) fn states(bits: u32) -> Option<Vec<ConntrackState>> {
    let states: Vec<_> = ConntrackState::ALL.into_iter().filter(|s| bits & state_bit(*s) != 0).collect();
    (states.iter().fold(0, |all, s| all | state_bit(*s)) == bits).then_some(states)
}

pub(crate) fn address(family: Family, value: &[u8]) -> Option<IpAddr> {
    Some(match family {
        Family::Ipv4 => IpAddr::V4(Ipv4Addr::from(<[u8; 4]>::try_from(value).ok()?)),
        Family::Ipv6 => IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(value).ok()?)),
    })
}

/// The range whose first `length` bits, or all, are those of `value`, which may leave out the rest.
pub(crate) fn network(family: Family, value: &[u8], length: Option<u8>) -> Option<Network> {
    let width = usize::try_from(address_place(family, Side::Source).1).ok()?;
    let whole: Vec<_> = value.iter().copied().chain(std::iter::repeat(0)).take(width).collect();
    let length = match length {
        Some(length) => length,
        None => u8::try_from(width * 8).ok()?,
    };
    let enough = value.len() == width || value.len() == usize::from(length) / 8;
    let network = enough.then(|| Network::new(address(family, &whole)?, length)).flatten()?;
    (network.masked() == network).then_some(network)
}
