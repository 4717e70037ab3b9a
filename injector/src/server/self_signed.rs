//! A CA and a certificate made by the server itself, for installations without another issuer.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls::client::verify_server_name;
use rustls::pki_types::ServerName;
use rustls::server::ParsedCertificate;
use time::OffsetDateTime;

use super::tls::{self, Pair};
use crate::certificate::{Issuer, Triple};
use crate::config::Source;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// So that clients with slow clocks accept new certificates, too.
const SKEW: Duration = Duration::from_secs(60 * 60);

/// How long a certificate lasts. It is renewed at two thirds of that.
const CERTIFICATE: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// How long a CA lasts.
const AUTHORITY: Duration = Duration::from_secs(3650 * 24 * 60 * 60);

/// Issues certificates for some names.
#[derive(Clone, Debug)]
pub(super) struct SelfSigned {
    names: Vec<String>,
    clock: fn() -> SystemTime,
}

impl SelfSigned {
    pub(super) fn new(names: Vec<String>) -> Self {
        SelfSigned { names, clock: SystemTime::now }
    }

    fn authority(&self) -> Result<(String, String), rcgen::Error> {
        let (key, now) = (KeyPair::generate()?, (self.clock)());
        let mut params = authority();
        set_life(&mut params, now, now + AUTHORITY);
        Ok((params.self_signed(&key)?.pem(), key.serialize_pem()))
    }

    /// The CA of a certificate, if it is valid and lasts longer than a new certificate.
    fn lasting(&self, last: &Triple) -> Option<(String, String)> {
        let ((from, until), now) = (tls::validity(&last.ca).ok()?, (self.clock)());
        let lasts = seconds(from) <= now && seconds(until) >= now + CERTIFICATE + DAY;
        (lasts && KeyPair::from_pem(&last.ca_key).is_ok()).then(|| (last.ca.clone(), last.ca_key.clone()))
    }

    fn certificate(&self, ca: String, ca_key: String) -> Result<Triple, rcgen::Error> {
        let (key, now) = (KeyPair::generate()?, (self.clock)());
        let mut params = CertificateParams::new(self.names.clone())?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        params.distinguished_name = named("sidecar-injector");
        set_life(&mut params, now, now + CERTIFICATE);
        // All these CAs have the same name, so the key is enough to continue with one.
        let issuer = rcgen::Issuer::new(authority(), KeyPair::from_pem(&ca_key)?);
        let certificate = params.signed_by(&key, &issuer)?.pem();
        Ok(Triple { ca, ca_key, certificate, key: key.serialize_pem() })
    }
}

impl Issuer for SelfSigned {
    fn issue(&mut self, last: Option<&Triple>) -> Result<Triple, String> {
        let ca = last.and_then(|last| self.lasting(last)).map_or_else(|| self.authority(), Ok);
        let issued = ca.and_then(|(ca, ca_key)| self.certificate(ca, ca_key));
        issued.map_err(|error| format!("a certificate for {} cannot be made: {error}", self.names.join(", ")))
    }

    fn time_left(&self, triple: &Triple) -> Result<Duration, String> {
        let pair = pair(triple).map_err(|error| error.to_string())?;
        let certificate =
            pair.certificate().and_then(ParsedCertificate::try_from).map_err(|error| error.to_string())?;
        for name in &self.names {
            let server = ServerName::try_from(name.as_str()).map_err(|error| format!("{name:?}: {error}"))?;
            verify_server_name(&certificate, &server).map_err(|_| format!("it is not for the name {name}"))?;
        }
        let (from, until, now) = (seconds(pair.valid.0), seconds(pair.valid.1), (self.clock)());
        if now < from {
            // It was issued while a clock was ahead, by more than others forgive.
            return Ok(Duration::ZERO);
        }
        let due = from + until.duration_since(from).unwrap_or_default() / 3 * 2;
        Ok(due.duration_since(now).unwrap_or_default())
    }
}

