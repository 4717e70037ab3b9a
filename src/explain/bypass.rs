//! Foreign rules that packets meet before managed ones, and that decide about traffic that those would capture.

use std::collections::BTreeMap;

use super::cover::{covers, excludes};
use crate::net::Family;
use crate::netfilter::normal::Specification;
use crate::netfilter::save::{RuleEnd, SavedChain, SavedRule, SavedTable};
use crate::netfilter::{Chain, Match, Ruleset, Table, Target};

/// Deeper than this, chains are not followed.
const DEEPEST: usize = 8;

/// Extensions that leave a packet on its way. What is not known may end it.
const CONTINUE: [&str; 16] = [
    "CHECKSUM",
    "CLASSIFY",
    "CONNMARK",
    "CONNSECMARK",
    "CT",
    "DSCP",
    "ECN",
    "HL",
    "MARK",
    "SECMARK",
    "SET",
    "TCPMSS",
    "TEE",
    "TOS",
    "TTL",
    "ULOG",
];

/// Reports foreign rules before managed ones that end the way of a packet which those may capture.
pub fn bypasses(
    tables: &BTreeMap<Table, SavedTable>,
    planned: &Ruleset,
    family: Family,
    tell: &mut dyn FnMut(Table, &SavedChain, &SavedRule),
) {
    let is_planned = |table: Table, chain: &str, rule: &SavedRule| {
        let same = |r: &crate::netfilter::Rule| {
            r.table == table && r.chain.name() == chain && rule.meaning() == Some(&Specification::from(r))
        };
        rule.jumps_to_managed() || planned.of(family).any(same)
    };
    for (name, table) in tables {
        for chain in table.chains.iter().filter(|c| matches!(Chain::named(&c.name), Some(Chain::Builtin(_)))) {
            let last = chain.rules.iter().rposition(SavedRule::jumps_to_managed).unwrap_or_default();
            for (at, rule) in chain.rules.iter().enumerate().take(last) {
                let (conditions, _) = rule.known();
                let mut rest = chain.rules.iter().skip(at).filter(|r| r.jumps_to_managed());
                if !is_planned(*name, &chain.name, rule)
                    && !has_other_protocol(rule)
                    && ends(table, rule, 0)
                    && rest.any(|jump| captures(table, std::slice::from_ref(jump), &conditions, 0))
                {
                    tell(*name, chain, rule);
                }
            }
        }
    }
}

/// Whether the rule is for packets that are neither TCP nor UDP: nothing managed captures those.
fn has_other_protocol(rule: &SavedRule) -> bool {
    let mut words = rule.text().split(' ').take_while(|word| !matches!(*word, "-m" | "-j"));
    let negated = words.by_ref().take_while(|word| *word != "-p").last() == Some("!");
    !negated && words.next().is_some_and(|protocol| !matches!(protocol, "tcp" | "udp" | "6" | "17" | "all"))
}

/// Whether a packet for which the rule's conditions hold may not get to the next rule.
fn ends(table: &SavedTable, rule: &SavedRule, depth: usize) -> bool {
    match (rule.known().1, rule.jump()) {
        (RuleEnd::Nothing, _) => false,
        (RuleEnd::Target(Target::Return), _) => depth == 0,
        (RuleEnd::Target(target), _) => !target.continues(),
        (RuleEnd::Unknown, Some(name)) => match table.chain(&name) {
            Some(chain) if depth < DEEPEST && !rule.text().contains("-g ") => {
                chain.rules.iter().any(|r| ends(table, r, depth + 1))
            }
            Some(_) => true,
            None => !CONTINUE.contains(&&*name) && (depth == 0 || name != "RETURN"),
        },
        (RuleEnd::Unknown, None) => false,
    }
}

