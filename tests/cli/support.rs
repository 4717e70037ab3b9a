//! Runs the program on a made-up host.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, PoisonError};

/// The program.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_istio-iptables");

/// What the program can know of its host. Calls with equal hosts share one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Host {
    /// Distinguishes hosts that are equal in everything else.
    pub name: &'static str,
    /// The addresses of its interface, with their lengths.
    pub addresses: &'static [&'static str],
    /// `/etc/resolv.conf`; `None` if there is none.
    pub resolv_conf: Option<&'static str>,
    /// `/etc/passwd`.
    pub passwd: Option<&'static str>,
    /// `/etc/group`.
    pub group: Option<&'static str>,
}

/// The usual pod: one IPv4 address, a name server, the proxy's user.
pub const POD: Host = Host {
    name: "pod",
    addresses: &["10.0.0.2/24"],
    resolv_conf: Some("nameserver 10.96.0.10\n"),
    passwd: Some("root:x:0:0::/:\nistio-proxy:x:1337:1337::/:\nenvoy:x:101:101::/:\n"),
    group: Some("root:x:0:\nistio-proxy:x:1337:\n"),
};

/// Makes the host in a network and mount namespace. Both are kept until standard input ends, which happens when
/// the tests end. Distributions link iptables in `/etc/alternatives`.
const MAKE_HOST: &str = r#"
ip link set lo up
ip link add eth0 type veth peer name peer0
for address in $ADDRESSES; do
    case $address in *:*) nodad=nodad ;; *) nodad= ;; esac
    ip addr add "$address" dev eth0 $nodad
done
mount -t tmpfs tmpfs /mnt
[ ! -d /etc/alternatives ] || cp -a /etc/alternatives /mnt/
[ -z "${RESOLV_CONF+x}" ] || printf %s "$RESOLV_CONF" >/mnt/resolv.conf
[ -z "${PASSWD+x}" ] || printf %s "$PASSWD" >/mnt/passwd
[ -z "${GROUP+x}" ] || printf %s "$GROUP" >/mnt/group
mount --bind /mnt /etc
echo ready
exec cat
"#;

static HOSTS: Mutex<Option<HashMap<Host, Result<Child, String>>>> = Mutex::new(None);

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// The process that keeps the host's namespaces; `None`, with a message, if they cannot be made.
fn keeper(host: Host) -> Option<u32> {
    let mut hosts = HOSTS.lock().unwrap_or_else(PoisonError::into_inner);
    let made = hosts.get_or_insert_default().entry(host).or_insert_with(|| make(host));
    match made {
        Ok(child) => Some(child.id()),
        Err(reason) => {
            harness::cannot_run(&format!("it needs root, or user namespaces: {reason}"));
            None
        }
    }
}

fn make(host: Host) -> Result<Child, String> {
    let mut command = Command::new("unshare");
    if !is_root() {
        command.arg("--map-root-user");
    }
    command.args(["--net", "--mount", "sh", "-ec", MAKE_HOST]).env("ADDRESSES", host.addresses.join(" "));
    for (name, text) in [("RESOLV_CONF", host.resolv_conf), ("PASSWD", host.passwd), ("GROUP", host.group)] {
        match text {
            Some(text) => command.env(name, text),
            None => command.env_remove(name),
        };
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| format!("unshare: {error}"))?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("it is piped")).read_line(&mut line).map_err(|e| e.to_string())?;
    if line == "ready\n" {
        return Ok(child);
    }
    let mut reason = String::new();
    child.stderr.take().expect("it is piped").read_to_string(&mut reason).map_err(|e| e.to_string())?;
    let _ = child.wait();
    Err(reason.trim().to_owned())
}

/// A command that runs in the namespaces of a host; `None` if there are none.
pub fn on(host: Host, program: impl AsRef<OsStr>) -> Option<Command> {
    // By its path: the `PATH` of a call is not for it.
    let mut command = Command::new(harness::real("nsenter"));
    command.args(["--net", "--mount", "--target"]).arg(keeper(host)?.to_string());
    if !is_root() {
        command.args(["--user", "--preserve-credentials"]);
    }
    command.arg("--").arg(program).stdin(Stdio::null());
    Some(command)
}

/// A call of the program.
#[derive(Clone)]
pub struct Call {
    program: OsString,
    args: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    host: Host,
}

/// A call with these arguments, in an empty environment.
pub fn call<A: AsRef<OsStr>>(args: &[A]) -> Call {
    let args = args.iter().map(|a| a.as_ref().to_owned()).collect();
    Call { program: PROGRAM.into(), args, environment: Vec::new(), host: POD }
}

