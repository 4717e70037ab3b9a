mod built_in;
mod diff;
mod explain;
mod lint;

use std::fs;
use std::path::PathBuf;

use super::*;
use crate::json;
use crate::value::Value;
use crate::yaml;

/// What a call printed, and how it ended.
struct Call {
    status: Status,
    out: String,
    errors: String,
}

fn call_with(arguments: &[&str], input: &[u8], variables: &[(&str, &str)]) -> Call {
    let (mut out, mut errors) = (Vec::new(), Vec::new());
    let variables: Vec<_> = variables.iter().map(|(name, value)| (name.to_string(), OsString::from(value))).collect();
    let variable = move |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| value.clone());
    let argv = ["sidecar-injector"].iter().chain(arguments).map(OsString::from).collect();
    let mut streams = Streams { input: &mut &*input, out: &mut out, errors: &mut errors, colour: false };
    let status = run(argv, Arc::new(variable), &mut streams);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Call { status, out: text(out), errors: text(errors) }
}

fn call(arguments: &[&str], input: &str) -> Call {
    call_with(arguments, input.as_bytes(), &[])
}

/// A folder of one test's own.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("sidecar-injector-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn file(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const DEPLOYMENT: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
      - name: app
        image: web:1
";

/// A small configuration of a test's own: a template that shows what it is given.
struct Setup {
    folder: Folder,
    config: String,
    values: String,
}

impl Setup {
    fn new(name: &str) -> Self {
        Self::with(
            name,
            "policy: enabled\ntemplates:\n  sidecar: |\n    metadata:\n      labels: {rev: \"{{ .Revision }}\", native: \"{{ .NativeSidecars }}\", owner: \"{{ .DeploymentMeta.Name }}\"}\n    spec:\n      containers:\n      - name: istio-proxy\n        image: \"{{ .ProxyImage }}\"\n",
        )
    }

    fn with(name: &str, config: &str) -> Self {
        let folder = Folder::new(name);
        let config = folder.file("config.yaml", config);
        let values = folder.file("values.yaml", "global: {hub: h, tag: t}\n");
        Setup { folder, config, values }
    }

    fn kube_inject(&self, arguments: &[&str], input: &str) -> Call {
        let config = ["kube-inject", "--injectConfigFile", &self.config, "--valuesFile", &self.values];
        call(&[&config, arguments].concat(), input)
    }
}

fn labels(text: &str) -> Value {
    yaml::parse(text).unwrap().at(&["spec", "template", "metadata", "labels"]).cloned().unwrap()
}

