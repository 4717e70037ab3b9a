//! No value of any flag brings a line or a token of its own into the rules.

use proptest::collection::vec;
use proptest::prelude::*;

use super::{FakeHost, resolve};
use crate::cli::{self, flags};
use crate::net::Family;
use crate::netfilter::lines::check_line;
use crate::netfilter::restore;

/// Values near to good ones, and far from them.
fn value() -> impl Strategy<Value = String> {
    let pieces = vec![
        "80",
        "8000:8100",
        "0",
        "65536",
        "10.0.0.0/8",
        "127.0.0.0/8",
        "fd00::/8",
        "::1/128",
        "eth0",
        "net+",
        "lo",
        "1337",
        "root",
        "nosuch",
        "1-5",
        "*",
        "!",
        ",",
        ",",
        ",",
        " ",
        "\n",
        "\r",
        "\t",
        "\0",
        "\u{a0}",
        "\u{2028}",
        "\"",
        "'",
        "\\",
        "#",
        ";",
        "$(id)",
        "-j ACCEPT",
        " -j ACCEPT",
        "\nCOMMIT\n",
        "\n* filter\n-A OUTPUT -j DROP\n",
        "--random",
        "TPROXY",
        "REDIRECT",
        "true",
        "0x539",
        "dual",
        "é",
    ];
    let built = vec(prop::sample::select(pieces), 0..5).prop_map(|p| p.concat());
    prop_oneof![4 => built, 1 => any::<String>()]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    /// If there are errors the result is not used; it is checked all the same.
    #[test]
    fn no_value_brings_in_a_line_or_a_token(
        values in vec((0..flags::ALL.len(), value()), 0..8),
        variables in vec((0..cli::VARIABLES.len(), value()), 0..3),
        switches in vec(prop::sample::select(vec!["--redirect-dns", "--capture-all-dns", "--dual-stack", "--drop-invalid",
            "--ip-families=dual", "-mTPROXY", "-b*", "-i*", "-knet1", "-n"]), 0..6),
    ) {
        let mut args: Vec<String> = values.iter().map(|(f, v)| format!("--{}={v}", flags::ALL[*f].long)).collect();
        args.extend(switches.into_iter().map(str::to_owned));
        let environment: Vec<_> = variables.iter().map(|(v, text)| (cli::VARIABLES[*v].0, text.as_str())).collect();
        let args: Vec<_> = args.iter().map(String::as_str).collect();
        let found = resolve(&args, &environment, &FakeHost::pod());
        for message in found.errors.iter().chain(&found.warnings) {
            prop_assert!(!message.contains(['\n', '\r', '\0']), "{message:?}");
        }
        let plan = crate::capture::plan(&found.config);
        for family in Family::BOTH {
            let text = restore::script(&plan.rules, family);
            prop_assert_eq!(text.is_empty(), !found.config.families.contains(family));
            for line in text.strip_suffix('\n').unwrap_or_default().split('\n').filter(|_| !text.is_empty()) {
                prop_assert_eq!(check_line(line), Ok(()), "{:?}", line);
            }
        }
    }
}

#[test]
fn the_check_of_lines_sees_what_is_wrong() {
    for good in ["COMMIT", "* nat", "-N ISTIO_OUTPUT", "-A OUTPUT ! -d ::1/128 -o lo -j RETURN"] {
        assert_eq!(check_line(good), Ok(()), "{good}");
    }
    for bad in [
        "",
        "* nat x",
        "-N OTHER",
        "-A OUTPUT",
        "-A OUTPUT -j RETURN -j DROP",
        "-A OUTPUT -i a b -j DROP",
        "-A OUTPUT --random -j DROP",
        "-A OUTPUT  -j DROP",
        "-A OUTPUT -j REDIRECT --to-ports 1 --random",
        "COMMIT ",
        "-A OUTPUT ! 80 -j DROP",
        "-F OUTPUT",
    ] {
        assert!(check_line(bad).is_err(), "{bad:?}");
    }
}
