//! What holds for every input, one function a target: it panics if its input breaks that. The targets in
//! `../fuzz_targets/` look for such inputs, and `tests/replay.rs` tries those that were kept in `../corpus/`.

mod call;
mod cni_input;
mod command_line;
mod conflist;
mod host_files;
mod merge;
mod netlink;
mod packet;
mod patched;
mod plans;
mod quantity;
mod review;
mod save_text;
mod selector;
mod template;
mod yaml;

pub use cni_input::cni_input;
pub use command_line::command_line;
pub use conflist::conflist;
pub use host_files::host_files;
pub use merge::merge;
pub use netlink::netlink;
pub use packet::packet;
pub use quantity::quantity;
pub use review::review;
pub use save_text::save_text;
pub use selector::selector;
pub use template::template;
pub use yaml::yaml;

/// A target: its name, which is that of its folder in `corpus/`, and what holds for its inputs.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 13] = [
    ("command_line", command_line),
    ("save_text", save_text),
    ("host_files", host_files),
    ("packet", packet),
    ("netlink", netlink),
    ("yaml", yaml),
    ("template", template),
    ("quantity", quantity),
    ("selector", selector),
    ("merge", merge),
    ("review", review),
    ("cni_input", cni_input),
    ("conflist", conflist),
];

/// Panics if a message could break out of its line, or control a terminal.
#[track_caller]
fn one_line(message: &str) {
    assert!(!message.contains(|c: char| c.is_control() && c != '\t'), "a message has control characters: {message:?}");
}
