//! What rules leave alone, and what they check twice.

use super::*;

/// A pod with more in its metadata, its spec and its container.
fn pod(metadata: &str, spec: &str, container: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: web, labels: {{app: web, version: v1}}{metadata}}}\n\
         spec: {{containers: [{{name: app, image: app:1{container}}}]{spec}}}\n"
    )
}

fn service(ports: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: web}}\nspec: {{selector: {{app: web}}, ports: [{ports}]}}\n"
    )
}

fn namespace(labels: &str) -> String {
    format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: default, labels: {{{labels}}}}}\n")
}

/// The names of the findings in several documents, without those that nearly every text here has.
fn found_in(documents: &[&str]) -> Vec<&'static str> {
    let mut names = names(&found(&documents.join("---\n")));
    names.retain(|name| !matches!(*name, "no-service" | "port-protocol-unknown"));
    names
}

const NONE: [&str; 0] = [];

#[test]
fn what_the_proxy_does_not_capture_needs_no_protocol() {
    let udp = service(
        "{port: 53, protocol: UDP, name: dns}, {port: 132, protocol: SCTP}, {port: 3306}, {port: 53, name: dns-tcp}",
    );
    assert_eq!(names(&found(&udp)), NONE);
    let external =
        "apiVersion: v1\nkind: Service\nmetadata: {name: out}\nspec: {type: ExternalName, externalName: example.com}\n";
    assert_eq!(found_in(&[external, &pod("", "", "")]), NONE);
    let knative = "apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: k}\nspec: {template: {}}\n";
    assert_eq!(names(&found(knative)), NONE);
}

#[test]
fn ports_of_one_service_can_conflict_too_and_families_of_protocols_do_not() {
    let app = pod("", "", ", ports: [{name: main, containerPort: 8080}]");
    let both = |second: &str| {
        let ports =
            format!("{{name: http, port: 80, targetPort: main}}, {{name: {second}, port: 81, targetPort: 8080}}");
        found_in(&[&app, &service(&ports)])
    };
    assert_eq!(both("grpc"), ["port-protocol-conflict"]);
    assert_eq!(both("tcp"), ["port-protocol-conflict"]);
    assert_eq!(both("http-two"), NONE);
    let tls = service("{name: https, port: 80, targetPort: main}, {name: tls, port: 81, targetPort: 8080}");
    assert_eq!(found_in(&[&app, &tls]), NONE, "the proxy looks into neither");
}

#[test]
fn services_of_other_namespaces_select_nothing_here() {
    let elsewhere = service("{name: http, port: 80}").replace("{name: web}", "{name: web, namespace: other}");
    let report = found(&[pod("", "", "").as_str(), &elsewhere].join("---\n"));
    assert_eq!(names(&report), ["no-service"], "and nothing is known of the pods of the other namespace");
    let explicit = service("{name: http, port: 80}").replace("{name: web}", "{name: web, namespace: default}");
    assert_eq!(names(&found(&[pod("", "", "").as_str(), &explicit].join("---\n"))), NONE);
}

#[test]
fn gateways_have_the_proxys_own_ports() {
    let gateway = pod(", annotations: {inject.istio.io/templates: sidecar}", "", "")
        .replace("name: app, image: app:1", "name: istio-proxy, image: auto");
    assert_eq!(found_in(&[&gateway, &service("{name: status-port, port: 15021, targetPort: 15021}")]), NONE);
}

#[test]
fn users_are_those_of_the_container_or_else_of_the_pod() {
    let of_pod = ", securityContext: {runAsUser: 1337}";
    assert_eq!(found_in(&[&pod("", of_pod, "")]), ["proxy-user"]);
    assert_eq!(found_in(&[&pod("", of_pod, ", securityContext: {runAsUser: 1}")]), NONE);
    assert_eq!(
        found_in(&[&pod("", ", initContainers: [{name: i, image: i, securityContext: {runAsUser: 1337}}]", "")]),
        NONE
    );
    let stays = ", initContainers: [{name: i, image: i, restartPolicy: Always, securityContext: {runAsUser: 1337}}]";
    assert_eq!(found_in(&[&pod("", stays, "")]), ["proxy-user"]);
    let declines = pod("", of_pod, "").replace("version: v1", "version: v1, sidecar.istio.io/inject: 'false'");
    assert_eq!(found_in(&[&declines]), NONE, "there is no proxy to bypass");
}

#[test]
fn pods_that_end_are_jobs_whatever_made_them() {
    let ends = ", restartPolicy: OnFailure";
    assert_eq!(found_in(&[&pod("", ends, "")]), ["job-never-completes"]);
    let asks = ", command: [sh, -c, 'run; curl -X POST localhost:15020/quitquitquit']";
    assert_eq!(found_in(&[&pod("", ends, asks)]), NONE);
    let native = found_with(&pod("", ends, ""), &config(default::injection(), "{}", ""), Mode::Enabled);
    assert_eq!(names(&native), ["no-service"]);
}

