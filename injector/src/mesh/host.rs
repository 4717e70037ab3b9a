//! Names of hosts, and addresses, as Istio accepts them.

use crate::go;

/// A port from 1 to 65535.
pub(super) fn port(port: i64) -> Result<(), String> {
    if (1..=65535).contains(&port) {
        return Ok(());
    }
    Err(format!("port number {port} must be in the range 1..65535"))
}

/// A host name or an IP address, with a port.
pub(super) fn address(text: &str) -> Result<(), String> {
    let (host, number) = go::split_host_port(text)
        .map_err(|why| format!("unable to split {text:?}: address {text}: {why}; write it as host:port"))?;
    port(go::atoi(number).map_err(|why| format!("port ({number}) is not a number: {}", why.text()))?)?;
    if domain(host).is_err() && go::address_bits(host).is_none() {
        return Err(format!("{host:?} is not a valid hostname or an IP address"));
    }
    Ok(())
}

fn domain(name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err("empty domain name not allowed".to_owned());
    }
    if name.len() > 255 {
        return Err(format!("domain name {name:?} too long (max 255)"));
    }
    labels(name)
}

fn labels(name: &str) -> Result<(), String> {
    let top = name.rsplit('.').next().unwrap_or_default();
    if go::atoi(top).is_ok() {
        return Err(format!("domain name {name:?} invalid (top level domain {top:?} cannot be all-numeric)"));
    }
    let without_dot = name.strip_suffix('.').unwrap_or(name);
    match without_dot.split('.').find(|label| !is_label(label)) {
        None => Ok(()),
        Some(label) => Err(format!("domain name {name:?} invalid (label {label:?} invalid)")),
    }
}

/// A domain whose first label may be `*`.
pub(super) fn wildcard_domain(name: &str) -> Result<(), String> {
    if name.is_empty() || name.len() > 255 {
        return domain(name);
    }
    let (first, rest) = name.split_once('.').map_or((name, None), |(first, rest)| (first, Some(rest)));
    let plain = first.strip_prefix("*-").unwrap_or(first);
    if first != "*" && !is_label(plain) {
        return Err(format!("domain name {name:?} invalid (label {first:?} invalid)"));
    }
    rest.map_or(Ok(()), labels)
}

/// A label of a domain name: up to 63 letters, digits and dashes, no dash at either end.
pub(super) fn is_label(label: &str) -> bool {
    let inner = label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    (1..=63).contains(&label.len()) && inner && !label.starts_with('-') && !label.ends_with('-')
}
