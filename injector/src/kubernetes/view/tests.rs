use super::*;
use crate::functions;
use crate::json;
use crate::template::{Functions, Limits, Template};

const POD: &str = r#"{
    "metadata": {"name": "p", "labels": {"app": "a"}, "ownerReferences": [{"kind": "Job", "name": "j", "controller": true}]},
    "spec": {
        "containers": [
            {"name": "app", "image": "i:1", "args": ["a", "b"],
             "ports": [{"containerPort": 80, "protocol": "TCP"}, {"containerPort": 53, "name": "dns", "protocol": "UDP"}],
             "resources": {"limits": {"cpu": "100m"}},
             "livenessProbe": {"tcpSocket": {"port": 8080}},
             "readinessProbe": {"httpGet": {"port": "http", "path": "/"}, "periodSeconds": 3}}
        ],
        "volumes": [{"name": "v", "emptyDir": {"sizeLimit": "1Gi"}}],
        "securityContext": {"fsGroup": 7, "runAsNonRoot": false},
        "priority": 0
    }
}"#;

fn data() -> template::Value {
    let pod = json::parse(POD.as_bytes()).unwrap();
    let meta = view(pod.get("metadata").unwrap(), Type::OBJECT_META);
    let spec = view(pod.get("spec").unwrap(), Type::POD_SPEC);
    let status = view(&Value::Null, Type::named("v1.PodStatus").unwrap());
    template::Map::dict([("ObjectMeta", meta), ("Spec", spec), ("Status", status)]).into()
}

fn render(text: &str) -> Result<String, String> {
    let functions: Functions = functions::all(|_| None);
    let template = Template::parse("inject", text, &functions).map_err(|e| e.to_string())?;
    let mut out = String::new();
    template.render(&data(), &Limits::default(), &mut out).map_err(|e| e.to_string())?;
    Ok(out)
}

#[track_caller]
fn prints(text: &str, expected: &str) {
    assert_eq!(render(text).as_deref(), Ok(expected));
}

#[test]
fn fields_go_by_their_go_names() {
    prints("{{ .ObjectMeta.Name }} {{ (index .Spec.Containers 0).Image }}", "p i:1");
    prints(
        "{{ range .Spec.Containers }}{{ .Name }}{{ range .Ports }} {{ .ContainerPort }}/{{ .Protocol }}{{ end }}{{ end }}",
        "app 80/TCP 53/UDP",
    );
    prints("{{ range .ObjectMeta.OwnerReferences }}{{ .Kind }} {{ .Controller }}{{ end }}", "Job true");
}

#[test]
fn metadata_has_a_method_for_each_field() {
    prints(
        "{{ .ObjectMeta.GetName }} {{ index .ObjectMeta.GetLabels `app` }} {{ .ObjectMeta.GetNamespace | quote }} {{ len .ObjectMeta.GetOwnerReferences }}",
        r#"p a "" 1"#,
    );
    assert!(render("{{ .Spec.GetNodeName }}").is_err() && render("{{ .ObjectMeta.GetNothing }}").is_err());
}

#[test]
fn absent_fields_are_zero() {
    prints(
        "{{ .Spec.HostNetwork }} {{ .Spec.NodeName | quote }} {{ len .Spec.InitContainers }} {{ .ObjectMeta.Generation }}",
        r#"false "" 0 0"#,
    );
    prints("{{ with .Spec.Affinity }}x{{ else }}none{{ end }}{{ .Spec.Affinity }}", "none<nil>");
    prints("{{ .Spec.Containers | len }}{{ eq .Spec.ServiceAccountName \"\" }}", "1true");
    prints("{{ index .ObjectMeta.Annotations `x` }}{{ isset .ObjectMeta.Annotations `x` }}", "false");
}

#[test]
fn pointers_are_followed_and_printed_as_what_they_point_to() {
    prints(
        "{{ .Spec.SecurityContext.FSGroup }} {{ .Spec.SecurityContext.RunAsUser }} {{ .Spec.Priority }}",
        "7 <nil> 0",
    );
    prints("{{ if .Spec.Priority }}set{{ end }}{{ if .Spec.DNSConfig }}set{{ end }}", "set");
}

#[test]
fn embedded_structs_and_their_fields_are_both_reached() {
    prints(
        "{{ range .Spec.Volumes }}{{ .EmptyDir.SizeLimit }} {{ .VolumeSource.EmptyDir.SizeLimit }}{{ end }}",
        "1Gi 1Gi",
    );
    prints(
        "{{ range .Spec.Containers }}{{ .ReadinessProbe.HTTPGet.Port }} {{ .ReadinessProbe.ProbeHandler.HTTPGet.Path }}{{ end }}",
        "http /",
    );
    let pod = view(&json::parse(POD.as_bytes()).unwrap(), Type::POD);
    let template::Field::Value(name) = pod.as_object().unwrap().field("Name") else { panic!("Pod.Name is unknown") };
    assert_eq!(name.as_text().as_deref(), Some("p"));
}

