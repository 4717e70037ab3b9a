//! The installer, as the real program on a real file system.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::expect_used)]

#[path = "install/bad.rs"]
mod bad;
#[path = "install/killed.rs"]
mod killed;
#[path = "install/node.rs"]
mod node;
#[path = "install/once.rs"]
mod once;
#[path = "install/rights.rs"]
mod rights;
#[path = "install/status.rs"]
mod status;
#[path = "install/stay.rs"]
mod stay;
#[path = "install/staying.rs"]
mod staying;
