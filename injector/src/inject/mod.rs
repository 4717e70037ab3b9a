//! Injects a pod, step by step. No step depends on a cluster, a file or a clock.
//!
//! ```text
//! pod ──strip──▶ template data ──render──▶ patch ──merge──▶ pod ──reapply──▶ ──post-processing──▶ injected pod
//! ```
//!
//! A pod is a tree in the canonical form of its type (`kubernetes::typed`); copies share what they do not change.

mod again;
mod context;
mod data;
pub mod env;
mod error;
mod findings;
mod images;
mod init_user;
pub mod native;
pub mod openshift;
mod order;
mod pod;
pub(crate) mod probes;
mod prometheus;
mod reapply;
mod render;
mod status;
mod strip;
mod trace;
mod undo;

use std::collections::BTreeMap;
use std::iter;

pub use again::{Undone, uninject, upgrade};
pub use context::Context;
pub use error::Error;
pub(crate) use findings::RESOURCES as RESOURCE_ANNOTATIONS;
pub use findings::{Finding, Why, findings};
pub use openshift::Ids;
pub use pod::rules_container;
pub(crate) use prometheus::RESERVED as RESERVED_PORTS;
pub use render::{Chosen, chosen};
pub(crate) use trace::Record;
pub use trace::{Rendering, Step, Trace};
pub use undo::Doubt;

use crate::annotations::{self, PROXY_CONFIG};
use crate::mesh::{MeshConfig, ProxyConfig};
use crate::object::Owner;
use crate::template::{Limits, Mark, Template};
use crate::value::{EcoString, Map, Value};

/// The parsed templates of an injection config, by name.
pub type Templates = BTreeMap<EcoString, Template>;

/// What is the same for all pods.
#[derive(Clone, Copy, Debug)]
pub struct Setup<'a> {
    /// The templates.
    pub templates: &'a Templates,
    /// Names that each mean several templates.
    pub aliases: &'a BTreeMap<EcoString, Vec<EcoString>>,
    /// The templates of pods that do not ask for any.
    pub default_templates: &'a [EcoString],
    /// Annotations that every injected pod gets.
    pub injected_annotations: &'a Map,
    /// The values.
    pub values: &'a Value,
    /// The revision of the control plane.
    pub revision: &'a str,
    /// The injector's `COMPLIANCE_POLICY`.
    pub compliance_policy: &'a str,
}

/// What differs from pod to pod.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The workload that the pod belongs to.
    pub owner: Owner,
    /// The mesh config; in kube-inject its default proxy config is the pod's.
    pub mesh: &'a MeshConfig,
    /// The proxy config that counts for the pod.
    pub proxy: &'a ProxyConfig,
    /// Environment variables for the proxy, from the webhook's URL.
    pub env: Map,
    /// The user and group that the proxy runs as.
    pub ids: Ids,
    /// Whether the proxy becomes a native sidecar, if no annotation decides.
    pub native: bool,
}

/// The templates that are rendered for a pod, in this order.
pub fn template_names(pod: &Value, setup: &Setup<'_>) -> Vec<EcoString> {
    chosen(pod, setup).into_iter().map(|chosen| chosen.name.into()).collect()
}

/// The text that a template renders to for a pod, before it is parsed, and where in the template each piece comes from.
pub fn render_alone<'s>(
    pod: &Value,
    request: &Request<'_>,
    setup: &Setup<'s>,
    name: &str,
) -> Result<(&'s Template, String, Vec<Mark>), Error> {
    let template = render::template(name, setup)?;
    let status = status::Status::of_pod(pod)?;
    let overrides = reapply::Containers::of_annotation(pod)?;
    let Request { owner, mesh, proxy, ids, native, .. } = request;
    let stripped = strip::strip(pod, status.as_ref(), &overrides, mesh.default_config().status_port());
    let data = data::Data { stripped: &stripped, owner, mesh, proxy, ids: *ids, native: *native, setup };
    let mut text = String::new();
    let marks = template.render_marked(&data.value(), &Limits::default(), &mut text);
    let marks = marks.map_err(|source| Error::Render { name: name.into(), source })?;
    Ok((template, text, marks))
}

/// Injects a pod, which has to be in canonical form. The result is in canonical form too.
pub fn inject(pod: &Value, request: Request<'_>, setup: &Setup<'_>) -> Result<Value, Error> {
    recorded(pod, request, setup, &mut ())
}

