//! Ranges of addresses for interval sets.

use std::fmt;
use std::net::IpAddr;

use super::bits;
use crate::net::{Family, Network};

/// An inclusive range of addresses of one family, low end first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddressRange {
    low: IpAddr,
    high: IpAddr,
}

impl AddressRange {
    /// The range; `None` if it is reversed or its ends are of two families.
    pub fn new(low: IpAddr, high: IpAddr) -> Option<Self> {
        (low.is_ipv4() == high.is_ipv4() && low <= high).then_some(Self { low, high })
    }

    /// The lowest address.
    pub fn low(self) -> IpAddr {
        self.low
    }

    /// The highest address.
    pub fn high(self) -> IpAddr {
        self.high
    }

    /// The family of its addresses.
    pub fn family(self) -> Family {
        Family::of(self.low)
    }

    /// The same in CIDR notation, if that is possible.
    pub fn network(self) -> Option<Network> {
        let width: u32 = if self.low.is_ipv4() { 32 } else { 128 };
        let differing = u128::BITS - (bits(self.low) ^ bits(self.high)).leading_zeros();
        let length = u8::try_from(width.checked_sub(differing)?).ok()?;
        let network = Network::new(self.low, length)?;
        (Self::from(network) == self).then_some(network)
    }

    /// The same as the fewest networks.
    pub fn networks(self) -> Vec<Network> {
        let width = if self.low.is_ipv4() { 32 } else { 128 };
        let (mut low, high) = (bits(self.low), bits(self.high));
        let mut networks = Vec::new();
        loop {
            // As many host bits as the low end has zeros, and no more than there are addresses left.
            let left = (high - low).checked_add(1).map_or(u128::BITS, |count| count.ilog2());
            let host = low.trailing_zeros().min(left).min(width);
            let length = u8::try_from(width - host).unwrap_or(u8::MAX);
            networks.extend(Network::new(address(self.family(), low), length));
            let last = low | 1_u128.checked_shl(host).map_or(u128::MAX, |size| size - 1);
            if last >= high {
                return networks;
            }
            low = last + 1;
        }
    }

    /// The networks as ranges in ascending order; those that overlap or lie next to each other are one.
    pub fn merged(networks: impl IntoIterator<Item = Network>) -> Vec<Self> {
        Self::joined(networks.into_iter().map(Self::from).collect())
    }

    /// The ranges in ascending order; those that overlap or lie next to each other are one.
    pub fn joined(ranges: Vec<Self>) -> Vec<Self> {
        let of = |family: Family| {
            let ranges = ranges.iter().filter(|r| r.family() == family).map(|r| (bits(r.low), bits(r.high)));
            let address = move |bits| address(family, bits);
            merged(ranges.collect()).into_iter().map(move |(low, high)| Self { low: address(low), high: address(high) })
        };
        Family::BOTH.into_iter().flat_map(of).collect()
    }
}

/// The address of a family with these bits.
fn address(family: Family, bits: u128) -> IpAddr {
    match family {
        Family::Ipv4 => IpAddr::V4(u32::try_from(bits).unwrap_or(u32::MAX).into()),
        Family::Ipv6 => IpAddr::V6(bits.into()),
    }
}

/// In ascending order; those that overlap or touch are one.
pub(super) fn merged(mut ranges: Vec<(u128, u128)>) -> Vec<(u128, u128)> {
    ranges.sort_unstable();
    let mut merged: Vec<(u128, u128)> = Vec::with_capacity(ranges.len());
    for (low, high) in ranges {
        match merged.last_mut() {
            Some(last) if low <= last.1.saturating_add(1) => last.1 = last.1.max(high),
            Some(_) | None => merged.push((low, high)),
        }
    }
    merged
}

impl From<Network> for AddressRange {
    fn from(network: Network) -> Self {
        Self { low: network.masked().address(), high: network.highest() }
    }
}

/// As nft writes it: in CIDR notation if possible, else both ends.
impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.network() {
            Some(network) => network.fmt(f),
            None => write!(f, "{}-{}", self.low, self.high),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(networks: &[&str]) -> String {
        let ranges = AddressRange::merged(networks.iter().map(|n| Network::parse(n).unwrap()));
        ranges.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_overlaps_or_touches_is_one() {
        assert_eq!(merged(&["10.0.0.0/9", "10.128.0.0/9"]), "10.0.0.0/8");
        assert_eq!(merged(&["10.1.2.3/16", "10.0.0.0/8", "10.0.0.0/8"]), "10.0.0.0/8");
        assert_eq!(merged(&["10.0.0.2/32", "10.0.0.1/32"]), "10.0.0.1-10.0.0.2");
        assert_eq!(merged(&["10.0.0.1/32", "10.0.0.3/32"]), "10.0.0.1/32 10.0.0.3/32");
        assert_eq!(merged(&["255.0.0.0/8", "0.0.0.0/1", "128.0.0.0/1"]), "0.0.0.0/0");
        assert_eq!(merged(&["fd00::/9", "fd80::/9", "fe00::/8"]), "fd00::-feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
        assert_eq!(merged(&["::/0", "ffff::/16"]), "::/0");
        assert_eq!(merged(&["255.255.255.255/32", "::/128"]), "255.255.255.255/32 ::/128");
    }
}
