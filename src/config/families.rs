//! Which address families rules are requested.

use crate::net::Families;

/// What `--ip-families` asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FamilyChoice {
    /// By the addresses of the namespace.
    #[default]
    Auto,
    /// These, whatever the namespace has.
    Always(Families),
}

impl FamilyChoice {
    /// What a value of this type may be, for error messages.
    pub const ALLOWED: &'static str = "auto, ipv4 or dual";

    /// Reads the option's text.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text {
            "" | "auto" => Ok(Self::Auto),
            "ipv4" => Ok(Self::Always(Families::Ipv4)),
            "dual" => Ok(Self::Always(Families::Dual)),
            _ => Err(format!("give {}", Self::ALLOWED)),
        }
    }
}
