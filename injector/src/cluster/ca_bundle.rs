//! The CA with which API servers check the webhook's certificate: `clientConfig.caBundle` of the webhooks that call
//! this server.
//!
//! It is set by server-side apply of that field alone, so that the rest keeps its owner. The patch
//! names uid and version of the object it was made for: an object that has changed or disappeared meanwhile is not
//! touched, and never created again.
//!
//! The drawback: a list entry cannot be owned in part, so the injector owns the entry's name as well. `kubectl apply`
//! and Helm 3 can still remove webhooks from a configuration, but an installer that uses server-side apply itself
//! (Flux, Helm 4) is refused: the injector's part of the removed webhook would be left, and is not valid. It has to
//! delete the configuration and create it again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use data_encoding::BASE64;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::follow::{Entries, Followed, Sink};
use super::object::Object;
use super::pace::Pace;
use super::progress::{FIGHT, Progress};
use super::rest::is_conflict;
use super::trouble::Trouble;
use super::{Cluster, Error, stopped};
use crate::base64;
use crate::check::{REVISION, SUFFIX};
use crate::value::{EcoString, Map, Value};

const PATH: &str = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations";

/// What happens with a webhook configuration, for metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatchEvent<'a> {
    /// It is patched.
    Attempt {
        /// The name of the configuration.
        name: &'a str,
    },
    /// It is patched again after a failure, or because another client has set another CA.
    Retry {
        /// The name of the configuration.
        name: &'a str,
    },
    /// It could not be patched.
    Failure {
        /// The name of the configuration; empty if there is none.
        name: &'a str,
        /// Why.
        reason: PatchFailure,
    },
}

/// Why a webhook configuration could not be patched. The texts are Istio's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatchFailure {
    /// The CA to set is not a CA.
    LoadCaBundle,
    /// There is no configuration for the revision.
    ConfigNotFound,
    /// The configuration has no webhook that calls this injector.
    EntryNotFound,
    /// The API server refused, or could not be reached.
    Update,
}

impl PatchFailure {
    /// The label of the metric.
    pub fn as_str(self) -> &'static str {
        match self {
            PatchFailure::LoadCaBundle => "load_ca_bundle_failure",
            PatchFailure::ConfigNotFound => "webhook_config_not_found",
            PatchFailure::EntryNotFound => "webhook_entry_not_found",
            PatchFailure::Update => "webhook_update_failure",
        }
    }
}

/// What to keep up to date, and how.
#[derive(Clone)]
pub struct CaBundle {
    /// The revision: configurations with this label `istio.io/rev` are managed. `default` if empty.
    pub revision: String,
    /// The wanted CA as PEM; nothing as long as there is none.
    pub wanted: watch::Receiver<Option<Arc<str>>>,
    /// Whether this replica holds the Lease.
    pub held: watch::Receiver<bool>,
    /// Called for each event.
    pub report: Arc<dyn Fn(PatchEvent<'_>) + Send + Sync>,
    /// How often the API server is asked.
    pub pace: Pace,
}

/// Keeps the CA of all managed webhooks up to date until `shutdown` becomes true or is dropped.
pub async fn keep_ca_bundle(cluster: Cluster, ca_bundle: CaBundle, mut shutdown: watch::Receiver<bool>) {
    let (mut found, seen) = Found::new();
    let followed = configurations(&ca_bundle);
    let mut keeper = Keeper::new(&cluster, ca_bundle, seen);
    tokio::select! {
        () = stopped(&mut shutdown) => {}
        never = followed.follow(&cluster, &mut found) => match never {},
        () = keeper.go_on() => {}
    }
}

/// The configurations that were observed last; nothing before the first answer.
struct Found(watch::Sender<Option<Entries>>);

impl Found {
    fn new() -> (Self, watch::Receiver<Option<Entries>>) {
        let (sender, receiver) = watch::channel(None);
        (Found(sender), receiver)
    }
}

impl Sink for Found {
    fn publish(&mut self, entries: &Entries) {
        self.0.send_replace(Some(entries.clone()));
    }
}

fn configurations(ca_bundle: &CaBundle) -> Followed {
    let revision = ca_bundle.revision();
    Followed {
        resource: "mutatingwebhookconfigurations",
        path: PATH.to_owned(),
        labels: Some(format!("{REVISION}={revision}")),
        fields: None,
        optional: false,
        only_metadata: false,
        right: "list and watch mutatingwebhookconfigurations".to_owned(),
        consequence: "API servers may refuse our certificate, since its CA is not kept up to date; a ClusterRole has \
                      to grant list, watch, patch on mutatingwebhookconfigurations.admissionregistration.k8s.io"
            .to_owned(),
        pick: configuration,
        pace: ca_bundle.pace,
    }
}

fn configuration(object: Object) -> Value {
    kept(&object.webhooks, &object.metadata.uid, &object.metadata.resource_version)
}

/// The parts of a configuration that are kept: what a patch names, and each managed webhook with its CA in base64.
fn kept(webhooks: &Value, uid: &str, version: &str) -> Value {
    let ours = |webhook: &Value| {
        let name = webhook.str_at(&["name"]).filter(|name| name.ends_with(SUFFIX))?;
        Some((name.to_owned(), webhook.str_at(&["clientConfig", "caBundle"]).unwrap_or_default().to_owned()))
    };
    let webhooks: Map = webhooks.as_list().into_iter().flatten().filter_map(ours).collect();
    let kept: [(_, Value); 3] =
        [("uid", uid.into()), ("resourceVersion", version.into()), ("webhooks", webhooks.into())];
    Map::from_iter(kept).into()
}

impl CaBundle {
    fn revision(&self) -> &str {
        if self.revision.is_empty() { "default" } else { &self.revision }
    }
}

struct Keeper<'c> {
    cluster: &'c Cluster,
    ca_bundle: CaBundle,
    found: watch::Receiver<Option<Entries>>,
    progress: BTreeMap<String, Progress>,
    trouble: Trouble,
    told_none: bool,
}

