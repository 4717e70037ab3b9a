//! Network namespaces. A thread enters one, does its work and ends; sockets stay in the namespace they were
//! made in, so that the test itself, which never enters any, can go on with them.

use std::fs::File;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::process::{Command, Stdio};
use std::thread;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns, unshare};
use nix::unistd::{Gid, Uid, setfsgid, setfsuid};

/// A user and a group. Owner matches look at the filesystem ids of whoever made the socket (`xt_owner.c`:
/// `f_cred->fsuid`); those are a thread's own (setfsuid(2)) and follow the effective ids in a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Who {
    pub uid: u32,
    pub gid: u32,
}

/// The administrator, and everything outside of the pod.
pub const ROOT: Who = Who { uid: 0, gid: 0 };
/// An application.
pub const APP: Who = Who { uid: 1000, gid: 1000 };
/// The proxy.
pub const PROXY: Who = Who { uid: 1337, gid: 1337 };
/// The proxy in TPROXY mode, where Istio runs it as root, which transparent sockets need, with its own group.
/// The rules count on that: what user 1337 sends to the pod from a client's address is redirected to itself.
pub const TPROXY_PROXY: Who = Who { uid: 0, gid: 1337 };

/// A network namespace. It ends with the last that holds it: this handle, threads in it, and sockets.
pub struct Namespace {
    name: &'static str,
    handle: File,
}

impl Namespace {
    /// A new one, without anything but a `lo` that is down.
    pub fn new(name: &'static str) -> Self {
        let make = || {
            unshare(CloneFlags::CLONE_NEWNET).expect("unshare of a network namespace");
            File::open("/proc/thread-self/ns/net").expect("the thread's network namespace")
        };
        let namespace = Self { name, handle: thread::spawn(make).join().expect("thread") };
        eprintln!("{name}: nsenter --net={}", namespace.path());
        namespace
    }

    /// Where other programs find it while the test runs.
    pub fn path(&self) -> String {
        format!("/proc/{}/fd/{}", std::process::id(), self.handle.as_raw_fd())
    }

    /// Does something in the namespace, in a thread of its own.
    pub fn enter<R: Send>(&self, who: Who, work: impl FnOnce() -> R + Send) -> R {
        let visit = move || {
            setns(&self.handle, CloneFlags::CLONE_NEWNET).expect("setns");
            refuse_initial();
            become_(who);
            work()
        };
        thread::scope(|scope| scope.spawn(visit).join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    }

    /// As [`Self::enter`], with files as a container has them: `/run` empty and its own (with it, the xtables
    /// lock), `/etc/resolv.conf` with this text.
    pub fn enter_container<R: Send>(&self, resolv_conf: &str, work: impl FnOnce() -> R + Send) -> R {
        self.enter(ROOT, || {
            unshare(CloneFlags::CLONE_NEWNS).expect("unshare of a mount namespace");
            let none = None::<&str>;
            mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).expect("private mounts");
            mount(Some("tmpfs"), "/run", Some("tmpfs"), MsFlags::empty(), none).expect("tmpfs on /run");
            std::fs::write("/run/resolv.conf", resolv_conf).expect("resolv.conf");
            let target = std::fs::canonicalize("/etc/resolv.conf").expect("resolv.conf of the machine");
            mount(Some("/run/resolv.conf"), &target, none, MsFlags::MS_BIND, none).expect("bind over resolv.conf");
            work()
        })
    }

    /// Runs a program in the namespace; it must succeed. Returns what it prints.
    pub fn run(&self, program: &str, arguments: &[&str], input: &str) -> String {
        self.enter(ROOT, || run(Command::new(program).args(arguments), input))
    }

    /// Commands of ip(8), one per line.
    pub fn ip(&self, commands: &str) {
        self.run("ip", &["-batch", "-"], commands);
    }

    /// Sets a kernel parameter of the namespace.
    pub fn sysctl(&self, name: &str, value: &str) {
        self.enter(ROOT, || std::fs::write(format!("/proc/sys/net/{name}"), value).expect(name));
    }

    /// Wires two namespaces; the interface has the same or another name at each end.
    pub fn wire(&self, interface: &str, other: &Self, other_interface: &str) {
        let path = other.path();
        self.ip(&format!("link add {interface} type veth peer name {other_interface} netns {path}\n"));
    }

    /// For messages.
    pub fn name(&self) -> &'static str {
        self.name
    }
}

/// Runs a program with an input; it must succeed. Returns what it prints.
pub fn run(command: &mut Command, input: &str) -> String {
    let call = format!("{command:?}");
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|e| panic!("{call}: {e}"));
    // A program that fails early does not read all: its status tells, not this.
    let _ = child.stdin.take().expect("a pipe").write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap_or_else(|e| panic!("{call}: {e}"));
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{call}: {}\n{err}{out}\ninput:\n{input}", output.status);
    out.into_owned()
}

/// The inode of the machine's first network namespace, fixed since Linux 6.18 (`NET_NS_INIT_INO`,
/// linux/nsfs.h); below all that are given out.
const INITIAL: u64 = 0xEFFF_FFF9;

/// Rules in the machine's own namespace would cut it off. The main thread is in it, since it enters no other;
/// so is the first process, whose namespace not everyone may see.
pub fn refuse_initial() {
    let inode = |path| std::fs::metadata(path).map(|m: std::fs::Metadata| m.ino());
    let here = inode("/proc/thread-self/ns/net").expect("the thread's network namespace");
    let main = inode("/proc/self/ns/net").expect("the main thread's network namespace");
    let machine = [Some(INITIAL), Some(main), inode("/proc/1/ns/net").ok()];
    assert!(!machine.contains(&Some(here)), "refused: this is the machine's own network namespace");
}

/// Only for this thread.
fn become_(who: Who) {
    let (uid, gid) = (Uid::from_raw(who.uid), Gid::from_raw(who.gid));
    setfsgid(gid);
    setfsuid(uid);
    // They return the ids until now, and no error.
    assert_eq!((setfsuid(uid), setfsgid(gid)), (uid, gid), "setfsuid, setfsgid");
}
