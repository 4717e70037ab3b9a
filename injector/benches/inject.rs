//! What an injection costs: the configuration is parsed once, then one pod is injected again and again. `cargo bench -p
//! sidecar-injector --bench inject`; with `INJECTION_CONFIG=FOLDER` the configuration is read from config.yaml,
//! values.yaml and mesh.yaml there, such as Istio's.

#![allow(clippy::expect_used, clippy::panic, reason = "a benchmark that has nothing to measure ends")]

use std::path::Path;

use divan::{AllocProfiler, Bencher, black_box};
use sidecar_injector::config::{Config, Source, default};
use sidecar_injector::inject::{self, Ids, Request, native};
use sidecar_injector::kubernetes::typed::{self, Mode};
use sidecar_injector::kubernetes::{Type, patch};
use sidecar_injector::object::Owner;
use sidecar_injector::review::{self, Circumstances};
use sidecar_injector::value::{Map, Value};
use sidecar_injector::{functions, json, yaml};

/// The program's, with a count.
#[global_allocator]
static ALLOCATOR: AllocProfiler<mimalloc::MiMalloc> = AllocProfiler::new(mimalloc::MiMalloc);

/// How many environment variables the pod has.
const VARIABLES: [usize; 2] = [0, 2_000];

fn main() {
    divan::main();
}

/// From a pod to the injected pod.
#[divan::bench(args = VARIABLES)]
fn pod(bencher: Bencher<'_, '_>, variables: usize) {
    let (config, pod) = (config(), pod_with(variables));
    bencher.bench_local(|| injected(&config, black_box(&pod)));
}

/// From a pod to the webhook's patch.
#[divan::bench(args = VARIABLES)]
fn admission(bencher: Bencher<'_, '_>, variables: usize) {
    let (config, pod) = (config(), pod_with(variables));
    bencher.bench_local(|| patch::to_json(&patch::diff(&pod, &injected(&config, black_box(&pod)))));
}

/// From the AdmissionReview that the API server sends to the answer.
#[divan::bench(args = VARIABLES)]
fn answer(bencher: Bencher<'_, '_>, variables: usize) {
    let (config, pod) = (config(), json::to_string(&pod_with(variables)));
    let review = format!(
        r#"{{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{{"uid":"u","operation":"CREATE","object":{pod}}}}}"#
    );
    let circumstances = Circumstances { native: native::Mode::Enabled, ..Circumstances::default() };
    bencher.bench_local(|| review::answer(black_box(review.as_bytes()), &config, &circumstances));
}

/// The texts of the configuration.
#[divan::bench]
fn configuration(bencher: Bencher<'_, '_>) {
    bencher.bench_local(config);
}

/// The built-in configuration, or that of the folder.
fn config() -> Config {
    let folder = std::env::var("INJECTION_CONFIG").ok();
    let source = |name: &str, built_in: fn() -> Source| match &folder {
        Some(folder) => {
            let text = std::fs::read_to_string(Path::new(folder).join(name)).expect("INJECTION_CONFIG has the file");
            Source::new(name, text)
        }
        None => built_in(),
    };
    let injection = source("config.yaml", default::injection);
    let (values, mesh) = (source("values.yaml", default::values), source("mesh.yaml", default::mesh));
    Config::load(&injection, &values, &mesh, &functions::all(|_| None)).expect("the configuration is right")
}

fn injected(config: &Config, pod: &Value) -> Value {
    let proxy = config.mesh.default_config();
    let (owner, env, ids) = (Owner::of_pod(pod), Map::new(), Ids::default());
    let request = Request { owner, mesh: &config.mesh, proxy, env, ids, native: true };
    inject::inject(pod, request, &config.setup("", "")).expect("the pod can be injected")
}

/// A small pod of a Deployment.
fn pod_with(variables: usize) -> Value {
    let mut pod = yaml::parse(
        "{apiVersion: v1, kind: Pod, metadata: {generateName: hello-, namespace: default, labels: {app: hello}}, \
         spec: {containers: [{name: hello, image: fake.docker.io/hello:1.0, ports: [{name: http, containerPort: 80}]}]}}",
    )
    .expect("the pod is YAML");
    let env = (0..variables)
        .map(|i| Value::Map(Map::from_iter([("name", format!("VARIABLE_{i}")), ("value", format!("value {i}"))])));
    if variables > 0 {
        let containers = pod.map_entry("spec").get_mut("containers").and_then(Value::as_list_mut);
        let container = containers.and_then(|list| list.make_mut().first_mut()).expect("there is a container");
        container.make_map().insert("env", env.collect::<Value>());
    }
    typed::round_trip(&pod, Type::POD, Mode::Json).expect("the pod is a pod")
}
