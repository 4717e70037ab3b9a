//! Properties of comparison and change, on a model of tables.

mod rollback;

use proptest::prelude::*;

use super::model::{FLAGS, ModelRules, act, carry_out, chain, compare, content, planned};
use super::store::Phase;
use super::{Action, Comparison, Difference, Goal, Observed, Restore, SavedTables, Stores};
use crate::net::Family;
use crate::netfilter::save::{SavedRule, SavedTable};
use crate::netfilter::{Hook, Table, Variant};

/// Only what is foreign.
fn foreign(observed: &Observed) -> ModelRules {
    let mut all = content(observed);
    all.retain(|(_, _, _, chain, _)| !chain.starts_with("ISTIO_"));
    all.iter_mut().for_each(|(.., rules)| rules.retain(|r| r.contains("FOREIGN") || r.contains("9999")));
    all.retain(|(.., rules)| !rules.is_empty());
    all
}

/// One that is told from others by its number.
fn numbered(n: u16) -> String {
    format!("-p tcp -m tcp --dport 9999 -m comment --comment FOREIGN{n} -j ACCEPT")
}

/// Foreign rules: none of them counts as managed.
fn foreign_rule() -> impl Strategy<Value = String> {
    prop_oneof![
        (1..5_u16).prop_map(numbered),
        (1..4_u16).prop_map(|n| format!("-s 198.51.100.{n}/32 -p udp -m udp --dport 9999 -j RETURN")),
        Just("-p icmp -m comment --comment \"FOREIGN -j ISTIO_OUTPUT\" -j DROP".to_owned()),
    ]
}

type Foreign = Vec<(Table, Hook, bool, String)>;

fn foreign_rules() -> impl Strategy<Value = Foreign> {
    let table = prop::sample::select(vec![Table::Nat, Table::Mangle, Table::Raw]);
    let hook = prop::sample::select(vec![Hook::Prerouting, Hook::Output]);
    prop::collection::vec((table, hook, any::<bool>(), foreign_rule()), 0..12)
}

/// A state with rules of a plan, and foreign ones before and after them.
fn state(flags: Option<&str>, variant: Variant, rules: &Foreign) -> Observed {
    let mut observed = Observed::default();
    let add = |observed: &mut Observed, behind: bool| {
        for family in Family::BOTH {
            for (table, hook, _, rule) in rules.iter().filter(|(_, _, b, _)| *b == behind) {
                let tables = observed.tables.entry((variant, family)).or_default();
                let chain = chain(tables.entry(*table).or_default(), hook.name());
                chain.rules.push(SavedRule::parse(rule));
            }
        }
    };
    add(&mut observed, false);
    if let Some(flags) = flags {
        let plan = planned(flags);
        let first = Stores::new(observed.clone(), Goal::Apply { plan: &plan, variant: Some(variant) });
        observed = carry_out(&observed, &first, false);
    }
    add(&mut observed, true);
    observed
}

/// The rules of a chain of IPv4.
fn rules<'a>(observed: &'a mut Observed, variant: Variant, table: Table, name: &str) -> &'a mut Vec<SavedRule> {
    let tables = observed.tables.entry((variant, Family::Ipv4)).or_default();
    &mut chain(tables.entry(table).or_default(), name).rules
}

/// Tables with nothing but these rules of the chain OUTPUT of nat.
fn with_output(rules: impl IntoIterator<Item = String>) -> SavedTables {
    let mut table = SavedTable::default();
    chain(&mut table, "OUTPUT").rules = rules.into_iter().map(|rule| SavedRule::parse(&rule)).collect();
    SavedTables::from([(Table::Nat, table)])
}

fn variants() -> impl Strategy<Value = Variant> {
    prop::sample::select(Variant::BOTH.to_vec())
}

