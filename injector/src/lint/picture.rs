//! All objects together: workloads, the Services that select them, their namespaces.

use std::collections::BTreeMap;

use super::Options;
use super::input::{Input, Object};
use super::place::At;
use super::rules::namespaces::{self, INJECTION};
use crate::annotations::STATUS;
use crate::config::Config;
use crate::decision::{self, Decision};
use crate::inject;
use crate::inject::native::Mode;
use crate::kubernetes::typed;
use crate::object::{Kind, Workload, show_empty_maps};
use crate::review;
use crate::value::{Map, Value};
use crate::warnings::{self, By, Warning};

/// The names of containers that injection adds.
const INJECTED: [&str; 4] = ["istio-proxy", "istio-init", "istio-validation", "enable-core-dump"];

/// An object with a pod in it, and what the webhook would do to the pod.
pub(super) struct Member {
    pub(super) object: Object,
    /// The object in canonical form.
    pub(super) workload: Workload,
    /// The pod: metadata, with its namespace, and spec.
    pub(super) pod: Value,
    pub(super) decision: Decision,
    /// Whether the webhook is called for the pod, as far as its Namespace is known.
    pub(super) is_called: bool,
    /// What the injection makes of the pod; nothing if it is not injected.
    pub(super) injected: Option<Result<Value, inject::Error>>,
    pub(super) warnings: Vec<Warning>,
}

/// All objects.
pub(super) struct Picture<'a> {
    pub(super) members: Vec<Member>,
    /// Objects without pods.
    pub(super) others: Vec<Object>,
    /// The workloads whose pods each Service selects, by its id, as places in `members`.
    selected: BTreeMap<usize, Vec<usize>>,
    pub(super) config: &'a Config,
    pub(super) istio_defaults: bool,
}

impl<'a> Picture<'a> {
    /// Sorts the objects that were read. Workloads that are not valid for their kind are recorded as broken.
    pub(super) fn of(input: &mut Input<'_>, config: &'a Config, options: &Options<'_>) -> Self {
        let objects = std::mem::take(&mut input.objects);
        let (loads, others) = objects.into_iter().partition::<Vec<_>, _>(|object| kind_of(object).is_some());
        let (members, selected, istio_defaults) = (Vec::new(), BTreeMap::new(), options.istio_defaults);
        let mut picture = Picture { members, others, selected, config, istio_defaults };
        for object in loads {
            if let Some(member) = picture.member(object, input, options) {
                picture.members.push(member);
            }
        }
        picture.selected = picture.select();
        picture
    }

    /// What Services select. There can be thousands of Services and workloads, so workloads are looked up by one label
    /// instead of comparing every pair.
    fn select(&self) -> BTreeMap<usize, Vec<usize>> {
        let mut by_label: BTreeMap<(&str, &str, &str), Vec<usize>> = BTreeMap::new();
        for (place, member) in self.members.iter().enumerate() {
            let labels = member.pod.at(&["metadata", "labels"]).and_then(Value::as_map).into_iter().flat_map(Map::iter);
            for (key, value) in labels {
                let label = (member.object.namespace.as_str(), key.as_str(), value.as_str().unwrap_or_default());
                by_label.entry(label).or_default().push(place);
            }
        }
        let of_service = |service: &Object| {
            let (key, value) = service.tree.at(&["spec", "selector"])?.as_map()?.iter().next()?;
            let candidates = by_label.get(&(service.namespace.as_str(), key.as_str(), value.as_str()?))?;
            let is_selected = |place: &usize| self.members.get(*place).is_some_and(|m| m.is_selected_by(service));
            Some((service.id, candidates.iter().copied().filter(is_selected).collect()))
        };
        self.services().filter_map(of_service).collect()
    }

    fn member(&self, object: Object, input: &mut Input<'_>, options: &Options<'_>) -> Option<Member> {
        let kind = kind_of(&object)?;
        let tree = match typed::round_trip(&object.tree, kind.type_of()?, typed::Mode::Yaml) {
            Ok(tree) => tree,
            Err(error) => {
                input.does_not_fit(object, &error);
                return None;
            }
        };
        // Pods are made from their own metadata, of a CronJob too.
        let workload = Workload { kind, object: tree, cron_job_pod_metadata: true, dropped: Vec::new() };
        let Some(mut pod) = workload.pod() else {
            let path: Vec<_> = super::input::steps_to(&object.item).collect();
            let message = "it has no spec.template, so it has no pods".to_owned();
            input.cannot_be(object.document, &path, object.tree.clone(), message);
            return None;
        };
        pod.map_entry("metadata").insert("namespace", object.namespace.clone());
        let metadata = pod.get("metadata").cloned().unwrap_or_default();
        let decision = decision::of_pod(&pod, &self.config.injection.rules);
        let mut warnings: Vec<_> = warnings::of_workload(&workload).collect();
        warnings.extend(warnings::of_switch(&metadata, &decision));
        let namespace = self.namespace(&object.namespace);
        let declines = namespace.is_some_and(|namespace| namespaces::label(namespace, INJECTION) == Some("disabled"));
        let is_called = namespace.is_none_or(|namespace| namespaces::is_called(namespace, &pod));
        let written = object.tree.at(workload.metadata_path());
        let injected = (decision.inject && !declines).then(|| {
            show_empty_maps(&mut pod, written);
            let circumstances = review::Circumstances {
                namespace: namespace.map(|namespace| &namespace.tree),
                native: native_as_before(&pod).unwrap_or(options.circumstances.native),
                ..options.circumstances
            };
            review::recorded(&mut pod, written, workload.owner(), self.config, &circumstances, &mut ())
        });
        if let Some(injected) = &injected {
            // A pod that is refused can still have misspelt annotations.
            let injected = injected.as_ref().unwrap_or(&pod);
            warnings.extend(warnings::of_injected(&pod, injected, &self.config.mesh, By::Webhook, self.config));
        }
        Some(Member { object, workload, pod, decision, is_called, injected, warnings })
    }

