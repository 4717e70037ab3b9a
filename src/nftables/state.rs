//! What the kernel has in managed tables.

use std::borrow::Cow;

use netlink_packet_core::DecodeError;

use super::disassemble::{SetContent, disassemble};
use super::fields::Fields;
use super::instruction::{Instruction, SetReference};
use super::message::Reply;
use super::sets::Element;
use super::uapi::{
    NF_DROP, NFT_SET_ANONYMOUS, NFT_SET_ELEM_INTERVAL_END, NFT_TABLE_F_DORMANT, NFTA_CHAIN_FLAGS, NFTA_CHAIN_HOOK,
    NFTA_CHAIN_NAME, NFTA_CHAIN_POLICY, NFTA_CHAIN_TABLE, NFTA_CHAIN_TYPE, NFTA_HOOK_HOOKNUM, NFTA_HOOK_PRIORITY,
    NFTA_LIST_ELEM, NFTA_RULE_CHAIN, NFTA_RULE_EXPRESSIONS, NFTA_RULE_USERDATA, NFTA_SET_ELEM_FLAGS, NFTA_SET_ELEM_KEY,
    NFTA_SET_ELEM_LIST_ELEMENTS, NFTA_SET_EXPRESSIONS, NFTA_SET_FLAGS, NFTA_SET_HANDLE, NFTA_SET_ID, NFTA_SET_NAME,
    NFTA_SET_PAD, NFTA_SET_TABLE, NFTA_TABLE_FLAGS, NFTA_TABLE_NAME,
};
use crate::net::Mark;
use crate::netfilter::{Chain, Hook, Layer, Purpose, Rule, Scope, Table};
use crate::netlink::{Attribute, Raw};
use crate::nftables::{Body, Expression, NftVerdict, base, chain_named, raise};

/// What the kernel has in managed tables, at one generation of its rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// The number of the generation: a change by anyone makes another one.
    pub(crate) generation: u32,
    pub(crate) tables: Vec<TableState>,
}

/// Recognises what a rule is for that was read back, with its number in its chain.
pub type PurposeOf<'a> = &'a dyn Fn(usize, &Rule) -> Option<Purpose>;

impl State {
    /// Whether there is no managed table.
    pub fn is_clean(&self) -> bool {
        self.tables.is_empty()
    }

    /// How many rules there are.
    #[cfg(any(test, feature = "internals"))]
    pub fn rules(&self) -> usize {
        self.tables.iter().map(|t| t.rules.len()).sum()
    }

    /// The marks that rules give to packets together with a transparent listener. They distinguish policy rules of
    /// an earlier configuration.
    pub fn tproxy_marks(&self) -> impl Iterator<Item = Mark> {
        let bodies = self.tables.iter().flat_map(|t| &t.rules).filter_map(|r| match &r.reading {
            Reading::Rule(body) => Some(body),
            Reading::Unknown(_) => None,
        });
        let transparent = bodies.filter(|b| b.expressions.iter().any(|e| matches!(e, Expression::Tproxy(..))));
        transparent
            .flat_map(|b| &b.expressions)
            .filter_map(|e| if let Expression::SetMark(m) = e { Some(*m) } else { None })
    }

    /// The rules in the terms of planned ones.
    pub fn layer(&self, purpose: PurposeOf<'_>) -> Layer {
        let mut layer = Layer { native: true, ..Layer::default() };
        for table in self.tables.iter().filter(|t| t.flags & NFT_TABLE_F_DORMANT == 0) {
            for chain in table.chains.iter().filter(|c| c.is_managed(table.table)) {
                let Some(name) = chain_named(&chain.name) else { continue };
                if let (Chain::Builtin(hook), true) = (name, chain.drops()) {
                    layer.drops.push((Scope::Both, table.table, hook));
                }
                for (rule, number) in table.rules.iter().filter(|r| r.chain == chain.name).zip(1..) {
                    rule.follow(&mut layer, (table.table, name), Scope::Both, &|r| purpose(number, r));
                }
            }
        }
        layer
    }

    pub(crate) fn get(&self, table: Table) -> Option<&TableState> {
        self.tables.iter().find(|t| t.table == table)
    }
}

/// A table of any family, with the names of its chains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedTable {
    /// The protocol family (`NFPROTO_*` of `linux/netfilter.h`): 1 `inet`, 2 `ip`, 10 `ip6`.
    pub family: u8,
    /// The table's name.
    pub name: String,
    /// Whether the kernel calls none of its chains.
    pub dormant: bool,
    /// The names of its chains.
    pub chains: Vec<String>,
}

/// A managed table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TableState {
    pub(crate) table: Table,
    pub(crate) flags: u32,
    pub(crate) chains: Vec<ChainState>,
    pub(crate) sets: Vec<SetState>,
    pub(crate) rules: Vec<RuleState>,
}

/// A chain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ChainState {
    pub(crate) name: String,
    /// How the kernel calls it, if it does.
    pub(crate) base: Option<BaseState>,
    pub(crate) flags: u32,
}

