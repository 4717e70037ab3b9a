//! What differs between two states, for people.

use std::fmt;

use super::{Snapshot, routing};
use crate::net::Family;
use crate::netfilter::Table;
use crate::netfilter::Variant;
use crate::netfilter::save::{SavedChain, SavedRule};
use crate::text::Printable;

/// One line of a difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// A rule or a chain.
    Rule {
        /// Whether it is to come, not to go.
        add: bool,
        /// The kind of iptables.
        kind: Variant,
        /// The family.
        family: Family,
        /// The table.
        table: Table,
        /// The arguments: `-A CHAIN ...` or `-N CHAIN`.
        arguments: String,
    },
    /// Routing, as arguments of ip(8); or a flag of a table, as nft(8) writes it.
    Routing {
        /// Whether it is to come, not to go.
        add: bool,
        /// The command.
        command: String,
    },
}

impl Difference {
    /// The family, where it is about a rule or a chain.
    pub fn family(&self) -> Option<Family> {
        match self {
            Self::Rule { family, .. } => Some(*family),
            Self::Routing { .. } => None,
        }
    }
}

/// As `diff` marks it, in iptables notation.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = |add: &bool| if *add { '+' } else { '-' };
        match self {
            Self::Rule { add, kind, family, table, arguments } => {
                let (program, kind) = (family.program(), kind.name());
                write!(f, "{} {program}-{kind} -t {table} {}", sign(add), Printable(arguments))
            }
            Self::Routing { add, command } => write!(f, "{} {command}", sign(add)),
        }
    }
}

/// All differences, in the order of kinds, families, tables, chains and rules.
pub(super) fn all(before: &Snapshot, after: &Snapshot) -> Vec<Difference> {
    let mut lines = Vec::new();
    for kind in Variant::BOTH {
        for family in Family::BOTH {
            for table in Table::ALL {
                let of = |s: &Snapshot| {
                    s.tables.get(&(kind, family)).and_then(|t| t.get(&table)).cloned().unwrap_or_default()
                };
                let (old, new) = (of(before), of(after));
                let mut line = |add, arguments| lines.push(Difference::Rule { add, kind, family, table, arguments });
                for chain in &new.chains {
                    let was = old.chain(&chain.name);
                    if was.is_none() && chain.is_ours() {
                        line(true, format!("-N {}", chain.name));
                    }
                    let none = SavedChain::empty(chain.name.clone());
                    rules(was.unwrap_or(&none), chain, &mut line);
                }
                for chain in old.chains.iter().filter(|c| new.chain(&c.name).is_none()) {
                    rules(chain, &SavedChain::empty(chain.name.clone()), &mut line);
                    line(false, format!("-N {}", chain.name));
                }
            }
        }
    }
    super::change::dormant(before, after, &mut |family, table, dormant| {
        let family = if family == Family::Ipv4 { "ip" } else { "ip6" };
        lines.push(Difference::Routing {
            add: dormant,
            command: format!("table {family} {table} {{ flags dormant ; }}"),
        });
    });
    let (added, removed) = routing::difference(&before.routing, &after.routing);
    for (add, routing) in [(false, removed), (true, added)] {
        lines.extend(routing.to_string().lines().map(|c| Difference::Routing { add, command: c.to_owned() }));
    }
    lines
}

fn rules(before: &SavedChain, after: &SavedChain, line: &mut impl FnMut(bool, String)) {
    let text = |rule: &SavedRule| format!("-A {} {}", before.name, rule.text()).trim_end().replace('\n', "\\n");
    let kept = common(&before.rules, &after.rules, SavedRule::same);
    let (mut old, mut new) = (0, 0);
    for (i, j) in kept.into_iter().chain([(before.rules.len(), after.rules.len())]) {
        for rule in before.rules.get(old..i).unwrap_or_default() {
            line(false, text(rule));
        }
        for rule in after.rules.get(new..j).unwrap_or_default() {
            line(true, text(rule));
        }
        (old, new) = (i + 1, j + 1);
    }
}

/// The places of a common subsequence of two lists: what is the same at both ends, and between the ends
/// the longest, where that is not too much work, else what is found going forward.
pub fn common<T>(a: &[T], b: &[T], same: impl Fn(&T, &T) -> bool) -> Vec<(usize, usize)> {
    const MOST_CELLS: usize = 1 << 22;
    let pairs = || a.iter().zip(b);
    let head = pairs().take_while(|(x, y)| same(x, y)).count();
    let most = a.len().min(b.len()) - head;
    let tail = a.iter().rev().zip(b.iter().rev()).take(most).take_while(|(x, y)| same(x, y)).count();
    let middle_a = a.get(head..a.len() - tail).unwrap_or_default();
    let middle_b = b.get(head..b.len() - tail).unwrap_or_default();
    let middle = if middle_a.len().saturating_mul(middle_b.len()) <= MOST_CELLS {
        longest(middle_a, middle_b, same)
    } else {
        forward(middle_a, middle_b, same)
    };
    let mut places: Vec<_> = (0..head).map(|i| (i, i)).collect();
    places.extend(middle.into_iter().map(|(i, j)| (i + head, j + head)));
    places.extend((0..tail).rev().map(|i| (a.len() - 1 - i, b.len() - 1 - i)));
    places
}

/// The longest common subsequence, by dynamic programming.
fn longest<T>(a: &[T], b: &[T], same: impl Fn(&T, &T) -> bool) -> Vec<(usize, usize)> {
    let width = b.len() + 1;
    let mut length = vec![0_u32; (a.len() + 1) * width];
    let at = |lengths: &[u32], i: usize, j: usize| lengths.get(i * width + j).copied().unwrap_or(0);
    for (i, x) in a.iter().enumerate().rev() {
        for (j, y) in b.iter().enumerate().rev() {
            let best = if same(x, y) {
                at(&length, i + 1, j + 1) + 1
            } else {
                at(&length, i + 1, j).max(at(&length, i, j + 1))
            };
            if let Some(cell) = length.get_mut(i * width + j) {
                *cell = best;
            }
        }
    }
    let (mut i, mut j, mut places) = (0, 0, Vec::new());
    while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
        if same(x, y) {
            places.push((i, j));
            (i, j) = (i + 1, j + 1);
        } else if at(&length, i + 1, j) >= at(&length, i, j + 1) {
            i += 1;
        } else {
            j += 1;
        }
    }
    places
}

fn forward<T>(a: &[T], b: &[T], same: impl Fn(&T, &T) -> bool) -> Vec<(usize, usize)> {
    let (mut from, mut places) = (0, Vec::new());
    for (i, x) in a.iter().enumerate() {
        // A bounded look ahead: a long list that has little in common must not cost its square.
        let ahead = b.get(from..).unwrap_or_default().iter().take(1_000).position(|y| same(x, y));
        if let Some(j) = ahead {
            places.push((i, from + j));
            from += j + 1;
        }
    }
    places
}
