//! Checks the certificate that is actually served, as an API server would.

use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use super::entry::Address;
use super::{Entry, Problem};
use crate::server::validity;

/// How long to wait for an answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// How many days before it expires a certificate is reported.
const SOON: u64 = 14;

/// The problems of an entry's CA, and of the certificate that is served at its address, or at another address of the
/// same server.
pub fn probe(entry: &Entry<'_>, address: Option<&str>) -> Vec<Problem> {
    let Some(ca) = entry.ca() else { return Vec::new() };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(ca.as_bytes()) {
        let added = certificate.map_err(|error| error.to_string());
        if let Err(reason) = added.and_then(|certificate| roots.add(certificate).map_err(|error| error.to_string())) {
            return vec![Problem::InvalidCa { reason }];
        }
    }
    let (from, until) = match validity(&ca) {
        Ok(valid) => valid,
        Err(reason) => return vec![Problem::InvalidCa { reason }],
    };
    if !(from..=until).contains(&now()) {
        return vec![Problem::ExpiredCa];
    }
    let Some(called) = entry.address() else { return Vec::new() };
    let Address { name, port } = called;
    let address = address.map_or_else(|| format!("{name}:{port}"), str::to_owned);
    match served(&address, &name, roots) {
        Ok(days) if days < SOON => vec![Problem::Expires { address, days }],
        Ok(_) => Vec::new(),
        Err(Failure::Unreachable(error)) => vec![Problem::Unreachable { address, reason: error.to_string() }],
        Err(Failure::Refused(reason)) => vec![Problem::Refused { address, name, reason }],
    }
}

enum Failure {
    Unreachable(io::Error),
    Refused(String),
}

/// The number of days that the certificate served at an address is still valid.
fn served(address: &str, name: &str, roots: RootCertStore) -> Result<u64, Failure> {
    let refused = |reason: String| Failure::Refused(reason);
    let server = ServerName::try_from(name.to_owned()).map_err(|error| refused(format!("{name:?}: {error}")))?;
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(|error| refused(error.to_string()))?;
    let config = Arc::new(builder.with_root_certificates(roots).with_no_client_auth());
    let mut connection = ClientConnection::new(config, server).map_err(|error| refused(error.to_string()))?;

    let mut stream = connect(address).map_err(Failure::Unreachable)?;
    while connection.is_handshaking() {
        match connection.complete_io(&mut stream) {
            Ok(_) => (),
            // rustls reports an invalid certificate as this error.
            Err(error) if error.kind() == io::ErrorKind::InvalidData => return Err(refused(error.to_string())),
            Err(error) => return Err(Failure::Unreachable(error)),
        }
    }
    let first = connection.peer_certificates().and_then(<[_]>::first);
    let (_, until) =
        first.map(|first| crate::server::validity_of(first)).transpose().map_err(refused)?.unwrap_or_default();
    Ok(until.saturating_sub(now()) / (24 * 60 * 60))
}

fn connect(address: &str) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(stream) => {
                stream.set_read_timeout(Some(PATIENCE))?;
                stream.set_write_timeout(Some(PATIENCE))?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs())
}
