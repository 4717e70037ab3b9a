//! Releases of iptables.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use super::process::{self, Call};

/// A release, such as 1.8.9.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Release(u16, u16, u16);

impl Release {
    /// The first whose iptables-nft writes ports and marks as expressions of nf_tables, and reads them. Those before
    /// print such a rule without the condition, or leave out its table where the condition is a range.
    pub const WITH_EXPRESSIONS: Self = Self(1, 8, 8);

    /// What a program says that it is; `None` where it says nothing that is understood.
    pub fn of(program: &Path) -> Option<Self> {
        Self::read(&version(program)?)
    }

    /// Finds `v1.8.9` among words.
    fn read(said: &str) -> Option<Self> {
        let version = said.split_ascii_whitespace().find_map(|word| word.strip_prefix('v'))?;
        let mut numbers = version.split('.').map(|n| n.parse().ok());
        Some(Self(numbers.next()??, numbers.next()??, numbers.next().unwrap_or(Some(0))?))
    }
}

/// What a program says of its version.
pub(super) fn version(program: &Path) -> Option<String> {
    let call = Call {
        program: program.to_owned(),
        arguments: vec!["--version".to_owned()],
        environment: Vec::new(),
        without_name_service: false,
    };
    let output = process::run_all(&[(&call, "")], Duration::from_secs(10)).pop()?.ok()?;
    Some(String::from_utf8_lossy(&output).into_owned())
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(major, minor, patch) = self;
        write!(f, "{major}.{minor}.{patch}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_read_and_in_order() {
        let read = |said| Release::read(said).map(|r| r.to_string());
        assert_eq!(read("iptables-nft-save v1.8.7 (nf_tables)\n").as_deref(), Some("1.8.7"));
        assert_eq!(read("iptables-save v1.6\n").as_deref(), Some("1.6.0"));
        for nothing in ["", "iptables", "very v", "v1", "v1.8.x", "version 1.8.9"] {
            assert_eq!(read(nothing), None, "{nothing}");
        }
        assert!(Release::read("v1.8.7") < Some(Release::WITH_EXPRESSIONS));
        assert!(Release::read("v1.8.13") > Release::read("v1.8.9"));
    }
}