impl ChainState {
    /// Whether the chain of a managed table is one that is planned there: by its name, and called as planned.
    pub(crate) fn is_managed(&self, table: Table) -> bool {
        chain_named(&self.name).is_some_and(|chain| match (&self.base, base(table, chain)) {
            (Some(is), Some(planned)) => {
                is.kind == planned.kind.name() && is.place() == Some((planned.hook, planned.priority))
            }
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        })
    }

    /// Whether packets that reach its end are dropped.
    pub(crate) fn drops(&self) -> bool {
        self.base.as_ref().is_some_and(|base| base.policy == NF_DROP)
    }
}

impl BaseState {
    /// The place from which the kernel calls it.
    pub(crate) fn place(&self) -> Option<(Hook, i32)> {
        Some((*Hook::ALL.get(usize::try_from(self.hook).ok()?)?, self.priority))
    }
}

/// How the kernel calls a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BaseState {
    pub(crate) kind: String,
    pub(crate) hook: u32,
    pub(crate) priority: i32,
    pub(crate) policy: u32,
}

/// A set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SetState {
    pub(crate) name: String,
    pub(crate) flags: u32,
    /// What it is made anew from, without table and name.
    pub(crate) attributes: Vec<Raw>,
    /// Its elements, to put in again.
    pub(crate) raw_elements: Vec<Raw>,
    /// Its elements; `None` if they are more than values and ranges.
    pub(crate) elements: Option<Vec<Element>>,
}

impl SetState {
    /// Whether it comes and goes with a rule.
    pub(crate) fn is_anonymous(&self) -> bool {
        self.flags & NFT_SET_ANONYMOUS != 0
    }
}

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RuleState {
    pub(crate) chain: String,
    pub(crate) instructions: Vec<Instruction>,
    pub(crate) user_data: Option<Vec<u8>>,
    pub(crate) reading: Reading,
}

impl RuleState {
    /// Adds the rule to a layer; as one that cannot be followed if it has no terms of planned rules, or leads
    /// to a chain that the layer lacks.
    pub(crate) fn follow(
        &self,
        layer: &mut Layer,
        at: (Table, Chain),
        scope: Scope,
        purpose: &dyn Fn(&Rule) -> Option<Purpose>,
    ) {
        let mut read = match &self.reading {
            Reading::Rule(body) => Some(Cow::Borrowed(body)),
            Reading::Unknown(_) => None,
        };
        let leads_away = |r: &Rule| layer.priority.is_some() && r.target.jump().is_some();
        let raised = |body: &Body| raise(at.0, at.1, body);
        let rules = read.as_deref().and_then(raised);
        if let Some(rules) = rules.filter(|all| !all.iter().any(|(_, r)| leads_away(r))) {
            for (scope, mut rule) in rules {
                rule.purpose = purpose(&rule);
                layer.rules.push(scope, rule);
            }
            return;
        }
        // What comes before the first instruction that is not known still has to hold.
        let mut before = self.instructions.as_slice();
        let passive = |body: &Body| body.verdict.is_none() && body.expressions.iter().all(Expression::is_passive);
        let nothing = read.as_deref().is_some_and(passive);
        while let Some((_, rest)) = before.split_last()
            && !read.as_deref().is_some_and(passive)
        {
            before = rest;
            read = disassemble(before, &|_| None).map(Cow::Owned);
        }
        let mut known = read.map(Cow::into_owned).unwrap_or_default();
        let text = (!nothing).then(|| format!("{} ...", known.text(at.0)));
        known.verdict = Some(NftVerdict::Accept);
        match raised(&known).as_deref() {
            Some([(scope, rule)]) => layer.gap(*scope, at, rule.matches.clone(), text),
            _ => layer.gap(scope, at, Vec::new(), text),
        }
    }
}

/// A rule in the terms in which rules are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    Rule(Body),
    /// Something that is never wanted: what the kernel runs.
    Unknown(String),
}

impl Reading {
    /// Whether it leads traffic to a managed chain, other than that of one user or group.
    pub(crate) fn captures(&self) -> bool {
        let by_owner = |e: &Expression| matches!(e, Expression::Owner(..));
        match self {
            Self::Rule(body) => {
                matches!(body.verdict, Some(NftVerdict::Jump(_))) && !body.expressions.iter().any(by_owner)
            }
            Self::Unknown(_) => false,
        }
    }

    /// The rule as nft writes it.
    pub(crate) fn text(&self, table: Table) -> String {
        match self {
            Self::Rule(body) => body.text(table),
            Self::Unknown(text) => text.clone(),
        }
    }
}

/// Name and flags of a table.
pub(crate) fn table(reply: &Reply) -> Result<(String, u32), DecodeError> {
    let fields = reply.fields()?;
    Ok((required(&fields, NFTA_TABLE_NAME, "name")?, fields.number(NFTA_TABLE_FLAGS)?.unwrap_or(0)))
}

