//! If the user's own sidecar runs as another user, the init container has to know: traffic of that user is not captured.

use super::pod::{self, INIT, PROXY, Place, VALIDATION, name};
use crate::annotations::INTERCEPTION_MODE;
use crate::mesh::ProxyConfig;
use crate::value::{Map, Value};

/// Adjusts the init container's user and its arguments to the user and group of the original pod's sidecar.
pub(super) fn adjust(pod: &mut Value, original: &Value, proxy: &ProxyConfig) {
    let Some(context) = pod::find_in_pod(original, PROXY).and_then(|sidecar| sidecar.get("securityContext")) else {
        return;
    };
    let (user, group) = (context.get("runAsUser"), context.get("runAsGroup"));
    if user.is_none() && group.is_none() {
        return;
    }
    let inits = pod::containers(pod, Place::InitContainers);
    let Some(init) = [INIT, VALIDATION].into_iter().find(|wanted| inits.iter().any(|c| name(c) == *wanted)) else {
        return;
    };
    let tproxy = proxy.is_tproxy() || pod::annotation(pod, INTERCEPTION_MODE) == Some("TPROXY");
    if tproxy {
        // With TPROXY, the proxy has to be root, whatever the user has set.
        if user.is_some()
            && let Some(context) =
                pod::sidecar_mut(pod).and_then(|s| s.get_mut("securityContext")).and_then(Value::as_map_mut)
        {
            context.insert("runAsUser", 0);
        }
    } else if init == VALIDATION
        && let Some(container) = pod::find_mut(pod, Place::InitContainers, init)
    {
        let context = container.entry("securityContext").make_map();
        for (field, value) in [("runAsUser", user), ("runAsGroup", group)] {
            if let Some(value) = value {
                context.insert(field, value.clone());
            }
        }
    }
    // A rule for root's traffic would let all of root's traffic bypass the proxy.
    if let Some(user) = user.and_then(Value::as_i64).filter(|user| *user != 0)
        && let Some(container) = pod::find_mut(pod, Place::InitContainers, init)
    {
        set_user_argument(container, user);
    }
}

/// Replaces what follows the first `-u`.
fn set_user_argument(container: &mut Map, user: i64) {
    let Some(args) = container.get_mut("args").and_then(Value::as_list_mut) else { return };
    let Some(position) = args.iter().position(|arg| arg.as_str() == Some("-u")) else { return };
    if let Some(argument) = args.make_mut().get_mut(position + 1) {
        *argument = user.to_string().into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adjusted(init: &str, annotations: &str, context: &str) -> (String, String) {
        let parse = |text: String| crate::json::parse(text.as_bytes()).unwrap();
        let original =
            parse(format!(r#"{{"spec":{{"containers":[{{"name":"istio-proxy","securityContext":{context}}}]}}}}"#));
        let mut pod = parse(format!(
            r#"{{"metadata":{{"annotations":{annotations}}},"spec":{{"containers":[{{"name":"istio-proxy","securityContext":{context}}}],
                "initContainers":[{{"name":"{init}","args":["-p","1","-u","1337","-u"]}}]}}}}"#
        ));
        adjust(&mut pod, &original, &ProxyConfig::default());
        let context = |place| {
            let container = &pod::containers(&pod, place)[0];
            container.get("securityContext").map(crate::json::to_string).unwrap_or_default()
        };
        let args = pod::containers(&pod, Place::InitContainers)[0].get("args").unwrap();
        (format!("{}{}", context(Place::Containers), context(Place::InitContainers)), crate::json::to_string(args))
    }

    #[test]
    fn the_init_container_learns_the_users_uid() {
        let (contexts, args) = adjusted("istio-init", "{}", r#"{"runAsUser":1234}"#);
        assert_eq!((contexts.as_str(), args.as_str()), (r#"{"runAsUser":1234}"#, r#"["-p","1","-u","1234","-u"]"#));
        assert_eq!(adjusted("istio-init", "{}", r#"{"runAsUser":0}"#).1, r#"["-p","1","-u","1337","-u"]"#);
    }

    #[test]
    fn the_check_of_the_cni_plugin_runs_as_the_same_user() {
        let (contexts, args) = adjusted("istio-validation", "{}", r#"{"runAsGroup":5,"runAsUser":1234}"#);
        assert_eq!(contexts, r#"{"runAsGroup":5,"runAsUser":1234}{"runAsGroup":5,"runAsUser":1234}"#);
        assert_eq!(args, r#"["-p","1","-u","1234","-u"]"#);
    }

    #[test]
    fn with_tproxy_the_proxy_stays_root() {
        let tproxy = format!(r#"{{"{INTERCEPTION_MODE}":"TPROXY"}}"#);
        let (contexts, args) = adjusted("istio-validation", &tproxy, r#"{"runAsUser":1234}"#);
        assert_eq!((contexts.as_str(), args.as_str()), (r#"{"runAsUser":0}"#, r#"["-p","1","-u","1234","-u"]"#));
    }

    #[test]
    fn without_a_user_nothing_changes() {
        assert_eq!(adjusted("istio-init", "{}", "{}"), ("{}".into(), r#"["-p","1","-u","1337","-u"]"#.into()));
    }
}
