//! Recorded texts of configurations; `UPDATE_EXPECT=1 cargo test` records them anew.

use expect_test::{Expect, expect};

use super::plan;
use crate::config::fake::{FakeHost, resolve};
use crate::config::{Config, host};
use crate::net::Family;
use crate::netfilter::restore;
use crate::sequence::common;

/// The rules of IPv4 as they differ from those of these flags, those of IPv6 as they differ from those of IPv4 but for
/// the loopback addresses, and the commands for routes and addresses.
fn changes(from: &str, config: &Config) -> String {
    let plan = plan(config);
    let [ipv4, ipv6] = Family::BOTH.map(|family| restore::script(&plan.rules, family));
    let mut text = difference(&ipv4_rules(from), &ipv4);
    if !ipv6.is_empty() {
        let translated = ipv4.replace(" 127.0.0.1/32 ", " ::1/128 ").replace(" 127.0.0.6/32 ", " ::6/128 ");
        text += &format!("# IPv6\n{}", difference(&translated, &ipv6));
    }
    if !plan.routing.is_empty() {
        text += &format!("# Routing\n{}", plan.routing);
    }
    text
}

fn ipv4_rules(line: &str) -> String {
    restore::script(&plan(&config(line, &[], &FakeHost::pod())).rules, Family::Ipv4)
}

/// The lines to remove and to add, after the line that stays before them.
fn difference(before: &str, after: &str) -> String {
    let [before, after] = [before, after].map(|text| text.lines().collect::<Vec<_>>());
    let mut text = String::new();
    let (mut old, mut new) = (0, 0);
    for (i, j) in common(&before, &after, |a, b| a == b).into_iter().chain([(before.len(), after.len())]) {
        if old < i || new < j {
            let stays = old.checked_sub(1).map(|last| format!("  {}\n", before[last]));
            text.extend(stays);
            text.extend(before[old..i].iter().map(|line| format!("- {line}\n")));
            text.extend(after[new..j].iter().map(|line| format!("+ {line}\n")));
        }
        (old, new) = (i + 1, j + 1);
    }
    text
}

/// A configuration out of arguments between blanks; nothing about it is odd.
#[track_caller]
fn config(line: &str, environment: &[(&str, &str)], host: &FakeHost) -> Config {
    resolve(&words(line), environment, host).clean()
}

fn words(line: &str) -> Vec<&str> {
    line.split_ascii_whitespace().collect()
}

fn dual_stack() -> FakeHost {
    FakeHost::pod().addressed(&["10.0.0.2", "fd00::2"])
}

/// How a configuration differs from none.
#[track_caller]
fn check(config: &Config, expected: &Expect) {
    expected.assert_eq(&changes("", config));
}

