use proptest::prelude::*;

use super::*;
use crate::json;

fn read(text: &str) -> Value {
    json::parse(text.as_bytes()).unwrap()
}

/// The round trip of an object, as JSON.
fn trip(name: &str, text: &str, mode: Mode) -> Result<String, String> {
    let of = Type::named(name).unwrap();
    let once = round_trip(&read(text), of, mode).map_err(|e| e.to_string())?;
    assert_eq!(round_trip(&once, of, Mode::Json).as_ref(), Ok(&once), "a second trip changes something");
    Ok(json::to_string(&once))
}

#[track_caller]
fn becomes(name: &str, text: &str, expected: &str) {
    assert_eq!(trip(name, text, Mode::Json).as_deref(), Ok(expected));
}

#[track_caller]
fn fails(name: &str, text: &str, mode: Mode, expected: &str) {
    assert_eq!(trip(name, text, mode).unwrap_err(), expected);
}

#[test]
fn fields_that_go_always_writes_are_added() {
    becomes("v1.Pod", "{}", r#"{"metadata":{},"spec":{"containers":null},"status":{}}"#);
    becomes(
        "appsv1.Deployment",
        r#"{"spec":{"template":{"spec":{"containers":[{}]}}}}"#,
        r#"{"metadata":{},"spec":{"selector":null,"strategy":{},"template":{"metadata":{},"spec":{"containers":[{"name":"","resources":{}}]}}},"status":{}}"#,
    );
    becomes(
        "appsv1.StatefulSet",
        "{}",
        r#"{"metadata":{},"spec":{"selector":null,"serviceName":"","template":{"metadata":{},"spec":{"containers":null}},"updateStrategy":{}},"status":{"availableReplicas":0,"replicas":0}}"#,
    );
    becomes("v1.ResourceFieldSelector", r#"{"resource":"limits.cpu"}"#, r#"{"divisor":"0","resource":"limits.cpu"}"#);
    becomes(
        "v1.PodCondition",
        r#"{"type":"Ready"}"#,
        r#"{"lastProbeTime":null,"lastTransitionTime":null,"status":"","type":"Ready"}"#,
    );
    becomes("v1.HTTPGetAction", "{}", r#"{"port":0}"#);
    becomes("v1.GRPCAction", r#"{"port":1}"#, r#"{"port":1,"service":null}"#);
}

#[test]
fn empty_fields_are_left_out_unless_they_are_pointers() {
    becomes(
        "v1.Container",
        r#"{"name":"a","image":"","args":[],"command":null,"stdin":false,"securityContext":{"runAsUser":0,"privileged":false,"capabilities":null}}"#,
        r#"{"name":"a","resources":{},"securityContext":{"privileged":false,"runAsUser":0}}"#,
    );
    becomes("v1.EnvVar", r#"{"name":"A","value":""}"#, r#"{"name":"A"}"#);
    becomes("v1.Toleration", r#"{"tolerationSeconds":0,"key":""}"#, r#"{"tolerationSeconds":0}"#);
    becomes("metav1.ObjectMeta", r#"{"labels":{},"creationTimestamp":null,"generation":0}"#, "{}");
    becomes("v1.Volume", r#"{"name":"v","emptyDir":{}}"#, r#"{"emptyDir":{},"name":"v"}"#);
    becomes("v1.Volume", r#"{"name":"v","emptyDir":null}"#, r#"{"name":"v"}"#);
    becomes("v1.PodSpec", r#"{"containers":[]}"#, r#"{"containers":[]}"#);
}

#[test]
fn null_is_the_zero_value_of_types_that_cannot_be_nil() {
    becomes("metav1.ObjectMeta", r#"{"labels":{"a":null}}"#, r#"{"labels":{"a":""}}"#);
    becomes("v1.ResourceRequirements", r#"{"limits":{"cpu":null}}"#, r#"{"limits":{"cpu":"0"}}"#);
    becomes(
        "v1.Container",
        r#"{"name":null,"args":[null],"env":[null],"resources":null}"#,
        r#"{"args":[""],"env":[{"name":""}],"name":"","resources":{}}"#,
    );
    becomes("v1.ContainerPort", r#"{"containerPort":null}"#, r#"{"containerPort":0}"#);
    becomes("v1.TCPSocketAction", r#"{"port":null}"#, r#"{"port":0}"#);
}

#[test]
fn keys_are_matched_without_case_and_written_by_their_names() {
    becomes(
        "v1.PodSpec",
        r#"{"Containers":[{"NAME":"a","ImagePullpolicy":"Always"}]}"#,
        r#"{"containers":[{"imagePullPolicy":"Always","name":"a","resources":{}}]}"#,
    );
    becomes("v1.EnvVar", r#"{"Name":"A","name":"B"}"#, r#"{"name":"B"}"#);
    becomes("metav1.ObjectMeta", r#"{"labels":{"App":"a","app":"b"}}"#, r#"{"labels":{"App":"a","app":"b"}}"#);
}

#[test]
fn quantities_become_canonical() {
    becomes(
        "v1.ResourceRequirements",
        r#"{"limits":{"cpu":"2000m","memory":"1024Mi","other":0.5},"requests":{"cpu":1,"memory":" 5 "}}"#,
        r#"{"limits":{"cpu":"2","memory":"1Gi","other":"500m"},"requests":{"cpu":"1","memory":"5"}}"#,
    );
    becomes("v1.EmptyDirVolumeSource", r#"{"sizeLimit":"1000Ki"}"#, r#"{"sizeLimit":"1000Ki"}"#);
    // White space that JSON escapes is part of the text.
    becomes("v1.EmptyDirVolumeSource", "{\"sizeLimit\":\"\u{a0}5\u{2003}\"}", r#"{"sizeLimit":"5"}"#);
    assert!(trip("v1.EmptyDirVolumeSource", r#"{"sizeLimit":"\t5"}"#, Mode::Json).is_err());
}

#[test]
fn ports_stay_numbers_or_names() {
    becomes("v1.TCPSocketAction", r#"{"port":"http"}"#, r#"{"port":"http"}"#);
    becomes("v1.TCPSocketAction", r#"{"port":"80"}"#, r#"{"port":"80"}"#);
    becomes("v1.TCPSocketAction", r#"{"port":80.0}"#, r#"{"port":80}"#);
}

#[test]
fn times_become_utc() {
    becomes(
        "metav1.ObjectMeta",
        r#"{"creationTimestamp":"2024-01-01T01:00:00+01:00"}"#,
        r#"{"creationTimestamp":"2024-01-01T00:00:00Z"}"#,
    );
    becomes("v1.PodStatus", r#"{"startTime":"2024-01-01T01:00:00.5Z"}"#, r#"{"startTime":"2024-01-01T01:00:00Z"}"#);
}

#[test]
fn unknown_fields_are_dropped_or_kept_and_directives_are_not() {
    let container = read(r#"{"name":"a","newField":{"b":null},"$patch":"x","$setElementOrder/env":[]}"#);
    let mut object = round_trip(&container, Type::CONTAINER, Mode::Json).unwrap();
    assert_eq!(json::to_string(&object), r#"{"name":"a","resources":{}}"#);
    written::keep_unknown(&mut object, Type::CONTAINER, &container);
    assert_eq!(json::to_string(&object), r#"{"name":"a","newField":{"b":null},"resources":{}}"#);
    becomes(
        "osv1.DeploymentConfigSpec",
        r#"{"triggers":[{"type":"X","b":""}],"replicas":0,"strategy":{},"test":false}"#,
        r#"{"replicas":0,"strategy":{"resources":{}},"test":false,"triggers":[{"b":"","type":"X"}]}"#,
    );
}

#[test]
fn scalars_of_users_documents_become_strings_if_strings_are_wanted() {
    let text = r#"{"args":[1,true,1.5,1e7,123456789.0,null,18446744073709551615],"env":[{"name":"A","value":10},{"name":false}],"name":"a"}"#;
    let expected = r#"{"args":["1","true","1.5","1e+07","1.2345679e+08","","18446744073709551615"],"env":[{"name":"A","value":"10"},{"name":"false"}],"name":"a","resources":{}}"#;
    assert_eq!(trip("v1.Container", text, Mode::Yaml).as_deref(), Ok(expected));
    assert_eq!(
        trip("metav1.ObjectMeta", r#"{"annotations":{"a":1,"b":false}}"#, Mode::Yaml).as_deref(),
        Ok(r#"{"annotations":{"a":"1","b":"false"}}"#)
    );
    assert_eq!(
        trip("metav1.ObjectMeta", r#"{"annotations":{"a":1e39,"b":-1e39,"c":1e6,"d":1e-4}}"#, Mode::Yaml).as_deref(),
        Ok(r#"{"annotations":{"a":"+Inf","b":"-Inf","c":"1e+06","d":"0.0001"}}"#)
    );
}

#[test]
fn scalars_of_another_type_are_refused() {
    let refused = |text: &str, mode, found: &str, field: &str, wanted: &str| {
        let error = trip("v1.Container", text, mode).unwrap_err();
        let start = format!("json: cannot unmarshal {found} into Go struct field Container.{field} of type {wanted}");
        assert!(error.starts_with(&start), "{text}: {error}");
    };
    refused(r#"{"name":true}"#, Mode::Json, "bool", "name", "string");
    refused(r#"{"name":18446744073709551615}"#, Mode::Json, "number", "name", "string");
    refused(r#"{"name":[]}"#, Mode::Yaml, "array", "name", "string");
    refused(r#"{"name":1.5}"#, Mode::Json, "number", "name", "string");
    refused(r#"{"stdin":"yes"}"#, Mode::Yaml, "string", "stdin", "bool");
    refused(r#"{"stdin":1}"#, Mode::Yaml, "number", "stdin", "bool");
    let port = |number: &str| format!(r#"{{"ports":[{{"containerPort":{number}}}]}}"#);
    for number in ["3000000000", "3000000000.0", "1.5", "18446744073709551615"] {
        let error = trip("v1.Container", &port(number), Mode::Json).unwrap_err();
        assert!(error.starts_with("json: cannot unmarshal number "), "{number}: {error}");
    }
    assert!(trip("v1.Container", &port("80.0"), Mode::Json).is_ok());
}

#[test]
fn scalars_below_embedded_structs_stay_as_they_are() {
    fails(
        "v1.Volume",
        r#"{"name":1,"hostPath":{"path":2}}"#,
        Mode::Yaml,
        "json: cannot unmarshal number into Go struct field HostPathVolumeSource.VolumeSource.hostPath.path of type string (hostPath.path is 2)",
    );
    fails(
        "v1.SecretKeySelector",
        r#"{"name":1,"key":2}"#,
        Mode::Yaml,
        "json: cannot unmarshal number into Go struct field SecretKeySelector.LocalObjectReference.name of type string (name is 1)",
    );
    assert_eq!(
        trip("v1.SecretKeySelector", r#"{"name":"a","key":2}"#, Mode::Yaml).as_deref(),
        Ok(r#"{"key":"2","name":"a"}"#)
    );
}

#[test]
fn values_of_a_wrong_type_are_named_with_their_path() {
    fails(
        "v1.Pod",
        r#"{"spec":{"containers":[{"name":"a"},{"name":10}]}}"#,
        Mode::Json,
        "json: cannot unmarshal number into Go struct field Container.spec.containers.name of type string (spec.containers[1].name is 10)",
    );
    fails(
        "v1.Pod",
        r#"{"metadata":{"annotations":{"a.b/c":true}}}"#,
        Mode::Json,
        r#"json: cannot unmarshal bool into Go struct field ObjectMeta.metadata.annotations of type string (metadata.annotations["a.b/c"] is true)"#,
    );
    fails("v1.Pod", "[]", Mode::Yaml, "json: cannot unmarshal array into Go value of type v1.Pod (the object is [])");
    fails(
        "v1.PodSpec",
        r#"{"containers":{"name":"a"}}"#,
        Mode::Yaml,
        r#"json: cannot unmarshal object into Go struct field PodSpec.containers of type []v1.Container (containers is {"name":"a"})"#,
    );
    fails(
        "v1.ContainerPort",
        r#"{"containerPort":"80"}"#,
        Mode::Yaml,
        r#"json: cannot unmarshal string into Go struct field ContainerPort.containerPort of type int32 (containerPort is "80")"#,
    );
    fails(
        "v1.ContainerPort",
        r#"{"containerPort":4294967296}"#,
        Mode::Yaml,
        "json: cannot unmarshal number 4294967296 into Go struct field ContainerPort.containerPort of type int32 (containerPort is 4294967296)",
    );
    fails(
        "v1.ResourceRequirements",
        r#"{"limits":{"cpu":"1 core"}}"#,
        Mode::Yaml,
        r#"quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$' (limits.cpu is "1 core")"#,
    );
    fails(
        "metav1.ObjectMeta",
        r#"{"deletionTimestamp":"yesterday"}"#,
        Mode::Yaml,
        r#"parsing time as "2006-01-02T15:04:05Z07:00": write it in that form (deletionTimestamp is "yesterday")"#,
    );
}

#[test]
fn long_values_are_shortened_in_messages() {
    let text = format!(r#"{{"containers":"{}"}}"#, "ä".repeat(100));
    let message = trip("v1.PodSpec", &text, Mode::Yaml).unwrap_err();
    assert!(message.ends_with("ä…)") && message.len() < 300, "{message}");
}

#[test]
fn an_object_in_which_nothing_changes_is_shared() {
    let text = r#"{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"a","resources":{}}]},"status":{}}"#;
    let pod = read(text);
    let after = round_trip(&pod, Type::POD, Mode::Yaml).unwrap();
    let containers = |v: &Value| v.list_at(&["spec", "containers"]).as_ptr();
    assert_eq!(containers(&after), containers(&pod));
}

#[test]
fn json_is_written_in_the_order_of_gos_fields() {
    let text = r#"{"env":[{"value":"1","name":"A"}],"args":["<"],"name":"a","unknown":1,"image":"","livenessProbe":{"periodSeconds":1,"httpGet":{"port":80}}}"#;
    assert_eq!(
        to_json(&read(text), Type::CONTAINER),
        r#"{"name":"a","args":["\u003c"],"env":[{"name":"A","value":"1"}],"resources":{},"livenessProbe":{"httpGet":{"port":80},"periodSeconds":1},"unknown":1}"#
    );
    assert_eq!(to_json(&Value::Null, Type::POD_SPEC), r#"{"containers":null}"#);
    let ports = Type::CONTAINER.field("ports").unwrap().kind;
    assert_eq!(to_json(&read(r#"[{"name":"a","containerPort":1}]"#), ports), r#"[{"name":"a","containerPort":1}]"#);
    assert_eq!(to_json(&Value::Null, ports), "null");
}

/// Any tree with the keys that pods have.
fn trees() -> impl Strategy<Value = Value> {
    let keys = prop::sample::select(vec![
        "metadata",
        "spec",
        "name",
        "Name",
        "containers",
        "labels",
        "env",
        "value",
        "ports",
        "containerPort",
        "resources",
        "limits",
        "cpu",
        "httpGet",
        "port",
        "livenessProbe",
        "volumes",
        "emptyDir",
        "creationTimestamp",
        "$patch",
        "new",
        "securityContext",
    ]);
    let leaves = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-2_i64..100).prop_map(Value::from),
        any::<i32>().prop_map(|i| Value::from(f64::from(i) / 4.0)),
        prop::sample::select(vec!["", "a", "1", "1024Mi", "2000m", "2024-01-01T01:00:00+01:00"]).prop_map(Value::from),
    ];
    leaves.prop_recursive(6, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|l| l.into_iter().collect::<Value>()),
            prop::collection::vec((keys.clone(), inner), 0..6).prop_map(|m| Value::Map(m.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn a_second_trip_changes_nothing(tree in trees(), yaml in any::<bool>()) {
        let mode = if yaml { Mode::Yaml } else { Mode::Json };
        for of in [Type::POD, Type::POD_SPEC, Type::CONTAINER, Type::OBJECT_META] {
            if let Ok(once) = round_trip(&tree, of, mode) {
                let twice = round_trip(&once, of, Mode::Json);
                prop_assert_eq!(twice.as_ref(), Ok(&once));
                let written = json::parse(to_json(&once, of).as_bytes()).unwrap();
                prop_assert_eq!(json::to_string(&written), json::to_string(&once));
            }
        }
    }
}
