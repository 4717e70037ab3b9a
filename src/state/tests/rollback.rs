//! The way back, down to the order of rules.

use super::*;
use crate::netfilter::save::SavedChain;

/// What another program added in the meantime shifts places; managed rules stay behind the rules that they came after.
#[test]
fn rollback_puts_managed_rules_back_among_foreign_ones() {
    let rule = |n, behind| (Table::Nat, Hook::Output, behind, numbered(n));
    for variant in Variant::BOTH {
        let mut before = state(Some(FLAGS[1]), variant, &vec![rule(1, false), rule(2, false), rule(3, true)]);
        let plan = planned(FLAGS[0]);
        let stores = Stores::new(before.clone(), Goal::Apply { plan: &plan, variant: Some(variant) });
        let mut now = carry_out(&before, &stores, false);
        let added = SavedRule::parse(&numbered(4));
        rules(&mut now, variant, Table::Nat, "OUTPUT").insert(0, added.clone());
        let mut undone = carry_out(&now, &stores.back_from(&now), false);
        let wanted = rules(&mut before, variant, Table::Nat, "OUTPUT");
        assert!(wanted[2].jumps_to_managed(), "{wanted:?}");
        wanted.insert(0, added);
        assert_eq!(rules(&mut undone, variant, Table::Nat, "OUTPUT"), wanted);
    }
}

#[test]
fn rollback_makes_empty_managed_chains_again() {
    let plan = planned(FLAGS[1]);
    for variant in Variant::BOTH {
        let mut before = Observed::default();
        let nat = before.tables.entry((variant, Family::Ipv4)).or_default().entry(Table::Nat).or_default();
        nat.chains.push(SavedChain::empty("ISTIO_REDIRECT"));
        let stores = Stores::new(before.clone(), Goal::Clean { plan: &plan });
        let after = carry_out(&before, &stores, false);
        assert_eq!(content(&after), []);
        assert_eq!(content(&carry_out(&after, &stores.back_from(&after), false)), content(&before));
    }
}

/// An earlier release, or Istio's program, may have had another order.
#[test]
fn rollback_puts_managed_rules_back_where_another_program_had_them() {
    let foreign = (Table::Nat, Hook::Prerouting, true, "-p tcp -m tcp --dport 9999 -j ACCEPT".to_owned());
    let was = "-b * -i 10.0.0.0/8 -k vm0";
    for variant in Variant::BOTH {
        let mut before = state(Some(was), variant, &vec![foreign.clone()]);
        // The foreign rule comes first, and those for the virtual interface after it.
        rules(&mut before, variant, Table::Nat, "PREROUTING").rotate_right(1);
        let plan = planned(&format!("{was} -c eth1"));
        let stores = Stores::new(before.clone(), Goal::Apply { plan: &plan, variant: Some(variant) });
        let mut after = carry_out(&before, &stores, false);
        assert_ne!(
            rules(&mut after, variant, Table::Nat, "PREROUTING"),
            rules(&mut before, variant, Table::Nat, "PREROUTING")
        );
        assert_eq!(content(&carry_out(&after, &stores.back_from(&after), false)), content(&before));
    }
}
