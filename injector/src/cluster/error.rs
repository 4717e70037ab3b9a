//! Why a cluster cannot be read. The commands, which know the flags, add what to do about it.

use std::time::Duration;

use kube::client::AuthError;
use kube::core::Status;

use super::{Name, Namespace};

/// Why a cluster cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No kubeconfig was found, and this is not a pod with a service account.
    #[error("there is no kubeconfig: {looked}")]
    NoKubeconfig {
        /// The places in which it was looked for.
        looked: String,
    },
    /// A kubeconfig cannot be used.
    #[error("{file}: {reason}")]
    Kubeconfig {
        /// The file.
        file: String,
        /// Why.
        reason: String,
    },
    /// The kubeconfig has no current context.
    #[error("{file}: `current-context` is not set; the file has {known}")]
    NoContext {
        /// The file.
        file: String,
        /// The contexts that there are.
        known: String,
    },
    /// There is no such context.
    #[error("{file}: there is no context {context:?}; the file has {known}")]
    UnknownContext {
        /// The file.
        file: String,
        /// The context that was asked for.
        context: String,
        /// The contexts that there are.
        known: String,
    },
    /// The service account of the pod cannot be used.
    #[error("the service account of this pod cannot be used: {reason}")]
    ServiceAccount {
        /// Why.
        reason: String,
    },
    /// The proxy cannot be used.
    #[error("{from}: {proxy} is not allowed; it has to be a URL with http://, https:// or socks5://")]
    Proxy {
        /// What names it.
        from: String,
        /// The proxy, without its password.
        proxy: String,
    },
    /// There are no credentials.
    #[error("there are no credentials for {identity}: {reason}")]
    Credentials {
        /// Their expected source.
        identity: String,
        /// Why.
        reason: String,
    },
    /// The client cannot be made, for example because a certificate is invalid.
    #[error("no client for {server} can be made with {identity}: {reason}")]
    Client {
        /// The address.
        server: String,
        /// The source of certificates and credentials.
        identity: String,
        /// Why.
        reason: String,
    },
    /// There was no answer, because there was no connection or it broke.
    #[error("could not reach the API server {server}: {reason}")]
    Unreachable {
        /// The address.
        server: String,
        /// Why.
        reason: String,
    },
    /// The answer did not come in time.
    #[error("the API server {server} did not answer within {} s", waited.as_secs_f32())]
    TimedOut {
        /// The address.
        server: String,
        /// How long it had.
        waited: Duration,
    },
    /// The server does not accept the credentials.
    #[error("the API server {server} does not accept the credentials of {identity} (401 Unauthorized)")]
    Unauthorized {
        /// The address.
        server: String,
        /// The source of the credentials.
        identity: String,
    },
    /// The permission is missing.
    #[error("the API server {server} does not let {identity} {right} (403 Forbidden: {message})")]
    Forbidden {
        /// The address.
        server: String,
        /// The source of the credentials.
        identity: String,
        /// The right that is missing.
        right: String,
        /// The server's message.
        message: String,
    },
    /// Another answer than the one that was asked for.
    #[error("the API server {server} answered with the status {code}: {message}")]
    Refused {
        /// The address.
        server: String,
        /// The HTTP status.
        code: u16,
        /// The server's message.
        message: String,
    },
    /// The answer is not the object that was asked for.
    #[error("the answer of {server} is not the object that was asked for: {reason}")]
    Unreadable {
        /// The address.
        server: String,
        /// Why.
        reason: String,
    },
    /// There is no such object.
    #[error("there is no {kind} {name} in the namespace {namespace} of {server} (404 Not Found)")]
    NoObject {
        /// Its kind.
        kind: &'static str,
        /// Its name.
        name: Name,
        /// The namespace.
        namespace: Namespace,
        /// The address of the server.
        server: String,
    },
    /// The ConfigMap has no such text.
    #[error("the ConfigMap {name} in the namespace {namespace} has no key {key:?}; it has {keys}")]
    NoKey {
        /// Its name.
        name: Name,
        /// Its namespace.
        namespace: Namespace,
        /// The key.
        key: &'static str,
        /// The keys that there are.
        keys: String,
    },
}

impl Error {
    /// What an error status of the server means.
    pub(super) fn of_status(status: &Status, server: String, identity: &str, right: &str) -> Self {
        let message = one_line(&status.message);
        match status.code {
            401 => Error::Unauthorized { server, identity: identity.to_owned() },
            403 => Error::Forbidden { server, identity: identity.to_owned(), right: right.to_owned(), message },
            // Of no API server, but of something before it.
            0 => Error::Unreadable { server, reason: format!("it is a failure without a status: {message:?}") },
            code => Error::Refused { server, code, message },
        }
    }

    /// What went wrong before anything was sent. `program` is what gets credentials, if there is one.
    pub(super) fn of_setup(error: &kube::Error, server: &str, identity: &str, program: &str) -> Self {
        let (server, identity) = (server.to_owned(), identity.to_owned());
        let kube::Error::Auth(auth) = error else { return Error::Client { server, identity, reason: causes(error) } };
        // Its own messages show all of the program's environment and output, tokens included.
        #[expect(clippy::wildcard_enum_match_arm, reason = "kube's own, and the rest have no output in them")]
        let reason = match auth {
            AuthError::AuthExecRun { out, .. } => {
                format!("`{program}` failed ({}): {}", out.status, one_line(&String::from_utf8_lossy(&out.stderr)))
            }
            AuthError::AuthExecStart(source) => format!("`{program}` cannot be run: {source}"),
            AuthError::AuthExecParse(_) => format!("`{program}` printed no ExecCredential"),
            auth => causes(auth),
        };
        Error::Credentials { identity, reason }
    }
}

/// An error with all its causes, each once.
pub(super) fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        cause = inner.source();
    }
    one_line(&text)
}

/// Text from outside, made safe to show: one line, no control characters, not too long.
pub(super) fn one_line(text: &str) -> String {
    const LONGEST: usize = 400;
    let words: Vec<_> = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()).collect();
    let line = words.join(" ");
    if line.chars().count() <= LONGEST {
        return line;
    }
    line.chars().take(LONGEST).chain("...".chars()).collect()
}