#[test]
fn a_deployment_is_injected_from_standard_input() {
    let setup = Setup::new("stdin");
    let Call { status, out, errors } = setup.kube_inject(&["-f", "-"], DEPLOYMENT);
    assert_eq!((status, errors.as_str()), (Status::Done, ""));
    assert!(out.contains("- image: h/proxyv2:t\n        name: istio-proxy\n"), "{out}");
    assert!(out.ends_with("status: {}\n---\n"), "{out}");
    assert_eq!(json::to_string(&labels(&out)), r#"{"app":"web","native":"false","owner":"web","rev":""}"#);
}

#[test]
fn revision_and_kubelets_reach_the_template() {
    let setup = Setup::new("revision");
    let label = |arguments: &[&str], name: &str| {
        let call = setup.kube_inject(&[&["-f", "-"], arguments].concat(), DEPLOYMENT);
        labels(&call.out).str_at(&[name]).unwrap().to_owned()
    };
    assert_eq!(label(&["--revision", "canary"], "rev"), "canary");
    assert_eq!(label(&["-r", "default"], "rev"), "default");
    assert_eq!(label(&["--kubelet-versions", "v1.33.0,v1.34.1"], "native"), "true");
    assert_eq!(label(&["--kubelet-versions", "v1.33.0,v1.32.9"], "native"), "false");
    assert_eq!(label(&["--kubelet-versions", ""], "native"), "true");
}

#[test]
fn the_node_of_a_bound_pod_counts_alone() {
    let setup = Setup::new("nodes");
    let native = |node: &str, versions: &str| {
        let bound = DEPLOYMENT.replace("      containers:", &format!("      nodeName: {node}\n      containers:"));
        let call = setup.kube_inject(&["-f", "-", "--kubelet-versions", versions], &bound);
        labels(&call.out).str_at(&["native"]).unwrap().to_owned()
    };
    assert_eq!(native("node-1", "v1.33.0,v1.28.0"), "true");
    assert_eq!(native("node-2", "v1.33.0,v1.28.0"), "false");
    assert_eq!(native("b", "a=v1.28.0,b=v1.34.0"), "true");
}

#[test]
fn native_sidecars_are_switched_by_the_environment() {
    let setup = Setup::new("environment");
    let call = |value: &str| {
        let arguments = ["kube-inject", "--injectConfigFile", &setup.config, "--valuesFile", &setup.values, "-f", "-"];
        call_with(&arguments, DEPLOYMENT.as_bytes(), &[("ENABLE_NATIVE_SIDECARS", value)])
    };
    assert_eq!(labels(&call("true").out).str_at(&["native"]), Some("true"));
    assert_eq!(labels(&call("auto").out).str_at(&["native"]), Some("false"));
    let wrong = call("maybe");
    assert_eq!(labels(&wrong.out).str_at(&["native"]), Some("false"));
    assert!(wrong.errors.contains("ENABLE_NATIVE_SIDECARS=\"maybe\" is not true, false or auto"), "{}", wrong.errors);
}

#[test]
fn skipped_workloads_are_named_on_standard_error() {
    let setup = Setup::new("skipped");
    let own_network = DEPLOYMENT.replace("      containers:", "      hostNetwork: true\n      containers:");
    let declined =
        DEPLOYMENT.replace("{app: web}\n    spec", "{app: web, sidecar.istio.io/inject: \"false\"}\n    spec");
    let call = setup.kube_inject(&["-f", "-"], &format!("{own_network}---\n{declined}"));
    assert_eq!(call.status, Status::Done);
    let expected = "\n===> Skipping injection because Deployment \"web\" has host networking enabled\n\n===> Skipping injection because Deployment \"web\" has sidecar injection disabled\n\n";
    assert_eq!(call.errors, expected);
    assert!(!call.out.contains("istio-proxy"));
}

#[test]
fn what_a_pod_asks_for_in_vain_is_named_on_standard_error() {
    let setup = Setup::new("in_vain");
    let asking = DEPLOYMENT.replace(
        "{app: web}\n    spec",
        "{app: web}\n      annotations: {sidecar.istio.io/proxyCPULimits: \"1\"}\n    spec",
    );
    assert_ne!(asking, DEPLOYMENT);
    let call = setup.kube_inject(&["-f", "-"], &asking);
    assert_eq!(call.status, Status::Done);
    let expected = "\nDeployment \"web\": annotation sidecar.istio.io/proxyCPULimits has no effect: nothing reads it; did you mean sidecar.istio.io/proxyCPULimit?\n";
    assert_eq!(call.errors, expected);
    assert!(call.out.contains("istio-proxy"), "{}", call.out);
}

#[test]
fn the_configs_policy_counts_only_if_asked_for() {
    let config = "policy: disabled\ndefaultTemplates: [own]\ninjectedAnnotations: {k: v}\ntemplates:\n  sidecar: 'metadata: {labels: {by: sidecar}}'\n  own: 'metadata: {labels: {by: own}}'\n";
    let setup = Setup::with("policy", config);
    let by = |call: &Call| labels(&call.out).str_at(&["by"]).map(str::to_owned);
    let without = setup.kube_inject(&["-f", "-"], DEPLOYMENT);
    assert_eq!(by(&without).as_deref(), Some("sidecar"));
    for part in
        ["defaultTemplates of the injection config has no effect", "injectedAnnotations", "the policy is disabled"]
    {
        assert!(without.errors.contains(part), "{}", without.errors);
    }
    let with = setup.kube_inject(&["-f", "-", "--policy-from-config"], DEPLOYMENT);
    assert_eq!(by(&with), None);
    let asking = DEPLOYMENT.replace("{app: web}\n    spec", "{app: web, sidecar.istio.io/inject: \"true\"}\n    spec");
    let with = setup.kube_inject(&["-f", "-", "--policy-from-config=true"], &asking);
    assert_eq!((by(&with).as_deref(), with.errors.as_str()), (Some("own"), ""));
    assert!(with.out.contains("k: v"));
}

#[test]
fn a_cron_jobs_own_annotations_count_only_if_asked_for() {
    let setup = Setup::new("cronjob");
    let text = "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: tick}\nspec:\n  schedule: x\n  jobTemplate:\n    spec:\n      template:\n        metadata:\n          annotations: {sidecar.istio.io/inject: \"false\"}\n        spec:\n          containers:\n          - name: a\n";
    let without = setup.kube_inject(&["-f", "-"], text);
    assert!(without.out.contains("istio-proxy"));
    assert!(
        without.errors.contains("CronJob \"tick\" has sidecar.istio.io/inject at its pod template"),
        "{}",
        without.errors
    );
    let with = setup.kube_inject(&["-f", "-", "--cronjob-pod-metadata"], text);
    assert!(!with.out.contains("istio-proxy"), "{}", with.out);
}

#[test]
fn files_of_a_directory_follow_one_another_by_name() {
    let setup = Setup::new("directory");
    let folder = Folder::new("objects");
    folder.file("b.yml", "kind: B\n");
    folder.file("a.yaml", "kind: A\n");
    folder.file("c.json", "{\"kind\": \"C\"}");
    folder.file("README.md", "no objects");
    let call = setup.kube_inject(&["-f", &folder.path("")], "");
    assert_eq!(call.out, "kind: A\n---\nkind: B\n---\n{\"kind\": \"C\"}\n---\n");
    let empty = Folder::new("empty");
    let call = setup.kube_inject(&["-f", &empty.path("")], "");
    assert_eq!(call.status, Status::Failed);
    assert!(call.errors.contains("there is no .yaml, .yml or .json file in this directory"), "{}", call.errors);
}

#[test]
fn an_output_file_is_written_as_a_whole_or_not_at_all() {
    let setup = Setup::new("output");
    let output = setup.folder.file("out.yaml", "old\n");
    let wrong = format!("{DEPLOYMENT}---\nkind: [\n");
    let call = setup.kube_inject(&["-f", "-", "-o", &output], &wrong);
    assert_eq!(call.status, Status::Failed);
    assert_eq!(fs::read_to_string(&output).unwrap(), "old\n");
    let call = setup.kube_inject(&["-f", "-", "-o", &output], DEPLOYMENT);
    assert_eq!((call.status, call.out.as_str()), (Status::Done, ""));
    assert!(fs::read_to_string(&output).unwrap().contains("istio-proxy"));
    let left = fs::read_dir(&setup.folder.0)
        .unwrap()
        .filter(|e| e.as_ref().unwrap().path().extension() == Some("tmp".as_ref()));
    assert_eq!(left.count(), 0);
}

#[test]
fn a_full_disk_is_an_error() {
    let setup = Setup::new("full");
    let call = setup.kube_inject(&["-f", "-", "-o", "/dev/full"], DEPLOYMENT);
    assert_eq!(call.status, Status::Failed);
    assert!(call.errors.starts_with("Error: /dev/full: No space left on device"), "{}", call.errors);
    let mut full = fs::File::options().write(true).open("/dev/full").unwrap();
    let mut errors = Vec::new();
    let argv = ["sidecar-injector", "kube-inject", "--print-config"].map(OsString::from).to_vec();
    let mut streams = Streams { input: &mut std::io::empty(), out: &mut full, errors: &mut errors, colour: false };
    assert_eq!(run(argv, Arc::new(|_| None), &mut streams), Status::Failed);
    assert!(String::from_utf8(errors).unwrap().starts_with("Error: standard output: No space left on device"));
}

#[test]
fn nothing_is_printed_if_a_document_is_wrong() {
    let setup = Setup::new("wrong");
    for (input, error) in [
        ("kind: Pod\nspec: [\n", "Error: standard input: document 2, line 1"),
        ("kind: Pod\nspec: &a {x: *a}\n", "is inside the value that it refers to"),
        ("kind: Deployment\nspec: {replicas: many}\n", "replicas"),
        ("--- x\n", "a line may only have blanks and a comment"),
    ] {
        let call = setup.kube_inject(&["-f", "-"], &format!("{DEPLOYMENT}---\n{input}"));
        assert_eq!((call.status, call.out.as_str()), (Status::Failed, ""), "{input}");
        assert!(call.errors.contains(error) || error.contains("line 1"), "{}", call.errors);
    }
    let file = setup.folder.file("latin1.yaml", b"kind: Pod\n# caf\xe9\n");
    let call = setup.kube_inject(&["-f", &file], "");
    assert!(call.errors.contains("line 2, column 6: the byte 0xE9 is not UTF-8"), "{}", call.errors);
}

#[test]
fn templates_that_do_not_end_or_make_no_pod_are_errors() {
    let cases = [
        ("{{ define \"x\" }}{{ template \"x\" }}{{ end }}{{ template \"x\" }}", "exceeded"),
        ("- a\n", "has to render to a pod"),
        ("a: [\n", "rendered to text that is not YAML"),
        ("spec:\n  containers: none\n", "does not make a pod"),
        ("{{ .Nothing }}", "can't evaluate field Nothing"),
        ("{{ if }}", "missing value for if"),
    ];
    for (i, (template, error)) in cases.into_iter().enumerate() {
        let setup = Setup::with(&format!("template{i}"), template);
        let call = setup.kube_inject(&["-f", "-"], DEPLOYMENT);
        assert_eq!((call.status, call.out.as_str()), (Status::Failed, ""), "{template}");
        assert!(call.errors.contains(error), "{template}: {}", call.errors);
    }
}

#[test]
fn wrong_values_are_an_error_with_their_line() {
    let setup = Setup::new("values");
    fs::write(&setup.values, "global:\n  hub: [h]\n").unwrap();
    let call = setup.kube_inject(&["-f", "-"], DEPLOYMENT);
    let expected = format!(
        "Error: {}: line 2, column 8: could not parse configuration values: global.hub: [\"h\"] is not allowed; it has to be a string; put it in quotes\n",
        setup.values
    );
    assert_eq!((call.status, call.errors), (Status::Failed, expected));
}

#[test]
fn exit_statuses_are_those_of_istioctl() {
    assert_eq!(call(&["kube-inject", "--unknown"], "").status, Status::WrongUsage);
    assert_eq!(call(&["unknown"], "").status, Status::WrongUsage);
    assert_eq!(Status::WrongUsage.code(), 64);
    let missing = call(&["kube-inject"], "");
    assert_eq!(
        (missing.status, missing.errors.as_str()),
        (Status::Failed, "Error: filename not specified (see --filename or -f)\n")
    );
    let absent = call(&["kube-inject", "-f", "/nowhere/x.yaml"], "");
    assert!(absent.errors.starts_with("Error: /nowhere/x.yaml: No such file"), "{}", absent.errors);
    assert_eq!((absent.status, Status::Failed.code(), Status::Done.code()), (Status::Failed, 1, 0));
}

#[test]
fn istioctls_flags_are_taken() {
    let setup = Setup::new("flags");
    let flags = "-i istio-system -n default --xds-address a:1 --timeout 30s --insecure=false --plaintext --webhookConfig w --log_output_level all:debug";
    let arguments: Vec<_> = ["-f", "-"].into_iter().chain(flags.split(' ')).collect();
    let call = setup.kube_inject(&arguments, "kind: A\n");
    assert_eq!((call.status, call.out.as_str(), call.errors.as_str()), (Status::Done, "kind: A\n---\n", ""));
}

#[test]
fn a_config_map_that_cannot_be_read_leads_to_a_file() {
    let named = call(&["kube-inject", "-f", "-", "--meshConfigMapName", "istio-x"], "");
    assert_eq!(named.status, Status::Failed);
    let advice =
        "`kubectl -n istio-system get configmap istio-x -o yaml > istio-x.yaml`, then --meshConfigFile istio-x.yaml";
    assert!(named.errors.contains(advice), "{}", named.errors);
    if cfg!(not(feature = "cluster")) {
        let reason =
            "Error: --meshConfigMapName: this program was built without the feature `cluster`, and reads files only: ";
        assert!(named.errors.starts_with(reason), "{}", named.errors);
    }
    let setup = Setup::new("novalues");
    let no_values = call(&["kube-inject", "-f", "-", "--injectConfigFile", &setup.config], "");
    assert!(no_values.errors.starts_with("Error: --valuesFile is missing: "), "{}", no_values.errors);
}

#[test]
fn no_cluster_is_asked_if_files_give_everything() {
    let setup = Setup::new("allfiles");
    let mesh = setup.folder.file("mesh.yaml", "{}");
    let arguments =
        ["-f", "-", "--meshConfigFile", &mesh, "-c", "/nowhere", "--context", "c", "--meshConfigMapName", "m"];
    let call = setup.kube_inject(&arguments, "kind: A\n");
    assert_eq!((call.status, call.out.as_str(), call.errors.as_str()), (Status::Done, "kind: A\n---\n", ""));
}

#[test]
fn an_operators_values_win() {
    let setup = Setup::new("operator");
    let operator = setup.folder.file("iop.yaml", "spec: {values: {global: {hub: own}}}\n");
    let call = setup.kube_inject(&["-f", "-", "--operatorFileName", &operator], DEPLOYMENT);
    assert!(call.out.contains("image: own/proxyv2:t\n"), "{}", call.out);
}

fn review(setup: &Setup, arguments: &[&str], request: &str) -> (Value, Call) {
    let config = ["review", "--injectConfigFile", &setup.config, "--valuesFile", &setup.values];
    let call = call(&[&config, arguments].concat(), request);
    (json::parse(call.out.as_bytes()).unwrap(), call)
}

fn request(version: &str, metadata: &str) -> String {
    format!(
        r#"{{"apiVersion":"admission.k8s.io/{version}","kind":"AdmissionReview","request":{{"uid":"u1","namespace":"ns",
        "object":{{"apiVersion":"v1","kind":"Pod","metadata":{metadata},"spec":{{"containers":[{{"name":"a"}}]}}}}}}}}"#
    )
}

