//! What a configuration depends on of the host: addresses, name servers, users and groups.

use std::io;
use std::net::IpAddr;

use crate::net::{Owner, PROXY_SOURCE_V6};

/// The list of name servers (resolv.conf(5)).
pub const RESOLV_CONF: &str = "/etc/resolv.conf";
/// The list of users (passwd(5)).
pub const PASSWD: &str = "/etc/passwd";
/// The list of groups (group(5)).
pub const GROUP: &str = "/etc/group";

/// Whether `lo` takes no IPv6 addresses; `conf/all` sets it too (ip-sysctl in the kernel's documentation).
pub const DISABLE_IPV6: &str = "/proc/sys/net/ipv6/conf/lo/disable_ipv6";

/// The facts of a host. Asked only if the flags make them matter.
pub trait Host {
    /// The addresses of all interfaces of the network namespace.
    fn addresses(&self) -> io::Result<Vec<IpAddr>>;

    /// A file's contents.
    fn read(&self, path: &str) -> io::Result<Vec<u8>>;
}

/// Whether traffic of the pod goes over this address: neither loopback nor link-local nor multicast.
pub fn is_global(address: &IpAddr) -> bool {
    let link_local = match address {
        IpAddr::V4(a) => a.is_link_local(),
        IpAddr::V6(a) => a.is_unicast_link_local(),
    };
    // An earlier run has put the proxy's own address on `lo`: it shows nothing about the pod.
    let proxys = *address == PROXY_SOURCE_V6;
    !(link_local || proxys || address.is_loopback() || address.is_multicast() || address.is_unspecified())
}

/// The servers in the text of a resolv.conf, with duplicates. A zone (`fe80::1%eth0`) is
/// left out, since rules have none.
pub fn name_servers(text: &[u8]) -> Vec<IpAddr> {
    let server = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        words.next().filter(|word| *word == "nameserver")?;
        words.next()?.split('%').next()?.parse().ok()
    };
    String::from_utf8_lossy(text).lines().filter_map(server).collect()
}

/// The number of a name in the text of a passwd or group file, whose lines both begin with
/// `name:password:number`.
pub fn number_of(text: &[u8], name: &str) -> Option<u32> {
    String::from_utf8_lossy(text).lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next() != Some(name) {
            return None;
        }
        match Owner::parse(fields.nth(1)?) {
            Ok(Owner::Id(id)) => Some(id),
            Ok(Owner::Range(..) | Owner::Name { .. }) | Err(_) => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_of_a_resolv_conf() {
        let text = b"# nameserver 1.1.1.1\nsearch a b\nnameserver 10.96.0.10\n  nameserver\tfd00:10::a # x\n\
            nameserver fe80::1%eth0\nnameserver 10.96.0.10\nnameserver\nnameserver x\nnameservers 9.9.9.9\n\xff\xfe\n";
        let servers: Vec<_> = name_servers(text).iter().map(ToString::to_string).collect();
        assert_eq!(servers, ["10.96.0.10", "fd00:10::a", "fe80::1", "10.96.0.10"]);
    }

    #[test]
    fn numbers_of_names() {
        let text = b"root:x:0:0:root:/root:/bin/sh\nistio-proxy:x:1337:1337::/:\nbad:x:abc:\nbroken\n";
        assert_eq!(number_of(text, "istio-proxy"), Some(1337));
        assert_eq!(number_of(text, "root"), Some(0));
        assert_eq!(number_of(text, "bad"), None);
        assert_eq!(number_of(text, "broken"), None);
        assert_eq!(number_of(text, "istio"), None);
    }

    #[test]
    fn global_addresses() {
        let global = |a: &str| is_global(&a.parse().unwrap());
        assert!(global("10.0.0.1") && global("fd00::1") && global("2001:db8::6"));
        for a in ["127.0.0.1", "169.254.1.1", "224.0.0.1", "::1", "::6", "fe80::1", "febf::1", "ff02::1", "::"] {
            assert!(!global(a), "{a}");
        }
    }
}
