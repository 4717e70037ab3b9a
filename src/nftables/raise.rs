//! From rules in the terms of nf_tables to those of iptables: what the simulation follows packets through.

use super::{Body, Expression, NftVerdict, OwnerKind, Side};
use crate::net::{Family, Network, Port};
use crate::netfilter::{Chain, Match, Negatable, Placement, Protocol, Rule, Scope, Table, Target};

/// The rule as rules of iptables, with the families that they are for: one for each network if it looks
/// an address up in a set. `None` if iptables has no such rule.
pub fn raise(table: Table, chain: Chain, body: &Body) -> Option<Vec<(Scope, Rule)>> {
    let mut raised = Raised::default();
    for expression in &body.expressions {
        raised.expression(expression)?;
    }
    let target = match (body.verdict, raised.target) {
        (None, Some(target)) => target,
        // `accept` comes after `tproxy`, which does not end a chain.
        (Some(NftVerdict::Accept), Some(target @ Target::Tproxy { .. })) => target,
        (Some(NftVerdict::Accept), None) => Target::Accept,
        (Some(NftVerdict::Drop), None) => Target::Drop,
        (Some(NftVerdict::Return), None) => Target::Return,
        (Some(NftVerdict::Jump(Chain::Istio(to))), None) => Target::Jump(to),
        (Some(_), _) | (None, None) => return None,
    };
    if let Some(protocol) = raised.protocol {
        raised.matches.insert(0, Match::Protocol(protocol));
    }
    let rule = |matches| Rule { table, chain, placement: Placement::Append, matches, target, purpose: None };
    let rules: Vec<_> = match raised.any_of {
        None => vec![rule(raised.matches)],
        Some((side, networks)) => {
            let with = |network| {
                let mut matches = raised.matches.clone();
                matches.push(address(side, Negatable::Is(network)));
                rule(matches)
            };
            networks.into_iter().map(with).collect()
        }
    };
    let scope = |rule: &Rule| raised.family.or(rule.family()).map_or(Scope::Both, Scope::Only);
    Some(rules.into_iter().map(|rule| (scope(&rule), rule)).collect())
}

#[derive(Default)]
struct Raised {
    matches: Vec<Match>,
    /// An address that is in one of these.
    any_of: Option<(Side, Vec<Network>)>,
    protocol: Option<Protocol>,
    family: Option<Family>,
    /// The transparent listener; the mark comes next.
    listener: Option<Port>,
    target: Option<Target>,
}

impl Raised {
    fn expression(&mut self, expression: &Expression) -> Option<()> {
        // Conditions after an action would hold for the action as well.
        let acted = self.target.is_some() || self.listener.is_some();
        if acted && expression.is_passive() && *expression != Expression::Counter {
            return None;
        }
        let condition = match expression {
            Expression::Counter => return Some(()),
            Expression::Family(family) => {
                self.family = Some(*family);
                return Some(());
            }
            Expression::Protocol(protocol) => {
                self.protocol = Some(*protocol);
                return Some(());
            }
            Expression::Addresses(side, Negatable::Is(ranges)) => {
                let networks = ranges.iter().flat_map(|r| r.networks()).collect();
                return self.any_of.replace((*side, networks)).is_none().then_some(());
            }
            Expression::Addresses(side, Negatable::Not(ranges)) => {
                let all = ranges.iter().flat_map(|r| r.networks());
                self.matches.extend(all.map(|n| address(*side, Negatable::Not(n))));
                return Some(());
            }
            Expression::InInterface(interface) => Match::InInterface(interface.clone()),
            Expression::OutInterface(interface) => Match::OutInterface(interface.clone()),
            Expression::Address(side, network) => address(*side, network.clone()),
            Expression::Port(protocol, side, ports) => {
                self.protocol = Some(*protocol);
                match side {
                    Side::Source => Match::SourcePort(ports.clone()),
                    Side::Destination => Match::DestinationPort(ports.clone()),
                }
            }
            Expression::Ports(protocol, Side::Destination, ports) => {
                self.protocol = Some(*protocol);
                Match::DestinationPorts(ports.clone())
            }
            Expression::Ports(_, Side::Source, _) => return None,
            Expression::Owner(OwnerKind::User, owner) => Match::OwnerUid(owner.clone()),
            Expression::Owner(OwnerKind::Group, owner) => Match::OwnerGid(owner.clone()),
            Expression::ConntrackState(states) => Match::ConntrackState(states.clone()),
            Expression::Mark(mark) => Match::Mark(mark.clone()),
            Expression::ConnectionMark(mark) => Match::ConnectionMark(*mark),
            Expression::Redirect(_)
            | Expression::Tproxy(..)
            | Expression::SetMark(_)
            | Expression::SaveMark
            | Expression::RestoreMark
            | Expression::ConntrackZone(_) => return self.action(expression),
        };
        self.matches.push(condition);
        Some(())
    }

