//! Which warnings a response has.

use super::*;

/// A config whose sidecar has resources as Istio's template gives them.
fn config_with_resources() -> Config {
    config_of(
        "policy: enabled\ntemplates:\n  sidecar: |\n    spec:\n      containers:\n      - name: istio-proxy\n        resources:\n          \
         {{ if isset .ObjectMeta.Annotations `sidecar.istio.io/proxyCPU` -}}\n          \
         requests: {cpu: \"{{ index .ObjectMeta.Annotations `sidecar.istio.io/proxyCPU` }}\"}\n          \
         {{- else }}{{ toYaml .Values.global.proxy.resources | indent 6 }}{{ end }}\n          \
         # sidecar.istio.io/ownThing\n",
    )
}

fn warnings_of(request: &str) -> Vec<String> {
    let answer = answer_to(request, &config_with_resources());
    let response = response(&answer);
    let texts = response.list_at(&["warnings"]).iter().map(|warning| warning.as_str().unwrap().to_owned());
    let texts: Vec<_> = texts.collect();
    assert!(!matches!(answer.outcome, Outcome::Refused(_)), "{:?}", answer.outcome);
    assert_eq!(texts, answer.warnings);
    assert_eq!(response.get("warnings").is_some(), !texts.is_empty(), "an empty list");
    assert!(texts.iter().all(|text| text.chars().count() <= 256), "{texts:?}");
    texts
}

