//! The content of sets. A set of ranges has an element for the start of each range, and one, with a flag,
//! for the first value after it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::bits;
use super::ranges::merged;
use super::uapi::{
    NFT_SET_ANONYMOUS, NFT_SET_CONSTANT, NFT_SET_ELEM_INTERVAL_END, NFT_SET_INTERVAL, NFTA_SET_ELEM_FLAGS,
    NFTA_SET_ELEM_KEY, NFTA_SET_ELEM_USERDATA,
};
use crate::net::{Family, PortRange};
use crate::netlink::Attributes;
use crate::nftables::AddressRange;

/// What the values of a set are. The numbers are nft's own (`enum datatypes` in its `datatype.h`); the kernel
/// keeps them for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyType {
    Ipv4,
    Ipv6,
    Port,
}

impl KeyType {
    pub(crate) fn number(self) -> u32 {
        match self {
            Self::Ipv4 => 7,
            Self::Ipv6 => 8,
            Self::Port => 13,
        }
    }

    /// The length of a value in bytes.
    pub(crate) fn length(self) -> usize {
        match self {
            Self::Ipv4 => 4,
            Self::Ipv6 => 16,
            Self::Port => 2,
        }
    }

    pub(crate) fn of(family: Family) -> Self {
        match family {
            Family::Ipv4 => Self::Ipv4,
            Family::Ipv6 => Self::Ipv6,
        }
    }

    /// The highest value.
    fn highest(self) -> u128 {
        match self {
            Self::Ipv4 => u32::MAX.into(),
            Self::Ipv6 => u128::MAX,
            Self::Port => u16::MAX.into(),
        }
    }

    fn bytes(self, value: u128) -> Vec<u8> {
        let bytes = value.to_be_bytes();
        bytes.get(bytes.len() - self.length()..).unwrap_or_default().to_vec()
    }
}

/// The value of these bytes, in network byte order.
fn number(bytes: &[u8]) -> Option<u128> {
    let mut value = [0; 16];
    let start = value.len().checked_sub(bytes.len())?;
    value.get_mut(start..)?.copy_from_slice(bytes);
    Some(u128::from_be_bytes(value))
}

/// A set that belongs to one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NewSet {
    pub(crate) key: KeyType,
    /// Inclusive, ascending, apart from each other.
    ranges: Vec<(u128, u128)>,
}

/// An element: a value, or the end of a range.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Element {
    pub(crate) key: Vec<u8>,
    /// Whether it is the first value after a range, no member.
    pub(crate) end: bool,
}

impl NewSet {
    pub(crate) fn addresses(family: Family, ranges: &[AddressRange]) -> Self {
        let ranges = ranges.iter().map(|r| (bits(r.low()), bits(r.high())));
        Self { key: KeyType::of(family), ranges: merged(ranges.collect()) }
    }

    pub(crate) fn ports(ranges: &[PortRange]) -> Self {
        let singles = ranges.iter().all(|r| r.low() == r.high());
        let mut ranges: Vec<(u128, u128)> = ranges.iter().map(|r| (r.low().into(), r.high().into())).collect();
        if singles {
            ranges.sort_unstable();
            ranges.dedup();
            return Self { key: KeyType::Port, ranges };
        }
        Self { key: KeyType::Port, ranges: merged(ranges) }
    }

    /// What it holds, if these are ports.
    pub(crate) fn port_ranges(&self) -> Vec<PortRange> {
        let port = |value: u128| u16::try_from(value).unwrap_or(u16::MAX);
        self.ranges.iter().filter_map(|(low, high)| PortRange::new(port(*low), port(*high))).collect()
    }

    /// Whether it is one of ranges.
    fn has_ranges(&self) -> bool {
        self.key != KeyType::Port || self.ranges.iter().any(|(low, high)| low != high)
    }

    /// The flags of the set.
    pub(crate) fn flags(&self) -> u32 {
        let interval = if self.has_ranges() { NFT_SET_INTERVAL } else { 0 };
        NFT_SET_ANONYMOUS | NFT_SET_CONSTANT | interval
    }

    /// The elements.
    pub(crate) fn content(&self) -> Vec<Element> {
        let member = |value| Element { key: self.key.bytes(value), end: false };
        let end = |value| Element { key: self.key.bytes(value), end: true };
        if !self.has_ranges() {
            return self.ranges.iter().map(|(value, _)| member(*value)).collect();
        }
        let mut elements = Vec::with_capacity(self.ranges.len() * 2 + 1);
        // As nft does it: what is before the first range is marked as outside too.
        if self.ranges.first().is_some_and(|(low, _)| *low > 0) {
            elements.push(end(0));
        }
        for (low, high) in &self.ranges {
            elements.push(member(*low));
            if *high != self.key.highest() {
                elements.push(end(high.saturating_add(1)));
            }
        }
        elements
    }

