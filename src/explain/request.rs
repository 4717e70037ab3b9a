//! The words that describe a packet: `out tcp uid=1000 to=10.0.0.5:443`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::packet::{APPLICATION, Direction, PacketProtocol, Sender};
use crate::net::{Family, Interface};
use crate::netfilter::ConntrackState;
use crate::text::shortened;

/// What was given about one end; the rest follows from the pod.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GivenEnd {
    /// The address.
    pub address: Option<IpAddr>,
    /// The port.
    pub port: Option<u16>,
}

/// Who sends the packet, as far as it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum User {
    Nobody,
    Id(u32),
}

/// A packet as it was described, with what was left open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Which way it goes.
    pub direction: Direction,
    /// Its protocol.
    pub transport: PacketProtocol,
    user: Option<User>,
    group: Option<u32>,
    /// Its source.
    pub from: GivenEnd,
    /// Its destination.
    pub to: GivenEnd,
    /// The interface that it comes in or goes out by.
    pub interface: Option<Interface>,
    /// What conntrack makes of it.
    pub state: Option<ConntrackState>,
    /// Its mark.
    pub mark: Option<u32>,
    /// Its connection's mark.
    pub connection_mark: Option<u32>,
}

/// What is wrong with the description of a packet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WordError {
    /// An unknown word.
    #[error("unknown word {word:?}{}: {ALLOWED}", did_you_mean(.similar))]
    Unknown {
        /// The word.
        word: String,
        /// The one that is spelled most like it.
        similar: Option<&'static str>,
    },
    /// A value that is not allowed.
    #[error("{key}= cannot be {value:?}{}: give {allowed}", did_you_mean(.similar))]
    Value {
        /// The word before the `=`.
        key: &'static str,
        /// The value.
        value: String,
        /// What is allowed.
        allowed: &'static str,
        /// The allowed value that is spelled most like it.
        similar: Option<&'static str>,
    },
    /// A word that must be there.
    #[error("the packet has no {what}: {allowed}, as in {EXAMPLE}")]
    Missing {
        /// What is missing.
        what: &'static str,
        /// What is allowed.
        allowed: &'static str,
    },
    /// Two words for the same thing.
    #[error("{word:?} conflicts with {before:?}; give only one")]
    Twice {
        /// The second.
        word: String,
        /// The first.
        before: String,
    },
    /// A sender of a packet that comes in.
    #[error("{word:?} is only for outgoing packets: the sender of an incoming packet is unknown here")]
    OnlyOut {
        /// The word.
        word: &'static str,
    },
    /// Addresses of both families.
    #[error("from={from} and to={to} are of different address families: give both in IPv4 or both in IPv6")]
    TwoFamilies {
        /// The source.
        from: IpAddr,
        /// The destination.
        to: IpAddr,
    },
    /// The pod has no address to use as the default.
    #[error("the pod has no {family} address to use as the default: give from= or to= with an address")]
    NoPodAddress {
        /// The family.
        family: Family,
    },
    /// A packet that goes nowhere.
    #[error("an outgoing packet needs a destination: to=ADDRESS:PORT, as in {EXAMPLE}")]
    NoDestination,
}

/// What a packet's description may hold.
pub const ALLOWED: &str = "give in or out; tcp, udp or icmp; to=ADDRESS:PORT; and optionally from=ADDRESS:PORT, \
    uid=, gid=, iface=, state=, mark= and connmark=";

/// A valid description.
pub const EXAMPLE: &str = "'out tcp uid=1000 to=10.0.0.5:443' or 'in udp from=10.1.2.3 to=:53 iface=eth0'";

const WORDS: [&str; 5] = ["in", "out", "tcp", "udp", "icmp"];
const KEYS: [&str; 8] = ["uid", "gid", "from", "to", "iface", "state", "mark", "connmark"];
const STATES: [&str; 5] = ["new", "established", "related", "invalid", "untracked"];
const PORT: &str = "to=ADDRESS:PORT or to=:PORT";

fn did_you_mean(similar: &Option<&'static str>) -> String {
    similar.map(|s| format!(" (did you mean {s}?)")).unwrap_or_default()
}

