//! Numbers that name something in the kernel: packet marks and routing tables.

use std::fmt;
use std::num::NonZeroU32;

/// What such a number may be, for error messages.
const ALLOWED: &str = "a number from 1 to 4294967295, decimal or hexadecimal with 0x";

/// Reads decimal digits, or hexadecimal ones after `0x`.
fn parse(text: &str) -> Result<NonZeroU32, String> {
    let (digits, radix) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None => (text, 10),
    };
    let plain = !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
    plain
        .then(|| u32::from_str_radix(digits, radix).ok())
        .flatten()
        .and_then(NonZeroU32::new)
        .ok_or_else(|| format!("give {ALLOWED}"))
}

const fn at_least_one(number: u32) -> NonZeroU32 {
    match NonZeroU32::new(number) {
        Some(number) => number,
        None => NonZeroU32::MIN,
    }
}

/// A packet mark (fwmark): 1 to 2^32-1, since 0 is that of an unmarked packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark(NonZeroU32);

impl Mark {
    /// The mark of this number; `None` for 0.
    pub fn new(number: u32) -> Option<Self> {
        NonZeroU32::new(number).map(Self)
    }

    /// The mark of this number, 1 for 0: for numbers that are known when the program is built.
    pub const fn at_least_one(number: u32) -> Self {
        Self(at_least_one(number))
    }

    /// Reads decimal digits, or hexadecimal ones after `0x`.
    pub fn parse(text: &str) -> Result<Self, String> {
        parse(text).map(Self)
    }

    /// The number, never 0.
    pub const fn number(self) -> u32 {
        self.0.get()
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The number of a routing table: 1 to 2^32-1, since 0 is "unspecified" (`linux/rtnetlink.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouteTable(NonZeroU32);

impl RouteTable {
    /// The table of this number; `None` for 0.
    pub fn new(number: u32) -> Option<Self> {
        NonZeroU32::new(number).map(Self)
    }

    /// The table of this number, 1 for 0: for numbers that are known when the program is built.
    pub const fn at_least_one(number: u32) -> Self {
        Self(at_least_one(number))
    }

    /// Reads the number of a table that may be used. The kernel's own, `default`, `main` and `local`
    /// (`linux/rtnetlink.h`), are not allowed: a route for everything in `local` would make every address one of
    /// this host.
    pub fn parse(text: &str) -> Result<Self, String> {
        let table = parse(text)?;
        match table.get() {
            253..=255 => {
                Err("the kernel reserves this table (253 default, 254 main, 255 local); give another number".to_owned())
            }
            _ => Ok(Self(table)),
        }
    }

    /// The number, never 0.
    pub const fn number(self) -> u32 {
        self.0.get()
    }
}

impl fmt::Display for RouteTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks() {
        assert_eq!(Mark::parse("1337").map(Mark::number), Ok(1337));
        assert_eq!(Mark::parse("0x539").map(Mark::number), Ok(1337));
        assert_eq!(Mark::parse("0xffffffff").map(Mark::number), Ok(u32::MAX));
        for bad in ["", "0", "0x", "0x0", "abc", "-1", "+1", "4294967296", "1/2", "0x-1", "0b1"] {
            assert!(Mark::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn tables() {
        assert_eq!(RouteTable::parse("133").map(RouteTable::number), Ok(133));
        assert_eq!(RouteTable::parse("0x100").map(RouteTable::number), Ok(256));
        for bad in ["0", "253", "254", "255", "0xff", "main"] {
            assert!(RouteTable::parse(bad).is_err(), "{bad:?}");
        }
    }
}
