use super::*;
use crate::decision::Policy;
use crate::template::Functions;

const CONFIG: &str = "\
policy: disabled
defaulttemplates: [a, 1]
templates:
  a: |
    metadata: {}
  b: 'spec: {}'
aliases: {both: [a, b]}
neverInjectSelector:
- matchLabels: {x: z}
injectedAnnotations: {k: 7}
unknown: [1]
";

fn load(config: &str, values: &str, mesh: &str) -> Result<Config, Error> {
    let source = |name: &str, text: &str| Source::new(name, text);
    Config::load(
        &source("config.yaml", config),
        &source("values.yaml", values),
        &source("mesh.yaml", mesh),
        &Functions::new(),
    )
}

fn problem(config: &str, values: &str, mesh: &str) -> String {
    load(config, values, mesh).unwrap_err().to_string()
}

#[test]
fn all_keys_of_the_injection_config_are_read() {
    let config = load(CONFIG, "{}", "").unwrap();
    let injection = &config.injection;
    assert_eq!(injection.templates.keys().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(injection.default_templates, ["a", "1"]);
    assert_eq!(injection.aliases["both"], ["a", "b"]);
    assert_eq!(injection.injected_annotations.str("k"), Some("7"));
    assert_eq!(injection.rules.policy, Policy::Disabled);
    assert_eq!((injection.rules.never.len(), injection.rules.always.len()), (1, 0));
}

#[test]
fn a_config_can_be_shared_between_threads() {
    fn shared<T: Send + Sync>(_: &T) {}
    shared(&load(CONFIG, "{}", "").unwrap());
}

#[test]
fn a_text_without_templates_is_the_template_of_the_sidecar() {
    for text in
        ["metadata:\n  labels: {{ .Labels }}\n", "spec: {}\n", "templates:\nspec: {}\n", "{{- if true }}\nx{{ end }}"]
    {
        let config = load(text, "{}", "").unwrap();
        let injection = &config.injection;
        assert_eq!(injection.templates.keys().collect::<Vec<_>>(), ["sidecar"], "{text}");
        assert_eq!(injection.templates["sidecar"].source(), text);
    }
}

#[test]
fn a_configmap_is_as_good_as_its_texts() {
    let configmap = |key: &str, text: &str| {
        let data = crate::value::Map::from_iter([(key, Value::from(text))]);
        let object = crate::value::Map::from_iter([
            ("apiVersion", Value::from("v1")),
            ("kind", Value::from("ConfigMap")),
            ("data", data.into()),
        ]);
        yaml::to_string(&object.into())
    };
    let (config, mesh) = (configmap("config", CONFIG), configmap("mesh", "rootNamespace: own\n"));
    let loaded = load(&config, &configmap("values", "{\"global\": {\"hub\": \"h\"}}"), &mesh).unwrap();
    assert_eq!(loaded.injection.templates.len(), 2);
    assert_eq!(loaded.values.str_at(&["global", "hub"]), Some("h"));
    assert_eq!(loaded.mesh.root_namespace(), "own");
    let expected = "values.yaml: missing ConfigMap values key \"values\"; the ConfigMap istio-sidecar-injector has it";
    assert_eq!(problem(CONFIG, &config, ""), expected);
}

#[test]
fn errors_name_the_file_the_line_and_what_is_allowed() {
    let error = problem("templates: [a]\n", "{}", "");
    assert_eq!(
        error,
        "config.yaml: line 1, column 12: templates: a list is not allowed; it has to be an object of template texts"
    );
    let error = problem("templates: {a: x}\naliases:\n  both: a\n", "{}", "");
    assert_eq!(
        error,
        "config.yaml: line 3, column 9: aliases.both: a string is not allowed; it has to be a list of strings"
    );
    let error = problem("templates:\n  a: [\n", "{}", "");
    assert!(error.starts_with("config.yaml: line "), "{error}");
    let error = problem("templates:\n  a: |\n    x\n    {{ nothing }}\n", "{}", "");
    assert!(
        error.starts_with("config.yaml: template \"a\": template: inject:2: function \"nothing\" not defined"),
        "{error}"
    );
    let error = problem(CONFIG, "global:\n  proxy:\n    statusPort: none\n", "");
    let expected = "values.yaml: line 3, column 17: could not parse configuration values: global.proxy.statusPort: \"none\" is not allowed; it has to be an integer from 0 to 4294967295";
    assert_eq!(error, expected);
    assert!(problem(CONFIG, "a: [\n", "").starts_with("values.yaml: line "));
    assert_eq!(problem(CONFIG, "", ""), "values.yaml: there are no values in it; write at least `{}`");
    assert!(problem(CONFIG, "{}", "proxyListenPort: x").starts_with("mesh.yaml: "));
    assert!(problem(CONFIG, "a: &a [*a]", "").contains("is inside the value that it refers to"));
}

#[test]
fn an_operator_has_values_and_mesh_config() {
    let source =
        Source::new("iop.yaml", "kind: IstioOperator\nspec:\n  values: {global: {hub: h}}\n  meshConfig: {a: b}\n");
    let (values, mesh) = operator(&source).unwrap();
    assert_eq!(values.unwrap(), Source::new("iop.yaml (spec.values)", "global:\n  hub: h\n"));
    assert_eq!(mesh.unwrap().text, "a: b\n");
    assert_eq!(operator(&Source::new("iop.yaml", "kind: IstioOperator")).unwrap(), (None, None));
    let error = operator(&Source::new("iop.yaml", "[]")).unwrap_err();
    assert_eq!(error.to_string(), "iop.yaml: an IstioOperator has to be an object with `spec`, not a list");
}

#[test]
fn values_are_merged_into_other_values() {
    let (below, above) = (Source::new("b", "x: {p: 1, q: [1]}\n"), Source::new("a", "x: {q: [2], r: null}\n"));
    let merged = merged(&below, &above).unwrap();
    assert_eq!(merged, Source::new("a over b", "x:\n  p: 1\n  q:\n  - 2\n  r: null\n"));
}
