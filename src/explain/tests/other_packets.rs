//! Packets that need other flags, or other words.

use expect_test::expect;

use super::*;
use crate::netfilter::Backend;

#[test]
fn transparent() {
    let flags = "-m TPROXY -i * -b * --drop-invalid=true";
    check(
        flags,
        "in tcp from=10.1.2.3 to=:8080",
        expect![[r#"
            in tcp from=10.1.2.3:40000 to=10.244.0.10:8080 iface=eth0

            PREROUTING, in via eth0, to 10.244.0.10:8080
              mangle
                 1 -m conntrack --ctstate INVALID -j ISTIO_DROP                               not -m conntrack --ctstate INVALID: is NEW
                 2 -p tcp -j ISTIO_INBOUND                                                  * goes on in ISTIO_INBOUND
                    1 -p tcp -m mark --mark 1337 -j RETURN                                    not -m mark --mark 1337: has no mark
                    2 -p tcp -s 127.0.0.6/32 -i lo -j RETURN                                  not -s 127.0.0.6/32: comes from 10.1.2.3
                    3 -p tcp -i lo -m mark ! --mark 1338 -j RETURN                            not -i lo: came in via eth0
                    4 -p tcp -m conntrack --ctstate RELATED,ESTABLISHED -j ISTIO_DIVERT       not -m conntrack --ctstate RELATED,ESTABLISHED: is NEW
                    5 -p tcp -j ISTIO_TPROXY                                                * goes on in ISTIO_TPROXY
                       1 ! -d 127.0.0.1/32 -p tcp -j TPROXY --tproxy-mark 1337/0xffffffff --on-port 15006
                                                                                            * delivered to listener 15006, mark becomes 1337

            Captured by the inbound listener 15006, because of rule mangle ISTIO_TPROXY 1 (! -d 127.0.0.1/32 -p tcp -j TPROXY --tproxy-mark 1337/0xffffffff --on-port 15006), for captured inbound ports (--istio-inbound-ports (-b); in Istio: traffic.sidecar.istio.io/includeInboundPorts); its destination 10.244.0.10:8080 stays as it is.
        "#]],
    );
    sentence(
        flags,
        "in tcp from=10.1.2.3 to=:8080 state=established",
        expect![
            "Follows its connection, for which the first packet decided: this one is ESTABLISHED; on its own, it arrives in the pod, to 10.244.0.10:8080, with mark 1337."
        ],
    );
    sentence(
        flags,
        "in tcp from=10.1.2.3 to=:8080 state=invalid",
        expect![
            "Dropped by rule mangle ISTIO_DROP 1 (-j DROP), for packets that belong to no connection (--drop-invalid)."
        ],
    );
    check(
        flags,
        "out tcp uid=1337 to=10.244.0.10:8080 state=established connmark=1337",
        expect![[r#"
            out tcp uid=1337 gid=1337 from=10.244.0.10:40000 to=10.244.0.10:8080 iface=lo state=established connmark=1337

            OUTPUT, out via lo, to 10.244.0.10:8080
              mangle
                 1 -p tcp -o lo -m mark --mark 1337 -j RETURN                                 not -m mark --mark 1337: has no mark
                 2 ! -d 127.0.0.1/32 -p tcp -o lo -m owner --uid-owner 1337 -j MARK --set-mark 1338
                                                                                            * mark becomes 1338
                 3 ! -d 127.0.0.1/32 -p tcp -o lo -m owner --gid-owner 1337 -j MARK --set-mark 1338
                                                                                            * mark becomes 1338
                 4 -p tcp -m connmark --mark 1337 -j CONNMARK --restore-mark                * mark becomes 1337, the connection's
                 end of the chain: its policy accepts
              rerouted because its mark changed: out via lo
              nat: not consulted: the packet is ESTABLISHED, and nat only sees the first packet of a connection

            POSTROUTING, out via lo, to 10.244.0.10:8080

            It leaves via lo and comes back in.

            PREROUTING, in via lo, to 10.244.0.10:8080
              mangle
                 1 -m conntrack --ctstate INVALID -j ISTIO_DROP                               not -m conntrack --ctstate INVALID: is ESTABLISHED
                 2 -p tcp -j ISTIO_INBOUND                                                  * goes on in ISTIO_INBOUND
                    1 -p tcp -m mark --mark 1337 -j RETURN                                  * returns
                 3 -p tcp -m mark --mark 1337 -j CONNMARK --save-mark                       * the connection's mark becomes 1337
                 end of the chain: its policy accepts

            Follows its connection, for which the first packet decided: this one is ESTABLISHED; on its own, it arrives in the pod, to 10.244.0.10:8080, with mark 1337.
        "#]],
    );
}

/// As in a pod whose policy rule was deleted.
#[test]
fn a_mark_that_nothing_routes() {
    let (config, plan, pod) = planned("-m TPROXY -b *", &[]);
    let trace = through(&[plan.rules.into()], &config, &Routing::default(), &pod, "in tcp to=10.9.9.9:80");
    expect!["Lost: rule mangle ISTIO_TPROXY 1 (! -d 127.0.0.1/32 -p tcp -j TPROXY --tproxy-mark 1337/0xffffffff --on-port 15006) delivers it to listener 15006, but 10.9.9.9:80 is not an address of the pod, and no route leads packets with mark 1337 to the pod (ip rule, ip route)."].assert_eq(&trace.verdict.to_string());
}

/// What becomes of a packet under the same flags in iptables and in nftables.
fn in_both(flags: &str, packet: &str) -> [String; 2] {
    let (config, plan, pod) = planned(flags, &[]);
    [Backend::Iptables(None), Backend::Nftables].map(|backend| {
        let layers = [in_force(&plan.rules, backend)];
        through(&layers, &config, &plan.routing, &pod, packet).verdict.brief()
    })
}

/// Rules of nftables that name no address are there for both families.
#[test]
fn a_family_that_was_not_asked_for() {
    let briefs = in_both("-i * -b * --ip-families=ipv4", "out tcp to=[2001:db8::5]:443");
    assert_eq!(briefs, ["not captured", "outbound listener 15001"]);
}

/// Without a socket, a negated owner holds in iptables, and breaks the rule off in nf_tables.
#[test]
fn what_the_kernel_sends_has_no_owner() {
    let briefs = in_both("-i * -b *", "out tcp uid=none to=127.0.0.2:80");
    assert_eq!(briefs, ["not captured", "outbound listener 15001"]);
}

#[test]
fn dns() {
    sentence(
        "-i * --redirect-dns",
        "out udp to=10.96.0.10:53",
        expect![
            "Captured by the DNS agent 15053, because of rule nat ISTIO_OUTPUT_DNS 2 (-p udp --dport 53 -d 10.96.0.10/32 -j REDIRECT --to-port 15053), for DNS queries (--redirect-dns; in Istio: proxy.istio.io/config (proxyMetadata.ISTIO_META_DNS_CAPTURE)); sent to 10.96.0.10:53."
        ],
    );
    sentence(
        "-i * --redirect-dns",
        "out udp to=8.8.8.8:53",
        expect!["Not captured: no rule captures it; it goes out via eth0, to 8.8.8.8:53."],
    );
    sentence(
        "-i * --redirect-dns",
        "out udp uid=1337 to=10.96.0.10:53",
        expect![
            "Not captured, because of rule nat ISTIO_OUTPUT 4 (-m owner --uid-owner 1337 -j RETURN), for the proxy's own traffic (--proxy-uid (-u)); it goes out via eth0, to 10.96.0.10:53."
        ],
    );
    sentence(
        "-i * --redirect-dns --capture-all-dns",
        "out tcp to=8.8.8.8:53",
        expect![
            "Captured by the DNS agent 15053, because of rule nat ISTIO_OUTPUT_DNS 1 (-p tcp --dport 53 -j REDIRECT --to-ports 15053), for DNS queries (--redirect-dns; in Istio: proxy.istio.io/config (proxyMetadata.ISTIO_META_DNS_CAPTURE)); sent to 8.8.8.8:53."
        ],
    );
}

#[test]
fn icmp_and_what_the_kernel_sends() {
    sentence(
        README,
        "out icmp to=10.0.0.5",
        expect!["Not captured: no rule captures it; it goes out via eth0, to 10.0.0.5."],
    );
    sentence(
        README,
        "out tcp uid=none to=10.0.0.5:443",
        expect![
            "Captured by the outbound listener 15001, because of rule nat ISTIO_REDIRECT 1 (-p tcp -j REDIRECT --to-ports 15001), for captured ranges (--istio-service-cidr (-i); in Istio: traffic.sidecar.istio.io/includeOutboundIPRanges); sent to 10.0.0.5:443."
        ],
    );
}
