mod order;

use proptest::prelude::*;

use super::*;
use crate::json;
use crate::kubernetes::typed::{Mode, round_trip};

fn read(text: &str) -> Value {
    json::parse(text.as_bytes()).unwrap()
}

fn merged(name: &str, original: &str, patch: &str) -> Result<String, String> {
    let of = Type::named(name).unwrap();
    apply(read(original), &read(patch), of).map(|v| json::to_string(&v)).map_err(|e| e.to_string())
}

#[track_caller]
fn gives(name: &str, original: &str, patch: &str, expected: &str) {
    assert_eq!(merged(name, original, patch).as_deref(), Ok(expected));
}

#[track_caller]
fn fails(name: &str, original: &str, patch: &str, expected: &str) {
    assert_eq!(merged(name, original, patch).unwrap_err(), expected);
}

/// The names of a pod's containers after merging.
#[track_caller]
fn order(original: &[&str], patch: &[&str], expected: &[&str]) {
    let containers =
        |names: &[&str]| -> Value { names.iter().map(|n| Value::Map([("name", *n)].into_iter().collect())).collect() };
    let pod = |names: &[&str]| Value::Map([("containers", containers(names))].into_iter().collect());
    let result = apply(pod(original), &pod(patch), Type::POD_SPEC).unwrap();
    assert_eq!(result, pod(expected));
}

