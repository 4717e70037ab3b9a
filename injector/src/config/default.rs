//! The built-in configuration: this project's init container, and an Envoy that needs no control plane.

use super::Source;

/// The injection config.
pub fn injection() -> Source {
    Source::new("the built-in injection config", include_str!("default/injection.yaml"))
}

/// The values.
pub fn values() -> Source {
    Source::new("the built-in values", include_str!("default/values.yaml"))
}

/// The mesh config.
pub fn mesh() -> Source {
    Source::new("the built-in mesh config", include_str!("default/mesh.yaml"))
}
