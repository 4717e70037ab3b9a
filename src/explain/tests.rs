use std::ffi::OsString;
use std::io;
use std::net::IpAddr;

use expect_test::{Expect, expect};

use super::*;
use crate::capture::{Plan, plan};
use crate::cli;
use crate::config::{Config, Family, Host, Options, Problems, host};

/// A host with these addresses and name servers.
struct Fake {
    addresses: Vec<IpAddr>,
    resolv_conf: String,
}

impl Host for Fake {
    fn addresses(&self) -> io::Result<Vec<IpAddr>> {
        Ok(self.addresses.clone())
    }

    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        Ok(if path == host::RESOLV_CONF { self.resolv_conf.clone().into_bytes() } else { Vec::new() })
    }
}

/// The flags that Istio's injector gives, as in the README.
pub(super) const README: &str = "-p 15001 -z 15006 -u 1337 -m REDIRECT -i * -x '' -b * -d 15090,15021,15020";

pub(super) fn planned(flags: &str, servers: &[&str]) -> (Config, Plan, Pod) {
    let words = flags.split_ascii_whitespace().map(|w| if w == "''" { "" } else { w });
    let (variables, flags): (Vec<_>, Vec<_>) = words.partition(|w| w.starts_with("ISTIO_"));
    let variable = |name: &str| {
        let found = variables.iter().find_map(|v| v.split_once('=').filter(|(n, _)| *n == name));
        found.map(|(_, value)| OsString::from(value))
    };
    let argv = ["istio-iptables"].into_iter().chain(flags).map(OsString::from).collect();
    let cli::Parsed::Call(call) = cli::parse(argv, &variable) else { panic!("not a call") };
    let mut problems = Problems::default();
    let options = Options::read(call.command, &call.flags, &mut problems);
    let pod = Pod { name_servers: servers.iter().map(|s| s.parse().unwrap()).collect(), ..Pod::default() };
    let addresses = pod.interfaces.iter().flat_map(|i| i.addresses.clone()).collect();
    let resolv_conf = servers.iter().map(|s| format!("nameserver {s}\n")).collect();
    let config = Config::resolve(&call.flags, &options, &Fake { addresses, resolv_conf }, &mut problems);
    assert!(call.errors.is_empty() && problems.errors.is_empty(), "{:?} {:?}", call.errors, problems.errors);
    let plan = plan(&config);
    (config, plan, pod)
}

pub(super) fn follow(flags: &str, packet: &str) -> Trace {
    let (config, plan, pod) = planned(flags, &["10.96.0.10"]);
    let request = Request::parse([packet]).unwrap();
    let packet = Packet::resolve(&request, &pod, &plan.routing).unwrap();
    let listeners = Listeners::of(&config);
    Scene { rules: &plan.rules, routing: &plan.routing, pod: &pod, listeners }.follow(&packet)
}

fn check(flags: &str, packet: &str, expected: Expect) {
    expected.assert_eq(&follow(flags, packet).to_string());
}

fn sentence(flags: &str, packet: &str, expected: Expect) {
    expected.assert_eq(&follow(flags, packet).verdict.to_string());
}

