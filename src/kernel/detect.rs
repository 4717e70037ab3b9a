//! Which variant of iptables to use, detected without writing anything.

use super::KernelError;
use super::iptables::Programs;
use super::legacy::{self, LegacyTable};
use super::nftables::NftablesClient;
use crate::net::{Families, Family};
use crate::netfilter::save::SavedChain;
use crate::netfilter::{Table, Variant};
use crate::nftables::{NamedTable, NftError, table_named, uapi};

/// What of netfilter is there in the network namespace.
#[derive(Clone, Debug)]
pub struct Detected {
    legacy: [Vec<LegacyTable>; 2],
    /// Why the kernel does not answer, if it does not.
    nft: Result<Vec<NamedTable>, String>,
}

/// The way to see what of netfilter is there, in the network namespace that the thread is in when it is
/// first used.
#[derive(Debug, Default)]
pub struct Netfilter {
    nft: Option<NftablesClient>,
}

impl Netfilter {
    /// The kernel's nf_tables, over one connection.
    pub fn nftables(&mut self) -> Result<&mut NftablesClient, NftError> {
        let nft = self.nft.take().map_or_else(NftablesClient::open, Ok)?;
        Ok(self.nft.insert(nft))
    }

    /// Looks: two files and one netlink dump if there is nothing yet.
    ///
    /// # Errors
    /// [`KernelError::Netlink`] if it cannot be seen: what cannot be read is not taken for empty.
    pub fn look(&mut self) -> Result<Detected, KernelError> {
        Ok(Detected { legacy: legacy_tables()?, nft: self.nft_tables()? })
    }

    /// Looks again, after programs of this variant have run.
    pub fn look_again(&mut self, detected: &mut Detected, variant: Variant) -> Result<(), KernelError> {
        match variant {
            Variant::Legacy => detected.legacy = legacy_tables()?,
            Variant::Nft => detected.nft = self.nft_tables()?,
        }
        Ok(())
    }

    fn nft_tables(&mut self) -> Result<Result<Vec<NamedTable>, String>, KernelError> {
        match self.nftables().and_then(NftablesClient::tables_and_chains) {
            Ok(tables) => Ok(Ok(tables)),
            Err(error) => {
                // The connection may be in the middle of an answer.
                self.nft = None;
                if error.is_unsupported() { Ok(Err(error.to_string())) } else { Err(error.into()) }
            }
        }
    }
}

fn legacy_tables() -> Result<[Vec<LegacyTable>; 2], KernelError> {
    let tables = |family: Family| {
        legacy::tables(family).map_err(|error| KernelError::Netlink {
            what: format!("looking at legacy {family} tables"),
            hint: hint(&error),
            error,
        })
    };
    Ok([tables(Family::Ipv4)?, tables(Family::Ipv6)?])
}

impl Detected {
    fn legacy(&self, family: Family) -> &[LegacyTable] {
        let [ipv4, ipv6] = &self.legacy;
        match family {
            Family::Ipv4 => ipv4,
            Family::Ipv6 => ipv6,
        }
    }

    fn nft(&self) -> &[NamedTable] {
        self.nft.as_deref().unwrap_or_default()
    }

    /// Whether there are tables of this variant and family that have to be read.
    pub fn has_tables(&self, variant: Variant, family: Family) -> bool {
        match variant {
            Variant::Legacy => self.legacy(family).iter().any(|t| t.in_use),
            Variant::Nft => self.nft().iter().any(|t| is_iptables(t, family)),
        }
    }

    /// Whether there is a managed chain in this variant and family.
    pub fn has_managed(&self, variant: Variant, family: Family) -> bool {
        match variant {
            Variant::Legacy => self.legacy(family).iter().any(|t| t.has_managed),
            Variant::Nft => self.nft().iter().any(|t| is_iptables(t, family) && has_managed(t)),
        }
    }

    /// Whether there is anything managed, in any backend.
    pub fn has_any_managed(&self) -> bool {
        let of = |variant| Family::BOTH.into_iter().any(|family| self.has_managed(variant, family));
        self.has_native() || Variant::BOTH.into_iter().any(of)
    }

    /// Counts tables without a rule among those that have to be read: they may have a policy.
    pub fn count_unused(&mut self) {
        self.legacy.iter_mut().flatten().for_each(|table| table.in_use = true);
    }

    /// The legacy tables that nothing here reads, such as `security`.
    pub fn unread(&self, family: Family) -> impl Iterator<Item = &str> {
        let other = |t: &&LegacyTable| Table::ALL.iter().all(|known| known.name() != t.name);
        self.legacy(family).iter().filter(other).map(|t| t.name.as_str())
    }

    /// Whether the kernel calls the chains of this table of nf_tables; of one of iptables, whether besides that
    /// iptables-nft did not print it.
    pub fn is_called(&self, number: u8, name: &str, printed: impl Fn(Family) -> bool) -> bool {
        let called = |t: &&NamedTable| (t.family, t.name.as_str()) == (number, name) && !t.dormant;
        let of_iptables = |t: &NamedTable| Family::BOTH.into_iter().any(|f| is_iptables(t, f) && printed(f));
        self.nft().iter().find(called).is_some_and(|t| !of_iptables(t))
    }

    /// Whether the kernel has nf_tables.
    pub fn has_nft(&self) -> bool {
        self.nft.is_ok()
    }

    /// Whether there are managed tables that nftables is used for without iptables.
    pub fn has_native(&self) -> bool {
        self.nft().iter().any(|t| t.family == uapi::NFPROTO_INET && table_named(&t.name).is_some())
    }