fn patch(answer: &Value) -> String {
    let patch = answer.str_at(&["response", "patch"]).unwrap_or_default();
    String::from_utf8(crate::base64::decode(patch).unwrap()).unwrap()
}

#[test]
fn a_review_is_answered_with_a_patch() {
    let config = "policy: enabled\ntemplates:\n  sidecar: |\n    metadata: {labels: {rev: \"{{ .Revision }}\"}}\n    spec: {containers: [{name: istio-proxy}]}\n";
    let setup = Setup::with("review", config);
    for version in ["v1", "v1beta1"] {
        let (answer, call) =
            review(&setup, &["--revision", "r", "--path", "/inject/cluster/c1"], &request(version, "{\"name\":\"p\"}"));
        assert_eq!(call.errors, "injected: the policy is enabled\n");
        assert_eq!(answer.str_at(&["apiVersion"]), Some(format!("admission.k8s.io/{version}").as_str()));
        assert_eq!(answer.str_at(&["response", "uid"]), Some("u1"));
        assert_eq!(answer.at(&["response", "allowed"]), Some(&Value::Bool(true)));
        assert_eq!(answer.str_at(&["response", "patchType"]), Some("JSONPatch"));
        let patch = patch(&answer);
        assert!(patch.contains("ISTIO_META_CLUSTER_ID") && patch.contains("\"rev\":\"r\""), "{patch}");
        assert!(!patch.contains("namespace"), "{patch}");
    }
}

