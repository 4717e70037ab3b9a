use super::*;

fn rewritten(pod: &str) -> (Value, String) {
    let mut pod = json::parse(pod.as_bytes()).unwrap();
    let values = json::parse(br#"{"sidecarInjectorWebhook":{"rewriteAppHTTPProbe":true}}"#).unwrap();
    rewrite(&mut pod, 15020, &values);
    let env = pod::find_in_pod(&pod, PROXY).map(|s| s.list_at(&["env"]).to_vec()).unwrap_or_default();
    let variable = env.iter().find(|e| name(e) == VARIABLE).and_then(|e| e.str_at(&["value"])).unwrap_or_default();
    (pod.clone(), variable.to_owned())
}

/// A pod with a container `app`, and a sidecar.
fn with(app: &str) -> String {
    format!(r#"{{"spec":{{"containers":[{{"name":"app",{app}}},{{"name":"istio-proxy"}}]}}}}"#)
}

fn app(pod: &Value) -> String {
    json::to_string(&pod::containers(pod, Place::Containers)[0])
}

#[test]
fn http_probes_go_to_the_agent() {
    let (pod, variable) = rewritten(&with(
        r#""livenessProbe":{"httpGet":{"port":80}},"readinessProbe":{"httpGet":{"path":"/p","port":3333,"scheme":"HTTPS","host":"h"},"timeoutSeconds":3}"#,
    ));
    assert_eq!(
        variable,
        r#"{"/app-health/app/livez":{"httpGet":{"port":80}},"/app-health/app/readyz":{"httpGet":{"path":"/p","port":3333,"host":"h","scheme":"HTTPS"},"timeoutSeconds":3}}"#
    );
    assert_eq!(
        app(&pod),
        r#"{"livenessProbe":{"httpGet":{"path":"/app-health/app/livez","port":15020}},"name":"app","readinessProbe":{"httpGet":{"host":"h","path":"/app-health/app/readyz","port":15020,"scheme":"HTTP"},"timeoutSeconds":3}}"#
    );
}

#[test]
fn other_probes_become_http() {
    let (pod, variable) = rewritten(&with(
        r#""startupProbe":{"tcpSocket":{"port":90}},"livenessProbe":{"grpc":{"port":50051,"service":null}},"readinessProbe":{"exec":{"command":["x"]}}"#,
    ));
    assert_eq!(
        variable,
        r#"{"/app-health/app/livez":{"grpc":{"port":50051,"service":null}},"/app-health/app/startupz":{"tcpSocket":{"port":90}}}"#
    );
    assert_eq!(
        app(&pod),
        r#"{"livenessProbe":{"httpGet":{"path":"/app-health/app/livez","port":15020}},"name":"app","readinessProbe":{"exec":{"command":["x"]}},"startupProbe":{"httpGet":{"path":"/app-health/app/startupz","port":15020}}}"#
    );
}

#[test]
fn lifecycle_handlers_go_to_the_agent_too() {
    let (pod, variable) =
        rewritten(&with(r#""lifecycle":{"postStart":{"tcpSocket":{"port":93}},"preStop":{"httpGet":{"port":91}}}"#));
    assert_eq!(
        variable,
        r#"{"/app-lifecycle/app/poststartz":{"tcpSocket":{"port":93}},"/app-lifecycle/app/prestopz":{"httpGet":{"port":91}}}"#
    );
    assert!(app(&pod).contains(r#""postStart":{"httpGet":{"path":"/app-lifecycle/app/poststartz","port":15020}}"#));
}

#[test]
fn names_of_ports_become_numbers() {
    let ports = r#""ports":[{"containerPort":80,"name":"http"}]"#;
    let (_, variable) = rewritten(&with(&format!(r#"{ports},"livenessProbe":{{"httpGet":{{"port":"http"}}}}"#)));
    assert_eq!(variable, r#"{"/app-health/app/livez":{"httpGet":{"port":80}}}"#);
    let (pod, variable) = rewritten(&with(&format!(r#"{ports},"livenessProbe":{{"httpGet":{{"port":"8080"}}}}"#)));
    assert_eq!(variable, "", "a number in quotes is a name, and unknown");
    assert!(app(&pod).contains(r#""port":15020"#), "and is rewritten all the same");
    let several = r#""ports":[{"containerPort":80,"name":"http"},{"containerPort":81}]"#;
    let (_, variable) = rewritten(&with(&format!(r#"{several},"livenessProbe":{{"httpGet":{{"port":"http"}}}}"#)));
    assert_eq!(variable, r#"{"/app-health/app/livez":{"httpGet":{"port":80}}}"#);
}

#[test]
fn a_timeout_of_zero_is_none_and_lifecycle_handlers_have_none() {
    let (_, variable) = rewritten(&with(r#""livenessProbe":{"httpGet":{"port":80},"timeoutSeconds":0}"#));
    assert_eq!(variable, r#"{"/app-health/app/livez":{"httpGet":{"port":80}}}"#);
    // Kept as an unknown field.
    let (_, variable) = rewritten(&with(r#""lifecycle":{"preStop":{"httpGet":{"port":80},"timeoutSeconds":3}}"#));
    assert_eq!(variable, r#"{"/app-lifecycle/app/prestopz":{"httpGet":{"port":80}}}"#);
}

#[test]
fn the_sidecars_own_probes_stay() {
    let own = r#"{"name":"istio-proxy","startupProbe":{"httpGet":{"path":"/healthz/ready","port":15021}}}"#;
    let (pod, variable) = rewritten(&format!(r#"{{"spec":{{"containers":[{own}]}}}}"#));
    assert_eq!((json::to_string(pod::find_in_pod(&pod, PROXY).unwrap()).as_str(), variable.as_str()), (own, ""));
}

#[test]
fn what_asks_the_agent_already_is_not_noted() {
    let (_, variable) = rewritten(&with(r#""livenessProbe":{"httpGet":{"port":15020}}"#));
    assert_eq!(variable, "");
    // Without a port it asks port 0, which may be the agent's.
    for (status_port, noted) in [(15020, true), (0, false)] {
        let mut probers = Probers::new();
        let mut app = json::parse(br#"{"name":"app","livenessProbe":{"httpGet":{"path":"/"}}}"#).unwrap();
        dump(app.make_map(), status_port, &mut probers);
        assert_eq!(!probers.is_empty(), noted, "{status_port}");
    }
}

#[test]
fn without_a_sidecar_or_if_the_pod_declines_nothing_changes() {
    let probe = r#""livenessProbe":{"httpGet":{"port":80}}"#;
    let alone = format!(r#"{{"spec":{{"containers":[{{{probe},"name":"app"}}]}}}}"#);
    assert_eq!(json::to_string(&rewritten(&alone).0), alone);
    let declines =
        with(probe).replacen('{', &format!(r#"{{"metadata":{{"annotations":{{"{REWRITE_PROBES}":"false"}}}},"#), 1);
    assert_eq!(rewritten(&declines).1, "");
}

#[test]
fn probes_go_to_the_annotated_status_port() {
    for (annotated, want) in [("3333", "3333"), ("x", "0")] {
        let pod = with(r#""livenessProbe":{"httpGet":{"port":80}}"#);
        let pod =
            pod.replacen('{', &format!(r#"{{"metadata":{{"annotations":{{"{STATUS_PORT}":"{annotated}"}}}},"#), 1);
        assert!(app(&rewritten(&pod).0).contains(&format!(r#""port":{want}"#)));
    }
}

#[test]
fn what_an_earlier_injection_noted_wins() {
    let merged = |old: &str| {
        let old = old.replace('"', "\\\"");
        let text = format!(
            r#"{{"metadata":{{"annotations":{{"{STATUS}":"{{}}"}}}},"spec":{{"containers":[
                {{"name":"app","livenessProbe":{{"httpGet":{{"port":80}}}},"readinessProbe":{{"httpGet":{{"port":81}}}}}},
                {{"name":"istio-proxy","env":[{{"name":"{VARIABLE}","value":"{old}"}}]}}]}}}}"#
        );
        rewritten(&text).1
    };
    assert_eq!(
        merged(r#"{"/app-health/app/livez":{"tcpSocket":{"port":1,"host":""},"timeoutSeconds":0},"/gone":null}"#),
        r#"{"/app-health/app/livez":{"tcpSocket":{"port":1}},"/app-health/app/readyz":{"httpGet":{"port":81}},"/gone":null}"#
    );
    for unreadable in ["bad", "[]", r#"{"a":1}"#, r#"{"a":{"timeoutSeconds":"x"}}"#] {
        assert_eq!(merged(unreadable), unreadable);
    }
}
