//! What the fuzz targets hold against all inputs: what is read from the kernel can be written, and is read as
//! the same again.

use super::assemble::assemble;
use super::change::{differences, restore, wanted_chain};
use super::disassemble::{SetContent, disassemble};
use super::instruction::{Instruction, SetReference};
use super::message::Reply;
use super::state::{self, Reading, RuleState, SetState, State, TableState};
use super::uapi;
use crate::netfilter::Table;
use crate::netlink::contents;
use crate::netlink::{Attribute, Attributes, Raw, attributes};
use crate::nftables::{Body, NftRule, Tables, chain_name, table_named};

/// What does not hold.
type Violation = String;

/// Reads bytes as the kernel's answers. If they can be read, all of it can be written and read again, and
/// what is restored from it is the same.
///
/// # Errors
/// What does not hold.
pub fn read_anything(bytes: &[u8]) -> Result<(), Violation> {
    for reply in contents(bytes).unwrap_or_default().into_iter().filter_map(|m| Reply::read(m).ok()) {
        let _ = state::table(&reply);
        let _ = state::chain(&reply);
        let _ = state::set(&reply).is_ok_and(|mut set| state::add_elements(&reply, &mut set).is_ok());
    }
    let Some(state) = dump(bytes) else { return Ok(()) };
    for rule in state.tables.iter().flat_map(|t| &t.rules) {
        rule.instructions.iter().try_for_each(instruction)?;
        if let Reading::Rule(body) = &rule.reading {
            same("a rule", &written_and_read(body), &Some(body.clone()))?;
        }
    }
    let _ = state.layer(&|_, _| None);
    let _ = differences(&state, &Tables::default());
    restored(&state)
}

/// Writes rules as messages and reads them as the kernel would list them: nothing differs.
///
/// # Errors
/// What does not hold.
pub fn there_and_back(wanted: &Tables) -> Result<(), Violation> {
    let mut state = State::default();
    for table in &wanted.0 {
        let mut listed =
            TableState { table: table.table, flags: 0, chains: Vec::new(), sets: Vec::new(), rules: Vec::new() };
        for chain in table.chains() {
            listed.chains.push(wanted_chain(table.table, chain));
            for NftRule { body, .. } in table.in_order(chain) {
                if let Some(read) = written_and_read(body) {
                    same("the normal form", &read, &body.normal())?;
                }
                // A name without a number is refused; the call ends before.
                let Ok(rule) = as_listed(body, chain_name(chain), &mut listed.sets) else { return Ok(()) };
                listed.rules.push(rule);
            }
        }
        state.tables.push(listed);
    }
    restored(&state)?;
    same("the comparison", &differences(&state, wanted), &Vec::new())
}

/// A wanted rule as the kernel lists it, with its sets.
fn as_listed(body: &Body, chain: &str, sets: &mut Vec<SetState>) -> Result<RuleState, super::NftError> {
    let first = sets.len();
    let assembled = assemble(body, 0)?;
    for set in &assembled.sets {
        let elements = set.content();
        let listed =
            elements.iter().flat_map(|e| raw(&Attributes::new().nest(uapi::NFTA_LIST_ELEM, |to| set.encode(e, to))));
        let raw_elements = listed.collect();
        let attributes = raw(&Attributes::new().number(uapi::NFTA_SET_FLAGS, set.flags()));
        let name = format!("__set{}", sets.len());
        sets.push(SetState { name, flags: set.flags(), attributes, raw_elements, elements: Some(elements) });
    }
    let named = |mut instruction: Instruction| {
        if let Instruction::Lookup { set, .. } = &mut instruction
            && let SetReference::Id(id) = set
        {
            *set = SetReference::Name(format!("__set{}", first + *id as usize));
        }
        instruction
    };
    let instructions = assembled.instructions.into_iter().map(named).collect();
    Ok(RuleState { chain: chain.to_owned(), instructions, user_data: None, reading: Reading::Rule(body.normal()) })
}

/// Attributes as they are read.
fn raw(written: &Attributes) -> Vec<Raw> {
    attributes(written.bytes().unwrap_or_default()).flatten().map(Attribute::raw).collect()
}

