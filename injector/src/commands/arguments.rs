//! The command line.

use clap::builder::BoolishValueParser;
use clap::{Arg, ArgAction, ArgMatches, Command};

/// The whole command line.
pub(super) fn command() -> Command {
    let command = Command::new("sidecar-injector")
        .about("Adds a sidecar proxy to pods, as Istio's injector does")
        .version(env!("CARGO_PKG_VERSION"))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .args_override_self(true)
        .after_help(TASKS)
        .subcommand(kube_inject())
        .subcommand(diff())
        .subcommand(uninject())
        .subcommand(explain())
        .subcommand(render())
        .subcommand(lint())
        .subcommand(review());
    #[cfg(feature = "webhook")]
    let command = command.subcommand(webhook()).subcommand(check());
    command
}

/// Tasks, and the command for each.
const TASKS: &str = "\
Inject a file, without Istio:         sidecar-injector kube-inject -f app.yaml | kubectl apply -f -
Inject it as an installed Istio does: sidecar-injector kube-inject --injectConfigFile injector.yaml --meshConfigFile mesh.yaml -f app.yaml
See what injection changes:           sidecar-injector diff -f app.yaml
See what an upgrade will change:      sidecar-injector diff -f apps/ --injectConfigFile old.yaml --to-injectConfigFile new.yaml
Upgrade an injected file:             sidecar-injector kube-inject --upgrade -f injected.yaml -o injected.yaml
Remove the sidecar again:             sidecar-injector uninject -f injected.yaml
See why a pod has no sidecar:         sidecar-injector explain -f app.yaml
Find mistakes before deployment:      sidecar-injector lint -f apps/
See the configuration:                sidecar-injector kube-inject --print-config";

fn kube_inject() -> Command {
    Command::new("kube-inject")
        .about("Injects the pods in a file of Kubernetes objects")
        .long_about(
            "Reads Kubernetes objects as YAML, injects the pod of each workload, and prints the result. Everything else is \
             copied. No cluster is needed: without configuration files, a built-in configuration is used, which needs no Istio. \
             If one of --injectConfigMapName, --meshConfigMapName, --kubeconfig and --context is set, any configuration that no \
             file provides is read from a cluster.",
        )
        .args_override_self(true)
        .args([
            value("filename", "FILE").short('f').help("The objects: a file, a directory, or - for standard input"),
            value("output", "FILE").short('o').help("Write the result here, completely or not at all [default: standard output]"),
            flag("policy-from-config").help("Honour policy, selectors, default templates, aliases and injectedAnnotations of the config"),
            flag("cronjob-pod-metadata").help("Use the metadata of a CronJob's pod; Istio uses that of its job"),
            flag("keep-unknown-fields").help("Keep fields that this program does not know, such as those of a newer Kubernetes; without this, they are dropped, as by Istio"),
            flag("upgrade").help("Replace an earlier injection; without this, the new one is merged into it, as by Istio"),
            flag("minimal").help("Leave out `status: {}`, `resources: {}` and the like that the input does not have"),
        ])
        .args(configuration())
        .args(cluster())
        .arg(value("webhookConfig", "NAME").hide(true))
        .args(ignored())
}

/// What `diff` compares with, and the flag for each of them.
const OTHER: [(&str, &str, &str); 11] = [
    ("to-injectConfigFile", "injectConfigFile", "FILE"),
    ("to-valuesFile", "valuesFile", "FILE"),
    ("to-meshConfigFile", "meshConfigFile", "FILE"),
    ("to-operatorFileName", "operatorFileName", "FILE"),
    ("to-revision", "revision", "NAME"),
    ("to-kubelet-versions", "kubelet-versions", "VERSIONS"),
    ("to-injectConfigMapName", "injectConfigMapName", "NAME"),
    ("to-meshConfigMapName", "meshConfigMapName", "NAME"),
    ("to-istioNamespace", "istioNamespace", "NAME"),
    ("to-kubeconfig", "kubeconfig", "FILE"),
    ("to-context", "context", "NAME"),
];

