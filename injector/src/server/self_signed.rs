//! A CA and a certificate made by the server itself, for installations that have nobody else to issue one.

use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use time::OffsetDateTime;

use crate::config::Source;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Clients whose clocks are slow accept new certificates, too.
const SKEW: Duration = Duration::from_secs(60 * 60);

/// How long something is valid, and when it is renewed: at two thirds of its life.
#[derive(Clone, Copy, Debug)]
struct Life {
    from: SystemTime,
    until: SystemTime,
}

impl Life {
    fn new(now: SystemTime, days: u32) -> Self {
        Life { from: now - SKEW, until: now + DAY * days }
    }

    fn is_due(&self, now: SystemTime) -> bool {
        let whole = self.until.duration_since(self.from).unwrap_or_default();
        now >= self.from + whole / 3 * 2
    }
}

/// A CA, and what it issued.
pub(super) struct SelfSigned {
    names: Vec<String>,
    authority: Authority,
    certificate: Life,
}

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    life: Life,
}

/// What a renewal made, as PEM texts.
#[derive(Debug)]
pub(super) struct Issued {
    pub(super) ca: String,
    pub(super) certificate: Source,
    pub(super) key: Source,
}

impl SelfSigned {
    /// A CA, and its first certificate for some names.
    pub(super) fn new(names: Vec<String>, now: SystemTime) -> Result<(Self, Issued), rcgen::Error> {
        let authority = Authority::new(now)?;
        let (certificate, issued) = authority.issue(&names, now)?;
        Ok((SelfSigned { names, authority, certificate }, issued))
    }

    /// A new certificate if it is time for one, and a new CA if it is time for that.
    pub(super) fn renewed(&mut self, now: SystemTime) -> Result<Option<Issued>, rcgen::Error> {
        if self.authority.life.is_due(now) {
            self.authority = Authority::new(now)?;
        } else if !self.certificate.is_due(now) {
            return Ok(None);
        }
        let (certificate, issued) = self.authority.issue(&self.names, now)?;
        self.certificate = certificate;
        Ok(Some(issued))
    }
}

impl Authority {
    fn new(now: SystemTime) -> Result<Self, rcgen::Error> {
        let (key, life) = (KeyPair::generate()?, Life::new(now, 3650));
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name = named("sidecar-injector CA");
        set_life(&mut params, life);
        let pem = params.self_signed(&key)?.pem();
        Ok(Authority { issuer: Issuer::new(params, key), pem, life })
    }

    fn issue(&self, names: &[String], now: SystemTime) -> Result<(Life, Issued), rcgen::Error> {
        let (key, mut life) = (KeyPair::generate()?, Life::new(now, 365));
        life.until = life.until.min(self.life.until);
        let mut params = CertificateParams::new(names)?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        params.distinguished_name = named("sidecar-injector");
        set_life(&mut params, life);
        let certificate = params.signed_by(&key, &self.issuer)?.pem();
        let issued = Issued {
            ca: self.pem.clone(),
            certificate: Source::new("the self-signed certificate", certificate),
            key: Source::new("its key", key.serialize_pem()),
        };
        Ok((life, issued))
    }
}

fn named(name: &str) -> DistinguishedName {
    let mut names = DistinguishedName::new();
    names.push(DnType::CommonName, name);
    names
}

fn set_life(params: &mut CertificateParams, life: Life) {
    (params.not_before, params.not_after) = (OffsetDateTime::from(life.from), OffsetDateTime::from(life.until));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::tls::Pair;

    #[test]
    fn a_certificate_is_renewed_at_two_thirds_of_its_life_and_the_ca_too() {
        let start = SystemTime::now();
        let (mut own, first) = SelfSigned::new(vec!["injector.istio-system.svc".to_owned()], start).unwrap();
        let pair = Pair::parse(&first.certificate, &first.key).unwrap();
        assert!(pair.is_valid_now());
        assert!(own.renewed(start + DAY * 240).unwrap().is_none());
        let second = own.renewed(start + DAY * 244).unwrap().unwrap();
        assert_eq!(first.ca, second.ca);
        assert_ne!(first.certificate, second.certificate);
        assert!(own.renewed(start + DAY * 245).unwrap().is_none());
        let third = own.renewed(start + DAY * 2440).unwrap().unwrap();
        assert_ne!(first.ca, third.ca);
        Pair::parse(&third.certificate, &third.key).unwrap();
    }

    #[test]
    fn a_key_of_another_certificate_is_refused() {
        let issue = || SelfSigned::new(vec!["localhost".to_owned()], SystemTime::now()).unwrap().1;
        let (one, other) = (issue(), issue());
        let error = Pair::parse(&one.certificate, &other.key).unwrap_err().to_string();
        assert!(error.contains("does not belong to the first certificate"), "{error}");
        let error = Pair::parse(&one.key, &one.key).unwrap_err().to_string();
        assert!(error.contains("there is no certificate in it"), "{error}");
        let error = Pair::parse(&one.certificate, &one.certificate).unwrap_err().to_string();
        assert!(error.contains("there is no private key in it"), "{error}");
        let broken = Source::new("tls.crt", one.certificate.text.replacen('M', "!", 1));
        assert!(Pair::parse(&broken, &one.key).unwrap_err().to_string().starts_with("tls.crt: "));
    }
}
