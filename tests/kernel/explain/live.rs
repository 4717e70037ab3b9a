//! How `explain --live` follows foreign rules, and what it reports about them.

use harness::ROOT;
use std::process::{Command, Output};

use serde_json::Value;

use super::can_run;
use super::namespace::Net;

const FLAGS: [&str; 5] = ["-i", "*", "-b", "*", "--ip-families=ipv4"];
const TO_SERVICE: [&str; 3] = ["out", "tcp", "to=10.0.0.5:443"];

/// A pod in which these programs were given these texts, or, without a text, these arguments.
fn pod(programs: &[(&str, &[&str], &str)]) -> Net {
    let net = Net::new();
    for (program, arguments, text) in programs {
        match *program {
            "istio-iptables" => drop(run(&net, arguments)),
            program => drop(net.pod.run(program, arguments, text)),
        }
    }
    net
}

fn run(net: &Net, arguments: &[&str]) -> Output {
    let mut command = Command::new(crate::PROGRAM);
    command.args(arguments).env_clear().env("PATH", std::env::var_os("PATH").unwrap());
    net.pod.enter(ROOT, || command.output()).expect("it can be run")
}

/// The document that explains a packet by the rules of the pod, and the same as text.
fn explained(net: &Net, words: &[&str]) -> (Value, String) {
    let arguments = |output| [&["explain", "--live", "--ip-families=ipv4", "--output", output], words].concat();
    let document = run(net, &arguments("json")).stdout;
    let text = run(net, &arguments("text")).stdout;
    (serde_json::from_slice(&document).expect("a document"), String::from_utf8(text).unwrap())
}

/// What becomes of a packet to a service.
fn verdict(net: &Net) -> Value {
    let (document, text) = explained(net, &TO_SERVICE);
    let verdict = document["trace"]["verdict"].clone();
    assert!(text.trim_end().ends_with(verdict["sentence"].as_str().unwrap()), "{text}");
    verdict
}

fn not_certain(net: &Net, doubt: &str) -> Value {
    let verdict = verdict(net);
    assert_eq!(verdict["verdict"], "not-certain", "{verdict:#}");
    assert!(verdict["doubt"].as_str().unwrap().contains(doubt), "{verdict:#}");
    let sentence = verdict["sentence"].as_str().unwrap();
    assert!(sentence.starts_with("Not certain: ") && sentence.contains(doubt), "{sentence}");
    verdict
}

#[test]
fn a_foreign_nft_chain_is_followed_in_its_place() {
    if !can_run() {
        return;
    }
    let table = |priority| {
        format!(
            "table inet o {{ chain out {{ type nat hook output priority {priority}; tcp dport 443 redirect to :7777; }}\n }}"
        )
    };
    let before = pod(&[("nft", &["-f", "-"], &table(-110)), ("istio-iptables", &FLAGS, "")]);
    let first = verdict(&before);
    assert_eq!((&first["verdict"], &first["port"]), (&"captured".into(), &7777.into()), "{first:#}");
    assert_eq!((&first["by"][0]["table"], &first["by"][0]["chain"]), (&"inet o".into(), &"out".into()));
    let after = pod(&[("nft", &["-f", "-"], &table(-90)), ("istio-iptables", &FLAGS, "")]);
    assert_eq!(verdict(&after)["port"], 15001);
    let same = pod(&[("nft", &["-f", "-"], &table(-100)), ("istio-iptables", &FLAGS, "")]);
    not_certain(&same, "the order of ");
    let dormant = table(-110).replacen('{', "{ flags dormant;", 1);
    assert_eq!(verdict(&pod(&[("nft", &["-f", "-"], &dormant), ("istio-iptables", &FLAGS, "")]))["port"], 15001);
}

#[test]
fn a_foreign_nft_rule_that_cannot_be_followed_is_named() {
    if !can_run() {
        return;
    }
    for (chain, rule) in [
        ("type nat hook output priority -110", "ip daddr 10.0.0.5 tcp dport 443 dnat ip to 10.66.0.2:9999"),
        ("type filter hook output priority 10", "tcp dport 15001 limit rate 1/second drop"),
        ("type filter hook prerouting priority -400", "tcp dport 15001 jump aside"),
    ] {
        let script = format!("table inet o {{ chain aside {{ drop; }}\n chain c {{ {chain}; {rule}; }}\n }}");
        let net = pod(&[("nft", &["-f", "-"], &script), ("istio-iptables", &FLAGS, "")]);
        not_certain(&net, "rule inet o c 1 (");
        // Conditions that are known are enough to rule it out.
        let (document, _) = explained(&net, &["out", "udp", "to=10.0.0.5:53"]);
        assert_eq!(document["trace"]["verdict"]["verdict"], "not-captured", "{chain}");
        assert!(document["left_out"][0].as_str().unwrap().starts_with("inet o c: "), "{:#}", document["left_out"]);
    }
}

