//! Packets that conntrack takes for part of no connection.

use crate::support::{ACK, Case, Connection, Family, RST, RawTcp, SYN, Segment};
use harness::{Backend, wait_until};

for_all_and_native!(unasked_answer_is_dropped, connection_survives_a_packet_out_of_its_window);

const DROP: &str = "-A ISTIO_DROP -j DROP";

fn unasked_answer_is_dropped(kind: Backend, family: Family) {
    let case = Case::populated(kind, family);
    let wire = RawTcp::new(&case.world, family.world());
    let unasked_answer = |from: u16| Segment {
        source: (family.world(), from).into(),
        destination: case.pod(8080),
        sequence: 1000,
        acknowledgment: 2000,
        flags: SYN | ACK,
        length: 0,
    };
    let reset = |port| wire.receive(case.pod(8080), port).expect("the pod refuses it");

    wire.send(&unasked_answer(1001));
    assert_eq!(reset(1001).flags & RST, RST);
    case.apply(&[]);
    wire.send(&unasked_answer(1002));
    assert_eq!(reset(1002).flags & RST, RST, "rules without --drop-invalid let it through");

    let case = Case::populated(kind, family);
    let wire = RawTcp::new(&case.world, family.world());
    case.apply(&["--drop-invalid"]);
    wire.send(&unasked_answer(1003));
    wait_until("the packet is dropped", || case.packets(DROP) == 1);
    assert!(wire.poll(case.pod(8080), 1003).is_none(), "a dropped packet was answered");
    case.is_captured();
    assert_eq!(case.packets(DROP), 1, "only that packet is dropped");
}

/// What drop-invalid is for: a packet out of the window is not part of the redirected connection for conntrack,
/// so it is not redirected either; the pod has no socket for it and answers with a reset, which the client
/// takes for its connection's.
fn connection_survives_a_packet_out_of_its_window(kind: Backend, family: Family) {
    for (flags, survives) in [(&[][..], false), (&["--drop-invalid"], true)] {
        let case = Case::populated(kind, family);
        let wire = RawTcp::new(&case.world, family.world());
        case.caller().connect(case.pod(8080)).reaches("app");
        case.apply(flags);
        let mut connection = case.caller().connect(case.pod(8080)).captured_by("inbound");
        connection.talk();
        wire.send(&out_of_window(&wire, &case, &connection));
        if survives {
            wait_until("the packet is dropped", || case.packets(DROP) == 1);
            assert!(!reset_has_come(&wire, &case, &connection), "a dropped packet was answered");
            connection.talk();
        } else {
            wait_until("the pod resets the connection", || reset_has_come(&wire, &case, &connection));
            wait_until("the client's connection is gone", || connection.try_talk().is_err());
        }
    }
}

/// Whether the pod has sent a reset for the connection. What else it sent is skipped.
fn reset_has_come(wire: &RawTcp, case: &Case, connection: &Connection) -> bool {
    let mut sent = std::iter::from_fn(|| wire.poll(case.pod(8080), connection.source().port()));
    sent.any(|segment| segment.flags & RST != 0)
}

/// A packet far ahead in the client's stream, that acknowledges all that the pod sent: the reset for it has a
/// number that the client expects.
fn out_of_window(wire: &RawTcp, case: &Case, connection: &Connection) -> Segment {
    let mut last = wire.receive(case.pod(8080), connection.source().port()).expect("what the pod sent");
    while let Some(next) = wire.poll(case.pod(8080), connection.source().port()) {
        last = next;
    }
    Segment {
        source: connection.source(),
        destination: case.pod(8080),
        sequence: last.acknowledgment.wrapping_add(1 << 28),
        acknowledgment: last.sequence.wrapping_add(last.length),
        flags: ACK,
        length: 0,
    }
}
