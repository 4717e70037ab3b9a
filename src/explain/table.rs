//! The kinds of traffic that a pod has, and what happens to each.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::packet::{APPLICATION, Direction, EPHEMERAL, Endpoint, Packet, PacketProtocol, Sender};
use super::pod::Pod;
use super::verdict::{Dropper, Verdict};
use super::walk::Scene;
use crate::capture::Routing;
use crate::config::{Config, Dns, Selection};
use crate::net::{DNS_PORT, Family, Interface, Network, Owner, PortRange};
use crate::netfilter::{ConntrackState, Layer, Purpose, Rule};

/// One kind of traffic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What it is.
    pub traffic: String,
    /// A packet of it.
    pub packet: Packet,
    /// What becomes of it.
    pub verdict: Verdict,
}

/// All kinds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The kinds, IPv4 first.
    pub rows: Vec<Row>,
}

/// What happens to each kind of traffic that a pod has.
pub fn summary(config: &Config, scene: &Scene<'_>) -> Summary {
    let Scene { routing, pod, layers, .. } = *scene;
    let mut kinds = Kinds { config, layers, routing, pod, rows: Vec::new() };
    for family in Family::BOTH {
        if let Some(own) = pod.address(family) {
            kinds.application(family, own);
            kinds.within(family, own);
            kinds.proxy(family, own);
            kinds.inbound(family, own);
        }
    }
    let rows = kinds.rows.into_iter().map(|(traffic, packet)| {
        let verdict = scene.follow(&packet).verdict;
        Row { traffic, packet, verdict }
    });
    Summary { rows: rows.collect() }
}

struct Kinds<'a> {
    config: &'a Config,
    layers: &'a [Layer],
    routing: &'a Routing,
    pod: &'a Pod,
    rows: Vec<(String, Packet)>,
}

/// A port that services have.
const HTTPS: u16 = 443;
/// A port of the application.
const APPLICATION_PORT: u16 = 8080;

impl<'a> Kinds<'a> {
    /// The rules for this traffic; those of the other family if there are none at all of this one, since the same
    /// traffic is there in it.
    fn rules(&self, family: Family, purpose: Purpose) -> impl Iterator<Item = &'a Rule> + use<'a> {
        let has = |family: &Family| self.layers.iter().any(|layer| layer.rules.of(*family).next().is_some());
        let family = [family].into_iter().chain(Family::BOTH).find(has).unwrap_or(family);
        self.layers.iter().flat_map(move |layer| layer.rules.purpose(family, purpose))
    }

