//! Rules as a flow chart in Mermaid's syntax (<https://mermaid.js.org/syntax/flowchart.html>), which GitHub
//! shows as a picture; with a packet's way drawn in if there is a trace.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::{self, Write};

use super::chains::{Chains, ORDER, RuleAt};
use super::trace::{RuleOutcome, Step, Trace};
use super::verdict::Verdict;
use crate::net::Family;
use crate::netfilter::{Chain, Hook, Layer, Table};

/// How many rules of a chain are drawn, unless a packet's way goes through more.
const MOST_DRAWN: usize = 40;

/// Lines are broken here, between options: mermaid would break them at any `-`. The ones of rules are wider
/// than its boxes would be.
const SETTINGS: &str = "%%{init: {\"flowchart\": {\"wrappingWidth\": 600}}}%%\n";

/// The chart of one family's rules.
pub fn chart(layer: &Layer, family: Family, trace: Option<&Trace>) -> String {
    let chains = Chains::of(layer, family);
    let mut chart = Chart { text: format!("{SETTINGS}flowchart TB\n"), edges: 0, met: BTreeMap::new(), trace };
    for step in trace.iter().flat_map(|t| &t.steps) {
        if let Step::Rule { at, outcome, .. } = step
            && !elsewhere(at)
        {
            let key = (at.rule.table, at.rule.chain, at.number);
            *chart.met.entry(key).or_default() |= outcome.matched();
        }
    }
    for (table, chain) in chains.all() {
        chart.chain(&chains, table, chain);
    }
    chart.order(&chains);
    chart.jumps(&chains);
    chart.way();
    chart.text
}

struct Chart<'a> {
    text: String,
    /// How many edges there are: styles name them by number.
    edges: usize,
    /// The rules that the packet met, and whether they matched.
    met: BTreeMap<(Table, Chain, usize), bool>,
    trace: Option<&'a Trace>,
}

