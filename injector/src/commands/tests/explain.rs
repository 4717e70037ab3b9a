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
fn the_webhook_that_is_called_and_the_step_that_decides_are_shown() {
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
fn a_pod_that_no_webhook_catches_is_shown_with_what_each_wants() {
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
        "Error: --namespace-labels: \"istio-injection\" is not a label; write KEY=VALUE, and a comma between labels\n"
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
fn annotations_at_the_wrong_level_and_misspelt_ones_are_reported() {
    let above =
        DEPLOYMENT.replace("  name: web\n", "  name: web\n  annotations: {sidecar.istio.io/inject: \"false\"}\n");
    let call = explain(&[], &above);
    assert!(head(&call).starts_with("Deployment default/web: injected\n"), "{}", call.out);
    let warning =
        "annotation sidecar.istio.io/inject has no effect: it has to be on the pods, in spec.template.metadata";
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
        (Status::Failed, "Error: there is nothing to explain: give a file with -f, or KIND/NAME of a cluster\n")
    );
}

/// A deployment that asks for something.
fn asking() -> String {
    let asking = DEPLOYMENT.replace(
        "labels: {app: web}\n    spec",
        "labels: {app: web}\n      annotations: {traffic.sidecar.istio.io/excludeInboundPorts: \"9000\"}\n    spec",
    );
    assert_ne!(asking, DEPLOYMENT);
    asking.replace("image: web:1", "image: web:1\n        ports: [{containerPort: 8080}, {containerPort: 9000}]")
}

#[test]
fn everything_injected_is_shown_with_its_line_and_what_that_reads() {
    let explanation = only(&explain(&["-o", "json"], &asking()).out);
    let change = |path: &str| {
        let changes = explanation.list_at(&["injection", "changes"]);
        changes.iter().find(|change| change.str_at(&["path"]) == Some(path)).unwrap_or_else(|| panic!("{path}")).clone()
    };
    let arguments = change("spec.initContainers[istio-init].args");
    assert_eq!((arguments.str_at(&["step"]), arguments.str_at(&["template"])), (Some("template"), Some("sidecar")));
    assert_eq!(arguments.str_at(&["text"]), Some("args:"));
    let reads = json::to_string(arguments.get("reads").unwrap());
    for read in [
        r#"{"key":"traffic.sidecar.istio.io/excludeInboundPorts","source":"annotation","value":"9000"}"#,
        r#"{"key":"traffic.sidecar.istio.io/includeInboundPorts","source":"annotation"}"#,
        r#"{"key":"global.proxy.includeInboundPorts","source":"values","value":"*"}"#,
        r#"{"key":"proxyListenPort","source":"mesh-config","value":"15001"}"#,
    ] {
        assert!(reads.contains(read), "{read}: {reads}");
    }
    let image = change("spec.containers[istio-proxy].image");
    assert!(image.str_at(&["text"]).unwrap().starts_with("image: {{ annotation .root.ObjectMeta"), "{image:?}");
    let reads = json::to_string(image.get("reads").unwrap());
    assert!(reads.contains("sidecar.istio.io/proxyImage") && reads.contains("global.proxy.image"), "{reads}");
    assert_eq!(change("metadata.annotations[sidecar.istio.io/status]").str_at(&["step"]), Some("metadata"));
}

#[test]
fn a_port_that_is_not_captured_is_shown_with_the_annotation() {
    let call = explain(&[], &asking());
    assert!(call.out.contains("\n  port 8080 of the pod: inbound listener 15006\n"), "{}", call.out);
    let excluded = call.out.lines().find(|line| line.starts_with("  port 9000 of the pod: ")).unwrap();
    assert!(excluded.contains("nat ISTIO_INBOUND "), "{excluded}");
    assert!(excluded.contains("traffic.sidecar.istio.io/excludeInboundPorts"), "{excluded}");
    let of_one = only(&explain(&["--port", "8080", "-o", "json"], &asking()).out);
    let ports = of_one.list_at(&["injection", "capture", "ports"]);
    assert_eq!(ports.len(), 1);
    assert_eq!((ports[0].get("port"), ports[0].get("captured")), (Some(&Value::Int(8080)), Some(&Value::Bool(true))));
}

#[test]
fn a_field_is_explained_by_itself() {
    let call = explain(&["--field", "spec.initContainers[istio-init].args"], &asking());
    assert!(call.out.starts_with("spec.initContainers[istio-init].args: added by sidecar:"), "{}", call.out);
    assert!(
        call.out.contains("\n  reads annotation traffic.sidecar.istio.io/excludeInboundPorts = \"9000\"\n"),
        "{}",
        call.out
    );
    assert!(
        call.out.contains("\n  reads annotation traffic.sidecar.istio.io/includeInboundPorts (not set)\n"),
        "{}",
        call.out
    );
    let call = explain(&["--field", "spec.nodeName"], &asking());
    assert!(call.out.starts_with("spec.nodeName: injection does not change it"), "{}", call.out);
}

#[test]
fn what_is_kept_of_the_pods_own_sidecar_and_what_is_rewritten_is_shown() {
    let setup = Setup::new("explain-own");
    fs::write(&setup.values, "global: {hub: h, tag: t}\nsidecarInjectorWebhook: {rewriteAppHTTPProbe: true}\n")
        .unwrap();
    let own = DEPLOYMENT.to_owned()
        + "        readinessProbe: {httpGet: {port: 80}}\n      - name: istio-proxy\n        image: auto\n        resources: {limits: {cpu: \"1\"}}\n";
    let call = explain(&["--injectConfigFile", &setup.config, "--valuesFile", &setup.values], &own);
    assert_eq!(call.status, Status::Done, "{}", call.errors);
    assert!(
        call.out.contains("by rewriting probes (values sidecarInjectorWebhook.rewriteAppHTTPProbe"),
        "{}",
        call.out
    );
    assert!(
        call.out.contains("    spec.containers[web].readinessProbe")
            || call.out.contains("    spec.containers[app].readinessProbe"),
        "{}",
        call.out
    );
    assert!(call.out.contains("\nTraffic: no init container makes rules, so nothing is captured.\n"), "{}", call.out);
}

#[test]
fn a_pod_that_was_injected_before_is_explained_as_it_was_then() {
    let injected = call(&["kube-inject", "-f", "-"], DEPLOYMENT);
    let by = ["--by", "kube-inject"];
    let explained = explain(&by, &injected.out);
    assert!(explained.out.contains("\nIt was injected before, and stays as it is."), "{}", explained.out);
    assert!(explained.out.contains("\n  containers      istio-proxy sidecar:"), "{}", explained.out);
}

#[test]
fn an_annotation_that_no_rendered_template_reads_is_reported() {
    let setup = Setup::new("explain-unread");
    let call = explain(&["--injectConfigFile", &setup.config, "--valuesFile", &setup.values], &asking());
    let told =
        "\nAnnotation traffic.sidecar.istio.io/excludeInboundPorts has no effect: none of these templates reads it.\n";
    assert!(call.out.contains(told), "{}", call.out);
}

#[test]
fn render_prints_what_a_template_makes_and_from_which_line() {
    let config = "policy: enabled\ndefaultTemplates: [sidecar, mine]\ntemplates:\n  sidecar: 'metadata: {labels: {by: sidecar}}'\n  mine: |\n    metadata:\n      labels:\n        {{- range .Spec.Containers }}\n        c-{{ .Name }}: x: y\n        {{- end }}\n";
    let setup = Setup::with("render", config);
    let render = |arguments: &[&str]| {
        let config = ["render", "-f", "-", "--injectConfigFile", &setup.config, "--valuesFile", &setup.values];
        call(&[&config, arguments].concat(), DEPLOYMENT)
    };
    let all = render(&[]);
    assert_eq!((all.status, all.errors.as_str()), (Status::Done, ""));
    assert_eq!(
        all.out,
        "# template sidecar, for Deployment web\nmetadata: {labels: {by: sidecar}}\n---\n# template mine, for Deployment web\nmetadata:\n  labels:\n    c-app: x: y\n---\n"
    );
    let one = render(&["--template", "mine", "--lines"]);
    assert_eq!(
        one.out,
        "# template mine, for Deployment web\n    1 | metadata:\n    2 |   labels:\n    4 |     c-app: x: y\n---\n"
    );
    let none = render(&["--template", "nosuch"]);
    assert_eq!(none.status, Status::Failed);
    assert!(none.errors.contains("requested template \"nosuch\" not found; have mine, sidecar"), "{}", none.errors);
}

#[test]
fn an_error_of_a_template_shows_its_line_and_the_rendered_text_around_it() {
    let config = "policy: enabled\ntemplates:\n  sidecar: |\n    metadata:\n      labels:\n        {{- range .Spec.Containers }}\n        c-{{ .Name }}: x: y\n        {{- end }}\n        last: z\n";
    let setup = Setup::with("context", config);
    let failed = setup.kube_inject(&["-f", "-"], DEPLOYMENT);
    assert_eq!(failed.status, Status::Failed);
    let shown = "\ntemplate:\n  >    4 | c-{{ .Name }}: x: y\nrendered:\n       1 | metadata:\n       2 |   labels:\n  >    3 |     c-app: x: y\n       4 |     last: z\n";
    assert!(failed.errors.ends_with(shown), "{}", failed.errors);
    let config =
        "policy: enabled\ntemplates:\n  sidecar: |\n    spec:\n      containers:\n      - name: {{ .ProxyUID }}\n";
    let setup = Setup::with("context-type", config);
    let failed = setup.kube_inject(&["-f", "-"], DEPLOYMENT);
    let shown = "\ntemplate:\n  >    3 | - name: {{ .ProxyUID }}\nrendered:\n       1 | spec:\n       2 |   containers:\n  >    3 |   - name: 1337\n";
    assert!(failed.errors.ends_with(shown), "{}", failed.errors);
}
