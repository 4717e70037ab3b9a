use super::*;
use crate::json;
use crate::value::Value;

fn tree(text: &str) -> Value {
    json::parse(text.as_bytes()).unwrap()
}

fn merged(base: &ProxyConfig, text: &str) -> Result<ProxyConfig, Error> {
    base.merged_with_tree(&tree(text), &mut Vec::new())
}

fn stripped(text: &str) -> String {
    merged(&ProxyConfig::default(), text).unwrap().to_stripped_json()
}

#[test]
fn proxy_config_leaves_defaults_out() {
    let cases = [
        ("{}", "{}"),
        (r#"{"drainDuration":"23s"}"#, r#"{"drainDuration":"23s"}"#),
        (r#"{"drainDuration":"45s","statusPort":15020,"serviceCluster":"istio-proxy"}"#, "{}"),
        (
            r#"{"drainDuration":"1m30s","terminationDrainDuration":"1.5s"}"#,
            r#"{"drainDuration":"90s","terminationDrainDuration":"1.500s"}"#,
        ),
        (r#"{"tracing":{}}"#, r#"{"tracing":{}}"#),
        (r#"{"concurrency":0}"#, r#"{"concurrency":0}"#),
        (r#"{"concurrency":"3"}"#, r#"{"concurrency":3}"#),
        (r#"{"holdApplicationUntilProxyStarts":false}"#, r#"{"holdApplicationUntilProxyStarts":false}"#),
        (r#"{"interceptionMode":1}"#, r#"{"interceptionMode":"TPROXY"}"#),
        (r#"{"interceptionMode":7}"#, r#"{"interceptionMode":7}"#),
        (r#"{"interceptionMode":"REDIRECT"}"#, "{}"),
        (r#"{"interception_mode":"TPROXY"}"#, r#"{"interceptionMode":"TPROXY"}"#),
        (r#"{"concurrency":null,"extraStatTags":null}"#, "{}"),
        (r#"{"somethingNew":1,"image":{"imageType":"debug","newer":2}}"#, r#"{"image":{"imageType":"debug"}}"#),
        (r#"{"proxyMetadata":{}}"#, "{}"),
        (
            r#"{"proxyMetadata":{"B":"<x>","A":"1"},"concurrency":2,"discoveryAddress":"foo:123"}"#,
            r#"{"discoveryAddress":"foo:123","concurrency":2,"proxyMetadata":{"A":"1","B":"\u003cx\u003e"}}"#,
        ),
        (
            r#"{"tracing":{"stackdriver":{"maxNumberOfAttributes":5},"sampling":99.5,"enableIstioTags":false}}"#,
            r#"{"tracing":{"stackdriver":{"maxNumberOfAttributes":"5"},"sampling":99.5,"enableIstioTags":false}}"#,
        ),
        (
            r#"{"readinessProbe":{"httpGet":{"port":80,"path":"/x"},"periodSeconds":0}}"#,
            r#"{"readinessProbe":{"httpGet":{"path":"/x","port":80}}}"#,
        ),
    ];
    for (given, want) in cases {
        assert_eq!(stripped(given), want, "{given}");
    }
}

#[test]
fn a_member_of_a_oneof_clears_the_other_members() {
    let config = merged(&ProxyConfig::default(), r#"{"tracingServiceName":"APP_LABEL_AND_NAMESPACE"}"#).unwrap();
    assert_eq!(config.to_stripped_json(), r#"{"tracingServiceName":"APP_LABEL_AND_NAMESPACE"}"#);
    let config = merged(&config, r#"{"serviceCluster":""}"#).unwrap();
    assert_eq!(config.to_stripped_json(), r#"{"serviceCluster":""}"#);
    let zipkin = merged(&ProxyConfig::default(), r#"{"tracing":{"zipkin":{"address":"z:1"}}}"#).unwrap();
    let datadog = merged(&zipkin, r#"{"tracing":{"datadog":{}}}"#).unwrap();
    assert_eq!(datadog.to_stripped_json(), r#"{"tracing":{"datadog":{}}}"#);
}

#[test]
fn values_of_the_wrong_type_are_refused_with_field_and_value() {
    let cases = [
        (
            r#"{"concurrency":"x"}"#,
            "concurrency: \"x\" is not allowed; it has to be an integer from -2147483648 to 2147483647",
        ),
        (
            r#"{"drainDuration":"x"}"#,
            "drainDuration: \"x\" is not allowed; it has to be a duration such as \"45s\" or \"1m30s\"",
        ),
        (
            r#"{"drainDuration":45}"#,
            "drainDuration: 45 is not allowed; it has to be a duration such as \"45s\" or \"1m30s\"",
        ),
        (
            r#"{"interceptionMode":"FOO"}"#,
            "interceptionMode: \"FOO\" is not allowed; it has to be one of REDIRECT, TPROXY, NONE, or its number",
        ),
        (
            r#"{"holdApplicationUntilProxyStarts":"true"}"#,
            "holdApplicationUntilProxyStarts: \"true\" is not allowed; it has to be true or false, without quotes",
        ),
        (r#"{"proxyMetadata":{"A":1}}"#, "proxyMetadata.A: 1 is not allowed; it has to be a string"),
        (r#"{"proxyMetadata":["A"]}"#, "proxyMetadata: [\"A\"] is not allowed; it has to be an object"),
        (r#"{"extraStatTags":"a"}"#, "extraStatTags: \"a\" is not allowed; it has to be a list"),
        (r#"{"extraStatTags":["a",2]}"#, "extraStatTags.1: 2 is not allowed; it has to be a string"),
        (
            r#"{"statusPort":4294967296}"#,
            "statusPort: 4294967296 is not allowed; it has to be an integer from -2147483648 to 2147483647",
        ),
        (
            r#"{"statusPort":1.5}"#,
            "statusPort: 1.5 is not allowed; it has to be an integer from -2147483648 to 2147483647",
        ),
        (r#"{"image":"debug"}"#, "image: \"debug\" is not allowed; it has to be an object"),
        (r#""text""#, "the whole text: \"text\" is not allowed; it has to be an object"),
    ];
    for (given, want) in cases {
        let error = merged(&ProxyConfig::default(), given).unwrap_err();
        assert_eq!(error.to_string(), format!("could not parse proxy config: {want}"));
    }
}

#[test]
fn an_explicit_zero_counts_in_kube_inject_and_is_lost_in_the_webhook() {
    let mesh = merged(&ProxyConfig::default(), r#"{"interceptionMode":"TPROXY","statusPort":0}"#).unwrap();
    assert_eq!((mesh.is_tproxy(), mesh.status_port()), (true, 0));
    assert!(!merged(&mesh, r#"{"interceptionMode":"REDIRECT"}"#).unwrap().is_tproxy());

    let mesh = MeshConfig::default().with_default_config(mesh);
    let levels = Levels { annotation: Some("interceptionMode: REDIRECT"), ..Levels::default() };
    let effective = levels.effective(&mesh);
    assert_eq!((effective.is_tproxy(), effective.status_port()), (true, 15020));
}

#[test]
fn metadata_and_headers_merge_and_the_rest_is_replaced() {
    let lower = r#"{"proxyMetadata":{"A":"1","B":"2"},"extraStatTags":["a"],"image":{"imageType":"debug"},
        "proxyHeaders":{"server":{"value":"x"},"requestId":{"disabled":true},"xForwardedHost":{"enabled":true}}}"#;
    let upper =
        r#"{"proxyMetadata":{"B":"3","C":""},"extraStatTags":["b"],"proxyHeaders":{"server":{"disabled":false}}}"#;
    let want = r#"{"proxyMetadata":{"A":"1","B":"3","C":""},"extraStatTags":["b"],"image":{"imageType":"debug"},"#
        .to_owned()
        + r#""proxyHeaders":{"requestId":{"disabled":true},"server":{"disabled":false}}}"#;
    let lower = merged(&ProxyConfig::default(), lower).unwrap();
    assert_eq!(merged(&lower, upper).unwrap().to_stripped_json(), want);
    assert_eq!(lower.merged_with(&merged(&ProxyConfig::empty(), upper).unwrap()).to_stripped_json(), want);
}

#[test]
fn proxy_config_resources_count_by_level() {
    let resource = |text| ProxyConfig::of_resource(&tree(text)).unwrap();
    let root =
        resource(r#"{"concurrency":1,"environmentVariables":{"A":"root","R":"1"},"image":{"imageType":"debug"}}"#);
    let namespace = resource(r#"{"environmentVariables":{"A":"namespace"},"somethingElse":1}"#);
    let workload = resource(r#"{"concurrency":0}"#);
    let levels = Levels { root: Some(&root), namespace: Some(&namespace), annotation: None, workload: Some(&workload) };
    assert_eq!(
        levels.effective(&MeshConfig::default()).to_stripped_json(),
        r#"{"concurrency":0,"proxyMetadata":{"A":"namespace","R":"1"},"image":{"imageType":"debug"}}"#
    );
}

fn problems(text: &str) -> Vec<String> {
    let config = merged(&ProxyConfig::default(), text).unwrap();
    config.problems().iter().map(ToString::to_string).collect()
}

#[test]
fn all_problems_of_a_proxy_config_are_found() {
    assert_eq!(problems("{}"), [""; 0]);
    assert_eq!(
        problems(
            r#"{"configPath":"","statusPort":0,"discoveryAddress":"x","drainDuration":"1500ms","proxyAdminPort":70000}"#
        ),
        [
            "config path must be set (configPath)",
            "drain time only supports durations to seconds precision (drainDuration)",
            "invalid discovery address: unable to split \"x\": address x: missing port in address; write it as host:port (discoveryAddress)",
            "invalid proxy admin port: port number 70000 must be in the range 1..65535 (proxyAdminPort)",
            "invalid status port: port number 0 must be in the range 1..65535 (statusPort)",
        ]
    );
    assert_eq!(
        problems(r#"{"drainDuration":"0s"}"#),
        ["invalid drain duration: duration must be greater than 1ms (drainDuration)"]
    );
    assert_eq!(
        problems(r#"{"controlPlaneAuthPolicy":"NONE","tracing":{"zipkin":{"address":"$(HOST_IP):9411"}}}"#),
        [""; 0]
    );
    assert_eq!(problems(r#"{"controlPlaneAuthPolicy":"INHERIT"}"#).len(), 1);
    assert_eq!(problems(r#"{"tracing":{"lightstep":{}}}"#).len(), 2);
    assert_eq!(problems(r#"{"tracing":{"tlsSettings":{"mode":"MUTUAL"}}}"#).len(), 2);
    assert_eq!(problems(r#"{"privateKeyProvider":{"qat":{}}}"#).len(), 1);
    assert_eq!(problems(r#"{"privateKeyProvider":{"cryptomb":{"pollDelay":"10ms"}}}"#), [""; 0]);
    assert_eq!(problems(r#"{"connectionSettings":{"httpIdleTimeout":"-1s","httpMaxConcurrentStreams":0}}"#).len(), 2);
    assert_eq!(
        problems(r#"{"statsdUdpAddress":"10.0.0.1:9125","envoyMetricsService":{"address":"1.2.3:1"}}"#).len(),
        1
    );
    assert_eq!(problems(r#"{"discoveryAddress":"[::1]:15012"}"#), [""; 0]);
}

fn mesh(text: &str) -> Result<MeshConfig, Error> {
    let mut mesh = MeshConfig::default();
    mesh.apply(&tree(text))?;
    let problems = validate::mesh(&mesh);
    if problems.is_empty() { Ok(mesh) } else { Err(Error::Invalid(problems)) }
}

#[test]
fn the_mesh_merges_its_default_config_and_its_providers() {
    let mesh = mesh(
        r#"{"defaultConfig":{"concurrency":2},"trustDomainAliases":["b","a","b"],"unknownMeshField":1,
            "extensionProviders":[{"name":"envoy","prometheus":{}},{"name":"otel","opentelemetry":{"service":"s","port":4317,
            "serviceAttributeEnrichment":"OTEL_SEMANTIC_CONVENTIONS"}}]}"#,
    )
    .unwrap();
    assert_eq!(mesh.default_config().to_stripped_json(), r#"{"concurrency":2}"#);
    assert_eq!(mesh.default_config().status_port(), 15020);
    assert_eq!(mesh.unknown_fields().collect::<Vec<_>>(), ["unknownMeshField"]);
    assert!(
        config::has_semantic_convention_provider(&mesh.fields)
            && mesh.merges_prometheus()
            && !mesh.is_inbound_localhost()
    );
    let json = mesh.to_json();
    assert!(json.contains(r#""trustDomainAliases":["a","b"]"#), "{json}");
    let names = r#"[{"name":"prometheus","prometheus":{}},{"name":"stackdriver","stackdriver":{}},{"name":"envoy","prometheus":{}},{"name":"otel""#;
    assert!(json.contains(names), "{json}");
}

#[test]
fn a_mesh_that_cannot_work_is_refused() {
    let cases = [
        (r#"{"connectTimeout":"-1s"}"#, "invalid connect timeout: duration must be greater than 1ms (connectTimeout)"),
        (
            r#"{"connectTimeout":"2h"}"#,
            "invalid connect timeout: time 2h0m0s must be >1ms and <1h0m0s (connectTimeout)",
        ),
        (
            r#"{"proxyListenPort":99999}"#,
            "invalid proxy listen port: port number 99999 must be in the range 1..65535 (proxyListenPort)",
        ),
        (r#"{"trustDomain":""}"#, "trustDomain: empty domain name not allowed (trustDomain)"),
        (
            r#"{"defaultConfig":{"statusPort":0}}"#,
            "invalid status port: port number 0 must be in the range 1..65535 (defaultConfig.statusPort)",
        ),
        (
            r#"{"serviceSettings":[{"hosts":["*.x","a_b"]}]}"#,
            "serviceSettings[0], host `a_b`: domain name \"a_b\" invalid (label \"a_b\" invalid) (serviceSettings.0.hosts)",
        ),
    ];
    for (given, want) in cases {
        assert_eq!(mesh(given).unwrap_err().to_string(), format!("the mesh config is invalid: {want}"));
    }
    assert_eq!(
        mesh(r#"{"defaultConfig":{"concurrency":"x"}}"#).unwrap_err().to_string(),
        "could not parse mesh config: defaultConfig.concurrency: \"x\" is not allowed; it has to be an integer from -2147483648 to 2147483647"
    );
    for good in [r#"{"trustDomain":"a.b."}"#, r#"{"enablePrometheusMerge":null}"#, r#"{"defaultConfig":null}"#] {
        assert!(mesh(good).is_ok(), "{good}");
    }
}

#[test]
fn every_type_of_the_table_is_consistent() {
    fn walk(kind: &'static descriptor::MessageType, seen: &mut Vec<&'static str>) {
        if seen.contains(&kind.go) {
            return;
        }
        seen.push(kind.go);
        for (i, field) in kind.fields.iter().enumerate() {
            assert!(kind.fields.iter().skip(i + 1).all(|f| f.json != field.json && f.name != field.name), "{field:?}");
            if let descriptor::Kind::Message(inner) = field.kind {
                walk(inner, seen);
            }
        }
    }
    let mut seen = Vec::new();
    walk(MeshConfig::kind(), &mut seen);
    assert!(seen.len() > 60, "{}", seen.len());
}

fn field(value: &crate::template::Value, path: &str) -> Option<crate::template::Value> {
    path.split('.').try_fold(value.clone(), |value, name| match value.as_object()?.field(name) {
        crate::template::Field::Value(value) => Some(value),
        crate::template::Field::Failed(_) | crate::template::Field::NilPointer | crate::template::Field::Unknown => {
            None
        }
    })
}

#[test]
fn templates_see_messages_as_go_structs() {
    let config = merged(
        &ProxyConfig::default(),
        r#"{"interceptionMode":"TPROXY","proxyMetadata":{"A":"1"},"holdApplicationUntilProxyStarts":true,"extraStatTags":["a"],
            "tracing":{"customTags":{"t":{"literal":{"value":"x"}}}}}"#,
    )
    .unwrap();
    let view = config.view();
    let text = |path| field(&view, path).and_then(|v| v.as_object().and_then(|o| o.text()).or(v.as_text()));
    assert_eq!(view.type_name(), "*v1alpha1.ProxyConfig");
    assert_eq!(text("InterceptionMode").as_deref(), Some("TPROXY"));
    assert_eq!(text("InterceptionMode.String").as_deref(), Some("TPROXY"));
    assert_eq!(text("GetServiceCluster").as_deref(), Some("istio-proxy"));
    assert_eq!(text("ServiceCluster"), None, "a member of a oneof has only a getter");
    assert_eq!(text("DrainDuration.AsDuration").as_deref(), Some("45s"));
    assert_eq!(text("GetTracing.GetTlsSettings.GetCaCertificates").as_deref(), Some(""));
    assert!(field(&view, "GetTracing.GetTlsSettings").unwrap().is_nil());
    assert!(field(&view, "GetTracing.TlsSettings.CaCertificates").is_none(), "a field of nil");
    assert!(field(&view, "HoldApplicationUntilProxyStarts.GetValue").unwrap().is_true());
    assert!(!field(&view, "Concurrency.GetValue").unwrap().is_true());
    assert_eq!(field(&view, "ProxyMetadata").unwrap().type_name(), "map[string]string");
    assert_eq!(field(&view, "RuntimeValues").unwrap().type_name(), "map[string]string");
    assert_eq!(field(&view, "ExtraStatTags").unwrap().type_name(), "[]string");
    assert_eq!(field(&view, "Tracing.CustomTags").unwrap().type_name(), "map[string]*v1alpha1.Tracing_CustomTag");
    assert_eq!(field(&view, "StatusPort").unwrap().type_name(), "int32");
    assert_eq!(view::proto_to_json(&view).unwrap(), config.to_stripped_json());
    assert_eq!(view::proto_to_json(&field(&view, "Sds").unwrap()).unwrap(), "{}");
    // Go's encoder, which knows messages, but neither wrappers nor durations.
    let encoded = |view: &crate::template::Value, path| field(view, path).unwrap().to_json().unwrap();
    assert_eq!(encoded(&view, "Tracing"), r#"{"customTags":{"t":{"literal":{"value":"x"}}}}"#);
    assert_eq!(encoded(&view, "Tracing.CustomTags"), r#"{"t":{"literal":{"value":"x"}}}"#);
    assert_eq!(encoded(&view, "Sds"), "null");
    assert_eq!(encoded(&view, "HoldApplicationUntilProxyStarts"), r#"{"value":true}"#);
    assert_eq!(encoded(&view, "Concurrency"), "null");
    assert_eq!(encoded(&view, "DrainDuration"), r#"{"seconds":45}"#);
    assert_eq!(encoded(&view, "InterceptionMode"), "1");
    for (set, json) in [("false", "{}"), ("true", r#"{"value":true}"#)] {
        let config =
            merged(&ProxyConfig::default(), &format!(r#"{{"holdApplicationUntilProxyStarts":{set}}}"#)).unwrap();
        assert_eq!(encoded(&config.view(), "HoldApplicationUntilProxyStarts"), json);
    }
    for (duration, json) in
        [("0s", "{}"), ("1.5s", r#"{"seconds":1,"nanos":500000000}"#), ("-0.001s", r#"{"nanos":-1000000}"#)]
    {
        let config =
            merged(&ProxyConfig::default(), &format!(r#"{{"terminationDrainDuration":"{duration}"}}"#)).unwrap();
        assert_eq!(encoded(&config.view(), "TerminationDrainDuration"), json);
    }
    let mesh = MeshConfig::default().view();
    assert_eq!(field(&mesh, "ExtensionProviders").unwrap().type_name(), "[]*v1alpha1.MeshConfig_ExtensionProvider");
    assert_eq!(field(&mesh, "ExtensionProviders").unwrap().elements().unwrap().len(), 3);
    let providers = encoded(&mesh, "ExtensionProviders");
    assert!(providers.starts_with(r#"[{"name":"#) && providers.ends_with("}]"), "{providers}");
    assert_eq!(field(&mesh, "DefaultConfig.StatusPort").unwrap().to_data().unwrap(), Value::Int(15020));
}

#[test]
fn templates_print_and_convert_messages_as_in_go() {
    let config = merged(
        &ProxyConfig::default(),
        r#"{"interceptionMode":"TPROXY","proxyMetadata":{"A":"1"},"holdApplicationUntilProxyStarts":true,
            "drainDuration":"1.118s"}"#,
    )
    .unwrap();
    let functions = crate::functions::all(|_| None);
    let render = |call: &str| {
        let (text, mut out) = (format!("{{{{ {call} }}}}"), String::new());
        let template = crate::template::Template::parse("inject", &text, &functions).unwrap();
        let rendered = template.render(&config.view(), &crate::template::Limits::default(), &mut out);
        rendered.map_or_else(|error| error.to_string(), |()| out)
    };
    for (call, result) in [
        (".Concurrency", "<nil>"),
        (r#"printf "%v" .Sds"#, "<nil>"),
        (".Sds.String", "<nil>"),
        (".TerminationDrainDuration.String", "seconds:5"),
        (".HoldApplicationUntilProxyStarts", "value:true"),
        // Named numbers.
        ("int .InterceptionMode", "1"),
        ("add .InterceptionMode 1", "2"),
        ("float64 .InterceptionMode", "1"),
        ("int .DrainDuration.AsDuration", "1118000000"),
        (".DrainDuration.AsDuration.Hours", "0.00031055555555555556"),
        (".DrainDuration.AsDuration.Minutes", "0.01863333333333333"),
        (".DrainDuration.AsDuration.Seconds", "1.1179999999999999"),
        (".DrainDuration.AsDuration.Milliseconds", "1118"),
        (".DrainDuration.AsDuration.Microseconds", "1118000"),
        // Maps of strings.
        (r#"merge (dict "m" (dict "B" 2)) (dict "m" .ProxyMetadata) | toJson"#, r#"{"m":{"A":"1","B":2}}"#),
    ] {
        assert_eq!(render(call), result, "{call}");
    }
    let error = render(r#"dig "A" "none" .ProxyMetadata"#);
    assert!(error.contains("interface {} is map[string]string, not map[string]interface {}"), "{error}");
}

#[test]
fn load_balancing_and_traffic_defaults_that_cannot_work_are_refused() {
    let lb = |text: &str| format!(r#"{{"localityLbSetting":{text}}}"#);
    let policy = |text: &str| format!(r#"{{"defaultTrafficPolicy":{text}}}"#);
    let bad = [
        lb(r#"{"distribute":[{"from":"a","to":{"b":100}}],"failover":[{"from":"a","to":"b"}]}"#),
        lb(r#"{"distribute":[{"from":"a","to":{"b":60,"c":30}}]}"#),
        lb(r#"{"distribute":[{"from":"a","to":{"b":0,"c":100}}]}"#),
        lb(r#"{"distribute":[{"from":"a/*/b","to":{"b":100}}]}"#),
        lb(r#"{"distribute":[{"from":"a//b","to":{"b":100}}]}"#),
        lb(r#"{"distribute":[{"from":"a/*","to":{"b":100}},{"from":"a/z","to":{"b":100}}]}"#),
        lb(r#"{"distribute":[{"from":"a/z","to":{"b":100}},{"from":"a","to":{"b":100}}]}"#),
        lb(r#"{"failover":[{"from":"a","to":"a"}]}"#),
        lb(r#"{"failover":[{"from":"a/b","to":"c"}]}"#),
        lb(r#"{"failover":[{"from":"a*","to":"c"}]}"#),
        lb(r#"{"failover":[{"from":"a","to":"b"}],"failoverPriority":["topology.kubernetes.io/zone"]}"#),
        r#"{"zoneAwareLbSetting":{"failoverPriority":["topology.istio.io/subzone"]}}"#.to_owned(),
        policy(r#"{"connectionPool":{}}"#),
        policy(r#"{"connectionPool":{"http":{"maxRetries":-1}}}"#),
        policy(r#"{"connectionPool":{"tcp":{"connectTimeout":"0s"}}}"#),
        policy(r#"{"outlierDetection":{"maxEjectionPercent":101}}"#),
        policy(r#"{"outlierDetection":{"consecutiveLocalOriginFailures":1}}"#),
    ];
    for text in bad {
        assert!(matches!(mesh(&text), Err(Error::Invalid(problems)) if problems.len() == 1), "{text}");
    }
    let good = [
        lb(
            r#"{"distribute":[{"from":"a/z/*","to":{"b":60,"c/d":40}},{"from":"a/y/*","to":{"b":100}}],"enabled":true}"#,
        ),
        lb(r#"{"failover":[{"from":"a","to":"b"}],"failoverPriority":["x"]}"#),
        policy(r#"{"connectionPool":{"tcp":{"idleTimeout":"0s","tcpKeepalive":{"time":"1s"}}},"outlierDetection":{}}"#),
    ];
    for text in good {
        assert!(mesh(&text).is_ok(), "{text}: {:?}", mesh(&text).err());
    }
}