/// `-D` removes the first of rules that are the same: foreign ones must not change places.
#[test]
fn copies_of_foreign_rules_keep_their_places() {
    let copy = || "-p icmp -m comment --comment \"FOREIGN -j ISTIO_OUTPUT\" -j DROP".to_owned();
    let other = "-p tcp -m tcp --dport 9999 -m comment --comment FOREIGN1 -j ACCEPT".to_owned();
    for table in [Table::Nat, Table::Mangle] {
        for hook in [Hook::Prerouting, Hook::Output] {
            let rules =
                vec![(table, hook, false, copy()), (table, hook, false, other.clone()), (table, hook, true, copy())];
            for was in FLAGS {
                for wanted in FLAGS.map(Some).into_iter().chain([None]) {
                    for variant in Variant::BOTH {
                        there_and_back(Some(was), wanted, variant, variant, false, &rules).unwrap();
                    }
                }
            }
        }
    }
}

/// No line of restore text can hold a line break.
#[test]
fn a_rule_with_a_line_break_goes_by_its_number_and_a_foreign_one_stays() {
    let comment = |target: &str| format!("-m comment --comment \"9999\n-A OUTPUT -j ISTIO_OUTPUT\" -j {target}");
    let plan = planned(FLAGS[1]);
    for variant in Variant::BOTH {
        let mut before = state(Some(FLAGS[1]), variant, &Vec::new());
        let output = rules(&mut before, variant, Table::Nat, "OUTPUT");
        let rules = [comment("ISTIO_OUTPUT"), comment("ACCEPT"), comment("ISTIO_REDIRECT"), comment("ACCEPT")];
        output.splice(0..0, rules.iter().map(|text| SavedRule::parse(text)));
        let stores = Stores::new(before.clone(), Goal::Clean { plan: &plan });
        assert!(stores.differences().iter().all(|d| !d.to_string().contains('\n')));
        let after = carry_out(&before, &stores, false);
        assert_eq!(
            content(&after),
            [(variant, Family::Ipv4, Table::Nat, "OUTPUT".to_owned(), vec![comment("ACCEPT"); 2])]
        );
    }
}

#[test]
fn a_dormant_table_is_woken_for_rules_and_put_back_to_sleep() {
    let (variant, plan) = (Variant::Nft, planned(FLAGS[1]));
    let goal = Goal::Apply { plan: &plan, variant: Some(variant) };
    for was in [None, Some(FLAGS[1]), Some(FLAGS[2])] {
        let mut before = state(was, variant, &Vec::new());
        let tables = before.tables.entry((variant, Family::Ipv4)).or_default();
        tables.entry(Table::Nat).or_default().dormant = true;
        tables.entry(Table::Filter).or_default().dormant = true;
        let stores = Stores::new(before.clone(), goal);
        let line = "- table ip nat { flags dormant ; }";
        assert_eq!(stores.differences().iter().filter(|d| d.to_string() == line).count(), 1);
        let after = carry_out(&before, &stores, false);
        assert_eq!(compare(&after, goal), Comparison::InPlace);
        let dormant = |s: &Observed, table| s.tables[&(variant, Family::Ipv4)][&table].dormant;
        assert!(!dormant(&after, Table::Nat) && dormant(&after, Table::Filter));
        let back = carry_out(&after, &stores.back_from(&after), false);
        assert!(dormant(&back, Table::Nat) && content(&back) == content(&before));
        assert!(compare(&before, Goal::Clean { plan: &plan }) == Comparison::InPlace || was.is_some());
    }
}

/// A rule that is planned may be there without any managed chain: it must not be there twice afterwards.
#[test]
fn a_planned_rule_that_is_there_already_is_there_once() {
    let returned = || (Table::Nat, Hook::Prerouting, false, "-i eth1 -j RETURN".to_owned());
    let marks = "-p tcp -m mark --mark 0x539 -j CONNMARK --save-mark --nfmask 0xffffffff --ctmask 0xffffffff";
    let marked = (Table::Mangle, Hook::Prerouting, false, marks.to_owned());
    for (wanted, rules) in [(FLAGS[3], vec![returned()]), (FLAGS[4], vec![marked, returned()])] {
        for variant in Variant::BOTH {
            there_and_back(None, Some(wanted), variant, variant, false, &rules).unwrap();
        }
    }
}

