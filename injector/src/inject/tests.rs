mod again;

use super::*;
use crate::json;
use crate::template::Functions;

/// What an injection reads beside the pod, with templates of the tests.
struct Config {
    templates: Templates,
    aliases: BTreeMap<EcoString, Vec<EcoString>>,
    default_templates: Vec<EcoString>,
    injected_annotations: Map,
    values: Value,
    mesh: MeshConfig,
    native: bool,
}

const SIDECAR: &str = r#"
metadata:
  labels:
    owner: "{{ .DeploymentMeta.Name }}"
  annotations:
    apps: "{{ range .Spec.Containers }}{{ if ne .Name `istio-proxy` }}{{ .Name }},{{ end }}{{ end }}"
spec:
  {{ if .NativeSidecars }}initContainers:{{ else }}containers:{{ end }}
  - name: istio-proxy
    image: "{{ .ProxyImage }}"
    args: [proxy]
    env:
    - name: UID
      value: "{{ .ProxyUID }}"
    - name: LEVEL
      value: info
    securityContext:
      runAsUser: {{ .ProxyUID }}
  volumes:
  - name: istio-data
    emptyDir: {}
"#;

const INIT: &str = r#"
spec:
  initContainers:
  - name: istio-init
    image: init
    args: ["-u", "1337"]
"#;

impl Config {
    fn new() -> Self {
        let templates =
            [("sidecar", SIDECAR), ("init", INIT), ("broken", "a: [\n\nb: {{ .Revision }}\n"), ("list", "- a")];
        let parse = |(name, text): (&str, &str)| {
            (EcoString::from(name), Template::parse("inject", text, &Functions::new()).unwrap())
        };
        Config {
            templates: templates.into_iter().map(parse).collect(),
            aliases: BTreeMap::from([("both".into(), vec!["sidecar".into(), "init".into()])]),
            default_templates: vec!["sidecar".into()],
            injected_annotations: Map::new(),
            values: json::parse(
                br#"{"global":{"hub":"h","tag":"t"},"sidecarInjectorWebhook":{"rewriteAppHTTPProbe":true}}"#,
            )
            .unwrap(),
            mesh: MeshConfig::default(),
            native: false,
        }
    }

    /// Calls a function with what an injection of the pod reads.
    fn with<T>(&self, pod: &Value, call: impl FnOnce(Request<'_>, &Setup<'_>) -> T) -> T {
        let setup = Setup {
            templates: &self.templates,
            aliases: &self.aliases,
            default_templates: &self.default_templates,
            injected_annotations: &self.injected_annotations,
            values: &self.values,
            revision: "",
            compliance_policy: "",
        };
        let request = Request {
            owner: Owner::of_pod(pod),
            mesh: &self.mesh,
            proxy: self.mesh.default_config(),
            env: Map::new(),
            ids: Ids::default(),
            native: self.native,
        };
        call(request, &setup)
    }

    fn inject(&self, pod: &Value) -> Result<Value, Error> {
        self.with(pod, |request, setup| inject(pod, request, setup))
    }

    /// The same with one more template.
    fn with_template(mut self, name: &str, text: &str) -> Self {
        let template = Template::parse("inject", text, &crate::functions::all(|_| None)).unwrap();
        self.templates.insert(name.into(), template);
        self
    }

    fn text(&self, pod: &str) -> String {
        json::to_string(&self.inject(&tree(pod)).unwrap())
    }

    fn error(&self, pod: &str) -> String {
        self.inject(&tree(pod)).unwrap_err().to_string()
    }
}

fn tree(text: &str) -> Value {
    json::parse(text.as_bytes()).unwrap()
}

fn asks(templates: &str) -> String {
    format!(
        r#"{{"metadata":{{"annotations":{{"inject.istio.io/templates":"{templates}"}}}},"spec":{{"containers":[{{"name":"app","resources":{{}}}}]}}}}"#
    )
}

fn names(pod: &Value, list: &str) -> Vec<String> {
    pod.list_at(&["spec", list]).iter().map(|c| pod::name(c).to_owned()).collect()
}

