//! One form for rules that mean the same to nf_tables: that in which they are read back from the kernel.

use super::sets::NewSet;
use super::{AddressRange, Body, Expression};
use crate::net::Family;
use crate::netfilter::{ConntrackState, Protocol};

impl Body {
    /// The rule as it is read from the kernel once it is there.
    pub(crate) fn normal(&self) -> Self {
        let mut normal = Normal::default();
        self.expressions.iter().for_each(|expression| normal.add(expression));
        if let (Some(family), false) = (normal.family, normal.family_is_said) {
            normal.expressions.insert(0, Expression::Family(family));
        }
        Self { expressions: normal.expressions, verdict: self.verdict }
    }
}

#[derive(Default)]
struct Normal {
    expressions: Vec<Expression>,
    /// What the rule has made sure of.
    family: Option<Family>,
    protocol: Option<Protocol>,
    /// Whether an address implies the family.
    family_is_said: bool,
}

impl Normal {
    fn add(&mut self, expression: &Expression) {
        let normal = match expression {
            Expression::Family(family) => {
                self.family = Some(*family);
                return;
            }
            Expression::Protocol(protocol) => {
                self.protocol(*protocol);
                return;
            }
            Expression::Address(side, network) => {
                self.address(network.value().family());
                Expression::Address(*side, network.clone().map(|n| n.masked()))
            }
            Expression::Addresses(side, ranges) => match ranges.value().as_slice() {
                [] => return,
                [one] => {
                    self.address(one.family());
                    match one.network() {
                        Some(network) => Expression::Address(*side, ranges.clone().map(|_| network)),
                        None => expression.clone(),
                    }
                }
                [first, ..] => {
                    self.address(first.family());
                    Expression::Addresses(*side, ranges.clone().map(AddressRange::joined))
                }
            },
            Expression::Port(protocol, ..) => {
                self.protocol(*protocol);
                expression.clone()
            }
            Expression::Ports(protocol, side, ports) => {
                self.protocol(*protocol);
                Expression::Ports(*protocol, *side, ports.clone().map(|all| NewSet::ports(&all).port_ranges()))
            }
            Expression::Owner(kind, owner) => Expression::Owner(*kind, owner.clone().map(|o| o.by_number())),
            Expression::ConntrackState(states) => {
                Expression::ConntrackState(ConntrackState::ALL.into_iter().filter(|s| states.contains(s)).collect())
            }
            Expression::InInterface(_)
            | Expression::OutInterface(_)
            | Expression::Mark(_)
            | Expression::ConnectionMark(_)
            | Expression::Counter
            | Expression::Redirect(_)
            | Expression::Tproxy(..)
            | Expression::SetMark(_)
            | Expression::SaveMark
            | Expression::RestoreMark
            | Expression::ConntrackZone(_) => expression.clone(),
        };
        self.expressions.push(normal);
    }

    fn address(&mut self, family: Family) {
        self.family = Some(family);
        self.family_is_said = true;
    }

    /// A protocol is asked for once, before what needs it.
    fn protocol(&mut self, protocol: Protocol) {
        if self.protocol != Some(protocol) {
            self.protocol = Some(protocol);
            self.expressions.push(Expression::Protocol(protocol));
        }
    }
}
