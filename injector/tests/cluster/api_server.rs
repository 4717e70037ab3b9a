//! The same with a real API server, if there is one: `KUBEBUILDER_ASSETS` names a folder with `kube-apiserver` and
//! `etcd`, as for envtest. Without it these tests print that they did not run.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};
use sidecar_injector::cluster::{Name, Namespace, Pace, Told, Watches, watch};
use sidecar_injector::inject::Ids;
use sidecar_injector::surroundings::Surroundings;
use tokio::sync::watch;

use super::Folder;
use super::api::{Api, hurry, logged, run, take_notes, until, until_async};
use super::scenarios::{self, Running};

/// A control plane of one test's own.
pub struct ControlPlane {
    name: String,
    folder: Arc<Folder>,
    port: u16,
    processes: Vec<Child>,
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        for process in self.processes.iter_mut().rev() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl ControlPlane {
    fn start(assets: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("control-plane-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = Folder::new(&name);
        let (etcd, port) = (free_port(), free_port());
        let mut plane = ControlPlane { name, folder: Arc::new(folder), port, processes: Vec::new() };
        let users = "admin-token,admin,admin,\"system:masters\"\nwebhook-token,webhook,webhook\n";
        let tokens = plane.folder.file("tokens.csv", users);
        let pair = rcgen::KeyPair::generate().unwrap();
        let key = plane.folder.file("service-account.key", &pair.serialize_pem());
        let public = plane.folder.file("service-account.pub", &pair.public_key_pem());
        let url = format!("http://127.0.0.1:{etcd}");
        let etcd = [
            ("data-dir", plane.path("etcd")),
            ("listen-client-urls", url.clone()),
            ("advertise-client-urls", url.clone()),
            ("listen-peer-urls", "http://127.0.0.1:0".to_owned()),
        ];
        plane.process(assets, "etcd", &etcd);
        let api_server = [
            ("etcd-servers", url),
            ("secure-port", port.to_string()),
            ("bind-address", "127.0.0.1".to_owned()),
            ("cert-dir", plane.path("certificates")),
            ("token-auth-file", tokens),
            ("authorization-mode", "RBAC".to_owned()),
            ("service-account-issuer", "https://kubernetes.default.svc".to_owned()),
            ("service-account-key-file", public),
            ("service-account-signing-key-file", key),
            ("disable-admission-plugins", "ServiceAccount".to_owned()),
            ("service-cluster-ip-range", "10.96.0.0/16".to_owned()),
        ];
        plane.process(assets, "kube-apiserver", &api_server);
        plane
    }

    fn path(&self, name: &str) -> String {
        self.folder.0.join(name).to_str().unwrap().to_owned()
    }

    fn process(&mut self, assets: &str, name: &str, flags: &[(&str, String)]) {
        let log = fs::File::create(self.folder.0.join(format!("{name}.log"))).unwrap();
        let mut command = Command::new(PathBuf::from(assets).join(name));
        command.args(flags.iter().map(|(flag, value)| format!("--{flag}={value}")));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        self.processes.push(command.spawn().unwrap());
    }

    /// Fails with the reason if a process has ended.
    fn assert_alive(&mut self) {
        for (process, name) in self.processes.iter_mut().zip(["etcd", "kube-apiserver"]) {
            if let Some(status) = process.try_wait().unwrap() {
                let log = fs::read_to_string(self.folder.0.join(format!("{name}.log"))).unwrap();
                panic!("{name} ended with {status}: {}", log.lines().last().unwrap_or_default());
            }
        }
    }

    /// The API server as one of its users sees it.
    async fn api(&mut self, user: &str) -> Api {
        let certificate = self.path("certificates/apiserver.crt");
        until("the certificate of the API server", || {
            self.assert_alive();
            fs::exists(&certificate).unwrap()
        })
        .await;
        let folder = Folder::new(&format!("{}-{user}", self.name));
        let kubeconfig = self.kubeconfig_in(&folder, user);
        Api::at(folder, &kubeconfig).await
    }

    /// The path of a kubeconfig for one of its users.
    pub fn kubeconfig(&self, user: &str) -> String {
        self.kubeconfig_in(&self.folder, user)
    }

    fn kubeconfig_in(&self, folder: &Folder, user: &str) -> String {
        let certificate = self.path("certificates/apiserver.crt");
        let cluster = format!("server: 'https://127.0.0.1:{}', certificate-authority: {certificate}", self.port);
        folder.kubeconfig(&cluster, &format!("token: {user}-token"))
    }
}

/// Runs a test with a control plane, if there is one.
pub fn with_api_server(test: impl AsyncFnOnce(&mut ControlPlane, &Api)) {
    let Some(assets) = std::env::var("KUBEBUILDER_ASSETS").ok().filter(|assets| !assets.is_empty()) else {
        let text = "did not run: KUBEBUILDER_ASSETS names no folder with kube-apiserver and etcd\n";
        std::io::stderr().write_all(text.as_bytes()).unwrap();
        return;
    };
    run(async {
        take_notes();
        let mut plane = ControlPlane::start(&assets);
        let api = plane.api("admin").await;
        until_async("the API server", async || {
            plane.assert_alive();
            api.get("/api/v1/namespaces", "kube-system").await.is_some()
        })
        .await;
        api.put("/api/v1/namespaces", named("istio-system")).await;
        test(&mut plane, &api).await;
    });
}

pub fn named(name: &str) -> Value {
    json!({"metadata": {"name": name}})
}

/// Watches and writers are a user who is allowed what the table of the module `cluster` names, and no more.
#[test]
fn everything_works_with_a_real_api_server_and_the_rights_that_are_documented() {
    with_api_server(async |plane, admin| {
        let api = &admin.for_program(&plane.api("webhook").await);
        watches_follow(plane, api).await;
        scenarios::a_lease_has_one_holder_and_goes_on(api, "sidecar-injector").await;
        scenarios::ca_bundles_are_set_and_nothing_else(api, "canary").await;
        scenarios::only_the_holder_sets_ca_bundles(api, "stable").await;
        scenarios::a_certificate_is_shared_renewed_and_written_back(api, "certificate").await;
    });
}

/// First nothing is allowed, then what is needed.
async fn watches_follow(plane: &ControlPlane, admin: &Api) {
    let surroundings: Arc<Surroundings> = Arc::default();
    let (config_maps, settled) = (watch::channel(0), watch::channel(false));
    let told = Told { surroundings: Arc::clone(&surroundings), config_maps: config_maps.0, settled: settled.0 };
    let watches = Watches {
        config_maps: vec![(Namespace::new("istio-system").unwrap(), Name::new("istio").unwrap())],
        nodes: true,
        namespaces: true,
        proxy_configs: true,
        pace: Pace { slow: std::time::Duration::from_millis(200), ..hurry() },
    };
    let running = Running::start(|shutdown| watch(admin.cluster.clone(), watches, told, shutdown));
    settled.1.clone().wait_for(|settled| *settled).await.unwrap();
    assert!(surroundings.nodes().is_none());
    for (resource, right) in [
        ("nodes", "list and watch nodes"),
        ("namespaces", "list and watch namespaces"),
        ("configmaps", "list and watch the ConfigMap istio in the namespace istio-system"),
        ("proxyconfigs", "list and watch proxyconfigs (networking.istio.io)"),
    ] {
        let lines = logged(&format!("WARN {resource}: the API server https://127.0.0.1:{}", plane.port));
        assert!(lines.len() == 1 && lines[0].contains(&format!("{right} (403 Forbidden")), "{lines:?}");
    }

    grant(admin).await;
    let node = |version: &str| json!({"metadata": {"name": "n1"}, "status": {"nodeInfo": {"kubeletVersion": version}}});
    admin.put("/api/v1/nodes", node("v1.33.0")).await;
    let version = || surroundings.nodes()?.first().map(|node| node.kubelet_version.to_string());
    until("the node", || version().as_deref() == Some("v1.33.0")).await;

    let range = json!({"openshift.io/sa.scc.uid-range": "1000620000/10000"});
    admin.put("/api/v1/namespaces", json!({"metadata": {"name": "shop", "annotations": range}})).await;
    let ids = || surroundings.namespace("shop").map(|namespace| Ids::of_namespace(&namespace).user);
    until("the namespace", || ids() == Some(1_000_629_999)).await;

    let path = "/api/v1/namespaces/istio-system/configmaps";
    for count in 1..3 {
        admin.put(path, json!({"metadata": {"name": "istio"}, "data": {"mesh": count.to_string()}})).await;
        until("the ConfigMap", || *config_maps.1.borrow() == count).await;
    }
    // Whether it was missed at first depends on when the right was noticed.
    let missed = || logged("there is no ConfigMap istio-system/istio;").len();
    let before = missed();
    admin.delete(path, "istio").await;
    until("a word about its end", || missed() > before).await;
    proxy_configs_follow(admin, &surroundings).await;
    running.stop().await;
}

async fn proxy_configs_follow(admin: &Api, surroundings: &Surroundings) {
    let schema = json!({"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}});
    let version = json!({"name": "v1beta1", "served": true, "storage": true, "schema": schema});
    let names = json!({"plural": "proxyconfigs", "singular": "proxyconfig", "kind": "ProxyConfig", "listKind": "ProxyConfigList"});
    let spec = json!({"group": "networking.istio.io", "scope": "Namespaced", "names": names, "versions": [version]});
    let metadata = json!({"name": "proxyconfigs.networking.istio.io"});
    let head = ("apiextensions.k8s.io/v1", "CustomResourceDefinition");
    let definition = json!({"apiVersion": head.0, "kind": head.1, "metadata": metadata, "spec": spec});
    admin.put("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition).await;
    let path = "/apis/networking.istio.io/v1beta1/namespaces/shop/proxyconfigs";
    until_async("the resource", async || admin.is_there("/apis/networking.istio.io/v1beta1/proxyconfigs").await).await;
    let head = ("networking.istio.io/v1beta1", "ProxyConfig");
    let config = json!({"apiVersion": head.0, "kind": head.1, "metadata": {"name": "p"}, "spec": {"concurrency": 4}});
    admin.put(path, config).await;
    let is_there = || surroundings.proxy_configs.load().levels("root", "shop", None).namespace.is_some();
    until("the ProxyConfig", is_there).await;
    admin.delete(path, "p").await;
    until("its end", || !is_there()).await;
}

/// The rights of the table of the module `cluster`.
async fn grant(admin: &Api) {
    let webhooks = ("admissionregistration.k8s.io", "mutatingwebhookconfigurations");
    let patched = ["ours-canary", "tag-canary", "standby-stable"];
    let rules = json!([
        rule("", "nodes", &[], &["list", "watch"]),
        rule("", "namespaces", &[], &["list", "watch"]),
        rule("networking.istio.io", "proxyconfigs", &[], &["list", "watch"]),
        rule(webhooks.0, webhooks.1, &[], &["list", "watch"]),
        rule(webhooks.0, webhooks.1, &patched, &["patch"]),
    ]);
    let leases = ("coordination.k8s.io", "leases");
    let own = json!([
        rule("", "configmaps", &["istio"], &["get", "list", "watch"]),
        rule(leases.0, leases.1, &[], &["create"]),
        rule(leases.0, leases.1, &["sidecar-injector"], &["get", "update"]),
        rule("", "secrets", &[], &["create"]),
        rule("", "secrets", &["certificate"], &["get", "list", "watch", "update"]),
    ]);
    let subjects = json!([{"kind": "User", "name": "webhook", "apiGroup": "rbac.authorization.k8s.io"}]);
    let binding = |kind: &str| {
        let role = json!({"kind": kind, "name": "webhook", "apiGroup": "rbac.authorization.k8s.io"});
        json!({"metadata": {"name": "webhook"}, "roleRef": role, "subjects": subjects})
    };
    let all = "/apis/rbac.authorization.k8s.io/v1";
    let one = format!("{all}/namespaces/istio-system");
    admin.put(&format!("{all}/clusterroles"), json!({"metadata": {"name": "webhook"}, "rules": rules})).await;
    admin.put(&format!("{all}/clusterrolebindings"), binding("ClusterRole")).await;
    admin.put(&format!("{one}/roles"), json!({"metadata": {"name": "webhook"}, "rules": own})).await;
    admin.put(&format!("{one}/rolebindings"), binding("Role")).await;
}

fn rule(group: &str, resource: &str, names: &[&str], verbs: &[&str]) -> Value {
    json!({"apiGroups": [group], "resources": [resource], "resourceNames": names, "verbs": verbs})
}
