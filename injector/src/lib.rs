//! Puts a sidecar proxy into pods, as Istio's injector does, from Istio's own three configuration texts.
//!
//! Bytes in, bytes out. Only `cluster` and `server` know a network and a clock:
//!
//! ```text
//! config, values, mesh ──yaml, mesh, template (parsed once)──▶ Config
//! YAML or AdmissionReview ──yaml, json──▶ Value ──decision──▶ inject ──▶ Value ──▶ YAML, or a JSON patch
//! ```

pub mod annotations;
mod base64;
pub mod certificate;
pub mod changes;
pub mod check;
#[cfg(feature = "cluster")]
pub mod cluster;
pub mod commands;
pub mod config;
pub mod decision;
pub mod explain;
pub mod functions;
mod go;
pub mod inject;
pub mod json;
pub mod kubernetes;
pub mod lint;
pub mod mesh;
pub mod object;
pub mod review;
#[cfg(feature = "webhook")]
pub mod server;
#[cfg(any(feature = "cluster", feature = "webhook"))]
pub mod surroundings;
pub mod template;
mod unified;
pub mod value;
pub mod warnings;
pub mod yaml;
