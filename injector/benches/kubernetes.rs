//! What Kubernetes' part of an injection costs, each step alone, in time and allocations: for a small pod, and for one
//! with 2,000 environment variables. `cargo bench -p sidecar-injector`, or one of them:
//! `cargo bench -p sidecar-injector --bench kubernetes -- merge`.

#![allow(clippy::panic, reason = "a benchmark that has nothing to measure ends")]

use divan::{AllocProfiler, Bencher, black_box};
use sidecar_injector::json;
use sidecar_injector::kubernetes::typed::{self, Mode, round_trip};
use sidecar_injector::kubernetes::{Type, merge, patch, quantity};
use sidecar_injector::value::Value;

/// The program's, counted.
#[global_allocator]
static ALLOCATOR: AllocProfiler<mimalloc::MiMalloc> = AllocProfiler::new(mimalloc::MiMalloc);

/// How many variables the application has.
const VARIABLES: [usize; 2] = [2, 2_000];

fn main() {
    divan::main();
}

/// What a user writes: through the types, everything that is always there is added.
#[divan::bench(args = VARIABLES)]
fn round_trip_of_a_new_pod(bencher: Bencher<'_, '_>, variables: usize) {
    let pod = pod(variables);
    bencher.bench_local(|| typed(black_box(&pod), Mode::Yaml));
}

/// A pod that has been through the types before.
#[divan::bench(args = VARIABLES)]
fn round_trip_of_a_known_pod(bencher: Bencher<'_, '_>, variables: usize) {
    let pod = typed(&pod(variables), Mode::Yaml);
    bencher.bench_local(|| typed(black_box(&pod), Mode::Json));
}

/// The sidecar into the pod.
#[divan::bench(args = VARIABLES)]
fn merge_of_a_sidecar(bencher: Bencher<'_, '_>, variables: usize) {
    let (pod, sidecar) = (typed(&pod(variables), Mode::Yaml), sidecar());
    bencher.with_inputs(|| pod.clone()).bench_local_values(|pod| injected(pod, black_box(&sidecar)));
}

/// Variables into the application's container.
#[divan::bench(args = VARIABLES)]
fn merge_of_variables(bencher: Bencher<'_, '_>, variables: usize) {
    let pod = typed(&pod(variables), Mode::Yaml);
    let patch = read(
        r#"{"spec":{"containers":[{"name":"app","env":[{"name":"NEW","value":"1"},{"name":"V1","value":"2"}]}]}}"#,
    );
    bencher.with_inputs(|| pod.clone()).bench_local_values(|pod| injected(pod, black_box(&patch)));
}

/// What the webhook answers.
#[divan::bench(args = VARIABLES)]
fn patch_of_a_sidecar(bencher: Bencher<'_, '_>, variables: usize) {
    let pod = pod(variables);
    let after = typed(&injected(typed(&pod, Mode::Json), &sidecar()), Mode::Json);
    bencher.bench_local(|| patch::to_json(&patch::diff(black_box(&pod), black_box(&after))));
}

/// Variables before all existing ones, and nothing shared.
#[divan::bench(args = VARIABLES)]
fn patch_of_variables(bencher: Bencher<'_, '_>, variables: usize) {
    let before = pod(variables);
    let new = read(r#"{"spec":{"containers":[{"name":"app","env":[{"name":"A"},{"name":"B"},{"name":"C"}]}]}}"#);
    let after = injected(pod(variables), &new);
    bencher.bench_local(|| patch::diff(black_box(&before), black_box(&after)));
}

/// The container as annotation.
#[divan::bench]
fn json_in_gos_order(bencher: Bencher<'_, '_>) {
    let pod = typed(&sidecar(), Mode::Json);
    bencher.bench_local(|| typed::to_json(black_box(&pod), Type::POD));
}

/// The amounts of one container.
#[divan::bench(args = ["100m", "2000m", "1024Mi", "0.5", "1.000000000000000000001Ki"])]
fn canonical_quantity(text: &str) -> usize {
    quantity::canonical(black_box(text)).map_or(0, |q| q.len())
}

fn typed(pod: &Value, mode: Mode) -> Value {
    round_trip(pod, Type::POD, mode).unwrap_or_else(|e| panic!("{e}"))
}

fn injected(pod: Value, patch: &Value) -> Value {
    merge::apply(pod, patch, Type::POD).unwrap_or_else(|e| panic!("{e}"))
}

fn read(text: &str) -> Value {
    json::parse(text.as_bytes()).unwrap_or_else(|e| panic!("{e}: {text}"))
}

fn pod(variables: usize) -> Value {
    let env: Vec<_> = (0..variables).map(|i| format!(r#"{{"name":"V{i}","value":"value of variable {i}"}}"#)).collect();
    read(&format!(
        r#"{{
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {{"name": "reviews-v1-545db77b95-xlnsv", "namespace": "default", "labels": {{"app": "reviews", "version": "v1"}}}},
            "spec": {{
                "containers": [{{
                    "name": "app",
                    "image": "registry.example.com/reviews:1.18.0",
                    "ports": [{{"containerPort": 9080, "name": "http"}}],
                    "env": [{}],
                    "resources": {{"requests": {{"cpu": "100m", "memory": "128Mi"}}}},
                    "readinessProbe": {{"httpGet": {{"path": "/health", "port": 9080}}, "initialDelaySeconds": 5}},
                    "volumeMounts": [{{"name": "tmp", "mountPath": "/tmp"}}]
                }}],
                "serviceAccountName": "bookinfo-reviews",
                "volumes": [{{"name": "tmp", "emptyDir": {{}}}}]
            }}
        }}"#,
        env.join(",")
    ))
}

/// About what Istio's template makes.
fn sidecar() -> Value {
    let env: Vec<_> = (0..20).map(|i| format!(r#"{{"name":"ISTIO_META_{i}","value":"value {i}"}}"#)).collect();
    let mounts: Vec<_> = (0..8).map(|i| format!(r#"{{"name":"volume-{i}","mountPath":"/var/run/{i}"}}"#)).collect();
    let volumes: Vec<_> = (0..8).map(|i| format!(r#"{{"name":"volume-{i}","emptyDir":{{}}}}"#)).collect();
    let container = format!(
        r#"{{
            "name": "istio-proxy",
            "image": "docker.io/istio/proxyv2:1.30.0",
            "args": ["proxy", "sidecar", "--domain", "$(POD_NAMESPACE).svc.cluster.local", "--log_output_level=default:info"],
            "ports": [{{"containerPort": 15090, "protocol": "TCP", "name": "http-envoy-prom"}}],
            "env": [{}],
            "resources": {{"limits": {{"cpu": "2000m", "memory": "1024Mi"}}, "requests": {{"cpu": "100m", "memory": "128Mi"}}}},
            "readinessProbe": {{"httpGet": {{"path": "/healthz/ready", "port": 15021}}, "periodSeconds": 15}},
            "securityContext": {{"runAsUser": 1337, "runAsGroup": 1337, "capabilities": {{"drop": ["ALL"]}}}},
            "volumeMounts": [{}]
        }}"#,
        env.join(","),
        mounts.join(",")
    );
    read(&format!(
        r#"{{"metadata":{{"labels":{{"a":"b"}},"annotations":{{"c":"d"}}}},"spec":{{"initContainers":[{container}],"containers":[{container}],"volumes":[{}]}}}}"#,
        volumes.join(",")
    ))
}