impl Chart<'_> {
    /// A chain as a box, with its rules one below the other.
    fn chain(&mut self, chains: &Chains<'_>, table: Table, chain: Chain) {
        let _ = writeln!(self.text, "  subgraph {}[\"{table} {chain}\"]", id(table, chain));
        let _ = writeln!(self.text, "    direction TB");
        let rules = chains.rules(table, chain);
        let last = rules.len();
        let mut before: Option<String> = None;
        let mut left_out = 0;
        for (index, rule) in rules.iter().enumerate() {
            let number = chains.number(table, chain, index);
            let met = self.met.get(&(table, chain, number)).copied();
            // A long list is the same rule again and again.
            if index >= MOST_DRAWN && index + 1 < last && met != Some(true) {
                left_out += 1;
                continue;
            }
            if left_out > 0 {
                let dots = format!("{}_to_{number}", id(table, chain));
                let _ = writeln!(self.text, "    {dots}[\"{left_out} more\"]");
                self.link(&mut before, dots);
                left_out = 0;
            }
            let name = node(table, chain, number);
            let class = match met {
                Some(true) => ":::hit",
                Some(false) => ":::miss",
                None => "",
            };
            let _ =
                writeln!(self.text, "    {name}[\"{number}: {}\"]{class}", broken(&rule.specification().to_string()));
            self.link(&mut before, name);
        }
        self.text.push_str("  end\n");
    }

    fn link(&mut self, before: &mut Option<String>, node: String) {
        if let Some(before) = before.as_deref() {
            self.edge(format_args!("    {before} --> {node}"));
        }
        *before = Some(node);
    }

    fn edge(&mut self, edge: fmt::Arguments<'_>) {
        let _ = writeln!(self.text, "{edge}");
        self.edges += 1;
    }

    /// A part of the packet's way, with what the rule before did.
    fn step(&mut self, before: &str, effect: &str, node: &str) {
        let label = if effect.is_empty() { String::new() } else { format!("|\"{}\"|", escaped(effect)) };
        self.edge(format_args!("  {before} ==>{label} {node}"));
    }

    /// From table to table of each hook, as the kernel calls them.
    fn order(&mut self, chains: &Chains<'_>) {
        let entry = |hook| match hook {
            Hook::Output => Some(("sent", "sent by a process in the pod")),
            Hook::Prerouting => Some(("arrives", "arrives at an interface")),
            Hook::Input | Hook::Forward | Hook::Postrouting => None,
        };
        for hook in Hook::ALL {
            let mut tables = ORDER.into_iter().filter(|t| !chains.rules(*t, hook).is_empty()).peekable();
            let mut before = entry(hook).filter(|_| tables.peek().is_some()).map(|(name, text)| {
                let _ = writeln!(self.text, "  {name}([\"{text}\"])");
                name.to_owned()
            });
            for table in tables {
                let to = id(table, hook.into());
                if let Some(before) = before {
                    self.edge(format_args!("  {before} --> {to}"));
                }
                before = Some(to);
            }
        }
    }

    /// From rules to the chains that they jump to.
    fn jumps(&mut self, chains: &Chains<'_>) {
        for (table, chain) in chains.all() {
            for (index, rule) in chains.rules(table, chain).iter().enumerate() {
                let number = chains.number(table, chain, index);
                let drawn = index < MOST_DRAWN
                    || index + 1 == chains.rules(table, chain).len()
                    || self.met.get(&(table, chain, number)) == Some(&true);
                if let Some(to) = rule.target.jump().filter(|to| drawn && !chains.rules(table, *to).is_empty()) {
                    self.edge(format_args!("  {} -.-> {}", node(table, chain, number), id(table, to.into())));
                }
            }
        }
    }

    /// The packet, the rules that matched, and what became of it.
    fn way(&mut self) {
        let Some(trace) = self.trace else { return };
        let _ = writeln!(self.text, "  packet([\"{}\"]):::packet", broken(&trace.packet.to_string()));
        let first = self.edges;
        let mut before = "packet".to_owned();
        let mut effect_before = String::new();
        for step in &trace.steps {
            match step {
                Step::Rule { at, outcome: RuleOutcome::Matched(effect), .. } => {
                    let mut name = node(at.rule.table, at.rule.chain, at.number);
                    if elsewhere(at) {
                        name = format!("elsewhere_{}", self.edges);
                        let _ = writeln!(self.text, "  {name}[\"{}\"]:::hit", broken(&at.to_string()));
                    }
                    self.step(&before, &effect_before, &name);
                    before = name;
                    effect_before = effect.to_string();
                }
                Step::Looped => "over lo".clone_into(&mut effect_before),
                Step::Rule { .. }
                | Step::Hook { .. }
                | Step::Table { .. }
                | Step::Gap { .. }
                | Step::End { .. }
                | Step::Rerouted { .. } => {}
            }
        }
        let end = match &trace.verdict {
            Verdict::NotCaptured { to, .. } | Verdict::FollowsConnection { to, .. } => {
                format!("{}: to {to}", trace.verdict.brief())
            }
            Verdict::Captured { .. }
            | Verdict::NotRouted { .. }
            | Verdict::Dropped { .. }
            | Verdict::NotCertain { .. } => trace.verdict.brief(),
        };
        let _ = writeln!(self.text, "  verdict([\"{}\"]):::packet", escaped(&end));
        self.step(&before, &effect_before, "verdict");
        let way: Vec<_> = (first..self.edges).map(|n| n.to_string()).collect();
        let _ = writeln!(self.text, "  linkStyle {} stroke:#d9480f,stroke-width:3px", way.join(","));
        self.text.push_str("  classDef hit fill:#ffe8cc,stroke:#d9480f,color:#000\n");
        self.text.push_str("  classDef miss fill:#f1f3f5,stroke:#adb5bd,color:#868e96\n");
        self.text.push_str("  classDef packet fill:#d9480f,stroke:#d9480f,color:#fff\n");
    }
}

/// Whether a rule is in none of the chains that are drawn, which are those of the first layer.
fn elsewhere(at: &RuleAt) -> bool {
    matches!(at.table, Cow::Owned(_))
}

fn id(table: Table, chain: Chain) -> String {
    format!("{table}_{chain}")
}

fn node(table: Table, chain: Chain, number: usize) -> String {
    format!("{table}_{chain}_{number}")
}

/// A rule or a packet in several lines, broken before an option, or before a word of a packet.
fn broken(text: &str) -> String {
    const WIDEST: usize = 36;
    let mut lines: Vec<String> = Vec::new();
    let mut before = "";
    for word in text.split(' ') {
        // An option belongs to the `!` before it, and what is no option to the option before it.
        let option = word.starts_with('-') && before != "!" || word == "!" || word.contains('=');
        let fits = |line: &String| line.len() + word.len() < WIDEST && word != "-j" || !option;
        match lines.last_mut().filter(|line| fits(line)) {
            Some(line) => {
                line.push(' ');
                line.push_str(word);
            }
            None => lines.push(word.to_owned()),
        }
        before = word;
    }
    lines.iter().map(|line| escaped(line)).collect::<Vec<_>>().join("<br>")
}

/// Text within quotes: Mermaid takes entities, without their `&`.
fn escaped(text: &str) -> String {
    text.replace('#', "#35;").replace('"', "#quot;").replace('<', "#lt;").replace('>', "#gt;")
}
