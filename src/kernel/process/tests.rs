//! Real programs, well and badly behaved.

use super::*;

fn call(program: &str, arguments: &[&str]) -> ProgramCall {
    ProgramCall {
        program: find(program, std::env::var_os("PATH")).unwrap(),
        arguments: arguments.iter().map(|a| (*a).to_owned()).collect(),
        ..ProgramCall::default()
    }
}

fn run(call: &ProgramCall, input: &str) -> Result<Output, ProcessError> {
    run_all(&[(call, input)], Duration::from_secs(10)).pop().unwrap()
}

#[test]
fn more_input_and_output_than_pipes_hold() {
    let input = "0123456789abcdef".repeat(100_000);
    let cat = call("cat", &[]);
    let outputs: Vec<_> =
        run_all(&[(&cat, &input), (&cat, "short")], Duration::from_secs(10)).into_iter().map(Result::unwrap).collect();
    assert!(outputs[0] == input.as_bytes());
    assert_eq!(outputs[1], b"short");
}

#[test]
fn a_program_that_does_not_read_fails_by_its_own_words() {
    let error = run(&call("ls", &["/nosuch"]), &"x".repeat(1_000_000)).unwrap_err().to_string();
    assert!(error.contains("/ls /nosuch` failed with exit status 2") && error.contains("No such file"), "{error}");
    assert!(run(&call("true", &[]), &"x".repeat(1_000_000)).is_ok());
}

#[test]
fn a_program_that_hangs_is_killed() {
    // If it were not killed, it would block this test forever.
    let (sleep, quick) = (call("sleep", &["infinity"]), call("true", &[]));
    let mut results = run_all(&[(&sleep, ""), (&quick, "")], Duration::from_secs(3));
    assert!(results.pop().unwrap().is_ok());
    assert!(matches!(results.pop().unwrap(), Err(ProcessError::Hung { .. })));
}

#[test]
fn a_program_that_closes_its_output_and_stays_is_killed() {
    let stays = call("sh", &["-c", "exec >&- 2>&-; exec sleep infinity"]);
    let result = run_all(&[(&stays, "")], Duration::from_millis(50)).pop().unwrap();
    assert!(matches!(result, Err(ProcessError::Hung { .. })));
}

#[test]
fn a_program_that_is_given_nothing_does_nothing() {
    let started = Started::new(vec![call("sh", &["-c", "read line; exec sleep infinity"])]);
    let id = started.running[0].as_ref().unwrap().child.id();
    drop(started);
    assert!(!Path::new(&format!("/proc/{id}")).exists());
}

#[test]
fn a_program_that_floods_is_killed() {
    let results = run_all(&[(&call("cat", &["/dev/zero"]), ""), (&call("yes", &[]), "")], Duration::from_secs(600));
    for result in results {
        let error = result.unwrap_err().to_string();
        assert!(error.ends_with("`: it printed more than 64 MiB, and was killed"), "{error}");
    }
}

#[test]
fn the_line_that_a_program_complains_about() {
    let input = "* nat\n-N X\n-A X -j Y\nCOMMIT\n";
    for (said, text) in [
        ("iptables-nft-restore: line 3 failed: No chain/target/match by that name.", Some("-A X -j Y")),
        ("iptables-restore v1.8.9 (legacy): unknown\nError occurred at line: 2\nTry `-h'", Some("-N X")),
        ("iptables-restore: line 4 failed", Some("COMMIT")),
        ("line 99 failed", None),
        ("line 0 failed", None),
        ("the line is busy", None),
        ("", None),
    ] {
        let found = error::complaint(said, input);
        assert_eq!(found.as_ref().map(|(_, text)| text.as_str()), text, "{said}");
    }
}

#[test]
fn programs_are_found_by_absolute_path_only() {
    assert!(find("sh", Some("/nosuch:/bin".into())).is_some_and(|p| p.is_absolute()));
    assert_eq!(find("sh", Some(":.:bin".into())), None);
    assert_eq!(find("nosuch-program", None), None);
}
