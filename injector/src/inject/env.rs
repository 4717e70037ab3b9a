//! Environment variables of the proxy that do not come from a template: the cluster, the network, and what the webhook's
//! URL holds.

use std::borrow::Cow;

use super::pod;
use crate::value::{EcoString, EcoVec, Map, Value};

/// The variable with the cluster's name.
pub const CLUSTER: &str = "ISTIO_META_CLUSTER_ID";
/// The variable with the network's name.
pub const NETWORK: &str = "ISTIO_META_NETWORK";
/// The label with the network's name.
pub const NETWORK_LABEL: &str = "topology.istio.io/network";

/// The variables in the path of a webhook's URL, as it is in the request: `/inject/cluster/c1/net/n1`. An odd last key
/// is ignored.
pub fn of_path(path: &str) -> Map {
    // As in Go, `%2F` separates as `/` does; `--slash--` does not.
    let path = decoded(path);
    let path = path.strip_suffix('/').unwrap_or(&path);
    let Some(parameters) = path.splitn(3, '/').nth(2) else { return Map::new() };
    match parameters.strip_prefix(":ENV:") {
        Some(pairs) => pairs
            .split(":ENV:")
            .filter_map(|pair| pair.split_once('=').filter(|(key, _)| !key.is_empty()))
            .filter_map(|(key, value)| Some((variable(key)?, Value::from(value))))
            .collect(),
        None => {
            let words: Vec<_> = parameters.split('/').collect();
            let pairs = words.chunks_exact(2).filter_map(|pair| match pair {
                [key, value] => Some((variable(key)?, Value::from(value.replace("--slash--", "/")))),
                _ => None,
            });
            pairs.collect()
        }
    }
}

/// A path without percent escapes. Anything that is not an escape stays as it is: Go's server refuses such a path, but
/// a pod that cannot start is worse than a proxy with an odd name of its cluster. Bytes that are not UTF-8 become
/// U+FFFD, as in Go's JSON encoder.
fn decoded(path: &str) -> Cow<'_, str> {
    if !path.contains('%') {
        return Cow::Borrowed(path);
    }
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = after.split_at_checked(2).and_then(|(digits, after)| Some((hex(digits)?, after)));
        let (byte, after) = escaped.filter(|_| *first == b'%').unwrap_or((*first, after));
        bytes.push(byte);
        rest = after;
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

fn hex(digits: &[u8]) -> Option<u8> {
    let digits = std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?;
    u8::from_str_radix(digits, 16).ok()
}

fn variable(key: &str) -> Option<EcoString> {
    match key {
        "" => None,
        "cluster" => Some(CLUSTER.into()),
        "net" => Some(NETWORK.into()),
        other => Some(other.to_uppercase().into()),
    }
}

/// The cluster of a request: what the URL names, else what the values name. May be empty.
pub fn cluster<'a>(env: &'a Map, values: &'a Value) -> &'a str {
    let given = env.str(CLUSTER).filter(|name| !name.is_empty());
    given.or_else(|| values.str_at(&["global", "multiCluster", "clusterName"])).unwrap_or_default()
}

/// Adds cluster and network, as far as they are known. The pod's label wins over the URL, the URL over the values.
pub(super) fn with_cluster_and_network(mut env: Map, pod: &Value, values: &Value) -> Map {
    let cluster = EcoString::from(cluster(&env, values));
    let label = pod.at(&["metadata", "labels"]).and_then(|labels| labels.str_at(&[NETWORK_LABEL]));
    let given = env.str(NETWORK).filter(|name| !name.is_empty());
    let network = label.or(given).or_else(|| values.str_at(&["global", "network"])).unwrap_or_default();
    let network = EcoString::from(network);
    for (variable, value) in [(CLUSTER, cluster), (NETWORK, network)] {
        if !value.is_empty() {
            env.insert(variable, value);
        }
    }
    env
}

