//! Probes: the kubelet cannot speak mutual TLS, so it asks the agent, and the agent asks the application.

use std::collections::BTreeMap;

use super::has_agent;
use super::pod::{self, PROXY, Place, name};
use super::undo::Doubt;
use crate::annotations::{REWRITE_PROBES, STATUS, STATUS_PORT};
use crate::kubernetes::{Type, typed};
use crate::value::{EcoString, Map, Value};
use crate::{go, json};

/// The sidecar's variable with what the agent has to ask.
pub(super) const VARIABLE: &str = "ISTIO_KUBE_APP_PROBERS";

/// Handlers by the path under which the agent answers for them, as JSON.
type Probers = BTreeMap<EcoString, String>;

/// A place in a container for a handler.
pub(crate) struct Slot {
    /// The container's field, and the field in that for lifecycle handlers.
    pub(crate) path: &'static [&'static str],
    /// The agent's path around the container's name.
    prefix: &'static str,
    suffix: &'static str,
    /// Only probes support gRPC and have a timeout.
    is_probe: bool,
}

pub(crate) const SLOTS: [Slot; 5] = [
    Slot { path: &["readinessProbe"], prefix: "/app-health/", suffix: "/readyz", is_probe: true },
    Slot { path: &["livenessProbe"], prefix: "/app-health/", suffix: "/livez", is_probe: true },
    Slot { path: &["startupProbe"], prefix: "/app-health/", suffix: "/startupz", is_probe: true },
    Slot { path: &["lifecycle", "preStop"], prefix: "/app-lifecycle/", suffix: "/prestopz", is_probe: false },
    Slot { path: &["lifecycle", "postStart"], prefix: "/app-lifecycle/", suffix: "/poststartz", is_probe: false },
];

/// Rewrites the probes of all containers but the sidecar, and passes the original ones to the sidecar.
pub(super) fn rewrite(pod: &mut Value, mesh_status_port: i32, values: &Value) {
    if pod::find_in_pod(pod, PROXY).is_none() || !is_wanted(pod, values) {
        return;
    }
    let mut probers = Probers::new();
    each_container(pod, |container| dump(container, mesh_status_port, &mut probers));
    if !probers.is_empty() {
        let injected_before = pod::annotation(pod, STATUS).is_some();
        if let Some(sidecar) = pod::sidecar_mut(pod) {
            note(sidecar, probers, injected_before);
        }
    }
    let port = match pod::annotation(pod, STATUS_PORT) {
        // As in Istio, text that is not a plain integer makes it 0.
        Some(text) => go::atoi(text).ok().and_then(|port| i32::try_from(port).ok()).unwrap_or(0),
        None => mesh_status_port,
    };
    each_container(pod, |container| redirect(container, port));
}

/// Whether the probes of a pod are rewritten, if it has a sidecar.
pub(crate) fn is_wanted(pod: &Value, values: &Value) -> bool {
    if !has_agent(values) {
        return false;
    }
    let configured = || values.at(&["sidecarInjectorWebhook", "rewriteAppHTTPProbe"]).and_then(Value::as_bool);
    pod::annotation(pod, REWRITE_PROBES).and_then(go::parse_bool).or_else(configured).unwrap_or(false)
}

/// Calls a function for each container with handlers, except the sidecar; init containers first.
fn each_container(pod: &mut Value, mut change: impl FnMut(&mut Map)) {
    let spec = pod.map_entry("spec");
    for place in [Place::InitContainers, Place::Containers] {
        let Some(list) = spec.get_mut(place.key()).and_then(Value::as_list_mut) else { continue };
        let affected = |c: &Value| name(c) != PROXY && SLOTS.iter().any(|slot| handler(c, slot).is_some());
        for i in 0..list.len() {
            if list.get(i).is_some_and(affected)
                && let Some(container) = list.make_mut().get_mut(i).and_then(Value::as_map_mut)
            {
                change(container);
            }
        }
    }
}

