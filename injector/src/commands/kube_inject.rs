//! `kube-inject`: files of objects in, files of objects with sidecars out.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;

use clap::ArgMatches;

use super::arguments::{is_set, text};
use super::error::PodError;
use super::inputs::{self, Environment, Texts};
use super::{Error, Streams, output};
use crate::annotations::{PROXY_CONFIG, STATUS};
use crate::config::{Config, Source};
use crate::decision::{self, Decision, Reason, Rules};
use crate::inject::native::{self, Node};
use crate::inject::{self, Ids, Request, Setup};
use crate::json;
use crate::mesh::MeshConfig;
use crate::object::{self, Empty, Style, Workload};
use crate::template::quote;
use crate::value::{EcoString, Map, Value};
use crate::warnings::{self, By};

/// The error without `-f`, as istioctl has it.
pub(super) const NO_FILE: Error = Error::Missing("filename not specified (see --filename or -f)");

/// Runs the command.
pub(super) fn run(matches: &ArgMatches, environment: &Environment, streams: &mut Streams<'_>) -> Result<(), Error> {
    if is_set(matches, "print-config") {
        let texts = Texts::read(matches, environment)?;
        return write(matches, texts.printed().as_bytes(), streams);
    }
    let file = text(matches, "filename").ok_or(NO_FILE)?;
    let config = Texts::read(matches, environment)?.config(environment)?;
    let sources = inputs::objects(file, streams.input)?;
    let mut injector = Injector::of(matches, is_set(matches, "policy-from-config"), &config, environment);
    injector.upgrades = is_set(matches, "upgrade");
    let mut result = Vec::new();
    let mut failure = None;
    let style = style(matches);
    for source in &sources {
        failure = rewrite(source, style, &mut |workload, pod| injector.pod(workload, pod), &mut result).err();
        if failure.is_some() {
            break;
        }
    }
    if !injector.warnings.is_empty() {
        // As istioctl prints them: what went to standard error cannot be helped if it fails.
        let _ = writeln!(streams.errors, "\n{}", injector.warnings.join("\n"));
    }
    match failure {
        Some(failure) => Err(failure),
        None => write(matches, &result, streams),
    }
}

/// Rewrites a file: see [`object::rewrite`].
pub(super) fn rewrite(
    source: &Source,
    style: Style,
    work: &mut dyn FnMut(&Workload, Value) -> Result<Value, PodError>,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let done = object::rewrite(&source.text, style, work, out);
    done.map_err(|error| Error::Object { file: source.name.clone(), source: error })
}

/// How objects are read and printed.
pub(super) fn style(matches: &ArgMatches) -> Style {
    Style {
        cron_job_pod_metadata: is_set(matches, "cronjob-pod-metadata"),
        keep_unknown: is_set(matches, "keep-unknown-fields"),
        empty: if is_set(matches, "minimal") { Empty::AsWritten } else { Empty::Printed },
        copy_unchanged: false,
    }
}

pub(super) fn write(matches: &ArgMatches, bytes: &[u8], streams: &mut Streams<'_>) -> Result<(), Error> {
    match text(matches, "output") {
        Some(file) => output::write_file(file, bytes),
        None => streams.print(bytes),
    }
}

/// What an upgrade cannot know, once for all pods.
const BY_NAMES: &str = "what the old templates set in labels, annotations and settings of pods was found by the names that \
    Istio's templates use; what other templates set stays. To be sure, run uninject with the old configuration first";

/// Kind and name of a workload, for messages.
pub(super) fn named(workload: &Workload, full_name: &str) -> String {
    format!("{} {}", workload.kind.name(), quote(full_name))
}

pub(super) fn told(name: &str, warning: &dyn fmt::Display) -> String {
    format!("{name}: {}", json::visible(&warning.to_string()))
}

/// Injects one pod after the other.
pub(super) struct Injector<'c> {
    config: &'c Config,
    pub(super) setup: Setup<'c>,
    /// Which pods are injected.
    rules: &'c Rules,
    environment: &'c Environment,
    nodes: Option<Vec<Node>>,
    /// Whether an earlier injection is replaced, instead of merged with.
    pub(super) upgrades: bool,
    pub(super) warnings: Vec<String>,
}

static BY_DEFAULT: Rules = Rules::inject_by_default();
static NO_ALIASES: BTreeMap<EcoString, Vec<EcoString>> = BTreeMap::new();
static NO_ANNOTATIONS: Map = Map::new();
static SIDECAR: [EcoString; 1] = [EcoString::inline("sidecar")];

impl<'c> Injector<'c> {
    /// One with the revision and the nodes that the flags name.
    pub(super) fn of(
        matches: &'c ArgMatches,
        own_policy: bool,
        config: &'c Config,
        environment: &'c Environment,
    ) -> Self {
        let revision = text(matches, "revision").unwrap_or_default();
        let mut setup = config.setup(revision, &environment.compliance_policy);
        let mut rules = &config.injection.rules;
        let mut warnings = Vec::new();
        // Like Istio, unless asked otherwise: which templates there are, and nothing else.
        if !own_policy {
            let differs = [
                ("defaultTemplates", setup.default_templates != SIDECAR),
                ("injectedAnnotations", !setup.injected_annotations.is_empty()),
            ];
            for (key, _) in differs.into_iter().filter(|(_, differs)| *differs) {
                warnings.push(format!(
                    "{key} of the injection config has no effect in kube-inject without --policy-from-config"
                ));
            }
            setup = Setup {
                aliases: &NO_ALIASES,
                default_templates: &SIDECAR,
                injected_annotations: &NO_ANNOTATIONS,
                ..setup
            };
            rules = &BY_DEFAULT;
        }
        let nodes = inputs::nodes(matches);
        Injector { config, setup, rules, environment, nodes, upgrades: false, warnings }
    }