    /// The ranges of the family that these rules name.
    fn ranges(&self, family: Family, purpose: Purpose) -> impl Iterator<Item = Network> + use<'a> {
        self.rules(family, purpose).filter_map(Rule::destination).filter(move |range| range.family() == family)
    }

    /// The ports that these rules name.
    fn ports(&self, family: Family, purpose: Purpose) -> impl Iterator<Item = PortRange> + use<'a> {
        self.rules(family, purpose).filter_map(Rule::port)
    }

    /// What the application sends to other hosts.
    fn application(&mut self, family: Family, own: IpAddr) {
        let world = self.world(family);
        let application = self.application_user();
        let inside = self.ranges(family, Purpose::OutboundRange).next();
        let service = inside.map_or(world, first_host);
        let service_kind = if inside.is_some() { "a captured range" } else { "a service" };
        self.push(format!("application to {service_kind}"), self.tcp(application, own, service, HTTPS));
        if inside.is_some() {
            self.push("application to other ranges", self.tcp(application, own, world, HTTPS));
        }
        if let Some(range) = self.ranges(family, Purpose::ExcludedRange).next() {
            let to = first_host(range);
            self.push("application to an excluded range", self.tcp(application, own, to, HTTPS));
        }
        if let Some(ports) = self.ports(family, Purpose::ExcludedOutboundPort).next() {
            self.push("application to an excluded port", self.tcp(application, own, service, ports.low()));
        }
        if let Some(ports) = self.ports(family, Purpose::OutboundPort).next() {
            let packet = self.tcp(application, own, world, ports.low());
            self.push("application to a port captured in every range", packet);
        }
        self.push("application, UDP (QUIC)", self.sent(PacketProtocol::Udp, application, own, service, HTTPS));
        for (transport, name) in [(PacketProtocol::Udp, "DNS query"), (PacketProtocol::Tcp, "DNS query, TCP")] {
            let server = self.name_server(family);
            self.push(format!("application\'s {name}"), self.sent(transport, application, own, server, DNS_PORT));
        }
        self.groups(own, service);
    }

    /// Groups that are treated differently from the application's.
    fn groups(&mut self, own: IpAddr, service: IpAddr) {
        let uid = self.application_user().uid;
        let (name, gid) = match &self.config.owner_groups {
            Selection::None => return,
            Selection::AllExcept(excluded) => ("an excluded group", excluded.first().and_then(Owner::lowest)),
            Selection::Only(_) => ("a group that is not listed", Some(self.unlisted_group())),
        };
        if let Some(gid) = gid {
            self.push(format!("{name} to a service"), self.tcp(Sender { uid, gid }, own, service, HTTPS));
        }
    }

    /// What stays within the pod.
    fn within(&mut self, family: Family, own: IpAddr) {
        let application = self.application_user();
        let lo = family.localhost();
        self.push("application to itself via localhost", self.tcp(application, lo, lo, APPLICATION_PORT));
        self.push("application to itself via its address", self.tcp(application, own, own, APPLICATION_PORT));
        let proxy = self.proxy_user();
        self.push("application to its own service: the proxy's leg", self.tcp(proxy, own, own, APPLICATION_PORT));
    }

    /// What the proxy sends.
    fn proxy(&mut self, family: Family, own: IpAddr) {
        let (proxy, world) = (self.proxy_user(), self.world(family));
        self.push("proxy to a service", self.tcp(proxy, own, world, HTTPS));
        self.push("proxy to the application", self.tcp(proxy, family.proxy_source(), own, APPLICATION_PORT));
        self.push(
            "proxy to the application via localhost",
            self.tcp(proxy, family.localhost(), family.localhost(), APPLICATION_PORT),
        );
        let server = self.name_server(family);
        self.push("agent's DNS query", self.sent(PacketProtocol::Udp, proxy, own, server, DNS_PORT));
    }

    /// What other hosts send to the pod.
    fn inbound(&mut self, family: Family, own: IpAddr) {
        let world = self.world(family);
        let listed: Vec<_> = self.ports(family, Purpose::Inbound).collect();
        let interface = self.pod.interface_with(own);
        let tcp = |port, interface: &Interface| Self::arriving(PacketProtocol::Tcp, world, own, port, interface);
        self.push("client to the application", tcp(listed.first().map_or(APPLICATION_PORT, |r| r.low()), &interface));
        if !listed.is_empty() {
            let free = (1024..=u16::MAX).find(|p| !listed.iter().any(|r| r.contains(*p)));
            self.push("client to a port that is not listed", tcp(free.unwrap_or(0), &interface));
        }
        for port in self.ports(family, Purpose::ExcludedInboundPort).map(PortRange::low) {
            let name = match port {
                15020 | 15021 => "node's probe of the proxy",
                15090 => "metrics of the proxy",
                _ => "client to an excluded port",
            };
            self.push(format!("{name} ({port})"), tcp(port, &interface));
        }
        if let Some(port) = self.ports(family, Purpose::Tunnel).next() {
            self.push("peer's tunnel", tcp(port.low(), &interface));
        }
        let udp = Self::arriving(PacketProtocol::Udp, world, own, APPLICATION_PORT, &interface);
        self.push("client to the application, UDP", udp);
        let invalid = Packet { state: ConntrackState::Invalid, ..tcp(APPLICATION_PORT, &interface) };
        self.push("client's packet, no connection", invalid);
        let named = |purpose| {
            let names = self.rules(family, purpose).filter_map(Rule::interface);
            names.filter(|i| !i.as_str().ends_with('+')).collect::<Vec<_>>()
        };
        let (excluded, machines) = (named(Purpose::ExcludedInterface), named(Purpose::VirtualInterface));
        if let Some(name) = excluded.first() {
            self.push("client via an excluded interface", tcp(APPLICATION_PORT, name));
        }
        if let Some(name) = machines.last() {
            self.push("VM to a service", Self::arriving(PacketProtocol::Tcp, own, world, HTTPS, name));
        }
    }

    fn push(&mut self, name: impl fmt::Display, packet: Packet) {
        let suffix = match packet.family() {
            Family::Ipv4 => "",
            Family::Ipv6 => ", IPv6",
        };
        self.rows.push((format!("{name}{suffix}"), packet));
    }

    /// A packet of TCP that a process of the pod sends.
    fn tcp(&self, sender: Sender, from: IpAddr, to: IpAddr, port: u16) -> Packet {
        self.sent(PacketProtocol::Tcp, sender, from, to, port)
    }

    /// A packet that a process of the pod sends.
    fn sent(&self, transport: PacketProtocol, sender: Sender, from: IpAddr, to: IpAddr, port: u16) -> Packet {
        let packet = Packet {
            direction: Direction::Out,
            sender: Some(sender),
            ..Self::arriving(transport, from, to, port, &Interface::loopback())
        };
        Packet { interface: self.pod.leaves_by(&packet.question(), self.routing), ..packet }
    }

    /// A packet that arrives at the pod.
    fn arriving(transport: PacketProtocol, from: IpAddr, to: IpAddr, port: u16, interface: &Interface) -> Packet {
        Packet {
            direction: Direction::In,
            transport,
            sender: None,
            from: Endpoint { address: from, port: EPHEMERAL },
            to: Endpoint { address: to, port },
            interface: interface.clone(),
            state: ConntrackState::New,
            mark: 0,
            connection_mark: 0,
        }
    }

    /// A host in the world that no flag mentions.
    fn world(&self, family: Family) -> IpAddr {
        let has = |purpose, a: &IpAddr| self.ranges(family, purpose).any(|r| r.contains(*a));
        let candidates: [IpAddr; 3] = match family {
            Family::Ipv4 => [[10, 96, 0, 1], [198, 51, 100, 1], [203, 0, 113, 1]].map(|o| Ipv4Addr::from(o).into()),
            Family::Ipv6 => [0xfd00_0096_u128 << 96 | 1, 0x2001_0db8 << 96 | 1, 0x2600 << 112 | 1]
                .map(|bits| Ipv6Addr::from_bits(bits).into()),
        };
        let free = candidates.iter().find(|a| !has(Purpose::ExcludedRange, a) && !has(Purpose::OutboundRange, a));
        free.or(candidates.first()).copied().unwrap_or(family.localhost())
    }

    fn name_server(&self, family: Family) -> IpAddr {
        let captured = self.config.dns.servers(family).next();
        let known = self.pod.name_servers.iter().copied().find(|s| Family::of(*s) == family);
        captured.or(known.filter(|_| self.config.dns == Dns::Off)).unwrap_or_else(|| self.world(family))
    }

    /// The user of the application: one that is not the proxy.
    fn application_user(&self) -> Sender {
        let config = self.config;
        let taken = |id: u32| config.proxy_uids.iter().chain(&config.proxy_gids).any(|o| o.contains(id));
        let uid = (APPLICATION..).find(|id| !taken(*id)).unwrap_or(APPLICATION);
        let gid = match &config.owner_groups {
            Selection::Only(groups) => groups.first().and_then(Owner::lowest).unwrap_or(uid),
            Selection::AllExcept(groups) => (uid..).find(|id| !groups.iter().any(|g| g.contains(*id))).unwrap_or(uid),
            Selection::None => uid,
        };
        Sender { uid, gid }
    }

    fn proxy_user(&self) -> Sender {
        let first = |owners: &[Owner]| owners.first().and_then(Owner::lowest).unwrap_or(1337);
        Sender { uid: first(&self.config.proxy_uids), gid: first(&self.config.proxy_gids) }
    }

    fn unlisted_group(&self) -> u32 {
        let taken = |id: u32| match &self.config.owner_groups {
            Selection::Only(groups) => groups.iter().chain(&self.config.proxy_gids).any(|g| g.contains(id)),
            Selection::None | Selection::AllExcept(_) => false,
        };
        (APPLICATION..).find(|id| !taken(*id)).unwrap_or(APPLICATION)
    }
}

