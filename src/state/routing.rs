//! The managed part of the kernel's routing.

use std::collections::BTreeSet;

use super::{Action, Difference, DifferingItem, Goal, Observed, Store};
use crate::capture::{Routing, RoutingItem};
use crate::net::Mark;

/// What distinguishes managed routing without the mark, such as that of Istio's own program, from foreign routing.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// What is wanted.
    pub wanted: Routing,
    /// The marks that managed rules give to packets for the transparent listener.
    pub marks: BTreeSet<Mark>,
    /// Whether there may be managed rules for IPv6.
    pub ipv6: bool,
}

impl Evidence {
    /// Whether what the kernel listed in this place is managed. Each comes with whether it has this program's mark.
    ///
    /// Routing with the mark is managed. Next to that, the same without it is foreign; otherwise, a policy rule is
    /// managed whose mark only managed rules give, and the route that it leads to. Of a route and an address the kernel
    /// has one only: a wanted one that is there already will do.
    pub fn holds(&self, listed: &[(RoutingItem, bool)], at: usize) -> bool {
        let Some((item, marked)) = listed.get(at).copied() else { return false };
        if marked || listed.contains(&(item, true)) {
            return marked;
        }
        let is_wanted = || self.wanted.items().any(|wanted| wanted == item);
        match item {
            RoutingItem::Address(_) => self.ipv6 || is_wanted(),
            RoutingItem::Rule(rule) => {
                let leads_to =
                    |route| matches!(route, RoutingItem::Route(r) if (r.family, r.table) == (rule.family, rule.table));
                let other =
                    |item| matches!(item, RoutingItem::Rule(r) if (r.family, r.mark) == (rule.family, rule.mark));
                self.marks.contains(&rule.mark)
                    && listed.iter().any(|(route, _)| leads_to(*route))
                    && !listed.iter().any(|(item, marked)| *marked && other(*item))
            }
            RoutingItem::Route(route) => {
                let leads_here =
                    |item| matches!(item, RoutingItem::Rule(r) if (r.family, r.table) == (route.family, route.table));
                let mut rules = listed.iter().enumerate().filter(|(_, (item, marked))| !marked && leads_here(*item));
                is_wanted() || rules.any(|(at, _)| self.holds(listed, at))
            }
        }
    }
}

/// Policy routing and addresses.
#[derive(Clone, Debug)]
pub struct Routes {
    before: Routing,
    after: Routing,
}

impl Routes {
    pub(super) fn new(before: Routing, goal: Goal<'_>) -> Self {
        Self { before, after: goal.routing() }
    }
}

impl Store for Routes {
    fn is_in_place(&self) -> bool {
        minus(&self.after, &self.before).is_empty() && minus(&self.before, &self.after).is_empty()
    }

    fn differences(&self) -> Vec<Difference> {
        let of = |missing, routing: Routing| {
            let what = routing.items().map(DifferingItem::Routing);
            what.map(|what| Difference { missing, what, captures: false }).collect::<Vec<_>>()
        };
        [of(false, minus(&self.before, &self.after)), of(true, minus(&self.after, &self.before))].concat()
    }

    fn actions(&self, _force: bool) -> Vec<Action<'_>> {
        let (added, removed) = (minus(&self.after, &self.before), minus(&self.before, &self.after));
        let add = (!added.is_empty()).then_some(Action::AddRouting(added));
        let remove = (!removed.is_empty()).then_some(Action::RemoveRouting(removed));
        add.into_iter().chain(remove).collect()
    }

    fn back_from(&self, now: &Observed) -> Self {
        Self { before: now.routing.clone(), after: self.before.clone() }
    }
}

