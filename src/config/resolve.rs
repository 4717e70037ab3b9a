//! From flags and host facts to a [`Config`].

use std::net::IpAddr;

use super::problems::{Problems, Quoted, UsageError, Warning};
use super::reader::Reader;
use super::{
    ADDS_FAMILY, Config, Dns, DryRun, Fact, Host, InterceptionMode, Options, PROXY_GID, PROXY_UID, Selection, host,
};
use crate::cli::flags::{self, Flag};
use crate::cli::{Command, Flags, Given};
use crate::net::{Families, Family, Interface, Mark, Network, Owner, Port, PortRange, RouteTable};
use crate::netfilter::Backend;

/// How many owner groups can be listed: the rule has a match for each.
const MOST_OWNER_GROUPS: usize = 64;

/// The proxy's uid, unless set otherwise.
const DEFAULT_UID: u32 = 1337;

impl Config {
    /// Reads the flags and what they depend on of the host. What is wrong goes to `problems`, and a
    /// default takes its place: use the result only if there is no error.
    pub fn resolve(flags: &Flags, options: &Options, host: &dyn Host, problems: &mut Problems) -> Self {
        let mut from = Resolver { read: Reader::new(flags, problems), options, host };
        let (proxy_uids, proxy_gids) = from.proxy_owners();
        let outbound_ranges = from.outbound_ranges();
        let families = from.families(outbound_ranges.listed());
        // Problems are reported in the order in which the flags are read.
        let config = Self {
            proxy_uids,
            proxy_gids,
            outbound_ranges,
            families,
            inbound_ports: from.inbound_ports(),
            excluded_ranges: from.excluded_ranges(),
            owner_groups: from.owner_groups(),
            loopback: from.loopback(),
            dns: from.dns(),
            drop_invalid: from.read.boolean(&flags::DROP_INVALID, false),
            mode: from.read.word(&flags::INTERCEPTION_MODE, parse_mode).unwrap_or(InterceptionMode::Redirect),
            tproxy_mark: from.read.number(&flags::TPROXY_MARK, Mark::parse).unwrap_or(Mark::at_least_one(1337)),
            tproxy_table: from
                .read
                .number(&flags::TPROXY_ROUTE_TABLE, RouteTable::parse)
                .unwrap_or(RouteTable::at_least_one(133)),
            envoy_port: from.port(&flags::ENVOY_PORT, 15001),
            inbound_port: from.port(&flags::INBOUND_CAPTURE_PORT, 15006),
            tunnel_port: from.port(&flags::INBOUND_TUNNEL_PORT, 15008),
            outbound_ports: from.ports(&flags::OUTBOUND_PORTS),
            excluded_outbound_ports: from.ports(&flags::LOCAL_OUTBOUND_PORTS_EXCLUDE),
            excluded_interfaces: from.interfaces(&flags::EXCLUDE_INTERFACES),
            virtual_interfaces: from.interfaces(&flags::KUBE_VIRT_INTERFACES),
        };
        config.warn_of_several_owners(from.read);
        config
    }

    /// Whether no flag names anything to capture.
    pub fn captures_nothing(&self) -> bool {
        self.inbound_ports.is_none()
            && self.outbound_ranges.is_none()
            && self.outbound_ports.is_empty()
            && !self.dns.is_on()
    }

    /// Whether an outbound range to capture is written as a loopback address: then the application's traffic
    /// to itself is captured too.
    pub fn captures_loopback(&self) -> bool {
        self.outbound_ranges.listed().iter().any(|r| r.is_written_as_loopback())
    }

    fn warn_of_several_owners(&self, mut read: Reader<'_>) {
        for (flag, owners) in [(PROXY_UID, &self.proxy_uids), (PROXY_GID, &self.proxy_gids)] {
            if owners.iter().any(|owner| owners.first() != Some(owner)) && !self.captures_loopback() {
                let owners = owners.clone();
                read.warn(Warning::Fact(Fact::LoopbackReturnedEarly { owners, flag, rule: (), by: () }));
            }
        }
    }
}

struct Resolver<'a> {
    read: Reader<'a>,
    options: &'a Options,
    host: &'a dyn Host,
}

