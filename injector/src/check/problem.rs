//! The problems of an installation.

/// The severity of a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It can cause harm later.
    Warning,
    /// It causes harm now: pods are not created, or start without a proxy.
    Error,
}

/// A problem of an installation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// No webhook configuration calls the injector.
    #[error(
        "there is no MutatingWebhookConfiguration with a webhook *.sidecar-injector.istio.io{}, so no pod is injected",
        Labelled(.revision)
    )]
    NoConfiguration {
        /// The revision; empty for any.
        revision: String,
    },
    /// The selectors match the injector's own pods.
    #[error(
        "it is called for the injector's own pods ({pods}): once they are all down, none can start again; label them \
         with sidecar.istio.io/inject: \"false\", or exclude their namespace"
    )]
    CatchesItself {
        /// Their names.
        pods: String,
    },
    /// The selectors match pods in system namespaces.
    #[error(
        "it is called for pods in {namespaces}, which are never injected: if the injector is down, the cluster's own pods \
         cannot start; exclude these namespaces in namespaceSelector, or remove the labels that it matches"
    )]
    CatchesSystem {
        /// Their names.
        namespaces: String,
    },
    /// A selector is invalid.
    #[error("{field} is invalid: {reason}")]
    Selector {
        /// `namespaceSelector` or `objectSelector`.
        field: &'static str,
        /// Why.
        reason: String,
    },
    /// Pods start without a proxy.
    #[error("failurePolicy is Ignore: while the injector is down, pods start without a proxy and bypass mutual TLS")]
    Ignored,
    /// If the injector hangs, creating a pod takes too long.
    #[error("timeoutSeconds is {seconds}: if the injector hangs, creating any pod takes that long; 10 is usual")]
    LongTimeout {
        /// Seconds.
        seconds: i64,
    },
    /// A short delay makes calls fail.
    #[error("timeoutSeconds is {seconds}: on a busy network, creating pods can fail; 10 is usual")]
    ShortTimeout {
        /// Seconds.
        seconds: i64,
    },
    /// caBundle is empty.
    #[error(
        "clientConfig.caBundle is empty, so API servers refuse the injector's certificate; run the webhook with --cluster, or set caBundle yourself"
    )]
    NoCa,
    /// caBundle is not a CA.
    #[error("clientConfig.caBundle is not a CA: {reason}")]
    InvalidCa {
        /// Why.
        reason: String,
    },
    /// The CA has expired, or is not valid yet.
    #[error("the CA in clientConfig.caBundle has expired, or is not valid yet")]
    ExpiredCa,
    /// API servers do not accept the certificate that is served.
    #[error(
        "{address} serves a certificate that API servers refuse: {reason}; check that caBundle is its CA, and that it is valid for {name}"
    )]
    Refused {
        /// The server's address.
        address: String,
        /// The name that it has to be for.
        name: String,
        /// Why.
        reason: String,
    },
    /// The address cannot be reached.
    #[error(
        "{address} cannot be reached from here: {reason}; check the Service, its pods and network policies, or set --address if the webhook has another address here"
    )]
    Unreachable {
        /// The address.
        address: String,
        /// Why.
        reason: String,
    },
    /// The certificate expires soon.
    #[error("the certificate that {address} serves expires in {days} days")]
    Expires {
        /// The server's address.
        address: String,
        /// Days.
        days: u64,
    },
    /// There is no address.
    #[error("clientConfig has neither service nor url")]
    NoAddress,
    /// The Service does not exist.
    #[error("the Service {service} does not exist, so API servers cannot reach the injector")]
    NoService {
        /// Namespace and name.
        service: String,
    },
    /// The Service does not have the port.
    #[error("the Service {service} has no port {port}, so API servers cannot reach the injector")]
    NoPort {
        /// Namespace and name.
        service: String,
        /// The port.
        port: i64,
    },
    /// The Service has no ready endpoint.
    #[error(
        "the Service {service} has no ready endpoint, so API servers cannot reach the injector; look at the injector's pods and their /readyz"
    )]
    NoEndpoint {
        /// Namespace and name.
        service: String,
    },
    /// The path is answered with 404.
    #[error("the path is {path:?}, but the injector only serves /inject and /inject/NAME/VALUE/...")]
    Path {
        /// The path.
        path: String,
    },
    /// The API server and the injector have no version in common.
    #[error("admissionReviewVersions has neither v1 nor v1beta1")]
    Versions,
    /// Dry runs are refused.
    #[error(
        "sideEffects is {found:?}, so dry runs are refused; set it to None, because the injector has no side effects"
    )]
    SideEffects {
        /// What it is.
        found: String,
    },
    /// The rules do not cover the creation of pods.
    #[error("no rule covers the creation of pods (operation CREATE, apiVersion v1, resource pods)")]
    NoRule,
    /// The rules cover more than the creation of pods.
    #[error(
        "a rule covers more than the creation of pods: the injector leaves other objects unchanged, but each call can fail"
    )]
    WideRule,
    /// Another webhook selects the same pods.
    #[error("it has the same selectors as {others}, so they all inject the same pods")]
    Twice {
        /// The other entries.
        others: String,
    },
    /// The label with the revision is missing.
    #[error("the configuration has no label istio.io/rev, so its caBundle is not kept up to date")]
    NoRevision,
}

impl Problem {
    /// Its severity.
    pub fn severity(&self) -> Severity {
        match self {
            Problem::NoConfiguration { .. }
            | Problem::CatchesItself { .. }
            | Problem::CatchesSystem { .. }
            | Problem::Selector { .. }
            | Problem::NoCa
            | Problem::InvalidCa { .. }
            | Problem::ExpiredCa
            | Problem::Refused { .. }
            | Problem::NoAddress
            | Problem::NoService { .. }
            | Problem::NoPort { .. }
            | Problem::NoEndpoint { .. }
            | Problem::Path { .. }
            | Problem::Versions
            | Problem::SideEffects { .. }
            | Problem::NoRule
            | Problem::Twice { .. } => Severity::Error,
            Problem::Ignored
            | Problem::LongTimeout { .. }
            | Problem::ShortTimeout { .. }
            | Problem::Unreachable { .. }
            | Problem::Expires { .. }
            | Problem::WideRule
            | Problem::NoRevision => Severity::Warning,
        }
    }
}

struct Labelled<'r>(&'r str);

impl std::fmt::Display for Labelled<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, " and the label istio.io/rev: {}", self.0) }
    }
}
