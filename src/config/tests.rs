use super::fake::{FakeHost, resolve};
use super::*;
use crate::cli::Command;
use crate::netfilter::Backend;

mod tokens;

/// Whether exactly these texts occur, one in each message.
#[track_caller]
fn assert_messages(found: &[String], expected: &[&str]) {
    let each = expected.iter().zip(found).all(|(part, message)| message.contains(part));
    assert!(each && found.len() == expected.len(), "{found:?}, expected {expected:?}");
}

#[test]
fn defaults() {
    let host = FakeHost::with(&["10.0.0.2"]);
    let config = resolve(&[], &[], &host).clean();
    assert_eq!(
        config,
        Config {
            envoy_port: Port::at_least_one(15001),
            inbound_port: Port::at_least_one(15006),
            tunnel_port: Port::at_least_one(15008),
            proxy_uids: vec![Owner::Id(1337)],
            proxy_gids: vec![Owner::Id(1337)],
            mode: InterceptionMode::Redirect,
            tproxy_mark: Mark::at_least_one(1337),
            tproxy_table: RouteTable::at_least_one(133),
            inbound_ports: Selection::None,
            outbound_ranges: Selection::None,
            excluded_ranges: vec![],
            outbound_ports: vec![],
            excluded_outbound_ports: vec![],
            excluded_interfaces: vec![],
            virtual_interfaces: vec![],
            owner_groups: Selection::AllExcept(vec![]),
            loopback: Network::parse("127.0.0.1/32").unwrap(),
            dns: Dns::Off,
            drop_invalid: false,
            families: Families::Ipv4,
        }
    );
    let options = resolve(&[], &[], &host).options;
    assert_eq!(options.command, Command::Apply);
    assert_eq!(options.probe_port.number(), 15002);
    assert_eq!(options.probe_timeout, std::time::Duration::from_secs(5));
    assert!(options.reconcile && options.dry_run == DryRun::No && !options.cni_mode && !options.force_apply);
    assert_eq!(options.backend, Backend::Iptables(None));
    assert_eq!(options.network_namespace, None);
}

#[test]
fn families_by_the_addresses() {
    const BYPASS: &str = "IPv6 traffic bypasses the proxy";
    const NO_IPV6: &str = "--dual-stack has no effect: this network namespace has no IPv6 address";
    for (addresses, args, families, warnings) in [
        (&["10.0.0.2"][..], &[][..], Families::Ipv4, &[][..]),
        (&["10.0.0.2", "fd00::2"], &[], Families::Ipv4, &[BYPASS]),
        // IPv4 ones count first, whatever their order.
        (&["fd00::2", "10.0.0.2"], &[], Families::Ipv4, &[BYPASS]),
        (&["fd00::2"], &[], Families::Dual, &[]),
        (&["127.0.0.1", "169.254.0.1", "224.0.0.1", "fd00::2"], &[], Families::Dual, &[]),
        (&["10.0.0.2", "fd00::2"], &["--dual-stack"], Families::Dual, &[]),
        (&["10.0.0.2", "::1", "fe80::1", "ff02::1"], &["--dual-stack"], Families::Ipv4, &[NO_IPV6]),
        (&["10.0.0.2"], &["--dual-stack"], Families::Ipv4, &[NO_IPV6]),
        (&["10.0.0.2"], &["--dual-stack=false"], Families::Ipv4, &[]),
        // The address that an earlier run added to `lo`.
        (&["10.0.0.2", "::6"], &["--dual-stack"], Families::Ipv4, &[NO_IPV6]),
        (&[], &[], Families::Ipv4, &["has only loopback and link-local addresses"]),
        (
            &["127.0.0.1", "::1", "fe80::1"],
            &["--dual-stack"],
            Families::Ipv4,
            &["has only loopback and link-local addresses"],
        ),
        (&["fd00::2"], &["--ip-families=ipv4"], Families::Ipv4, &[BYPASS]),
        (&["10.0.0.2", "fd00::2"], &["--ip-families=ipv4", "--dual-stack"], Families::Ipv4, &[BYPASS]),
        (&["10.0.0.2"], &["--ip-families=dual"], Families::Dual, &[]),
        (&[], &["--ip-families=dual"], Families::Dual, &[]),
        (&[], &["--ip-families=ipv4"], Families::Ipv4, &[]),
        (&["10.0.0.2"], &["-i", "10.0.0.0/8,fd00::/8"], Families::Ipv4, &["\"fd00::/8\""]),
        (&["10.0.0.2", "fd00::2"], &["-i", "fd00::/8", "--dual-stack"], Families::Dual, &[]),
        // What is cleaned is cleaned in both.
        (&["10.0.0.2"], &["clean"], Families::Dual, &[]),
    ] {
        let found = resolve(args, &[], &FakeHost::with(addresses));
        assert_eq!(found.config.families, families, "{addresses:?} {args:?}");
        assert_messages(&found.warnings, warnings);
        assert_messages(&found.errors, &[]);
    }
}

