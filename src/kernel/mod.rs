//! Effects: everything that looks into the kernel or changes it.

pub(crate) mod capabilities;
pub(crate) mod conntrack;
pub(crate) mod detect;
mod diagnosis;
mod error;
pub mod host;
pub(crate) mod iptables;
mod legacy;
pub(crate) mod lock;
mod netlink;
pub(crate) mod netns;
pub mod nftables;
pub(crate) mod probe;
mod process;
pub mod routes;
mod sockets;
pub(crate) mod watch;

pub(crate) use error::KernelError;

/// Why the kernel permits no change, or what it needs.
fn not_permitted(needs: &str) -> String {
    let capabilities = capabilities::Capabilities::effective();
    let owned = capabilities.net_admin().then(nftables::NftablesClient::open);
    match owned.and_then(Result::ok).and_then(|mut nft| nft.owned_table().ok()).flatten() {
        Some(table) => format!(
            "another process owns the table {table} (flag `owner`): the kernel lets no other process change it until that process exits or gives it up"
        ),
        None => format!(
            "it needs {needs} in the user namespace that owns this network namespace ({})",
            capabilities.describe()
        ),
    }
}

/// What to do if the system is short of something; or else.
fn shortage(error: &std::io::Error, or_else: &'static str) -> &'static str {
    match error.raw_os_error() {
        Some(nix::libc::EMFILE | nix::libc::ENFILE) => {
            " (too many files are open: raise the limit, as with `ulimit -n 64`)"
        }
        _ => or_else,
    }
}
