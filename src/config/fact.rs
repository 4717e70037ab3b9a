//! What is odd about a call in this pod and shows twice: in the flags, so that reading them warns of it, and in the
//! rules that they come to, so that it is a finding.

use std::fmt;
use std::net::IpAddr;

use super::problems::Quoted;
use crate::net::{Family, Owner};

/// One such thing, with the rules `R` that it shows in; those of a warning are not known yet (`()`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact<R> {
    /// The pod has an address of a family without rules.
    FamilyNotCaptured {
        /// The family.
        family: Family,
        /// An address of the pod.
        address: IpAddr,
        /// The flag that decides it.
        flag: &'static str,
    },
    /// nftables rules that name no address capture a family of the pod that was not requested.
    FamilyCapturedToo {
        /// The family.
        family: Family,
        /// An address of the pod.
        address: IpAddr,
        /// The flag that decides it.
        flag: &'static str,
        /// Such a rule.
        rule: R,
    },
    /// The rules for the first of several proxy users or groups return the loopback traffic of the others (fault 9 of
    /// the original).
    LoopbackReturnedEarly {
        /// All of them, or the one that does not get it.
        owners: Vec<Owner>,
        /// The flag that lists several.
        flag: &'static str,
        /// The rule that does not get its packets.
        rule: R,
        /// The rule that returns them.
        by: R,
    },
}

/// The flags that add rules for a family.
pub const ADDS_FAMILY: &str = "--dual-stack or --ip-families=dual";
/// The flag that lists the proxy's users.
pub const PROXY_UID: &str = "--proxy-uid (-u)";
/// The flag that lists the proxy's groups.
pub const PROXY_GID: &str = "--proxy-gid (-g)";

/// As a warning.
impl fmt::Display for Fact<()> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FamilyNotCaptured { family, address, flag } => write!(
                f,
                "this network namespace has the {family} address {address}, but no {family} rules are built: {family} traffic bypasses the proxy; {flag} captures it"
            ),
            Self::FamilyCapturedToo { family, address, flag, rule: () } => write!(
                f,
                "this network namespace has the {family} address {address}, but no {family} rules are built; with --native-nftables, rules that name no address capture {family} anyway, and send it to listeners that may not exist: {flag} adds the missing rules"
            ),
            Self::LoopbackReturnedEarly { owners, flag, rule: (), by: () } => {
                let all = Quoted::all(owners);
                // Here, flags are called by their long names alone.
                let long = flag.split(' ').next().unwrap_or(flag);
                write!(
                    f,
                    "with several of {long} ({all}), loopback traffic of all but the first is returned by the first one's rules: their traffic to the pod's own addresses is not captured"
                )
            }
        }
    }
}

impl<R: fmt::Display> Fact<R> {
    /// As a finding.
    pub fn finding(&self) -> String {
        match self {
            Self::FamilyNotCaptured { family, address, flag } => format!(
                "the pod has the {family} address {address}, but there are no {family} rules: {family} traffic bypasses the proxy; {flag} captures it"
            ),
            Self::FamilyCapturedToo { family, address, flag, rule } => format!(
                "the pod has the {family} address {address}, but no {family} rules are requested; nftables rules that name no address, such as {rule}, capture {family} anyway; {flag} adds the missing rules"
            ),
            Self::LoopbackReturnedEarly { owners, flag, rule, by } => {
                let names: Vec<_> = owners.iter().map(ToString::to_string).collect();
                format!(
                    "traffic from {} to the pod's own addresses is not captured: rule {by} returns it before rule {rule}, because {flag} lists several",
                    names.join(", ")
                )
            }
        }
    }
}
