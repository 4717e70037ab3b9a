//! The error of a call that cannot read the cluster: what is wrong, and which flags to check or to use instead.

use std::net::TcpListener;
use std::time::Duration;

use sidecar_injector::cluster::{Cluster, ConfigMap, Name, Namespace, Options};
use sidecar_injector::commands::Status;

use super::server::Server;
use super::{Folder, TEMPLATES, call_with, config_map, istio, kube_inject};

const MESH_FILE: &str = "or read a file instead: `kubectl -n istio-system get configmap istio -o yaml > istio.yaml`, then --meshConfigFile istio.yaml\n";
const INJECTOR_FILE: &str = "or read a file instead: `kubectl -n istio-system get configmap istio-sidecar-injector -o yaml > istio-sidecar-injector.yaml`, then --injectConfigFile istio-sidecar-injector.yaml\n";

/// The error of a call that fails, without `Error: `.
fn error(arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let call = call_with(&[&["kube-inject", "-f", "-"], arguments].concat(), super::POD, variables);
    assert_eq!((call.status, call.out.as_str()), (Status::Failed, ""));
    call.errors.strip_prefix("Error: ").unwrap().to_owned()
}

/// The error about an answer to the question for the mesh config, with `SERVER` and `CONTEXT` for what differs.
fn error_of(name: &str, code: u16, body: &str) -> String {
    let (folder, body) = (Folder::new(name), body.to_owned());
    let server = Server::start(move |path| if path.ends_with("/istio") { (code, body.clone()) } else { istio(path) });
    let kubeconfig = folder.kubeconfig_of(&server);
    let text = error(&["-c", &kubeconfig], &[]);
    text.replace(&format!("http://{}", server.address), "SERVER")
        .replace(&format!("the context c of {kubeconfig}"), "CONTEXT")
}

fn status(code: u16, reason: &str, message: &str) -> String {
    format!(
        r#"{{"kind":"Status","apiVersion":"v1","status":"Failure","message":"{message}","reason":"{reason}","code":{code}}}"#
    )
}

#[test]
fn no_kubeconfig_is_an_error_that_names_the_searched_paths() {
    let text = error(&["--meshConfigMapName", "istio"], &[("HOME", "/nowhere")]);
    let expected = "there is no kubeconfig: KUBECONFIG is not set, and /nowhere/.kube/config does not exist; set --kubeconfig, or read a file instead: `kubectl -n istio-system get configmap istio-sidecar-injector -o yaml > istio-sidecar-injector.yaml`, then --injectConfigFile istio-sidecar-injector.yaml; `kubectl -n istio-system get configmap istio -o yaml > istio.yaml`, then --meshConfigFile istio.yaml\n";
    assert_eq!(text, expected);
    let text = error(&["--context", "c"], &[("KUBECONFIG", "/nowhere/a:/nowhere/b")]);
    assert!(text.starts_with("there is no kubeconfig: no file of KUBECONFIG=/nowhere/a:/nowhere/b exists; "), "{text}");
    let text = error(&["-c", "/nowhere/config"], &[]);
    assert!(
        text.starts_with("/nowhere/config: No such file or directory (os error 2); correct the file, or "),
        "{text}"
    );
}

