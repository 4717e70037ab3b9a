use super::*;
use crate::object::documents;
use crate::yaml;

const CONFIGURATION: &str = r#"
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata: {name: injector, labels: {istio.io/rev: default}}
webhooks:
- name: namespace.sidecar-injector.istio.io
  clientConfig: {caBundle: Cg==, service: {namespace: istio-system, name: injector, path: /inject}}
  admissionReviewVersions: [v1]
  sideEffects: None
  failurePolicy: Fail
  rules: [{operations: [CREATE], apiGroups: [""], apiVersions: [v1], resources: [pods]}]
  namespaceSelector: {matchExpressions: [{key: istio-injection, operator: In, values: [enabled]}]}
  objectSelector: {matchExpressions: [{key: sidecar.istio.io/inject, operator: NotIn, values: ["false"]}]}
- name: another.example.com
"#;

const OTHERS: &str = r#"
- {kind: Service, metadata: {namespace: istio-system, name: injector}, spec: {selector: {app: injector}, ports: [{port: 443}]}}
- {kind: Endpoints, metadata: {namespace: istio-system, name: injector}, subsets: [{addresses: [{ip: 10.0.0.1}]}]}
- {kind: Deployment, metadata: {namespace: istio-system, name: the-injector}, spec: {template: {metadata: {labels: {app: injector}}}}}
- {kind: Namespace, metadata: {name: istio-system}}
- {kind: Namespace, metadata: {name: kube-system}}
- {kind: ConfigMap, metadata: {name: other}}
"#;

/// What is found after a change of the texts.
fn found(from: &str, to: &str) -> Vec<String> {
    let text = format!("{CONFIGURATION}\u{0}{OTHERS}");
    assert!(from.is_empty() || text.contains(from), "{from}");
    let text = if from.is_empty() { text } else { text.replace(from, to) };
    let (configuration, others) = text.split_once('\u{0}').unwrap();
    let others = yaml::parse(others).unwrap();
    let objects = others.as_list().unwrap().iter().cloned().chain([yaml::parse(configuration).unwrap()]);
    let findings = Installation { runs: true, ..Installation::of(objects) }.check(None);
    findings.into_iter().map(|finding| format!("{}: {}", finding.subject, finding.problem)).collect()
}

#[test]
fn a_right_installation_has_no_problems() {
    assert_eq!(found("", ""), [] as [String; 0]);
}

#[test]
fn each_problem_is_found_and_named() {
    for (from, to, want) in [
        ("operator: In, values: [enabled]", "operator: NotIn, values: [disabled]", "pods in kube-system, kube-public"),
        (
            "operator: In, values: [enabled]",
            "operator: NotIn, values: [disabled]",
            "the injector's own pods (the-injector)",
        ),
        (
            "{name: kube-system}",
            "{name: kube-system, labels: {istio-injection: enabled}}",
            "pods in kube-system, which",
        ),
        ("{name: istio-system}", "{name: istio-system, labels: {istio-injection: enabled}}", "own pods (the-injector)"),
        ("operator: In, values: [enabled]", "operator: Is", "namespaceSelector is invalid"),
        ("failurePolicy: Fail", "failurePolicy: Ignore", "failurePolicy is Ignore"),
        ("failurePolicy: Fail", "timeoutSeconds: 30", "timeoutSeconds is 30"),
        ("failurePolicy: Fail", "timeoutSeconds: 1", "timeoutSeconds is 1"),
        ("caBundle: Cg==, ", "", "caBundle is empty"),
        (
            "{caBundle: Cg==, service: {namespace: istio-system, name: injector, path: /inject}}",
            "{caBundle: Cg==}",
            "neither service nor url",
        ),
        ("path: /inject", "path: /mutate", "the path is \"/mutate\""),
        ("name: injector, path", "name: other, path", "the Service istio-system/other does not exist"),
        ("ports: [{port: 443}]", "ports: [{port: 8443}]", "has no port 443"),
        ("subsets: [{addresses: [{ip: 10.0.0.1}]}]", "subsets: []", "has no ready endpoint"),
        ("[v1]\n", "[v2]\n", "neither v1 nor v1beta1"),
        ("sideEffects: None", "sideEffects: Some", "sideEffects is \"Some\""),
        ("operations: [CREATE]", "operations: [UPDATE]", "no rule covers the creation of pods"),
        ("operations: [CREATE]", "operations: ['*']", "more than the creation of pods"),
        ("resources: [pods]", "resources: [pods, deployments]", "more than the creation of pods"),
        (", labels: {istio.io/rev: default}", "", "no label istio.io/rev"),
        ("namespace.sidecar-injector.istio.io", "x.example.com", "there is no MutatingWebhookConfiguration"),
    ] {
        let found = found(from, to);
        assert!(found.iter().any(|finding| finding.contains(want)), "{want}: {found:#?}");
    }
}