#[test]
fn a_review_that_skips_gives_the_reason_on_standard_error() {
    let setup = Setup::with("skip", "policy: disabled\ntemplates: {sidecar: ''}\n");
    let (answer, call) = review(&setup, &[], &request("v1", "{}"));
    assert_eq!(
        json::to_string(answer.get("response").unwrap()),
        r#"{"allowed":true,"auditAnnotations":{"decision":"skipped","reason":"policy-disabled","revision":"default"},"uid":"u1"}"#
    );
    assert!(call.errors.starts_with("not injected: the policy is disabled"), "{}", call.errors);
}

#[test]
fn a_review_that_cannot_be_answered_is_a_refusal() {
    let setup = Setup::with("refusal", "policy: enabled\ntemplates: {sidecar: '- a'}\n");
    let (answer, call) = review(&setup, &[], "{");
    assert_eq!((answer.get("kind"), call.status), (None, Status::Done));
    assert_eq!(answer.at(&["response", "allowed"]), Some(&Value::Bool(false)));
    let (answer, _) = review(&setup, &[], "{\"kind\":\"Pod\",\"apiVersion\":\"v1\"}");
    let message = answer.str_at(&["response", "status", "message"]).unwrap();
    assert!(
        message.contains("AdmissionReview of admission.k8s.io/v1 or admission.k8s.io/v1beta1, not \"v1\" \"Pod\""),
        "{message}"
    );
    let (answer, _) = review(&setup, &[], &request("v1", "{}").replace("\"request\"", "\"no\""));
    assert_eq!(answer.str_at(&["response", "status", "message"]), Some("the AdmissionReview has no request"));
    let (answer, _) = review(&setup, &[], &request("v1", "[]"));
    let message = answer.str_at(&["response", "status", "message"]).unwrap();
    assert!(message.starts_with("Could not unmarshal raw object: "), "{message}");
    let (answer, _) = review(&setup, &[], &request("v1", "{}"));
    assert_eq!(answer.str_at(&["response", "uid"]), Some("u1"));
    let message = answer.str_at(&["response", "status", "message"]).unwrap();
    assert!(message.contains("has to render to a pod"), "{message}");
}

