//! Small values: marks, routing tables, booleans, durations.

use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

/// A number from 1 to 2^32-1 that names something in the kernel: a packet mark or a routing table.
/// Mark 0 is that of an unmarked packet, table 0 is "unspecified" (`linux/rtnetlink.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KernelId(NonZeroU32);

/// A packet mark (fwmark).
pub type Mark = KernelId;
/// The number of a routing table.
pub type RouteTable = KernelId;

impl KernelId {
    /// What a value of this type may be, for error messages.
    pub const ALLOWED: &'static str = "a number from 1 to 4294967295, decimal or hexadecimal with 0x";

    /// The value of this number; `None` for 0.
    pub const fn new(number: u32) -> Option<Self> {
        match NonZeroU32::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// The value of this number, 1 for 0: for numbers that are known when the program is built.
    pub const fn at_least_one(number: u32) -> Self {
        match NonZeroU32::new(number) {
            Some(number) => Self(number),
            None => Self(NonZeroU32::MIN),
        }
    }

    /// Reads decimal digits, or hexadecimal ones behind `0x`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (digits, radix) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
            Some(digits) => (digits, 16),
            None => (text, 10),
        };
        let plain = !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
        plain
            .then(|| u32::from_str_radix(digits, radix).ok())
            .flatten()
            .and_then(Self::new)
            .ok_or_else(|| format!("give {}", Self::ALLOWED))
    }

    /// The number, never 0.
    pub const fn number(self) -> u32 {
        self.0.get()
    }
}

impl fmt::Display for KernelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Reads the number of a routing table. The kernel's own, `default`, `main` and `local` (`linux/rtnetlink.h`), are not
/// allowed: a route for everything in `local` would make every address one of this host.
pub fn parse_table(text: &str) -> Result<RouteTable, String> {
    let table = KernelId::parse(text)?;
    match table.number() {
        253..=255 => {
            Err("it is a table of the kernel's own (253 default, 254 main, 255 local); give another number".to_owned())
        }
        _ => Ok(table),
    }
}

/// The spellings of a boolean, those of Go's `strconv.ParseBool`.
pub const BOOL_ALLOWED: &str = "1, t, T, true, TRUE, True, 0, f, F, false, FALSE or False";

/// Reads a boolean in one of the spellings of [`BOOL_ALLOWED`].
pub fn parse_bool(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(format!("give {BOOL_ALLOWED}")),
    }
}

/// What a duration may be, for error messages.
pub const DURATION_ALLOWED: &str = "a duration longer than 0 with its unit, such as 5s, 500ms or 1m30s";

/// Reads a duration as Go's `time.ParseDuration` does, without a sign: numbers, fractions too, each with
/// a unit (`ns`, `us`, `ms`, `s`, `m`, `h`). What is bounded by none could not be done.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let bad = || format!("give {DURATION_ALLOWED}");
    let mut rest = text;
    let mut nanoseconds = 0.0_f64;
    while !rest.is_empty() {
        let unit_at = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(bad)?;
        let (number, tail) = rest.split_at(unit_at);
        let unit_end = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_end);
        let scale = match unit {
            "ns" => 1.0,
            "us" | "µs" | "μs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 60e9,
            "h" => 3600e9,
            _ => return Err(bad()),
        };
        nanoseconds += number.parse::<f64>().map_err(|_| bad())? * scale;
        rest = tail;
    }
    // Go's durations end at 2^63 nanoseconds, about 292 years.
    if !(1.0..i64::MAX as f64).contains(&nanoseconds) {
        return Err(bad());
    }
    Ok(Duration::from_nanos(nanoseconds as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks() {
        assert_eq!(KernelId::parse("1337").map(KernelId::number), Ok(1337));
        assert_eq!(KernelId::parse("0x539").map(KernelId::number), Ok(1337));
        assert_eq!(KernelId::parse("0xffffffff").map(KernelId::number), Ok(u32::MAX));
        for bad in ["", "0", "0x", "0x0", "abc", "-1", "+1", "4294967296", "1/2", "0x-1", "0b1"] {
            assert!(KernelId::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn tables() {
        assert_eq!(parse_table("133").map(KernelId::number), Ok(133));
        assert_eq!(parse_table("0x100").map(KernelId::number), Ok(256));
        for bad in ["0", "253", "254", "255", "0xff", "main"] {
            assert!(parse_table(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn durations() {
        assert_eq!(parse_duration("5s"), Ok(Duration::from_secs(5)));
        assert_eq!(parse_duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse_duration("1m30s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_duration("1.5h"), Ok(Duration::from_secs(5400)));
        for bad in
            ["", "0", "0s", "0.1ns", "5", "s", "-5s", "5 s", "5x", "1..5s", ".s", "5s ", "99999999999999h", "5sms"]
        {
            assert!(parse_duration(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn booleans() {
        assert_eq!(parse_bool("T"), Ok(true));
        assert_eq!(parse_bool("False"), Ok(false));
        assert!(parse_bool("yes").is_err() && parse_bool("").is_err() && parse_bool("tRUE").is_err());
    }
}