    /// Adds an element to a list.
    pub(crate) fn encode(&self, element: &Element, to: Attributes) -> Attributes {
        let encoded = to.data(NFTA_SET_ELEM_KEY, &element.key);
        let highest = || {
            self.ranges
                .last()
                .is_some_and(|(low, high)| *high == self.key.highest() && self.key.bytes(*low) == element.key)
        };
        match element.end {
            true => encoded.number(NFTA_SET_ELEM_FLAGS, NFT_SET_ELEM_INTERVAL_END),
            // There is no value after the last range. nft lists it only with this note of its own.
            false if self.has_ranges() && highest() => encoded.value(NFTA_SET_ELEM_USERDATA, &OPEN_RANGE),
            false => encoded,
        }
    }
}

/// nft's note on an element that a range without end begins with: kind, length and value of an attribute of
/// its own (`SET_ELEM_F_INTERVAL_OPEN` in its `segtree.c`).
const OPEN_RANGE: [u8; 6] = [1, 4, 1, 0, 0, 0];

/// The ranges of the elements of a set; `None` if they are not of this type.
fn ranges_of(key: KeyType, interval: bool, elements: &[Element]) -> Option<Vec<(u128, u128)>> {
    // At the same value, one range ends (0) before the next begins (1).
    let mut values = elements
        .iter()
        .map(|e| {
            (e.key.len() == key.length()).then(|| number(&e.key)).flatten().map(|value| (value, u128::from(!e.end)))
        })
        .collect::<Option<Vec<_>>>()?;
    values.sort_unstable();
    if !interval {
        let members = values.iter().all(|(_, starts)| *starts != 0);
        return members.then(|| values.iter().map(|(value, _)| (*value, *value)).collect());
    }
    let mut ranges = Vec::new();
    let mut open = None;
    for (value, starts) in values {
        if let Some(low) = open.take()
            && value > low
        {
            ranges.push((low, value - 1));
        }
        if starts != 0 {
            open = Some(value);
        }
    }
    ranges.extend(open.map(|low| (low, key.highest())));
    Some(merged(ranges))
}

/// The ranges of addresses of the elements of a set.
pub(crate) fn addresses(family: Family, interval: bool, elements: &[Element]) -> Option<Vec<AddressRange>> {
    let address = |value: u128| match family {
        Family::Ipv4 => u32::try_from(value).ok().map(|v| IpAddr::V4(Ipv4Addr::from(v))),
        Family::Ipv6 => Some(IpAddr::V6(Ipv6Addr::from(value))),
    };
    let ranges = ranges_of(KeyType::of(family), interval, elements)?;
    ranges.into_iter().map(|(low, high)| AddressRange::new(address(low)?, address(high)?)).collect()
}

/// The ports of the elements of a set.
pub(crate) fn ports(interval: bool, elements: &[Element]) -> Option<Vec<PortRange>> {
    let ranges = ranges_of(KeyType::Port, interval, elements)?;
    let port = |value: u128| u16::try_from(value).ok();
    ranges.into_iter().map(|(low, high)| PortRange::new(port(low)?, port(high)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::state::element;
    use super::*;
    use crate::net::Network;

    fn decoded(set: &NewSet) -> Vec<Element> {
        let there_and_back = |e: &Element| {
            let encoded = set.encode(e, Attributes::new());
            element(crate::netlink::attributes(encoded.bytes().unwrap())).unwrap().unwrap()
        };
        set.content().iter().map(there_and_back).collect()
    }

    #[test]
    fn addresses_there_and_back() {
        for networks in [
            &["10.0.0.0/8", "12.0.0.1/32", "192.168.0.0/16"][..],
            &["0.0.0.0/5", "224.0.0.0/3"],
            &["0.0.0.0/0"],
            &["::/128", "fd00::/8", "ffff::/16"],
            &["::/0"],
        ] {
            let ranges = AddressRange::merged(networks.iter().map(|n| Network::parse(n).unwrap()));
            let family = ranges[0].family();
            let set = NewSet::addresses(family, &ranges);
            let mut elements = decoded(&set);
            elements.reverse();
            assert_eq!(addresses(family, true, &elements), Some(ranges));
        }
    }

    #[test]
    fn ports_there_and_back() {
        let range = |text| PortRange::parse(text).unwrap();
        let singles = NewSet::ports(&[range("15008"), range("53"), range("53")]);
        assert_eq!(singles.flags() & NFT_SET_INTERVAL, 0);
        assert_eq!(ports(false, &decoded(&singles)), Some(vec![range("53"), range("15008")]));
        let ranges = NewSet::ports(&[range("8000-8100"), range("53"), range("8050-65535")]);
        assert_eq!(ranges.flags() & NFT_SET_INTERVAL, NFT_SET_INTERVAL);
        assert_eq!(ports(true, &decoded(&ranges)), Some(vec![range("53"), range("8000-65535")]));
    }

    #[test]
    fn elements_of_another_length_are_none() {
        let element = |length| Element { key: vec![1; length], end: false };
        for length in [0, 1, 3, 4, 5, 16, 17, 255] {
            assert_eq!(ports(true, &[element(length)]), None);
        }
        assert_eq!(addresses(Family::Ipv4, true, &[element(16)]), None);
        assert!(addresses(Family::Ipv6, true, &[element(16)]).is_some());
    }
}
