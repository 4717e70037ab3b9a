//! What reviews are answered with. Conformance cases test the patches.

mod warnings;

use super::*;
use crate::base64;
use crate::config::Source;
use crate::decision::{Decision, Note, Policy, Reason, Source as Switch};
use crate::functions;

const VALUES: &str = "global: {hub: h, tag: t, proxy: {resources: {requests: {cpu: 100m, memory: 128Mi}, limits: {cpu: \"2\"}}}}\n\
                      sidecarInjectorWebhook: {rewriteAppHTTPProbe: true}\n";
const TEMPLATES: &str = "templates:\n  sidecar: |\n    spec: {containers: [{name: istio-proxy}]}\n  spot: |\n    spec: {priorityClassName: low}\n";

const LIMITED: &str =
    "templates:\n  sidecar: |\n    spec: {containers: [{name: istio-proxy, resources: {limits: {cpu: 1}}}]}\n";

fn config_of(injection: &str) -> Config {
    let source = |name: &str, text: &str| Source::new(name, text);
    let config = Config::load(
        &source("config", injection),
        &source("values", VALUES),
        &source("mesh", "{}"),
        &functions::all(|_| None),
    );
    config.unwrap_or_else(|error| panic!("{error}"))
}

fn config() -> Config {
    config_of(&format!("policy: enabled\naliases: {{both: [spot, sidecar]}}\n{TEMPLATES}"))
}

/// A request for the creation of a pod, whose metadata and further fields of the spec are given.
fn request(metadata: &str, spec: &str) -> String {
    format!(
        r#"{{"uid":"u1","namespace":"ns","operation":"CREATE","kind":{{"group":"","version":"v1","kind":"Pod"}},
        "object":{{"apiVersion":"v1","kind":"Pod","metadata":{metadata},"spec":{{"containers":[{{"name":"app"}}]{spec}}}}}}}"#
    )
}

