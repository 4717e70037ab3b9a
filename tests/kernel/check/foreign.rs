//! Routing and marks that another program made next to managed ones: they are kept, whatever they look like, and never
//! replace what is wanted.

use std::process::{Command, Output, Stdio};

use super::support::{check, command, in_pod, run};
use harness::Backend;

const TPROXY: [&str; 3] = ["-m", "TPROXY", "--ip-families=dual"];

/// Conditions of policy rules with the usual mark or table that make them foreign.
const CONDITIONS: [&str; 16] = [
    "not fwmark 1337 lookup 133",
    "fwmark 1337 iif eth0 lookup 133",
    "fwmark 1337 oif eth0 lookup 133",
    "fwmark 1337 from 192.0.2.0/24 lookup 133",
    "fwmark 1337 to 192.0.2.0/24 lookup 133",
    "fwmark 1337 tos 0x10 lookup 133",
    "fwmark 1337 ipproto udp lookup 133",
    "fwmark 1337 ipproto tcp sport 80 lookup 133",
    "fwmark 1337 ipproto tcp dport 80-90 lookup 133",
    "fwmark 1337 uidrange 0-100 lookup 133",
    "fwmark 1337/0xffff lookup 133",
    "fwmark 1337 lookup 133 suppress_prefixlength 0",
    "fwmark 1337 lookup 133 suppress_ifgroup 3",
    "fwmark 1337 tun_id 5 lookup 133",
    "fwmark 1337 lookup 133 realms 7",
    "fwmark 1337 blackhole",
];

fn ip(arguments: &str) -> String {
    run("ip", &arguments.split(' ').collect::<Vec<_>>())
}

fn call(words: &[&str]) -> Output {
    command(Backend::Nft, words).output().unwrap()
}

