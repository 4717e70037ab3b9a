//! What can be wrong with an installation.

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It may do harm some day.
    Warning,
    /// It does harm now: pods are not created, or start without a proxy.
    Error,
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Nobody calls the webhook.
    #[error(
        "there is no MutatingWebhookConfiguration with a webhook *.sidecar-injector.istio.io{}: no pod is injected",
        Labelled(.revision)
    )]
    NoConfiguration {
        /// The revision; empty for any.
        revision: String,
    },
    /// The webhook's own pods.
    #[error(
        "it is called for the injector's own pods ({pods}): once they are all down, none can start again; label them \
         sidecar.istio.io/inject: \"false\", or exclude their namespace"
    )]
    CatchesItself {
        /// Their names.
        pods: String,
    },
    /// Namespaces of the system.
    #[error(
        "it is called for pods in {namespaces}, which are never injected: if the injector is down, the cluster's own pods \
         cannot start; exclude them by the namespaceSelector, or remove the labels that it looks for"
    )]
    CatchesSystem {
        /// Their names.
        namespaces: String,
    },
    /// A selector that cannot be read.
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
    /// Each creation waits that long.
    #[error(
        "timeoutSeconds is {seconds}: while the injector hangs, every creation of a pod waits that long; 10 is usual"
    )]
    LongTimeout {
        /// Seconds.
        seconds: i64,
    },
    /// A busy moment is a failure.
    #[error("timeoutSeconds is {seconds}: on a busy network, the creation of pods fails; 10 is usual")]
    ShortTimeout {
        /// Seconds.
        seconds: i64,
    },
    /// There is no CA.
    #[error(
        "clientConfig.caBundle is empty: API servers refuse the injector's certificate; run the webhook with --cluster, or set it"
    )]
    NoCa,
    /// The CA is not a CA.
    #[error("clientConfig.caBundle is not a CA: {reason}")]
    InvalidCa {
        /// Why.
        reason: String,
    },
    /// The CA is too old.
    #[error("the CA in clientConfig.caBundle has expired, or is not valid yet")]
    ExpiredCa,
    /// Another certificate is served.
    #[error(
        "{address} serves a certificate that API servers refuse: {reason}; check that caBundle is its CA, and that it is for {name}"
    )]
    Refused {
        /// Where it is served.
        address: String,
        /// The name that it has to be for.
        name: String,
        /// Why.
        reason: String,
    },
    /// Nobody answers.
    #[error(
        "{address} cannot be reached from here: {reason}; check Service, pods and network policies, or give --address if it has another one here"
    )]
    Unreachable {
        /// Where.
        address: String,
        /// Why.
        reason: String,
    },
    /// The certificate expires soon.
    #[error("the certificate that {address} serves expires in {days} days")]
    Expires {
        /// Where it is served.
        address: String,
        /// Days.
        days: u64,
    },
    /// No address at all.
    #[error("clientConfig has neither service nor url")]
    NoAddress,
    /// No such Service.
    #[error("the Service {service} does not exist: no call arrives")]
    NoService {
        /// Namespace and name.
        service: String,
    },
    /// The Service has another port.
    #[error("the Service {service} has no port {port}: no call arrives")]
    NoPort {
        /// Namespace and name.
        service: String,
        /// The port.
        port: i64,
    },
    /// The Service leads nowhere.
    #[error(
        "the Service {service} has no endpoint that is ready: no call arrives; look at the injector's pods and their /readyz"
    )]
    NoEndpoint {
        /// Namespace and name.
        service: String,
    },
    /// The path is answered with 404.
    #[error("the path is {path:?}; the injector answers /inject and /inject/NAME/VALUE/...")]
    Path {
        /// The path.
        path: String,
    },
    /// The API server and the injector have no version in common.
    #[error("admissionReviewVersions has neither v1 nor v1beta1")]
    Versions,
    /// Dry runs fail.
    #[error("sideEffects is {found:?}: dry runs are refused; the injector has none, so set it to None")]
    SideEffects {
        /// What it is.
        found: String,
    },
    /// The rules do not have the creation of pods.
    #[error("no rule is about the creation of pods (operation CREATE, apiVersion v1, resource pods)")]
    NoRule,
    /// The rules cover more than that.
    #[error(
        "a rule is about more than the creation of pods: the injector leaves everything else as it is, and each call can fail"
    )]
    WideRule,
    /// A pod is injected twice.
    #[error("{others} has the same selectors: a pod is injected by both")]
    Twice {
        /// The other entries.
        others: String,
    },
    /// The label is missing.
    #[error("the configuration has no label istio.io/rev: its caBundle is not kept up to date")]
    NoRevision,
}

impl Problem {
    /// How bad it is.
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
