use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn parse_in(args: &[&str], environment: &[(&str, &str)]) -> Invocation {
    let argv = args.iter().map(OsString::from).collect();
    let variable = |name: &str| environment.iter().find(|(n, _)| *n == name).map(|(_, value)| value.into());
    match parse(argv, &variable) {
        Parsed::Call(call) => call,
        Parsed::Text(text) => panic!("{args:?} only prints {text}"),
    }
}

/// The call with these arguments after the program's name, in an empty environment.
fn call(args: &[&str]) -> Invocation {
    parse_in(&[&["istio-iptables"], args].concat(), &[])
}

fn errors(args: &[&str]) -> Vec<String> {
    call(args).errors.iter().map(ToString::to_string).collect()
}

fn text(call: &Invocation, flag: &Flag) -> Option<String> {
    call.flags.of(flag).next().map(|given| given.text.clone())
}

#[test]
fn every_flag_in_every_form() {
    for flag in flags::ALL {
        let mut forms = vec![vec![format!("--{}=VALUE", flag.long)]];
        if !flag.is_switch() {
            forms.push(vec![format!("--{}", flag.long), "VALUE".to_owned()]);
        }
        if let Some(short) = flag.short {
            forms.push(vec![format!("-{short}=VALUE")]);
            if !flag.is_switch() {
                forms.push(vec![format!("-{short}"), "VALUE".to_owned()]);
                forms.push(vec![format!("-{short}VALUE")]);
                forms.push(vec![format!("-n{short}"), "VALUE".to_owned()]);
            }
        }
        for form in forms {
            let call = call(&form.iter().map(String::as_str).collect::<Vec<_>>());
            assert_eq!(call.errors, [], "{form:?}");
            match flag.is_retired() {
                true => {
                    assert_eq!(
                        call.ignored,
                        [Ignored::Retired { flag: Source::Flag(flag), instead: flag.help }],
                        "{form:?}"
                    )
                }
                false => {
                    let given: Vec<_> = call.flags.of(flag).cloned().collect();
                    assert_eq!(given, [Given { text: "VALUE".to_owned(), source: Source::Flag(flag) }], "{form:?}");
                    assert_eq!(call.ignored, [], "{form:?}");
                }
            }
        }
    }
}

#[test]
fn a_switch_needs_no_value_and_takes_none_from_the_next_argument() {
    for flag in flags::ALL.iter().filter(|f| f.is_switch() && !f.is_retired()) {
        let call = call(&[&format!("--{}", flag.long), "false"]);
        assert_eq!(text(&call, flag).as_deref(), Some("true"), "{}", flag.long);
        let [error] = &call.errors[..] else { panic!("{:?}", call.errors) };
        assert!(error.to_string().contains("did you mean --FLAG=false?"), "{error}");
    }
}

#[test]
fn every_variable() {
    for flag in flags::ALL {
        for variable in flag.variables {
            let call = parse_in(&["istio-iptables"], &[(variable, "VALUE")]);
            let given: Vec<_> = call.flags.of(flag).cloned().collect();
            assert_eq!(given, [Given { text: "VALUE".to_owned(), source: Source::Variable(variable) }]);
        }
    }
    for (name, _) in VARIABLES {
        let call = parse_in(&["istio-iptables"], &[(name, "")]);
        assert_eq!(call.flags.variable(name).map(|g| g.text.as_str()), Some(""), "{name}");
    }
}

#[test]
fn the_flag_goes_before_the_second_variable_and_that_before_the_first() {
    let environment = [("REDIRECT_DNS", "first"), ("ISTIO_META_DNS_CAPTURE", "second")];
    let call = parse_in(&["istio-iptables", "--redirect-dns=flag"], &environment);
    let texts: Vec<_> = call.flags.of(&flags::REDIRECT_DNS).map(|g| g.text.as_str()).collect();
    assert_eq!(texts, ["flag", "second", "first"]);
}

#[test]
fn of_a_repeated_flag_the_last_one_counts() {
    assert_eq!(text(&call(&["-p", "1", "--envoy-port=2", "-p3"]), &flags::ENVOY_PORT).as_deref(), Some("3"));
    assert_eq!(text(&call(&["-n", "-n=false"]), &flags::DRY_RUN).as_deref(), Some("false"));
    assert_eq!(call(&["-v", "1", "-v", "2"]).ignored.len(), 1);
}