impl Resolver<'_> {
    /// The proxy's users, and its groups, which default to the users.
    fn proxy_owners(&mut self) -> (Vec<Owner>, Vec<Owner>) {
        let (uids, gids) = (self.read.text(&flags::PROXY_UID), self.read.text(&flags::PROXY_GID));
        let mut users = self.read.list(uids, Owner::parse);
        if users.is_empty() {
            users.push(Owner::Id(self.default_uid()));
        }
        let mut groups = self.read.list(gids, Owner::parse);
        let groups_named_by = if groups.is_empty() {
            groups.clone_from(&users);
            "--proxy-gid (which defaults to --proxy-uid)".to_owned()
        } else {
            named_by(gids)
        };
        self.look_up(&mut users, &named_by(uids), "user", host::PASSWD);
        self.look_up(&mut groups, &groups_named_by, "group", host::GROUP);
        (users, groups)
    }

    fn default_uid(&mut self) -> u32 {
        let given = self.read.variable("ENVOY_USER").filter(|g| !g.text.is_empty());
        let name = given.map_or("istio-proxy", |g| g.text.as_str());
        let found = self.host.read(host::PASSWD).ok().and_then(|text| host::number_of(&text, name));
        if found.is_none() && given.is_some() {
            self.read.warn(Warning::NoEnvoyUser { name: Quoted::new(name) });
        }
        found.unwrap_or(DEFAULT_UID)
    }

    /// Finds the numbers of names, in the local file only: in a pod's half-built network, a look-up by
    /// other means could hang.
    fn look_up(&mut self, owners: &mut [Owner], named_by: &str, what: &'static str, file: &'static str) {
        let mut text = None;
        for owner in owners {
            let Owner::Name { name, id } = owner else { continue };
            let text = text.get_or_insert_with(|| self.host.read(file).unwrap_or_default());
            *id = host::number_of(text, name);
            if id.is_none() {
                let (source_, name) = (named_by.to_owned(), Quoted::new(name));
                match self.touches_nothing() {
                    true => self.read.warn(Warning::NoSuchName { source_, what, name, file }),
                    false => self.read.error(UsageError::NoSuchName { source_, what, name, file }),
                }
            }
        }
    }

    /// Whether the rules do not go to the kernel, so that names need not have numbers.
    fn touches_nothing(&self) -> bool {
        let looks = matches!(self.options.command, Command::Clean | Command::Explain);
        self.options.dry_run == DryRun::Print || self.options.skip_apply && self.options.dry_run == DryRun::No || looks
    }

    fn cleans(&self) -> bool {
        self.options.command == Command::Clean
    }

    fn port(&mut self, flag: &Flag, default: u16) -> Port {
        self.read.number(flag, Port::parse).unwrap_or(Port::at_least_one(default))
    }

    fn ports(&mut self, flag: &Flag) -> Vec<PortRange> {
        self.read.list(self.read.text(flag), |item| match item {
            "*" => Err("* is not allowed in this list; name the ports".to_owned()),
            item => PortRange::parse(item),
        })
    }

    fn interfaces(&mut self, flag: &Flag) -> Vec<Interface> {
        self.read.list(self.read.text(flag), Interface::parse)
    }

    fn inbound_ports(&mut self) -> Selection<PortRange> {
        let excluded = self.read.text(&flags::LOCAL_EXCLUDE_PORTS);
        let exceptions = self.ports(&flags::LOCAL_EXCLUDE_PORTS);
        match self.read.list_or_all(self.read.text(&flags::INBOUND_PORTS), PortRange::parse) {
            None => Selection::AllExcept(exceptions),
            Some(ports) => {
                if let Some(excluded) = excluded.filter(|_| !exceptions.is_empty()) {
                    let why =
                        "inbound ports can only be excluded when all others are captured (--istio-inbound-ports '*')";
                    self.read.warn(Warning::WithoutEffect { source_: excluded.source, why });
                }
                Selection::only(ports)
            }
        }
    }

    fn outbound_ranges(&mut self) -> Selection<Network> {
        match self.read.list_or_all(self.read.text(&flags::SERVICE_CIDR), Network::parse) {
            None => Selection::AllExcept(Vec::new()),
            Some(ranges) => Selection::only(ranges),
        }
    }

    fn excluded_ranges(&mut self) -> Vec<Network> {
        self.read.list(self.read.text(&flags::SERVICE_EXCLUDE_CIDR), |item| match item {
            "*" => Err("to capture no outbound range, leave --istio-service-cidr empty".to_owned()),
            item => Network::parse(item),
        })
    }

    fn owner_groups(&mut self) -> Selection<Owner> {
        let excluded = self.read.variable("ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE");
        let mut exceptions = self.read.list(excluded, Owner::parse);
        self.look_up(&mut exceptions, &named_by(excluded), "group", host::GROUP);
        let Some(given) = self.read.variable("ISTIO_OUTBOUND_OWNER_GROUPS") else {
            return Selection::AllExcept(exceptions);
        };
        let Some(mut listed) = self.read.list_or_all(Some(given), Owner::parse) else {
            return Selection::AllExcept(exceptions);
        };
        if listed.is_empty() {
            self.read.warn(Warning::NoOwnerGroups { source_: given.source });
        }
        if listed.len() > MOST_OWNER_GROUPS {
            let reason = format!("{} groups are listed, but at most {MOST_OWNER_GROUPS} are allowed", listed.len());
            self.read.error(UsageError::value(given, reason));
        }
        self.look_up(&mut listed, &given.source.to_string(), "group", host::GROUP);
        Selection::Only(listed)
    }

    fn loopback(&mut self) -> Network {
        let given = self.read.variable("ISTIO_OUTBOUND_IPV4_LOOPBACK_CIDR").filter(|g| !g.text.is_empty());
        given.and_then(|g| self.read.parsed(g, parse_loopback)).unwrap_or(Network::host(std::net::Ipv4Addr::LOCALHOST))
    }

    fn dns(&mut self) -> Dns {
        let all = self.read.boolean(&flags::CAPTURE_ALL_DNS, false);
        if !self.read.boolean(&flags::REDIRECT_DNS, false) {
            if let Some(given) = self.read.text(&flags::CAPTURE_ALL_DNS).filter(|_| all) {
                self.read.warn(Warning::CaptureAllDnsWithoutEffect { source_: given.source });
            }
            return Dns::Off;
        }
        // The rules that lead to those about servers are the same for all servers; cleaning needs no more.
        if all || self.cleans() {
            return Dns::All;
        }
        let text = self.host.read(host::RESOLV_CONF).unwrap_or_else(|error| {
            self.read.error(UsageError::NameServers { reason: error.to_string() });
            b"nameserver 127.0.0.1".to_vec()
        });
        match host::name_servers(&text) {
            servers if servers.is_empty() => {
                self.read.warn(Warning::NoDnsServer);
                Dns::Off
            }
            servers => Dns::Servers(servers),
        }
    }

    /// The families to build rules for. What is cleaned is cleaned in both, whatever the host has now.
    fn families(&mut self, ranges: &[Network]) -> Families {
        let dual_stack = self.read.boolean(&flags::DUAL_STACK, false);
        if self.cleans() {
            return Families::Dual;
        }
        let addresses = match (self.host.addresses(), self.options.families) {
            (Ok(addresses), _) => addresses,
            (Err(_), Some(_)) => Vec::new(),
            (Err(error), None) => {
                self.read.error(UsageError::Addresses { reason: error.to_string() });
                return Families::Ipv4;
            }
        };
        let first =
            |family| addresses.iter().copied().find(|a: &IpAddr| Family::of(*a) == family && host::is_global(a));
        let (ipv4, ipv6) = (first(Family::Ipv4), first(Family::Ipv6));
        let families = match self.options.families {
            Some(families) => families,
            None if ipv6.is_some() && (dual_stack || ipv4.is_none()) => Families::Dual,
            None => {
                if ipv4.or(ipv6).is_none() {
                    self.read.warn(Warning::NoAddress);
                } else if let Some(given) = self.read.text(&flags::DUAL_STACK).filter(|_| dual_stack) {
                    let off = self.host.read(host::DISABLE_IPV6).is_ok_and(|off| off.starts_with(b"1"));
                    let why = if off {
                        "IPv6 is disabled here by the sysctl net.ipv6.conf.all.disable_ipv6 (0 enables it); rules are built for IPv4 only"
                    } else {
                        "this network namespace has no IPv6 address (--ip-families=dual does not look); rules are built for IPv4 only"
                    };
                    self.read.warn(Warning::WithoutEffect { source_: given.source, why });
                }
                Families::Ipv4
            }
        };
        if !families.ipv6() {
            if let Some(address) = ipv6 {
                let (family, flag) = (Family::Ipv6, ADDS_FAMILY);
                self.read.warn(Warning::Fact(match self.options.backend {
                    Backend::Iptables(_) => Fact::FamilyNotCaptured { family, address, flag },
                    Backend::Nftables => Fact::FamilyCapturedToo { family, address, flag, rule: () },
                }));
            }
            let ipv6: Vec<_> = ranges.iter().filter(|r| r.family() == Family::Ipv6).collect();
            if let Some(given) = self.read.text(&flags::SERVICE_CIDR).filter(|_| !ipv6.is_empty()) {
                self.read.warn(Warning::Ipv6RangesWithoutRules { source_: given.source, ranges: Quoted::all(ipv6) });
            }
        }
        families
    }
}

fn named_by(given: Option<&Given>) -> String {
    given.map(|g| g.source.to_string()).unwrap_or_default()
}

fn parse_mode(text: &str) -> Result<InterceptionMode, String> {
    match text {
        "" | "REDIRECT" => Ok(InterceptionMode::Redirect),
        "TPROXY" => Ok(InterceptionMode::Tproxy),
        "NONE" => Err("the program is not run for pods with mode NONE; give REDIRECT or TPROXY".to_owned()),
        _ => Err("give REDIRECT or TPROXY, in capitals".to_owned()),
    }
}

fn parse_loopback(text: &str) -> Result<Network, String> {
    let range = Network::parse(text.trim())?;
    let loopback = range.family() == Family::Ipv4 && range.is_loopback();
    loopback
        .then_some(range)
        .ok_or_else(|| "give a range of IPv4 loopback addresses, 127.0.0.0/8 or a part of it".to_owned())
}
