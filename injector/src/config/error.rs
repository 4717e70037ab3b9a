//! Why a configuration cannot be used.

use super::values::WrongType;
use crate::yaml::{self, Position};
use crate::{mesh, template};

/// Why a configuration cannot be used. A configuration with an error is not used at all.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A text is not YAML.
    #[error("{file}: {source}")]
    Yaml {
        /// The file.
        file: String,
        /// The place and the reason.
        source: Box<yaml::Error>,
    },
    /// A key of the injection config has a value of a wrong type.
    #[error("{file}{}: {key}: {found} is not allowed; it has to be {allowed}", At(*position))]
    Key {
        /// The file.
        file: String,
        /// The position in the file.
        position: Option<Position>,
        /// The key, such as `aliases.both`.
        key: String,
        /// What the file has.
        found: &'static str,
        /// What is allowed there.
        allowed: &'static str,
    },
    /// A template cannot be parsed.
    #[error("{file}: template {name:?}: {source}")]
    Template {
        /// The file.
        file: String,
        /// The template's name.
        name: String,
        /// The place and the reason.
        source: Box<template::Error>,
    },
    /// A value of a wrong type.
    #[error("{file}{}: could not parse configuration values: {source}", At(*position))]
    Values {
        /// The file.
        file: String,
        /// The position in the file.
        position: Option<Position>,
        /// Which value, and what is allowed.
        source: Box<WrongType>,
    },
    /// No values at all.
    #[error("{file}: there are no values in it; write at least `{{}}`")]
    NoValues {
        /// The file.
        file: String,
    },
    /// The mesh config.
    #[error("{file}: {source}")]
    Mesh {
        /// The file.
        file: String,
        /// The place and the reason.
        source: Box<mesh::Error>,
    },
    /// A ConfigMap without the text that it is read for.
    #[error("{file}: missing ConfigMap {kind} key {key:?}; the ConfigMap {configmap} has it")]
    ConfigMap {
        /// The file.
        file: String,
        /// What the text is: `config`, `values` or `mesh`.
        kind: &'static str,
        /// The key.
        key: &'static str,
        /// The ConfigMap that has it.
        configmap: &'static str,
    },
    /// An operator file without an object in it.
    #[error("{file}: an IstioOperator has to be an object with `spec`, not {found}")]
    Operator {
        /// The file.
        file: String,
        /// What the file has.
        found: &'static str,
    },
}

/// A place after a file's name.
struct At(Option<Position>);

impl std::fmt::Display for At {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.map_or(Ok(()), |position| write!(f, ": {position}"))
    }
}
