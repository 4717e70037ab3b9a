//! Which proxy the environment names for a server, by the rules that kubectl follows.

use std::ffi::OsString;
use std::net::IpAddr;

/// The proxy for a server, and the variable that names it.
pub(super) fn of_environment(server: &str, variables: &dyn Fn(&str) -> Option<OsString>) -> Option<(String, String)> {
    let (scheme, rest) = server.split_once("://")?;
    let authority = rest.split('/').next()?;
    let default = if scheme == "https" { 443 } else { 80 };
    let (host, port) = split(authority);
    let (host, port) = (host.to_ascii_lowercase(), port.unwrap_or(default));
    let find = |names: [&str; 2]| {
        let value = |name: &str| Some(variables(name)?.to_string_lossy().trim().to_owned()).filter(|v| !v.is_empty());
        names.into_iter().find_map(|name| Some((value(name)?, name.to_owned())))
    };
    let (proxy, name) =
        find(if scheme == "https" { ["HTTPS_PROXY", "https_proxy"] } else { ["HTTP_PROXY", "http_proxy"] })?;
    let address: Option<IpAddr> = host.parse().ok();
    if host == "localhost" || address.is_some_and(|address| address.is_loopback()) {
        return None;
    }
    if let Some((list, _)) = find(["NO_PROXY", "no_proxy"])
        && list.split(',').any(|entry| covers(&entry.trim().to_ascii_lowercase(), &host, address, port))
    {
        return None;
    }
    let proxy = if proxy.contains("://") { proxy } else { format!("http://{proxy}") };
    Some((proxy, name))
}

/// Whether an entry of NO_PROXY is about a server: `*`, an address, a network, or a domain, with a port or without.
fn covers(entry: &str, host: &str, address: Option<IpAddr>, port: u16) -> bool {
    if entry == "*" {
        return true;
    }
    if let Some((network, bits)) = entry.split_once('/') {
        return bits.parse().is_ok_and(|bits| address.is_some_and(|address| is_in(address, network, bits)));
    }
    let (name, of_port) = split(entry);
    if name.is_empty() || of_port.is_some_and(|of_port| of_port != port) {
        return false;
    }
    if let (Ok(own), Some(address)) = (name.parse::<IpAddr>(), address) {
        return own == address;
    }
    // `.example.com` is what is below example.com, `example.com` is that as well.
    let below = name.strip_prefix('*').unwrap_or(name);
    let domain = below.strip_prefix('.').unwrap_or(below);
    let is_below = host.strip_suffix(domain).is_some_and(|front| front.ends_with('.'));
    !domain.is_empty() && (is_below || (!below.starts_with('.') && host == domain))
}

fn is_in(address: IpAddr, network: &str, bits: u32) -> bool {
    let same = |a: u128, b: u128, width: u32| bits <= width && (a ^ b).checked_shr(width - bits).unwrap_or(0) == 0;
    match (address, network.parse()) {
        (IpAddr::V4(a), Ok(IpAddr::V4(n))) => same(a.to_bits().into(), n.to_bits().into(), 32),
        (IpAddr::V6(a), Ok(IpAddr::V6(n))) => same(a.to_bits(), n.to_bits(), 128),
        _ => false,
    }
}

/// Host and port; IPv6 with or without brackets.
fn split(authority: &str) -> (&str, Option<u16>) {
    let host_port = authority.rsplit_once('@').map_or(authority, |(_, rest)| rest);
    if let Some((address, port)) = host_port.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return (address, port.strip_prefix(':').and_then(|port| port.parse().ok()));
    }
    match host_port.split_once(':') {
        Some((host, port)) if !port.contains(':') => (host, port.parse().ok()),
        Some(_) | None => (host_port, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(server: &str, variables: &[(&str, &str)]) -> Option<String> {
        let find = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| OsString::from(value));
        of_environment(server, &find).map(|(proxy, name)| format!("{name} {proxy}"))
    }

    #[test]
    fn the_scheme_of_the_server_chooses_the_variable() {
        let both = [("HTTPS_PROXY", "s:1"), ("HTTP_PROXY", "http://p:2")];
        assert_eq!(proxy("https://api:6443/", &both).as_deref(), Some("HTTPS_PROXY http://s:1"));
        assert_eq!(proxy("http://api", &both).as_deref(), Some("HTTP_PROXY http://p:2"));
        assert_eq!(proxy("https://api", &[("https_proxy", "s:1")]).as_deref(), Some("https_proxy http://s:1"));
        assert_eq!(proxy("https://api", &[("HTTPS_PROXY", ""), ("HTTP_PROXY", "p:2")]), None);
    }

    #[test]
    fn this_machine_is_never_reached_through_a_proxy() {
        for server in ["https://localhost:6443", "https://127.0.0.1:6443", "https://127.9.9.9", "https://[::1]:6443/"] {
            assert_eq!(proxy(server, &[("HTTPS_PROXY", "s:1")]), None, "{server}");
        }
    }

    #[test]
    fn no_proxy_is_about_the_server() {
        let direct = |server: &str, list: &str| proxy(server, &[("HTTPS_PROXY", "s:1"), ("NO_PROXY", list)]).is_none();
        for (server, list) in [
            ("https://api.corp:6443", "*"),
            ("https://api.corp:6443", "other, API.corp"),
            ("https://api.corp:6443", "corp"),
            ("https://api.corp:6443", ".corp"),
            ("https://api.corp:6443", "*.corp"),
            ("https://api.corp:6443", "api.corp:6443"),
            ("https://api.corp", "api.corp:443"),
            ("https://10.1.2.3:6443", "10.1.2.3"),
            ("https://10.1.2.3:6443", ",,10.0.0.0/8"),
            ("https://10.1.2.3:6443", "0.0.0.0/0"),
            ("https://[fd00::1]:6443", "fd00::/8"),
            ("https://[fd00::1]:6443", "fd00::1"),
            ("https://[fd00::1]:6443", "[fd00::1]:6443"),
        ] {
            assert!(direct(server, list), "{server} {list}");
        }
        for (server, list) in [
            ("https://api.corp:6443", ""),
            ("https://api.corp:6443", "."),
            ("https://api.corp:6443", "*."),
            ("https://api.corp:6443", "pi.corp"),
            ("https://corp:6443", ".corp"),
            ("https://api.corp:6443", "api.corp:443"),
            ("https://10.1.2.3:6443", "10.0.0.0/33"),
            ("https://10.1.2.3:6443", "10.1.2.4/30"),
            ("https://10.1.2.3:6443", "fd00::/8"),
            ("https://10.1.2.3:6443", "10.1.2.30"),
        ] {
            assert!(!direct(server, list), "{server} {list}");
        }
    }
}
