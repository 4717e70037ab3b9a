//! Calls, and the host that they are made on, as bytes.

use std::ffi::OsString;
use std::io;
use std::net::IpAddr;
use std::os::unix::ffi::OsStringExt;

use istio_iptables::cli::{self, Command, flags};
use istio_iptables::config::{Config, Host, Options, Problems, host};

/// A call, and the host that it is made on.
///
/// As bytes, it is one byte of bits that give the addresses of the host and what is checked, and then words with a
/// zero byte between them, as in `/proc/PID/cmdline`. Each is an argument, unless it begins with
/// - `$`: a variable of the environment, `$NAME=VALUE`;
/// - 1, 2 or 3: a file of the host, `resolv.conf`, `passwd` or `group`;
/// - 128 to 191: the long flag of this number, the rest is its value; from 192, the variable of this number.
#[derive(Debug, Default)]
pub(crate) struct Call {
    argv: Vec<OsString>,
    environment: Vec<(String, OsString)>,
    /// The addresses of all interfaces; `None` if they cannot be read.
    addresses: Option<Vec<IpAddr>>,
    files: Vec<(&'static str, Vec<u8>)>,
}

/// What became of a call.
#[derive(Debug)]
pub(crate) struct Resolved {
    pub(crate) config: Config,
    pub(crate) problems: Problems,
    /// The words that describe a packet.
    pub(crate) packet: Vec<String>,
}

/// Addresses that a host can have, one for each bit of a number.
const ADDRESSES: [&str; 5] = ["10.244.0.10", "fd00:10:244::10", "127.0.0.1", "::1", "fe80::1"];
/// The bit for a host whose addresses cannot be read.
const UNREADABLE: u8 = 0x40;
/// The bits for work that takes time: building and removing the rules, and explaining them.
pub(crate) const BUILT: u8 = 0x20;
pub(crate) const EXPLAINED: u8 = 0x80;

impl Call {
    /// Reads a call.
    pub(crate) fn decode(data: &[u8]) -> Self {
        let (first, rest) = data.split_first().unwrap_or((&0, &[]));
        let mut call = Self::on(*first);
        for word in rest.split(|b| *b == 0) {
            call.word(word);
        }
        call
    }

    /// A call with these arguments on a usual host.
    pub(crate) fn of<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Self {
        let mut call = Self::on(0b1111);
        call.argv.extend(arguments.into_iter().map(OsString::from));
        call
    }

    fn on(bits: u8) -> Self {
        let all = ADDRESSES.iter().enumerate().filter(|(at, _)| bits & (1 << at) != 0);
        let addresses = all.map(|(_, address)| address.parse().expect("an address")).collect();
        let files: [(_, &[u8]); 3] = [
            (host::RESOLV_CONF, b"nameserver 10.96.0.10\nnameserver fd00:10::a\n"),
            (host::PASSWD, b"root:x:0:0::/:\nistio-proxy:x:1337:1337::/:\nenvoy:x:101:102::/:\n"),
            (host::GROUP, b"root:x:0:\nistio-proxy:x:1337:\nstaff:x:50:\n"),
        ];
        Self {
            argv: vec!["istio-iptables".into()],
            environment: Vec::new(),
            addresses: (bits & UNREADABLE == 0).then_some(addresses),
            files: files.map(|(path, text)| (path, text.to_vec())).into(),
        }
    }

    fn word(&mut self, word: &[u8]) {
        let (first, rest) = word.split_first().unwrap_or((&0, &[]));
        let value = || OsString::from_vec(rest.to_vec());
        match first {
            b'$' => {
                let text = String::from_utf8_lossy(rest).into_owned();
                let (name, value) = text.split_once('=').unwrap_or((&text, ""));
                self.environment.push((name.to_owned(), value.into()));
            }
            1 => self.file(host::RESOLV_CONF, rest),
            2 => self.file(host::PASSWD, rest),
            3 => self.file(host::GROUP, rest),
            128..192 => {
                let flag = flags::ALL[usize::from(first - 128) % flags::ALL.len()];
                let mut argument = OsString::from(format!("--{}=", flag.long));
                argument.push(value());
                self.argv.push(argument);
            }
            192.. => {
                let of_flags = flags::ALL.iter().flat_map(|flag| flag.variables).copied();
                let mut all = of_flags.chain(cli::VARIABLES.iter().map(|(name, _)| *name)).cycle();
                let name = all.nth(usize::from(first - 192)).expect("it is endless");
                self.environment.push((name.to_owned(), value()));
            }
            _ => self.argv.push(OsString::from_vec(word.to_vec())),
        }
    }

    fn file(&mut self, path: &'static str, text: &[u8]) {
        self.files.retain(|(p, _)| *p != path);
        self.files.push((path, text.to_vec()));
    }

    /// Whether both parsers make the same of it.
    pub(crate) fn parsers_agree(&self) -> bool {
        cli::parsers_agree(&self.argv)
    }

    /// What becomes of it, as in the program; `None` if it only prints a text.
    pub(crate) fn resolve(&self) -> Option<Resolved> {
        let variable = |name: &str| self.environment.iter().find(|(n, _)| n == name).map(|(_, value)| value.clone());
        let cli::Parsed::Call(call) = cli::parse(self.argv.clone(), &variable) else { return None };
        let mut problems = Problems::default();
        problems.warnings.extend(call.ignored.into_iter().map(Into::into));
        problems.errors.extend(call.errors.into_iter().map(Into::into));
        let options = Options::read(call.command, &call.flags, &mut problems);
        let config = Config::resolve(&call.flags, &options, self, &mut problems);
        assert!(call.packet.is_empty() || call.command == Command::Explain);
        Some(Resolved { config, problems, packet: call.packet })
    }
}

impl Host for Call {
    fn addresses(&self) -> io::Result<Vec<IpAddr>> {
        self.addresses.clone().ok_or_else(|| io::ErrorKind::PermissionDenied.into())
    }

    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        let found = self.files.iter().find(|(p, _)| *p == path);
        found.map(|(_, text)| text.clone()).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}
