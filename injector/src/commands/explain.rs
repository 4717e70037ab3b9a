//! `explain`: why the pods of a file are injected or not, and the source of what they get.

use clap::ArgMatches;

use super::arguments::{is_set, text};
use super::inputs::{self, Environment, Texts};
use super::kube_inject::{self, Injector};
use super::{Error, Streams, live, review as review_command};
use crate::check::Installation;
use crate::config::Config;
use crate::decision::{self, Decision};
use crate::explain::{self, Explanation, Injection, Namespace, Subject, Templates, Verdict, Webhooks};
use crate::inject::{self, Trace};
use crate::mesh::MeshConfig;
use crate::object::{Owner, Style, Workload};
use crate::review::{self, Circumstances};
use crate::value::{EcoString, Map, Value};
use crate::warnings::{self, By, Warning};
use crate::yaml;

/// The error without an object.
const NOTHING: Error = Error::Missing("there is nothing to explain: give a file with -f, or KIND/NAME of a cluster");

/// Runs the command.
pub(super) fn run(matches: &ArgMatches, environment: &Environment, streams: &mut Streams<'_>) -> Result<(), Error> {
    let live = live::read(matches, environment, streams)?;
    let config = Texts::read(matches, environment)?.config(environment)?;
    let known = text(matches, "namespace-file").map(review_command::namespace).transpose()?;
    let webhooks = text(matches, "webhook-file").map(|file| inputs::installation(file, streams.input)).transpose()?;
    let (sources, known, webhooks) = match live {
        Some(live) => (vec![live.object], known.or(live.namespace), webhooks.or(live.webhooks)),
        None => (inputs::objects(text(matches, "filename").ok_or(NOTHING)?, streams.input)?, known, webhooks),
    };
    let nodes = inputs::nodes(matches);
    let by_file = Injector::of(matches, is_set(matches, "policy-from-config"), &config, environment);
    let explainer = Explainer {
        config: &config,
        by: if text(matches, "by") == Some("kube-inject") { By::KubeInject } else { By::Webhook },
        by_file,
        circumstances: Circumstances {
            path: text(matches, "path").unwrap_or_default(),
            namespace: known.as_ref(),
            ..inputs::circumstances(matches, environment, nodes.as_deref())
        },
        namespace: text(matches, "namespace"),
        namespace_labels: text(matches, "namespace-labels").map(labels).transpose()?,
        webhooks,
        port: matches.get_one::<u16>("port").copied(),
    };
    let mut explanations = Vec::new();
    for source in sources {
        if let Some(review) = review_of(&source.text) {
            explanations.push(explainer.review(&review));
            continue;
        }
        let mut work = |workload: &Workload, pod: Value| {
            explanations.push(explainer.workload(workload, pod.clone()));
            Ok(pod)
        };
        let cron_job_pod_metadata = is_set(matches, "cronjob-pod-metadata");
        let style = Style { cron_job_pod_metadata, ..Style::default() };
        kube_inject::rewrite(&source, style, &mut work, &mut std::io::sink())?;
    }
    let out = match text(matches, "output") {
        Some("json") => explain::to_json(&explanations),
        Some(_) | None => match text(matches, "field") {
            Some(path) => explanations.iter().map(|explanation| explain::field(explanation, path)).collect(),
            None => explanations.iter().map(explain::to_text).collect::<Vec<_>>().join("\n"),
        },
    };
    streams.print(out.as_bytes())
}

/// The AdmissionReview that a text is, if it is one.
fn review_of(text: &str) -> Option<Value> {
    // Not to read every file twice.
    let review = text.contains("AdmissionReview").then(|| yaml::parse(text).ok()).flatten()?;
    (review.str_at(&["kind"]) == Some("AdmissionReview")).then_some(review)
}

/// Labels as `kubectl label` takes them.
fn labels(given: &str) -> Result<Map, Error> {
    let label = |label: &str| match label.split_once('=') {
        Some((key, value)) => Ok((EcoString::from(key.trim()), EcoString::from(value.trim()))),
        None => Err(Error::Labels { label: label.to_owned() }),
    };
    given.split(',').filter(|label| !label.trim().is_empty()).map(label).collect()
}

/// Explains one pod after the other.
struct Explainer<'c> {
    config: &'c Config,
    by: By,
    /// What kube-inject decides by.
    by_file: Injector<'c>,
    /// What the webhook decides by.
    circumstances: Circumstances<'c>,
    /// The namespace of what has none.
    namespace: Option<&'c str>,
    namespace_labels: Option<Map>,
    webhooks: Option<Installation>,
    /// A port that is asked about.
    port: Option<u16>,
}

/// What the injection of a pod led to.
struct Attempt {
    result: Result<Value, (&'static str, String)>,
    mesh: MeshConfig,
}

impl Explainer<'_> {
    fn workload(&self, workload: &Workload, mut pod: Value) -> Explanation {
        let owner = workload.owner();
        let mut namespace = owner.namespace.clone();
        if namespace.is_empty() {
            namespace = self.namespace_name().into();
        }
        let named = pod.str_at(&["metadata", "name"]).filter(|name| !name.is_empty()).map(EcoString::from);
        let subject = Subject {
            kind: workload.kind.name().into(),
            namespace: namespace.clone(),
            name: named.unwrap_or_else(|| owner.name.clone()),
        };
        let mut explanation = match self.by {
            By::KubeInject => {
                let decision = self.by_file.decide(&pod);
                self.explained(subject, &pod, decision, |trace| self.as_kube_inject(workload, &pod, trace))
            }
            By::Webhook => {
                // Its pods are created in its namespace, whatever its template has.
                pod.map_entry("metadata").insert("namespace", namespace);
                let written = pod.get("metadata").cloned();
                self.webhook(subject, pod, written.as_ref(), owner)
            }
        };
        explanation.warnings.splice(0..0, warnings::of_workload(workload));
        explanation
    }