/// A chain, and the name of its table.
pub(crate) fn chain(reply: &Reply) -> Result<(String, ChainState), DecodeError> {
    let fields = reply.fields()?;
    let hook = fields.get(NFTA_CHAIN_HOOK).map(|hook| Fields::read(hook.bytes())).transpose()?;
    let of_hook = |kind| hook.as_ref().map_or(Ok(None), |hook| hook.number(kind));
    let (kind, policy) = (fields.text(NFTA_CHAIN_TYPE)?.map(str::to_owned), fields.number(NFTA_CHAIN_POLICY)?);
    let base = match (kind, of_hook(NFTA_HOOK_HOOKNUM)?, of_hook(NFTA_HOOK_PRIORITY)?, policy) {
        (Some(kind), Some(hook), Some(priority), Some(policy)) => {
            Some(BaseState { kind, hook, priority: priority.cast_signed(), policy })
        }
        (None, None, None, None) => None,
        _ => return Err(missing("part of its hook")),
    };
    let (table, name) = (required(&fields, NFTA_CHAIN_TABLE, "table")?, required(&fields, NFTA_CHAIN_NAME, "name")?);
    Ok((table, ChainState { name, base, flags: fields.number(NFTA_CHAIN_FLAGS)?.unwrap_or(0) }))
}

/// A set, without elements.
pub(crate) fn set(reply: &Reply) -> Result<SetState, DecodeError> {
    let fields = reply.fields()?;
    let given_anew = [NFTA_SET_TABLE, NFTA_SET_NAME, NFTA_SET_ID, NFTA_SET_PAD, NFTA_SET_HANDLE];
    let kept = |a: &Attribute<'_>| a.kind <= NFTA_SET_EXPRESSIONS && !given_anew.contains(&a.kind);
    Ok(SetState {
        name: required(&fields, NFTA_SET_NAME, "name")?,
        flags: fields.number(NFTA_SET_FLAGS)?.unwrap_or(0),
        attributes: reply.attributes().flatten().filter(kept).map(Attribute::raw).collect(),
        raw_elements: Vec::new(),
        elements: Some(Vec::new()),
    })
}

/// Adds elements of a set.
pub(crate) fn add_elements(reply: &Reply, set: &mut SetState) -> Result<(), DecodeError> {
    for list in reply.attributes() {
        let list = list?;
        if list.kind != NFTA_SET_ELEM_LIST_ELEMENTS {
            continue;
        }
        for item in list.inner() {
            let item = item?;
            let element = element(item.inner())?;
            set.raw_elements.push(item.raw());
            set.elements = set.elements.take().zip(element).map(|(mut all, element)| {
                all.push(element);
                all
            });
        }
    }
    Ok(())
}

/// An element of a set; `None` if it is more than a value or the end of a range.
pub(crate) fn element<'a>(
    item: impl Iterator<Item = Result<Attribute<'a>, DecodeError>>,
) -> Result<Option<Element>, DecodeError> {
    let (mut key, mut flags, mut other) = (None, 0, false);
    for attribute in item {
        let attribute = attribute?;
        match attribute.kind {
            NFTA_SET_ELEM_KEY => key = attribute.data()?,
            NFTA_SET_ELEM_FLAGS => flags = attribute.number()?,
            super::uapi::NFTA_SET_ELEM_USERDATA => {}
            _ => other = true,
        }
    }
    let plain = !other && flags & !NFT_SET_ELEM_INTERVAL_END == 0;
    Ok(key.filter(|_| plain).map(|key| Element { key, end: flags != 0 }))
}

/// A rule, read with the sets of its table.
pub(crate) fn rule(reply: &Reply, sets: &[SetState]) -> Result<RuleState, DecodeError> {
    let fields = reply.fields()?;
    let mut instructions = Vec::new();
    for item in fields.get(NFTA_RULE_EXPRESSIONS).into_iter().flat_map(Attribute::inner) {
        let item = item?;
        if item.kind == NFTA_LIST_ELEM {
            instructions.push(Instruction::decode(item.bytes())?);
        }
    }
    let chain = required(&fields, NFTA_RULE_CHAIN, "chain")?;
    let user_data = fields.get(NFTA_RULE_USERDATA).map(|data| data.bytes().to_vec());
    let content = |reference: &SetReference| match reference {
        SetReference::Name(name) => {
            let set = sets.iter().find(|set| set.name == *name)?;
            Some(SetContent { flags: set.flags, elements: set.elements.as_deref()? })
        }
        SetReference::Id(_) => None,
    };
    let reading = match disassemble(&instructions, &content) {
        Some(body) => Reading::Rule(body),
        None => Reading::Unknown(unknown(&instructions)),
    };
    Ok(RuleState { chain, instructions, user_data, reading })
}

/// A foreign rule, for a reader.
fn unknown(instructions: &[Instruction]) -> String {
    let known = |i: &&Instruction| **i != Instruction::Counter;
    let parts: Vec<_> = instructions.iter().filter(known).map(|i| format!("{i:?}")).collect();
    format!("# {}", parts.join(", "))
}

/// The text of an attribute that has to be there.
fn required(fields: &Fields<'_>, kind: u16, what: &str) -> Result<String, DecodeError> {
    fields.text(kind)?.map(str::to_owned).ok_or_else(|| missing(what))
}

fn missing(what: &str) -> DecodeError {
    DecodeError::from(format!("it has no {what}"))
}