#[test]
fn amounts_and_ports_print_as_their_texts() {
    prints(
        "{{ range .Spec.Containers }}{{ .Resources.Limits.Cpu }} {{ .Resources.Limits.Memory }} {{ index .Resources.Limits `cpu` }}{{ end }}",
        "100m 0 100m",
    );
    prints(
        "{{ range .Spec.Containers }}{{ with .ReadinessProbe.HTTPGet.Port }}{{ .StrVal }} {{ .IntVal }} {{ .String }}{{ end }}{{ end }}",
        "http 0 http",
    );
    prints(
        "{{ .ObjectMeta.CreationTimestamp }} {{ .ObjectMeta.CreationTimestamp.IsZero }}",
        "0001-01-01 00:00:00 +0000 UTC true",
    );
}

#[test]
fn amounts_and_ports_have_their_methods() {
    prints(
        "{{ range .Spec.Containers }}{{ .Resources.Limits.Cpu.IsZero }} {{ .Resources.Limits.Memory.IsZero }}{{ end }}",
        "false true",
    );
    prints(
        "{{ range .Spec.Containers }}{{ with .ReadinessProbe.HTTPGet.Port }}{{ .Type }} {{ .IntValue }}{{ end }} {{ with .LivenessProbe.TCPSocket.Port }}{{ .Type }} {{ .IntVal }} {{ .IntValue }} {{ .String }}{{ end }}{{ end }}",
        "1 0 0 8080 8080 8080",
    );
    let text = "{{ .ObjectMeta.DeletionTimestamp.IsZero }}";
    assert!(render(text).is_err(), "{:?}", render(text));
}

#[test]
fn maps_and_lists_are_walked_and_have_zero_elements() {
    prints(
        "{{ range .Spec.Containers }}{{ range $name, $amount := .Resources.Limits }}{{ $name }}={{ $amount }}{{ end }} {{ index .Resources.Limits `none` }}{{ end }}",
        "cpu=100m 0",
    );
    prints(
        "{{ range .Spec.Containers }}{{ toYaml .Ports }} {{ toJson .ReadinessProbe.HTTPGet }} {{ toJson .Resources.Requests }}{{ end }}",
        "- containerPort: 80\n  protocol: TCP\n- containerPort: 53\n  name: dns\n  protocol: UDP\n {\"path\":\"/\",\"port\":\"http\"} null",
    );
}

#[test]
fn unknown_fields_are_errors_with_the_type() {
    let error = |text| render(text).unwrap_err();
    assert!(
        error("{{ .Spec.Nope }}").contains("can't evaluate field Nope in type v1.PodSpec"),
        "{}",
        error("{{ .Spec.Nope }}")
    );
    let text = "{{ range .Spec.Containers }}{{ .SecurityContext.Nope }}{{ end }}";
    assert!(error(text).contains("can't evaluate field Nope in type *v1.SecurityContext"), "{}", error(text));
    let text = "{{ .Spec.Affinity.NodeAffinity }}";
    assert!(error(text).contains("nil pointer evaluating *v1.Affinity.NodeAffinity"), "{}", error(text));
}

#[test]
fn a_struct_that_is_absent_is_encoded_as_its_zero() {
    prints(
        "{{ range .Spec.Containers }}{{ with .Ports }}{{ toYaml (index . 0) }}{{ end }}{{ end }}",
        "containerPort: 80\nprotocol: TCP\n",
    );
    prints("{{ toYaml (index .Spec.Volumes 0).VolumeSource }}", "emptyDir:\n  sizeLimit: 1Gi\n");
    prints("{{ toYaml .Status }}|{{ structToJSON .Status }}", "{}\n|{}");
}

#[test]
fn json_has_gos_order() {
    prints(
        "{{ range .Spec.Containers }}{{ range .Ports }}{{ structToJSON . }}{{ end }}{{ end }}",
        r#"{"containerPort":80,"protocol":"TCP"}{"name":"dns","containerPort":53,"protocol":"UDP"}"#,
    );
    prints("{{ structToJSON .Spec.SecurityContext }}", r#"{"runAsNonRoot":false,"fsGroup":7}"#);
    prints("{{ (index .Spec.Containers 0).Args | toJson }}", r#"["a","b"]"#);
}

#[test]
fn structs_print_their_values_in_gos_order() {
    prints("{{ (index (index .Spec.Containers 0).Ports 1) }}", "{dns 0 53 UDP }");
    prints("{{ .ObjectMeta.Labels }} {{ (index .Spec.Containers 0).Args }}", "map[app:a] [a b]");
}

#[test]
fn istios_functions_take_views() {
    prints("{{ applicationPorts .Spec.Containers }} {{ annotation .ObjectMeta `x` 15020 }}", "80 15020");
}
