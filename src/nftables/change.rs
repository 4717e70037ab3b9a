//! What has to be done so that the kernel has the wanted rules, or those of an earlier state.

use std::borrow::Cow;

use super::NftError;
use super::assemble::assemble;
use super::batch::{Batch, RuleText};
use super::state::{BaseState, ChainState, Reading, State, TableState};
use super::uapi::{NFT_CHAIN_BASE, NFT_CHAIN_BINDING};
use crate::netfilter::Table;
use crate::nftables::{NftRule, TABLES, TableRules, Tables, base, chain_name, table_name};
use crate::sequence::common;

/// A rule, chain or table that is missing, or there without being wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableDifference {
    /// Whether it is wanted; else it is there.
    pub wanted: bool,
    /// What, as nft writes it.
    pub text: String,
    /// Whether it is a rule that leads traffic to a managed chain, other than the proxy's own.
    pub captures: bool,
}

impl TableDifference {
    /// One that is no rule.
    fn new(wanted: bool, text: String) -> Self {
        Self { wanted, text, captures: false }
    }
}

/// How what the kernel has differs from what is wanted, in the order of tables, chains and rules.
pub fn differences(state: &State, wanted: &Tables) -> Vec<TableDifference> {
    let of = |table| {
        (state.get(table).map(ListedTable::of), wanted.get(table).map(|rules| ListedTable::planned(table, rules)))
    };
    TABLES.into_iter().flat_map(|table| compare(table, of(table))).collect()
}

/// How what the kernel has differs from what it had earlier.
pub fn differences_from(state: &State, earlier: &State) -> Vec<TableDifference> {
    let of = |table| (state.get(table).map(ListedTable::of), earlier.get(table).map(ListedTable::of));
    TABLES.into_iter().flat_map(|table| compare(table, of(table))).collect()
}

/// A table as it is listed, or would be.
#[derive(Default)]
struct ListedTable<'a> {
    flags: u32,
    chains: Vec<ChainState>,
    /// The rules, by chain.
    rules: Vec<(&'a str, Cow<'a, Reading>)>,
    /// The sets that have a name of their own.
    sets: Vec<&'a str>,
}

impl<'a> ListedTable<'a> {
    fn of(table: &'a TableState) -> Self {
        Self {
            flags: table.flags,
            chains: table.chains.clone(),
            rules: table.rules.iter().map(|r| (r.chain.as_str(), Cow::Borrowed(&r.reading))).collect(),
            sets: table.sets.iter().filter(|s| !s.is_anonymous()).map(|s| s.name.as_str()).collect(),
        }
    }

    fn planned(table: Table, rules: &'a TableRules) -> Self {
        let of_chain = |chain| {
            let reading = |rule: &NftRule| Cow::Owned(Reading::Rule(rule.body.normal()));
            rules.in_order(chain).into_iter().map(move |rule| (chain_name(chain), reading(rule)))
        };
        Self {
            chains: rules.chains().map(|chain| wanted_chain(table, chain)).collect(),
            rules: rules.chains().flat_map(of_chain).collect(),
            ..Self::default()
        }
    }

    fn rules_of(&self, chain: &str) -> Vec<&Reading> {
        self.rules.iter().filter(|(c, _)| *c == chain).map(|(_, reading)| &**reading).collect()
    }
}

fn compare(table: Table, (have, want): (Option<ListedTable<'_>>, Option<ListedTable<'_>>)) -> Vec<TableDifference> {
    let name = table_name(table);
    let mut differences = Vec::new();
    if have.is_some() != want.is_some() {
        differences.push(TableDifference::new(want.is_some(), format!("table inet {name}")));
    }
    let (have, want) = (have.unwrap_or_default(), want.unwrap_or_default());
    if have.flags != want.flags {
        for (wanted, flags) in [(false, have.flags), (true, want.flags)] {
            if flags != 0 {
                differences.push(TableDifference::new(wanted, format!("table inet {name} {{ flags {flags:#x} ; }}")));
            }
        }
    }
    for chain in &want.chains {
        let found = named(&have.chains, &chain.name);
        if !found.is_some_and(|found| same_chain(found, chain)) {
            differences.push(TableDifference::new(true, chain_text(name, chain)));
            differences.extend(found.map(|found| TableDifference::new(false, chain_text(name, found))));
        }
        compare_rules(table, &chain.name, &have, &want, &mut differences);
    }
    for chain in have.chains.iter().filter(|c| named(&want.chains, &c.name).is_none()) {
        differences.push(TableDifference::new(false, chain_text(name, chain)));
        compare_rules(table, &chain.name, &have, &want, &mut differences);
    }
    for (wanted, one, other) in [(false, &have, &want), (true, &want, &have)] {
        let alone = one.sets.iter().filter(|set| !other.sets.contains(set));
        differences.extend(alone.map(|set| TableDifference::new(wanted, format!("set inet {name} {set}"))));
    }
    differences
}

/// Compares the rules of one chain, in order.
fn compare_rules(
    table: Table,
    chain: &str,
    have: &ListedTable<'_>,
    want: &ListedTable<'_>,
    differences: &mut Vec<TableDifference>,
) {
    let (have, want) = (have.rules_of(chain), want.rules_of(chain));
    let mut differ = |wanted, rule: &Reading| {
        let text = format!("rule inet {} {chain} {}", table_name(table), rule.text(table));
        differences.push(TableDifference { wanted, text, captures: rule.captures() });
    };
    let (mut old, mut new) = (0, 0);
    for (i, j) in common(&have, &want, |a, b| a == b).into_iter().chain([(have.len(), want.len())]) {
        have.get(old..i).unwrap_or_default().iter().for_each(|rule| differ(false, rule));
        want.get(new..j).unwrap_or_default().iter().for_each(|rule| differ(true, rule));
        (old, new) = (i + 1, j + 1);
    }
}