#[test]
fn a_pod_without_anything_unusual_has_no_warnings() {
    let probe = r#","restartPolicy":"Always""#;
    for metadata in [
        "{}",
        r#"{"labels":{"app":"a","sidecar.istio.io/inject":"true","istio.io/rev":"x"},"annotations":{"a":"b","istio.io/rev":"default"}}"#,
        r#"{"labels":{"sidecar.istio.io/inject":"true"},"annotations":{"sidecar.istio.io/inject":"true"}}"#,
        r#"{"annotations":{"sidecar.istio.io/logLevel":"debug","sidecar.istio.io/ownThing":"x","sidecar.istio.io/status":"{}",
            "traffic.sidecar.istio.io/excludeOutboundPorts":"1","sidecar.istio.io/nativeSidecar":"true","proxy.istio.io/config":"concurrency: 0"}}"#,
        r#"{"annotations":{"sidecar.istio.io/nativeSidecar":"","proxy.istio.io/config":"statusPort: 15099","status.sidecar.istio.io/port":"15099"}}"#,
        r#"{"labels":{"sidecar.istio.io/inject":"false"},"annotations":{"sidecar.istio.io/typo":"x"}}"#,
    ] {
        assert_eq!(warnings_of(&request(metadata, probe)), [""; 0], "{metadata}");
    }
    assert_eq!(warnings_of(&request("{}", r#","hostNetwork":true"#)), [""; 0]);
}

#[test]
fn what_does_not_do_what_it_seems_to_do_is_warned_of() {
    let label = |value: &str| format!(r#"{{"labels":{{"sidecar.istio.io/inject":"{value}"}}}}"#);
    let one = |annotation: &str, value: &str| format!(r#"{{"annotations":{{"{annotation}":"{value}"}}}}"#);
    let cases = [
        (label("yes"), "", r#"label sidecar.istio.io/inject: "yes" is neither "true" nor "false"; it is ignored"#),
        (
            one("sidecar.istio.io/inject", "true"),
            "",
            "annotation sidecar.istio.io/inject is deprecated: use the label of the same name",
        ),
        (
            one("sidecar.istio.io/inject", "false"),
            "",
            "annotation sidecar.istio.io/inject is deprecated: use the label of the same name",
        ),
        (
            r#"{"labels":{"sidecar.istio.io/inject":"true"},"annotations":{"sidecar.istio.io/inject":"false"}}"#
                .to_owned(),
            "",
            r#"annotation sidecar.istio.io/inject: "false" has no effect: the label of the same name, "true", takes precedence"#,
        ),
        (
            label("true"),
            r#","hostNetwork":true"#,
            r#"label sidecar.istio.io/inject: "true" has no effect: the pod uses the host's network"#,
        ),
        (
            r#"{"namespace":"kube-system","annotations":{"sidecar.istio.io/inject":"true"}}"#.to_owned(),
            "",
            r#"annotation sidecar.istio.io/inject: "true" has no effect: namespace kube-system is never injected"#,
        ),
        (
            one("sidecar.istio.io/proxyCpu", "1"),
            "",
            "annotation sidecar.istio.io/proxyCpu has no effect: nothing reads it; did you mean sidecar.istio.io/proxyCPU?",
        ),
        (
            one("sidecar.istio.io/whatever", "1"),
            "",
            "annotation sidecar.istio.io/whatever has no effect: neither Istio nor an injection template reads it",
        ),
        (
            one("sidecar.istio.io/discoveryAddress", "x"),
            "",
            "annotation sidecar.istio.io/discoveryAddress is deprecated in Istio",
        ),
        (
            one("traffic.sidecar.istio.io/kubevirtInterfaces", "net1"),
            "",
            "annotation traffic.sidecar.istio.io/kubevirtInterfaces is deprecated: use istio.io/reroute-virtual-interfaces",
        ),
        (
            r#"{"labels":{"sidecar.istio.io/logLevel":"debug"}}"#.to_owned(),
            "",
            "label sidecar.istio.io/logLevel has no effect: it has to be an annotation",
        ),
        (
            one("sidecar.istio.io/nativeSidecar", "yes"),
            "",
            r#"annotation sidecar.istio.io/nativeSidecar: "yes" is neither "true" nor "false"; use one of them"#,
        ),
        (
            one("sidecar.istio.io/rewriteAppHTTPProbers", "no"),
            "",
            r#"annotation sidecar.istio.io/rewriteAppHTTPProbers: "no" is neither "true" nor "false"; it is ignored"#,
        ),
        (
            one("proxy.istio.io/config", "concurency: 2"),
            "",
            r#"annotation proxy.istio.io/config: field "concurency" does not exist and is ignored"#,
        ),
        (
            one("proxy.istio.io/config", "statusPort: 15099"),
            "",
            "annotation proxy.istio.io/config: statusPort 15099 moves the agent, but probes and metrics still use port 15020",
        ),
        (
            one("sidecar.istio.io/proxyCPU", "1"),
            "",
            "annotation sidecar.istio.io/proxyCPU replaces all default resources of the proxy; now unset: limits.cpu, requests.memory",
        ),
        (
            "{}".to_owned(),
            r#","initContainers":[{"name":"i","readinessProbe":{"httpGet":{"port":"web"}}}]"#,
            r#"readinessProbe of container "i" will fail: the container has no port named "web""#,
        ),
    ];
    for (metadata, spec, want) in cases {
        assert_eq!(warnings_of(&request(&metadata, spec)), [want], "{metadata}");
    }
}

#[test]
fn redirect_in_the_pods_proxy_config_cannot_override_the_meshs_tproxy() {
    let mut config = config();
    config.mesh = crate::mesh::MeshConfig::parse("defaultConfig: {interceptionMode: TPROXY}").unwrap();
    let warnings = |annotations: &str| answer_to(&annotated(annotations), &config).warnings;
    assert_eq!(
        warnings(r#"{"proxy.istio.io/config":"interceptionMode: REDIRECT"}"#),
        [
            "annotation proxy.istio.io/config: REDIRECT cannot override the mesh's TPROXY; use sidecar.istio.io/interceptionMode"
        ]
    );
    let both =
        r#"{"proxy.istio.io/config":"interceptionMode: REDIRECT","sidecar.istio.io/interceptionMode":"REDIRECT"}"#;
    assert_eq!(warnings(both), [""; 0]);
}

#[test]
fn who_calls_the_webhook_for_something_else_is_warned() {
    assert_eq!(
        warnings_of(r#"{"operation":"CREATE","object":{"apiVersion":"apps/v1","kind":"Deployment"}}"#),
        [r#"only pods are injected, not kind "Deployment"; limit the webhook's rules to pods"#]
    );
    assert_eq!(
        warnings_of(r#"{"operation":"UPDATE","object":{"apiVersion":"v1","kind":"Pod"}}"#),
        [r#"a pod is only injected on CREATE, not on "UPDATE"; limit the webhook's rules to CREATE"#]
    );
}

#[test]
fn a_hostile_pod_gets_few_and_plain_warnings() {
    let many: Vec<_> =
        (0..2000).map(|i| format!(r#""sidecar.istio.io/\u001b[2J\n{i}{}":"x""#, "y".repeat(1000))).collect();
    let texts = warnings_of(&annotated(&format!("{{{}}}", many.join(","))));
    assert_eq!(texts.len(), 16);
    assert!(!texts.iter().any(|text| text.contains(char::is_control)), "{texts:?}");
    assert!(texts.iter().map(|text| text.chars().count()).sum::<usize>() <= 4096);
}
