//! The plugin as a runtime calls it: alone, in network namespaces of the tests' own, and by a real containerd.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on falls over"
)]

mod alone;
mod containerd;
mod pod;

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

/// The program under test.
const PROGRAM: &str = env!("CARGO_BIN_EXE_istio-cni");

/// The status that the injector writes when the plugin makes the rules.
const STATUS: &str = r#"{"initContainers":["istio-validation"],"containers":["istio-proxy"]}"#;

/// What came of a call.
struct Answer {
    code: Option<i32>,
    out: String,
    log: String,
}

impl Answer {
    /// The error object, which has to be one.
    fn error(&self) -> (u64, String) {
        assert_eq!(self.code, Some(1), "{}", self.log);
        let object: Value = serde_json::from_str(&self.out).expect("an error object");
        assert!(object["cniVersion"].is_string() && object["details"].is_string(), "{object}");
        (object["code"].as_u64().unwrap(), object["msg"].as_str().unwrap().to_owned())
    }
}

/// Calls the plugin with these variables and this input.
fn call(variables: &[(&str, &str)], input: &[u8]) -> Answer {
    let mut child = Command::new(PROGRAM)
        .env_clear()
        .envs(variables.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the plugin starts");
    // It need not read all of it.
    let _ = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Answer { code: output.status.code(), out: text(output.stdout), log: text(output.stderr) }
}

/// What a runtime sends for an injected pod with these annotations and these further members of the plugin's object.
fn configuration(annotations: &[(&str, &str)], more: Value) -> Value {
    let mut all = json!({"sidecar.istio.io/status": STATUS});
    annotations.iter().for_each(|(name, value)| all[name] = (*value).into());
    let mut object = json!({
        "cniVersion": "1.0.0", "name": "pod", "type": "istio-cni",
        "runtimeConfig": {"io.kubernetes.cri.pod-annotations": all},
        "prevResult": {"cniVersion": "1.0.0", "ips": [{"address": "10.88.0.2/24"}], "unknown": 1.50},
    });
    object.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    object
}
