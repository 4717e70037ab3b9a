//! What iptables-save prints, and the change from there to a plan and back.

use std::collections::BTreeMap;

use istio_iptables::capture::Recogniser;
use istio_iptables::config::Config;
use istio_iptables::explain::{Listeners, Packet, Pod, Request, Scene};
use istio_iptables::net::Family;
use istio_iptables::netfilter::normal::Specification;
use istio_iptables::netfilter::save::{self, SavedChain, SavedRule, SavedTable};
use istio_iptables::netfilter::{Chain, IstioChain, Match, Ruleset, Table, Target, Variant};
use istio_iptables::state::{self, Action, Comparison, Goal, Observed, Stores};

use crate::{one_line, plans};
use istio_iptables::state::model::{self, carry_out, content};

/// What each text is of.
const TEXTS: [(Variant, Family); 4] = [
    (Variant::Nft, Family::Ipv4),
    (Variant::Nft, Family::Ipv6),
    (Variant::Legacy, Family::Ipv4),
    (Variant::Legacy, Family::Ipv6),
];

/// What is read can be written, and is read as the same; from any state the change leads to the plan, leaves
/// foreign rules alone, and its inverse leads back.
///
/// The first byte chooses the plan, the second what to do with it; the rest is texts with a zero byte between
/// them.
pub fn save_text(data: &[u8]) {
    let [number, how, texts @ ..] = data else { return };
    let mut before = Observed::default();
    for (text, at) in texts.split(|b| *b == 0).zip(TEXTS) {
        let text = String::from_utf8_lossy(text);
        let tables = match save::parse(&text) {
            Ok(tables) => tables,
            Err(error) => return one_line(&error.to_string()),
        };
        assert_eq!(save::parse(&rendered(&tables)).as_ref(), Ok(&tables), "written and read again");
        for (name, table) in tables {
            if !possible(&table)
                || looks_managed(&table)
                || before.tables.entry(at).or_default().insert(name, table).is_some()
            {
                return;
            }
        }
    }
    let (config, plan) = plans::plan(*number);
    live(&before, config);
    let kind = if how & 1 == 0 { Variant::Nft } else { Variant::Legacy };
    let goal = if how & 2 == 0 { Goal::Apply { plan, variant: Some(kind) } } else { Goal::Clean { plan } };
    there_and_back(&before, goal, how & 4 != 0, usize::from(how >> 4));
}

/// The tables as iptables-save prints them.
fn rendered(tables: &[(Table, SavedTable)]) -> String {
    let mut text = String::new();
    for (name, table) in tables {
        text += &format!("*{name}\n");
        for chain in &table.chains {
            let policy = if matches!(Chain::named(&chain.name), Some(Chain::Builtin(_))) { "ACCEPT" } else { "-" };
            text += &format!(":{} {policy} [0:0]\n", chain.name);
        }
        for chain in &table.chains {
            chain.rules.iter().for_each(|rule| text += &format!("-A {} {}\n", chain.name, rule.text()));
        }
        text += "COMMIT\n";
    }
    text
}

/// Whether a kernel can have the table: no chain is there twice, and each that rules lead to is there. And whether its
/// rules can be put back as they were, which those with a line break cannot.
fn possible(table: &SavedTable) -> bool {
    let leads_to_chain = |rule: &SavedRule| {
        if rule.text().contains('\n') {
            return false;
        }
        let to = rule.jump().filter(|j| j.contains('_') || j.starts_with("FOREIGN"));
        to.is_none_or(|name| table.chain(&name).is_some())
    };
    let once = |name: &String| table.chains.iter().filter(|c| c.name == *name).count() == 1;
    table.chains.iter().all(|c| once(&c.name) && c.rules.iter().all(leads_to_chain))
}

/// Whether a rule of a table without managed chains looks managed: which rules count as managed would change
/// with the first chain, since nothing else distinguishes an excluded interface of an earlier plan from a foreign one.
fn looks_managed(table: &SavedTable) -> bool {
    let looks = |rule: &Specification| match rule.target() {
        Target::Return => {
            matches!(rule.matches(), [Match::InInterface(_) | Match::OutInterface(_)] | [.., Match::Mark(_)])
        }
        Target::SaveMark | Target::RestoreMark | Target::SetMark(_) => true,
        _ => false,
    };
    let ours = table.chains.iter().any(SavedChain::is_managed);
    !ours && table.chains.iter().flat_map(|c| &c.rules).filter_map(|r| r.meaning()).any(looks)
}

