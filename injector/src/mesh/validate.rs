//! What a mesh config and a proxy config must be to work, by Istio's rules. All problems are found, not only the first.

use std::fmt;

use crate::value::{Map, Value};

use super::duration::{self, MILLISECOND, SECOND};
use super::host::{address, is_label, port, wildcard_domain};
use super::{MeshConfig, ProxyConfig, traffic};

/// One thing that is wrong with a config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The field's path, by JSON names.
    pub field: String,
    /// What is wrong with it, in Istio's words.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.field)
    }
}

#[derive(Default)]
pub(super) struct Problems {
    found: Vec<Problem>,
}

impl Problems {
    pub(super) fn add(&mut self, field: &str, message: impl Into<String>) {
        self.found.push(Problem { field: field.to_owned(), message: message.into() });
    }

    pub(super) fn check(&mut self, field: &str, prefix: &str, result: Result<(), String>) {
        if let Err(why) = result {
            self.add(field, format!("{prefix}: {why}"));
        }
    }
}

impl ProxyConfig {
    /// Everything that keeps this config from working.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Problems::default();
        proxy(&self.fields, "", &mut problems);
        problems.found
    }
}

fn proxy(config: &Map, at: &str, problems: &mut Problems) {
    let path = |field: &str| format!("{at}{field}");
    let text = |field: &str| config.str(field).unwrap_or_default();
    for (field, message) in [("configPath", "config path must be set"), ("binaryPath", "binary path must be set")] {
        if text(field).is_empty() {
            problems.add(&path(field), message);
        }
    }
    match (config.str("serviceCluster"), config.contains_key("tracingServiceName")) {
        (Some(""), _) => problems.add(&path("serviceCluster"), "service cluster must be specified"),
        (Some(_), _) | (None, true) => (),
        (None, false) => {
            problems.add(&path("serviceCluster"), "oneof service cluster or tracing service name must be specified")
        }
    }
    drain_duration(nanoseconds(config.get("drainDuration")), &path("drainDuration"), problems);
    match text("discoveryAddress") {
        "" => problems.add(&path("discoveryAddress"), "discovery address must be set to the proxy discovery service"),
        value => problems.check(&path("discoveryAddress"), "invalid discovery address", address(value)),
    }
    if let Some(tracing) = config.get("tracing").and_then(Value::as_map) {
        self::tracing(tracing, &path("tracing"), problems);
    }
    for (field, what) in [("statsdUdpAddress", "statsd udp"), ("envoyMetricsServiceAddress", "envoy metrics service")] {
        optional_address(text(field), &path(field), what, problems);
    }
    for (field, what) in
        [("envoyMetricsService", "envoy metrics service"), ("envoyAccessLogService", "envoy access log service")]
    {
        let value = config.get(field).and_then(|s| s.str_at(&["address"])).unwrap_or_default();
        optional_address(value, &path(&format!("{field}.address")), what, problems);
    }
    for (field, what) in [("proxyAdminPort", "invalid proxy admin port"), ("statusPort", "invalid status port")] {
        problems.check(&path(field), what, port(config.get(field).and_then(Value::as_i64).unwrap_or(0)));
    }
    match config.get("controlPlaneAuthPolicy") {
        None => (),
        Some(Value::String(policy)) if policy == "MUTUAL_TLS" => (),
        Some(policy) => problems.add(
            &path("controlPlaneAuthPolicy"),
            format!(
                "invalid authentication policy: unrecognized control plane auth policy {}",
                crate::json::to_string(policy)
            ),
        ),
    }
    if let Some(provider) = config.get("privateKeyProvider").and_then(Value::as_map) {
        private_key_provider(provider, &path("privateKeyProvider"), problems);
    }
    if let Some(settings) = config.get("connectionSettings").and_then(Value::as_map) {
        connection_settings(settings, &path("connectionSettings"), problems);
    }
}

fn optional_address(value: &str, field: &str, what: &str, problems: &mut Problems) {
    if !value.is_empty() {
        problems.check(field, &format!("invalid {what} address {value:?}"), address(value));
    }
}

fn drain_duration(value: i64, field: &str, problems: &mut Problems) {
    match milliseconds(value) {
        Err(why) => problems.add(field, format!("invalid drain duration: {why}")),
        Ok(()) if value % SECOND != 0 => {
            problems.add(field, "drain time only supports durations to seconds precision");
        }
        Ok(()) => (),
    }
}