/// What `a` has more of than `b`.
fn minus(a: &Routing, b: &Routing) -> Routing {
    let mut rest: Vec<_> = b.items().collect();
    let surplus = |item: &RoutingItem| match rest.iter().position(|r| r == item) {
        Some(at) => {
            rest.swap_remove(at);
            false
        }
        None => true,
    };
    a.items().filter(surplus).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::{LocalRoute, PolicyRule};
    use crate::net::{Family, PROXY_SOURCE_V6, RouteTable};
    use crate::netfilter::Variant;
    use crate::state::model::{FLAGS, carry_out, compare, planned};
    use crate::state::{Comparison, Stores};

    const TABLE: RouteTable = RouteTable::at_least_one(133);
    const MARK: Mark = Mark::at_least_one(1337);
    const RULE: RoutingItem = RoutingItem::Rule(PolicyRule { family: Family::Ipv4, mark: MARK, table: TABLE });
    const ROUTE: RoutingItem = RoutingItem::Route(LocalRoute { family: Family::Ipv4, table: TABLE });
    const ADDRESS: RoutingItem = RoutingItem::Address(PROXY_SOURCE_V6);

    /// Which of these are managed.
    fn managed(listed: &[(RoutingItem, bool)], wanted: &[RoutingItem], rules: bool) -> Vec<bool> {
        let marks = rules.then_some(MARK).into_iter().collect();
        let evidence = Evidence { wanted: wanted.iter().copied().collect(), marks, ipv6: rules };
        (0..listed.len()).map(|at| evidence.holds(listed, at)).collect()
    }

    #[test]
    fn what_bears_the_mark_is_managed_and_its_twins_are_not() {
        let listed = [(RULE, true), (RULE, false), (ROUTE, true), (ROUTE, false), (ADDRESS, true)];
        for (rules, wanted) in [(false, vec![]), (true, vec![]), (true, vec![RULE, ROUTE, ADDRESS])] {
            assert_eq!(managed(&listed, &wanted, rules), [true, false, true, false, true]);
        }
    }

    #[test]
    fn without_the_mark_only_what_managed_rules_lead_to_is_managed() {
        let listed = [(ADDRESS, false), (RULE, false), (ROUTE, false)];
        assert_eq!(managed(&listed, &[], false), [false; 3]);
        assert_eq!(managed(&listed, &[], true), [true; 3]);
        assert_eq!(managed(&listed[..2], &[], true), [true, false], "a rule that leads nowhere");
        let table = RouteTable::at_least_one(134);
        let elsewhere = RoutingItem::Route(LocalRoute { family: Family::Ipv4, table });
        assert_eq!(managed(&[(RULE, false), (elsewhere, false)], &[], true), [false; 2]);
        let other = RoutingItem::Rule(PolicyRule { family: Family::Ipv4, mark: Mark::at_least_one(7), table: TABLE });
        assert_eq!(managed(&[(other, false), (ROUTE, false)], &[], true), [false; 2]);
    }

    #[test]
    fn a_wanted_route_that_is_there_already_will_do_and_is_not_removed_later() {
        let listed = [(RULE, true), (ROUTE, false)];
        assert_eq!(managed(&listed, &[RULE, ROUTE], true), [true, true]);
        assert_eq!(managed(&listed, &[], true), [true, false]);
        assert_eq!(managed(&listed, &[RULE], true), [true, false]);
    }

    #[test]
    fn a_wanted_rule_without_the_mark_does_not_do() {
        assert_eq!(managed(&[(RULE, false), (ROUTE, false)], &[RULE, ROUTE], false), [false, true]);
    }

    #[test]
    fn routing_is_compared_and_removed_with_the_rules() {
        let plan = planned(FLAGS[4]);
        let goal = Goal::Apply { plan: &plan, variant: Some(Variant::Nft) };
        let applied = carry_out(&Observed::default(), &Stores::new(Observed::default(), goal), false);
        assert_eq!(compare(&applied, goal), Comparison::InPlace);
        let empty = Observed::default().routing;
        for (routing, is_in_place) in [(applied.routing.clone(), true), (empty, false)] {
            assert_eq!(compare(&Observed { routing, ..applied.clone() }, goal) == Comparison::InPlace, is_in_place);
        }
        let alone = Observed { routing: applied.routing.clone(), ..Observed::default() };
        for observed in [&alone, &Observed::default()] {
            assert_eq!(compare(observed, goal), Comparison::Clean, "routing without rules captures nothing");
        }
        assert_ne!(compare(&alone, Goal::Clean { plan: &plan }), Comparison::InPlace);
        let cleaned = carry_out(&alone, &Stores::new(alone.clone(), Goal::Clean { plan: &plan }), false);
        assert!(cleaned.routing.is_empty());
    }
}