fn diff() -> Command {
    let other = OTHER.map(|(name, flag, of)| {
        let from_cluster = cluster().iter().any(|arg| arg.get_id() == flag);
        value(name, of)
            .help_heading("Second configuration; each flag defaults to the one without to-")
            .help(format!("Like --{flag}"))
            .hide(from_cluster && !cfg!(feature = "cluster"))
    });
    Command::new("diff")
        .about("Shows what injection changes, or what another configuration would change")
        .long_about(
            "Prints the differences between the objects of a file and the result of kube-inject. With a --to-... flag, it \
             compares the results of two configurations instead, and so shows what an upgrade changes in the workloads. For a \
             directory, or with --summary, it lists workloads and the fields that change. Exit status 0 if nothing differs, \
             1 if something does, 2 if an error occurred.",
        )
        .args_override_self(true)
        .args([
            value("filename", "FILE").short('f').help("The objects: a file, a directory, or - for standard input"),
            flag("summary").help("List workloads and fields instead of lines; the default for a directory"),
            flag("upgrade").help("Replace an earlier injection, as kube-inject --upgrade does; always on with a --to-... flag"),
            flag("policy-from-config").help("Honour policy, selectors, default templates, aliases and injectedAnnotations of the config"),
            flag("cronjob-pod-metadata").help("Use the metadata of a CronJob's pod; Istio uses that of its job"),
            flag("keep-unknown-fields").help("Keep fields that this program does not know, such as those of a newer Kubernetes; without this, they are dropped, as by Istio"),
            flag("minimal").help("Leave out `status: {}`, `resources: {}` and the like that the input does not have"),
        ])
        .args(configuration().into_iter().filter(|arg| arg.get_id() != "print-config"))
        .args(cluster())
        .args(other)
}

/// The flags of the other configuration, under the names of the first; nothing if none is given.
pub(super) fn other_configuration(matches: &ArgMatches) -> Option<ArgMatches> {
    OTHER.iter().find(|(name, _, _)| text(matches, name).is_some())?;
    let given = OTHER.iter().filter_map(|(name, flag, _)| {
        let value = text(matches, name).or_else(|| text(matches, flag))?;
        Some(format!("--{flag}={value}"))
    });
    let command = Command::new("other").no_binary_name(true).args(configuration()).args(cluster());
    command.try_get_matches_from(given).ok()
}

fn uninject() -> Command {
    Command::new("uninject")
        .about("Removes the sidecar from the pods in a file")
        .long_about(
            "Reads Kubernetes objects as YAML, removes what an injection put into the pod of each workload, and prints the \
             result. Everything else is copied. With the configuration that was used for the injection, the result is verified \
             by injecting it again, and everything that the templates set is removed. Without it, labels and annotations are \
             found by the names that Istio's templates use. Warnings name what cannot be restored, because the injection \
             did not record it.",
        )
        .args_override_self(true)
        .args([
            value("filename", "FILE").short('f').help("The objects: a file, a directory, or - for standard input"),
            value("output", "FILE").short('o').help("Write the result here, completely or not at all [default: standard output]"),
            flag("verify").help("Fail unless injecting the result again gives the input"),
            flag("minimal").help("Leave out `status: {}`, `resources: {}` and the like"),
            flag("policy-from-config").help("The pods were injected with the config's default templates, aliases and injectedAnnotations, as by the webhook"),
            flag("cronjob-pod-metadata").help("Use the metadata of a CronJob's pod; Istio uses that of its job"),
        ])
        .args(configuration().into_iter().filter(|arg| arg.get_id() != "print-config"))
        .args(cluster())
}

fn review() -> Command {
    Command::new("review")
        .about("Answers one AdmissionReview, as the webhook would")
        .long_about("Reads an AdmissionReview (v1 or v1beta1) from standard input, and prints the webhook's answer.")
        .args_override_self(true)
        .args([
            value("path", "PATH")
                .help("The path of the URL that the API server calls, such as /inject/cluster/c1/net/n1"),
            value("namespace-file", "FILE")
                .help("The pod's Namespace, for the user and group of the proxy on OpenShift"),
        ])
        .args(configuration())
        .args(cluster())
        .args(ignored())
}

