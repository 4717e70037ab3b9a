use expect_test::{Expect, expect};

use super::*;
use crate::explain::{Packet, Pod};

fn packet(words: &str) -> String {
    let pod = Pod::default();
    let routing = crate::capture::Routing::default();
    Packet::resolve(&Request::parse([words]).unwrap(), &pod, &routing).unwrap().to_string()
}

fn errors(words: &str, expected: Expect) {
    let errors = Request::parse([words]).unwrap_err();
    expected.assert_eq(&errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
}

#[test]
fn what_is_left_open_follows_from_the_pod() {
    for (words, whole) in [
        ("out tcp to=10.0.0.5:443", "out tcp uid=1000 gid=1000 from=10.244.0.10:40000 to=10.0.0.5:443 iface=eth0"),
        ("tcp to=127.0.0.1:80 out", "out tcp uid=1000 gid=1000 from=127.0.0.1:40000 to=127.0.0.1:80 iface=lo"),
        (
            "out udp uid=1337 to=10.244.0.10:53",
            "out udp uid=1337 gid=1337 from=10.244.0.10:40000 to=10.244.0.10:53 iface=lo",
        ),
        (
            "out tcp uid=none to=[fd00::1]:443",
            "out tcp uid=none from=[fd00:10:244::10]:40000 to=[fd00::1]:443 iface=eth0",
        ),
        (
            "in udp from=10.1.2.3 to=:53 iface=eth1 state=invalid mark=0x539 connmark=2",
            "in udp from=10.1.2.3:40000 to=10.244.0.10:53 iface=eth1 state=invalid mark=1337 connmark=2",
        ),
        ("in tcp from=fd00::2 to=:80", "in tcp from=[fd00::2]:40000 to=[fd00:10:244::10]:80 iface=eth0"),
        ("in icmp", "in icmp from=203.0.113.7 to=10.244.0.10 iface=eth0"),
        ("out icmp to=fd00::1 gid=5", "out icmp uid=1000 gid=5 from=fd00:10:244::10 to=fd00::1 iface=eth0"),
        ("in tcp to=127.0.0.1:80", "in tcp from=127.0.0.1:40000 to=127.0.0.1:80 iface=lo"),
        ("in tcp from=10.1.2.3:0 to=:0", "in tcp from=10.1.2.3:0 to=10.244.0.10:0 iface=eth0"),
        ("in udp to=[fd00::1]:0", "in udp from=[2001:db8::7]:40000 to=[fd00::1]:0 iface=eth0"),
    ] {
        assert_eq!(packet(words), whole);
        assert_eq!(packet(whole), whole);
    }
}

#[test]
fn words_that_are_wrong() {
    errors(
        "ot tpc prot=53 foo",
        expect![[r#"
            unknown word "ot" (did you mean out?): give in or out; tcp, udp or icmp; to=ADDRESS:PORT; and optionally from=ADDRESS:PORT, uid=, gid=, iface=, state=, mark= and connmark=
            unknown word "tpc": give in or out; tcp, udp or icmp; to=ADDRESS:PORT; and optionally from=ADDRESS:PORT, uid=, gid=, iface=, state=, mark= and connmark=
            unknown word "prot=53" (did you mean from=?): give in or out; tcp, udp or icmp; to=ADDRESS:PORT; and optionally from=ADDRESS:PORT, uid=, gid=, iface=, state=, mark= and connmark=
            unknown word "foo" (did you mean from=?): give in or out; tcp, udp or icmp; to=ADDRESS:PORT; and optionally from=ADDRESS:PORT, uid=, gid=, iface=, state=, mark= and connmark=
            the packet has no direction: give in (it arrives at the pod) or out (a process in the pod sends it), as in 'out tcp uid=1000 to=10.0.0.5:443' or 'in udp from=10.1.2.3 to=:53 iface=eth0'
            the packet has no protocol: give tcp, udp or icmp, as in 'out tcp uid=1000 to=10.0.0.5:443' or 'in udp from=10.1.2.3 to=:53 iface=eth0'"#]],
    );
    errors(
        "out tcp user=1 dst=10.0.0.1:80 stat=new",
        expect![[r#"
            unknown word "user=1" (did you mean uid=?): give in or out; tcp, udp or icmp; to=ADDRESS:PORT; and optionally from=ADDRESS:PORT, uid=, gid=, iface=, state=, mark= and connmark=
            unknown word "dst=10.0.0.1:80" (did you mean to=?): give in or out; tcp, udp or icmp; to=ADDRESS:PORT; and optionally from=ADDRESS:PORT, uid=, gid=, iface=, state=, mark= and connmark=
            unknown word "stat=new" (did you mean state=?): give in or out; tcp, udp or icmp; to=ADDRESS:PORT; and optionally from=ADDRESS:PORT, uid=, gid=, iface=, state=, mark= and connmark=
            the packet has no destination port: to=ADDRESS:PORT or to=:PORT, as in 'out tcp uid=1000 to=10.0.0.5:443' or 'in udp from=10.1.2.3 to=:53 iface=eth0'"#]],
    );
    errors(
        "out tcp to=http://x uid=-1 state=establish mark=4294967296 iface=eth+ from=10.0.0.256",
        expect![[r#"
        to= cannot be "http://x": give ADDRESS, ADDRESS:PORT, [IPV6-ADDRESS]:PORT or :PORT; names are not looked up
        uid= cannot be "-1": give a number from 0 to 4294967294, or none for packets that the kernel itself sends
        state= cannot be "establish" (did you mean established?): give new, established, related, invalid or untracked
        mark= cannot be "4294967296": give a number from 0 to 4294967295, decimal or hexadecimal with 0x
        iface= cannot be "eth+": give the name of one interface, 1 to 15 characters, such as eth0 or lo
        from= cannot be "10.0.0.256": give ADDRESS, ADDRESS:PORT, [IPV6-ADDRESS]:PORT or :PORT; names are not looked up"#]],
    );
    errors(
        "",
        expect![[r#"
        the packet has no direction: give in (it arrives at the pod) or out (a process in the pod sends it), as in 'out tcp uid=1000 to=10.0.0.5:443' or 'in udp from=10.1.2.3 to=:53 iface=eth0'
        the packet has no protocol: give tcp, udp or icmp, as in 'out tcp uid=1000 to=10.0.0.5:443' or 'in udp from=10.1.2.3 to=:53 iface=eth0'"#]],
    );
    errors(
        "in out tcp to=10.0.0.1 to=10.0.0.2:1",
        expect![[r#"
        "out" conflicts with "in"; give only one
        "to=10.0.0.2:1" conflicts with "to=10.0.0.1"; give only one
        the packet has no destination port: to=ADDRESS:PORT or to=:PORT, as in 'out tcp uid=1000 to=10.0.0.5:443' or 'in udp from=10.1.2.3 to=:53 iface=eth0'"#]],
    );
    errors(
        "in tcp uid=0 gid=0 to=:80",
        expect![[r#"
        "uid=" is only for outgoing packets: the sender of an incoming packet is unknown here
        "gid=" is only for outgoing packets: the sender of an incoming packet is unknown here"#]],
    );
}

#[test]
fn what_contradicts_itself() {
    let pod = Pod::with_addresses(["10.0.0.1".parse().unwrap()]);
    let error = |words: &str| {
        let request = Request::parse([words]).unwrap();
        Packet::resolve(&request, &pod, &crate::capture::Routing::default()).unwrap_err().to_string()
    };
    expect!["an outgoing packet needs a destination: to=ADDRESS:PORT, as in 'out tcp uid=1000 to=10.0.0.5:443' or 'in udp from=10.1.2.3 to=:53 iface=eth0'"].assert_eq(&error("out tcp to=:80"));
    expect!["from=fd00::1 and to=10.0.0.1 are of different address families: give both in IPv4 or both in IPv6"]
        .assert_eq(&error("out tcp from=fd00::1 to=10.0.0.1:80"));
    expect!["the pod has no IPv6 address to use as the default: give from= or to= with an address"]
        .assert_eq(&error("in tcp from=fd00::1 to=:80"));
}

#[test]
fn no_word_makes_it_fall_over() {
    for word in ["=", "to=", "to=[", "to=[]", "to=[]:", "to=:", "to=::", "to=:::1", "mark=", "mark=0x", "é=ü", "\u{0}"]
    {
        let _ = Request::parse(["out", "tcp", word]);
    }
}
