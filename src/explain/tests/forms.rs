//! The table, the picture and the JSON form.

use expect_test::expect;

use super::*;
use crate::capture::Plan;
use crate::config::Config;
use crate::net::Family;

fn table(config: &Config, plan: &Plan, pod: &Pod) -> Summary {
    let layers = [plan.rules.clone().into()];
    summary(config, &Scene { layers: &layers, routing: &plan.routing, pod, listeners: Listeners::of(config) })
}

#[test]
fn summary_has_all_kinds_of_traffic() {
    let all = |flags: &str| {
        let (config, plan, pod) = planned(flags, &["10.96.0.10"]);
        table(&config, &plan, &pod).to_string()
    };
    let readme = all(README);
    let (ipv6, ipv4): (Vec<_>, Vec<_>) = readme.split_inclusive('\n').partition(|line| line.contains(", IPv6 "));
    expect![[r#"
        application to a service                               outbound listener 15001  nat ISTIO_REDIRECT 1 (-p tcp -j REDIRECT --to-ports 15001)
        application, UDP (QUIC)                                not captured             no rule captures it
        application's DNS query                                not captured             no rule captures it
        application's DNS query, TCP                           outbound listener 15001  nat ISTIO_REDIRECT 1 (-p tcp -j REDIRECT --to-ports 15001)
        application to itself via localhost                    not captured             nat ISTIO_OUTPUT 3 (-o lo -m owner ! --uid-owner 1337 -j RETURN)
        application to itself via its address                  not captured             nat ISTIO_OUTPUT 3 (-o lo -m owner ! --uid-owner 1337 -j RETURN)
        application to its own service: the proxy's leg        inbound listener 15006   nat ISTIO_IN_REDIRECT 1 (-p tcp -j REDIRECT --to-ports 15006)
        proxy to a service                                     not captured             nat ISTIO_OUTPUT 4 (-m owner --uid-owner 1337 -j RETURN)
        proxy to the application                               not captured             nat ISTIO_OUTPUT 1 (-o lo -s 127.0.0.6/32 -j RETURN)
        proxy to the application via localhost                 not captured             nat ISTIO_OUTPUT 4 (-m owner --uid-owner 1337 -j RETURN)
        agent's DNS query                                      not captured             nat ISTIO_OUTPUT 4 (-m owner --uid-owner 1337 -j RETURN)
        client to the application                              inbound listener 15006   nat ISTIO_IN_REDIRECT 1 (-p tcp -j REDIRECT --to-ports 15006)
        metrics of the proxy (15090)                           not captured             nat ISTIO_INBOUND 2 (-p tcp --dport 15090 -j RETURN)
        node's probe of the proxy (15021)                      not captured             nat ISTIO_INBOUND 3 (-p tcp --dport 15021 -j RETURN)
        node's probe of the proxy (15020)                      not captured             nat ISTIO_INBOUND 4 (-p tcp --dport 15020 -j RETURN)
        peer's tunnel                                          not captured             nat ISTIO_INBOUND 1 (-p tcp --dport 15008 -j RETURN)
        client to the application, UDP                         not captured             no rule captures it
        client's packet, no connection                         not captured             no rule captures it
    "#]].assert_eq(&ipv4.concat());
    assert_eq!(ipv6.len(), ipv4.len());
    assert!(ipv6.iter().all(|line| line.ends_with("  not captured             no IPv6 rules\n")), "{ipv6:?}");
    let flags = "-i 10.0.0.0/8,fd00::/8 -x 10.1.0.0/16 -o 3306 -q 9090 -b 80,443 -m TPROXY -c eth1 -k net1 --dual-stack \
        --redirect-dns --drop-invalid ISTIO_OUTBOUND_OWNER_GROUPS=1000,2000";
    expect![[r#"
        application to a captured range                        outbound listener 15001  nat ISTIO_REDIRECT 1 (-p tcp -j REDIRECT --to-ports 15001)
        application to other ranges                            not captured             no rule captures it
        application to an excluded range                       not captured             nat ISTIO_OUTPUT 13 (-d 10.1.0.0/16 -j RETURN)
        application to an excluded port                        not captured             nat ISTIO_OUTPUT 1 (-p tcp --dport 3306 -j RETURN)
        application to a port captured in every range          outbound listener 15001  nat ISTIO_REDIRECT 1 (-p tcp -j REDIRECT --to-ports 15001)
        application, UDP (QUIC)                                not captured             no rule captures it
        application's DNS query                                DNS agent 15053          nat ISTIO_OUTPUT_DNS 2 (-p udp --dport 53 -d 10.96.0.10/32 -j REDIRECT --to-port 15053)
        application's DNS query, TCP                           DNS agent 15053          nat ISTIO_OUTPUT_DNS 1 (-p tcp --dport 53 -d 10.96.0.10/32 -j REDIRECT --to-ports 15053)
        a group that is not listed to a service                not captured             nat ISTIO_OUTPUT 10 (-m owner ! --gid-owner 1000 -m owner ! --gid-owner 2000 -j RETURN)
        application to itself via localhost                    not captured             nat ISTIO_OUTPUT 5 (-o lo -p tcp ! --dport 53 -m owner ! --uid-owner 1337 -j RETURN); mangle ISTIO_INBOUND 3 (-p tcp -i lo -m mark ! --mark 1338 -j RETURN)
        application to itself via its address                  not captured             nat ISTIO_OUTPUT 5 (-o lo -p tcp ! --dport 53 -m owner ! --uid-owner 1337 -j RETURN); mangle ISTIO_INBOUND 3 (-p tcp -i lo -m mark ! --mark 1338 -j RETURN)
        application to its own service: the proxy's leg        inbound listener 15006   nat ISTIO_IN_REDIRECT 1 (-p tcp -j REDIRECT --to-ports 15006)
        proxy to a service                                     not captured             nat ISTIO_OUTPUT 6 (-m owner --uid-owner 1337 -j RETURN)
        proxy to the application                               not captured             nat ISTIO_OUTPUT 3 (-o lo -s 127.0.0.6/32 -j RETURN); mangle ISTIO_INBOUND 2 (-p tcp -s 127.0.0.6/32 -i lo -j RETURN)
        proxy to the application via localhost                 not captured             nat ISTIO_OUTPUT 6 (-m owner --uid-owner 1337 -j RETURN); mangle ISTIO_INBOUND 3 (-p tcp -i lo -m mark ! --mark 1338 -j RETURN)
        agent's DNS query                                      not captured             nat ISTIO_OUTPUT 6 (-m owner --uid-owner 1337 -j RETURN)
        client to the application                              inbound listener 15006   mangle ISTIO_TPROXY 1 (! -d 127.0.0.1/32 -p tcp -j TPROXY --tproxy-mark 1337/0xffffffff --on-port 15006)
        client to a port that is not listed                    not captured             no rule captures it
        peer's tunnel                                          not captured             no rule captures it
        client to the application, UDP                         not captured             no rule captures it
        client's packet, no connection                         dropped                  mangle ISTIO_DROP 1 (-j DROP)
        client via an excluded interface                       not captured             mangle PREROUTING 1 (-i eth1 -j RETURN); nat PREROUTING 3 (-i eth1 -j RETURN)
        VM to a service                                        inbound listener 15006   mangle ISTIO_TPROXY 1 (! -d 127.0.0.1/32 -p tcp -j TPROXY --tproxy-mark 1337/0xffffffff --on-port 15006)
        application to a captured range, IPv6                  outbound listener 15001  nat ISTIO_REDIRECT 1 (-p tcp -j REDIRECT --to-ports 15001)
        application to other ranges, IPv6                      not captured             no rule captures it
        application to an excluded port, IPv6                  not captured             nat ISTIO_OUTPUT 1 (-p tcp --dport 3306 -j RETURN)
        application to a port captured in every range, IPv6    outbound listener 15001  nat ISTIO_REDIRECT 1 (-p tcp -j REDIRECT --to-ports 15001)
        application, UDP (QUIC), IPv6                          not captured             no rule captures it
        application's DNS query, IPv6                          not captured             no rule captures it
        application's DNS query, TCP, IPv6                     not captured             no rule captures it
        a group that is not listed to a service, IPv6          not captured             nat ISTIO_OUTPUT 10 (-m owner ! --gid-owner 1000 -m owner ! --gid-owner 2000 -j RETURN)
        application to itself via localhost, IPv6              not captured             nat ISTIO_OUTPUT 5 (-o lo -p tcp ! --dport 53 -m owner ! --uid-owner 1337 -j RETURN); mangle ISTIO_INBOUND 3 (-p tcp -i lo -m mark ! --mark 1338 -j RETURN)
        application to itself via its address, IPv6            not captured             nat ISTIO_OUTPUT 5 (-o lo -p tcp ! --dport 53 -m owner ! --uid-owner 1337 -j RETURN); mangle ISTIO_INBOUND 3 (-p tcp -i lo -m mark ! --mark 1338 -j RETURN)
        application to its own service: the proxy's leg, IPv6  inbound listener 15006   nat ISTIO_IN_REDIRECT 1 (-p tcp -j REDIRECT --to-ports 15006)
        proxy to a service, IPv6                               not captured             nat ISTIO_OUTPUT 6 (-m owner --uid-owner 1337 -j RETURN)
        proxy to the application, IPv6                         not captured             nat ISTIO_OUTPUT 3 (-o lo -s ::6/128 -j RETURN); mangle ISTIO_INBOUND 2 (-p tcp -s ::6/128 -i lo -j RETURN)
        proxy to the application via localhost, IPv6           not captured             nat ISTIO_OUTPUT 6 (-m owner --uid-owner 1337 -j RETURN); mangle ISTIO_INBOUND 3 (-p tcp -i lo -m mark ! --mark 1338 -j RETURN)
        agent's DNS query, IPv6                                not captured             nat ISTIO_OUTPUT 6 (-m owner --uid-owner 1337 -j RETURN)
        client to the application, IPv6                        inbound listener 15006   mangle ISTIO_TPROXY 1 (! -d ::1/128 -p tcp -j TPROXY --tproxy-mark 1337/0xffffffff --on-port 15006)
        client to a port that is not listed, IPv6              not captured             no rule captures it
        peer's tunnel, IPv6                                    not captured             no rule captures it
        client to the application, UDP, IPv6                   not captured             no rule captures it
        client's packet, no connection, IPv6                   dropped                  mangle ISTIO_DROP 1 (-j DROP)
        client via an excluded interface, IPv6                 not captured             mangle PREROUTING 1 (-i eth1 -j RETURN); nat PREROUTING 3 (-i eth1 -j RETURN)
        VM to a service, IPv6                                  inbound listener 15006   mangle ISTIO_TPROXY 1 (! -d ::1/128 -p tcp -j TPROXY --tproxy-mark 1337/0xffffffff --on-port 15006)
    "#]].assert_eq(&all(flags));
}

#[test]
fn every_packet_can_be_typed_again() {
    for flags in [README, "-m TPROXY -i 10.0.0.0/8 -b 80 --dual-stack -c eth1 -k net1"] {
        let (config, plan, pod) = planned(flags, &[]);
        for row in table(&config, &plan, &pod).rows {
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
        %%{init: {"flowchart": {"wrappingWidth": 600}}}%%
        flowchart TB
          subgraph nat_PREROUTING["nat PREROUTING"]
            direction TB
            nat_PREROUTING_1["1: -p tcp<br>-j ISTIO_INBOUND"]:::hit
          end
          subgraph nat_OUTPUT["nat OUTPUT"]
            direction TB
            nat_OUTPUT_1["1: -j ISTIO_OUTPUT"]
          end
          subgraph nat_ISTIO_INBOUND["nat ISTIO_INBOUND"]
            direction TB
            nat_ISTIO_INBOUND_1["1: -p tcp --dport 15008<br>-j RETURN"]:::miss
            nat_ISTIO_INBOUND_2["2: -p tcp --dport 80<br>-j ISTIO_IN_REDIRECT"]:::hit
            nat_ISTIO_INBOUND_1 --> nat_ISTIO_INBOUND_2
          end
          subgraph nat_ISTIO_REDIRECT["nat ISTIO_REDIRECT"]
            direction TB
            nat_ISTIO_REDIRECT_1["1: -p tcp<br>-j REDIRECT --to-ports 15001"]
          end
          subgraph nat_ISTIO_IN_REDIRECT["nat ISTIO_IN_REDIRECT"]
            direction TB
            nat_ISTIO_IN_REDIRECT_1["1: -p tcp<br>-j REDIRECT --to-ports 15006"]:::hit
          end
          subgraph nat_ISTIO_OUTPUT["nat ISTIO_OUTPUT"]
            direction TB
            nat_ISTIO_OUTPUT_1["1: -o lo -s 127.0.0.6/32<br>-j RETURN"]
            nat_ISTIO_OUTPUT_2["2: -o lo ! -d 127.0.0.1/32 -p tcp ! --dport 15008<br>-m owner --uid-owner 1337<br>-j ISTIO_IN_REDIRECT"]
            nat_ISTIO_OUTPUT_1 --> nat_ISTIO_OUTPUT_2
            nat_ISTIO_OUTPUT_3["3: -o lo -m owner ! --uid-owner 1337<br>-j RETURN"]
            nat_ISTIO_OUTPUT_2 --> nat_ISTIO_OUTPUT_3
            nat_ISTIO_OUTPUT_4["4: -m owner --uid-owner 1337<br>-j RETURN"]
            nat_ISTIO_OUTPUT_3 --> nat_ISTIO_OUTPUT_4
            nat_ISTIO_OUTPUT_5["5: -o lo ! -d 127.0.0.1/32 -p tcp ! --dport 15008<br>-m owner --gid-owner 1337<br>-j ISTIO_IN_REDIRECT"]
            nat_ISTIO_OUTPUT_4 --> nat_ISTIO_OUTPUT_5
            nat_ISTIO_OUTPUT_6["6: -o lo -m owner ! --gid-owner 1337<br>-j RETURN"]
            nat_ISTIO_OUTPUT_5 --> nat_ISTIO_OUTPUT_6
            nat_ISTIO_OUTPUT_7["7: -m owner --gid-owner 1337<br>-j RETURN"]
            nat_ISTIO_OUTPUT_6 --> nat_ISTIO_OUTPUT_7
            nat_ISTIO_OUTPUT_8["8: -d 127.0.0.1/32<br>-j RETURN"]
            nat_ISTIO_OUTPUT_7 --> nat_ISTIO_OUTPUT_8
            nat_ISTIO_OUTPUT_9["9: -d 10.0.0.0/8<br>-j ISTIO_REDIRECT"]
            nat_ISTIO_OUTPUT_8 --> nat_ISTIO_OUTPUT_9
          end
          arrives(["arrives at an interface"])
          arrives --> nat_PREROUTING
          sent(["sent by a process in the pod"])
          sent --> nat_OUTPUT
          nat_PREROUTING_1 -.-> nat_ISTIO_INBOUND
          nat_OUTPUT_1 -.-> nat_ISTIO_OUTPUT
          nat_ISTIO_INBOUND_2 -.-> nat_ISTIO_IN_REDIRECT
          nat_ISTIO_OUTPUT_2 -.-> nat_ISTIO_IN_REDIRECT
          nat_ISTIO_OUTPUT_5 -.-> nat_ISTIO_IN_REDIRECT
          nat_ISTIO_OUTPUT_9 -.-> nat_ISTIO_REDIRECT
          packet(["in tcp from=203.0.113.7:40000<br>to=10.244.0.10:80 iface=eth0"]):::packet
          packet ==> nat_PREROUTING_1
          nat_PREROUTING_1 ==>|"goes on in ISTIO_INBOUND"| nat_ISTIO_INBOUND_2
          nat_ISTIO_INBOUND_2 ==>|"goes on in ISTIO_IN_REDIRECT"| nat_ISTIO_IN_REDIRECT_1
          verdict(["inbound listener 15006"]):::packet
          nat_ISTIO_IN_REDIRECT_1 ==>|"destination becomes 10.244.0.10:15006"| verdict
          linkStyle 17,18,19,20 stroke:#d9480f,stroke-width:3px
          classDef hit fill:#ffe8cc,stroke:#d9480f,color:#000
          classDef miss fill:#f1f3f5,stroke:#adb5bd,color:#868e96
          classDef packet fill:#d9480f,stroke:#d9480f,color:#fff
    "#]].assert_eq(&chart(&plan.rules.clone().into(), Family::Ipv4, Some(&trace)));
    assert!(!chart(&plan.rules.clone().into(), Family::Ipv4, None).contains("==>"));
    assert!(chart(&plan.rules.clone().into(), Family::Ipv6, None).ends_with("\nflowchart TB\n"));
}

#[test]
fn picture_of_many_rules() {
    let ranges: Vec<_> = (0..200).map(|n| format!("10.{n}.0.0/16")).collect();
    let (_, plan, _) = planned(&format!("-i * -x {}", ranges.join(",")), &[]);
    let text = chart(&plan.rules.clone().into(), Family::Ipv4, None);
    assert!(text.contains("more\"]") && text.lines().count() < 130, "{text}");
}

#[test]
fn json_form() {
    let trace = follow("-i 10.0.0.0/8 -b ''", "out tcp to=10.0.0.5:443 uid=1337");
    let view = crate::report::json::TraceView::from(&trace);
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
              "annotation": "sidecar.istio.io/interceptionMode",
              "purpose": "for traffic from the proxy to the application",
              "depth": 1,
              "matched": false,
              "failed": "-o lo",
              "actual": "goes out via eth0"
            },
            {
              "step": "rule",
              "table": "nat",
              "chain": "ISTIO_OUTPUT",
              "number": 2,
              "rule": "-o lo ! -d 127.0.0.1/32 -p tcp ! --dport 15008 -m owner --uid-owner 1337 -j ISTIO_IN_REDIRECT",
              "flag": "--proxy-uid (-u) or --proxy-gid (-g)",
              "purpose": "for traffic from the proxy to the pod's own addresses",
              "depth": 1,
              "matched": false,
              "failed": "-o lo",
              "actual": "goes out via eth0"
            },
            {
              "step": "rule",
              "table": "nat",
              "chain": "ISTIO_OUTPUT",
              "number": 3,
              "rule": "-o lo -m owner ! --uid-owner 1337 -j RETURN",
              "flag": "--proxy-uid (-u) or --proxy-gid (-g)",
              "purpose": "for traffic between the pod's applications",
              "depth": 1,
              "matched": false,
              "failed": "-o lo",
              "actual": "goes out via eth0"
            },
            {
              "step": "rule",
              "table": "nat",
              "chain": "ISTIO_OUTPUT",
              "number": 4,
              "rule": "-m owner --uid-owner 1337 -j RETURN",
              "flag": "--proxy-uid (-u)",
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
            "verdict": "not-captured",
            "place": "eth0",
            "by": [
              {
                "table": "nat",
                "chain": "ISTIO_OUTPUT",
                "number": 4,
                "rule": "-m owner --uid-owner 1337 -j RETURN",
                "flag": "--proxy-uid (-u)",
                "purpose": "for the proxy's own traffic"
              }
            ],
            "sentence": "Not captured, because of rule nat ISTIO_OUTPUT 4 (-m owner --uid-owner 1337 -j RETURN), for the proxy's own traffic (--proxy-uid (-u)); it goes out via eth0, to 10.0.0.5:443."
          }
        }"#]].assert_eq(&serde_json::to_string_pretty(&view).unwrap());
    let (_, plan, _) = planned(README, &[]);
    let rules = serde_json::to_value(crate::report::json::rules(&[plan.rules.into()])).unwrap();
    assert_eq!(rules[0]["family"], "IPv4");
    assert_eq!(rules[0]["rules"][0]["chain"], "PREROUTING");
}