#[test]
fn addresses_that_cannot_be_read() {
    let host = FakeHost::pod().without_addresses();
    assert_messages(&resolve(&[], &[], &host).errors, &["--ip-families=ipv4 or dual"]);
    for choice in ["--ip-families=ipv4", "--ip-families=dual"] {
        assert!(resolve(&[choice], &[], &host).errors.is_empty());
    }
}

#[test]
fn dns_servers() {
    let servers = |texts: &[&str]| Dns::Servers(texts.iter().map(|t| t.parse().unwrap()).collect());
    let dns = |args: &[&str], text| {
        let found = resolve(args, &[], &FakeHost::pod().file(host::RESOLV_CONF, text));
        assert_messages(&found.errors, &[]);
        (found.config.dns, found.warnings)
    };
    assert_eq!(dns(&[], "nameserver 10.96.0.10").0, Dns::Off);
    assert_eq!(dns(&["--redirect-dns"], "nameserver 10.96.0.10").0, servers(&["10.96.0.10"]));
    let both = "nameserver fd00::a\nnameserver 10.96.0.10\nnameserver fd00::a";
    assert_eq!(dns(&["--redirect-dns"], both).0, servers(&["fd00::a", "10.96.0.10", "fd00::a"]));
    assert_eq!(dns(&["--redirect-dns", "--capture-all-dns"], "").0, Dns::All);
    for nothing in ["", "search a.b\n", "nameserver\n", "nameserver x\n", "#nameserver 1.1.1.1\n"] {
        let (dns, warnings) = dns(&["--redirect-dns"], nothing);
        assert_eq!(dns, Dns::Off);
        assert_messages(&warnings, &["DNS is not captured; --capture-all-dns"]);
    }
    assert_messages(&dns(&["--capture-all-dns"], "").1, &["--capture-all-dns has no effect without --redirect-dns"]);
    let missing = FakeHost::with(&["10.0.0.2"]);
    assert_messages(&resolve(&["--redirect-dns"], &[], &missing).errors, &["/etc/resolv.conf cannot be read"]);
    resolve(&["--redirect-dns", "--capture-all-dns"], &[], &missing).clean();
    resolve(&["--redirect-dns", "clean"], &[], &missing).clean();
}

#[test]
fn the_proxys_user() {
    let uids = |environment: &[(&str, &str)], args: &[&str], host: &FakeHost| {
        let found = resolve(args, environment, host);
        (found.config.proxy_uids, found.warnings)
    };
    let pod = FakeHost::pod();
    let other = || FakeHost::pod().file(host::PASSWD, "istio-proxy:x:200:1337::/:\n");
    let bare = FakeHost::with(&["10.0.0.2"]);
    assert_eq!(uids(&[], &[], &other()), (vec![Owner::Id(200)], vec![]));
    assert_eq!(uids(&[("PROXY_UID", "")], &["-u", " "], &other()), (vec![Owner::Id(200)], vec![]));
    assert_eq!(uids(&[("ENVOY_USER", "envoy")], &[], &pod), (vec![Owner::Id(101)], vec![]));
    assert_eq!(uids(&[("ENVOY_USER", "")], &[], &other()), (vec![Owner::Id(200)], vec![]));
    assert_eq!(uids(&[], &[], &bare), (vec![Owner::Id(1337)], vec![]));
    // A user that was asked for and is not there.
    let (owners, warnings) = uids(&[("ENVOY_USER", "nosuch")], &[], &pod);
    assert_eq!(owners, [Owner::Id(1337)]);
    assert_messages(&warnings, &["ENVOY_USER names the user \"nosuch\""]);
    // With -u, it is not looked up.
    assert_eq!(uids(&[("ENVOY_USER", "nosuch")], &["-u", "5"], &pod), (vec![Owner::Id(5)], vec![]));
}

#[test]
fn the_proxys_group_is_its_user_unless_given() {
    let owners = |args: &[&str]| {
        let config = resolve(args, &[], &FakeHost::pod()).config;
        (config.proxy_uids, config.proxy_gids)
    };
    let (one, two) = (Owner::Id(1), Owner::Id(2));
    assert_eq!(owners(&["-u", "1"]), (vec![one.clone()], vec![one.clone()]));
    assert_eq!(owners(&["-u", "1,2", "-g", ""]), (vec![one.clone(), two.clone()], vec![one.clone(), two.clone()]));
    assert_eq!(owners(&["-u", "1", "-g", "2"]), (vec![one], vec![two]));
    // A user's name is looked up among the groups if it is used as one.
    let host = FakeHost::pod().file(host::PASSWD, "envoy:x:101:102::/:\n").file(host::GROUP, "envoy:x:7:\n");
    let config = resolve(&["-u", "envoy"], &[], &host).clean();
    let named = |id| vec![Owner::Name { name: "envoy".to_owned(), id: Some(id) }];
    assert_eq!((config.proxy_uids, config.proxy_gids), (named(101), named(7)));
}

