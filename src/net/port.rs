//! Ports and ranges of ports.

use std::fmt;
use std::num::NonZeroU16;

/// A port that something listens on: 1 to 65535.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Port(NonZeroU16);

impl Port {
    /// What a value of this type may be, for error messages.
    pub const ALLOWED: &'static str = "a number from 1 to 65535";

    /// The port of this number; `None` for 0, which no one can listen on.
    pub const fn new(number: u16) -> Option<Self> {
        match NonZeroU16::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// The port of this number, 1 for 0: for numbers that are known when the program is built.
    pub const fn at_least_one(number: u16) -> Self {
        match NonZeroU16::new(number) {
            Some(number) => Self(number),
            None => Self(NonZeroU16::MIN),
        }
    }

    /// Reads a port as a user writes it: decimal digits only.
    pub fn parse(text: &str) -> Result<Self, String> {
        number(text)?.and_then(Self::new).ok_or_else(|| format!("a port is {}", Self::ALLOWED))
    }

    /// The number, never 0.
    pub const fn number(self) -> u16 {
        self.0.get()
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One port or an inclusive range of ports, as a rule matches it: 0 to 65535, low end first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortRange {
    low: u16,
    high: u16,
}

impl PortRange {
    /// What a value of this type may be, for error messages.
    pub const ALLOWED: &'static str =
        "a number from 0 to 65535 or a range LOW:HIGH (or LOW-HIGH) with LOW not above HIGH";

    /// All ports.
    pub const ALL: Self = Self { low: 0, high: u16::MAX };

    /// The range from `low` to `high`; `None` if it would be reversed.
    pub const fn new(low: u16, high: u16) -> Option<Self> {
        if low <= high { Some(Self { low, high }) } else { None }
    }

    /// The range that holds one port.
    pub const fn single(port: u16) -> Self {
        Self { low: port, high: port }
    }

    /// Reads a port or a range as a user writes it: `80`, `8000:8100` or `8000-8100`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let allowed = || format!("give {}", Self::ALLOWED);
        let (low, high) = text.split_once([':', '-']).unwrap_or((text, text));
        let (low, high) = (number(low)?, number(high)?);
        let (low, high) = low.zip(high).ok_or_else(allowed)?;
        Self::new(low, high).ok_or_else(|| format!("the range is reversed; did you mean {high}:{low}?"))
    }

    /// The lowest port of the range.
    pub const fn low(self) -> u16 {
        self.low
    }

    /// The highest port of the range.
    pub const fn high(self) -> u16 {
        self.high
    }

    /// Whether the range holds `port`.
    pub const fn contains(self, port: u16) -> bool {
        self.low <= port && port <= self.high
    }

    /// Whether the range holds every port of `other`.
    pub const fn covers(self, other: Self) -> bool {
        self.low <= other.low && other.high <= self.high
    }
}

impl From<Port> for PortRange {
    fn from(port: Port) -> Self {
        Self::single(port.number())
    }
}

/// As iptables writes it: `80` or `8000:8100`.
impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self { low, high } if low == high => low.fmt(f),
            Self { low, high } => write!(f, "{low}:{high}"),
        }
    }
}

/// The port of DNS servers.
pub const DNS_PORT: u16 = 53;
/// The port of the agent, which answers DNS queries.
pub const DNS_AGENT: Port = Port::at_least_one(15053);

/// A number made of decimal digits; `Ok(None)` if it is none or too large. A service name gets the
/// advice that fits it.
fn number(text: &str) -> Result<Option<u16>, String> {
    if let Some((_, number)) = SERVICES.iter().find(|(name, _)| text.eq_ignore_ascii_case(name)) {
        return Err(format!("a port is a number; service names are not looked up, write {number}"));
    }
    if text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
    {
        return Err("a port is a number; service names are not looked up".to_owned());
    }
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    Ok(digits.then(|| text.parse().ok()).flatten())
}

/// Names that people write in place of a port, for the error message alone (IANA's service names).
const SERVICES: [(&str, u16); 16] = [
    ("ssh", 22),
    ("smtp", 25),
    ("dns", 53),
    ("domain", 53),
    ("http", 80),
    ("www", 80),
    ("pop3", 110),
    ("ntp", 123),
    ("imap", 143),
    ("ldap", 389),
    ("https", 443),
    ("mysql", 3306),
    ("postgresql", 5432),
    ("amqp", 5672),
    ("redis", 6379),
    ("mongodb", 27017),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports() {
        assert_eq!(Port::parse("15001").map(Port::number), Ok(15001));
        for bad in ["", "0", "-5", "+5", "65536", "99999", " 80", "80 ", "0x50", "15001 --random", "1\n2", "1-2"] {
            assert!(Port::parse(bad).is_err(), "{bad:?}");
        }
        assert!(Port::parse("http").unwrap_err().contains("write 80"));
        assert!(Port::parse("frobnicate").unwrap_err().contains("number"));
    }

    #[test]
    fn ranges() {
        let range = |text| PortRange::parse(text).map(|r| r.to_string());
        assert_eq!(range("80"), Ok("80".into()));
        assert_eq!(range("0"), Ok("0".into()));
        assert_eq!(range("8000:8100"), Ok("8000:8100".into()));
        assert_eq!(range("8000-8100"), Ok("8000:8100".into()));
        assert_eq!(range("80:80"), Ok("80".into()));
        for bad in ["", ":", "80:", ":80", "1:2:3", "1-2-3", "8100:8000", "65536", "*", "!80", "80 81"] {
            assert!(PortRange::parse(bad).is_err(), "{bad:?}");
        }
        assert!(PortRange::parse("8100:8000").unwrap_err().contains("8000:8100"));
    }
}
