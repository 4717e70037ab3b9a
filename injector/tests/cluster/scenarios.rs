//! What watches and writers do in the course of things. Each holds with the server in memory and with a real one.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use data_encoding::BASE64;
use serde_json::{Value, json};
use sidecar_injector::certificate::{Issuer, Triple};
use sidecar_injector::cluster::{
    CaBundle, Candidate, Name, Namespace, Pace, PatchEvent, SharedCertificate, hold, keep_ca_bundle, share_certificate,
};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::api::{Api, hurry, until, until_async};

pub const CONFIGURATIONS: &str = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations";
pub const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/istio-system/leases";
pub const SECRETS: &str = "/api/v1/namespaces/istio-system/secrets";

pub fn namespace() -> Namespace {
    Namespace::new("istio-system").unwrap()
}

/// Something that goes on until it is stopped.
pub struct Running {
    pub stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Running {
    pub fn start<F: Future<Output = ()> + Send + 'static>(start: impl FnOnce(watch::Receiver<bool>) -> F) -> Self {
        let (stop, shutdown) = watch::channel(false);
        Running { stop, task: tokio::spawn(start(shutdown)) }
    }

    /// An orderly end.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        self.task.await.unwrap();
    }

    /// The end of a process that was killed.
    pub fn kill(self) {
        self.task.abort();
    }
}

/// A replica that wants the Lease `name`.
pub fn candidate(api: &Api, name: &str, identity: &str, pace: Pace) -> (Running, watch::Receiver<bool>) {
    let (held, holds) = watch::channel(false);
    let candidate =
        Candidate { namespace: namespace(), lease: Name::new(name).unwrap(), identity: identity.to_owned(), pace };
    (Running::start(|shutdown| hold(api.cluster.clone(), candidate, held, shutdown)), holds)
}

async fn until_true(mut holds: watch::Receiver<bool>) {
    tokio::time::timeout(Duration::from_secs(60), holds.wait_for(|holds| *holds)).await.unwrap().unwrap();
}

/// Of two replicas one holds the Lease. It goes to the other when the one stops, and also when the one is killed.
pub async fn a_lease_has_one_holder_and_goes_on(api: &Api, lease: &str) {
    let (first, first_holds) = candidate(api, lease, "first", hurry());
    until_true(first_holds.clone()).await;
    let (second, second_holds) = candidate(api, lease, "second", hurry());
    let holder = async || api.get(LEASES, lease).await.unwrap()["spec"].clone();
    let renewed = holder().await["renewTime"].clone();
    until_async("a renewal", async || holder().await["renewTime"] != renewed).await;
    assert!(*first_holds.borrow() && !*second_holds.borrow());
    assert_eq!(holder().await["holderIdentity"], "first");

    first.stop().await;
    assert!(!*first_holds.borrow());
    until_true(second_holds.clone()).await;
    let spec = holder().await;
    assert_eq!((&spec["holderIdentity"], &spec["leaseTransitions"]), (&json!("second"), &json!(1)), "{spec}");

    second.kill();
    let (third, third_holds) = candidate(api, lease, "third", hurry());
    until_true(third_holds).await;
    assert_eq!(holder().await["holderIdentity"], "third");
    third.stop().await;
    assert_eq!(holder().await.get("holderIdentity"), None, "it is given up");
}

/// A CA, as far as these tests check.
pub fn ca(name: &str) -> Arc<str> {
    let body = BASE64.encode(format!("0{name}").as_bytes());
    format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n").into()
}

pub fn configuration(name: &str, revision: &str, webhooks: &[&str]) -> Value {
    let webhook = |name: &&str| {
        json!({
            "name": name, "sideEffects": "None", "admissionReviewVersions": ["v1"], "failurePolicy": "Ignore",
            "clientConfig": {"service": {"name": "injector", "namespace": "istio-system", "path": "/inject"}},
        })
    };
    let webhooks: Vec<_> = webhooks.iter().map(webhook).collect();
    let metadata = json!({"name": name, "labels": {"istio.io/rev": revision}});
    let head = ("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration");
    json!({"apiVersion": head.0, "kind": head.1, "metadata": metadata, "webhooks": webhooks})
}

/// The CA of each webhook of a configuration.
pub async fn bundles(api: &Api, name: &str) -> Vec<String> {
    let configuration = api.get(CONFIGURATIONS, name).await.unwrap();
    let webhooks = configuration["webhooks"].as_array().unwrap().iter();
    let text = |bundle: &Value| bundle.as_str().map(|text| BASE64.decode(text.as_bytes()).unwrap()).unwrap_or_default();
    webhooks.map(|webhook| String::from_utf8(text(&webhook["clientConfig"]["caBundle"])).unwrap()).collect()
}

/// A program that keeps caBundle up to date.
pub struct Keeping {
    pub running: Running,
    pub wanted: watch::Sender<Option<Arc<str>>>,
    pub held: watch::Sender<bool>,
    pub events: Arc<Mutex<Vec<String>>>,
}

