//! The kernel's nf_tables, over netlink and in this process: no other program, no file.
//!
//! [`NftablesClient::dump`] reads what is in managed tables; [`NftablesClient::apply`] has the kernel make the one change that
//! brings it to what is wanted, [`NftablesClient::restore`] the one that takes it back: all or nothing, and only while
//! nothing else has changed. The messages are those of `nftables`.

use netlink_sys::protocols::NETLINK_NETFILTER;
use nix::errno::Errno;

use super::netlink::{Netlink, NetlinkError, Passing, retry};
use crate::netfilter::{Hook, IstioChain, Layer, Table};
use crate::netlink::{Attributes, Message};
use crate::nftables::message::{Reply, request, request_for};
use crate::nftables::{
    self, Batch, Instruction, NamedTable, NftError, State, TableState, Tables, table_name, table_named, uapi,
};
use crate::state::Content;

/// The kernel's nf_tables, in the network namespace that the calling thread is in when this is opened.
#[derive(Debug)]
pub struct NftablesClient {
    netlink: Netlink,
}

impl NftablesClient {
    /// Opens a socket. Whether the kernel has nf_tables, and whether the caller may use them
    /// (`CAP_NET_ADMIN`), shows with the first question.
    pub fn open() -> Result<Self, NftError> {
        let netlink = Netlink::open(NETLINK_NETFILTER).map_err(|source| NftError::Open { source })?;
        Ok(Self { netlink })
    }

    /// Reads what is in managed tables. In a namespace without any, that takes two questions.
    pub fn dump(&mut self) -> Result<State, NftError> {
        self.retry(Self::dump_once)
    }

    /// All tables and chains of the namespace, managed and foreign.
    pub fn tables_and_chains(&mut self) -> Result<Vec<NamedTable>, NftError> {
        self.retry(|nft| {
            let mut tables = Vec::new();
            for reply in nft.list_all("its tables", uapi::NFT_MSG_GETTABLE)? {
                let (name, flags) = nftables::table(&reply).map_err(NftError::decode("a table"))?;
                let dormant = flags & uapi::NFT_TABLE_F_DORMANT != 0;
                tables.push(NamedTable { family: reply.family, name, dormant, chains: Vec::new() });
            }
            if tables.is_empty() {
                return Ok(tables);
            }
            for reply in nft.list_all("its chains", uapi::NFT_MSG_GETCHAIN)? {
                let (table, chain) = nftables::chain(&reply).map_err(NftError::decode("a chain"))?;
                if let Some(table) = tables.iter_mut().find(|t| t.family == reply.family && t.name == table) {
                    table.chains.push(chain.name);
                }
            }
            Ok(tables)
        })
    }

    /// A table that this program or iptables works with, and that a process keeps to itself (flag `owner`), with its
    /// netlink port, which usually is its process id.
    pub fn owned_table(&mut self) -> Result<Option<String>, NftError> {
        for reply in self.list_all("its tables", uapi::NFT_MSG_GETTABLE)? {
            let (name, _) = nftables::table(&reply).map_err(NftError::decode("a table"))?;
            let family = match reply.family {
                uapi::NFPROTO_INET if table_named(&name).is_some() => "inet",
                uapi::NFPROTO_IPV4 if Table::ALL.iter().any(|t| t.name() == name) => "ip",
                uapi::NFPROTO_IPV6 if Table::ALL.iter().any(|t| t.name() == name) => "ip6",
                _ => continue,
            };
            let owner = reply.attribute(uapi::NFTA_TABLE_OWNER);
            if let Some(port) = owner.and_then(|a| a.number().ok()) {
                return Ok(Some(format!("{family} {name} (netlink port {port}, usually its process id)")));
            }
        }
        Ok(None)
    }

    /// Has the kernel do a transaction: all of it, or nothing. After an error that passes (`netlink::is_transient`),
    /// the state has to be read anew.
    pub fn run(&mut self, batch: &Batch<'_>) -> Result<(), NftError> {
        if batch.is_empty() {
            return Ok(());
        }
        let answers = self.netlink.transact(batch.bytes()).map_err(|error| failed("a transaction", error))?;
        let confirmed = !answers.is_empty();
        // Later ones follow from the first.
        for (sequence, refusal) in answers {
            if let Some(NetlinkError::Refused { source, message }) = refusal {
                return Err(NftError::Refused { what: batch.describe(sequence), message, source });
            }
        }
        if confirmed { Ok(()) } else { Err(NftError::NoAnswer) }
    }

