//! Odd and wrong input, in one table. `cargo test --test cli bad_input -- --nocapture` prints it with the
//! program's output.

use crate::support::{Outcome, call, dry_run};

/// A call and what must come of it.
struct Row {
    args: &'static [&'static str],
    environment: &'static [(&'static str, &'static str)],
    /// The exit status.
    status: i32,
    /// Words on standard error: flag or variable, value, what is allowed. None: nothing is to complain of.
    words: &'static [&'static str],
    /// The end of a line that is to be printed.
    rule: &'static str,
}

const fn error(args: &'static [&'static str], words: &'static [&'static str]) -> Row {
    Row { args, environment: &[], status: 2, words, rule: "" }
}

const fn warning(args: &'static [&'static str], words: &'static [&'static str], rule: &'static str) -> Row {
    Row { args, environment: &[], status: 0, words, rule }
}

const fn fine(args: &'static [&'static str], rule: &'static str) -> Row {
    Row { args, environment: &[], status: 0, words: &[], rule }
}

type Environment = &'static [(&'static str, &'static str)];

const fn variable_error(environment: Environment, words: &'static [&'static str]) -> Row {
    Row { args: &[], environment, status: 2, words, rule: "" }
}

const fn variable_warning(environment: Environment, words: &'static [&'static str], rule: &'static str) -> Row {
    Row { args: &[], environment, status: 0, words, rule }
}

const PORT: &str = "a number from 1 to 65535";
const PORTS: &str = "a number from 0 to 65535 or a range";
const MODE: &str = "REDIRECT or TPROXY";
const OWNER: &str = "a number from 0 to 4294967294";
const CIDR: &str = "such as 10.0.0.0/8";
const INTERFACE: &str = "an interface name of 1 to 15 characters";
const MARK: &str = "a number from 1 to 4294967295";
const BOOL: &str = "true, TRUE, True";
const DURATION: &str = "5s, 500ms or 1m30s";
const GROUPS: &str = "ISTIO_OUTBOUND_OWNER_GROUPS";
const LOOPBACK: &str = "ISTIO_OUTBOUND_IPV4_LOOPBACK_CIDR";
const LOOPBACKS: &str = "127.0.0.0/8 or a part of it";
const GROUPS_65: &str = "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,\
    35,36,37,38,39,40,41,42,43,44,45,46,47,48,49,50,51,52,53,54,55,56,57,58,59,60,61,62,63,64,65";