    fn action(&mut self, expression: &Expression) -> Option<()> {
        let target = match (expression, self.target) {
            (Expression::Redirect(port), None) => Target::Redirect(*port),
            (Expression::Tproxy(family, port), None) => {
                self.family = Some(*family);
                self.listener = Some(*port);
                return Some(());
            }
            (Expression::SetMark(mark), None) => match self.listener {
                Some(port) => Target::Tproxy { port, mark: *mark },
                None => Target::SetMark(*mark),
            },
            (Expression::SaveMark, None) => Target::SaveMark,
            (Expression::RestoreMark, None) => Target::RestoreMark,
            (Expression::ConntrackZone(zone), None) => Target::ConntrackZone(*zone),
            _ => return None,
        };
        self.target = Some(target);
        Some(())
    }
}

fn address(side: Side, network: Negatable<Network>) -> Match {
    match side {
        Side::Source => Match::Source(network),
        Side::Destination => Match::Destination(network),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Tables;
    use super::*;
    use crate::capture;
    use crate::config::fake::{FakeHost, resolve};
    use crate::explain::Chains;
    use crate::netfilter::normal::Specification;

    /// The rules of iptables that the rules of nf_tables were made from come out again; drop-invalid, which
    /// nf_tables have for TCP alone, and long lists aside.
    #[test]
    fn there_and_back() {
        for flags in [
            &["-b", "*", "-i", "*", "-d", "15090", "-o", "22", "-x", "10.1.0.0/16", "-c", "eth1", "-k", "vm0"][..],
            &["-m", "TPROXY", "-b", "80,443", "-i", "10.0.0.0/8", "-q", "9000", "-g", "5", "-u", "7"],
            &["--redirect-dns", "--capture-all-dns", "-b", "*", "-z", "15106"],
        ] {
            let plan = capture::plan(&resolve(flags, &[], &FakeHost::pod()).clean());
            let layer = plan.rules.clone().into();
            let before = Chains::of(&layer, Family::Ipv4);
            for table in Tables::of(&plan.rules).0 {
                for chain in table.chains() {
                    let raised: Vec<_> = table
                        .in_order(chain)
                        .into_iter()
                        .flat_map(|wanted| raise(table.table, chain, &wanted.body).expect("it has such a rule"))
                        .filter(|(scope, _)| scope.contains(Family::Ipv4))
                        .map(|(_, rule)| Specification::from(&rule))
                        .collect();
                    let wanted: Vec<_> =
                        before.rules(table.table, chain).iter().map(|rule| Specification::from(*rule)).collect();
                    assert_eq!(raised, wanted, "{flags:?} {} {chain}", table.table);
                }
            }
        }
    }

    #[test]
    fn a_range_as_networks() {
        let range = |low: &str, high: &str| {
            let range = super::super::AddressRange::new(low.parse().unwrap(), high.parse().unwrap()).unwrap();
            range.networks().iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(range("0.0.0.0", "255.255.255.255"), ["0.0.0.0/0"]);
        assert_eq!(range("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), ["::/0"]);
        assert_eq!(range("10.0.0.1", "10.0.0.4"), ["10.0.0.1/32", "10.0.0.2/31", "10.0.0.4/32"]);
        assert_eq!(range("255.255.255.254", "255.255.255.255"), ["255.255.255.254/31"]);
    }
}
