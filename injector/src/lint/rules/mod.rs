//! All rules.

use super::ignore;
use super::rule::{Check, Level, Rule};

use Check::{Admission, Namespace, Object, Reading, Service, Workload};
use Level::{Error, Info, Warning};

pub(super) mod admission;
mod annotations;
mod injection;
pub(super) mod namespaces;
mod pods;
mod ports;
mod probes;
mod services;

/// The rule for every object: it can be parsed.
pub(super) const INVALID_OBJECT: &str = "invalid-object";

const fn rule(
    name: &'static str,
    level: Level,
    checks: &'static [Check],
    finds: &'static str,
    advice: &'static str,
) -> Rule {
    Rule { name, level, finds, advice, checks }
}

/// All rules, by what they are about.
pub static RULES: &[Rule] = &[
    // Files.
    rule(
        INVALID_OBJECT,
        Error,
        &[Reading],
        "a document that is not YAML, or an object that does not fit its kind",
        "correct it; Kubernetes would refuse it, too",
    ),
    rule(
        "unquoted-value",
        Error,
        &[Object(annotations::unquoted)],
        "a label or an annotation whose value is no string",
        "quote the value",
    ),
    rule(
        "unknown-ignore",
        Warning,
        &[Object(ignore::unknown)],
        "an unknown name in the annotation that silences rules",
        "take the name from `sidecar-injector lint --list`",
    ),
    // Services.
    rule(
        "no-service",
        Info,
        &[Workload(services::no_service)],
        "a workload that no Service selects",
        "add a Service, or correct its selector; without one, the mesh has no name and no routes for the pods",
    ),
    rule(
        "service-without-workload",
        Warning,
        &[Service(services::without_workload)],
        "a Service that selects no workload",
        "correct the selector, or lint the workload's file too",
    ),
    rule(
        "port-protocol-unknown",
        Warning,
        &[Service(services::protocol_unknown)],
        "a port of a Service that does not tell its protocol",
        "name the port <protocol> or <protocol>-<suffix>, such as http-main, or set appProtocol; protocols are http, http2, \
         https, grpc, grpc-web, mongo, mysql, redis, tcp, tls and udp",
    ),
    rule(
        "port-protocol-contradiction",
        Warning,
        &[Service(services::contradiction)],
        "a port of a Service whose name and appProtocol contradict each other",
        "rename the port, or correct appProtocol",
    ),
    rule(
        "port-protocol-conflict",
        Error,
        &[Workload(services::conflict)],
        "a port of a container that Services give different protocols",
        "give it the same protocol everywhere, or a port of its own for each protocol",
    ),
    rule(
        "target-port-unknown",
        Error,
        &[Service(services::target_unknown)],
        "a targetPort that the selected pods do not have",
        "add the name to the container's ports, or correct targetPort",
    ),
    rule(
        "reserved-service-port",
        Error,
        &[Service(services::reserved_port)],
        "a Service with a port of the proxy",
        "use another port; the proxy has 15000, 15001, 15004, 15006, 15008, 15009, 15020, 15021, 15053 and 15090",
    ),
    // Pods.
    rule(
        "missing-app-label",
        Info,
        &[Workload(pods::app_label)],
        "pods without the label app",
        "add the label app, or app.kubernetes.io/name, to the pods: metrics and traces call the workload by it",
    ),
    rule(
        "missing-version-label",
        Info,
        &[Workload(pods::version_label)],
        "pods without the label version",
        "add the label version, or app.kubernetes.io/version, to the pods: routes and metrics tell versions apart by it",
    ),
    rule(
        "reserved-container-port",
        Error,
        &[Workload(ports::of_container)],
        "a container that listens on a port of the proxy",
        "let the container listen on another port",
    ),
    rule(
        "proxy-user",
        Error,
        &[Workload(pods::user)],
        "a container that runs as the proxy's user",
        "run the container as another user than 1337",
    ),
    rule(
        "proxy-group",
        Error,
        &[Workload(pods::group)],
        "a container that runs as the proxy's group",
        "run the container as another group than 1337",
    ),
    rule(
        "host-network",
        Warning,
        &[Workload(pods::host_network)],
        "pods in the host's network",
        "drop hostNetwork, or show that it is meant by the pods' label sidecar.istio.io/inject: \"false\"",
    ),
    rule(
        "dns-policy",
        Warning,
        &[Workload(pods::dns_policy)],
        "pods that do not ask the cluster's DNS first",
        "use dnsPolicy: ClusterFirst",
    ),
    rule(
        "job-never-completes",
        Warning,
        &[Workload(pods::job)],
        "a job whose proxy keeps it running",
        "set the pods' annotation sidecar.istio.io/nativeSidecar: \"true\" (Kubernetes 1.29 or later), have the job end the \
         agent (POST http://localhost:15020/quitquitquit), or do without the proxy (sidecar.istio.io/inject: \"false\"); \
         --kubelet-versions tells lint that proxies are native sidecars",
    ),
    rule(
        "init-container-without-network",
        Warning,
        &[Workload(pods::without_network)],
        "an init container whose traffic is captured before the proxy runs",
        "use native sidecars (sidecar.istio.io/nativeSidecar: \"true\"), run the container as user 1337, or exclude where it \
         connects to (traffic.sidecar.istio.io/excludeOutboundPorts, excludeOutboundIPRanges)",
    ),
    rule(
        "init-container-bypasses-proxy",
        Info,
        &[Workload(pods::bypasses)],
        "an init container whose traffic is not captured",
        "if it connects to the mesh, use native sidecars (sidecar.istio.io/nativeSidecar: \"true\"): their proxy runs first",
    ),
    rule(
        "net-admin-forbidden",
        Error,
        &[Workload(namespaces::net_admin)],
        "a namespace whose Pod Security level forbids the injected init container",
        "use the CNI plugin (docs/cni.md; values pilot.cni.enabled: true), which needs no capability in the pod",
    ),
    rule(
        "auto-image",
        Error,
        &[Workload(namespaces::auto_image)],
        "a container with the image auto in pods that are not injected",
        "label the pods sidecar.istio.io/inject: \"true\", and leave their Namespace without istio-injection: disabled",
    ),
    // Probes.
    rule(
        "probe-host",
        Error,
        &[Admission],
        "a probe with httpGet.host",
        "remove host; the agent asks the container, and the kubelet would ask that host for the agent",
    ),
    rule(
        "probe-unknown-port",
        Error,
        &[Admission],
        "a probe that names a port that its container does not have",
        "add the name to the container's ports, or use the number, without quotes",
    ),
    rule("probe-agent-port", Error, &[Admission], "a probe that asks the agent's port", "ask a port of the container"),
    rule(
        "probe-scheme",
        Error,
        &[Workload(probes::scheme)],
        "a probe whose scheme is neither HTTP nor HTTPS",
        "write HTTP or HTTPS, in capitals",
    ),
    rule(
        "probe-not-rewritten",
        Warning,
        &[Workload(probes::not_rewritten)],
        "a probe that the kubelet sends through the proxy",
        "remove the annotation sidecar.istio.io/rewriteAppHTTPProbers: \"false\" (or set the value \
         sidecarInjectorWebhook.rewriteAppHTTPProbe), or use a port that is not captured",
    ),
    // The switch and namespaces.
    rule(
        "inject-value",
        Warning,
        &[Admission],
        "a switch that is neither true nor false",
        "write \"true\" or \"false\"",
    ),
    rule(
        "inject-annotation",
        Warning,
        &[Admission],
        "a switch that is an annotation",
        "make it a label of the pods: the webhook is called by labels, and may never see the annotation",
    ),
    rule(
        "inject-contradiction",
        Warning,
        &[Admission],
        "a label and an annotation that contradict each other about injection",
        "remove the annotation",
    ),
    rule(
        "inject-without-effect",
        Warning,
        &[Admission],
        "pods that ask for a proxy and get none",
        "move the workload to a namespace of your own, or remove the switch",
    ),
    rule(
        "namespace-not-injected",
        Warning,
        &[Namespace(namespaces::not_injected)],
        "a Namespace that does not ask for sidecars, with pods that do not either",
        "label the Namespace istio-injection: enabled (or istio.io/rev), or the pods sidecar.istio.io/inject: \"true\"",
    ),
    rule(
        "namespace-injection-value",
        Warning,
        &[Namespace(namespaces::injection_value)],
        "a Namespace whose label istio-injection is neither enabled nor disabled",
        "write enabled or disabled",
    ),
    rule(
        "namespace-annotation",
        Warning,
        &[Namespace(namespaces::annotation)],
        "a Namespace that asks by an annotation",
        "make it a label",
    ),
    rule(
        "namespace-labels-contradict",
        Warning,
        &[Namespace(namespaces::contradict)],
        "a Namespace whose labels contradict each other",
        "remove one of them",
    ),
    rule(
        "namespace-overrules-pod",
        Warning,
        &[Workload(namespaces::overrules)],
        "a label of pods that their Namespace overrules",
        "remove the label of the pods, or that of the Namespace",
    ),
    // Annotations.
    rule(
        "invalid-annotation",
        Error,
        &[Admission],
        "an annotation for which a pod is refused",
        "correct the value, or remove the annotation",
    ),
    rule(
        "unknown-annotation",
        Warning,
        &[Admission],
        "an annotation that nothing reads",
        "correct its name, or remove it",
    ),
    rule(
        "deprecated-annotation",
        Info,
        &[Admission],
        "an annotation that Istio calls deprecated",
        "use what replaces it, often a field of the annotation proxy.istio.io/config",
    ),
    rule(
        "annotation-not-boolean",
        Warning,
        &[Admission],
        "an annotation that has to be true or false",
        "write \"true\" or \"false\"",
    ),
    rule(
        "annotation-at-wrong-level",
        Warning,
        &[Admission, Workload(annotations::of_job_template)],
        "an annotation of the workload that should be one of its pods",
        "move it to the metadata of the pod template",
    ),
    rule(
        "label-for-annotation",
        Warning,
        &[Admission],
        "a label that has to be an annotation",
        "move it to the annotations",
    ),
    rule(
        "annotation-for-label",
        Warning,
        &[Workload(annotations::revision_annotation)],
        "an annotation that has to be a label",
        "move it to the labels",
    ),
    rule(
        "contradicting-annotations",
        Warning,
        &[Workload(annotations::contradict)],
        "an annotation that makes another ineffective",
        "remove one of them",
    ),
    rule(
        "resources-erased",
        Warning,
        &[Admission, Workload(annotations::erased_by_istio)],
        "an annotation that removes the proxy's other resources",
        "set all four: sidecar.istio.io/proxyCPU, proxyCPULimit, proxyMemory and proxyMemoryLimit",
    ),
    rule(
        "proxy-limit-below-request",
        Error,
        &[Workload(injection::limits)],
        "a proxy that requests more than its limit",
        "raise the limit (sidecar.istio.io/proxyCPULimit, proxyMemoryLimit), or lower the request",
    ),
    rule(
        "proxy-config-field",
        Warning,
        &[Admission],
        "a field of proxy.istio.io/config that does not exist",
        "correct its name, or remove it",
    ),
    rule(
        "proxy-config-status-port",
        Warning,
        &[Admission],
        "a statusPort in proxy.istio.io/config that probes do not follow",
        "set the annotation status.sidecar.istio.io/port too, or leave the port as it is",
    ),
    rule(
        "proxy-config-redirect",
        Warning,
        &[Admission],
        "an interceptionMode in proxy.istio.io/config that cannot count",
        "use the annotation sidecar.istio.io/interceptionMode: REDIRECT",
    ),
    rule(
        "scrape-port",
        Error,
        &[Admission],
        "a port for Prometheus for which a pod is refused",
        "point prometheus.io/port at a port of the application, or set prometheus.istio.io/merge-metrics: \"false\"",
    ),
    // The injected pod.
    rule(
        "unknown-template",
        Error,
        &[Admission],
        "a template that does not exist",
        "correct the annotation inject.istio.io/templates, or give the injection config that has the template \
         (--injectConfigFile)",
    ),
    rule(
        "injection-fails",
        Error,
        &[Admission],
        "a pod for which a template fails",
        "correct the template in the injection config, or what the pod gives it",
    ),
    rule(
        "proxy-twice",
        Error,
        &[Workload(injection::twice)],
        "an injected pod with two proxies",
        "have the custom template list istio-proxy where the mesh's template does: under initContainers for native sidecars",
    ),
    rule(
        "proxy-restart-policy",
        Error,
        &[Workload(injection::restart_policy)],
        "a native sidecar that has lost its restartPolicy",
        "look for a webhook or a program with an old Kubernetes API that drops the field; set restartPolicy: Always",
    ),
];
