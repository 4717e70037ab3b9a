use std::convert::Infallible;

use super::*;
use crate::value::Map;

/// Rewrites a text, with a label put on each pod.
fn labelled(text: &str) -> Result<String, String> {
    let mut seen = Vec::new();
    let mut out = Vec::new();
    let mut work = |workload: &Workload, mut pod: Value| -> Result<Value, Infallible> {
        seen.push(workload.full_name(&pod));
        pod.map_entry("metadata").entry("labels").make_map().insert("new", "label");
        Ok(pod)
    };
    rewrite(text, Style::default(), &mut work, &mut out).map_err(|e| e.to_string())?;
    Ok(String::from_utf8(out).unwrap())
}

#[test]
fn foreign_documents_are_copied_with_their_comments() {
    let text =
        "# first\napiVersion: v1\nkind:   ConfigMap # odd\ndata: {b: 1, a: yes}\n---\n# nothing here\n---\nkind: Foo\n";
    assert_eq!(labelled(text).unwrap(), format!("{text}---\n"));
    assert_eq!(labelled("\n").unwrap(), "\n---\n");
    assert_eq!(labelled("").unwrap(), "");
}

#[test]
fn the_pod_of_each_kind_is_found() {
    let template = "{template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c}]}}}";
    for kind in Kind::ALL {
        let (spec, path): (String, &[&str]) = match kind {
            Kind::Pod => ("{containers: [{name: c}]}".to_owned(), &["metadata", "labels", "new"]),
            Kind::CronJob => (
                format!("{{schedule: x, jobTemplate: {{spec: {template}}}}}"),
                &["spec", "jobTemplate", "metadata", "labels", "new"],
            ),
            Kind::List => continue,
            Kind::ReplicationController
            | Kind::Deployment
            | Kind::DaemonSet
            | Kind::ReplicaSet
            | Kind::StatefulSet
            | Kind::Job
            | Kind::DeploymentConfig => (template.to_owned(), &["spec", "template", "metadata", "labels", "new"]),
        };
        let name = kind.name();
        let text = format!("apiVersion: any/v9\nkind: {name}\nmetadata: {{name: n}}\nspec: {spec}\n");
        let result = yaml::parse(&labelled(&text).unwrap()).unwrap();
        assert_eq!(result.str_at(path), Some("label"), "{name}");
        assert_eq!(result.str_at(&["apiVersion"]), Some("any/v9"), "{name}");
    }
}

#[test]
fn a_cron_jobs_own_pod_metadata_is_used_if_wanted() {
    let text = "kind: CronJob\nspec:\n  jobTemplate:\n    spec:\n      template:\n        metadata:\n          annotations: {sidecar.istio.io/inject: \"false\"}\n";
    let pods = |own| {
        let mut pods = Vec::new();
        let mut work = |workload: &Workload, pod: Value| -> Result<Value, Infallible> {
            pods.push((pod.at(&["metadata", "annotations"]).is_some(), workload.overlooked().count()));
            Ok(pod)
        };
        let style = Style { cron_job_pod_metadata: own, ..Style::default() };
        rewrite(text, style, &mut work, &mut Vec::new()).unwrap();
        pods
    };
    assert_eq!(pods(false), [(false, 1)]);
    assert_eq!(pods(true), [(true, 0)]);
}

#[test]
fn items_of_lists_are_objects() {
    let text = "\
apiVersion: v1
kind: List
items:
- kind: Service
  spec: {b: 1, a: 2}
- kind: List
  items:
  - kind: Pod
    metadata: {name: inner}
- null
";
    let result = yaml::parse(&labelled(text).unwrap()).unwrap();
    let items = result.list_at(&["items"]);
    assert_eq!(items[0].at(&["spec", "a"]), Some(&Value::Int(2)));
    assert_eq!(items[1].list_at(&["items"])[0].str_at(&["metadata", "labels", "new"]), Some("label"));
    assert!(items[2].is_null());
}

fn nested(levels: usize) -> Value {
    let pod: Value = Map::from_iter([("kind", Value::from("Pod"))]).into();
    (0..levels).fold(pod, |inner, _| {
        let items: Value = [inner].into_iter().collect();
        Map::from_iter([("items", items), ("kind", Value::from("List"))]).into()
    })
}

#[test]
fn lists_a_hundred_deep_are_fine_and_deeper_ones_are_an_error() {
    let result = labelled(&yaml::to_string(&nested(MAX_LISTS))).unwrap();
    assert!(result.contains("new: label"), "{result}");
    let error = labelled(&yaml::to_string(&nested(MAX_LISTS + 1))).unwrap_err();
    assert!(error.contains("a List may contain Lists up to 100 levels deep; these are nested deeper"), "{error}");
    assert!(error.contains("items[0].items[0]"), "{error}");
}

