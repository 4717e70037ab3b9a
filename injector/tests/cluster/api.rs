//! What the tests of watches and writers share: a client of their own, hurry, patience, and what was logged.

use std::future::Future;
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

use kube::api::{DeleteParams, GetParams, ListParams, PostParams};
use kube::core::Request;
use serde_json::Value;
use sidecar_injector::cluster::{Cluster, Options, Pace};

use super::Folder;
use super::fake::Fake;

/// An API server, as a test sees it.
#[derive(Clone)]
pub struct Api {
    /// As the program sees it.
    pub cluster: Cluster,
    /// As the test sees it.
    admin: Cluster,
    _folder: Arc<Folder>,
}

impl Api {
    pub async fn of(fake: &Fake, name: &str) -> Self {
        let folder = Folder::new(name);
        let kubeconfig = folder.kubeconfig(&format!("server: 'http://{}'", fake.address), "token: t");
        Self::at(folder, &kubeconfig).await
    }

    pub async fn at(folder: Folder, kubeconfig: &str) -> Self {
        let options = Options { kubeconfig: Some(kubeconfig.into()), ..Options::default() };
        let cluster = Cluster::new(&options, &|_| None).await.unwrap();
        Api { admin: cluster.clone(), cluster, _folder: Arc::new(folder) }
    }

    /// The same with a program that is another user.
    pub fn for_program(&self, other: &Api) -> Self {
        Api { cluster: other.cluster.clone(), ..self.clone() }
    }

    /// Creates an object, or replaces the one of its name.
    pub async fn put(&self, path: &str, mut object: Value) -> Value {
        let name = object["metadata"]["name"].as_str().unwrap().to_owned();
        let (builder, client) = (Request::new(path), self.admin.client());
        let there = client.request::<Value>(builder.get(&name, &GetParams::default()).unwrap()).await;
        let request = match there {
            Ok(there) => {
                object["metadata"]["resourceVersion"] = there["metadata"]["resourceVersion"].clone();
                builder.replace(&name, &PostParams::default(), object.to_string().into())
            }
            Err(_) => builder.create(&PostParams::default(), object.to_string().into()),
        };
        client.request(request.unwrap()).await.unwrap()
    }

    /// Creates an object; the API server's reason, if it refuses.
    pub async fn create(&self, path: &str, object: &Value) -> Result<Value, String> {
        let request = Request::new(path).create(&PostParams::default(), object.to_string().into()).unwrap();
        self.admin.client().request(request).await.map_err(|error| error.to_string())
    }

    pub async fn get(&self, path: &str, name: &str) -> Option<Value> {
        let request = Request::new(path).get(name, &GetParams::default()).unwrap();
        self.admin.client().request(request).await.ok()
    }

    /// Whether there is a resource at all.
    pub async fn is_there(&self, path: &str) -> bool {
        let request = Request::new(path).list(&ListParams::default()).unwrap();
        self.admin.client().request::<Value>(request).await.is_ok()
    }

    pub async fn delete(&self, path: &str, name: &str) {
        let request = Request::new(path).delete(name, &DeleteParams::default()).unwrap();
        self.admin.client().request::<Value>(request).await.unwrap();
    }
}

/// Times for tests: nothing waits longer than it takes, and what must not happen meanwhile takes for ever.
pub fn hurry() -> Pace {
    let ms = Duration::from_millis;
    Pace {
        shortest: ms(10),
        longest: ms(50),
        slow: ms(50),
        steady: ms(100),
        silence: Duration::from_secs(60),
        collect: ms(5),
        lease: ms(1500),
        patch: (ms(10), ms(200)),
        trust: ms(50),
    }
}

/// Runs a test that waits.
pub fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(test);
    runtime.shutdown_background();
}

/// Waits until something holds, and fails if it never does.
pub async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    until_async(what, async || holds()).await;
}

/// The same for what has to be asked for.
pub async fn until_async(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    for _ in 0..6000 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("this never came: {what}");
}

static LOG: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Logger;

impl log::Log for Logger {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.target().starts_with("sidecar_injector")
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            let resource = record.key_values().get("resource".into()).map(|r| r.to_string()).unwrap_or_default();
            LOG.lock().unwrap().push(format!("{} {resource}: {}", record.level(), record.args()));
        }
    }

    fn flush(&self) {}
}

/// Notes from now on what is logged.
pub fn take_notes() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        log::set_logger(&Logger).unwrap();
        log::set_max_level(log::LevelFilter::Info);
    });
}

/// The lines of the log that have a text of one test's own in them.
pub fn logged(part: &str) -> Vec<String> {
    LOG.lock().unwrap().iter().filter(|line| line.contains(part)).cloned().collect()
}
