//! What an installation does to a directory, and that uninstalling reverts it.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};

use crate::node::{LIST, Node, OBJECT, bytes, list_with_object, with_object};

#[test]
fn program_and_object_are_put_in_place_and_taken_away() {
    let node = Node::with("10-calico.conflist", LIST);
    let log = node.installed().log;
    assert!(node.has_program());
    assert_eq!(fs::metadata(node.program()).unwrap().permissions().mode() & 0o7777, 0o755);
    assert_eq!(node.text("10-calico.conflist"), list_with_object());
    assert!(log.contains("istio-cni written: it was not there") && log.contains("it had no istio-cni"), "{log}");
    let log = node.uninstalled().log;
    assert_eq!(node.text("10-calico.conflist"), LIST);
    assert!(!node.program().exists());
    assert!(log.contains("istio-cni was removed from") && log.contains("removed, version"), "{log}");
    assert_eq!(node.names(), ["10-calico.conflist"]);
    assert!(node.uninstalled().log.contains("nothing was installed"));
}

#[test]
fn nothing_is_written_if_all_is_in_place() {
    let node = Node::with("10-calico.conflist", LIST);
    node.installed();
    let look = || {
        [node.program(), node.file("10-calico.conflist")].map(|file| {
            let metadata = fs::metadata(file).unwrap();
            (metadata.ino(), metadata.mtime_nsec(), metadata.ctime_nsec())
        })
    };
    let before = look();
    let log = node.installed().log;
    assert_eq!(look(), before);
    assert!(!log.contains("written") && log.contains("in place, in "), "{log}");
}

#[test]
fn mode_and_owner_are_kept() {
    if !harness::can_run(&[""; 0]) {
        return;
    }
    let node = Node::with("10-a.conflist", LIST);
    let file = node.file("10-a.conflist");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    chown(&file, Some(1234), Some(4321)).unwrap();
    node.installed();
    let metadata = fs::metadata(&file).unwrap();
    assert_eq!((metadata.mode() & 0o7777, metadata.uid(), metadata.gid()), (0o640, 1234, 4321));
}

