//! An API server in memory: objects with versions, lists in pages, watches, and the faults that a test wants.

use std::collections::BTreeMap;
use std::io::{BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::server::{Asked, whole};

/// A server on a port of its own. It ends with the process.
#[derive(Clone)]
pub struct Fake {
    pub address: SocketAddr,
    shared: Arc<(Mutex<State>, Condvar)>,
}

/// From method and path to the status that is answered instead.
type Fault = dyn Fn(&str, &str) -> Option<u16> + Send;

#[derive(Default)]
struct State {
    version: u64,
    /// By path.
    objects: BTreeMap<String, Value>,
    events: Vec<Event>,
    asked: Vec<String>,
    fault: Option<Box<Fault>>,
    /// Watches of an older generation are cut off.
    generation: u64,
    /// Watches from an older version are refused.
    oldest: u64,
}

struct Event {
    version: u64,
    kind: &'static str,
    path: String,
    object: Value,
}

/// Resources, and the kinds of their objects.
const RESOURCES: [(&str, &str); 7] = [
    ("nodes", "Node"),
    ("namespaces", "Namespace"),
    ("configmaps", "ConfigMap"),
    ("secrets", "Secret"),
    ("leases", "Lease"),
    ("mutatingwebhookconfigurations", "MutatingWebhookConfiguration"),
    ("proxyconfigs", "ProxyConfig"),
];

impl Fake {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let fake = Fake { address: listener.local_addr().unwrap(), shared: Arc::default() };
        let server = fake.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let server = server.clone();
                // A client that breaks off is no matter of the server's.
                thread::spawn(move || server.serve(stream));
            }
        });
        fake
    }

    /// The requests so far: `GET /path`.
    pub fn asked(&self) -> Vec<String> {
        self.shared.0.lock().unwrap().asked.clone()
    }

    /// How many requests there were of a kind.
    pub fn count(&self, method: &str, part: &str) -> usize {
        self.asked().iter().filter(|asked| asked.starts_with(method) && asked.contains(part)).count()
    }

    /// Answers some requests with a status of failure from now on.
    pub fn fail(&self, fault: impl Fn(&str, &str) -> Option<u16> + Send + 'static) {
        self.shared.0.lock().unwrap().fault = Some(Box::new(fault));
    }

    pub fn work_again(&self) {
        self.shared.0.lock().unwrap().fault = None;
    }

    /// Cuts off all watches.
    pub fn disconnect(&self) {
        self.shared.0.lock().unwrap().generation += 1;
        self.shared.1.notify_all();
    }

    /// Forgets what happened before.
    pub fn compact(&self) {
        let mut state = self.shared.0.lock().unwrap();
        state.oldest = state.version + 1;
        state.version += 1;
        state.events.clear();
    }

    fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream);
        let asked = Asked::read(&mut reader)?;
        let stream = reader.get_mut();
        let (path, query) = asked.path.split_once('?').unwrap_or((&asked.path, ""));
        let parameter = |name: &str| {
            query
                .split('&')
                .filter_map(|p| p.split_once('='))
                .find(|(n, _)| *n == name)
                .map(|(_, v)| v.replace("%3D", "=").replace("%2F", "/"))
        };
        let mut state = self.shared.0.lock().unwrap();
        state.asked.push(format!("{} {}", asked.method, asked.path));
        if let Some(code) = state.fault.as_ref().and_then(|fault| fault(&asked.method, &asked.path)) {
            drop(state);
            return whole(stream, code, &failure(code));
        }
        let is_list = RESOURCES.iter().any(|(resource, _)| path.ends_with(&format!("/{resource}")));
        if asked.method == "GET" && is_list && query.contains("watch=true") {
            drop(state);
            let version = parameter("resourceVersion").unwrap().parse().unwrap();
            return self.watch(
                stream,
                path,
                &Selector { fields: parameter("fieldSelector"), labels: parameter("labelSelector") },
                version,
            );
        }
        let (code, answer) = match asked.method.as_str() {
            "GET" if is_list => {
                let selector = Selector { fields: parameter("fieldSelector"), labels: parameter("labelSelector") };
                let number = |name| parameter(name).and_then(|n| n.parse::<usize>().ok());
                (200, state.list(path, &selector, number("limit"), number("continue").unwrap_or(0)))
            }
            "GET" => state.objects.get(path).map_or((404, failure(404)), |object| (200, object.to_string())),
            method => state
                .change(method, path, &asked.body)
                .map_or_else(|code| (code, failure(code)), |object| (200, object.to_string())),
        };
        drop(state);
        self.shared.1.notify_all();
        whole(stream, code, &answer)
    }

    fn watch(&self, stream: &mut TcpStream, path: &str, selector: &Selector, mut from: u64) -> std::io::Result<()> {
        let head = "HTTP/1.1 200 x\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n";
        stream.write_all(head.as_bytes())?;
        let mut state = self.shared.0.lock().unwrap();
        let generation = state.generation;
        loop {
            if state.generation != generation {
                return Ok(());
            }
            let mut lines = String::new();
            if from < state.oldest {
                let gone: Value = serde_json::from_str(&failure(410)).unwrap();
                lines = format!("{}\n", json!({"type": "ERROR", "object": gone}));
                from = u64::MAX;
            }
            for event in
                state.events.iter().filter(|e| e.version > from && is_in(&e.path, path) && selector.fits(&e.object))
            {
                lines += &format!("{}\n", json!({"type": event.kind, "object": event.object}));
            }
            from = from.max(state.version);
            drop(state);
            stream.write_all(lines.as_bytes())?;
            state = self.shared.0.lock().unwrap();
            if state.generation == generation && state.version <= from {
                state = self.shared.1.wait_timeout(state, Duration::from_millis(500)).unwrap().0;
            }
        }
    }
}