fn answer_to(request: &str, config: &Config) -> Answer {
    let review = format!(r#"{{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{request}}}"#);
    answer(review.as_bytes(), config, &Circumstances::default())
}

fn response(answer: &Answer) -> Value {
    json::parse(answer.body.as_bytes()).unwrap().get("response").cloned().unwrap()
}

fn words(answer: &Answer) -> (&'static str, &'static str) {
    (answer.outcome.word(), answer.outcome.reason())
}

fn annotated(annotations: &str) -> String {
    request(&format!(r#"{{"annotations":{annotations}}}"#), "")
}

#[test]
fn any_number_of_annotations_in_any_order_is_read_at_once() {
    // One by one into their order, they would take a minute and more.
    let annotations: Vec<_> = (0..200_000).rev().map(|i| format!(r#""a{i:06}":"""#)).collect();
    let answer = answer_to(&annotated(&format!("{{{}}}", annotations.join(","))), &config());
    assert_eq!(words(&answer), ("injected", "policy-enabled"));
}

#[test]
fn audit_annotations_name_decision_reason_revision_and_templates() {
    let audit = |request: &str, revision: &str| {
        let review =
            format!(r#"{{"apiVersion":"admission.k8s.io/v1beta1","kind":"AdmissionReview","request":{request}}}"#);
        let answer = answer(review.as_bytes(), &config(), &Circumstances { revision, ..Circumstances::default() });
        json::to_string(response(&answer).get("auditAnnotations").unwrap())
    };
    assert_eq!(
        audit(&annotated(r#"{"inject.istio.io/templates":"both, spot"}"#), "canary"),
        r#"{"decision":"injected","reason":"policy-enabled","revision":"canary","templates":"spot,sidecar,spot"}"#
    );
    assert_eq!(
        audit(&request("{}", r#","hostNetwork":true"#), ""),
        r#"{"decision":"skipped","reason":"host-network","revision":"default"}"#
    );
    assert_eq!(
        audit(&annotated(r#"{"inject.istio.io/templates":"none"}"#), ""),
        r#"{"decision":"refused","reason":"unknown-template","revision":"default"}"#
    );
}

#[test]
fn every_reason_is_among_those_that_metrics_know() {
    let decision = |reason, inject| Decision { inject, reason, notes: Vec::new() };
    let switch = |source| Reason::Switch(source);
    let injected = [switch(Switch::Label), switch(Switch::Annotation), Reason::AlwaysSelector(0)];
    let injected = injected.into_iter().chain([Reason::Policy(Policy::Enabled)]);
    let injected = injected.map(|reason| Outcome::Injected { decision: decision(reason, true), templates: Vec::new() });
    let skipped = [
        Reason::HostNetwork,
        Reason::SystemNamespace("kube-system".into()),
        switch(Switch::Label),
        switch(Switch::Annotation),
        Reason::NeverSelector(0),
        Reason::Policy(Policy::Disabled),
        Reason::Policy(Policy::Unknown("x".into())),
    ];
    let skipped = skipped.into_iter().map(|reason| Outcome::Skipped(decision(reason, false)));
    let passed = [Passed::NotAPod { kind: "Job".into() }, Passed::Operation("UPDATE".into())].map(Outcome::Passed);
    let template = |text: &str| config_of(&format!("policy: enabled\ntemplates: {{sidecar: '{text}'}}\n"));
    let plain = request("{}", "");
    let pod = |annotations: &str| (annotated(annotations), config());
    let own_proxy =
        r#"{"object":{"spec":{"containers":[{"name":"istio-proxy","resources":{"limits":{"$patch":"1"}}}]}}}"#;
    let refused = [
        ("null".to_owned(), config()),
        ("{}".to_owned(), config()),
        (r#"{"object":[]}"#.to_owned(), config()),
        pod(r#"{"sidecar.istio.io/interceptionMode":"x"}"#),
        pod(r#"{"prometheus.io/port":"x"}"#),
        pod(r#"{"inject.istio.io/templates":"none"}"#),
        (own_proxy.to_owned(), config_of(&format!("policy: enabled\n{LIMITED}"))),
        (plain.clone(), template("{{ fail \"x\" }}")),
        (plain.clone(), template("- a")),
        (plain, template("spec: {containers: [{image: nameless}]}")),
    ];
    let refused = refused.into_iter().map(|(request, config)| answer_to(&request, &config).outcome);
    let broken = ["{", "{}"].map(|body| answer(body.as_bytes(), &config(), &Circumstances::default()).outcome);
    let outcomes = injected.chain(skipped).chain(passed).chain(refused).chain(broken);
    let mut found: Vec<_> = outcomes.map(|outcome| (outcome.word(), outcome.reason())).collect();
    found.sort_unstable();
    let mut known = REASONS.to_vec();
    known.sort_unstable();
    assert_eq!(found, known);
}

#[test]
fn what_is_not_the_creation_of_a_pod_is_let_through() {
    let object =
        |kind: &str| format!(r#"{{"operation":"CREATE","object":{{{kind}"spec":{{"containers":[{{"name":"a"}}]}}}}}}"#);
    let with_kind = |kind: &str, object: &str| format!(r#"{{"kind":{kind},"object":{object}}}"#);
    let cases = [
        (object(r#""apiVersion":"apps/v1","kind":"Deployment","#), "not-a-pod"),
        (object(r#""apiVersion":"example.com/v1","kind":"Pod","#), "not-a-pod"),
        (with_kind(r#"{"group":"apps","kind":"Deployment"}"#, "{}"), "not-a-pod"),
        (with_kind(r#"{"group":"","kind":"PodExecOptions"}"#, "{}"), "not-a-pod"),
        (object(r#""apiVersion":"v1","kind":"Pod","#).replace("CREATE", "UPDATE"), "operation"),
        (r#"{"operation":"DELETE","object":null,"oldObject":{"kind":"Pod"}}"#.to_owned(), "operation"),
        (r#"{"operation":"CONNECT","object":{"kind":"PodExecOptions"}}"#.to_owned(), "operation"),
    ];
    for (request, reason) in cases {
        let answer = answer_to(&request, &config());
        assert_eq!(words(&answer), ("skipped", reason), "{request}");
        let response = response(&answer);
        assert_eq!(response.get("allowed"), Some(&Value::Bool(true)), "{request}");
        assert_eq!(response.get("patch"), None, "{request}");
    }
    for pod in [
        object(r#""apiVersion":"v1","kind":"Pod","#),
        object(""),
        object(r#""kind":"Pod","#),
        // As `istioctl kube-inject` asks.
        with_kind(
            r#"{"group":"admission.k8s.io","version":"v1","kind":"AdmissionRequest"}"#,
            r#"{"spec":{"containers":[{"name":"a"}]}}"#,
        ),
    ] {
        assert_eq!(words(&answer_to(&pod, &config())), ("injected", "policy-enabled"), "{pod}");
    }
}

#[test]
fn a_request_without_an_object_is_refused() {
    for request in ["{}", r#"{"object":null}"#, r#"{"operation":"CREATE"}"#] {
        let answer = answer_to(request, &config());
        assert_eq!(words(&answer), ("refused", "no-object"), "{request}");
        let response = response(&answer);
        let message = response.str_at(&["status", "message"]).unwrap();
        assert!(message.contains("the request has no `object`"), "{message}");
    }
}

/// The contents of a log, as one text.
fn logged(answer: &Answer) -> String {
    answer.log_fields().iter().map(|(key, text)| format!("{key}={text}")).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_log_names_the_pod_and_what_became_of_it() {
    let answer = answer_to(&request(r#"{"generateName":"app-","namespace":"n"}"#, ""), &config());
    let want = "decision=injected reason=policy-enabled namespace=n name=app- uid=u1 templates=sidecar";
    assert_eq!(logged(&answer), want);
    let label = r#"{"dryRun":true,"object":{"metadata":{"labels":{"sidecar.istio.io/inject":"x"}}}}"#;
    let note = r#"note=label sidecar.istio.io/inject: "x" is neither "true" nor "false"; it is ignored"#;
    let want = format!("decision=injected reason=policy-enabled dry_run=true templates=sidecar {note}");
    assert_eq!(logged(&answer_to(label, &config())), want);
    let update = r#"{"operation":"UPDATE","name":"p"}"#;
    let note = r#"note=a pod is only injected on CREATE, not on "UPDATE"; limit the webhook's rules to CREATE"#;
    assert_eq!(logged(&answer_to(update, &config())), format!("decision=skipped reason=operation name=p {note}"));
}

#[test]
fn a_log_gets_no_endless_text() {
    let long = "é".repeat(100_000);
    let names = format!(
        r#"{{"uid":"{long}","namespace":"{long}","operation":"{long}","object":{{"metadata":{{"name":"{long}"}}}}}}"#
    );
    let switch = format!(r#"{{"object":{{"metadata":{{"labels":{{"sidecar.istio.io/inject":"{long}"}}}}}}}}"#);
    for request in [names, switch] {
        let fields = answer_to(&request, &config()).log_fields();
        assert!(fields.iter().all(|(_, text)| text.chars().count() <= 512), "{:?}", fields.last());
        assert!(fields.iter().any(|(_, text)| text.ends_with('…')));
    }
}

#[test]
fn a_log_contains_nothing_from_the_pod() {
    let template = |text: &str| config_of(&format!("policy: enabled\ntemplates: {{sidecar: '{text}'}}\n"));
    let secret = |annotation: &str| annotated(&format!(r#"{{"{annotation}":"s3cret"}}"#));
    let cases = [
        (
            secret("sidecar.istio.io/interceptionMode"),
            config(),
            "invalid annotation: sidecar.istio.io/interceptionMode",
        ),
        (secret("proxy.istio.io/overrides"), config(), "invalid annotation: proxy.istio.io/overrides"),
        (secret("inject.istio.io/templates"), config(), "unknown template"),
        (secret("prometheus.io/port"), config(), "Prometheus"),
        (
            secret("a"),
            template("{{ fail (index .ObjectMeta.Annotations \"a\") }}"),
            "template \"sidecar\" fails at line 1",
        ),
        (secret("a"), template("{a: {{ index .ObjectMeta.Annotations \"a\" }}: }"), "not YAML"),
        (secret("a"), template("[{{ index .ObjectMeta.Annotations \"a\" }}]"), "a list"),
        (secret("a"), template("spec: {{ index .ObjectMeta.Annotations \"a\" }}"), "does not make a pod, at spec"),
        (
            secret("a"),
            template("spec: {containers: [{image: {{ index .ObjectMeta.Annotations \"a\" }}}]}"),
            "cannot be merged",
        ),
        (r#"{"object":{"spec":{"containers":"s3cret"}}}"#.to_owned(), config(), "spec.containers"),
    ];
    for (request, config, want) in cases {
        let answer = answer_to(&request, &config);
        let line = logged(&answer);
        assert!(matches!(answer.outcome, Outcome::Refused(_)), "{line}");
        assert!(line.contains(want) && !line.contains("s3cret"), "{line}");
    }
}

#[test]
fn invalid_selectors_are_noted_for_the_log_alone() {
    let config = config_of(&format!(
        "policy: enabled\nneverInjectSelector: [{{matchExpressions: [{{key: a, operator: Like}}]}}]\n{TEMPLATES}"
    ));
    let answer = answer_to(&request("{}", ""), &config);
    assert!(matches!(answer.outcome.notes(), [Note::InvalidSelector { index: 0, .. }]));
    assert!(logged(&answer).contains("neverInjectSelector[0]"), "{}", logged(&answer));
    assert_eq!(response(&answer).get("warnings"), None);
}

#[test]
fn proxy_config_resources_count_and_the_workloads_wins_over_the_annotation() {
    let template = "policy: enabled\ntemplates:\n  sidecar: |\n    metadata: {labels: {proxy: '{{ protoToJSON .ProxyConfig }}'}}\n";
    let config = config_of(template);
    let objects = [
        "{metadata: {namespace: istio-system, name: a}, spec: {concurrency: 1, environmentVariables: {A: root, B: root, C: root}}}",
        "{metadata: {namespace: ns, name: a}, spec: {environmentVariables: {B: ns, C: ns}}}",
        "{metadata: {namespace: ns, name: b}, spec: {selector: {matchLabels: {app: a}}, environmentVariables: {D: workload}}}",
    ];
    let objects = objects.map(|text| crate::yaml::parse(text).unwrap());
    let configs = ProxyConfigs::of(&objects);
    let rendered = |labels: &str, proxy_configs| {
        let pod = format!(
            r#"{{"labels":{labels},"annotations":{{"proxy.istio.io/config":"{{\"proxyMetadata\":{{\"C\":\"annotation\",\"D\":\"annotation\"}}}}"}}}}"#
        );
        let review = format!(
            r#"{{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{}}}"#,
            request(&pod, "")
        );
        let circumstances = Circumstances { proxy_configs, ..Circumstances::default() };
        let answer = answer(review.as_bytes(), &config, &circumstances);
        let patch = base64::decode(response(&answer).str_at(&["patch"]).unwrap()).unwrap();
        let patch = json::parse(&patch).unwrap();
        let labels = patch.as_list().unwrap().iter().find(|operation| {
            operation
                .str_at(&["path"])
                .is_some_and(|path| path == "/metadata/labels/proxy" || path == "/metadata/labels")
        });
        let value = labels.and_then(|operation| operation.get("value")).unwrap();
        value.as_str().or_else(|| value.str_at(&["proxy"])).unwrap().to_owned()
    };
    assert_eq!(
        rendered(r#"{"app":"a"}"#, Some(&configs)),
        r#"{"concurrency":1,"proxyMetadata":{"A":"root","B":"ns","C":"annotation","D":"workload"}}"#
    );
    assert_eq!(
        rendered(r#"{"app":"b"}"#, Some(&configs)),
        r#"{"concurrency":1,"proxyMetadata":{"A":"root","B":"ns","C":"annotation","D":"annotation"}}"#
    );
    assert_eq!(rendered(r#"{"app":"a"}"#, None), r#"{"proxyMetadata":{"C":"annotation","D":"annotation"}}"#);
}

#[test]
fn an_equal_pod_gets_the_answer_again_and_no_other_pod_does() {
    let (config, memo) = (config(), Memo::default());
    let annotated = |labels: &str, more: &str| {
        request(&format!(r#"{{"labels":{labels},"annotations":{{"inject.istio.io/templates":"both"}}{more}}}"#), "")
    };
    let first = annotated(r#"{"app":"a"}"#, r#","managedFields":[{"time":"2026-01-01T00:00:00Z"}]"#);
    let requests = [
        first.clone(),
        first.replace("u1", "u2").replace("00Z", "01Z"),
        annotated(r#"{"app":"b"}"#, ""),
        annotated("{}", ""),
        annotated("null", ""),
        first.replace(r#""namespace":"ns""#, r#""namespace":"other""#),
        first,
    ];
    for request in requests.iter().chain(&requests) {
        for path in ["/inject", "/inject/net/n1"] {
            let review =
                format!(r#"{{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{request}}}"#);
            let circumstances = Circumstances { path, ..Circumstances::default() };
            let anew = answer(review.as_bytes(), &config, &circumstances);
            let kept = answer(review.as_bytes(), &config, &Circumstances { memo: Some(&memo), ..circumstances });
            assert_eq!(kept.body, anew.body, "{request}");
            assert_eq!((kept.log_fields(), kept.warnings), (anew.log_fields(), anew.warnings));
        }
    }
}