/// Like [`inject`], and records what each step does.
pub(crate) fn recorded(
    pod: &Value,
    request: Request<'_>,
    setup: &Setup<'_>,
    record: &mut impl Record,
) -> Result<Value, Error> {
    annotations::validate(pod::annotations(pod)).map_err(Error::Annotations)?;
    let status = status::Status::of_pod(pod)?;
    let overrides = reapply::Containers::of_annotation(pod)?;
    if let Some(status) = status.as_ref().filter(|status| status.readable) {
        let mut is_settled = |before: Value| {
            let again = inject_with(&before, request.clone(), setup, None, &reapply::Containers::default(), record);
            again.is_ok_and(|again| undo::is_same(&again, pod))
        };
        let noted = undo::undo(pod, status, &overrides, request.mesh.default_config().status_port()).pods.into_iter();
        // Templates that write what they see of the pod's labels must not see the injected ones.
        let by_names = || undo::undo_by_names(pod, status, &overrides, &request.owner).pods;
        // If injection would change nothing, the pod stays as it is, down to the order of its environment.
        if noted.chain(iter::once_with(by_names).flatten()).any(&mut is_settled) {
            return Ok(pod.clone());
        }
    }
    inject_with(pod, request, setup, status.as_ref(), &overrides, record)
}

/// Injects a pod with what an earlier injection left in it.
fn inject_with(
    pod: &Value,
    request: Request<'_>,
    setup: &Setup<'_>,
    status: Option<&status::Status>,
    overrides: &reapply::Containers,
    record: &mut impl Record,
) -> Result<Value, Error> {
    let Request { owner, mesh, proxy, env, ids, native } = request;
    record.begin(pod);
    let env = env::with_cluster_and_network(env, pod, setup.values);
    let stripped = strip::strip(pod, status, overrides, mesh.default_config().status_port());
    let data = data::Data { stripped: &stripped, owner: &owner, mesh, proxy, ids, native, setup };
    let rendered = render::render(pod, &data.value(), native, setup, record)?;
    let template_pod = rendered.template_pod;
    let mut merged = reapply::reapply(rendered.merged, pod, &template_pod, status, overrides)?;
    record.done(Step::Overrides, &merged);
    init_user::adjust(&mut merged, pod, proxy);
    record.done(Step::InitUser, &merged);

    env::apply(&mut merged, &env);
    record.done(Step::Environment, &merged);
    prometheus::merge(&mut merged, mesh, setup.values)?;
    prometheus::announce_secure_port(&mut merged);
    record.done(Step::Prometheus, &merged);
    probes::rewrite(&mut merged, mesh.default_config().status_port(), setup.values);
    record.done(Step::Probes, &merged);
    add_metadata(&mut merged, &template_pod, &env, setup);
    record.done(Step::Metadata, &merged);
    let hold = holds_application(pod, mesh, setup.values)?;
    order::order(&mut merged, hold);
    record.done(Step::Order, &merged);
    Ok(merged)
}

/// Whether the sidecar has Istio's agent, which asks the application for probes and metrics. Istio's always has one; the
/// built-in values have the key for theirs, which is Envoy alone.
pub(crate) fn has_agent(values: &Value) -> bool {
    values.at(&["global", "proxy", "agent"]).and_then(Value::as_bool) != Some(false)
}

/// The network's label, the status annotation, and the config's own annotations.
fn add_metadata(pod: &mut Value, template_pod: &Value, env: &Map, setup: &Setup<'_>) {
    let metadata = pod.map_entry("metadata");
    if let Some(network) = env.get(env::NETWORK) {
        metadata.entry("labels").make_map().insert(env::NETWORK_LABEL, network.clone());
    }
    let annotations = metadata.entry("annotations").make_map();
    annotations.insert(annotations::STATUS, status::of_template_pod(template_pod, setup.revision));
    for (name, value) in setup.injected_annotations.iter() {
        annotations.insert(name.clone(), value.clone());
    }
}

/// Whether the application waits for the proxy, so that the proxy comes first.
fn holds_application(pod: &Value, mesh: &MeshConfig, values: &Value) -> Result<bool, Error> {
    if values.at(&["global", "proxy", "holdApplicationUntilProxyStarts"]).and_then(Value::as_bool) == Some(true) {
        return Ok(true);
    }
    match pod::annotation(pod, PROXY_CONFIG) {
        Some(text) => {
            let config = mesh.default_config().merged_with_text(text).map_err(Error::ProxyConfig)?;
            Ok(config.holds_application())
        }
        None => Ok(mesh.default_config().holds_application()),
    }
}

#[cfg(test)]
mod tests;
