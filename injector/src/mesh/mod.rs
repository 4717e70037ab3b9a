//! Mesh config and proxy config: defaults, proto JSON in and out, merging, validation, and how templates see them.
//!
//! A message is kept as the map of its canonical proto JSON (see `read`), described by a generated table of types.

mod config;
mod descriptor;
pub mod duration;
mod host;
mod proxy;
mod read;
mod resources;
#[rustfmt::skip]
mod table;
mod traffic;
mod validate;
pub mod view;
mod write;

pub use config::MeshConfig;
pub use proxy::{Levels, ProxyConfig};
pub use read::FieldError;
pub use resources::{ProxyConfigs, Unusable};
pub use validate::Problem;

/// Why a mesh config or a proxy config cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is not YAML.
    #[error("could not parse {what}: {source}")]
    Yaml {
        /// "mesh config" or "proxy config".
        what: &'static str,
        /// The YAML error.
        source: crate::yaml::Error,
    },
    /// A field has a value that it cannot have.
    #[error("could not parse {what}: {source}")]
    Field {
        /// "mesh config" or "proxy config".
        what: &'static str,
        /// The field, the value, what is allowed.
        source: FieldError,
    },
    /// The values are of the right types, but cannot work.
    #[error("the mesh config is invalid: {}", join(.0))]
    Invalid(Vec<Problem>),
}

/// Several problems in one line.
pub(crate) fn join(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests;
