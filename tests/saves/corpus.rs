//! What was recorded, and for which flags.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use istio_iptables::capture::{self, Plan};
use istio_iptables::cli::{self, Parsed};
use istio_iptables::config::{Config, Host, Options, Problems};

/// A host with both families and a name server of each.
struct TestHost;

impl Host for TestHost {
    fn addresses(&self) -> std::io::Result<Vec<IpAddr>> {
        Ok(["10.0.0.2", "fd00::2"].map(|a| a.parse().unwrap()).to_vec())
    }

    fn read(&self, path: &str) -> std::io::Result<Vec<u8>> {
        match path {
            "/etc/resolv.conf" => Ok(b"nameserver 10.96.0.10\nnameserver fd00:10::a\n".to_vec()),
            _ => Ok(Vec::new()),
        }
    }
}

/// The plan of a line of flags.
pub fn plan(flags: &str) -> Plan {
    let argv = ["istio-iptables"].into_iter().chain(flags.split(' ')).map(Into::into).collect();
    let Parsed::Call(call) = cli::parse(argv, &|_| None) else { panic!("{flags}") };
    let mut problems = Problems::default();
    let options = Options::read(call.command, &call.flags, &mut problems);
    let config = Config::resolve(&call.flags, &options, &TestHost, &mut problems);
    assert!(problems.errors.is_empty(), "{flags}: {:?}", problems.errors);
    capture::plan(&config)
}

/// The lines of flags that were recorded.
pub fn configurations() -> impl Iterator<Item = &'static str> {
    include_str!("configurations.txt").lines().filter(|l| !l.starts_with('#'))
}

/// The part of a recorded file without any rules of ours.
pub const OTHERS: &str = "others alone";

/// Where the recorded texts are.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/saves/corpus")
}

/// What begins a part of a recorded file.
pub const PART: &str = "## ";
