//! Annotations, beyond those that admission warns about.

use std::collections::BTreeSet;

use crate::annotations::{INTERCEPTION_MODE, STATUS, is_of_injection};
use crate::check::REVISION;
use crate::inject::RESOURCE_ANNOTATIONS;
use crate::lint::input::Object;
use crate::lint::picture::{Member, Picture};
use crate::lint::place::{At, Hit};
use crate::object::Kind;
use crate::value::Value;

/// The prefix of annotations about traffic.
const TRAFFIC: &str = "traffic.sidecar.istio.io/";

/// annotation-at-wrong-level: a CronJob has one more level than other workloads.
pub(super) fn of_job_template<'p>(member: &'p Member, _: &'p Picture<'_>) -> Vec<Hit<'p>> {
    if member.workload.kind != Kind::CronJob {
        return Vec::new();
    }
    let annotations = member.at().down(["spec", "jobTemplate", "metadata", "annotations"]);
    let is_lost = |name: &str| is_of_injection(name) && !member.metadata().down(["annotations", name]).exists();
    let place = member.workload.pod_metadata();
    let lost = annotations.entries().filter(|(name, _)| is_lost(name));
    lost.map(|(name, at)| at.hit(format!("annotation {name} has no effect: it has to be on the pods, in {place}")))
        .collect()
}

/// unquoted-value
pub(super) fn unquoted<'p>(object: &'p Object, _: &'p Picture<'_>) -> Vec<Hit<'p>> {
    let metadata: [&[&str]; 4] = [
        &["metadata"],
        &["spec", "template", "metadata"],
        &["spec", "jobTemplate", "metadata"],
        &["spec", "jobTemplate", "spec", "template", "metadata"],
    ];
    let maps = metadata.into_iter().flat_map(|path| {
        let at = At::object(object).down(path.iter().copied());
        [("label", at.key("labels")), ("annotation", at.key("annotations"))]
    });
    let entries = maps.flat_map(|(what, map)| map.entries().map(|(name, at)| (what, name, at)).collect::<Vec<_>>());
    let unquoted = entries.filter(|(.., at)| !matches!(at.value, Value::String(_) | Value::Null));
    unquoted
        .map(|(what, name, at)| {
            let message = format!("{what} {name} is {}, but has to be a string", at.value.kind());
            at.hit(message)
        })
        .collect()
}

/// contradicting-annotations
pub(super) fn contradict<'p>(member: &'p Member, _: &'p Picture<'_>) -> Vec<Hit<'p>> {
    if !member.is_meshed() {
        return Vec::new();
    }
    let annotations = member.metadata().key("annotations");
    let traffic = |name: &str| annotations.entries().find(|(key, _)| key.strip_prefix(TRAFFIC) == Some(name));
    let list = |name: &str| traffic(name).map(|(_, at)| (words(&at), at));
    let mut hits = Vec::new();
    if member.annotation(INTERCEPTION_MODE) == Some("NONE") {
        let of_traffic =
            annotations.entries().filter(|(name, at)| name.starts_with(TRAFFIC) && at.value.as_str() != Some(""));
        hits.extend(of_traffic.map(|(name, at)| {
            at.hit(format!("annotation {name} has no effect: {INTERCEPTION_MODE} is NONE, so nothing is captured"))
        }));
        return hits;
    }
    if let (Some((included, _)), Some((excluded, at))) = (list("includeInboundPorts"), list("excludeInboundPorts"))
        && !included.contains("*")
        && !excluded.is_empty()
    {
        hits.push(at.hit(format!(
            "annotation {TRAFFIC}excludeInboundPorts has no effect: it only applies if includeInboundPorts is \"*\""
        )));
    }
    for (include, exclude) in
        [("includeOutboundPorts", "excludeOutboundPorts"), ("includeOutboundIPRanges", "excludeOutboundIPRanges")]
    {
        if let (Some((included, _)), Some((excluded, at))) = (list(include), list(exclude)) {
            let both: Vec<_> = included.intersection(&excluded).copied().collect();
            if !both.is_empty() {
                hits.push(
                    at.hit(format!("{include} and {exclude} both contain {}; the exclusion wins", both.join(", "))),
                );
            }
        }
    }
    hits
}

/// The elements of a comma-separated list.
fn words<'p>(at: &At<'p>) -> BTreeSet<&'p str> {
    let text = at.value.as_str().unwrap_or_default();
    text.split(',').map(str::trim).filter(|word| !word.is_empty()).collect()
}

/// resources-erased: with Istio's defaults, the default resources are known; otherwise, admission compares them.
pub(super) fn erased_by_istio<'p>(member: &'p Member, picture: &'p Picture<'_>) -> Vec<Hit<'p>> {
    let fields = ["requests.cpu", "limits.cpu", "requests.memory", "limits.memory"];
    let annotations = member.metadata().key("annotations");
    let (set, unset): (Vec<_>, Vec<_>) =
        RESOURCE_ANNOTATIONS.into_iter().zip(fields).partition(|(name, _)| annotations.key(name).exists());
    match set.first() {
        Some((name, _)) if picture.istio_defaults && member.is_meshed() && !unset.is_empty() => {
            let lost: Vec<_> = unset.iter().map(|(_, field)| *field).collect();
            let message = format!(
                "annotation {name} replaces all default resources of the proxy; now unset: {}",
                lost.join(", ")
            );
            vec![annotations.key(name).hit(message)]
        }
        Some(_) | None => Vec::new(),
    }
}

/// annotation-for-label
pub(super) fn revision_annotation<'p>(member: &'p Member, _: &'p Picture<'_>) -> Vec<Hit<'p>> {
    let at = member.metadata().down(["annotations", REVISION]);
    // Istio's template writes it, too.
    if !at.exists() || member.annotation(STATUS).is_some() {
        return Vec::new();
    }
    vec![at.hit(format!("annotation {REVISION} has no effect: it has to be a label"))]
}