#[test]
fn openshifts_namespace_decides_whom_the_proxy_runs_as() {
    let config = "policy: enabled\ntemplates:\n  sidecar: |\n    metadata: {labels: {uid: \"{{ .ProxyUID }}\"}}\n";
    let setup = Setup::with("openshift", config);
    let namespace = setup
        .folder
        .file("ns.yaml", "kind: Namespace\nmetadata:\n  annotations: {openshift.io/sa.scc.uid-range: 1000/10}\n");
    let arguments =
        ["review", "--injectConfigFile", &setup.config, "--valuesFile", &setup.values, "--namespace-file", &namespace];
    let answered = call_with(&arguments, request("v1", "{}").as_bytes(), &[("PLATFORM", "openshift")]);
    assert!(patch(&json::parse(answered.out.as_bytes()).unwrap()).contains("\"uid\":\"1009\""), "{}", answered.out);
    let other = "kind: Namespace\nmetadata: {name: other, annotations: {openshift.io/sa.scc.uid-range: 1000/10}}\n";
    let other = setup.folder.file("other.yaml", other);
    let arguments =
        ["review", "--injectConfigFile", &setup.config, "--valuesFile", &setup.values, "--namespace-file", &other];
    let answered = call_with(&arguments, request("v1", "{}").as_bytes(), &[("PLATFORM", "openshift")]);
    assert!(patch(&json::parse(answered.out.as_bytes()).unwrap()).contains("\"uid\":\"1337\""), "{}", answered.out);
    let wrong = setup.folder.file("pod.yaml", "kind: Pod\n");
    let not_a_namespace = call(&["review", "--namespace-file", &wrong], "");
    assert!(not_a_namespace.errors.contains("this has to be a Namespace, not \"Pod\""), "{}", not_a_namespace.errors);
}

