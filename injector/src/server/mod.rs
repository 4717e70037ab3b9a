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
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, ArcSwapOption};
use tokio::sync::Semaphore;

use crate::config::Config;
use crate::inject::native::{Mode, Node};
use crate::review::{self, Circumstances};

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

pub use logger::{Format, start as start_log};
pub use run::run;
pub use tls::Error as TlsError;

use connections::Connections;
use health::{Life, LifeCell, Reports};
use metrics::Metrics;
use tls::Current;

/// What the server needs to know.
pub struct Options {
    /// Where admissions are answered, over TLS.
    pub listen: SocketAddr,
    /// Where health and metrics can be asked without TLS, too.
    pub monitoring: Option<SocketAddr>,
    /// The server's certificate.
    pub certificate: Certificate,
    /// The configuration.
    pub configuration: Configuration,
    /// What counts beside it.
    pub settings: Settings,
    /// How many connections may be open at once.
    pub max_connections: usize,
    /// How long to wait between two looks at the files.
    pub poll: Duration,
    /// How long the server goes on after SIGTERM, until no client is sent to it any more.
    pub shutdown_delay: Duration,
    /// How long it then waits for requests that are being answered.
    pub shutdown_timeout: Duration,
}

/// Where the certificate is from.
#[derive(Clone, Debug)]
pub enum Certificate {
    /// From files with PEM texts.
    Files {
        /// The certificate, and the chain to its issuer.
        certificate: PathBuf,
        /// Its key.
        key: PathBuf,
    },
    /// The server makes one.
    SelfSigned {
        /// The names and addresses that it is for.
        names: Vec<String>,
    },
}

/// Reads the configuration.
pub type Load = dyn Fn() -> Result<Config, Box<dyn StdError + Send + Sync>> + Send + Sync;

/// Where the configuration is from.
pub struct Configuration {
    /// The files that it is read from.
    pub files: Vec<PathBuf>,
    /// Reads it.
    pub load: Box<Load>,
}

/// What counts for all answers, beside the configuration.
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
    #[error("a certificate for {names} cannot be made: {source}")]
    SelfSigned {
        /// The names that it should be for.
        names: String,
        /// Why.
        source: rcgen::Error,
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
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(rustls::Error),
    /// Nothing runs at all.
    #[error("the server cannot run: {0}")]
    Runtime(std::io::Error),
}

/// What all requests share.
struct App {
    settings: Settings,
    configuration: ArcSwap<Config>,
    certificate: Arc<Current>,
    /// The CA of a self-signed certificate, as PEM text.
    ca: ArcSwapOption<String>,
    reports: Reports,
    life: LifeCell,
    metrics: Metrics,
    connections: Connections,
    max_connections: usize,
    body_memory: Arc<Semaphore>,
}

impl App {
    fn new(settings: Settings, config: Config, max_connections: usize) -> Self {
        App {
            metrics: Metrics::new(&settings.revision),
            settings,
            configuration: ArcSwap::from_pointee(config),
            certificate: Arc::default(),
            ca: ArcSwapOption::empty(),
            reports: Reports::default(),
            life: LifeCell::new(),
            connections: Connections::default(),
            max_connections,
            body_memory: Arc::new(Semaphore::new(http::BODY_MEMORY)),
        }
    }

    /// Answers a review from one snapshot of the configuration.
    fn review(&self, body: &[u8], path: &str, started: Instant) -> review::Answer {
        let config = self.configuration.load();
        let answer = review::answer(body, &config, &self.settings.circumstances(path));
        let (decision, reason) = (answer.outcome.word(), answer.outcome.reason());
        self.metrics.decided(decision, reason, started.elapsed().as_secs_f64());
        logger::answered(&answer);
        answer
    }

    /// Whether clients should come, and why.
    fn readiness(&self) -> (bool, String) {
        let mut report = String::new();
        let mut ready = self.reports.write(&mut report);
        if self.certificate.get().is_some_and(|pair| !pair.is_valid_now()) {
            report.push_str("[-] certificate: it has expired, or is not valid yet\n");
            ready = false;
        }
        if self.life.get() == Life::Ending {
            report.push_str("[-] shutdown: the server is ending\n");
            ready = false;
        }
        (ready, report)
    }

    fn ca(&self) -> Option<Arc<String>> {
        self.ca.load_full()
    }
}
