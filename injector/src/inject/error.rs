//! Why a pod could not be injected.

use std::fmt;

use super::context::{Context, Shown};
use super::render::MAX_TEMPLATES;
use crate::annotations::{OVERRIDES, PROXY_CONFIG, Problems, STATUS, TEMPLATES};
use crate::kubernetes::{merge, typed};
use crate::value::EcoString;
use crate::{mesh, template, yaml};

/// Why a pod could not be injected.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Some annotations of the pod break their rules.
    #[error("failed to run injection template: {0}")]
    Annotations(#[source] Problems),
    /// The annotation with the user's containers cannot be read.
    #[error("failed to run injection template: invalid value '{value}' for annotation '{OVERRIDES}': {reason}")]
    Overrides {
        /// The annotation's value.
        value: EcoString,
        /// What is wrong.
        reason: String,
    },
    /// The container names in the status annotation are not a list of strings.
    #[error(
        "failed to re apply container: invalid value '{value}' for annotation '{STATUS}': {field} has to be a list of \
         names; remove the annotation, or restore what the injector wrote"
    )]
    Status {
        /// The annotation's value.
        value: EcoString,
        /// `containers` or `initContainers`.
        field: &'static str,
    },
    /// The pod, an alias or the config asks for a template that does not exist.
    #[error("failed to run injection template: requested template {name:?} not found; have {known}")]
    UnknownTemplate {
        /// The template's name.
        name: EcoString,
        /// All templates there are.
        known: String,
    },
    /// The pod, an alias or the config asks for more templates than anyone needs: one annotation has room for 30,000.
    #[error(
        "failed to run injection template: {count} templates are requested, by annotation '{TEMPLATES}' or by default; \
         allowed are {MAX_TEMPLATES}"
    )]
    TooManyTemplates {
        /// How many.
        count: usize,
    },
    /// A template cannot be rendered for this pod.
    #[error("failed to run injection template: template {name:?}: {source}")]
    Render {
        /// The template's name in the config.
        name: EcoString,
        /// The place and the reason.
        source: Box<template::Error>,
    },
    /// What a template rendered to is not YAML.
    #[error("failed to run injection template: {0}")]
    NoYaml(#[source] Box<NoYaml>),
    /// What a template rendered to is not an object.
    #[error("failed to run injection template: template {name:?} has to render to a pod; it rendered to {kind}")]
    NoObject {
        /// The template's name in the config.
        name: EcoString,
        /// What it rendered to.
        kind: &'static str,
    },
    /// What a template rendered to cannot be merged.
    #[error(
        "failed to run injection template: failed applying the overlay of template {name:?}: strategic merge: {source}{}",
        Shown(context)
    )]
    Merge {
        /// The template's name in the config.
        name: EcoString,
        /// The place and the reason.
        source: merge::Error,
        /// The lines there, if the position is known.
        context: Option<Box<Context>>,
    },
    /// Merging what a template rendered to gives something that is not a pod.
    #[error(
        "failed to run injection template: template {name:?} does not make a pod (check Istio sidecar injector \
         configuration): unmarshal patched pod: {source}{}",
        Shown(context)
    )]
    NoPod {
        /// The template's name in the config.
        name: EcoString,
        /// The place and the reason.
        source: typed::Error,
        /// The lines there, if the position is known.
        context: Option<Box<Context>>,
    },
    /// One of the user's containers cannot be merged over the injected one.
    #[error("failed to re apply container: {container}: {reason}")]
    Reapply {
        /// The container's name.
        container: EcoString,
        /// Why.
        reason: String,
    },
    /// The pod's proxy config cannot be read.
    #[error("failed to process pod: annotation proxy.istio.io/config: {0}")]
    ProxyConfig(#[source] mesh::Error),
    /// The pod's metrics cannot be merged with the proxy's.
    #[error("failed to process pod: {0}")]
    Prometheus(String),
}

impl Error {
    /// The reason in one stable word, for metrics and audit annotations.
    pub fn key(&self) -> &'static str {
        match self {
            Error::Annotations(_)
            | Error::Overrides { .. }
            | Error::Status { .. }
            | Error::ProxyConfig(_)
            | Error::TooManyTemplates { .. } => "invalid-annotation",
            Error::UnknownTemplate { .. } => "unknown-template",
            Error::Render { .. } => "template-render",
            Error::NoYaml(_) | Error::NoObject { .. } | Error::NoPod { .. } => "template-output",
            Error::Merge { .. } => "template-merge",
            Error::Reapply { .. } => "invalid-container",
            Error::Prometheus(_) => "invalid-scrape-target",
        }
    }

    /// The reason for a log: what is wrong and in which place, and nothing from the pod.
    pub fn summary(&self) -> String {
        match self {
            Error::Annotations(Problems(problems)) => {
                let names: Vec<_> = problems.iter().map(|problem| problem.annotation).collect();
                format!("invalid annotation: {}", names.join(", "))
            }
            Error::Overrides { .. } => format!("invalid annotation: {OVERRIDES}"),
            Error::Status { .. } => format!("invalid annotation: {STATUS}"),
            Error::ProxyConfig(_) => format!("invalid annotation: {PROXY_CONFIG}"),
            Error::UnknownTemplate { known, .. } => format!("the pod asks for an unknown template; have {known}"),
            Error::Render { name, source } => match &source.execution {
                Some(at) => format!("template {name:?} fails at line {}, at <{}>", source.line, at.expression),
                None => format!("template {name:?} fails at line {}", source.line),
            },
            Error::NoYaml(no_yaml) => match no_yaml.context.line {
                Some(line) => format!("template {:?} rendered to text that is not YAML, at line {line}", no_yaml.name),
                None => format!("template {:?} rendered to text that is not YAML", no_yaml.name),
            },
            Error::NoObject { .. } | Error::TooManyTemplates { .. } => self.to_string(),
            Error::Merge { name, source, .. } => {
                format!("template {name:?} rendered to what cannot be merged, at {}", source.path())
            }
            Error::NoPod { name, source, .. } => format!("template {name:?} does not make a pod, at {}", source.path()),
            Error::Reapply { container, .. } => {
                format!("container {container:?} cannot be merged with the injected one")
            }
            Error::Prometheus(_) => "the port that Prometheus is told is invalid".to_owned(),
        }
    }
}

/// A template that rendered to text that is not YAML.
#[derive(Debug, thiserror::Error)]
#[error("template {name:?} rendered to text that is not YAML: {source}{}: {}{context}", FromLine(context), context.rendered_line())]
pub struct NoYaml {
    /// The template's name in the config.
    pub name: EcoString,
    /// The place in the rendered text, and the reason.
    pub source: yaml::Error,
    /// The lines there.
    pub context: Context,
}

struct FromLine<'c>(&'c Context);

impl fmt::Display for FromLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.line {
            Some(line) => write!(f, ", from line {line} of the template"),
            None => Ok(()),
        }
    }
}
