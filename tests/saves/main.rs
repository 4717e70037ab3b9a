//! What the save programs of several releases of iptables print of managed rules among foreign rules, and that all
//! of it is read as what was planned. Needs no iptables: the texts were recorded (`record.rs`, run for each release
//! by `scripts/test-versions --record`).

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "tests")]

mod corpus;

use std::collections::{BTreeMap, BTreeSet};

use corpus::{OTHERS, PART, configurations, folder, plan};
use istio_iptables::capture::Plan;
use istio_iptables::net::Family;
use istio_iptables::netfilter::Variant;
use istio_iptables::netfilter::save::{self, SavedRule};
use istio_iptables::state::{Comparison, Goal, Observed, SavedTables, Stores, model};

/// A version and variant, with its name.
type Programs = (String, Variant);

/// What was saved by flags, or [`OTHERS`], and family.
type Saved = BTreeMap<(String, Family), String>;

/// All that was recorded.
fn recorded() -> BTreeMap<Programs, Saved> {
    let mut corpus: BTreeMap<_, Saved> = BTreeMap::new();
    for entry in std::fs::read_dir(folder()).expect("tests/saves/corpus") {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let [version, kind, family] = name.split('-').collect::<Vec<_>>()[..] else { panic!("{name}") };
        let kind = Variant::BOTH.into_iter().find(|k| k.name() == kind).expect(name);
        let family = if family == "ip" { Family::Ipv4 } else { Family::Ipv6 };
        let text = std::fs::read_to_string(&path).unwrap();
        let saved = corpus.entry((version.to_owned(), kind)).or_default();
        for part in text.split(PART).skip(1) {
            let (flags, text) = part.split_once('\n').unwrap();
            saved.insert((flags.to_owned(), family), text.to_owned());
        }
    }
    corpus
}

fn tables(text: &str) -> SavedTables {
    save::parse(text).unwrap().into_iter().collect()
}

/// The snapshot that what was saved makes, with the routing that is wanted.
fn snapshot(saved: &Saved, kind: Variant, flags: &str, plan: &Plan) -> Observed {
    let of = |family| ((kind, family), tables(&saved[&(flags.to_owned(), family)]));
    Observed { tables: Family::BOTH.map(of).into(), routing: plan.routing.clone(), ..Observed::default() }
}

/// The rules as text, except for chains without any.
fn texts(tables: &SavedTables) -> Vec<(String, Vec<String>)> {
    let chains = tables.iter().flat_map(|(table, saved)| saved.chains.iter().map(move |c| (table, c)));
    let text = |rule: &SavedRule| rule.text().to_string();
    chains
        .filter(|(_, c)| !c.rules.is_empty())
        .map(|(table, c)| (format!("{table} {}", c.name), c.rules.iter().map(text).collect()))
        .collect()
}

/// Calls `test` with each version and variant, each configuration, and what was saved.
fn each(mut test: impl FnMut(&str, &Saved, Variant, &str, &Plan)) {
    let corpus = recorded();
    let versions: BTreeSet<_> = corpus.keys().map(|(version, _)| version).collect();
    assert!(versions.len() >= 5 && corpus.len() == 2 * versions.len(), "{versions:?}");
    for ((version, kind), saved) in &corpus {
        for flags in configurations() {
            test(&format!("{version} {} {flags}", kind.name()), saved, *kind, flags, &plan(flags));
        }
    }
}

#[test]
fn managed_rules_are_in_place() {
    each(|what, saved, kind, flags, plan| {
        let found = snapshot(saved, kind, flags, plan);
        let comparison = model::compare(&found, Goal::Apply { plan, variant: Some(kind) });
        assert_eq!(comparison, Comparison::InPlace, "{what}");
    });
}

/// Each rule in a managed chain is understood, and there are as many as planned.
#[test]
fn managed_rules_are_understood() {
    each(|what, saved, kind, flags, plan| {
        for ((_, family), tables) in &snapshot(saved, kind, flags, plan).tables {
            let chains = tables.values().flat_map(|t| &t.chains).filter(|c| c.is_managed());
            let rules: Vec<_> = chains.flat_map(|c| &c.rules).collect();
            assert!(rules.iter().all(|r| r.meaning().is_some()), "{what}: {rules:#?}");
            let planned = plan.rules.of(*family).filter(|r| r.chain.name().starts_with("ISTIO_")).count();
            assert_eq!(rules.len(), planned, "{what}");
        }
    });
}

/// A managed rule that is missing, or there twice, is seen.
#[test]
fn a_difference_is_one() {
    each(|what, saved, kind, flags, plan| {
        let whole = snapshot(saved, kind, flags, plan);
        let lacking = |number: usize| {
            let mut found = whole.clone();
            let tables = found.tables.values_mut().flat_map(|t| t.values_mut());
            let mut chains = tables.flat_map(|t| &mut t.chains).filter(|c| c.is_managed() && !c.rules.is_empty());
            chains.nth(number).map(|chain| drop(chain.rules.pop()))?;
            Some(found)
        };
        let drifted = (0..).map_while(lacking).map(|found| {
            let stores = Stores::new(found, Goal::Apply { plan, variant: Some(kind) });
            assert_eq!(stores.comparison(), Comparison::Drifted, "{what}: a rule that is missing is not seen");
            let differences = stores.differences();
            assert_eq!(differences.len(), 1, "{what}: {differences:#?}");
        });
        assert!(drifted.count() > 6, "{what}");
    });
}

/// Cleaning leaves the foreign rules as the same program saves them without managed ones.
#[test]
fn foreign_rules_survive() {
    each(|what, saved, kind, flags, plan| {
        let found = snapshot(saved, kind, flags, plan);
        let stores = Stores::new(found, Goal::Clean { plan });
        for family in Family::BOTH {
            let left = texts(stores.iptables(kind).wanted(family));
            let others = texts(&tables(&saved[&(OTHERS.to_owned(), family)]));
            assert_eq!(left, others, "{what}");
        }
    });
}