/// Sets the variables on the sidecar: they go to the end, in the order of their names.
pub(super) fn apply(pod: &mut Value, env: &Map) {
    if env.is_empty() {
        return;
    }
    let Some(sidecar) = pod::sidecar_mut(pod) else { return };
    let old = sidecar.get("env").and_then(Value::as_list).map_or(&[][..], |list| list.as_slice());
    let mut new: EcoVec<Value> = old.iter().filter(|entry| !env.contains_key(pod::name(entry))).cloned().collect();
    new.extend(env.iter().map(|(name, value)| pod::env_entry(name, value.clone())));
    sidecar.insert("env", new);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_read_from_the_path() {
        let cases: [(&str, &[(&str, &str)]); 14] = [
            ("", &[]),
            ("/", &[]),
            ("/inject", &[]),
            ("/inject/", &[]),
            ("/inject/cluster", &[]),
            ("/inject/cluster/c1/net/n1/", &[(CLUSTER, "c1"), (NETWORK, "n1")]),
            ("/inject/cluster/c1/custom_env/foo", &[("CUSTOM_ENV", "foo"), (CLUSTER, "c1")]),
            ("/inject/cluster/c1/net", &[(CLUSTER, "c1")]),
            ("/inject/cluster/a--slash--b", &[(CLUSTER, "a/b")]),
            ("/inject//x/cluster/c1", &[(CLUSTER, "c1")]),
            ("/inject/:ENV:cluster=cluster2:ENV:rootpage=/foo/bar", &[(CLUSTER, "cluster2"), ("ROOTPAGE", "/foo/bar")]),
            ("/inject/:ENV:cluster=:ENV:=x:ENV:y:ENV:a=b=c", &[("A", "b=c"), (CLUSTER, "")]),
            (
                "/inject/rootpage1/value1/rootpage2/:ENV:abcd=efgh",
                &[("ROOTPAGE1", "value1"), ("ROOTPAGE2", ":ENV:abcd=efgh")],
            ),
            ("/inject/:ENV:a=x--slash--y", &[("A", "x--slash--y")]),
        ];
        for (path, want) in cases {
            let got = of_path(path);
            let got: Vec<_> = got.iter().map(|(k, v)| (k.as_str(), v.as_str().unwrap())).collect();
            assert_eq!(got, want, "{path}");
        }
    }

    #[test]
    fn percent_escapes_in_the_path_are_decoded() {
        let cases: [(&str, &[(&str, &str)]); 11] = [
            ("/inject/cluster/a%20b", &[(CLUSTER, "a b")]),
            ("/inject/cluster/%63%31", &[(CLUSTER, "c1")]),
            ("/inject/cluster/caf%C3%a9", &[(CLUSTER, "café")]),
            // Decoded before it is split.
            ("/inject%2Fcluster%2fc1/net/n1%2F", &[(CLUSTER, "c1"), (NETWORK, "n1")]),
            ("/inject/%3AENV%3Acluster=c2:ENV:rootpage=/foo/bar", &[(CLUSTER, "c2"), ("ROOTPAGE", "/foo/bar")]),
            // Decoded only once, and `+` is not a space in a path.
            ("/inject/cluster/a%2520b+c", &[(CLUSTER, "a%20b+c")]),
            ("/inject/cluster/a%2D-slash--b", &[(CLUSTER, "a/b")]),
            // No escapes.
            ("/inject/cluster/100%", &[(CLUSTER, "100%")]),
            ("/inject/cluster/%zz%4", &[(CLUSTER, "%zz%4")]),
            ("/inject/cluster/%+1%é%%41", &[(CLUSTER, "%+1%é%A")]),
            // No UTF-8.
            ("/inject/cluster/%ff", &[(CLUSTER, "\u{fffd}")]),
        ];
        for (path, want) in cases {
            let got = of_path(path);
            let got: Vec<_> = got.iter().map(|(k, v)| (k.as_str(), v.as_str().unwrap())).collect();
            assert_eq!(got, want, "{path}");
        }
    }

    #[test]
    fn the_label_wins_over_the_url_and_that_over_the_values() {
        let values = crate::json::parse(br#"{"global":{"network":"vn","multiCluster":{"clusterName":"vc"}}}"#).unwrap();
        let labelled = crate::json::parse(br#"{"metadata":{"labels":{"topology.istio.io/network":"ln"}}}"#).unwrap();
        let of =
            |path: &str, pod: &Value| crate::json::to_string(&with_cluster_and_network(of_path(path), pod, &values));
        assert_eq!(of("", &Value::Null), r#"{"ISTIO_META_CLUSTER_ID":"vc","ISTIO_META_NETWORK":"vn"}"#);
        assert_eq!(
            of("/inject/net/un/cluster/uc", &labelled),
            r#"{"ISTIO_META_CLUSTER_ID":"uc","ISTIO_META_NETWORK":"ln"}"#
        );
        assert_eq!(of("/inject/net/un", &Value::Null), r#"{"ISTIO_META_CLUSTER_ID":"vc","ISTIO_META_NETWORK":"un"}"#);
        assert_eq!(
            of("/inject/:ENV:net=", &Value::Null),
            r#"{"ISTIO_META_CLUSTER_ID":"vc","ISTIO_META_NETWORK":"vn"}"#
        );
        assert!(with_cluster_and_network(Map::new(), &Value::Null, &Value::Null).is_empty());
    }

    #[test]
    fn variables_replace_those_of_the_sidecar() {
        let mut pod = crate::json::parse(
            br#"{"spec":{"containers":[{"name":"istio-proxy","env":[{"name":"B"},{"name":"A","value":"0"}]}]}}"#,
        )
        .unwrap();
        apply(&mut pod, &Map::from_iter([("A", "1"), ("C", "")]));
        assert_eq!(
            crate::json::to_string(&pod),
            r#"{"spec":{"containers":[{"env":[{"name":"B"},{"name":"A","value":"1"},{"name":"C"}],"name":"istio-proxy"}]}}"#
        );
    }
}