#[test]
fn a_pod_gets_the_sidecar_and_what_goes_with_it() {
    let pod = r#"{"metadata":{"name":"p"},"spec":{"containers":[{"name":"app","resources":{}}]},"status":{}}"#;
    assert_eq!(
        Config::new().text(pod),
        r#"{"metadata":{"annotations":{"apps":"app,","prometheus.io/path":"/stats/prometheus","prometheus.io/port":"15020","prometheus.io/scrape":"true","sidecar.istio.io/status":"{\"initContainers\":null,\"containers\":[\"istio-proxy\"],\"volumes\":[\"istio-data\"],\"imagePullSecrets\":null,\"revision\":\"default\"}"},"labels":{"owner":"p"},"name":"p"},"#.to_owned()
            + r#""spec":{"containers":[{"name":"app","resources":{}},{"args":["proxy"],"env":[{"name":"UID","value":"1337"},{"name":"LEVEL","value":"info"}],"image":"h/proxyv2:t","name":"istio-proxy","resources":{},"securityContext":{"runAsUser":1337}}],"#
            + r#""volumes":[{"emptyDir":{},"name":"istio-data"}]},"status":{}}"#
    );
}

#[test]
fn templates_are_chosen_by_annotation_and_alias() {
    let config = Config::new();
    let both = config.inject(&tree(&asks("both"))).unwrap();
    assert_eq!(
        (names(&both, "containers"), names(&both, "initContainers")),
        (vec!["app".to_owned(), "istio-proxy".to_owned()], vec!["istio-init".to_owned()])
    );
    let init = config.inject(&tree(&asks(&format!(" init{}", " , init".repeat(99))))).unwrap();
    assert_eq!(
        (names(&init, "containers"), names(&init, "initContainers")),
        (vec!["app".to_owned()], vec!["istio-init".to_owned()])
    );
    assert_eq!(
        config.error(&asks("nosuch")),
        "failed to run injection template: requested template \"nosuch\" not found; have broken, init, list, sidecar"
    );
    assert_eq!(
        config.error(&asks(&"init,".repeat(100))),
        "failed to run injection template: 101 templates are requested, by annotation 'inject.istio.io/templates' or by \
         default; allowed are 100"
    );
}

#[test]
fn a_template_that_makes_no_pod_is_reported_with_its_name_and_line() {
    let config = Config::new();
    let error = config.error(&asks("broken"));
    assert!(
        error.starts_with("failed to run injection template: template \"broken\" rendered to text that is not YAML: "),
        "{error}"
    );
    assert!(error.contains("unclosed bracket '[' (at: a: [), from line 1 of the template: a: ["), "{error}");
    assert_eq!(
        config.error(&asks("list")),
        "failed to run injection template: template \"list\" has to render to a pod; it rendered to a list"
    );
}

#[test]
fn a_wrong_line_is_shown_with_two_on_each_side() {
    let text = "metadata:\n  labels:\n    a: b\n    c: d\n    e: [f]\n    g: h\n    i: j\n    k: l\n";
    let error = Config::new().with_template("long", text).error(&asks("long"));
    let shown = "\ntemplate:\n  >    5 | e: [f]\nrendered:\n       3 |     a: b\n       4 |     c: d\n  >    5 |     e: [f]\n       6 |     g: h\n       7 |     i: j";
    assert!(error.ends_with(shown), "{error}");
}

#[test]
fn a_line_that_cannot_be_merged_is_shown() {
    let text = "spec:\n  containers:\n  - name: app\n    $patch: nosuch\n";
    let error = Config::new().with_template("directive", text).error(&asks("directive"));
    assert!(error.contains("\ntemplate:\n  >    3 | - name: app\n"), "{error}");
}

