//! DNS queries, which go to the agent.

use super::{Build, UDP, from, from_port, to, to_port};
use crate::config::Dns;
use crate::net::{DNS_AGENT, DNS_PORT, Family, Network, PortRange};
use crate::netfilter::{Chain, Hook, IstioChain, Match, Placement, Protocol, Purpose, Table, Target};

/// The zone of the agent's queries to the servers, and of the servers' answers.
const UPSTREAM: Target = Target::ConntrackZone(1);
/// The zone of the applications' queries to the agent, and of the agent's answers.
const DOWNSTREAM: Target = Target::ConntrackZone(2);

/// Brings queries to the agent, and keeps the two legs of a query apart: application and agent may send
/// from the same port to the same server, and conntrack would take both for one connection.
pub(super) fn queries(build: &mut Build<'_>) {
    if !build.config.dns.is_on() {
        return;
    }
    build.append(Purpose::Dns, Table::Raw, Hook::Output, [], Target::Jump(IstioChain::OutputDns));
    where_captured(build, Table::Nat, IstioChain::Output.into(), Target::Jump(IstioChain::OutputDns));
    let query = |protocol| [Match::Protocol(protocol), to_port(PortRange::single(DNS_PORT))];
    for protocol in [Protocol::Tcp, Protocol::Udp] {
        for server in servers(build) {
            let matches = with(&query(protocol), server.map(to));
            rule(build, server, Table::Nat, IstioChain::OutputDns, matches, Target::Redirect(DNS_AGENT));
        }
    }
    let answer = |port| [UDP, from_port(port)];
    for proxy in build.proxies() {
        let upstream = with(&query(Protocol::Udp), Some(proxy.is()));
        rule(build, None, Table::Raw, IstioChain::OutputDns, upstream, UPSTREAM);
        let downstream = with(&answer(DNS_AGENT.number()), Some(proxy.is()));
        rule(build, None, Table::Raw, IstioChain::OutputDns, downstream, DOWNSTREAM);
    }
    where_captured(build, Table::Raw, Hook::Prerouting.into(), Target::Jump(IstioChain::Inbound));
    for server in servers(build) {
        let matches = with(&query(Protocol::Udp), server.map(to));
        rule(build, server, Table::Raw, IstioChain::OutputDns, matches, DOWNSTREAM);
        let matches = with(&answer(DNS_PORT), server.map(from));
        rule(build, server, Table::Raw, IstioChain::Inbound, matches, UPSTREAM);
    }
}

fn with(matches: &[Match], one_more: Option<Match>) -> Vec<Match> {
    matches.iter().cloned().chain(one_more).collect()
}

/// Appends a rule about one server, in its family, or about all.
fn rule(
    build: &mut Build<'_>,
    server: Option<Network>,
    table: Table,
    chain: IstioChain,
    matches: Vec<Match>,
    target: Target,
) {
    let family = server.map(Network::family);
    build.add(family, Placement::Append, Purpose::Dns, (table, chain), matches, target);
}

/// Appends a rule without conditions, in the families whose queries are captured.
fn where_captured(build: &mut Build<'_>, table: Table, chain: Chain, target: Target) {
    let family = match Family::BOTH.map(|f| build.config.dns.covers(f)) {
        [true, true] => None,
        [true, false] => Some(Family::Ipv4),
        [false, true] => Some(Family::Ipv6),
        [false, false] => return,
    };
    build.add(family, Placement::Append, Purpose::Dns, (table, chain), [], target);
}

/// The servers that queries are captured to, IPv4 ones first; `None` stands for all servers.
fn servers(build: &Build<'_>) -> Vec<Option<Network>> {
    if build.config.dns == Dns::All {
        return vec![None];
    }
    Family::BOTH.into_iter().flat_map(|f| build.config.dns.servers(f)).map(|s| Some(Network::host(s))).collect()
}