#[test]
fn names_of_the_program() {
    let command = |args: &[&str]| {
        let call = parse_in(args, &[]);
        (call.command, call.ignored)
    };
    let stray = |word: &str| vec![Ignored::Stray(word.to_owned())];
    for (args, expected) in [
        (&["istio-iptables"][..], (Command::Apply, vec![])),
        (&["/usr/local/bin/istio-iptables", "-n"], (Command::Apply, vec![])),
        (&["anything"], (Command::Apply, vec![])),
        (&[], (Command::Apply, vec![])),
        (&["istio-iptables", "istio-iptables", "-n"], (Command::Apply, vec![])),
        (&["istio-iptables", "-n", "/usr/local/bin/istio-iptables"], (Command::Apply, vec![])),
        (&["istio-iptables", "init", "-n"], (Command::Apply, stray("init"))),
        (&["istio-iptables", "istio-iptables", "istio-iptables"], (Command::Apply, vec![])),
        (&["istio-iptables", "apply", "-n"], (Command::Apply, vec![])),
        (&["istio-clean-iptables", "apply"], (Command::Apply, vec![])),
        (&["istio-clean-iptables"], (Command::Clean, vec![])),
        (&["/usr/local/bin/istio-clean-iptables", "-n"], (Command::Clean, vec![])),
        (&["istio-iptables", "istio-clean-iptables"], (Command::Clean, vec![])),
        (&["istio-iptables", "clean", "-n"], (Command::Clean, vec![])),
        (&["istio-iptables", "istio-iptables", "-n", "clean"], (Command::Clean, vec![])),
    ] {
        assert_eq!(command(args), expected, "{args:?}");
    }
}

#[test]
fn a_word_that_is_no_command_is_an_error_with_the_nearest_one() {
    for (word, nearest) in [
        ("chekc", Some("check")),
        ("celan", Some("clean")),
        ("Clean", Some("clean")),
        ("EXPLAIN", Some("explain")),
        ("explian", Some("explain")),
        ("aply", Some("apply")),
        ("chec", Some("check")),
        ("remove", None),
        ("15001", None),
        ("*", None),
        ("", None),
        ("INIT", None),
        ("./istio-iptable", None),
    ] {
        for args in [&[word, "-b", "*"][..], &["-b", "*", word], &["istio-iptables", word]] {
            let similar = nearest.map(str::to_owned);
            let call = call(args);
            assert_eq!(call.errors, [ShapeError::NoCommand { word: word.to_owned(), similar }], "{args:?}");
            assert_eq!(call.ignored, [], "{args:?}");
        }
    }
    assert_eq!(call(&["chekc", "celan"]).errors.len(), 2);
    // A packet is described by words.
    assert_eq!(call(&["explain", "out", "tcp"]).errors, []);
    // The value of a flag that is wrong itself is explained by that.
    let call = call(&["--p", "15001"]);
    assert_eq!((call.errors.len(), call.ignored), (1, vec![Ignored::Stray("15001".to_owned())]));
}

#[test]
fn a_value_that_looks_like_a_flag() {
    assert!(errors(&["-x", "-b", "*"])[0].contains("--istio-service-exclude-cidr (-x) cannot be \"-b\""));
    assert!(errors(&["-x", "-b", "*"])[0].contains("-x ''"));
    assert!(errors(&["--proxy-uid", "--proxy-gid"])[0].contains("--proxy-uid="));
    // Numbers are for those who read them to judge.
    assert_eq!(call(&["-p", "-5"]).errors, []);
    // Only the retired flag knows of `-n`, which was to be a dry run.
    assert!(errors(&["-v", "-n"])[0].contains("--vklog (-v) cannot be \"-n\""));
    // Nor does a later value hide it.
    assert!(errors(&["-x", "-n", "-x", ""])[0].contains("cannot be \"-n\""));
}

#[test]
fn all_errors_of_shape_are_found() {
    let found = errors(&["--nosuch", "--other=1", "-Q", "-o", "-n", "--p", "15001", "--istio-inbound-port"]);
    for part in [
        "flag --nosuch;",
        "flag --other;",
        "flag -Q;",
        "cannot be \"-n\"",
        "flag --p (",
        "did you mean --istio-inbound-ports?",
    ] {
        assert!(found.iter().any(|e| e.contains(part)), "{part:?} in {found:?}");
    }
    assert_eq!(found.len(), 6, "{found:?}");
}

#[test]
fn one_error_does_not_hide_values() {
    for (args, count) in [
        (&["-b", "80", "-p"][..], 1),
        (&["-p", "15001", "-b", "80", "-p"], 1),
        (&["-b", "80", "--envoy-port"], 1),
        (&["-b80", "-8"], 1),
        (&["--envoy-port 15001", "-b", "80"], 1),
        (&["--nosuch[0]", "-b", "80"], 1),
        (&["-nQ", "-nQ", "-b", "80"], 1),
        (&["--help=1", "-b", "80"], 1),
        (&["---", "-b", "80", "--=1"], 2),
    ] {
        let call = call(args);
        assert_eq!(call.errors.len(), count, "{args:?}: {:?}", call.errors);
        assert_eq!(text(&call, &flags::INBOUND_PORTS).as_deref(), Some("80"), "{args:?}");
    }
}