/// The words so far.
struct PacketReader {
    /// What they describe; its direction and protocol count once they were seen.
    request: Request,
    seen: Vec<(&'static str, String)>,
    errors: Vec<WordError>,
}

impl Request {
    /// Reads a description: words in any order, one or more in each text.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn parse<S: AsRef<str>>(texts: impl IntoIterator<Item = S>) -> Result<Self, Vec<WordError>> {
        let request = Self {
            direction: Direction::Out,
            transport: PacketProtocol::Tcp,
            user: None,
            group: None,
            from: GivenEnd::default(),
            to: GivenEnd::default(),
            interface: None,
            state: None,
            mark: None,
            connection_mark: None,
        };
        let mut reader = PacketReader { request, seen: Vec::new(), errors: Vec::new() };
        for text in texts {
            for word in text.as_ref().split_ascii_whitespace() {
                reader.word(word);
            }
        }
        reader.finish()
    }

    /// Who sends the packet: an application by default; no process for incoming packets. A group
    /// that was not given has the number of the user, as the proxy's has.
    pub fn sender(&self) -> Option<Sender> {
        match (self.direction, self.user) {
            (Direction::In, _) | (Direction::Out, Some(User::Nobody)) => None,
            (Direction::Out, Some(User::Id(uid))) => Some(Sender { uid, gid: self.group.unwrap_or(uid) }),
            (Direction::Out, None) => Some(Sender { uid: APPLICATION, gid: self.group.unwrap_or(APPLICATION) }),
        }
    }
}

impl PacketReader {
    fn word(&mut self, word: &str) {
        let key = match word.split_once('=') {
            Some((key, value)) => match KEYS.into_iter().find(|k| *k == key) {
                Some(key) => {
                    if self.first(key, word) {
                        self.value(key, value);
                    }
                    return;
                }
                None => key,
            },
            None => match word {
                "in" => return self.set_direction(Direction::In),
                "out" => return self.set_direction(Direction::Out),
                "tcp" => return self.set_transport(PacketProtocol::Tcp),
                "udp" => return self.set_transport(PacketProtocol::Udp),
                "icmp" => return self.set_transport(PacketProtocol::Icmp),
                word => word,
            },
        };
        let with_equals = ["uid=", "gid=", "from=", "to=", "iface=", "state=", "mark=", "connmark="];
        let near_key = nearest(key, &KEYS).and_then(|k| with_equals.into_iter().find(|w| w.trim_end_matches('=') == k));
        let similar = synonym(key).or(near_key.filter(|_| word.contains('='))).or(nearest(key, &WORDS)).or(near_key);
        self.errors.push(WordError::Unknown { word: shortened(word), similar });
    }

    /// Notes that something was given; an error if it was given before.
    fn first(&mut self, what: &'static str, word: &str) -> bool {
        if let Some((_, before)) = self.seen.iter().find(|(w, _)| *w == what) {
            self.errors.push(WordError::Twice { word: shortened(word), before: before.clone() });
            return false;
        }
        self.seen.push((what, shortened(word)));
        true
    }

    fn set_direction(&mut self, direction: Direction) {
        if self.first("direction", direction.word()) {
            self.request.direction = direction;
        }
    }

    fn set_transport(&mut self, transport: PacketProtocol) {
        if self.first("protocol", transport.word()) {
            self.request.transport = transport;
        }
    }

    fn has(&self, what: &str) -> bool {
        self.seen.iter().any(|(seen, _)| *seen == what)
    }

    fn value(&mut self, key: &'static str, value: &str) {
        const MARK: &str = "a number from 0 to 4294967295, decimal or hexadecimal with 0x";
        const END: &str = "ADDRESS, ADDRESS:PORT, [IPV6-ADDRESS]:PORT or :PORT; names are not looked up";
        let request = &mut self.request;
        let (read, allowed) = match key {
            "uid" => (
                user(value).map(|user| request.user = Some(user)),
                "a number from 0 to 4294967294, or none for packets that the kernel itself sends",
            ),
            "gid" => (id(value).map(|gid| request.group = Some(gid)), "a number from 0 to 4294967294"),
            "from" => (end(value).map(|end| request.from = end), END),
            "to" => {
                let end = end(value);
                // A wrong port is not a missing one.
                request.to = end.unwrap_or(GivenEnd { address: None, port: Some(0) });
                (end.map(drop), END)
            }
            "iface" => (
                interface(value).map(|interface| request.interface = Some(interface)),
                "the name of one interface, 1 to 15 characters, such as eth0 or lo",
            ),
            "state" => (
                state(value).map(|state| request.state = Some(state)),
                "new, established, related, invalid or untracked",
            ),
            "mark" => (mark(value).map(|mark| request.mark = Some(mark)), MARK),
            _ => (mark(value).map(|mark| request.connection_mark = Some(mark)), MARK),
        };
        if read.is_some() {
            return;
        }
        let similar = if key == "state" { nearest(value, &STATES) } else { None };
        self.errors.push(WordError::Value { key, value: shortened(value), allowed, similar });
    }

