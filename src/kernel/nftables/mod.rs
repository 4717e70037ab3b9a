//! Rules in the kernel's nf_tables, over netlink and in this process: no other program, no file.
//!
//! [`Nftables::dump`] reads what is in tables of ours, [`differences`] says how that differs from what is wanted,
//! [`transaction`] makes the one change that brings it there, [`restore`] the one that takes it back, and
//! [`Nftables::run`] has the kernel do it: all or nothing, and only while nobody else has changed anything.
//!
//! Messages and attributes are framed with `netlink-packet-core`. `netlink-packet-netfilter` has types for
//! some of nf_tables' attributes, but reads data of registers without looking at their length, and panics
//! where it is cut off; all reading here is checked.

mod assemble;
mod attribute;
mod batch;
mod change;
mod disassemble;
mod error;
mod foreign;
#[doc(hidden)]
pub mod fuzzing;
mod instruction;
mod message;
mod sets;
mod socket;
mod state;
mod uapi;

use std::time::Duration;

use nix::errno::Errno;

use super::netlink::{Backoff, PATIENCE};
use crate::netfilter::nft::{Tables, table_name, table_named};
use crate::netfilter::{Hook, IstioChain, Table};
pub(super) use assemble::octets;
pub(super) use attribute::{Attributes, attributes};
use instruction::Instruction;
use message::Request;
use socket::Socket;
use state::TableState;

pub use batch::Batch;
pub use change::{Difference, differences, restore, transaction};
pub use error::NftError;
pub use state::State;

/// The kernel's nf_tables, in the network namespace that the calling thread is in when this is opened.
#[derive(Debug)]
pub struct Nftables {
    socket: Socket,
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

impl Nftables {
    /// Opens a socket. Whether the kernel has nf_tables, and whether the caller may use them
    /// (`CAP_NET_ADMIN`), shows with the first question.
    pub fn open() -> Result<Self, NftError> {
        Socket::open().map(|socket| Self { socket })
    }

    /// Reads what is in tables of ours. Of a namespace without any, that is two questions.
    pub fn dump(&mut self) -> Result<State, NftError> {
        self.retry(Self::dump_once)
    }

    /// All tables and chains of the namespace, whosever they are.
    pub fn tables_and_chains(&mut self) -> Result<Vec<NamedTable>, NftError> {
        self.retry(|nft| {
            let mut tables = Vec::new();
            let request = Request::for_family(uapi::NFT_MSG_GETTABLE, uapi::NFPROTO_UNSPEC, Attributes::new());
            for reply in nft.socket.list("its tables", request)? {
                let (name, flags) = state::table(&reply).map_err(NftError::decode("a table"))?;
                let dormant = flags & uapi::NFT_TABLE_F_DORMANT != 0;
                tables.push(NamedTable { family: reply.family, name, dormant, chains: Vec::new() });
            }
            if tables.is_empty() {
                return Ok(tables);
            }
            let request = Request::for_family(uapi::NFT_MSG_GETCHAIN, uapi::NFPROTO_UNSPEC, Attributes::new());
            for reply in nft.socket.list("its chains", request)? {
                let (table, chain) = state::chain(&reply).map_err(NftError::decode("a chain"))?;
                if let Some(table) = tables.iter_mut().find(|t| t.family == reply.family && t.name == table) {
                    table.chains.push(chain.name);
                }
            }
            Ok(tables)
        })
    }

    /// A table that we or iptables work with, and that a process keeps to itself (flag `owner`), with its netlink
    /// port, which usually is its process id.
    pub fn owned_table(&mut self) -> Result<Option<String>, NftError> {
        let request = Request::for_family(uapi::NFT_MSG_GETTABLE, uapi::NFPROTO_UNSPEC, Attributes::new());
        for reply in self.socket.list("its tables", request)? {
            let (name, _) = state::table(&reply).map_err(NftError::decode("a table"))?;
            let family = match reply.family {
                uapi::NFPROTO_INET if table_named(&name).is_some() => "inet",
                2 if Table::ALL.iter().any(|t| t.name() == name) => "ip",
                10 if Table::ALL.iter().any(|t| t.name() == name) => "ip6",
                _ => continue,
            };
            let owner = reply.attributes().filter_map(Result::ok).find(|a| a.kind == uapi::NFTA_TABLE_OWNER);
            if let Some(port) = owner.and_then(|a| a.number().ok()) {
                return Ok(Some(format!("{family} {name} (netlink port {port}, usually its process id)")));
            }
        }
        Ok(None)
    }