impl Keeping {
    pub fn start(api: &Api, revision: &str) -> Self {
        let (wanted, held, events) = (watch::Sender::new(None), watch::Sender::new(false), Arc::default());
        let notes: Arc<Mutex<Vec<String>>> = Arc::clone(&events);
        let report = move |event: PatchEvent<'_>| {
            let text = match event {
                PatchEvent::Attempt { name } => format!("attempt {name}"),
                PatchEvent::Retry { name } => format!("retry {name}"),
                PatchEvent::Failure { name, reason } => format!("{} {name}", reason.as_str()),
            };
            notes.lock().unwrap().push(text);
        };
        let (revision, report) = (revision.to_owned(), Arc::new(report));
        let ca_bundle =
            CaBundle { revision, wanted: wanted.subscribe(), held: held.subscribe(), report, pace: hurry() };
        let running = Running::start(|shutdown| keep_ca_bundle(api.cluster.clone(), ca_bundle, shutdown));
        Keeping { running, wanted, held, events }
    }

    pub fn events(&self) -> Vec<String> {
        self.events.lock().unwrap().clone()
    }
}

/// The webhooks of this revision get the CA, and nothing else is touched.
pub async fn ca_bundles_are_set_and_nothing_else(api: &Api, revision: &str) {
    let (ours, other, foreign) = (format!("ours-{revision}"), format!("tag-{revision}"), format!("foreign-{revision}"));
    let names =
        ["rev.namespace.sidecar-injector.istio.io", "other.example.com", "rev.object.sidecar-injector.istio.io"];
    api.put(CONFIGURATIONS, configuration(&ours, revision, &names)).await;
    api.put(CONFIGURATIONS, configuration(&foreign, "another", &names)).await;
    let before = api.get(CONFIGURATIONS, &ours).await.unwrap();
    let keeping = Keeping::start(api, revision);
    keeping.wanted.send_replace(Some(ca("one")));
    keeping.held.send_replace(true);
    let one = ca("one").to_string();
    let set = vec![one.clone(), String::new(), one];
    until_async("the CA", async || bundles(api, &ours).await == set).await;
    let mut after = api.get(CONFIGURATIONS, &ours).await.unwrap();
    for webhook in after["webhooks"].as_array_mut().unwrap() {
        webhook["clientConfig"].as_object_mut().unwrap().remove("caBundle");
    }
    assert_eq!(after["webhooks"], before["webhooks"], "nothing else has changed");

    // A new CA, a new configuration, and one that is installed again without a CA.
    keeping.wanted.send_replace(Some(ca("two")));
    let two = ca("two").to_string();
    let set = vec![two.clone(), String::new(), two.clone()];
    until_async("the next CA", async || bundles(api, &ours).await == set).await;
    api.put(CONFIGURATIONS, configuration(&other, revision, &names[..1])).await;
    until_async("the other", async || bundles(api, &other).await == [two.clone()]).await;
    api.put(CONFIGURATIONS, configuration(&ours, revision, &names)).await;
    until_async("the CA again", async || bundles(api, &ours).await == set).await;

    // One webhook of several has lost it.
    let mut reset = api.get(CONFIGURATIONS, &ours).await.unwrap();
    reset["webhooks"][0]["clientConfig"].as_object_mut().unwrap().remove("caBundle");
    api.put(CONFIGURATIONS, reset).await;
    until_async("the CA of both", async || bundles(api, &ours).await == set).await;
    assert_eq!(bundles(api, &foreign).await, ["", "", ""]);
    let attempts = |name: &str| keeping.events().iter().filter(|event| **event == format!("attempt {name}")).count();
    assert_eq!((attempts(&ours), attempts(&other), attempts(&foreign)), (4, 1, 0), "{:?}", keeping.events());
    keeping.running.stop().await;
}

/// Who does not hold the Lease changes nothing.
pub async fn only_the_holder_sets_ca_bundles(api: &Api, revision: &str) {
    let name = format!("standby-{revision}");
    api.put(CONFIGURATIONS, configuration(&name, revision, &["rev.sidecar-injector.istio.io"])).await;
    let (standby, holder) = (Keeping::start(api, revision), Keeping::start(api, revision));
    for keeping in [&standby, &holder] {
        keeping.wanted.send_replace(Some(ca("one")));
    }
    holder.held.send_replace(true);
    until_async("the CA", async || bundles(api, &name).await == [ca("one").to_string()]).await;
    assert_eq!(standby.events(), Vec::<String>::new());
    holder.held.send_replace(false);
    standby.wanted.send_replace(Some(ca("two")));
    standby.held.send_replace(true);
    until_async("the next CA", async || bundles(api, &name).await == [ca("two").to_string()]).await;
    assert_eq!(holder.events().len(), 1);
}