fn explain() -> Command {
    Command::new("explain")
        .about("Explains why a pod is injected or not, and where each injected part comes from")
        .long_about(
            "Reads workloads, pods or an AdmissionReview, and prints for each: whether it is injected and why, which webhook is \
             called, which templates are rendered, where each injected item comes from, and which settings have no effect. \
             With KIND/NAME, the workload, its namespace, the webhooks and the configuration are read from a cluster; with a \
             file, no cluster is needed. Changes nothing. Exit status 0 whatever the answer is, 1 if something cannot be read.",
        )
        .after_help(
            "Why does this pod have no sidecar?\n  \
             sidecar-injector explain pod/web-0 -n shop\n  \
             sidecar-injector explain -f pod.yaml --namespace-labels istio-injection=enabled\n\
             The same as JSON, for programs:\n  \
             sidecar-injector explain -f deployment.yaml -o json",
        )
        .args_override_self(true)
        .args([
            value("filename", "FILE").short('f').help("The objects, or an AdmissionReview: a file, a directory, or - for standard input"),
            Arg::new("object")
                .value_name("KIND/NAME")
                .conflicts_with("filename")
                .help("A workload or pod in a cluster, such as deployment/web; everything else is read from there too")
                .hide(!cfg!(feature = "cluster")),
            value("namespace", "NAME").short('n').help("The namespace of KIND/NAME [default: that of the context], or of objects in files that name none [default: default]"),
            value("namespace-labels", "KEY=VALUE,...").help("The labels of that namespace, which decide whether a webhook is called"),
            value("namespace-file", "FILE").help("A file with the Namespace object, instead of --namespace-labels; on OpenShift, it also sets the proxy's user"),
            value("webhook-file", "FILE").help("A file with the cluster's MutatingWebhookConfigurations [default: those that Istio installs for the revision]"),
            value("by", "WHO")
                .value_parser(["webhook", "kube-inject"])
                .default_value("webhook")
                .help("The injecting program: each uses different parts of the injection config"),
            value("port", "PORT").value_parser(clap::value_parser!(u16)).help("Print whether a client's connection to this port reaches the proxy, and why"),
            value("field", "PATH").help("Explain where a field of the pod comes from, and what it depends on, such as spec.containers[istio-proxy].image"),
            value("path", "PATH").help("The path of the URL that the API server calls, such as /inject/cluster/c1/net/n1"),
            flag("policy-from-config").help("With --by kube-inject: the same as this flag of kube-inject"),
            flag("cronjob-pod-metadata").help("With --by kube-inject: the same as this flag of kube-inject"),
            value("output", "FORMAT").short('o').value_parser(["text", "json"]).default_value("text").help("Output format"),
        ])
        .args(configuration().into_iter().filter(|arg| arg.get_id() != "print-config"))
        .args(cluster())
        .args(ignored().into_iter().filter(|arg| arg.get_id() != "namespace"))
}

fn lint() -> Command {
    Command::new("lint")
        .about("Finds problems that manifests would have in a mesh, before they are deployed")
        .long_about(
            "Reads Kubernetes objects as YAML, considers all of them together (Services select pods in other files, Namespaces have \
             labels), injects each workload as the webhook would, and prints what would fail in the mesh, or not work as \
             intended. It changes nothing and needs no cluster: without configuration files, Istio's defaults are assumed. \
             Exit status 1 if there is a finding at the level of --fail-on or above, 2 if nothing could be checked.",
        )
        .after_help(
            "Examples:\n  \
             sidecar-injector lint -f deploy/                  all .yaml, .yml and .json files below a directory\n  \
             helm template . | sidecar-injector lint -f -      the output of a chart\n  \
             sidecar-injector lint -f deploy/ --fail-on warning --ignore missing-version-label,no-service\n  \
             sidecar-injector lint -f deploy/ --output sarif > lint.sarif\n  \
             sidecar-injector lint -f deploy/ --injectConfigFile injector.yaml --meshConfigFile mesh.yaml\n\n\
             docs/lint.md explains each rule. To silence rules for one object, annotate it with sidecar-injector.io/lint-ignore: NAME,NAME.",
        )
        .args_override_self(true)
        .args([
            value("filename", "FILE")
                .short('f')
                .action(ArgAction::Append)
                .help("The objects: a file, a directory and all below it, or - for standard input; may be given several times"),
            value("output", "FORMAT").short('o').value_parser(["text", "json", "sarif"]).default_value("text").help("Output format of the findings"),
            value("fail-on", "LEVEL")
                .value_parser(["error", "warning", "info"])
                .default_value("error")
                .help("The lowest level of findings for which the exit status is 1"),
            value("ignore", "NAME")
                .action(ArgAction::Append)
                .value_delimiter(',')
                .help("Leave out the findings of this rule; separate several with commas"),
            value("namespace", "NAME").short('n').default_value("default").help("The namespace of objects that name none"),
            flag("list").help("Print all rules, with their levels and what they find, and exit"),
        ])
        .args(configuration())
        .args(cluster())
        .args(ignored().into_iter().filter(|arg| arg.get_id() != "namespace"))
}

