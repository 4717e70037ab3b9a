//! Rules over netlink, judged by the independent `nft` program, in network namespaces of their own.

mod support;

use std::collections::BTreeMap;

use harness::{in_namespace, thread_folder};
use istio_iptables::kernel::nftables::NftablesClient;
use istio_iptables::net::{Interface, Port};
use istio_iptables::netfilter::{Hook, Match, Placement, Protocol, Rule, Scope, Table, Target};
use istio_iptables::nftables::{State, Tables, differences, restore, transaction};
use istio_iptables::state::Difference;
use istio_iptables::{Outcome, Setting, Task, within};
use support::{Configurations, listing, nft, rules};

fn in_place(state: &State, wanted: &Tables) -> bool {
    !state.is_clean() && differences(state, wanted).is_empty()
}

/// What nft lists after this program's transaction is what it lists after it has run the script of the dry run.
#[test]
fn nft_lists_what_its_own_script_builds() {
    for (number, flags) in Configurations::default().take(120).enumerate() {
        let ruleset = rules(&flags);
        let text = Tables::of(&ruleset).to_string();
        let by_nft = in_namespace(move || {
            nft(&text);
            listing()
        });
        let by_us = in_namespace(move || {
            NftablesClient::open().unwrap().apply(&Tables::of(&ruleset)).unwrap();
            listing()
        });
        assert_eq!(by_us, by_nft, "configuration {number}: {flags:?}");
    }
}

/// What is read of this program's rules, and of nft's, is what was wanted; of any other rules it is not.
#[test]
fn planned_rules_are_in_place_whoever_made_them_and_no_other_rules_are() {
    let all: Vec<_> = Configurations::default().take(60).map(|flags| (rules(&flags), flags)).collect();
    for pair in all.windows(2) {
        let [(first, flags), (second, _)] = pair else { unreachable!() };
        let (first, second, flags) = (first.clone(), second.clone(), flags.clone());
        in_namespace(move || {
            let (wanted, other) = (Tables::of(&first), Tables::of(&second));
            let mut kernel = NftablesClient::open().unwrap();
            assert!(kernel.dump().unwrap().is_clean());
            nft(&Tables::of(&first).to_string());
            let state = kernel.dump().unwrap();
            assert!(in_place(&state, &wanted), "by nft: {flags:?}");
            assert_eq!(in_place(&state, &other), first == second);
            kernel.apply(&other).unwrap();
            let state = kernel.dump().unwrap();
            assert!(in_place(&state, &other), "after a change: {flags:?}");
            kernel.apply(&Tables::default()).unwrap();
            assert_eq!(listing(), "");
            kernel.apply(&wanted).unwrap();
            assert!(in_place(&kernel.dump().unwrap(), &wanted), "by us: {flags:?}");
        });
    }
}

/// A change leads to the same rules as a first apply, whatever was there before.
#[test]
fn a_change_removes_all_earlier_rules() {
    let all: Vec<_> = Configurations::default().skip(60).take(40).map(|flags| rules(&flags)).collect();
    for pair in all.windows(2) {
        let [first, second] = pair else { unreachable!() };
        let (before, wanted, again) = (first.clone(), second.clone(), second.clone());
        let changed = in_namespace(move || {
            let mut kernel = NftablesClient::open().unwrap();
            kernel.apply(&Tables::of(&before)).unwrap();
            kernel.apply(&Tables::of(&wanted)).unwrap();
            chains(&listing())
        });
        let fresh = in_namespace(move || {
            NftablesClient::open().unwrap().apply(&Tables::of(&again)).unwrap();
            chains(&listing())
        });
        assert_eq!(changed, fresh);
    }
}

/// The chains of a listing, with table and content: a chain's position in the list shows when it was added.
fn chains(listing: &str) -> BTreeMap<(String, String), Vec<String>> {
    let (mut table, mut chain, mut chains) = (String::new(), String::new(), BTreeMap::new());
    for line in listing.lines() {
        if line.starts_with("table ") {
            table = line.to_owned();
        } else if line.starts_with("\tchain ") {
            chain = line.to_owned();
            chains.insert((table.clone(), chain.clone()), Vec::new());
        } else if line.starts_with("\t\t") {
            chains.get_mut(&(table.clone(), chain.clone())).unwrap().push(line.to_owned());
        }
    }
    chains
}

