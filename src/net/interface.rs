//! Names of network interfaces.

use std::fmt;

/// The name of a network interface, or, with a trailing `+`, of all whose names start so.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interface(String);

impl Interface {
    /// What a value of this type may be, for error messages. 15 is `IFNAMSIZ - 1` of `linux/if.h`.
    pub const ALLOWED: &'static str = "an interface name of 1 to 15 characters without white space, /, ! or *; a trailing + matches all names that start that way";

    /// Reads a name. What the kernel would not take as one, and what iptables would read as something
    /// else, is an error.
    pub fn parse(text: &str) -> Result<Self, String> {
        let fits = (1..=15).contains(&text.len());
        // A leading `-` would be read as an option, a quote or backslash as quoting, by iptables-restore.
        let clean =
            text.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '/' | '!' | '*' | '"' | '\'' | '\\' | ':'))
                && !text.starts_with('-');
        match fits && clean && text != "." && text != ".." {
            true => Ok(Self(text.to_owned())),
            false => Err(format!("give {}", Self::ALLOWED)),
        }
    }

    /// The loopback interface, which has this name in every network namespace.
    pub fn loopback() -> Self {
        Self("lo".to_owned())
    }

    /// The name as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this names every interface there is.
    pub fn is_any(&self) -> bool {
        self.0 == "+"
    }

    /// Whether an interface of this name is meant.
    pub fn matches(&self, name: &str) -> bool {
        match self.0.strip_suffix('+') {
            Some(prefix) => name.starts_with(prefix),
            None => self.0 == name,
        }
    }
}

impl fmt::Display for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["eth0", "eth+", "+", "a23456789012345", "br-1234", "eth0.100", "veth@x", "k6t-net1"] {
            assert!(Interface::parse(good).is_ok(), "{good:?}");
        }
        for bad in [
            "",
            "*",
            "!eth0",
            "eth0 -j DROP",
            "a234567890123456",
            "eth/0",
            "-i",
            "eth\n0",
            "\"eth0\"",
            "eth0:1",
            "é",
            "..",
            "eth\\",
        ] {
            assert!(Interface::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn plus_is_a_prefix() {
        let eth = Interface::parse("eth+").unwrap();
        assert!(eth.matches("eth0") && eth.matches("eth") && !eth.matches("net1"));
        assert!(Interface::parse("+").unwrap().is_any());
    }
}
