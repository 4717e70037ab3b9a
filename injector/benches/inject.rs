//! What an injection costs: the configuration is parsed once, then one pod is injected again and again. `cargo bench -p
//! sidecar-injector --bench inject`; with `INJECTION_CONFIG=FOLDER` the configuration is read from config.yaml,
//! values.yaml and mesh.yaml there, such as Istio's.

#![allow(clippy::expect_used, clippy::panic, reason = "a benchmark that has nothing to measure ends")]

use std::collections::BTreeMap;
use std::path::Path;

use divan::{AllocProfiler, Bencher, black_box};
use sidecar_injector::inject::{self, Ids, Request, Setup, Templates};
use sidecar_injector::kubernetes::typed::{self, Mode};
use sidecar_injector::kubernetes::{Type, patch};
use sidecar_injector::mesh::MeshConfig;
use sidecar_injector::object::Owner;
use sidecar_injector::template::Template;
use sidecar_injector::value::{EcoString, Map, Value};
use sidecar_injector::{functions, yaml};

/// The program's, with a count.
#[global_allocator]
static ALLOCATOR: AllocProfiler<dlmalloc::GlobalDlmalloc> = AllocProfiler::new(dlmalloc::GlobalDlmalloc);

/// How many environment variables the pod has.
const VARIABLES: [usize; 2] = [0, 2_000];

fn main() {
    divan::main();
}

/// From a pod to the injected pod.
#[divan::bench(args = VARIABLES)]
fn pod(bencher: Bencher<'_, '_>, variables: usize) {
    let (config, pod) = (Config::load(), pod_with(variables));
    bencher.bench_local(|| config.inject(black_box(&pod)));
}

/// From a pod to the webhook's patch.
#[divan::bench(args = VARIABLES)]
fn admission(bencher: Bencher<'_, '_>, variables: usize) {
    let (config, pod) = (Config::load(), pod_with(variables));
    bencher.bench_local(|| patch::to_json(&patch::diff(&pod, &config.inject(black_box(&pod)))));
}

/// The texts of the configuration.
#[divan::bench]
fn configuration(bencher: Bencher<'_, '_>) {
    bencher.bench_local(Config::load);
}

/// A configuration, parsed.
struct Config {
    templates: Templates,
    aliases: BTreeMap<EcoString, Vec<EcoString>>,
    default_templates: Vec<EcoString>,
    injected_annotations: Map,
    values: Value,
    mesh: MeshConfig,
}

/// A sidecar, for want of Istio's.
const TEMPLATE: &str = include_str!("sidecar.yaml");

impl Config {
    fn load() -> Self {
        let folder = std::env::var("INJECTION_CONFIG").ok();
        let read = |name: &str, default: &str| match &folder {
            Some(folder) => {
                std::fs::read_to_string(Path::new(folder).join(name)).expect("INJECTION_CONFIG has the file")
            }
            None => default.to_owned(),
        };
        let functions = functions::all(|_| None);
        let parse = |text: &str| Template::parse("inject", text, &functions).expect("the template parses");
        let config = yaml::parse(&read("config.yaml", "")).expect("config.yaml is YAML");
        let mut templates = Templates::from([("sidecar".into(), parse(TEMPLATE))]);
        for (name, text) in config.get("templates").and_then(Value::as_map).into_iter().flat_map(Map::iter) {
            templates.insert(name.clone(), parse(text.as_str().unwrap_or_default()));
        }
        Config {
            templates,
            aliases: BTreeMap::new(),
            default_templates: vec!["sidecar".into()],
            injected_annotations: Map::new(),
            values: yaml::parse(&read("values.yaml", "{global: {hub: docker.io/istio, tag: latest}}"))
                .expect("values.yaml is YAML"),
            mesh: MeshConfig::parse(&read("mesh.yaml", "")).expect("mesh.yaml is a mesh config"),
        }
    }

    fn inject(&self, pod: &Value) -> Value {
        let setup = Setup {
            templates: &self.templates,
            aliases: &self.aliases,
            default_templates: &self.default_templates,
            injected_annotations: &self.injected_annotations,
            values: &self.values,
            revision: "",
            compliance_policy: "",
        };
        let proxy = self.mesh.default_config();
        let (owner, env, ids) = (Owner::of_pod(pod), Map::new(), Ids::default());
        let request = Request { owner, mesh: &self.mesh, proxy, env, ids, native: true };
        inject::inject(pod, request, &setup).expect("the pod can be injected")
    }
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
