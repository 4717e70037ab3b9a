//! Metrics in OpenMetrics' text format: Istio's, under Istio's names, and some additional ones.

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use super::health::Input;
#[cfg(feature = "cluster")]
use crate::cluster::PatchEvent;
use crate::review::REASONS;

/// Seconds. An admission takes less than a millisecond; from 0.1 on, they are Istio's.
const BUCKETS: [f64; 16] =
    [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 1.0, 3.0, 5.0, 10.0, 20.0, 30.0, 60.0];

type Labels<const N: usize> = [(&'static str, &'static str); N];

/// All metrics.
#[derive(Debug)]
pub(super) struct Metrics {
    registry: Registry,
    requests: Counter,
    success: Counter,
    failure: Counter,
    skip: Counter,
    time: Histogram,
    decisions: Family<Labels<2>, Counter>,
    responses: Family<[(&'static str, u64); 1], Counter>,
    reloads: Family<Labels<2>, Counter>,
    reloaded: Family<Labels<1>, Gauge>,
    expiry: Gauge,
    connections: Gauge,
    closed: Family<Labels<1>, Counter>,
    #[cfg(feature = "cluster")]
    patches: Patches,
}

/// Patches of webhook configurations, under Istio's names.
#[cfg(feature = "cluster")]
#[derive(Debug, Default)]
struct Patches {
    attempts: Family<[(&'static str, String); 1], Counter>,
    retries: Family<[(&'static str, String); 1], Counter>,
    failures: Family<[(&'static str, String); 2], Counter>,
}

#[cfg(feature = "cluster")]
impl Patches {
    fn register(registry: &mut Registry) -> Self {
        let patches = Patches::default();
        registry.register("webhook_patch_attempts", "Patches of webhook configurations", patches.attempts.clone());
        registry.register("webhook_patch_retries", "Patches that were made again", patches.retries.clone());
        registry.register("webhook_patch_failures", "Patches that failed, by reason", patches.failures.clone());
        patches
    }
}

impl Metrics {
    pub(super) fn new(revision: &str) -> Self {
        let mut registry = Registry::default();
        let [requests, success, failure, skip] = [(); 4].map(|()| Counter::default());
        let time = Histogram::new(BUCKETS);
        let istio = [
            ("requests", "Admission requests", &requests),
            ("success", "Admission requests that were answered with a review", &success),
            ("failure", "Admission requests and pods that were refused", &failure),
            ("skip", "Pods that were left as they are", &skip),
        ];
        for (name, help, counter) in istio {
            registry.register(format!("sidecar_injection_{name}"), help, counter.clone());
        }
        registry.register("sidecar_injection_time_seconds", "Time to answer an admission request", time.clone());

        #[cfg(feature = "cluster")]
        let patches = Patches::register(&mut registry);

        let ours = registry.sub_registry_with_prefix("sidecar_injector");
        let decisions = Family::<Labels<2>, Counter>::default();
        // Each series exists before it has counted anything.
        for (decision, reason) in REASONS {
            drop(decisions.get_or_create(&[("decision", decision), ("reason", reason)]));
        }
        ours.register("decisions", "Pods by what became of them and why", decisions.clone());
        let responses = Family::default();
        ours.register("responses", "HTTP responses by status", responses.clone());
        let reloads = Family::default();
        ours.register("reloads", "Configurations and certificates that were read, by result", reloads.clone());
        let reloaded = Family::default();
        ours.register(
            "last_reload_successful",
            "1 if the newest one is in use, 0 if it was rejected",
            reloaded.clone(),
        );
        let expiry = Gauge::default();
        ours.register(
            "certificate_expiry_timestamp_seconds",
            "When the server's certificate expires, in seconds since 1970",
            expiry.clone(),
        );
        let connections = Gauge::default();
        ours.register("connections", "Open connections", connections.clone());
        let closed = Family::default();
        ours.register("connections_closed", "Connections that the server closed, by reason", closed.clone());
        let info = Info::new([("version", env!("CARGO_PKG_VERSION").to_owned()), ("revision", revision.to_owned())]);
        ours.register("build", "Version and revision", info);
        Metrics {
            registry,
            requests,
            success,
            failure,
            skip,
            time,
            decisions,
            responses,
            reloads,
            reloaded,
            expiry,
            connections,
            closed,
            #[cfg(feature = "cluster")]
            patches,
        }
    }

    /// Something happened with a webhook configuration.
    #[cfg(feature = "cluster")]
    pub(super) fn ca_bundle(&self, event: PatchEvent<'_>) {
        let Patches { attempts, retries, failures } = &self.patches;
        match event {
            PatchEvent::Attempt { name } => attempts.get_or_create(&[("name", name.to_owned())]).inc(),
            PatchEvent::Retry { name } => retries.get_or_create(&[("name", name.to_owned())]).inc(),
            PatchEvent::Failure { name, reason } => {
                failures.get_or_create(&[("name", name.to_owned()), ("reason", reason.as_str().to_owned())]).inc()
            }
        };
    }

    /// All of them as text.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        // Writing to memory cannot fail.
        let written = encode(&mut text, &self.registry);
        debug_assert!(written.is_ok());
        text
    }

    pub(super) fn admission_started(&self) {
        self.requests.inc();
    }

    /// The request could not be answered with a review.
    pub(super) fn admission_failed(&self) {
        self.failure.inc();
    }

    /// It is answered with a review.
    pub(super) fn admission_answered(&self) {
        self.success.inc();
    }

    /// It was decided about. `decision` is `injected`, `skipped` or `refused`.
    pub(super) fn decided(&self, decision: &'static str, reason: &'static str, seconds: f64) {
        match decision {
            "skipped" => self.skip.inc(),
            "refused" => self.failure.inc(),
            _ => 0,
        };
        self.time.observe(seconds);
        self.decisions.get_or_create(&[("decision", decision), ("reason", reason)]).inc();
    }

    pub(super) fn response(&self, status: u16) {
        self.responses.get_or_create(&[("code", u64::from(status))]).inc();
    }

    pub(super) fn reloaded(&self, input: Input, taken: bool) {
        let result = if taken { "taken" } else { "refused" };
        self.reloads.get_or_create(&[("input", input.name()), ("result", result)]).inc();
        self.reloaded.get_or_create(&[("input", input.name())]).set(i64::from(taken));
    }

    pub(super) fn certificate_expires(&self, seconds: u64) {
        self.expiry.set(i64::try_from(seconds).unwrap_or(i64::MAX));
    }

    pub(super) fn connection_opened(&self) {
        self.connections.inc();
    }

    pub(super) fn connection_ended(&self) {
        self.connections.dec();
    }

    pub(super) fn connection_closed(&self, reason: &'static str) {
        self.closed.get_or_create(&[("reason", reason)]).inc();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_istios_and_the_text_is_whole() {
        let metrics = Metrics::new("canary");
        metrics.admission_started();
        metrics.decided("skipped", "host-network", 0.0003);
        metrics.admission_answered();
        metrics.reloaded(Input::Configuration, false);
        metrics.response(200);
        let text = metrics.text();
        for line in [
            "sidecar_injection_requests_total 1",
            "sidecar_injection_success_total 1",
            "sidecar_injection_failure_total 0",
            "sidecar_injection_skip_total 1",
            "sidecar_injection_time_seconds_bucket{le=\"0.0005\"} 1",
            "sidecar_injection_time_seconds_bucket{le=\"0.0002\"} 0",
            "sidecar_injector_decisions_total{decision=\"skipped\",reason=\"host-network\"} 1",
            "sidecar_injector_responses_total{code=\"200\"} 1",
            "sidecar_injector_reloads_total{input=\"configuration\",result=\"refused\"} 1",
            "sidecar_injector_last_reload_successful{input=\"configuration\"} 0",
            "# EOF",
        ] {
            assert!(text.lines().any(|l| l == line), "{line}:\n{text}");
        }
    }
}