fn log(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A call that succeeds.
#[track_caller]
fn does(words: &[&str]) -> String {
    let output = call(words);
    assert!(output.status.success(), "{words:?}: {output:?}");
    log(&output)
}

fn rules() -> Vec<String> {
    let other = |line: &&str| !["lookup local", "lookup main", "lookup default"].iter().any(|l| line.ends_with(l));
    [ip("rule"), ip("-6 rule")].concat().lines().filter(other).map(str::to_owned).collect()
}

/// Whether a rule has this program's mark.
fn is_managed(rule: &&String) -> bool {
    rule.ends_with("proto 133")
}

fn count_ours() -> usize {
    rules().iter().filter(is_managed).count()
}

#[test]
fn foreign_policy_rules_are_kept_and_never_count_as_managed() {
    in_pod(|| {
        ip("route add local default dev lo table 133");
        for condition in CONDITIONS {
            // Right before the managed rule, so that a request to delete finds it first, and after it.
            for first in [true, false] {
                if !first {
                    does(&TPROXY);
                }
                ip(&format!("rule add {condition}"));
                let foreign: Vec<_> = rules().into_iter().filter(|r| !is_managed(&r)).collect();
                assert_eq!(foreign.len(), 1, "{condition}: {foreign:?}");
                does(&TPROXY);
                assert_eq!(count_ours(), 2, "{condition}: {:?}", rules());
                does(&[&["check"][..], &TPROXY].concat());
                does(&[&TPROXY[..], &["-t", "1338"]].concat());
                let moved = rules().into_iter().filter(|r| is_managed(&r) && r.contains("0x53a")).count();
                assert_eq!((moved, count_ours()), (2, 2), "{condition}: {:?}", rules());
                does(&["clean"]);
                assert_eq!(rules(), foreign, "{condition}");
                ip(&format!("rule del {condition}"));
            }
        }
        assert!(ip("route show table 133").starts_with("local default dev lo "));
    });
}

#[test]
fn a_rule_is_deleted_by_all_that_was_read() {
    in_pod(|| {
        does(&TPROXY);
        // The same except for its place, before and after the managed one.
        ip("rule add fwmark 1337 lookup 133 priority 100");
        ip("rule add fwmark 1337 lookup 133 priority 32766 protocol static");
        let foreign: Vec<_> = rules().into_iter().filter(|r| !is_managed(&r)).collect();
        does(&["clean"]);
        assert_eq!(rules(), foreign);
    });
}

#[test]
fn routing_that_looks_managed_without_the_mark_is_kept() {
    in_pod(|| {
        ip("rule add fwmark 1337 lookup 133");
        ip("-6 rule add fwmark 1337 lookup 133");
        ip("route add local default dev lo table 133");
        ip("-6 addr add ::6/128 dev lo nodad");
        let made = || [ip("rule"), ip("-6 rule"), ip("route show table 133"), ip("-6 addr show dev lo")].concat();
        let before = made();
        let said = does(&["clean"]);
        assert_eq!(made(), before);
        for line in ["ip rule add fwmark 1337 lookup 133", "ip route add local default dev lo table 133", "::6/128"] {
            assert!(said.contains(line), "{line}: {said}");
        }
    });
}

#[test]
fn foreign_connection_marks_are_kept() {
    const SAVE: &str = "PREROUTING -p tcp -m mark --mark 1337 -j CONNMARK --save-mark";
    const RESTORE: &str = "OUTPUT -p tcp -m connmark --mark 1337 -j CONNMARK --restore-mark";
    for program in ["iptables-nft", "iptables-legacy"] {
        in_pod(move || {
            for rule in [SAVE, RESTORE] {
                let words = ["--wait -t mangle -A ", rule].concat();
                run(program, &words.split(' ').collect::<Vec<_>>());
            }
            let made = || run(program, &["--wait", "-t", "mangle", "-S"]);
            let before = made();
            let said = does(&["clean", "-m", "TPROXY"]);
            assert_eq!(made(), before);
            assert!(said.contains("CONNMARK --save-mark") && said.contains("CONNMARK --restore-mark"), "{said}");
        });
    }
}

#[test]
fn twins_of_our_routing_outlive_it() {
    in_pod(|| {
        ip("rule add fwmark 1337 lookup 133");
        ip("route add local default dev lo table 133");
        let made = || [ip("rule"), ip("route show table 133")].concat();
        let before = made();
        does(&TPROXY);
        assert_eq!(count_ours(), 2);
        does(&[&["check"][..], &TPROXY].concat());
        does(&["clean"]);
        assert_eq!(made(), before);
    });
}

/// Istio's own program does not mark what it makes; chains of its rules give the mark.
#[test]
fn what_managed_rules_lead_to_is_cleaned_without_our_mark() {
    in_pod(|| {
        does(&TPROXY);
        for family in ["-4", "-6"] {
            ip(&format!("{family} rule del fwmark 1337 lookup 133"));
            ip(&format!("{family} rule add fwmark 1337 lookup 133"));
            ip(&format!("{family} route del local default dev lo table 133"));
            ip(&format!("{family} route add local default dev lo table 133"));
        }
        ip("-6 addr del ::6/128 dev lo");
        ip("-6 addr add ::6/128 dev lo nodad");
        does(&[&["check"][..], &TPROXY].concat());
        does(&["clean"]);
        assert_eq!(rules(), Vec::<String>::new());
        assert!(!ip("-6 addr show dev lo").contains("::6"));
        for family in ["-4", "-6"] {
            assert!(!ip(&format!("{family} route show table all")).contains("table 133"));
        }
    });
}

#[test]
fn another_default_route_in_the_table_is_in_the_way() {
    for (family, kind) in
        [("-4", "blackhole"), ("-4", "unreachable"), ("-4", "prohibit"), ("-4", "throw"), ("-6", "blackhole")]
    {
        in_pod(move || {
            let metric = if family == "-6" { " metric 1024" } else { "" };
            ip(&format!("{family} route add {kind} default table 133{metric}"));
            let made = || {
                let routes = ip(&format!("{family} route show table 133"));
                [ip("rule"), ip("-6 rule"), routes, ip("addr show dev lo")].concat()
            };
            let before = made();
            let output = call(&TPROXY);
            let said = log(&output);
            assert_eq!(output.status.code(), Some(1), "{said}");
            assert!(said.contains(&format!("`{kind} default`")), "{said}");
            assert!(said.contains("--istio-inbound-tproxy-route-table"), "{said}");
            assert_eq!(made(), before);
        });
    }
}

/// A process keeps a table to itself as long as it has its socket.
struct Owner(std::process::Child);

impl Owner {
    fn of(table: &str) -> Self {
        use std::io::{BufRead, BufReader, Write};
        let mut command = Command::new("nft");
        let mut child = command.arg("-i").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let stdin = child.stdin.as_mut().unwrap();
        writeln!(stdin, "add table {table} {{ flags owner ; }}\nlist tables").unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().contains(&format!("table {table}"))));
        Self(child)
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_table_of_another_process_is_named() {
    for (backend, table) in [(Backend::Native, "inet istio-proxy-nat"), (Backend::Nft, "ip nat")] {
        in_pod(move || {
            let owner = Owner::of(table);
            let output = command(backend, &[]).output().unwrap();
            let said = log(&output);
            assert_eq!(output.status.code(), Some(1), "{said}");
            assert!(said.contains(&format!("{table} (netlink port {}", owner.0.id())), "{said}");
            assert!(!said.contains("it needs CAP_NET_ADMIN"), "{said}");
        });
    }
}

#[test]
fn a_user_that_does_not_exist_in_the_user_namespace_is_named() {
    for backend in [Backend::Nft, Backend::Legacy] {
        in_pod(move || {
            let program = command(backend, &[]);
            let mut command = Command::new("unshare");
            command.args(["--user", "--map-root-user", "--net"]).arg(program.get_program()).args(program.get_args());
            let output = command.output().unwrap();
            let said = log(&output);
            assert_eq!(output.status.code(), Some(1), "{said}");
            assert!(said.contains("the user 1337 does not exist in this user namespace"), "{said}");
            assert!(!said.contains("kernel may lack"), "{said}");
        });
    }
}

#[test]
fn too_few_files_are_named() {
    for (backend, files) in [(Backend::Nft, 4), (Backend::Nft, 8), (Backend::Native, 4), (Backend::Native, 5)] {
        in_pod(move || {
            let program = command(backend, &["--ip-families=ipv4"]);
            let mut command = Command::new("sh");
            command.args(["-c", &format!("ulimit -n {files}; exec \"$@\""), "sh"]);
            let output = command.arg(program.get_program()).args(program.get_args()).output().unwrap();
            let said = log(&output);
            assert_eq!(output.status.code(), Some(1), "{said}");
            assert!(said.contains("too many files are open"), "{said}");
            assert!(!said.contains("CAP_NET_ADMIN") && !said.contains("is it installed"), "{said}");
        });
    }
}

#[test]
fn a_parent_that_ignores_ended_children_changes_nothing() {
    for backend in Backend::ALL {
        in_pod(move || {
            let program = command(backend, &[]);
            // Not every shell leaves a signal ignored; bash does.
            let mut command = Command::new("bash");
            command.args(["-c", "trap '' CHLD; exec \"$@\"", "bash"]).arg(program.get_program());
            let output = command.args(program.get_args()).output().unwrap();
            assert!(output.status.success(), "{backend:?}: {output:?}");
            assert_eq!(check(backend, &[]), (0, vec![]), "{backend:?}");
        });
    }
}

#[test]
fn disabled_ipv6_is_reported_once_with_the_remedy() {
    in_pod(|| {
        std::fs::write("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1").unwrap();
        for backend in Backend::ALL {
            let output = command(backend, &["--ip-families=dual"]).output().unwrap();
            let said = log(&output);
            assert_eq!(output.status.code(), Some(1), "{said}");
            assert_eq!(said.matches("net.ipv6.conf.lo.disable_ipv6").count(), 1, "{said}");
            assert!(said.contains("set it to 0") && said.contains("--ip-families=ipv4"), "{said}");
        }
        ip("addr add 10.77.0.5/24 dev lo");
        let said = does(&["--dual-stack"]);
        assert!(said.contains("--dual-stack has no effect: IPv6 is disabled here by the sysctl"), "{said}");
    });
}
