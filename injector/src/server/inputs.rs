//! The inputs that are read again while the server runs. Each is loaded completely or not at all.

use std::error::Error as StdError;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::sync::watch;

use super::files::Files;
use super::health::Input;
use super::self_signed::{self, SelfSigned};
use super::tls::{self, Pair};
use super::{App, Certificate, Configuration, Error, Settings, trial};
use crate::certificate::{Issuer, Triple};
use crate::config::{Config, Source};
use crate::decision::Policy;

type Reason = Box<dyn StdError + Send + Sync>;

/// The configuration, and the files that it is from.
pub(super) struct Configurations {
    source: Configuration,
    files: Files,
    /// Counts changes of ConfigMaps in a cluster.
    changes: watch::Receiver<u64>,
    /// Why it could not be read. It is read again even if nothing changes: an API server may have been away.
    failed: Option<String>,
}

impl Configurations {
    pub(super) fn new(mut source: Configuration, changes: watch::Receiver<u64>) -> Self {
        let files = Files::new(std::mem::take(&mut source.files));
        Configurations { source, files, changes, failed: None }
    }

    /// Reads the first one.
    pub(super) fn first(&mut self, settings: &Settings) -> Result<Config, Reason> {
        loop {
            let source = &self.source;
            // A file that changes meanwhile is read again.
            if let Some(result) = self.files.read(|| load(source, settings)) {
                return result;
            }
        }
    }

    /// Reads a new one if there may be one.
    fn refresh(&mut self, app: &App) {
        // Both are asked: each remembers what it has seen.
        let (files, config_maps) = (self.files.have_changed(), self.changes.has_changed().unwrap_or(false));
        self.changes.mark_unchanged();
        let changed = files || config_maps;
        if !changed && self.failed.is_none() {
            return;
        }
        let source = &self.source;
        match self.files.read(|| load(source, &app.settings)) {
            None => drop(self.failed.get_or_insert_default()),
            Some(Ok(config)) => {
                app.configuration.store(Arc::new(config));
                app.took(Input::Configuration);
                self.failed = None;
            }
            Some(Err(reason)) => {
                let reason = reason.to_string();
                if changed || self.failed.as_ref() != Some(&reason) {
                    app.refused(Input::Configuration, &reason);
                }
                self.failed = Some(reason);
            }
        }
    }
}

/// Reads a configuration, and tries it.
fn load(source: &Configuration, settings: &Settings) -> Result<Config, Reason> {
    let config = (source.load)()?;
    for (template, reason) in trial::run(&config, settings)? {
        log::warn!(template = template.as_str(); "a template that pods can ask for fails if it is used alone: {reason}");
    }
    if let Policy::Unknown(policy) = &config.injection.rules.policy {
        log::error!(policy = policy.as_str(); "no pod is injected: the policy in the injection config is neither enabled nor disabled");
    }
    Ok(config)
}

/// The certificate, and what it is from.
pub(super) enum Certificates {
    /// Files that another program maintains.
    Files(CertificateFiles),
    /// Self-signed, for this replica alone.
    SelfSigned { issuer: SelfSigned, last: Triple },
    /// Self-signed, shared by all replicas.
    Shared(watch::Receiver<Option<Arc<Triple>>>),
}

/// The files of a certificate, and of the CA that issued it, if it is given.
pub(super) struct CertificateFiles {
    certificate: PathBuf,
    key: PathBuf,
    ca: Option<PathBuf>,
    files: Files,
}

/// What is served, and the CA that clients have to trust.
pub(super) struct Served {
    pub(super) pair: Pair,
    pub(super) ca: Option<Arc<str>>,
}

impl Certificates {
    /// The source of certificates, with the first one if there is one already.
    pub(super) fn first(
        source: Certificate,
        shared: watch::Receiver<Option<Arc<Triple>>>,
    ) -> Result<(Self, Option<Served>), Error> {
        match source {
            Certificate::Shared => Ok((Certificates::Shared(shared), None)),
            Certificate::Files { certificate, key, ca } => {
                let paths = [&certificate, &key].into_iter().chain(&ca).cloned().collect();
                let mut from = CertificateFiles { certificate, key, ca, files: Files::new(paths) };
                loop {
                    // A file that changes meanwhile is read again.
                    if let Some(served) = from.read() {
                        return Ok((Certificates::Files(from), Some(served?)));
                    }
                }
            }
            Certificate::SelfSigned { names } => {
                let mut issuer = SelfSigned::new(names);
                let last = issuer.issue(None).map_err(|reason| Error::SelfSigned { reason })?;
                let served = Served::of(&last)?;
                Ok((Certificates::SelfSigned { issuer, last }, Some(served)))
            }
        }
    }