impl<'c> Keeper<'c> {
    fn new(cluster: &'c Cluster, ca_bundle: CaBundle, found: watch::Receiver<Option<Entries>>) -> Self {
        let consequence = "API servers may refuse our certificate; a ClusterRole has to grant patch on \
                           mutatingwebhookconfigurations.admissionregistration.k8s.io";
        let trouble = Trouble::new("mutatingwebhookconfigurations", consequence.to_owned(), ca_bundle.pace);
        Keeper { cluster, ca_bundle, found, progress: BTreeMap::new(), trouble, told_none: false }
    }

    async fn go_on(&mut self) {
        let mut wanted = None;
        loop {
            let held = *self.ca_bundle.held.borrow_and_update();
            let next = self.ca_bundle.wanted.borrow_and_update().clone();
            if next != wanted {
                wanted = next;
                self.progress.values_mut().for_each(|progress| progress.restart(Instant::now()));
                self.check(wanted.as_deref());
            }
            let found = self.found.borrow_and_update().clone();
            let again = match (wanted.as_deref().filter(|ca| is_ca(ca)), found) {
                (Some(ca), Some(found)) if held => self.patch_all(ca, &found).await,
                _ => None,
            };
            let later = Instant::now() + Duration::from_secs(3600);
            // None of the senders ends before this; one that does has nothing left to report.
            tokio::select! {
                Ok(()) = self.ca_bundle.held.changed() => {}
                Ok(()) = self.ca_bundle.wanted.changed() => {}
                Ok(()) = self.found.changed() => {}
                () = sleep_until(again.unwrap_or(later)) => {}
            }
        }
    }

    fn check(&self, wanted: Option<&str>) {
        if wanted.is_some_and(|ca| !is_ca(ca)) {
            self.failure("", PatchFailure::LoadCaBundle);
            log::warn!(
                resource = "mutatingwebhookconfigurations";
                "the CA for caBundle has to consist of PEM blocks of type CERTIFICATE, but does not; caBundle is not \
                 changed"
            );
        }
    }

    fn failure(&self, name: &str, reason: PatchFailure) {
        (self.ca_bundle.report)(PatchEvent::Failure { name, reason });
    }

    /// Patches all that have another CA, if their next patch is due. Returns when to look again.
    async fn patch_all(&mut self, ca: &str, found: &Entries) -> Option<Instant> {
        self.progress.retain(|name, _| found.contains_key(name));
        if found.is_empty() && !std::mem::replace(&mut self.told_none, true) {
            self.failure("", PatchFailure::ConfigNotFound);
            let revision = self.ca_bundle.revision();
            log::warn!(
                resource = "mutatingwebhookconfigurations";
                "there is no MutatingWebhookConfiguration with the label {REVISION}={revision}, so this webhook is never called"
            );
        }
        self.told_none &= found.is_empty();
        let encoded = BASE64.encode(ca.as_bytes());
        let mut again: Option<Instant> = None;
        for (name, configuration) in found {
            if let Some(time) = self.patch(name, configuration, &encoded).await {
                again = Some(again.map_or(time, |other| other.min(time)));
            }
        }
        again
    }

