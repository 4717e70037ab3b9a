//! `kube-inject` and `review` with ConfigMaps of a cluster, from a server used in place of an API server.
#![cfg(feature = "cluster")]
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod api;
mod api_server;
mod errors;
mod explain;
mod fake;
mod roll_out;
mod scenarios;
mod server;
#[path = "../support/mod.rs"]
mod support;
mod watches;
mod writers;

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use server::Server;
use sidecar_injector::commands::{self, Status, Streams};

const POD: &str = "kind: Pod\napiVersion: v1\nmetadata: {name: web}\nspec: {containers: [{name: app}]}\n";
const TEMPLATES: &str = "policy: enabled\ntemplates:\n  sidecar: |\n    metadata:\n      labels: {by: cluster, hub: \"{{ .Values.global.hub }}\", port: \"{{ .MeshConfig.DefaultConfig.StatusPort }}\"}\n";
const VALUES: &str = r#"{"global": {"hub": "of-the-cluster", "tag": "t"}}"#;
const MESH: &str = "defaultConfig: {statusPort: 15555}\n";

/// What a call printed, and how it ended.
struct Call {
    status: Status,
    out: String,
    errors: String,
}

fn call_with(arguments: &[&str], input: &str, variables: &[(&str, &str)]) -> Call {
    let (mut out, mut errors) = (Vec::new(), Vec::new());
    let variables: Vec<_> = variables.iter().map(|(name, value)| (name.to_string(), OsString::from(value))).collect();
    let variable = move |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| value.clone());
    let argv = ["sidecar-injector"].iter().chain(arguments).map(OsString::from).collect();
    let mut streams = Streams { input: &mut input.as_bytes(), out: &mut out, errors: &mut errors, colour: false };
    let status = commands::run(argv, Arc::new(variable), &mut streams);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Call { status, out: text(out), errors: text(errors) }
}

fn kube_inject(arguments: &[&str]) -> Call {
    call_with(&[&["kube-inject", "-f", "-"], arguments].concat(), POD, &[])
}

