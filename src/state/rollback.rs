//! The result of a rollback if another program made changes meanwhile.

use super::SavedTables;
use crate::netfilter::Table;
use crate::netfilter::save::{SavedChain, SavedRule, SavedTable};

/// The tables of one variant and family as they are `now`, with what the change from `before` to `after` has to do with
/// as it was before. Foreign rules are neither removed nor restored by this: the program that changed them wanted that.
pub(super) fn target(before: &SavedTables, after: &SavedTables, now: &SavedTables) -> SavedTables {
    let none = SavedTable::default();
    let of = |tables: &SavedTables, name| tables.get(&name).unwrap_or(&none).clone();
    let known = Table::ALL.into_iter().filter(|name| before.contains_key(name) || now.contains_key(name));
    known.map(|name| (name, table(&of(before, name), &of(after, name), &of(now, name)))).collect()
}

fn table(before: &SavedTable, after: &SavedTable, now: &SavedTable) -> SavedTable {
    let dormant = if now.dormant == after.dormant { before.dormant } else { now.dormant };
    let mut target = SavedTable { chains: Vec::new(), drops: now.drops.clone(), dormant };
    for chain in &now.chains {
        let was = before.chain(&chain.name);
        if !chain.is_managed() {
            let empty = SavedChain::empty(chain.name.clone());
            let after = after.chain(&chain.name).unwrap_or(&empty);
            let was = was.unwrap_or(&empty);
            target.chains.push(restored_chain(was, after, chain));
        } else if let Some(was) = was {
            target.chains.push(was.clone());
        }
    }
    let missing = before.chains.iter().filter(|c| now.chain(&c.name).is_none());
    target.chains.extend(missing.filter(|c| c.is_managed() || after.chain(&c.name).is_none_or(|a| a != *c)).cloned());
    target
}

/// A chain with foreign rules: foreign ones as they are now, managed ones as they were.
fn restored_chain(before: &SavedChain, after: &SavedChain, now: &SavedChain) -> SavedChain {
    if now.rules == before.rules || now.rules == after.rules {
        return before.clone();
    }
    let within = |chain: &SavedChain, rule: &SavedRule| chain.rules.iter().filter(|r| **r == *rule).count();
    // The change is about rules that it adds or removes, and about those that lead to managed chains.
    let about = |rule: &&SavedRule| rule.jumps_to_managed() || within(before, rule) != within(after, rule);
    let foreign =
        |chain: &SavedChain| -> Vec<SavedRule> { chain.rules.iter().filter(|r| !about(r)).cloned().collect() };
    let theirs = foreign(now);
    if theirs == foreign(before) {
        return before.clone();
    }
    let mut target = SavedChain { name: before.name.clone(), rules: theirs };
    // Each managed rule goes after the rule that it came after.
    let mut place = 0;
    for rule in &before.rules {
        let rest = target.rules.get(place..).unwrap_or_default();
        if about(&rule) {
            target.rules.insert(place, rule.clone());
            place += 1;
        } else if let Some(found) = rest.iter().position(|r| *r == *rule) {
            place += found + 1;
        }
    }
    target
}
