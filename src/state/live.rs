//! The rules that the kernel has, in the terms of planned ones.

use super::Snapshot;
use crate::netfilter::{Chain, Placement, Rule, Ruleset, Scope};

/// The rules of built-in chains and of ours, whoever made them, and what had to be left out: rules that we
/// have no words for, and chains of others.
pub fn rules(snapshot: &Snapshot) -> (Ruleset, Vec<String>) {
    let (mut rules, mut left_out) = (Ruleset::default(), Vec::new());
    for ((kind, family), tables) in &snapshot.tables {
        for (table, saved) in tables {
            let at = format!("{}-{} -t {table}", family.program(), kind.name());
            for chain in &saved.chains {
                let Some(name) = Chain::named(&chain.name) else {
                    if !chain.rules.is_empty() {
                        left_out.push(format!("{at}: the {} rules of the chain {}", chain.rules.len(), chain.name));
                    }
                    continue;
                };
                for rule in &chain.rules {
                    let Some(meaning) = rule.meaning() else {
                        left_out.push(format!("{at} -A {} {}", chain.name, rule.text()));
                        continue;
                    };
                    let (matches, target) = (meaning.matches().to_vec(), meaning.target());
                    let rule = Rule { table: *table, chain: name, placement: Placement::Append, matches, target };
                    rules.push(Scope::Only(*family), rule);
                }
            }
        }
    }
    (rules, left_out)
}