fn tracing(tracing: &Map, at: &str, problems: &mut Problems) {
    let address_of = |tracer: &Value| tracer.str_at(&["address"]).unwrap_or_default().to_owned();
    if let Some(tracer) = tracing.get("lightstep") {
        let (field, value) = (format!("{at}.lightstep.address"), address_of(tracer));
        if value.is_empty() {
            problems.add(&field, "invalid lightstep config: address is required");
        } else {
            problems.check(&field, "invalid lightstep config: invalid lightstep address", address(&value));
        }
        if tracer.str_at(&["accessToken"]).is_none() {
            problems.add(&format!("{at}.lightstep.accessToken"), "invalid lightstep config: access token is required");
        }
    }
    for tracer in ["zipkin", "datadog"] {
        if let Some(config) = tracing.get(tracer) {
            let value = address_of(config).replacen("$(HOST_IP)", "127.0.0.1", 1);
            problems.check(&format!("{at}.{tracer}.address"), &format!("invalid {tracer} config"), address(&value));
        }
    }
    if let Some(settings) = tracing.get("tlsSettings").and_then(Value::as_map) {
        for why in tls(settings) {
            problems.add(&format!("{at}.tlsSettings"), format!("invalid tracing TLS config: {why}"));
        }
    }
}

/// What is wrong with `ClientTLSSettings`.
fn tls(settings: &Map) -> Vec<&'static str> {
    let mut found = Vec::new();
    let set = |field: &str| settings.contains_key(field);
    let (simple, mutual) = (settings.str("mode") == Some("SIMPLE"), settings.str("mode") == Some("MUTUAL"));
    if settings.str("credentialName").is_some_and(|name| name.starts_with("configmap://")) {
        found.push("invalid configmap:// credentialName: namespace must match the configuration namespace \"\"");
    }
    if settings.get("insecureSkipVerify") == Some(&Value::Bool(true)) {
        if simple && (set("caCertificates") || set("credentialName") || set("subjectAltNames")) {
            found.push(
                "cannot specify CaCertificates or CredentialName or SubjectAltNames when InsecureSkipVerify is set true",
            );
        }
        if mutual && (set("caCertificates") || set("subjectAltNames")) {
            found.push("cannot specify CaCertificates or SubjectAltNames when InsecureSkipVerify is set true");
        }
    }
    if (simple || mutual) && set("credentialName") {
        if ["clientCertificate", "caCertificates", "privateKey", "caCrl"].into_iter().any(set) {
            found.push("cannot specify client certificates or CA certificate or CA CRL If credentialName is set");
        }
        return found;
    }
    if mutual && !set("clientCertificate") {
        found.push("client certificate required for mutual tls");
    }
    if mutual && !set("privateKey") {
        found.push("private key required for mutual tls");
    }
    found
}

fn private_key_provider(provider: &Map, at: &str, problems: &mut Problems) {
    let prefix = "invalid private key provider configuration";
    let Some((name, config)) = ["cryptomb", "qat"].into_iter().find_map(|n| Some((n, provider.get(n)?))) else {
        return problems.add(at, format!("{prefix}: private key provider configuration is required"));
    };
    let field = format!("{at}.{name}.pollDelay");
    match config.get("pollDelay") {
        None => problems.add(&field, format!("{prefix}: pollDelay is required")),
        delay if nanoseconds(delay) == 0 => problems.add(&field, format!("{prefix}: pollDelay must be non zero")),
        Some(_) => (),
    }
}

/// Settings of connections that may not be negative, and those that have a lower bound.
const NOT_NEGATIVE: [&str; 7] = [
    "httpIdleTimeout",
    "httpMaxConnectionDuration",
    "httpDrainTimeout",
    "httpRequestTimeout",
    "httpRequestHeadersTimeout",
    "httpStreamIdleTimeout",
    "httpMaxStreamDuration",
];
const AT_LEAST: [(&str, i64); 7] = [
    ("listenerPerConnectionBufferLimitBytes", 0),
    ("clusterPerConnectionBufferLimitBytes", 0),
    ("httpMaxConcurrentStreams", 1),
    ("http2InitialStreamWindowSize", 65535),
    ("http2InitialConnectionWindowSize", 65535),
    ("listenerConnectionLimit", 1),
    ("globalDownstreamConnectionLimit", 1),
];