#[rustfmt::skip]
const TABLE: &[Row] = &[
    // Ports that something listens on.
    error(&["-p", "abc"], &["--envoy-port (-p)", "\"abc\"", "number"]),
    error(&["-p", "99999"], &["--envoy-port (-p)", "\"99999\"", PORT]),
    error(&["-p", "-5"], &["--envoy-port (-p)", "\"-5\"", PORT]),
    error(&["-p", ""], &["--envoy-port (-p)", "\"\"", PORT]),
    error(&["-p", "0"], &["--envoy-port (-p)", "\"0\"", PORT]),
    error(&["-z", "0"], &["--inbound-capture-port (-z)", "\"0\"", PORT]),
    error(&["-e", "abc"], &["--inbound-tunnel-port (-e)", "\"abc\"", "number"]),
    error(&["-p", "15001-15010"], &["--envoy-port (-p)", "\"15001-15010\"", PORT]),
    error(&["-p", "15001 --random"], &["--envoy-port (-p)", "\"15001 --random\"", PORT]),
    error(&["-p", "15001\nCOMMIT\n* filter\n-A OUTPUT -j DROP"], &["--envoy-port (-p)", "\\nCOMMIT\\n", PORT]),
    error(&["--iptables-probe-port", "70000"], &["--iptables-probe-port", "\"70000\"", PORT]),
    error(&["--probe-timeout", "5"], &["--probe-timeout", "\"5\"", DURATION]),
    error(&["--probe-timeout", "0s"], &["--probe-timeout", "\"0s\"", "longer than 0"]),
    // Lists of ports.
    fine(&["-b", "80, 443"], "-A ISTIO_INBOUND -p tcp --dport 443 -j ISTIO_IN_REDIRECT"),
    fine(&["-b", "80,,443,"], "-A ISTIO_INBOUND -p tcp --dport 443 -j ISTIO_IN_REDIRECT"),
    warning(&["-b", ","], &["--istio-inbound-ports (-b)", "\",\""], ""),
    error(&["-b", "*,80"], &["--istio-inbound-ports (-b)", "\"*\"", "must be the only item"]),
    error(&["-d", "*"], &["--istio-local-exclude-ports (-d)", "*", "not allowed in this list"]),
    error(&["-o", "*"], &["--istio-local-outbound-ports-exclude (-o)", "*", "not allowed in this list"]),
    error(&["-q", "*"], &["--istio-outbound-ports (-q)", "*", "not allowed in this list"]),
    fine(&["-b", "8000:8100"], "--dport 8000:8100 -j ISTIO_IN_REDIRECT"),
    fine(&["-b", "8000-8100"], "--dport 8000:8100 -j ISTIO_IN_REDIRECT"),
    fine(&["-b", "0"], "--dport 0 -j ISTIO_IN_REDIRECT"),
    error(&["-b", "8100:8000"], &["--istio-inbound-ports (-b)", "\"8100:8000\"", "8000:8100"]),
    error(&["-b", "80:"], &["--istio-inbound-ports (-b)", "\"80:\"", PORTS]),
    error(&["-b", "1:2:3"], &["--istio-inbound-ports (-b)", "\"1:2:3\"", PORTS]),
    error(&["-b", "-5"], &["--istio-inbound-ports (-b)", "\"-5\"", PORTS]),
    error(&["-b", "http"], &["--istio-inbound-ports (-b)", "\"http\"", "write 80"]),
    error(&["-b", "80;443"], &["--istio-inbound-ports (-b)", "\"80;443\"", PORTS]),
    warning(&["-d", "15090", "-b", "80"], &["--istio-local-exclude-ports (-d)", "--istio-inbound-ports '*'"],
        "--dport 80 -j ISTIO_IN_REDIRECT"),
    // The mode.
    error(&["-m", "tproxy"], &["--istio-inbound-interception-mode (-m)", "\"tproxy\"", MODE]),
    error(&["-m", "FOO"], &["--istio-inbound-interception-mode (-m)", "\"FOO\"", MODE]),
    error(&["-m", "NONE"], &["--istio-inbound-interception-mode (-m)", "\"NONE\"", MODE]),
    fine(&["-m", "", "-b", "80"], "--dport 80 -j ISTIO_IN_REDIRECT"),
    error(&["-t", "abc"], &["--istio-inbound-tproxy-mark (-t)", "\"abc\"", MARK]),
    error(&["-t", "0"], &["--istio-inbound-tproxy-mark (-t)", "\"0\"", MARK]),
    error(&["-t", "4294967296"], &["--istio-inbound-tproxy-mark (-t)", "\"4294967296\"", MARK]),
    error(&["-r", "abc"], &["--istio-inbound-tproxy-route-table (-r)", "\"abc\"", MARK]),
    fine(&["-t", "0x539", "-m", "TPROXY", "-b", "*"], "--tproxy-mark 1337/0xffffffff --on-port 15006"),
    // Users and groups.
    warning(&["-u", "nosuchuser", "-g", "0"], &["--proxy-uid (-u)", "\"nosuchuser\"", "/etc/passwd"],
        "--uid-owner nosuchuser -j RETURN"),
    error(&["-u", "-1"], &["--proxy-uid (-u)", "\"-1\"", OWNER]),
    error(&["-u", "4294967295"], &["--proxy-uid (-u)", "\"4294967295\"", OWNER]),
    error(&["-u", "4294967296"], &["--proxy-uid (-u)", "\"4294967296\"", OWNER]),
    error(&["-u", "1 2"], &["--proxy-uid (-u)", "\"1 2\"", OWNER]),
    error(&["-u", "1;2"], &["--proxy-uid (-u)", "\"1;2\"", OWNER]),
    error(&["-g", "2000-1000"], &["--proxy-gid (-g)", "\"2000-1000\"", "1000-2000"]),
    fine(&["-u", "0", "-g", "1000-2000"], "--gid-owner 1000-2000 -j RETURN"),
    variable_error(&[(GROUPS, "*,202")], &[GROUPS, "\"*\"", "must be the only item"]),
    variable_warning(&[(GROUPS, "")], &[GROUPS, "is empty", "* captures all"], ""),
    variable_error(&[(GROUPS, GROUPS_65)], &[GROUPS, "65 groups", "at most 64 are allowed"]),
    // Ranges of addresses.
    error(&["-i", "10.0.0.0/33"], &["--istio-service-cidr (-i)", "\"10.0.0.0/33\"", "0 to 32"]),
    error(&["-i", "10.0.0.1"], &["--istio-service-cidr (-i)", "\"10.0.0.1\"", "10.0.0.1/32"]),
    error(&["-i", "*,10.0.0.0/8"], &["--istio-service-cidr (-i)", "\"*\"", "must be the only item"]),
    error(&["-i", "10.0.0.0/08"], &["--istio-service-cidr (-i)", "\"10.0.0.0/08\"", "0 to 32"]),
    error(&["-i", "fe80::/10%eth0"], &["--istio-service-cidr (-i)", "\"fe80::/10%eth0\"", "0 to 128"]),
    error(&["-i", "10.0.0.0/255.0.0.0"], &["--istio-service-cidr (-i)", "\"10.0.0.0/255.0.0.0\"", "0 to 32"]),
    error(&["-i", "10.0.0.0/33,11.0.0.0/40"], &["\"10.0.0.0/33\", \"11.0.0.0/40\""]),
    error(&["-i", "example.com"], &["--istio-service-cidr (-i)", "\"example.com\"", CIDR]),
    fine(&["-i", "10.0.0.0/8, 11.0.0.0/8"], "-A ISTIO_OUTPUT -d 11.0.0.0/8 -j ISTIO_REDIRECT"),
    warning(&["-i", "fd00::/8"], &["--istio-service-cidr (-i)", "\"fd00::/8\"", "--ip-families=dual"], ""),
    error(&["-x", "*"], &["--istio-service-exclude-cidr (-x)", "\"*\"", "leave --istio-service-cidr empty"]),
    error(&["-x", "-b", "*"], &["--istio-service-exclude-cidr (-x)", "\"-b\"", "looks like a flag", "-x ''"]),
    variable_error(&[(LOOPBACK, "10.0.0.0/8")], &[LOOPBACK, "\"10.0.0.0/8\"", LOOPBACKS]),
    variable_error(&[(LOOPBACK, "127.0.0.0/7")], &[LOOPBACK, "\"127.0.0.0/7\"", LOOPBACKS]),
    variable_error(&[(LOOPBACK, "::1/128")], &[LOOPBACK, "\"::1/128\"", LOOPBACKS]),
    // Interfaces.
    error(&["-c", "*"], &["--istio-exclude-interfaces (-c)", "\"*\"", INTERFACE]),
    error(&["-c", "!eth0"], &["--istio-exclude-interfaces (-c)", "\"!eth0\"", INTERFACE]),
    error(&["-c", "eth0 -j DROP"], &["--istio-exclude-interfaces (-c)", "\"eth0 -j DROP\"", INTERFACE]),
    error(&["-c", "a234567890123456"], &["--istio-exclude-interfaces (-c)", "\"a234567890123456\"", INTERFACE]),
    error(&["-c", "eth/0"], &["--istio-exclude-interfaces (-c)", "\"eth/0\"", INTERFACE]),
    error(&["-k", "eth0\n-A OUTPUT -j DROP"], &["--kube-virt-interfaces (-k)", "eth0\\n", INTERFACE]),
    fine(&["-c", "a23456789012345,net+"], "-A OUTPUT -o net+ -j RETURN"),
    // The environment.
    variable_error(&[("DRY_RUN", "yes")], &["DRY_RUN", "\"yes\"", BOOL]),
    variable_warning(&[("REDIRECT_DNS", "yes")], &["REDIRECT_DNS", "\"yes\"", BOOL], ""),
    variable_warning(&[("PROBE_TIMEOUT", "5")], &["PROBE_TIMEOUT", "\"5\"", DURATION], ""),
    variable_warning(&[("ISTIO_IPTABLES_PROGRAM_TIMEOUT", "0s")], &["ISTIO_IPTABLES_PROGRAM_TIMEOUT", "\"0s\"", "longer than 0"], ""),
    variable_warning(&[("IPTABLES_PROBE_PORT", "70000")], &["IPTABLES_PROBE_PORT", "\"70000\"", PORT], ""),
    variable_warning(&[("ENVOY_PORT", "0")], &["ENVOY_PORT", "\"0\"", PORT], "--to-ports 15001"),
    variable_error(&[("ISTIO_SERVICE_CIDR", "10.0.0.0/33")], &["ISTIO_SERVICE_CIDR", "\"10.0.0.0/33\"", "0 to 32"]),
    // The call itself.
    error(&["--nosuch"], &["--nosuch", "--help"]),
    error(&["--istio-inbound-port", "80"], &["--istio-inbound-port ", "did you mean --istio-inbound-ports?"]),
    error(&["-Q"], &["-Q", "--help"]),
    error(&["--envoy-port 15001"], &["--envoy-port 15001"]),
    error(&["-p"], &["--envoy-port", "needs a value"]),
    error(&["--force-iptables-binary", "iptables"], &["--force-iptables-binary", "\"iptables\"", "legacy or nft"]),
    error(&["--ip-families", "ipv6"], &["--ip-families", "\"ipv6\"", "auto, ipv4 or dual"]),
    error(&["--output", "yaml"], &["--output", "\"yaml\"", "text, json or mermaid"]),
    warning(&["init"], &["\"init\"", "ignored"], "--to-ports 15001"),
    error(&["chekc"], &["\"chekc\"", "did you mean check?"]),
    error(&["remove"], &["\"remove\"", "the commands are apply, clean, check and explain"]),
    error(&["--cni-mode", "--network-namespace", ""], &["--network-namespace", "\"\"", "/run/netns/NAME"]),
    variable_error(&[("NETWORK_NAMESPACE", ""), ("CNI_MODE", "true")], &["NETWORK_NAMESPACE", "\"\"", "/run/netns/NAME"]),
];

