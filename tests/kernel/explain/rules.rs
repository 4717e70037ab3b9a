//! Random rules, out of the whole vocabulary: more than the policy ever makes, as they may be in a kernel.

use istio_iptables::capture::{LocalRoute, Plan, PolicyRule, Routing};
use istio_iptables::net::{Family, Interface, Mark, Network, Owner, Port, PortRange, RouteTable};
use istio_iptables::netfilter::{
    Chain, ConntrackState, Hook, IstioChain, Match, Negatable, Placement, Protocol, Rule, Ruleset, Scope, Table, Target,
};

use super::flags::PORTS;
use harness::Random;

/// The mark that the policy rule is for.
const ROUTED: Mark = Mark::at_least_one(1337);
const ROUTES: RouteTable = RouteTable::at_least_one(133);

/// Chains by depth: a rule jumps to deeper ones alone, since the kernel refuses loops.
const CHAINS: [IstioChain; 4] = [IstioChain::Inbound, IstioChain::Output, IstioChain::Redirect, IstioChain::Divert];

/// Some rules for each family, and the routes for a mark.
pub fn plan(random: &mut Random) -> Plan {
    let mut rules = Ruleset::default();
    for family in Family::BOTH {
        for table in [Table::Mangle, Table::Nat, Table::Filter] {
            for _ in 0..random.below(7) {
                let hooks: &[Hook] = match table {
                    Table::Mangle => &[Hook::Prerouting, Hook::Output, Hook::Input, Hook::Postrouting, Hook::Forward],
                    Table::Nat => &[Hook::Prerouting, Hook::Output],
                    Table::Filter | Table::Raw => &[Hook::Input, Hook::Output],
                };
                let hook = random.one(hooks);
                push(random, &mut rules, family, table, hook.into(), Some(hook), 0);
            }
        }
        chains(random, &mut rules, family);
    }
    let mark = |family| PolicyRule { family, mark: ROUTED, table: ROUTES };
    let routing = Routing {
        addresses: Vec::new(),
        rules: Family::BOTH.map(mark).to_vec(),
        routes: Family::BOTH.map(|family| LocalRoute { family, table: ROUTES }).to_vec(),
    };
    Plan { rules, routing }
}

/// Rules for separate chains that other chains jump to: each chain is called from both hooks, so it has
/// only what both take.
fn chains(random: &mut Random, rules: &mut Ruleset, family: Family) {
    for table in [Table::Mangle, Table::Nat, Table::Filter] {
        for (depth, chain) in (1..).zip(CHAINS) {
            for _ in 0..1 + random.below(3) {
                push(random, rules, family, table, chain.into(), None, depth);
            }
        }
    }
}

fn push(
    random: &mut Random,
    rules: &mut Ruleset,
    family: Family,
    table: Table,
    chain: Chain,
    hook: Option<Hook>,
    depth: usize,
) {
    let mut matches = conditions(random, family, hook);
    let target = target(random, table, hook, depth);
    let transport = matches!(target, Target::Redirect(_) | Target::Tproxy { .. })
        || matches.iter().any(|m| matches!(m, Match::DestinationPort(_)));
    if transport || random.percent(40) {
        matches.insert(0, Match::Protocol(if random.percent(80) { Protocol::Udp } else { Protocol::Tcp }));
    }
    let placement = if random.percent(20) { Placement::Insert(1) } else { Placement::Append };
    rules.push(Scope::Only(family), Rule { table, chain, placement, matches, target, purpose: None });
}

fn target(random: &mut Random, table: Table, hook: Option<Hook>, depth: usize) -> Target {
    if random.percent(30) && depth < CHAINS.len() {
        return Target::Jump(random.one(&CHAINS[depth..]));
    }
    let port = Port::at_least_one(random.one(&[15001, 15006, 15053, 8080]));
    let mark = random.one(&[ROUTED, Mark::at_least_one(1338), Mark::at_least_one(77)]);
    match (table, random.below(10)) {
        (_, 0..=1) => Target::Return,
        (_, 2) => Target::Accept,
        (Table::Filter, 3..=6) | (Table::Mangle, 3) => Target::Drop,
        (Table::Mangle, 4..=5) => Target::SetMark(mark),
        (Table::Mangle, 6) => Target::SaveMark,
        (Table::Mangle, 7) => Target::RestoreMark,
        (Table::Mangle, 8..) if hook == Some(Hook::Prerouting) => Target::Tproxy { port, mark },
        (Table::Mangle, _) => Target::SetMark(mark),
        (Table::Nat, _) => Target::Redirect(port),
        (Table::Filter | Table::Raw, _) => Target::Return,
    }
}

fn negatable<T>(random: &mut Random, value: T) -> Negatable<T> {
    if random.percent(30) { Negatable::Not(value) } else { Negatable::Is(value) }
}

fn conditions(random: &mut Random, family: Family, hook: Option<Hook>) -> Vec<Match> {
    let ranges: &[&str] = match family {
        Family::Ipv4 => &["10.0.0.0/8", "127.0.0.0/8", "127.0.0.1/32", "10.66.0.2/32", "8.8.8.8/32", "0.0.0.0/1"],
        Family::Ipv6 => &["fd00::/8", "::1/128", "fd66::2/128", "2001:db8::/32", "8000::/1"],
    };
    let network = |random: &mut Random| Network::parse(random.one(ranges)).unwrap();
    let interface = |random: &mut Random| Interface::parse(random.one(&["lo", "eth0", "eth1", "eth+", "+"])).unwrap();
    let owner = |random: &mut Random| Owner::parse(random.one(&["1337", "1000-2000", "0", "5000"])).unwrap();
    let mut matches = Vec::new();
    for _ in 0..random.below(3) {
        let one = match (random.below(12), hook) {
            (0, _) => {
                let range = network(random);
                Match::Source(negatable(random, range))
            }
            (1, _) => {
                let range = network(random);
                Match::Destination(negatable(random, range))
            }
            (2 | 9.., Some(Hook::Output | Hook::Postrouting)) => {
                let name = interface(random);
                Match::OutInterface(if name.is_any() { Negatable::Is(name) } else { negatable(random, name) })
            }
            (2 | 9.., Some(Hook::Prerouting | Hook::Input)) => {
                let name = interface(random);
                Match::InInterface(if name.is_any() { Negatable::Is(name) } else { negatable(random, name) })
            }
            (3, Some(Hook::Output | Hook::Postrouting)) => {
                let owner = owner(random);
                Match::OwnerUid(negatable(random, owner))
            }
            (4, Some(Hook::Output | Hook::Postrouting)) => {
                let owner = owner(random);
                Match::OwnerGid(negatable(random, owner))
            }
            (5, _) => {
                let state = random.one(&[ConntrackState::New, ConntrackState::Invalid, ConntrackState::Established]);
                Match::ConntrackState(vec![state])
            }
            (6, _) => {
                let mark = random.one(&[ROUTED, Mark::at_least_one(1338)]);
                Match::Mark(negatable(random, mark))
            }
            (7, _) => Match::ConnectionMark(ROUTED),
            (_, _) => {
                let port = PortRange::single(random.one(&PORTS));
                let range = if random.percent(50) { PortRange::new(0, 8080).unwrap() } else { port };
                Match::DestinationPort(negatable(random, range))
            }
        };
        if !matches.iter().any(|m| std::mem::discriminant(m) == std::mem::discriminant(&one)) {
            matches.push(one);
        }
    }
    matches
}
