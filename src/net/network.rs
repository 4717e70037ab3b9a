//! Ranges of addresses.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnetwork::IpNetwork;

use super::Family;

/// A range of addresses in CIDR notation. Host bits are kept as the user wrote them, since the rules
/// are printed so; [`Network::masked`] is without them, as the kernel keeps it.
///
/// Wraps [`IpNetwork`], which also takes a bare address and a dotted mask: neither is accepted here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network(IpNetwork);

impl Network {
    /// What a value of this type may be, for error messages.
    pub const ALLOWED: &'static str = "a range in CIDR notation such as 10.0.0.0/8 or fd00::/8";

    /// The range that holds one address.
    pub fn host(address: impl Into<IpAddr>) -> Self {
        Self(IpNetwork::from(address.into()))
    }

    /// Reads a range as a user writes it: address, `/`, length; `127.1`, `/08`, masks and zones are errors.
    pub fn parse(text: &str) -> Result<Self, String> {
        let Some((address, length)) = text.split_once('/') else {
            return Err(match text.parse::<IpAddr>() {
                Ok(IpAddr::V4(_)) => format!("the length is missing; write {text}/32 for this one address"),
                Ok(IpAddr::V6(_)) => format!("the length is missing; write {text}/128 for this one address"),
                Err(_) => format!("give {}", Self::ALLOWED),
            });
        };
        let address: IpAddr = address.parse().map_err(|_| {
            if address.contains('%') {
                "a range has no zone; leave out the % and what follows".to_owned()
            } else {
                format!("give {}", Self::ALLOWED)
            }
        })?;
        let most: u8 = if address.is_ipv4() { 32 } else { 128 };
        let plain = length.bytes().all(|b| b.is_ascii_digit()) && (length == "0" || !length.starts_with('0'));
        let network = plain.then(|| length.parse().ok()).flatten().and_then(|l| IpNetwork::new(address, l).ok());
        network.map(Self).ok_or_else(|| format!("the length is a number from 0 to {most}"))
    }

    /// The range from `address` over `length` leading bits; `None` if that is too long.
    pub fn new(address: IpAddr, length: u8) -> Option<Self> {
        IpNetwork::new(address, length).ok().map(Self)
    }

    /// The address as written, with its host bits.
    pub fn address(self) -> IpAddr {
        self.0.ip()
    }

    /// How many leading bits are fixed.
    pub fn length(self) -> u8 {
        self.0.prefix()
    }

    /// The family of the range. An IPv4-mapped range (`::ffff:10.0.0.0/104`) is IPv6.
    pub fn family(self) -> Family {
        if self.0.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 }
    }

    /// The range without host bits.
    pub fn masked(self) -> Self {
        Self::new(self.0.network(), self.length()).unwrap_or(self)
    }

    /// The highest address of the range.
    pub fn highest(self) -> IpAddr {
        self.0.broadcast()
    }

    /// The address whose leading bits, as many as are fixed, are ones.
    pub fn mask(self) -> IpAddr {
        self.0.mask()
    }

    /// Whether `address` is in the range.
    pub fn contains(self, address: IpAddr) -> bool {
        self.0.contains(address)
    }

    /// Whether every address of `other` is in the range.
    pub fn covers(self, other: Self) -> bool {
        self.length() <= other.length() && self.contains(other.address())
    }

    /// Whether every address of the range is a loopback address (`127.0.0.0/8` or `::1`).
    pub fn is_loopback(self) -> bool {
        let family = self.family();
        let fixed = if family == Family::Ipv4 { 8 } else { 128 };
        Self::new(family.localhost(), fixed).is_some_and(|loopback| loopback.covers(self))
    }

    /// Whether the address before the `/`, as it was written, is a loopback address, also if it is an IPv4 address that
    /// is mapped to IPv6 (`::ffff:127.0.0.1/128`): what Istio asks of a range (Go's `netip.Addr.IsLoopback`).
    pub fn is_written_as_loopback(self) -> bool {
        self.address().to_canonical().is_loopback()
    }
}

