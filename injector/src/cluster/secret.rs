//! A certificate that all replicas serve, in a Secret.
//!
//! The Secret has the CA's key as well, so that a renewal is a new certificate of the same CA: caBundle stays the same,
//! and API servers accept both certificates, from any replica. (Anyone who can read the Secret could impersonate the
//! webhook in any case: the certificate's own key is in it.) A CA lasts ten years.
//!
//! If there is a new CA all the same, `ca.crt` has the old one as well, and replicas wait before they serve its
//! certificate, until caBundle has reached the API servers.
//!
//! The first replica creates the Secret; if two try, the API server refuses one. Only the holder of the Lease renews
//! it, and only the version that it has read. If the Secret is deleted or broken, the certificate in use is
//! written back. A Secret without `ca.key` belongs to another program, such as cert-manager: it is read, and never
//! written.

use std::sync::Arc;
use std::time::Duration;

use data_encoding::BASE64;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::follow::{Entries, Followed, Sink};
use super::object::Object;
use super::pace::Pace;
use super::rest::is_conflict;
use super::trouble::Trouble;
use super::{Cluster, Error, Name, Namespace, stopped};
use crate::base64;
use crate::certificate::{Issuer, Triple};
use crate::value::{Map, Value};

/// What is shared, and in which Secret.
pub struct SharedCertificate {
    /// The namespace of the Secret: the webhook's own.
    pub namespace: Namespace,
    /// The name of the Secret.
    pub secret: Name,
    /// The issuer of the certificate.
    pub issuer: Box<dyn Issuer>,
    /// Whether this replica holds the Lease.
    pub held: watch::Receiver<bool>,
    /// The certificate to serve; nothing until there is one.
    pub serving: watch::Sender<Option<Arc<Triple>>>,
    /// The wanted caBundle.
    pub trusted: watch::Sender<Option<Arc<str>>>,
    /// How often the API server is asked.
    pub pace: Pace,
}

/// Shares a certificate with the other replicas until `shutdown` becomes true or is dropped.
pub async fn share_certificate(cluster: Cluster, shared: SharedCertificate, mut shutdown: watch::Receiver<bool>) {
    let followed = secret(&shared);
    let (sender, seen) = watch::channel(None);
    let mut found = Found { name: format!("{}/{}", shared.namespace, shared.secret), seen: sender };
    let mut keeper = Keeper::new(&cluster, shared, seen);
    tokio::select! {
        () = stopped(&mut shutdown) => {}
        never = followed.follow(&cluster, &mut found) => match never {},
        () = keeper.go_on() => {}
    }
}

/// The Secret that was observed last: nothing before the first answer, then `null` if it is absent.
struct Found {
    name: String,
    seen: watch::Sender<Option<Value>>,
}

impl Sink for Found {
    fn publish(&mut self, entries: &Entries) {
        self.seen.send_replace(Some(entries.get(&self.name).cloned().unwrap_or_default()));
    }
}

fn secret(shared: &SharedCertificate) -> Followed {
    let SharedCertificate { namespace, secret, .. } = shared;
    Followed {
        resource: "secrets",
        path: format!("/api/v1/namespaces/{namespace}/secrets"),
        labels: None,
        fields: Some(format!("metadata.name={secret}")),
        only_metadata: false,
        optional: false,
        right: format!("list and watch the Secret {secret} in the namespace {namespace}"),
        consequence: "the certificate in it cannot be served; a Role has to grant get, list, watch, update on that \
                      Secret, and create on secrets"
            .to_owned(),
        pick: |object: Object| {
            let version = object.metadata.resource_version.into();
            Map::from_iter([("resourceVersion", version), ("data", object.data)]).into()
        },
        pace: shared.pace,
    }
}

/// The content of a Secret.
#[derive(Clone)]
struct Content {
    /// The certificate, with the CA that issued it.
    triple: Triple,
    /// That CA, and the one before it if that may still be needed.
    trusted: String,
}

impl Content {
    fn of(secret: &Value) -> Result<Self, String> {
        let text = |key: &str| {
            let decoded = secret.str_at(&["data", key]).and_then(base64::decode);
            decoded.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(|| format!("it has no text {key:?}"))
        };
        let trusted = text("ca.crt")?;
        let triple = Triple {
            ca: first(&trusted).to_owned(),
            ca_key: text("ca.key").unwrap_or_default(),
            certificate: text("tls.crt")?,
            key: text("tls.key")?,
        };
        Ok(Content { triple, trusted })
    }

