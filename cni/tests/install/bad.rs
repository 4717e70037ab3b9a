//! Directories and files that are not as they should be.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use crate::node::{Called, LIST, Node, PROGRAM, bytes, list_with_object};

#[test]
fn wrong_usage_names_the_flag_and_the_value() {
    let node = Node::new();
    for (args, named) in [
        (&["install", "--once", "--plugin-config", "{"][..], "--plugin-config is not a JSON object"),
        (&["install", "--once", "--plugin-config", r#"{"type":"calico"}"#], r#""type" is "calico""#),
        (&["install", "--once", "--plugin-config", r#"{"validate":1}"#], "validate"),
        (&["install", "--once", "--config", "/nowhere"], "cannot read --config /nowhere"),
        (&["install", "--once", "--conf-name", "../a.conflist"], "--conf-name cannot be ../a.conflist"),
        (&["install", "--once", "--conf-name", "a.txt"], "--conf-name cannot be a.txt"),
        (&["install", "--nonsense"], "--nonsense"),
        (&["nonsense"], "nonsense"),
    ] {
        let called: Called = Command::new(PROGRAM).args(args).output().unwrap().into();
        assert_eq!(called.status, Some(2), "{args:?}: {}", called.log);
        assert!(called.log.contains(named), "{args:?}: {}", called.log);
    }
    assert!(node.names().is_empty());
    for (args, named) in
        [(["--help"], "Without a command it is a CNI plugin"), (["--version"], env!("CARGO_PKG_VERSION"))]
    {
        let called: Called = Command::new(PROGRAM).args(args).output().unwrap().into();
        assert_eq!((called.status, called.log.as_str()), (Some(0), ""));
        assert!(called.out.contains(named), "{}", called.out);
    }
}

#[test]
fn link_out_of_the_directory_is_not_followed() {
    for target in ["/etc/passwd", "../outside", "sub/file", "10-a.conflist"] {
        let node = Node::new();
        fs::write(node.root().join("outside"), LIST).unwrap();
        symlink(target, node.file("10-a.conflist")).unwrap();
        node.write("20-b.conflist", LIST);
        let called = node.once(&[]);
        assert_eq!(called.status, Some(1), "{}", called.log);
        assert!(called.log.contains("10-a.conflist is a symbolic link to"), "{}", called.log);
        assert!(called.log.contains("--conf-name"), "{}", called.log);
        // The runtime does not read this one.
        assert_eq!(node.text("20-b.conflist"), LIST);
        assert_eq!(bytes(&node.root().join("outside")), LIST.as_bytes());
        assert_eq!(node.once(&["--conf-name=20-b.conflist"]).status, Some(0));
    }
}

#[test]
fn program_that_is_a_link_is_replaced_and_what_it_leads_to_stays() {
    let node = Node::with("10-a.conflist", LIST);
    fs::write(node.root().join("other"), "other").unwrap();
    symlink("../other", node.program()).unwrap();
    node.installed();
    assert!(node.has_program() && !node.program().is_symlink());
    assert_eq!(bytes(&node.root().join("other")), b"other");
}

#[test]
fn directory_in_the_place_of_the_program_is_an_error() {
    let node = Node::with("10-a.conflist", LIST);
    fs::create_dir(node.program()).unwrap();
    let called = node.once(&[]);
    assert_eq!(called.status, Some(1));
    assert!(called.log.contains("cannot write") && called.log.contains("remove that directory"), "{}", called.log);
    // A configuration without its program would stop all pods.
    assert_eq!(node.text("10-a.conflist"), LIST);
    assert_eq!(fs::read_dir(node.bin()).unwrap().count(), 1);
}

#[test]
fn missing_directory_of_programs_is_an_error() {
    let node = Node::with("10-a.conflist", LIST);
    fs::remove_dir(node.bin()).unwrap();
    let called = node.once(&[]);
    assert_eq!(called.status, Some(1));
    assert!(called.log.contains("cannot open the directory") && called.log.contains("--bin-dir"), "{}", called.log);
    assert_eq!(node.text("10-a.conflist"), LIST);
}

#[test]
fn file_in_the_place_of_the_directory_is_an_error() {
    let node = Node::new();
    fs::remove_dir(node.conf()).unwrap();
    fs::write(node.conf(), "").unwrap();
    let called = node.once(&[]);
    assert_eq!(called.status, Some(1));
    assert!(called.log.contains("name another one"), "{}", called.log);
}

#[test]
fn odd_files_are_skipped_with_the_reason() {
    let node = Node::with("99-good.conflist", LIST);
    let odd: [(&str, &[u8]); 5] = [
        ("01.conflist", b"\xff\xfe{}"),
        ("02.conflist", b"null"),
        ("03.conflist", b"\xef\xbb\xbf{}"),
        ("04.conf", b"{\"name\":\"a\",\"type\":1}"),
        ("05.json", b"["),
    ];
    for (name, bytes) in odd {
        fs::write(node.file(name), bytes).unwrap();
        node.age(name);
    }
    let fifo = node.file("06.conflist");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    fs::write(node.file("07.conflist"), " ".repeat(5 << 20)).unwrap();
    node.age("07.conflist");
    let log = node.installed().log;
    assert_eq!(node.text("99-good.conflist"), list_with_object());
    for name in ["01.conflist", "02.conflist", "03.conflist", "04.conf", "05.json", "06.conflist", "07.conflist"] {
        assert!(
            log.lines().any(|line| line.contains(name) && line.contains("a runtime may fail on it")),
            "{name}: {log}"
        );
    }
    node.uninstalled();
    assert_eq!(node.text("99-good.conflist"), LIST);
}

#[test]
fn one_of_forty_files_is_changed() {
    let node = Node::new();
    for number in 10..50 {
        node.write(&format!("{number}-a.conflist"), LIST);
    }
    node.installed();
    assert_eq!(node.text("10-a.conflist"), list_with_object());
    assert!((11..50).all(|number| node.text(&format!("{number}-a.conflist")) == LIST));
}

/// Runs a script with mounts of its own, with the node's directories and the program in its environment.
fn with_mounts(node: &Node, script: &str) -> Called {
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-euc", script]);
    command.env("PROGRAM", PROGRAM).env("BIN", node.bin()).env("CONF", node.conf());
    command.output().unwrap().into()
}

#[test]
fn read_only_directories_are_errors_and_stay_unchanged() {
    if !harness::can_run(&["unshare", "mount"]) {
        return;
    }
    for directory in ["BIN", "CONF"] {
        let node = Node::with("10-a.conflist", LIST);
        let script = format!(
            "mount --bind ${directory} ${directory}; mount -o remount,bind,ro ${directory}
            exec $PROGRAM install --once --bin-dir=$BIN --conf-dir=$CONF"
        );
        let called = with_mounts(&node, &script);
        assert_eq!(called.status, Some(1), "{}", called.log);
        assert!(
            called.log.contains("cannot make the file") && called.log.contains("mount it writable"),
            "{}",
            called.log
        );
        assert_eq!(node.text("10-a.conflist"), LIST);
        // With all in place, nothing has to be written.
        node.installed();
        let called = with_mounts(&node, &script);
        assert_eq!(called.status, Some(0), "{}", called.log);
    }
}

#[test]
fn full_file_systems_are_reported_and_files_stay_whole() {
    if !harness::can_run(&["unshare", "mount"]) {
        return;
    }
    let node = Node::with("10-a.conflist", LIST);
    // The configuration's is full to the last page; there is room for a part of the program.
    let called = with_mounts(
        &node,
        "mkdir $CONF/full $BIN/full
        mount -t tmpfs -o size=64k none $CONF/full; mount -t tmpfs -o size=256k none $BIN/full
        cp $CONF/10-a.conflist $CONF/full; cat /dev/zero > $CONF/full/fill 2>/dev/null || :
        $PROGRAM install --once --bin-dir=$BIN/full --conf-dir=$CONF && exit 7
        ls -A $BIN/full
        $PROGRAM install --once --bin-dir=$BIN --conf-dir=$CONF/full && exit 8
        ls -A $CONF/full; cat $CONF/full/10-a.conflist",
    );
    assert_eq!(called.status, Some(0), "{}", called.log);
    assert_eq!(called.log.matches("free space there").count(), 2, "{}", called.log);
    assert_eq!(called.out, format!("10-a.conflist\nfill\n{LIST}"));
}

#[test]
fn directory_that_was_deleted_on_the_node_is_an_error() {
    if !harness::can_run(&["unshare", "mount"]) {
        return;
    }
    let node = Node::new();
    let called = with_mounts(
        &node,
        "mkdir $CONF/mounted $CONF/real; mount --bind $CONF/real $CONF/mounted; rmdir $CONF/real
        exec $PROGRAM install --once --bin-dir=$BIN --conf-dir=$CONF/mounted",
    );
    assert_eq!(called.status, Some(1), "{}", called.log);
    assert!(
        called.log.contains("was deleted on the node") && called.log.contains("restart this container"),
        "{}",
        called.log
    );
}