#[test]
fn a_policy_that_drops_is_followed_in_a_table_without_rules_too() {
    if !can_run() {
        return;
    }
    for (program, chain) in [("iptables-nft", "filter OUTPUT"), ("iptables-legacy", "iptables-legacy filter OUTPUT")] {
        let net = pod(&[(program, &["-P", "OUTPUT", "DROP"], ""), ("istio-iptables", &FLAGS, "")]);
        let verdict = verdict(&net);
        assert_eq!(verdict["verdict"], "dropped", "{program}: {verdict:#}");
        assert_eq!(verdict["sentence"], format!("Dropped by the policy of {chain}."), "{program}");
    }
}

#[test]
fn the_table_security_is_followed_or_named() {
    if !can_run() {
        return;
    }
    let drop: &[&str] = &["-t", "security", "-A", "OUTPUT", "-p", "tcp", "--dport", "15001", "-j", "DROP"];
    let nft = verdict(&pod(&[("iptables-nft", drop, ""), ("istio-iptables", &FLAGS, "")]));
    assert_eq!(nft["verdict"], "dropped", "{nft:#}");
    let flags = [&FLAGS[..], &["--force-iptables-binary=legacy"]].concat();
    not_certain(&pod(&[("iptables-legacy", drop, ""), ("istio-iptables", &flags, "")]), "table security");
}

#[test]
fn a_rule_of_iptables_that_cannot_be_followed_is_named_with_its_number() {
    if !can_run() {
        return;
    }
    for rule in [
        &["-p", "tcp", "--dport", "443", "-j", "DNAT", "--to-destination", "10.66.0.2:9999"][..],
        &["-p", "tcp", "-m", "string", "--string", "x", "--algo", "bm", "-j", "ACCEPT"],
        &["-g", "FOREIGN"],
        &["-j", "FOREIGN"],
    ] {
        let insert = [&["-t", "nat", "-I", "OUTPUT"], rule].concat();
        let net = pod(&[
            ("istio-iptables", &FLAGS, ""),
            ("iptables-nft", &["-t", "nat", "-N", "FOREIGN"], ""),
            ("iptables-nft", &["-t", "nat", "-A", "FOREIGN", "-j", "ACCEPT"], ""),
            ("iptables-nft", &insert, ""),
        ]);
        let verdict = not_certain(&net, "rule nat OUTPUT 1 (");
        assert_eq!(verdict["port"], 15001, "what becomes of it otherwise: {verdict:#}");
        // The program's own rule is the second one now.
        let (document, text) = explained(&net, &TO_SERVICE);
        let rules = document["rules"][0]["rules"].as_array().unwrap();
        let jump = rules.iter().find(|r| r["chain"] == "OUTPUT").unwrap();
        assert_eq!((&jump["number"], &jump["rule"]), (&2.into(), &"-j ISTIO_OUTPUT".into()));
        assert!(text.contains("cannot be followed"), "{text}");
    }
}

#[test]
fn a_rule_with_a_comment_is_followed() {
    if !can_run() {
        return;
    }
    let rule: &[&str] =
        &["-t", "nat", "-I", "OUTPUT", "-d", "10.0.0.5", "-m", "comment", "--comment", "-j DROP", "-j", "ACCEPT"];
    let verdict = verdict(&pod(&[("istio-iptables", &FLAGS, ""), ("iptables-nft", rule, "")]));
    assert_eq!(verdict["verdict"], "not-captured");
    let sentence = verdict["sentence"].as_str().unwrap();
    // It is foreign, so there is no flag for it.
    assert!(
        sentence.starts_with("Not captured, because of rule nat OUTPUT 1 (-d 10.0.0.5/32 -j ACCEPT); "),
        "{sentence}"
    );
}

