//! What usually causes the failure of an iptables program.

use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use super::capabilities::Capabilities;

/// The usual cause of the program's message about a line of its input.
pub(super) fn cause(program: &Path, said: &str, line: Option<&str>, input: &str) -> Option<String> {
    let name = program.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let said = said.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|w| said.contains(w));
    let capabilities = Capabilities::effective();
    // Legacy iptables opens a raw socket; without permission to do so, it prints no more than this.
    let no_table = has(&["table does not exist", "can't initialize", "unable to initialize", "do you need to insmod"]);
    let no_right = !capabilities.net_admin() || !capabilities.net_raw();
    if has(&["permission denied", "operation not permitted", "must be root"])
        || no_table && no_right && !name.contains("nft")
    {
        let needs = if name.contains("nft") { "CAP_NET_ADMIN" } else { "CAP_NET_ADMIN and CAP_NET_RAW" };
        return Some(super::not_permitted(needs));
    }
    if has(&["xtables lock", "lock file"]) {
        return Some(LOCK_HELD.to_owned());
    }
    if no_table {
        let family = if name.starts_with("ip6") { "ip6" } else { "ip" };
        return Some(format!(
            "the kernel may lack the module {family}table_nat (or _mangle, _raw): load it on the node"
        ));
    }
    if said.contains("chain_add failed") {
        return Some(
            "a chain named like a built-in one exists, but the kernel never calls it: delete it with nft(8)".to_owned(),
        );
    }
    // Legacy iptables gives no reason.
    if (has(&["invalid argument"]) || said.lines().all(|l| l.trim_end().ends_with(" failed")))
        && let Some(unmapped) = unmapped(input)
    {
        return Some(unmapped);
    }
    if has(&["user", "group"]) && has(&["bad value", "does not exist", "not found", "unknown"]) {
        return Some("unknown user or group: give its number".to_owned());
    }
    if has(&[
        "no chain/target/match by that name",
        "couldn't load",
        "no such file or directory",
        "extension",
        "not supported",
        "not implemented",
        "invalid argument",
    ]) {
        let modules = modules(&name, line.unwrap_or_default());
        return match modules.as_slice() {
            [] => None,
            modules => Some(format!(
                "the kernel may lack one of the modules that this line needs ({}): load it on the node",
                modules.join(", ")
            )),
        };
    }
    None
}

/// The user or group in rules that does not exist in the user namespace, which the kernel refuses.
fn unmapped(rules: &str) -> Option<String> {
    let mut words = rules.split_ascii_whitespace();
    while let Some(word) = words.next() {
        let (what, file) = match word {
            "--uid-owner" => ("user", "/proc/self/uid_map"),
            "--gid-owner" => ("group", "/proc/self/gid_map"),
            _ => continue,
        };
        let mut ids = words.clone().next()?.split('-').map_while(|id| id.parse::<u64>().ok());
        let map = std::fs::read_to_string(file).ok()?;
        let has = |id: u64| {
            map.lines().any(|line| {
                let mut numbers = line.split_ascii_whitespace().map_while(|n| n.parse::<u64>().ok());
                // Its first here, its first outside, how many.
                numbers.next().zip(numbers.nth(1)).is_some_and(|(first, count)| (first..first + count).contains(&id))
            })
        };
        if let Some(id) = ids.find(|id| !has(*id)) {
            return Some(format!(
                "the {what} {id} does not exist in this user namespace ({file}), and the kernel accepts no rule that names it: map it, or run this where it exists"
            ));
        }
    }
    None
}

const LOCK_HELD: &str =
    "another process holds the xtables lock, /run/xtables.lock: look for another iptables running on this node";

/// The usual cause if a program did not end: legacy iptables waits in silence for its lock.
pub(super) fn hung(arguments: &[String]) -> Option<String> {
    if !arguments.iter().any(|a| a.starts_with("--wait")) {
        return None;
    }
    let file = Path::new(super::lock::XTABLES_LOCK);
    let file = super::host::has_an_end(file).and_then(|()| std::fs::File::open(file)).ok()?;
    match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Err((_, Errno::EWOULDBLOCK)) => Some(LOCK_HELD.to_owned()),
        Err(_) | Ok(_) => None,
    }
}

/// The kernel modules that a rule needs.
fn modules(program: &str, line: &str) -> Vec<&'static str> {
    const NEEDS: [(&str, &str); 10] = [
        ("-m owner", "xt_owner"),
        ("-m multiport", "xt_multiport"),
        ("-m conntrack", "xt_conntrack"),
        ("-m mark", "xt_mark"),
        ("-m connmark", "xt_connmark"),
        ("-j REDIRECT", "xt_REDIRECT"),
        ("-j TPROXY", "xt_TPROXY"),
        ("-j MARK", "xt_mark"),
        ("-j CONNMARK", "xt_connmark"),
        ("-j CT", "xt_CT"),
    ];
    let mut modules: Vec<_> = NEEDS.iter().filter(|(word, _)| line.contains(word)).map(|(_, module)| *module).collect();
    if !modules.is_empty() && program.contains("nft") {
        modules.push("nft_compat");
    }
    modules
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cause_of(program: &str, said: &str, line: &str) -> String {
        cause(Path::new(program), said, Some(line), "").unwrap_or_default()
    }

    #[test]
    fn usual_causes() {
        let owner = "-A ISTIO_OUTPUT -m owner --uid-owner 1337 -j RETURN";
        let missing = "line 9 failed: No chain/target/match by that name.";
        assert!(cause_of("/sbin/iptables-legacy-restore", missing, owner).contains("(xt_owner)"));
        assert!(cause_of("/sbin/iptables-nft-restore", missing, owner).contains("xt_owner, nft_compat"));
        let denied = "Permission denied (you must be root)";
        assert!(cause_of("/sbin/iptables-legacy-restore", denied, "").contains("CAP_NET_ADMIN and CAP_NET_RAW"));
        assert!(!cause_of("/sbin/iptables-nft-restore", denied, "").contains("CAP_NET_RAW in"));
        let table = "can't initialize ip6tables table `nat': Table does not exist (do you need to insmod?)";
        assert!(cause_of("/sbin/ip6tables-legacy-restore", table, "").contains("ip6table_nat"));
        let lock = "Another app is currently holding the xtables lock; still 1s 0us time ahead";
        assert!(cause_of("/sbin/iptables-legacy-restore", lock, "").contains("/run/xtables.lock"));
        let uncalled = "line 19: CHAIN_ADD failed (Operation not supported): chain PREROUTING";
        assert!(cause_of("/sbin/iptables-nft-restore", uncalled, "").contains("never calls it"));
        assert_eq!(cause_of("/sbin/iptables-nft-restore", "something new", owner), "");
    }
}
