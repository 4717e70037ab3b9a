//! What is watched for injections.

use std::sync::Arc;

use serde_json::json;
use sidecar_injector::cluster::{Name, Namespace, Told, Watches, watch};
use sidecar_injector::inject::Ids;
use sidecar_injector::surroundings::Surroundings;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::api::{Api, hurry, logged, run, take_notes, until};
use super::fake::Fake;

const NODES: &str = "/api/v1/nodes";
const NAMESPACES: &str = "/api/v1/namespaces";
const PROXY_CONFIGS: &str = "/apis/networking.istio.io/v1beta1/namespaces/shop/proxyconfigs";
const CONFIG_MAPS: &str = "/api/v1/namespaces/istio-system/configmaps";

/// Watches at work.
struct Work {
    surroundings: Arc<Surroundings>,
    config_maps: watch::Receiver<u64>,
    settled: watch::Receiver<bool>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Work {
    fn start(api: &Api, watches: Watches) -> Self {
        take_notes();
        let (surroundings, config_maps, settled) = (Arc::default(), watch::Sender::new(0), watch::Sender::new(false));
        let (stop, shutdown) = watch::channel(false);
        let told = Told { surroundings: Arc::clone(&surroundings), config_maps, settled };
        let (config_maps, settled) = (told.config_maps.subscribe(), told.settled.subscribe());
        let task = tokio::spawn(watch(api.cluster.clone(), watches, told, shutdown));
        Work { surroundings, config_maps, settled, stop, task }
    }

    /// The versions of the kubelets, as `name version`.
    fn nodes(&self) -> Option<Vec<String>> {
        let nodes = self.surroundings.nodes()?;
        Some(nodes.iter().map(|node| format!("{} {}", node.name, node.kubelet_version)).collect())
    }

    async fn settled(&self) {
        self.settled.clone().wait_for(|settled| *settled).await.unwrap();
    }

    fn changes(&self) -> u64 {
        *self.config_maps.borrow()
    }
}

fn of_nodes() -> Watches {
    Watches { nodes: true, pace: hurry(), ..Watches::default() }
}

fn node(name: &str, version: &str) -> serde_json::Value {
    json!({"kind": "Node", "apiVersion": "v1", "metadata": {"name": name}, "status": {"nodeInfo": {"kubeletVersion": version}}})
}

#[test]
fn nodes_are_followed_and_heartbeats_are_not() {
    run(async {
        let fake = Fake::start();
        let api = Api::of(&fake, "nodes").await;
        api.put(NODES, node("n1", "v1.32.0")).await;
        let work = Work::start(&api, of_nodes());
        work.settled().await;
        assert_eq!(work.nodes().unwrap(), ["n1 v1.32.0"]);

        let before = work.surroundings.nodes().unwrap();
        let mut heartbeat = node("n1", "v1.32.0");
        heartbeat["status"]["conditions"] = json!([{"type": "Ready"}]);
        api.put(NODES, heartbeat).await;
        api.put(NODES, node("n2", "v1.33.1")).await;
        until("the second node", || work.nodes().unwrap().len() == 2).await;
        assert!(!Arc::ptr_eq(&before, &work.surroundings.nodes().unwrap()));
        api.put(NODES, node("n1", "v1.34.0")).await;
        until("the upgrade", || work.nodes().unwrap() == ["n1 v1.34.0", "n2 v1.33.1"]).await;
        api.delete(NODES, "n1").await;
        until("the deletion", || work.nodes().unwrap() == ["n2 v1.33.1"]).await;
        assert_eq!(fake.count("GET", "limit="), 1, "it is listed once: {:?}", fake.asked());
    });
}

#[test]
fn long_lists_are_read_in_pages() {
    run(async {
        let fake = Fake::start();
        let api = Api::of(&fake, "pages").await;
        for i in 0..450 {
            api.put(NODES, node(&format!("n{i}"), "v1.33.0")).await;
        }
        let work = Work::start(&api, of_nodes());
        work.settled().await;
        assert_eq!(work.nodes().unwrap().len(), 450);
        assert_eq!(fake.count("GET", "limit="), 9);
    });
}

#[test]
fn nodes_are_not_known_unless_they_are_asked_for() {
    run(async {
        let fake = Fake::start();
        let work = Work::start(&Api::of(&fake, "nobody").await, Watches::default());
        work.settled().await;
        assert!(work.nodes().is_none() && fake.asked().is_empty());
    });
}

#[test]
fn namespaces_keep_what_openshift_reserves_and_nothing_else() {
    run(async {
        let fake = Fake::start();
        let api = Api::of(&fake, "namespaces").await;
        let annotations = json!({"openshift.io/sa.scc.uid-range": "1000620000/10000", "other": "long"});
        api.put(NAMESPACES, json!({"metadata": {"name": "shop", "annotations": annotations, "labels": {"a": "b"}}}))
            .await;
        api.put(NAMESPACES, json!({"metadata": {"name": "plain"}})).await;
        let work = Work::start(&api, Watches { namespaces: true, pace: hurry(), ..Watches::default() });
        work.settled().await;
        let shop = work.surroundings.namespace("shop").unwrap();
        assert_eq!(Ids::of_namespace(&shop), Ids { user: 1_000_629_999, group: 1_000_629_999 });
        let kept = r#"{"metadata":{"annotations":{"openshift.io/sa.scc.uid-range":"1000620000/10000"}}}"#;
        assert_eq!(sidecar_injector::json::to_string(&shop), kept);
        assert_eq!(Ids::of_namespace(&work.surroundings.namespace("plain").unwrap()), Ids::default());
        assert!(work.surroundings.namespace("unknown").is_none());
        api.delete(NAMESPACES, "plain").await;
        until("the deletion", || work.surroundings.namespace("plain").is_none()).await;
    });
}

#[test]
fn proxy_configs_come_with_their_definition_and_an_unusable_one_is_reported_once() {
    run(async {
        let fake = Fake::start();
        fake.fail(|_, path| path.contains("proxyconfigs?&limit").then_some(404));
        let api = Api::of(&fake, "proxyconfigs").await;
        let work = Work::start(&api, Watches { proxy_configs: true, pace: hurry(), ..Watches::default() });
        work.settled().await;
        let put = async |name: &str, time: &str, spec: serde_json::Value| {
            let metadata = json!({"name": name, "namespace": "shop", "creationTimestamp": time});
            api.put(PROXY_CONFIGS, json!({"metadata": metadata, "spec": spec})).await;
        };
        put("wrong", "2025-01-01T00:00:00Z", json!({"concurrency": "many"})).await;
        put("late", "2026-02-01T00:00:00Z", json!({"concurrency": 2})).await;
        put("early", "2026-01-01T00:00:00Z", json!({"concurrency": 4})).await;
        let concurrency = || {
            let configs = work.surroundings.proxy_configs.load();
            configs.levels("root", "shop", None).namespace.map(|config| format!("{config:?}").contains("Int(4)"))
        };
        assert_eq!(concurrency(), None);
        fake.work_again();
        until("the resources", || concurrency() == Some(true)).await;
        api.delete(PROXY_CONFIGS, "early").await;
        until("the deletion", || concurrency() == Some(false)).await;
        api.delete(PROXY_CONFIGS, "late").await;
        until("the deletion", || concurrency().is_none()).await;
        let told = logged(&fake.address.to_string());
        assert_eq!(told, [format!("INFO proxyconfigs: http://{} does not have this resource", fake.address)]);
        let unusable = logged("ProxyConfig shop/wrong is ignored: ");
        assert_eq!(unusable.len(), 1, "{unusable:?}");
    });
}

#[test]
fn config_maps_are_counted_by_change_and_their_end_is_reported() {
    run(async {
        let fake = Fake::start();
        let api = Api::of(&fake, "configmaps").await;
        let (namespace, name) = (Namespace::new("istio-system").unwrap(), Name::new("counted").unwrap());
        let config_map = |text: &str| json!({"metadata": {"name": "counted"}, "data": {"config": text}});
        let watches = Watches { config_maps: vec![(namespace, name)], pace: hurry(), ..Watches::default() };
        let work = Work::start(&api, watches);
        work.settled().await;
        assert_eq!(work.changes(), 0, "what is absent is no change");
        for (count, text) in [(1, "a"), (2, "b")] {
            api.put(CONFIG_MAPS, config_map(text)).await;
            until("the change", || work.changes() == count).await;
        }
        api.put(CONFIG_MAPS, json!({"metadata": {"name": "another"}})).await;
        api.delete(CONFIG_MAPS, "counted").await;
        until("the end", || logged("istio-system/counted").len() == 2).await;
        api.put(CONFIG_MAPS, config_map("c")).await;
        until("the next", || work.changes() == 3).await;
        let absent = "WARN configmaps: there is no ConfigMap istio-system/counted; the last good configuration stays";
        assert_eq!(logged("istio-system/counted"), [absent, absent], "once at first, once after the deletion");
        let selected = "fieldSelector=metadata.name%3Dcounted&";
        let lists = fake.asked().into_iter().filter(|asked| asked.contains("configmaps?&"));
        assert!(
            lists.filter(|asked| asked.starts_with("GET")).all(|asked| asked.contains(selected)),
            "{:?}",
            fake.asked()
        );
    });
}

#[test]
fn a_missing_right_is_reported_once_with_what_follows_and_what_grants_it() {
    run(async {
        let fake = Fake::start();
        fake.fail(|_, _| Some(403));
        let api = Api::of(&fake, "forbidden").await;
        let work = Work::start(&api, of_nodes());
        work.settled().await;
        assert!(work.nodes().is_none());
        until("more attempts", || fake.asked().len() >= 4).await;
        let told = logged(&fake.address.to_string());
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].starts_with("WARN nodes: the API server http://"), "{told:?}");
        for part in [
            "does not let",
            "list and watch nodes (403 Forbidden",
            "ENABLE_NATIVE_SIDECARS=auto means false",
            "a ClusterRole has to grant list, watch on nodes",
        ] {
            assert!(told[0].contains(part), "{part}: {told:?}");
        }
        fake.work_again();
        until("the right", || work.nodes().is_some()).await;
    });
}