    /// Loads a new one if there may be one.
    fn refresh(&mut self, app: &App) {
        match self {
            Certificates::Files(from) => {
                if !from.files.have_changed() {
                    return;
                }
                let expired = app.certificate.get().is_none_or(|pair| !pair.is_valid_now());
                match from.read() {
                    None => (),
                    // A valid certificate is not replaced by one that no client accepts.
                    Some(Ok(served)) if !served.pair.is_valid_now() && !expired => {
                        app.refused(Input::Certificate, "it has expired, or is not valid yet");
                    }
                    Some(Ok(served)) => app.serve_with(served),
                    Some(Err(error)) => app.refused(Input::Certificate, &error.to_string()),
                }
            }
            Certificates::SelfSigned { issuer, last } => {
                if issuer.time_left(last).is_ok_and(|left| !left.is_zero()) {
                    return;
                }
                let renewed = issuer.issue(Some(last)).and_then(|triple| {
                    let served = Served::of(&triple).map_err(|error| error.to_string())?;
                    Ok((triple, served))
                });
                match renewed {
                    Ok((triple, served)) => {
                        *last = triple;
                        app.serve_with(served);
                    }
                    Err(reason) => app.refused(Input::Certificate, &reason),
                }
            }
            Certificates::Shared(serving) => {
                if !serving.has_changed().unwrap_or(false) {
                    return;
                }
                let triple = serving.borrow_and_update().clone();
                // The process that shares the certificate announces the CA: there may be several.
                match triple.map(|triple| self_signed::pair(&triple)) {
                    None => (),
                    Some(Ok(pair)) => app.serve_with(Served { pair, ca: None }),
                    Some(Err(error)) => app.refused(Input::Certificate, &error.to_string()),
                }
            }
        }
    }
}

impl CertificateFiles {
    /// Reads them: nothing if one of them changed meanwhile.
    fn read(&mut self) -> Option<Result<Served, Error>> {
        let CertificateFiles { certificate, key, ca, files } = self;
        files.read(|| {
            let ca = ca.as_deref().map(source).transpose()?;
            if let Some(ca) = &ca {
                tls::check_ca(ca)?;
            }
            let pair = Pair::parse(&source(certificate)?, &source(key)?)?;
            Ok(Served { pair, ca: ca.map(|ca| ca.text.into()) })
        })
    }
}

impl Served {
    fn of(triple: &Triple) -> Result<Self, Error> {
        Ok(Served { pair: self_signed::pair(triple)?, ca: Some(triple.ca.as_str().into()) })
    }
}

fn source(path: &Path) -> Result<Source, Error> {
    let file = path.display().to_string();
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Source::new(file, text)),
        Err(source) => Err(Error::Read { file, source }),
    }
}

/// Keeps looking for new configurations and certificates. Reading and trying one takes milliseconds, and no request
/// waits for that.
pub(super) fn refresh(app: &App, mut configurations: Configurations, mut certificates: Certificates, poll: Duration) {
    loop {
        thread::sleep(poll);
        certificates.refresh(app);
        configurations.refresh(app);
    }
}

impl App {
    pub(super) fn serve_with(&self, Served { pair, ca }: Served) {
        if !pair.is_valid_now() {
            log::error!("the certificate has expired, or is not valid yet: no client accepts it");
        }
        if ca.is_some() {
            self.ca.send_replace(ca);
        }
        self.metrics.certificate_expires(pair.valid.1);
        self.certificate.set(pair);
        self.took(Input::Certificate);
    }

    pub(super) fn took(&self, input: Input) {
        self.metrics.reloaded(input, true);
        self.reports.taken(input);
        // Last: who reads this and then asks gets the new state.
        log::info!(input = input.name(); "in use");
    }

    fn refused(&self, input: Input, reason: &str) {
        self.metrics.reloaded(input, false);
        self.reports.refused(input, reason);
        log::error!(input = input.name(); "rejected, the previous one stays: {reason}");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::config::default;
    use crate::functions;

    #[test]
    fn a_configuration_that_could_not_be_read_is_read_again_although_nothing_changes() {
        let away = Arc::new(AtomicBool::new(false));
        let is_away = Arc::clone(&away);
        let load = move || match is_away.load(Ordering::Relaxed) {
            true => Err("the API server is away".into()),
            false => {
                let (injection, values, mesh) = (default::injection(), default::values(), default::mesh());
                Ok(Config::load(&injection, &values, &mesh, &functions::all(|_| None))?)
            }
        };
        let source = Configuration { files: Vec::new(), load: Box::new(load) };
        let (changed, changes) = watch::channel(0);
        let mut configurations = Configurations::new(source, changes);
        let first = configurations.first(&Settings::default()).unwrap();
        let app = App::new(Settings::default(), first, 1);
        let rejected = |app: &App| app.readiness().1.matches("rejected").count();

        away.store(true, Ordering::Relaxed);
        configurations.refresh(&app);
        assert_eq!(rejected(&app), 0, "nothing has changed");
        changed.send_replace(1);
        configurations.refresh(&app);
        configurations.refresh(&app);
        assert_eq!(rejected(&app), 1);
        away.store(false, Ordering::Relaxed);
        configurations.refresh(&app);
        assert_eq!(rejected(&app), 0);
    }
}