/// The chain that a rule of a table is in.
pub(crate) fn wanted_chain(table: Table, chain: crate::netfilter::Chain) -> ChainState {
    ChainState { name: chain_name(chain).to_owned(), base: base(table, chain).map(BaseState::from), flags: 0 }
}

/// The chain of this name.
fn named<'c>(chains: &'c [ChainState], name: &str) -> Option<&'c ChainState> {
    chains.iter().find(|chain| chain.name == name)
}

/// Whether a chain is as another: the flag for being called by the kernel follows from its hook.
fn same_chain(one: &ChainState, other: &ChainState) -> bool {
    one.base == other.base && (one.flags | NFT_CHAIN_BASE) == (other.flags | NFT_CHAIN_BASE)
}

fn chain_text(table: &str, chain: &ChainState) -> String {
    let base = chain.base.as_ref().map(|b| {
        let BaseState { kind, hook, priority, policy } = b;
        format!(" {{ type {kind} hook {hook} priority {priority} ; policy {policy} ; }}")
    });
    format!("chain inet {table} {}{}", chain.name, base.unwrap_or_default())
}

/// The transaction after which the kernel has what is wanted and no other managed table.
///
/// Chains that are there already stay, and get other rules: a packet meets either the old ones or the new.
/// (Were they deleted and added anew, a packet could meet the new one before, and the old one after the
/// kernel switches, and so neither's rules.)
pub fn transaction<'a>(state: &State, wanted: &'a Tables) -> Result<Batch<'a>, NftError> {
    let mut batch = Batch::new(state.generation)?;
    for table in TABLES {
        match (state.get(table), wanted.get(table)) {
            (None, None) => {}
            (Some(_), None) => batch.delete_table(table)?,
            (have, Some(want)) => {
                let chains: Vec<_> = want.chains().map(|chain| wanted_chain(table, chain)).collect();
                prepare(&mut batch, table, 0, have, &chains)?;
                for chain in want.chains() {
                    for rule in want.in_order(chain) {
                        let assembled = assemble(&rule.body, batch.next_set())?;
                        for set in &assembled.sets {
                            batch.add_set(table, set)?;
                        }
                        let (name, text) = (chain_name(chain), RuleText::Wanted(&rule.body));
                        batch.add_rule(table, name, &assembled.instructions, None, text)?;
                    }
                }
            }
        }
    }
    batch.finish()
}

/// The transaction after which the kernel has what it had in an earlier state, with counters at zero. Named
/// counters, quotas and flow tables, which no managed rule has, are not read, and are gone with their table.
pub fn restore<'a>(state: &State, earlier: &'a State) -> Result<Batch<'a>, NftError> {
    let mut batch = Batch::new(state.generation)?;
    for table in TABLES {
        match (state.get(table), earlier.get(table)) {
            (None, None) => {}
            (Some(_), None) => batch.delete_table(table)?,
            (have, Some(earlier)) => {
                prepare(&mut batch, table, earlier.flags, have, &earlier.chains)?;
                for set in &earlier.sets {
                    batch.restore_set(table, set)?;
                }
                for rule in &earlier.rules {
                    let (user_data, text) = (rule.user_data.as_deref(), RuleText::Found(&rule.reading));
                    batch.add_rule(table, &rule.chain, &rule.instructions, user_data, text)?;
                }
            }
        }
    }
    batch.finish()
}

/// Brings a table to have these chains, without rules or sets.
fn prepare(
    batch: &mut Batch<'_>,
    table: Table,
    flags: u32,
    have: Option<&TableState>,
    chains: &[ChainState],
) -> Result<(), NftError> {
    // The kernel does not take chains while it changes a table's flags. A table that has other ones is
    // dormant, or owned by a process: no packet meets it, or the kernel will refuse.
    let (have, other) = (have.filter(|have| have.flags == flags), have.filter(|have| have.flags != flags));
    if other.is_some() {
        batch.delete_table(table)?;
    }
    if have.is_none() {
        batch.add_table(table, flags)?;
    }
    let present = have.map(|t| t.chains.as_slice()).unwrap_or_default();
    if let Some(have) = have {
        if !have.rules.is_empty() {
            batch.flush(table)?;
        }
        for set in have.sets.iter().filter(|s| !s.is_anonymous()) {
            batch.delete_set(table, &set.name)?;
        }
    }
    // The policy of a chain can be changed, and nothing else of it.
    let stays = |chain: &ChainState| {
        named(chains, &chain.name).is_some_and(|want| {
            let policy = |base: &BaseState| BaseState { policy: 0, ..base.clone() };
            same_chain(
                &ChainState { base: chain.base.as_ref().map(policy), ..chain.clone() },
                &ChainState { base: want.base.as_ref().map(policy), ..want.clone() },
            )
        })
    };
    for chain in present.iter().filter(|c| c.flags & NFT_CHAIN_BINDING == 0 && !stays(c)) {
        batch.delete_chain(table, &chain.name)?;
    }
    for chain in chains {
        let there = named(present, &chain.name).filter(|c| stays(c));
        if there.is_none_or(|there| there.base != chain.base) {
            batch.add_chain(table, &chain.name, chain.base.as_ref())?;
        }
    }
    Ok(())
}
