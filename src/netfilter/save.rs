//! Reads the text of iptables-save(8).

use std::borrow::Cow;
use std::cell::OnceCell;
use std::rc::Rc;

use super::normal::Specification;
use super::quirks::{is_called, network};
use super::{Chain, ConntrackState, Hook, IstioChain, Match, Negatable, Protocol, Rule, Table, Target};
use crate::net::{Interface, Mark, Owner, Port, PortRange};

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

/// A rule as it was saved, or as it is planned to be. Its meaning is worked out on demand: of
/// ten thousand rules, most are never asked for it.
#[derive(Clone, Debug)]
pub struct SavedRule(Rc<Inner>);

#[derive(Debug)]
struct Inner {
    /// The rule if it is planned; else there is a text.
    planned: Option<Rule>,
    text: OnceCell<String>,
    meaning: OnceCell<Option<Specification>>,
}

/// Rules are equal if they do the same, however they are written; those that the model cannot express, if they are
/// written the same.
impl PartialEq for SavedRule {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
            || self.text() == other.text()
            || (self.meaning().is_some() && self.meaning() == other.meaning())
    }
}

impl Eq for SavedRule {}

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

impl SavedRule {
    /// A rule in the words of iptables-save: conditions and target, without `-A CHAIN`.
    pub fn parse(text: &str) -> Self {
        Self(Rc::new(Inner { planned: None, text: OnceCell::from(text.to_owned()), meaning: OnceCell::new() }))
    }

    /// A rule that is planned, with users and groups by number.
    pub fn planned(rule: &Rule) -> Self {
        let planned = Some(rule.clone().by_number());
        Self(Rc::new(Inner { planned, text: OnceCell::new(), meaning: OnceCell::new() }))
    }

    /// Conditions and target, without `-A CHAIN`: what deletes the rule, or brings it back.
    pub fn text(&self) -> &str {
        let written = || self.0.planned.as_ref().map(|rule| rule.specification().to_string()).unwrap_or_default();
        self.0.text.get_or_init(written)
    }

    /// Its meaning; `None` if the model cannot express it.
    pub fn meaning(&self) -> Option<&Specification> {
        let meaning = || match &self.0.planned {
            Some(rule) => Some(Specification::from(rule)),
            None => words(self.text()).and_then(|words| match read(&words) {
                // The author of a comment may look for it: the rule is not the same without it.
                (matches, RuleEnd::Target(target)) if !words.iter().any(|w| w == "--comment") => {
                    Some(Specification::new(matches, target))
                }
                (_, RuleEnd::Target(_) | RuleEnd::Nothing | RuleEnd::Unknown) => None,
            }),
        };
        self.0.meaning.get_or_init(meaning).as_ref()
    }

    /// The conditions, up to the first that the model cannot express, and what the rule does.
    pub fn known(&self) -> (Vec<Match>, RuleEnd) {
        words(self.text()).map_or((Vec::new(), RuleEnd::Unknown), |words| read(&words))
    }

    /// The chain it continues in, unless that is one of the kernel's targets.
    pub fn jump(&self) -> Option<Cow<'_, str>> {
        match &self.0.planned {
            Some(rule) => rule.target.jump().map(|chain| Cow::Borrowed(chain.name())),
            None => {
                let mut words = words(self.text())?.into_iter();
                loop {
                    match words.next()?.as_ref() {
                        "-j" | "-g" | "--jump" | "--goto" => return words.next(),
                        // A comment may look like an option: without a space in it, it is unquoted.
                        "--comment" => drop(words.next()),
                        _ => {}
                    }
                }
            }
        }
    }

    /// Whether the rule leads to a managed chain.
    pub fn jumps_to_managed(&self) -> bool {
        let may = self.0.planned.is_some() || self.text().contains(IstioChain::PREFIX);
        may && self.jump().is_some_and(|j| j.starts_with(IstioChain::PREFIX))
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

/// The words of a line; quotes and backslashes as iptables-save writes them. `None` if a quote does not
/// end.
fn words(text: &str) -> Option<Vec<Cow<'_, str>>> {
    if !text.contains('"') {
        let mut words = Vec::with_capacity(24);
        words.extend(text.split_ascii_whitespace().map(Cow::Borrowed));
        return Some(words);
    }
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quoted = false;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            '\\' if quoted => word.get_or_insert_default().push(chars.next()?),
            c if c.is_ascii_whitespace() && !quoted => words.extend(word.take().map(Cow::Owned)),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word.map(Cow::Owned));
    (!quoted).then_some(words)
}