    /// The issuer of the next certificate.
    fn succeeded_by(&self, triple: Triple) -> Self {
        let kept = triple.ca == self.triple.ca;
        let trusted =
            if kept { self.trusted.clone() } else { format!("{}{}", line(&triple.ca), line(&self.triple.ca)) };
        Content { triple, trusted }
    }

    fn data(&self) -> Map {
        let Triple { ca_key, certificate, key, .. } = &self.triple;
        let texts = [("ca.crt", &self.trusted), ("ca.key", ca_key), ("tls.crt", certificate), ("tls.key", key)];
        texts.into_iter().map(|(key, text)| (key, BASE64.encode(text.as_bytes()))).collect()
    }
}

/// The first of several certificates.
fn first(pem: &str) -> &str {
    const END: &str = "-----END CERTIFICATE-----";
    let end = pem.find(END).map_or(pem.len(), |at| at + END.len());
    // The line break at the end of PEM belongs to it.
    let end = if pem.get(end..).is_some_and(|rest| rest.starts_with('\n')) { end + 1 } else { end };
    pem.get(..end).unwrap_or(pem)
}

fn line(pem: &str) -> String {
    format!("{}\n", pem.trim_end())
}

struct Keeper<'c> {
    cluster: &'c Cluster,
    shared: SharedCertificate,
    found: watch::Receiver<Option<Value>>,
    path: String,
    trouble: Trouble,
    /// The last usable certificate.
    good: Option<Content>,
    /// The certificate to serve from a certain time on.
    next: Option<(Arc<Triple>, Instant)>,
    /// Why the Secret cannot be used, as logged last.
    told: Option<String>,
}

impl<'c> Keeper<'c> {
    fn new(cluster: &'c Cluster, shared: SharedCertificate, found: watch::Receiver<Option<Value>>) -> Self {
        let consequence = "the shared certificate is not written; a Role has to grant create on secrets, and get, \
                           update on the one that is shared";
        let trouble = Trouble::new("secrets", consequence.to_owned(), shared.pace);
        let path = format!("/api/v1/namespaces/{}/secrets", shared.namespace);
        Keeper { cluster, shared, found, path, trouble, good: None, next: None, told: None }
    }

    async fn go_on(&mut self) {
        loop {
            let held = *self.shared.held.borrow_and_update();
            let found = self.found.borrow_and_update().clone();
            let mut again = Instant::now() + Duration::from_secs(3600);
            if let Some(found) = found {
                let left = match self.look(&found, held).await {
                    Ok(left) => left,
                    // The watch will show what the other replica wrote.
                    Err(error) if is_conflict(&error) => self.trouble.pause(),
                    Err(error) => self.trouble.failed(&error),
                };
                again = again.min(Instant::now() + left);
            }
            if let Some((triple, time)) = self.next.take() {
                if time <= Instant::now() {
                    self.shared.serving.send_replace(Some(triple));
                } else {
                    again = again.min(time);
                    self.next = Some((triple, time));
                }
            }
            tokio::select! {
                Ok(()) = self.shared.held.changed() => {}
                Ok(()) = self.found.changed() => {}
                () = sleep_until(again) => {}
            }
        }
    }

    /// Loads what is in the Secret, or writes what should be there. Returns when to look again.
    async fn look(&mut self, found: &Value, held: bool) -> Result<Duration, Error> {
        if found.is_null() {
            return self.create().await;
        }
        let usable = Content::of(found).and_then(|content| {
            let left = self.shared.issuer.time_left(&content.triple)?;
            Ok((content, left))
        });
        match usable {
            Ok((content, left)) => {
                let is_ours = !content.triple.ca_key.is_empty();
                self.take(content);
                if !left.is_zero() || !is_ours {
                    return Ok(left.max(self.shared.pace.slow));
                }
                if held { self.renew(found, false).await } else { Ok(self.shared.pace.slow) }
            }
            Err(reason) => {
                let is_ours = found.at(&["data", "ca.key"]).is_some();
                self.tell(&reason, is_ours);
                if held && is_ours { self.renew(found, true).await } else { Ok(self.shared.pace.slow) }
            }
        }
    }

