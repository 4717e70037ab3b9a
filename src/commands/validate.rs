//! Proves that the rules do what they are for.

use std::time::Instant;

use super::{Call, Failure};
use crate::config::host::{self, Host};
use crate::kernel::capabilities::Capabilities;
use crate::kernel::detect::Netfilter;
use crate::kernel::host::ThisHost;
use crate::kernel::probe;
use crate::net::Family;
use crate::netfilter::{Backend, Variant};
use crate::validation::{self, Caller, Check, Facts, Ids, Probing, Subject};

/// Makes the connections that the configuration is about, and checks whether they arrive at the expected places.
pub fn validate(call: Call<'_>) -> Result<(), Failure> {
    let start = Instant::now();
    let caller = caller();
    let mut checks = validation::plan(call.config, &call.plan.rules, call.options.probe_port, &caller);
    let ipv6 = |address: &_| Family::of(*address) == Family::Ipv6 && host::is_global(address);
    if call.options.backend == Backend::Nftables
        && !call.config.families.ipv6()
        && ThisHost.addresses().unwrap_or_default().iter().any(ipv6)
    {
        checks.push(Check { subject: Subject::Outbound, family: Family::Ipv6, probe: Err(IPV6_TOO.to_owned()) });
    }
    let probing = Probing::of(&checks, call.config, &caller, call.options.probe_timeout);
    let observations = probe::run(&probing);
    let rules = match call.options.backend {
        Backend::Iptables(_) => rules(),
        Backend::Nftables => None,
    };
    let facts = Facts { config: call.config, caller, rules };
    let verdicts = validation::judge(&facts, &checks, observations);
    log::info!("validation, as {} ({:.1?}):\n{}", caller.ids, start.elapsed(), validation::table(&verdicts));
    validation::problems(&verdicts).map_or(Ok(()), |text| Err(Failure::Validation(text)))
}

const IPV6_TOO: &str = "no IPv6 rules are requested, but nftables rules that name no address capture IPv6 anyway";

fn caller() -> Caller {
    let capabilities = Capabilities::effective();
    Caller {
        ids: Ids { uid: nix::unistd::geteuid().as_raw(), gid: nix::unistd::getegid().as_raw() },
        may_change: capabilities.set_ids(),
        may_be_transparent: capabilities.net_admin(),
    }
}

/// In which variants and families there are managed rules, if this process may see that.
fn rules() -> Option<Vec<(Variant, Family)>> {
    let detected = Capabilities::effective().net_admin().then(|| Netfilter::default().look())?.ok()?;
    let all = Variant::BOTH.into_iter().flat_map(|variant| Family::BOTH.map(|family| (variant, family)));
    Some(all.filter(|(variant, family)| detected.has_managed(*variant, *family)).collect())
}