fn render() -> Command {
    Command::new("render")
        .about("Prints the output of a template for a pod, before it is merged")
        .long_about(
            "For authors of templates: renders the templates of each pod, or one template, and prints the text unchanged, even if \
             it is not YAML. Exit status 1 if a template cannot be rendered; the message has the line.",
        )
        .after_help("Which line of the template produced which line of the output?\n  sidecar-injector render --template mine --lines -f pod.yaml")
        .args_override_self(true)
        .args([
            value("filename", "FILE").short('f').help("The objects: a file, a directory, or - for standard input"),
            value("template", "NAME").help("Render only this template [default: those that the pod asks for, or the default ones]"),
            flag("lines").help("Print the template's line number before each line"),
            flag("cronjob-pod-metadata").help("Use the metadata of a CronJob's pod; Istio uses that of its job"),
        ])
        .args(configuration().into_iter().filter(|arg| arg.get_id() != "print-config"))
        .args(cluster())
        .args(ignored())
}

#[cfg(feature = "webhook")]
fn webhook() -> Command {
    use clap::{ArgGroup, value_parser};

    let seconds =
        |name, default| value(name, "SECONDS").value_parser(value_parser!(u64).range(..=3600)).default_value(default);
    Command::new("webhook")
        .about("Answers the API server's AdmissionReviews, over HTTPS")
        .long_about(
            "Serves POST /inject for a MutatingWebhookConfiguration, and GET /healthz, /readyz and /metrics. Configuration and \
             certificate are read again when their files change; if the new one is invalid, the previous one stays in use. After \
             SIGTERM, exits with status 0 once all requests are answered.",
        )
        .args_override_self(true)
        .args([
            value("listen", "ADDRESS:PORT")
                .value_parser(super::webhook::address)
                .help("Address to serve on, with TLS; :PORT is all addresses [default: :15017]"),
            value("monitoring", "ADDRESS:PORT")
                .value_parser(super::webhook::address)
                .help("Second address, without TLS, for /healthz, /readyz and /metrics"),
            value("tls-cert", "FILE").requires("tls-key").help("The server's certificate and the chain to its issuer, as PEM"),
            value("tls-key", "FILE").requires("tls-cert").help("The certificate's private key, as PEM"),
            value("tls-ca", "FILE").requires("tls-cert").help("The CA that issued the certificate, as PEM; with --cluster, it is written to the webhook configurations as caBundle"),
            value("service", "NAME")
                .help("The Service in front of this server; a self-signed certificate is for its names [default: sidecar-injector, or sidecar-injector-REVISION]"),
            value("tls-name", "NAME")
                .action(ArgAction::Append)
                .conflicts_with("tls-cert")
                .help("Another DNS name or address for a self-signed certificate; may be given several times"),
            value("tls-secret", "NAME")
                .requires("cluster")
                .conflicts_with("tls-cert")
                .help("With --cluster: the Secret through which replicas share a self-signed certificate [default: sidecar-injector-tls, or sidecar-injector-REVISION-tls]"),
            flag("cluster")
                .help("Use the API server: read the nodes' versions (if ENABLE_NATIVE_SIDECARS is auto), namespaces (on OpenShift) and ProxyConfig resources, and keep the caBundle of the revision's webhook configurations up to date"),
            Arg::new("self-signed")
                .long("self-signed")
                .action(ArgAction::SetTrue)
                .help("Create a CA and a certificate, and renew them; /ca.pem serves the CA"),
            value("max-connections", "NUMBER")
                .value_parser(value_parser!(usize))
                .default_value("10000")
                .help("How many connections may be open; beyond that, idle ones are closed"),
            seconds("shutdown-delay", "5").help("How long to keep serving after SIGTERM, until clients are no longer sent to this replica"),
            seconds("shutdown-timeout", "20").help("How long to wait after that for requests to finish"),
            value("log-level", "LEVEL")
                .value_parser(value_parser!(log::LevelFilter))
                .default_value("info")
                .help("off, error, warn, info or debug; at debug there is a line for each pod"),
            flag("log_as_json").help("Print log lines as JSON objects"),
            value("poll", "MILLISECONDS").value_parser(value_parser!(u64).range(1..)).default_value("1000").hide(true),
        ])
        .group(ArgGroup::new("certificate").args(["tls-cert", "self-signed"]).required(true))
        .args(configuration().into_iter().filter(|arg| arg.get_id() != "print-config"))
        .args(cluster())
        .args(ignored().into_iter().filter(|arg| arg.get_id() != "log_as_json"))
}