/// Things that other programs put into managed tables.
const STRANGE: &str = r#"
    add table inet istio-proxy-nat { flags dormant ; }
    add set inet istio-proxy-nat addresses { type ipv4_addr ; flags interval ; elements = { 10.0.0.0/8, 224.0.0.0/3 } ; }
    add map inet istio-proxy-nat ports { type inet_service : verdict ; }
    add chain inet istio-proxy-nat output { type nat hook output priority -99 ; }
    add chain inet istio-proxy-nat prerouting { type nat hook prerouting priority -100 ; policy drop ; }
    add chain inet istio-proxy-nat istio-output
    add chain inet istio-proxy-nat mine
    add element inet istio-proxy-nat ports { 80 : jump mine }
    add rule inet istio-proxy-nat output ip daddr @addresses limit rate 10/second counter accept comment "strange"
    add rule inet istio-proxy-nat output ip daddr != { 10.0.0.0/8, 12.0.0.0/8 } tcp dport { 80, 443 } jump istio-output
    add rule inet istio-proxy-nat output tcp dport vmap @ports
    add rule inet istio-proxy-nat output tcp dport vmap { 81 : accept, 82 : jump mine }
    add rule inet istio-proxy-nat istio-output meta mark and 0xff == 0x1 counter drop
    add rule inet istio-proxy-nat istio-output ct state new,invalid log prefix "x" accept
    add rule inet istio-proxy-nat istio-output meta iif lo tcp flags syn / syn,ack reject
    add table inet istio-proxy-raw
    add table ip foreign
    add chain ip foreign output { type filter hook output priority 0 ; }
"#;

/// What is strange is drift; a change removes it, and taking the change back restores it, foreign rules'
/// tables untouched.
#[test]
fn strange_rules_are_replaced_and_restored() {
    let ruleset = rules(&["--redirect-dns".into(), "--dual-stack".into()]);
    in_namespace(move || {
        nft(STRANGE);
        let before = listing();
        let wanted = Tables::of(&ruleset);
        let mut kernel = NftablesClient::open().unwrap();
        let earlier = kernel.dump().unwrap();
        let differences = differences(&earlier, &wanted);
        let lines: Vec<_> = differences.into_iter().map(|d| Difference::of_nftables(d).to_string()).collect();
        assert!(lines.contains(&"- table inet istio-proxy-raw".to_owned()) || lines.iter().any(|l| l.starts_with('+')));
        assert!(lines.iter().any(|l| l.contains("- set inet istio-proxy-nat addresses")), "{lines:#?}");
        kernel.apply(&wanted).unwrap();
        let state = kernel.dump().unwrap();
        assert!(in_place(&state, &wanted));
        assert!(listing().contains("table ip foreign"));
        kernel.restore(&earlier).unwrap();
        assert_eq!(support::lines(&listing()), support::lines(&before));
        let now = kernel.dump().unwrap();
        kernel.run(&restore(&now, &state).unwrap()).unwrap();
        assert!(in_place(&kernel.dump().unwrap(), &wanted));
    });
}

/// A change by another program between reading and writing makes the transaction fail, and nothing is done.
#[test]
fn a_lost_race_is_seen() {
    let ruleset = rules(&[]);
    in_namespace(move || {
        let mut kernel = NftablesClient::open().unwrap();
        let state = kernel.dump().unwrap();
        nft("add table inet other");
        let error = kernel.run(&transaction(&state, &Tables::of(&ruleset)).unwrap()).unwrap_err();
        assert!(error.is_transient(), "{error}");
        assert_eq!(listing(), "table inet other {\n}\n");
        let all = kernel.tables_and_chains().unwrap();
        assert_eq!(all.len(), 1);
        assert_eq!((all[0].family, all[0].name.as_str(), all[0].chains.len()), (1, "other", 0));
    });
}

/// An error names the rule and the kernel's error.
#[test]
fn an_error_names_the_rule() {
    let mut ruleset = rules(&[]);
    // The kernel takes a redirect in chains of type nat alone.
    let rule = Rule {
        table: Table::Mangle,
        chain: Hook::Prerouting.into(),
        placement: Placement::Append,
        matches: vec![Match::Protocol(Protocol::Tcp)],
        target: Target::Redirect(Port::at_least_one(15006)),
        purpose: None,
    };
    ruleset.push(Scope::Both, rule);
    in_namespace(move || {
        let error = NftablesClient::open().unwrap().apply(&Tables::of(&ruleset)).unwrap_err();
        assert!(!error.is_transient());
        let text = error.to_string();
        let rule = "rule inet istio-proxy-mangle prerouting meta l4proto tcp counter redirect to :15006";
        assert!(text.contains(rule), "{text}");
        assert_eq!(listing(), "", "nothing was done");
    });
}