/// The first address of a range that a host can have.
fn first_host(range: Network) -> IpAddr {
    let first = range.masked().address();
    match first {
        IpAddr::V4(a) if range.length() < 31 => IpAddr::V4(Ipv4Addr::from_bits(a.to_bits() | 1)),
        IpAddr::V6(a) if range.length() < 127 => IpAddr::V6(Ipv6Addr::from_bits(a.to_bits() | 1)),
        IpAddr::V4(_) | IpAddr::V6(_) => first,
    }
}

/// Aligned columns: the traffic, what becomes of it, and the rule, or the packet to explain it with.
impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<_> =
            self.rows.iter().map(|row| (&row.traffic, row.verdict.brief(), why(&row.verdict))).collect();
        let width = |texts: &mut dyn Iterator<Item = usize>| texts.max().unwrap_or(0);
        let first = width(&mut lines.iter().map(|(traffic, _, _)| traffic.chars().count()));
        let second = width(&mut lines.iter().map(|(_, brief, _)| brief.chars().count()));
        for (traffic, brief, why) in &lines {
            writeln!(f, "{traffic:first$}  {brief:second$}  {why}")?;
        }
        Ok(())
    }
}

/// The rule that decided.
fn why(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Captured { by, .. } | Verdict::NotRouted { by, .. } | Verdict::Dropped { by: Dropper::Rule(by) } => {
            by.to_string()
        }
        Verdict::Dropped { by: Dropper::Policy(chain) } => format!("policy of {chain}"),
        Verdict::Dropped { by: Dropper::NoRoute { to, .. } } => format!("no route to {to}"),
        Verdict::NotCertain { doubt, .. } => doubt.clone(),
        Verdict::NotCaptured { no_rules: Some(family), .. } => format!("no {family} rules"),
        Verdict::NotCaptured { by, .. } if by.is_empty() => "no rule captures it".to_owned(),
        Verdict::NotCaptured { by, .. } => by.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
        Verdict::FollowsConnection { .. } => String::new(),
    }
}