#[test]
fn rules_of_two_backends_are_each_followed_by_themselves() {
    if !can_run() {
        return;
    }
    let accept: &[&str] = &["-t", "nat", "-A", "OUTPUT", "-p", "tcp", "--dport", "443", "-j", "ACCEPT"];
    let native = [&FLAGS[..], &["--native-nftables"]].concat();
    // What one accepts, the other redirects anyway.
    let accepted = verdict(&pod(&[("iptables-legacy", accept, ""), ("istio-iptables", &native, "")]));
    assert_eq!((&accepted["verdict"], &accepted["port"]), (&"captured".into(), &15001.into()), "{accepted:#}");
    let redirect: &[&str] = &["-t", "nat", "-A", "OUTPUT", "-p", "tcp", "-j", "REDIRECT", "--to-ports", "7777"];
    let both = pod(&[("iptables-legacy", redirect, ""), ("istio-iptables", &native, "")]);
    not_certain(&both, "the order of ");
}

#[test]
fn explaining_flags_in_a_pod_with_rules_warns() {
    if !can_run() {
        return;
    }
    let net = pod(&[("istio-iptables", &FLAGS, "")]);
    let log = |arguments: &[&str]| String::from_utf8(run(&net, arguments).stderr).unwrap();
    let not_the_pods = "--live explains those";
    let defaults = "explaining the defaults";
    let bare = log(&["explain", "in", "tcp", "to=:8080"]);
    assert!(bare.contains(not_the_pods) && bare.contains(defaults), "{bare}");
    let with_flags = log(&[&["explain"], &FLAGS[..]].concat());
    assert!(with_flags.contains(not_the_pods) && !with_flags.contains(defaults), "{with_flags}");
    let live = log(&[&["explain", "--live"], &FLAGS[..]].concat());
    assert!(!live.contains(not_the_pods) && !live.contains(defaults), "{live}");
    let elsewhere = pod(&[]);
    let log = String::from_utf8(run(&elsewhere, &[&["explain"], &FLAGS[..]].concat()).stderr).unwrap();
    assert!(!log.contains(not_the_pods), "{log}");
}

#[test]
fn a_table_of_iptables_that_nft_has_changed_is_followed_as_the_kernel_has_it() {
    if !can_run() {
        return;
    }
    let chain = "add chain ip nat other { type nat hook output priority -110; }\n\
        add rule ip nat other tcp dport 443 redirect to :7777\n";
    let net = pod(&[("nft", &["-f", "-"], &format!("add table ip nat\n{chain}"))]);
    let verdict = |net: &Net| explained(net, &TO_SERVICE).0["trace"]["verdict"].clone();
    assert_eq!(verdict(&net)["port"], 7777);
    let rule: &[&str] = &["-t", "nat", "-A", "OUTPUT", "-p", "tcp", "-j", "REDIRECT", "--to-ports", "8080"];
    let dormant = pod(&[("iptables-nft", rule, "")]);
    assert_eq!(verdict(&dormant)["port"], 8080);
    dormant.pod.run("nft", &["-f", "-"], "add table ip nat { flags dormant; }\n");
    assert_eq!(verdict(&dormant)["verdict"], "not-captured");
}

#[test]
fn the_route_is_the_one_that_the_kernel_has() {
    if !can_run() {
        return;
    }
    let net = pod(&[
        ("istio-iptables", &FLAGS, ""),
        ("ip", &["-batch", "-"], "rule add fwmark 1337 lookup 133\nroute add local default dev lo table 133\n"),
        ("iptables-nft", &["-t", "mangle", "-A", "OUTPUT", "-j", "CONNMARK", "--restore-mark"], ""),
    ]);
    let packet = |words: &[&str]| explained(&net, words).0["trace"]["packet"]["words"].as_str().unwrap().to_owned();
    let by_eth1 = packet(&["out", "udp", "to=10.200.1.1:80"]);
    assert!(by_eth1.ends_with("from=10.67.0.2:40000 to=10.200.1.1:80 iface=eth1"), "{by_eth1}");
    // The mark leads to lo, and a rule takes it away.
    let (document, _) = explained(&net, &["out", "udp", "to=10.200.1.1:80", "mark=1337"]);
    let trace = &document["trace"];
    assert_eq!(
        (&trace["packet"]["interface"], &trace["verdict"]["place"]),
        (&"lo".into(), &"eth1".into()),
        "{trace:#}"
    );
    // Routes may have any origin: here a rule for a user, which `Routing` does not have.
    net.pod.run(
        "ip",
        &["-batch", "-"],
        "rule add uidrange 5000-5000 lookup 7\nroute add default via 10.67.0.1 table 7\n",
    );
    assert!(packet(&["out", "udp", "to=10.1.2.3:80", "uid=5000"]).ends_with("iface=eth1"));
    assert!(packet(&["out", "udp", "to=10.1.2.3:80"]).ends_with("iface=eth0"));
}