    /// Brings the kernel from whatever it has to this, in one transaction.
    pub fn bring_to(&mut self, content: &Content) -> Result<(), NftError> {
        match content {
            Content::Planned(wanted) => self.apply(wanted),
            Content::Earlier(earlier) => self.restore(earlier),
        }
    }

    /// Brings the kernel from whatever it has to what is wanted, in one transaction; again if another
    /// change comes between.
    pub fn apply(&mut self, wanted: &Tables) -> Result<(), NftError> {
        self.retry(|nft| {
            let state = nft.dump_once()?;
            nft.run(&nftables::transaction(&state, wanted)?)
        })
    }

    /// Brings the kernel back to what it had before, in one transaction.
    pub fn restore(&mut self, earlier: &State) -> Result<(), NftError> {
        self.retry(|nft| {
            let state = nft.dump_once()?;
            nft.run(&nftables::restore(&state, earlier)?)
        })
    }

    /// Has the kernel call the chains of a table of any family; or not, if it is to be dormant.
    pub fn flag(&mut self, family: u8, name: &str, dormant: bool) -> Result<(), NftError> {
        self.change(&mut |_, batch| {
            batch.flag_named_table(family, name, if dormant { uapi::NFT_TABLE_F_DORMANT } else { 0 })?;
            Ok(true)
        })
        .map(drop)
    }

