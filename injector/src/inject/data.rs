//! What templates see as `.`.

use std::borrow::Cow;
use std::sync::Arc;

use super::openshift::Ids;
use super::{Setup, images, pod};
use crate::annotations::PROXY_IMAGE_TYPE;
use crate::json;
use crate::kubernetes::{Type, view};
use crate::mesh::{MeshConfig, ProxyConfig};
use crate::object::Owner;
use crate::template::{self, Failure, Field, Kind, Object};
use crate::value::{EcoString, Value};

/// The inputs of the data.
pub(super) struct Data<'a> {
    /// The pod without an earlier injection.
    pub(super) stripped: &'a Value,
    pub(super) owner: &'a Owner,
    pub(super) mesh: &'a MeshConfig,
    pub(super) proxy: &'a ProxyConfig,
    pub(super) ids: Ids,
    pub(super) native: bool,
    pub(super) setup: &'a Setup<'a>,
}

impl Data<'_> {
    /// The data as a template's value: a pointer to a struct of Istio's.
    pub(super) fn value(&self) -> template::Value {
        let Setup { values, revision, compliance_policy, .. } = *self.setup;
        let image_type = pod::annotation(self.stripped, PROXY_IMAGE_TYPE);
        let part = |key: &str| self.stripped.get(key).cloned().unwrap_or_default();
        let type_meta = [("Kind", self.owner.kind.as_str()), ("APIVersion", self.owner.api_version.as_str())];
        let deployment = [("Namespace", self.owner.namespace.as_str()), ("Name", self.owner.name.as_str())];
        let inbound = if self.mesh.is_inbound_localhost() { "localhost" } else { "passthrough" };
        let texts = |fields: [(&'static str, &str); 2]| fields.into_iter().map(|(k, v)| (k, v.into())).collect();
        let values = values.as_map().map_or(template::Map::NilAny, |map| template::Map::Data(map.clone()));
        template::Value::object(Record {
            name: "inject.SidecarTemplateData",
            pointer: true,
            text: None,
            fields: Arc::new([
                ("TypeMeta", Record::plain("v1.TypeMeta", texts(type_meta), None)),
                (
                    "DeploymentMeta",
                    Record::plain("types.NamespacedName", texts(deployment), Some(namespaced_name(self.owner))),
                ),
                ("ObjectMeta", view::view(&part("metadata"), Type::OBJECT_META)),
                ("Spec", view::view(&part("spec"), Type::POD_SPEC)),
                ("ProxyConfig", self.proxy.view()),
                ("MeshConfig", self.mesh.view()),
                ("Values", values.into()),
                ("Revision", revision.into()),
                ("NativeSidecars", self.native.into()),
                ("ProxyImage", images::proxy(self.setup.values, self.proxy, image_type).into()),
                ("ProxyInitImage", images::proxy_init(self.setup.values, image_type).into()),
                ("ProxyUID", self.ids.user.into()),
                ("ProxyGID", self.ids.group.into()),
                ("InboundTrafficPolicyMode", inbound.into()),
                ("CompliancePolicy", compliance_policy.into()),
            ]),
        })
    }
}

/// `NAMESPACE/NAME`, as Kubernetes prints a namespaced name.
fn namespaced_name(owner: &Owner) -> EcoString {
    format!("{}/{}", owner.namespace, owner.name).into()
}

/// The name of a field in JSON: that of the field, but for `v1.TypeMeta`, whose fields are also left out if empty.
fn json_name(name: &'static str, value: &template::Value) -> Option<&'static str> {
    match name {
        "Kind" | "APIVersion" if value.as_text().as_deref().is_some_and(str::is_empty) => None,
        "Kind" => Some("kind"),
        "APIVersion" => Some("apiVersion"),
        other => Some(other),
    }
}

/// A struct of Istio's, or a pointer to one.
#[derive(Clone)]
struct Record {
    name: &'static str,
    pointer: bool,
    fields: Arc<[(&'static str, template::Value)]>,
    /// What its `String` method returns, if it has one.
    text: Option<EcoString>,
}

impl Record {
    fn plain(
        name: &'static str,
        fields: Arc<[(&'static str, template::Value)]>,
        text: Option<EcoString>,
    ) -> template::Value {
        template::Value::object(Record { name, pointer: false, fields, text })
    }
}

impl Object for Record {
    fn type_name(&self) -> Cow<'_, str> {
        if self.pointer { format!("*{}", self.name).into() } else { self.name.into() }
    }

    fn kind(&self) -> Kind {
        if self.pointer { Kind::Pointer } else { Kind::Struct }
    }

    fn field(&self, name: &str) -> Field {
        match (self.fields.iter().find(|(field, _)| *field == name), &self.text) {
            (Some((_, value)), _) => Field::Value(value.clone()),
            (None, Some(text)) if name == "String" => Field::Value(text.clone().into()),
            (None, _) => Field::Unknown,
        }
    }

    fn fields(&self) -> Vec<(&'static str, template::Value)> {
        self.fields.to_vec()
    }

    fn target(&self) -> Option<template::Value> {
        self.pointer.then(|| template::Value::object(Record { pointer: false, ..self.clone() }))
    }

    fn text(&self) -> Option<EcoString> {
        self.text.clone()
    }

    fn to_data(&self) -> Result<Value, Failure> {
        Ok(json::parse(self.to_json()?.as_bytes())?)
    }

    fn to_json(&self) -> Result<String, Failure> {
        let named = self.fields.iter().filter_map(|(name, value)| Some((json_name(name, value)?, value)));
        let members = named.map(|(name, value)| Ok((name, value.to_json()?)));
        Ok(json::object(members.collect::<Result<Vec<_>, Failure>>()?))
    }
}
