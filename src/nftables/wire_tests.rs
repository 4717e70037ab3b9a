use super::*;
use crate::net::{Family, Interface, Mark, Network, Owner, Port, PortRange};
use crate::netfilter::{ConntrackState, Hook, IstioChain, Negatable, Placement, Protocol};
use crate::nftables::assemble::assemble;
use crate::nftables::disassemble::{SetContent, disassemble};
use crate::nftables::instruction::SetReference;
use crate::nftables::{AddressRange, Body, Expression, NftRule, NftVerdict, OwnerKind, Side, TableRules};
use Negatable::{Is, Not};

fn network(text: &str) -> Network {
    Network::parse(text).unwrap()
}

fn ports(text: &str) -> PortRange {
    PortRange::parse(text).unwrap()
}

/// Each expression in the form in which it is read back.
fn expressions() -> Vec<Vec<Expression>> {
    use Expression as E;
    let name = |text| Interface::parse(text).unwrap();
    let mark = Mark::at_least_one(1337);
    let tcp = E::Protocol(Protocol::Tcp);
    let ranges = |texts: &[&str]| AddressRange::merged(texts.iter().map(|t| network(t)));
    vec![
        vec![E::InInterface(Is(name("eth0")))],
        vec![E::OutInterface(Not(name("a23456789012345")))],
        vec![E::InInterface(Is(name("eth+")))],
        vec![E::Family(Family::Ipv6)],
        vec![E::Protocol(Protocol::Udp)],
        vec![E::Address(Side::Source, Is(network("10.0.0.0/8")))],
        vec![E::Address(Side::Destination, Not(network("127.0.0.1/32")))],
        vec![E::Address(Side::Destination, Is(network("0.0.0.0/0")))],
        vec![E::Address(Side::Destination, Is(network("fd00::/9"))), E::Address(Side::Source, Not(network("::/0")))],
        vec![E::Addresses(Side::Destination, Is(ranges(&["10.0.0.0/8", "12.0.0.0/8", "255.0.0.0/8"])))],
        vec![E::Addresses(Side::Source, Not(ranges(&["::1/128", "fd00::/8"])))],
        vec![E::Addresses(Side::Source, Is(ranges(&["10.0.0.1/32", "10.0.0.2/32"])))],
        vec![tcp.clone(), E::Port(Protocol::Tcp, Side::Destination, Is(ports("80")))],
        vec![tcp.clone(), E::Port(Protocol::Tcp, Side::Source, Not(ports("80-90")))],
        vec![tcp.clone(), E::Port(Protocol::Tcp, Side::Source, Is(ports("0-65535")))],
        vec![tcp.clone(), E::Ports(Protocol::Tcp, Side::Destination, Not(vec![ports("53"), ports("15008")]))],
        vec![tcp, E::Ports(Protocol::Tcp, Side::Destination, Is(vec![ports("53"), ports("80-90")]))],
        vec![E::Owner(OwnerKind::User, Is(Owner::Id(0)))],
        vec![E::Owner(OwnerKind::Group, Not(Owner::Range(1000, u32::MAX - 1)))],
        vec![E::ConntrackState(vec![ConntrackState::Invalid])],
        vec![E::ConntrackState(ConntrackState::ALL.to_vec())],
        vec![E::Mark(Is(mark))],
        vec![E::Mark(Not(mark))],
        vec![E::ConnectionMark(mark), E::Counter],
        vec![E::Counter, E::Redirect(Port::at_least_one(15001))],
        vec![E::Tproxy(Family::Ipv6, Port::at_least_one(15006)), E::SetMark(mark)],
        vec![E::SaveMark],
        vec![E::RestoreMark],
        vec![E::ConntrackZone(2)],
    ]
}

/// A rule with each of them.
fn tables() -> Tables {
    let rule = |expressions| NftRule {
        chain: Hook::Output.into(),
        placement: Placement::Append,
        purpose: None,
        body: Body { expressions, verdict: Some(NftVerdict::Accept) },
    };
    Tables(vec![TableRules { table: Table::Nat, rules: expressions().into_iter().map(rule).collect() }])
}

#[test]
fn every_expression_there_and_back() {
    let verdicts = [None, Some(NftVerdict::Return), Some(NftVerdict::Jump(IstioChain::Output.into()))];
    for expressions in expressions() {
        for verdict in verdicts.into_iter().chain([Some(NftVerdict::Accept), Some(NftVerdict::Drop)]) {
            let body = Body { expressions: expressions.clone(), verdict };
            let assembled = assemble(&body, 3).unwrap();
            let sets: Vec<_> = assembled.sets.iter().map(|s| (s.flags(), s.content())).collect();
            let content = |reference: &SetReference| match reference {
                SetReference::Id(id) => {
                    let (flags, elements) = sets.get(*id as usize - 3)?;
                    Some(SetContent { flags: *flags, elements })
                }
                SetReference::Name(_) => None,
            };
            assert_eq!(disassemble(&assembled.instructions, &content), Some(body));
            // Without any one of its instructions, it is another rule, or none.
            for at in 0..assembled.instructions.len() {
                let mut fewer = assembled.instructions.clone();
                fewer.remove(at);
                let body = Body { expressions: expressions.clone(), verdict };
                assert_ne!(disassemble(&fewer, &content), Some(body), "{expressions:?} without {at}");
            }
        }
    }
}

/// What the kernel would list of the rules is what was wanted, and can be restored.
#[test]
fn every_table_there_and_back() {
    fuzzing::there_and_back(&tables()).unwrap();
}

#[test]
fn a_name_without_a_number_is_an_error() {
    let name = Owner::parse("nobody-knows").unwrap();
    let body = Body { expressions: vec![Expression::Owner(OwnerKind::User, Is(name))], verdict: None };
    assert!(assemble(&body, 0).unwrap_err().to_string().contains("nobody-knows"));
}

/// A transaction is made of messages of the kind that the kernel answers with, so it can be read as one.
#[test]
fn any_bytes_can_be_read_or_refused() {
    let wanted = tables();
    let batch = transaction(&State::default(), &wanted).unwrap();
    let bytes = batch.bytes();
    fuzzing::read_anything(bytes).unwrap();
    let mut random = 1_u64;
    let mut next = |below: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as usize % below
    };
    for _ in 0..20_000 {
        let mut bytes = bytes.to_vec();
        for _ in 0..1 + next(4) {
            let at = next(bytes.len());
            bytes[at] = [0, 1, 3, 4, 5, 8, 0x7f, 0x80, 0xff, next(256) as u8][next(10)];
        }
        bytes.truncate(1 + next(bytes.len()));
        fuzzing::read_anything(&bytes).unwrap();
    }
}
