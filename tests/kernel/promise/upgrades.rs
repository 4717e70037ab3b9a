//! Whatever rules exist before, one run leads to the wanted state, and clean leaves nothing.

use super::pod::{FAMILIES, Pod, State, in_pod, say, times};
use super::scenario::{Deed, REDIRECT, TPROXY};
use harness::Backend;

/// Flags that earlier releases may have been called with.
const EARLIER: [&[&str]; 3] = [
    &["--ip-families", "dual", "-b", "80,443", "-i", "10.0.0.0/8,fd00::/8", "-c", "eth1,eth2", "-k", "tap0"],
    &["--ip-families", "dual", "-m", "TPROXY", "-b", "*", "-i", "*", "-c", "eth3", "-t", "77", "-r", "99"],
    &["--ip-families", "dual", "-b", "*", "-i", "*", "-k", "vm0", "-u", "1,2", "--redirect-dns", "--capture-all-dns"],
];

const EARLIER_INTERFACES: [&str; 5] = ["eth1", "eth2", "eth3", "tap0", "vm0"];

/// The restore text of a dry run, by family.
fn texts(pod: &Pod, flags: &[&str]) -> [String; 2] {
    let mut args = flags.to_vec();
    args.push("--dry-run");
    let out = pod.does(&args).out;
    FAMILIES.map(|family| {
        let section = out.split_once(&format!("# {family}tables-restore --noflush\n")).map_or("", |(_, rest)| rest);
        section.lines().take_while(|l| !l.starts_with('#')).map(|l| format!("{l}\n")).collect()
    })
}

/// What the flags lead to in a namespace with nothing in it.
fn fresh(pod: &Pod, kind: Backend, flags: &[&str]) -> State {
    pod.renew();
    pod.does(&[flags, &[kind.flag()]].concat());
    pod.state().settled()
}

/// The state, except for what half of a table leaves that looks like a foreign rule: a RETURN for
/// an interface whose counterpart was not made yet.
fn but_for_halves(pod: &Pod, half: bool) -> State {
    let mut state = pod.state();
    let lone = |rule: &String| EARLIER_INTERFACES.iter().any(|i| *rule == format!("-A PREROUTING -i {i} -j RETURN"));
    state.chains.values_mut().filter(|_| half).for_each(|rules| rules.retain(|r| !lone(r)));
    state.settled()
}

fn leads_to(pod: &Pod, flags: &[&str], kind: Backend, (wanted, half): (&State, bool), what: &str) {
    let outcome = pod.run(&[flags, &[kind.flag()]].concat());
    assert!(outcome.succeeded(), "{what}: {outcome:?}");
    let now = but_for_halves(pod, half);
    assert!(now == *wanted, "{what}: against the wanted state:\n{}{}", now.against(wanted), outcome.log);
    pod.does(&[&["clean"], flags].concat());
    let now = but_for_halves(pod, half);
    assert!(now.ours().is_empty() && now.chains.is_empty(), "{what}: clean left {:?} {:?}", now.ours(), now.chains);
}

/// Beginnings of a text, each a whole number of lines, closed with COMMIT if a table is open.
fn beginnings(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let (mut so_far, mut open) = (String::new(), false);
    for line in text.lines() {
        so_far += &format!("{line}\n");
        open = if line.starts_with('*') { true } else { open && line != "COMMIT" };
        found.push(if open { format!("{so_far}COMMIT\n") } else { so_far.clone() });
    }
    found
}

fn upgrade(kind: Backend) {
    let figures = in_pod(|pod| {
        let (mut whole, mut partial) = (0, 0);
        for flags in [REDIRECT, TPROXY] {
            let wanted = fresh(pod, kind, flags);
            for earlier in EARLIER {
                let texts = texts(pod, earlier);
                for was in Backend::IPTABLES {
                    pod.renew();
                    FAMILIES.iter().zip(&texts).for_each(|(family, text)| pod.load(was, family, text));
                    leads_to(pod, flags, kind, (&wanted, false), &format!("{kind:?} after {earlier:?} in {was:?}"));
                    whole += 1;
                }
                pod.renew();
                for was in Backend::IPTABLES {
                    FAMILIES.iter().zip(&texts).for_each(|(family, text)| pod.load(was, family, text));
                }
                leads_to(pod, flags, kind, (&wanted, false), &format!("{kind:?} after {earlier:?} in both kinds"));
                whole += 1;
                for (n, text) in beginnings(&texts[0]).iter().enumerate().step_by(times(1, 7)) {
                    pod.renew();
                    pod.load(kind, FAMILIES[0], text);
                    leads_to(
                        pod,
                        flags,
                        kind,
                        (&wanted, true),
                        &format!("{kind:?} after {} lines of {earlier:?}", n + 1),
                    );
                    partial += 1;
                }
            }
        }
        (whole, partial)
    });
    if let Some((whole, partial)) = figures {
        say(format_args!(
            "upgrades, to {}: {whole} rule sets of other flags, in either kind and in both, {partial} half-applied ones: all led to the wanted state, and clean left nothing",
            kind.name()
        ));
    }
}