#[cfg(feature = "webhook")]
fn check() -> Command {
    let cluster = cluster().into_iter().filter(|arg| matches!(arg.get_id().as_str(), "kubeconfig" | "context"));
    let cluster = cluster.map(|arg| arg.help_heading("Cluster to check, without --filename"));
    Command::new("check")
        .about("Finds problems in a webhook installation before they cause an outage")
        .long_about(
            "Checks the MutatingWebhookConfigurations of a sidecar injector, in a cluster or in files: which pods they select, what \
             happens if the injector is down, which address they call, and whether the certificate served there is accepted. \
             Exit status 1 if there are errors.",
        )
        .args_override_self(true)
        .args([
            value("filename", "FILE").short('f').help("Check these objects instead of a cluster: a file, a directory, or - for standard input"),
            value("revision", "NAME").short('r').help("Check only the webhooks of this revision, such as default"),
            value("address", "HOST:PORT").help("Address at which the webhook can be reached from here, such as that of `kubectl port-forward`"),
            flag("strict").help("Also exit with status 1 if there are warnings"),
        ])
        .args(cluster)
}

/// What all commands read their configuration from.
fn configuration() -> [Arg; 7] {
    [
        value("injectConfigFile", "FILE")
            .help("Injection config, the ConfigMap that has it, or only the text of the sidecar template"),
        value("valuesFile", "FILE").help("Values, or the ConfigMap that has them"),
        value("meshConfigFile", "FILE").help("Mesh config, or the ConfigMap that has it; Istio's defaults if absent"),
        value("operatorFileName", "FILE").help("IstioOperator, whose values and mesh config take precedence over the other files"),
        value("revision", "NAME").short('r').help("The revision of the control plane"),
        value("kubelet-versions", "VERSIONS")
            .help("Versions of the nodes' kubelets (VERSION or NODE=VERSION), separated by commas; from 1.33 on, the proxy is a native sidecar"),
        flag("print-config").help("Print the effective injection config, values and mesh config, and exit"),
    ]
}

/// The sources used without files: each of these flags, except for the namespace, asks for a cluster.
fn cluster() -> [Arg; 5] {
    let flags = [
        value("injectConfigMapName", "NAME")
            .help("Read injection config and values from this ConfigMap [default: istio-sidecar-injector, or istio-sidecar-injector-REVISION]"),
        value("meshConfigMapName", "NAME").help("Read the mesh config from this ConfigMap [default: istio, or istio-REVISION]"),
        value("istioNamespace", "NAME").short('i').help("The namespace of both ConfigMaps [default: istio-system]"),
        value("kubeconfig", "FILE")
            .short('c')
            .help("Kubeconfig of the cluster [default: $KUBECONFIG, ~/.kube/config, or the service account of the pod]"),
        value("context", "NAME").help("Context in the kubeconfig [default: the current one]"),
    ];
    flags.map(|flag| {
        flag.help_heading("Configuration from a cluster, if no file provides it").hide(!cfg!(feature = "cluster"))
    })
}

/// What istioctl knows and an injector has no use for.
fn ignored() -> Vec<Arg> {
    let values = ["xds-address", "cert-dir", "xds-label", "xds-port", "timeout", "authority"];
    let logging = ["log_output_level", "log_target", "log_caller", "log_stacktrace_level", "log_rotate", "vklog"];
    let flags = ["insecure", "plaintext", "log_as_json"];
    let values = values.into_iter().chain(logging).map(|name| value(name, "VALUE"));
    let namespace = value("namespace", "VALUE").short('n');
    values.chain([namespace]).chain(flags.into_iter().map(flag)).map(|arg| arg.hide(true)).collect()
}

fn value(name: &'static str, of: &'static str) -> Arg {
    Arg::new(name).long(name).value_name(of).num_args(1).allow_hyphen_values(false)
}

/// On or off, and in Go's way: `--flag`, `--flag=true`, `--flag=false`.
fn flag(name: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .num_args(0..=1)
        .value_name("BOOL")
        .require_equals(true)
        .default_missing_value("true")
        .hide_possible_values(true)
        .value_parser(BoolishValueParser::new())
        .action(ArgAction::Set)
}

/// The value of an argument; nothing if it is absent or empty.
pub(super) fn text<'m>(matches: &'m ArgMatches, name: &str) -> Option<&'m str> {
    matches.get_one::<String>(name).map(String::as_str).filter(|text| !text.is_empty())
}

/// Whether a flag is on.
pub(super) fn is_set(matches: &ArgMatches, name: &str) -> bool {
    matches.get_one::<bool>(name).copied().unwrap_or_default()
}
