//! The server's certificate and key: read, checked, and exchanged while connections go on.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::{ClientHello, ResolvesServerCert, ServerConfig};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use x509_cert::Certificate;
use x509_cert::der::Decode;

use crate::config::Source;

/// Why a certificate and its key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The text is not PEM.
    #[error("{file}: this is not PEM text: {source}")]
    Pem {
        /// The file.
        file: String,
        /// Why.
        source: pem::Error,
    },
    /// The file has something else.
    #[error("{file}: there is no {wanted} in it; {what_to_give}")]
    Missing {
        /// The file.
        file: String,
        /// What is missing.
        wanted: &'static str,
        /// What to do.
        what_to_give: &'static str,
    },
    /// The certificate is damaged.
    #[error("{file}: the first certificate cannot be read: {reason}")]
    Certificate {
        /// The file.
        file: String,
        /// Why.
        reason: String,
    },
    /// The key is of a kind that is not supported.
    #[error("{file}: the key cannot be used: {source}; use an ECDSA (P-256, P-384), Ed25519 or RSA key")]
    Key {
        /// The file.
        file: String,
        /// Why.
        source: rustls::Error,
    },
    /// The key is that of another certificate.
    #[error(
        "{key}: the key does not belong to the first certificate in {certificate}; the server's own certificate has to come first"
    )]
    Mismatch {
        /// The file with the key.
        key: String,
        /// The file with the certificate.
        certificate: String,
    },
}

/// A certificate, the chain to its issuer, and its key.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    certified: Arc<CertifiedKey>,
    /// From when to when the certificate is valid, in seconds since 1970.
    pub(super) valid: (u64, u64),
}

impl Pair {
    /// Reads a pair from PEM texts.
    pub(super) fn parse(certificate: &Source, key: &Source) -> Result<Self, Error> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificate.text.as_bytes()).collect();
        let chain = chain.map_err(|source| Error::Pem { file: certificate.name.clone(), source })?;
        let Some(first) = chain.first() else {
            return Err(Error::Missing {
                file: certificate.name.clone(),
                wanted: "certificate",
                what_to_give: "it has to begin with the line -----BEGIN CERTIFICATE-----",
            });
        };
        let unreadable = |reason: String| Error::Certificate { file: certificate.name.clone(), reason };
        let parsed = Certificate::from_der(first).map_err(|error| unreadable(error.to_string()))?;
        let validity = parsed.tbs_certificate().validity();
        let valid = (validity.not_before.to_unix_duration().as_secs(), validity.not_after.to_unix_duration().as_secs());
        let private = PrivateKeyDer::from_pem_slice(key.text.as_bytes()).map_err(|source| {
            let file = key.name.clone();
            if matches!(source, pem::Error::NoItemsFound) {
                let what_to_give = "it has to have a line -----BEGIN PRIVATE KEY-----, and must not be encrypted";
                Error::Missing { file, wanted: "private key", what_to_give }
            } else {
                Error::Pem { file, source }
            }
        })?;
        let signer =
            ring::sign::any_supported_type(&private).map_err(|source| Error::Key { file: key.name.clone(), source })?;
        let certified = CertifiedKey::new(chain, signer);
        match certified.keys_match() {
            Ok(()) => Ok(Pair { certified: Arc::new(certified), valid }),
            Err(rustls::Error::InconsistentKeys(_)) => {
                Err(Error::Mismatch { key: key.name.clone(), certificate: certificate.name.clone() })
            }
            Err(error) => Err(unreadable(error.to_string())),
        }
    }

    /// The server's own certificate.
    pub(super) fn certificate(&self) -> Result<&CertificateDer<'_>, rustls::Error> {
        self.certified.end_entity_cert()
    }

    /// Whether clients accept it now, as far as its dates go.
    pub(super) fn is_valid_now(&self) -> bool {
        let now = UnixTime::now().as_secs();
        (self.valid.0..=self.valid.1).contains(&now)
    }
}

/// Whether a text has what clients can trust.
pub(super) fn check_ca(ca: &Source) -> Result<(), Error> {
    let unreadable = |reason| Error::Certificate { file: ca.name.clone(), reason };
    validity(&ca.text).map(drop).map_err(unreadable)
}

/// From when to when the first certificate of a PEM text is valid, in seconds since 1970.
pub(crate) fn validity(certificate: &str) -> Result<(u64, u64), String> {
    let first = CertificateDer::from_pem_slice(certificate.as_bytes()).map_err(|error| error.to_string())?;
    validity_of(&first)
}

/// The same for one certificate.
pub(crate) fn validity_of(certificate: &CertificateDer<'_>) -> Result<(u64, u64), String> {
    let parsed = Certificate::from_der(certificate).map_err(|error| error.to_string())?;
    let validity = parsed.tbs_certificate().validity();
    Ok((validity.not_before.to_unix_duration().as_secs(), validity.not_after.to_unix_duration().as_secs()))
}

/// The pair that handshakes use. Connections that exist keep theirs.
#[derive(Default)]
pub(super) struct Current(ArcSwapOption<Pair>);

impl Current {
    pub(super) fn set(&self, pair: Pair) {
        self.0.store(Some(Arc::new(pair)));
    }

    pub(super) fn get(&self) -> Option<Arc<Pair>> {
        self.0.load_full()
    }
}

impl fmt::Debug for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Current").finish_non_exhaustive()
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.load().as_ref().map(|pair| Arc::clone(&pair.certified))
    }
}

/// TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1, without client certificates.
pub(super) fn server_config(current: Arc<Current>) -> Result<ServerConfig, rustls::Error> {
    let provider: CryptoProvider = ring::default_provider();
    let builder = ServerConfig::builder_with_provider(Arc::new(provider));
    let builder = builder.with_protocol_versions(&[&TLS13, &TLS12])?;
    let mut config = builder.with_no_client_auth().with_cert_resolver(current);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
