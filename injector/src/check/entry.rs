//! One webhook of a MutatingWebhookConfiguration.

use super::{Installation, Problem, REVISION, SUFFIX};
use crate::base64;
use crate::decision::SYSTEM_NAMESPACES;
use crate::json;
use crate::kubernetes::selector::{self, Selector};
use crate::value::{Map, Value};

/// A webhook, and the configuration that it is in.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'i> {
    /// The MutatingWebhookConfiguration.
    pub configuration: &'i Value,
    /// The webhook in it.
    pub entry: &'i Value,
}

/// The address of a webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The name that the certificate has to be for.
    pub name: String,
    /// The port.
    pub port: u16,
}

impl<'i> Entry<'i> {
    pub(super) fn is_injector(&self) -> bool {
        self.name().ends_with(SUFFIX)
    }

    /// Its name.
    pub fn name(&self) -> &'i str {
        self.entry.str_at(&["name"]).unwrap_or_default()
    }

    /// Its name in messages.
    pub fn subject(&self) -> String {
        format!("{}: {}", self.configuration.str_at(&["metadata", "name"]).unwrap_or_default(), self.name())
    }

    /// Both selectors, to compare.
    pub(super) fn selectors(&self) -> String {
        let text = |field| self.entry.get(field).map(json::to_string).unwrap_or_default();
        format!("{} {}", text("namespaceSelector"), text("objectSelector"))
    }

    /// One of its two selectors, `namespaceSelector` or `objectSelector`; one that is absent matches everything.
    pub fn selector(&self, field: &str) -> Result<Selector, selector::Error> {
        self.entry.get(field).map_or_else(|| Ok(Selector::default()), Selector::parse)
    }

    /// Its address, if that is given.
    pub fn address(&self) -> Option<Address> {
        if let Some((namespace, name, port)) = self.service() {
            return Some(Address { name: format!("{name}.{namespace}.svc"), port: u16::try_from(port).ok()? });
        }
        let rest = self.entry.str_at(&["clientConfig", "url"])?.strip_prefix("https://")?;
        let authority = rest.split('/').next().unwrap_or_default();
        let (name, port) = match authority.rsplit_once(':') {
            Some((name, port)) if !port.ends_with(']') => (name, port.parse().ok()?),
            Some(_) | None => (authority, 443),
        };
        Some(Address { name: name.trim_matches(['[', ']']).to_owned(), port })
    }

    /// The CA that the server's certificate is checked with, as PEM; nothing if it is empty or not text.
    pub fn ca(&self) -> Option<String> {
        let bundle = self.entry.str_at(&["clientConfig", "caBundle"]).filter(|bundle| !bundle.is_empty())?;
        String::from_utf8(base64::decode(bundle)?).ok()
    }

    /// The namespace and the name of the Service that it calls, if it calls one.
    pub fn service_name(&self) -> Option<(&'i str, &'i str)> {
        self.service().map(|(namespace, name, _)| (namespace, name))
    }

    fn service(&self) -> Option<(&'i str, &'i str, i64)> {
        let service = self.entry.at(&["clientConfig", "service"])?;
        let port = service.get("port").and_then(Value::as_i64).unwrap_or(443);
        Some((service.str_at(&["namespace"])?, service.str_at(&["name"])?, port))
    }

    /// Its problems.
    pub(super) fn check(&self, installation: &Installation) -> Vec<Problem> {
        let mut problems = Vec::new();
        self.check_calls(&mut problems);
        self.check_failure(&mut problems);
        self.check_way(installation, &mut problems);
        self.check_selectors(installation, &mut problems);
        problems
    }

    fn check_calls(&self, problems: &mut Vec<Problem>) {
        let labels = self.configuration.at(&["metadata", "labels"]);
        if labels.and_then(|labels| labels.str_at(&[REVISION])).is_none() {
            problems.push(Problem::NoRevision);
        }
        let versions = self.entry.list_at(&["admissionReviewVersions"]);
        if !versions.iter().any(|version| matches!(version.as_str(), Some("v1" | "v1beta1"))) {
            problems.push(Problem::Versions);
        }
        let found = self.entry.str_at(&["sideEffects"]).unwrap_or_default();
        if !matches!(found, "None" | "NoneOnDryRun") {
            problems.push(Problem::SideEffects { found: found.to_owned() });
        }
        let rules = self.entry.list_at(&["rules"]);
        let has = |rule: &Value, field: &str, wanted: &str| {
            rule.list_at(&[field]).iter().any(|value| matches!(value.as_str(), Some(v) if v == wanted || v == "*"))
        };
        let only = |rule: &Value, field: &str, wanted: &str| {
            rule.list_at(&[field]).iter().all(|value| value.as_str() == Some(wanted))
        };
        let fields = [("operations", "CREATE"), ("apiGroups", ""), ("apiVersions", "v1"), ("resources", "pods")];
        if !rules.iter().any(|rule| fields.iter().all(|(field, wanted)| has(rule, field, wanted))) {
            problems.push(Problem::NoRule);
        } else if !rules.iter().all(|rule| fields.iter().all(|(field, wanted)| only(rule, field, wanted))) {
            problems.push(Problem::WideRule);
        }
    }

    fn check_failure(&self, problems: &mut Vec<Problem>) {
        if self.entry.str_at(&["failurePolicy"]) == Some("Ignore") {
            problems.push(Problem::Ignored);
        }
        let seconds = self.entry.get("timeoutSeconds").and_then(Value::as_i64).unwrap_or(10);
        match seconds {
            ..3 => problems.push(Problem::ShortTimeout { seconds }),
            3..=15 => (),
            16.. => problems.push(Problem::LongTimeout { seconds }),
        }
    }

    /// The path from the API server to the injector.
    fn check_way(&self, installation: &Installation, problems: &mut Vec<Problem>) {
        if installation.runs && self.entry.str_at(&["clientConfig", "caBundle"]).is_none_or(str::is_empty) {
            problems.push(Problem::NoCa);
        }
        let path = match self.entry.str_at(&["clientConfig", "url"]) {
            Some(url) => url.strip_prefix("https://").and_then(|rest| rest.find('/').and_then(|at| rest.get(at..))),
            None => self.entry.at(&["clientConfig", "service"]).and_then(|service| service.str_at(&["path"])),
        };
        if self.address().is_none() {
            problems.push(Problem::NoAddress);
        } else if !path.is_some_and(|path| path == "/inject" || path.starts_with("/inject/")) {
            problems.push(Problem::Path { path: path.unwrap_or("/").to_owned() });
        }
        let Some((namespace, name, port)) = self.service() else { return };
        let service = format!("{namespace}/{name}");
        if let Some(services) = &installation.services {
            match Installation::named(services, namespace, name) {
                None => problems.push(Problem::NoService { service: service.clone() }),
                Some(found) => {
                    let ports = found.list_at(&["spec", "ports"]);
                    if !ports.iter().any(|p| p.get("port").and_then(Value::as_i64) == Some(port)) {
                        problems.push(Problem::NoPort { service: service.clone(), port });
                    }
                }
            }
        }
        if let Some(endpoints) = &installation.endpoints {
            let found = Installation::named(endpoints, namespace, name);
            let subsets = found.map(|found| found.list_at(&["subsets"])).unwrap_or_default();
            if !subsets.iter().any(|subset| !subset.list_at(&["addresses"]).is_empty()) {
                problems.push(Problem::NoEndpoint { service });
            }
        }
    }

    /// Checks whether it is called for pods that it should not be called for.
    fn check_selectors(&self, installation: &Installation, problems: &mut Vec<Problem>) {
        let mut selector = |field| match self.selector(field) {
            Ok(selector) => Some(selector),
            Err(error) => {
                problems.push(Problem::Selector { field, reason: error.to_string() });
                None
            }
        };
        let (namespaces, objects) = (selector("namespaceSelector"), selector("objectSelector"));
        let (Some(namespaces), Some(objects)) = (namespaces, objects) else { return };
        let unlabelled = Map::new();
        let caught = SYSTEM_NAMESPACES
            .into_iter()
            .filter(|name| namespaces.matches(&installation.labels_of(name)) && objects.matches(&unlabelled));
        let caught: Vec<_> = caught.collect();
        if !caught.is_empty() {
            problems.push(Problem::CatchesSystem { namespaces: caught.join(", ") });
        }
        let service = self.service().zip(installation.services.as_ref());
        let service = service.and_then(|((namespace, name, _), all)| Installation::named(all, namespace, name));
        let Some(service) = service else { return };
        let own = installation.labels_of(service.str_at(&["metadata", "namespace"]).unwrap_or_default());
        let pods = installation.pods_of(service).into_iter();
        let pods = pods.filter(|(_, labels)| namespaces.matches(&own) && objects.matches(labels));
        let pods: Vec<_> = pods.map(|(name, _)| name).collect();
        if !pods.is_empty() {
            problems.push(Problem::CatchesItself { pods: pods.join(", ") });
        }
    }
}
