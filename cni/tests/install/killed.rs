//! Installations that end at any moment, and several at once: the runtime always finds a whole file.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::node::{Called, LIST, Node, PROGRAM, list_with_object, with_object};
use crate::staying::PATIENCE;

const SINGLE: &str = r#"{"cniVersion":"0.3.1","name":"k8s-pod-network","type":"calico"}"#;

/// What can change a file or a directory. Before other system calls, a kill leaves the same as before the next of
/// these; `PROMISE_FULL=1` tries them too.
const CHANGING: [&str; 18] = [
    "chmod",
    "copy_file_range",
    "exit_group",
    "fchmod",
    "fchown",
    "flock",
    "fsync",
    "ftruncate",
    "link",
    "linkat",
    "openat",
    "rename",
    "renameat",
    "renameat2",
    "sendfile",
    "unlink",
    "unlinkat",
    "write",
];

/// What reads files and directories besides. Not `close`: for a directory, Rust's standard library takes it for granted.
const READING: [&str; 11] =
    ["fcntl", "fstat", "fstatfs", "getdents64", "lseek", "newfstatat", "open", "read", "readlink", "stat", "statx"];

/// Runs a call that meets this when it begins the system call `number` of that name, in strace's words: `signal=KILL`,
/// or `error=EIO`.
fn met_by(harm: &str, node: &Node, args: &[&str], call: &str, number: u32) -> Called {
    let inject = format!("inject={call}:{harm}:when={number}");
    let mut strace = Command::new("strace");
    strace.args(["-qq", "-o", "/dev/null", "-e", &inject, PROGRAM]).args(node.arguments(args));
    strace.stdin(Stdio::null()).output().unwrap().into()
}

