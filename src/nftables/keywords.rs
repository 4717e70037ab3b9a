//! What nft reads as one word, and what has to be quoted so that nothing but a name gets into a script.

use std::fmt;

use crate::net::Interface;

/// A name, quoted if nft would read it as something else.
pub(crate) struct Word<'a>(pub &'a str);

impl fmt::Display for Word<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if is_bare(self.0) { f.write_str(self.0) } else { write!(f, "\"{}\"", self.0) }
    }
}

/// The name of an interface. One that ends in `+` is nft's wildcard, which is quoted; Istio's program writes it as
/// it is, which nft refuses.
pub(crate) struct InterfaceWord<'a>(pub &'a Interface);

impl fmt::Display for InterfaceWord<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.0.as_str();
        match name.strip_suffix('+') {
            Some(prefix) => write!(f, "\"{prefix}*\""),
            None => Word(name).fmt(f),
        }
    }
}

/// Whether nft reads the text as a word that means nothing to it: what its scanner takes for a string, less
/// its keywords. `/`, which it allows, is in no name.
fn is_bare(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || matches!(b, b'_' | b'.'))
        && bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
        && !KEYWORDS.split(' ').any(|word| word == text)
}

/// Words that nft 1.0 does not take for the name of an interface, found by trying all words in its library,
/// and some of other releases. One text: as a list, they take 2.1 KB more.
const KEYWORDS: &str = "\
    accept add ah all and arp auto-merge bridge cgroup chain comment comp constant continue counter cpu \
    create ct day dccp define delete describe destroy device devices drop dst dup dynamic egress element \
    elements eq esp ether exists expires export exthdr fib flags flow flowtable flush frag fwd gc-interval \
    ge geneve get goto gre gretap gt handle hbh hook hour ibriport ibrname icmp icmpv6 igmp iif iifgroup \
    iifname iiftype import include index inet insert interval ip ip6 ipsec jhash jump last limit list log \
    lshift lt map mark masquerade meta meter mh missing monitor ne netdev nftrace not notrack numgen \
    obriport obrname offload oif oifgroup oifname oiftype or osf pkttype policy position priority queue \
    quota random redefine redirect reject rename replace reset return rshift rt rt0 rt2 rtclassid rule \
    ruleset sctp secmark set size skgid skuid socket srh string symhash synproxy table tcp th time timeout \
    tproxy type typeof udp udplite undefine update vlan vmap vxlan xor xt";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_words_are_bare() {
        let word = |name| InterfaceWord(&Interface::parse(name).unwrap()).to_string();
        for bare in ["lo", "eth0", "docker0", "veth0.100", "br-lan", "_x", "in"] {
            assert_eq!(word(bare), bare);
        }
        for quoted in ["9p", "veth@x", "a;b", "a{b", "$x", "#x", "tcp", "accept", "100", "gc-interval"] {
            assert_eq!(word(quoted), format!("\"{quoted}\""));
        }
        for (prefix, wildcard) in [("+", "*"), ("eth+", "eth*"), ("a;b+", "a;b*"), ("tcp+", "tcp*"), ("a++", "a+*")] {
            assert_eq!(word(prefix), format!("\"{wildcard}\""));
        }
    }

    #[test]
    fn keywords_are_words() {
        assert_eq!(KEYWORDS.split(' ').count(), 157);
        assert!(KEYWORDS.split(' ').is_sorted() && !KEYWORDS.contains(['\n', '\t']));
    }
}
