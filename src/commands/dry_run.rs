//! Prints what would be done, from the flags alone: touches nothing, needs no rights and no programs.

use std::io::{self, Write};

use super::Call;
use crate::cli::Command;
use crate::config::Family;
use crate::netfilter::restore;
use crate::state;

/// Prints the text for each family that has rules, and the routing as comments.
///
/// # Errors
/// What writing to `out` gives.
pub fn dry_run(call: Call<'_>, out: &mut dyn Write) -> io::Result<()> {
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
    for line in call.plan.routing.to_string().lines() {
        match call.options.command {
            Command::Apply => writeln!(out, "# {line}")?,
            Command::Clean => writeln!(out, "# {}", line.replace(" add ", " del "))?,
        }
    }
    out.flush()
}