#[test]
fn names_that_are_not_there() {
    const UID: &str = "--proxy-uid (-u) names the user \"nosuch\", which is not in /etc/passwd";
    const GROUPS: &str = "ISTIO_OUTBOUND_OWNER_GROUPS names the group \"nosuch\", which is not in /etc/group";
    let environment = [("ISTIO_OUTBOUND_OWNER_GROUPS", "staff,nosuch")];
    let args = ["-u", "nosuch", "-g", "0"];
    let applying = resolve(&args, &environment, &FakeHost::pod());
    assert_messages(&applying.errors, &[UID, GROUPS]);
    for nothing_is_touched in ["--dry-run", "--skip-rule-apply", "--cleanup-only"] {
        let found = resolve(&[&args[..], &[nothing_is_touched]].concat(), &environment, &FakeHost::pod());
        assert_messages(&found.errors, &[]);
        assert_messages(&found.warnings, &[UID, GROUPS]);
    }
    let no_files = resolve(&["-n", "-u", "envoy", "-g", "staff"], &[], &FakeHost::with(&["10.0.0.2"]));
    assert_messages(&no_files.warnings, &["\"envoy\"", "\"staff\""]);
}

#[test]
fn several_proxies_are_warned_of() {
    let warnings = |args: &[&str]| resolve(args, &[], &FakeHost::pod()).warnings;
    assert_messages(&warnings(&["-u", "1,2", "-g", "3"]), &["several of --proxy-uid (\"1\", \"2\")"]);
    assert_messages(&warnings(&["-u", "1", "-g", "2,3"]), &["several of --proxy-gid"]);
    assert_messages(&warnings(&["-u", "5,5"]), &[]);
    // The rules in question are not there if loopback is captured.
    assert_messages(&warnings(&["-u", "1,2", "-i", "127.0.0.0/8"]), &[]);
}

#[test]
fn inbound_ports() {
    let ports = |args: &[&str]| {
        let found = resolve(args, &[], &FakeHost::pod());
        assert_messages(&found.errors, &[]);
        (found.config.inbound_ports, found.warnings)
    };
    let single = PortRange::single;
    assert_eq!(ports(&["-b", " * "]).0, Selection::AllExcept(vec![]));
    assert_eq!(ports(&["-b", "*", "-d", "15090, 15020"]).0, Selection::AllExcept(vec![single(15090), single(15020)]));
    assert_eq!(ports(&["-b", "80,,443,"]), (Selection::Only(vec![single(80), single(443)]), vec![]));
    assert_eq!(ports(&["-b", ""]), (Selection::None, vec![]));
    let (none, warnings) = ports(&["-b", ","]);
    assert_eq!(none, Selection::None);
    assert_messages(&warnings, &["--istio-inbound-ports (-b) is \",\""]);
    for listed in ["80", ""] {
        assert_messages(&ports(&["-b", listed, "-d", "15090"]).1, &["--istio-local-exclude-ports (-d) has no effect"]);
    }
    assert_messages(&ports(&["-b", "80", "-d", ""]).1, &[]);
}

#[test]
fn owner_groups() {
    let groups = |included: &str, excluded: &str| {
        let environment =
            [("ISTIO_OUTBOUND_OWNER_GROUPS", included), ("ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE", excluded)];
        resolve(&[], &environment, &FakeHost::pod())
    };
    let (one, two) = (Owner::Id(1), Owner::Id(2));
    assert_eq!(groups("*", "1,2").clean().owner_groups, Selection::AllExcept(vec![one.clone(), two.clone()]));
    assert_eq!(groups("1", "2").clean().owner_groups, Selection::Only(vec![one.clone()]));
    assert_eq!(
        resolve(&[], &[("ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE", "1")], &FakeHost::pod()).clean().owner_groups,
        Selection::AllExcept(vec![one])
    );
    let empty = groups("", "");
    assert_eq!(empty.config.owner_groups, Selection::Only(vec![]));
    assert_messages(&empty.warnings, &["ISTIO_OUTBOUND_OWNER_GROUPS is empty"]);
    let many = |count: u32| (1..=count).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
    assert_messages(&groups(&many(64), "").errors, &[]);
    assert_messages(&groups(&many(65), "").errors, &["65 groups are listed, but at most 64 are allowed"]);
    assert_messages(&groups("*,202", "").errors, &["ISTIO_OUTBOUND_OWNER_GROUPS cannot contain \"*\""]);
    assert_messages(&groups("*", "*").errors, &["ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE cannot contain \"*\""]);
}

