//! How Go's standard library reads small texts: booleans, integers, addresses. Istio's rules are its rules.

use std::net::{Ipv4Addr, Ipv6Addr};

/// `strconv.ParseBool`.
pub fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

/// Why `strconv` does not take a text for a number; printed as Go prints it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberError {
    /// It is no number.
    Syntax,
    /// It is too large or too small.
    Range,
}

impl NumberError {
    /// Go's words.
    pub fn text(self) -> &'static str {
        match self {
            NumberError::Syntax => "invalid syntax",
            NumberError::Range => "value out of range",
        }
    }
}

/// `strconv.ParseUint(text, 10, bits)`: digits alone, no sign, no spaces.
pub fn parse_uint(text: &str, bits: u32) -> Result<u64, NumberError> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(NumberError::Syntax);
    }
    match text.parse::<u64>() {
        Ok(number) if bits >= 64 || number >> bits == 0 => Ok(number),
        _ => Err(NumberError::Range),
    }
}

/// `strconv.Atoi`: digits with an optional sign.
pub fn atoi(text: &str) -> Result<i64, NumberError> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(NumberError::Syntax);
    }
    text.parse().map_err(|_| NumberError::Range)
}

/// `netip.ParseAddr(text)` without an error; IPv6 zones are allowed. Returns the number of bits of the family.
pub fn address_bits(text: &str) -> Option<u32> {
    if text.parse::<Ipv4Addr>().is_ok() {
        return Some(32);
    }
    let (address, zone) = match text.split_once('%') {
        Some((address, zone)) => (address, Some(zone)),
        None => (text, None),
    };
    (zone != Some("") && address.parse::<Ipv6Addr>().is_ok()).then_some(128)
}

/// `netip.ParsePrefix`: an address and a prefix length. Host bits may be set; zones and leading zeros are not allowed.
pub fn is_prefix(text: &str) -> bool {
    let Some((address, bits)) = text.rsplit_once('/') else { return false };
    let Some(max) = address_bits(address) else { return false };
    let plain = bits == "0" || (!bits.starts_with('0') && bits.bytes().all(|b| b.is_ascii_digit()));
    !address.contains('%') && plain && bits.parse::<u32>().is_ok_and(|bits| bits <= max)
}

/// `net.SplitHostPort`; the error is Go's.
pub fn split_host_port(text: &str) -> Result<(&str, &str), &'static str> {
    let missing = "missing port in address";
    let (host, port) = text.rsplit_once(':').ok_or(missing)?;
    if let Some(rest) = text.strip_prefix('[') {
        let (inside, after) = rest.split_once(']').ok_or("missing ']' in address")?;
        return match after.strip_prefix(':') {
            Some(port) if inside.contains('[') || port.contains(['[', ']']) => Err("unexpected '[' or ']' in address"),
            Some(port) if !port.contains(':') => Ok((inside, port)),
            Some(_) => Err("too many colons in address"),
            None => Err(missing),
        };
    }
    if host.contains(':') {
        return Err("too many colons in address");
    }
    if text.contains('[') {
        return Err("unexpected '[' in address");
    }
    if text.contains(']') {
        return Err("unexpected ']' in address");
    }
    Ok((host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_strconv_reads_them() {
        assert_eq!(parse_uint("0", 32), Ok(0));
        assert_eq!(parse_uint("4294967295", 32), Ok(4_294_967_295));
        assert_eq!(parse_uint("4294967296", 32), Err(NumberError::Range));
        assert_eq!(parse_uint("65536", 16), Err(NumberError::Range));
        assert_eq!(parse_uint("99999999999999999999999", 64), Err(NumberError::Range));
        for text in ["", "-1", "+1", " 1", "1_0", "0x1", "1.0"] {
            assert_eq!(parse_uint(text, 32), Err(NumberError::Syntax), "{text:?}");
        }
        assert_eq!((atoi("+80"), atoi("-1"), atoi("080")), (Ok(80), Ok(-1), Ok(80)));
        assert_eq!(
            (atoi("+"), atoi("1e3"), atoi("9223372036854775808")),
            (Err(NumberError::Syntax), Err(NumberError::Syntax), Err(NumberError::Range))
        );
    }

    #[test]
    fn prefixes_are_read_as_netip_reads_them() {
        for text in ["10.0.0.0/8", "10.1.2.3/8", "0.0.0.0/0", "1.2.3.4/32", "::/0", "fe80::1/64", "::ffff:1.2.3.4/128"]
        {
            assert!(is_prefix(text), "{text:?}");
        }
        for text in [
            "",
            "/",
            "10.0.0.0",
            "10.0.0.0/",
            "10.0.0.0/33",
            "10.0.0.0/08",
            "10.0.0.0/+8",
            "10.0.0/8",
            "010.0.0.0/8",
            " 10.0.0.0/8",
            "10.0.0.0/8 ",
            "fe80::1%eth0/64",
            "::1/129",
            "1.2.3.4/8/8",
            "*",
        ] {
            assert!(!is_prefix(text), "{text:?}");
        }
    }

    #[test]
    fn hosts_and_ports_are_split_as_net_splits_them() {
        assert_eq!(split_host_port("a.b:15012"), Ok(("a.b", "15012")));
        assert_eq!(split_host_port("[::1]:80"), Ok(("::1", "80")));
        assert_eq!(split_host_port(":80"), Ok(("", "80")));
        assert_eq!(split_host_port("a:"), Ok(("a", "")));
        for text in ["", "a", "::1:80", "[::1]", "[::1", "[::1]80", "a[b]:80", "[a]:b:80"] {
            assert!(split_host_port(text).is_err(), "{text:?}");
        }
    }
}