pub(crate) fn handler<'a>(container: &'a Value, slot: &Slot) -> Option<&'a Map> {
    container.at(slot.path)?.as_map()
}

fn handler_mut<'a>(container: &'a mut Map, slot: &Slot) -> Option<&'a mut Map> {
    let (first, rest) = slot.path.split_first()?;
    rest.iter().try_fold(container.get_mut(first)?, |value, key| value.as_map_mut()?.get_mut(key))?.as_map_mut()
}

/// Notes a container's handlers, and replaces names of ports in them by their numbers.
fn dump(container: &mut Map, status_port: i32, probers: &mut Probers) {
    let container_name = EcoString::from(container.str("name").unwrap_or_default());
    let ports = container.get("ports").cloned().unwrap_or_default();
    for slot in &SLOTS {
        let Some(handler) = handler_mut(container, slot) else { continue };
        if let Some(entry) = entry(handler, slot, &ports, status_port) {
            probers.insert(format!("{}{container_name}{}", slot.prefix, slot.suffix).into(), entry);
        }
    }
}

/// What the agent has to ask instead of a handler; nothing if it cannot, or if the handler asks the agent already.
fn entry(handler: &mut Map, slot: &Slot, ports: &Value, status_port: i32) -> Option<String> {
    let timeout = handler.get("timeoutSeconds").and_then(Value::as_i64).filter(|t| slot.is_probe && *t != 0);
    let (kind, type_name) = kind(handler, slot)?;
    let action = handler.get_mut(kind)?.as_map_mut()?;
    if kind != "grpc" {
        match action.get("port") {
            Some(Value::String(port)) => {
                let named = ports.as_list()?.iter().rfind(|p| !port.is_empty() && name(p) == port)?;
                let number = named.get("containerPort").cloned().unwrap_or(Value::Int(0));
                action.insert("port", number);
            }
            Some(Value::Int(port)) if *port == i64::from(status_port) => return None,
            None if status_port == 0 => return None,
            Some(_) | None => (),
        }
    }
    Some(prober(kind, handler.get(kind)?, Type::named(type_name)?, timeout))
}

/// The first kind of action that a handler has, and the action's type.
pub(crate) fn kind(handler: &Map, slot: &Slot) -> Option<(&'static str, &'static str)> {
    let has = |kind: &str| handler.get(kind).is_some_and(|action| !action.is_null());
    let kinds = [("httpGet", "v1.HTTPGetAction"), ("tcpSocket", "v1.TCPSocketAction"), ("grpc", "v1.GRPCAction")];
    kinds.into_iter().find(|(kind, _)| has(kind) && (slot.is_probe || *kind != "grpc"))
}

fn prober(kind: &str, action: &Value, of: Type, timeout: Option<i64>) -> String {
    let timeout = timeout.map(|timeout| ("timeoutSeconds", timeout.to_string()));
    json::object([(kind, typed::to_json(action, of))].into_iter().chain(timeout))
}

/// Sets the sidecar's variable. What an earlier injection recorded takes precedence, because the handlers in the pod
/// are already rewritten.
fn note(sidecar: &mut Map, mut probers: Probers, injected_before: bool) {
    let env = sidecar.get("env").and_then(Value::as_list);
    let position = env.and_then(|list| list.iter().position(|entry| name(entry) == VARIABLE));
    match position.filter(|_| injected_before) {
        None => pod::push_env(sidecar, VARIABLE, json::object(probers)),
        Some(position) => {
            let Some(list) = sidecar.get_mut("env").and_then(Value::as_list_mut) else { return };
            let old = list.get(position).and_then(|e| e.str_at(&["value"])).unwrap_or_default();
            // Istio logs that it cannot parse the variable, and leaves it as it is.
            let Some(old) = read(old) else { return };
            probers.extend(old);
            if let Some(slot) = list.make_mut().get_mut(position) {
                *slot = pod::env_entry(VARIABLE, json::object(probers).into());
            }
        }
    }
}

