//! Rules as they are in force, managed and foreign: those that can be followed, and those among them that
//! cannot.

use std::borrow::Cow;

use super::{Chain, Hook, Match, Ruleset, Scope, Table};

/// Chains whose rules belong together: those of one backend, or one foreign chain of nftables.
#[derive(Clone, Debug, Default)]
pub struct Layer {
    /// Their place, if table and chain alone do not show it.
    pub name: Option<String>,
    /// For a foreign chain of nftables: when the kernel calls it, among the chains of its hook.
    pub priority: Option<i32>,
    /// Whether conditions are those of nf_tables itself, which differ if a packet has no socket.
    pub native: bool,
    /// The rules that can be followed.
    pub rules: Ruleset,
    /// Those among them that cannot.
    pub gaps: Vec<Gap>,
    /// The chains whose policy drops.
    pub drops: Vec<(Scope, Table, Hook)>,
}

/// A rule that cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The families that it is for.
    pub scope: Scope,
    /// Its table.
    pub table: Table,
    /// Its chain.
    pub chain: Chain,
    /// How many of the layer's rules were read before it.
    pub before: usize,
    /// Conditions without which it does nothing: as many as are known.
    pub matches: Vec<Match>,
    /// The rule as it is written; `None` for one that does nothing to a packet, such as LOG.
    pub text: Option<String>,
}

impl From<Ruleset> for Layer {
    fn from(rules: Ruleset) -> Self {
        Self { rules, ..Self::default() }
    }
}

impl Layer {
    /// Whether there is nothing in it that a packet could meet.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty() && self.gaps.is_empty() && self.drops.is_empty()
    }

    /// Whether a managed chain is in it.
    pub fn has_managed(&self) -> bool {
        self.rules.rules().any(|(_, rule)| matches!(rule.chain, Chain::Istio(_)))
    }

    /// Table and chain as a reader finds them.
    pub fn place(&self, table: Table, chain: Chain) -> (Cow<'static, str>, Cow<'static, str>) {
        match (&self.name, self.priority) {
            (Some(name), Some(_)) => {
                let (table, chain) = name.rsplit_once(' ').unwrap_or((name, ""));
                (table.to_owned().into(), chain.to_owned().into())
            }
            (Some(name), None) => (format!("{name} {table}").into(), chain.name().into()),
            (None, _) => (table.name().into(), chain.name().into()),
        }
    }

    /// What cannot be followed, for a reader.
    pub fn add_left_out(&self, lines: &mut Vec<String>) {
        for gap in &self.gaps {
            let Some(text) = &gap.text else { continue };
            let (table, chain) = self.place(gap.table, gap.chain);
            let family = match gap.scope {
                Scope::Only(family) if self.priority.is_none() => format!("{family} "),
                Scope::Only(_) | Scope::Both => String::new(),
            };
            let line = format!("{family}{table} {chain}: {text}");
            if lines.last() != Some(&line) {
                lines.push(line);
            }
        }
    }

    /// Adds a rule that cannot be followed.
    pub fn gap(&mut self, scope: Scope, (table, chain): (Table, Chain), matches: Vec<Match>, text: Option<String>) {
        self.gaps.push(Gap { scope, table, chain, before: self.rules.len(), matches, text });
    }
}
