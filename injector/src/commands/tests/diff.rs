//! `diff`.

use super::*;

#[test]
fn a_diff_shows_what_injection_adds() {
    let setup = Setup::new("diff");
    let config = ["--injectConfigFile", &setup.config, "--valuesFile", &setup.values];
    let Call { status, out, errors } = call(&[&["diff", "-f", "-"], &config[..]].concat(), DEPLOYMENT);
    assert_eq!((status.code(), errors.as_str()), (1, ""));
    assert!(
        out.starts_with("--- standard input: Deployment \"web\"\n+++ standard input: Deployment \"web\"\n@@ "),
        "{out}"
    );
    assert!(out.contains("\n+      - image: h/proxyv2:t\n+        name: istio-proxy\n"), "{out}");
    assert!(out.lines().skip(2).all(|line| !line.starts_with('-')), "{out}");
}

#[test]
fn without_a_difference_nothing_is_printed() {
    let setup = Setup::new("same");
    let config = ["--injectConfigFile", &setup.config, "--valuesFile", &setup.values];
    let diff = |more: &[&str], input: &str| call(&[&["diff", "-f", "-"], &config[..], more].concat(), input);
    let injected = setup.kube_inject(&["-f", "-"], DEPLOYMENT).out;
    for (more, input) in [(&[][..], injected.as_str()), (&["--to-revision", ""], &injected), (&[], "kind: Foo\n")] {
        let Call { status, out, errors } = diff(more, input);
        assert_eq!((status, out.as_str(), errors.as_str()), (Status::Done, "", ""));
    }
}

#[test]
fn another_configuration_is_compared_with_the_first() {
    let setup = Setup::new("other");
    let values = setup.folder.file("newer.yaml", "global: {hub: h, tag: newer}\n");
    let config = ["--injectConfigFile", &setup.config, "--valuesFile", &setup.values, "--to-valuesFile", &values];
    let diff = |more: &[&str], input: &str| call(&[&["diff", "-f", "-"], &config[..], more].concat(), input);
    let lines = |out: &str| -> Vec<String> {
        let changed =
            |line: &&str| line.starts_with(['+', '-']) && !line.starts_with("+++") && !line.starts_with("---");
        out.lines().filter(changed).map(str::to_owned).collect()
    };
    let out = diff(&["--to-revision", "canary"], DEPLOYMENT).out;
    assert_eq!(lines(&out)[2..4], ["-        rev: \"\"", "+        rev: canary"], "{out}");
    let out = diff(&[], DEPLOYMENT).out;
    assert_eq!(lines(&out), ["-      - image: h/proxyv2:t", "+      - image: h/proxyv2:newer"]);
    let injected = setup.kube_inject(&["-f", "-"], DEPLOYMENT).out;
    assert_eq!(diff(&[], &injected).out, out, "what was injected before is replaced");
    let summary = diff(&["--summary"], DEPLOYMENT).out;
    assert_eq!(
        summary,
        "standard input, document 1: Deployment \"web\"\n  ~ spec.containers[istio-proxy].image: \"h/proxyv2:t\" -> \"h/proxyv2:newer\"\n\
         workloads that change: 1 of 1\n"
    );
}

#[test]
fn of_a_directory_workloads_and_fields_are_listed() {
    let setup = Setup::new("directory");
    let apps = Folder::new("directory-apps");
    apps.file("a.yaml", DEPLOYMENT);
    apps.file(
        "b.yaml",
        DEPLOYMENT.replace("      labels: {app: web}", "      labels: {app: web, sidecar.istio.io/inject: \"false\"}"),
    );
    let folder = apps.path("");
    let config = ["diff", "--injectConfigFile", &setup.config, "--valuesFile", &setup.values, "-f", &folder];
    let out = call(&config, "").out;
    assert!(
        out.contains("a.yaml, document 1: Deployment \"web\"\n  + metadata.annotations[sidecar.istio.io/status]: \"{"),
        "{out}"
    );
    assert!(out.ends_with("workloads that change: 1 of 2\n") && !out.contains("b.yaml"), "{out}");
    let lines = call(&[&config[..], &["--summary=false"]].concat(), "").out;
    assert!(lines.contains("@@ ") && !lines.contains("b.yaml"), "{lines}");
}

#[test]
fn no_answer_is_no_difference() {
    assert_eq!(call(&["diff"], "").status.code(), 2);
    assert_eq!(call(&["diff", "--nosuch"], "").status.code(), 2);
    assert_eq!(call(&["diff", "-f", "-", "--to-valuesFile", "/nosuch/file"], "").status.code(), 2);
}
