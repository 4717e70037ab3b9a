//! The rules that the kernel has, in the terms of planned ones.

use super::Observed;
use crate::capture::{At, Recogniser};
use crate::netfilter::save::RuleEnd;
use crate::netfilter::{Chain, Layer, Placement, Rule, Scope, Variant};

/// What one variant of iptables has: all rules of built-in chains and of managed ones. Those of other
/// chains are met only through a rule that cannot be followed.
pub fn layer(observed: &Observed, variant: Variant, known: &Recogniser) -> Layer {
    let mut layer = Layer::default();
    for ((_, family), tables) in observed.tables.iter().filter(|((v, _), _)| *v == variant) {
        let scope = Scope::Only(*family);
        for (table, saved) in tables.iter().filter(|(_, saved)| !saved.dormant) {
            let table = *table;
            layer.drops.extend(saved.drops.iter().map(|hook| (scope, table, *hook)));
            for chain in &saved.chains {
                let Some(name) = Chain::named(&chain.name) else { continue };
                for (rule, number) in chain.rules.iter().zip(1..) {
                    let (matches, end) = rule.known();
                    let text = match end {
                        RuleEnd::Target(target) => {
                            let purpose = known.purpose(At { table, chain: name, number }, &matches, target);
                            let rule =
                                Rule { table, chain: name, placement: Placement::Append, matches, target, purpose };
                            layer.rules.push(scope, rule);
                            continue;
                        }
                        RuleEnd::Nothing => None,
                        RuleEnd::Unknown => Some(rule.text().to_owned()),
                    };
                    layer.gap(scope, (table, name), matches, text);
                }
            }
        }
    }
    layer
}
