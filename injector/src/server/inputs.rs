//! What is read again while the server runs: each is taken whole, or not at all.

use std::error::Error as StdError;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime};

use super::files::Files;
use super::health::Input;
use super::self_signed::{Issued, SelfSigned};
use super::tls::Pair;
use super::{App, Certificate, Configuration, Error, Settings, trial};
use crate::config::{Config, Source};
use crate::decision::Policy;

type Reason = Box<dyn StdError + Send + Sync>;

/// The configuration, and the files that it is from.
pub(super) struct Configurations {
    source: Configuration,
    files: Files,
}

impl Configurations {
    pub(super) fn new(mut source: Configuration) -> Self {
        let files = Files::new(std::mem::take(&mut source.files));
        Configurations { source, files }
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
        if !self.files.have_changed() {
            return;
        }
        let source = &self.source;
        match self.files.read(|| load(source, &app.settings)) {
            None => (),
            Some(Ok(config)) => {
                app.configuration.store(Arc::new(config));
                app.took(Input::Configuration);
            }
            Some(Err(reason)) => app.refused(Input::Configuration, &reason.to_string()),
        }
    }
}

/// Reads a configuration, and tries it.
fn load(source: &Configuration, settings: &Settings) -> Result<Config, Reason> {
    let config = (source.load)()?;
    for (template, reason) in trial::run(&config, settings)? {
        log::warn!(template = template.as_str(); "a template that pods can ask for fails alone: {reason}");
    }
    if let Policy::Unknown(policy) = &config.injection.rules.policy {
        log::error!(policy = policy.as_str(); "no pod is injected: the policy in the injection config is neither enabled nor disabled");
    }
    Ok(config)
}

/// The certificate, and what it is from.
pub(super) enum Certificates {
    Files { certificate: PathBuf, key: PathBuf, files: Files },
    SelfSigned(Box<SelfSigned>),
}

impl Certificates {
    /// Where certificates are from, with the first one, and the CA of a self-signed one.
    pub(super) fn first(source: Certificate) -> Result<(Self, Pair, Option<String>), Error> {
        match source {
            Certificate::Files { certificate, key } => {
                let mut files = Files::new(vec![certificate.clone(), key.clone()]);
                let pair = loop {
                    if let Some(result) = files.read(|| read(&certificate, &key)) {
                        break result?;
                    }
                };
                Ok((Certificates::Files { certificate, key, files }, pair, None))
            }
            Certificate::SelfSigned { names } => {
                let failed = |source| Error::SelfSigned { names: names.join(", "), source };
                let (own, issued) = SelfSigned::new(names.clone(), SystemTime::now()).map_err(failed)?;
                let pair = Pair::parse(&issued.certificate, &issued.key)?;
                Ok((Certificates::SelfSigned(Box::new(own)), pair, Some(issued.ca)))
            }
        }
    }

    /// Takes a new one if there may be one.
    fn refresh(&mut self, app: &App) {
        match self {
            Certificates::Files { certificate, key, files } => {
                if !files.have_changed() {
                    return;
                }
                let expired = app.certificate.get().is_none_or(|pair| !pair.is_valid_now());
                match files.read(|| read(certificate, key)) {
                    None => (),
                    // A valid one is not given up for one that no client accepts.
                    Some(Ok(pair)) if !pair.is_valid_now() && !expired => {
                        app.refused(Input::Certificate, "it has expired, or is not valid yet");
                    }
                    Some(Ok(pair)) => app.serve_with(pair),
                    Some(Err(error)) => app.refused(Input::Certificate, &error.to_string()),
                }
            }
            Certificates::SelfSigned(own) => match own.renewed(SystemTime::now()) {
                Ok(None) => (),
                Ok(Some(Issued { ca, certificate, key })) => match Pair::parse(&certificate, &key) {
                    Ok(pair) => {
                        app.ca.store(Some(Arc::new(ca)));
                        app.serve_with(pair);
                    }
                    Err(error) => app.refused(Input::Certificate, &error.to_string()),
                },
                Err(error) => app.refused(Input::Certificate, &error.to_string()),
            },
        }
    }
}

/// Looks for new configurations and certificates for ever. Reading and trying takes milliseconds, which no request waits for.
pub(super) fn refresh(app: &App, mut configurations: Configurations, mut certificates: Certificates, poll: Duration) {
    loop {
        thread::sleep(poll);
        certificates.refresh(app);
        configurations.refresh(app);
    }
}

fn read(certificate: &Path, key: &Path) -> Result<Pair, Error> {
    let source = |path: &Path| {
        let file = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Ok(Source::new(file, text)),
            Err(source) => Err(Error::Read { file, source }),
        }
    };
    Ok(Pair::parse(&source(certificate)?, &source(key)?)?)
}

impl App {
    pub(super) fn serve_with(&self, pair: Pair) {
        self.metrics.certificate_expires(pair.valid.1);
        self.certificate.set(pair);
        self.took(Input::Certificate);
    }

    pub(super) fn took(&self, input: Input) {
        log::info!(input = input.name(); "in force");
        self.metrics.reloaded(input, true);
        self.reports.taken(input);
    }

    fn refused(&self, input: Input, reason: &str) {
        log::error!(input = input.name(); "refused, the old one stays: {reason}");
        self.metrics.reloaded(input, false);
        self.reports.refused(input, reason);
    }
}
