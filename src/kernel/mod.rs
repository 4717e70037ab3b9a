//! Effects on the kernel.

pub mod nftables;