#[test]
fn a_broken_kubeconfig_is_named_and_its_secrets_are_not_shown() {
    let folder = Folder::new("broken");
    let broken = folder.file("broken", "users:\n- name: u\n  user:\n    token: secret-token\n    username: [\n");
    let text = error(&["-c", &broken], &[]);
    assert!(text.starts_with(&format!("{broken}: ")) && !text.contains("secret-token"), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    let mistyped = folder.file("mistyped", "users:\n- name: u\n  user:\n    token: secret-token\n    username: [x]\n");
    let text = error(&["-c", &mistyped], &[]);
    assert!(text.starts_with(&format!("{mistyped}: ")) && !text.contains("secret-token"), "{text}");
    let certificate = "server: 'https://127.0.0.1:1', certificate-authority-data: '!'";
    let text = error(&["-c", &folder.kubeconfig(certificate, "")], &[]);
    assert!(text.contains("/kubeconfig: failed to load certificate authority: failed to decode base64"), "{text}");
}

#[test]
fn an_unknown_context_is_an_error_with_the_known_ones() {
    let folder = Folder::new("context");
    let kubeconfig = folder.kubeconfig("server: 'http://127.0.0.1:1'", "");
    let text = error(&["-c", &kubeconfig, "--context", "other"], &[]);
    let expected =
        format!("{kubeconfig}: there is no context \"other\"; the file has \"c\"; choose one with --context, ");
    assert!(text.starts_with(&expected), "{text}");
    let none = folder.file("none", "contexts: [{name: a, context: {cluster: k}}]\ncurrent-context: ''\n");
    let text = error(&["-c", &none], &[]);
    assert!(text.starts_with(&format!("{none}: `current-context` is not set; the file has \"a\"; choose ")), "{text}");
}

#[test]
fn a_server_that_cannot_be_reached_is_named() {
    let folder = Folder::new("unreachable");
    // The port of a listener that was just closed is not assigned to another one.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let text = error(&["-c", &folder.kubeconfig(&format!("server: 'http://127.0.0.1:{port}/'"), "")], &[]);
    let expected = format!("could not reach the API server http://127.0.0.1:{port}: ");
    assert!(text.starts_with(&expected) && text.contains("Connection refused"), "{text}");
    assert!(text.ends_with(&format!("; check --kubeconfig and --context, {INJECTOR_FILE}")), "{text}");
}

#[test]
fn a_server_that_does_not_answer_is_not_waited_for_for_ever() {
    let folder = Folder::new("silent");
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let kubeconfig = folder.kubeconfig(&format!("server: 'http://{address}'"), "");
    let answer = Duration::from_millis(100);
    let options = Options { kubeconfig: Some(kubeconfig.into()), answer, ..Options::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let result = runtime.block_on(async {
        let cluster = Cluster::new(&options, &|_| None).await.unwrap();
        let (namespace, name) = (Namespace::new("istio-system").unwrap(), Name::new("istio").unwrap());
        ConfigMap::get(&cluster, &namespace, &name).await
    });
    let expected = format!("the API server http://{address} did not answer within 0.1 s");
    assert_eq!(result.unwrap_err().to_string(), expected);
}

#[test]
fn missing_rights_are_named() {
    let text = error_of("401", 401, &status(401, "Unauthorized", "Unauthorized"));
    let expected = "the API server SERVER does not accept the credentials of CONTEXT (401 Unauthorized); log in again, or choose other credentials with --context, ";
    assert_eq!(text, format!("{expected}{MESH_FILE}"));
    let message = "configmaps \\\"istio\\\" is forbidden: User \\\"jane\\\" cannot get resource";
    let text = error_of("403", 403, &status(403, "Forbidden", message));
    let expected = "the API server SERVER does not let CONTEXT get configmaps in the namespace istio-system (403 Forbidden: configmaps \"istio\" is forbidden: User \"jane\" cannot get resource); have a Role grant that, or choose other credentials with --context, ";
    assert_eq!(text, format!("{expected}{MESH_FILE}"));
}

#[test]
fn a_missing_config_map_is_named_with_its_flags() {
    let text = error_of("404", 404, &status(404, "NotFound", "configmaps \\\"istio\\\" not found"));
    let expected = "there is no ConfigMap istio in the namespace istio-system of SERVER (404 Not Found); check --istioNamespace and --meshConfigMapName, ";
    assert_eq!(text, format!("{expected}{MESH_FILE}"));
    let folder = Folder::new("revision-404");
    let server = Server::start(|_| (404, status(404, "NotFound", "")));
    let text = error(&["-c", &folder.kubeconfig_of(&server), "-i", "mesh", "-r", "canary"], &[]);
    assert!(
        text.starts_with("there is no ConfigMap istio-sidecar-injector-canary in the namespace mesh of "),
        "{text}"
    );
    assert!(
        text.contains("; check --istioNamespace and --revision, or read a file instead: `kubectl -n mesh "),
        "{text}"
    );
}

#[test]
fn answers_of_other_servers_are_shown_on_one_line() {
    let check = "; check that --kubeconfig and --context lead to a Kubernetes API server, ";
    let text = error_of("no-api", 404, "404 page\u{1b}[31m not\nfound\n");
    let expected = "the API server SERVER answered with the status 404: 404 page [31m not found";
    assert_eq!(text, format!("{expected}{check}{MESH_FILE}"));
    let text = error_of("unavailable", 503, &"<p>".repeat(1000));
    assert!(
        text.starts_with("the API server SERVER answered with the status 503: <p><p>") && text.len() < 900,
        "{text}"
    );
    let text = error_of("html", 200, "<html>Log in</html>");
    let expected = "the answer of SERVER is not the object that was asked for: ";
    assert!(text.starts_with(expected) && text.ends_with(&format!("{check}{MESH_FILE}")), "{text}");
    let text = error_of("secret", 200, r#"{"kind":"Secret","apiVersion":"v1","metadata":{},"data":{}}"#);
    assert!(text.starts_with(expected) && text.contains("\"Secret\", expected ConfigMap"), "{text}");
}

#[test]
fn a_missing_key_is_named_with_those_that_there_are() {
    let text = error_of("key", 200, &config_map(&[("meshNetworks", ""), ("messh", "")]));
    let expected = "the ConfigMap istio in the namespace istio-system has no key \"mesh\"; it has \"meshNetworks\", \"messh\"; check --meshConfigMapName, or give that text as a file with --meshConfigFile\n";
    assert_eq!(text, expected);
    let text = error_of("empty", 200, r#"{"kind":"ConfigMap","apiVersion":"v1","metadata":{}}"#);
    assert!(text.contains("has no key \"mesh\"; it has no keys; "), "{text}");
    let text =
        error_of("binary", 200, r#"{"kind":"ConfigMap","apiVersion":"v1","metadata":{},"binaryData":{"mesh":"AAAA"}}"#);
    assert!(text.contains("it has \"mesh\" (binary)"), "{text}");
    let folder = Folder::new("values");
    let server = Server::start(|_| (200, config_map(&[("config", TEMPLATES)])));
    let text = error(&["-c", &folder.kubeconfig_of(&server)], &[]);
    assert!(text.ends_with("; check --injectConfigMapName, or give that text as a file with --valuesFile\n"), "{text}");
}

#[test]
fn names_that_cannot_be_are_refused_before_anything_is_sent() {
    let (folder, server) = (Folder::new("names"), Server::start(istio));
    let kubeconfig = folder.kubeconfig_of(&server);
    for (flag, name, start) in [
        ("-i", "../x", "--istioNamespace: \"../x\" cannot be the name of a namespace; allowed are lower-case letters"),
        ("-i", "a.b", "--istioNamespace: \"a.b\" cannot be the name of a namespace"),
        ("--meshConfigMapName", "a/b?c", "--meshConfigMapName: \"a/b?c\" cannot be the name of a ConfigMap"),
        ("--injectConfigMapName", "a..b", "--injectConfigMapName: \"a..b\" cannot be the name of a ConfigMap"),
        ("-r", "A", "--revision: \"istio-sidecar-injector-A\" cannot be the name of a ConfigMap"),
    ] {
        let text = error(&["-c", &kubeconfig, flag, name], &[]);
        assert!(text.starts_with(start), "{text}");
    }
    assert_eq!(server.asked().len(), 0);
}

#[test]
fn a_program_for_credentials_is_asked_for_a_token() {
    let (folder, server) = (Folder::new("program"), Server::start(istio));
    let exec = |script: &str| {
        let user = format!(
            "exec: {{apiVersion: client.authentication.k8s.io/v1, interactiveMode: IfAvailable, command: sh, args: ['-c', '{script}'], env: [{{name: KEY, value: secret}}]}}"
        );
        kube_inject(&["-c", &folder.kubeconfig(&format!("server: 'http://{}'", server.address), &user)])
    };
    let credential =
        r#"{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{"token":"fresh"}}"#;
    // It reads its standard input to the end, which must not be the manifests.
    let call = exec(&format!("cat; echo '\\''{credential}'\\''").replace("'\\''", "''"));
    assert!(call.out.contains("by: cluster"), "{}", call.errors);
    assert!(server.asked()[0].ends_with(" fresh"), "{:?}", server.asked());
    let failed = exec("echo token; echo please log in >&2; exit 3").errors;
    let expected =
        "`sh` failed (exit status: 3): please log in; log in again, or choose other credentials with --context, ";
    assert!(failed.contains(expected) && !failed.contains("secret") && !failed.contains("token"), "{failed}");
    let garbled = exec("echo nothing").errors;
    assert!(garbled.contains("`sh` printed no ExecCredential; "), "{garbled}");
}

#[test]
fn a_proxy_is_used_and_named() {
    let (folder, proxy) = (Folder::new("proxy"), Server::start(|_| (407, String::new())));
    let target = "server: 'https://api.example.invalid:6443'";
    let own = folder.kubeconfig(&format!("{target}, proxy-url: 'http://user:password@{}'", proxy.address), "token: t");
    let text = error(&["-c", &own], &[]);
    let expected = format!(
        "could not reach the API server https://api.example.invalid:6443 through the proxy http://{} (proxy-url of {own}): ",
        proxy.address
    );
    assert!(text.starts_with(&expected) && !text.contains("password"), "{text}");
    assert!(proxy.asked()[0].starts_with("CONNECT api.example.invalid:6443"), "{:?}", proxy.asked());
    let plain = folder.kubeconfig(target, "token: t");
    let address = proxy.address.to_string();
    let text = error(&["-c", &plain], &[("HTTPS_PROXY", &address)]);
    assert!(text.contains(&format!(" through the proxy http://{address} (HTTPS_PROXY): ")), "{text}");
    assert_eq!(proxy.asked().len(), 2);
    let text = error(&["-c", &plain], &[("HTTPS_PROXY", "ftp://proxy:1")]);
    assert!(text.starts_with("HTTPS_PROXY: ftp://proxy:1 is not allowed; it has to be a URL with http://"), "{text}");
}
