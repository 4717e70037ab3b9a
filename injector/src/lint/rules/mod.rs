//! The list of rules.

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

/// The rule for what cannot be parsed.
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

/// All rules, grouped by subject.
pub static RULES: &[Rule] = &[
    // Files.
    rule(
        INVALID_OBJECT,
        Error,
        &[Reading],
        "a document that is not YAML, or an object that is not valid for its kind",
        "correct it; Kubernetes would reject it too",
    ),
    rule(
        "unquoted-value",
        Error,
        &[Object(annotations::unquoted)],
        "a label or annotation whose value is not a string",
        "quote the value",
    ),
    rule(
        "unknown-ignore",
        Warning,
        &[Object(ignore::unknown)],
        "an unknown rule name in the annotation sidecar-injector.io/lint-ignore",
        "use a name that `sidecar-injector lint --list` prints",
    ),
    // Services.
    rule(
        "no-service",
        Info,
        &[Workload(services::no_service)],
        "a workload that no Service selects",
        "add a Service, or correct the selector of an existing one; without a Service, the mesh has no name for the pods and \
         no routes to them",
    ),
    rule(
        "service-without-workload",
        Warning,
        &[Service(services::without_workload)],
        "a Service whose selector matches no workload",
        "correct the selector, or also pass the file with the workload (-f)",
    ),
    rule(
        "port-protocol-unknown",
        Warning,
        &[Service(services::protocol_unknown)],
        "a Service port with no known protocol in its name or appProtocol",
        "name the port <protocol> or <protocol>-<suffix>, such as http-main, or set appProtocol; valid protocols are http, \
         http2, https, grpc, grpc-web, mongo, mysql, redis, tcp, tls and udp",
    ),
    rule(
        "port-protocol-contradiction",
        Warning,
        &[Service(services::contradiction)],
        "a Service port whose name contradicts its appProtocol",
        "rename the port, or correct appProtocol",
    ),
    rule(
        "port-protocol-conflict",
        Error,
        &[Workload(services::conflict)],
        "a container port to which Services assign different protocols",
        "use the same protocol everywhere, or a separate container port for each protocol",
    ),
    rule(
        "target-port-unknown",
        Error,
        &[Service(services::target_unknown)],
        "a targetPort name that the selected pods do not define",
        "give the container a port with this name, or correct targetPort",
    ),
    rule(
        "reserved-service-port",
        Error,
        &[Service(services::reserved_port)],
        "a Service that uses a port reserved for the proxy",
        "use another port; the proxy reserves 15000, 15001, 15004, 15006, 15008, 15009, 15020, 15021, 15053 and 15090",
    ),
    // Pods.
    rule(
        "missing-app-label",
        Info,
        &[Workload(pods::app_label)],
        "pods without the label app",
        "add the label app or app.kubernetes.io/name to the pods; metrics and traces use it as the name of the workload",
    ),
    rule(
        "missing-version-label",
        Info,
        &[Workload(pods::version_label)],
        "pods without the label version",
        "add the label version or app.kubernetes.io/version to the pods; routes and metrics use it to distinguish versions",
    ),
    rule(
        "reserved-container-port",
        Error,
        &[Workload(ports::of_container)],
        "a container that listens on a port reserved for the proxy",
        "change the port that the container listens on",
    ),
    rule(
        "proxy-user",
        Error,
        &[Workload(pods::user)],
        "a container that runs as the proxy's user",
        "run the container as a user other than 1337",
    ),
    rule(
        "proxy-group",
        Error,
        &[Workload(pods::group)],
        "a container that runs as the proxy's group",
        "run the container as a group other than 1337",
    ),
    rule(
        "host-network",
        Warning,
        &[Workload(pods::host_network)],
        "pods that use the host's network",
        "remove hostNetwork, or, if it is intended, label the pods with sidecar.istio.io/inject: \"false\"",
    ),
    rule(
        "dns-policy",
        Warning,
        &[Workload(pods::dns_policy)],
        "pods with a dnsPolicy other than ClusterFirst",
        "use dnsPolicy: ClusterFirst",
    ),
    rule(
        "job-never-completes",
        Warning,
        &[Workload(pods::job)],
        "a job that never completes because its proxy keeps running",
        "annotate the pods with sidecar.istio.io/nativeSidecar: \"true\" (Kubernetes 1.29 or later), have the job stop the \
         agent (POST http://localhost:15020/quitquitquit), or turn off injection (label sidecar.istio.io/inject: \"false\"); \
         if the mesh already uses native sidecars, give lint the flag --kubelet-versions",
    ),
    rule(
        "init-container-without-network",
        Warning,
        &[Workload(pods::without_network)],
        "an init container whose traffic is captured before the proxy starts",
        "use native sidecars (sidecar.istio.io/nativeSidecar: \"true\"), run the container as user 1337, or exclude its \
         destinations from capture (traffic.sidecar.istio.io/excludeOutboundPorts, excludeOutboundIPRanges)",
    ),
    rule(
        "init-container-bypasses-proxy",
        Info,
        &[Workload(pods::bypasses)],
        "an init container whose traffic is not captured",
        "if it connects to the mesh, use native sidecars (sidecar.istio.io/nativeSidecar: \"true\"), which start before it",
    ),
    rule(
        "net-admin-forbidden",
        Error,
        &[Workload(namespaces::net_admin)],
        "a namespace whose Pod Security level forbids the injected init container",
        "use the CNI plugin (docs/cni.md; values pilot.cni.enabled: true), which requires no capabilities in the pod",
    ),
    rule(
        "auto-image",
        Error,
        &[Workload(namespaces::auto_image)],
        "a container with the image auto in pods that are not injected",
        "label the pods with sidecar.istio.io/inject: \"true\", and make sure that their Namespace does not have \
         istio-injection: disabled",
    ),
    // Probes.
    rule(
        "probe-host",
        Error,
        &[Admission],
        "a probe that sets httpGet.host",
        "remove host; otherwise, the kubelet sends the rewritten probe to that host instead of the agent in the pod",
    ),
    rule(
        "probe-unknown-port",
        Error,
        &[Admission],
        "a probe with a port name that its container does not define",
        "give the container a port with this name, or use the port number, without quotes",
    ),
    rule(
        "probe-agent-port",
        Error,
        &[Admission],
        "a probe that targets the agent's own port",
        "probe a port of the container",
    ),
    rule(
        "probe-scheme",
        Error,
        &[Workload(probes::scheme)],
        "a probe whose scheme is neither HTTP nor HTTPS",
        "use HTTP or HTTPS, in capitals",
    ),
    rule(
        "probe-not-rewritten",
        Warning,
        &[Workload(probes::not_rewritten)],
        "a probe that the kubelet sends through the proxy",
        "remove the annotation sidecar.istio.io/rewriteAppHTTPProbers: \"false\" (or set \
         sidecarInjectorWebhook.rewriteAppHTTPProbe: true in the values), or use a port that is not captured",
    ),
    // Turning injection on and off.
    rule(
        "inject-value",
        Warning,
        &[Admission],
        "a value of sidecar.istio.io/inject that is neither true nor false",
        "use \"true\" or \"false\"",
    ),
    rule(
        "inject-annotation",
        Warning,
        &[Admission],
        "sidecar.istio.io/inject as an annotation instead of a label",
        "make it a label of the pods; labels decide whether the webhook is called, so it may never see the annotation",
    ),
    rule(
        "inject-contradiction",
        Warning,
        &[Admission],
        "sidecar.istio.io/inject as a label and an annotation with different values",
        "remove the annotation",
    ),
    rule(
        "inject-without-effect",
        Warning,
        &[Admission],
        "pods that request injection but are not injected",
        "move the workload to a namespace that is injected, or remove sidecar.istio.io/inject",
    ),
    rule(
        "namespace-not-injected",
        Warning,
        &[Namespace(namespaces::not_injected)],
        "a Namespace that does not enable injection, with pods that do not request it either",
        "label the Namespace with istio-injection: enabled (or istio.io/rev), or the pods with sidecar.istio.io/inject: \"true\"",
    ),
    rule(
        "namespace-injection-value",
        Warning,
        &[Namespace(namespaces::injection_value)],
        "a Namespace whose label istio-injection is neither enabled nor disabled",
        "use enabled or disabled",
    ),
    rule(
        "namespace-annotation",
        Warning,
        &[Namespace(namespaces::annotation)],
        "a Namespace annotation that only works as a label",
        "make it a label of the Namespace",
    ),
    rule(
        "namespace-labels-contradict",
        Warning,
        &[Namespace(namespaces::contradict)],
        "a Namespace with contradictory labels",
        "remove one of them",
    ),
    rule(
        "namespace-overrules-pod",
        Warning,
        &[Workload(namespaces::overrules)],
        "a pod label that a label of the Namespace overrides",
        "remove one of the two labels",
    ),
    // Annotations.
    rule(
        "invalid-annotation",
        Error,
        &[Admission],
        "an annotation with an invalid value, for which the pod is refused",
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
        "an annotation that is deprecated in Istio",
        "use its replacement, often a field of the annotation proxy.istio.io/config",
    ),
    rule(
        "annotation-not-boolean",
        Warning,
        &[Admission],
        "a boolean annotation that is neither true nor false",
        "use \"true\" or \"false\"",
    ),
    rule(
        "annotation-at-wrong-level",
        Warning,
        &[Admission, Workload(annotations::of_job_template)],
        "an annotation of the workload that belongs on its pods",
        "move it to the metadata of the pod template",
    ),
    rule(
        "label-for-annotation",
        Warning,
        &[Admission],
        "a label that only works as an annotation",
        "move it to the annotations",
    ),
    rule(
        "annotation-for-label",
        Warning,
        &[Workload(annotations::revision_annotation)],
        "an annotation that only works as a label",
        "move it to the labels",
    ),
    rule(
        "contradicting-annotations",
        Warning,
        &[Workload(annotations::contradict)],
        "an annotation that has no effect because of another one",
        "remove one of them",
    ),
    rule(
        "resources-erased",
        Warning,
        &[Admission, Workload(annotations::erased_by_istio)],
        "a resource annotation that removes the proxy's other default resources",
        "set all four: sidecar.istio.io/proxyCPU, proxyCPULimit, proxyMemory and proxyMemoryLimit",
    ),
    rule(
        "proxy-limit-below-request",
        Error,
        &[Workload(injection::limits)],
        "a proxy whose resource request exceeds its limit",
        "raise the limit (sidecar.istio.io/proxyCPULimit, proxyMemoryLimit), or lower the request",
    ),
    rule(
        "proxy-config-field",
        Warning,
        &[Admission],
        "an unknown field in proxy.istio.io/config",
        "correct its name, or remove it",
    ),
    rule(
        "proxy-config-status-port",
        Warning,
        &[Admission],
        "a statusPort in proxy.istio.io/config that probes and metrics do not use",
        "set the annotation status.sidecar.istio.io/port too, or remove statusPort",
    ),
    rule(
        "proxy-config-redirect",
        Warning,
        &[Admission],
        "an interceptionMode in proxy.istio.io/config that cannot override that of the mesh",
        "use the annotation sidecar.istio.io/interceptionMode: REDIRECT",
    ),
    rule(
        "scrape-port",
        Error,
        &[Admission],
        "a Prometheus scrape port for which the pod is refused",
        "point prometheus.io/port at a port of the application, or set prometheus.istio.io/merge-metrics: \"false\"",
    ),
    // The injected pod.
    rule(
        "unknown-template",
        Error,
        &[Admission],
        "an injection template that does not exist",
        "correct the annotation inject.istio.io/templates, or pass an injection config that has the template \
         (--injectConfigFile)",
    ),
    rule(
        "injection-fails",
        Error,
        &[Admission],
        "a pod for which an injection template fails",
        "correct the template in the injection config, or what it reads from the pod",
    ),
    rule(
        "proxy-twice",
        Error,
        &[Workload(injection::twice)],
        "an injected pod with two proxies",
        "in the custom template, list istio-proxy in the same place as the mesh's template: under initContainers for native \
         sidecars",
    ),
    rule(
        "proxy-restart-policy",
        Error,
        &[Workload(injection::restart_policy)],
        "a native sidecar that has lost its restartPolicy: Always",
        "find the webhook or client that drops the field, often one with an old Kubernetes API, and set restartPolicy: Always",
    ),
];