#[test]
fn only_what_the_input_has_is_printed_if_that_is_wanted() {
    let setup = Setup::new("minimal");
    let newer = DEPLOYMENT.replace("        image: web:1\n", "        image: web:1\n        newer: 1\n");
    let Call { out, errors, .. } = setup.kube_inject(&["-f", "-"], &newer);
    assert!(out.contains("status: {}") && !out.contains("newer"), "{out}");
    assert_eq!(
        errors,
        "\nDeployment \"web\": spec.template.spec.containers[0].newer unknown, and dropped as Istio drops it; \
         --keep-unknown-fields keeps it\n"
    );
    let Call { out, errors, .. } = setup.kube_inject(&["-f", "-", "--minimal", "--keep-unknown-fields"], &newer);
    assert_eq!(errors, "");
    for dropped in ["status: {}", "strategy: {}", "resources: {}"] {
        assert!(!out.contains(dropped), "{out}");
    }
    assert!(out.contains("newer: 1"), "{out}");
}

#[test]
fn what_kube_inject_made_is_taken_back_to_the_byte() {
    let setup = Setup::new("uninject");
    let config = ["--injectConfigFile", &setup.config, "--valuesFile", &setup.values];
    let text = format!("# kept\nkind: Foo\n---\n{DEPLOYMENT}");
    let injected = setup.kube_inject(&["-f", "-"], &text).out;
    let uninject = |more: &[&str], input: &str| call(&[&["uninject", "-f", "-"], &config[..], more].concat(), input);
    let back = uninject(&["--verify"], &injected);
    let removed = "Note: also removed, since injection sets it to the very same: metadata.labels.native, metadata.labels.owner, \
        metadata.labels.rev. If your own manifest has any of it, add it again; the injected result does not depend on it\n";
    assert_eq!((back.status, back.errors.as_str()), (Status::Done, removed));
    let skipped = text.replace(
        "    metadata:\n      labels: {app: web}",
        "    metadata:\n      labels: {app: web, sidecar.istio.io/inject: \"false\"}",
    );
    let skipped =
        setup.kube_inject(&["-f", "-"], &skipped).out.replace("        sidecar.istio.io/inject: \"false\"\n", "");
    assert_eq!(back.out, skipped);
    assert_eq!(uninject(&[], &text).out, format!("{text}---\n"), "what was not injected is copied");
    assert!(!uninject(&["--minimal"], &injected).out.contains("{}"));
}

