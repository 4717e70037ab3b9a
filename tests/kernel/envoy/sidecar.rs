//! A pod with an application and an Envoy, and a world with a server.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;

use nix::sys::memfd::{MFdFlags, memfd_create};

use super::config;
use crate::envoy::Mode;
use crate::support::{Case, Client, Family, STANDARD};
use harness::{APP, Backend, Namespace, ROOT, wait_until};

/// The path of Envoy, or the reason why there is none.
pub fn envoy() -> &'static Result<PathBuf, String> {
    static ENVOY: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    ENVOY.get_or_init(|| {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/envoy");
        let output = Command::new(script).output().map_err(|e| format!("{script}: {e}"))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!("Envoy cannot be had: {script}: {}: {}", output.status, said.trim()));
        }
        Ok(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()))
    })
}

/// A process that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Pod, sidecar and world.
pub struct Mesh {
    case: Case,
    mode: Mode,
    log: File,
    _processes: Vec<Running>,
}

impl Mesh {
    /// All of them running, but no rules.
    pub fn new(kind: Backend, mode: Mode, envoy: &PathBuf) -> Self {
        let case = Case::new(kind, Family::Ipv4);
        // With TPROXY, Envoy calls the application from the client's address and a port of its own choice. All
        // clients here have one address: if the client itself comes from that port later, both connections
        // would be the same one for the kernel. Many clients with few connections each hardly meet that.
        case.pod.sysctl("ipv4/ip_local_port_range", "20000 39999");
        case.world.sysctl("ipv4/ip_local_port_range", "40000 60999");
        let web = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/kernel/envoy/web.py");
        let serve = |namespace: &Namespace, arguments: &[&str]| {
            let mut command = Command::new("python3");
            command.arg(web).args(arguments).stdout(Stdio::piped());
            let mut child = namespace.enter(ROOT, || Running(command.spawn().expect("python3")));
            let mut line = String::new();
            BufReader::new(child.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
            assert_eq!(line, "ready\n");
            child
        };
        let app = serve(&case.pod, &["app", "8080", "15021"]);
        let server = serve(&case.world, &["server", "80", "8081", "9090"]);

        // The proxy opens its standard output anew.
        let log = File::from(memfd_create("envoy.log", MFdFlags::MFD_CLOEXEC).unwrap());
        std::os::unix::fs::fchown(&log, Some(1337), Some(1337)).unwrap();
        // Istio runs it as root in TPROXY mode, which transparent sockets need.
        let uid = if mode == Mode::Tproxy { "--reuid=0" } else { "--reuid=1337" };
        let mut command = Command::new("setpriv");
        command.args([uid, "--regid=1337", "--clear-groups"]).arg(envoy);
        command.args(["--config-yaml", &config::yaml(mode)]);
        command.args(["--disable-hot-restart", "--concurrency", "2", "-l", "warning"]);
        command.args(["--file-flush-interval-msec", "20"]).stdout(log.try_clone().unwrap());
        // Addresses that it binds must be there already: rules and addresses come later, sockets even later.
        let mut envoy = case.pod.enter(ROOT, || Running(command.spawn().expect("setpriv")));
        let pid = envoy.0.id();
        wait_until("Envoy listens", || {
            assert!(envoy.0.try_wait().unwrap().is_none(), "Envoy ended");
            let listening = |file: &str| {
                let text = std::fs::read_to_string(format!("/proc/{pid}/net/{file}")).unwrap_or_default();
                [":3A99 ", ":3A9E "].iter().all(|port| text.lines().any(|l| l.contains(port) && l.contains(" 0A ")))
            };
            listening("tcp") && listening("tcp6")
        });
        Self { case, mode, log, _processes: vec![app, server, envoy] }
    }

    /// The mode.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Calls the program in the pod.
    pub fn program(&self, flags: &[&str]) -> Output {
        let kind = self.case.kind.to_string();
        let mode = if self.mode == Mode::Tproxy { "TPROXY" } else { "REDIRECT" };
        let mut command = Command::new(crate::PROGRAM);
        command.args(STANDARD).args(["--force-iptables-binary", &kind, "--dual-stack", "-m", mode, "-o", "9090"]);
        command.args(flags).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        self.case.pod.enter_container("nameserver 10.96.0.53\n", || command.output().expect("the program runs"))
    }

    /// Applies rules.
    pub fn apply(&self, flags: &[&str]) {
        let output = self.program(flags);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// An application of the pod.
    pub fn application(&self) -> Client<'_> {
        Client::new(&self.case.pod, APP)
    }

    /// A client in the world.
    pub fn caller(&self) -> Client<'_> {
        Client::new(&self.case.world, ROOT)
    }

    /// What Envoy has logged until now, connections that have ended.
    pub fn log(&self) -> Vec<Line> {
        let mut bytes = vec![0; self.log.metadata().unwrap().len().try_into().unwrap()];
        self.log.read_exact_at(&mut bytes, 0).unwrap();
        let text = String::from_utf8(bytes).expect("the log is text");
        // The last line may be half written.
        text.split_inclusive('\n').filter(|l| l.ends_with('\n')).filter_map(Line::read).collect()
    }

    /// Waits until Envoy has logged this number of connections.
    #[track_caller]
    pub fn wait_for_log(&self, what: &str, count: usize, is: impl Fn(&Line) -> bool) -> Vec<Line> {
        let mut found = Vec::new();
        wait_until(what, || {
            found = self.log().into_iter().filter(&is).collect();
            found.len() >= count
        });
        found
    }
}

/// A line of Envoy's access log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Which listener.
    pub side: String,
    /// The original destination.
    pub to: SocketAddr,
    /// The caller.
    pub from: SocketAddr,
    /// Envoy's own address towards the destination.
    pub via: Option<SocketAddr>,
    /// The address it connected to.
    pub at: Option<SocketAddr>,
    /// What went wrong.
    pub flags: String,
}

impl Line {
    fn read(line: &str) -> Option<Self> {
        let words: Vec<_> = line.split_whitespace().collect();
        match words[..] {
            [side, "to", to, "from", from, "via", via, "at", at, "flags", flags] => Some(Self {
                side: side.to_owned(),
                to: to.parse().ok()?,
                from: from.parse().ok()?,
                via: via.parse().ok(),
                at: at.parse().ok(),
                flags: flags.to_owned(),
            }),
            _ => None,
        }
    }
}

/// Asks a web server over a connection that is there.
pub fn ask(stream: &mut TcpStream, path: &str) -> io::Result<()> {
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n").as_bytes())
}

/// The answer's text: who answered, whom it saw, and the path.
pub fn answer(stream: &mut TcpStream) -> io::Result<String> {
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    match text.split_once("\r\n\r\n") {
        Some((head, body)) if head.starts_with("HTTP/1.1 200 ") => Ok(body.trim_end().to_owned()),
        _ => Err(io::Error::other(format!("no answer: {text:?}"))),
    }
}

/// A request over a connection of its own.
pub fn request(client: Client<'_>, to: SocketAddr, path: &str) -> io::Result<String> {
    let mut stream = client.stream(to)?;
    ask(&mut stream, path)?;
    answer(&mut stream)
}
