//! Rules that are as they have to be.

use super::for_both;
use super::pod::{As, PROXY, Pod};

for_both!(
    redirect,
    tproxy,
    dns,
    all_dns,
    dual_stack,
    excluded_ports,
    listed_ranges,
    with_apply_and_in_place,
    without_the_capability_to_change_users_the_rest_is_proved,
    by_a_running_proxy,
    nothing_in_a_dry_run,
);

const INBOUND: &str = "to the inbound listener";
const OUTBOUND: &str = "to the outbound listener";
const DNS: [&str; 2] = ["DNS over UDP", "DNS over TCP"];

fn redirect(pod: Pod) {
    pod.apply(&[]);
    let said = pod.validate(PROXY, &[]);
    said.passes(&[INBOUND], &["IPv4"]);
    assert_eq!(said.check(OUTBOUND, "IPv4"), "not checked");
    assert_eq!(said.check("from other hosts", "IPv4"), "not checked");
    pod.validate(As::Root, &[]).passes(&[INBOUND, OUTBOUND], &["IPv4"]);
}

fn tproxy(pod: Pod) {
    let flags = ["-m", "TPROXY", "--dual-stack"];
    pod.apply(&flags);
    let said = pod.validate(PROXY, &flags);
    said.passes(&[INBOUND], &["IPv4", "IPv6"]);
    assert_eq!(said.check("inbound with TPROXY", "IPv4"), "not checked");
    let all = [INBOUND, OUTBOUND, "inbound with TPROXY", "inbound port 15090 excluded"];
    pod.validate(As::Root, &flags).passes(&all, &["IPv4", "IPv6"]);
    pod.flush("ip", "mangle", "ISTIO_TPROXY");
    pod.validate(As::Root, &flags).fails(&["IPv4: inbound with TPROXY, connection to 127.0.0.6:15002: it was refused"]);
}

fn dns(pod: Pod) {
    let flags = ["--redirect-dns", "--dual-stack"];
    pod.apply(&flags);
    pod.validate(As::Root, &flags).passes(&[INBOUND, OUTBOUND, DNS[0], DNS[1]], &["IPv4", "IPv6"]);
    pod.validate(PROXY, &flags).passes(&[INBOUND], &["IPv4", "IPv6"]);
}

fn all_dns(pod: Pod) {
    let flags = ["--redirect-dns", "--capture-all-dns", "--dual-stack"];
    pod.apply(&flags);
    pod.validate(As::Root, &flags).passes(&[INBOUND, OUTBOUND, DNS[0], DNS[1]], &["IPv4", "IPv6"]);
}

fn dual_stack(pod: Pod) {
    pod.apply(&["--dual-stack"]);
    pod.validate(PROXY, &["--dual-stack"]).passes(&[INBOUND], &["IPv4", "IPv6"]);
    pod.validate(As::Root, &["--dual-stack"]).passes(&[INBOUND, OUTBOUND], &["IPv4", "IPv6"]);
}

fn excluded_ports(pod: Pod) {
    let flags = ["-o", "9090,5000-5100"];
    pod.apply(&flags);
    pod.validate(PROXY, &flags).passes(&[INBOUND, "outbound port 9090 excluded"], &["IPv4"]);
    // Without the exclusion, it is seen that there is none.
    pod.apply(&[]);
    let said = pod.validate(PROXY, &flags);
    said.fails(&["IPv4: outbound port 9090 excluded", "it reached the listener on port 15006"]);
}

fn listed_ranges(pod: Pod) {
    let flags = ["-i", "10.96.0.0/16,fd00:96::/64", "-x", "10.96.0.1/32", "--dual-stack", "-b", "8080"];
    pod.apply(&flags);
    let said = pod.validate(As::Root, &flags);
    said.passes(&[INBOUND], &["IPv4", "IPv6"]);
    assert_eq!(said.check(OUTBOUND, "IPv6"), "passed");
    // The only address that it would take is excluded.
    assert_eq!(said.check(OUTBOUND, "IPv4"), "not checked");
    pod.apply(&["-i", "10.96.0.0/16"]);
    pod.validate(As::Root, &["-i", "10.96.0.0/16"]).passes(&[INBOUND, OUTBOUND], &["IPv4"]);
}

fn with_apply_and_in_place(pod: Pod) {
    pod.call(As::Root, &["--run-validation"]).passes(&[INBOUND, OUTBOUND], &["IPv4"]);
    let again = pod.call(As::Root, &["--run-validation"]);
    again.passes(&[INBOUND, OUTBOUND], &["IPv4"]);
    assert!(again.text.contains("in place"));
}

/// As Istio's init container: root, with NET_ADMIN and NET_RAW alone.
fn without_the_capability_to_change_users_the_rest_is_proved(pod: Pod) {
    pod.apply(&[]);
    let out = pod.0.pod.enter_container("", || {
        std::process::Command::new("setpriv")
            .args(["--bounding-set=-all,+net_admin,+net_raw", "--inh-caps=-all"])
            .arg(crate::PROGRAM)
            .args(crate::support::STANDARD)
            .args(["--run-validation", "--skip-rule-apply"])
            .output()
            .unwrap()
    });
    let text = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!(out.status.code(), Some(0), "{text}");
    let remedy = "must run as user 1337, group 1337, but this process (user 0, group 0) lacks CAP_SETUID and CAP_SETGID: \
        add SETUID and SETGID to securityContext.capabilities, or validate in a separate container with runAsUser: 1337";
    assert!(text.contains(remedy), "{text}");
}

/// Also if one socket has both families.
fn by_a_running_proxy(pod: Pod) {
    pod.apply(&["--dual-stack"]);
    let _proxy = pod.listener(1337, "[::]:15006");
    let said = pod.validate(PROXY, &["--dual-stack"]);
    assert_eq!(said.status, 0);
    for family in ["IPv4", "IPv6"] {
        assert_eq!(said.check(INBOUND, family), "passed partly");
    }
    assert!(said.text.contains("in use by the running proxy"));
}

fn nothing_in_a_dry_run(pod: Pod) {
    let said = pod.call(PROXY, &["--run-validation", "--dry-run"]);
    assert_eq!(said.status, 0);
    assert!(!said.text.contains("validation,"), "{}", said.text);
}
