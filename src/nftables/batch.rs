//! Transactions.

use netlink_packet_core::{NLM_F_ACK, NLM_F_APPEND, NLM_F_CREATE};

use super::NftError;
use super::instruction::{ANONYMOUS_SET, Instruction};
use super::message::{control, request, request_for};
use super::sets::NewSet;
use super::state::NamedTable;
use super::state::{BaseState, Reading, SetState};
use super::uapi::{
    NF_ACCEPT, NFNL_BATCH_GENID, NFNL_MSG_BATCH_BEGIN, NFNL_MSG_BATCH_END, NFT_MSG_DELCHAIN, NFT_MSG_DELRULE,
    NFT_MSG_DELSET, NFT_MSG_DELTABLE, NFT_MSG_NEWCHAIN, NFT_MSG_NEWRULE, NFT_MSG_NEWSET, NFT_MSG_NEWSETELEM,
    NFT_MSG_NEWTABLE, NFTA_CHAIN_HOOK, NFTA_CHAIN_NAME, NFTA_CHAIN_POLICY, NFTA_CHAIN_TABLE, NFTA_CHAIN_TYPE,
    NFTA_HOOK_HOOKNUM, NFTA_HOOK_PRIORITY, NFTA_LIST_ELEM, NFTA_RULE_CHAIN, NFTA_RULE_EXPRESSIONS, NFTA_RULE_HANDLE,
    NFTA_RULE_TABLE, NFTA_RULE_USERDATA, NFTA_SET_DESC, NFTA_SET_DESC_SIZE, NFTA_SET_ELEM_LIST_ELEMENTS,
    NFTA_SET_ELEM_LIST_SET, NFTA_SET_ELEM_LIST_SET_ID, NFTA_SET_ELEM_LIST_TABLE, NFTA_SET_FLAGS, NFTA_SET_ID,
    NFTA_SET_KEY_LEN, NFTA_SET_KEY_TYPE, NFTA_SET_NAME, NFTA_SET_TABLE, NFTA_TABLE_FLAGS, NFTA_TABLE_NAME,
};
use crate::netfilter::Table;
use crate::netlink::{Attributes, Message};
use crate::nftables::{Base, Body, table_name};

/// The first sequence number of a transaction: after those of questions.
const FIRST: u32 = 1 << 31;
/// Elements of a set go into as many messages as keep each below the 64 KiB of an attribute.
const ELEMENTS: usize = 32 * 1024;

/// What a message of a transaction is about, for an error.
#[derive(Clone, Debug)]
enum BatchStep<'a> {
    Ends,
    Table(Table),
    Chain(Table, String),
    Set(Table),
    Rule(Table, &'a str, RuleText<'a>),
}

/// A rule, for an error.
#[derive(Clone, Copy, Debug)]
pub(crate) enum RuleText<'a> {
    Wanted(&'a Body),
    Found(&'a Reading),
}

/// Messages to the kernel that are done together or not at all.
#[derive(Clone, Debug)]
pub struct Batch<'a> {
    bytes: Vec<u8>,
    steps: Vec<BatchStep<'a>>,
    /// The place of the last message, after which the transaction ends.
    last: usize,
    sets: u32,
}

impl<'a> Batch<'a> {
    /// A transaction that the kernel does only while its rules are of this generation.
    pub(crate) fn new(generation: u32) -> Result<Self, NftError> {
        let mut batch = Self { bytes: Vec::with_capacity(16 * 1024), steps: Vec::new(), last: 0, sets: 0 };
        let attributes = Attributes::new().number(NFNL_BATCH_GENID, generation);
        batch.push(BatchStep::Ends, 0, control(NFNL_MSG_BATCH_BEGIN, &attributes)?)?;
        Ok(batch)
    }

    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.steps.len() < 2
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What the message with this sequence number is about.
    pub(crate) fn describe(&self, sequence: u32) -> String {
        let step = sequence.checked_sub(FIRST).and_then(|at| self.steps.get(usize::try_from(at).ok()?));
        match step {
            None | Some(BatchStep::Ends) => "the transaction".to_owned(),
            Some(BatchStep::Table(table)) => format!("table inet {}", table_name(*table)),
            Some(BatchStep::Chain(table, chain)) => format!("chain inet {} {chain}", table_name(*table)),
            Some(BatchStep::Set(table)) => format!("a set of table inet {}", table_name(*table)),
            Some(BatchStep::Rule(table, chain, rule)) => {
                let rule = match rule {
                    RuleText::Wanted(body) => body.text(*table),
                    RuleText::Found(reading) => reading.text(*table),
                };
                format!("rule inet {} {chain} {rule}", table_name(*table))
            }
        }
    }

    fn push(&mut self, step: BatchStep<'a>, flags: u16, message: Message) -> Result<(), NftError> {
        let number = u32::try_from(self.steps.len()).map_err(|_| NftError::TooLong)?;
        self.last = self.bytes.len();
        message.write(flags, FIRST.saturating_add(number), &mut self.bytes);
        self.steps.push(step);
        Ok(())
    }