/// The system calls of a call, and how often it makes each.
fn system_calls(node: &Node, args: &[&str]) -> BTreeMap<String, u32> {
    let trace = node.root().join("trace");
    let mut strace = Command::new("strace");
    strace.args(["-qq", "-e", "signal=none", "-o"]).arg(&trace).arg(PROGRAM).args(node.arguments(args));
    assert!(strace.stdin(Stdio::null()).stderr(Stdio::null()).status().unwrap().success());
    let mut calls = BTreeMap::new();
    for line in fs::read_to_string(trace).unwrap().lines() {
        if let Some((name, _)) =
            line.split_once('(').filter(|(name, _)| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
        {
            *calls.entry(name.to_owned()).or_insert(0) += 1;
        }
    }
    calls
}

/// Kills a call at each of its system calls. What the runtime reads then is one of `whole`, and the same call gets to
/// its end afterwards.
fn at_each_system_call(begin: &dyn Fn() -> Node, args: &[&str], whole: &[&str], end: &dyn Fn(&Node)) {
    if !harness::can_run(&["strace"]) {
        return;
    }
    let calls = system_calls(&begin(), args);
    let mut kills = 0;
    let full = std::env::var_os("PROMISE_FULL").is_some();
    for (call, count) in calls.iter().filter(|(call, _)| full || CHANGING.contains(&call.as_str())) {
        for number in 1..=*count {
            let node = begin();
            let what = format!("{args:?} killed at {call} {number} of {count}");
            if met_by("signal=KILL", &node, args, call, number).status == Some(0) {
                // Not every call has as many of each: some wait for a lock.
                continue;
            }
            kills += 1;
            let read = node.runtime_reads().unwrap_or_default();
            assert!(whole.contains(&read.as_str()), "{what}: {read:?}");
            if read.contains("istio-cni") {
                // A configuration never names a program that is not there.
                assert!(node.has_program(), "{what}");
            }
            let Called { status, log, .. } = node.call(args);
            assert_eq!(status, Some(0), "{what}: {log}");
            end(&node);
        }
    }
    assert!(kills > 20, "{kills} kills of {calls:?}");
    // Past the test harness, which keeps what goes well to itself.
    let _ = writeln!(std::io::stderr(), "{args:?}: {kills} kills, one at each system call that can change a file");
}

/// Lets each system call about files fail once. A call that succeeds all the same has done its work; any other one
/// gives the reason, leaves one of `whole`, and succeeds the next time.
fn at_each_failure(begin: &dyn Fn() -> Node, args: &[&str], whole: &[&str], end: &dyn Fn(&Node)) {
    if !harness::can_run(&["strace"]) {
        return;
    }
    let calls = system_calls(&begin(), args);
    let is_about_files = |call: &str| call != "exit_group" && (CHANGING.contains(&call) || READING.contains(&call));
    let mut failures = 0;
    for (call, count) in calls.iter().filter(|(call, _)| is_about_files(call)) {
        for number in 1..=*count {
            let node = begin();
            let what = format!("{args:?} whose {call} {number} of {count} fails");
            let Called { status, log, .. } = met_by("error=EIO", &node, args, call, number);
            // Only the program of a test build has libraries to load.
            if log.contains("error while loading shared libraries") {
                continue;
            }
            if status != Some(0) {
                failures += 1;
                assert_eq!(status, Some(1), "{what}: {log}");
                // Unless it is the message itself that cannot be written.
                assert!(log.contains("error: ") || call == "write", "{what}: {log:?}");
                let read = node.runtime_reads().unwrap_or_default();
                assert!(whole.contains(&read.as_str()), "{what}: {read:?}");
                assert!(node.has_program() || !read.contains("istio-cni"), "{what}");
                let Called { status, log, .. } = node.call(args);
                assert_eq!(status, Some(0), "{what}: {log}");
            }
            end(&node);
        }
    }
    assert!(failures > 10, "{failures} failures of {calls:?}");
}

/// A list that the program extended.
fn list_in_use() -> Node {
    let node = Node::in_memory("10-a.conflist", LIST);
    node.installed();
    node
}

fn list_as_before(node: &Node) {
    assert_eq!(node.names(), ["10-a.conflist"]);
    assert_eq!(node.text("10-a.conflist"), LIST);
    assert!(!node.program().exists());
}

/// A single plugin, and a list of the name that its own will have.
fn single_and_list() -> Node {
    let node = Node::in_memory("10-a.conf", SINGLE);
    node.write("10-a.conflist", LIST);
    node
}

/// The same, after the single plugin was made a list.
fn converted() -> Node {
    let node = single_and_list();
    node.installed();
    node
}

fn installed(node: &Node) {
    assert_eq!(node.text("10-a.conflist"), list_with_object());
    assert_eq!(node.names(), ["10-a.conflist"]);
    assert!(node.has_program());
    assert_eq!(fs::read_dir(node.bin()).unwrap().count(), 1);
}

#[test]
fn killed_installation_leaves_a_whole_file_and_the_next_one_ends_it() {
    let begin = || Node::in_memory("10-a.conflist", LIST);
    at_each_system_call(&begin, &["install", "--once"], &[LIST, &list_with_object()], &installed);
}

#[test]
fn killed_conversion_leaves_a_whole_file_and_the_next_one_ends_it() {
    let list = converted().text("10-a.conflist");
    at_each_system_call(&single_and_list, &["install", "--once"], &[SINGLE, &list], &|node| {
        assert_eq!(node.text("10-a.conflist"), list);
        assert_eq!(node.names(), ["10-a.conf.istio-cni-bak", "10-a.conflist", "10-a.conflist.istio-cni-bak"]);
    });
}

#[test]
fn killed_uninstallation_leaves_a_whole_file_and_the_next_one_ends_it() {
    at_each_system_call(&list_in_use, &["uninstall"], &[LIST, &list_with_object()], &list_as_before);
    let begin = || {
        let node = Node::in_memory("10-a.conf", SINGLE);
        node.installed();
        node
    };
    let list = begin().text("10-a.conflist");
    at_each_system_call(&begin, &["uninstall"], &[SINGLE, &list], &|node| {
        assert_eq!(node.names(), ["10-a.conf"]);
        assert_eq!(node.text("10-a.conf"), SINGLE);
        assert!(!node.program().exists());
    });
}

#[test]
fn failed_installation_leaves_a_whole_file_and_the_next_one_ends_it() {
    let begin = || Node::in_memory("10-a.conflist", LIST);
    at_each_failure(&begin, &["install", "--once"], &[LIST, &list_with_object()], &installed);
}

#[test]
fn failed_uninstallation_leaves_a_whole_file_and_the_next_one_ends_it() {
    at_each_failure(&list_in_use, &["uninstall"], &[LIST, &list_with_object()], &list_as_before);
}

#[test]
fn failed_conversion_loses_neither_file_and_the_next_one_ends_it() {
    let list = converted().text("10-a.conflist");
    at_each_failure(&single_and_list, &["install", "--once"], &[SINGLE, &list], &|node| {
        assert_eq!(node.text("10-a.conflist"), list);
        assert_eq!(node.text("10-a.conflist.istio-cni-bak"), LIST);
        assert_eq!(node.text("10-a.conf.istio-cni-bak"), SINGLE);
    });
    at_each_failure(&converted, &["uninstall"], &[SINGLE, &list], &|node| {
        assert_eq!((node.text("10-a.conf").as_str(), node.text("10-a.conflist").as_str()), (SINGLE, LIST));
        assert_eq!(node.names(), ["10-a.conf", "10-a.conflist"]);
    });
}

/// Whether what strace runs has begun renameat2(2).
fn held_up(strace: u32) -> bool {
    let children = fs::read_to_string(format!("/proc/{strace}/task/{strace}/children")).unwrap_or_default();
    let mut children = children.split_whitespace();
    let renaming = format!("{} ", nix::libc::SYS_renameat2);
    children
        .any(|child| fs::read_to_string(format!("/proc/{child}/syscall")).is_ok_and(|call| call.starts_with(&renaming)))
}

#[test]
fn what_another_writes_at_the_last_moment_is_not_lost() {
    if !harness::can_run(&["strace"]) {
        return;
    }
    let node = Node::in_memory("10-a.conflist", "");
    for rename in [false, true] {
        node.write("10-a.conflist", LIST);
        // Before the two files change places, and after the last look.
        let inject = "inject=renameat2:delay_enter=3s:when=1";
        let mut strace = Command::new("strace");
        strace.args(["-qq", "-o", "/dev/null", "-e", inject, PROGRAM]).args(node.arguments(&["install", "--once"]));
        let strace = strace.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let end = Instant::now() + PATIENCE;
        while !held_up(strace.id()) {
            assert!(Instant::now() < end, "the installer does not come to its rename");
            sleep(Duration::from_millis(1));
        }
        let theirs = LIST.replace("1.50", "1400");
        if rename {
            fs::write(node.file(".temporary"), &theirs).unwrap();
            fs::rename(node.file(".temporary"), node.file("10-a.conflist")).unwrap();
        } else {
            fs::write(node.file("10-a.conflist"), &theirs).unwrap();
        }
        let called: Called = strace.wait_with_output().unwrap().into();
        assert_eq!(called.status, Some(0), "{}", called.log);
        assert_eq!(node.text("10-a.conflist"), with_object(&theirs), "{}", called.log);
        assert_eq!(node.names(), ["10-a.conflist"]);
    }
}

#[test]
fn installers_at_once_leave_one_object() {
    for _ in 0..5 {
        let node = Node::with("10-a.conflist", LIST);
        let start = || node.command(&["install", "--once"]).stderr(Stdio::piped()).spawn().unwrap();
        let all: Vec<Child> = (0..6).map(|_| start()).collect();
        for one in all {
            let called: Called = one.wait_with_output().unwrap().into();
            assert_eq!(called.status, Some(0), "{}", called.log);
        }
        installed(&node);
    }
}

#[test]
fn installers_at_once_make_one_list_of_a_single_plugin() {
    for _ in 0..5 {
        let node = Node::with("10-a.conf", SINGLE);
        let start = || node.command(&["install", "--once"]).stderr(Stdio::piped()).spawn().unwrap();
        let all: Vec<Child> = (0..6).map(|_| start()).collect();
        for one in all {
            let called: Called = one.wait_with_output().unwrap().into();
            assert_eq!(called.status, Some(0), "{}", called.log);
        }
        assert_eq!(node.names(), ["10-a.conf.istio-cni-bak", "10-a.conflist"]);
        node.uninstalled();
        assert_eq!(node.text("10-a.conf"), SINGLE);
    }
}
