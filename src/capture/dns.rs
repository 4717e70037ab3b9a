//! DNS queries, which go to the agent.

use super::{Build, UDP, from, from_port, to, to_port};
use crate::config::Dns;
use crate::net::{Family, Network, Port, PortRange};
use crate::netfilter::{Chain, Hook, IstioChain, Match, Protocol, Purpose, Table, Target};

/// The port of DNS servers.
const DNS: u16 = 53;
/// The agent's port.
const AGENT: Port = Port::at_least_one(15053);
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
    redirect(build, Protocol::Tcp);
    redirect(build, Protocol::Udp);
    for proxy in build.proxies() {
        build.append(
            Purpose::Dns,
            Table::Raw,
            IstioChain::OutputDns,
            [UDP, to_port(PortRange::single(DNS)), proxy.is()],
            UPSTREAM,
        );
        build.append(
            Purpose::Dns,
            Table::Raw,
            IstioChain::OutputDns,
            [UDP, from_port(AGENT.number()), proxy.is()],
            DOWNSTREAM,
        );
    }
    zones(build);
}

/// Queries of applications go to the agent.
fn redirect(build: &mut Build<'_>, protocol: Protocol) {
    let query = [Match::Protocol(protocol), to_port(PortRange::single(DNS))];
    let target = Target::Redirect(AGENT);
    if build.config.dns == Dns::All {
        build.append(Purpose::Dns, Table::Nat, IstioChain::OutputDns, query.clone(), target);
    }
    for server in servers(build) {
        let mut matches = query.to_vec();
        matches.push(to(server));
        build.append_for(Purpose::Dns, server.family(), Table::Nat, IstioChain::OutputDns, matches, target);
    }
}

/// The zones of the applications' queries and of the servers' answers.
fn zones(build: &mut Build<'_>) {
    where_captured(build, Table::Raw, Hook::Prerouting.into(), Target::Jump(IstioChain::Inbound));
    let query = [UDP, to_port(PortRange::single(DNS))];
    let answer = [UDP, from_port(DNS)];
    if build.config.dns == Dns::All {
        build.append(Purpose::Dns, Table::Raw, IstioChain::OutputDns, query, DOWNSTREAM);
        build.append(Purpose::Dns, Table::Raw, IstioChain::Inbound, answer, UPSTREAM);
        return;
    }
    for server in servers(build) {
        let with = |matches: &[Match], m| [matches, &[m]].concat();
        build.append_for(
            Purpose::Dns,
            server.family(),
            Table::Raw,
            IstioChain::OutputDns,
            with(&query, to(server)),
            DOWNSTREAM,
        );
        build.append_for(
            Purpose::Dns,
            server.family(),
            Table::Raw,
            IstioChain::Inbound,
            with(&answer, from(server)),
            UPSTREAM,
        );
    }
}

/// Appends a rule without conditions, in the families whose queries are captured.
fn where_captured(build: &mut Build<'_>, table: Table, chain: Chain, target: Target) {
    match Family::BOTH.map(|f| build.config.dns.covers(f)) {
        [true, true] => build.append(Purpose::Dns, table, chain, [], target),
        [true, false] => build.append_for(Purpose::Dns, Family::Ipv4, table, chain, [], target),
        [false, true] => build.append_for(Purpose::Dns, Family::Ipv6, table, chain, [], target),
        [false, false] => {}
    }
}

/// The servers that queries are captured to, IPv4 ones first.
fn servers(build: &Build<'_>) -> Vec<Network> {
    Family::BOTH.into_iter().flat_map(|f| build.config.dns.servers(f)).map(Network::host).collect()
}
