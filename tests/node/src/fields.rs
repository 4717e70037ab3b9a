//! What a container learns of its pod: `fieldRef` and `resourceFieldRef`
//! (<https://kubernetes.io/docs/concepts/workloads/pods/downward-api/>), and the variables that come of them.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::Value;

use crate::cri::messages::KeyValue;
use crate::spec::{Container, Pod, ResourceFieldRef, Source};

/// What is known of a pod once it has its sandbox.
#[derive(Debug)]
pub struct Facts<'a> {
    pub pod: &'a Pod,
    pub uid: &'a str,
    pub addresses: &'a [IpAddr],
    pub host: IpAddr,
}

impl Facts<'_> {
    /// The value of a field.
    pub fn field(&self, path: &str) -> Result<String, String> {
        let metadata = &self.pod.metadata;
        if let Some((map, key)) = path.strip_suffix("']").and_then(|path| path.split_once("['")) {
            let map = match map {
                "metadata.labels" => &metadata.labels,
                "metadata.annotations" => &metadata.annotations,
                _ => return Err(format!("fieldRef {path} cannot be had here")),
            };
            return Ok(map.get(key).cloned().unwrap_or_default());
        }
        Ok(match path {
            "metadata.name" => metadata.name.clone(),
            "metadata.namespace" => metadata.namespace.clone(),
            "metadata.uid" => self.uid.to_owned(),
            "metadata.labels" => lines(&metadata.labels),
            "metadata.annotations" => lines(&metadata.annotations),
            "spec.nodeName" => "node".to_owned(),
            "spec.serviceAccountName" => self.pod.spec.service_account_name.clone(),
            "status.podIP" => self.addresses.first().map(ToString::to_string).unwrap_or_default(),
            "status.podIPs" => self.addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
            "status.hostIP" => self.host.to_string(),
            _ => return Err(format!("fieldRef {path} cannot be had here")),
        })
    }

    /// The environment of a container, with `$(NAME)` replaced.
    pub fn environment(&self, container: &Container) -> Result<Vec<KeyValue>, String> {
        let mut all: Vec<KeyValue> = Vec::new();
        for variable in &container.env {
            let value = match (&variable.value, &variable.value_from) {
                (_, Some(Source::FieldRef(field))) => self.field(&field.field_path)?,
                (_, Some(Source::ResourceFieldRef(resource))) => resource_of(&self.pod.spec, container, resource)?,
                (value, None) => expanded(value.as_deref().unwrap_or_default(), &all),
            };
            all.retain(|earlier| earlier.key != variable.name);
            all.push(KeyValue { key: variable.name.clone(), value });
        }
        Ok(all)
    }
}

/// A line for each, as the kubelet writes maps into files (`FormatMap` in `pkg/fieldpath/fieldpath.go`).
fn lines(map: &BTreeMap<String, String>) -> String {
    map.iter().map(|(key, value)| format!("{key}={value:?}")).collect::<Vec<_>>().join("\n")
}

/// The text with each `$(NAME)` of a variable that there is replaced by its value, and `$$` by one dollar
/// (<https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/>).
pub fn expanded(text: &str, variables: &[KeyValue]) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let name = rest.strip_prefix("$(").and_then(|inner| inner.split_once(')'));
        let known = name.and_then(|(name, after)| variables.iter().find(|v| v.key == name).map(|v| (&v.value, after)));
        if let Some((value, after)) = known {
            out.push_str(value);
            rest = after;
        } else if let Some(after) = rest.strip_prefix("$$") {
            out.push('$');
            rest = after;
        } else {
            out.push('$');
            rest = &rest[1..];
        }
    }
    out + rest
}

/// A limit or request in units of the divisor, rounded up; without a limit, what the node has.
fn resource_of(spec: &crate::spec::Spec, own: &Container, reference: &ResourceFieldRef) -> Result<String, String> {
    let named = |name: &String| spec.init_containers.iter().chain(&spec.containers).find(|c| c.name == *name);
    let container = match &reference.container_name {
        Some(name) => named(name).ok_or_else(|| format!("resourceFieldRef: no container {name}"))?,
        None => own,
    };
    let (kind, resource) = reference.resource.split_once('.').ok_or("resourceFieldRef: limits.cpu or the like")?;
    let amounts = if kind == "limits" { &container.resources.limits } else { &container.resources.requests };
    let amount = match amounts.get(resource) {
        Some(amount) => milli(amount)?,
        None if resource == "cpu" => 2_000,
        None => 1_000 << 30,
    };
    let divisor = reference.divisor.as_ref().map_or(Ok(0), milli)?;
    let divisor = if divisor == 0 { 1_000 } else { divisor };
    Ok(amount.div_ceil(divisor).to_string())
}

/// A quantity in thousandths (<https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/>), without
/// exponents and fractions.
fn milli(quantity: &Value) -> Result<u64, String> {
    let text = quantity.as_str().map_or_else(|| quantity.to_string(), ToOwned::to_owned);
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor = match unit {
        "m" => 1,
        "" => 1_000,
        "k" => 1_000_000,
        "M" => 1_000_000_000,
        "G" => 1_000_000_000_000,
        "Ki" => 1_000 << 10,
        "Mi" => 1_000 << 20,
        "Gi" => 1_000 << 30,
        _ => return Err(format!("quantity {text} cannot be read here")),
    };
    number.parse::<u64>().map(|number| number * factor).map_err(|e| format!("quantity {text}: {e}"))
}