    /// Has the kernel do a transaction: all of it, or nothing. An error that [is
    /// transient](NftError::is_transient) says that the state has to be read anew.
    pub fn run(&mut self, batch: &Batch<'_>) -> Result<(), NftError> {
        if batch.is_empty() { Ok(()) } else { self.socket.run(batch) }
    }

    /// Brings the kernel from whatever it has to what is wanted, in one transaction; anew where somebody
    /// else's change comes between. Returns what it had before.
    pub fn apply(&mut self, wanted: &Tables) -> Result<State, NftError> {
        self.retry(|nft| {
            let state = nft.dump_once()?;
            nft.run(&transaction(&state, wanted)?)?;
            Ok(state)
        })
    }

    /// Brings the kernel back to what it had before, in one transaction.
    pub fn restore(&mut self, earlier: &State) -> Result<(), NftError> {
        self.retry(|nft| {
            let state = nft.dump_once()?;
            nft.run(&restore(&state, earlier)?)
        })
    }

    /// Has the kernel call the chains of a table of any family; or not, where it is to be dormant.
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
        fill: &mut dyn FnMut(&mut Socket, &mut Batch<'_>) -> Result<bool, NftError>,
    ) -> Result<bool, NftError> {
        self.retry(|nft| {
            let mut batch = Batch::new(nft.generation()?)?;
            let runs = fill(&mut nft.socket, &mut batch)?;
            if runs {
                nft.run(&batch.finish()?)?;
            }
            Ok(runs)
        })
    }

    /// Removes the managed chains in tables of iptables-nft, and the rules that lead to them. Returns whether that is
    /// safe. If it is not, nothing is removed: another rule in a built-in chain may be managed, too.
    pub fn remove_managed(&mut self, tables: &[NamedTable]) -> Result<bool, NftError> {
        self.change(&mut |socket, batch| {
            for table in tables {
                if !remove_from(table, socket, batch)? {
                    return Ok(false);
                }
            }
            Ok(true)
        })
    }

    /// Removes those of these tables that hold nothing: no rule, and no chain but those that the kernel calls
    /// itself for iptables-nft. Where anybody changed anything meanwhile, none is removed.
    pub fn remove_empty(&mut self, tables: &[NamedTable]) -> Result<(), NftError> {
        let built_in = |t: &&NamedTable| t.chains.iter().all(|c| Hook::ALL.iter().any(|h| h.name() == c));
        let mut empty: Vec<_> = tables.iter().filter(built_in).collect();
        if empty.is_empty() {
            return Ok(());
        }
        let mut batch = Batch::new(self.generation()?)?;
        let request = Request::for_family(uapi::NFT_MSG_GETRULE, uapi::NFPROTO_UNSPEC, Attributes::new());
        for reply in self.socket.list("all rules", request)? {
            let name = reply.attributes().filter_map(Result::ok).find(|a| a.kind == uapi::NFTA_RULE_TABLE);
            let name = name.ok_or(NftError::NoAnswer)?.text().map_err(NftError::decode("a rule"))?;
            empty.retain(|t| (t.family, t.name.as_str()) != (reply.family, name));
        }
        for table in empty {
            batch.delete_named_table(table.family, &table.name)?;
        }
        self.run(&batch.finish()?)
    }

    /// Tries until nobody gets in the way, with back-off, and up to a bound in time.
    fn retry<T>(&mut self, mut attempt: impl FnMut(&mut Self) -> Result<T, NftError>) -> Result<T, NftError> {
        let mut done = None;
        self.until_done(&mut |nft| {
            done = Some(attempt(nft)?);
            Ok(())
        })?;
        done.ok_or(NftError::NoAnswer)
    }

    /// What is the same whatever is tried: 3 KB, were it there for each.
    fn until_done(&mut self, attempt: &mut dyn FnMut(&mut Self) -> Result<(), NftError>) -> Result<(), NftError> {
        let mut backoff = Backoff::new();
        loop {
            match attempt(self) {
                Err(error) if error.is_transient() => {
                    log::debug!("{error}; beginning anew");
                    // Others come to an end; a buffer that is too small stays so.
                    let short = error.errno() == Some(Errno::ENOBUFS);
                    if !backoff.wait(if short { Duration::from_secs(1) } else { PATIENCE }) {
                        return Err(NftError::Busy { last: Box::new(error) });
                    }
                    // The old socket may be in the middle of an answer, and the kernel gives no other then.
                    self.socket = Socket::open()?;
                }
                result => return result,
            }
        }
    }