/// Istio keeps the result of the templates alone, too: it begins as Go's zero pod, and tells what was injected.
#[test]
fn what_a_template_replaces_is_still_injected() {
    let text = "spec:\n  $patch: replace\n  containers:\n  - name: istio-proxy\n";
    let pod = Config::new().with_template("replace", text).inject(&tree(&asks("replace"))).unwrap();
    assert_eq!(names(&pod, "containers"), ["istio-proxy"]);
    let status = pod::annotation(&pod, annotations::STATUS).unwrap();
    assert!(status.contains(r#""containers":["istio-proxy"]"#), "{status}");
}

/// What a template makes of an expression, for this owner.
fn evaluated(expression: &str, owner: Owner) -> Result<String, String> {
    let text = format!("metadata: {{annotations: {{result: {{{{ {expression} | quote }}}}}}}}");
    let config = Config::new().with_template("expression", &text);
    let pod = tree(&asks("expression"));
    let injected = config.with(&pod, |request, setup| inject(&pod, Request { owner, ..request }, setup));
    let injected = injected.map_err(|error| error.to_string())?;
    Ok(pod::annotation(&injected, "result").unwrap_or_default().to_owned())
}

/// The same for a deployment `shop/web`.
fn for_web(expression: &str) -> String {
    let (namespace, name) = ("shop".into(), "web".into());
    evaluated(expression, Owner { kind: "Deployment".into(), api_version: "apps/v1".into(), namespace, name }).unwrap()
}

#[test]
fn templates_see_the_structs_of_istio() {
    let cases = [
        (".TypeMeta", "{Deployment apps/v1}"),
        (r#"printf "%+v" .TypeMeta"#, "{Kind:Deployment APIVersion:apps/v1}"),
        (".DeploymentMeta", "shop/web"),
        (".DeploymentMeta.String", "shop/web"),
        (
            r#"printf "%T %T %T" .TypeMeta .DeploymentMeta ."#,
            "v1.TypeMeta types.NamespacedName *inject.SidecarTemplateData",
        ),
        (".ProxyImage", "h/proxyv2:t"),
        (".ProxyInitImage", "h/proxyv2:t"),
    ];
    for (expression, result) in cases {
        assert_eq!(for_web(expression), result, "{expression}");
    }
    assert!(for_web(r#"printf "%v" ."#).starts_with("&{{Deployment apps/v1} shop/web {"));
    let error = evaluated(".DeploymentMeta.Nothing", Owner::default()).unwrap_err();
    assert!(error.contains("can't evaluate field Nothing in type types.NamespacedName"), "{error}");
}

#[test]
fn they_are_encoded_as_by_go() {
    let cases = [
        ("toYaml .TypeMeta", "apiVersion: apps/v1\nkind: Deployment\n"),
        ("toYaml .DeploymentMeta", "Name: web\nNamespace: shop\n"),
        ("structToJSON .TypeMeta", r#"{"kind":"Deployment","apiVersion":"apps/v1"}"#),
        ("structToJSON .DeploymentMeta", r#"{"Namespace":"shop","Name":"web"}"#),
        ("structToJSON .ProxyConfig.DrainDuration", r#"{"seconds":45}"#),
        ("toYaml .ProxyConfig.DrainDuration", "seconds: 45\n"),
    ];
    for (expression, result) in cases {
        assert_eq!(for_web(expression), result, "{expression}");
    }
    assert_eq!(evaluated("structToJSON .TypeMeta", Owner::default()).unwrap(), "{}");
    let all = for_web("structToJSON .");
    assert!(all.starts_with(r#"{"TypeMeta":{"kind":"Deployment","apiVersion":"apps/v1"},"DeploymentMeta":{"#), "{all}");
    assert!(for_web("structToJSON .ProxyConfig").starts_with(r#"{"configPath":"./etc/istio/proxy","binaryPath":"#));
}

#[test]
fn wrong_annotations_are_reported_before_anything_is_rendered() {
    let pod = r#"{"metadata":{"annotations":{"inject.istio.io/templates":"nosuch","status.sidecar.istio.io/port":"x","sidecar.istio.io/interceptionMode":"y"}},"spec":{}}"#;
    let error = Config::new().error(pod);
    assert!(error.contains("2 errors occurred") && error.contains("status.sidecar.istio.io/port"), "{error}");
    for overrides in ["bad{", "[]", r#"{\"containers\":{}}"#, r#"{\"containers\":[{\"args\":1}]}"#] {
        let pod =
            format!(r#"{{"metadata":{{"annotations":{{"proxy.istio.io/overrides":"{overrides}"}}}},"spec":{{}}}}"#);
        let error = Config::new().error(&pod);
        assert!(error.contains("annotation 'proxy.istio.io/overrides'"), "{error}");
    }
}

/// A pod with a sidecar of the user's.
const OWN_SIDECAR: &str = r#"{"metadata":{"name":"p"},"spec":{"containers":[
    {"name":"istio-proxy","image":"auto","args":["own"],"env":[{"name":"LEVEL","value":"debug"},{"name":"MINE","value":"1"}],
     "resources":{},"securityContext":{"runAsUser":2000}},{"name":"app","resources":{}}]},"status":{}}"#;

fn sidecar(pod: &Value) -> &Value {
    pod::find_in_pod(pod, pod::PROXY).unwrap()
}

#[test]
fn the_users_own_sidecar_settings_win_and_are_noted() {
    let pod = Config::new().inject(&tree(OWN_SIDECAR)).unwrap();
    assert_eq!(
        json::to_string(sidecar(&pod)),
        r#"{"args":["own"],"env":[{"name":"UID","value":"1337"},{"name":"LEVEL","value":"debug"},{"name":"MINE","value":"1"}],"image":"h/proxyv2:t","name":"istio-proxy","resources":{},"securityContext":{"runAsUser":2000}}"#
    );
    assert_eq!(
        pod::annotation(&pod, annotations::OVERRIDES).unwrap(),
        r#"{"containers":[{"name":"istio-proxy","args":["own"],"env":[{"name":"LEVEL","value":"debug"},{"name":"MINE","value":"1"}],"resources":{},"securityContext":{"runAsUser":2000}}]}"#
    );
}

#[test]
fn injecting_twice_is_injecting_once_and_keeps_the_users_settings() {
    let probes = r#"{"metadata":{"annotations":{"prometheus.io/port":"9090","prometheus.istio.io/scrape-targets":"9090:/m,9091"}},"spec":{"containers":[
        {"name":"app","ports":[{"containerPort":80,"name":"http"}],"resources":{},"livenessProbe":{"httpGet":{"port":"http","scheme":"HTTPS"},"timeoutSeconds":3},
         "readinessProbe":{"tcpSocket":{"port":90}},"startupProbe":{"grpc":{"port":91,"service":null}},"lifecycle":{"preStop":{"httpGet":{"port":92,"path":"/p"}},"postStart":{"httpGet":{"port":"nosuch"}}}}]}}"#;
    let status_port = probes.replace(r#""annotations":{"#, r#""annotations":{"status.sidecar.istio.io/port":"15099","#);
    let tproxy = OWN_SIDECAR.replace(
        r#""name":"p""#,
        r#""annotations":{"sidecar.istio.io/interceptionMode":"TPROXY","inject.istio.io/templates":"both"}"#,
    );
    for native in [false, true] {
        for pod in [&asks("both"), OWN_SIDECAR, probes, &status_port, &tproxy] {
            let mut config = Config { native, ..Config::new() };
            config.values.map_entry("global").insert("network", "n1");
            let once = config.inject(&tree(pod)).unwrap();
            let twice = config.inject(&once).unwrap();
            assert_eq!(json::to_string(&once), json::to_string(&twice), "native {native}: {pod}");
        }
    }
}

#[test]
fn a_newer_template_upgrades_what_an_older_one_injected() {
    let mut config = Config::new();
    let once = config.inject(&tree(OWN_SIDECAR)).unwrap();
    config.values.map_entry("global").insert("tag", "newer");
    let again = config.inject(&once).unwrap();
    assert_eq!(sidecar(&again).str_at(&["image"]), Some("h/proxyv2:newer"));
    assert_eq!(sidecar(&again).list_at(&["args"]), ["proxy".into()], "over the user's own, as with Istio");
}

#[test]
fn what_changed_in_an_injected_pod_since_is_not_reverted() {
    let config = Config::new();
    let mut once = config.inject(&tree(OWN_SIDECAR)).unwrap();
    let proxy = pod::sidecar_mut(&mut once).unwrap();
    proxy.insert("workingDir", "/new");
    let env = proxy.get_mut("env").unwrap().as_list_mut().unwrap();
    env.make_mut()[2] = pod::env_entry("MINE", "2".into());
    let twice = config.inject(&once).unwrap();
    let text = json::to_string(sidecar(&twice));
    assert!(text.contains(r#"{"name":"MINE","value":"2"}"#) && text.contains(r#""workingDir":"/new""#), "{text}");
}

#[test]
fn the_users_settings_survive_a_container_that_another_webhook_adds() {
    let config = Config::new();
    let mut once = config.inject(&tree(OWN_SIDECAR)).unwrap();
    let added = tree(r#"{"name":"other","resources":{},"livenessProbe":{"httpGet":{"port":80}}}"#);
    once.map_entry("spec").get_mut("containers").unwrap().as_list_mut().unwrap().push(added);
    let again = config.inject(&once).unwrap();
    let text = json::to_string(sidecar(&again));
    assert!(text.contains(r#""args":["own"]"#) && text.contains("/app-health/other/livez"), "{text}");
    assert!(text.contains(r#"{"name":"LEVEL","value":"debug"}"#), "{text}");
    assert_eq!(json::to_string(&config.inject(&again).unwrap()), json::to_string(&again));
}

#[test]
fn a_native_sidecar_takes_the_users_settings_along() {
    let config = Config { native: true, ..Config::new() };
    let pod = config.inject(&tree(OWN_SIDECAR)).unwrap();
    assert_eq!(
        (names(&pod, "containers"), names(&pod, "initContainers")),
        (vec!["app".to_owned()], vec!["istio-proxy".to_owned()])
    );
    assert!(json::to_string(sidecar(&pod)).contains(r#""args":["own"]"#));
    let declined =
        tree(&OWN_SIDECAR.replace(r#""name":"p""#, r#""annotations":{"sidecar.istio.io/nativeSidecar":"false"}"#));
    let pod = config.inject(&declined).unwrap();
    assert_eq!(
        names(&pod, "containers"),
        ["app", "istio-proxy"],
        "the code's part of the switch; the template has its own"
    );
}

#[test]
fn an_application_that_waits_comes_after_the_proxy() {
    let mut config = Config::new();
    let order = |config: &Config, pod: &str| names(&config.inject(&tree(pod)).unwrap(), "containers");
    let holds = r#"{"metadata":{"annotations":{"proxy.istio.io/config":"holdApplicationUntilProxyStarts: true"}},"spec":{"containers":[{"name":"app","resources":{}}]}}"#;
    assert_eq!(order(&config, &asks("sidecar")), ["app", "istio-proxy"]);
    assert_eq!(order(&config, holds), ["istio-proxy", "app"]);
    config.values.map_entry("global").insert("proxy", tree(r#"{"holdApplicationUntilProxyStarts":true}"#));
    assert_eq!(order(&config, &asks("sidecar")), ["istio-proxy", "app"]);
}

#[test]
fn the_networks_label_and_the_configs_annotations_are_set_last() {
    let mut config = Config::new();
    config.values.map_entry("global").insert("network", "n1");
    config.injected_annotations.insert("prometheus.io/path", "/mine");
    let pod = config.inject(&tree(&asks("sidecar"))).unwrap();
    assert_eq!(pod.str_at(&["metadata", "labels", env::NETWORK_LABEL]), Some("n1"));
    assert_eq!(pod::annotation(&pod, "prometheus.io/path"), Some("/mine"));
    assert!(json::to_string(sidecar(&pod)).contains(r#"{"name":"ISTIO_META_NETWORK","value":"n1"}"#));
}
