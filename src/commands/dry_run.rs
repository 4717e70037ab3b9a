//! Prints what would be done, from the flags alone: touches nothing, needs no rights and no programs.

use std::io::{self, Write};

use super::Call;
use crate::cli::Command;
use crate::config::{Backend, Family};
use crate::netfilter::{nft, restore};
use crate::state;

/// Prints the text for each family that has rules, and the routing as comments.
///
/// # Errors
/// What writing to `out` gives.
pub fn dry_run(call: Call<'_>, out: &mut dyn Write) -> io::Result<()> {
    if call.options.backend == Backend::Nftables {
        nftables(call, out)?;
    } else {
        iptables(call, out)?;
    }
    for line in call.plan.routing.to_string().lines() {
        match call.options.command {
            Command::Apply => writeln!(out, "# {line}")?,
            Command::Clean => writeln!(out, "# {}", line.replace(" add ", " del "))?,
        }
    }
    out.flush()
}

fn nftables(call: Call<'_>, out: &mut dyn Write) -> io::Result<()> {
    let tables = nft::Tables::of(&call.plan.rules);
    writeln!(out, "# nft -f -")?;
    match call.options.command {
        Command::Apply => write!(out, "{tables}"),
        Command::Clean => {
            let names = nft::TABLES.into_iter().filter(|t| tables.get(*t).is_some()).map(nft::table_name);
            names.into_iter().try_for_each(|name| writeln!(out, "delete table inet {name}"))
        }
    }
}

fn iptables(call: Call<'_>, out: &mut dyn Write) -> io::Result<()> {
    for family in Family::BOTH {
        let text = match call.options.command {
            Command::Apply => restore::script(&call.plan.rules, family),
            Command::Clean => state::clean_script(call.plan, family),
        };
        if !text.is_empty() {
            let program = match family {
                Family::Ipv4 => "iptables-restore",
                Family::Ipv6 => "ip6tables-restore",
            };
            write!(out, "# {program} --noflush\n{text}")?;
        }
    }
    Ok(())
}