/// Address and length; IPv6 in the form of RFC 5952.
impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address() {
            // Without the formatter's machinery, a dry run with 10,000 of them takes 4 % less time.
            IpAddr::V4(address) => {
                let mut text = Short::default();
                for (octet, behind) in address.octets().into_iter().zip(*b".../") {
                    text.number(octet);
                    text.push(behind);
                }
                text.number(self.length());
                f.write_str(text.as_str())
            }
            IpAddr::V6(address) => write!(f, "{address}/{}", self.length()),
        }
    }
}

/// Text of an IPv4 range, of which the longest is `255.255.255.255/32`.
#[derive(Default)]
struct Short {
    bytes: [u8; 18],
    length: usize,
}

impl Short {
    fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.length) {
            *place = byte;
            self.length += 1;
        }
    }

    fn number(&mut self, number: u8) {
        if number >= 100 {
            self.push(b'0' + number / 100);
        }
        if number >= 10 {
            self.push(b'0' + number / 10 % 10);
        }
        self.push(b'0' + number % 10);
    }

    fn as_str(&self) -> &str {
        self.bytes.get(..self.length).and_then(|b| std::str::from_utf8(b).ok()).unwrap_or_default()
    }
}

/// The IPv4 loopback address that the proxy's inbound side calls the application from.
pub const PROXY_SOURCE_V4: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 6);
/// The IPv6 address for the same; it has to be added to `lo`, unlike the IPv4 one.
pub const PROXY_SOURCE_V6: Ipv6Addr = Ipv6Addr::new(0, 0, 0, 0, 0, 0, 0, 6);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printed_as_written_but_for_the_form_of_ipv6() {
        let printed = |text| Network::parse(text).map(|n| n.to_string());
        assert_eq!(printed("10.1.2.3/8"), Ok("10.1.2.3/8".into()));
        assert_eq!(printed("0.0.0.0/0"), Ok("0.0.0.0/0".into()));
        for octet in 0..=255_u8 {
            let text = format!("{octet}.255.{octet}.{}/{}", 255 - octet, octet % 33);
            assert_eq!(Network::parse(&text).map(|n| n.to_string()), Ok(text.clone()));
        }
        assert_eq!(printed("2001:DB8:0:0::/32"), Ok("2001:db8::/32".into()));
        assert_eq!(printed("::ffff:10.0.0.0/104"), Ok("::ffff:10.0.0.0/104".into()));
    }

    #[test]
    fn what_is_not_a_range() {
        for bad in [
            "",
            "/",
            "10.0.0.0",
            "10.0.0.0/",
            "10.0.0.0/33",
            "10.0.0.0/08",
            "10.0.0.0/-1",
            "10.0.0.0/+8",
            "10.0.0.0/255.0.0.0",
            "10.0.0/8",
            "010.0.0.0/8",
            "fe80::/10%eth0",
            "fe80::%eth0/10",
            "fd00::/129",
            "10.0.0.0/8 -j DROP",
            "*",
            "!10.0.0.0/8",
        ] {
            assert!(Network::parse(bad).is_err(), "{bad:?}");
        }
        assert!(Network::parse("10.0.0.1").unwrap_err().contains("10.0.0.1/32"));
    }

    #[test]
    fn loopback_is_the_whole_range_or_the_address_as_written() {
        let of =
            |text| Network::parse(text).map(|range| (range.is_loopback(), range.is_written_as_loopback())).unwrap();
        for text in ["127.1.2.3/32", "127.0.0.0/8", "::1/128"] {
            assert_eq!(of(text), (true, true), "{text}");
        }
        for text in ["127.0.0.1/7", "127.0.0.1/0", "::1/64", "::ffff:127.0.0.1/128", "::ffff:127.0.0.0/104"] {
            assert_eq!(of(text), (false, true), "{text}");
        }
        for text in ["0.0.0.0/0", "126.0.0.0/7", "10.0.0.0/8", "::/0", "::/127", "::ffff:10.0.0.0/104"] {
            assert_eq!(of(text), (false, false), "{text}");
        }
    }
}
