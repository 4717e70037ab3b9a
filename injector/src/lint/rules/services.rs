//! Services: which pods they select, and which protocols their ports have.

use crate::lint::input::Object;
use crate::lint::picture::{Member, Picture};
use crate::lint::place::{At, Hit};
use crate::lint::protocol::{self, Family};
use crate::object::Kind;
use crate::value::Value;

use super::ports::reserved;

/// A Service port whose traffic the proxy captures: not UDP or SCTP.
struct Port<'p> {
    at: At<'p>,
    name: &'p str,
    number: i64,
}

/// The ports of a Service whose traffic the proxy captures.
fn ports(service: &Object) -> impl Iterator<Item = Port<'_>> {
    let captured = |at: &At<'_>| matches!(at.text("protocol"), "" | "TCP");
    At::object(service).key("spec").items("ports").filter(captured).map(|at| Port {
        name: at.text("name"),
        number: at.value.get("port").and_then(Value::as_i64).unwrap_or_default(),
        at,
    })
}

impl<'p> Port<'p> {
    /// The declared protocol, if Istio knows it.
    fn protocol(&self) -> Option<(&'static str, Family)> {
        match self.at.value.str_at(&["appProtocol"]) {
            Some(name) => protocol::of_app_protocol(name),
            None => protocol::of_name(self.name),
        }
    }

    /// Its name, or else its number, for messages.
    fn called(&self) -> String {
        if self.name.is_empty() { self.number.to_string() } else { format!("{:?}", self.name) }
    }

    /// The container port that it forwards to, or the name of one that the pod does not have.
    fn target(&self, pod: &Value) -> Result<i64, &'p str> {
        match self.at.value.get("targetPort") {
            Some(Value::Int(number)) if *number != 0 => Ok(*number),
            Some(Value::String(name)) if !name.is_empty() => named(pod, name).ok_or(name),
            Some(_) | None => Ok(self.number),
        }
    }
}

/// The number of a port of a pod's containers.
fn named(pod: &Value, wanted: &str) -> Option<i64> {
    let containers = ["containers", "initContainers"].into_iter().flat_map(|list| pod.list_at(&["spec", list]));
    let mut ports = containers.flat_map(|container| container.list_at(&["ports"]));
    ports.find(|port| port.str_at(&["name"]) == Some(wanted))?.get("containerPort")?.as_i64()
}

/// no-service
pub(super) fn no_service<'p>(member: &'p Member, picture: &'p Picture<'_>) -> Vec<Hit<'p>> {
    let is_job = matches!(member.workload.kind, Kind::Job | Kind::CronJob);
    if is_job || !member.is_meshed() || picture.services_of(member).next().is_some() {
        return Vec::new();
    }
    vec![member.metadata().key("labels").hit("no Service in the files selects its pods")]
}

/// service-without-workload
pub(super) fn without_workload<'p>(service: &'p Object, picture: &'p Picture<'_>) -> Vec<Hit<'p>> {
    let selector = At::object(service).down(["spec", "selector"]);
    let has_selector =
        selector.entries().next().is_some() && service.tree.str_at(&["spec", "type"]) != Some("ExternalName");
    let in_reach = picture.members.iter().any(|member| member.object.namespace == service.namespace);
    if !has_selector || !in_reach || picture.selected_by(service).next().is_some() {
        return Vec::new();
    }
    let labels = selector.entries().map(|(key, at)| format!("{key}={}", at.value.as_str().unwrap_or("?")));
    let labels = labels.collect::<Vec<_>>().join(",");
    vec![selector.hit(format!("no workload in the files has pods with the labels {labels}"))]
}