/// Reads the variable.
fn read(text: &str) -> Option<Probers> {
    let tree = json::parse(text.as_bytes()).ok()?;
    if tree.is_null() {
        return Some(Probers::new());
    }
    let entry = |(path, entry): (&EcoString, &Value)| {
        let entry = if entry.is_null() { "null".to_owned() } else { read_prober(entry.as_map()?)? };
        Some((path.clone(), entry))
    };
    tree.as_map()?.iter().map(entry).collect()
}

fn read_prober(entry: &Map) -> Option<String> {
    let mut parts = Vec::new();
    for (kind, type_name) in
        [("httpGet", "v1.HTTPGetAction"), ("tcpSocket", "v1.TCPSocketAction"), ("grpc", "v1.GRPCAction")]
    {
        let Some(action) = pod::member(entry, kind).filter(|action| !action.is_null()) else { continue };
        let of = Type::named(type_name)?;
        let action = typed::round_trip(action, of, typed::Mode::Json).ok()?;
        parts.push((kind, typed::to_json(&action, of)));
    }
    match pod::member(entry, "timeoutSeconds") {
        None | Some(Value::Null | Value::Int(0)) => (),
        Some(Value::Int(timeout)) => parts.push(("timeoutSeconds", i32::try_from(*timeout).ok()?.to_string())),
        Some(_) => return None,
    }
    Some(json::object(parts))
}

/// Points a container's handlers at the agent.
fn redirect(container: &mut Map, port: i32) {
    let container_name = EcoString::from(container.str("name").unwrap_or_default());
    for slot in &SLOTS {
        let Some(handler) = handler_mut(container, slot) else { continue };
        let Some((kind, _)) = kind(handler, slot) else { continue };
        if kind != "httpGet" {
            handler.remove(kind);
        }
        let action = handler.entry("httpGet").make_map();
        action.insert("port", port);
        action.insert("path", format!("{}{container_name}{}", slot.prefix, slot.suffix));
        // The agent is probed in plain text, even if it probes the application over TLS.
        if action.str("scheme") == Some("HTTPS") {
            action.insert("scheme", "HTTP");
        }
    }
}

/// Restores the handlers that now ask the agent. `noted` is the sidecar's variable. Returns what is unknown about them.
pub(super) fn restore(pod: &mut Value, noted: &str) -> Vec<Doubt> {
    let noted = json::parse(noted.as_bytes()).unwrap_or_default();
    let mut doubts = Vec::new();
    each_container(pod, |container| {
        let container_name = EcoString::from(container.str("name").unwrap_or_default());
        let ports = container.get("ports").cloned().unwrap_or_default();
        for slot in &SLOTS {
            let path = format!("{}{container_name}{}", slot.prefix, slot.suffix);
            let Some(handler) = handler_mut(container, slot) else { continue };
            let action = handler.get_mut("httpGet").and_then(Value::as_map_mut);
            let Some(action) = action.filter(|action| action.str("path") == Some(path.as_str())) else { continue };
            let (container, field) = (container_name.clone(), slot.path.join("."));
            let Some(entry) = noted.get(&path).and_then(Value::as_map) else {
                // A handler that was not recorded named a port that its container does not have, or asked the agent's
                // port.
                action.insert("port", UNKNOWN_PORT);
                doubts.push(Doubt::Handler { container, field });
                continue;
            };
            handler.remove("httpGet");
            for (kind, action) in entry.iter().filter(|(kind, _)| *kind != "timeoutSeconds") {
                let number = action.get("port").filter(|_| kind != "grpc");
                let named = ports
                    .as_list()
                    .into_iter()
                    .flatten()
                    .find(|p| number.is_some() && p.get("containerPort") == number && !name(p).is_empty());
                doubts.extend(named.map(|port| Doubt::PortName {
                    container: container.clone(),
                    field: field.clone(),
                    port: name(port).into(),
                }));
                handler.insert(kind.clone(), action.clone());
            }
        }
    });
    doubts
}

/// The port of a handler whose own port is unknown: a name that no port has.
const UNKNOWN_PORT: &str = "unknown";

#[cfg(test)]
mod tests;