    /// The tables of this variant and family that hold something, each with whether it has a managed chain.
    pub fn tables(&self, variant: Variant, family: Family) -> impl Iterator<Item = (&str, bool)> {
        let (legacy, nft) = match variant {
            Variant::Legacy => (self.legacy(family), [].as_slice()),
            Variant::Nft => ([].as_slice(), self.nft()),
        };
        let nft = nft.iter().filter(move |t| is_iptables(t, family) && !t.chains.is_empty());
        let legacy = legacy.iter().filter(|t| t.in_use).map(|t| (t.name.as_str(), t.has_managed));
        legacy.chain(nft.map(|t| (t.name.as_str(), has_managed(t))))
    }

    /// The table that iptables-nft works with, for this family.
    pub fn iptables_nft_table(&self, family: Family, name: &str) -> Option<&NamedTable> {
        self.nft().iter().find(|t| is_iptables(t, family) && t.name == name)
    }

    /// The tables of iptables-nft that were not there before.
    pub fn new_iptables_nft_tables(&self, before: &Self) -> Vec<NamedTable> {
        let was_there = |t: &NamedTable| before.nft().iter().any(|b| (b.family, &b.name) == (t.family, &t.name));
        let of_iptables = |t: &&NamedTable| Family::BOTH.into_iter().any(|f| is_iptables(t, f));
        self.nft().iter().filter(of_iptables).filter(|t| !was_there(t)).cloned().collect()
    }

    /// The legacy table that is in use, if any.
    fn legacy_in_use(&self) -> Option<(Family, &str)> {
        Family::BOTH
            .into_iter()
            .find_map(|family| self.legacy(family).iter().find(|t| t.in_use).map(|t| (family, t.name.as_str())))
    }
}

/// Whether the table is one that iptables works with, for this family.
fn is_iptables(table: &NamedTable, family: Family) -> bool {
    let number = match family {
        Family::Ipv4 => uapi::NFPROTO_IPV4,
        Family::Ipv6 => uapi::NFPROTO_IPV6,
    };
    table.family == number && Table::ALL.iter().any(|t| t.name() == table.name)
}

/// Whether there is a managed chain in the table.
pub fn has_managed(table: &NamedTable) -> bool {
    table.chains.iter().any(|c| SavedChain::empty(c.as_str()).is_managed())
}

fn hint(error: &std::io::Error) -> String {
    let capabilities = super::capabilities::Capabilities::effective();
    match error.raw_os_error() {
        Some(nix::libc::EACCES) if capabilities.net_admin() => {
            " (this process has CAP_NET_ADMIN, but only uid 0 may list them: set runAsUser: 0)".to_owned()
        }
        Some(nix::libc::EACCES | nix::libc::EPERM) => format!(" (it needs CAP_NET_ADMIN; {})", capabilities.describe()),
        _ => super::shortage(error, "").to_owned(),
    }
}

/// Chooses the variant of iptables for rules of these families; to look at them (`look`), the one that holds managed
/// rules. Gives its programs, and why it was chosen, for the log.
///
/// # Errors
/// [`KernelError::NoIptables`], with what was looked for and what each lacked.
pub fn choose(
    detected: &Detected,
    forced: Option<Variant>,
    families: Families,
    look: bool,
) -> Result<(Programs, String), KernelError> {
    let mut lacks = Vec::new();
    if let Some(variant) = forced {
        let other = variant.other();
        if Family::BOTH.into_iter().any(|f| detected.has_tables(other, f) && !detected.has_managed(other, f)) {
            log::warn!(
                "iptables-{} tables are in use here, but --force-iptables-binary asks for {}: if those tables hold rules, both variants act on each packet",
                other.name(),
                variant.name()
            );
        }
        return match usable(detected, variant, families, &mut lacks) {
            Some(programs) => Ok((programs, "set by --force-iptables-binary".to_owned())),
            None => Err(KernelError::NoIptables(format!(
                "--force-iptables-binary asks for {}, but {}{REMEDY}",
                variant.name(),
                lacks.join("; ")
            ))),
        };
    }
    let holds = |variant| Family::BOTH.into_iter().any(|f| detected.has_managed(variant, f));
    if look
        && let Some(variant) = Variant::BOTH.into_iter().find(|k| holds(*k) && !holds(k.other()))
        && let Some(programs) = usable(detected, variant, families, &mut lacks)
    {
        return Ok((programs, "it holds managed rules".to_owned()));
    }
    if let Some((family, table)) = detected.legacy_in_use() {
        let reason = format!("the legacy {family} table {table} is in use here");
        if let Some(programs) = usable(detected, Variant::Legacy, families, &mut lacks) {
            return Ok((programs, reason));
        }
        log::warn!("{reason}, but {}; its rules are kept as they are", lacks.join("; "));
        lacks.clear();
    }
    for variant in [Variant::Nft, Variant::Legacy] {
        if let Some(programs) = usable(detected, variant, families, &mut lacks) {
            let reason = match variant {
                Variant::Nft => "no legacy table is in use, and iptables-nft and the kernel's nf_tables are available",
                Variant::Legacy => "iptables-nft or the kernel's nf_tables is not available",
            };
            return Ok((programs, reason.to_owned()));
        }
    }
    Err(KernelError::NoIptables(lacks.join("; ") + REMEDY))
}

/// What to do without iptables.
const REMEDY: &str =
    ". Use the image that has both variants of iptables, or --native-nftables, which needs no other program";

/// The programs of a variant, if all that it needs is there; else notes what it lacks.
fn usable(detected: &Detected, variant: Variant, families: Families, lacks: &mut Vec<String>) -> Option<Programs> {
    if let (Variant::Nft, Err(error)) = (variant, &detected.nft) {
        lacks.push(format!("the kernel does not answer for nf_tables ({error})"));
        return None;
    }
    match Programs::find(variant, families) {
        Ok(programs) => Some(programs),
        Err(missing) => {
            lacks.push(missing);
            None
        }
    }
}
