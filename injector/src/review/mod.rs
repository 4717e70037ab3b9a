//! What the webhook answers: one AdmissionReview in, one out. No network.

use std::collections::HashMap;

mod answer;
mod memo;
mod passed;
mod refusal;
mod subject;
#[cfg(test)]
mod tests;
mod warned;

pub use answer::{Answer, Outcome, REASONS};
pub use memo::Memo;
pub use passed::Passed;
pub use refusal::Refusal;
pub use subject::Subject;

use data_encoding::BASE64;

use crate::annotations::PROXY_CONFIG;
use crate::config::Config;
use crate::decision;
use crate::inject::native::{self, Mode, Node};
use crate::inject::{self, Ids, Record, Request, env, openshift};
use crate::json;
use crate::kubernetes::typed::{self, Mode as Decode};
use crate::kubernetes::{Type, patch};
use crate::mesh::{Levels, ProxyConfig, ProxyConfigs};
use crate::object::{Owner, show_empty_maps};
use crate::value::{EcoString, Map, Value};
use crate::warnings::{self, By};

use refusal::VERSIONS;

/// The longest body that is read, in bytes. An API server sends at most some 3 MiB of each object, and there are two.
pub const MAX_BODY: usize = 8 << 20;

/// What affects an answer besides the configuration.
#[derive(Clone, Copy, Debug, Default)]
pub struct Circumstances<'a> {
    /// The path of the URL, with parameters: `/inject/cluster/c1/net/n1`.
    pub path: &'a str,
    /// The pod's Namespace, if known.
    pub namespace: Option<&'a Value>,
    /// Namespaces by name, as far as they are known.
    pub namespaces: Option<&'a HashMap<EcoString, Value>>,
    /// The cluster's nodes, if known.
    pub nodes: Option<&'a [Node]>,
    /// The cluster's `ProxyConfig` resources, if known.
    pub proxy_configs: Option<&'a ProxyConfigs>,
    /// `ENABLE_NATIVE_SIDECARS`.
    pub native: Mode,
    /// Whether `PLATFORM` is `openshift`.
    pub openshift: bool,
    /// The control plane's revision.
    pub revision: &'a str,
    /// `COMPLIANCE_POLICY`.
    pub compliance_policy: &'a str,
    /// Answers to earlier pods, with the same configuration and the same values of all the fields above except the
    /// path.
    pub memo: Option<&'a Memo>,
}

/// Answers a review.
pub fn answer(body: &[u8], config: &Config, circumstances: &Circumstances<'_>) -> Answer {
    let review = match json::parse(body).map_err(Refusal::Json).and_then(check) {
        Ok(review) => review,
        // The sender's review has no readable uid, so the answer has none either.
        Err(refusal) => {
            let body = json::to_string(&Map::from_iter([("response", refused(&refusal))]));
            let (outcome, subject, warnings) = (Outcome::Refused(refusal), Subject::default(), Vec::new());
            return Answer { body, outcome, subject, warnings };
        }
    };
    let circumstances =
        &Circumstances { memo: circumstances.memo.filter(|_| body.len() <= memo::LONGEST), ..*circumstances };
    let (mut response, outcome, warnings) = match respond(&review, config, circumstances) {
        Ok(answered) => answered,
        Err(refusal) => (refused(&refusal), Outcome::Refused(refusal), Vec::new()),
    };
    warned::add(&mut response, &warnings);
    audit(&mut response, &outcome, circumstances.revision);
    response.insert("uid", review.str_at(&["request", "uid"]).unwrap_or_default());
    let mut answer = Map::from_iter([("response", response)]);
    for key in ["apiVersion", "kind"] {
        answer.insert(key, review.get(key).cloned().unwrap_or_default());
    }
    Answer { body: json::to_string(&answer), outcome, subject: Subject::of(&review), warnings }
}

fn check(review: Value) -> Result<Value, Refusal> {
    let text = |key| review.str_at(&[key]).unwrap_or_default().to_owned();
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    let known = VERSIONS.contains(&api_version.as_str()) && kind == "AdmissionReview";
    if known { Ok(review) } else { Err(Refusal::NoReview { api_version, kind }) }
}

fn allowed() -> Map {
    Map::from_iter([("allowed", true)])
}

fn refused(refusal: &Refusal) -> Map {
    let status = Map::from_iter([("message", Value::from(refusal.to_string())), ("metadata", Map::new().into())]);
    Map::from_iter([("allowed", Value::Bool(false)), ("status", status.into())])
}

/// Records in the API server's audit log what happened. It puts the webhook's name before each key.
fn audit(response: &mut Map, outcome: &Outcome, revision: &str) {
    let revision = if revision.is_empty() { "default" } else { revision };
    let mut annotations = Map::from_iter([
        ("decision", Value::from(outcome.word())),
        ("reason", outcome.reason().into()),
        ("revision", revision.into()),
    ]);
    if let Outcome::Injected { templates, .. } = outcome {
        annotations.insert("templates", templates.join(","));
    }
    response.insert("auditAnnotations", annotations);
}