/// Where a chain has no jump that shows the place of managed rules, the rules themselves do, but for those that were put first.
#[test]
fn managed_rules_keep_their_place_without_a_jump() {
    let foreign = |n| SavedRule::parse(&numbered(n));
    let rules_after = |was: &str, wanted: &str, table: Table, hook: Hook, around: [usize; 2]| {
        let variant = Variant::Nft;
        let mut before = state(Some(was), variant, &Vec::new());
        let rules = rules(&mut before, variant, table, hook.name());
        (0..around[0]).for_each(|_| rules.insert(0, foreign(1)));
        (0..around[1]).for_each(|_| rules.push(foreign(2)));
        let plan = planned(wanted);
        let stores = Stores::new(before, Goal::Apply { plan: &plan, variant: Some(variant) });
        stores.iptables(variant).wanted(Family::Ipv4)[&table].chain(hook.name()).unwrap().rules.clone()
    };
    // Rules for virtual interfaces come first; the new jump goes to the end, as on a first apply.
    let rules = rules_after("-i * -k vm0", "-b * -i * -k vm0", Table::Nat, Hook::Prerouting, [0, 1]);
    let jump = rules.iter().position(|r| r.text() == "-p tcp -j ISTIO_INBOUND").unwrap();
    assert!(rules.iter().position(|r| *r == foreign(2)).unwrap() < jump && jump + 1 == rules.len(), "{rules:?}");
    // Appended rules without a jump stay between the foreign ones.
    let tproxy = "-m TPROXY -b * -i *";
    let rules = rules_after(tproxy, &format!("{tproxy} -u 1338"), Table::Mangle, Hook::Output, [1, 1]);
    assert!(rules.len() > 3 && rules[0] == foreign(1) && rules[rules.len() - 1] == foreign(2), "{rules:?}");
}