    fn finish(mut self) -> Result<Request, Vec<WordError>> {
        let Request { direction, transport, user, group, to, .. } = self.request;
        if !self.has("direction") {
            let allowed = "give in (it arrives at the pod) or out (a process in the pod sends it)";
            self.errors.push(WordError::Missing { what: "direction", allowed });
        }
        if !self.has("protocol") {
            self.errors.push(WordError::Missing { what: "protocol", allowed: "give tcp, udp or icmp" });
        } else if transport.has_ports() && to.port.is_none() {
            self.errors.push(WordError::Missing { what: "destination port", allowed: PORT });
        }
        if direction == Direction::In {
            for (word, said) in [("uid=", user.is_some()), ("gid=", group.is_some())] {
                if said {
                    self.errors.push(WordError::OnlyOut { word });
                }
            }
        }
        if self.errors.is_empty() { Ok(self.request) } else { Err(self.errors) }
    }
}

fn user(text: &str) -> Option<User> {
    if text == "none" { Some(User::Nobody) } else { id(text).map(User::Id) }
}

/// One interface.
fn interface(text: &str) -> Option<Interface> {
    Interface::parse(text).ok().filter(|_| !text.ends_with('+'))
}

fn state(text: &str) -> Option<ConntrackState> {
    ConntrackState::ALL.into_iter().find(|state| state.name().eq_ignore_ascii_case(text))
}

fn id(text: &str) -> Option<u32> {
    digits(text)?.parse().ok().filter(|&id| id != u32::MAX)
}

fn mark(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some(hex) if hex.bytes().all(|b| b.is_ascii_hexdigit()) => u32::from_str_radix(hex, 16).ok(),
        Some(_) => None,
        None => digits(text)?.parse().ok(),
    }
}

fn digits(text: &str) -> Option<&str> {
    text.bytes().all(|b| b.is_ascii_digit()).then_some(text)
}

fn end(text: &str) -> Option<GivenEnd> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(GivenEnd { address: Some(address), port: None });
    }
    if let Some((address, rest)) = text.strip_prefix('[').and_then(|t| t.split_once(']')) {
        let address = Some(IpAddr::V6(address.parse::<Ipv6Addr>().ok()?));
        return match rest.strip_prefix(':') {
            Some(port) => Some(GivenEnd { address, port: Some(digits(port)?.parse().ok()?) }),
            None => rest.is_empty().then_some(GivenEnd { address, port: None }),
        };
    }
    let (address, port) = text.split_once(':')?;
    let port = Some(digits(port)?.parse().ok()?);
    match address {
        "" => Some(GivenEnd { address: None, port }),
        address => Some(GivenEnd { address: Some(IpAddr::V4(address.parse::<Ipv4Addr>().ok()?)), port }),
    }
}

/// What other tools call it.
fn synonym(word: &str) -> Option<&'static str> {
    match word.to_ascii_lowercase().as_str() {
        "src" | "source" | "sport" | "saddr" => Some("from="),
        "dst" | "dest" | "destination" | "dport" | "port" | "daddr" => Some("to="),
        "dev" | "interface" | "oif" | "iif" | "if" | "nic" => Some("iface="),
        "user" | "owner" => Some("uid="),
        "group" => Some("gid="),
        "fwmark" => Some("mark="),
        "ctstate" => Some("state="),
        "output" | "outbound" | "egress" => Some("out"),
        "input" | "inbound" | "ingress" => Some("in"),
        "icmpv6" | "icmp6" | "ping" => Some("icmp"),
        "quic" | "dns" => Some("udp"),
        "http" | "https" => Some("tcp"),
        _ => None,
    }
}

/// The word with the smallest edit distance, if that is at most two and not all of it.
fn nearest(text: &str, words: &[&'static str]) -> Option<&'static str> {
    let text = text.to_ascii_lowercase();
    let distances = words.iter().map(|w| (distance(text.as_bytes(), w.as_bytes()), *w));
    distances.min_by_key(|(d, _)| *d).filter(|(d, w)| *d <= 2 && *d * 2 <= w.len()).map(|(_, w)| w)
}

/// How many insertions, deletions and replacements lead from one text to the other (Levenshtein).
fn distance(a: &[u8], b: &[u8]) -> usize {
    if a.len() > 32 {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        let mut next = vec![left];
        for (y, above) in b.iter().zip(row.iter().skip(1)) {
            left = (diagonal + usize::from(x != y)).min(above + 1).min(left + 1);
            diagonal = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests;