#[test]
fn messages_stay_on_their_line() {
    for args in
        [&["--no\nsuch"][..], &["-\n"], &["--help=1"], &["--help=\u{1b}c"], &["-x", "-b\n"], &["--no such=\n"], &["-p"]]
    {
        let found = errors(args);
        assert!(!found.is_empty() && found.iter().all(|e| !e.contains(char::is_control)), "{args:?}: {found:?}");
    }
    assert!(call(&["in\nit"]).ignored.iter().all(|i| !i.to_string().contains('\n')));
}

#[test]
fn text_that_is_not_utf8() {
    let bad = || OsString::from_vec(b"a\xffb".to_vec());
    let found = |argv: Vec<OsString>, variable: &dyn Fn(&str) -> Option<OsString>| match parse(argv, variable) {
        Parsed::Call(call) => call.errors.iter().map(ToString::to_string).collect::<Vec<_>>(),
        Parsed::Text(text) => panic!("{text}"),
    };
    let nothing = |_: &str| None;
    assert_eq!(
        found(vec!["".into(), "-b".into(), bad()], &nothing),
        ["--istio-inbound-ports (-b) cannot be \"a\u{fffd}b\": it is not valid UTF-8"]
    );
    assert!(found(vec!["".into(), "-v".into(), bad()], &nothing)[0].contains("--vklog"));
    assert!(found(vec!["".into(), bad()], &nothing)[0].contains("an argument cannot be"));
    let environment = |name: &str| (name == "ENVOY_USER").then(bad);
    assert!(found(vec!["".into()], &environment)[0].contains("environment variable ENVOY_USER"));
}

#[test]
fn long_values_are_cut_in_messages_only() {
    let long = "9".repeat(1 << 20);
    let call = call(&["-b", &long, &long]);
    assert_eq!(text(&call, &flags::INBOUND_PORTS).map(|t| t.len()), Some(1 << 20));
    let error = call.errors[0].to_string();
    assert!(error.contains("(1048576 bytes)") && error.len() < 300, "{error}");
    let found = errors(&[&format!("--{}", &long[..4096])]);
    assert!(found[0].contains("bytes)") && found[0].len() < 300, "{}", found[0]);
    assert_eq!(shortened("é".repeat(100).as_str()), "é".repeat(100));
    assert_eq!(shortened("é".repeat(101).as_str()), format!("{}... (202 bytes)", "é".repeat(100)));
}

#[test]
fn the_help_names_every_flag_but_the_retired() {
    let argv = ["istio-iptables", "--help"].map(OsString::from).to_vec();
    let Parsed::Text(help) = parse(argv, &|_| None) else { panic!("--help is a text") };
    for flag in flags::ALL {
        let named = help.contains(&format!("--{} ", flag.long)) || help.contains(&format!("--{}[=", flag.long));
        assert_eq!(named, !flag.is_retired(), "{}", flag.long);
        assert!(flag.variables.iter().all(|v| help.contains(v)), "{:?}", flag.variables);
    }
    assert!(VARIABLES.iter().all(|(name, _)| help.contains(name)));
}

/// Arguments of any kind: flags of this program, texts, bytes.
fn argument() -> impl Strategy<Value = OsString> {
    let long = (0..flags::ALL.len(), any::<String>(), any::<bool>()).prop_map(|(index, value, equals)| {
        let long = flags::ALL[index].long;
        if equals { format!("--{long}={value}") } else { format!("--{long}") }.into()
    });
    let odd =
        prop::sample::select(vec!["", "-", "--", "---", "--=", "-=", "-n=", "-np", "--help=", "-h=1", "-Vx", "-pé"]);
    prop_oneof![
        long,
        odd.prop_map(OsString::from),
        any::<String>().prop_map(OsString::from),
        "-[a-zA-Z0-9=-]{1,4}".prop_map(OsString::from),
        vec(any::<u8>(), 0..8).prop_map(OsString::from_vec),
        vec(any::<u8>(), 0..8).prop_map(|tail| OsString::from_vec([&b"--"[..], &tail].concat())),
        vec(any::<u8>(), 0..8).prop_map(|tail| OsString::from_vec([&b"-"[..], &tail].concat())),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn no_call_panics(argv in vec(argument(), 0..6), value in vec(any::<u8>(), 0..8)) {
        let variable = |name: &str| name.len().is_multiple_of(2).then(|| OsString::from_vec(value.clone()));
        if let Parsed::Call(call) = parse(argv, &variable) {
            for message in call.errors.iter().map(ToString::to_string).chain(call.ignored.iter().map(ToString::to_string)) {
                prop_assert!(!message.contains('\n'), "{message:?}");
            }
        }
    }
}