#[test]
fn errors_name_the_document_the_line_and_the_object() {
    let error = labelled("a: 1\n---\nb: [\n").unwrap_err();
    assert!(error.starts_with("document 2, line "), "{error}");
    assert!(error.contains("this is not valid YAML"), "{error}");
    let error = labelled("- a\n").unwrap_err();
    let expected =
        "document 1, line 1, column 1: a document has to be an object with `apiVersion` and `kind`, not a list";
    assert_eq!(error, expected);
    let error = labelled("a: 1\n---\n\nkind: [Pod]\n").unwrap_err();
    assert_eq!(error, "document 2, line 4, column 7: `kind` has to be a string, not a list");
    let error = labelled("kind: ReplicationController\nmetadata:\n  name: r\nspec: {}\n").unwrap_err();
    let expected = "document 1, line 1, column 1, ReplicationController r: spec.template is required value: without it there is no pod to inject into";
    assert_eq!(error, expected);
    let error = labelled("a: 1\n--- x\n").unwrap_err();
    assert_eq!(
        error,
        "document 1, line 2, column 1: after `---`, a line may only have blanks and a comment, not \"x\""
    );
}

#[test]
fn a_value_of_a_wrong_type_is_located() {
    let text = "kind: Service\n---\nkind: List\nitems:\n- kind: Pod\n  metadata: {name: p, namespace: ns}\n  spec:\n    containers:\n    - name: a\n      ports: wrong\n";
    let error = labelled(text).unwrap_err();
    assert!(error.starts_with("document 2, line 10, column 14, items[0], Pod ns/p: "), "{error}");
}

#[test]
fn bytes_that_are_no_utf_8_are_located() {
    let error = text_of(b"a: 1\nb: \xc3\xa9\xff").unwrap_err();
    assert_eq!(error.to_string(), "line 2, column 5: the byte 0xFF is not UTF-8; YAML has to be saved as UTF-8");
    assert_eq!(text_of("é".as_bytes()), Ok("é"));
}

#[test]
fn ten_thousand_documents_are_rewritten() {
    let text = "kind: Pod\nmetadata:\n  name: p\nspec: {}\n---\n".repeat(10_000);
    assert_eq!(labelled(&text).unwrap().matches("new: label").count(), 10_000);
}

#[test]
fn a_document_of_a_hundred_mebibytes_is_refused() {
    let text = format!("kind: Pod\ndata: \"{}\"\n", "x".repeat(100 << 20));
    let error = labelled(&text).unwrap_err();
    assert!(error.contains("the document has 104857619 bytes; at most 16777216 are read"), "{error}");
}

#[test]
fn a_result_that_cannot_be_written_is_an_error() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut work = |_: &Workload, pod: Value| -> Result<Value, Infallible> { Ok(pod) };
    let error = rewrite("a: 1\n", Style::default(), &mut work, &mut Full).unwrap_err();
    assert!(error.to_string().starts_with("document 1: the result cannot be written: "), "{error}");
}

#[test]
fn empty_labels_are_seen_by_templates_and_not_printed() {
    let mut seen = Vec::new();
    let mut work = |_: &Workload, pod: Value| -> Result<Value, Infallible> {
        seen.push(pod.at(&["metadata", "labels"]).is_some());
        Ok(pod)
    };
    let mut out = Vec::new();
    let text = "kind: Pod\nmetadata: {labels: {}, name: a}\n---\nkind: Pod\nmetadata: {name: a}\n";
    rewrite(text, Style::default(), &mut work, &mut out).unwrap();
    assert_eq!(seen, [true, false]);
    let documents = String::from_utf8(out).unwrap();
    let documents: Vec<_> = documents.split("---\n").collect();
    assert_eq!(documents[0], documents[1]);
}

#[test]
fn numbers_of_a_lists_items_go_through_json() {
    let text = "kind: List\nitems:\n- kind: Pod\n  metadata: {annotations: {a: 1e10, b: 0.5}}\n";
    let mut work = |_: &Workload, pod: Value| -> Result<Value, Infallible> { Ok(pod) };
    let mut out = Vec::new();
    rewrite(text, Style::default(), &mut work, &mut out).unwrap();
    let out = String::from_utf8(out).unwrap();
    assert!(out.contains("a: \"10000000000\"") && out.contains("b: \"0.5\""), "{out}");
}

#[test]
fn a_style_decides_what_is_printed_of_an_object() {
    let text =
        "# mine\napiVersion: apps/v1\nkind: Deployment\nspec: {new: 1, template: {spec: {containers: [{name: a}]}}}\n";
    let list = "kind: List\nitems:\n- kind: Pod\n  new: 1\n  spec: {containers: [{name: a, new: 2}]}\n- kind: New\n";
    let rewritten = |text: &str, style: Style, label: bool| {
        let mut out = Vec::new();
        let mut work = |_: &Workload, mut pod: Value| -> Result<Value, Infallible> {
            if label {
                pod.map_entry("metadata").insert("name", "n");
            }
            Ok(pod)
        };
        rewrite(text, style, &mut work, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    };
    let copy = Style { copy_unchanged: true, ..Style::default() };
    assert_eq!(rewritten(text, copy, false), format!("{text}---\n"));
    assert!(rewritten(text, copy, true).contains("status: {}"));
    let minimal = Style { empty: Empty::AsWritten, keep_unknown: true, ..Style::default() };
    assert_eq!(
        rewritten(text, minimal, false),
        "apiVersion: apps/v1\nkind: Deployment\nspec:\n  new: 1\n  template:\n    spec:\n      containers:\n      - name: a\n---\n"
    );
    assert_eq!(
        rewritten(list, minimal, false),
        "items:\n- kind: Pod\n  new: 1\n  spec:\n    containers:\n    - name: a\n      new: 2\n- kind: New\nkind: List\n---\n"
    );
}
