//! The webhook's server: HTTPS, configuration and certificates that change while it runs, health, metrics.
//!
//! ```text
//! files, ConfigMaps ──read, tried──▶ Config ─┐
//! files, self-signed ──checked──▶ Pair ──┐   │ one snapshot for each request
//!                   TLS handshake ◀──────┘   ▼
//! connections ──▶ http ──▶ review::answer(body, config) ──▶ response, log line, metrics
//! ```

use std::error::Error as StdError;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, ArcSwapOption};
use tokio::sync::{Semaphore, watch};

use crate::certificate::Triple;
use crate::config::Config;
use crate::inject::native::{Mode, Node};
use crate::review::{self, Circumstances, Memo};
use crate::surroundings::{Snapshot, Surroundings};

#[cfg_attr(not(feature = "cluster"), path = "no_cluster.rs")]
mod cluster;
mod connections;
mod files;
mod health;
mod http;
mod inputs;
mod logger;
mod metrics;
mod run;
mod self_signed;
mod tls;
mod trial;

pub use cluster::InCluster;
pub use logger::{Format, start as start_log};
pub use run::run;
pub use tls::Error as TlsError;
pub(crate) use tls::{validity, validity_of};

use connections::Connections;
use health::Reports;
use metrics::Metrics;
use tls::Current;

/// How the server runs.
pub struct Options {
    /// The address on which admissions are answered, over TLS.
    pub listen: SocketAddr,
    /// An address for health and metrics without TLS, too.
    pub monitoring: Option<SocketAddr>,
    /// The server's certificate.
    pub certificate: Certificate,
    /// The configuration.
    pub configuration: Configuration,
    /// What affects answers besides it.
    pub settings: Settings,
    /// What to do in a cluster.
    pub cluster: Option<InCluster>,
    /// How many connections may be open at once.
    pub max_connections: usize,
    /// How long to wait between two checks of the files.
    pub poll: Duration,
    /// How long the server keeps serving after SIGTERM, until no client is sent to it any more.
    pub shutdown_delay: Duration,
    /// How long it then waits for requests that are being answered.
    pub shutdown_timeout: Duration,
}

/// The source of the certificate.
#[derive(Clone, Debug)]
pub enum Certificate {
    /// From files with PEM texts.
    Files {
        /// The certificate, and the chain to its issuer.
        certificate: PathBuf,
        /// Its key.
        key: PathBuf,
        /// The CA that issued it, for the caBundle of webhook configurations.
        ca: Option<PathBuf>,
    },
    /// The server makes one, and shares it with the other replicas through the cluster.
    Shared,
    /// The server makes one for itself.
    SelfSigned {
        /// The names and addresses that it is for.
        names: Vec<String>,
    },
}

/// Reads the configuration.
pub type Load = dyn Fn() -> Result<Config, Box<dyn StdError + Send + Sync>> + Send + Sync;

/// The source of the configuration.
pub struct Configuration {
    /// The files that it is read from.
    pub files: Vec<PathBuf>,
    /// Reads it.
    pub load: Box<Load>,
}

/// What affects all answers, besides the configuration.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// `ENABLE_NATIVE_SIDECARS`.
    pub native: Mode,
    /// Whether `PLATFORM` is `openshift`.
    pub openshift: bool,
    /// The control plane's revision.
    pub revision: String,
    /// `COMPLIANCE_POLICY`.
    pub compliance_policy: String,
    /// The nodes, if they are given.
    pub nodes: Option<Vec<Node>>,
}

impl Settings {
    /// Whether the cluster's nodes decide about native sidecars.
    #[cfg(feature = "cluster")]
    fn needs_nodes(&self) -> bool {
        self.native == Mode::Auto && self.nodes.is_none()
    }