#[test]
fn pods_that_decline_are_not_caught() {
    let declining = r#"{app: injector, sidecar.istio.io/inject: "false"}}}}}"#;
    let text = CONFIGURATION.replace("operator: In, values: [enabled]", "operator: NotIn, values: [disabled]");
    let objects = yaml::parse(&OTHERS.replace("{app: injector}}}}}", declining)).unwrap();
    let objects = objects.as_list().unwrap().iter().cloned().chain([yaml::parse(&text).unwrap()]);
    let findings = Installation::of(objects).check(Some("default"));
    assert!(findings.iter().all(|finding| !matches!(finding.problem, Problem::CatchesItself { .. })), "{findings:?}");
}

#[test]
fn two_with_the_same_selectors_are_found() {
    let one = yaml::parse(CONFIGURATION).unwrap();
    let other = yaml::parse(&CONFIGURATION.replace("name: injector, labels", "name: istio, labels")).unwrap();
    let installation = Installation::of([one, other]);
    let findings = installation.check(None);
    assert!(
        findings
            .iter()
            .any(|finding| matches!(&finding.problem, Problem::Twice { others } if others.starts_with("istio: ")))
    );
    assert!(matches!(
        installation.check(Some("canary"))[..],
        [Finding { problem: Problem::NoConfiguration { .. }, .. }]
    ));
}

#[test]
fn the_address_of_a_webhook_is_read_from_service_or_url() {
    for (from, to, name, port) in [
        ("", "", "injector.istio-system.svc", 443),
        ("path: /inject", "path: /inject, port: 9443", "injector.istio-system.svc", 9443),
        ("service: {namespace: istio-system, name: injector, path: /inject}", "url: 'https://a.b/inject'", "a.b", 443),
        (
            "service: {namespace: istio-system, name: injector, path: /inject}",
            "url: 'https://[::1]:8443/inject'",
            "::1",
            8443,
        ),
        (
            "service: {namespace: istio-system, name: injector, path: /inject}",
            "url: 'https://[::1]/inject'",
            "::1",
            443,
        ),
    ] {
        let text = if from.is_empty() { CONFIGURATION.to_owned() } else { CONFIGURATION.replace(from, to) };
        let installation = Installation::of([yaml::parse(&text).unwrap()]);
        let address = installation.entries(None).next().unwrap().address().unwrap();
        assert_eq!(address, Address { name: name.to_owned(), port });
        assert!(installation.check(None).is_empty(), "{:?}", installation.check(None));
    }
}

#[test]
fn the_manifests_that_come_with_the_injector_are_right() {
    for text in [
        include_str!("../../../docker/kubernetes/injector/sidecar-injector.yaml"),
        include_str!("../../../docker/kubernetes/injector/canary.yaml"),
        include_str!("../../../docker/kubernetes/injector/with-istio.yaml"),
    ] {
        let objects = documents(text).map(|document| yaml::parse(&document.unwrap().text).unwrap());
        let installation = Installation::of(objects);
        assert!(installation.entries(None).count() >= 2);
        assert_eq!(installation.check(None), []);
    }
}
