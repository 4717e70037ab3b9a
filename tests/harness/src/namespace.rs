//! Network namespaces. A thread enters one, does its work and ends; sockets stay in the namespace they were
//! made in, so that the test itself, which never enters any, can go on with them.

use std::fs::{self, File};
use std::net::Ipv6Addr;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;
use std::thread;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns, unshare};
use nix::unistd::{Gid, Uid, gettid, setfsgid, setfsuid};

use crate::run;

/// A user and a group. Owner matches look at the filesystem ids of the process that made the socket (`xt_owner.c`:
/// `f_cred->fsuid`); those are a thread's own (setfsuid(2)) and follow the effective ids in a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Who {
    /// The user.
    pub uid: u32,
    /// The group.
    pub gid: u32,
}

/// The administrator, and everything outside of the pod.
pub const ROOT: Who = Who { uid: 0, gid: 0 };
/// An application.
pub const APP: Who = Who { uid: 1000, gid: 1000 };
/// The proxy.
pub const PROXY: Who = Who { uid: 1337, gid: 1337 };
/// The proxy in TPROXY mode. Istio runs it as root, since transparent sockets need that, with its own group.
/// The rules depend on that: what user 1337 sends to the pod from a client's address is redirected to itself.
pub const TPROXY_PROXY: Who = Who { uid: 0, gid: 1337 };

/// The folder in /proc of the calling thread, for other threads and programs to look at: its namespaces are its own.
/// proc_pid_task(5)
pub fn thread_folder() -> String {
    format!("/proc/{}/task/{}", std::process::id(), gettid())
}

/// Runs `test` in a new network namespace, which goes with it.
pub fn in_namespace<T: Send>(test: impl FnOnce() -> T + Send) -> T {
    on_thread(|| {
        leave();
        test()
    })
}

/// Runs something on a thread of its own, and fails as it does.
fn on_thread<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| scope.spawn(work).join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
}

/// Brings the calling thread into a new network namespace.
fn leave() {
    unshare(CloneFlags::CLONE_NEWNET).expect("root may make a network namespace");
    refuse_initial();
}

/// Gives the calling thread files as a container has them: `/run` is empty and its own, and with it the lock of legacy
/// iptables.
pub fn own_files() {
    unshare(CloneFlags::CLONE_NEWNS).expect("root may make a mount namespace");
    let none = None::<&str>;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).expect("private mounts");
    mount(Some("tmpfs"), "/run", Some("tmpfs"), MsFlags::empty(), none).expect("tmpfs on /run");
}

/// Gives the calling thread, which has files of its own, this `/etc/resolv.conf`.
pub fn resolve_with(text: &str) {
    let (here, none) = (Path::new("/run/resolv.conf"), None::<&str>);
    let first = !here.exists();
    fs::write(here, text).expect("resolv.conf");
    if first {
        let place = fs::canonicalize("/etc/resolv.conf").expect("resolv.conf of the machine");
        mount(Some(here), &place, none, MsFlags::MS_BIND, none).expect("bind over resolv.conf");
    }
}

/// Whether the calling thread's namespace delivers packets to these addresses: the kernel adds the routes for it some
/// time after the addresses (`addrconf_dad_work`).
pub fn delivers(addresses: impl IntoIterator<Item = Ipv6Addr>) -> bool {
    let routes = fs::read_to_string("/proc/thread-self/net/ipv6_route").expect("the routes can be read");
    let there = |host: String| routes.lines().any(|l| l.starts_with(&host) && l.contains(" 80200001 "));
    addresses.into_iter().all(|address| there(format!("{:032x} 80 ", address.to_bits())))
}

/// A network namespace. It ends with the last that holds it: this handle, threads in it, and sockets.
pub struct Namespace {
    name: &'static str,
    handle: File,
}

impl Namespace {
    /// A new one, without anything but a `lo` that is down.
    pub fn new(name: &'static str) -> Self {
        let make = || {
            leave();
            File::open(OWN).expect("the thread's network namespace")
        };
        let namespace = Self { name, handle: on_thread(make) };
        eprintln!("{name}: nsenter --net={}", namespace.path());
        namespace
    }

    /// One that another program made, at this path.
    pub fn at(name: &'static str, path: &Path) -> Self {
        Self { name, handle: File::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display())) }
    }

    /// The path by which other programs find it while the test runs.
    pub fn path(&self) -> String {
        format!("/proc/{}/fd/{}", std::process::id(), self.handle.as_raw_fd())
    }

    /// Does something in the namespace, in a thread of its own.
    pub fn enter<R: Send>(&self, who: Who, work: impl FnOnce() -> R + Send) -> R {
        on_thread(move || {
            self.join();
            become_(who);
            work()
        })
    }

    /// Brings the calling thread into the namespace, for good.
    pub fn join(&self) {
        setns(&self.handle, CloneFlags::CLONE_NEWNET).expect("setns");
        refuse_initial();
    }

    /// As [`Self::enter`], with files as a container has them and this `/etc/resolv.conf`.
    pub fn enter_container<R: Send>(&self, resolv_conf: &str, work: impl FnOnce() -> R + Send) -> R {
        self.enter(ROOT, || {
            own_files();
            resolve_with(resolv_conf);
            work()
        })
    }

    /// Runs a program in the namespace; it must succeed. Returns what it prints. Legacy iptables locks the file of the
    /// namespace itself, which no other test has.
    #[track_caller]
    pub fn run(&self, program: &str, arguments: &[&str], input: &str) -> String {
        self.enter(ROOT, || run(Command::new(program).args(arguments).env("XTABLES_LOCKFILE", OWN), input))
    }

    /// Commands of ip(8), one per line.
    pub fn ip(&self, commands: &str) {
        self.run("ip", &["-batch", "-"], commands);
    }

    /// Sets a kernel parameter of the namespace.
    pub fn sysctl(&self, name: &str, value: &str) {
        self.enter(ROOT, || fs::write(format!("/proc/sys/net/{name}"), value).expect(name));
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

/// The network namespace of the thread that asks.
const OWN: &str = "/proc/thread-self/ns/net";

/// The inode of the machine's first network namespace, fixed since Linux 6.18 (`NET_NS_INIT_INO`,
/// linux/nsfs.h); below all that are given out.
const INITIAL: u64 = 0xEFFF_FFF9;

/// Rules in the machine's own namespace would cut it off. The main thread is in it, since it enters no other;
/// so is the first process, whose namespace not everyone may see.
pub fn refuse_initial() {
    let inode = |path| fs::metadata(path).map(|m: fs::Metadata| m.ino());
    let here = inode(OWN).expect("the thread's network namespace");
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