#[test]
fn what_another_configuration_injected_is_no_proof() {
    let setup = Setup::new("unproven");
    let injected = setup.kube_inject(&["-f", "-"], DEPLOYMENT).out;
    let back = call(&["uninject", "-f", "-"], &injected);
    assert_eq!(back.status, Status::Done);
    let warning = "Warning: Deployment \"web\": labels, annotations and settings of the pod were told by the names";
    assert!(back.errors.starts_with(warning), "{}", back.errors);
    let back = call(&["uninject", "-f", "-", "--verify"], &injected);
    assert_eq!((back.status, back.out.as_str()), (Status::Failed, ""));
    assert!(back.errors.contains("--verify: injecting the result again does not give the input (workloads: 1)"));
}

#[test]
fn an_older_injection_is_replaced_if_that_is_wanted() {
    let old = Setup::new("older");
    let new = Setup::with(
        "newer",
        "policy: enabled\ntemplates:\n  sidecar: |\n    spec:\n      containers:\n      - name: istio-proxy\n        image: new\n      volumes:\n      - name: new\n",
    );
    let old_volume =
        fs::read_to_string(&old.config).unwrap() + "      volumes:\n      - name: old\n        emptyDir: {}\n";
    fs::write(&old.config, old_volume).unwrap();
    let injected = old.kube_inject(&["-f", "-"], DEPLOYMENT).out;
    let merged = new.kube_inject(&["-f", "-"], &injected);
    assert!(merged.out.contains("name: old") && merged.errors.contains("--upgrade replaces it"), "{}", merged.errors);
    let upgraded = new.kube_inject(&["-f", "-", "--upgrade"], &injected);
    assert!(!upgraded.out.contains("name: old") && upgraded.out.contains("name: new"), "{}", upgraded.out);
    let again = new.kube_inject(&["-f", "-"], &upgraded.out);
    assert_eq!((again.out, again.errors), (upgraded.out, String::new()));
}

#[test]
fn help_names_a_command_for_each_task() {
    let help = call(&["--help"], "").out;
    let tasks = help.lines().skip_while(|line| !line.starts_with("Inject a file"));
    for line in tasks.filter_map(|line| line.split_once(": ")) {
        let words: Vec<_> = line.1.split(" | ").next().unwrap().split_whitespace().skip(1).collect();
        let parsed = arguments::command().try_get_matches_from([&["sidecar-injector"], &words[..]].concat());
        assert!(parsed.is_ok(), "{}: {}", line.1, parsed.unwrap_err());
    }
    assert!(help.contains("diff -f app.yaml"), "{help}");
}
