//! Prints what would be done, from the flags alone: touches nothing, needs no privileges and no programs.

use super::{Call, explain};
use crate::cli::Command;
use crate::net::Family;
use crate::netfilter::{Backend, restore};
use crate::nftables;
use crate::report::{Outcome, Report, Script};
use crate::state;

/// Gives the text for each family that has rules, and the routing as comments. Warns of what is odd about
/// the configuration.
pub fn dry_run(call: Call<'_>, report: &mut Report<'_>) -> Outcome {
    if call.options.command == Command::Apply {
        explain::warn(call, report);
    }
    print(call, report);
    Outcome::Printed
}

/// Gives the rules for the programs that load them.
pub(super) fn print(call: Call<'_>, report: &mut Report<'_>) {
    report.scripts = match call.options.backend {
        Backend::Nftables => vec![nftables(call)],
        Backend::Iptables(_) => iptables(call),
    };
    report.comments = match call.options.command {
        Command::Clean => call.plan.routing.removal(),
        Command::Apply | Command::Check | Command::Explain => call.plan.routing.to_string(),
    };
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
