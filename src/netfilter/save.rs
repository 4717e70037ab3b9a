//! Reads the text of iptables-save(8).

use super::quirks::{is_called, lacks_port};
use super::{Chain, Hook, IstioChain, Table};

mod rule;

pub use rule::{RuleEnd, SavedRule};

/// A table as it was saved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SavedTable {
    /// The chains, in the order in which they were saved.
    pub chains: Vec<SavedChain>,
    /// Whether the kernel calls none of them, which nft(8) can make of a table of iptables-nft.
    pub dormant: bool,
    /// The built-in chains whose policy drops packets.
    pub drops: Vec<Hook>,
}

/// A chain as it was saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedChain {
    /// The name.
    pub name: String,
    /// The rules, in order.
    pub rules: Vec<SavedRule>,
}

/// Text that is not what iptables-save writes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot parse line {line} of its output: {text:?}")]
pub struct SaveError {
    /// The line's number, from 1.
    pub line: usize,
    /// The line.
    pub text: String,
}

impl SavedTable {
    /// Whether the rule for the tunnel port, always the first of its chain in the table nat, has lost the port.
    pub fn lacks_port(&self) -> bool {
        let first = self.chain(IstioChain::Inbound.name()).and_then(|chain| chain.rules.first());
        first.and_then(SavedRule::meaning).is_some_and(lacks_port)
    }

    /// The chain of this name.
    pub fn chain(&self, name: &str) -> Option<&SavedChain> {
        self.chains.iter().find(|c| c.name == name)
    }
}

impl SavedChain {
    /// A chain without rules.
    pub fn empty(name: impl Into<String>) -> Self {
        Self { name: name.into(), rules: Vec::new() }
    }

    /// Whether the chain is managed, by its name.
    pub fn is_managed(&self) -> bool {
        self.name.starts_with(IstioChain::PREFIX)
    }
}

/// Reads the whole text. Tables other than the four that are known (such as `security`) are left out:
/// nothing managed can be there.
///
/// # Errors
/// A line that iptables-save does not write, and text that ends within a table: something is wrong with
/// the program, or its output was cut.
pub fn parse(text: &str) -> Result<Vec<(Table, SavedTable)>, SaveError> {
    let mut tables: Vec<(Table, SavedTable)> = Vec::new();
    let mut current: Option<(Option<Table>, SavedTable)> = None;
    // Chains with the name of a built-in one that nft(8) made, and that the kernel does not call.
    let mut uncalled = Vec::new();
    for (index, line) in lines(text).enumerate() {
        let bad = || SaveError { line: index + 1, text: crate::text::shortened(line) };
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match (line.strip_prefix('*'), current.take()) {
            (Some(name), None) => {
                let table = Table::ALL.into_iter().find(|t| t.name() == name.trim());
                current = Some((table, SavedTable::default()));
                uncalled.clear();
            }
            (None, Some((table, saved))) if line == "COMMIT" => tables.extend(table.map(|t| (t, saved))),
            (None, Some((table, mut saved))) => {
                saved.add(line, &mut uncalled).ok_or_else(bad)?;
                current = Some((table, saved));
            }
            (Some(_), Some(_)) | (None, None) => return Err(bad()),
        }
    }
    match current {
        Some(_) => Err(SaveError { line: text.lines().count(), text: "(the text ends without COMMIT)".to_owned() }),
        None => Ok(tables),
    }
}

/// The lines of a saved text. A line break within quotes, which a comment may have, ends none.
fn lines(mut text: &str) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        let (mut end, mut quoted) = (0, false);
        for part in text.split_inclusive('\n') {
            end += part.len();
            if quoted || part.contains('"') {
                let mut bytes = part.bytes();
                while let Some(byte) = bytes.next() {
                    match byte {
                        b'"' => quoted = !quoted,
                        b'\\' if quoted => drop(bytes.next()),
                        _ => {}
                    }
                }
            }
            if !quoted {
                break;
            }
        }
        let (line, rest) = text.split_at(end);
        text = rest;
        (end > 0).then_some(line)
    })
}

