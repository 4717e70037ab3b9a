//! The allowed values of a pod's annotations. Templates put them into YAML text and into the agent's arguments, so an
//! invalid one is refused before anything is rendered.

mod names;

use std::fmt;

pub use names::{Mentions, Verdict};
pub(crate) use names::{has_prefix as is_of_injection, is_for_templates};

use crate::go;
use crate::kubernetes::quantity;
use crate::mesh::{self, ProxyConfig};
use crate::value::{EcoString, Map, Value};

/// `proxy.istio.io/config`: a proxy config for this pod.
pub const PROXY_CONFIG: &str = "proxy.istio.io/config";
/// `proxy.istio.io/overrides`: the user's own versions of the injected containers.
pub const OVERRIDES: &str = "proxy.istio.io/overrides";
/// `sidecar.istio.io/status`: what was injected.
pub const STATUS: &str = "sidecar.istio.io/status";
/// `inject.istio.io/templates`: which templates to render.
pub const TEMPLATES: &str = "inject.istio.io/templates";
/// `sidecar.istio.io/nativeSidecar`: whether the proxy becomes an init container that keeps running.
pub const NATIVE_SIDECAR: &str = "sidecar.istio.io/nativeSidecar";
/// `sidecar.istio.io/interceptionMode`.
pub const INTERCEPTION_MODE: &str = "sidecar.istio.io/interceptionMode";
/// `sidecar.istio.io/proxyImageType`.
pub const PROXY_IMAGE_TYPE: &str = "sidecar.istio.io/proxyImageType";
/// `sidecar.istio.io/rewriteAppHTTPProbers`.
pub const REWRITE_PROBES: &str = "sidecar.istio.io/rewriteAppHTTPProbers";
/// `status.sidecar.istio.io/port`.
pub const STATUS_PORT: &str = "status.sidecar.istio.io/port";
/// `prometheus.istio.io/merge-metrics`.
pub const MERGE_METRICS: &str = "prometheus.istio.io/merge-metrics";

/// The allowed values of an annotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// `REDIRECT`, `TPROXY` or `NONE`.
    InterceptionMode,
    /// One port, 0 included; spaces around it are allowed.
    Port,
    /// An unsigned 32-bit number.
    Uint32,
    /// Comma-separated networks, or nothing; the parameter's name in messages, and whether `*` is allowed.
    Networks(&'static str, bool),
    /// Comma-separated ports, or nothing; the parameter's name in messages, and whether `*` is allowed.
    Ports(&'static str, bool),
    /// Anything that cannot end the quotes that Istio's template puts around it. Istio does not check it, but with one of
    /// these characters its result is no list of ports, and the rest of the text becomes YAML of its own.
    Quoted,
    /// Comma-separated names of interfaces, or nothing.
    Interfaces,
    /// A boolean, as Go reads it.
    Bool,
    /// A proxy config that works on top of the defaults.
    ProxyConfig,
    /// An amount of a resource.
    Quantity,
}

/// The annotations that have a rule, sorted by name.
pub const RULES: [(&str, Rule); 20] = [
    ("istio.io/reroute-virtual-interfaces", Rule::Interfaces),
    (MERGE_METRICS, Rule::Bool),
    (PROXY_CONFIG, Rule::ProxyConfig),
    ("readiness.status.sidecar.istio.io/failureThreshold", Rule::Uint32),
    ("readiness.status.sidecar.istio.io/initialDelaySeconds", Rule::Uint32),
    ("readiness.status.sidecar.istio.io/periodSeconds", Rule::Uint32),
    (INTERCEPTION_MODE, Rule::InterceptionMode),
    ("sidecar.istio.io/proxyCPU", Rule::Quantity),
    ("sidecar.istio.io/proxyCPULimit", Rule::Quantity),
    ("sidecar.istio.io/proxyMemory", Rule::Quantity),
    ("sidecar.istio.io/proxyMemoryLimit", Rule::Quantity),
    (STATUS_PORT, Rule::Port),
    ("traffic.sidecar.istio.io/excludeInboundPorts", Rule::Ports("excludeInboundPorts", false)),
    ("traffic.sidecar.istio.io/excludeInterfaces", Rule::Interfaces),
    ("traffic.sidecar.istio.io/excludeOutboundIPRanges", Rule::Networks("excludeIPRanges", false)),
    ("traffic.sidecar.istio.io/excludeOutboundPorts", Rule::Ports("excludeOutboundPorts", false)),
    ("traffic.sidecar.istio.io/includeInboundPorts", Rule::Ports("includeInboundPorts", true)),
    ("traffic.sidecar.istio.io/includeOutboundIPRanges", Rule::Networks("includeIPRanges", true)),
    ("traffic.sidecar.istio.io/includeOutboundPorts", Rule::Quoted),
    ("traffic.sidecar.istio.io/kubevirtInterfaces", Rule::Interfaces),
];

/// An annotation that breaks its rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid value '{value}' for annotation '{annotation}': {reason}")]
pub struct Problem {
    /// The annotation.
    pub annotation: &'static str,
    /// Its value.
    pub value: EcoString,
    /// What is wrong with it, and what is allowed.
    pub reason: String,
}

/// Everything that is wrong with the annotations of one pod.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.len();
        write!(f, "{count} error{} occurred:", if count == 1 { "" } else { "s" })?;
        self.0.iter().try_for_each(|problem| write!(f, "\n\t* {problem}"))
    }
}