/// Whether a packet with these conditions may reach a rule that captures it.
fn captures(table: &SavedTable, rules: &[SavedRule], conditions: &[Match], depth: usize) -> bool {
    for rule in rules {
        let (matches, RuleEnd::Target(target)) = rule.known() else { continue };
        if excludes(&matches, conditions) {
            continue;
        }
        match target {
            Target::Redirect(_) | Target::Tproxy { .. } => return true,
            Target::Jump(chain) => {
                let mut all = conditions.to_vec();
                all.extend(matches);
                let chain = table.chain(chain.name()).filter(|_| depth < DEEPEST);
                if chain.is_some_and(|chain| captures(table, &chain.rules, &all, depth + 1)) {
                    return true;
                }
            }
            Target::Return | Target::Accept | Target::Drop if covers(&matches, conditions) => return false,
            Target::Return
            | Target::Accept
            | Target::Drop
            | Target::SetMark(_)
            | Target::SaveMark
            | Target::RestoreMark
            | Target::ConntrackZone(_) => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::plan;
    use crate::config::fake::{FakeHost, resolve};
    use crate::netfilter::restore;
    use crate::state::model;

    /// What is found if this rule comes first in a built-in chain.
    fn found(flags: &str, place: &str, rule: &str) -> usize {
        let words: Vec<_> = flags.split_ascii_whitespace().collect();
        let rules = plan(&resolve(&words, &[], &FakeHost::pod()).config).rules;
        let (table, chain) = place.split_once(' ').unwrap();
        let foreign = format!(
            "* {table}\n-N LOGS\n-A LOGS -j LOG\n-A LOGS -j RETURN\n-N ENDS\n-A ENDS -p tcp -j DNAT --to 1.2.3.4\n\
             -A {chain} {rule}\nCOMMIT\n"
        );
        let mut tables = BTreeMap::new();
        model::restore(&mut tables, &foreign);
        // None of these flags inserts rules before existing ones in nat.
        model::restore(&mut tables, &restore::script(&rules, Family::Ipv4));
        let mut count = 0;
        bypasses(&tables, &rules, Family::Ipv4, &mut |_, _, _| count += 1);
        count
    }

    #[test]
    fn foreign_rules_that_decide_before_managed_ones_are_found() {
        let all = "-i * -b *";
        for rule in [
            "-j ACCEPT",
            "-j RETURN",
            "-p tcp -j RETURN",
            "-p tcp -m tcp --dport 443 -j ACCEPT",
            "-p tcp -m comment --comment x -j ACCEPT",
            "-d 10.0.0.0/8 -j ACCEPT",
            "-m owner --uid-owner 1000 -j ACCEPT",
            "-m owner ! --uid-owner 1337 -j ACCEPT",
            "-o eth0 -m set --match-set x dst -j ACCEPT",
            "-p tcp -j DNAT --to-destination 10.0.0.1:80",
            "-p tcp -j REDIRECT --to-ports 7777",
            "-j ENDS",
            "-g LOGS",
            "! -p icmp -j ACCEPT",
        ] {
            assert_eq!(found(all, "nat OUTPUT", rule), 1, "{rule}");
        }
        assert_eq!(found(all, "nat PREROUTING", "-p tcp -m tcp --dport 8080 -j ACCEPT"), 1);
        assert_eq!(found("-i * --redirect-dns --capture-all-dns", "nat OUTPUT", "-p udp -j ACCEPT"), 1);
    }

    #[test]
    fn foreign_rules_about_uncaptured_traffic_are_not_findings() {
        let all = "-i * -b * -d 15090";
        for rule in [
            "-p icmp -j ACCEPT",
            "-p udp -j ACCEPT",
            "-o eth0 -m owner --uid-owner 1337 -j ACCEPT",
            "-d 127.0.0.1/32 -o eth0 -j ACCEPT",
            "-j LOG",
            "-j LOGS",
            "-p tcp -j MARK --set-xmark 0x1/0x1",
            "-p tcp -m comment --comment \"-j ACCEPT\"",
        ] {
            assert_eq!(found(all, "nat OUTPUT", rule), 0, "{rule}");
        }
        for rule in
            ["-p tcp -m tcp --dport 15090 -j ACCEPT", "-p tcp -m tcp --dport 15008 -j ACCEPT", "-p udp -j RETURN"]
        {
            assert_eq!(found(all, "nat PREROUTING", rule), 0, "{rule}");
        }
        assert_eq!(found("-i * -b * -c eth1", "nat PREROUTING", "-i eth1 -j RETURN"), 0, "a planned one");
        assert_eq!(found("-i 10.0.0.0/8", "nat OUTPUT", "-d 192.168.0.0/16 -o eth0 -j ACCEPT"), 0);
        assert_eq!(
            found("-i * --redirect-dns --capture-all-dns", "raw OUTPUT", "-j ACCEPT"),
            0,
            "nothing is captured there"
        );
    }
}