#[test]
fn a_lost_connection_is_resumed_from_the_last_version() {
    run(async {
        let fake = Fake::start();
        let api = Api::of(&fake, "lost").await;
        let work = Work::start(&api, of_nodes());
        work.settled().await;
        for i in 0..3 {
            fake.disconnect();
            api.put(NODES, node(&format!("n{i}"), "v1.33.0")).await;
            until("the node", || work.nodes().unwrap().len() == i + 1).await;
        }
        assert_eq!(fake.count("GET", "limit="), 1, "it is listed once: {:?}", fake.asked());
        // What is known stays while nothing can be reached.
        fake.fail(|_, _| Some(500));
        fake.disconnect();
        until("attempts", || fake.count("GET", "watch=true") + fake.count("GET", "limit=") >= 8).await;
        assert_eq!(work.nodes().unwrap().len(), 3);
        fake.work_again();
        api.put(NODES, node("n3", "v1.33.0")).await;
        until("the node", || work.nodes().unwrap().len() == 4).await;
        let told = logged(&fake.address.to_string());
        assert_eq!(told.len(), 1, "{told:?}");
    });
}

#[test]
fn an_expired_version_is_listed_anew() {
    run(async {
        let fake = Fake::start();
        let api = Api::of(&fake, "expired").await;
        api.put(NODES, node("n1", "v1.33.0")).await;
        let work = Work::start(&api, of_nodes());
        work.settled().await;
        fake.fail(|_, path| path.contains("watch=true").then_some(500));
        fake.disconnect();
        api.put(NODES, node("n2", "v1.33.0")).await;
        api.delete(NODES, "n1").await;
        fake.compact();
        fake.work_again();
        until("the new list", || work.nodes().unwrap() == ["n2 v1.33.0"]).await;
        fake.fail(|_, path| path.contains("watch=true").then_some(410));
        fake.disconnect();
        let lists = fake.count("GET", "limit=");
        until("another list", || fake.count("GET", "limit=") > lists).await;
    });
}

#[test]
fn a_watch_that_is_silent_for_too_long_is_renewed() {
    run(async {
        let fake = Fake::start();
        let api = Api::of(&fake, "silent").await;
        let mut watches = of_nodes();
        watches.pace.silence = std::time::Duration::from_millis(20);
        let work = Work::start(&api, watches);
        work.settled().await;
        until("more watches", || fake.count("GET", "watch=true") >= 3).await;
        assert_eq!(fake.count("GET", "limit="), 1);
    });
}

#[test]
fn watches_end_with_the_server() {
    run(async {
        let fake = Fake::start();
        let api = Api::of(&fake, "end").await;
        let work = Work::start(&api, of_nodes());
        work.settled().await;
        work.stop.send_replace(true);
        work.task.await.unwrap();
        let dropped = Work::start(&api, of_nodes());
        drop(dropped.stop);
        dropped.task.await.unwrap();
    });
}
