//! A host made of values, and what becomes of a call on it: for tests and benchmarks.

use std::cell::RefCell;
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::net::IpAddr;

use super::{Config, Host, Options, Problems, host};
use crate::cli;

/// A host made of values.
#[derive(Debug, Default)]
pub struct FakeHost {
    /// The addresses of its interfaces; `None` if they cannot be read.
    addresses: Option<Vec<IpAddr>>,
    /// Its files, by path.
    files: Vec<(&'static str, String)>,
    /// Whether files that are not among these are the machine's.
    falls_back: bool,
    asked: RefCell<Vec<String>>,
}

impl FakeHost {
    /// A host with these addresses and no file.
    pub fn with(addresses: &[impl AsRef<str>]) -> Self {
        Self::default().addressed(addresses)
    }

    /// The usual pod: one IPv4 address, a DNS server, the proxy's user.
    pub fn pod() -> Self {
        Self::with(&["127.0.0.1", "10.0.0.2", "::1", "fe80::1"])
            .name_servers(&["10.96.0.10"])
            .file(host::PASSWD, "root:x:0:0::/:\nistio-proxy:x:1337:1337::/:\nenvoy:x:101:102::/:\n")
            .file(host::GROUP, "root:x:0:\nistio-proxy:x:1337:\nstaff:x:50:\n")
    }

    /// The same with other addresses.
    pub fn addressed(mut self, addresses: &[impl AsRef<str>]) -> Self {
        self.addresses = Some(addresses.iter().map(|a| a.as_ref().parse().unwrap()).collect());
        self
    }

    /// The same, whose addresses cannot be read.
    pub fn without_addresses(mut self) -> Self {
        self.addresses = None;
        self
    }

    /// The same with these name servers.
    pub fn name_servers(self, servers: &[impl fmt::Display]) -> Self {
        let lines: String = servers.iter().map(|s| format!("nameserver {s}\n")).collect();
        self.file(host::RESOLV_CONF, lines)
    }

    /// The same with another file, in place of one of that path.
    pub fn file(mut self, path: &'static str, text: impl Into<String>) -> Self {
        self.files.retain(|(p, _)| *p != path);
        self.files.push((path, text.into()));
        self
    }

    /// The same with the files of this machine for paths without a file of their own.
    pub fn on_this_machine(mut self) -> Self {
        self.falls_back = true;
        self
    }

    /// What it was asked for.
    pub fn asked(self) -> Vec<String> {
        self.asked.into_inner()
    }
}

impl Host for FakeHost {
    fn addresses(&self) -> io::Result<Vec<IpAddr>> {
        self.asked.borrow_mut().push("addresses".to_owned());
        self.addresses.clone().ok_or_else(|| io::ErrorKind::PermissionDenied.into())
    }

    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        self.asked.borrow_mut().push(path.to_owned());
        match self.files.iter().find(|(p, _)| *p == path) {
            Some((_, text)) => Ok(text.clone().into_bytes()),
            None if self.falls_back => std::fs::read(path),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

/// What becomes of a call.
#[derive(Debug)]
pub struct Resolved {
    /// What is wanted.
    pub config: Config,
    /// How to go about it.
    pub options: Options,
    /// What is wrong.
    pub errors: Vec<String>,
    /// What is odd.
    pub warnings: Vec<String>,
}

impl Resolved {
    /// The same, without an error.
    #[track_caller]
    pub fn valid(self) -> Self {
        assert!(self.errors.is_empty(), "{:?}", self.errors);
        self
    }

    /// The configuration, without an error or a warning.
    #[track_caller]
    pub fn clean(self) -> Config {
        assert!(self.errors.is_empty() && self.warnings.is_empty(), "{:?} {:?}", self.errors, self.warnings);
        self.config
    }
}

/// Resolves a call of these arguments (without the program's name), environment and host.
#[track_caller]
pub fn resolve(args: &[&str], environment: &[(&str, &str)], host: &dyn Host) -> Resolved {
    let argv = ["istio-iptables"].iter().chain(args).map(OsString::from).collect();
    let variable = |name: &str| environment.iter().find(|(n, _)| *n == name).map(|(_, value)| value.into());
    let cli::Parsed::Call(call) = cli::parse(argv, &variable) else { panic!("it only prints a text") };
    let mut problems = Problems::default();
    problems.warnings.extend(call.ignored.into_iter().map(Into::into));
    problems.errors.extend(call.errors.into_iter().map(Into::into));
    let options = Options::read(call.command, &call.flags, &mut problems);
    let config = Config::resolve(&call.flags, &options, host, &mut problems);
    let errors = problems.errors.iter().map(ToString::to_string).collect();
    let warnings = problems.warnings.iter().map(ToString::to_string).collect();
    Resolved { config, options, errors, warnings }
}
