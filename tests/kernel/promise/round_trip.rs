//! What is written, loaded into the kernel and saved by it reads as what was planned.

use std::net::IpAddr;

use istio_iptables::capture::{Plan, plan};
use istio_iptables::config::fake::{FakeHost, resolve};
use istio_iptables::config::host;
use istio_iptables::net::Family;
use istio_iptables::netfilter::normal::Specification;
use istio_iptables::netfilter::{Placement, Table, restore, save};

use super::generate::Configuration;
use super::pod::{ADDRESSES, FAMILIES, Pod, in_pod, say};
use harness::Backend;

/// A command line on a host.
#[derive(Clone, Debug, Default)]
pub struct Case {
    args: Vec<String>,
    environment: Vec<(String, String)>,
    addresses: Vec<IpAddr>,
    resolv_conf: String,
    /// Whether it has users of its own, in place of this machine's.
    own_users: bool,
}

impl From<&Configuration> for Case {
    /// On a pod of [`Pod`].
    fn from(configuration: &Configuration) -> Self {
        let Configuration { args, environment, resolv_conf } = configuration.clone();
        let addresses = ADDRESSES.iter().map(|a| a.parse().unwrap()).collect();
        Self { args, environment, addresses, resolv_conf, own_users: false }
    }
}

impl Case {
    pub fn plan(&self) -> Plan {
        let addresses: Vec<_> = self.addresses.iter().map(ToString::to_string).collect();
        let mut host = FakeHost::with(&addresses).file(host::RESOLV_CONF, self.resolv_conf.as_str()).on_this_machine();
        if self.own_users {
            // Users and groups have the same form as far as it matters.
            const OWN: &str = "root:x:0:0\nistio-proxy:x:1337:1337\nenvoy:x:101:101\njava:x:102:102\nftp:x:103:103\n";
            host = host.file(host::PASSWD, OWN).file(host::GROUP, OWN);
        }
        let args: Vec<_> = self.args.iter().map(String::as_str).collect();
        let environment: Vec<_> = self.environment.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let Plan { rules, routing } = plan(&resolve(&args, &environment, &host).valid().config);
        // The tools of this machine do not know these users.
        Plan { rules: rules.by_number().into_owned(), routing }
    }
}

/// What a plan is in normal form, by table and chain.
pub fn planned(plan: &Plan, family: Family) -> Vec<(Table, String, Vec<Specification>)> {
    let mut chains: Vec<(Table, String, Vec<Specification>)> = Vec::new();
    for table in Table::ALL {
        let rules = || plan.rules.of(family).filter(move |r| r.table == table);
        chains.extend(restore::chains(rules).into_iter().map(|c| (table, c.name().to_owned(), Vec::new())));
        for rule in rules() {
            let name = rule.chain.name();
            let known = chains.iter_mut().position(|(t, n, _)| *t == table && n == name);
            let at = known.unwrap_or_else(|| {
                chains.push((table, name.to_owned(), Vec::new()));
                chains.len() - 1
            });
            let rules = &mut chains[at].2;
            match rule.placement {
                Placement::Append => rules.push(Specification::from(rule)),
                Placement::Insert(number) => rules.insert(number - 1, Specification::from(rule)),
            }
        }
    }
    chains.sort();
    chains
}

/// What was saved, in the same form.
pub fn read(text: &str) -> Vec<(Table, String, Vec<Specification>)> {
    let mut chains = Vec::new();
    for (table, saved) in save::parse(text).unwrap() {
        for chain in saved.chains.iter().filter(|c| c.is_managed() || !c.rules.is_empty()) {
            let rules = chain.rules.iter().map(|r| r.meaning().cloned().unwrap_or_else(|| panic!("{:?}", r.text())));
            chains.push((table, chain.name.clone(), rules.collect()));
        }
    }
    chains.sort();
    chains
}

fn round_trip(pod: &Pod, kind: Backend, case: &Case) {
    pod.renew();
    let plan = case.plan();
    let families = [(Family::Ipv4, FAMILIES[0]), (Family::Ipv6, FAMILIES[1])];
    for (family, name) in families {
        pod.load(kind, name, &restore::script(&plan.rules, family));
        assert_eq!(read(&pod.saved(kind, name)), planned(&plan, family), "{kind:?} {case:?}");
    }
}

/// The cases of a file of recorded ones, if a variable names it.
fn recorded() -> Vec<Case> {
    let Some(path) = std::env::var_os("CONFORMANCE_CASES") else { return Vec::new() };
    let text = std::fs::read_to_string(path).unwrap();
    let case = |line: &str| {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        let list = |v: &serde_json::Value| -> Vec<String> {
            v.as_array().unwrap().iter().map(|a| a.as_str().unwrap().to_owned()).collect()
        };
        let variables = value["env"].as_object().unwrap().iter();
        Case {
            args: list(&value["args"]),
            environment: variables.map(|(n, v)| (n.clone(), v.as_str().unwrap().to_owned())).collect(),
            addresses: list(&value["host"]["addresses"])
                .iter()
                .map(|a| a.split('/').next().unwrap().parse().unwrap())
                .collect(),
            resolv_conf: list(&value["host"]["nameservers"]).iter().map(|s| format!("nameserver {s}\n")).collect(),
            own_users: true,
        }
    };
    text.lines().map(case).collect()
}

fn all(kind: Backend) {
    let recorded = recorded();
    if recorded.is_empty() {
        return;
    }
    let done = in_pod(|pod| recorded.iter().for_each(|case| round_trip(pod, kind, case)));
    if done.is_some() {
        say(format_args!("round trip, {}: {} recorded configurations, as planned", kind.name(), recorded.len()));
    }
}

#[test]
fn legacy_round_trip() {
    all(Backend::Legacy);
}

#[test]
fn nft_round_trip() {
    all(Backend::Nft);
}
