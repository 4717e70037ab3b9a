//! What an installer has to be allowed: to be the owner of the node's directories, and nothing else.

use std::os::unix::fs::chown;
use std::process::{Command, Stdio};

use crate::node::{Called, LIST, Node, PROGRAM, list_with_object};

/// Installs once, with these options of setpriv.
fn with_rights(node: &Node, options: &[&str]) -> Called {
    let mut command = Command::new("setpriv");
    command.args(options).arg("--no-new-privs").arg(PROGRAM).args(node.arguments(&["install", "--once"]));
    command.stdin(Stdio::null()).output().unwrap().into()
}

const WITHOUT_CAPABILITIES: [&str; 2] = ["--inh-caps=-all", "--bounding-set=-all"];

#[test]
fn root_needs_no_capability() {
    if !harness::can_run(&["setpriv"]) {
        return;
    }
    let node = Node::with("10-a.conflist", LIST);
    let called = with_rights(&node, &WITHOUT_CAPABILITIES);
    assert_eq!(called.status, Some(0), "{}", called.log);
    assert_eq!(node.text("10-a.conflist"), list_with_object());
    assert!(node.has_program());
}

#[test]
fn another_user_gets_an_error_that_names_root() {
    if !harness::can_run(&["setpriv"]) {
        return;
    }
    let node = Node::with("10-a.conflist", LIST);
    let called = with_rights(&node, &["--reuid=65532", "--clear-groups"]);
    assert_eq!(called.status, Some(1), "{}", called.log);
    assert!(called.log.contains("run as root"), "{}", called.log);
    assert_eq!(node.text("10-a.conflist"), LIST);
}

#[test]
fn file_of_another_user_needs_a_capability_and_the_error_names_it() {
    if !harness::can_run(&["setpriv"]) {
        return;
    }
    let node = Node::with("10-a.conflist", LIST);
    chown(node.file("10-a.conflist"), Some(1234), None).unwrap();
    let called = with_rights(&node, &WITHOUT_CAPABILITIES);
    assert_eq!(called.status, Some(1), "{}", called.log);
    assert!(called.log.contains("cannot change the owner of") && called.log.contains("CHOWN"), "{}", called.log);
    assert_eq!(node.text("10-a.conflist"), LIST);
    assert_eq!(node.names(), ["10-a.conflist"]);
    let called = with_rights(&node, &["--inh-caps=-all", "--bounding-set=-all,+chown"]);
    assert_eq!(called.status, Some(0), "{}", called.log);
    assert_eq!(node.text("10-a.conflist"), list_with_object());
}
