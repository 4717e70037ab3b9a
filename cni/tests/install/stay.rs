//! An installer that keeps running repairs what other programs overwrite, and reports whether everything is in place.

use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use crate::node::{LIST, Node, bytes, list_with_object};
use crate::staying::Staying;

const CILIUM: &str =
    r#"{"cniVersion":"0.3.1","name":"cilium","plugins":[{"type":"cilium-cni","enable-debug":false,"log-file":"/l"}]}"#;

/// As Calico's installer writes its configuration: in place, from the beginning.
fn write_as_calico(node: &Node, name: &str, text: &str) {
    fs::write(node.file(name), text).unwrap();
}

/// As Cilium's agent writes its configuration: a temporary file in the same directory, renamed.
fn write_as_cilium(node: &Node, name: &str, text: &str) {
    let temporary = node.file(&format!(".{name}293125112"));
    fs::write(&temporary, text).unwrap();
    fs::rename(temporary, node.file(name)).unwrap();
}

/// With cni.exclusive, as is the default: all other configurations are renamed.
fn make_cilium_exclusive(node: &Node, own: &str) {
    for name in node.names() {
        let of = [".conf", ".conflist", ".json"].iter().any(|end| name.ends_with(end));
        if of && name != own {
            // The other one may be moving it, too.
            let _ = fs::rename(node.file(&name), node.file(&format!("{name}.cilium_bak")));
        }
    }
}

#[test]
fn waits_for_directory_and_configuration() {
    let node = Node::new();
    fs::remove_dir(node.conf()).unwrap();
    let staying = Staying::start(&node, &[]);
    staying.logs("net.d is not there yet");
    assert!(node.has_program());
    assert!(staying.get("/readyz").starts_with("HTTP/1.1 503 "));
    assert!(staying.get("/healthz").starts_with("HTTP/1.1 200 "));
    fs::create_dir(node.conf()).unwrap();
    staying.logs("waiting: no configuration is in");
    fs::write(node.file("10-a.conflist"), LIST).unwrap();
    staying.becomes_ready();
    assert_eq!(node.text("10-a.conflist"), list_with_object());
    // It comes back if it goes.
    fs::remove_dir_all(node.conf()).unwrap();
    staying.until("noticed", || !staying.is_ready());
    fs::create_dir(node.conf()).unwrap();
    fs::write(node.file("20-a.conflist"), LIST).unwrap();
    staying.becomes_ready();
}

/// The thread that answers is late after each answer: until then, its connection must not count, or clients that come one
/// after the other are turned away.
#[test]
fn answered_connection_no_longer_counts() {
    if !harness::can_run(&["strace"]) {
        return;
    }
    let node = Node::with("10-a.conflist", LIST);
    let staying = Staying::start(&node, &[]);
    staying.becomes_ready();
    let mut strace = Command::new("strace");
    strace.args(["-qq", "-f", "-o", "/dev/null", "-e", "trace=close", "-e", "inject=close:delay_exit=5s"]);
    let mut strace =
        strace.args(["-p", &staying.id().to_string()]).stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    staying.until("traced", || staying.is_traced());
    for _ in 0..24 {
        assert!(staying.get("/healthz").starts_with("HTTP/1.1 200 "));
    }
    strace.kill().unwrap();
    strace.wait().unwrap();
}

#[test]
fn once_waits_for_a_configuration_too() {
    let node = Node::new();
    let mut child = node.command(&["install", "--once"]).spawn().unwrap();
    node.write("10-a.conflist", LIST);
    assert!(child.wait().unwrap().success());
    assert_eq!(node.text("10-a.conflist"), list_with_object());
}

#[test]
fn file_that_stays_torn_is_skipped() {
    let node = Node::with("20-b.conflist", LIST);
    fs::write(node.file("10-a.conflist"), &LIST[..50]).unwrap();
    let log = node.installed().log;
    assert!(log.contains("10-a.conflist, but a runtime may fail on it"), "{log}");
    assert_eq!(node.text("20-b.conflist"), list_with_object());
}

#[test]
fn what_other_programs_overwrite_is_repaired() {
    let node = Node::with("10-calico.conflist", LIST);
    let staying = Staying::start(&node, &[]);
    staying.becomes_ready();
    let repaired = |what: &str| {
        staying.until(what, || node.text("10-calico.conflist") == list_with_object() && node.has_program());
        staying.becomes_ready();
    };
    write_as_calico(&node, "10-calico.conflist", LIST);
    repaired("repaired after Calico");
    write_as_cilium(&node, "10-calico.conflist", LIST);
    repaired("repaired after Cilium");
    fs::remove_file(node.program()).unwrap();
    repaired("the program is there again");
    fs::write(node.root().join("other"), "another program").unwrap();
    fs::rename(node.root().join("other"), node.program()).unwrap();
    repaired("the program is this one again");
    fs::set_permissions(node.program(), Permissions::from_mode(0o600)).unwrap();
    staying.until("the mode is mended", || {
        fs::metadata(node.program()).is_ok_and(|metadata| metadata.permissions().mode() & 0o7777 == 0o755)
    });
    assert_eq!(node.names(), ["10-calico.conflist"]);
}