    fn circumstances<'a>(&'a self, path: &'a str) -> Circumstances<'a> {
        Circumstances {
            path,
            nodes: self.nodes.as_deref(),
            native: self.native,
            openshift: self.openshift,
            revision: &self.revision,
            compliance_policy: &self.compliance_policy,
            ..Circumstances::default()
        }
    }
}

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration.
    #[error("{0}")]
    Configuration(Box<dyn StdError + Send + Sync>),
    /// A file of the certificate cannot be read.
    #[error("{file}: {source}")]
    Read {
        /// The file.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// The certificate.
    #[error(transparent)]
    Certificate(#[from] TlsError),
    /// A certificate cannot be made.
    #[error("{reason}")]
    SelfSigned {
        /// Why.
        reason: String,
    },
    /// The address cannot be used.
    #[error("--{flag}: no connections can be accepted on {address}: {source}")]
    Listen {
        /// The flag.
        flag: &'static str,
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The cluster cannot be reached.
    #[cfg(feature = "cluster")]
    #[error("--cluster: {0}")]
    Cluster(crate::cluster::Error),
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(rustls::Error),
    /// The server cannot run at all.
    #[error("the server cannot run: {0}")]
    Runtime(std::io::Error),
}

/// What a cluster reports to the rest of the server.
struct Channels {
    /// Counts changes of ConfigMaps.
    config_maps: watch::Sender<u64>,
    /// The certificate that all replicas serve.
    serving: watch::Sender<Option<Arc<Triple>>>,
}

/// Answers, and the inputs that they were made from.
struct Known {
    config: Arc<Config>,
    surroundings: Snapshot,
    memo: Memo,
}

/// What all requests share.
struct App {
    settings: Settings,
    configuration: ArcSwap<Config>,
    known: ArcSwapOption<Known>,
    certificate: Arc<Current>,
    /// What a cluster reports.
    surroundings: Arc<Surroundings>,
    /// Whether it has reported anything yet, if it is watched.
    settled: watch::Sender<bool>,
    /// The CA that clients have to trust, as PEM text, if it is known.
    ca: watch::Sender<Option<Arc<str>>>,
    reports: Reports,
    /// Whether it was asked to stop: it still answers, but should get no new clients.
    ending: AtomicBool,
    metrics: Metrics,
    connections: Connections,
    max_connections: usize,
    body_memory: Arc<Semaphore>,
    large_reviews: Semaphore,
}

impl App {
    fn new(settings: Settings, config: Config, max_connections: usize) -> Self {
        App {
            metrics: Metrics::new(&settings.revision),
            settings,
            configuration: ArcSwap::from_pointee(config),
            known: ArcSwapOption::empty(),
            certificate: Arc::default(),
            ca: watch::Sender::new(None),
            surroundings: Arc::default(),
            settled: watch::Sender::new(true),
            reports: Reports::default(),
            ending: AtomicBool::new(false),
            connections: Connections::default(),
            max_connections,
            body_memory: Arc::new(Semaphore::new(http::BODY_MEMORY)),
            large_reviews: Semaphore::new(review::MAX_BODY),
        }
    }

    /// Answers a review from one snapshot of the configuration.
    fn review(&self, body: &[u8], path: &str, started: Instant) -> review::Answer {
        let config = self.configuration.load();
        let surroundings = self.surroundings.load();
        let known = self.known(&config, &surroundings);
        let mut circumstances = self.settings.circumstances(path);
        circumstances.nodes = circumstances.nodes.or(surroundings.nodes.as_deref().map(Vec::as_slice));
        circumstances.namespaces = Some(&surroundings.namespaces);
        circumstances.proxy_configs = Some(&surroundings.proxy_configs);
        circumstances.memo = Some(&known.memo);
        let answer = review::answer(body, &config, &circumstances);
        let (decision, reason) = (answer.outcome.word(), answer.outcome.reason());
        self.metrics.decided(decision, reason, started.elapsed().as_secs_f64());
        logger::answered(&answer);
        answer
    }

    /// The answers that were made from this snapshot.
    fn known(&self, config: &Arc<Config>, surroundings: &Snapshot) -> Arc<Known> {
        let same = |known: &&Arc<Known>| Arc::ptr_eq(&known.config, config) && known.surroundings.is_same(surroundings);
        match self.known.load().as_ref().filter(same) {
            Some(known) => Arc::clone(known),
            None => {
                let (config, surroundings) = (Arc::clone(config), surroundings.clone());
                let known = Arc::new(Known { config, surroundings, memo: Memo::default() });
                self.known.store(Some(Arc::clone(&known)));
                known
            }
        }
    }

    /// Whether the server is ready for clients, and why.
    fn readiness(&self) -> (bool, String) {
        let mut report = String::new();
        let mut ready = self.reports.write(&mut report);
        if self.certificate.get().is_some_and(|pair| !pair.is_valid_now()) {
            report.push_str("[-] certificate: it has expired, or is not valid yet\n");
            ready = false;
        }
        if !*self.settled.borrow() {
            report.push_str("[-] cluster: it has not answered yet\n");
            ready = false;
        }
        if self.is_ending() {
            report.push_str("[-] shutdown: the server is ending\n");
            ready = false;
        }
        (ready, report)
    }

    fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Relaxed)
    }

    fn ca(&self) -> Option<Arc<str>> {
        self.ca.borrow().clone()
    }
}
