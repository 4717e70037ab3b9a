//! Our part of the kernel's routing.

use std::collections::BTreeSet;
use std::net::Ipv6Addr;

use crate::capture::{LocalRoute, PolicyRule, Routing};
use crate::config::{Config, Mark};

/// Policy rules, routes and addresses of the shape that we make, as often as the kernel has them: it
/// takes the same policy rule any number of times.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoutingState {
    /// The proxy's source addresses on `lo`.
    pub addresses: Vec<Ipv6Addr>,
    /// Rules `fwmark MARK lookup TABLE` without other conditions.
    pub rules: Vec<PolicyRule>,
    /// Routes `local default dev lo` in tables of their own.
    pub routes: Vec<LocalRoute>,
}

impl RoutingState {
    /// What of this is ours: what is known to be; policy rules with the mark and table that the configuration
    /// names, whether or not it wants them now; those that are certain to be ours, and those with a mark
    /// that rules of ours give; and the routes they lead to.
    pub fn ours(mut self, config: &Config, known: &Self, certain: &[PolicyRule], marks: &BTreeSet<Mark>) -> Self {
        let (mark, table) = (config.tproxy_mark, config.tproxy_table);
        let routes = self.routes.clone();
        let leads_to_route =
            |rule: &PolicyRule| routes.iter().any(|r| r.family == rule.family && r.table == rule.table);
        self.rules.retain(|r| {
            (r.mark, r.table) == (mark, table)
                || known.rules.contains(r)
                || certain.contains(r)
                || (marks.contains(&r.mark) && leads_to_route(r))
        });
        let rules = &self.rules;
        let led_to = |route: &LocalRoute| rules.iter().any(|r| r.family == route.family && r.table == route.table);
        self.routes.retain(|r| r.table == table || known.routes.contains(r) || led_to(r));
        self
    }

    /// What is to be added and what is to be removed to get to `after`.
    pub fn difference(&self, after: &Self) -> (Routing, Routing) {
        let only_in = |a: &Self, b: &Self| Routing {
            addresses: minus(&a.addresses, &b.addresses),
            rules: minus(&a.rules, &b.rules),
            routes: minus(&a.routes, &b.routes),
        };
        (only_in(after, self), only_in(self, after))
    }
}

impl From<Routing> for RoutingState {
    fn from(routing: Routing) -> Self {
        Self { addresses: routing.addresses, rules: routing.rules, routes: routing.routes }
    }
}

/// What `a` has more of than `b`.
fn minus<T: Clone + PartialEq>(a: &[T], b: &[T]) -> Vec<T> {
    let mut rest = b.to_vec();
    let surplus = |item: &&T| match rest.iter().position(|r| r == *item) {
        Some(at) => {
            rest.swap_remove(at);
            false
        }
        None => true,
    };
    a.iter().filter(surplus).cloned().collect()
}