    /// Ends the transaction. The last message asks for a confirmation.
    pub(crate) fn finish(mut self) -> Result<Self, NftError> {
        // Flags are after length and type in `struct nlmsghdr`.
        if let Some(flags) = self.bytes.get_mut(self.last + 6..self.last + 8)
            && let Ok(old) = <[u8; 2]>::try_from(&*flags)
        {
            flags.copy_from_slice(&(u16::from_ne_bytes(old) | NLM_F_ACK).to_ne_bytes());
        }
        let end = control(NFNL_MSG_BATCH_END, &Attributes::new())?;
        if !self.is_empty() {
            self.push(BatchStep::Ends, 0, end)?;
        }
        Ok(self)
    }

    /// Adds a table, or changes the flags of one that exists.
    pub(crate) fn add_table(&mut self, table: Table, flags: u32) -> Result<(), NftError> {
        let attributes = Attributes::new().text(NFTA_TABLE_NAME, table_name(table)).number(NFTA_TABLE_FLAGS, flags);
        self.push(BatchStep::Table(table), NLM_F_CREATE, request(NFT_MSG_NEWTABLE, &attributes)?)
    }

    /// Changes the flags of a table of any family.
    pub(crate) fn flag_named_table(&mut self, family: u8, name: &str, flags: u32) -> Result<(), NftError> {
        let attributes = Attributes::new().text(NFTA_TABLE_NAME, name).number(NFTA_TABLE_FLAGS, flags);
        self.push(BatchStep::Ends, 0, request_for(NFT_MSG_NEWTABLE, family, &attributes)?)
    }

    /// Deletes a rule of a table of any family.
    pub(crate) fn delete_rule(&mut self, table: &NamedTable, chain: &str, handle: &[u8]) -> Result<(), NftError> {
        let attributes = Attributes::new()
            .text(NFTA_RULE_TABLE, &table.name)
            .text(NFTA_RULE_CHAIN, chain)
            .value(NFTA_RULE_HANDLE, handle);
        self.push(BatchStep::Ends, 0, request_for(NFT_MSG_DELRULE, table.family, &attributes)?)
    }

    /// Deletes a chain of a table of any family.
    pub(crate) fn delete_named_chain(&mut self, table: &NamedTable, chain: &str) -> Result<(), NftError> {
        let attributes = Attributes::new().text(NFTA_CHAIN_TABLE, &table.name).text(NFTA_CHAIN_NAME, chain);
        self.push(BatchStep::Ends, 0, request_for(NFT_MSG_DELCHAIN, table.family, &attributes)?)
    }

    /// Deletes a table and all that is in it.
    pub(crate) fn delete_table(&mut self, table: Table) -> Result<(), NftError> {
        let attributes = Attributes::new().text(NFTA_TABLE_NAME, table_name(table));
        self.push(BatchStep::Table(table), 0, request(NFT_MSG_DELTABLE, &attributes)?)
    }

    /// Deletes a table of any family.
    pub(crate) fn delete_named_table(&mut self, family: u8, name: &str) -> Result<(), NftError> {
        let attributes = Attributes::new().text(NFTA_TABLE_NAME, name);
        self.push(BatchStep::Ends, 0, request_for(NFT_MSG_DELTABLE, family, &attributes)?)
    }

    /// Deletes all rules of a table.
    pub(crate) fn flush(&mut self, table: Table) -> Result<(), NftError> {
        let attributes = Attributes::new().text(NFTA_RULE_TABLE, table_name(table));
        self.push(BatchStep::Table(table), 0, request(NFT_MSG_DELRULE, &attributes)?)
    }

    pub(crate) fn delete_set(&mut self, table: Table, name: &str) -> Result<(), NftError> {
        let attributes = Attributes::new().text(NFTA_SET_TABLE, table_name(table)).text(NFTA_SET_NAME, name);
        self.push(BatchStep::Set(table), 0, request(NFT_MSG_DELSET, &attributes)?)
    }

    pub(crate) fn delete_chain(&mut self, table: Table, name: &str) -> Result<(), NftError> {
        let attributes = Attributes::new().text(NFTA_CHAIN_TABLE, table_name(table)).text(NFTA_CHAIN_NAME, name);
        self.push(BatchStep::Chain(table, name.to_owned()), 0, request(NFT_MSG_DELCHAIN, &attributes)?)
    }

    /// Adds a chain, or changes the policy of one that exists.
    pub(crate) fn add_chain(&mut self, table: Table, name: &str, base: Option<&BaseState>) -> Result<(), NftError> {
        let mut attributes = Attributes::new().text(NFTA_CHAIN_TABLE, table_name(table)).text(NFTA_CHAIN_NAME, name);
        if let Some(base) = base {
            attributes = attributes
                .nest(NFTA_CHAIN_HOOK, |hook| {
                    hook.number(NFTA_HOOK_HOOKNUM, base.hook).number(NFTA_HOOK_PRIORITY, base.priority.cast_unsigned())
                })
                .number(NFTA_CHAIN_POLICY, base.policy)
                .text(NFTA_CHAIN_TYPE, &base.kind);
        }
        let step = BatchStep::Chain(table, name.to_owned());
        self.push(step, NLM_F_CREATE, request(NFT_MSG_NEWCHAIN, &attributes)?)
    }

