//! What has to be done so that the kernel has the wanted rules, or those of an earlier state.

use super::NftError;
use super::assemble::assemble;
use super::batch::{Batch, RuleText};
use super::state::{BaseState, ChainState, Reading, State, TableState};
use super::uapi::{NFT_CHAIN_BASE, NFT_CHAIN_BINDING};
use crate::netfilter::Table;
use crate::nftables::{TABLES, TableRules, Tables, base, chain_name, table_name};
use crate::sequence::common;
use crate::text::Printable;

/// A rule, chain or table that is missing, or there without being wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Whether it is wanted; else it is there.
    pub wanted: bool,
    /// What, as nft writes it.
    pub text: String,
}

/// A line with `+` or `-`.
impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", if self.wanted { '+' } else { '-' }, Printable(&self.text))
    }
}

/// How what the kernel has differs from what is wanted, in the order of tables, chains and rules.
pub fn differences(state: &State, wanted: &Tables) -> Result<Vec<Difference>, NftError> {
    let mut differences = Vec::new();
    for table in TABLES {
        let (have, want) = (state.get(table), wanted.get(table));
        let name = table_name(table);
        let mut differ = |wanted, text| differences.push(Difference { wanted, text });
        match (have.is_some(), want.is_some()) {
            (false, true) => differ(true, format!("table inet {name}")),
            (true, false) => differ(false, format!("table inet {name}")),
            (true, true) | (false, false) => {}
        }
        if let Some(have) = have.filter(|have| have.flags != 0) {
            differ(false, format!("table inet {name} {{ flags {:#x} ; }}", have.flags));
        }
        compare_chains(table, have, want, &mut differ)?;
        let named = have.into_iter().flat_map(|t| &t.sets).filter(|s| !s.is_anonymous());
        named.for_each(|set| differ(false, format!("set inet {name} {}", set.name)));
    }
    Ok(differences)
}

fn compare_chains(
    table: Table,
    have: Option<&TableState>,
    want: Option<&TableRules>,
    differ: &mut impl FnMut(bool, String),
) -> Result<(), NftError> {
    let name = table_name(table);
    let wanted: Vec<_> = want.into_iter().flat_map(TableRules::chains).collect();
    let present = have.map(|t| t.chains.as_slice()).unwrap_or_default();
    for chain in wanted.iter().copied() {
        let (chain_state, chain) = (wanted_chain(table, chain), chain);
        let found = present.iter().find(|c| c.name == chain_state.name);
        if !found.is_some_and(|found| same_chain(found, &chain_state)) {
            differ(true, chain_text(name, &chain_state));
            found.into_iter().for_each(|found| differ(false, chain_text(name, found)));
        }
        let want = want.map(|t| t.in_order(chain)).unwrap_or_default();
        let want = want.into_iter().map(|rule| rule.body.normal().map(Reading::Rule)).collect::<Result<Vec<_>, _>>()?;
        compare_rules(table, &chain_state.name, have, &want, differ);
    }
    for chain in present {
        if !wanted.iter().any(|w| chain_name(*w) == chain.name) {
            differ(false, chain_text(name, chain));
            compare_rules(table, &chain.name, have, &[], differ);
        }
    }
    Ok(())
}

/// Compares the rules of one chain, in order.
fn compare_rules(
    table: Table,
    chain: &str,
    have: Option<&TableState>,
    want: &[Reading],
    differ: &mut impl FnMut(bool, String),
) {
    let have = have.map(|t| t.rules.as_slice()).unwrap_or_default();
    let have: Vec<_> = have.iter().filter(|r| r.chain == chain).map(|r| &r.reading).collect();
    let want: Vec<_> = want.iter().collect();
    let mut differ = |wanted, rule: &Reading| {
        differ(wanted, format!("rule inet {} {chain} {}", table_name(table), rule.text(table)));
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

/// Whether a chain is as another: the flag that says that the kernel calls it is said by its hook.
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

/// The transaction after which the kernel has what is wanted and no other table of ours.
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
/// counters, quotas and flow tables, which no rule of ours has, are not read, and are gone with their table.
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
    let find = |all: &[ChainState], chain: &ChainState| all.iter().position(|c| c.name == chain.name);
    // The policy of a chain can be changed, and nothing else of it.
    let stays = |chain: &ChainState| {
        find(chains, chain).and_then(|at| chains.get(at)).is_some_and(|want| {
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
        let there = find(present, chain).and_then(|at| present.get(at)).filter(|c| stays(c));
        if there.is_none_or(|there| there.base != chain.base) {
            batch.add_chain(table, &chain.name, chain.base.as_ref())?;
        }
    }
    Ok(())
}
