//! Quirks of versions of iptables, and what is done about each.
//!
//! | versions | symptom | what is done |
//! | --- | --- | --- |
//! | before 1.8 | one variant, legacy, and `--version` does not name it | [`Version`] without `nf_tables` is legacy: [`variant`] |
//! | before 1.8.8, nft | a rule that a later version made is printed without its port or mark | refused if the rule for the tunnel port has lost it: [`lacks_port`], [`Version::PRINTS_ALL`] |
//! | all, nft | a table with a rule that nft(8) made, or a later version, is not printed at all | the kernel's own list is compared with what was printed (`SaveLacks`) |
//! | all, nft | a chain of nft(8) with the name of a built-in one, which the kernel does not call, is printed with the policy `-` | left out: [`is_called`] |
//! | old legacy | an address that stands for itself is printed without its length | read as a range of one: [`network`] |
//! | before 1.8.8, legacy | looks once a second whether its lock is free | nothing: a call may take a second |
//! | 1.8.4, nft | crashes, or forgets chains, if both families are changed at once | the call fails, and goes back to what was observed first |

use std::fmt;
use std::net::IpAddr;

use super::normal::Specification;
use super::{Match, Protocol, Target, Variant};
use crate::net::Network;

/// A version of iptables, such as 1.8.9.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(u16, u16, u16);

impl Version {
    /// The first whose iptables-nft writes ports and marks as expressions of nf_tables, and reads them. Those before
    /// print such a rule without the condition, or leave out its table if the condition is a range.
    pub const PRINTS_ALL: Self = Self(1, 8, 8);

    /// Finds `v1.8.9` in what a program prints of its version.
    pub fn read(printed: &str) -> Option<Self> {
        let version = printed.split_ascii_whitespace().find_map(|word| word.strip_prefix('v'))?;
        let mut numbers = version.split('.').map(|n| n.parse().ok());
        Some(Self(numbers.next()??, numbers.next()??, numbers.next().unwrap_or(Some(0))?))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(major, minor, patch) = self;
        write!(f, "{major}.{minor}.{patch}")
    }
}

/// The variant of a program, by what it prints of its version.
pub fn variant(printed: &str) -> Variant {
    if printed.contains("nf_tables") { Variant::Nft } else { Variant::Legacy }
}

/// Whether the rule for the tunnel port has lost the port. If a program leaves conditions out, more may be missing too:
/// managed rules are not recognised, and would be restored without their conditions.
pub fn lacks_port(rule: &Specification) -> bool {
    *rule == Specification::new([Match::Protocol(Protocol::Tcp)], Target::Return)
}

/// Whether the kernel calls a chain with the name of a built-in one: then it has a policy.
pub fn is_called(policy: Option<&str>) -> bool {
    policy != Some("-")
}

/// A range, or a single address.
pub fn network(value: &str) -> Option<Network> {
    Network::parse(value).ok().or_else(|| value.parse::<IpAddr>().ok().map(Network::host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_in_order() {
        let read = |printed| Version::read(printed).map(|v| v.to_string());
        assert_eq!(read("iptables-nft-save v1.8.7 (nf_tables)\n").as_deref(), Some("1.8.7"));
        assert_eq!(read("iptables-save v1.6\n").as_deref(), Some("1.6.0"));
        for nothing in ["", "iptables", "very v", "v1", "v1.8.x", "version 1.8.9"] {
            assert_eq!(read(nothing), None, "{nothing}");
        }
        assert!(Version::read("v1.8.7") < Some(Version::PRINTS_ALL));
        assert!(Version::read("v1.8.13") > Version::read("v1.8.9"));
    }
}