#[test]
fn configuration_goes_into_the_object() {
    let node = Node::with("10-a.conflist", LIST);
    let wanted =
        |inner: &str| LIST.replace("]}", &format!(",{}]}}", OBJECT.replace(",\"cap", &format!(",{inner},\"cap"))));
    assert_eq!(node.once(&["--plugin-config", r#"{"validate": true}"#]).status, Some(0));
    assert_eq!(node.text("10-a.conflist"), wanted(r#""validate":true"#));
    let log = node.once(&["--plugin-config", r#"{"log_level": "debug"}"#]).log;
    assert_eq!(node.text("10-a.conflist"), wanted(r#""log_level":"debug""#));
    assert!(log.contains("its istio-cni had a different configuration"), "{log}");
    fs::write(node.root().join("config"), r#"{"backend": "nft"}"#).unwrap();
    let config = format!("--config={}", node.root().join("config").display());
    assert_eq!(node.once(&[&config]).status, Some(0));
    assert_eq!(node.text("10-a.conflist"), wanted(r#""backend":"nft""#));
    let mut call = node.command(&["install", "--once"]);
    assert!(call.env("ISTIO_CNI_PLUGIN_CONFIG", r#"{"backend":"auto"}"#).status().unwrap().success());
    assert_eq!(node.text("10-a.conflist"), wanted(r#""backend":"auto""#));
}

#[test]
fn configuration_of_standard_input_goes_into_the_object() {
    let node = Node::with("10-a.conflist", LIST);
    fs::write(node.root().join("config"), r#"{"backend": "nft"}"#).unwrap();
    let mut call = node.command(&["install", "--once", "--config=-"]);
    call.stdin(fs::File::open(node.root().join("config")).unwrap());
    assert!(call.status().unwrap().success());
    assert!(node.text("10-a.conflist").contains(r#"{"type":"istio-cni","backend":"nft","#));
}

const SINGLE: &str =
    "{\n  \"cniVersion\": \"0.3.1\",\n  \"name\": \"mynet\",\n  \"type\": \"ptp\",\n  \"mtu\": 1.50\n}\n";

#[test]
fn single_plugin_becomes_a_list_and_goes_back() {
    for name in ["10-ptp.conf", "10-ptp.json"] {
        let node = Node::with(name, SINGLE);
        fs::set_permissions(node.file(name), fs::Permissions::from_mode(0o600)).unwrap();
        node.installed();
        let kept = format!("{name}.istio-cni-bak");
        let mut names = [kept, "10-ptp.conflist".to_owned()];
        names.sort();
        assert_eq!(node.names(), names);
        assert_eq!(
            node.text("10-ptp.conflist"),
            "{\n  \"cniVersion\": \"0.3.1\",\n  \"name\": \"mynet\",\n  \"plugins\": [\n    {\n      \"type\": \"ptp\",\n      \"mtu\": 1.50\n    },\n    {\n      \"type\": \"istio-cni\",\n      \"capabilities\": {\n        \"io.kubernetes.cri.pod-annotations\": true\n      }\n    }\n  ]\n}\n"
        );
        assert_eq!(fs::metadata(node.file("10-ptp.conflist")).unwrap().mode() & 0o7777, 0o600);
        node.installed();
        // Another program writes it again, as its installer does at each start.
        node.write(name, &SINGLE.replace("1.50", "1400"));
        node.installed();
        assert!(node.text("10-ptp.conflist").contains("\"mtu\": 1400"));
        node.write(name, SINGLE);
        node.installed();
        node.uninstalled();
        assert_eq!(node.names(), [name]);
        assert_eq!(node.text(name), SINGLE);
    }
}

#[test]
fn list_that_was_changed_since_it_was_made_of_a_single_plugin_stays() {
    let node = Node::with("10-ptp.conf", SINGLE);
    node.installed();
    node.write("10-ptp.conflist", &with_object(LIST));
    let log = node.uninstalled().log;
    assert_eq!(node.text("10-ptp.conflist"), LIST);
    assert_eq!(node.names(), ["10-ptp.conf.istio-cni-bak", "10-ptp.conflist"]);
    assert!(log.contains("can be removed"), "{log}");
}

#[test]
fn list_beside_a_single_plugin_is_kept_and_comes_back() {
    let node = Node::with("10-ptp.conf", SINGLE);
    node.write("10-ptp.conflist", LIST);
    node.installed();
    assert!(node.text("10-ptp.conflist").contains("\"type\": \"ptp\""));
    node.uninstalled();
    assert_eq!(node.names(), ["10-ptp.conf", "10-ptp.conflist"]);
    assert_eq!([node.text("10-ptp.conf").as_str(), node.text("10-ptp.conflist").as_str()], [SINGLE, LIST]);
}

#[test]
fn first_file_by_name_that_a_runtime_can_use_is_taken() {
    let node = Node::with("20-b.conflist", LIST);
    node.write("30-c.conflist", LIST);
    node.write("05-torn.conflist", &LIST[..40]);
    node.write("06-empty.conf", "");
    node.write("07-no-plugin.conflist", r#"{"name":"a","plugins":[]}"#);
    node.write("08-list.conf", LIST);
    node.write("00-ignored.txt", LIST);
    fs::create_dir(node.file("01-directory.conflist")).unwrap();
    let log = node.installed().log;
    assert_eq!(node.text("20-b.conflist"), list_with_object());
    assert_eq!(node.text("30-c.conflist"), LIST);
    for name in ["05-torn.conflist", "06-empty.conf", "07-no-plugin.conflist", "08-list.conf"] {
        assert!(log.contains(&format!("{name}, but a runtime may fail on it: ")), "{name}: {log}");
    }
}

#[test]
fn named_file_is_taken() {
    let node = Node::with("10-a.conflist", LIST);
    node.write("20-b.conflist", LIST);
    assert_eq!(node.once(&["--conf-name=20-b.conflist"]).status, Some(0));
    assert_eq!([node.text("10-a.conflist").as_str(), &node.text("20-b.conflist")], [LIST, &list_with_object()]);
    node.write("30-c.conf", SINGLE);
    for _ in 0..2 {
        assert_eq!(node.once(&["--conf-name=30-c.conf"]).status, Some(0));
        assert_eq!(node.text("20-b.conflist"), LIST);
        assert!(node.text("30-c.conflist").contains("istio-cni"));
    }
}

#[test]
fn object_moves_to_a_file_that_comes_first_now() {
    let node = Node::with("10-a.conf", SINGLE);
    node.installed();
    node.write("05-b.conflist", LIST);
    node.installed();
    assert_eq!(node.names(), ["05-b.conflist", "10-a.conf"]);
    assert_eq!([node.text("05-b.conflist").as_str(), &node.text("10-a.conf")], [&list_with_object(), SINGLE]);
}

#[test]
fn istios_own_plugin_is_replaced_and_never_removed() {
    let istio = r#"{"type":"istio-cni","kubernetes":{"exclude_namespaces":["istio-system"]}}"#;
    let with_istio = LIST.replace("]}", &format!(",{istio}]}}"));
    let node = Node::with("10-a.conflist", &with_istio);
    fs::write(node.program(), "of Istio").unwrap();
    let log = node.uninstalled().log;
    assert_eq!(node.text("10-a.conflist"), with_istio);
    assert_eq!(bytes(&node.program()), b"of Istio");
    assert!(log.contains("is another program, and is kept"), "{log}");
    let log = node.installed().log;
    assert_eq!(node.text("10-a.conflist"), list_with_object());
    assert!(node.has_program());
    assert!(log.contains("perhaps Istio's own plugin"), "{log}");
}

#[test]
fn links_within_the_directory_are_followed() {
    let node = Node::with("real", LIST);
    symlink("real", node.file("next")).unwrap();
    symlink("./next", node.file("10-a.conflist")).unwrap();
    node.installed();
    assert_eq!(node.text("real"), list_with_object());
    assert!(node.file("10-a.conflist").is_symlink());
    node.uninstalled();
    assert_eq!(node.text("real"), LIST);
    assert!(node.file("10-a.conflist").is_symlink());
}
