//! A client of one cluster, and how long it waits.

use std::error::Error as _;
use std::ffi::OsString;
use std::future::Future;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::time::Duration;

use kube::Client;
use kube::config::{AuthInfo, ExecInteractiveMode};

use super::error::{Error, causes};
use super::kubeconfig::{self, Access};

/// Which cluster, as kubectl's flags of the same names choose it, and how long to wait for it.
#[derive(Clone, Debug)]
pub struct Options {
    /// The kubeconfig; by default `$KUBECONFIG`, `~/.kube/config`, or the service account of the pod.
    pub kubeconfig: Option<PathBuf>,
    /// The context in it; by default the current one.
    pub context: Option<String>,
    /// The longest time to connect.
    pub connect: Duration,
    /// The longest time from a request to the end of its answer, connecting included. It does not bound a watch.
    pub answer: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Options { kubeconfig: None, context: None, connect: Duration::from_secs(10), answer: Duration::from_secs(30) }
    }
}

/// The API server of a cluster, and a client for it.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
    /// The address of the server, for messages.
    server: String,
    /// Whose credentials are used, for messages.
    identity: String,
    /// The namespace of the context.
    namespace: String,
    answer: Duration,
}

impl Cluster {
    /// Prepares a client. Nothing is sent yet, but if the kubeconfig names a program for credentials, it is run. Has to
    /// be called inside a tokio runtime.
    pub async fn new(options: &Options, variables: &dyn Fn(&str) -> Option<OsString>) -> Result<Self, Error> {
        let Access { mut config, identity, via } = kubeconfig::access(options, variables).await?;
        config.connect_timeout = Some(options.connect);
        // It would retry for minutes, and hide the answer.
        config.default_retry = false;
        keep_standard_input(&mut config.auth_info);
        let server = format!("{}{via}", kubeconfig::origin(&config.cluster_url.to_string()));
        let namespace = config.default_namespace.clone();
        let program = config.auth_info.exec.as_ref().and_then(|exec| exec.command.clone()).unwrap_or_default();
        let client = Client::try_from(config).map_err(|error| Error::of_setup(&error, &server, &identity, &program))?;
        Ok(Cluster { client, server, identity, namespace, answer: options.answer })
    }

    /// The client itself.
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// The address of the API server, for messages.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The namespace of what is given without one: that of the context, as for kubectl.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Waits for an answer, with a time limit. `right` is the permission that the request needs, such as "get
    /// configmaps in the namespace istio-system".
    pub async fn answer<T>(
        &self,
        right: &str,
        request: impl Future<Output = Result<T, kube::Error>>,
    ) -> Result<T, Error> {
        match tokio::time::timeout(self.answer, request).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(self.failed(right, error)),
            Err(_) => Err(Error::TimedOut { server: self.server.clone(), waited: self.answer }),
        }
    }

    pub(super) fn failed(&self, right: &str, error: kube::Error) -> Error {
        let server = self.server.clone();
        #[expect(clippy::wildcard_enum_match_arm, reason = "kube's own, and the rest are failures to get an answer")]
        match error {
            kube::Error::Api(status) => Error::of_status(&status, server, &self.identity, right),
            kube::Error::SerdeError(source) => Error::Unreadable { server, reason: source.to_string() },
            kube::Error::FromUtf8(source) => Error::Unreadable { server, reason: source.to_string() },
            // Its own messages only name its variant.
            error => Error::Unreachable { server, reason: causes(error.source().unwrap_or(&error)) },
        }
    }
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster")
            .field("server", &self.server)
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}

/// A program for credentials may ask its user, but must not read the objects that are piped to this program.
fn keep_standard_input(auth: &mut AuthInfo) {
    if let Some(exec) = &mut auth.exec
        && !io::stdin().is_terminal()
    {
        exec.interactive_mode = Some(ExecInteractiveMode::Never);
    }
}
