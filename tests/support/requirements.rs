//! What the tests need of the machine. A test that cannot run says so, and fails where CI counts on it.

use std::path::Path;
use std::sync::OnceLock;

use super::Kind;

/// Why the tests cannot run here, if they cannot.
pub fn missing() -> Option<&'static str> {
    static MISSING: OnceLock<Option<String>> = OnceLock::new();
    MISSING.get_or_init(look).as_deref()
}

fn look() -> Option<String> {
    if !nix::unistd::geteuid().is_root() {
        return Some("not root: network namespaces and owner matches need it".to_owned());
    }
    let restores =
        Kind::IPTABLES.iter().flat_map(|k| [format!("iptables-{k}-restore"), format!("ip6tables-{k}-restore")]);
    let mut tools = restores.chain(["ip", "setpriv", "nft"].map(str::to_owned));
    if let Some(tool) = tools.find(|t| !on_path(t)) {
        return Some(format!("{tool} is not on PATH"));
    }
    let unshare = || nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNET);
    match std::thread::spawn(unshare).join() {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(format!("no network namespace can be made: {error}")),
        Err(_) => Some("no network namespace can be made".to_owned()),
    }
}

fn on_path(tool: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir: std::path::PathBuf| Path::new(&dir).join(tool).exists())
}
