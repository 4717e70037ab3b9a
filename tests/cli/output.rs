//! What goes to standard output and what to standard error.

use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::process::{Command, Stdio};

use istio_iptables::cli::flags::{ALL, Heading};

use crate::support::{Call, Outcome, PROGRAM, call, dry_run};

#[test]
fn the_help_is_grouped_and_has_an_example() {
    for form in ["--help", "-h"] {
        let outcome = call(&[form]).succeeds();
        assert_eq!(outcome.stderr, "");
        if outcome.skipped {
            return;
        }
        let mut at = 0;
        for heading in ["Capture:", "Exclusions:", "Proxy:", "DNS:", "Modes:", "Diagnostics:", "Example"] {
            let found = outcome.stdout.find(&format!("\n{heading}")).unwrap_or_else(|| panic!("no {heading}"));
            assert!(at < found, "{heading} is out of order");
            at = found;
        }
        for flag in ALL {
            let shown = outcome.stdout.split([' ', '\n', '[']).any(|word| word == format!("--{}", flag.long));
            assert_eq!(shown, flag.heading != Heading::Retired, "--{}", flag.long);
        }
        assert!(outcome.stdout.contains("istio-iptables -p 15001"), "{}", outcome.stdout);
    }
}

#[test]
fn the_example_of_the_help_is_a_good_call() {
    let help = call(&["--help"]).succeeds();
    if help.skipped {
        return;
    }
    let example = help.stdout.lines().find_map(|l| l.trim().strip_prefix("istio-iptables -p ")).expect("an example");
    let args: Vec<_> = format!("-p {example}").split(' ').map(|word| word.replace('\'', "")).collect();
    dry_run(&args).succeeds().has_rule("-A ISTIO_OUTPUT -j ISTIO_REDIRECT").warns(&[]);
}

#[test]
fn the_version() {
    for form in ["--version", "-V"] {
        let outcome = call(&[form]).succeeds();
        let expected = format!("istio-iptables {}\n", env!("CARGO_PKG_VERSION"));
        assert!(outcome.skipped || (outcome.stdout == expected && outcome.stderr.is_empty()), "{outcome:?}");
    }
}

/// Whether each line of standard output is a comment or one of restore text.
#[track_caller]
fn assert_only_rules(outcome: &Outcome) {
    const BEGINNINGS: [&str; 6] = ["# ", "* ", "-N ", "-A ", "-I ", "COMMIT"];
    for line in outcome.stdout.lines() {
        assert!(BEGINNINGS.iter().any(|b| line.starts_with(b)), "{line:?}");
    }
}

#[test]
fn rules_go_to_standard_output_and_all_else_to_standard_error() {
    let outcome =
        dry_run(&["-m", "TPROXY", "-b", "80", "-d", "81", "init", "--log_output_level=default:debug"]).succeeds();
    assert_only_rules(&outcome);
    outcome.warns(&["(-d)", "\"init\""]);
    if outcome.skipped {
        return;
    }
    assert!(outcome.stdout.starts_with("# iptables-restore --noflush\n* mangle\n"), "{}", outcome.stdout);
    for line in outcome.stderr.lines().filter(|l| l.contains("\twarn\t") || l.contains("\terror\t")) {
        let fields: Vec<_> = line.split('\t').collect();
        assert!(fields.len() == 3 && fields[0].len() == "2026-08-01T12:34:56.123456Z".len(), "{line:?}");
        assert!(fields[0].ends_with('Z') && fields[0].as_bytes()[10] == b'T', "{line:?}");
    }
}

#[test]
fn each_family_has_its_section() {
    let outcome = dry_run(&["--ip-families=dual"]).succeeds();
    assert_only_rules(&outcome);
    let headers: Vec<_> = outcome.stdout.lines().filter(|l| l.contains("tables-restore")).collect();
    assert!(outcome.skipped || headers == ["# iptables-restore --noflush", "# ip6tables-restore --noflush"]);
}

