//! The node, which runs until it is stopped. It answers one request at a time.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::ExitCode;

use node::{Node, RunningPod, stock};
use serde_json::{Value, json};
use sidecar_injector::yaml;

use super::SOCKET;

/// Serves until `stop`.
pub fn serve() -> ExitCode {
    let variable = |name| PathBuf::from(std::env::var_os(name).unwrap_or_else(|| panic!("{name} is not set")));
    let plugin = json!({"type": "istio-cni", "capabilities": {"io.kubernetes.cri.pod-annotations": true}});
    let node = Node::start(&[(&variable("PODS_CNI"), plugin)]);
    node.import(&stock::application());
    node.import(&stock::proxy(&variable("PODS_ENVOY")));
    node.import(&stock::init(&variable("PODS_INIT")));
    let mut pods = Pods { node: &node, running: BTreeMap::new() };
    let listener = UnixListener::bind(SOCKET).expect("a socket");
    let asked_to_stop = listener.incoming().map_while(Result::ok).find_map(|connection| answer(connection, &mut pods));
    drop(node);
    fs::remove_file(SOCKET).expect("a socket of our own");
    if let Some(connection) = asked_to_stop {
        reply(connection, &Ok(String::new()));
    }
    ExitCode::SUCCESS
}

/// Answers a question, unless it is a connection without one. Returns the connection of one that asks to stop, to be answered
/// when all is gone.
fn answer(mut connection: UnixStream, pods: &mut Pods<'_>) -> Option<UnixStream> {
    let mut question = String::new();
    let Ok(1..) = connection.read_to_string(&mut question) else { return None };
    let question: Value = serde_json::from_str(&question).expect("a question of this program");
    let words: Vec<_> = question["words"].as_array().expect("words").iter().filter_map(Value::as_str).collect();
    if words == ["stop"] {
        return Some(connection);
    }
    reply(connection, &pods.run(&words, question["input"].as_str().unwrap_or_default()));
    None
}

fn reply(mut connection: UnixStream, outcome: &Result<String, String>) {
    let (Ok(text) | Err(text)) = outcome;
    // The client may be gone.
    let _ = connection.write_all(json!({"ok": outcome.is_ok(), "text": text}).to_string().as_bytes());
    let _ = connection.shutdown(Shutdown::Both);
}

struct Pods<'a> {
    node: &'a Node,
    running: BTreeMap<String, RunningPod<'a>>,
}

impl<'a> Pods<'a> {
    fn run(&mut self, words: &[&str], input: &str) -> Result<String, String> {
        match words {
            ["apply"] => self.apply(input),
            ["get"] => self.get(),
            ["containers", pod] => self.containers(pod),
            ["ip", pod] => Ok(format!("{}\n", self.pod(pod)?.address())),
            ["namespace", pod] => Ok(self.pod(pod)?.sandbox.namespace.display().to_string()),
            ["logs", pod, container] => Ok(self.pod(pod)?.log(container)),
            ["exec", pod, container, command @ ..] => self.pod(pod)?.execute(container, command),
            ["delete", pod] => {
                self.running.remove(*pod).ok_or_else(|| format!("no pod {pod}"))?.delete()?;
                Ok(format!("pod/{pod} deleted\n"))
            }
            other => Err(format!("not a command: {other:?}")),
        }
    }

    fn pod(&self, name: &str) -> Result<&RunningPod<'a>, String> {
        self.running.get(name).ok_or_else(|| format!("no pod {name}"))
    }

    fn apply(&mut self, text: &str) -> Result<String, String> {
        let mut told = String::new();
        for document in text.split("\n---\n").filter(|document| !document.trim().is_empty()) {
            let value = yaml::parse(document).map_err(|error| error.to_string())?;
            let object: Value = serde_json::from_str(&sidecar_injector::json::to_string(&value)).expect("JSON");
            let kind = object["kind"].as_str().unwrap_or_default();
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            if kind != "Pod" && object.pointer("/spec/template").is_none() {
                let _ = writeln!(told, "{}/{name}: nothing to run", kind.to_lowercase());
                continue;
            }
            let pod = if kind == "Pod" { name.to_owned() } else { format!("{name}-0") };
            if let Some(old) = self.running.remove(&pod) {
                old.delete()?;
            }
            let running = self.node.run_pod(&object, &[])?;
            let outcome = if kind == "Job" {
                let ended = running.wait_until_finished()?;
                format!("finished, exit status {}", ended.iter().map(i32::to_string).collect::<Vec<_>>().join(", "))
            } else {
                let all = running.wait_until_ready()?;
                format!("READY {all}/{all}")
            };
            let _ = writeln!(told, "{}/{name}: {outcome}", kind.to_lowercase());
            self.running.insert(pod, running);
        }
        Ok(told)
    }

    fn containers(&self, pod: &str) -> Result<String, String> {
        let mut table = format!("{:<20}STATE\n", "CONTAINER");
        for (name, ended) in self.pod(pod)?.containers()? {
            let state = ended.map_or_else(|| "running".to_owned(), |status| format!("ended, exit status {status}"));
            let _ = writeln!(table, "{name:<20}{state}");
        }
        Ok(table)
    }

    fn get(&self) -> Result<String, String> {
        let mut table = format!("{:<16}{:<8}IP\n", "NAME", "READY");
        for (name, pod) in &self.running {
            let ready = pod.ready().map_or_else(|_| "ended".to_owned(), |(ready, all)| format!("{ready}/{all}"));
            let _ = writeln!(table, "{name:<16}{ready:<8}{}", pod.address());
        }
        Ok(table)
    }
}