#[test]
fn upgrades_to_legacy() {
    upgrade(Backend::Legacy);
}

#[test]
fn upgrades_to_nft() {
    upgrade(Backend::Nft);
}

#[test]
fn upgrades_to_native() {
    upgrade(Backend::Native);
}

/// A probe of Istio's own program makes an empty legacy table: that is no reason to use legacy.
#[test]
fn an_empty_legacy_table_is_not_in_use() {
    in_pod(|pod| {
        for family in FAMILIES {
            pod.load(Backend::Legacy, family, "*nat\nCOMMIT\n");
        }
        for _ in 0..2 {
            let outcome = pod.does(REDIRECT);
            assert!(outcome.log.contains("using iptables-nft"), "{outcome:?}");
        }
        let ours = pod.state().ours();
        assert!(ours.iter().all(|rule| !rule.starts_with("legacy")), "{ours:?}");
        pod.does(&Deed::Clean.args(Backend::Nft));
        assert_eq!(pod.state().ours(), Vec::<String>::new());
    });
}

/// iptables-nft before 1.8.8 leaves out conditions that a later release wrote. What it prints is not believed.
#[test]
fn a_release_too_old_to_read_the_rules_is_refused() {
    in_pod(|pod| {
        let flags = [REDIRECT, &[Backend::Nft.flag()]].concat();
        pod.does(&flags);
        let before = pod.state();
        let prints_as = |release: &str| {
            for family in FAMILIES {
                let name = Backend::Nft.program(family, "save");
                let script = format!(
                    "#!/bin/sh\n[ \"$1\" != --version ] || {{ echo {name} v{release} '(nf_tables)'; exit; }}\n\
                     {} \"$@\" | /usr/bin/sed 's/ -m tcp --dport [0-9]*//'\n",
                    harness::real(&name).display()
                );
                pod.replace(&name, &script);
            }
        };
        prints_as("1.8.7");
        for words in [&[][..], &["clean"], &["check"], &["--reconcile=false"]] {
            let outcome = pod.run(&[words, &flags].concat());
            assert_eq!(outcome.status, Some(1), "{words:?}: {outcome:?}");
            assert!(outcome.log.contains("is iptables 1.8.7"), "{words:?}: {outcome:?}");
        }
        assert!(pod.state() == before, "something was changed");
        // If one that can read them omits the port, it is not there.
        prints_as("1.8.9");
        assert_eq!(pod.run(&[&["check"], &flags[..]].concat()).status, Some(3));
        FAMILIES.iter().for_each(|family| pod.mend(&Backend::Nft.program(family, "save")));
        assert!(pod.does(&flags).log.contains("in place"));
    });
}

/// iptables-nft 1.8.4 may crash if the other family's program changes rules at the same time.
#[test]
fn if_the_program_of_one_family_crashes_both_are_as_before() {
    in_pod(|pod| {
        let flags = [TPROXY, &[Backend::Nft.flag()]].concat();
        let before = pod.state();
        let name = Backend::Nft.program("ip6", "restore");
        pod.replace(&name, "#!/bin/sh\nkill -11 $$\n");
        let outcome = pod.run(&flags);
        assert!(!outcome.succeeded() && outcome.log.contains("All changes were rolled back"), "{outcome:?}");
        assert!(pod.state().settled() == before.settled(), "{outcome:?}");
        pod.mend(&name);
        assert!(pod.run(&flags).succeeded(), "the next call does it");
    });
}

/// If one of the programs fails that move TPROXY from one variant to the other, all is as it was.
#[test]
fn a_move_that_fails_is_rolled_back() {
    in_pod(|pod| {
        let mut failed = 0;
        for (from, to) in [(Backend::Legacy, Backend::Nft), (Backend::Nft, Backend::Legacy)] {
            for (kind, family, number) in Backend::IPTABLES
                .iter()
                .flat_map(|k| FAMILIES.map(|f| (k, f)))
                .flat_map(|(k, f)| [1, 2, 3].map(|n| (k, f, n)))
            {
                pod.renew();
                pod.does(&[TPROXY, &["-t", "77", "-r", "99", from.flag()]].concat());
                let before = pod.state().settled();
                let (name, count) = (kind.program(family, "restore"), pod.place("count"));
                let _ = std::fs::remove_file(&count);
                let script = format!(
                    "#!/bin/sh\necho >>{0}\n[ $(/usr/bin/wc -l <{0}) != {number} ] || {{ echo sabotage >&2; exit 1; }}\nexec {1} \"$@\"\n",
                    count.display(),
                    harness::real(&name).display()
                );
                pod.replace(&name, &script);
                let outcome = pod.run(&[TPROXY, &[to.flag()]].concat());
                pod.mend(&name);
                if !outcome.succeeded() {
                    failed += 1;
                    let now = pod.state().settled();
                    assert!(now == before, "{name}, call {number}:\n{}{}", now.against(&before), outcome.log);
                }
            }
        }
        assert!(failed >= 8, "{failed}");
    });
}