#[derive(Default)]
struct Selector {
    fields: Option<String>,
    labels: Option<String>,
}

impl Selector {
    fn fits(&self, object: &Value) -> bool {
        let pair = |text: &Option<String>| {
            text.as_ref().map(|t| t.split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned())).unwrap())
        };
        let name = pair(&self.fields).is_none_or(|(_, name)| object["metadata"]["name"] == name);
        name && pair(&self.labels).is_none_or(|(key, value)| object["metadata"]["labels"][&key] == value)
    }
}

impl State {
    fn list(&self, path: &str, selector: &Selector, limit: Option<usize>, start: usize) -> String {
        let fitting = self.objects.iter().filter(|(p, object)| is_in(p, path) && selector.fits(object));
        let all: Vec<_> = fitting.map(|(_, object)| object).collect();
        let end = limit.map_or(all.len(), |limit| all.len().min(start + limit));
        let next = if end < all.len() { end.to_string() } else { String::new() };
        json!({"metadata": {"resourceVersion": self.version.to_string(), "continue": next}, "items": all[start..end]})
            .to_string()
    }

    fn change(&mut self, method: &str, path: &str, body: &[u8]) -> Result<Value, u16> {
        let object: Value = serde_json::from_slice(body).unwrap_or_default();
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        let path = if method == "POST" { format!("{path}/{name}") } else { path.to_owned() };
        let there = self.objects.get(&path);
        let same = |field: &str| {
            let (wanted, there) = (&object["metadata"][field], there.map(|t| &t["metadata"][field]));
            wanted.is_null() || Some(wanted) == there
        };
        let (kind, mut new) = match (method, there) {
            ("POST", Some(_)) => return Err(409),
            ("POST", None) => ("ADDED", object),
            (_, None) => return Err(404),
            (_, Some(_)) if !same("resourceVersion") || !same("uid") => return Err(409),
            ("PUT", Some(_)) => ("MODIFIED", object),
            ("PATCH", Some(there)) => ("MODIFIED", applied(there.clone(), &object)?),
            ("DELETE", Some(there)) => ("DELETED", there.clone()),
            (method, _) => panic!("{method} is not known here"),
        };
        // What changes nothing has no event.
        if kind == "MODIFIED" && Some(&new) == there {
            return Ok(new);
        }
        self.version += 1;
        let uid = there.map_or(json!(format!("uid-{}", self.version)), |there| there["metadata"]["uid"].clone());
        new["metadata"]["uid"] = uid;
        if let Some((_, rest)) = path.split_once("/namespaces/")
            && let Some((namespace, _)) = rest.split_once('/')
        {
            new["metadata"]["namespace"] = json!(namespace);
        }
        new["metadata"]["resourceVersion"] = json!(self.version.to_string());
        if let Some((_, kind)) = RESOURCES.iter().find(|(resource, _)| path.rsplit('/').nth(1) == Some(resource)) {
            new["kind"] = json!(kind);
        }
        if kind == "DELETED" {
            self.objects.remove(&path);
        } else {
            self.objects.insert(path.clone(), new.clone());
        }
        self.events.push(Event { version: self.version, kind, path, object: new.clone() });
        Ok(new)
    }
}

/// Server-side apply, as far as it is used here: fields of webhooks, by name. What was applied before and is left out now
/// is removed.
fn applied(mut object: Value, patch: &Value) -> Result<Value, u16> {
    let names: Vec<_> = patch["webhooks"].as_array().unwrap().iter().map(|webhook| webhook["name"].clone()).collect();
    let before = object["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
    object["metadata"]["managedFields"] = json!(names);
    let entries = object["webhooks"].as_array_mut().unwrap();
    for entry in entries.iter_mut().filter(|entry| before.contains(&entry["name"]) && !names.contains(&entry["name"])) {
        entry["clientConfig"].as_object_mut().unwrap().remove("caBundle");
    }
    for webhook in patch["webhooks"].as_array().unwrap() {
        // A new entry would lack what is required.
        let entry = entries.iter_mut().find(|entry| entry["name"] == webhook["name"]).ok_or(422_u16)?;
        entry["clientConfig"]["caBundle"] = webhook["clientConfig"]["caBundle"].clone();
    }
    Ok(object)
}

/// Whether an object is in a list, which may be that of all namespaces.
fn is_in(object: &str, list: &str) -> bool {
    let (collection, _) = object.rsplit_once('/').unwrap();
    if collection == list {
        return true;
    }
    let (group, resource) = list.rsplit_once('/').unwrap();
    let namespaced = collection.strip_prefix(&format!("{group}/namespaces/"));
    namespaced.and_then(|rest| rest.split_once('/')).is_some_and(|(_, r)| r == resource)
}

fn failure(code: u16) -> String {
    let reason = match code {
        403 => "Forbidden",
        404 => "NotFound",
        409 => "Conflict",
        410 => "Expired",
        422 => "Invalid",
        _ => "InternalError",
    };
    json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "message": format!("{reason} by the test"), "code": code}).to_string()
}