/// A folder of one test's own.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("sidecar-injector-cluster-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// A kubeconfig with the context `c`, for a server and a user.
    fn kubeconfig(&self, cluster: &str, user: &str) -> String {
        let text = format!(
            "kind: Config\napiVersion: v1\ncurrent-context: c\nclusters: [{{name: k, cluster: {{{cluster}}}}}]\nusers: [{{name: u, user: {{{user}}}}}]\ncontexts: [{{name: c, context: {{cluster: k, user: u}}}}]\n"
        );
        self.file("kubeconfig", &text)
    }

    fn kubeconfig_of(&self, server: &Server) -> String {
        self.kubeconfig(&format!("server: 'http://{}'", server.address), "token: secret-token")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn config_map(data: &[(&str, &str)]) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"));
    let data: Vec<_> = data.iter().map(|(key, text)| format!("{}: {}", quoted(key), quoted(text))).collect();
    format!(r#"{{"kind": "ConfigMap", "apiVersion": "v1", "metadata": {{}}, "data": {{{}}}}}"#, data.join(", "))
}

/// What an installed Istio has, whatever the names.
fn istio(path: &str) -> (u16, String) {
    let name = path.rsplit('/').next().unwrap();
    if name.contains("injector") {
        (200, config_map(&[("config", TEMPLATES), ("values", VALUES)]))
    } else {
        (200, config_map(&[("mesh", MESH)]))
    }
}

#[test]
fn the_config_maps_of_an_installed_istio_are_used() {
    let (folder, server) = (Folder::new("installed"), Server::start(istio));
    let kubeconfig = folder.kubeconfig_of(&server);
    let Call { status, out, errors } = kube_inject(&["-c", &kubeconfig]);
    assert_eq!((status, errors.as_str()), (Status::Done, ""));
    assert!(out.contains("    by: cluster\n    hub: of-the-cluster\n    port: \"15555\"\n"), "{out}");
    let expected = [
        "GET /api/v1/namespaces/istio-system/configmaps/istio-sidecar-injector secret-token",
        "GET /api/v1/namespaces/istio-system/configmaps/istio secret-token",
    ];
    assert_eq!(server.asked(), expected);
    let printed = kube_inject(&["-c", &kubeconfig, "--print-config"]).out;
    assert!(printed.contains("# mesh config: ConfigMap istio-system/istio (data.mesh)\n"), "{printed}");
}

#[test]
fn any_of_the_flags_asks_the_cluster() {
    let (folder, server) = (Folder::new("flags"), Server::start(istio));
    let kubeconfig = folder.kubeconfig_of(&server);
    let home = folder.file("unused", "");
    let variables = [("KUBECONFIG", kubeconfig.as_str()), ("HOME", home.as_str())];
    for flag in [["--context", "c"], ["--meshConfigMapName", "m"], ["--injectConfigMapName", "i-injector"]] {
        let call = call_with(&[&["kube-inject", "-f", "-"], &flag[..]].concat(), POD, &variables);
        assert!(call.out.contains("by: cluster"), "{flag:?}: {}", call.errors);
    }
    assert_eq!(server.asked().len(), 6);
    // Nothing else does: neither a kubeconfig in the environment nor the namespace.
    let call = call_with(&["kube-inject", "-f", "-", "-i", "mesh-system", "-r", "canary"], POD, &variables);
    assert_eq!((call.status, server.asked().len()), (Status::Done, 6));
}

#[test]
fn the_kubeconfig_in_the_home_directory_is_found() {
    let (folder, server) = (Folder::new("home"), Server::start(istio));
    fs::create_dir(folder.0.join(".kube")).unwrap();
    fs::rename(folder.kubeconfig_of(&server), folder.0.join(".kube/config")).unwrap();
    let home = [("HOME", folder.0.to_str().unwrap())];
    let call = call_with(&["kube-inject", "-f", "-", "--meshConfigMapName", "istio"], POD, &home);
    assert!(call.out.contains("by: cluster"), "{}", call.errors);
}

#[test]
fn kubeconfigs_of_the_environment_are_merged() {
    let (folder, server) = (Folder::new("merged"), Server::start(istio));
    let first = folder.file("first", "current-context: c\ncontexts: [{name: c, context: {cluster: k, user: u}}]\n");
    let list = format!("{first}:/nowhere:{}", folder.kubeconfig_of(&server));
    let call = call_with(&["kube-inject", "-f", "-", "--context", "c"], POD, &[("KUBECONFIG", &list)]);
    assert!(call.out.contains("by: cluster"), "{}", call.errors);
}

#[test]
fn the_revision_is_part_of_the_default_names_only() {
    let (folder, server) = (Folder::new("revision"), Server::start(istio));
    let kubeconfig = folder.kubeconfig_of(&server);
    let names = |arguments: &[&str]| {
        let before = server.asked().len();
        let call = kube_inject(&[&["-c", &kubeconfig, "-i", "mesh-system"], arguments].concat());
        assert_eq!(call.status, Status::Done, "{}", call.errors);
        let name = |line: &String| {
            let path = line.strip_prefix("GET /api/v1/namespaces/mesh-system/configmaps/").unwrap();
            path.split(' ').next().unwrap().to_owned()
        };
        server.asked()[before..].iter().map(name).collect::<Vec<_>>()
    };
    assert_eq!(names(&[]), ["istio-sidecar-injector", "istio"]);
    assert_eq!(names(&["-r", "default"]), ["istio-sidecar-injector", "istio"]);
    assert_eq!(names(&["-r", "canary"]), ["istio-sidecar-injector-canary", "istio-canary"]);
    assert_eq!(names(&["-r", "canary", "--meshConfigMapName", "own"]), ["istio-sidecar-injector-canary", "own"]);
    assert_eq!(names(&["-r", "canary", "--injectConfigMapName", "injector"]), ["injector", "istio-canary"]);
}

#[test]
fn files_win_over_the_cluster() {
    let (folder, server) = (Folder::new("files"), Server::start(istio));
    let kubeconfig = folder.kubeconfig_of(&server);
    let templates = folder.file("config.yaml", TEMPLATES);
    let values = folder.file("values.yaml", "global: {hub: of-the-file, tag: t}\n");
    let mesh = folder.file("mesh.yaml", "defaultConfig: {statusPort: 16666}\n");
    let call = kube_inject(&["-c", &kubeconfig, "--injectConfigFile", &templates, "--valuesFile", &values]);
    assert!(call.out.contains("hub: of-the-file\n    port: \"15555\""), "{}{}", call.out, call.errors);
    assert_eq!(server.asked(), ["GET /api/v1/namespaces/istio-system/configmaps/istio secret-token"]);
    let all = ["--injectConfigFile", &templates, "--valuesFile", &values, "--meshConfigFile", &mesh];
    let call = kube_inject(&[&["-c", "/nowhere"], &all[..]].concat());
    assert!(call.out.contains("hub: of-the-file\n    port: \"16666\""), "{}{}", call.out, call.errors);
    assert_eq!(server.asked().len(), 1);
    // Templates of a file, with the values of the cluster.
    let call = kube_inject(&["-c", &kubeconfig, "--injectConfigFile", &templates, "--meshConfigFile", &mesh]);
    assert!(call.out.contains("hub: of-the-cluster\n    port: \"16666\""), "{}{}", call.out, call.errors);
    // A ConfigMap as a file has its values with it.
    let both =
        folder.file("both.yaml", &config_map(&[("config", TEMPLATES), ("values", "global: {hub: saved, tag: t}")]));
    let call = kube_inject(&["-c", &kubeconfig, "--injectConfigFile", &both, "--meshConfigFile", &mesh]);
    assert!(call.out.contains("hub: saved"), "{}{}", call.out, call.errors);
    assert_eq!(server.asked().len(), 2);
}

#[test]
fn an_operator_file_wins_over_the_cluster() {
    let (folder, server) = (Folder::new("operator"), Server::start(istio));
    let kubeconfig = folder.kubeconfig_of(&server);
    let operator = "spec: {values: {global: {tag: own}}, meshConfig: {defaultConfig: {statusPort: 17777}}}\n";
    let operator = folder.file("iop.yaml", operator);
    let call = kube_inject(&["-c", &kubeconfig, "--operatorFileName", &operator]);
    assert!(call.out.contains("hub: of-the-cluster\n    port: \"17777\""), "{}{}", call.out, call.errors);
    let injector = "GET /api/v1/namespaces/istio-system/configmaps/istio-sidecar-injector secret-token";
    assert_eq!(server.asked(), [injector]);
}

#[test]
fn a_review_reads_the_cluster_too() {
    let (folder, server) = (Folder::new("review"), Server::start(istio));
    let review = r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"u","object":{"kind":"Pod","apiVersion":"v1","spec":{}}}}"#;
    let call = call_with(&["review", "-c", &folder.kubeconfig_of(&server)], review, &[]);
    assert_eq!(call.errors, "injected: the policy is enabled\n");
    assert_eq!(server.asked().len(), 2);
}