#[test]
fn a_packet_that_is_rerouted_to_nowhere_is_dropped() {
    if !can_run() {
        return;
    }
    let net = pod(&[
        ("ip", &["-batch", "-"], "rule add fwmark 77 lookup 77\nroute add unreachable default table 77\n"),
        ("iptables-nft", &["-t", "mangle", "-A", "OUTPUT", "-p", "tcp", "-j", "MARK", "--set-mark", "77"], ""),
    ]);
    let verdict = verdict(&net);
    assert_eq!(verdict["verdict"], "dropped", "{verdict:#}");
    let sentence = "Dropped because there is no route to 10.0.0.5:443 with mark 77 (ip rule, ip route).";
    assert_eq!(verdict["sentence"], sentence);
}

/// What comes after a packet that arrives in vain, and the end of the text.
fn broken(net: &Net, words: &[&str]) -> Value {
    let (document, text) = explained(net, words);
    let trace = &document["trace"];
    assert_eq!(trace["verdict"]["verdict"], "not-captured", "{trace:#}");
    let broken = trace["broken"].clone();
    let note = format!("\nNote: {}\n", broken["sentence"].as_str().unwrap_or_else(|| panic!("{text}")));
    assert!(text.ends_with(&note), "{text}");
    broken
}

#[test]
fn an_answer_that_a_foreign_mark_keeps_in_the_pod_is_noted() {
    if !can_run() {
        return;
    }
    let mark = "table inet o { chain first { type filter hook prerouting priority -300; tcp dport 8443 meta mark set 1337; }\n }";
    let transparent = [&FLAGS[..], &["-m", "TPROXY"]].concat();
    let net = pod(&[("nft", &["-f", "-"], mark), ("istio-iptables", &transparent, "")]);
    let broken = broken(&net, &["in", "tcp", "from=200.1.1.1", "to=10.66.0.2:8443"]);
    assert_eq!((&broken["packet"], &broken["fate"]), (&"answer".into(), &"misrouted".into()), "{broken:#}");
    let by: Vec<_> = broken["by"].as_array().unwrap().iter().map(|rule| (&rule["table"], &rule["chain"])).collect();
    let [inet, mangle, first] = ["inet o", "mangle", "first"].map(Value::from);
    let [prerouting, output] = ["PREROUTING", "OUTPUT"].map(Value::from);
    assert_eq!(by, [(&inet, &first), (&mangle, &prerouting), (&mangle, &output)], "{broken:#}");
    // That rule does not apply to other ports.
    let (document, _) = explained(&net, &["in", "tcp", "from=200.1.1.1", "to=10.66.0.2:8444"]);
    assert_eq!((&document["trace"]["verdict"]["port"], &document["trace"]["broken"]), (&15006.into(), &Value::Null));
}

#[test]
fn a_rule_that_stops_all_but_the_first_packet_is_noted() {
    if !can_run() {
        return;
    }
    let rules = "*filter\n\
        -A OUTPUT -p tcp --dport 53 -m conntrack --ctstate NEW -j ACCEPT\n\
        -A OUTPUT -p tcp --dport 53 -j DROP\nCOMMIT\n";
    let net = pod(&[("iptables-nft-restore", &[], rules)]);
    let broken = broken(&net, &["out", "tcp", "to=10.0.0.5:53"]);
    assert_eq!((&broken["packet"], &broken["fate"]), (&"next".into(), &"dropped".into()), "{broken:#}");
    assert_eq!((&broken["by"][0]["chain"], &broken["by"][0]["number"]), (&"OUTPUT".into(), &2.into()));
}

#[test]
fn a_foreign_filter_at_the_point_of_nat_makes_its_verdict_uncertain() {
    if !can_run() {
        return;
    }
    let filter = "table inet o { chain f { type filter hook output priority -100; tcp dport 443 drop; }\n }";
    not_certain(&pod(&[("istio-iptables", &FLAGS, ""), ("nft", &["-f", "-"], filter)]), "the order of ");
    let nat = "table ip o { chain n { type nat hook output priority -190; tcp dport 443 redirect to :7777; }\n }";
    let both = pod(&[("nft", &["-f", "-"], nat), ("nft", &["-f", "-"], filter)]);
    not_certain(&both, "the order of inet o f and ip o n is unknown");
}
