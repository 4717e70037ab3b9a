//! Pods: labels, users, network, and containers that the proxy affects.

use crate::decision::{Reason, SWITCH};
use crate::json;
use crate::lint::picture::{Member, Picture, stays};
use crate::lint::place::{At, Hit};
use crate::object::Kind;
use crate::value::Value;

/// The user and the group of the proxy, whose connections are not captured.
const PROXY_ID: i64 = 1337;

/// missing-app-label
pub(super) fn app_label<'p>(member: &'p Member, _: &'p Picture<'_>) -> Vec<Hit<'p>> {
    label(member, &["app", "app.kubernetes.io/name", "service.istio.io/canonical-name"])
}

/// missing-version-label
pub(super) fn version_label<'p>(member: &'p Member, _: &'p Picture<'_>) -> Vec<Hit<'p>> {
    label(member, &["version", "app.kubernetes.io/version", "service.istio.io/canonical-revision"])
}

fn label<'p>(member: &'p Member, names: &[&'static str]) -> Vec<Hit<'p>> {
    let has = names.iter().any(|name| member.label(name).is_some_and(|value| !value.is_empty()));
    let missing = names.first().filter(|_| member.is_meshed() && !has);
    missing
        .map(|name| member.metadata().key("labels").hit(format!("its pods have no label {name:?}")))
        .into_iter()
        .collect()
}

/// proxy-user
pub(super) fn user<'p>(member: &'p Member, _: &'p Picture<'_>) -> Vec<Hit<'p>> {
    run_as(member, "runAsUser", "user")
}

/// proxy-group
pub(super) fn group<'p>(member: &'p Member, _: &'p Picture<'_>) -> Vec<Hit<'p>> {
    run_as(member, "runAsGroup", "group")
}

/// Containers that run as the proxy's user. Init containers may do that: it lets them use the network before the proxy
/// runs.
fn run_as<'p>(member: &'p Member, field: &'static str, what: &str) -> Vec<Hit<'p>> {
    if !member.is_meshed() || member.is_gateway() {
        return Vec::new();
    }
    let of_pod = member.spec().down(["securityContext", field]);
    let mut hits = Vec::new();
    for container in member.running_containers() {
        let own = container.down(["securityContext", field]);
        let at = if own.exists() { own } else { of_pod.clone() };
        if at.value.as_i64() == Some(PROXY_ID) {
            let name = container.text("name");
            hits.push(at.hit(format!(
                "container {name:?} runs as {what} {PROXY_ID}, the proxy's own, so its traffic bypasses the proxy"
            )));
        }
    }
    hits
}

/// Whether connections of a container are treated like the proxy's.
fn is_excluded(member: &Member, container: &At<'_>) -> bool {
    ["runAsUser", "runAsGroup"].into_iter().any(|field| {
        let own = container.down(["securityContext", field]);
        let at = if own.exists() { own } else { member.spec().down(["securityContext", field]) };
        at.value.as_i64() == Some(PROXY_ID)
    })
}

/// host-network
pub(super) fn host_network<'p>(member: &'p Member, _: &'p Picture<'_>) -> Vec<Hit<'p>> {
    let declines = member.label(SWITCH).or_else(|| member.annotation(SWITCH)) == Some("false");
    if member.decision.reason != Reason::HostNetwork || declines {
        return Vec::new();
    }
    vec![member.spec().key("hostNetwork").hit("its pods use the host's network, so they get no proxy")]
}

/// dns-policy
pub(super) fn dns_policy<'p>(member: &'p Member, _: &'p Picture<'_>) -> Vec<Hit<'p>> {
    let at = member.spec().key("dnsPolicy");
    let policy = at.value.as_str().unwrap_or_default();
    if !member.is_meshed() || matches!(policy, "" | "ClusterFirst") {
        return Vec::new();
    }
    vec![at.hit(format!("dnsPolicy is {policy:?}, but the proxy needs the cluster's DNS to find its control plane"))]
}

/// job-never-completes
pub(super) fn job<'p>(member: &'p Member, _: &'p Picture<'_>) -> Vec<Hit<'p>> {
    let is_job = match member.workload.kind {
        Kind::Job | Kind::CronJob => true,
        Kind::Pod => matches!(member.spec().text("restartPolicy"), "Never" | "OnFailure"),
        Kind::ReplicationController
        | Kind::Deployment
        | Kind::DaemonSet
        | Kind::ReplicaSet
        | Kind::StatefulSet
        | Kind::DeploymentConfig
        | Kind::List => false,
    };
    let runs_on = member.injected().is_some_and(|pod| has(pod, "containers", "istio-proxy"));
    // The agent exits on request.
    if !is_job || !runs_on || json::to_string(&member.pod).contains("quitquitquit") {
        return Vec::new();
    }
    vec![
        member
            .spec()
            .key("containers")
            .hit("the proxy keeps running after the other containers have exited, so the pod never completes"),
    ]
}

/// Whether a pod has a container with a name in one of its lists.
pub(super) fn has(pod: &Value, list: &str, name: &str) -> bool {
    pod.list_at(&["spec", list]).iter().any(|container| container.str_at(&["name"]) == Some(name))
}

/// The user's init containers that exit before the proxy starts, except those that run as the proxy's user or group.
/// Each comes with whether traffic is captured when it runs.
fn early(member: &Member) -> impl Iterator<Item = (bool, At<'_>)> {
    let injected = member.injected().filter(|pod| has(pod, "containers", "istio-proxy"));
    let order = injected.map_or(&[][..], |pod| pod.list_at(&["spec", "initContainers"]));
    let position = |wanted: &str| order.iter().position(|container| container.str_at(&["name"]) == Some(wanted));
    let capture = ["istio-init", "istio-validation"].into_iter().find_map(position);
    let containers = member.init_containers().filter(|container| !stays(container) && !is_excluded(member, container));
    containers.filter_map(move |container| Some((position(container.text("name"))? > capture?, container)))
}

/// init-container-without-network
pub(super) fn without_network<'p>(member: &'p Member, _: &'p Picture<'_>) -> Vec<Hit<'p>> {
    let excludes = ["excludeOutboundPorts", "excludeOutboundIPRanges"].into_iter().any(|name| {
        member.annotation(&format!("traffic.sidecar.istio.io/{name}")).is_some_and(|value| !value.is_empty())
    });
    let hit = |(_, container): (bool, At<'p>)| {
        let name = container.text("name");
        container.hit(format!(
            "init container {name:?} runs while traffic is captured but the proxy has not started: it cannot connect to anything"
        ))
    };
    early(member).filter(|(captured, _)| *captured && !excludes).map(hit).collect()
}

/// init-container-bypasses-proxy
pub(super) fn bypasses<'p>(member: &'p Member, _: &'p Picture<'_>) -> Vec<Hit<'p>> {
    let hit = |(_, container): (bool, At<'p>)| {
        let name = container.text("name");
        container.hit(format!("init container {name:?} runs before traffic is captured, so it connects without mutual TLS, which servers in STRICT mode refuse"))
    };
    early(member).filter(|(captured, _)| !captured).map(hit).collect()
}
