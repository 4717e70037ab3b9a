//! What `status` reports about a node.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::node::{LIST, Node, list_with_object};

#[test]
fn status_shows_what_is_installed_and_what_is_not() {
    let node = Node::new();
    let (bin, conf) = (node.program().display().to_string(), node.file("10-a.conflist").display().to_string());
    let asked = |status| {
        let called = node.call(&["status"]);
        assert_eq!(called.status, Some(status), "{}{}", called.out, called.log);
        called.out
    };
    let out = asked(3);
    assert!(
        out.starts_with(&format!("program        {bin}, missing\nconfiguration  none yet\ninstalled      no\n")),
        "{out}"
    );
    node.write("10-a.conflist", LIST);
    assert!(asked(3).contains(&format!("configuration  {conf}, without istio-cni\n")));
    node.installed();
    assert_eq!(
        asked(0),
        format!(
            "program        {bin}, version {}, the same as this one\nconfiguration  {conf}, plugin 3 of 3\nannotations    requested\ninstalled      yes\n",
            env!("CARGO_PKG_VERSION")
        )
    );
    for (mode, status, problem) in
        [(0o644, 3, "is not executable: no pod can start"), (0o700, 0, "is not executable by everyone")]
    {
        fs::set_permissions(node.program(), fs::Permissions::from_mode(mode)).unwrap();
        let out = asked(status);
        assert!(out.contains(&format!("problem        {bin} {problem}\n")), "{out}");
    }
    fs::write(node.program(), "of Istio").unwrap_or_else(|_| {
        fs::remove_file(node.program()).unwrap();
        fs::write(node.program(), "of Istio").unwrap();
    });
    let out = asked(3);
    assert!(out.contains("another program\n") && out.contains("problem        "), "{out}");
    node.write("10-a.conflist", &list_with_object().replace("\":true", "\":false"));
    let out = asked(3);
    assert!(out.contains("annotations    not requested\n"), "{out}");
    fs::remove_dir_all(node.bin()).unwrap();
    fs::remove_dir_all(node.conf()).unwrap();
    assert!(asked(3).contains("net.d yet"));
}

#[test]
fn status_is_printed_as_json() {
    let node = Node::with("10-a.conflist", LIST);
    node.installed();
    let called = node.call(&["status", "--output=json"]);
    let status: serde_json::Value = serde_json::from_str(&called.out).unwrap();
    let wanted = serde_json::json!({
        "installed": true,
        "program": {
            "path": node.program(), "present": true, "version": env!("CARGO_PKG_VERSION"), "same": true,
        },
        "configuration": {"path": node.file("10-a.conflist"), "plugins": 3, "position": 3, "annotations": true},
        "problems": [],
    });
    assert_eq!(status, wanted);
    assert_eq!(node.call(&["status", "--output=yaml"]).status, Some(2));
}

#[test]
fn status_that_cannot_be_determined_is_an_error() {
    let node = Node::new();
    fs::remove_dir(node.conf()).unwrap();
    fs::write(node.conf(), "").unwrap();
    let called = node.call(&["status"]);
    assert_eq!((called.status, called.out.as_str()), (Some(1), ""));
    assert!(called.log.contains("cannot read the directory"), "{}", called.log);
}