#[test]
fn elements_of_long_lists_are_found_too() {
    let port = |number: usize, name: &str| format!(r#"{{"containerPort":{number},"name":"{name}"}}"#);
    let ports = |ports: Vec<String>| read(&format!(r#"{{"name":"a","ports":[{}]}}"#, ports.join(",")));
    let original = ports((0..40).map(|number| port(number, "old")).collect());
    // One that is there, and a new one twice.
    let mut patch: Vec<_> = (20..60).map(|number| port(number, "new")).collect();
    patch.push(port(50, "newer"));
    let merged = apply(original, &ports(patch), Type::named("v1.Container").unwrap()).unwrap();
    let name = |number: usize| {
        let of = |port: &&Value| port.get("containerPort").and_then(Value::as_i64) == i64::try_from(number).ok();
        let found: Vec<_> =
            merged.list_at(&["ports"]).iter().filter(of).filter_map(|port| port.str_at(&["name"])).collect();
        found.join(" ")
    };
    assert_eq!([name(19), name(20), name(50), name(59)], ["old", "new", "newer", "new"]);
    assert_eq!(merged.list_at(&["ports"]).len(), 60);
}

#[test]
fn objects_are_merged_and_scalars_replaced() {
    gives(
        "v1.Pod",
        r#"{"metadata":{"labels":{"a":"1","b":"2"},"name":"p"},"spec":{"hostNetwork":true}}"#,
        r#"{"metadata":{"labels":{"b":"3","c":"4"}},"spec":{"hostNetwork":false}}"#,
        r#"{"metadata":{"labels":{"a":"1","b":"3","c":"4"},"name":"p"},"spec":{"hostNetwork":false}}"#,
    );
}

#[test]
fn null_deletes_and_is_dropped_from_what_is_new() {
    gives(
        "v1.Pod",
        r#"{"spec":{"nodeName":"n","volumes":[]}}"#,
        r#"{"spec":{"nodeName":null,"hostPID":null}}"#,
        r#"{"spec":{"volumes":[]}}"#,
    );
    gives(
        "v1.PodSpec",
        "{}",
        r#"{"volumes":[{"name":"a","emptyDir":null}],"securityContext":{"fsGroup":null,"sysctls":[null]}}"#,
        r#"{"securityContext":{"sysctls":[null]},"volumes":[{"name":"a"}]}"#,
    );
    gives("v1.PodSpec", r#"{"nodeName":"n"}"#, "null", r#"{"nodeName":"n"}"#);
    gives(
        "v1.PodSpec",
        r#"{"volumes":[{"name":"a"}]}"#,
        r#"{"volumes":[{"name":"b","emptyDir":null}]}"#,
        r#"{"volumes":[{"emptyDir":null,"name":"b"},{"name":"a"}]}"#,
    );
}

#[test]
fn values_of_another_type_are_taken_as_they_are() {
    gives(
        "v1.PodSpec",
        r#"{"containers":null}"#,
        r#"{"containers":[{"name":"a"},{"name":"a"}]}"#,
        r#"{"containers":[{"name":"a"},{"name":"a"}]}"#,
    );
    gives("v1.PodSpec", r#"{"nodeName":"a"}"#, r#"{"nodeName":1}"#, r#"{"nodeName":1}"#);
}

#[test]
fn lists_without_a_merge_key_are_replaced() {
    gives("v1.Container", r#"{"args":["a","b"]}"#, r#"{"args":["c"]}"#, r#"{"args":["c"]}"#);
    gives(
        "v1.PodSpec",
        r#"{"tolerations":[{"key":"a"}]}"#,
        r#"{"tolerations":[{"key":"b"}]}"#,
        r#"{"tolerations":[{"key":"b"}]}"#,
    );
    gives(
        "v1.Container",
        r#"{"unknown":[{"name":"a"}]}"#,
        r#"{"unknown":[{"name":"b"}]}"#,
        r#"{"unknown":[{"name":"b"}]}"#,
    );
}

#[test]
fn elements_are_merged_by_their_key() {
    gives(
        "v1.PodSpec",
        r#"{"containers":[{"name":"app","image":"a","env":[{"name":"A","value":"1"},{"name":"B","value":"2"}]}]}"#,
        r#"{"containers":[{"name":"app","env":[{"name":"B","value":"3"},{"name":"C","value":"4"}]}]}"#,
        r#"{"containers":[{"env":[{"name":"A","value":"1"},{"name":"B","value":"3"},{"name":"C","value":"4"}],"image":"a","name":"app"}]}"#,
    );
    gives(
        "v1.Container",
        r#"{"ports":[{"containerPort":53,"protocol":"TCP"},{"containerPort":53,"protocol":"UDP"}]}"#,
        r#"{"ports":[{"containerPort":53,"name":"dns"},{"containerPort":80}]}"#,
        r#"{"ports":[{"containerPort":53,"name":"dns","protocol":"TCP"},{"containerPort":53,"protocol":"UDP"},{"containerPort":80}]}"#,
    );
    gives(
        "v1.Container",
        r#"{"volumeMounts":[{"mountPath":"/a","name":"x"}]}"#,
        r#"{"volumeMounts":[{"mountPath":"/a","name":"y"}]}"#,
        r#"{"volumeMounts":[{"mountPath":"/a","name":"y"}]}"#,
    );
}

#[test]
fn new_elements_come_first_and_the_original_order_stays() {
    order(&["app"], &["proxy"], &["proxy", "app"]);
    order(&["a", "b"], &["b", "a"], &["b", "a"]);
    order(&["a", "b", "c"], &["c"], &["a", "b", "c"]);
    order(&["a", "b", "c"], &["x", "c", "y"], &["x", "a", "b", "c", "y"]);
    order(&["a", "b", "c"], &["b", "x"], &["a", "b", "x", "c"]);
    order(&["a", "b"], &[], &["a", "b"]);
    order(&[], &["a", "b"], &["a", "b"]);
    order(&["a", "a", "b"], &["b", "a"], &["b", "a", "a"]);
}

#[test]
fn lists_of_scalars_are_united() {
    gives(
        "metav1.ObjectMeta",
        r#"{"finalizers":["a","b"]}"#,
        r#"{"finalizers":["c","b"]}"#,
        r#"{"finalizers":["c","a","b"]}"#,
    );
}

#[test]
fn elements_with_directives_delete_and_replace() {
    gives(
        "v1.PodSpec",
        r#"{"containers":[{"name":"a"},{"name":"b"}]}"#,
        r#"{"containers":[{"name":"a","$patch":"delete"}]}"#,
        r#"{"containers":[{"name":"b"}]}"#,
    );
    gives(
        "v1.PodSpec",
        r#"{"containers":[{"name":"a"}]}"#,
        r#"{"containers":[{"$patch":"replace"},{"name":"b"},{"name":"c"}]}"#,
        r#"{"containers":[{"name":"b"},{"name":"c"}]}"#,
    );
    gives(
        "v1.PodSpec",
        "{}",
        r#"{"containers":[{"name":"a","$patch":"delete"},{"name":"b"}]}"#,
        r#"{"containers":[{"name":"b"}]}"#,
    );
    gives(
        "v1.Pod",
        r#"{"metadata":{"labels":{"a":"1"}}}"#,
        r#"{"metadata":{"labels":{"$patch":"replace","b":"2"}}}"#,
        r#"{"metadata":{"labels":{"b":"2"}}}"#,
    );
    gives(
        "v1.Pod",
        r#"{"metadata":{"labels":{"a":"1"}}}"#,
        r#"{"metadata":{"labels":{"$patch":"delete"}}}"#,
        r#"{"metadata":{"labels":{}}}"#,
    );
    gives("v1.Pod", "{}", r#"{"metadata":{"labels":{"$patch":"delete"}}}"#, r#"{"metadata":{}}"#);
}

#[test]
fn retained_keys_are_kept_and_all_other_keys_deleted() {
    gives(
        "v1.PodSpec",
        r#"{"volumes":[{"name":"a","emptyDir":{}}]}"#,
        r#"{"volumes":[{"name":"a","$retainKeys":["name","hostPath"],"hostPath":{"path":"/"}}]}"#,
        r#"{"volumes":[{"hostPath":{"path":"/"},"name":"a"}]}"#,
    );
    gives(
        "v1.PodSpec",
        r#"{"volumes":[{"name":"a","emptyDir":{}}]}"#,
        r#"{"volumes":[{"name":"a","$retainKeys":["name"],"emptyDir":null}]}"#,
        r#"{"volumes":[{"name":"a"}]}"#,
    );
    gives(
        "v1.PodSpec",
        r#"{"securityContext":{"fsGroup":1,"runAsUser":1}}"#,
        r#"{"securityContext":{"$retainKeys":["runAsGroup"],"runAsGroup":2}}"#,
        r#"{"securityContext":{"runAsGroup":2}}"#,
    );
    fails(
        "v1.PodSpec",
        r#"{"volumes":[{"name":"a"}]}"#,
        r#"{"volumes":[{"name":"a","$retainKeys":["name"],"hostPath":{"path":"/"}}]}"#,
        "invalid patch format of retainKeys (in volumes[0].$retainKeys of the patch)",
    );
}

#[test]
fn scalars_can_be_deleted_from_a_list() {
    let patch = r#"{"$deleteFromPrimitiveList/finalizers":["a","x"]}"#;
    gives("metav1.ObjectMeta", r#"{"finalizers":["a","b"]}"#, patch, r#"{"finalizers":["b"]}"#);
    gives("metav1.ObjectMeta", "{}", patch, "{}");
}

#[test]
fn errors_have_kubernetes_text_and_the_place_in_the_patch() {
    let original = r#"{"containers":[{"name":"a"}]}"#;
    fails(
        "v1.PodSpec",
        original,
        r#"{"containers":[{"image":"i"}]}"#,
        "map: map[image:i] does not contain declared merge key: name (in containers[0] of the patch)",
    );
    fails(
        "v1.PodSpec",
        original,
        r#"{"containers":[{"name":"a","$patch":"x"}]}"#,
        "unknown patch type: x in map: map[$patch:x name:a] (in containers[0] of the patch)",
    );
    fails(
        "v1.PodSpec",
        original,
        r#"{"containers":[{"name":"a","$patch":"merge"}]}"#,
        "merging lists cannot yet be specified in the patch (in containers[0] of the patch)",
    );
    fails(
        "v1.PodSpec",
        original,
        r#"{"containers":["a"]}"#,
        "list element types are not identical: [[map[name:a]] [a]] (in containers of the patch)",
    );
    fails(
        "v1.PodSpec",
        r#"{"containers":[]}"#,
        r#"{"containers":[[]]}"#,
        "lists of lists are not supported (in containers of the patch)",
    );
    fails(
        "v1.PodSpec",
        original,
        r#"{"containers":[null]}"#,
        "list element types are not identical: [[map[name:a]] [<nil>]] (in containers of the patch)",
    );
    fails(
        "v1.PodSpec",
        original,
        "[]",
        "invalid JSON document: the patch is a list, an object is needed (in the object of the patch)",
    );
    fails(
        "v1.PodSpec",
        r#"{"imagePullSecrets":[{}]}"#,
        r#"{"imagePullSecrets":[{"name":"a"}]}"#,
        "map: map[] does not contain declared merge key: name (in imagePullSecrets of the patch)",
    );
}

#[test]
fn what_a_patch_does_not_touch_is_shared() {
    let pod =
        read(r#"{"spec":{"containers":[{"name":"a"}],"volumes":[{"name":"v"}]},"metadata":{"labels":{"a":"b"}}}"#);
    let after = apply(pod.clone(), &read(r#"{"spec":{"containers":[{"name":"b"}]}}"#), Type::POD).unwrap();
    let volumes = |v: &Value| v.list_at(&["spec", "volumes"]).as_ptr();
    assert_eq!(volumes(&after), volumes(&pod));
    assert_eq!(pod.list_at(&["spec", "containers"]).len(), 1);
}

#[test]
fn thousands_of_variables_are_merged_by_name() {
    let env = |names: std::ops::Range<u32>| -> Value {
        let variable = |i: u32| Value::Map([("name", format!("V{i}")), ("value", i.to_string())].into_iter().collect());
        let env: Value = names.map(variable).collect();
        Value::Map([("env", env)].into_iter().collect())
    };
    let result = apply(env(0..2_000), &env(1_900..2_100), Type::CONTAINER).unwrap();
    assert_eq!(result, env(0..2_100));
}

/// Pods that have something in common.
fn pods() -> impl Strategy<Value = Value> {
    let name = prop::sample::select(vec!["a", "b", "c", "d"]);
    let env = prop::collection::vec((name.clone(), prop::option::of(name.clone())), 0..4).prop_map(|env| -> Value {
        let variable = |(n, v): (&str, Option<&str>)| {
            let entries = [("name", Some(n)), ("value", v)];
            Value::Map(entries.into_iter().filter_map(|(k, v)| Some((k, v?))).collect())
        };
        // Variables of the same name in one patch are merged into each other from the second time on.
        let env: std::collections::BTreeMap<_, _> = env.into_iter().collect();
        env.into_iter().map(variable).collect()
    });
    let container =
        (name.clone(), prop::option::of(env), prop::option::of(name.clone())).prop_map(|(name, env, image)| {
            let mut map: Map = [("name", name)].into_iter().collect();
            env.map(|env| map.insert("env", env));
            image.map(|image| map.insert("image", image));
            Value::Map(map)
        });
    let containers = prop::collection::vec(container, 0..5).prop_map(|mut containers: Vec<Value>| -> Value {
        containers.sort_by_key(|c| c.str_at(&["name"]).map(str::to_owned));
        containers.dedup_by_key(|c| c.str_at(&["name"]).map(str::to_owned));
        containers.into_iter().rev().collect()
    });
    let labels = prop::collection::vec((name.clone(), name), 0..3).prop_map(|l| Value::Map(l.into_iter().collect()));
    (prop::option::of(containers), prop::option::of(labels)).prop_map(|(containers, labels)| {
        let mut pod = Value::Null;
        labels.map(|l| pod.map_entry("metadata").insert("labels", l));
        containers.map(|c| pod.map_entry("spec").insert("containers", c));
        pod.make_map();
        pod
    })
}

proptest! {
    #[test]
    fn merging_twice_gives_what_merging_once_gives(original in pods(), patch in pods()) {
        let once = apply(original, &patch, Type::POD).unwrap();
        let twice = apply(once.clone(), &patch, Type::POD).unwrap();
        prop_assert_eq!(twice, once);
    }

    #[test]
    fn no_element_is_lost(original in pods(), patch in pods()) {
        let names = |pod: &Value| -> Vec<Value> {
            pod.list_at(&["spec", "containers"]).iter().filter_map(|c| c.get("name").cloned()).collect()
        };
        let after = names(&apply(original.clone(), &patch, Type::POD).unwrap());
        for name in names(&original).iter().chain(&names(&patch)) {
            prop_assert!(after.contains(name));
        }
        prop_assert!(after.len() >= names(&original).len());
    }

    #[test]
    fn what_is_merged_is_still_a_pod(original in pods(), patch in pods()) {
        let original = round_trip(&original, Type::POD, Mode::Json).unwrap();
        prop_assert!(round_trip(&apply(original, &patch, Type::POD).unwrap(), Type::POD, Mode::Json).is_ok());
    }
}
