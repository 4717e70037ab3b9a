//! Prints what would be done, from the flags alone: touches nothing, needs no rights and no programs.

use std::io::{self, Write};

use super::{Call, explain};
use crate::cli::Command;
use crate::config::Output;
use crate::explain::in_force;
use crate::net::Family;
use crate::netfilter::{Backend, restore};
use crate::nftables;
use crate::output::{Document, Outcome, Script};
use crate::state;

/// Prints the text for each family that has rules, and the routing as comments. Warns of what is odd about
/// the configuration.
///
/// # Errors
/// What writing to `out` gives.
pub fn dry_run(call: Call<'_>, document: &mut Document, out: &mut dyn Write) -> io::Result<Outcome> {
    if call.options.command == Command::Apply {
        explain::warn(call, document);
    }
    document.plan(call.plan, call.options.backend);
    match call.options.output {
        Output::Mermaid => explain::chart(&in_force(&call.plan.rules, call.options.backend), out)?,
        Output::Text | Output::Json => print(call, document, out)?,
    }
    out.flush()?;
    Ok(Outcome::Printed)
}

/// Prints the rules for the programs that load them.
pub(super) fn print(call: Call<'_>, document: &mut Document, out: &mut dyn Write) -> io::Result<()> {
    document.scripts = match call.options.backend {
        Backend::Nftables => vec![nftables(call)],
        Backend::Iptables(_) => iptables(call),
    };
    for Script { program, text } in &document.scripts {
        write!(out, "# {program}\n{text}")?;
    }
    let routing = match call.options.command {
        Command::Clean => call.plan.routing.removal(),
        Command::Apply | Command::Check | Command::Explain => call.plan.routing.to_string(),
    };
    routing.lines().try_for_each(|line| writeln!(out, "# {line}"))?;
    Ok(())
}

fn nftables(call: Call<'_>) -> Script {
    let tables = nftables::Tables::of(&call.plan.rules);
    let text = match call.options.command {
        Command::Clean => {
            let names = nftables::TABLES.into_iter().filter(|t| tables.get(*t).is_some()).map(nftables::table_name);
            names.map(|name| format!("delete table inet {name}\n")).collect()
        }
        Command::Apply | Command::Check | Command::Explain => tables.to_string(),
    };
    Script { program: "nft -f -".to_owned(), text }
}

fn iptables(call: Call<'_>) -> Vec<Script> {
    let of = |family| {
        let text = match call.options.command {
            Command::Clean => state::clean_script(call.plan, family),
            Command::Apply | Command::Check | Command::Explain => restore::script(&call.plan.rules, family),
        };
        let program = match family {
            Family::Ipv4 => "iptables-restore --noflush",
            Family::Ipv6 => "ip6tables-restore --noflush",
        };
        Script { program: program.to_owned(), text }
    };
    Family::BOTH.into_iter().map(of).filter(|s| !s.text.is_empty()).collect()
}
