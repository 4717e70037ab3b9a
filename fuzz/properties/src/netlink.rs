//! What the kernel answers over netlink.

use istio_iptables::kernel::routes;
use istio_iptables::nftables;

/// What can be read can be written, and is read as the same.
///
/// The first byte chooses the answers' protocol: nf_tables if it is even, else rtnetlink.
pub fn netlink(data: &[u8]) {
    let Some((whose, bytes)) = data.split_first() else { return };
    let holds = match whose % 2 {
        0 => nftables::fuzzing::read_anything(bytes),
        _ => routes::read_anything(bytes),
    };
    holds.unwrap_or_else(|broken| panic!("{broken}"));
}