#[test]
fn object_follows_the_configuration_that_is_used() {
    let node = Node::with("10-calico.conflist", LIST);
    let staying = Staying::start(&node, &[]);
    staying.becomes_ready();
    // Renamed by an upgrade.
    fs::rename(node.file("10-calico.conflist"), node.file("20-calico.conflist")).unwrap();
    staying.becomes_ready();
    assert_eq!(node.names(), ["20-calico.conflist"]);
    // Another one comes first, as a single plugin.
    fs::write(node.file("10-ptp.conf"), r#"{"name":"a","type":"ptp"}"#).unwrap();
    staying.until("moved", || node.text("20-calico.conflist") == LIST);
    staying.becomes_ready();
    assert_eq!(node.names(), ["10-ptp.conf.istio-cni-bak", "10-ptp.conflist", "20-calico.conflist"]);
    // And goes.
    fs::remove_file(node.file("10-ptp.conflist")).unwrap();
    staying.until("moved back", || node.text("20-calico.conflist") == list_with_object());
    staying.becomes_ready();
}

#[test]
fn object_goes_into_ciliums_configuration_when_cilium_takes_over() {
    let node = Node::with("10-calico.conf", r#"{"name":"a","type":"calico"}"#);
    let staying = Staying::start(&node, &[]);
    staying.becomes_ready();
    write_as_cilium(&node, "05-cilium.conflist", CILIUM);
    make_cilium_exclusive(&node, "05-cilium.conflist");
    staying.until("moved", || node.text("05-cilium.conflist").contains("istio-cni"));
    staying.becomes_ready();
    // Whichever of the two was faster, no other configuration is left to a runtime.
    staying.until("alone", || {
        make_cilium_exclusive(&node, "05-cilium.conflist");
        let used = |name: &&String| name.ends_with(".conf") || name.ends_with(".conflist");
        node.names().iter().filter(used).count() == 1 && staying.is_ready()
    });
}

#[test]
fn repairs_back_off() {
    let node = Node::with("05-cilium.conflist", CILIUM);
    let staying = Staying::start(&node, &[]);
    staying.becomes_ready();
    let (quarrels, written) = (AtomicBool::new(true), AtomicU32::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            while quarrels.load(Ordering::Relaxed) {
                if fs::read_to_string(node.file("05-cilium.conflist")).is_ok_and(|text| text != CILIUM) {
                    write_as_cilium(&node, "05-cilium.conflist", CILIUM);
                    written.fetch_add(1, Ordering::Relaxed);
                }
                thread::sleep(Duration::from_millis(1));
            }
        });
        // The fifth is 250 ms after the fourth, and so on; without this, there would be hundreds in that time.
        let line = staying.logs("repair number 6 in a short time");
        assert!(line.contains("cni.exclusive=false"), "{line}");
        quarrels.store(false, Ordering::Relaxed);
    });
    let written = written.into_inner();
    assert!((5..=8).contains(&written), "{written}");
    staying.becomes_ready();
}

#[test]
fn ready_exactly_while_all_is_in_place() {
    let node = Node::with("10-a.conflist", LIST);
    let staying = Staying::start(&node, &[]);
    staying.becomes_ready();
    assert!(staying.get("/readyz").ends_with("\r\n\r\nin place\n"));
    // What cannot be repaired: the runtime reads a file out of the directory.
    fs::write(node.root().join("outside"), LIST).unwrap();
    symlink("../outside", node.file("05-b.conflist")).unwrap();
    let answer = staying.get("/readyz");
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("is a symbolic link to ../outside"), "{answer}");
    staying.logs("is a symbolic link to ../outside");
    fs::remove_file(node.file("05-b.conflist")).unwrap();
    assert!(staying.is_ready());
    fs::remove_file(node.program()).unwrap();
    fs::create_dir(node.program()).unwrap();
    staying.until("not ready", || !staying.is_ready());
    staying.logs("remove that directory");
    fs::remove_dir(node.program()).unwrap();
    staying.becomes_ready();
    assert!(node.has_program());
}

#[cfg(target_arch = "x86_64")]
#[test]
fn nothing_is_looked_at_while_nothing_happens() {
    let node = Node::with("10-a.conflist", LIST);
    let staying = Staying::start(&node, &[]);
    staying.becomes_ready();
    // poll(2), with -1 as the timeout. Other architectures have another system call for it.
    staying.until("at rest", || {
        let call = staying.proc("syscall");
        let mut words = call.split(' ');
        words.next() == Some(&nix::libc::SYS_poll.to_string())
            && words.nth(2).is_some_and(|timeout| timeout.ends_with("ffffffff"))
    });
}