impl Row {
    fn run(&self) -> Outcome {
        // Whether it is a dry run is the question in one row.
        let asks = self.environment.iter().any(|(name, _)| *name == "DRY_RUN");
        let call = if asks { call(self.args) } else { dry_run(self.args) };
        self.environment.iter().fold(call, |call, (name, value)| call.env(name, value)).run()
    }

    fn input(&self) -> String {
        let variables = self.environment.iter().map(|(name, value)| format!("{name}={value:?}"));
        let args = self.args.iter().map(|arg| {
            if arg.contains([' ', '\n', '*']) || arg.is_empty() { format!("{arg:?}") } else { (*arg).to_owned() }
        });
        variables.chain(args).collect::<Vec<_>>().join(" ")
    }
}

#[test]
fn bad_input() {
    let mut wrong = Vec::new();
    for row in TABLE {
        let (input, outcome) = (row.input(), row.run());
        if outcome.skipped {
            return;
        }
        let said = [outcome.errors(), outcome.warnings()].concat();
        println!("{input:<50.50} {}  {}", outcome.status.unwrap_or(-1), said.join("\n     "));
        let mut complain = |what: String| wrong.push(format!("{input}: {what}\n{outcome:?}"));
        if outcome.status != Some(row.status) {
            complain(format!("exit status {:?}, not {}", outcome.status, row.status));
        }
        for word in row.words.iter().filter(|word| !said.iter().any(|message| message.contains(**word))) {
            complain(format!("{word:?} is not said"));
        }
        let (errors, warnings) = (outcome.errors().len(), outcome.warnings().len());
        if row.words.is_empty() && errors + warnings > 0 {
            complain("something is said".to_owned());
        }
        if (row.status == 0) != (errors == 0) {
            complain("errors and exit status do not fit".to_owned());
        }
        if row.status == 0 && !outcome.rules().iter().any(|rule| rule.ends_with(row.rule)) {
            complain(format!("no rule {:?}", row.rule));
        }
        if row.status != 0 && !outcome.stdout.is_empty() {
            complain("something is printed".to_owned());
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Opening it as a file would wait forever.
#[test]
fn a_fifo_is_no_network_namespace() {
    let fifo = std::env::temp_dir().join(format!("istio-iptables-namespace-{}", std::process::id()));
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).expect("a FIFO");
    call(&["--network-namespace", fifo.to_str().expect("UTF-8")])
        .is_wrong_usage()
        .fails_with(&["(it is a FIFO or a device)"]);
    std::fs::remove_file(&fifo).expect("it is there");
}