/// Issues numbered texts. What is issued lasts as long as the test wants.
#[derive(Clone, Default)]
pub struct Numbers {
    pub issued: Arc<AtomicU32>,
    /// What has to be renewed, by its certificate.
    pub due: Arc<Mutex<BTreeSet<String>>>,
    /// The CA of whatever is issued next; by default that of the last one.
    pub new_ca: Arc<Mutex<Option<String>>>,
}

impl Issuer for Numbers {
    fn issue(&mut self, last: Option<&Triple>) -> Result<Triple, String> {
        let number = self.issued.fetch_add(1, Ordering::SeqCst);
        let (ca, ca_key) = match (self.new_ca.lock().unwrap().take(), last) {
            (Some(name), _) => (ca(&name).to_string(), format!("key of {name}")),
            (None, Some(last)) => (last.ca.clone(), last.ca_key.clone()),
            (None, None) => (ca(&format!("ca-{number}")).to_string(), format!("key of ca-{number}")),
        };
        Ok(Triple { ca, ca_key, certificate: format!("certificate {number}"), key: format!("key {number}") })
    }

    fn time_left(&self, triple: &Triple) -> Result<Duration, String> {
        let number = triple.certificate.strip_prefix("certificate ").ok_or("it is no certificate")?;
        if triple.key.strip_prefix("key ") != Some(number) {
            return Err("the key is another's".to_owned());
        }
        let due = self.due.lock().unwrap().contains(&triple.certificate);
        Ok(if due { Duration::ZERO } else { Duration::from_secs(1000) })
    }
}

/// A replica with a share in a certificate.
pub struct Sharing {
    pub running: Running,
    pub held: watch::Sender<bool>,
    pub serving: watch::Receiver<Option<Arc<Triple>>>,
    pub trusted: watch::Receiver<Option<Arc<str>>>,
}

impl Sharing {
    pub fn start(api: &Api, secret: &str, issuer: &Numbers) -> Self {
        let (held, serving, trusted) = (watch::Sender::new(false), watch::channel(None), watch::channel(None));
        let shared = SharedCertificate {
            namespace: namespace(),
            secret: Name::new(secret).unwrap(),
            issuer: Box::new(issuer.clone()),
            held: held.subscribe(),
            serving: serving.0,
            trusted: trusted.0,
            pace: hurry(),
        };
        let running = Running::start(|shutdown| share_certificate(api.cluster.clone(), shared, shutdown));
        Sharing { running, held, serving: serving.1, trusted: trusted.1 }
    }

    pub fn serves(&self) -> Option<String> {
        self.serving.borrow().as_ref().map(|triple| triple.certificate.clone())
    }

    pub fn trusts(&self) -> String {
        self.trusted.borrow().as_deref().unwrap_or_default().to_owned()
    }
}

/// Replicas that start at once serve one certificate. It is renewed by the holder, from the same CA, and written
/// back if it is deleted or broken.
pub async fn a_certificate_is_shared_renewed_and_written_back(api: &Api, secret: &str) {
    let issuer = Numbers::default();
    let replicas: Vec<_> = (0..3).map(|_| Sharing::start(api, secret, &issuer)).collect();
    until("a certificate", || replicas.iter().all(|replica| replica.serves().is_some())).await;
    let first = replicas[0].serves().unwrap();
    assert!(replicas.iter().all(|replica| replica.serves().as_ref() == Some(&first)));
    let trusted = replicas[0].trusts();
    let object = api.get(SECRETS, secret).await.unwrap();
    assert_eq!(object["type"], "kubernetes.io/tls");
    assert_eq!(object["data"]["tls.crt"], BASE64.encode(first.as_bytes()));

    issuer.due.lock().unwrap().insert(first.clone());
    replicas[1].held.send_replace(true);
    let renewed = || replicas[0].serves().unwrap();
    until("the renewal", || renewed() != first && replicas.iter().all(|r| r.serves().unwrap() == renewed())).await;
    let second = renewed();
    assert!(replicas.iter().all(|replica| replica.trusts() == trusted), "it is of the same CA");

    let (issued, deleted) = (issuer.issued.load(Ordering::SeqCst), api.get(SECRETS, secret).await.unwrap());
    api.delete(SECRETS, secret).await;
    until_async("its return", async || api.get(SECRETS, secret).await.is_some()).await;
    assert_eq!(api.get(SECRETS, secret).await.unwrap()["data"], deleted["data"], "it is the same again");
    let mut broken = deleted.clone();
    broken["metadata"] = json!({"name": secret, "labels": {"kept": "yes"}});
    broken["data"]["tls.key"] = json!(BASE64.encode(b"key 999"));
    api.put(SECRETS, broken).await;
    until_async("its correction", async || api.get(SECRETS, secret).await.unwrap()["data"] == deleted["data"]).await;
    assert_eq!(api.get(SECRETS, secret).await.unwrap()["metadata"]["labels"]["kept"], "yes");
    assert_eq!(issuer.issued.load(Ordering::SeqCst), issued, "nothing new was issued");
    assert!(replicas.iter().all(|replica| replica.serves().unwrap() == second));
    for replica in replicas {
        replica.running.stop().await;
    }
}