    fn generation(&mut self) -> Result<u32, NftError> {
        let what = "the generation of its rules";
        let reply = self.socket.ask(what, Request::new(uapi::NFT_MSG_GETGEN, Attributes::new()))?;
        let id = reply.attributes().filter_map(Result::ok).find(|a| a.kind == uapi::NFTA_GEN_ID);
        let id = id.filter(|_| reply.is(uapi::NFT_MSG_NEWGEN)).ok_or(NftError::NoAnswer)?;
        id.number().map_err(NftError::decode(what))
    }

    fn dump_once(&mut self) -> Result<State, NftError> {
        let generation = self.generation()?;
        let mut tables = Vec::new();
        let request = Request::new(uapi::NFT_MSG_GETTABLE, Attributes::new());
        for reply in self.socket.list("its tables", request)? {
            let (name, flags) = state::table(&reply).map_err(NftError::decode("a table"))?;
            if let Some(table) = table_named(&name).filter(|_| reply.family == uapi::NFPROTO_INET) {
                tables.push(TableState { table, flags, chains: Vec::new(), sets: Vec::new(), rules: Vec::new() });
            }
        }
        if tables.is_empty() {
            return Ok(State { generation, tables });
        }
        for reply in self.socket.list("its chains", Request::new(uapi::NFT_MSG_GETCHAIN, Attributes::new()))? {
            let (name, chain) = state::chain(&reply).map_err(NftError::decode("a chain"))?;
            let table = table_named(&name).filter(|_| reply.family == uapi::NFPROTO_INET);
            if let Some(table) = tables.iter_mut().find(|t| Some(t.table) == table) {
                table.chains.push(chain);
            }
        }
        let result = tables.iter_mut().try_for_each(|table| self.content(table));
        // Each answer is of one generation; all of them are of the same if it is still the current one. Where
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
        let request = Request::new(uapi::NFT_MSG_GETSET, of(uapi::NFTA_SET_TABLE, table.table));
        for reply in self.socket.list("its sets", request)? {
            let mut set = state::set(&reply).map_err(NftError::decode("a set"))?;
            let list = of(uapi::NFTA_SET_ELEM_LIST_TABLE, table.table).text(uapi::NFTA_SET_ELEM_LIST_SET, &set.name);
            for reply in self.socket.list("a set", Request::new(uapi::NFT_MSG_GETSETELEM, list))? {
                state::add_elements(&reply, &mut set).map_err(NftError::decode("a set"))?;
            }
            table.sets.push(set);
        }
        let request = Request::new(uapi::NFT_MSG_GETRULE, of(uapi::NFTA_RULE_TABLE, table.table));
        for reply in self.socket.list("its rules", request)? {
            table.rules.push(state::rule(&reply, &table.sets).map_err(NftError::decode("a rule"))?);
        }
        Ok(())
    }
}

/// Adds to a transaction what removes the managed chains of a table, and the rules that lead to them. Returns whether no
/// other rule of a built-in chain may be managed: in nat, one that leaves an interface alone; in mangle, those about marks.
fn remove_from(table: &NamedTable, socket: &mut Socket, batch: &mut Batch<'_>) -> Result<bool, NftError> {
    let is_ours = |chain: &str| chain.starts_with(IstioChain::PREFIX);
    let of_table = Attributes::new().text(uapi::NFTA_RULE_TABLE, &table.name);
    let request = Request::for_family(uapi::NFT_MSG_GETRULE, table.family, of_table);
    for reply in socket.list("its rules", request)? {
        let rule = state::rule(&reply, &[]).map_err(NftError::decode("a rule"))?;
        let ends = |wanted: &dyn Fn(u32, Option<&str>) -> bool| {
            let is =
                |i: &Instruction| matches!(i, Instruction::Verdict { code, chain } if wanted(*code, chain.as_deref()));
            rule.instructions.iter().any(is)
        };
        if is_ours(&rule.chain) || ends(&|_, chain| chain.is_some_and(is_ours)) {
            let handle = reply.attributes().filter_map(Result::ok).find(|a| a.kind == uapi::NFTA_RULE_HANDLE);
            batch.delete_rule(table, &rule.chain, handle.ok_or(NftError::NoAnswer)?.bytes())?;
        } else if Hook::ALL.iter().any(|hook| hook.name() == rule.chain)
            && (table.name == Table::Mangle.name() || ends(&|code, _| code == uapi::NFT_RETURN))
        {
            return Ok(false);
        }
    }
    table.chains.iter().filter(|c| is_ours(c)).try_for_each(|chain| batch.delete_named_chain(table, chain))?;
    Ok(true)
}

#[cfg(test)]
mod tests;
