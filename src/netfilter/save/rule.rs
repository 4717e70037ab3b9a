//! Reads a rule in the words of iptables-save(8).

use std::borrow::Cow;
use std::cell::OnceCell;
use std::rc::Rc;

use crate::net::{Interface, Mark, Owner, Port, PortRange};
use crate::netfilter::normal::Specification;
use crate::netfilter::quirks::network;
use crate::netfilter::{ConntrackState, IstioChain, Match, Negatable, Protocol, Rule, Target};

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
        ("-s" | "--source", _) => Match::Source(Negatable::new(negated, network(value)?)),
        ("-d" | "--destination", _) => Match::Destination(Negatable::new(negated, network(value)?)),
        ("-i" | "--in-interface", _) => Match::InInterface(Negatable::new(negated, Interface::parse(value).ok()?)),
        ("-o" | "--out-interface", _) => Match::OutInterface(Negatable::new(negated, Interface::parse(value).ok()?)),
        ("--sport" | "--source-port", _) => Match::SourcePort(Negatable::new(negated, PortRange::parse(value).ok()?)),
        ("--dport" | "--destination-port", _) => {
            Match::DestinationPort(Negatable::new(negated, PortRange::parse(value).ok()?))
        }
        ("--dports" | "--destination-ports", "multiport") => {
            let ports: Option<Vec<_>> = value.split(',').map(|p| PortRange::parse(p).ok()).collect();
            Match::DestinationPorts(Negatable::new(negated, ports?))
        }
        ("--uid-owner", _) => Match::OwnerUid(Negatable::new(negated, Owner::parse(value).ok()?)),
        ("--gid-owner", _) => Match::OwnerGid(Negatable::new(negated, Owner::parse(value).ok()?)),
        ("--mark", "mark") => Match::Mark(Negatable::new(negated, mark(value)?)),
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
