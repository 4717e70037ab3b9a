//! What rules are written with.

use std::fmt;

/// What rules are written with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Backend {
    /// iptables-legacy.
    Legacy,
    /// iptables-nft.
    Nft,
    /// nftables without iptables.
    Native,
}

impl Backend {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Legacy, Self::Nft, Self::Native];
    /// The variants of iptables.
    pub const IPTABLES: [Self; 2] = [Self::Legacy, Self::Nft];

    /// As the program calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Legacy => "legacy",
            Self::Nft => "nft",
            Self::Native => "native",
        }
    }

    /// The flag that asks for it.
    pub const fn flag(self) -> &'static str {
        match self {
            Self::Legacy => "--force-iptables-binary=legacy",
            Self::Nft => "--force-iptables-binary=nft",
            Self::Native => "--native-nftables",
        }
    }

    /// The other variant of iptables.
    pub const fn other(self) -> Self {
        match self {
            Self::Legacy => Self::Nft,
            Self::Nft => Self::Legacy,
            Self::Native => Self::Native,
        }
    }

    /// The variant of iptables for foreign rules beside these.
    pub const fn of_others(self) -> Self {
        match self {
            Self::Legacy => Self::Legacy,
            Self::Nft | Self::Native => Self::Nft,
        }
    }

    /// A program for a family, `ip` or `ip6`: `restore` or `save`; if there is none, of the variant for foreign rules.
    pub fn program(self, family: &str, what: &str) -> String {
        format!("{family}tables-{}-{what}", self.of_others())
    }

    /// The programs of both variants and families that restore rules.
    pub fn restores() -> Vec<String> {
        Self::IPTABLES.iter().flat_map(|b| ["ip", "ip6"].map(|family| b.program(family, "restore"))).collect()
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
