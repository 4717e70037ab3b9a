//! Ten packets under the flags of the README.

use expect_test::expect;

use super::{README, check};

#[test]
fn application_to_a_service() {
    check(
        README,
        "out tcp uid=1000 to=10.0.0.5:443",
        expect![[r#"
            out tcp uid=1000 gid=1000 from=10.244.0.10:40000 to=10.0.0.5:443 iface=eth0

            OUTPUT, out via eth0, to 10.0.0.5:443
              nat
                 1 -j ISTIO_OUTPUT                                                          * goes on in ISTIO_OUTPUT
                    1 -o lo -s 127.0.0.6/32 -j RETURN                                         not -o lo: goes out via eth0
                    2 -o lo ! -d 127.0.0.1/32 -p tcp ! --dport 15008 -m owner --uid-owner 1337 -j ISTIO_IN_REDIRECT
                                                                                              not -o lo: goes out via eth0
                    3 -o lo -m owner ! --uid-owner 1337 -j RETURN                             not -o lo: goes out via eth0
                    4 -m owner --uid-owner 1337 -j RETURN                                     not -m owner --uid-owner 1337: is from user 1000
                    5 -o lo ! -d 127.0.0.1/32 -p tcp ! --dport 15008 -m owner --gid-owner 1337 -j ISTIO_IN_REDIRECT
                                                                                              not -o lo: goes out via eth0
                    6 -o lo -m owner ! --gid-owner 1337 -j RETURN                             not -o lo: goes out via eth0
                    7 -m owner --gid-owner 1337 -j RETURN                                     not -m owner --gid-owner 1337: is from group 1000
                    8 -d 127.0.0.1/32 -j RETURN                                               not -d 127.0.0.1/32: goes to 10.0.0.5
                    9 -j ISTIO_REDIRECT                                                     * goes on in ISTIO_REDIRECT
                       1 -p tcp -j REDIRECT --to-ports 15001                                * destination becomes 127.0.0.1:15001
              rerouted because its destination changed: out via lo

            POSTROUTING, out via lo, to 127.0.0.1:15001

            It leaves via lo and comes back in.

            PREROUTING, in via lo, to 127.0.0.1:15001
              nat: not consulted: OUTPUT has already decided for this connection

            Captured by the outbound listener 15001, because of rule nat ISTIO_REDIRECT 1 (-p tcp -j REDIRECT --to-ports 15001), for captured ranges (--istio-service-cidr (-i); in Istio: traffic.sidecar.istio.io/includeOutboundIPRanges); sent to 10.0.0.5:443.
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

            OUTPUT, out via eth0, to 10.0.0.5:443
              nat
                 1 -j ISTIO_OUTPUT                                                          * goes on in ISTIO_OUTPUT
                    1 -o lo -s 127.0.0.6/32 -j RETURN                                         not -o lo: goes out via eth0
                    2 -o lo ! -d 127.0.0.1/32 -p tcp ! --dport 15008 -m owner --uid-owner 1337 -j ISTIO_IN_REDIRECT
                                                                                              not -o lo: goes out via eth0
                    3 -o lo -m owner ! --uid-owner 1337 -j RETURN                             not -o lo: goes out via eth0
                    4 -m owner --uid-owner 1337 -j RETURN                                   * returns
                 end of the chain: its policy accepts

            POSTROUTING, out via eth0, to 10.0.0.5:443

            Not captured, because of rule nat ISTIO_OUTPUT 4 (-m owner --uid-owner 1337 -j RETURN), for the proxy's own traffic (--proxy-uid (-u)); it goes out via eth0, to 10.0.0.5:443.
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

            PREROUTING, in via eth0, to 10.244.0.10:8080
              nat
                 1 -p tcp -j ISTIO_INBOUND                    * goes on in ISTIO_INBOUND
                    1 -p tcp --dport 15008 -j RETURN            not --dport 15008: goes to port 8080
                    2 -p tcp --dport 15090 -j RETURN            not --dport 15090: goes to port 8080
                    3 -p tcp --dport 15021 -j RETURN            not --dport 15021: goes to port 8080
                    4 -p tcp --dport 15020 -j RETURN            not --dport 15020: goes to port 8080
                    5 -p tcp -j ISTIO_IN_REDIRECT             * goes on in ISTIO_IN_REDIRECT
                       1 -p tcp -j REDIRECT --to-ports 15006  * destination becomes 10.244.0.10:15006

            Captured by the inbound listener 15006, because of rule nat ISTIO_IN_REDIRECT 1 (-p tcp -j REDIRECT --to-ports 15006), for captured inbound ports (--istio-inbound-ports (-b); in Istio: traffic.sidecar.istio.io/includeInboundPorts); sent to 10.244.0.10:8080.
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

            PREROUTING, in via eth0, to 10.244.0.10:15021
              nat
                 1 -p tcp -j ISTIO_INBOUND            * goes on in ISTIO_INBOUND
                    1 -p tcp --dport 15008 -j RETURN    not --dport 15008: goes to port 15021
                    2 -p tcp --dport 15090 -j RETURN    not --dport 15090: goes to port 15021
                    3 -p tcp --dport 15021 -j RETURN  * returns
                 end of the chain: its policy accepts

            Not captured, because of rule nat ISTIO_INBOUND 3 (-p tcp --dport 15021 -j RETURN), for an excluded inbound port (--istio-local-exclude-ports (-d); in Istio: traffic.sidecar.istio.io/excludeInboundPorts); it arrives in the pod, to 10.244.0.10:15021.
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

            OUTPUT, out via lo, to 127.0.0.1:80
              nat
                 1 -j ISTIO_OUTPUT                                                          * goes on in ISTIO_OUTPUT
                    1 -o lo -s 127.0.0.6/32 -j RETURN                                         not -s 127.0.0.6/32: comes from 127.0.0.1
                    2 -o lo ! -d 127.0.0.1/32 -p tcp ! --dport 15008 -m owner --uid-owner 1337 -j ISTIO_IN_REDIRECT
                                                                                              not ! -d 127.0.0.1/32: goes to 127.0.0.1
                    3 -o lo -m owner ! --uid-owner 1337 -j RETURN                           * returns
                 end of the chain: its policy accepts

            POSTROUTING, out via lo, to 127.0.0.1:80

            It leaves via lo and comes back in.

            PREROUTING, in via lo, to 127.0.0.1:80
              nat: not consulted: OUTPUT has already decided for this connection

            Not captured, because of rule nat ISTIO_OUTPUT 3 (-o lo -m owner ! --uid-owner 1337 -j RETURN), for traffic between the pod's applications (--proxy-uid (-u) or --proxy-gid (-g)); it arrives in the pod, to 127.0.0.1:80.
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

            OUTPUT, out via lo, to 10.244.0.10:8080
              nat
                 1 -j ISTIO_OUTPUT                                                          * goes on in ISTIO_OUTPUT
                    1 -o lo -s 127.0.0.6/32 -j RETURN                                         not -s 127.0.0.6/32: comes from 10.244.0.10
                    2 -o lo ! -d 127.0.0.1/32 -p tcp ! --dport 15008 -m owner --uid-owner 1337 -j ISTIO_IN_REDIRECT
                                                                                            * goes on in ISTIO_IN_REDIRECT
                       1 -p tcp -j REDIRECT --to-ports 15006                                * destination becomes 127.0.0.1:15006
              rerouted because its destination changed: out via lo

            POSTROUTING, out via lo, to 127.0.0.1:15006

            It leaves via lo and comes back in.

            PREROUTING, in via lo, to 127.0.0.1:15006
              nat: not consulted: OUTPUT has already decided for this connection

            Captured by the inbound listener 15006, because of rule nat ISTIO_IN_REDIRECT 1 (-p tcp -j REDIRECT --to-ports 15006), for traffic from the proxy to the pod's own addresses (--proxy-uid (-u) or --proxy-gid (-g)); sent to 10.244.0.10:8080.
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

            OUTPUT, out via lo, to 10.244.0.10:8080
              nat
                 1 -j ISTIO_OUTPUT                     * goes on in ISTIO_OUTPUT
                    1 -o lo -s 127.0.0.6/32 -j RETURN  * returns
                 end of the chain: its policy accepts

            POSTROUTING, out via lo, to 10.244.0.10:8080

            It leaves via lo and comes back in.

            PREROUTING, in via lo, to 10.244.0.10:8080
              nat: not consulted: OUTPUT has already decided for this connection

            Not captured, because of rule nat ISTIO_OUTPUT 1 (-o lo -s 127.0.0.6/32 -j RETURN), for traffic from the proxy to the application (--istio-inbound-interception-mode (-m); in Istio: sidecar.istio.io/interceptionMode); it arrives in the pod, to 10.244.0.10:8080.
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

            OUTPUT, out via eth0, to 10.0.0.5:443
              nat
                 1 -j ISTIO_OUTPUT                                                          * goes on in ISTIO_OUTPUT
                    1 -o lo -s 127.0.0.6/32 -j RETURN                                         not -o lo: goes out via eth0
                    2 -o lo ! -d 127.0.0.1/32 -p tcp ! --dport 15008 -m owner --uid-owner 1337 -j ISTIO_IN_REDIRECT
                                                                                              not -o lo: goes out via eth0
                    3 -o lo -m owner ! --uid-owner 1337 -j RETURN                             not -o lo: goes out via eth0
                    4 -m owner --uid-owner 1337 -j RETURN                                     not -m owner --uid-owner 1337: is from user 1000
                    5 -o lo ! -d 127.0.0.1/32 -p tcp ! --dport 15008 -m owner --gid-owner 1337 -j ISTIO_IN_REDIRECT
                                                                                              not -o lo: goes out via eth0
                    6 -o lo -m owner ! --gid-owner 1337 -j RETURN                             not -o lo: goes out via eth0
                    7 -m owner --gid-owner 1337 -j RETURN                                     not -m owner --gid-owner 1337: is from group 1000
                    8 -d 127.0.0.1/32 -j RETURN                                               not -d 127.0.0.1/32: goes to 10.0.0.5
                    9 -j ISTIO_REDIRECT                                                     * goes on in ISTIO_REDIRECT
                       1 -p tcp -j REDIRECT --to-ports 15001                                  not -p tcp: is udp
                       end of the chain: returns
                    end of the chain: returns
                 end of the chain: its policy accepts

            POSTROUTING, out via eth0, to 10.0.0.5:443

            Not captured: no rule captures it; it goes out via eth0, to 10.0.0.5:443.
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

        OUTPUT, out via eth0, to [fd00::1]:443

        POSTROUTING, out via eth0, to [fd00::1]:443

        Not captured: there are no IPv6 rules; it goes out via eth0, to [fd00::1]:443.
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

        OUTPUT, out via eth0, to 10.0.0.5:443
          nat: not consulted: the packet is ESTABLISHED, and nat only sees the first packet of a connection

        POSTROUTING, out via eth0, to 10.0.0.5:443

        Follows its connection, for which the first packet decided: this one is ESTABLISHED; on its own, it goes out via eth0, to 10.0.0.5:443.
    "#]],
    );
}