/// port-protocol-unknown
pub(super) fn protocol_unknown<'p>(service: &'p Object, _: &'p Picture<'_>) -> Vec<Hit<'p>> {
    let unknown =
        ports(service).filter(|port| port.protocol().is_none() && !protocol::WELL_KNOWN.contains(&port.number));
    let hit = |port: Port<'p>| match port.at.value.str_at(&["appProtocol"]) {
        Some(name) => {
            let message = format!("port {}: appProtocol {name:?} is not a protocol that Istio knows", port.called());
            port.at.key("appProtocol").hit(message)
        }
        None if port.name.is_empty() => {
            let message =
                format!("port {} has neither a name nor appProtocol, so the proxy guesses its protocol", port.number);
            port.at.hit(message)
        }
        None => {
            let message =
                format!("port {:?}: its name does not begin with a protocol, so the proxy guesses it", port.name);
            port.at.key("name").hit(message)
        }
    };
    unknown.map(hit).collect()
}

/// port-protocol-contradiction
pub(super) fn contradiction<'p>(service: &'p Object, _: &'p Picture<'_>) -> Vec<Hit<'p>> {
    let hit = |port: Port<'p>| {
        let app = port.at.value.str_at(&["appProtocol"])?;
        let (of_name, of_app) = (protocol::of_name(port.name)?, protocol::of_app_protocol(app)?);
        let message = format!(
            "port {:?}: its name implies {}, but its appProtocol is {app:?}, which takes precedence",
            port.name, of_name.0
        );
        (of_name.1 != of_app.1).then(|| port.at.key("appProtocol").hit(message))
    };
    ports(service).filter_map(hit).collect()
}

/// port-protocol-conflict
pub(super) fn conflict<'p>(member: &'p Member, picture: &'p Picture<'_>) -> Vec<Hit<'p>> {
    let mut known: Vec<(i64, &str, Family, String)> = Vec::new();
    let mut hits = Vec::new();
    for service in picture.services_of(member) {
        for port in ports(service) {
            let (Some((name, family)), Ok(target)) = (port.protocol(), port.target(member.final_pod())) else {
                continue;
            };
            let place = format!("port {} of {}", port.called(), service.full_name());
            match known.iter().find(|(number, ..)| *number == target) {
                Some((_, other, of_other, elsewhere)) if *of_other != family => {
                    let object = member.object.full_name();
                    let port_of = format!("port {}: port {target} of the pods of {object}", port.called());
                    hits.push(port.at.hit(format!("{port_of} is {name} here, but {other} according to {elsewhere}")));
                }
                Some(_) => (),
                None => known.push((target, name, family, place)),
            }
        }
    }
    hits
}

/// target-port-unknown
pub(super) fn target_unknown<'p>(service: &'p Object, picture: &'p Picture<'_>) -> Vec<Hit<'p>> {
    let mut hits = Vec::new();
    for port in ports(service) {
        let lacking = picture.selected_by(service).filter_map(|member| {
            let name = port.target(member.final_pod()).err()?;
            Some((name, member.object.full_name()))
        });
        let lacking: Vec<_> = lacking.collect();
        if let Some((name, _)) = lacking.first() {
            let objects: Vec<_> = lacking.iter().map(|(_, object)| object.as_str()).collect();
            let message = format!("targetPort {name:?} does not exist in the pods of {}", objects.join(", "));
            hits.push(port.at.key("targetPort").hit(message));
        }
    }
    hits
}

/// reserved-service-port
pub(super) fn reserved_port<'p>(service: &'p Object, picture: &'p Picture<'_>) -> Vec<Hit<'p>> {
    // A gateway's Service exposes the proxy's own ports on purpose.
    let of_application = |member: &&Member| member.is_meshed() && !member.is_gateway();
    let Some(member) = picture.selected_by(service).find(of_application) else { return Vec::new() };
    let hit = |port: Port<'p>| {
        let target = port.target(member.final_pod()).unwrap_or_default();
        let (key, number) =
            if reserved(port.number).is_some() { ("port", port.number) } else { ("targetPort", target) };
        let message = format!("port {}: {number} is reserved for the proxy ({})", port.called(), reserved(number)?);
        Some(port.at.key(key).hit(message))
    };
    ports(service).filter_map(hit).collect()
}