#[test]
fn a_cron_job_has_two_levels_above_its_pods() {
    let annotation = |value| format!("annotations: {{sidecar.istio.io/logLevel: {value}}}");
    let job = format!(
        "apiVersion: batch/v1\nkind: CronJob\nmetadata: {{name: j, {}}}\nspec:\n  schedule: '* * * * *'\n  jobTemplate:\n    \
         metadata: {{{}}}\n    spec:\n      template:\n        metadata: {{labels: {{app: j, version: v1}}}}\n        \
         spec: {{restartPolicy: Never, containers: [{{name: j, image: j}}]}}\n",
        annotation("debug"),
        annotation("info"),
    );
    let levels = ["annotation-at-wrong-level", "annotation-at-wrong-level", "job-never-completes"];
    assert_eq!(found_in(&[&job]), levels);
    let at_pods = job.replace(
        "{labels: {app: j, version: v1}}",
        &format!("{{labels: {{app: j, version: v1}}, {}}}", annotation("debug")),
    );
    assert_eq!(found_in(&[&at_pods]), ["job-never-completes"], "with a copy at the pods, nothing is lost");
}

#[test]
fn labels_of_namespace_and_pods_are_taken_together() {
    let asks = |labels: &str| pod("", "", "").replace("version: v1", &format!("version: v1, {labels}"));
    let plain = pod("", "", "");
    let cases: [(&str, &str, &[&str]); 11] = [
        ("istio-injection: enabled", &plain, &[]),
        ("istio.io/rev: canary", &plain, &[]),
        ("istio.io/dataplane-mode: ambient", &plain, &[]),
        ("istio-injection: disabled", &plain, &[]),
        ("team: a", &plain, &["namespace-not-injected"]),
        ("team: a", &asks("sidecar.istio.io/inject: 'true'"), &[]),
        ("team: a", &asks("istio.io/rev: canary"), &[]),
        ("istio-injection: disabled", &asks("sidecar.istio.io/inject: 'true'"), &["namespace-overrules-pod"]),
        ("istio-injection: enabled", &asks("istio.io/rev: canary"), &["namespace-overrules-pod"]),
        ("istio.io/rev: stable", &asks("istio.io/rev: canary"), &["namespace-overrules-pod"]),
        ("istio.io/rev: stable, istio.io/dataplane-mode: ambient", &plain, &["namespace-labels-contradict"]),
    ];
    for (labels, pod, want) in cases {
        assert_eq!(found_in(&[&namespace(labels), pod]), want, "{labels}: {pod}");
    }
}

#[test]
fn a_pod_security_level_that_is_only_warned_of_forbids_nothing() {
    let found =
        |labels: &str| found_in(&[&namespace(&format!("istio-injection: enabled, {labels}")), &pod("", "", "")]);
    assert_eq!(found("pod-security.kubernetes.io/enforce: restricted"), ["net-admin-forbidden"]);
    assert_eq!(found("pod-security.kubernetes.io/warn: restricted"), NONE);
    assert_eq!(found("pod-security.kubernetes.io/enforce: privileged"), NONE);
}

#[test]
fn what_injection_wrote_itself_is_no_mistake() {
    let annotations = r#", annotations: {istio.io/rev: default, sidecar.istio.io/status: '{"initContainers":["istio-init"],"containers":["istio-proxy"]}'}"#;
    let spec = ", initContainers: [{name: istio-init, image: i, securityContext: {runAsUser: 0}}]";
    let injected = pod(annotations, spec, "").replace("[{name: app", "[{name: istio-proxy, image: p, securityContext: {runAsUser: 1337}, ports: [{containerPort: 15090}]}, {name: app");
    assert_eq!(found_in(&[&injected]), NONE);
}

#[test]
fn places_are_in_the_file_whatever_the_document_and_the_list() {
    let text = "# first\nfoo: 1\n---\napiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n- apiVersion: v1\n  kind: Service\n  \
        metadata: {name: web}\n  spec:\n    ports:\n    - port: 1\n      name: main\n---\n{\"kind\": \"Service\",\n \"spec\": {\"ports\": [{\"port\": 1,\n  \"name\": \"x\"}]}}\n---\na: [\n";
    let report = found(text);
    let places: Vec<_> =
        report.findings.iter().map(|f| (f.position.line, f.position.column, f.path.as_str())).collect();
    assert_eq!(places, [(15, 7, "spec.ports[0].name"), (19, 3, "spec.ports[0].name"), (21, 4, "")]);
}

#[test]
fn objects_of_any_form_are_looked_at_without_a_panic() {
    let whole = [
        namespace("istio-injection: enabled, pod-security.kubernetes.io/enforce: baseline"),
        service("{name: http, port: 80, targetPort: main, appProtocol: tcp}"),
        pod(
            ", annotations: {sidecar.istio.io/inject: 'true', traffic.sidecar.istio.io/includeInboundPorts: '1'}",
            ", initContainers: [{name: i, image: i}]",
            ", ports: [{name: main, containerPort: 80}], readinessProbe: {httpGet: {port: main}}",
        ),
    ]
    .join("---\n");
    // Each word in turn is something else.
    let words: Vec<_> = whole.match_indices(|c: char| c.is_ascii_alphanumeric()).map(|(at, _)| at).collect();
    let starts = words.iter().filter(|at| **at == 0 || !whole.as_bytes()[**at - 1].is_ascii_alphanumeric());
    for at in starts {
        let (before, rest) = whole.split_at(*at);
        let after = rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || "./-".contains(c));
        for other in ["null", "[7]"] {
            found(&format!("{before}{other}{after}"));
        }
    }
}