/// Whatever may be in a name, nft reads it in a script, as a name or as a prefix, and takes it as this program does.
#[test]
fn every_interface_name_is_read_by_nft() {
    let characters = (b'!'..=b'~').map(char::from);
    let names = characters.flat_map(|c| ["", "x"].map(|before| format!("{before}{c}")));
    let words = ["tcp", "accept", "jump", "counter", "all", "eth", "gc-interval", "a23456789012345"].map(str::to_owned);
    let names: Vec<_> = names.chain(words).flat_map(|name| [format!("{name}+"), name]).collect();
    let names: Vec<_> = names.iter().filter(|n| *n != "+" && Interface::parse(n).is_ok()).cloned().collect();
    // A comma parts names.
    let names = names.into_iter().filter(|n| !n.contains(',')).collect::<Vec<_>>().join(",");
    let ruleset = rules(&["-c".into(), names.clone(), "-k".into(), names, "-i".into(), "*".into()]);
    let text = Tables::of(&ruleset).to_string();
    assert!(text.lines().count() > 600, "{text}");
    let by_nft = in_namespace(move || {
        nft(&text);
        listing()
    });
    let by_us = in_namespace(move || {
        NftablesClient::open().unwrap().apply(&Tables::of(&ruleset)).unwrap();
        listing()
    });
    assert_eq!(by_us, by_nft);
}

/// A name with `+` is a prefix.
#[test]
fn interfaces_by_prefix() {
    let ruleset = rules(&["-c".into(), "eth+".into(), "-k".into(), "a@+,+".into()]);
    let text = Tables::of(&ruleset).to_string();
    assert!(text.contains(" iifname \"eth*\" "), "{text}");
    let by_nft = in_namespace(move || {
        nft(&text);
        listing()
    });
    let by_us = in_namespace(move || {
        let wanted = Tables::of(&ruleset);
        let mut kernel = NftablesClient::open().unwrap();
        kernel.apply(&wanted).unwrap();
        assert!(in_place(&kernel.dump().unwrap(), &wanted));
        listing()
    });
    assert_eq!(by_us, by_nft);
}

/// Many at once: each of them gets its way, and the last one's rules are whole.
#[test]
fn many_at_once() {
    let flags = [
        vec![],
        vec!["--dual-stack".to_owned(), "--redirect-dns".to_owned()],
        vec!["-m".into(), "TPROXY".into(), "-b".into(), "*".into()],
    ];
    let rulesets: Vec<_> = flags.iter().map(|f| rules(f)).collect();
    in_namespace(move || {
        std::thread::scope(|scope| {
            for number in 0..6 {
                let wanted = Tables::of(&rulesets[number % rulesets.len()]);
                // A thread begins in the namespace of the one that starts it.
                scope.spawn(move || {
                    let mut kernel = NftablesClient::open().unwrap();
                    (0..20).for_each(|_| kernel.apply(&wanted).unwrap());
                });
            }
        });
        let state = NftablesClient::open().unwrap().dump().unwrap();
        let in_place = rulesets.iter().filter(|r| in_place(&state, &Tables::of(r)));
        assert_eq!(in_place.count(), 1);
    });
}

/// Ten thousand ranges go into one transaction, and nft lists them as its own.
#[test]
fn ten_thousand_ranges() {
    let ranges: Vec<_> = (0..10_000).map(|n| format!("{}.{}.{}.0/25", 20 + n / 2500, n / 50 % 50, n % 50)).collect();
    let ruleset = rules(&["-x".to_owned(), ranges.join(","), "-i".to_owned(), "*".to_owned()]);
    let text = Tables::of(&ruleset).to_string();
    let by_nft = in_namespace(move || {
        nft(&text);
        listing()
    });
    let by_us = in_namespace(move || {
        let mut kernel = NftablesClient::open().unwrap();
        let wanted = Tables::of(&ruleset);
        kernel.apply(&wanted).unwrap();
        assert!(in_place(&kernel.dump().unwrap(), &wanted));
        listing()
    });
    assert!(by_us == by_nft);
}

/// What other programs use the library for.
#[test]
fn another_namespace_is_set_up_checked_and_cleaned() {
    in_namespace(|| {
        let namespace = format!("{}/ns/net", thread_folder());
        let values = [("native-nftables", "true"), ("istio-service-cidr", "*"), ("ip-families", "ipv4")]
            .map(|(flag, text)| Setting { flag, text, named: "the test" });
        let within = |task| {
            let path = namespace.clone();
            // Only the calling thread enters it; the one that waits stays in its own namespace.
            in_namespace(move || {
                let done =
                    std::thread::scope(|scope| scope.spawn(|| within(path.as_ref(), &values, task)).join().unwrap());
                assert_eq!(listing(), "", "nothing was done in the caller's namespace");
                done
            })
        };
        let applied = within(Task::Apply);
        assert_eq!((applied.outcome, applied.errors.as_slice()), (Outcome::Applied, [].as_slice()));
        assert!(listing().contains("istio-redirect"));
        assert_eq!(within(Task::Check).outcome, Outcome::InPlace);
        assert_eq!(within(Task::Clean).outcome, Outcome::Removed);
        let drifted = within(Task::Check);
        assert_eq!(drifted.outcome, Outcome::Drifted);
        assert!(drifted.differences.contains(&"+ table inet istio-proxy-nat".to_owned()), "{drifted:?}");
        assert_eq!(listing(), "");
    });
}