    /// Patches one configuration, if it has another CA and its next patch is due. Returns when to look at it again.
    async fn patch(&mut self, name: &str, found: &Value, ca: &str) -> Option<Instant> {
        let pace = self.ca_bundle.pace;
        let now = Instant::now();
        let progress = self.progress.entry(name.to_owned()).or_insert_with(|| Progress::new(pace, now));
        let configuration = progress.latest(found);
        let webhooks = configuration.get("webhooks").and_then(Value::as_map)?;
        let wrong = webhooks.iter().any(|(_, own)| own.as_str() != Some(ca));
        // All managed webhooks: if an apply omits something that the previous one had, the API server removes it.
        let ours: Vec<_> = webhooks.iter().map(|(name, _)| name).collect();
        let empty = webhooks.is_empty();
        if empty && !std::mem::replace(&mut progress.told_empty, true) {
            self.failure(name, PatchFailure::EntryNotFound);
            log::warn!(
                resource = "mutatingwebhookconfigurations";
                "{name} has the label of this revision, but no webhook whose name ends in {SUFFIX}; it is not changed"
            );
            return None;
        }
        progress.told_empty = empty;
        if !wrong {
            return None;
        }
        if progress.not_before > now {
            return Some(progress.not_before);
        }
        let reverted = progress.attempt(now);
        if reverted == FIGHT {
            log::warn!(
                resource = "mutatingwebhookconfigurations";
                "another program keeps setting caBundle of {name}, so it is set back less and less often, at most once a \
                 minute; `kubectl get mutatingwebhookconfiguration {name} -o yaml --show-managed-fields` names that program"
            );
        }
        let retry = progress.failed || reverted > 0;
        (self.ca_bundle.report)(PatchEvent::Attempt { name });
        if retry {
            (self.ca_bundle.report)(PatchEvent::Retry { name });
        }
        let part = part(name, &configuration, &ours, ca);
        let right = format!("patch the MutatingWebhookConfiguration {name}");
        let mut held = self.ca_bundle.held.clone();
        let result = tokio::select! {
            result = self.cluster.apply(&right, PATH, name, &part) => result,
            // From now on, another replica is responsible for it.
            Ok(_) = held.wait_for(|held| !*held) => return None,
        };
        self.patched(name, &configuration, result)
    }

    fn patched(&mut self, name: &str, latest: &Value, result: Result<Value, Error>) -> Option<Instant> {
        let progress = self.progress.get_mut(name)?;
        progress.failed = result.is_err();
        match result {
            Ok(object) => {
                let text = |key| object.str_at(&["metadata", key]).unwrap_or_default();
                let webhooks = object.get("webhooks").cloned().unwrap_or_default();
                progress.made(latest, kept(&webhooks, text("uid"), text("resourceVersion")));
                self.trouble.well();
                log::info!(resource = "mutatingwebhookconfigurations"; "caBundle of {name} is set");
                return None;
            }
            // It has changed meanwhile, or is gone. The watch will report that; this is only in case it does not.
            Err(error) if is_conflict(&error) => {}
            Err(error) => {
                let gone = matches!(error, Error::Refused { code: 404, .. });
                // Each failure is counted, but only the first of its kind is logged. The waits are those of the
                // configuration.
                let _ = self.trouble.failed(&error);
                let not_before = progress.not_before;
                self.failure(name, if gone { PatchFailure::ConfigNotFound } else { PatchFailure::Update });
                return Some(not_before);
            }
        }
        Some(progress.not_before)
    }
}

/// The patch: the CA of the managed webhooks, for exactly the object that was observed.
fn part(name: &str, configuration: &Value, webhooks: &[&EcoString], ca: &str) -> Value {
    let mut metadata = Map::from_iter([("name", name)]);
    for key in ["uid", "resourceVersion"] {
        metadata.insert(key, configuration.get(key).cloned().unwrap_or_default());
    }
    let webhook = |name: &&EcoString| {
        let client = Map::from_iter([("caBundle", ca)]);
        Value::from(Map::from_iter([("name", Value::from((*name).clone())), ("clientConfig", client.into())]))
    };
    let mut part =
        Map::from_iter([("apiVersion", "admissionregistration.k8s.io/v1"), ("kind", "MutatingWebhookConfiguration")]);
    part.insert("metadata", metadata);
    part.insert("webhooks", webhooks.iter().map(webhook).collect::<Value>());
    part.into()
}

/// Whether a text has certificates as PEM, and nothing else of that form.
fn is_ca(pem: &str) -> bool {
    let is_certificate = |block: &str| {
        let body = block.strip_prefix("CERTIFICATE-----")?.split_once("-----END CERTIFICATE-----")?.0;
        let body: String = body.split_whitespace().collect();
        // A certificate is a sequence.
        (base64::decode(&body)?.first() == Some(&0x30)).then_some(())
    };
    let mut blocks = pem.split("-----BEGIN ").skip(1).peekable();
    blocks.peek().is_some() && blocks.all(|block| is_certificate(block).is_some())
}
