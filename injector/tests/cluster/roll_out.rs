//! The program as the webhook of a real API server: who is injected, and what users notice of a roll-out.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use super::api::{Api, until_async};
use super::api_server::{self, with_api_server};
use super::scenarios::{self, CONFIGURATIONS};
use super::support::{Program, value};

const NAME: &str = "real";
const CONFIG_MAPS: &str = "/api/v1/namespaces/istio-system/configmaps";

/// A replica of the webhook, and its address.
struct Replica {
    program: Program,
    url: String,
}

impl Replica {
    fn start(kubeconfig: &str) -> Self {
        let program = Program::start(&[
            "webhook",
            "--listen",
            "127.0.0.1:0",
            "--self-signed",
            "--tls-name",
            "localhost",
            "--cluster",
            "--monitoring",
            "127.0.0.1:0",
            "--poll",
            "5",
            "--shutdown-delay",
            "3",
            "--revision",
            NAME,
            "--kubeconfig",
            kubeconfig,
        ]);
        let port = value(&program.wait_for(" serving "), "address").replace("127.0.0.1:", "");
        let line = program.wait_for("serving health and metrics");
        // As a Service does: no client is sent to a replica that has no certificate yet.
        while !is_ready(value(&line, "address")) {
            std::thread::sleep(Duration::from_millis(5));
        }
        Replica { program, url: format!("https://localhost:{port}/inject") }
    }
}

fn is_ready(address: &str) -> bool {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.starts_with("HTTP/1.1 200 ")
}

/// What the webhook makes of pods, with a mark.
fn config(mark: &str) -> Value {
    let config = format!(
        "policy: enabled\ntemplates:\n  sidecar: |\n    metadata: {{labels: {{mark: {mark}}}}}\n    spec: {{containers: [{{name: istio-proxy, image: proxy}}]}}\n"
    );
    let name = format!("istio-sidecar-injector-{NAME}");
    json!({"metadata": {"name": name}, "data": {"config": config, "values": "{}"}})
}

/// The webhook for the pods of namespaces with the label, at a replica.
fn webhook(url: &str, failure_policy: &str) -> Value {
    let mut configuration = scenarios::configuration(NAME, NAME, &["pods.sidecar-injector.istio.io"]);
    let webhook = &mut configuration["webhooks"][0];
    webhook["clientConfig"] = json!({"url": url});
    webhook["failurePolicy"] = failure_policy.into();
    webhook["namespaceSelector"] = json!({"matchLabels": {"istio-injection": "enabled"}});
    webhook["rules"] =
        json!([{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}]);
    configuration
}

/// The clients, and the resource that holds the webhook's caBundle.
async fn lead_to(api: &Api, url: &str, failure_policy: &str) {
    let mut configuration = webhook(url, failure_policy);
    if let Some(there) = api.get(CONFIGURATIONS, NAME).await {
        configuration["webhooks"][0]["clientConfig"]["caBundle"] =
            there["webhooks"][0]["clientConfig"]["caBundle"].clone();
    }
    api.put(CONFIGURATIONS, configuration).await;
}

fn pod(labels: &Value, annotations: &Value, host_network: bool) -> Value {
    let metadata = json!({"generateName": "web-", "labels": labels, "annotations": annotations});
    let spec = json!({"hostNetwork": host_network, "containers": [{"name": "app", "image": "app"}]});
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
}

/// The mark of a pod that is created; nothing if it is not injected.
async fn created(api: &Api, namespace: &str, pod: &Value) -> Result<Option<String>, String> {
    let pod = api.create(&format!("/api/v1/namespaces/{namespace}/pods"), pod).await?;
    let containers = pod["spec"]["containers"].as_array().unwrap();
    let is_injected = containers.iter().any(|container| container["name"] == "istio-proxy");
    assert_eq!(is_injected, pod["metadata"]["labels"]["mark"].is_string(), "{pod}");
    Ok(pod["metadata"]["labels"]["mark"].as_str().map(str::to_owned))
}