fn there_and_back(before: &Observed, goal: Goal<'_>, force: bool, parts: usize) {
    let stores = Stores::new(before.clone(), goal);
    stores.differences().iter().for_each(|d| one_line(&d.to_string()));
    let after = carry_out(before, &stores, force);
    assert_eq!(content(&after), content(&model::wanted(&stores)), "the actions lead elsewhere");
    assert_eq!(model::compare(&after, goal), Comparison::InPlace, "what was changed is not in place");
    assert!(Stores::new(after.clone(), goal).actions(false).is_empty(), "what was changed is changed again");
    assert_eq!(stores.differences().is_empty(), model::compare(before, goal) == Comparison::InPlace);
    assert_eq!(foreign(&after), foreign(before), "something of others");

    let back = carry_out(&after, &stores.back_from(&after), false);
    assert_eq!(content(&back), content(before), "the way back leads elsewhere");
    let mut now = before.clone();
    let restores = |action: &Action<'_>| matches!(action, Action::Restore(_));
    stores.actions(force).iter().filter(|a| restores(a)).take(parts).for_each(|a| model::act(&mut now, a));
    let undone = carry_out(&now, &stores.back_from(&now), false);
    assert_eq!(content(&undone), content(before), "undoing {parts} parts leads elsewhere");
}

/// What is certainly foreign: rules that have no meaning here, and that lead to no managed chain.
fn foreign(snapshot: &Observed) -> BTreeMap<(Variant, Family, Table, &str), Vec<String>> {
    let mut all = BTreeMap::new();
    for ((kind, family), tables) in &snapshot.tables {
        for (name, table) in tables {
            for chain in table.chains.iter().filter(|c| !c.is_managed()) {
                let theirs = chain.rules.iter().filter(|r| r.meaning().is_none() && !r.jumps_to_managed());
                let rules: Vec<_> = theirs.map(|r| r.text().to_owned()).collect();
                // Built-in chains come and go with the table.
                if !rules.is_empty() || !matches!(Chain::named(&chain.name), Some(Chain::Builtin(_))) {
                    all.insert((*kind, *family, *name, chain.name.as_str()), rules);
                }
            }
        }
    }
    all
}

/// Follows packets through the rules as they are.
fn live(snapshot: &Observed, config: &Config) {
    let layers = Variant::BOTH.map(|kind| state::live_layer(snapshot, kind, &Recogniser::default()));
    let pod = Pod::default();
    let routing = Default::default();
    let scene = Scene { layers: &layers, routing: &routing, pod: &pod, listeners: Listeners::of(config) };
    for words in ["out tcp to=10.0.0.5:443", "in udp to=[fd00::1]:53", "out tcp uid=1337 to=127.0.0.1:80"] {
        let request = Request::parse([words]).expect("a packet");
        let packet = Packet::resolve(&request, &pod, &routing).expect("a packet");
        if layers.iter().all(|layer| can_be_followed(&layer.rules, packet.family())) {
            one_line(&scene.follow(&packet).verdict.to_string());
        }
    }
}

/// Whether rules have no loop, which the kernel refuses, and do not jump through chains over and over again.
fn can_be_followed(rules: &Ruleset, family: Family) -> bool {
    const MOST: usize = 10_000;
    let jumps = |table, chain| {
        let of_chain = rules.of(family).filter(move |r| r.table == table && r.chain == chain);
        of_chain.filter_map(|r| r.target.jump())
    };
    // The length of the way through each chain, with at most this number of nested jumps.
    let mut cost: BTreeMap<(Table, IstioChain), usize> = BTreeMap::new();
    for _ in 0..=IstioChain::ALL.len() {
        let mut next = BTreeMap::new();
        for table in Table::ALL {
            for chain in IstioChain::ALL {
                let inner = jumps(table, chain.into()).map(|to| cost.get(&(table, to)).copied().unwrap_or(0) + 1);
                next.insert((table, chain), inner.fold(0_usize, usize::saturating_add).min(MOST));
            }
        }
        if next == cost {
            let from = |table| rules.of(family).filter(move |r| r.table == table).filter_map(|r| r.target.jump());
            let all = Table::ALL.into_iter().flat_map(|t| from(t).map(move |to| (t, to)));
            return all.map(|to| cost.get(&to).copied().unwrap_or(0)).fold(0, usize::saturating_add) < MOST;
        }
        cost = next;
    }
    false
}