    fn review(&self, review: &Value) -> Explanation {
        let about = review::Subject::of(review);
        let subject = Subject { kind: "Pod".into(), namespace: about.namespace, name: about.name };
        let asked = match review::asked(review) {
            Ok(Ok(asked)) => asked,
            Ok(Err(passed)) => return self.explanation(subject, None, Verdict::Passed(passed)),
            Err(refusal) => {
                let (reason, message) = (refusal.key(), refusal.to_string());
                return self.explanation(subject, None, Verdict::Refused { decision: None, reason, message });
            }
        };
        let owner = Owner::of_pod(&asked.pod);
        self.webhook(subject, asked.pod, asked.written, owner)
    }

    fn webhook(&self, subject: Subject, pod: Value, written: Option<&Value>, owner: Owner) -> Explanation {
        let webhooks = self
            .namespace_of(&subject.namespace)
            .map(|namespace| Webhooks::ask(self.webhooks.as_ref(), self.circumstances.revision, &namespace, &pod));
        let decision = decision::of_pod(&pod, &self.config.injection.rules);
        if webhooks.as_ref().is_some_and(|webhooks| !webhooks.is_called()) {
            return self.explanation(subject, webhooks, Verdict::NotCalled(decision));
        }
        let inject = |trace: &mut Trace| {
            let mut pod = pod.clone();
            let injected = review::recorded(&mut pod, written, owner, self.config, &self.circumstances, trace);
            Attempt { result: injected.map_err(failure), mesh: self.config.mesh.clone() }
        };
        Explanation { webhooks, ..self.explained(subject, &pod, decision, inject) }
    }

    fn as_kube_inject(&self, workload: &Workload, pod: &Value, trace: &mut Trace) -> Attempt {
        let mesh = match self.by_file.mesh(pod) {
            Ok(mesh) => mesh.into_owned(),
            Err(error) => {
                let result = Err(("invalid-annotation", error.to_string()));
                return Attempt { result, mesh: self.config.mesh.clone() };
            }
        };
        let request = self.by_file.request(workload, pod, &mesh);
        let result = inject::recorded(pod, request, &self.by_file.setup, trace).map_err(failure);
        Attempt { result, mesh }
    }

    /// Injects a pod if that was decided, and explains it.
    fn explained(
        &self,
        subject: Subject,
        pod: &Value,
        decision: Decision,
        inject: impl FnOnce(&mut Trace) -> Attempt,
    ) -> Explanation {
        let metadata = pod.get("metadata").cloned().unwrap_or_default();
        let mut warnings: Vec<_> = warnings::of_switch(&metadata, &decision).collect();
        if !decision.inject {
            return Explanation { warnings, ..self.explanation(subject, None, Verdict::Skipped(decision)) };
        }
        let mut trace = Trace::default();
        let Attempt { result, mesh } = inject(&mut trace);
        let setup = match self.by {
            By::KubeInject => self.by_file.setup,
            By::Webhook => self.config.setup("", ""),
        };
        let mut injection = None;
        let verdict = match result {
            Ok(injected) => {
                injection = Some(Injection::of(pod, &injected, &trace, &setup, self.port));
                let more = warnings::of_injected(pod, &injected, &mesh, self.by, self.config);
                warnings.extend(more.filter(|warning| !matches!(warning, Warning::Switch(_))));
                Verdict::Injected(decision)
            }
            Err((reason, message)) => Verdict::Refused { decision: Some(decision), reason, message },
        };
        let templates = Some(Templates::of(pod, &setup));
        Explanation { warnings, templates, injection, ..self.explanation(subject, None, verdict) }
    }

    /// The plainest explanation.
    fn explanation(&self, subject: Subject, webhooks: Option<Webhooks>, verdict: Verdict) -> Explanation {
        Explanation { subject, by: self.by, webhooks, verdict, templates: None, warnings: Vec::new(), injection: None }
    }

    /// The namespace of what has none.
    fn namespace_name(&self) -> &str {
        let of_file = self.circumstances.namespace.and_then(|namespace| namespace.str_at(&["metadata", "name"]));
        self.namespace.or(of_file).unwrap_or("default")
    }

    /// What is known of a namespace, if anything is.
    fn namespace_of(&self, name: &str) -> Option<Namespace> {
        let of_file = self.circumstances.namespace.map(|namespace| {
            namespace.at(&["metadata", "labels"]).and_then(Value::as_map).cloned().unwrap_or_default()
        });
        let known_labels = self.namespace_labels.clone().or(of_file)?;
        Some(Namespace { name: name.into(), known_labels: Some(known_labels) })
    }
}

fn failure(error: inject::Error) -> (&'static str, String) {
    (error.key(), error.to_string())
}
