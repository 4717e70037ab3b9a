//! Problems of the injected pod.

use crate::annotations::STATUS;
use crate::lint::picture::{Member, Picture};
use crate::lint::place::Hit;
use crate::value::{Map, Value};

/// The sidecars of one of a pod's lists.
fn proxies<'p>(pod: &'p Value, list: &'p str) -> impl Iterator<Item = &'p Value> {
    pod.list_at(&["spec", list]).iter().filter(|container| container.str_at(&["name"]) == Some("istio-proxy"))
}

/// proxy-twice
pub(super) fn twice<'p>(member: &'p Member, _: &'p Picture<'_>) -> Vec<Hit<'p>> {
    let count = |list| proxies(member.final_pod(), list).count();
    let (containers, init_containers) = (count("containers"), count("initContainers"));
    if containers + init_containers < 2 {
        return Vec::new();
    }
    let lists = match (containers, init_containers) {
        (0, _) => "twice in initContainers",
        (_, 0) => "twice in containers",
        (_, _) => "in both containers and initContainers",
    };
    vec![member.spec().hit(format!("the injected pod has istio-proxy {lists}"))]
}

/// proxy-restart-policy
pub(super) fn restart_policy<'p>(member: &'p Member, _: &'p Picture<'_>) -> Vec<Hit<'p>> {
    if member.annotation(STATUS).is_none() {
        return Vec::new();
    }
    let proxies = member.spec().items("initContainers").filter(|container| container.text("name") == "istio-proxy");
    let dropped = proxies.filter(|container| container.text("restartPolicy") != "Always");
    dropped
        .map(|at| {
            at.hit("init container istio-proxy has lost its restartPolicy: Always, so the pod waits forever for it to exit")
        })
        .collect()
}

/// proxy-limit-below-request
pub(super) fn limits<'p>(member: &'p Member, _: &'p Picture<'_>) -> Vec<Hit<'p>> {
    let pod = member.final_pod();
    let Some(proxy) = proxies(pod, "containers").chain(proxies(pod, "initContainers")).next() else {
        return Vec::new();
    };
    let requests = proxy.at(&["resources", "requests"]).and_then(Value::as_map).into_iter().flat_map(Map::iter);
    let hit = |(resource, request): (&crate::value::EcoString, &Value)| {
        let (request, limit) = (request.as_str()?, proxy.at(&["resources", "limits"])?.str_at(&[resource.as_str()])?);
        let message = format!(
            "the proxy's {resource} request of {request} exceeds its limit of {limit}: Kubernetes rejects the pod"
        );
        (amount(request)? > amount(limit)?).then(|| member.metadata().key("annotations").hit(message))
    };
    requests.filter_map(hit).collect()
}

/// The approximate value of a quantity in canonical form.
fn amount(text: &str) -> Option<f64> {
    const SUFFIXES: [(&str, f64); 15] = [
        ("Ki", 1024.0),
        ("Mi", 1_048_576.0),
        ("Gi", 1_073_741_824.0),
        ("Ti", 1_099_511_627_776.0),
        ("Pi", 1_125_899_906_842_624.0),
        ("Ei", 1_152_921_504_606_846_976.0),
        ("n", 1e-9),
        ("u", 1e-6),
        ("m", 1e-3),
        ("k", 1e3),
        ("M", 1e6),
        ("G", 1e9),
        ("T", 1e12),
        ("P", 1e15),
        ("E", 1e18),
    ];
    let suffix = SUFFIXES.iter().find_map(|(suffix, factor)| Some((text.strip_suffix(suffix)?, *factor)));
    let (number, factor) = suffix.unwrap_or((text, 1.0));
    number.parse::<f64>().ok().map(|number| number * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_compared_across_suffixes() {
        let sorted = ["1n", "900u", "1m", "0.5", "1e3", "2k", "2Ki", "1M", "1Mi", "1G", "1Gi"];
        let amounts: Vec<_> = sorted.iter().map(|text| amount(text).unwrap()).collect();
        assert!(amounts.is_sorted_by(|a, b| a < b), "{amounts:?}");
        assert_eq!(amount("x"), None);
    }
}
