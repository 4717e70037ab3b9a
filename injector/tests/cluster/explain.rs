//! `explain KIND/NAME`: workload, namespace, webhooks and configuration of a cluster.

use sidecar_injector::commands::Status;

use super::server::Server;
use super::{Call, Folder, call_with, istio};

const DEPLOYMENT: &str = r#"{"kind": "Deployment", "apiVersion": "apps/v1", "metadata": {"name": "web", "namespace": "shop",
    "uid": "u", "managedFields": []}, "spec": {"selector": {}, "template": {"metadata": {"labels": {"app": "web"}},
    "spec": {"containers": [{"name": "app"}]}}}, "status": {"replicas": 1}}"#;
const WEBHOOKS: &str = r#"{"kind": "MutatingWebhookConfigurationList", "apiVersion": "admissionregistration.k8s.io/v1",
    "metadata": {}, "items": [{"metadata": {"name": "of-the-cluster", "labels": {"istio.io/rev": "default"}}, "webhooks": [{
    "name": "namespace.sidecar-injector.istio.io", "clientConfig": {"service": {"name": "injector", "namespace": "i"}},
    "namespaceSelector": {"matchLabels": {"mesh": "yes"}}}]}]}"#;

/// A cluster whose namespace has these labels. `None`: only the workload and the configuration may be read.
fn cluster(labels: Option<&'static str>) -> Server {
    Server::start(answers(labels))
}