/// The part of the response that depends on the object, what happened, and the warnings for the user.
fn respond(
    review: &Value,
    config: &Config,
    circumstances: &Circumstances<'_>,
) -> Result<(Map, Outcome, Vec<String>), Refusal> {
    let Asked { mut pod, written } = match asked(review)? {
        Ok(asked) => asked,
        Err(passed) => {
            let warnings = warned::texts(std::iter::once(&passed));
            return Ok((allowed(), Outcome::Passed(passed), warnings));
        }
    };
    let metadata = pod.get("metadata").cloned().unwrap_or_default();
    let decision = decision::of_pod(&pod, &config.injection.rules);
    if !decision.inject {
        let warnings = warned::texts(warnings::of_switch(&metadata, &decision));
        return Ok((allowed(), Outcome::Skipped(decision), warnings));
    }
    let memo = circumstances.memo.map(|memo| (memo, memo::Key::new(circumstances.path, &pod, written)));
    let known = match memo.as_ref().and_then(|(memo, key)| memo.find(key)) {
        Some(known) => known,
        None => {
            let injected = injected(&mut pod, written, config, circumstances).map_err(Refusal::Inject)?;
            let patch = patch::to_json(&patch::diff(&pod, &injected));
            let mut response = allowed();
            response.insert("patchType", "JSONPatch");
            response.insert("patch", BASE64.encode(patch.as_bytes()));
            let templates = inject::template_names(&pod, &config.setup("", ""));
            let of_switch = warnings::of_switch(&metadata, &decision);
            let of_injected = warnings::of_injected(&pod, &injected, &config.mesh, By::Webhook, config);
            let known = memo::Known { response, templates, warnings: warned::texts(of_switch.chain(of_injected)) };
            if let Some((memo, key)) = memo {
                memo.keep(key, known.clone());
            }
            known
        }
    };
    Ok((known.response, Outcome::Injected { decision, templates: known.templates }, known.warnings))
}

/// A pod that a review asks to inject.
pub(crate) struct Asked<'r> {
    /// The pod, in canonical form.
    pub(crate) pod: Value,
    /// Its metadata, as they were written.
    pub(crate) written: Option<&'r Value>,
}

/// What a review asks for, if it concerns the injector.
pub(crate) fn asked(review: &Value) -> Result<Result<Asked<'_>, Passed>, Refusal> {
    let request = review.get("request").filter(|request| !request.is_null()).ok_or(Refusal::NoRequest)?;
    if let Some(passed) = Passed::of(request) {
        return Ok(Err(passed));
    }
    let object = request.get("object").filter(|object| !object.is_null()).ok_or(Refusal::NoObject)?;
    let mut pod = typed::round_trip(object, Type::POD, Decode::Json).map_err(Refusal::NoPod)?;
    let metadata = pod.map_entry("metadata");
    // They can be huge, and injection does not touch them.
    metadata.remove("managedFields");
    if metadata.str("namespace").is_none_or(str::is_empty)
        && let Some(namespace) = request.str_at(&["namespace"]).filter(|namespace| !namespace.is_empty())
    {
        metadata.insert("namespace", namespace);
    }
    Ok(Ok(Asked { pod, written: object.get("metadata") }))
}

/// The injected pod. On OpenShift, the pod itself changes too before anything is compared with it.
pub(crate) fn injected(
    pod: &mut Value,
    written: Option<&Value>,
    config: &Config,
    circumstances: &Circumstances<'_>,
) -> Result<Value, inject::Error> {
    recorded(pod, written, Owner::of_pod(pod), config, circumstances, &mut ())
}

/// Like [`injected`], for a pod of this owner; records what each step does.
pub(crate) fn recorded(
    pod: &mut Value,
    written: Option<&Value>,
    owner: Owner,
    config: &Config,
    circumstances: &Circumstances<'_>,
    record: &mut impl Record,
) -> Result<Value, inject::Error> {
    let proxy = proxy(pod, config, circumstances);
    let mut ids = Ids::default();
    if circumstances.openshift {
        let own = pod.at(&["metadata", "namespace"]);
        // Nothing is known about other namespaces.
        let is_own = |found: &&Value| found.at(&["metadata", "name"]).is_none_or(|name| Some(name) == own);
        let known = || circumstances.namespaces?.get(own.and_then(Value::as_str)?);
        let namespace = circumstances.namespace.filter(is_own).or_else(known);
        ids = namespace.map_or(ids, Ids::of_namespace);
        openshift::forget_stamped_user(pod);
    }
    let request = Request {
        owner,
        mesh: &config.mesh,
        proxy: &proxy,
        env: env::of_path(circumstances.path),
        ids,
        native: native::detect(circumstances.native, circumstances.nodes, pod.str_at(&["spec", "nodeName"])),
    };
    let mut shown = pod.clone();
    show_empty_maps(&mut shown, written);
    let setup = config.setup(circumstances.revision, circumstances.compliance_policy);
    inject::recorded(&shown, request, &setup, record)
}

/// The proxy config that applies to a pod.
fn proxy(pod: &Value, config: &Config, circumstances: &Circumstances<'_>) -> ProxyConfig {
    let of = |key: &str| pod.at(&["metadata", key]).and_then(Value::as_map);
    let annotation = of("annotations").and_then(|annotations| annotations.str(PROXY_CONFIG));
    let namespace = pod.str_at(&["metadata", "namespace"]).unwrap_or_default();
    let root = config.mesh.root_namespace();
    let levels = circumstances.proxy_configs.map(|configs| configs.levels(root, namespace, of("labels")));
    Levels { annotation, ..levels.unwrap_or_default() }.effective(&config.mesh)
}