/// Checks all annotations of a pod.
pub fn validate(annotations: Option<&Map>) -> Result<(), Problems> {
    let Some(annotations) = annotations else { return Ok(()) };
    let problems: Vec<_> = RULES
        .into_iter()
        .filter_map(|(annotation, rule)| {
            let value = annotations.get(annotation).and_then(Value::as_str)?;
            let reason = rule.check(value).err()?;
            Some(Problem { annotation, value: value.into(), reason })
        })
        .collect();
    if problems.is_empty() { Ok(()) } else { Err(Problems(problems)) }
}

impl Rule {
    /// Checks one value; the error names what is allowed.
    pub fn check(self, value: &str) -> Result<(), String> {
        match self {
            Rule::InterceptionMode => match value {
                "REDIRECT" | "TPROXY" | "NONE" => Ok(()),
                other => Err(format!("interceptionMode invalid, use REDIRECT,TPROXY,NONE: {other}")),
            },
            Rule::Port => port(value).map_err(|why| format!("port invalid: {why}")),
            Rule::Uint32 => go::parse_uint(value, 32).map(drop).map_err(|e| number("ParseUint", value, e.text())),
            Rule::Networks(_, true) if value == "*" => Ok(()),
            Rule::Networks(name, _) => networks(value).map_err(|why| format!("{name} invalid: {why}")),
            Rule::Ports(_, true) if value == "*" => Ok(()),
            Rule::Ports(name, _) => ports(value).map_err(|why| format!("{name} invalid: {why}")),
            Rule::Quoted => match value.chars().find(|c| matches!(c, '"' | '\\') || is_unprintable(*c)) {
                None => Ok(()),
                Some(c) => Err(format!("character {c:?} is not allowed; use a comma-separated list of ports, or *")),
            },
            Rule::Interfaces => interfaces(value),
            Rule::Bool => match go::parse_bool(value) {
                Some(_) => Ok(()),
                None => Err(number("ParseBool", value, "invalid syntax; use true or false")),
            },
            Rule::ProxyConfig => proxy_config(value),
            Rule::Quantity if value.chars().any(char::is_control) => {
                Err("value contains control characters".to_owned())
            }
            Rule::Quantity => quantity::canonical(value).map(drop).map_err(|e| e.to_string()),
        }
    }
}

/// A control character other than white space, which YAML folds.
fn is_unprintable(c: char) -> bool {
    c.is_control() && !matches!(c, '\t' | '\n' | '\r')
}

fn number(function: &str, value: &str, why: &str) -> String {
    format!("strconv.{function}: parsing {value:?}: {why}")
}

fn port(text: &str) -> Result<(), String> {
    let trimmed = text.trim();
    let why = |e: go::NumberError| format!("failed parsing port '{text}': {}", number("ParseUint", trimmed, e.text()));
    go::parse_uint(trimmed, 16).map(drop).map_err(why)
}

fn ports(text: &str) -> Result<(), String> {
    let text = text.trim();
    if text.is_empty() { Ok(()) } else { text.split(',').try_for_each(port) }
}

fn networks(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Ok(());
    }
    match text.split(',').find(|network| !go::is_prefix(network)) {
        None => Ok(()),
        Some(network) => {
            Err(format!("failed parsing cidr '{network}': write it as ADDRESS/LENGTH, such as 10.0.0.0/8"))
        }
    }
}

/// Linux's limit for the names of interfaces.
const INTERFACE_NAME_MAX: usize = 15;