#[test]
fn the_loopback_range() {
    let loopback = |text| resolve(&[], &[("ISTIO_OUTBOUND_IPV4_LOOPBACK_CIDR", text)], &FakeHost::pod());
    for good in ["127.0.0.1/32", "127.0.0.0/8", "127.1.2.3/9"] {
        assert_eq!(loopback(good).clean().loopback.to_string(), good);
    }
    assert_eq!(loopback("").clean().loopback.to_string(), "127.0.0.1/32");
    for bad in ["10.0.0.0/8", "127.0.0.0/7", "::1/128", "127.0.0.1", "127.0.0.1/32,127.0.0.2/32", "*"] {
        assert_messages(&loopback(bad).errors, &["ISTIO_OUTBOUND_IPV4_LOOPBACK_CIDR cannot be"]);
    }
}

#[test]
fn loopback_is_captured_if_a_range_is_written_as_a_loopback_address() {
    let captures =
        |ranges| resolve(&["-i", ranges, "--ip-families=dual"], &[], &FakeHost::pod()).config.captures_loopback();
    for ranges in ["127.1.2.3/32", "10.0.0.0/8,127.0.0.0/8", "::1/128", "127.0.0.1/7", "::1/64", "::ffff:127.0.0.1/128"]
    {
        assert!(captures(ranges), "{ranges}");
    }
    for ranges in ["*", "", "0.0.0.0/0", "10.0.0.0/8", "126.0.0.0/7", "::/0"] {
        assert!(!captures(ranges), "{ranges}");
    }
}

#[test]
fn variables_that_cannot_be_read() {
    let found = |environment: &[(&str, &str)]| resolve(&[], environment, &FakeHost::pod());
    let port = found(&[("ENVOY_PORT", "abc")]);
    assert_eq!(port.config.envoy_port.number(), 15001);
    assert_messages(&port.warnings, &["environment variable ENVOY_PORT is ignored: it cannot be \"abc\""]);
    // The next one counts then.
    let second = found(&[("REDIRECT_DNS", "true"), ("ISTIO_META_DNS_CAPTURE", "yes")]);
    assert!(second.config.dns.is_on());
    assert_messages(&second.warnings, &["ISTIO_META_DNS_CAPTURE is ignored"]);
    assert!(found(&[("REDIRECT_DNS", "true"), ("ISTIO_META_DNS_CAPTURE", "")]).clean().dns.is_on());
    assert!(!found(&[("REDIRECT_DNS", "true"), ("ISTIO_META_DNS_CAPTURE", "false")]).clean().dns.is_on());
    // A dry run must not become a real one.
    assert_messages(&found(&[("DRY_RUN", "yes")]).errors, &["environment variable DRY_RUN cannot be \"yes\""]);
    assert_eq!(found(&[("DRY_RUN", "")]).options.dry_run, DryRun::No);
    assert_eq!(found(&[("DRY_RUN", "kernel")]).options.dry_run, DryRun::Kernel);
    // A flag overrides it: the variable is not read.
    resolve(&["-p", "1", "-n"], &[("ENVOY_PORT", "abc"), ("DRY_RUN", "yes")], &FakeHost::pod()).clean();
    // Words and lists are not guessed at.
    assert_messages(&found(&[("ISTIO_INBOUND_INTERCEPTION_MODE", "tproxy")]).errors, &["REDIRECT or TPROXY"]);
}

#[test]
fn errors_of_one_list_with_one_reason_are_one_message() {
    let found = resolve(&["-i", "10.0.0.0/33,11.0.0.0/8,12.0.0.0/40,1.2.3.4"], &[], &FakeHost::pod());
    assert_messages(&found.errors, &["\"10.0.0.0/33\", \"12.0.0.0/40\"", "1.2.3.4/32"]);
}

#[test]
fn the_host_is_asked_only_what_matters() {
    let asked = |args: &[&str]| {
        let host = FakeHost::pod();
        resolve(args, &[], &host);
        host.asked()
    };
    assert_eq!(asked(&["-u", "1337"]), ["addresses"]);
    assert_eq!(asked(&["-u", "1337", "--redirect-dns", "--capture-all-dns"]), ["addresses"]);
    assert_eq!(asked(&["-u", "1337", "--redirect-dns"]), ["addresses", host::RESOLV_CONF]);
    assert_eq!(asked(&["-g", "1337"]), [host::PASSWD, "addresses"]);
    assert_eq!(asked(&["-u", "envoy,root", "-g", "staff"]), [host::PASSWD, host::GROUP, "addresses"]);
    assert_eq!(asked(&["-u", "1337", "clean", "--redirect-dns"]), [""; 0]);
}