    fn tell(&mut self, reason: &str, is_ours: bool) {
        if self.told.as_deref() == Some(reason) {
            return;
        }
        self.told = Some(reason.to_owned());
        let SharedCertificate { namespace, secret, .. } = &self.shared;
        let then = if is_ours {
            "the holder of the Lease writes a good one"
        } else {
            "it has no ca.key, so that it is for another to correct"
        };
        log::warn!(resource = "secrets"; "the Secret {namespace}/{secret} cannot be used: {reason}; {then}");
    }

    /// Takes what is good into use.
    fn take(&mut self, content: Content) {
        self.told = None;
        self.shared.trusted.send_if_modified(|trusted| {
            let changed = trusted.as_deref() != Some(content.trusted.as_str());
            if changed {
                *trusted = Some(content.trusted.as_str().into());
            }
            changed
        });
        let serving = self.shared.serving.borrow().clone();
        let wanted = Arc::new(content.triple.clone());
        let latest = self.next.as_ref().map(|(triple, _)| triple).or(serving.as_ref());
        if latest != Some(&wanted) {
            let is_trusted = serving.is_none_or(|serving| serving.ca == wanted.ca);
            let wait = if is_trusted { Duration::ZERO } else { self.shared.pace.trust };
            self.next = Some((wanted, Instant::now() + wait));
        }
        self.good = Some(content);
    }

    /// What should be in the Secret: what was there if it is lost, otherwise what is issued now.
    fn make(&mut self, is_lost: bool) -> Result<Content, String> {
        let issuer = &mut self.shared.issuer;
        match &self.good {
            Some(good) if is_lost && issuer.time_left(&good.triple).is_ok_and(|left| !left.is_zero()) => {
                Ok(good.clone())
            }
            Some(good) => Ok(good.succeeded_by(issuer.issue(Some(&good.triple))?)),
            None => {
                let triple = issuer.issue(None)?;
                Ok(Content { trusted: line(&triple.ca), triple })
            }
        }
    }

    async fn create(&mut self) -> Result<Duration, Error> {
        let SharedCertificate { namespace, secret, .. } = &self.shared;
        let right = format!("create secrets in the namespace {namespace}");
        let mut object = Map::from_iter([("apiVersion", "v1"), ("kind", "Secret"), ("type", "kubernetes.io/tls")]);
        object.insert("metadata", Map::from_iter([("name", secret.to_string())]));
        match self.make(true) {
            Ok(content) => object.insert("data", content.data()),
            Err(reason) => return Ok(self.not_issued(&reason)),
        };
        self.cluster.create(&right, &self.path, &object.into()).await?;
        Ok(self.written("created"))
    }

    async fn renew(&mut self, found: &Value, is_lost: bool) -> Result<Duration, Error> {
        let content = match self.make(is_lost) {
            Ok(content) => content,
            Err(reason) => return Ok(self.not_issued(&reason)),
        };
        let SharedCertificate { namespace, secret, .. } = &self.shared;
        let right = format!("get and update the Secret {secret} in the namespace {namespace}");
        let name = secret.to_string();
        // Labels and annotations stay, so it is read as a whole. It has to be the version that the decision was based
        // on.
        let whole = self.cluster.read(&right, "Secret", &self.path, &name).await?;
        let seen = found.str_at(&["resourceVersion"]);
        let Some(mut object) = whole.filter(|whole| whole.str_at(&["metadata", "resourceVersion"]) == seen) else {
            return Ok(self.trouble.pause());
        };
        object.make_map().insert("data", content.data());
        self.cluster.replace(&right, &self.path, &name, &object).await?;
        Ok(self.written("renewed"))
    }

    fn not_issued(&self, reason: &str) -> Duration {
        log::error!(resource = "secrets"; "no certificate could be issued: {reason}");
        self.shared.pace.slow
    }

    fn written(&mut self, how: &str) -> Duration {
        self.trouble.well();
        let SharedCertificate { namespace, secret, .. } = &self.shared;
        log::info!(resource = "secrets"; "{how} the certificate in the Secret {namespace}/{secret}");
        self.shared.pace.slow
    }
}
