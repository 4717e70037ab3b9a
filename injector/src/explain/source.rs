//! What templates read, and by what it can be changed.

use std::fmt;

use crate::annotations::PROXY_IMAGE_TYPE;
use crate::template::{self, Kind, reads::Path};
use crate::value::EcoString;

/// Something that a template reads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Read {
    /// What it is.
    pub source: Source,
    /// Its value as a template prints it; nothing if it is not set.
    pub value: Option<String>,
}

/// The source of data.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// An annotation of the pod.
    Annotation(EcoString),
    /// A label of the pod.
    Label(EcoString),
    /// A key of the values.
    Values(String),
    /// A key of the mesh config.
    Mesh(String),
    /// A key of the proxy config: of the mesh, a ProxyConfig resource, or the pod's annotation.
    Proxy(String),
    /// A field of the pod.
    Pod(String),
    /// The workload that the pod belongs to.
    Owner(String),
    /// A flag, or a variable of the injector's environment.
    Injector(&'static str),
}

impl Read {
    /// What a path of a template's data refers to. Images are made of several things.
    pub fn of(path: &Path, value: Option<template::Value>) -> Vec<Read> {
        let is_plain =
            value.as_ref().is_some_and(|value| !matches!(value.kind(), Kind::Slice | Kind::Map | Kind::Struct));
        let value = value.filter(|value| !value.is_nothing()).map(|value| short(&template::text(&value)));
        let one = |source| vec![Read { source, value: value.clone() }];
        // A template goes through lists of the pod; showing all their elements would not help.
        let of_pod = |source| vec![Read { source, value: value.clone().filter(|_| is_plain) }];
        let names: Vec<&str> = path.iter().map(EcoString::as_str).collect();
        match names.as_slice() {
            ["ObjectMeta", "Annotations", name] => one(Source::Annotation((*name).into())),
            ["ObjectMeta", "Labels", name] => one(Source::Label((*name).into())),
            ["ObjectMeta", rest @ ..] => of_pod(Source::Pod(joined("metadata", rest))),
            ["Spec", rest @ ..] => of_pod(Source::Pod(joined("spec", rest))),
            ["Values", rest @ ..] => one(Source::Values(rest.join("."))),
            ["MeshConfig", rest @ ..] => one(Source::Mesh(joined("", rest))),
            ["ProxyConfig", rest @ ..] => one(Source::Proxy(joined("", rest))),
            ["DeploymentMeta" | "TypeMeta", rest @ ..] => one(Source::Owner(joined("", rest))),
            ["ProxyImage"] => image("global.proxy.image"),
            ["ProxyInitImage"] => image("global.proxy_init.image"),
            ["NativeSidecars"] => one(Source::Injector("ENABLE_NATIVE_SIDECARS")),
            ["CompliancePolicy"] => one(Source::Injector("COMPLIANCE_POLICY")),
            ["Revision"] => one(Source::Injector("--revision")),
            ["ProxyUID" | "ProxyGID"] => one(Source::Injector("the proxy's user and group")),
            ["InboundTrafficPolicyMode"] => one(Source::Mesh("inboundTrafficPolicy.mode".to_owned())),
            _ => Vec::new(),
        }
    }
}

/// What an image is made of.
fn image(name: &str) -> Vec<Read> {
    let values = [name, "global.hub", "global.tag", "global.variant"].map(|key| Source::Values(key.to_owned()));
    let sources = values.into_iter().chain([Source::Annotation(PROXY_IMAGE_TYPE.into())]);
    sources.map(|source| Read { source, value: None }).collect()
}

/// Go's names as the files have them: `GetTracing.GetTlsSettings` is `tracing.tlsSettings`.
fn joined(root: &str, names: &[&str]) -> String {
    let mut out = root.to_owned();
    for name in names.iter().filter(|name| !matches!(**name, "GetValue" | "String")) {
        let name = name.strip_prefix("Get").filter(|rest| rest.starts_with(char::is_uppercase)).unwrap_or(name);
        let capitals = name.chars().take_while(char::is_ascii_uppercase).count();
        let mut chars = name.chars();
        if !out.is_empty() {
            out.push('.');
        }
        if capitals == 1 {
            out.extend(chars.next().map(|first| first.to_ascii_lowercase()));
        }
        out.extend(chars);
    }
    out
}

/// The longest value that is shown, in characters.
const LONGEST: usize = 80;

fn short(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
    }
}

impl Source {
    /// What it is, in one stable word.
    pub fn word(&self) -> &'static str {
        match self {
            Source::Annotation(_) => "annotation",
            Source::Label(_) => "label",
            Source::Values(_) => "values",
            Source::Mesh(_) => "mesh-config",
            Source::Proxy(_) => "proxy-config",
            Source::Pod(_) => "pod",
            Source::Owner(_) => "owner",
            Source::Injector(_) => "injector",
        }
    }

    /// Its name there.
    pub fn key(&self) -> &str {
        match self {
            Source::Annotation(name) | Source::Label(name) => name,
            Source::Values(key) | Source::Mesh(key) | Source::Proxy(key) | Source::Pod(key) | Source::Owner(key) => key,
            Source::Injector(name) => name,
        }
    }
}

impl fmt::Display for Read {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match &self.source {
            Source::Mesh(_) => "mesh config",
            Source::Proxy(_) => "proxy config",
            source @ (Source::Annotation(_)
            | Source::Label(_)
            | Source::Values(_)
            | Source::Pod(_)
            | Source::Owner(_)
            | Source::Injector(_)) => source.word(),
        };
        write!(f, "{what} {}", self.source.key())?;
        match &self.value {
            Some(value) => write!(f, " = {value:?}"),
            None => Ok(()),
        }
    }
}