/// The answers of that cluster's server.
fn answers(labels: Option<&'static str>) -> impl Fn(&str) -> (u16, String) {
    move |path| match path {
        "/apis/apps/v1/namespaces/shop/deployments/web" => (200, DEPLOYMENT.to_owned()),
        "/api/v1/namespaces/shop" if labels.is_some() => {
            let labels = labels.unwrap_or_default();
            (200, format!(r#"{{"kind": "Namespace", "metadata": {{"name": "shop", "labels": {labels}}}}}"#))
        }
        path if path.starts_with("/apis/admissionregistration.k8s.io/") && labels.is_some() => {
            (200, WEBHOOKS.to_owned())
        }
        path if path.contains("/configmaps/") => istio(path),
        path => {
            let (code, reason) = if path.contains("/pods/") { (404, "NotFound") } else { (403, "Forbidden") };
            let status = format!(r#""status": "Failure", "reason": "{reason}", "message": "no", "code": {code}"#);
            (code, format!(r#"{{"kind": "Status", "apiVersion": "v1", {status}}}"#))
        }
    }
}

fn explain(folder: &Folder, server: &Server, arguments: &[&str]) -> Call {
    let kubeconfig = [("KUBECONFIG", folder.kubeconfig_of(server))];
    let kubeconfig = kubeconfig.each_ref().map(|(name, file)| (*name, file.as_str()));
    call_with(&[&["explain"], arguments].concat(), "", &kubeconfig)
}

#[test]
fn what_decides_in_the_cluster_decides_in_the_explanation() {
    let (folder, server) = (Folder::new("explain"), cluster(Some(r#"{"mesh": "yes"}"#)));
    let Call { status, out, errors } = explain(&folder, &server, &["deployment/web", "-n", "shop"]);
    assert_eq!((status, errors.as_str()), (Status::Done, ""));
    assert!(out.contains("of-the-cluster") && out.contains("hub"), "{out}");
    let asked = server.asked();
    let asked: Vec<_> = asked.iter().map(|line| line.split(['?', ' ']).nth(1).unwrap_or_default()).collect();
    let expected = [
        "/apis/apps/v1/namespaces/shop/deployments/web",
        "/api/v1/namespaces/shop",
        "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations",
        "/api/v1/namespaces/istio-system/configmaps/istio-sidecar-injector",
        "/api/v1/namespaces/istio-system/configmaps/istio",
    ];
    assert_eq!(asked, expected);
    // As kubectl prints and takes the names of resources.
    for name in ["deployment.apps/web", "deploy/web", "Deployments/web"] {
        assert_eq!(explain(&folder, &server, &[name, "-n", "shop"]).out, out, "{name}");
    }

    let without = cluster(Some("{}"));
    let Call { out, .. } = explain(&folder, &without, &["deployment/web", "-n", "shop"]);
    assert!(out.contains("mesh") && !out.contains("hub"), "{out}");
}

#[test]
fn who_may_read_the_workload_alone_learns_what_is_missing() {
    let (folder, server) = (Folder::new("explain-rights"), cluster(None));
    let Call { status, out, errors } = explain(&folder, &server, &["deployment/web", "-n", "shop"]);
    assert_eq!(status, Status::Done, "{errors}");
    assert!(out.contains("hub"), "{out}");
    let lines: Vec<_> = errors.lines().collect();
    let [namespace, webhooks] = lines[..] else { panic!("{errors}") };
    assert!(namespace.contains("get the namespace shop (403") && namespace.ends_with("--namespace-labels"), "{errors}");
    assert!(webhooks.contains("list mutatingwebhookconfigurations (403"), "{errors}");
    assert!(webhooks.ends_with("give the cluster's with --webhook-file"), "{errors}");
}

#[test]
fn names_that_lead_to_nothing_are_explained() {
    let (folder, server) = (Folder::new("explain-names"), cluster(None));
    let error = |arguments: &[&str]| {
        let call = explain(&folder, &server, arguments);
        assert_eq!((call.status, call.out.as_str()), (Status::Failed, ""), "{arguments:?}");
        call.errors
    };
    for (given, expected) in [
        (
            "web",
            "Error: \"web\" names no object that has pods: there is no / in it; write KIND/NAME, such as deployment/web",
        ),
        ("service/web", "Error: \"service/web\" names no object that has pods: \"service\" is no kind with pods; "),
        ("list/web", "\"list\" is no kind with pods; "),
        ("pod/../x", "\"../x\" cannot be a name; allowed are "),
    ] {
        assert!(error(&[given]).contains(expected), "{given}: {}", error(&[given]));
    }
    assert!(error(&["pod/web", "-n", "a/b"]).contains("--namespace: \"a/b\" cannot be the name of a namespace"));
    assert_eq!(server.asked().len(), 0);
    let missing = error(&["pod/web-1", "-n", "shop"]);
    assert!(missing.contains("there is no Pod web-1 in the namespace shop of http://127.0.0.1:"), "{missing}");
    assert!(missing.contains("; check the name, --namespace and --context, or read a file instead: `kubectl -n shop get pod web-1 -o yaml > web-1.yaml`, then -f web-1.yaml"), "{missing}");
    // The namespace of the context, as for kubectl.
    assert!(error(&["pod/web-1"]).contains("in the namespace default of"));
}

/// What a proxy, a captive portal or a broken server answers.
const FAULTS: [(u16, &str); 12] = [
    (200, ""),
    (200, "null"),
    (200, "[]"),
    (200, "3"),
    (200, "{}"),
    (200, r#"{"kind": "Deploy"#),
    (200, "<html>Please log in</html>"),
    (200, r#"{"metadata": 7, "spec": [], "data": "x", "items": {"a": null}}"#),
    (
        200,
        r#"{"kind": "Cat\u001b[2J\nalogue", "items": [null, 3, {"webhooks": [{}, 5]}], "data": {"config": 5, "mesh": []}}"#,
    ),
    (301, "elsewhere"),
    (429, r#"{"kind": "Status", "code": 429, "message": "too many\u001b[2J\nrequests"}"#),
    (503, r#"{"kind": "Status"}"#),
];

#[test]
fn any_answer_that_is_not_the_one_asked_for_is_reported() {
    let folder = Folder::new("explain-faults");
    // Without the last two, an answer is possible, with a warning.
    let asked = [
        ("/apis/apps/v1/namespaces/shop/deployments/web", Status::Failed),
        ("/api/v1/namespaces/istio-system/configmaps/istio-sidecar-injector", Status::Failed),
        ("/api/v1/namespaces/istio-system/configmaps/istio", Status::Failed),
        ("/api/v1/namespaces/shop", Status::Done),
        ("/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations", Status::Done),
    ];
    for ((faulty, expected), (code, body)) in asked.iter().flat_map(|asked| FAULTS.map(|fault| (*asked, fault))) {
        let right = answers(Some(r#"{"mesh": "yes"}"#));
        let server = Server::start(move |path| match path.split('?').next() == Some(faulty) {
            true => (code, body.to_owned()),
            false => right(path),
        });
        let Call { status, out, errors } = explain(&folder, &server, &["deployment/web", "-n", "shop"]);
        let case = format!("{faulty}: {code} {body:?}: {status:?}: {out}{errors}");
        assert_eq!((status, out.is_empty()), (expected, expected == Status::Failed), "{case}");
        assert_eq!(errors.lines().count(), 1, "{case}");
        assert!(errors.contains(&server.address.to_string()) || errors.contains("has no key"), "{case}");
        assert!(!errors.trim_end().contains(char::is_control), "{case}");
    }
}