fn restores<'a>(actions: &'a [Action<'a>], family: Family) -> Vec<&'a str> {
    let of = |action: &'a Action<'a>| {
        if let Action::Restore(one) = action { (one.family == family).then_some(one.text.as_str()) } else { None }
    };
    actions.iter().filter_map(of).collect()
}

/// What a dry run prints is what is done where nothing is managed yet.
#[test]
fn a_first_apply_takes_the_planners_text() {
    let foreign = (Table::Nat, Hook::Output, false, "-p tcp -m tcp --dport 9999 -j ACCEPT".to_owned());
    for variant in Variant::BOTH {
        for rules in [Vec::new(), vec![foreign.clone()]] {
            let plan = planned(FLAGS[2]);
            let stores = Stores::new(state(None, variant, &rules), Goal::Apply { plan: &plan, variant: Some(variant) });
            for family in Family::BOTH {
                let actions = stores.actions(false);
                assert_eq!(restores(&actions, family), [crate::netfilter::restore::script(&plan.rules, family)]);
            }
        }
    }
}

#[test]
fn inbound_capture_begins_in_its_new_table_before_it_ends_in_the_old_one() {
    let foreign = (Table::Mangle, Hook::Prerouting, false, "-p tcp -m tcp --dport 9999 -j ACCEPT".to_owned());
    let (tproxy, redirect) = (FLAGS[7], FLAGS[2]);
    for (was, wanted, first) in
        [(tproxy, redirect, Table::Nat), (redirect, tproxy, Table::Mangle), (tproxy, FLAGS[5], Table::Mangle)]
    {
        let before = state(Some(was), Variant::Nft, &vec![foreign.clone()]);
        let plan = planned(wanted);
        let stores = Stores::new(before, Goal::Apply { plan: &plan, variant: Some(Variant::Nft) });
        let actions = stores.actions(false);
        let [text] = restores(&actions, Family::Ipv4)[..] else { panic!("{actions:?}") };
        let at = |table: Table| text.find(&format!("* {table}\n")).unwrap();
        let is_nat = at(Table::Nat) < at(Table::Mangle);
        assert_eq!(is_nat, first == Table::Nat, "{was} to {wanted}: {text}");
        let families: Vec<_> = stores.differences().iter().filter_map(Difference::family).collect();
        assert!(Family::BOTH.iter().all(|family| families.contains(family)), "{families:?}");
    }
}

/// No name may be looked up: programs get numbers, also when rules are changed.
#[test]
fn programs_get_users_by_number() {
    let before = state(Some(FLAGS[1]), Variant::Nft, &Vec::new());
    let plan = planned("-b * -i * -u envoy -g staff");
    let stores = Stores::new(before, Goal::Apply { plan: &plan, variant: Some(Variant::Nft) });
    for action in stores.actions(false) {
        let Action::Restore(Restore { text, .. }) = action else { continue };
        assert!(text.contains("--uid-owner 101 ") && text.contains("--gid-owner 50 "), "{text}");
        assert!(!text.contains("envoy") && !text.contains("staff"), "{text}");
    }
}

/// Foreign rules that save other marks the way managed ones do stay foreign when rules are applied.
#[test]
fn foreign_marks_are_kept() {
    let mangle = |hook, rule: &str| (Table::Mangle, hook, false, rule.to_owned());
    let masks = "--nfmask 0xffffffff --ctmask 0xffffffff";
    let rules = vec![
        mangle(Hook::Prerouting, &format!("-p tcp -m mark --mark 0x9999 -j CONNMARK --save-mark {masks}")),
        mangle(Hook::Output, &format!("-p tcp -m connmark --mark 0x9999 -j CONNMARK --restore-mark {masks}")),
        mangle(Hook::Output, "-o lo -p tcp -m mark --mark 0x9999 -j RETURN"),
        mangle(
            Hook::Output,
            "! -d 127.0.0.1/32 -o lo -p tcp -m owner --uid-owner 5 -j MARK --set-xmark 0x9999/0xffffffff",
        ),
    ];
    for wanted in FLAGS {
        there_and_back(None, Some(wanted), Variant::Nft, Variant::Nft, false, &rules).unwrap();
    }
}

/// From any state, the actions lead to the state in which the comparison finds all in place; foreign rules
/// stay, in their order; the way back leads back.
fn there_and_back(
    was: Option<&str>,
    wanted: Option<&str>,
    from: Variant,
    to: Variant,
    force: bool,
    rules: &Foreign,
) -> Result<(), TestCaseError> {
    let before = state(was, from, rules);
    let plan = planned(wanted.unwrap_or(FLAGS[1]));
    let goal = match wanted {
        Some(_) => Goal::Apply { plan: &plan, variant: Some(to) },
        None => Goal::Clean { plan: &plan },
    };
    let stores = Stores::new(before.clone(), goal);
    prop_assert!(stores.actions(force).is_sorted_by_key(Action::phase));
    let after = carry_out(&before, &stores, force);
    prop_assert_eq!(content(&after), content(&super::model::wanted(&stores)));
    prop_assert_eq!(foreign(&after), foreign(&before));
    prop_assert_eq!(compare(&after, goal), Comparison::InPlace);
    let settled = Stores::new(after.clone(), goal);
    prop_assert!(settled.actions(false).is_empty());
    prop_assert!(Family::BOTH.into_iter().all(|family| !settled.iptables(to).changes(family)));
    prop_assert_eq!(stores.differences().is_empty(), compare(&before, goal) == Comparison::InPlace);

    let undone = carry_out(&after, &stores.back_from(&after), false);
    prop_assert_eq!(content(&undone), content(&before));
    Ok(())
}

#[test]
fn rules_of_other_flags_are_drift_and_foreign_ones_among_them_are_not() {
    for variant in Variant::BOTH {
        let plan = planned(FLAGS[7]);
        let goal = Goal::Apply { plan: &plan, variant: Some(variant) };
        assert_eq!(compare(&state(Some(FLAGS[2]), variant, &Vec::new()), goal), Comparison::Drifted);
        let mut applied = state(Some(FLAGS[7]), variant, &Vec::new());
        let rules = rules(&mut applied, variant, Table::Mangle, "OUTPUT");
        assert!(rules.len() > 2, "{rules:?}");
        rules.insert(1, SavedRule::parse("-p tcp -m tcp --dport 9999 -j ACCEPT"));
        assert_eq!(compare(&applied, goal), Comparison::InPlace);
    }
}

/// Another store is emptied only when the new one has its rules.
#[test]
fn a_move_fills_before_it_empties() {
    let plan = planned(FLAGS[2]);
    let native = Goal::Apply { plan: &plan, variant: None };
    for variant in Variant::BOTH {
        let stores = Stores::new(state(Some(FLAGS[1]), variant, &Vec::new()), native);
        let actions = stores.actions(false);
        let phases: Vec<_> = actions.iter().map(Action::phase).collect();
        assert!(matches!(actions[0], Action::Nftables(_)), "{actions:?}");
        assert_eq!(phases, [Phase::Fill, Phase::Empty, Phase::Empty]);
    }
}

/// Their counters belong to another program.
#[test]
fn foreign_rules_that_stay_are_not_touched() {
    let tables = |rules: &[u16]| with_output(rules.iter().copied().map(numbered));
    let text = super::script::script(&tables(&[1, 2, 3]), &tables(&[1, 3]), false);
    assert_eq!(text, format!("* nat\n-D OUTPUT {}\nCOMMIT\n", numbered(2)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    /// `-D` takes the first of rules that are the same, which must not be one that stays.
    #[test]
    fn the_text_leads_from_any_rules_to_any_others_in_their_order(
        before in prop::collection::vec(foreign_rule(), 0..7), after in prop::collection::vec(foreign_rule(), 0..7),
    ) {
        let (mut now, after) = (with_output(before), with_output(after));
        let text = super::script::script(&now, &after, false);
        super::model::restore(&mut now, &text);
        prop_assert_eq!(now, after);
    }

    #[test]
    fn change_and_back(
        was in prop::option::of(prop::sample::select(FLAGS.to_vec())),
        wanted in prop::option::of(prop::sample::select(FLAGS.to_vec())),
        from in variants(), to in variants(), force in any::<bool>(), rules in foreign_rules(),
    ) {
        there_and_back(was, wanted, from, to, force, &rules)?;
    }

    /// Rolling back a change that was carried out in part, while another program added and removed rules, leads
    /// to managed rules as they were, and foreign ones as they are now.
    #[test]
    fn rollback_keeps_foreign_changes_made_meanwhile(
        was in prop::option::of(prop::sample::select(FLAGS.to_vec())),
        wanted in prop::sample::select(FLAGS.to_vec()),
        variant in variants(), rules in foreign_rules(), meanwhile in foreign_rules(), parts in 0..5_usize,
    ) {
        let before = state(was, variant, &rules);
        let plan = planned(wanted);
        let stores = Stores::new(before.clone(), Goal::Apply { plan: &plan, variant: Some(variant) });
        let mut now = before.clone();
        let restores = |action: &Action<'_>| matches!(action, Action::Restore(_));
        stores.actions(false).iter().filter(|a| restores(a)).take(parts).for_each(|a| act(&mut now, a));
        for (table, hook, last, rule) in &meanwhile {
            let tables = now.tables.entry((variant, Family::Ipv4)).or_default();
            let rules = &mut chain(tables.entry(*table).or_default(), hook.name()).rules;
            let at = if *last { rules.len() } else { 0 };
            rules.insert(at, SavedRule::parse(rule));
        }
        let undone = carry_out(&now, &stores.back_from(&now), false);
        prop_assert_eq!(foreign(&undone), foreign(&now));
        let ours = |s: &Observed| {
            let mut all = content(s);
            all.iter_mut().for_each(|(.., rules)| rules.retain(|r| !r.contains("FOREIGN") && !r.contains("9999")));
            all.retain(|(_, _, _, chain, rules)| !rules.is_empty() || chain.starts_with("ISTIO_"));
            all
        };
        prop_assert_eq!(ours(&undone), ours(&before));
    }
}