/// What a rule does with a packet for which its conditions hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleEnd {
    /// This; all conditions are known.
    Target(Target),
    /// Nothing that the packet would notice.
    Nothing,
    /// A rule, or its conditions, that the model cannot express.
    Unknown,
}

/// The conditions, up to the first that the model cannot express, and what comes of them.
fn read(words: &[Cow<'_, str>]) -> (Vec<Match>, RuleEnd) {
    let mut matches = Vec::new();
    let end = end(&mut words.iter().map(AsRef::as_ref), &mut matches).unwrap_or(RuleEnd::Unknown);
    (matches, end)
}

fn end(words: &mut dyn Iterator<Item = &str>, matches: &mut Vec<Match>) -> Option<RuleEnd> {
    let mut module = "";
    while let Some(word) = words.next() {
        let (negated, word) = if word == "!" { (true, words.next()?) } else { (false, word) };
        match word {
            "-m" | "--match" if !negated => module = words.next()?,
            "--comment" if !negated => drop(words.next()),
            "-j" | "--jump" if !negated => {
                return match words.next()? {
                    "LOG" | "NFLOG" | "TRACE" | "AUDIT" => Some(RuleEnd::Nothing),
                    name => target(name, &words.collect::<Vec<_>>()).map(RuleEnd::Target),
                };
            }
            option => matches.push(condition(option, module, words.next()?, negated)?),
        }
    }
    Some(RuleEnd::Nothing)
}

fn condition(option: &str, module: &str, value: &str, negated: bool) -> Option<Match> {
    let condition = match (option, module) {
        ("-s" | "--source", _) => Match::Source(negatable(negated, network(value)?)),
        ("-d" | "--destination", _) => Match::Destination(negatable(negated, network(value)?)),
        ("-i" | "--in-interface", _) => Match::InInterface(negatable(negated, Interface::parse(value).ok()?)),
        ("-o" | "--out-interface", _) => Match::OutInterface(negatable(negated, Interface::parse(value).ok()?)),
        ("--sport" | "--source-port", _) => Match::SourcePort(negatable(negated, PortRange::parse(value).ok()?)),
        ("--dport" | "--destination-port", _) => {
            Match::DestinationPort(negatable(negated, PortRange::parse(value).ok()?))
        }
        ("--dports" | "--destination-ports", "multiport") => {
            let ports: Option<Vec<_>> = value.split(',').map(|p| PortRange::parse(p).ok()).collect();
            Match::DestinationPorts(negatable(negated, ports?))
        }
        ("--uid-owner", _) => Match::OwnerUid(negatable(negated, Owner::parse(value).ok()?)),
        ("--gid-owner", _) => Match::OwnerGid(negatable(negated, Owner::parse(value).ok()?)),
        ("--mark", "mark") => Match::Mark(negatable(negated, mark(value)?)),
        _ if negated => return None,
        ("-p" | "--protocol", _) => Match::Protocol(protocol(value)?),
        ("--mark", "connmark") => Match::ConnectionMark(mark(value)?),
        ("--ctstate", "conntrack") | ("--state", "state") => {
            let state = |name| ConntrackState::ALL.into_iter().find(|s| s.name() == name);
            Match::ConntrackState(value.split(',').map(state).collect::<Option<_>>()?)
        }
        _ => return None,
    };
    Some(condition)
}

fn target(name: &str, options: &[&str]) -> Option<Target> {
    let target = match (name, options) {
        ("RETURN", []) => Target::Return,
        ("ACCEPT", []) => Target::Accept,
        ("DROP", []) => Target::Drop,
        ("REDIRECT", ["--to-ports" | "--to-port", port]) => Target::Redirect(Port::parse(port).ok()?),
        ("TPROXY", options) => tproxy(options)?,
        ("MARK", ["--set-xmark" | "--set-mark", value]) => Target::SetMark(mark(value)?),
        ("CONNMARK", ["--save-mark", masks @ ..]) => whole(masks).then_some(Target::SaveMark)?,
        ("CONNMARK", ["--restore-mark", masks @ ..]) => whole(masks).then_some(Target::RestoreMark)?,
        ("CT", ["--zone", zone]) => Target::ConntrackZone(zone.parse().ok()?),
        (chain, []) => Target::Jump(IstioChain::named(chain)?),
        _ => return None,
    };
    Some(target)
}

fn tproxy(options: &[&str]) -> Option<Target> {
    let (mut port, mut value) = (None, None);
    for option in options.chunks(2) {
        match option {
            ["--on-port", number] => port = Port::parse(number).ok(),
            ["--on-ip", "0.0.0.0" | "::"] => {}
            ["--tproxy-mark", number] => value = mark(number),
            _ => return None,
        }
    }
    Some(Target::Tproxy { port: port?, mark: value? })
}

/// Whether masks of CONNMARK leave no bit out.
fn whole(masks: &[&str]) -> bool {
    masks.chunks(2).all(|m| matches!(m, ["--nfmask" | "--ctmask" | "--mask", "0xffffffff"]))
}

/// A mark, with or without a mask that leaves no bit out.
fn mark(value: &str) -> Option<Mark> {
    Mark::parse(value.strip_suffix("/0xffffffff").unwrap_or(value)).ok()
}

fn protocol(value: &str) -> Option<Protocol> {
    match value {
        "tcp" | "6" => Some(Protocol::Tcp),
        "udp" | "17" => Some(Protocol::Udp),
        _ => None,
    }
}

fn negatable<T>(negated: bool, value: T) -> Negatable<T> {
    if negated { Negatable::Not(value) } else { Negatable::Is(value) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netfilter::Table;

    fn meaning_of(text: &str) -> Option<Specification> {
        SavedRule::parse(text).meaning().cloned()
    }

    /// What the planner writes, and what iptables-save of 1.8.9 makes of it.
    #[test]
    fn written_and_saved_mean_the_same() {
        for (written, saved) in [
            ("-p tcp --dport 15008 -j RETURN", "-p tcp -m tcp --dport 15008 -j RETURN"),
            ("-p tcp --dport 80:90 -j RETURN", "-p tcp -m tcp --dport 80:90 -j RETURN"),
            ("-p tcp --dport 0:65535 -j RETURN", "-p tcp -m tcp -j RETURN"),
            ("-p udp --dport 53 -j REDIRECT --to-port 15053", "-p udp -m udp --dport 53 -j REDIRECT --to-ports 15053"),
            (
                "-o lo ! -d 127.0.0.1/32 -p tcp ! --dport 15008 -m owner --uid-owner 1337 -j ISTIO_IN_REDIRECT",
                "! -d 127.0.0.1/32 -o lo -p tcp -m tcp ! --dport 15008 -m owner --uid-owner 1337 -j ISTIO_IN_REDIRECT",
            ),
            (
                "-o lo -p tcp -m multiport ! --dports 53,15008 -j ISTIO_IN_REDIRECT",
                "-o lo -p tcp -m multiport ! --dports 53,15008 -j ISTIO_IN_REDIRECT",
            ),
            ("-d 10.1.2.3/8 -j ISTIO_REDIRECT", "-d 10.0.0.0/8 -j ISTIO_REDIRECT"),
            ("-d 0.0.0.0/0 -j ISTIO_REDIRECT", "-j ISTIO_REDIRECT"),
            ("-d ::/0 -j ISTIO_REDIRECT", "-j ISTIO_REDIRECT"),
            ("-d 10.0.0.1/32 -j RETURN", "-d 10.0.0.1 -j RETURN"),
            ("-i + -j RETURN", "-j RETURN"),
            ("-j MARK --set-mark 1337", "-j MARK --set-xmark 0x539/0xffffffff"),
            ("-j CONNMARK --save-mark", "-j CONNMARK --save-mark --nfmask 0xffffffff --ctmask 0xffffffff"),
            ("-j CONNMARK --restore-mark", "-j CONNMARK --restore-mark --nfmask 0xffffffff --ctmask 0xffffffff"),
            ("-p tcp -m mark ! --mark 1338 -j RETURN", "-p tcp -m mark ! --mark 0x53a -j RETURN"),
            ("-p tcp -m connmark --mark 1337 -j RETURN", "-p tcp -m connmark --mark 0x539 -j RETURN"),
            (
                "! -d 127.0.0.1/32 -p tcp -j TPROXY --tproxy-mark 1337/0xffffffff --on-port 15006",
                "! -d 127.0.0.1/32 -p tcp -j TPROXY --on-port 15006 --on-ip 0.0.0.0 --tproxy-mark 0x539/0xffffffff",
            ),
            (
                "! -d ::1/128 -p tcp -j TPROXY --tproxy-mark 1337/0xffffffff --on-port 15006",
                "! -d ::1/128 -p tcp -j TPROXY --on-port 15006 --on-ip :: --tproxy-mark 0x539/0xffffffff",
            ),
            (
                "-m conntrack --ctstate RELATED,ESTABLISHED -j ISTIO_DIVERT",
                "-m conntrack --ctstate ESTABLISHED,RELATED -j ISTIO_DIVERT",
            ),
            (
                "-m owner ! --gid-owner 1 -m owner ! --gid-owner 2 -j RETURN",
                "-m owner ! --gid-owner 1 -m owner ! --gid-owner 2 -j RETURN",
            ),
            ("-p udp --dport 53 -j CT --zone 1", "-p udp -m udp --dport 53 -j CT --zone 1"),
        ] {
            let (written_means, saved_means) = (meaning_of(written), meaning_of(saved));
            assert!(written_means.is_some(), "{written}");
            assert_eq!(written_means, saved_means, "{written} and {saved}");
        }
    }

    #[test]
    fn what_means_something_else_has_no_meaning_or_another() {
        for text in [
            "-j CONNMARK --save-mark --nfmask 0xff --ctmask 0xffffffff",
            "-j MARK --set-xmark 0x539/0xff",
            "-p tcp -m mark --mark 0x539/0xff -j RETURN",
            "-p icmp -j RETURN",
            "! -p tcp -j RETURN",
            "-m comment --comment \"-j ISTIO_OUTPUT\" -j RETURN",
            "-j ISTIO_UNHEARD_OF",
            "-g ISTIO_OUTPUT",
            "-p tcp -j REDIRECT --to-ports 15001-15002",
            "-p tcp -j REDIRECT --to-ports 15001 --random",
            "-j",
            "-p",
            "",
            "\"",
        ] {
            assert_eq!(meaning_of(text), None, "{text}");
        }
        assert_ne!(meaning_of("-d 10.0.0.0/8 -j RETURN"), meaning_of("! -d 10.0.0.0/8 -j RETURN"));
        assert!(SavedRule::parse("-g ISTIO_OUTPUT").jumps_to_managed());
        assert!(SavedRule::parse("-m comment --comment \"a \\\" b\" -j ISTIO_OUTPUT").jumps_to_managed());
        assert!(!SavedRule::parse("-m comment --comment \"-j ISTIO_OUTPUT\" -j RETURN").jumps_to_managed());
        assert!(SavedRule::parse("-m comment --comment -j -j ISTIO_OUTPUT").jumps_to_managed());
        assert!(
            !SavedRule::parse("-m comment --comment -g -m comment --comment ISTIO_OUTPUT -j DROP").jumps_to_managed()
        );
    }

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
}