/// A certificate for 127.0.0.1, as PEM, and a server's configuration with it.
fn certificate() -> (String, rustls::ServerConfig) {
    let own = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(own.signing_key.serialize_der()).unwrap();
    let chain = vec![own.cert.der().clone()];
    let tls = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    (own.cert.pem(), tls)
}

#[test]
fn tls_is_checked_against_the_certificate_of_the_kubeconfig() {
    let folder = Folder::new("tls");
    let (pem, tls) = certificate();
    let server = Server::with_tls(tls, istio);
    let (ca, other) = (folder.file("ca.pem", &pem), folder.file("other.pem", &certificate().0));
    let call = |ca: &str| {
        let cluster = format!("server: 'https://{}', certificate-authority: {ca}", server.address);
        kube_inject(&["-c", &folder.kubeconfig(&cluster, "token: t")])
    };
    // A path in a kubeconfig starts from its folder.
    for ca in [ca.as_str(), "ca.pem"] {
        assert!(call(ca).out.contains("by: cluster"), "{}", call(ca).errors);
    }
    let wrong = call(&other);
    assert_eq!(wrong.status, Status::Failed);
    let expected = format!("Error: could not reach the API server https://{}: ", server.address);
    assert!(wrong.errors.starts_with(&expected), "{}", wrong.errors);
    assert!(wrong.errors.contains("invalid peer certificate: "), "{}", wrong.errors);
}
