//! The admission webhook, asked as an API server asks it.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use super::world::{Configuration, NATIVE};

/// A running webhook.
pub struct Webhook {
    process: Child,
    address: String,
    _configuration: Configuration,
}

impl Webhook {
    /// Starts it with a certificate of its own, and waits until it serves.
    pub fn start() -> Self {
        let configuration = Configuration::new(NATIVE, "");
        let mut command = configuration.injector("webhook");
        command.args(["--self-signed", "--listen", "127.0.0.1:0", "--shutdown-delay", "0"]);
        let mut process = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(process.stderr.take().unwrap()).lines();
        let address = log.find_map(|line| {
            let line = line.unwrap();
            let (_, address) = line.split_once("address=")?;
            Some(address.split_whitespace().next()?.trim_matches('"').to_owned())
        });
        // What else it logs is nothing to wait for.
        std::thread::spawn(move || log.for_each(drop));
        Self { process, address: address.expect("it serves"), _configuration: configuration }
    }

    /// The pod as the API server keeps it, given what the webhook answers.
    pub fn admit(&self, pod: &Value) -> Value {
        let request = json!({
            "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
            "kind": {"group": "", "version": "v1", "kind": "Pod"},
            "resource": {"group": "", "version": "v1", "resource": "pods"},
            "namespace": "default", "operation": "CREATE", "object": pod,
        });
        let review = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request});
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--fail", "--insecure", "--header", "Content-Type: application/json"]);
        curl.args(["--data-binary", "@-"]).arg(format!("https://{}/inject", self.address));
        let answer: Value = serde_json::from_str(&harness::run(&mut curl, &review.to_string())).unwrap();
        let response = &answer["response"];
        assert!(response["allowed"] == true && response["patchType"] == "JSONPatch", "{answer}");
        let patch = data_encoding::BASE64.decode(response["patch"].as_str().unwrap().as_bytes()).unwrap();
        let mut pod = pod.clone();
        json_patch::patch(&mut pod, &serde_json::from_slice::<json_patch::Patch>(&patch).unwrap()).unwrap();
        pod
    }
}

impl Drop for Webhook {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
