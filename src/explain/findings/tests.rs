use expect_test::{Expect, expect};

use super::*;
use crate::explain::in_force;
use crate::explain::tests::{README, planned};
use crate::netfilter::Backend;

fn check(flags: &str, servers: &[&str], expected: Expect) {
    let (config, plan, pod) = planned(flags, servers);
    let found: Vec<_> =
        findings(&config, &plan.rules.into(), &pod).iter().map(|f| format!("{}: {f}", f.name())).collect();
    expected.assert_eq(&found.join("\n"));
}

#[test]
fn the_usual_flags() {
    check(
        README,
        &[],
        expect![[r#"
        family-not-captured: the pod has the IPv6 address fd00:10:244::10, but there are no IPv6 rules: IPv6 traffic bypasses the proxy; --dual-stack or --ip-families=dual captures it
        udp-not-captured: outbound UDP is not captured, including QUIC (HTTP/3) on port 443: rule nat ISTIO_REDIRECT 1 (-p tcp -j REDIRECT --to-ports 15001) matches TCP only, whatever --istio-service-cidr (-i) is
        udp-not-captured: inbound UDP is not captured, including QUIC (HTTP/3) on port 443: rule nat PREROUTING 1 (-p tcp -j ISTIO_INBOUND) matches TCP only, whatever --istio-inbound-ports (-b) is"#]],
    );
}

#[test]
fn nothing_to_find() {
    check("--dual-stack", &[], expect![""]);
    check("-m TPROXY -b 80 -d '' --dual-stack --redirect-dns --drop-invalid", &["10.96.0.10"], expect![""]);
}

#[test]
fn rules_that_never_match() {
    check(
        "--dual-stack -q 80 -x 10.0.0.0/8,10.1.0.0/16",
        &[],
        expect![
            "never-matches: rule nat ISTIO_OUTPUT 10 (-d 10.1.0.0/16 -j RETURN) never matches, because rule nat ISTIO_OUTPUT 9 (-d 10.0.0.0/8 -j RETURN) takes all its packets; it comes from --istio-service-exclude-cidr (-x)"
        ],
    );
    check(
        "--dual-stack -b * -d 15008,8080,8080",
        &[],
        expect![[r#"
            never-matches: rule nat ISTIO_INBOUND 2 (-p tcp --dport 15008 -j RETURN) never matches, because rule nat ISTIO_INBOUND 1 (-p tcp --dport 15008 -j RETURN) takes all its packets; it comes from --istio-local-exclude-ports (-d)
            never-matches: rule nat ISTIO_INBOUND 4 (-p tcp --dport 8080 -j RETURN) never matches, because rule nat ISTIO_INBOUND 3 (-p tcp --dport 8080 -j RETURN) takes all its packets; it comes from --istio-local-exclude-ports (-d)
            udp-not-captured: inbound UDP is not captured, including QUIC (HTTP/3) on port 443: rule nat PREROUTING 1 (-p tcp -j ISTIO_INBOUND) matches TCP only, whatever --istio-inbound-ports (-b) is"#]],
    );
    check(
        "--dual-stack -q 80 -o 1:65535",
        &[],
        expect![
            "never-matches: rule nat ISTIO_OUTPUT 11 (-p tcp --dport 80 -j ISTIO_REDIRECT) never matches, because rule nat ISTIO_OUTPUT 1 (-p tcp --dport 1:65535 -j RETURN) takes all its packets; it comes from --istio-outbound-ports (-q)"
        ],
    );
}

#[test]
fn nftables_capture_a_family_that_was_not_asked_for() {
    let of = |backend| {
        let (config, plan, pod) = planned("-i * -b * --ip-families=ipv4 -x fd00::/8", &[]);
        let found = findings(&config, &in_force(&plan.rules, backend), &pod);
        found.iter().filter(|f| f.level() == Level::Warning).map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    expect!["the pod has the IPv6 address fd00:10:244::10, but no IPv6 rules are requested; nftables rules that name no address, such as nat ISTIO_OUTPUT 5 (-j ISTIO_REDIRECT), capture IPv6 anyway; --dual-stack or --ip-families=dual adds the missing rules\n--istio-service-exclude-cidr (-x) excludes fd00::/8 without effect: no IPv6 rules are requested"].assert_eq(&of(Backend::Nftables));
    expect!["the pod has the IPv6 address fd00:10:244::10, but there are no IPv6 rules: IPv6 traffic bypasses the proxy; --dual-stack or --ip-families=dual captures it\n--istio-service-exclude-cidr (-x) excludes fd00::/8 without effect: no IPv6 rules are requested"].assert_eq(&of(Backend::Iptables(None)));
}

#[test]
fn a_range_within_another_far_before_it() {
    let mut ranges: Vec<_> = (0..3_000).map(|i| format!("10.{}.{}.0/24", i / 200, i % 200)).collect();
    ranges.push("10.0.7.8/32".to_owned());
    let (config, plan, pod) = planned(&format!("--dual-stack -q 80 -x {}", ranges.join(",")), &[]);
    let found: Vec<_> = findings(&config, &plan.rules.into(), &pod).iter().map(ToString::to_string).collect();
    let [one] = found.as_slice() else { panic!("{found:?}") };
    assert!(one.contains("(-d 10.0.7.8/32 -j RETURN) never matches") && one.contains("-d 10.0.7.0/24"), "{one}");
}

#[test]
fn loopback_of_the_second_user() {
    check(
        "--dual-stack -u 1337,1338 -g 5",
        &[],
        expect![
            "loopback-returned-early: traffic from 1338 to the pod's own addresses is not captured: rule nat ISTIO_OUTPUT 3 (-o lo -m owner ! --uid-owner 1337 -j RETURN) returns it before rule nat ISTIO_OUTPUT 5 (-o lo ! -d 127.0.0.1/32 -p tcp ! --dport 15008 -m owner --uid-owner 1338 -j ISTIO_IN_REDIRECT), because --proxy-uid (-u) lists several"
        ],
    );
}

#[test]
fn exclusions_without_effect() {
    check(
        "-i 10.0.0.0/8 -x 10.1.0.0/16,192.168.0.0/16,fd00::/8",
        &[],
        expect![[r#"
            family-not-captured: the pod has the IPv6 address fd00:10:244::10, but there are no IPv6 rules: IPv6 traffic bypasses the proxy; --dual-stack or --ip-families=dual captures it
            exclusion-without-effect: --istio-service-exclude-cidr (-x) excludes 192.168.0.0/16 (rule nat ISTIO_OUTPUT 10 (-d 192.168.0.0/16 -j RETURN)) without effect: no rule would capture it
            exclusion-without-effect: --istio-service-exclude-cidr (-x) excludes fd00::/8 without effect: no IPv6 rules are requested
            udp-not-captured: outbound UDP is not captured, including QUIC (HTTP/3) on port 443: rule nat ISTIO_REDIRECT 1 (-p tcp -j REDIRECT --to-ports 15001) matches TCP only, whatever --istio-service-cidr (-i) is"#]],
    );
}

#[test]
fn families() {
    check(
        "-i 10.0.0.0/8 --dual-stack",
        &[],
        expect![[r#"
            family-not-captured: the pod has the IPv6 address fd00:10:244::10, but --istio-service-cidr (-i) lists no IPv6 range: outbound IPv6 traffic bypasses the proxy, while rule nat ISTIO_OUTPUT 9 (-d 10.0.0.0/8 -j ISTIO_REDIRECT) captures the other family
            udp-not-captured: outbound UDP is not captured, including QUIC (HTTP/3) on port 443: rule nat ISTIO_REDIRECT 1 (-p tcp -j REDIRECT --to-ports 15001) matches TCP only, whatever --istio-service-cidr (-i) is"#]],
    );
}

#[test]
fn a_family_without_ranges_has_rules_all_the_same() {
    check(
        "-i fd00::/8 --ip-families ipv4",
        &[],
        expect![[r#"
        family-not-captured: the pod has the IPv4 address 10.244.0.10, but --istio-service-cidr (-i) lists no IPv4 range: outbound IPv4 traffic bypasses the proxy
        family-not-captured: the pod has the IPv6 address fd00:10:244::10, but there are no IPv6 rules: IPv6 traffic bypasses the proxy; --dual-stack or --ip-families=dual captures it
        udp-not-captured: outbound UDP is not captured, including QUIC (HTTP/3) on port 443: rule nat ISTIO_REDIRECT 1 (-p tcp -j REDIRECT --to-ports 15001) matches TCP only, whatever --istio-service-cidr (-i) is"#]],
    );
}

#[test]
fn resolvers_in_the_pod() {
    check(
        "--dual-stack --redirect-dns --capture-all-dns",
        &["127.0.0.53"],
        expect![
            "dns-loop: the resolver 127.0.0.53 runs in the pod, and rule nat ISTIO_OUTPUT_DNS 2 (-p udp --dport 53 -j REDIRECT --to-port 15053) captures its queries to other servers: they come back to it through the agent, unless it runs as the proxy's user; this comes from --capture-all-dns"
        ],
    );
    check(
        "--dual-stack --redirect-dns",
        &["127.0.0.53", "10.96.0.10"],
        expect![
            "dns-loop: the resolver 127.0.0.53 runs in the pod, and rule nat ISTIO_OUTPUT_DNS 4 (-p udp --dport 53 -d 10.96.0.10/32 -j REDIRECT --to-port 15053) captures its queries to other servers: they come back to it through the agent, unless it runs as the proxy's user; this comes from --redirect-dns"
        ],
    );
    check("--dual-stack --redirect-dns", &["127.0.0.53"], expect![""]);
}
