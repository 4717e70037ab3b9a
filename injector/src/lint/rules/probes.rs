//! Probes, beyond those that admission warns about.

use crate::annotations::REWRITE_PROBES;
use crate::inject::has_agent;
use crate::inject::probes::{SLOTS, handler, is_wanted, kind};
use crate::lint::picture::{Member, Picture};
use crate::lint::place::{At, Hit};
use crate::value::Value;

use super::pods::has;

/// The probes and lifecycle handlers of a container that use the network: the kind of action, and its place.
fn actions<'p>(container: &At<'p>) -> Vec<(&'static str, At<'p>)> {
    let action = |slot| {
        let (kind, _) = kind(handler(container.value, slot)?, slot)?;
        Some((kind, container.down(slot.path.iter().copied().chain([kind]))))
    };
    SLOTS.iter().filter_map(action).collect()
}

/// probe-scheme
pub(super) fn scheme<'p>(member: &'p Member, _: &'p Picture<'_>) -> Vec<Hit<'p>> {
    let mut hits = Vec::new();
    let containers = member.init_containers().chain(member.containers()).filter(|_| member.is_meshed());
    for (_, action) in containers.flat_map(|container| actions(&container)) {
        let scheme = action.text("scheme");
        if !matches!(scheme, "" | "HTTP" | "HTTPS") {
            let message = format!(
                "scheme {scheme:?} is neither HTTP nor HTTPS: Kubernetes rejects it, and injection does not correct it"
            );
            hits.push(action.key("scheme").hit(message));
        }
    }
    hits
}

/// probe-not-rewritten
pub(super) fn not_rewritten<'p>(member: &'p Member, picture: &'p Picture<'_>) -> Vec<Hit<'p>> {
    let Some(injected) = member.injected() else { return Vec::new() };
    let has_proxy = has(injected, "containers", "istio-proxy") || has(injected, "initContainers", "istio-proxy");
    // An earlier injection may have rewritten them. Without an agent, there is no mutual TLS either.
    let again = member.annotation(crate::annotations::STATUS).is_some();
    let values = &picture.config.values;
    if !has_proxy || again || !has_agent(values) || is_wanted(injected, values) {
        return Vec::new();
    }
    let mut hits = Vec::new();
    for container in member.running_containers() {
        let name = container.text("name");
        for (kind, action) in actions(&container).into_iter().filter(|(_, action)| !is_excluded(member, action)) {
            let then = match kind {
                "tcpSocket" => "the proxy accepts every connection, so it always succeeds",
                _ => "the kubelet has no client certificate, so the request fails if mutual TLS is STRICT",
            };
            hits.push(action.hit(format!("{kind} of container {name:?} is not rewritten: {then}")));
        }
    }
    hits
}

/// Whether traffic to the port of an action is not captured.
fn is_excluded(member: &Member, action: &At<'_>) -> bool {
    let port = action.value.get("port").and_then(Value::as_i64).map(|port| port.to_string());
    let excluded = member.annotation("traffic.sidecar.istio.io/excludeInboundPorts").unwrap_or_default();
    let is_rewriting = member.annotation(REWRITE_PROBES).is_some();
    is_rewriting && excluded.split(',').map(str::trim).any(|excluded| Some(excluded) == port.as_deref())
}
