//! A sign that what was printed is not what the kernel has.

use super::Tables;
use crate::netfilter::normal::Specification;
use crate::netfilter::{IstioChain, Match, Protocol, Table, Target};

/// Whether the rule for the tunnel port, always the first of its chain, has lost the port. Where a program leaves
/// conditions out, others may be missing too: rules of ours are not known for what they are, and would be put back
/// without their conditions.
pub fn lacks_port(tables: &Tables) -> bool {
    let chain = tables.get(&Table::Nat).and_then(|t| t.chain(IstioChain::Inbound.name()));
    let first = chain.and_then(|c| c.rules.first()).and_then(|r| r.meaning());
    first.is_some_and(|rule| *rule == Specification::new([Match::Protocol(Protocol::Tcp)], Target::Return))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netfilter::save;

    #[test]
    fn only_the_first_rule_of_the_chain_tells() {
        for (rules, lacks) in [
            ("-A ISTIO_INBOUND -p tcp -j RETURN\n", true),
            ("-A ISTIO_INBOUND -p tcp -m tcp --dport 15008 -j RETURN\n-A ISTIO_INBOUND -p tcp -j RETURN\n", false),
            ("-A ISTIO_INBOUND -j RETURN\n", false),
            ("-A PREROUTING -p tcp -j RETURN\n", false),
            ("", false),
        ] {
            let text = format!("*nat\n:PREROUTING ACCEPT [0:0]\n:ISTIO_INBOUND - [0:0]\n{rules}COMMIT\n");
            assert_eq!(lacks_port(&save::parse(&text).unwrap().into_iter().collect()), lacks, "{rules}");
        }
    }
}
