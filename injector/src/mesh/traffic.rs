//! What a mesh config's load balancing and traffic defaults must be, by Istio's rules.

use crate::value::{Map, Value};

use super::validate::{Problems, milliseconds, nanoseconds};

/// Labels of topology that failover between regions handles already.
const TOPOLOGY: [&str; 3] =
    ["topology.kubernetes.io/region", "topology.kubernetes.io/zone", "topology.istio.io/subzone"];

/// Checks everything in a mesh config that is about endpoints.
pub(super) fn check(fields: &Map, problems: &mut Problems) {
    if let Some(setting) = fields.get("localityLbSetting") {
        locality(setting, problems);
    }
    if let Some(setting) = fields.get("zoneAwareLbSetting") {
        let field = "zoneAwareLbSetting";
        for label in labels_of_topology(setting) {
            problems.add(field, format!("'failover_priority' for zone aware lb must not use topology label '{label}'"));
        }
        failovers(setting, field, "zone aware lb", problems);
    }
    if let Some(pool) = fields.get("defaultTrafficPolicy").and_then(|policy| policy.get("connectionPool")) {
        connection_pool(pool, problems);
    }
    if let Some(outlier) = fields.get("defaultTrafficPolicy").and_then(|policy| policy.get("outlierDetection")) {
        outlier_detection(outlier, problems);
    }
}

fn labels_of_topology(setting: &Value) -> impl Iterator<Item = &str> {
    setting.list_at(&["failoverPriority"]).iter().filter_map(Value::as_str).filter(|label| TOPOLOGY.contains(label))
}

fn locality(setting: &Value, problems: &mut Problems) {
    let field = "localityLbSetting";
    let (distribute, failover) = (setting.list_at(&["distribute"]), setting.list_at(&["failover"]));
    if !distribute.is_empty() && !failover.is_empty() {
        return problems.add(field, "can not simultaneously specify 'distribute' and 'failover'");
    }
    if let (false, Some(label)) = (failover.is_empty(), labels_of_topology(setting).next()) {
        let why = format!("can not simultaneously set 'failover' and topology label '{label}' in 'failover_priority'");
        return problems.add(field, why);
    }
    for rule in distribute {
        let to = rule.get("to").and_then(Value::as_map).cloned().unwrap_or_default();
        let weights: Vec<i64> = to.values().map(|weight| weight.as_i64().unwrap_or(0)).collect();
        if weights.iter().any(|weight| !(1..=100).contains(weight)) {
            return problems.add(field, "locality weight must be in range [1, 100]");
        }
        let total: i64 = weights.iter().sum();
        if total != 100 {
            return problems.add(field, format!("total locality weight {total} != 100"));
        }
        localities(to.keys().map(|key| key.as_str()), problems);
    }
    localities(distribute.iter().map(|rule| rule.str_at(&["from"]).unwrap_or_default()), problems);
    failovers(setting, field, "locality lb", problems);
}

fn failovers(setting: &Value, field: &str, what: &str, problems: &mut Problems) {
    for rule in setting.list_at(&["failover"]) {
        let (from, to) = (rule.str_at(&["from"]).unwrap_or_default(), rule.str_at(&["to"]).unwrap_or_default());
        if from == to {
            problems.add(field, format!("{what} failover settings must specify different regions"));
        }
        if from.contains('/') || to.contains('/') {
            problems.add(field, format!("{what} failover only specify region"));
        }
        if from.contains('*') || to.contains('*') {
            problems.add(field, format!("{what} failover region should not contain '*' wildcard"));
        }
    }
}

/// `REGION/ZONE/SUBZONE`s that do not overlap: a shorter one, or one with `*`, covers all below it.
fn localities<'a>(given: impl Iterator<Item = &'a str>, problems: &mut Problems) {
    let field = "localityLbSetting.distribute";
    let mut seen: Vec<Vec<&str>> = Vec::new();
    for locality in given {
        let stars = locality.matches('*').count();
        if stars > 1 || stars == 1 && !locality.ends_with('*') {
            let why = format!("locality {locality} wildcard '*' number can not exceed 1 and must be in the end");
            return problems.add(field, why);
        }
        let mut parts: Vec<&str> = locality.splitn(3, '/').collect();
        if parts.contains(&"") {
            let why = format!("locality {locality} must not contain empty region/zone/subzone info");
            return problems.add(field, why);
        }
        let given = parts.len();
        parts.resize(3, "*");
        let covers = |old: &[&str]| old.iter().zip(&parts).all(|(old, new)| old == new || *old == "*");
        let is_within = |old: &[&str]| old.iter().zip(&parts).take(given).all(|(old, new)| old == new);
        let overlaps = |old: &Vec<&str>| covers(old) || is_within(old);
        if seen.iter().any(overlaps) {
            return problems.add(field, format!("locality {locality} overlap with previous specified ones"));
        }
        seen.push(parts);
    }
}

/// Numbers that may not be negative, and durations.
const POOL_NUMBERS: [&str; 5] =
    ["http1MaxPendingRequests", "http2MaxRequests", "maxRequestsPerConnection", "maxRetries", "maxConcurrentStreams"];

fn connection_pool(pool: &Value, problems: &mut Problems) {
    let field = "defaultTrafficPolicy.connectionPool";
    let (http, tcp) = (pool.get("http"), pool.get("tcp"));
    if http.is_none() && tcp.is_none() {
        problems.add(field, "connection pool must have at least one field");
    }
    let negative = |object: Option<&Value>, key: &str| {
        object.and_then(|o| o.get(key)).and_then(Value::as_i64).is_some_and(|n| n < 0)
    };
    for (object, key) in POOL_NUMBERS.map(|key| (http, key)).into_iter().chain([(tcp, "maxConnections")]) {
        if negative(object, key) {
            problems.add(field, format!("{key} must be non-negative"));
        }
    }
    if http.is_some_and(|h| h.str_at(&["h2UpgradePolicy"]) == Some("UPGRADE") && h.get("useClientProtocol").is_some()) {
        problems.add(field, "use client protocol must not be true when H2UpgradePolicy is UPGRADE");
    }
    durations(http, &["idleTimeout"], field, problems);
    durations(tcp, &["connectTimeout", "maxConnectionDuration"], field, problems);
    if tcp.is_some_and(|tcp| nanoseconds(tcp.get("idleTimeout")) != 0) {
        durations(tcp, &["idleTimeout"], field, problems);
    }
    durations(tcp.and_then(|tcp| tcp.get("tcpKeepalive")), &["time", "interval"], field, problems);
}

fn outlier_detection(outlier: &Value, problems: &mut Problems) {
    let field = "defaultTrafficPolicy.outlierDetection";
    durations(Some(outlier), &["baseEjectionTime", "interval"], field, problems);
    let number = |key: &str| outlier.get(key).and_then(Value::as_i64).unwrap_or(0);
    if outlier.get("splitExternalLocalOriginErrors").is_none() && number("consecutiveLocalOriginFailures") > 0 {
        let why = "outlier detection consecutive local origin failures is specified, \
                   but split external local origin errors is set to false";
        problems.add(field, why);
    }
    for key in ["maxEjectionPercent", "minHealthPercent"] {
        if !(0..=100).contains(&number(key)) {
            problems.add(field, format!("{key}: percentage {} is not in range 0..100", number(key)));
        }
    }
}

fn durations(object: Option<&Value>, keys: &[&str], field: &str, problems: &mut Problems) {
    for key in keys {
        if let Some(value) = object.and_then(|object| object.get(key)) {
            problems.check(field, key, milliseconds(nanoseconds(Some(value))));
        }
    }
}
