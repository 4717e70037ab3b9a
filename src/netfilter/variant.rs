//! What rules are written with.

/// Which of the two programs called iptables: they keep their rules in different places of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Variant {
    /// `iptables-legacy`: x_tables.
    Legacy,
    /// `iptables-nft`: nf_tables, through its compatibility layer.
    Nft,
}

impl Variant {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::Legacy, Self::Nft];

    /// The variant's name, as in `iptables-nft`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Legacy => "legacy",
            Self::Nft => "nft",
        }
    }

    /// The other variant.
    pub const fn other(self) -> Self {
        match self {
            Self::Legacy => Self::Nft,
            Self::Nft => Self::Legacy,
        }
    }

    /// Reads a name; none if the text is empty.
    ///
    /// # Errors
    /// What is allowed.
    pub fn parse(text: &str) -> Result<Option<Self>, String> {
        match text {
            "" => Ok(None),
            "legacy" => Ok(Some(Self::Legacy)),
            "nft" => Ok(Some(Self::Nft)),
            _ => Err("give legacy or nft".to_owned()),
        }
    }
}

/// What the rules are written with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// iptables; this variant, or the one that fits.
    Iptables(Option<Variant>),
    /// nftables.
    Nftables,
}