    /// The number that the next new set gets.
    pub(crate) fn next_set(&self) -> u32 {
        self.sets
    }

    /// Adds a set that belongs to the next rule.
    pub(crate) fn add_set(&mut self, table: Table, set: &NewSet) -> Result<(), NftError> {
        let id = self.sets;
        self.sets = id.saturating_add(1);
        let elements = set.content();
        let size = u32::try_from(elements.len()).unwrap_or(u32::MAX);
        let attributes = Attributes::new()
            .text(NFTA_SET_TABLE, table_name(table))
            .text(NFTA_SET_NAME, ANONYMOUS_SET)
            .number(NFTA_SET_FLAGS, set.flags())
            .number(NFTA_SET_KEY_TYPE, set.key.number())
            .number(NFTA_SET_KEY_LEN, u32::try_from(set.key.length()).unwrap_or(u32::MAX))
            .number(NFTA_SET_ID, id)
            .nest(NFTA_SET_DESC, |description| description.number(NFTA_SET_DESC_SIZE, size));
        self.push(BatchStep::Set(table), NLM_F_CREATE, request(NFT_MSG_NEWSET, &attributes)?)?;
        self.elements(table, ANONYMOUS_SET, Some(id), &elements, |to, element| {
            to.nest(NFTA_LIST_ELEM, |to| set.encode(element, to))
        })
    }

    /// Adds a set as it was.
    pub(crate) fn restore_set(&mut self, table: Table, set: &SetState) -> Result<(), NftError> {
        // The kernel demands a number; it has to be one that no other set of the transaction has.
        let id = self.sets;
        self.sets = id.saturating_add(1);
        let attributes = Attributes::new()
            .text(NFTA_SET_TABLE, table_name(table))
            .text(NFTA_SET_NAME, &set.name)
            .number(NFTA_SET_ID, id)
            .raw(&set.attributes);
        self.push(BatchStep::Set(table), NLM_F_CREATE, request(NFT_MSG_NEWSET, &attributes)?)?;
        self.elements(table, &set.name, None, &set.raw_elements, |to, element| to.raw(std::slice::from_ref(element)))
    }

    /// Adds elements to a set.
    fn elements<T>(
        &mut self,
        table: Table,
        name: &str,
        id: Option<u32>,
        elements: &[T],
        encode: impl Fn(Attributes, &T) -> Attributes,
    ) -> Result<(), NftError> {
        let mut rest = elements.iter().peekable();
        while rest.peek().is_some() {
            let mut attributes =
                Attributes::new().text(NFTA_SET_ELEM_LIST_TABLE, table_name(table)).text(NFTA_SET_ELEM_LIST_SET, name);
            if let Some(id) = id {
                attributes = attributes.number(NFTA_SET_ELEM_LIST_SET_ID, id);
            }
            let attributes = attributes.nest(NFTA_SET_ELEM_LIST_ELEMENTS, |mut list| {
                while let Some(element) = rest.next_if(|_| list.len() < ELEMENTS) {
                    list = encode(list, element);
                }
                list
            });
            self.push(BatchStep::Set(table), NLM_F_CREATE, request(NFT_MSG_NEWSETELEM, &attributes)?)?;
        }
        Ok(())
    }

    /// Adds a rule at the end of a chain.
    pub(crate) fn add_rule(
        &mut self,
        table: Table,
        chain: &'a str,
        instructions: &[Instruction],
        user_data: Option<&[u8]>,
        text: RuleText<'a>,
    ) -> Result<(), NftError> {
        let mut attributes = Attributes::new()
            .text(NFTA_RULE_TABLE, table_name(table))
            .text(NFTA_RULE_CHAIN, chain)
            .nest(NFTA_RULE_EXPRESSIONS, |list| {
                instructions.iter().fold(list, |list, i| list.nest(NFTA_LIST_ELEM, |to| i.encode(to)))
            });
        if let Some(user_data) = user_data {
            attributes = attributes.value(NFTA_RULE_USERDATA, user_data);
        }
        let step = BatchStep::Rule(table, chain, text);
        self.push(step, NLM_F_CREATE | NLM_F_APPEND, request(NFT_MSG_NEWRULE, &attributes)?)
    }
}

impl From<Base> for BaseState {
    fn from(base: Base) -> Self {
        // Hooks are in the order of `enum nf_inet_hooks` of `linux/netfilter.h`.
        let hook = base.hook as u32;
        Self { kind: base.kind.name().to_owned(), hook, priority: base.priority, policy: NF_ACCEPT }
    }
}
