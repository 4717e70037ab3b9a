//! Rules that are not as they should be: the message and the exit status.

use super::for_both;
use super::pod::{As, PROXY, Pod};

for_both!(
    no_rules,
    rules_that_do_not_redirect_are_named,
    wrong_user,
    only_one_family,
    listener_of_another_user_is_an_error,
    listener_on_the_probe_port,
    wrong_listener,
    no_answer,
    no_conntrack_zones,
);

fn no_rules(pod: Pod) {
    // Nothing waits for an answer that will not come: with this bound, the test would not end.
    let said = pod.validate(PROXY, &["--dual-stack", "--probe-timeout", "100h"]);
    said.fails(&[
        "IPv4: to the inbound listener, connection to 127.0.0.6:15002: it was refused (Connection refused)",
        "there are no IPv4 rules in this network namespace",
        "IPv6: to the inbound listener: the destination is not an address of this pod",
    ]);
    let root = pod.validate(As::Root, &["--probe-timeout", "100h"]);
    root.fails(&["There are no managed rules in this network namespace", "IPv4: to the outbound listener"]);
}

/// The chains are there, in the variant that the program uses, but what redirects is not.
fn rules_that_do_not_redirect_are_named(pod: Pod) {
    pod.apply(&[]);
    pod.flush("ip", "nat", "ISTIO_IN_REDIRECT");
    let kind = pod.0.kind;
    pod.validate(As::Root, &[])
        .fails(&["IPv4: to the inbound listener", &format!("There are managed IPv4 rules ({kind}), but none")]);
    pod.validate(PROXY, &[]).fails(&["it was refused", "they are in an iptables variant or table that does not apply"]);
}

fn wrong_user(pod: Pod) {
    pod.apply(&[]);
    pod.validate(As::User(1000), &[]).fails(&[
        "IPv4: ",
        "it was refused",
        "Wrong user: this is user 1000",
        "user 1337",
    ]);
    // As root it is no matter.
    pod.validate(As::Root, &[]).passes(&["to the inbound listener"], &["IPv4"]);
}

fn only_one_family(pod: Pod) {
    pod.apply(&["--dual-stack"]);
    pod.flush("ip6", "nat", "OUTPUT");
    let said = pod.validate(PROXY, &["--dual-stack"]);
    said.fails(&["IPv6: to the inbound listener, connection to [::6]:15002: it was refused"]);
    assert_eq!(said.check("to the inbound listener", "IPv4"), "passed");
    assert!(!said.text.contains("IPv4: "), "{}", said.text);
}

fn listener_of_another_user_is_an_error(pod: Pod) {
    pod.apply(&[]);
    let _other = pod.listener(1000, "127.0.0.1:15006");
    pod.validate(PROXY, &[]).fails(&["port 15006 is in use by a process of user 1000, which is not the proxy"]);
}

fn listener_on_the_probe_port(pod: Pod) {
    let _other = pod.listener(1000, "0.0.0.0:15002");
    let said = pod.validate(PROXY, &["--probe-timeout", "100h"]);
    said.fails(&["it was accepted on port 15002 (a process of user 1000), not captured to port 15006"]);
}

/// The listeners change places in the rules, and DNS over TCP goes where other connections go.
fn wrong_listener(pod: Pod) {
    pod.apply(&["--redirect-dns", "--capture-all-dns"]);
    let swap = |chain, port| {
        let rule = ["-t", "nat", "-R", chain, "1", "-p", "tcp", "-j", "REDIRECT", "--to-ports", port];
        pod.0.iptables(&rule);
    };
    swap("ISTIO_REDIRECT", "15006");
    swap("ISTIO_IN_REDIRECT", "15001");
    let of_dns = ["-p", "tcp", "--dport", "53", "-j", "REDIRECT", "--to-ports", "15053"];
    pod.0.iptables(&[&["-t", "nat", "-D", "ISTIO_OUTPUT_DNS"], &of_dns[..]].concat());
    pod.validate(As::Root, &["--redirect-dns", "--capture-all-dns"]).fails(&[
        "it reached the listener on port 15001, not the one on port 15006. These are not the rules of these flags",
        "it reached the listener on port 15006, not the one on port 15001. These are not",
        "it reached the listener on port 15006, not the one on port 15053. These are not",
    ]);
}

fn no_answer(pod: Pod) {
    pod.apply(&[]);
    pod.0.iptables(&["-A", "INPUT", "-p", "tcp", "--dport", "15006", "-j", "DROP"]);
    let said = pod.validate(PROXY, &["--probe-timeout", "300ms"]);
    said.fails(&["nothing answered within ", "something drops these packets"]);
}

fn no_conntrack_zones(pod: Pod) {
    pod.apply(&["--redirect-dns"]);
    pod.flush("ip", "raw", "ISTIO_OUTPUT_DNS");
    pod.0.iptables(&["-t", "raw", "-A", "ISTIO_OUTPUT_DNS", "-p", "udp", "--dport", "53", "-j", "CT", "--zone", "2"]);
    let said = pod.validate(As::Root, &["--redirect-dns", "--probe-timeout", "2s"]);
    said.fails(&["IPv4: DNS over UDP", "the answer did not come back"]);
}
