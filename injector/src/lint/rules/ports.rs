//! Ports that are reserved for the proxy.

use crate::inject::RESERVED_PORTS;
use crate::lint::picture::{Member, Picture};
use crate::lint::place::Hit;
use crate::value::Value;

/// What a port is reserved for.
pub(super) fn reserved(port: i64) -> Option<&'static str> {
    // Injection checks scrape ports only, and its list does not have this one.
    let all = RESERVED_PORTS.into_iter().chain([(15009, "HBONE tunnel")]);
    all.into_iter().find(|(reserved, _)| *reserved == port).map(|(_, reason)| reason)
}

/// reserved-container-port
pub(super) fn of_container<'p>(member: &'p Member, _: &'p Picture<'_>) -> Vec<Hit<'p>> {
    if !member.is_meshed() {
        return Vec::new();
    }
    let mut hits = Vec::new();
    for container in member.running_containers() {
        for port in container.items("ports") {
            let number = port.value.get("containerPort").and_then(Value::as_i64).unwrap_or_default();
            if let Some(reason) = reserved(number) {
                let name = container.text("name");
                let message =
                    format!("container {name:?} listens on port {number}, which is reserved for the proxy ({reason})");
                hits.push(port.key("containerPort").hit(message));
            }
        }
    }
    hits
}