fn connection_settings(settings: &Map, at: &str, problems: &mut Problems) {
    let prefix = "invalid connection settings";
    for field in NOT_NEGATIVE {
        if nanoseconds(settings.get(field)) < 0 {
            problems.add(&format!("{at}.{field}"), format!("{prefix}: {field} must be non-negative"));
        }
    }
    for (field, least) in AT_LEAST {
        if settings.get(field).and_then(Value::as_i64).is_some_and(|value| value < least) {
            problems.add(&format!("{at}.{field}"), format!("{prefix}: {field} must be at least {least}"));
        }
    }
}

/// The mesh config's problems, those of its default proxy config among them.
pub(super) fn mesh(mesh: &MeshConfig) -> Vec<Problem> {
    let mut problems = Problems::default();
    let fields = &mesh.fields;
    let number = |field: &str| fields.get(field).and_then(Value::as_i64).unwrap_or(0);
    problems.check("proxyListenPort", "invalid proxy listen port", port(number("proxyListenPort")));
    let timeout = nanoseconds(fields.get("connectTimeout"));
    let in_range = milliseconds(timeout).and_then(|()| {
        let text = duration::to_go(timeout);
        if timeout > 3600 * SECOND { Err(format!("time {text} must be >1ms and <1h0m0s")) } else { Ok(()) }
    });
    problems.check("connectTimeout", "invalid connect timeout", in_range);
    if nanoseconds(fields.get("protocolDetectionTimeout")) % MILLISECOND != 0 {
        let why = "invalid protocol detection timeout: only durations to ms precision are supported";
        problems.add("protocolDetectionTimeout", why);
    }
    proxy(&mesh.default_config().fields, "defaultConfig.", &mut problems);
    traffic::check(fields, &mut problems);
    service_settings(fields, &mut problems);
    trust_domains(fields, &mut problems);
    if fields.get("meshMTLS").is_some_and(|tls| tls.get("ecdhCurves").is_some()) {
        problems.add("meshMTLS.ecdhCurves", "mesh TLS does not support ECDH curves configuration");
    }
    problems.found
}

fn service_settings(fields: &Map, problems: &mut Problems) {
    let settings = fields.get("serviceSettings").and_then(Value::as_list).map_or(&[][..], |l| l.as_slice());
    for (i, setting) in settings.iter().enumerate() {
        for host in setting.list_at(&["hosts"]).iter().filter_map(Value::as_str) {
            if let Err(why) = wildcard_domain(host) {
                let message = format!("serviceSettings[{i}], host `{host}`: {why}");
                problems.add(&format!("serviceSettings.{i}.hosts"), message);
            }
        }
    }
}

fn trust_domains(fields: &Map, problems: &mut Problems) {
    problems.check("trustDomain", "trustDomain", trust_domain(fields.str("trustDomain").unwrap_or_default()));
    let aliases = fields.get("trustDomainAliases").and_then(Value::as_list).map_or(&[][..], |l| l.as_slice());
    for (i, alias) in aliases.iter().filter_map(Value::as_str).enumerate() {
        let prefix = format!("trustDomainAliases[{i}], domain `{alias}` ");
        problems.check("trustDomainAliases", &prefix, trust_domain(alias));
    }
}

fn trust_domain(domain: &str) -> Result<(), String> {
    if domain.is_empty() {
        return Err("empty domain name not allowed".to_owned());
    }
    let domain_without_dot = domain.strip_suffix('.').unwrap_or(domain);
    if domain_without_dot.split('.').all(is_label) {
        Ok(())
    } else {
        Err(format!("trust domain name {domain:?} invalid"))
    }
}

pub(super) fn nanoseconds(value: Option<&Value>) -> i64 {
    value.and_then(Value::as_str).and_then(duration::parse).unwrap_or(0)
}

pub(super) fn milliseconds(value: i64) -> Result<(), String> {
    if value < MILLISECOND {
        return Err("duration must be greater than 1ms".to_owned());
    }
    if value % MILLISECOND != 0 {
        return Err("only durations to ms precision are supported".to_owned());
    }
    Ok(())
}
