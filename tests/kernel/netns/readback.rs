//! What the kernel has, read back by other programs.

use crate::support::{Case, Family};
use harness::Backend;

for_all!(every_rule_is_found, chains_have_the_rules_in_order, restored_text_is_the_standard_one);

/// Configurations that, together, use every kind of rule.
const CONFIGURATIONS: [&[&str]; 3] = [
    &[],
    &["-m", "TPROXY", "-b", "80,8080-8090", "-c", "net1", "--drop-invalid", "-o", "9000-9010"],
    &["--redirect-dns", "-i", "10.96.0.0/16,fd00:96::/32", "-x", "10.88.0.0/16", "-q", "9000", "-k", "k6t0"],
];

/// The `iptables` crate, which is independent, finds each rule in the same place as the text of this program, and no
/// other rule.
fn every_rule_is_found(kind: Backend, family: Family) {
    for flags in CONFIGURATIONS {
        let case = Case::new(kind, family);
        let reader = reader(kind, family);
        let rules = rules(&case.rules(flags));
        assert!(rules.len() > 10, "{rules:?}");
        let found = |rule: &Rule| reader.exists(&rule.table, &rule.chain, &rule.text).is_ok_and(|found| found);
        case.pod.enter_container("", || assert!(!rules.iter().any(found), "rules before any are applied"));
        case.apply(flags);
        case.pod.enter_container("", || {
            for rule in &rules {
                assert!(found(rule), "not found: {rule:?}\n{}", case.save(&[]));
            }
        });
        let appended = case.save(&[]).lines().filter(|line| line.starts_with("-A")).count();
        assert_eq!(appended, rules.len(), "{}", case.save(&[]));
    }
}

fn chains_have_the_rules_in_order(kind: Backend, family: Family) {
    let case = Case::new(kind, family);
    case.apply(&[]);
    let reader = reader(kind, family);
    let list = |chain| case.pod.enter_container("", || reader.list("nat", chain).expect("a list"));
    let ports = ["15008", "15090", "15021", "15020"];
    let mut expected = vec!["-N ISTIO_INBOUND".to_owned()];
    expected.extend(ports.map(|port| format!("-A ISTIO_INBOUND -p tcp -m tcp --dport {port} -j RETURN")));
    expected.push("-A ISTIO_INBOUND -p tcp -j ISTIO_IN_REDIRECT".to_owned());
    assert_eq!(list("ISTIO_INBOUND"), expected);
    let redirect = ["-N ISTIO_REDIRECT", "-A ISTIO_REDIRECT -p tcp -j REDIRECT --to-ports 15001"];
    assert_eq!(list("ISTIO_REDIRECT"), redirect);
    assert_eq!(list("PREROUTING"), ["-P PREROUTING ACCEPT", "-A PREROUTING -p tcp -j ISTIO_INBOUND"]);
    assert_eq!(list("OUTPUT"), ["-P OUTPUT ACCEPT", "-A OUTPUT -j ISTIO_OUTPUT"]);
}

/// `iptables-save` after the standard call, in full.
fn restored_text_is_the_standard_one(kind: Backend, family: Family) {
    let case = Case::new(kind, family);
    assert!(!case.save(&[]).contains("ISTIO"));
    case.apply(&[]);
    let (own, source) = match family {
        Family::Ipv4 => ("127.0.0.1/32", "127.0.0.6/32"),
        Family::Ipv6 => ("::1/128", "::6/128"),
    };
    let expected = STANDARD.replace("OWN", own).replace("SOURCE", source);
    let saved = case.save(&[]);
    let rules: Vec<_> = saved.lines().filter(|line| line.starts_with("-A")).collect();
    assert_eq!(rules, expected.lines().collect::<Vec<_>>());
}

const STANDARD: &str = "\
-A PREROUTING -p tcp -j ISTIO_INBOUND
-A OUTPUT -j ISTIO_OUTPUT
-A ISTIO_INBOUND -p tcp -m tcp --dport 15008 -j RETURN
-A ISTIO_INBOUND -p tcp -m tcp --dport 15090 -j RETURN
-A ISTIO_INBOUND -p tcp -m tcp --dport 15021 -j RETURN
-A ISTIO_INBOUND -p tcp -m tcp --dport 15020 -j RETURN
-A ISTIO_INBOUND -p tcp -j ISTIO_IN_REDIRECT
-A ISTIO_IN_REDIRECT -p tcp -j REDIRECT --to-ports 15006
-A ISTIO_OUTPUT -s SOURCE -o lo -j RETURN
-A ISTIO_OUTPUT ! -d OWN -o lo -p tcp -m tcp ! --dport 15008 -m owner --uid-owner 1337 -j ISTIO_IN_REDIRECT
-A ISTIO_OUTPUT -o lo -m owner ! --uid-owner 1337 -j RETURN
-A ISTIO_OUTPUT -m owner --uid-owner 1337 -j RETURN
-A ISTIO_OUTPUT ! -d OWN -o lo -p tcp -m tcp ! --dport 15008 -m owner --gid-owner 1337 -j ISTIO_IN_REDIRECT
-A ISTIO_OUTPUT -o lo -m owner ! --gid-owner 1337 -j RETURN
-A ISTIO_OUTPUT -m owner --gid-owner 1337 -j RETURN
-A ISTIO_OUTPUT -d OWN -j RETURN
-A ISTIO_OUTPUT -j ISTIO_REDIRECT
-A ISTIO_REDIRECT -p tcp -j REDIRECT --to-ports 15001
";

#[derive(Debug)]
struct Rule {
    table: String,
    chain: String,
    text: String,
}

/// The rules of a text for iptables-restore.
fn rules(text: &str) -> Vec<Rule> {
    let mut table = String::new();
    let mut rules = Vec::new();
    for line in text.lines() {
        let words: Vec<_> = line.splitn(3, ' ').collect();
        match words[..] {
            ["*", name] => table = name.to_owned(),
            ["-A", chain, text] => {
                rules.push(Rule { table: table.clone(), chain: chain.to_owned(), text: text.to_owned() })
            }
            ["-I", chain, placed] => {
                let (_, text) = placed.split_once(' ').expect("a rule after its place");
                rules.push(Rule { table: table.clone(), chain: chain.to_owned(), text: text.to_owned() });
            }
            _ => assert!(line.starts_with("-N") || line == "COMMIT", "{line}"),
        }
    }
    rules
}

/// The crate would use the machine's default variant.
fn reader(kind: Backend, family: Family) -> iptables::IPTables {
    let cmd = match (family, kind.of_others()) {
        (Family::Ipv4, Backend::Legacy) => "iptables-legacy",
        (Family::Ipv4, Backend::Nft | Backend::Native) => "iptables-nft",
        (Family::Ipv6, Backend::Legacy) => "ip6tables-legacy",
        (Family::Ipv6, Backend::Nft | Backend::Native) => "ip6tables-nft",
    };
    iptables::IPTables { cmd, has_check: true, has_wait: true, is_numeric: false }
}
