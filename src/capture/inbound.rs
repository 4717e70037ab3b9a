//! Connections into the pod.

use super::{Build, TCP, by_interface, not_to, out_by_interface, to_port};
use crate::config::{InterceptionMode, Selection};
use crate::net::PortRange;
use crate::netfilter::{ConntrackState, Hook, IstioChain, Match, Placement, Purpose, Table, Target};

/// Excluded interfaces, in both directions, and those of VMs, whose traffic is not inbound traffic of
/// the pod: whether it is captured as outbound traffic is decided by rules put before these later.
pub(super) fn interfaces(build: &mut Build<'_>) {
    let tables: &[Table] = match build.config.mode {
        InterceptionMode::Redirect => &[Table::Nat],
        InterceptionMode::Tproxy => &[Table::Nat, Table::Mangle],
    };
    for table in tables {
        for name in &build.config.excluded_interfaces {
            build.append(Purpose::ExcludedInterface, *table, Hook::Prerouting, [by_interface(name)], Target::Return);
            build.append(Purpose::ExcludedInterface, *table, Hook::Output, [out_by_interface(name)], Target::Return);
        }
    }
    for name in &build.config.virtual_interfaces {
        build.virtual_interface(name, None, Target::Return);
    }
}

/// Packets that conntrack takes for part of no connection: an answer to one would pass the proxy by and
/// reset the connection (a window overrun, for example).
pub(super) fn drop_invalid(build: &mut Build<'_>) {
    if build.config.drop_invalid {
        let invalid = Match::ConntrackState(vec![ConntrackState::Invalid]);
        build.append(Purpose::Invalid, Table::Mangle, Hook::Prerouting, [invalid], Target::Jump(IstioChain::Drop));
        build.append(Purpose::Invalid, Table::Mangle, IstioChain::Drop, [], Target::Drop);
    }
}

/// Peers' tunnels end at a listener of their own, which needs the connection as it is.
pub(super) fn tunnel_port(build: &mut Build<'_>) {
    let port = to_port(build.config.tunnel_port);
    build.append(Purpose::Tunnel, Table::Nat, IstioChain::Inbound, [TCP, port], Target::Return);
}

/// The end of the way for what is captured inbound.
pub(super) fn listener(build: &mut Build<'_>) {
    let target = Target::Redirect(build.config.inbound_port);
    build.append(None, Table::Nat, IstioChain::InRedirect, [TCP], target);
}

/// Connections of clients to the pod's ports.
pub(super) fn ports(build: &mut Build<'_>) {
    let ports = &build.config.inbound_ports;
    if ports.is_none() {
        return;
    }
    let table = match build.config.mode {
        InterceptionMode::Redirect => Table::Nat,
        InterceptionMode::Tproxy => {
            transparent_listener(build);
            Table::Mangle
        }
    };
    build.append(None, table, Hook::Prerouting, [TCP], Target::Jump(IstioChain::Inbound));
    match ports {
        Selection::None => {}
        Selection::AllExcept(excluded) => {
            // Probes, metrics and what else the proxy itself or the node serves there.
            for range in excluded {
                let matches = [TCP, to_port(*range)];
                build.append(Purpose::ExcludedInboundPort, table, IstioChain::Inbound, matches, Target::Return);
            }
            capture(build, None);
        }
        Selection::Only(ranges) => {
            for range in ranges {
                capture(build, Some(*range));
            }
        }
    }
}

/// Captures the connections to these ports, or all.
fn capture(build: &mut Build<'_>, ports: Option<PortRange>) {
    let matches: Vec<_> = [TCP].into_iter().chain(ports.map(to_port)).collect();
    let mode = build.config.mode;
    let mut lead_to = |chain, table, matches: Vec<Match>| {
        build.append(Purpose::Inbound, table, IstioChain::Inbound, matches, Target::Jump(chain));
    };
    match mode {
        InterceptionMode::Redirect => lead_to(IstioChain::InRedirect, Table::Nat, matches),
        InterceptionMode::Tproxy => {
            let known = Match::ConntrackState(vec![ConntrackState::Related, ConntrackState::Established]);
            lead_to(IstioChain::Divert, Table::Mangle, [matches.as_slice(), &[known]].concat());
            lead_to(IstioChain::Tproxy, Table::Mangle, matches);
        }
    }
}

/// Chains that bring packets to a transparent listener: those of a connection that it has are only marked,
/// so that they are routed to this host; the first one of a connection is assigned to the listener too.
fn transparent_listener(build: &mut Build<'_>) {
    let (mark, port) = (build.config.tproxy_mark, build.config.inbound_port);
    build.append(None, Table::Mangle, IstioChain::Divert, [], Target::SetMark(mark));
    build.append(None, Table::Mangle, IstioChain::Divert, [], Target::Accept);
    for facts in build.families() {
        let matches = [not_to(facts.loopback), TCP];
        let (at, target) = ((Table::Mangle, IstioChain::Tproxy), Target::Tproxy { port, mark });
        build.add(Some(facts.family), Placement::Append, None, at, matches, target);
    }
}