#[test]
fn nothing_is_captured_by_default() {
    expect![[r#"
        * nat
        -N ISTIO_INBOUND
        -N ISTIO_REDIRECT
        -N ISTIO_IN_REDIRECT
        -N ISTIO_OUTPUT
        -A ISTIO_INBOUND -p tcp --dport 15008 -j RETURN
        -A ISTIO_REDIRECT -p tcp -j REDIRECT --to-ports 15001
        -A ISTIO_IN_REDIRECT -p tcp -j REDIRECT --to-ports 15006
        -A OUTPUT -j ISTIO_OUTPUT
        -A ISTIO_OUTPUT -o lo -s 127.0.0.6/32 -j RETURN
        -A ISTIO_OUTPUT -o lo ! -d 127.0.0.1/32 -p tcp ! --dport 15008 -m owner --uid-owner 1337 -j ISTIO_IN_REDIRECT
        -A ISTIO_OUTPUT -o lo -m owner ! --uid-owner 1337 -j RETURN
        -A ISTIO_OUTPUT -m owner --uid-owner 1337 -j RETURN
        -A ISTIO_OUTPUT -o lo ! -d 127.0.0.1/32 -p tcp ! --dport 15008 -m owner --gid-owner 1337 -j ISTIO_IN_REDIRECT
        -A ISTIO_OUTPUT -o lo -m owner ! --gid-owner 1337 -j RETURN
        -A ISTIO_OUTPUT -m owner --gid-owner 1337 -j RETURN
        -A ISTIO_OUTPUT -d 127.0.0.1/32 -j RETURN
        COMMIT
    "#]]
    .assert_eq(&ipv4_rules(""));
}

#[test]
fn what_the_injector_runs() {
    let line = "-p 15001 -z 15006 -u 1337 -m REDIRECT -i * -x= -b * -d 15090,15021,15020";
    check(
        &config(line, &[], &FakeHost::pod()),
        &expect![[r#"
              -A ISTIO_IN_REDIRECT -p tcp -j REDIRECT --to-ports 15006
            + -A PREROUTING -p tcp -j ISTIO_INBOUND
            + -A ISTIO_INBOUND -p tcp --dport 15090 -j RETURN
            + -A ISTIO_INBOUND -p tcp --dport 15021 -j RETURN
            + -A ISTIO_INBOUND -p tcp --dport 15020 -j RETURN
            + -A ISTIO_INBOUND -p tcp -j ISTIO_IN_REDIRECT
              -A ISTIO_OUTPUT -d 127.0.0.1/32 -j RETURN
            + -A ISTIO_OUTPUT -j ISTIO_REDIRECT
        "#]],
    );
}

#[test]
fn tproxy_in_both_families() {
    let line = "-m TPROXY -b * -d 15090 -i * -t 0x10 -r 77 -c net1 --dual-stack";
    check(
        &config(line, &[], &dual_stack()),
        &expect![[r#"
            + * mangle
            + -N ISTIO_DIVERT
            + -N ISTIO_TPROXY
            + -N ISTIO_INBOUND
            + -A PREROUTING -i net1 -j RETURN
            + -A OUTPUT -o net1 -j RETURN
            + -A ISTIO_DIVERT -j MARK --set-mark 16
            + -A ISTIO_DIVERT -j ACCEPT
            + -A ISTIO_TPROXY ! -d 127.0.0.1/32 -p tcp -j TPROXY --tproxy-mark 16/0xffffffff --on-port 15006
            + -A PREROUTING -p tcp -j ISTIO_INBOUND
            + -A ISTIO_INBOUND -p tcp --dport 15090 -j RETURN
            + -A ISTIO_INBOUND -p tcp -m conntrack --ctstate RELATED,ESTABLISHED -j ISTIO_DIVERT
            + -A ISTIO_INBOUND -p tcp -j ISTIO_TPROXY
            + -A PREROUTING -p tcp -m mark --mark 16 -j CONNMARK --save-mark
            + -A OUTPUT -p tcp -o lo -m mark --mark 16 -j RETURN
            + -A OUTPUT ! -d 127.0.0.1/32 -p tcp -o lo -m owner --uid-owner 1337 -j MARK --set-mark 1338
            + -A OUTPUT ! -d 127.0.0.1/32 -p tcp -o lo -m owner --gid-owner 1337 -j MARK --set-mark 1338
            + -A OUTPUT -p tcp -m connmark --mark 16 -j CONNMARK --restore-mark
            + -I ISTIO_INBOUND 1 -p tcp -m mark --mark 16 -j RETURN
            + -I ISTIO_INBOUND 2 -p tcp -s 127.0.0.6/32 -i lo -j RETURN
            + -I ISTIO_INBOUND 3 -p tcp -i lo -m mark ! --mark 1338 -j RETURN
            + COMMIT
              -N ISTIO_OUTPUT
            + -A PREROUTING -i net1 -j RETURN
            + -A OUTPUT -o net1 -j RETURN
              -A ISTIO_OUTPUT -d 127.0.0.1/32 -j RETURN
            + -A ISTIO_OUTPUT -j ISTIO_REDIRECT
            # IPv6
            # Routing
            ip -6 addr add ::6/128 dev lo
            ip rule add fwmark 16 lookup 77
            ip -6 rule add fwmark 16 lookup 77
            ip route add local default dev lo table 77
            ip -6 route add local default dev lo table 77
        "#]],
    );
}

#[test]
fn tproxy_of_listed_ports() {
    let config = config("-m TPROXY -b 80,8000-8100", &[], &FakeHost::pod());
    expect![[r#"
          -A PREROUTING -p tcp -j ISTIO_INBOUND
        - -A ISTIO_INBOUND -p tcp -m conntrack --ctstate RELATED,ESTABLISHED -j ISTIO_DIVERT
        - -A ISTIO_INBOUND -p tcp -j ISTIO_TPROXY
        + -A ISTIO_INBOUND -p tcp --dport 80 -m conntrack --ctstate RELATED,ESTABLISHED -j ISTIO_DIVERT
        + -A ISTIO_INBOUND -p tcp --dport 80 -j ISTIO_TPROXY
        + -A ISTIO_INBOUND -p tcp --dport 8000:8100 -m conntrack --ctstate RELATED,ESTABLISHED -j ISTIO_DIVERT
        + -A ISTIO_INBOUND -p tcp --dport 8000:8100 -j ISTIO_TPROXY
        # Routing
        ip rule add fwmark 1337 lookup 133
        ip route add local default dev lo table 133
    "#]]
    .assert_eq(&changes("-m TPROXY -b *", &config));
}

#[test]
fn all_dns() {
    check(
        &config("-i * --redirect-dns --capture-all-dns", &[], &FakeHost::pod()),
        &expect![[r#"
              -N ISTIO_OUTPUT
            + -N ISTIO_OUTPUT_DNS
              -A ISTIO_OUTPUT -o lo -s 127.0.0.6/32 -j RETURN
            - -A ISTIO_OUTPUT -o lo ! -d 127.0.0.1/32 -p tcp ! --dport 15008 -m owner --uid-owner 1337 -j ISTIO_IN_REDIRECT
            - -A ISTIO_OUTPUT -o lo -m owner ! --uid-owner 1337 -j RETURN
            + -A ISTIO_OUTPUT -o lo ! -d 127.0.0.1/32 -p tcp -m multiport ! --dports 53,15008 -m owner --uid-owner 1337 -j ISTIO_IN_REDIRECT
            + -A ISTIO_OUTPUT -o lo -p tcp ! --dport 53 -m owner ! --uid-owner 1337 -j RETURN
              -A ISTIO_OUTPUT -o lo ! -d 127.0.0.1/32 -p tcp ! --dport 15008 -m owner --gid-owner 1337 -j ISTIO_IN_REDIRECT
            - -A ISTIO_OUTPUT -o lo -m owner ! --gid-owner 1337 -j RETURN
            + -A ISTIO_OUTPUT -o lo -p tcp ! --dport 53 -m owner ! --gid-owner 1337 -j RETURN
              -A ISTIO_OUTPUT -m owner --gid-owner 1337 -j RETURN
            + -A ISTIO_OUTPUT -j ISTIO_OUTPUT_DNS
            + -A ISTIO_OUTPUT_DNS -p tcp --dport 53 -j REDIRECT --to-ports 15053
            + -A ISTIO_OUTPUT_DNS -p udp --dport 53 -j REDIRECT --to-port 15053
              -A ISTIO_OUTPUT -d 127.0.0.1/32 -j RETURN
            + -A ISTIO_OUTPUT -j ISTIO_REDIRECT
            + COMMIT
            + * raw
            + -N ISTIO_OUTPUT_DNS
            + -N ISTIO_INBOUND
            + -A OUTPUT -j ISTIO_OUTPUT_DNS
            + -A ISTIO_OUTPUT_DNS -p udp --dport 53 -m owner --uid-owner 1337 -j CT --zone 1
            + -A ISTIO_OUTPUT_DNS -p udp --sport 15053 -m owner --uid-owner 1337 -j CT --zone 2
            + -A ISTIO_OUTPUT_DNS -p udp --dport 53 -m owner --gid-owner 1337 -j CT --zone 1
            + -A ISTIO_OUTPUT_DNS -p udp --sport 15053 -m owner --gid-owner 1337 -j CT --zone 2
            + -A PREROUTING -j ISTIO_INBOUND
            + -A ISTIO_OUTPUT_DNS -p udp --dport 53 -j CT --zone 2
            + -A ISTIO_INBOUND -p udp --sport 53 -j CT --zone 1
        "#]],
    );
}

#[test]
fn dns_of_servers_of_one_family() {
    let host = dual_stack().file(host::RESOLV_CONF, "nameserver 10.96.0.10\nnameserver 10.96.0.11\n");
    let config = config("--redirect-dns --dual-stack", &[], &host);
    expect![[r#"
          -A ISTIO_OUTPUT -j ISTIO_OUTPUT_DNS
        - -A ISTIO_OUTPUT_DNS -p tcp --dport 53 -j REDIRECT --to-ports 15053
        - -A ISTIO_OUTPUT_DNS -p udp --dport 53 -j REDIRECT --to-port 15053
        + -A ISTIO_OUTPUT_DNS -p tcp --dport 53 -d 10.96.0.10/32 -j REDIRECT --to-ports 15053
        + -A ISTIO_OUTPUT_DNS -p tcp --dport 53 -d 10.96.0.11/32 -j REDIRECT --to-ports 15053
        + -A ISTIO_OUTPUT_DNS -p udp --dport 53 -d 10.96.0.10/32 -j REDIRECT --to-port 15053
        + -A ISTIO_OUTPUT_DNS -p udp --dport 53 -d 10.96.0.11/32 -j REDIRECT --to-port 15053
          -A PREROUTING -j ISTIO_INBOUND
        - -A ISTIO_OUTPUT_DNS -p udp --dport 53 -j CT --zone 2
        - -A ISTIO_INBOUND -p udp --sport 53 -j CT --zone 1
        + -A ISTIO_OUTPUT_DNS -p udp --dport 53 -d 10.96.0.10/32 -j CT --zone 2
        + -A ISTIO_INBOUND -p udp --sport 53 -s 10.96.0.10/32 -j CT --zone 1
        + -A ISTIO_OUTPUT_DNS -p udp --dport 53 -d 10.96.0.11/32 -j CT --zone 2
        + -A ISTIO_INBOUND -p udp --sport 53 -s 10.96.0.11/32 -j CT --zone 1
        # IPv6
          -N ISTIO_OUTPUT
        - -N ISTIO_OUTPUT_DNS
          -A ISTIO_OUTPUT -m owner --gid-owner 1337 -j RETURN
        - -A ISTIO_OUTPUT -j ISTIO_OUTPUT_DNS
        - -A ISTIO_OUTPUT_DNS -p tcp --dport 53 -d 10.96.0.10/32 -j REDIRECT --to-ports 15053
        - -A ISTIO_OUTPUT_DNS -p tcp --dport 53 -d 10.96.0.11/32 -j REDIRECT --to-ports 15053
        - -A ISTIO_OUTPUT_DNS -p udp --dport 53 -d 10.96.0.10/32 -j REDIRECT --to-port 15053
        - -A ISTIO_OUTPUT_DNS -p udp --dport 53 -d 10.96.0.11/32 -j REDIRECT --to-port 15053
          -N ISTIO_OUTPUT_DNS
        - -N ISTIO_INBOUND
          -A ISTIO_OUTPUT_DNS -p udp --sport 15053 -m owner --gid-owner 1337 -j CT --zone 2
        - -A PREROUTING -j ISTIO_INBOUND
        - -A ISTIO_OUTPUT_DNS -p udp --dport 53 -d 10.96.0.10/32 -j CT --zone 2
        - -A ISTIO_INBOUND -p udp --sport 53 -s 10.96.0.10/32 -j CT --zone 1
        - -A ISTIO_OUTPUT_DNS -p udp --dport 53 -d 10.96.0.11/32 -j CT --zone 2
        - -A ISTIO_INBOUND -p udp --sport 53 -s 10.96.0.11/32 -j CT --zone 1
        # Routing
        ip -6 addr add ::6/128 dev lo
    "#]]
    .assert_eq(&changes("--redirect-dns --capture-all-dns", &config));
}

#[test]
fn lists_in_both_families() {
    let line = "-i 10.0.0.0/8,2001:DB8:0:0::/32,172.16.1.1/12 -x 10.1.0.0/16,2001:db8:1::/48 -b 80,443 -q 9000 \
                -o 6379,7000:7100 -c eth1,net+ -u 1337,istio-proxy -g 0 --drop-invalid --dual-stack";
    let found = resolve(&words(line), &[], &dual_stack());
    // Several users are warned of.
    assert_eq!((found.errors.len(), found.warnings.len()), (0, 1));
    check(
        &found.config,
        &expect![[r#"
            + * mangle
            + -N ISTIO_DROP
            + -A PREROUTING -m conntrack --ctstate INVALID -j ISTIO_DROP
            + -A ISTIO_DROP -j DROP
            + COMMIT
              -N ISTIO_OUTPUT
            + -A PREROUTING -i eth1 -j RETURN
            + -A OUTPUT -o eth1 -j RETURN
            + -A PREROUTING -i net+ -j RETURN
            + -A OUTPUT -o net+ -j RETURN
              -A ISTIO_IN_REDIRECT -p tcp -j REDIRECT --to-ports 15006
            + -A PREROUTING -p tcp -j ISTIO_INBOUND
            + -A ISTIO_INBOUND -p tcp --dport 80 -j ISTIO_IN_REDIRECT
            + -A ISTIO_INBOUND -p tcp --dport 443 -j ISTIO_IN_REDIRECT
              -A OUTPUT -j ISTIO_OUTPUT
            + -A ISTIO_OUTPUT -p tcp --dport 6379 -j RETURN
            + -A ISTIO_OUTPUT -p udp --dport 6379 -j RETURN
            + -A ISTIO_OUTPUT -p tcp --dport 7000:7100 -j RETURN
            + -A ISTIO_OUTPUT -p udp --dport 7000:7100 -j RETURN
              -A ISTIO_OUTPUT -m owner --uid-owner 1337 -j RETURN
            - -A ISTIO_OUTPUT -o lo ! -d 127.0.0.1/32 -p tcp ! --dport 15008 -m owner --gid-owner 1337 -j ISTIO_IN_REDIRECT
            - -A ISTIO_OUTPUT -o lo -m owner ! --gid-owner 1337 -j RETURN
            - -A ISTIO_OUTPUT -m owner --gid-owner 1337 -j RETURN
            + -A ISTIO_OUTPUT -o lo ! -d 127.0.0.1/32 -p tcp ! --dport 15008 -m owner --uid-owner istio-proxy -j ISTIO_IN_REDIRECT
            + -A ISTIO_OUTPUT -o lo -m owner ! --uid-owner istio-proxy -j RETURN
            + -A ISTIO_OUTPUT -m owner --uid-owner istio-proxy -j RETURN
            + -A ISTIO_OUTPUT -o lo ! -d 127.0.0.1/32 -p tcp ! --dport 15008 -m owner --gid-owner 0 -j ISTIO_IN_REDIRECT
            + -A ISTIO_OUTPUT -o lo -m owner ! --gid-owner 0 -j RETURN
            + -A ISTIO_OUTPUT -m owner --gid-owner 0 -j RETURN
              -A ISTIO_OUTPUT -d 127.0.0.1/32 -j RETURN
            + -A ISTIO_OUTPUT -d 10.1.0.0/16 -j RETURN
            + -A ISTIO_OUTPUT -p tcp --dport 9000 -j ISTIO_REDIRECT
            + -A ISTIO_OUTPUT -d 10.0.0.0/8 -j ISTIO_REDIRECT
            + -A ISTIO_OUTPUT -d 172.16.1.1/12 -j ISTIO_REDIRECT
            # IPv6
              -A ISTIO_OUTPUT -d ::1/128 -j RETURN
            - -A ISTIO_OUTPUT -d 10.1.0.0/16 -j RETURN
            + -A ISTIO_OUTPUT -d 2001:db8:1::/48 -j RETURN
              -A ISTIO_OUTPUT -p tcp --dport 9000 -j ISTIO_REDIRECT
            - -A ISTIO_OUTPUT -d 10.0.0.0/8 -j ISTIO_REDIRECT
            - -A ISTIO_OUTPUT -d 172.16.1.1/12 -j ISTIO_REDIRECT
            + -A ISTIO_OUTPUT -d 2001:db8::/32 -j ISTIO_REDIRECT
            # Routing
            ip -6 addr add ::6/128 dev lo
        "#]],
    );
}

#[test]
fn virtual_interfaces_with_all_and_with_listed_ranges() {
    check(
        &config("-k vnet0,vnet1 -i *", &[], &FakeHost::pod()),
        &expect![[r#"
              -N ISTIO_OUTPUT
            + -I PREROUTING 1 -i vnet0 -j RETURN
            + -I PREROUTING 1 -i vnet1 -j RETURN
              -A ISTIO_OUTPUT -d 127.0.0.1/32 -j RETURN
            + -A ISTIO_OUTPUT -j ISTIO_REDIRECT
            + -I PREROUTING 1 -i vnet0 -j ISTIO_REDIRECT
            + -I PREROUTING 1 -i vnet1 -j ISTIO_REDIRECT
        "#]],
    );
    check(
        &config("-k vnet0,vnet1 -i 10.0.0.0/8,11.0.0.0/8", &[], &FakeHost::pod()),
        &expect![[r#"
              -N ISTIO_OUTPUT
            + -I PREROUTING 1 -i vnet0 -j RETURN
            + -I PREROUTING 1 -i vnet1 -j RETURN
              -A ISTIO_OUTPUT -d 127.0.0.1/32 -j RETURN
            + -I PREROUTING 1 -i vnet0 -d 10.0.0.0/8 -j ISTIO_REDIRECT
            + -I PREROUTING 1 -i vnet1 -d 10.0.0.0/8 -j ISTIO_REDIRECT
            + -A ISTIO_OUTPUT -d 10.0.0.0/8 -j ISTIO_REDIRECT
            + -I PREROUTING 1 -i vnet0 -d 11.0.0.0/8 -j ISTIO_REDIRECT
            + -I PREROUTING 1 -i vnet1 -d 11.0.0.0/8 -j ISTIO_REDIRECT
            + -A ISTIO_OUTPUT -d 11.0.0.0/8 -j ISTIO_REDIRECT
        "#]],
    );
}

#[test]
fn owner_groups_and_a_loopback_range() {
    let environment = [
        ("ISTIO_OUTBOUND_OWNER_GROUPS", "*"),
        ("ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE", "202,staff"),
        ("ISTIO_OUTBOUND_IPV4_LOOPBACK_CIDR", "127.0.0.0/8"),
    ];
    check(
        &config("-i 127.1.0.0/16", &environment, &FakeHost::pod()),
        &expect![[r#"
              -A ISTIO_OUTPUT -o lo -s 127.0.0.6/32 -j RETURN
            - -A ISTIO_OUTPUT -o lo ! -d 127.0.0.1/32 -p tcp ! --dport 15008 -m owner --uid-owner 1337 -j ISTIO_IN_REDIRECT
            - -A ISTIO_OUTPUT -o lo -m owner ! --uid-owner 1337 -j RETURN
            + -A ISTIO_OUTPUT -o lo ! -d 127.0.0.0/8 -p tcp ! --dport 15008 -m owner --uid-owner 1337 -j ISTIO_IN_REDIRECT
              -A ISTIO_OUTPUT -m owner --uid-owner 1337 -j RETURN
            - -A ISTIO_OUTPUT -o lo ! -d 127.0.0.1/32 -p tcp ! --dport 15008 -m owner --gid-owner 1337 -j ISTIO_IN_REDIRECT
            - -A ISTIO_OUTPUT -o lo -m owner ! --gid-owner 1337 -j RETURN
            + -A ISTIO_OUTPUT -o lo ! -d 127.0.0.0/8 -p tcp ! --dport 15008 -m owner --gid-owner 1337 -j ISTIO_IN_REDIRECT
              -A ISTIO_OUTPUT -m owner --gid-owner 1337 -j RETURN
            - -A ISTIO_OUTPUT -d 127.0.0.1/32 -j RETURN
            + -A ISTIO_OUTPUT -m owner --gid-owner 202 -j RETURN
            + -A ISTIO_OUTPUT -m owner --gid-owner staff -j RETURN
            + -A ISTIO_OUTPUT -d 127.0.0.0/8 -j RETURN
            + -A ISTIO_OUTPUT -d 127.1.0.0/16 -j ISTIO_REDIRECT
        "#]],
    );
    let environment = [("ISTIO_OUTBOUND_OWNER_GROUPS", "101,java"), ("ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE", "202")];
    let found = resolve(&words("-i * -n"), &environment, &FakeHost::pod());
    check(
        &found.config,
        &expect![[r#"
              -A ISTIO_OUTPUT -m owner --gid-owner 1337 -j RETURN
            + -A ISTIO_OUTPUT -m owner ! --gid-owner 101 -m owner ! --gid-owner java -j RETURN
              -A ISTIO_OUTPUT -d 127.0.0.1/32 -j RETURN
            + -A ISTIO_OUTPUT -j ISTIO_REDIRECT
        "#]],
    );
}

#[test]
fn routing() {
    let text = |line| plan(&config(line, &[], &FakeHost::pod())).routing.to_string();
    assert_eq!(text("-b *"), "");
    assert_eq!(text("-b * --ip-families=dual"), "ip -6 addr add ::6/128 dev lo\n");
    // Nothing is marked if no inbound port is captured.
    assert_eq!(text("-m TPROXY"), "");
    assert_eq!(text("-m TPROXY --ip-families=dual"), "ip -6 addr add ::6/128 dev lo\n");
    assert_eq!(
        text("-m TPROXY -b 80 -t 0x10 -r 4294967295"),
        "ip rule add fwmark 16 lookup 4294967295\nip route add local default dev lo table 4294967295\n"
    );
    assert_eq!(
        text("-m TPROXY -b 80 --ip-families=dual"),
        "ip -6 addr add ::6/128 dev lo\n\
         ip rule add fwmark 1337 lookup 133\nip -6 rule add fwmark 1337 lookup 133\n\
         ip route add local default dev lo table 133\nip -6 route add local default dev lo table 133\n"
    );
    let removal = plan(&config("-m TPROXY -b 80 --ip-families=dual", &[], &FakeHost::pod())).routing.removal();
    assert_eq!(removal, text("-m TPROXY -b 80 --ip-families=dual").replace(" add ", " del "));
}

#[test]
fn every_rule_is_for_a_family_that_is_on_and_fits_its_addresses() {
    for families in ["ipv4", "dual"] {
        let line = "-m TPROXY -b * -i 10.0.0.0/8,fd00::/8 -x 11.0.0.0/8,fd01::/16 --redirect-dns -k net1";
        let found = resolve(&words(&format!("{line} --ip-families={families}")), &[], &FakeHost::pod());
        let rules = plan(&found.config).rules;
        for (scope, rule) in rules.rules() {
            let of = Family::BOTH.map(|f| scope.contains(f));
            match rule.family() {
                Some(Family::Ipv4) => assert_eq!(of, [true, false], "{rule}"),
                Some(Family::Ipv6) => assert_eq!(of, [false, true], "{rule}"),
                None => assert!(of[0] || of[1], "{rule}"),
            }
            assert!(families == "dual" || !of[1], "{rule}");
        }
    }
}