/// The pair that is served.
pub(super) fn pair(triple: &Triple) -> Result<Pair, tls::Error> {
    let source = |name: &str, text: &String| Source::new(name, text.as_str());
    Pair::parse(&source("the self-signed certificate", &triple.certificate), &source("its key", &triple.key))
}

fn authority() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.distinguished_name = named("sidecar-injector CA");
    params
}

fn named(name: &str) -> DistinguishedName {
    let mut names = DistinguishedName::new();
    names.push(DnType::CommonName, name);
    names
}

fn set_life(params: &mut CertificateParams, now: SystemTime, until: SystemTime) {
    (params.not_before, params.not_after) = (OffsetDateTime::from(now - SKEW), OffsetDateTime::from(until));
}

fn seconds(since_1970: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(since_1970)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issuer(names: &[&str], clock: fn() -> SystemTime) -> SelfSigned {
        SelfSigned { names: names.iter().map(|name| (*name).to_owned()).collect(), clock }
    }

    #[test]
    fn a_certificate_is_due_at_two_thirds_of_its_life_and_its_ca_stays() {
        let names = ["injector.istio-system.svc", "127.0.0.1"];
        let first = issuer(&names, SystemTime::now).issue(None).unwrap();
        let left = issuer(&names, SystemTime::now).time_left(&first).unwrap();
        assert!(left > DAY * 242 && left < DAY * 244, "{left:?}");
        let mut later = issuer(&names, || SystemTime::now() + DAY * 244);
        assert_eq!(later.time_left(&first).unwrap(), Duration::ZERO);
        let second = later.issue(Some(&first)).unwrap();
        assert_eq!((&first.ca, &first.ca_key), (&second.ca, &second.ca_key));
        assert_ne!(first.certificate, second.certificate);
        let last = issuer(&names, || SystemTime::now() + DAY * 3286).issue(Some(&second)).unwrap();
        assert_ne!(first.ca, last.ca, "the CA would not last as long as the certificate");
    }

    #[test]
    fn a_certificate_from_the_future_is_replaced_with_its_ca() {
        let ahead = |ahead| issuer(&["localhost"], ahead).issue(None).unwrap();
        let mut own = issuer(&["localhost"], SystemTime::now);
        // Others' clocks may be wrong by some minutes.
        let minutes = ahead(|| SystemTime::now() + SKEW / 2);
        assert!(own.time_left(&minutes).unwrap() > DAY);
        let years = ahead(|| SystemTime::now() + DAY * 4000);
        assert_eq!(own.time_left(&years).unwrap(), Duration::ZERO);
        let next = own.issue(Some(&years)).unwrap();
        assert_ne!(next.ca, years.ca);
        assert!(own.time_left(&next).unwrap() > DAY);
    }

    #[test]
    fn a_certificate_for_other_names_or_with_another_key_cannot_be_served() {
        let mut own = issuer(&["localhost"], SystemTime::now);
        let (one, other) = (own.issue(None).unwrap(), own.issue(None).unwrap());
        let error = issuer(&["localhost", "b.svc"], SystemTime::now).time_left(&one).unwrap_err();
        assert_eq!(error, "it is not for the name b.svc");
        let error = own.time_left(&Triple { key: other.key, ..one.clone() }).unwrap_err();
        assert!(error.contains("does not belong to the first certificate"), "{error}");
        let error = own.time_left(&Triple { certificate: one.key.clone(), ..one.clone() }).unwrap_err();
        assert!(error.contains("there is no certificate in it"), "{error}");
        let error = own.time_left(&Triple { key: one.certificate.clone(), ..one.clone() }).unwrap_err();
        assert!(error.contains("there is no private key in it"), "{error}");
        let broken = one.certificate.replacen('M', "!", 1);
        assert!(own.time_left(&Triple { certificate: broken, ..one }).is_err());
    }

    #[test]
    fn a_ca_that_cannot_be_used_is_replaced() {
        let mut own = issuer(&["localhost"], SystemTime::now);
        let first = own.issue(None).unwrap();
        let broken = Triple { ca_key: "none".to_owned(), ..first.clone() };
        assert_ne!(own.issue(Some(&broken)).unwrap().ca, first.ca);
    }
}
