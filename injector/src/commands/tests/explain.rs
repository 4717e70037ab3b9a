//! `explain`.

use super::*;

fn explain(arguments: &[&str], input: &str) -> Call {
    call(&[&["explain", "-f", "-"], arguments].concat(), input)
}

/// The first lines, up to the first empty one.
fn head(call: &Call) -> &str {
    assert_eq!((call.status, call.errors.as_str()), (Status::Done, ""));
    call.out.split("\n\n").next().unwrap().trim_end()
}

fn only(text: &str) -> Value {
    let tree = json::parse(text.as_bytes()).unwrap();
    assert_eq!(tree.get("version"), Some(&Value::Int(1)));
    let [explanation] = tree.list_at(&["explanations"]) else { panic!("{text}") };
    explanation.clone()
}

#[test]
fn the_webhook_that_is_called_and_the_step_that_decides_are_told() {
    let call = explain(&["--namespace-labels", "istio-injection=enabled"], DEPLOYMENT);
    assert_eq!(
        head(&call),
        "Deployment default/web: injected\n  because   the policy is enabled\n  webhook   istio-sidecar-injector: \
         namespace.sidecar-injector.istio.io (as Istio installs it)\n  templates sidecar (the default)"
    );
    let call = explain(&["--namespace-labels", "istio-injection=enabled", "-o", "json"], DEPLOYMENT);
    let explanation = only(&call.out);
    let text = |path: &[&str]| explanation.str_at(path).unwrap().to_owned();
    assert_eq!(text(&["verdict"]), "injected");
    assert_eq!(text(&["decision", "reason"]), "policy-enabled");
    assert_eq!(explanation.list_at(&["webhooks", "entries"]).len(), 4);
    assert_eq!(text(&["templates", "source"]), "default");
}

#[test]
fn a_pod_that_no_webhook_catches_is_told_what_each_wants() {
    let call = explain(&["--namespace-labels", "team=a", "-n", "shop"], DEPLOYMENT);
    let head = head(&call);
    assert!(
        head.starts_with("Deployment shop/web: not injected\n  because   no webhook's selectors match\n"),
        "{head}"
    );
    assert!(head.contains("if it were called, the injector would inject it: the policy is enabled"), "{head}");
    assert!(head.contains("namespace.sidecar-injector.istio.io (as Istio installs it): namespaceSelector wants istio-injection in (enabled)"), "{head}");
}

#[test]
fn without_the_labels_of_the_namespace_the_webhook_is_not_known() {
    let call = explain(&[], DEPLOYMENT);
    assert!(head(&call).contains("  webhook   not known without the labels of the namespace"), "{}", call.out);
    let call = explain(&["-o", "json"], DEPLOYMENT);
    assert_eq!(only(&call.out).get("webhooks"), None);
}

#[test]
fn webhooks_and_namespaces_are_read_from_files() {
    let folder = Folder::new("explain-webhooks");
    let webhooks = "kind: MutatingWebhookConfiguration\nmetadata: {name: own, labels: {istio.io/rev: default}}\nwebhooks:\n- name: all.sidecar-injector.istio.io\n  namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: shop}}\n";
    let webhooks = folder.file("webhooks.yaml", webhooks);
    let namespace = folder.file("namespace.yaml", "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}");
    let flags = ["--webhook-file", &webhooks, "--namespace-file", &namespace];
    let call = explain(&flags, DEPLOYMENT);
    assert!(head(&call).contains("Deployment shop/web: injected"), "{}", call.out);
    assert!(head(&call).contains("  webhook   own: all.sidecar-injector.istio.io\n"), "{}", call.out);
    let call = explain(&[&flags[..], &["-n", "other"]].concat(), DEPLOYMENT);
    assert!(head(&call).contains("namespaceSelector wants kubernetes.io/metadata.name in (shop)"), "{}", call.out);
    let call = explain(&[&flags[..], &["-r", "canary"]].concat(), DEPLOYMENT);
    assert!(head(&call).contains("there is none of this revision"), "{}", call.out);
    let call = explain(&["--namespace-labels", "istio-injection"], DEPLOYMENT);
    assert_eq!(call.status, Status::Failed);
    assert_eq!(
        call.errors,
        "Error: --namespace-labels: \"istio-injection\" is no label; write KEY=VALUE, and a comma between labels\n"
    );
}

