//! Writes rules as text for iptables-restore(8).

use std::fmt::{self, Write};

use super::{Chain, IstioChain, Match, Negatable, Placement, Protocol, Rule, Ruleset, Table, Target};
use crate::net::Family;

/// The text that builds the rules of one family in tables without managed rules; empty if there is
/// no rule.
pub fn script(ruleset: &Ruleset, family: Family) -> String {
    let rules: Vec<_> = ruleset.of(family).collect();
    // A rule is some 60 characters long.
    let mut text = String::with_capacity(rules.len() * 64);
    for table in Table::ALL {
        let rules = || rules.iter().copied().filter(|r| r.table == table);
        if rules().next().is_none() {
            continue;
        }
        let _ = writeln!(text, "* {table}");
        for chain in chains(rules) {
            let _ = writeln!(text, "-N {chain}");
        }
        for rule in rules() {
            let _ = writeln!(text, "{rule}");
        }
        text.push_str("COMMIT\n");
    }
    text
}

/// The managed chains that rules need: first those that have rules, in the order of their first one, then
/// those only jumped to.
pub fn chains<'a, I: Iterator<Item = &'a Rule>>(rules: impl Fn() -> I) -> Vec<IstioChain> {
    let with_rules = rules().filter_map(|r| if let Chain::Istio(chain) = r.chain { Some(chain) } else { None });
    let jumped_to = rules().filter_map(|r| r.target.jump());
    let mut chains = Vec::new();
    for chain in with_rules.chain(jumped_to) {
        if !chains.contains(&chain) {
            chains.push(chain);
        }
    }
    chains
}

/// The rule as an argument list of iptables(8), from `-A` or `-I` on.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.placement {
            Placement::Append => {
                f.write_str("-A ")?;
                f.write_str(self.chain.name())?;
            }
            Placement::Insert(number) => write!(f, "-I {} {number}", self.chain)?,
        }
        f.write_str(" ")?;
        self.specification().fmt(f)
    }
}

impl Rule {
    /// The rule's conditions and target, to be written after a chain.
    pub fn specification(&self) -> impl fmt::Display {
        RuleWords(self)
    }
}

/// Conditions and target of a rule.
struct RuleWords<'a>(&'a Rule);

impl fmt::Display for RuleWords<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(rule) = self;
        for m in &rule.matches {
            m.fmt(f)?;
            f.write_str(" ")?;
        }
        // Istio's program writes `--to-port` for DNS over UDP and `--to-ports` everywhere else.
        if let Target::Redirect(port) = rule.target
            && rule.matches.contains(&Match::Protocol(Protocol::Udp))
        {
            return write!(f, "-j REDIRECT --to-port {port}");
        }
        rule.target.fmt(f)
    }
}

impl fmt::Display for Match {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source(network) => option(f, "-s", network),
            Self::Destination(network) => option(f, "-d", network),
            Self::InInterface(interface) => option(f, "-i", interface),
            Self::OutInterface(interface) => option(f, "-o", interface),
            Self::Protocol(protocol) => write!(f, "-p {protocol}"),
            Self::SourcePort(ports) => option(f, "--sport", ports),
            Self::DestinationPort(ports) => option(f, "--dport", ports),
            Self::DestinationPorts(ports) => {
                f.write_str("-m multiport ")?;
                let listed: Vec<_> = ports.value().iter().map(ToString::to_string).collect();
                option(f, "--dports", &ports.clone().map(|_| listed.join(",")))
            }
            Self::OwnerUid(owner) => {
                f.write_str("-m owner ")?;
                option(f, "--uid-owner", owner)
            }
            Self::OwnerGid(owner) => {
                f.write_str("-m owner ")?;
                option(f, "--gid-owner", owner)
            }
            Self::ConntrackState(states) => {
                let names: Vec<_> = states.iter().map(|s| s.name()).collect();
                write!(f, "-m conntrack --ctstate {}", names.join(","))
            }
            Self::Mark(mark) => {
                f.write_str("-m mark ")?;
                option(f, "--mark", mark)
            }
            Self::ConnectionMark(mark) => write!(f, "-m connmark --mark {mark}"),
        }
    }
}

fn option<T: fmt::Display>(f: &mut fmt::Formatter<'_>, name: &str, value: &Negatable<T>) -> fmt::Result {
    if value.negated() {
        f.write_str("! ")?;
    }
    f.write_str(name)?;
    f.write_str(" ")?;
    value.value().fmt(f)
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Jump(chain) => write!(f, "-j {chain}"),
            Self::Return => f.write_str("-j RETURN"),
            Self::Accept => f.write_str("-j ACCEPT"),
            Self::Drop => f.write_str("-j DROP"),
            Self::Redirect(port) => write!(f, "-j REDIRECT --to-ports {port}"),
            Self::Tproxy { port, mark } => {
                write!(f, "-j TPROXY --tproxy-mark {mark}/0xffffffff --on-port {port}")
            }
            Self::SetMark(mark) => write!(f, "-j MARK --set-mark {mark}"),
            Self::SaveMark => f.write_str("-j CONNMARK --save-mark"),
            Self::RestoreMark => f.write_str("-j CONNMARK --restore-mark"),
            Self::ConntrackZone(zone) => write!(f, "-j CT --zone {zone}"),
        }
    }
}
