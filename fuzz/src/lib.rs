//! What holds for every input, one function a target: it panics where its input breaks that. The targets in
//! `fuzz_targets/` look for such inputs, and `tests/replay.rs` tries those that were kept in `corpus/`.

// The files that are shared with the library's tests name its modules from the root.
use istio_iptables::{capture, config, netfilter, state};

mod call;
mod command_line;
mod host_files;
#[path = "../../src/netfilter/lines.rs"]
mod lines;
#[path = "../../src/state/model.rs"]
mod model;
mod netlink;
mod packet;
mod plans;
mod save_text;

pub use command_line::command_line;
pub use host_files::host_files;
pub use netlink::netlink;
pub use packet::packet;
pub use save_text::save_text;

/// A target: its name, which is that of its folder in `corpus/`, and what holds for its inputs.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 5] = [
    ("command_line", command_line),
    ("save_text", save_text),
    ("host_files", host_files),
    ("packet", packet),
    ("netlink", netlink),
];

/// Panics where a message could break out of its line, or steer a terminal.
#[track_caller]
fn one_line(message: &str) {
    assert!(!message.contains(|c: char| c.is_control() && c != '\t'), "a message has control characters: {message:?}");
}