#[test]
fn on_sigterm_the_plugin_stays_or_is_uninstalled() {
    for signal in ["TERM", "INT"] {
        let node = Node::with("10-a.conflist", LIST);
        let staying = Staying::start(&node, &[]);
        staying.becomes_ready();
        assert_eq!(staying.end(signal), Some(0));
        assert_eq!(node.text("10-a.conflist"), list_with_object());
        assert!(node.has_program());
        let staying = Staying::start(&node, &["--uninstall-on-exit"]);
        staying.becomes_ready();
        assert_eq!(staying.end(signal), Some(0));
        assert_eq!(node.text("10-a.conflist"), LIST);
        assert!(!node.program().exists());
    }
}

#[test]
fn two_that_stay_agree_and_two_that_differ_do_not_fight_in_a_loop() {
    let node = Node::with("10-a.conflist", LIST);
    let [one, two] = [(); 2].map(|()| Staying::start(&node, &[]));
    one.becomes_ready();
    two.becomes_ready();
    write_as_calico(&node, "10-a.conflist", LIST);
    one.until("repaired", || node.text("10-a.conflist") == list_with_object());
    assert!(one.is_ready() && two.is_ready());
    assert_eq!(two.end("TERM"), Some(0));
    let other = Staying::start(&node, &["--plugin-config", r#"{"validate": true}"#]);
    other.logs("in a short time");
    one.logs("in a short time");
    assert_eq!(one.end("TERM"), Some(0));
    other.becomes_ready();
    assert_eq!(node.text("10-a.conflist").matches("istio-cni").count(), 1);
}

#[test]
fn health_bears_odd_clients() {
    let node = Node::with("10-a.conflist", LIST);
    let staying = Staying::start(&node, &[]);
    staying.becomes_ready();
    for (request, status) in
        [("GET / HTTP/1.1\r\n\r\n", "404"), ("DELETE /readyz HTTP/1.1\r\n\r\n", "405"), ("nonsense\r\n\r\n", "400")]
    {
        let answer = staying.answer(request);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request:?}: {answer}");
    }
    // An endless request is not read to its end.
    let mut endless = TcpStream::connect(staying.address()).unwrap();
    while endless.write_all(&[b'a'; 1024]).is_ok() {}
    let head = staying.answer("HEAD /readyz HTTP/1.1\r\n\r\n");
    assert!(head.ends_with("\r\n\r\n") && head.contains("Content-Length: 9"), "{head}");
    // Clients that ask nothing block the rest only until they time out.
    let idle: Vec<_> = (0..40).map(|_| TcpStream::connect(staying.address()).unwrap()).collect();
    staying.until("ready beside idle clients", || {
        let Ok(mut stream) = TcpStream::connect(staying.address()) else { return false };
        let asked = stream.write_all(b"GET /readyz HTTP/1.1\r\n\r\n");
        let mut answer = String::new();
        asked.is_ok() && stream.read_to_string(&mut answer).is_ok() && answer.contains(" 200 ")
    });
    drop(idle);
}

/// As a debugger or a checkpoint of the container does it.
#[test]
fn health_answers_a_request_that_comes_around_a_stop() {
    let node = Node::with("10-a.conflist", LIST);
    let staying = Staying::start(&node, &[]);
    staying.becomes_ready();
    // Who asks has two seconds, which a busy machine may take for a stop alone.
    staying.until("answered around a stop", || {
        staying.until("no request", || staying.states("probe").is_empty());
        let mut stream = TcpStream::connect(staying.address()).unwrap();
        stream.write_all(b"GET /readyz HTTP/1.1\r\n").unwrap();
        // Its thread waits for the rest, unless it has given up already.
        if !(0..1000).any(|_| staying.states("probe") == ['S']) {
            return false;
        }
        staying.signal("STOP");
        staying.until("stopped", || staying.states("probe").iter().all(|state| *state == 'T'));
        staying.signal("CONT");
        let mut answer = String::new();
        let rest = stream.write_all(b"\r\n");
        rest.and_then(|()| stream.read_to_string(&mut answer)).is_ok_and(|_| answer.contains(" 200 "))
    });
}

#[test]
fn address_that_cannot_be_is_an_error() {
    let node = Node::with("10-a.conflist", LIST);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let called = node.call(&["install", &format!("--listen={address}")]);
    assert_eq!(called.status, Some(1));
    assert!(called.log.contains(&format!("cannot listen on --listen {address}")), "{}", called.log);
    for text in ["15023", "localhost:1", ":", "127.0.0.1:99999"] {
        let called = node.call(&["install", &format!("--listen={text}")]);
        assert_eq!(called.status, Some(2));
        assert!(called.log.contains(&format!("--listen cannot be \"{text}\"")), "{}", called.log);
    }
    assert!(bytes(Path::new(&node.program())).is_empty());
}