/// What a restored state is made from means the same as the state.
fn restored(state: &State) -> Result<(), Violation> {
    // The kernel would not take what is too long; it did not come from it.
    let Ok(batch) = restore(&State::default(), state) else { return Ok(()) };
    let mut again = dump(batch.bytes()).ok_or("a transaction cannot be read")?;
    let mut state = state.clone();
    for state in [&mut state, &mut again] {
        state.tables.sort_by_key(|t| t.table);
        // The hook shows whether the kernel calls it, and its rules whether it is bound.
        state.tables.iter_mut().flat_map(|t| &mut t.chains).for_each(|c| c.flags = 0);
    }
    same("what is restored", &again.tables, &state.tables)
}

/// An instruction that is written is read as itself.
fn instruction(instruction: &Instruction) -> Result<(), Violation> {
    let encoded = instruction.encode(Attributes::new());
    let Some(bytes) = encoded.bytes() else { return Ok(()) };
    same("an instruction", &Instruction::decode(bytes).ok().as_ref(), &Some(instruction))
}

/// A rule, written and read; `None` if it cannot be.
fn written_and_read(body: &Body) -> Option<Body> {
    let assembled = assemble(body, 0).ok()?;
    let sets: Vec<_> = assembled.sets.iter().map(|s| (s.flags(), s.content())).collect();
    disassemble(&assembled.instructions, &|reference: &SetReference| match reference {
        SetReference::Id(id) => {
            let (flags, elements) = sets.get(usize::try_from(*id).ok()?)?;
            Some(SetContent { flags: *flags, elements })
        }
        SetReference::Name(_) => None,
    })
}

/// The answers to all questions, or the messages of a transaction, as one state; `None` if they cannot be
/// read, or contain what no kernel sends.
fn dump(bytes: &[u8]) -> Option<State> {
    let replies: Vec<Reply> = contents(bytes)?.into_iter().filter_map(|m| Reply::read(m).ok()).collect();
    let of = |kind: u8| replies.iter().filter(move |r| r.is(kind) && r.family == uapi::NFPROTO_INET);
    let mut state = State::default();
    for reply in of(uapi::NFT_MSG_NEWTABLE) {
        let (name, flags) = state::table(reply).ok()?;
        let Some(table) = table_named(&name) else { continue };
        if state.get(table).is_some() {
            return None;
        }
        state.tables.push(TableState { table, flags, chains: Vec::new(), sets: Vec::new(), rules: Vec::new() });
    }
    for reply in of(uapi::NFT_MSG_NEWCHAIN) {
        let (table, chain) = state::chain(reply).ok()?;
        let Some(table) = listed(&mut state, &table) else { continue };
        if table.chains.iter().any(|c| c.name == chain.name) {
            return None;
        }
        table.chains.push(chain);
    }
    for reply in of(uapi::NFT_MSG_NEWSET) {
        let set = state::set(reply).ok()?;
        let Some(table) = listed(&mut state, text(reply, uapi::NFTA_SET_TABLE)?) else { continue };
        if table.sets.iter().any(|s| s.name == set.name) {
            return None;
        }
        table.sets.push(set);
    }
    for reply in of(uapi::NFT_MSG_NEWSETELEM) {
        let name = text(reply, uapi::NFTA_SET_ELEM_LIST_SET)?;
        let Some(table) = listed(&mut state, text(reply, uapi::NFTA_SET_ELEM_LIST_TABLE)?) else { continue };
        state::add_elements(reply, table.sets.iter_mut().find(|s| s.name == name)?).ok()?;
    }
    for reply in of(uapi::NFT_MSG_NEWRULE) {
        let Some(table) = listed(&mut state, text(reply, uapi::NFTA_RULE_TABLE)?) else { continue };
        let rule = state::rule(reply, &table.sets).ok()?;
        let _ = rule.reading.text(Table::Nat);
        table.rules.push(rule);
    }
    Some(state)
}

fn listed<'a>(state: &'a mut State, name: &str) -> Option<&'a mut TableState> {
    let table = table_named(name)?;
    state.tables.iter_mut().find(|t| t.table == table)
}

fn text(reply: &Reply, kind: u16) -> Option<&str> {
    reply.attribute(kind)?.text().ok()
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, found: &T, expected: &T) -> Result<(), Violation> {
    if found == expected { Ok(()) } else { Err(format!("{what} is another: {found:?}, not {expected:?}")) }
}