/// Waits until pods come with this mark.
async fn until_marked(api: &Api, mark: &str) {
    let is_marked = async || created(api, "mesh", &plain()).await == Ok(Some(mark.to_owned()));
    until_async(&format!("pods with the mark {mark}"), is_marked).await;
}

fn plain() -> Value {
    pod(&json!({}), &json!({}), false)
}

#[test]
fn pods_are_injected_by_a_real_api_server_and_none_is_lost_in_a_roll_out() {
    with_api_server(async |plane, admin| {
        let kubeconfig = plane.kubeconfig("admin");
        let labels = json!({"istio-injection": "enabled"});
        admin.put("/api/v1/namespaces", json!({"metadata": {"name": "mesh", "labels": labels}})).await;
        admin.put("/api/v1/namespaces", api_server::named("other")).await;
        admin.put(CONFIG_MAPS, config("one")).await;
        admin.put(CONFIG_MAPS, json!({"metadata": {"name": format!("istio-{NAME}")}, "data": {"mesh": "{}"}})).await;
        let first = Replica::start(&kubeconfig);
        lead_to(admin, &first.url, "Fail").await;
        until_marked(admin, "one").await;

        selected_pods_are_injected(admin).await;
        let second = pods_are_created_through_a_roll_out(admin, &kubeconfig, first).await;
        the_failure_policy_applies_if_no_replica_answers(admin, second).await;
    });
}

async fn selected_pods_are_injected(admin: &Api) {
    let none = json!({});
    let off = json!({"sidecar.istio.io/inject": "false"});
    assert_eq!(created(admin, "mesh", &pod(&off, &none, false)).await, Ok(None), "label");
    assert_eq!(created(admin, "mesh", &pod(&none, &off, false)).await, Ok(None), "annotation");
    assert_eq!(created(admin, "mesh", &pod(&none, &none, true)).await, Ok(None), "host network");
    assert_eq!(created(admin, "other", &plain()).await, Ok(None), "namespace");
    let wrong = json!({"sidecar.istio.io/proxyCPU": "a lot"});
    let denied = created(admin, "mesh", &pod(&none, &wrong, false)).await.unwrap_err();
    assert!(denied.contains("sidecar.istio.io/proxyCPU") && denied.contains("a lot"), "{denied}");

    admin.put(CONFIG_MAPS, config("two")).await;
    until_marked(admin, "two").await;
}

/// While pods are created one after another, a second replica starts, the webhook leads there, and the first one ends.
async fn pods_are_created_through_a_roll_out(admin: &Api, kubeconfig: &str, mut first: Replica) -> Replica {
    let ends = Arc::new(AtomicBool::new(false));
    let creating = tokio::spawn({
        let (admin, ends) = (admin.clone(), Arc::clone(&ends));
        async move {
            let mut count = 0;
            while !ends.load(Ordering::Relaxed) {
                assert_eq!(created(&admin, "mesh", &plain()).await, Ok(Some("two".to_owned())), "after {count} pods");
                count += 1;
            }
            count
        }
    });
    let (second, ended) = {
        let kubeconfig = kubeconfig.to_owned();
        let second = tokio::task::spawn_blocking(move || Replica::start(&kubeconfig)).await.unwrap();
        lead_to(admin, &second.url, "Fail").await;
        first.program.signal("TERM");
        (second, tokio::task::spawn_blocking(move || first.program.wait()).await.unwrap())
    };
    assert!(ended.success(), "{ended}");
    ends.store(true, Ordering::Relaxed);
    let count: u32 = creating.await.unwrap();
    assert!(count > 0);
    // Only the second one can have answered this.
    assert_eq!(created(admin, "mesh", &plain()).await, Ok(Some("two".to_owned())));
    second
}

async fn the_failure_policy_applies_if_no_replica_answers(admin: &Api, replica: Replica) {
    let url = replica.url.clone();
    drop(replica);
    let failed = created(admin, "mesh", &plain()).await.unwrap_err();
    assert!(failed.contains("failed calling webhook"), "{failed}");
    lead_to(admin, &url, "Ignore").await;
    until_async("a pod without a proxy", async || created(admin, "mesh", &plain()).await == Ok(None)).await;
}