fn interfaces(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Ok(());
    }
    text.split(',').map(str::trim).try_for_each(|name| {
        let inner = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
        if name.is_empty() {
            Err("empty interface name".to_owned())
        } else if name.len() > INTERFACE_NAME_MAX {
            Err(format!("interface name {name:?} too long (max {INTERFACE_NAME_MAX} chars)"))
        } else if !name.starts_with(|c: char| c.is_ascii_alphabetic()) || !name.bytes().all(inner) {
            Err(format!("interface name {name:?} contains invalid characters"))
        } else {
            Ok(())
        }
    })
}

fn proxy_config(text: &str) -> Result<(), String> {
    let config = ProxyConfig::default().merged_with_text(text);
    let config = config.map_err(|error| format!("failed to convert to apply proxy config: {error}"))?;
    let problems = config.problems();
    if problems.is_empty() { Ok(()) } else { Err(mesh::join(&problems)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_in_the_order_of_their_names() {
        assert!(RULES.windows(2).all(|w| w[0].0 < w[1].0));
    }

    #[test]
    fn each_rule_takes_what_istio_takes_and_refuses_the_rest() {
        let cases: [(Rule, &[&str], &[&str]); 11] = [
            (Rule::InterceptionMode, &["REDIRECT", "TPROXY", "NONE"], &["", "redirect", "TPROXY "]),
            (Rule::Port, &["0", "15020", " 80 ", "65535"], &["", "x", "65536", "-1", "+1", "1.0"]),
            (Rule::Uint32, &["0", "4294967295"], &["", " 1", "-1", "4294967296", "x"]),
            (
                Rule::Networks("includeIPRanges", true),
                &["*", "", "10.0.0.0/8", "127.0.0.1/24,10.96.0.1/24", "fd00::/8"],
                &["*,10.0.0.0/8", "10.0.0.0/8, 10.1.0.0/16", "10.0.0.0", "1.2.3/4", "10.0.0.0/33", ","],
            ),
            (Rule::Networks("excludeIPRanges", false), &["", "1.2.3.4/32"], &["*"]),
            (
                Rule::Ports("includeInboundPorts", true),
                &["*", "", " ", "80", " 80 , 443", "0"],
                &["80;81", "-1", "*,80"],
            ),
            (Rule::Ports("excludeInboundPorts", false), &["", "4,5,6", " 9090 "], &["*", "1,,2", "bad", "70000"]),
            (
                Rule::Interfaces,
                &["", "net1", "net1, br-1", "eth0.100", "a_b"],
                &["/x", "1net", "a,,b", "abcdefghijklmnop"],
            ),
            (Rule::Bool, &["true", "T", "0", "FALSE"], &["", "yes", "tRUE"]),
            (Rule::Quoted, &["", "443", "80,443", "*", "80,\n443"], &["80\"", "80\\", "\0"]),
            (Rule::ProxyConfig, &["", "null"], &[]),
        ];
        for (rule, good, bad) in cases {
            for value in good {
                assert_eq!(rule.check(value), Ok(()), "{rule:?} {value:?}");
            }
            for value in bad {
                assert!(rule.check(value).is_err(), "{rule:?} {value:?}");
            }
        }
    }

    #[test]
    fn all_problems_of_a_pod_are_reported_together() {
        let annotations = Map::from_iter([
            ("traffic.sidecar.istio.io/includeOutboundIPRanges", "bad"),
            ("traffic.sidecar.istio.io/excludeInboundPorts", "1,x"),
            ("readiness.status.sidecar.istio.io/periodSeconds", "x"),
            ("unrelated", "\""),
        ]);
        let problems = validate(Some(&annotations)).unwrap_err();
        let lines: Vec<_> = problems.to_string().lines().map(str::to_owned).collect();
        assert_eq!(
            lines,
            [
                "3 errors occurred:",
                "\t* invalid value 'x' for annotation 'readiness.status.sidecar.istio.io/periodSeconds': strconv.ParseUint: parsing \"x\": invalid syntax",
                "\t* invalid value '1,x' for annotation 'traffic.sidecar.istio.io/excludeInboundPorts': excludeInboundPorts invalid: failed parsing port 'x': strconv.ParseUint: parsing \"x\": invalid syntax",
                "\t* invalid value 'bad' for annotation 'traffic.sidecar.istio.io/includeOutboundIPRanges': includeIPRanges invalid: failed parsing cidr 'bad': write it as ADDRESS/LENGTH, such as 10.0.0.0/8",
            ]
        );
        assert_eq!(validate(None), Ok(()));
    }

    #[test]
    fn quantities_with_control_characters_are_refused() {
        assert_eq!(Rule::Quantity.check("1\n2"), Err("value contains control characters".to_owned()));
        assert_eq!(Rule::Quantity.check("100m"), Ok(()));
    }
}
