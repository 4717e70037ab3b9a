//! Marks that TPROXY mode keeps on connections, so that answers find their way back to the proxy, and
//! the proxy's own loopback traffic is not taken for inbound traffic.

use super::{Build, TCP, by_interface, from, not_to, out_by_interface};
use crate::net::{Interface, Mark};
use crate::netfilter::{Hook, IstioChain, Match, Negatable, Placement, Purpose, Table, Target};

/// The mark of what the proxy's outbound side sends to an address of the pod itself.
pub(super) const TO_ITSELF: Mark = Mark::at_least_one(1338);

/// Rules of the mangle table that TPROXY mode has whether or not inbound ports are captured.
pub(super) fn marks(build: &mut Build<'_>) {
    let mark = build.config.tproxy_mark;
    let lo = || out_by_interface(&Interface::loopback());
    let by_lo = || by_interface(&Interface::loopback());
    let marked = || Match::Mark(Negatable::Is(mark));
    // The client's packets are marked; the connection remembers it ...
    build.append(Purpose::InHand, Table::Mangle, Hook::Prerouting, [TCP, marked()], Target::SaveMark);
    // ... but what the proxy sends to the application from the client's address is to arrive there.
    build.append(Purpose::InHand, Table::Mangle, Hook::Output, [TCP, lo(), marked()], Target::Return);
    // An application calls its own service: what the proxy sends is to come back to its inbound side.
    for proxy in build.proxies() {
        for facts in build.families() {
            let (matches, target) = ([not_to(facts.loopback), TCP, lo(), proxy.is()], Target::SetMark(TO_ITSELF));
            let at = (Table::Mangle, Hook::Output);
            build.add(Some(facts.family), Placement::Append, Purpose::OwnService, at, matches, target);
        }
    }
    // ... so that the application's answers are routed to the proxy too.
    build.append(Purpose::InHand, Table::Mangle, Hook::Output, [TCP, Match::ConnectionMark(mark)], Target::RestoreMark);
    // What the proxy has already, and what is within the pod, is not captured.
    let (exceptions, inbound) = (Placement::Insert, (Table::Mangle, IstioChain::Inbound));
    build.add(None, exceptions(1), Purpose::InHand, inbound, [TCP, marked()], Target::Return);
    for facts in build.families() {
        let matches = [TCP, from(facts.proxy_source), by_lo()];
        build.add(Some(facts.family), exceptions(2), Purpose::ToApplication, inbound, matches, Target::Return);
    }
    let not_to_itself = Match::Mark(Negatable::Not(TO_ITSELF));
    build.add(None, exceptions(3), Purpose::InHand, inbound, [TCP, by_lo(), not_to_itself], Target::Return);
}
