//! The configuration as the log shows it.

use std::fmt::{self, Display};

use super::{Config, Dns, InterceptionMode, Selection};

/// One line a setting, so that people find what they look for.
impl Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = |name: &str, value: String| write!(f, "\n  {name:<28}{value}");
        line("families", self.families.to_string())?;
        line("outbound listener", self.envoy_port.to_string())?;
        line("inbound listener", self.inbound_port.to_string())?;
        line("tunnel port", self.tunnel_port.to_string())?;
        line("proxy's users", list(&self.proxy_uids))?;
        line("proxy's groups", list(&self.proxy_gids))?;
        line(
            "inbound mode",
            match self.mode {
                InterceptionMode::Redirect => "REDIRECT".to_owned(),
                InterceptionMode::Tproxy => {
                    format!("TPROXY (mark {}, routing table {})", self.tproxy_mark, self.tproxy_table)
                }
            },
        )?;
        line("inbound ports", selection(&self.inbound_ports))?;
        line("outbound ranges", selection(&self.outbound_ranges))?;
        line("excluded outbound ranges", list(&self.excluded_ranges))?;
        line("outbound ports, any range", list(&self.outbound_ports))?;
        line("excluded outbound ports", list(&self.excluded_outbound_ports))?;
        line("excluded interfaces", list(&self.excluded_interfaces))?;
        line("VM interfaces", list(&self.virtual_interfaces))?;
        line("groups captured", selection(&self.owner_groups))?;
        line("loopback range", self.loopback.to_string())?;
        line(
            "DNS",
            match &self.dns {
                Dns::Off => "not captured".to_owned(),
                Dns::All => "all of port 53".to_owned(),
                Dns::Servers(servers) => format!("to {}", list(servers)),
            },
        )?;
        line("INVALID packets", if self.drop_invalid { "dropped" } else { "not dropped" }.to_owned())
    }
}

fn selection<T: Display>(selection: &Selection<T>) -> String {
    match selection {
        Selection::None => "none".to_owned(),
        Selection::AllExcept(except) if except.is_empty() => "all".to_owned(),
        Selection::AllExcept(except) => format!("all except {}", list(except)),
        Selection::Only(only) => list(only),
    }
}

/// How many of a list's items are shown.
const MOST_SHOWN: usize = 50;

fn list<T: Display>(items: &[T]) -> String {
    let shown: Vec<_> = items.iter().take(MOST_SHOWN).map(ToString::to_string).collect();
    match items.len() {
        0 => "none".to_owned(),
        n if n > MOST_SHOWN => format!("{} and {} more", shown.join(", "), n - MOST_SHOWN),
        _ => shown.join(", "),
    }
}
