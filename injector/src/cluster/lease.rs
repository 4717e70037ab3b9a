//! One replica at a time: the holder of the Lease writes to the cluster, the other replicas wait.
//!
//! The clocks of replicas may differ by any amount, so no time in the Lease is ever compared with a clock. Another
//! replica holds it as long as it keeps changing. It is free if it has not changed for as long as it lasts, measured by
//! the local clock. And the holder stops before that if it cannot renew it.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::backoff::scattered;
use super::pace::Pace;
use super::rest::is_conflict;
use super::trouble::Trouble;
use super::{Cluster, Error, Name, Namespace, stopped};
use crate::value::{Map, Value};

/// The name of a Lease, and the replica that wants it.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The namespace of the Lease: the webhook's own.
    pub namespace: Namespace,
    /// The name of the Lease: one for each revision.
    pub lease: Name,
    /// The name of this replica: no two replicas have the same.
    pub identity: String,
    /// How often the API server is asked.
    pub pace: Pace,
}

/// Tries to hold the Lease until `shutdown` becomes true or is dropped, and reports in `held` whether it does. At the
/// end, the Lease is released, so that the next replica does not have to wait.
pub async fn hold(
    cluster: Cluster,
    candidate: Candidate,
    held: watch::Sender<bool>,
    mut shutdown: watch::Receiver<bool>,
) {
    let mut attempts = Attempts::new(&cluster, &candidate);
    tokio::select! {
        () = stopped(&mut shutdown) => {}
        () = attempts.go_on(&held) => {}
    }
    if held.send_replace(false) {
        attempts.give_up().await;
    }
}

struct Attempts<'c> {
    cluster: &'c Cluster,
    candidate: &'c Candidate,
    path: String,
    right: String,
    /// The Lease as this replica wrote it last, as long as it holds it.
    own: Option<Value>,
    /// What another replica wrote into it, and when this was first observed here.
    others: Option<(Value, Instant)>,
}

impl<'c> Attempts<'c> {
    fn new(cluster: &'c Cluster, candidate: &'c Candidate) -> Self {
        let Candidate { namespace, lease, .. } = candidate;
        Attempts {
            cluster,
            candidate,
            path: format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"),
            right: format!("get, create and update the Lease {lease} in the namespace {namespace}"),
            own: None,
            others: None,
        }
    }

    /// How long this replica's Lease lasts. Kubernetes supports only whole seconds.
    fn lasts(&self) -> Duration {
        Duration::from_secs(self.candidate.pace.lease.as_secs().max(1))
    }

    async fn go_on(&mut self, held: &watch::Sender<bool>) {
        let consequence = "without the Lease, this replica changes nothing in the cluster; \
                           a Role has to grant get, create, update on leases.coordination.k8s.io";
        let mut trouble = Trouble::new("leases", consequence.to_owned(), self.candidate.pace);
        // Another replica may take it after it has not changed for the whole time; this replica stops well before.
        let grace = self.lasts().mul_f64(2.0 / 3.0);
        let mut until = Instant::now();
        loop {
            let asked = Instant::now();
            let attempt =
                if *held.borrow() { timeout_at(until, self.attempt()).await } else { Ok(self.attempt().await) };
            let wait = match attempt {
                Ok(Ok(holds)) => {
                    trouble.well();
                    until = if holds { asked + grace } else { asked };
                    scattered(self.lasts() / 3)
                }
                Ok(Err(error)) => trouble.failed(&error),
                Err(_) => Duration::ZERO,
            };
            let holds = until > Instant::now();
            if held.send_replace(holds) != holds {
                let Candidate { lease, .. } = self.candidate;
                log::info!(resource = "leases"; "{} the Lease {lease}", if holds { "holds" } else { "lost" });
            }
            // Held only as long as that is certain.
            sleep(if holds { wait.min(until - Instant::now()) } else { wait }).await;
        }
    }

    /// Takes or renews the Lease, unless another holds it.
    async fn attempt(&mut self) -> Result<bool, Error> {
        let name = self.candidate.lease.to_string();
        let found = match self.own.take() {
            Some(own) => own,
            None => match self.cluster.read(&self.right, "Lease", &self.path, &name).await? {
                Some(found) if self.is_taken(&found) => return Ok(false),
                Some(found) => found,
                None => return self.create().await,
            },
        };
        let lease = self.renewed(found);
        match self.cluster.replace(&self.right, &self.path, &name, &lease).await {
            Ok(own) => self.own = Some(own),
            Err(error) if is_conflict(&error) => {}
            Err(error) => return Err(error),
        }
        Ok(self.own.is_some())
    }

    async fn create(&mut self) -> Result<bool, Error> {
        let name = self.candidate.lease.to_string();
        let mut lease = Map::from_iter([("apiVersion", "coordination.k8s.io/v1"), ("kind", "Lease")]);
        lease.insert("metadata", Map::from_iter([("name", name)]));
        let lease = self.renewed(lease.into());
        match self.cluster.create(&self.right, &self.path, &lease).await {
            Ok(own) => self.own = Some(own),
            Err(error) if is_conflict(&error) => {}
            Err(error) => return Err(error),
        }
        Ok(self.own.is_some())
    }

    /// Whether another replica holds the Lease, as far as is known here.
    fn is_taken(&mut self, lease: &Value) -> bool {
        let spec = lease.get("spec").cloned().unwrap_or_default();
        let holder = spec.str_at(&["holderIdentity"]).unwrap_or_default();
        if holder.is_empty() || holder == self.candidate.identity {
            return false;
        }
        // A Lease for a day can only be a mistake.
        let lasts = spec.get("leaseDurationSeconds").and_then(Value::as_i64).and_then(|s| u64::try_from(s).ok());
        let lasts = lasts.map_or(self.lasts(), Duration::from_secs).min(LONGEST);
        match &self.others {
            Some((seen, since)) if *seen == spec => since.elapsed() < lasts,
            Some(_) | None => {
                self.others = Some((spec, Instant::now()));
                true
            }
        }
    }

    /// The Lease as this replica writes it.
    fn renewed(&self, mut lease: Value) -> Value {
        let now = format!("{:.6}", Timestamp::now());
        let spec = lease.map_entry("spec");
        let seconds = self.lasts().as_secs();
        if spec.str("holderIdentity") != Some(&self.candidate.identity) {
            let transitions = spec.get("leaseTransitions").and_then(Value::as_i64);
            spec.insert("leaseTransitions", transitions.map_or(0, |count| count + 1));
            spec.insert("acquireTime", now.as_str());
            spec.insert("holderIdentity", self.candidate.identity.as_str());
        }
        spec.insert("renewTime", now);
        spec.insert("leaseDurationSeconds", seconds);
        lease
    }

    /// Releases it, so that the next replica can take it immediately.
    async fn give_up(&mut self) {
        let Some(mut lease) = self.own.take() else { return };
        let spec = lease.map_entry("spec");
        spec.remove("holderIdentity");
        spec.insert("leaseDurationSeconds", 1);
        let name = self.candidate.lease.to_string();
        // If this fails, the next replica waits until the Lease expires.
        let _ = timeout(GIVING_UP, self.cluster.replace(&self.right, &self.path, &name, &lease)).await;
    }
}

/// The longest that another's Lease is respected.
const LONGEST: Duration = Duration::from_secs(300);

/// The longest that a shutdown waits for the Lease to be released.
const GIVING_UP: Duration = Duration::from_secs(2);
