//! What was recorded, and for which flags.

use std::path::{Path, PathBuf};

use istio_iptables::capture::{self, Plan};
use istio_iptables::config::fake::{FakeHost, resolve};

/// The plan of a line of flags, on a host with both families and a name server of each.
pub fn plan(flags: &str) -> Plan {
    let host = FakeHost::with(&["10.0.0.2", "fd00::2"]).name_servers(&["10.96.0.10", "fd00:10::a"]);
    let words: Vec<_> = flags.split(' ').collect();
    capture::plan(&resolve(&words, &[], &host).valid().config)
}

/// The lines of flags that were recorded.
pub fn configurations() -> impl Iterator<Item = &'static str> {
    include_str!("configurations.txt").lines().filter(|l| !l.starts_with('#'))
}

/// The part of a recorded file without any managed rules.
pub const OTHERS: &str = "others alone";

/// The folder of the recorded texts.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/saves/corpus")
}

/// What begins a part of a recorded file.
pub const PART: &str = "## ";