    /// Runs a transaction, again if another change came in between. Returns whether it had to run.
    fn change(
        &mut self,
        fill: &mut dyn FnMut(&mut Self, &mut Batch<'_>) -> Result<bool, NftError>,
    ) -> Result<bool, NftError> {
        self.retry(|nft| {
            let mut batch = Batch::new(nft.generation()?)?;
            let runs = fill(nft, &mut batch)?;
            if runs {
                nft.run(&batch.finish()?)?;
            }
            Ok(runs)
        })
    }

    /// Removes the managed chains in tables of iptables-nft, and the rules that lead to them. Returns whether that is
    /// safe. If it is not, nothing is removed: another rule in a built-in chain may be managed, too.
    pub fn remove_managed(&mut self, tables: &[NamedTable]) -> Result<bool, NftError> {
        self.change(&mut |nft, batch| {
            for table in tables {
                if !remove_from(table, nft, batch)? {
                    return Ok(false);
                }
            }
            Ok(true)
        })
    }

    /// Removes those of these tables that hold nothing: no rule, and no chain but those that the kernel calls
    /// itself for iptables-nft. If anything was changed meanwhile, none is removed.
    pub fn remove_empty(&mut self, tables: &[NamedTable]) -> Result<(), NftError> {
        let built_in = |t: &&NamedTable| t.chains.iter().all(|c| Hook::ALL.iter().any(|h| h.name() == c));
        let mut empty: Vec<_> = tables.iter().filter(built_in).collect();
        if empty.is_empty() {
            return Ok(());
        }
        let mut batch = Batch::new(self.generation()?)?;
        for reply in self.list_all("all rules", uapi::NFT_MSG_GETRULE)? {
            let name = reply.attribute(uapi::NFTA_RULE_TABLE);
            let name = name.ok_or(NftError::NoAnswer)?.text().map_err(NftError::decode("a rule"))?;
            empty.retain(|t| (t.family, t.name.as_str()) != (reply.family, name));
        }
        for table in empty {
            batch.delete_named_table(table.family, &table.name)?;
        }
        self.run(&batch.finish()?)
    }

    /// The foreign chains that the kernel calls, each a layer, without those that are left out by family, table
    /// and name.
    pub fn foreign(&mut self, left_out: &dyn Fn(u8, &str, &str) -> bool) -> Result<Vec<Layer>, NftError> {
        self.retry(|nft| nft.foreign_once(left_out))
    }

    fn foreign_once(&mut self, left_out: &dyn Fn(u8, &str, &str) -> bool) -> Result<Vec<Layer>, NftError> {
        let mut called = Vec::new();
        for reply in self.list_all("its chains", uapi::NFT_MSG_GETCHAIN)? {
            let (table, chain) = nftables::chain(&reply).map_err(NftError::decode("a chain"))?;
            let ours = table_named(&table).filter(|_| reply.family == uapi::NFPROTO_INET);
            if !ours.is_some_and(|t| chain.is_managed(t)) && !left_out(reply.family, &table, &chain.name) {
                called.extend(nftables::called(reply.family, table, chain));
            }
        }
        if !called.is_empty() {
            for reply in self.list_all("all rules", uapi::NFT_MSG_GETRULE)? {
                nftables::add_rule(&reply, &mut called).map_err(NftError::decode("a rule"))?;
            }
        }
        Ok(called.into_iter().map(|c| c.layer).filter(|l| !l.is_empty()).collect())
    }

    /// Retries what another program's change got in the way of.
    fn retry<T>(&mut self, attempt: impl FnMut(&mut Self) -> Result<T, NftError>) -> Result<T, NftError> {
        retry(self, |nft| &mut nft.netlink, attempt)
    }

    /// Asks for all of a kind, of any family.
    fn list_all(&mut self, what: &'static str, kind: u8) -> Result<Vec<Reply>, NftError> {
        self.list(what, request_for(kind, uapi::NFPROTO_UNSPEC, &Attributes::new())?)
    }

    fn list(&mut self, what: &'static str, message: Message) -> Result<Vec<Reply>, NftError> {
        let answers = self.netlink.dump(message).map_err(|error| failed(what, error))?;
        let replies: Result<_, _> = answers.into_iter().map(Reply::read).collect();
        replies.map_err(NftError::decode(what))
    }

    fn generation(&mut self) -> Result<u32, NftError> {
        let what = "the generation of its rules";
        let answers = self.netlink.ask(request(uapi::NFT_MSG_GETGEN, &Attributes::new())?);
        let answer = answers.map_err(|error| failed(what, error))?.pop().ok_or(NftError::NoAnswer)?;
        let reply = Reply::read(answer).map_err(NftError::decode(what))?;
        let id = reply.attribute(uapi::NFTA_GEN_ID);
        let id = id.filter(|_| reply.is(uapi::NFT_MSG_NEWGEN)).ok_or(NftError::NoAnswer)?;
        id.number().map_err(NftError::decode(what))
    }

    fn dump_once(&mut self) -> Result<State, NftError> {
        let generation = self.generation()?;
        let mut tables = Vec::new();
        let question = request(uapi::NFT_MSG_GETTABLE, &Attributes::new())?;
        for reply in self.list("its tables", question)? {
            let (name, flags) = nftables::table(&reply).map_err(NftError::decode("a table"))?;
            if let Some(table) = table_named(&name).filter(|_| reply.family == uapi::NFPROTO_INET) {
                tables.push(TableState { table, flags, chains: Vec::new(), sets: Vec::new(), rules: Vec::new() });
            }
        }
        if tables.is_empty() {
            return Ok(State { generation, tables });
        }
        for reply in self.list("its chains", request(uapi::NFT_MSG_GETCHAIN, &Attributes::new())?)? {
            let (name, chain) = nftables::chain(&reply).map_err(NftError::decode("a chain"))?;
            let table = table_named(&name).filter(|_| reply.family == uapi::NFPROTO_INET);
            if let Some(table) = tables.iter_mut().find(|t| Some(t.table) == table) {
                table.chains.push(chain);
            }
        }
        let result = tables.iter_mut().try_for_each(|table| self.content(table));
        // Each answer is of one generation; all of them are of the same if it is still the current one. If
        // it is not, what was just listed may be gone.
        if self.generation()? != generation {
            let source = Errno::EINTR.into();
            return Err(NftError::Transfer { what: "read from", source });
        }
        result.map(|()| State { generation, tables })
    }

    /// Reads sets and rules of a table.
    fn content(&mut self, table: &mut TableState) -> Result<(), NftError> {
        let of = |attribute, table: Table| Attributes::new().text(attribute, table_name(table));
        let question = request(uapi::NFT_MSG_GETSET, &of(uapi::NFTA_SET_TABLE, table.table))?;
        for reply in self.list("its sets", question)? {
            let mut set = nftables::set(&reply).map_err(NftError::decode("a set"))?;
            let list = of(uapi::NFTA_SET_ELEM_LIST_TABLE, table.table).text(uapi::NFTA_SET_ELEM_LIST_SET, &set.name);
            for reply in self.list("a set", request(uapi::NFT_MSG_GETSETELEM, &list)?)? {
                nftables::add_elements(&reply, &mut set).map_err(NftError::decode("a set"))?;
            }
            table.sets.push(set);
        }
        let question = request(uapi::NFT_MSG_GETRULE, &of(uapi::NFTA_RULE_TABLE, table.table))?;
        for reply in self.list("its rules", question)? {
            table.rules.push(nftables::rule(&reply, &table.sets).map_err(NftError::decode("a rule"))?);
        }
        Ok(())
    }
}

/// Adds to a transaction what removes the managed chains of a table, and the rules that lead to them. Returns whether
/// no other rule of a built-in chain may be managed: in nat, one that leaves an interface alone; in mangle, those about
/// marks.
fn remove_from(table: &NamedTable, nft: &mut NftablesClient, batch: &mut Batch<'_>) -> Result<bool, NftError> {
    let is_managed = |chain: &str| chain.starts_with(IstioChain::PREFIX);
    let of_table = Attributes::new().text(uapi::NFTA_RULE_TABLE, &table.name);
    let question = request_for(uapi::NFT_MSG_GETRULE, table.family, &of_table)?;
    for reply in nft.list("its rules", question)? {
        let rule = nftables::rule(&reply, &[]).map_err(NftError::decode("a rule"))?;
        let ends = |wanted: &dyn Fn(u32, Option<&str>) -> bool| {
            let is = |i: &Instruction| matches!(i, Instruction::NftVerdict { code, chain } if wanted(*code, chain.as_deref()));
            rule.instructions.iter().any(is)
        };
        if is_managed(&rule.chain) || ends(&|_, chain| chain.is_some_and(is_managed)) {
            let handle = reply.attribute(uapi::NFTA_RULE_HANDLE);
            batch.delete_rule(table, &rule.chain, handle.ok_or(NftError::NoAnswer)?.bytes())?;
        } else if Hook::ALL.iter().any(|hook| hook.name() == rule.chain)
            && (table.name == Table::Mangle.name() || ends(&|code, _| code == uapi::NFT_RETURN))
        {
            return Ok(false);
        }
    }
    table.chains.iter().filter(|c| is_managed(c)).try_for_each(|chain| batch.delete_named_chain(table, chain))?;
    Ok(true)
}

/// The failure of a question or a transaction.
fn failed(what: &'static str, error: NetlinkError) -> NftError {
    match error {
        NetlinkError::Transfer { what, source } => NftError::Transfer { what, source },
        NetlinkError::Refused { source, message } => NftError::Refused { what: what.to_owned(), message, source },
        NetlinkError::Unreadable(source) => NftError::Decode { what, source },
    }
}

impl Passing for NftError {
    fn errno(&self) -> Option<Errno> {
        self.errno()
    }

    fn given_up(self) -> Self {
        Self::Busy { last: Box::new(self) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Other programs may interrupt any number of times, but not forever.
    #[test]
    fn what_other_programs_interrupt_is_retried() {
        let lost = |errno: Errno| NftError::Refused { what: "a rule".to_owned(), message: None, source: errno.into() };
        let mut attempts = 0;
        let done = NftablesClient::open().unwrap().retry(|_| {
            attempts += 1;
            if attempts < 60 { Err(lost(Errno::ERESTART)) } else { Ok(attempts) }
        });
        assert_eq!(done.unwrap(), 60);
        let short: Result<(), _> = NftablesClient::open().unwrap().retry(|_| Err(lost(Errno::ENOBUFS)));
        assert!(matches!(short, Err(NftError::Busy { .. })), "{short:?}");
    }
}
