//! AdmissionReviews, and what the webhook answers.

use std::fmt::Write;
use std::sync::LazyLock;

use data_encoding::BASE64;
use serde_json::Value;
use sidecar_injector::config::{Config, Source};
use sidecar_injector::kubernetes::{Type, typed};
use sidecar_injector::review::{self, Answer, Circumstances, Outcome};
use sidecar_injector::{functions, json};

use crate::patched::patched;

const VALUES: &str = "\
global: {hub: example.com/istio, tag: \"1.0\", proxy: {image: proxyv2}}
sidecarInjectorWebhook: {rewriteAppHTTPProbe: true}
";

/// A sidecar, native or not, and a second template.
static CONFIG: LazyLock<Config> = LazyLock::new(|| {
    let sidecar = include_str!("sidecar.yaml")
        .replace(
            "  - name: istio-proxy\n",
            "{{ if not .NativeSidecars }}  containers:\n{{ end }}  - name: istio-proxy\n",
        )
        .replace("    restartPolicy: Always\n", "{{ if .NativeSidecars }}    restartPolicy: Always\n{{ end }}");
    let mut config = "policy: enabled\nneverInjectSelector:\n- matchLabels: {never: inject}\n".to_owned();
    config += "templates:\n  spot: |\n    spec:\n      priorityClassName: low\n  sidecar: |\n";
    for line in sidecar.lines() {
        writeln!(config, "    {line}").expect("memory");
    }
    let source = |name, text: &str| Source::new(name, text);
    let functions = functions::all(|_| None);
    let config = Config::load(&source("config", &config), &source("values", VALUES), &source("mesh", ""), &functions);
    config.unwrap_or_else(|error| panic!("{error}"))
});

/// The answer is an AdmissionReview for the request, its patch fits the pod, and the pod that it makes is not changed
/// again.
pub fn review(data: &[u8]) {
    let answer = answer(data);
    let series = (answer.outcome.word(), answer.outcome.reason());
    assert!(review::REASONS.contains(&series), "{series:?} is not among the reasons");
    assert!(answer.log_fields().iter().all(|(_, text)| text.chars().count() <= 512), "endless text for a log");
    assert!(answer.warnings.iter().map(|text| text.chars().count()).sum::<usize>() <= 4096, "{:?}", answer.warnings);
    for text in &answer.warnings {
        assert!(text.chars().count() <= 256 && !text.contains(char::is_control), "no warning for a header: {text:?}");
    }
    let body: Value = serde_json::from_str(&answer.body).unwrap_or_else(|e| panic!("{e}: {}", answer.body));
    let allowed = body.pointer("/response/allowed").and_then(Value::as_bool);
    match &answer.outcome {
        Outcome::Refused(refusal) => {
            assert_eq!(allowed, Some(false));
            let message = body.pointer("/response/status/message").and_then(Value::as_str);
            assert_eq!(message, Some(refusal.to_string().as_str()));
            assert_eq!(body.pointer("/response/patch"), None, "a patch with a refusal");
            return;
        }
        Outcome::Skipped(decision) => {
            assert_eq!(allowed, Some(true));
            assert!(!decision.reason.to_string().is_empty());
            assert_eq!(body.pointer("/response/patch"), None, "a patch without an injection");
        }
        Outcome::Passed(_) => {
            assert_eq!(allowed, Some(true));
            assert_eq!(body.pointer("/response/patch"), None, "a patch for what is not created, or no pod");
        }
        Outcome::Injected { .. } => assert_eq!(allowed, Some(true)),
    }
    // Every request that is accepted is a review with a pod.
    let request: Value = serde_json::from_slice(data).unwrap_or_else(|e| panic!("{e}"));
    for (of_answer, of_request) in
        [("/response/uid", "/request/uid"), ("/kind", "/kind"), ("/apiVersion", "/apiVersion")]
    {
        let sent = request.pointer(of_request).and_then(Value::as_str).unwrap_or_default();
        assert_eq!(body.pointer(of_answer).and_then(Value::as_str), Some(sent), "{of_answer}");
    }
    if let Some(patch) = patch_of(&answer.body) {
        injected(request, &patch);
    }
}

fn answer(body: &[u8]) -> Answer {
    let circumstances = Circumstances { path: "/inject/cluster/c1/net/n1", ..Circumstances::default() };
    review::answer(body, &CONFIG, &circumstances)
}

/// A pod that is as the API server writes it is patched, and reviewed again.
fn injected(mut review: Value, patch: &str) {
    let Some(object) = review.pointer_mut("/request/object") else { return };
    // What a proxy of the user's own sets is not kept when the template makes something else of the injected pod, as
    // this one does of its ports.
    let of_its_own = |c: &Value| c["name"] == "istio-proxy" && c["image"] != "auto";
    let lists = ["/spec/containers", "/spec/initContainers"];
    if lists.iter().filter_map(|list| object.pointer(list)?.as_array()).flatten().any(of_its_own) {
        return;
    }
    let typed = |object: &Value| {
        let tree = json::parse(object.to_string().as_bytes()).expect("JSON");
        let written = typed::round_trip(&tree, Type::POD, typed::Mode::Json).unwrap_or_else(|e| panic!("{e}"));
        serde_json::from_str::<Value>(&json::to_string(&written)).expect("JSON")
    };
    if *object != typed(object) || object.pointer("/metadata/managedFields").is_some() {
        return;
    }
    let after = patched(object.take(), patch);
    assert_eq!(typed(&after), after, "the pod is not as it would be written: {patch}");
    let mut pod = after;
    for time in ["second", "third"] {
        *review.pointer_mut("/request/object").expect("an object") = pod.clone();
        let again = answer(review.to_string().as_bytes());
        let Outcome::Injected { .. } = again.outcome else { panic!("the {time} time: {:?}", again.outcome) };
        let patch = patch_of(&again.body).expect("a patch");
        if time == "third" {
            assert_eq!(patch, "[]", "it is changed each time");
        }
        let after = patched(pod.clone(), &patch);
        assert_eq!(without_order(after.clone()), without_order(pod), "it is changed again: {patch}");
        pod = after;
    }
}

/// The patch in an answer.
fn patch_of(body: &str) -> Option<String> {
    let body: Value = serde_json::from_str(body).expect("JSON");
    let patch = body.pointer("/response/patch")?.as_str().expect("a text");
    Some(String::from_utf8(BASE64.decode(patch.as_bytes()).expect("base64")).expect("a text"))
}

/// The pod with environment variables in the order of their names: those that the webhook's path adds move when a
/// proxy that has variables of its own is injected again.
fn without_order(mut pod: Value) -> Value {
    for list in ["/spec/containers", "/spec/initContainers"] {
        let containers = pod.pointer_mut(list).and_then(Value::as_array_mut);
        for env in containers.into_iter().flatten().filter_map(|c| c.get_mut("env")?.as_array_mut()) {
            env.sort_by_key(|variable| variable.to_string());
        }
    }
    pod
}