    /// The Namespace with a name, if it is among the objects.
    pub(super) fn namespace(&self, name: &str) -> Option<&Object> {
        self.others.iter().find(|object| object.kind() == "Namespace" && object.name() == name)
    }

    /// The Services.
    pub(super) fn services(&self) -> impl Iterator<Item = &Object> {
        self.others.iter().filter(|object| is_service(object))
    }

    /// The workloads whose pods a Service selects.
    pub(super) fn selected_by<'p>(&'p self, service: &Object) -> impl Iterator<Item = &'p Member> + use<'p> {
        let places = self.selected.get(&service.id).map_or(&[][..], Vec::as_slice);
        places.iter().filter_map(|place| self.members.get(*place))
    }

    /// The Services that select the pods of a workload.
    pub(super) fn services_of<'p>(&'p self, member: &'p Member) -> impl Iterator<Item = &'p Object> {
        let selects = |service: &&Object| self.selected_by(service).any(|other| other.object.id == member.object.id);
        self.services().filter(selects)
    }

    /// How many objects there are.
    pub(super) fn len(&self) -> usize {
        self.members.len() + self.others.len()
    }

    /// All objects.
    pub(super) fn objects(&self) -> impl Iterator<Item = &Object> {
        self.members.iter().map(|member| &member.object).chain(&self.others)
    }
}

/// Whether the proxy of a pod that was injected before is a native sidecar; the mesh at that time decided it.
fn native_as_before(pod: &Value) -> Option<Mode> {
    pod.at(&["metadata", "annotations"])?.str_at(&[STATUS])?;
    let has = |list| pod.list_at(&["spec", list]).iter().any(|c| c.str_at(&["name"]) == Some("istio-proxy"));
    match (has("containers"), has("initContainers")) {
        (false, true) => Some(Mode::Enabled),
        (true, false) => Some(Mode::Disabled),
        (true, true) | (false, false) => None,
    }
}

/// The kind of an object that has pods.
fn kind_of(object: &Object) -> Option<Kind> {
    Kind::named(object.kind()).filter(|kind| *kind != Kind::List)
}

/// Whether it is a Kubernetes Service; Knative has its own.
pub(super) fn is_service(object: &Object) -> bool {
    object.kind() == "Service" && object.tree.str_at(&["apiVersion"]).is_none_or(|version| version == "v1")
}

impl Member {
    /// The object in canonical form.
    pub(super) fn at(&self) -> At<'_> {
        At { object: &self.object, value: &self.workload.object, path: Vec::new() }
    }

    /// The pod's metadata.
    pub(super) fn metadata(&self) -> At<'_> {
        self.at().down(self.workload.metadata_path().iter().copied())
    }

    /// The pod's spec.
    pub(super) fn spec(&self) -> At<'_> {
        self.at().down(self.workload.spec_path().iter().copied())
    }

    /// An annotation of the pod.
    pub(super) fn annotation(&self, name: &str) -> Option<&str> {
        self.pod.at(&["metadata", "annotations"])?.str_at(&[name])
    }

    /// A label of the pod.
    pub(super) fn label(&self, name: &str) -> Option<&str> {
        self.pod.at(&["metadata", "labels"])?.str_at(&[name])
    }

    /// Whether the pod gets a proxy, or would get one if nothing else were wrong with it.
    pub(super) fn is_meshed(&self) -> bool {
        self.injected.is_some()
    }

    /// The pod with a proxy.
    pub(super) fn injected(&self) -> Option<&Value> {
        self.injected.as_ref()?.as_ref().ok()
    }

    /// The pod as it will be: with a proxy, if it gets one.
    pub(super) fn final_pod(&self) -> &Value {
        self.injected().unwrap_or(&self.pod)
    }

    /// Whether the pod consists only of the proxy: a gateway, whose purpose is the proxy's own ports.
    pub(super) fn is_gateway(&self) -> bool {
        let own = |list| self.spec().items(list).any(|container| container.text("name") == "istio-proxy");
        self.annotation(STATUS).is_none() && (own("containers") || own("initContainers"))
    }

    /// The user's own containers.
    pub(super) fn containers(&self) -> impl Iterator<Item = At<'_>> {
        self.own("containers")
    }

    /// The user's own init containers.
    pub(super) fn init_containers(&self) -> impl Iterator<Item = At<'_>> {
        self.own("initContainers")
    }

    fn own(&self, list: &'static str) -> impl Iterator<Item = At<'_>> {
        self.spec().items(list).filter(|container| !INJECTED.contains(&container.text("name")))
    }

    /// The user's own containers that run as long as the pod does: including such init containers.
    pub(super) fn running_containers(&self) -> impl Iterator<Item = At<'_>> {
        self.init_containers().filter(stays).chain(self.containers())
    }

    /// Whether a Service selects the pods.
    fn is_selected_by(&self, service: &Object) -> bool {
        static NONE: Map = Map::new();
        let labels = self.pod.at(&["metadata", "labels"]).and_then(Value::as_map).unwrap_or(&NONE);
        let selector = service.tree.at(&["spec", "selector"]).and_then(Value::as_map).unwrap_or(&NONE);
        service.namespace == self.object.namespace
            && !selector.is_empty()
            && selector.iter().all(|(key, value)| labels.get(key) == Some(value))
    }
}

/// Whether an init container keeps running after its start.
pub(super) fn stays(container: &At<'_>) -> bool {
    container.text("restartPolicy") == "Always"
}