    /// What becomes of the pod of a workload.
    pub(super) fn pod(&mut self, workload: &Workload, pod: Value) -> Result<Value, PodError> {
        let full_name = workload.full_name(&pod);
        let overlooked: Vec<_> = workload.overlooked().map(EcoString::as_str).collect();
        if !overlooked.is_empty() {
            self.warnings.push(format!(
                "CronJob {} has {} at its pod template, where Istio does not look; use --cronjob-pod-metadata, or move it to \
                 spec.jobTemplate.metadata",
                quote(&full_name),
                overlooked.join(", ")
            ));
        }
        let name = named(workload, &full_name);
        if !workload.dropped.is_empty() {
            self.warnings.push(format!(
                "{name}: {} unknown, and dropped as Istio drops it; --keep-unknown-fields keeps it",
                json::visible(&workload.dropped.join(", ")),
            ));
        }
        self.warnings.extend(warnings::of_workload(workload).map(|warning| told(&name, &warning)));
        let decision = self.decide(&pod);
        if decision.reason == Reason::HostNetwork {
            self.skipped(workload, &full_name, "has host networking enabled");
            return Ok(pod);
        }
        let mesh = self.mesh(&pod)?;
        if !decision.inject {
            self.skipped(workload, &full_name, "has sidecar injection disabled");
            return Ok(pod);
        }
        self.compare(workload, &full_name, &pod, &decision);
        let injected = self.inject(&name, &pod, self.request(workload, &pod, &mesh)).map_err(PodError::Inject)?;
        self.warn(workload, &full_name, &pod, &injected, &mesh);
        Ok(injected)
    }

    /// Injects a pod. Of what an earlier injection left and this one does not need, Istio leaves all; `upgrades`, nothing.
    fn inject(&mut self, name: &str, pod: &Value, request: Request<'_>) -> Result<Value, inject::Error> {
        if pod.at(&["metadata", "annotations", STATUS]).is_none() {
            return inject::inject(pod, request, &self.setup);
        }
        let upgraded = inject::upgrade(pod, request.clone(), &self.setup);
        if self.upgrades {
            let (injected, doubts) = upgraded?;
            self.warnings.extend(doubts.iter().map(|doubt| told(name, doubt)));
            if injected != *pod && !self.warnings.iter().any(|warning| warning == BY_NAMES) {
                self.warnings.push(BY_NAMES.to_owned());
            }
            return Ok(injected);
        }
        let injected = inject::inject(pod, request, &self.setup)?;
        if upgraded.is_ok_and(|(upgraded, _)| upgraded != injected) {
            self.warnings.push(format!(
                "{name}: it was injected before, in another way, and what that left is still there, as with Istio; --upgrade \
                 replaces it"
            ));
        }
        Ok(injected)
    }

    /// Whether a pod is injected, and why.
    pub(super) fn decide(&self, pod: &Value) -> Decision {
        decision::of_pod(pod, self.rules)
    }

    /// The mesh config for a pod: its default proxy config is the pod's.
    pub(super) fn mesh(&self, pod: &Value) -> Result<Cow<'c, MeshConfig>, PodError> {
        let mesh = &self.config.mesh;
        match pod.str_at(&["metadata", "annotations", PROXY_CONFIG]) {
            None => Ok(Cow::Borrowed(mesh)),
            Some(text) => {
                let proxy = mesh.default_config().merged_with_text(text).map_err(PodError::ProxyConfig)?;
                Ok(Cow::Owned(mesh.with_default_config(proxy)))
            }
        }
    }

    /// A pod's own circumstances.
    pub(super) fn request<'a>(&self, workload: &Workload, pod: &Value, mesh: &'a MeshConfig) -> Request<'a> {
        let nodes = self.nodes.as_deref();
        Request {
            owner: workload.owner(),
            mesh,
            proxy: mesh.default_config(),
            env: Map::new(),
            ids: Ids::default(),
            native: native::detect(self.environment.native, nodes, pod.str_at(&["spec", "nodeName"])),
        }
    }

    /// Warns, as the webhook does, about what a pod asks for without effect.
    fn warn(&mut self, workload: &Workload, full_name: &str, pod: &Value, injected: &Value, mesh: &MeshConfig) {
        let name = named(workload, full_name);
        let warnings = warnings::of_injected(pod, injected, mesh, By::KubeInject, self.config);
        self.warnings.extend(warnings.map(|warning| told(&name, &warning)));
    }

    fn skipped(&mut self, workload: &Workload, full_name: &str, why: &str) {
        let kind = workload.owner().kind;
        let space = if kind.is_empty() { "" } else { " " };
        let name = quote(full_name);
        self.warnings.push(format!("===> Skipping injection because {kind}{space}{name} {why}\n"));
    }

    /// Warns if the config's own policy would have decided otherwise, and about what the decision passed over.
    fn compare(&mut self, workload: &Workload, full_name: &str, pod: &Value, decision: &Decision) {
        let name = named(workload, full_name);
        self.warnings.extend(decision.notes.iter().map(|note| format!("{name}: {note}")));
        let own = decision::of_pod(pod, &self.config.injection.rules);
        // Istio looks at the pod's own namespace here too, so only the config can make a difference.
        if !own.inject {
            self.warnings.push(format!(
                "{name} is injected, though in a cluster it would not be: {}; --policy-from-config decides as the cluster does",
                own.reason
            ));
        }
    }
}
