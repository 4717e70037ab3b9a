//! A certificate of the server's own, and who issues it. Pure: texts in, texts out.

use std::fmt;
use std::time::Duration;

/// A certificate with its key, and the CA that issued it with its key, as PEM texts.
#[derive(Clone, PartialEq, Eq)]
pub struct Triple {
    /// The certificate of the CA.
    pub ca: String,
    /// The key of the CA, by which the certificate is renewed without a new CA. Empty if another program renews it.
    pub ca_key: String,
    /// The certificate that is served.
    pub certificate: String,
    /// Its key.
    pub key: String,
}

/// Keys are never printed.
impl fmt::Debug for Triple {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Triple").field("ca", &self.ca).field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

/// Issues certificates.
pub trait Issuer: Send {
    /// Issues a certificate: by the CA of `last` if there is one and it lasts long enough, otherwise by a new CA.
    fn issue(&mut self, last: Option<&Triple>) -> Result<Triple, String>;

    /// How long until a certificate has to be renewed; zero if it is time. An error explains why it cannot be served at
    /// all, such as that the key is another's, or that it is for other names.
    fn time_left(&self, triple: &Triple) -> Result<Duration, String>;
}
