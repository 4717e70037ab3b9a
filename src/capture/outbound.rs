//! Connections out of the pod, and within it.

use super::{Build, Proxy, TCP, UDP, from, not_to, out_by_interface, to, to_port};
use crate::config::Selection;
use crate::net::{DNS_PORT, Family, Interface, PortRange};
use crate::netfilter::{Hook, IstioChain, Match, Negatable, Placement, Purpose, Table, Target};

/// The end of the way for what is captured outbound.
pub(super) fn listener(build: &mut Build<'_>) {
    let target = Target::Redirect(build.config.envoy_port);
    build.append(None, Table::Nat, IstioChain::Redirect, [TCP], target);
}

/// What is decided before the destination is looked at.
pub(super) fn exceptions(build: &mut Build<'_>) {
    build.append(None, Table::Nat, Hook::Output, [], Target::Jump(IstioChain::Output));
    for range in &build.config.excluded_outbound_ports {
        for protocol in [TCP, UDP] {
            output(build, Purpose::ExcludedOutboundPort, [protocol, to_port(*range)], Target::Return);
        }
    }
    // The proxy's inbound side hands a connection to the application: from this source, so that it is not
    // taken for a connection that the proxy opened for itself.
    for facts in build.families() {
        let matches = [out_by_interface(&Interface::loopback()), from(facts.proxy_source)];
        output_for(build, Purpose::ToApplication, facts.family, matches, Target::Return);
    }
    for proxy in build.proxies() {
        own_traffic(build, proxy);
    }
    owner_groups(build);
}

/// The proxy's traffic, and that of applications within the pod.
fn own_traffic(build: &mut Build<'_>, proxy: Proxy<'_>) {
    let dns = build.config.dns.is_on();
    let tunnel = PortRange::from(build.config.tunnel_port);
    let queries = PortRange::single(DNS_PORT);
    let lo = || out_by_interface(&Interface::loopback());
    // An application calls its own service: the proxy picked the pod itself as the endpoint, and the
    // connection comes back through the inbound side, except for the tunnel's port and, for the user, DNS.
    let ports = match proxy {
        Proxy::User(_) if dns => Match::DestinationPorts(Negatable::Not(vec![queries, tunnel])),
        Proxy::User(_) | Proxy::Group(_) => Match::DestinationPort(Negatable::Not(tunnel)),
    };
    for facts in build.families() {
        let matches = [lo(), not_to(facts.loopback), TCP, ports.clone(), proxy.is()];
        output_for(build, Purpose::OwnService, facts.family, matches, Target::Jump(IstioChain::InRedirect));
    }
    // Applications of the pod talk to each other over loopback; their DNS queries go on to the DNS rules.
    if !build.config.captures_loopback() {
        let mut matches = vec![lo()];
        if dns {
            matches.extend([TCP, Match::DestinationPort(Negatable::Not(queries))]);
        }
        matches.push(proxy.is_not());
        output(build, Purpose::WithinPod, matches, Target::Return);
    }
    // What the proxy sends for the application, or on its own account, must not come back to it.
    let purpose = match proxy {
        Proxy::User(_) => Purpose::ProxyUser,
        Proxy::Group(_) => Purpose::Group,
    };
    output(build, purpose, [proxy.is()], Target::Return);
}

/// Groups whose traffic is not captured.
fn owner_groups(build: &mut Build<'_>) {
    match &build.config.owner_groups {
        Selection::None => {}
        Selection::AllExcept(groups) => {
            for group in groups {
                output(build, Purpose::Group, [Match::OwnerGid(Negatable::Is(group.clone()))], Target::Return);
            }
        }
        Selection::Only(groups) => {
            let others: Vec<_> = groups.iter().map(|g| Match::OwnerGid(Negatable::Not(g.clone()))).collect();
            output(build, Purpose::OtherGroups, others, Target::Return);
        }
    }
}

/// Applications' connections to other hosts, by destination.
pub(super) fn ranges(build: &mut Build<'_>) {
    for facts in build.families() {
        output_for(build, Purpose::Loopback, facts.family, [to(facts.loopback)], Target::Return);
    }
    let list = build.rules.len();
    for range in &build.config.excluded_ranges {
        output_for(build, Purpose::ExcludedRange, range.family(), [to(*range)], Target::Return);
    }
    build.rules.end_list(list);
    for range in &build.config.outbound_ports {
        output(build, Purpose::OutboundPort, [TCP, to_port(*range)], CAPTURED);
    }
    match &build.config.outbound_ranges {
        Selection::None => {}
        Selection::AllExcept(_) => {
            output(build, Purpose::OutboundRange, [], CAPTURED);
            for name in &build.config.virtual_interfaces {
                build.virtual_interface(name, None, CAPTURED);
            }
        }
        Selection::Only(ranges) => {
            let list = build.rules.len();
            for range in ranges {
                for name in &build.config.virtual_interfaces {
                    build.virtual_interface(name, Some(*range), CAPTURED);
                }
                output_for(build, Purpose::OutboundRange, range.family(), [to(*range)], CAPTURED);
            }
            build.rules.end_list(list);
        }
    }
}

const CAPTURED: Target = Target::Jump(IstioChain::Redirect);

fn output(build: &mut Build<'_>, purpose: Purpose, matches: impl Into<Vec<Match>>, target: Target) {
    build.append(purpose, Table::Nat, IstioChain::Output, matches, target);
}

fn output_for(build: &mut Build<'_>, purpose: Purpose, family: Family, matches: impl Into<Vec<Match>>, target: Target) {
    build.add(Some(family), Placement::Append, purpose, (Table::Nat, IstioChain::Output), matches, target);
}