impl SavedTable {
    /// Takes in a line of a table: a chain or a rule.
    fn add<'a>(&mut self, line: &'a str, uncalled: &mut Vec<&'a str>) -> Option<()> {
        if let Some(chain) = line.strip_prefix(':') {
            let mut words = chain.split_ascii_whitespace();
            let name = words.next()?;
            match (Chain::named(name), words.next()) {
                (Some(Chain::Builtin(_)), policy) if !is_called(policy) => {
                    uncalled.push(name);
                    return Some(());
                }
                (Some(Chain::Builtin(hook)), Some("DROP")) => self.drops.push(hook),
                _ => {}
            }
            self.chains.push(SavedChain::empty(name));
            return Some(());
        }
        // Counters come before the rule if they were asked for.
        let line = match line.strip_prefix('[') {
            Some(rest) => rest.split_once("] ")?.1,
            None => line,
        };
        let rest = line.strip_prefix("-A ")?;
        let (name, text) = rest.split_once(' ').unwrap_or((rest, ""));
        if uncalled.contains(&name) {
            return Some(());
        }
        let chain = self.chains.iter_mut().find(|c| c.name == name)?;
        chain.rules.push(SavedRule::parse(text.trim()));
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables() {
        let text = "# Generated\n*nat\n:PREROUTING ACCEPT [0:0]\n:ISTIO_OUTPUT - [0:0]\n-A ISTIO_OUTPUT -j RETURN\n\
            [1:60] -A PREROUTING -i eth0 -j ISTIO_OUTPUT\nCOMMIT\n# Completed\n*security\n:INPUT ACCEPT [0:0]\nCOMMIT\n";
        let tables = parse(text).unwrap();
        assert_eq!(tables.len(), 1);
        assert_eq!(tables[0].0, Table::Nat);
        assert_eq!(tables[0].1.chain("PREROUTING").unwrap().rules[0].text(), "-i eth0 -j ISTIO_OUTPUT");
        assert!(parse("").unwrap().is_empty());
    }

    /// What is in a comment is no rule, whatever it looks like.
    #[test]
    fn a_line_break_within_quotes_ends_no_rule() {
        let forged = "-m comment --comment \"a \\\" b\n-A OUTPUT -j ISTIO_OUTPUT\nCOMMIT\n*nat\" -j ACCEPT";
        let text = format!("*nat\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT {forged}\n-A OUTPUT -j DROP\nCOMMIT\n");
        let tables = parse(&text).unwrap();
        let texts: Vec<_> = tables[0].1.chain("OUTPUT").unwrap().rules.iter().map(SavedRule::text).collect();
        assert_eq!(texts, [forged, "-j DROP"]);
    }

    /// nft(8) can make a chain of that name which the kernel does not call. iptables-nft-save prints both.
    #[test]
    fn a_chain_that_the_kernel_does_not_call_is_no_built_in_one() {
        let text = "*nat\n:PREROUTING ACCEPT [0:0]\n:PREROUTING - [0:0]\n-A PREROUTING -j ACCEPT\nCOMMIT\n\
            *raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -j ACCEPT\nCOMMIT\n";
        let rules: Vec<_> =
            parse(text).unwrap().iter().map(|(_, t)| (t.chains.len(), t.chains[0].rules.len())).collect();
        assert_eq!(rules, [(1, 0), (1, 1)]);
    }

    #[test]
    fn what_is_cut_or_garbage_is_an_error() {
        for text in [
            "*nat\n:A - [0:0]\n-A A -m comment --comment \"a\nCOMMIT\n",
            "*nat\n:A - [0:0]\n",
            "*nat\n-A A -j RETURN\nCOMMIT\n",
            "COMMIT\n",
            "*nat\n*raw\nCOMMIT\n",
            "hello\n",
            "*nat\n-X\nCOMMIT",
        ] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn only_the_first_rule_of_the_chain_shows_that_the_port_is_lost() {
        for (rules, lacks) in [
            ("-A ISTIO_INBOUND -p tcp -j RETURN\n", true),
            ("-A ISTIO_INBOUND -p tcp -m tcp --dport 15008 -j RETURN\n-A ISTIO_INBOUND -p tcp -j RETURN\n", false),
            ("-A ISTIO_INBOUND -j RETURN\n", false),
            ("-A PREROUTING -p tcp -j RETURN\n", false),
            ("", false),
        ] {
            let text = format!("*nat\n:PREROUTING ACCEPT [0:0]\n:ISTIO_INBOUND - [0:0]\n{rules}COMMIT\n");
            let tables = parse(&text).unwrap();
            let (_, nat) = tables.iter().find(|(table, _)| *table == Table::Nat).unwrap();
            assert_eq!(nat.lacks_port(), lacks, "{rules}");
        }
    }
}