#[test]
fn json_logs_are_one_object_a_line() {
    let odd = "a\"b\\c\n{\"x\":1}\t\u{7f}\u{1}é\u{2028}";
    let args = ["--log_as_json", "-c", odd, "-d", "81", odd, "--x\ny", "-u", "--\r\n", "-v", "1"];
    let outcome = dry_run(&args).env("ENVOY_PORT", odd).run();
    assert!(outcome.skipped || outcome.status == Some(2), "{outcome:?}");
    let mut levels = Vec::new();
    for line in outcome.stderr.lines() {
        let value: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        let object = value.as_object().unwrap();
        assert!(["time", "level", "msg"].iter().all(|key| object[*key].is_string()), "{line}");
        levels.push(object["level"].as_str().unwrap().to_owned());
    }
    let count = |level: &str| levels.iter().filter(|l| *l == level).count();
    assert!(outcome.skipped || (count("error") == 3 && count("warn") == 4), "{}", outcome.stderr);
}

#[test]
fn log_levels() {
    let with = |level: &str| dry_run(&["-d", "81", &format!("--log_output_level={level}")]).succeeds();
    for shown in ["default:info", "default:warn", "warn", "other:none", "default:debug,other:none", ""] {
        with(shown).warns(&["(-d)"]);
    }
    for hidden in ["default:error", "default:none", "none", "other:debug,default:fatal"] {
        with(hidden).warns(&[]);
    }
}

#[test]
fn messages_never_hold_raw_control_characters() {
    for args in [
        &["-p", "1\n-A OUTPUT -j DROP\nCOMMIT"][..],
        &["-b", "80\u{1b}[2J"],
        &["--no\nsuch"],
        &["-c", "eth\r0"],
        &["-u", "a\nb"],
        &["-m", "\u{7}"],
    ] {
        let outcome = dry_run(args).is_wrong_usage();
        assert_eq!(outcome.stderr.lines().count(), outcome.errors().len(), "{outcome:?}");
        assert!(!outcome.stderr.contains(['\u{1b}', '\r', '\u{7}']), "{outcome:?}");
    }
}

/// Runs a call whose standard output is not read.
#[track_caller]
fn into_the_void(call: &Call, stdout: impl Into<Stdio>) {
    if let Some(mut command) = call.command() {
        let child = command.stdout(stdout).stderr(Stdio::piped()).spawn().unwrap();
        let outcome = Outcome::of(&child.wait_with_output().unwrap());
        assert!(matches!(outcome.status, Some(0 | 1)) && !outcome.stderr.contains("panicked"), "{outcome:?}");
    }
}

#[test]
fn standard_output_may_be_closed_or_full() {
    let ranges: Vec<_> = (0..5_000).map(|n| format!("{}.{}.0.0/8", 1 + n / 100, n % 100)).collect();
    for call in [call(&["--help"]), call(&["--version"]), dry_run(&["-x", &ranges.join(",")])] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        into_the_void(&call, writer);
        into_the_void(&call, std::fs::File::options().write(true).open("/dev/full").unwrap());
    }
}

#[test]
fn standard_streams_may_be_missing() {
    // No file descriptor is open at all.
    let output =
        Command::new("/bin/sh").args(["-c", "exec \"$0\" --help <&- >&- 2>&-", PROGRAM]).env_clear().output().unwrap();
    assert_eq!((output.status.code(), output.stdout.len(), output.stderr.len()), (Some(0), 0, 0));
}

#[test]
fn standard_input_is_not_read() {
    let Some(mut command) = dry_run::<&str>(&[]).command() else { return };
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let _ = stdin.write_all(b"-A OUTPUT -j DROP\n");
    // It ends although its input does not: this end of the pipe stays open.
    let outcome = Outcome::of(&child.wait_with_output().unwrap());
    assert_eq!(outcome.status, Some(0), "{outcome:?}");
    outcome.has_no_rule("-A OUTPUT -j DROP");
    drop(stdin);
}

#[test]
fn the_same_call_prints_the_same() {
    let call = dry_run(&["-m", "TPROXY", "-b", "*", "-i", "10.0.0.0/8", "--redirect-dns", "-k", "net1"]);
    assert_eq!(call.succeeds().stdout, call.succeeds().stdout);
    let odd = call.env(OsStr::from_bytes(b"\xff"), "x");
    odd.succeeds().warns(&[]);
}
