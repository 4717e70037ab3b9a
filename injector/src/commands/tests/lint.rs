//! `lint`, from the command line to its exit status.

use super::*;

/// A Deployment of which nothing is wrong.
const GOOD: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web, version: v1}}
    spec:
      containers:
      - name: app
        image: web:1
        ports: [{name: http, containerPort: 8080}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{name: http, port: 80, targetPort: http}]
";

/// One with an error, a warning and something to improve.
fn bad() -> String {
    let bad = GOOD.replace("8080", "15001").replace("{name: http, port: 80,", "{name: web, port: 80,");
    bad.replace(", version: v1", "")
}

#[test]
fn the_exit_status_is_1_for_findings_of_a_level_2_without_an_answer() {
    let fine = call(&["lint", "-f", "-"], GOOD);
    assert_eq!((fine.status.code(), fine.out.as_str()), (0, "objects: 2, errors: 0, warnings: 0, info: 0\n"));
    let warned = GOOD.replace("{name: http, port: 80,", "{name: web, port: 80,");
    for (text, level, code) in [
        (bad().as_str(), "error", 1),
        (&warned, "error", 0),
        (&warned, "warning", 1),
        (&GOOD.replace(", version: v1", ""), "warning", 0),
        (&GOOD.replace(", version: v1", ""), "info", 1),
        (GOOD, "info", 0),
    ] {
        let call = call(&["lint", "-f", "-", "--fail-on", level], text);
        assert_eq!((call.status.code(), call.errors.as_str()), (code, ""), "--fail-on {level}: {}", call.out);
    }
    for (arguments, error) in [
        (&["lint"][..], "filename not specified"),
        (&["lint", "-f", "-"], "standard input: there are no Kubernetes objects in it"),
        (&["lint", "-f", "/no/such/file"], "/no/such/file: No such file"),
        (
            &["lint", "-f", "-", "--ignore", "no-such-name"],
            "--ignore \"no-such-name\": there is no rule with this name",
        ),
        (&["lint", "-f", "-", "--valuesFile", "/no/such/file"], "/no/such/file: No such file"),
        (&["lint", "--fail-on", "never"], "invalid value 'never'"),
        (&["lint", "--no-such-flag"], "unexpected argument '--no-such-flag'"),
    ] {
        let call = call(arguments, "# nothing\n");
        assert_eq!(call.status.code(), 2, "{arguments:?}");
        assert!(call.errors.contains(error) && call.out.is_empty(), "{arguments:?}: {}{}", call.out, call.errors);
    }
}

#[test]
fn a_finding_has_file_line_level_name_problem_and_remedy() {
    let call = call(&["lint", "-f", "-"], &bad());
    let lines: Vec<_> = call.out.lines().collect();
    assert_eq!(
        lines,
        [
            "standard input:7: info[missing-version-label]: Deployment web: its pods have no label \"version\"; add the label \
             version or app.kubernetes.io/version to the pods; routes and metrics use it to distinguish versions",
            "standard input:12: error[reserved-container-port]: Deployment web: container \"app\" listens on port 15001, which is \
             reserved for the proxy (outbound traffic capture); change the port that the container listens on",
            "standard input:19: warning[port-protocol-unknown]: Service web: port \"web\": its name does not begin with a \
             protocol, so the proxy guesses it; name the port <protocol> or <protocol>-<suffix>, such as http-main, or set \
             appProtocol; valid protocols are http, http2, https, grpc, grpc-web, mongo, mysql, redis, tcp, tls and udp",
            "standard input:19: error[reserved-service-port]: Service web: port \"web\": 15001 is reserved for the proxy (outbound \
             traffic capture); use another port; the proxy reserves 15000, 15001, 15004, 15006, 15008, 15009, 15020, 15021, 15053 and \
             15090",
            "objects: 2, errors: 2, warnings: 1, info: 1",
        ]
    );
}

#[test]
fn files_and_directories_are_one_picture() {
    let folder = Folder::new("lint-picture");
    let (deployment, service) = GOOD.split_once("---\n").unwrap();
    fs::create_dir_all(folder.path("deep/er")).unwrap();
    fs::create_dir_all(folder.path(".git")).unwrap();
    folder.file("deep/er/deployment.yml", deployment);
    let service = folder.file("service.json", json::to_string(&yaml::parse(service).unwrap()));
    folder.file("values.yaml", "replicas: 1\n");
    folder.file("notes.txt", "a: b: c");
    folder.file(".git/x.yaml", "a: b: c");
    let root = folder.path("");
    let both = call(&["lint", "-f", &root, "-f", &service], "");
    assert_eq!(both.out, "objects: 2, errors: 0, warnings: 0, info: 0\n");
    let alone = call(&["lint", "-f", &folder.path("deep")], "");
    assert!(alone.out.contains("deep/er/deployment.yml:7: info[no-service]"), "{}", alone.out);
}

#[test]
fn findings_are_silenced_by_a_flag_or_by_an_annotation_of_the_object_or_its_pods() {
    let names = |arguments: &[&str], text: &str| {
        let out = call(&[&["lint", "-f", "-"], arguments].concat(), text).out;
        let names = out.lines().filter_map(|line| Some(line.split_once('[')?.1.split_once(']')?.0.to_owned()));
        names.collect::<Vec<_>>()
    };
    let all = ["missing-version-label", "reserved-container-port", "port-protocol-unknown", "reserved-service-port"];
    assert_eq!(names(&[], &bad()), all);
    let flags = ["--ignore", "missing-version-label,reserved-service-port", "--ignore", "reserved-container-port"];
    assert_eq!(names(&flags, &bad()), ["port-protocol-unknown"]);
    let annotations =
        "annotations: {sidecar-injector.io/lint-ignore: 'reserved-container-port, reserved-service-port'}";
    let of_object = bad().replace("metadata: {name: web}", &format!("metadata: {{name: web, {annotations}}}"));
    assert_eq!(names(&[], &of_object), ["missing-version-label", "port-protocol-unknown"]);
    let of_pods = bad().replace("{app: web}}\n    spec", &format!("{{app: web}}, {annotations}}}\n    spec"));
    assert_eq!(names(&[], &of_pods), [all[0], all[2], all[3]], "the Service has none");
    let unknown = of_object.replace("'reserved-container-port,", "'reserved-container,");
    let out = call(&["lint", "-f", "-"], &unknown).out;
    assert!(out.contains("warning[unknown-ignore]: Deployment web: annotation sidecar-injector.io/lint-ignore: there is no rule \"reserved-container\""), "{out}");
}

#[test]
fn colours_are_for_terminals_alone() {
    assert!(!call(&["lint", "-f", "-"], &bad()).out.contains('\x1b'));
    let mut out = Vec::new();
    let text = bad();
    let mut streams = Streams { input: &mut text.as_bytes(), out: &mut out, errors: &mut Vec::new(), colour: true };
    run(["sidecar-injector", "lint", "-f", "-"].map(OsString::from).to_vec(), Arc::new(|_| None), &mut streams);
    let out = String::from_utf8(out).unwrap();
    assert!(
        out.contains("standard input:12: \x1b[1;31merror[reserved-container-port]\x1b[0m: Deployment web"),
        "{out}"
    );
}

#[test]
fn the_list_has_every_rule() {
    let list = call(&["lint", "--list"], "").out;
    let names: Vec<_> = list.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(names, crate::lint::RULES.iter().map(|rule| rule.name).collect::<Vec<_>>());
}