#[test]
fn each_step_of_the_decision_has_its_word() {
    let host = DEPLOYMENT.replace("      containers:", "      hostNetwork: true\n      containers:");
    let declines =
        DEPLOYMENT.replace("{app: web}\n    spec", "{app: web, sidecar.istio.io/inject: \"false\"}\n    spec");
    let cases = [
        (host.as_str(), "default", "skipped", "host-network"),
        (&declines, "default", "skipped", "label"),
        (DEPLOYMENT, "kube-system", "skipped", "system-namespace"),
        (DEPLOYMENT, "default", "injected", "policy-enabled"),
    ];
    for (input, namespace, verdict, reason) in cases {
        let explanation = only(&explain(&["-n", namespace, "-o", "json"], input).out);
        assert_eq!((explanation.str_at(&["verdict"]), explanation.str_at(&["reason"])), (Some(verdict), Some(reason)));
    }
}

#[test]
fn annotations_at_the_wrong_level_and_misspelt_ones_are_told() {
    let above =
        DEPLOYMENT.replace("  name: web\n", "  name: web\n  annotations: {sidecar.istio.io/inject: \"false\"}\n");
    let call = explain(&[], &above);
    assert!(head(&call).starts_with("Deployment default/web: injected\n"), "{}", call.out);
    let warning =
        "annotation sidecar.istio.io/inject has no effect: it has to be in spec.template.metadata, for the pods";
    assert!(call.out.contains(&format!("  - {warning}\n")), "{}", call.out);
    let both = above.replace(
        "labels: {app: web}\n",
        "labels: {app: web}\n      annotations: {sidecar.istio.io/inject: \"false\"}\n",
    );
    assert!(!explain(&[], &both).out.contains("wrong level"));
    let setup = Setup::new("explain-level");
    let injected = setup.kube_inject(&["-f", "-"], &above);
    assert_eq!(injected.errors, format!("\nDeployment \"web\": {warning}\n"));
}

#[test]
fn an_admission_review_is_explained_as_the_webhook_answers_it() {
    let review = |request: &str| {
        format!(
            r#"{{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{{"uid":"u","namespace":"shop",{request}}}}}"#
        )
    };
    let pod = r#""object":{"metadata":{"generateName":"web-"},"spec":{"containers":[{"name":"app"}]}}"#;
    let created = explain(&["-o", "json"], &review(pod));
    let explanation = only(&created.out);
    assert_eq!(
        ["kind", "namespace", "name", "verdict"].map(|key| explanation.str_at(&[key]).unwrap()),
        ["Pod", "shop", "web-", "injected"]
    );
    let deleted = explain(&["-o", "json"], &review(r#""operation":"DELETE","object":null"#));
    assert_eq!(only(&deleted.out).str_at(&["reason"]), Some("operation"));
    let nothing = explain(&["-o", "json"], &review(r#""object":null"#));
    assert_eq!(only(&nothing.out).str_at(&["verdict"]), Some("refused"));
}

#[test]
fn a_pod_that_cannot_be_injected_is_explained_too() {
    let wrong = DEPLOYMENT.replace(
        "labels: {app: web}\n    spec",
        "labels: {app: web}\n      annotations: {inject.istio.io/templates: \"sidecar,mine\"}\n    spec",
    );
    let call = explain(&["-o", "json"], &wrong);
    assert_eq!(call.status, Status::Done);
    let explanation = only(&call.out);
    assert_eq!(explanation.str_at(&["reason"]), Some("unknown-template"));
    assert_eq!(explanation.str_at(&["templates", "source"]), Some("annotation"));
    assert!(explanation.str_at(&["message"]).unwrap().contains("\"mine\" not found; have sidecar"));
}

#[test]
fn kube_inject_goes_by_other_rules() {
    let setup =
        Setup::with("explain-by", "policy: disabled\ntemplates:\n  sidecar: 'metadata: {labels: {by: sidecar}}'\n");
    let config = ["--injectConfigFile", &setup.config, "--valuesFile", &setup.values];
    let verdict = |flags: &[&str]| {
        let call = explain(&[&config, flags, &["-o", "json"]].concat(), DEPLOYMENT);
        only(&call.out).str_at(&["verdict"]).unwrap().to_owned()
    };
    assert_eq!(verdict(&[]), "skipped");
    assert_eq!(verdict(&["--by", "kube-inject"]), "injected");
    assert_eq!(verdict(&["--by", "kube-inject", "--policy-from-config"]), "skipped");
}

#[test]
fn something_to_explain_is_needed() {
    let call = call(&["explain"], "");
    assert_eq!(
        (call.status, call.errors.as_str()),
        (Status::Failed, "Error: there is nothing to explain: give a file with -f\n")
    );
}
