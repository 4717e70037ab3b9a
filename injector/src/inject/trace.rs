//! What each step of an injection did: recorded only for `explain`.

use std::fmt;

use crate::template::{self, Limits, Mark, Template};
use crate::value::{EcoString, Value};

/// A step that can change a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The rendering of a template, the one of this position in [`Trace::renderings`], and its merge.
    Template(usize),
    /// The user's own containers are merged over the injected ones.
    Overrides,
    /// The init container gets the user that the proxy runs as.
    InitUser,
    /// The webhook's URL, cluster and network give the proxy environment variables.
    Environment,
    /// The pod's metrics are merged with the proxy's.
    Prometheus,
    /// Probes are rewritten to ask the agent.
    Probes,
    /// The network's label, the status annotation, and the config's own annotations.
    Metadata,
    /// Containers are sorted.
    Order,
}

impl Step {
    /// The step in one stable word.
    pub fn key(&self) -> &'static str {
        match self {
            Step::Template(_) => "template",
            Step::Overrides => "overrides",
            Step::InitUser => "init-user",
            Step::Environment => "environment",
            Step::Prometheus => "prometheus",
            Step::Probes => "probes",
            Step::Metadata => "metadata",
            Step::Order => "order",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Step::Template(_) => "a template",
            Step::Overrides => "the pod's own container of this name, which wins over the template",
            Step::InitUser => "the user of the pod's own istio-proxy",
            Step::Environment => "the webhook's URL, or cluster and network of the values or the pod's label",
            Step::Prometheus => "merging metrics (mesh config enablePrometheusMerge, annotation prometheus.istio.io/merge-metrics)",
            Step::Probes => {
                "rewriting probes (values sidecarInjectorWebhook.rewriteAppHTTPProbe, annotation sidecar.istio.io/rewriteAppHTTPProbers)"
            }
            Step::Metadata => "the injector: status, network, injectedAnnotations",
            Step::Order => "ordering the containers, which leaves the last one of several with one name",
        })
    }
}

/// Records what the steps do. Injection itself uses `()`, which records nothing.
pub(crate) trait Record {
    /// An injection begins; possibly again, after a trial.
    fn begin(&mut self, _pod: &Value) {}

    /// A template has been rendered.
    fn rendered(&mut self, _name: &str, _template: &Template, _data: &template::Value, _patch: &Value) {}

    /// The last template rendered has been merged.
    fn merged(&mut self, _pod: &Value) {}

    /// A step is done.
    fn done(&mut self, _step: Step, _pod: &Value) {}
}

impl Record for () {}

/// A whole injection, step by step. Copies of the pod share what did not change.
#[derive(Debug, Default)]
pub struct Trace {
    /// The pod that was injected; of one that was injected before and stays as it is, the pod before that.
    pub before: Value,
    /// The steps, and the pod after each.
    pub steps: Vec<(Step, Value)>,
    /// The templates that were rendered.
    pub renderings: Vec<Rendering>,
}

/// What a template rendered to.
pub struct Rendering {
    /// The template's name in the config.
    pub template: EcoString,
    /// The text.
    pub text: String,
    /// Where in the template each piece of the text came from.
    pub marks: Vec<Mark>,
    /// The parsed text.
    pub patch: Value,
    /// What the template saw.
    pub data: template::Value,
}

impl fmt::Debug for Rendering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rendering").field("template", &self.template).field("text", &self.text).finish_non_exhaustive()
    }
}

impl Record for Trace {
    fn begin(&mut self, pod: &Value) {
        *self = Trace { before: pod.clone(), ..Trace::default() };
    }

    fn rendered(&mut self, name: &str, template: &Template, data: &template::Value, patch: &Value) {
        let mut text = String::new();
        let marks = template.render_marked(data, &Limits::default(), &mut text).unwrap_or_default();
        let (template, patch, data) = (name.into(), patch.clone(), data.clone());
        self.renderings.push(Rendering { template, text, marks, patch, data });
    }

    fn merged(&mut self, pod: &Value) {
        self.steps.push((Step::Template(self.renderings.len().saturating_sub(1)), pod.clone()));
    }

    fn done(&mut self, step: Step, pod: &Value) {
        self.steps.push((step, pod.clone()));
    }
}