#[test]
fn application_to_a_service() {
    check(
        README,
        "out tcp uid=1000 to=10.0.0.5:443",
        expect![[r#"
            out tcp uid=1000 gid=1000 from=10.244.0.10:40000 to=10.0.0.5:443 iface=eth0

            OUTPUT, out by eth0, to 10.0.0.5:443
              nat
                 1 -j ISTIO_OUTPUT                                                          * goes on in ISTIO_OUTPUT
                    1 -o lo -s 127.0.0.6/32 -j RETURN                                         not -o lo: goes out by eth0
                    2 -o lo ! -d 127.0.0.1/32 -p tcp ! --dport 15008 -m owner --uid-owner 1337 -j ISTIO_IN_REDIRECT
                                                                                              not -o lo: goes out by eth0
                    3 -o lo -m owner ! --uid-owner 1337 -j RETURN                             not -o lo: goes out by eth0
                    4 -m owner --uid-owner 1337 -j RETURN                                     not -m owner --uid-owner 1337: is of user 1000
                    5 -o lo ! -d 127.0.0.1/32 -p tcp ! --dport 15008 -m owner --gid-owner 1337 -j ISTIO_IN_REDIRECT
                                                                                              not -o lo: goes out by eth0
                    6 -o lo -m owner ! --gid-owner 1337 -j RETURN                             not -o lo: goes out by eth0
                    7 -m owner --gid-owner 1337 -j RETURN                                     not -m owner --gid-owner 1337: is of group 1000
                    8 -d 127.0.0.1/32 -j RETURN                                               not -d 127.0.0.1/32: goes to 10.0.0.5
                    9 -j ISTIO_REDIRECT                                                     * goes on in ISTIO_REDIRECT
                       1 -p tcp -j REDIRECT --to-ports 15001                                * destination becomes 127.0.0.1:15001
              routed again, since its destination was changed: out by lo

            POSTROUTING, out by lo, to 127.0.0.1:15001

            It leaves by lo, and comes in by it.

            PREROUTING, in by lo, to 127.0.0.1:15001
              nat: not asked: OUTPUT has decided for this connection

            Captured by the outbound listener 15001, by rule nat ISTIO_REDIRECT 1 (-p tcp -j REDIRECT --to-ports 15001); sent to 10.0.0.5:443.
        "#]],
    );
}

#[test]
fn proxy_to_a_service() {
    check(
        README,
        "out tcp uid=1337 to=10.0.0.5:443",
        expect![[r#"
            out tcp uid=1337 gid=1337 from=10.244.0.10:40000 to=10.0.0.5:443 iface=eth0

            OUTPUT, out by eth0, to 10.0.0.5:443
              nat
                 1 -j ISTIO_OUTPUT                                                          * goes on in ISTIO_OUTPUT
                    1 -o lo -s 127.0.0.6/32 -j RETURN                                         not -o lo: goes out by eth0
                    2 -o lo ! -d 127.0.0.1/32 -p tcp ! --dport 15008 -m owner --uid-owner 1337 -j ISTIO_IN_REDIRECT
                                                                                              not -o lo: goes out by eth0
                    3 -o lo -m owner ! --uid-owner 1337 -j RETURN                             not -o lo: goes out by eth0
                    4 -m owner --uid-owner 1337 -j RETURN                                   * returns
                 end of the chain: its policy accepts

            POSTROUTING, out by eth0, to 10.0.0.5:443

            Left alone by rule nat ISTIO_OUTPUT 4 (-m owner --uid-owner 1337 -j RETURN), for the proxy's own traffic; it goes out by eth0, to 10.0.0.5:443.
        "#]],
    );
}

#[test]
fn client_to_the_application() {
    check(
        README,
        "in tcp from=10.1.2.3 to=:8080",
        expect![[r#"
        in tcp from=10.1.2.3:40000 to=10.244.0.10:8080 iface=eth0

        PREROUTING, in by eth0, to 10.244.0.10:8080
          nat
             1 -p tcp -j ISTIO_INBOUND                    * goes on in ISTIO_INBOUND
                1 -p tcp --dport 15008 -j RETURN            not --dport 15008: goes to port 8080
                2 -p tcp --dport 15090 -j RETURN            not --dport 15090: goes to port 8080
                3 -p tcp --dport 15021 -j RETURN            not --dport 15021: goes to port 8080
                4 -p tcp --dport 15020 -j RETURN            not --dport 15020: goes to port 8080
                5 -p tcp -j ISTIO_IN_REDIRECT             * goes on in ISTIO_IN_REDIRECT
                   1 -p tcp -j REDIRECT --to-ports 15006  * destination becomes 10.244.0.10:15006

        Captured by the inbound listener 15006, by rule nat ISTIO_IN_REDIRECT 1 (-p tcp -j REDIRECT --to-ports 15006); sent to 10.244.0.10:8080.
    "#]],
    );
}

#[test]
fn probe() {
    check(
        README,
        "in tcp from=10.1.2.3 to=:15021",
        expect![[r#"
        in tcp from=10.1.2.3:40000 to=10.244.0.10:15021 iface=eth0

        PREROUTING, in by eth0, to 10.244.0.10:15021
          nat
             1 -p tcp -j ISTIO_INBOUND            * goes on in ISTIO_INBOUND
                1 -p tcp --dport 15008 -j RETURN    not --dport 15008: goes to port 15021
                2 -p tcp --dport 15090 -j RETURN    not --dport 15090: goes to port 15021
                3 -p tcp --dport 15021 -j RETURN  * returns
             end of the chain: its policy accepts

        Left alone by rule nat ISTIO_INBOUND 3 (-p tcp --dport 15021 -j RETURN), for an inbound port that is not captured; it arrives in the pod, to 10.244.0.10:15021.
    "#]],
    );
}

#[test]
fn application_to_itself() {
    check(
        README,
        "out tcp to=127.0.0.1:80",
        expect![[r#"
            out tcp uid=1000 gid=1000 from=127.0.0.1:40000 to=127.0.0.1:80 iface=lo

            OUTPUT, out by lo, to 127.0.0.1:80
              nat
                 1 -j ISTIO_OUTPUT                                                          * goes on in ISTIO_OUTPUT
                    1 -o lo -s 127.0.0.6/32 -j RETURN                                         not -s 127.0.0.6/32: comes from 127.0.0.1
                    2 -o lo ! -d 127.0.0.1/32 -p tcp ! --dport 15008 -m owner --uid-owner 1337 -j ISTIO_IN_REDIRECT
                                                                                              not ! -d 127.0.0.1/32: goes to 127.0.0.1
                    3 -o lo -m owner ! --uid-owner 1337 -j RETURN                           * returns
                 end of the chain: its policy accepts

            POSTROUTING, out by lo, to 127.0.0.1:80

            It leaves by lo, and comes in by it.

            PREROUTING, in by lo, to 127.0.0.1:80
              nat: not asked: OUTPUT has decided for this connection

            Left alone by rule nat ISTIO_OUTPUT 3 (-o lo -m owner ! --uid-owner 1337 -j RETURN), for what the applications of the pod send each other; it arrives in the pod, to 127.0.0.1:80.
        "#]],
    );
}

#[test]
fn proxy_to_the_pods_own_address() {
    check(
        README,
        "out tcp uid=1337 to=10.244.0.10:8080",
        expect![[r#"
            out tcp uid=1337 gid=1337 from=10.244.0.10:40000 to=10.244.0.10:8080 iface=lo

            OUTPUT, out by lo, to 10.244.0.10:8080
              nat
                 1 -j ISTIO_OUTPUT                                                          * goes on in ISTIO_OUTPUT
                    1 -o lo -s 127.0.0.6/32 -j RETURN                                         not -s 127.0.0.6/32: comes from 10.244.0.10
                    2 -o lo ! -d 127.0.0.1/32 -p tcp ! --dport 15008 -m owner --uid-owner 1337 -j ISTIO_IN_REDIRECT
                                                                                            * goes on in ISTIO_IN_REDIRECT
                       1 -p tcp -j REDIRECT --to-ports 15006                                * destination becomes 127.0.0.1:15006
              routed again, since its destination was changed: out by lo

            POSTROUTING, out by lo, to 127.0.0.1:15006

            It leaves by lo, and comes in by it.

            PREROUTING, in by lo, to 127.0.0.1:15006
              nat: not asked: OUTPUT has decided for this connection

            Captured by the inbound listener 15006, by rule nat ISTIO_IN_REDIRECT 1 (-p tcp -j REDIRECT --to-ports 15006); sent to 10.244.0.10:8080.
        "#]],
    );
}

#[test]
fn proxy_to_the_application() {
    check(
        README,
        "out tcp uid=1337 from=127.0.0.6 to=10.244.0.10:8080",
        expect![[r#"
        out tcp uid=1337 gid=1337 from=127.0.0.6:40000 to=10.244.0.10:8080 iface=lo

        OUTPUT, out by lo, to 10.244.0.10:8080
          nat
             1 -j ISTIO_OUTPUT                     * goes on in ISTIO_OUTPUT
                1 -o lo -s 127.0.0.6/32 -j RETURN  * returns
             end of the chain: its policy accepts

        POSTROUTING, out by lo, to 10.244.0.10:8080

        It leaves by lo, and comes in by it.

        PREROUTING, in by lo, to 10.244.0.10:8080
          nat: not asked: OUTPUT has decided for this connection

        Left alone by rule nat ISTIO_OUTPUT 1 (-o lo -s 127.0.0.6/32 -j RETURN), for what the proxy sends to the application; it arrives in the pod, to 10.244.0.10:8080.
    "#]],
    );
}

#[test]
fn udp() {
    check(
        README,
        "out udp to=10.0.0.5:443",
        expect![[r#"
            out udp uid=1000 gid=1000 from=10.244.0.10:40000 to=10.0.0.5:443 iface=eth0

            OUTPUT, out by eth0, to 10.0.0.5:443
              nat
                 1 -j ISTIO_OUTPUT                                                          * goes on in ISTIO_OUTPUT
                    1 -o lo -s 127.0.0.6/32 -j RETURN                                         not -o lo: goes out by eth0
                    2 -o lo ! -d 127.0.0.1/32 -p tcp ! --dport 15008 -m owner --uid-owner 1337 -j ISTIO_IN_REDIRECT
                                                                                              not -o lo: goes out by eth0
                    3 -o lo -m owner ! --uid-owner 1337 -j RETURN                             not -o lo: goes out by eth0
                    4 -m owner --uid-owner 1337 -j RETURN                                     not -m owner --uid-owner 1337: is of user 1000
                    5 -o lo ! -d 127.0.0.1/32 -p tcp ! --dport 15008 -m owner --gid-owner 1337 -j ISTIO_IN_REDIRECT
                                                                                              not -o lo: goes out by eth0
                    6 -o lo -m owner ! --gid-owner 1337 -j RETURN                             not -o lo: goes out by eth0
                    7 -m owner --gid-owner 1337 -j RETURN                                     not -m owner --gid-owner 1337: is of group 1000
                    8 -d 127.0.0.1/32 -j RETURN                                               not -d 127.0.0.1/32: goes to 10.0.0.5
                    9 -j ISTIO_REDIRECT                                                     * goes on in ISTIO_REDIRECT
                       1 -p tcp -j REDIRECT --to-ports 15001                                  not -p tcp: is udp
                       end of the chain: returns
                    end of the chain: returns
                 end of the chain: its policy accepts

            POSTROUTING, out by eth0, to 10.0.0.5:443

            Left alone: no rule captures it; it goes out by eth0, to 10.0.0.5:443.
        "#]],
    );
}

#[test]
fn ipv6_without_rules() {
    check(
        README,
        "out tcp to=[fd00::1]:443",
        expect![[r#"
        out tcp uid=1000 gid=1000 from=[fd00:10:244::10]:40000 to=[fd00::1]:443 iface=eth0

        OUTPUT, out by eth0, to [fd00::1]:443

        POSTROUTING, out by eth0, to [fd00::1]:443

        Left alone, since there are no IPv6 rules; it goes out by eth0, to [fd00::1]:443.
    "#]],
    );
}

#[test]
fn a_later_packet() {
    check(
        README,
        "out tcp to=10.0.0.5:443 state=established",
        expect![[r#"
        out tcp uid=1000 gid=1000 from=10.244.0.10:40000 to=10.0.0.5:443 iface=eth0 state=established

        OUTPUT, out by eth0, to 10.0.0.5:443
          nat: not asked: the packet is ESTABLISHED, and nat is asked for the first packet of a connection

        POSTROUTING, out by eth0, to 10.0.0.5:443

        Goes the way of its connection, which the first packet decided: this one is ESTABLISHED; by itself, it goes out by eth0, to 10.0.0.5:443.
    "#]],
    );
}

#[test]
fn transparent() {
    let flags = "-m TPROXY -i * -b * --drop-invalid=true";
    check(
        flags,
        "in tcp from=10.1.2.3 to=:8080",
        expect![[r#"
            in tcp from=10.1.2.3:40000 to=10.244.0.10:8080 iface=eth0

            PREROUTING, in by eth0, to 10.244.0.10:8080
              mangle
                 1 -m conntrack --ctstate INVALID -j ISTIO_DROP                               not -m conntrack --ctstate INVALID: is NEW
                 2 -p tcp -j ISTIO_INBOUND                                                  * goes on in ISTIO_INBOUND
                    1 -p tcp -m mark --mark 1337 -j RETURN                                    not -m mark --mark 1337: has no mark
                    2 -p tcp -s 127.0.0.6/32 -i lo -j RETURN                                  not -s 127.0.0.6/32: comes from 10.1.2.3
                    3 -p tcp -i lo -m mark ! --mark 1338 -j RETURN                            not -i lo: came in by eth0
                    4 -p tcp -m conntrack --ctstate RELATED,ESTABLISHED -j ISTIO_DIVERT       not -m conntrack --ctstate RELATED,ESTABLISHED: is NEW
                    5 -p tcp -j ISTIO_TPROXY                                                * goes on in ISTIO_TPROXY
                       1 ! -d 127.0.0.1/32 -p tcp -j TPROXY --tproxy-mark 1337/0xffffffff --on-port 15006
                                                                                            * given to the listener 15006, mark becomes 1337

            Captured by the inbound listener 15006, by rule mangle ISTIO_TPROXY 1 (! -d 127.0.0.1/32 -p tcp -j TPROXY --tproxy-mark 1337/0xffffffff --on-port 15006); its destination 10.244.0.10:8080 stays as it is.
        "#]],
    );
    sentence(
        flags,
        "in tcp from=10.1.2.3 to=:8080 state=established",
        expect![
            "Goes the way of its connection, which the first packet decided: this one is ESTABLISHED; by itself, it arrives in the pod, to 10.244.0.10:8080, with mark 1337."
        ],
    );
    sentence(
        flags,
        "in tcp from=10.1.2.3 to=:8080 state=invalid",
        expect!["Dropped by rule mangle ISTIO_DROP 1 (-j DROP), for packets of no connection."],
    );
    check(
        flags,
        "out tcp uid=1337 to=10.244.0.10:8080 state=established connmark=1337",
        expect![[r#"
            out tcp uid=1337 gid=1337 from=10.244.0.10:40000 to=10.244.0.10:8080 iface=lo state=established connmark=1337

            OUTPUT, out by lo, to 10.244.0.10:8080
              mangle
                 1 -p tcp -o lo -m mark --mark 1337 -j RETURN                                 not -m mark --mark 1337: has no mark
                 2 ! -d 127.0.0.1/32 -p tcp -o lo -m owner --uid-owner 1337 -j MARK --set-mark 1338
                                                                                            * mark becomes 1338
                 3 ! -d 127.0.0.1/32 -p tcp -o lo -m owner --gid-owner 1337 -j MARK --set-mark 1338
                                                                                            * mark becomes 1338
                 4 -p tcp -m connmark --mark 1337 -j CONNMARK --restore-mark                * mark becomes 1337, the connection's
                 end of the chain: its policy accepts
              routed again, since its mark was changed: out by lo
              nat: not asked: the packet is ESTABLISHED, and nat is asked for the first packet of a connection

            POSTROUTING, out by lo, to 10.244.0.10:8080

            It leaves by lo, and comes in by it.

            PREROUTING, in by lo, to 10.244.0.10:8080
              mangle
                 1 -m conntrack --ctstate INVALID -j ISTIO_DROP                               not -m conntrack --ctstate INVALID: is ESTABLISHED
                 2 -p tcp -j ISTIO_INBOUND                                                  * goes on in ISTIO_INBOUND
                    1 -p tcp -m mark --mark 1337 -j RETURN                                  * returns
                 3 -p tcp -m mark --mark 1337 -j CONNMARK --save-mark                       * the connection's mark becomes 1337
                 end of the chain: its policy accepts

            Goes the way of its connection, which the first packet decided: this one is ESTABLISHED; by itself, it arrives in the pod, to 10.244.0.10:8080, with mark 1337.
        "#]],
    );
}

/// As in a pod whose policy rule somebody deleted.
#[test]
fn a_mark_that_nothing_routes() {
    let (config, plan, pod) = planned("-m TPROXY -b *", &[]);
    let routing = crate::capture::Routing::default();
    let scene = Scene { rules: &plan.rules, routing: &routing, pod: &pod, listeners: Listeners::of(&config) };
    let packet = Packet::resolve(&Request::parse(["in tcp to=10.9.9.9:80"]).unwrap(), &pod, &routing).unwrap();
    expect!["Lost: rule mangle ISTIO_TPROXY 1 (! -d 127.0.0.1/32 -p tcp -j TPROXY --tproxy-mark 1337/0xffffffff --on-port 15006) gives it to the listener 15006, but 10.9.9.9:80 is not the pod's, and nothing routes packets with mark 1337 to the pod (ip rule, ip route)."].assert_eq(&scene.follow(&packet).verdict.to_string());
}

#[test]
fn dns() {
    sentence(
        "-i * --redirect-dns",
        "out udp to=10.96.0.10:53",
        expect![
            "Captured by the DNS agent 15053, by rule nat ISTIO_OUTPUT_DNS 2 (-p udp --dport 53 -d 10.96.0.10/32 -j REDIRECT --to-port 15053); sent to 10.96.0.10:53."
        ],
    );
    sentence(
        "-i * --redirect-dns",
        "out udp to=8.8.8.8:53",
        expect!["Left alone: no rule captures it; it goes out by eth0, to 8.8.8.8:53."],
    );
    sentence(
        "-i * --redirect-dns",
        "out udp uid=1337 to=10.96.0.10:53",
        expect![
            "Left alone by rule nat ISTIO_OUTPUT 4 (-m owner --uid-owner 1337 -j RETURN), for the proxy's own traffic; it goes out by eth0, to 10.96.0.10:53."
        ],
    );
    sentence(
        "-i * --redirect-dns --capture-all-dns",
        "out tcp to=8.8.8.8:53",
        expect![
            "Captured by the DNS agent 15053, by rule nat ISTIO_OUTPUT_DNS 1 (-p tcp --dport 53 -j REDIRECT --to-ports 15053); sent to 8.8.8.8:53."
        ],
    );
}

#[test]
fn icmp_and_what_the_kernel_sends() {
    sentence(
        README,
        "out icmp to=10.0.0.5",
        expect!["Left alone: no rule captures it; it goes out by eth0, to 10.0.0.5."],
    );
    sentence(
        README,
        "out tcp uid=none to=10.0.0.5:443",
        expect![
            "Captured by the outbound listener 15001, by rule nat ISTIO_REDIRECT 1 (-p tcp -j REDIRECT --to-ports 15001); sent to 10.0.0.5:443."
        ],
    );
}

#[test]
fn all_kinds_of_traffic() {
    let all = |flags: &str| {
        let (config, plan, pod) = planned(flags, &["10.96.0.10"]);
        summary(&config, &plan, &pod).to_string()
    };
    expect![[r#"
        application to a service                               outbound listener 15001  nat ISTIO_REDIRECT 1 (-p tcp -j REDIRECT --to-ports 15001)
        application, UDP (QUIC)                                left alone               no rule captures it
        application's DNS query                                left alone               no rule captures it
        application's DNS query, TCP                           outbound listener 15001  nat ISTIO_REDIRECT 1 (-p tcp -j REDIRECT --to-ports 15001)
        application to itself by localhost                     left alone               nat ISTIO_OUTPUT 3 (-o lo -m owner ! --uid-owner 1337 -j RETURN)
        application to itself by its address                   left alone               nat ISTIO_OUTPUT 3 (-o lo -m owner ! --uid-owner 1337 -j RETURN)
        application to its own service: the proxy's leg        inbound listener 15006   nat ISTIO_IN_REDIRECT 1 (-p tcp -j REDIRECT --to-ports 15006)
        proxy to a service                                     left alone               nat ISTIO_OUTPUT 4 (-m owner --uid-owner 1337 -j RETURN)
        proxy to the application                               left alone               nat ISTIO_OUTPUT 1 (-o lo -s 127.0.0.6/32 -j RETURN)
        proxy to the application by localhost                  left alone               nat ISTIO_OUTPUT 4 (-m owner --uid-owner 1337 -j RETURN)
        agent's DNS query                                      left alone               nat ISTIO_OUTPUT 4 (-m owner --uid-owner 1337 -j RETURN)
        client to the application                              inbound listener 15006   nat ISTIO_IN_REDIRECT 1 (-p tcp -j REDIRECT --to-ports 15006)
        metrics of the proxy (15090)                           left alone               nat ISTIO_INBOUND 2 (-p tcp --dport 15090 -j RETURN)
        probe of the node to the proxy (15021)                 left alone               nat ISTIO_INBOUND 3 (-p tcp --dport 15021 -j RETURN)
        probe of the node to the proxy (15020)                 left alone               nat ISTIO_INBOUND 4 (-p tcp --dport 15020 -j RETURN)
        peer's tunnel                                          left alone               nat ISTIO_INBOUND 1 (-p tcp --dport 15008 -j RETURN)
        client to the application, UDP                         left alone               no rule captures it
        client's packet of no connection                       left alone               no rule captures it
        application to a service, IPv6                         left alone               no IPv6 rules
        application, UDP (QUIC), IPv6                          left alone               no IPv6 rules
        application's DNS query, IPv6                          left alone               no IPv6 rules
        application's DNS query, TCP, IPv6                     left alone               no IPv6 rules
        application to itself by localhost, IPv6               left alone               no IPv6 rules
        application to itself by its address, IPv6             left alone               no IPv6 rules
        application to its own service: the proxy's leg, IPv6  left alone               no IPv6 rules
        proxy to a service, IPv6                               left alone               no IPv6 rules
        proxy to the application, IPv6                         left alone               no IPv6 rules
        proxy to the application by localhost, IPv6            left alone               no IPv6 rules
        agent's DNS query, IPv6                                left alone               no IPv6 rules
        client to the application, IPv6                        left alone               no IPv6 rules
        metrics of the proxy (15090), IPv6                     left alone               no IPv6 rules
        probe of the node to the proxy (15021), IPv6           left alone               no IPv6 rules
        probe of the node to the proxy (15020), IPv6           left alone               no IPv6 rules
        peer's tunnel, IPv6                                    left alone               no IPv6 rules
        client to the application, UDP, IPv6                   left alone               no IPv6 rules
        client's packet of no connection, IPv6                 left alone               no IPv6 rules
    "#]].assert_eq(&all(README));
    let flags = "-i 10.0.0.0/8,fd00::/8 -x 10.1.0.0/16 -o 3306 -q 9090 -b 80,443 -m TPROXY -c eth1 -k net1 --dual-stack \
        --redirect-dns --drop-invalid ISTIO_OUTBOUND_OWNER_GROUPS=1000,2000";
    expect![[r#"
        application to a captured range                        outbound listener 15001  nat ISTIO_REDIRECT 1 (-p tcp -j REDIRECT --to-ports 15001)
        application to other ranges                            left alone               no rule captures it
        application to an excluded range                       left alone               nat ISTIO_OUTPUT 13 (-d 10.1.0.0/16 -j RETURN)
        application to an excluded port                        left alone               nat ISTIO_OUTPUT 1 (-p tcp --dport 3306 -j RETURN)
        application to a port captured in every range          outbound listener 15001  nat ISTIO_REDIRECT 1 (-p tcp -j REDIRECT --to-ports 15001)
        application, UDP (QUIC)                                left alone               no rule captures it
        application's DNS query                                DNS agent 15053          nat ISTIO_OUTPUT_DNS 2 (-p udp --dport 53 -d 10.96.0.10/32 -j REDIRECT --to-port 15053)
        application's DNS query, TCP                           DNS agent 15053          nat ISTIO_OUTPUT_DNS 1 (-p tcp --dport 53 -d 10.96.0.10/32 -j REDIRECT --to-ports 15053)
        a group that is not listed to a service                left alone               nat ISTIO_OUTPUT 10 (-m owner ! --gid-owner 1000 -m owner ! --gid-owner 2000 -j RETURN)
        application to itself by localhost                     left alone               nat ISTIO_OUTPUT 5 (-o lo -p tcp ! --dport 53 -m owner ! --uid-owner 1337 -j RETURN); mangle ISTIO_INBOUND 3 (-p tcp -i lo -m mark ! --mark 1338 -j RETURN)
        application to itself by its address                   left alone               nat ISTIO_OUTPUT 5 (-o lo -p tcp ! --dport 53 -m owner ! --uid-owner 1337 -j RETURN); mangle ISTIO_INBOUND 3 (-p tcp -i lo -m mark ! --mark 1338 -j RETURN)
        application to its own service: the proxy's leg        inbound listener 15006   nat ISTIO_IN_REDIRECT 1 (-p tcp -j REDIRECT --to-ports 15006)
        proxy to a service                                     left alone               nat ISTIO_OUTPUT 6 (-m owner --uid-owner 1337 -j RETURN)
        proxy to the application                               left alone               nat ISTIO_OUTPUT 3 (-o lo -s 127.0.0.6/32 -j RETURN); mangle ISTIO_INBOUND 2 (-p tcp -s 127.0.0.6/32 -i lo -j RETURN)
        proxy to the application by localhost                  left alone               nat ISTIO_OUTPUT 6 (-m owner --uid-owner 1337 -j RETURN); mangle ISTIO_INBOUND 3 (-p tcp -i lo -m mark ! --mark 1338 -j RETURN)
        agent's DNS query                                      left alone               nat ISTIO_OUTPUT 6 (-m owner --uid-owner 1337 -j RETURN)
        client to the application                              inbound listener 15006   mangle ISTIO_TPROXY 1 (! -d 127.0.0.1/32 -p tcp -j TPROXY --tproxy-mark 1337/0xffffffff --on-port 15006)
        client to a port that is not listed                    left alone               no rule captures it
        peer's tunnel                                          left alone               no rule captures it
        client to the application, UDP                         left alone               no rule captures it
        client's packet of no connection                       dropped                  mangle ISTIO_DROP 1 (-j DROP)
        client by an excluded interface                        left alone               mangle PREROUTING 1 (-i eth1 -j RETURN); nat PREROUTING 3 (-i eth1 -j RETURN)
        VM to a service                                        inbound listener 15006   mangle ISTIO_TPROXY 1 (! -d 127.0.0.1/32 -p tcp -j TPROXY --tproxy-mark 1337/0xffffffff --on-port 15006)
        application to a captured range, IPv6                  outbound listener 15001  nat ISTIO_REDIRECT 1 (-p tcp -j REDIRECT --to-ports 15001)
        application to other ranges, IPv6                      left alone               no rule captures it
        application to an excluded port, IPv6                  left alone               nat ISTIO_OUTPUT 1 (-p tcp --dport 3306 -j RETURN)
        application to a port captured in every range, IPv6    outbound listener 15001  nat ISTIO_REDIRECT 1 (-p tcp -j REDIRECT --to-ports 15001)
        application, UDP (QUIC), IPv6                          left alone               no rule captures it
        application's DNS query, IPv6                          left alone               no rule captures it
        application's DNS query, TCP, IPv6                     left alone               no rule captures it
        a group that is not listed to a service, IPv6          left alone               nat ISTIO_OUTPUT 10 (-m owner ! --gid-owner 1000 -m owner ! --gid-owner 2000 -j RETURN)
        application to itself by localhost, IPv6               left alone               nat ISTIO_OUTPUT 5 (-o lo -p tcp ! --dport 53 -m owner ! --uid-owner 1337 -j RETURN); mangle ISTIO_INBOUND 3 (-p tcp -i lo -m mark ! --mark 1338 -j RETURN)
        application to itself by its address, IPv6             left alone               nat ISTIO_OUTPUT 5 (-o lo -p tcp ! --dport 53 -m owner ! --uid-owner 1337 -j RETURN); mangle ISTIO_INBOUND 3 (-p tcp -i lo -m mark ! --mark 1338 -j RETURN)
        application to its own service: the proxy's leg, IPv6  inbound listener 15006   nat ISTIO_IN_REDIRECT 1 (-p tcp -j REDIRECT --to-ports 15006)
        proxy to a service, IPv6                               left alone               nat ISTIO_OUTPUT 6 (-m owner --uid-owner 1337 -j RETURN)
        proxy to the application, IPv6                         left alone               nat ISTIO_OUTPUT 3 (-o lo -s ::6/128 -j RETURN); mangle ISTIO_INBOUND 2 (-p tcp -s ::6/128 -i lo -j RETURN)
        proxy to the application by localhost, IPv6            left alone               nat ISTIO_OUTPUT 6 (-m owner --uid-owner 1337 -j RETURN); mangle ISTIO_INBOUND 3 (-p tcp -i lo -m mark ! --mark 1338 -j RETURN)
        agent's DNS query, IPv6                                left alone               nat ISTIO_OUTPUT 6 (-m owner --uid-owner 1337 -j RETURN)
        client to the application, IPv6                        inbound listener 15006   mangle ISTIO_TPROXY 1 (! -d ::1/128 -p tcp -j TPROXY --tproxy-mark 1337/0xffffffff --on-port 15006)
        client to a port that is not listed, IPv6              left alone               no rule captures it
        peer's tunnel, IPv6                                    left alone               no rule captures it
        client to the application, UDP, IPv6                   left alone               no rule captures it
        client's packet of no connection, IPv6                 dropped                  mangle ISTIO_DROP 1 (-j DROP)
        client by an excluded interface, IPv6                  left alone               mangle PREROUTING 1 (-i eth1 -j RETURN); nat PREROUTING 3 (-i eth1 -j RETURN)
        VM to a service, IPv6                                  inbound listener 15006   mangle ISTIO_TPROXY 1 (! -d ::1/128 -p tcp -j TPROXY --tproxy-mark 1337/0xffffffff --on-port 15006)
    "#]].assert_eq(&all(flags));
}

#[test]
fn every_packet_can_be_typed_again() {
    for flags in [README, "-m TPROXY -i 10.0.0.0/8 -b 80 --dual-stack -c eth1 -k net1"] {
        let (config, plan, pod) = planned(flags, &[]);
        for row in summary(&config, &plan, &pod).rows {
            let request = Request::parse([row.packet.to_string()]).unwrap();
            assert_eq!(Packet::resolve(&request, &pod, &plan.routing), Ok(row.packet));
        }
    }
}

#[test]
fn picture() {
    let (_, plan, _) = planned("-i 10.0.0.0/8 -b 80", &[]);
    let trace = follow("-i 10.0.0.0/8 -b 80", "in tcp to=:80");
    expect![[r#"
        flowchart TB
          subgraph nat_PREROUTING["nat PREROUTING"]
            direction TB
            nat_PREROUTING_1["1. -p tcp -j ISTIO_INBOUND"]:::hit
          end
          subgraph nat_OUTPUT["nat OUTPUT"]
            direction TB
            nat_OUTPUT_1["1. -j ISTIO_OUTPUT"]
          end
          subgraph nat_ISTIO_INBOUND["nat ISTIO_INBOUND"]
            direction TB
            nat_ISTIO_INBOUND_1["1. -p tcp --dport 15008 -j RETURN"]:::miss
            nat_ISTIO_INBOUND_2["2. -p tcp --dport 80 -j ISTIO_IN_REDIRECT"]:::hit
            nat_ISTIO_INBOUND_1 --> nat_ISTIO_INBOUND_2
          end
          subgraph nat_ISTIO_REDIRECT["nat ISTIO_REDIRECT"]
            direction TB
            nat_ISTIO_REDIRECT_1["1. -p tcp -j REDIRECT --to-ports 15001"]
          end
          subgraph nat_ISTIO_IN_REDIRECT["nat ISTIO_IN_REDIRECT"]
            direction TB
            nat_ISTIO_IN_REDIRECT_1["1. -p tcp -j REDIRECT --to-ports 15006"]:::hit
          end
          subgraph nat_ISTIO_OUTPUT["nat ISTIO_OUTPUT"]
            direction TB
            nat_ISTIO_OUTPUT_1["1. -o lo -s 127.0.0.6/32 -j RETURN"]
            nat_ISTIO_OUTPUT_2["2. -o lo ! -d 127.0.0.1/32 -p tcp ! --dport 15008 -m owner --uid-owner 1337 -j ISTIO_IN_REDIRECT"]
            nat_ISTIO_OUTPUT_1 --> nat_ISTIO_OUTPUT_2
            nat_ISTIO_OUTPUT_3["3. -o lo -m owner ! --uid-owner 1337 -j RETURN"]
            nat_ISTIO_OUTPUT_2 --> nat_ISTIO_OUTPUT_3
            nat_ISTIO_OUTPUT_4["4. -m owner --uid-owner 1337 -j RETURN"]
            nat_ISTIO_OUTPUT_3 --> nat_ISTIO_OUTPUT_4
            nat_ISTIO_OUTPUT_5["5. -o lo ! -d 127.0.0.1/32 -p tcp ! --dport 15008 -m owner --gid-owner 1337 -j ISTIO_IN_REDIRECT"]
            nat_ISTIO_OUTPUT_4 --> nat_ISTIO_OUTPUT_5
            nat_ISTIO_OUTPUT_6["6. -o lo -m owner ! --gid-owner 1337 -j RETURN"]
            nat_ISTIO_OUTPUT_5 --> nat_ISTIO_OUTPUT_6
            nat_ISTIO_OUTPUT_7["7. -m owner --gid-owner 1337 -j RETURN"]
            nat_ISTIO_OUTPUT_6 --> nat_ISTIO_OUTPUT_7
            nat_ISTIO_OUTPUT_8["8. -d 127.0.0.1/32 -j RETURN"]
            nat_ISTIO_OUTPUT_7 --> nat_ISTIO_OUTPUT_8
            nat_ISTIO_OUTPUT_9["9. -d 10.0.0.0/8 -j ISTIO_REDIRECT"]
            nat_ISTIO_OUTPUT_8 --> nat_ISTIO_OUTPUT_9
          end
          nat_PREROUTING_1 -.-> nat_ISTIO_INBOUND_1
          nat_OUTPUT_1 -.-> nat_ISTIO_OUTPUT_1
          nat_ISTIO_INBOUND_2 -.-> nat_ISTIO_IN_REDIRECT_1
          nat_ISTIO_OUTPUT_2 -.-> nat_ISTIO_IN_REDIRECT_1
          nat_ISTIO_OUTPUT_5 -.-> nat_ISTIO_IN_REDIRECT_1
          nat_ISTIO_OUTPUT_9 -.-> nat_ISTIO_REDIRECT_1
          packet(["in tcp from=203.0.113.7:40000 to=10.244.0.10:80 iface=eth0"]):::packet
          packet ==> nat_PREROUTING_1
          nat_PREROUTING_1 ==>|"goes on in ISTIO_INBOUND"| nat_ISTIO_INBOUND_2
          nat_ISTIO_INBOUND_2 ==>|"goes on in ISTIO_IN_REDIRECT"| nat_ISTIO_IN_REDIRECT_1
          verdict(["inbound listener 15006"]):::packet
          nat_ISTIO_IN_REDIRECT_1 ==>|"destination becomes 10.244.0.10:15006"| verdict
          linkStyle 15,16,17,18 stroke:#d9480f,stroke-width:3px
          classDef hit fill:#ffe8cc,stroke:#d9480f,color:#000
          classDef miss fill:#f1f3f5,stroke:#adb5bd,color:#868e96
          classDef packet fill:#d9480f,stroke:#d9480f,color:#fff
    "#]].assert_eq(&chart(&plan.rules, Family::Ipv4, Some(&trace)));
    assert!(!chart(&plan.rules, Family::Ipv4, None).contains("==>"));
    assert_eq!(chart(&plan.rules, Family::Ipv6, None), "flowchart TB\n");
}

#[test]
fn picture_of_many_rules() {
    let ranges: Vec<_> = (0..200).map(|n| format!("10.{n}.0.0/16")).collect();
    let (_, plan, _) = planned(&format!("-i * -x {}", ranges.join(",")), &[]);
    let text = chart(&plan.rules, Family::Ipv4, None);
    assert!(text.contains("more\"]") && text.lines().count() < 130, "{text}");
}

#[test]
fn json_form() {
    let trace = follow("-i 10.0.0.0/8 -b ''", "out tcp to=10.0.0.5:443 uid=1337");
    let view = json::TraceView::from(&trace);
    expect![[r#"
        {
          "packet": {
            "words": "out tcp uid=1337 gid=1337 from=10.244.0.10:40000 to=10.0.0.5:443 iface=eth0",
            "direction": "out",
            "protocol": "tcp",
            "uid": 1337,
            "gid": 1337,
            "from": "10.244.0.10:40000",
            "to": "10.0.0.5:443",
            "interface": "eth0",
            "state": "NEW",
            "mark": 0,
            "connection_mark": 0
          },
          "steps": [
            {
              "step": "hook",
              "hook": "OUTPUT",
              "interface": "eth0",
              "to": "10.0.0.5:443"
            },
            {
              "step": "table",
              "table": "nat"
            },
            {
              "step": "rule",
              "table": "nat",
              "chain": "OUTPUT",
              "number": 1,
              "rule": "-j ISTIO_OUTPUT",
              "depth": 0,
              "matched": true,
              "effect": "goes on in ISTIO_OUTPUT"
            },
            {
              "step": "rule",
              "table": "nat",
              "chain": "ISTIO_OUTPUT",
              "number": 1,
              "rule": "-o lo -s 127.0.0.6/32 -j RETURN",
              "flag": "--istio-inbound-interception-mode (-m)",
              "purpose": "for what the proxy sends to the application",
              "depth": 1,
              "matched": false,
              "failed": "-o lo",
              "actual": "goes out by eth0"
            },
            {
              "step": "rule",
              "table": "nat",
              "chain": "ISTIO_OUTPUT",
              "number": 2,
              "rule": "-o lo ! -d 127.0.0.1/32 -p tcp ! --dport 15008 -m owner --uid-owner 1337 -j ISTIO_IN_REDIRECT",
              "flag": "--proxy-uid (-u) or --proxy-gid (-g)",
              "purpose": "for what the proxy sends to the pod's own addresses",
              "depth": 1,
              "matched": false,
              "failed": "-o lo",
              "actual": "goes out by eth0"
            },
            {
              "step": "rule",
              "table": "nat",
              "chain": "ISTIO_OUTPUT",
              "number": 3,
              "rule": "-o lo -m owner ! --uid-owner 1337 -j RETURN",
              "flag": "--proxy-uid (-u) or --proxy-gid (-g)",
              "purpose": "for what the applications of the pod send each other",
              "depth": 1,
              "matched": false,
              "failed": "-o lo",
              "actual": "goes out by eth0"
            },
            {
              "step": "rule",
              "table": "nat",
              "chain": "ISTIO_OUTPUT",
              "number": 4,
              "rule": "-m owner --uid-owner 1337 -j RETURN",
              "flag": "--proxy-uid (-u) or --proxy-gid (-g)",
              "purpose": "for the proxy's own traffic",
              "depth": 1,
              "matched": true,
              "effect": "returns"
            },
            {
              "step": "end",
              "table": "nat",
              "chain": "OUTPUT"
            },
            {
              "step": "hook",
              "hook": "POSTROUTING",
              "interface": "eth0",
              "to": "10.0.0.5:443"
            }
          ],
          "destination": "10.0.0.5:443",
          "mark": 0,
          "verdict": {
            "verdict": "left-alone",
            "place": "eth0",
            "by": [
              {
                "table": "nat",
                "chain": "ISTIO_OUTPUT",
                "number": 4,
                "rule": "-m owner --uid-owner 1337 -j RETURN",
                "flag": "--proxy-uid (-u) or --proxy-gid (-g)",
                "purpose": "for the proxy's own traffic"
              }
            ],
            "sentence": "Left alone by rule nat ISTIO_OUTPUT 4 (-m owner --uid-owner 1337 -j RETURN), for the proxy's own traffic; it goes out by eth0, to 10.0.0.5:443."
          }
        }"#]].assert_eq(&serde_json::to_string_pretty(&view).unwrap());
    let (_, plan, _) = planned(README, &[]);
    let rules = serde_json::to_value(json::rules(&plan.rules)).unwrap();
    assert_eq!(rules[0]["family"], "IPv4");
    assert_eq!(rules[0]["rules"][0]["chain"], "PREROUTING");
}