/// A dry run with these arguments. The flag goes first: the last argument may lack its value.
pub fn dry_run<A: AsRef<OsStr>>(args: &[A]) -> Call {
    let mut call = call(args);
    call.args.insert(0, "--dry-run".into());
    call
}

impl Call {
    /// With this variable.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// On this host.
    pub fn on(mut self, host: Host) -> Self {
        self.host = host;
        self
    }

    /// Under this path in place of the program's.
    pub fn program(mut self, path: impl AsRef<OsStr>) -> Self {
        self.program = path.as_ref().to_owned();
        self
    }

    /// The command, ready to run; `None` if there are no namespaces.
    pub fn command(&self) -> Option<Command> {
        let mut command = on(self.host, &self.program)?;
        command.args(&self.args).env_clear().envs(self.environment.iter().map(|(n, v)| (n, v)));
        Some(command)
    }

    /// Runs it. A panic of the program is a failure of the test.
    #[track_caller]
    pub fn run(&self) -> Outcome {
        let Some(mut command) = self.command() else { return Outcome::skipped() };
        let output = command.output().expect("nsenter runs");
        let outcome = Outcome::of(&output);
        assert!(!outcome.stderr.contains("panicked at"), "{outcome:?}");
        assert!(outcome.status.is_some(), "killed by a signal: {outcome:?}");
        outcome
    }

    /// Runs it and expects success.
    #[track_caller]
    pub fn succeeds(&self) -> Outcome {
        self.run().expect_status(0)
    }

    /// Runs it and expects a usage error: status 2, nothing on standard output.
    #[track_caller]
    pub fn is_wrong_usage(&self) -> Outcome {
        let outcome = self.run().expect_status(2);
        assert!(outcome.skipped || (outcome.stdout.is_empty() && !outcome.errors().is_empty()), "{outcome:?}");
        outcome
    }
}

/// What came of a call.
#[derive(Debug, Default)]
pub struct Outcome {
    /// There are no namespaces to run it in, so there is no result.
    pub skipped: bool,
    /// The exit status; `None` if a signal ended it.
    pub status: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Outcome {
    /// What came of a finished process.
    pub fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("output is UTF-8");
        Self {
            skipped: false,
            status: output.status.code(),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }

    fn skipped() -> Self {
        Self { skipped: true, status: Some(0), ..Self::default() }
    }

    #[track_caller]
    fn expect_status(self, status: i32) -> Self {
        assert!(self.skipped || self.status == Some(status), "expected exit status {status}: {self:?}");
        self
    }

    /// Messages of one level.
    fn messages(&self, level: &str) -> Vec<&str> {
        self.stderr.lines().filter_map(|line| line.split_once(&format!("\t{level}\t")).map(|(_, m)| m)).collect()
    }

    /// The errors that were logged, as text.
    pub fn errors(&self) -> Vec<&str> {
        self.messages("error")
    }

    /// The warnings that were logged, as text.
    pub fn warnings(&self) -> Vec<&str> {
        self.messages("warn")
    }

    /// The lines of restore text: all of standard output but its comments.
    pub fn rules(&self) -> Vec<&str> {
        self.stdout.lines().filter(|line| !line.starts_with('#')).collect()
    }

    /// Expects a line of restore text that ends so.
    #[track_caller]
    pub fn has_rule(&self, end: &str) -> &Self {
        assert!(self.skipped || self.rules().iter().any(|rule| rule.ends_with(end)), "no {end:?} in {}", self.stdout);
        self
    }

    /// Expects that there is no such line.
    #[track_caller]
    pub fn has_no_rule(&self, part: &str) -> &Self {
        assert!(!self.rules().iter().any(|rule| rule.contains(part)), "{part:?} in {}", self.stdout);
        self
    }

    /// Expects warnings that hold these texts, one each, and no other.
    #[track_caller]
    pub fn warns(&self, parts: &[&str]) -> &Self {
        let found = self.warnings();
        let each = parts.iter().all(|part| found.iter().any(|message| message.contains(part)));
        assert!(self.skipped || (each && found.len() == parts.len()), "{found:?}, expected {parts:?}");
        self
    }

    /// Expects errors that hold these texts, and no more errors than texts.
    #[track_caller]
    pub fn fails_with(&self, parts: &[&str]) -> &Self {
        let found = self.errors();
        let each = parts.iter().all(|part| found.iter().any(|message| message.contains(part)));
        assert!(self.skipped || (each && found.len() <= parts.len()), "{found:?}, expected {parts:?}");
        self
    }
}
