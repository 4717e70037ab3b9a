//! What the tests need of the machine. A test that cannot run says so, and fails where CI counts on it.

use std::sync::OnceLock;

use super::Kind;

/// Why the tests cannot run here, if they cannot.
pub fn missing() -> Option<&'static str> {
    static MISSING: OnceLock<Option<String>> = OnceLock::new();
    MISSING.get_or_init(look).as_deref()
}

fn look() -> Option<String> {
    let restores =
        Kind::IPTABLES.iter().flat_map(|k| [format!("iptables-{k}-restore"), format!("ip6tables-{k}-restore")]);
    harness::missing(&restores.chain(["ip", "setpriv", "nft"].map(str::to_owned)).collect::<Vec<_>>())
}
