//! The flags: one table that the parser, the environment, the help and the tests read.

/// One flag, its variables and what it looks like.
#[derive(Debug, PartialEq, Eq)]
pub struct Flag {
    /// The long name, without dashes.
    pub long: &'static str,
    /// The short name.
    pub short: Option<char>,
    /// The environment variables that set it; a later one wins.
    pub variables: &'static [&'static str],
    /// What its value is.
    pub kind: ValueKind,
    /// The heading in `--help`.
    pub heading: Heading,
    /// One line of help.
    pub help: &'static str,
}

impl Flag {
    /// Whether it can be given without a value.
    pub const fn is_switch(&self) -> bool {
        matches!(self.kind, Bool | RetiredBool)
    }

    /// Whether some Istio release had it, and it has no effect.
    pub const fn is_retired(&self) -> bool {
        matches!(self.kind, RetiredBool | RetiredText)
    }
}

/// What a flag's value is; decides what an empty or unparsable variable does (see [`super::Flags`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueKind {
    /// Text: an empty variable means empty. The name is that of the value in `--help`.
    Text(&'static str),
    /// A number or duration: an empty variable means nothing, an unparsable one is a warning.
    Number(&'static str),
    /// A boolean: takes `--flag` and `--flag=VALUE`, in the environment as [`ValueKind::Number`].
    Bool,
    /// A boolean that some Istio release had: taken, without effect.
    RetiredBool,
    /// Text that some Istio release had: taken, without effect.
    RetiredText,
}

/// The groups of `--help`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heading {
    /// What is captured.
    Capture,
    /// Exclusions.
    Exclusions,
    /// The proxy.
    Proxy,
    /// DNS.
    Dns,
    /// Ways of working.
    Modes,
    /// Looking and proving.
    Diagnostics,
    /// Kept for old command lines; not shown.
    Retired,
}

impl Heading {
    /// The words in `--help`.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Capture => "Capture",
            Self::Exclusions => "Exclusions",
            Self::Proxy => "Proxy",
            Self::Dns => "DNS",
            Self::Modes => "Modes",
            Self::Diagnostics => "Diagnostics",
            Self::Retired => "Accepted without effect",
        }
    }
}

macro_rules! flags {
    ($($name:ident: $long:literal, $short:expr, $variables:expr, $kind:expr, $heading:ident, $help:literal;)*) => {
        $(
            #[doc = concat!("`--", $long, "`: ", $help)]
            pub static $name: Flag = Flag {
                long: $long, short: $short, variables: &$variables, kind: $kind, heading: Heading::$heading, help: $help,
            };
        )*
        /// All flags, in the order of `--help`.
        pub static ALL: &[&Flag] = &[$(&$name),*];
    };
}

use ValueKind::{Bool, Number, RetiredBool, RetiredText, Text};

flags! {
    INBOUND_PORTS: "istio-inbound-ports", Some('b'), ["ISTIO_INBOUND_PORTS"], Text("PORTS"), Capture,
        "Inbound ports to capture: a list, * for all, empty for none";
    SERVICE_CIDR: "istio-service-cidr", Some('i'), ["ISTIO_SERVICE_CIDR"], Text("CIDRS"), Capture,
        "Outbound ranges to capture: a list, * for all, empty for none";
    OUTBOUND_PORTS: "istio-outbound-ports", Some('q'), ["ISTIO_OUTBOUND_PORTS"], Text("PORTS"), Capture,
        "Outbound ports to capture, whatever the address";
    KUBE_VIRT_INTERFACES: "kube-virt-interfaces", Some('k'), ["KUBE_VIRT_INTERFACES"], Text("NAMES"), Capture,
        "Interfaces of VMs, whose inbound traffic counts as outbound";
    INTERCEPTION_MODE: "istio-inbound-interception-mode", Some('m'), ["ISTIO_INBOUND_INTERCEPTION_MODE"], Text("MODE"), Capture,
        "REDIRECT or TPROXY [default: REDIRECT]";
    TPROXY_MARK: "istio-inbound-tproxy-mark", Some('t'), ["ISTIO_INBOUND_TPROXY_MARK"], Number("MARK"), Capture,
        "Mark of inbound packets with TPROXY [default: 1337]";
    TPROXY_ROUTE_TABLE: "istio-inbound-tproxy-route-table", Some('r'), ["ISTIO_INBOUND_TPROXY_ROUTE_TABLE"], Number("TABLE"), Capture,
        "Routing table of inbound packets with TPROXY [default: 133]";
    DUAL_STACK: "dual-stack", None, ["DUAL_STACK", "ISTIO_DUAL_STACK"], Bool, Capture,
        "Also make IPv6 rules if the pod has any IPv6 address";
    IP_FAMILIES: "ip-families", None, ["ISTIO_IP_FAMILIES"], Text("FAMILIES"), Capture,
        "auto (by the pod's addresses), ipv4 or dual [default: auto]";
    DROP_INVALID: "drop-invalid", None, ["DROP_INVALID", "INVALID_DROP"], Bool, Capture,
        "Drop packets in conntrack state INVALID";

    LOCAL_EXCLUDE_PORTS: "istio-local-exclude-ports", Some('d'), ["ISTIO_LOCAL_EXCLUDE_PORTS"], Text("PORTS"), Exclusions,
        "Inbound ports not to capture; needs -b '*'";
    SERVICE_EXCLUDE_CIDR: "istio-service-exclude-cidr", Some('x'), ["ISTIO_SERVICE_EXCLUDE_CIDR"], Text("CIDRS"), Exclusions,
        "Outbound ranges not to capture";
    LOCAL_OUTBOUND_PORTS_EXCLUDE: "istio-local-outbound-ports-exclude", Some('o'), ["ISTIO_LOCAL_OUTBOUND_PORTS_EXCLUDE"], Text("PORTS"), Exclusions,
        "Outbound ports not to capture (TCP and UDP)";
    EXCLUDE_INTERFACES: "istio-exclude-interfaces", Some('c'), ["ISTIO_EXCLUDE_INTERFACES"], Text("NAMES"), Exclusions,
        "Interfaces whose traffic is not captured, in either direction";

    ENVOY_PORT: "envoy-port", Some('p'), ["ENVOY_PORT"], Number("PORT"), Proxy,
        "The proxy's outbound listener [default: 15001]";
    INBOUND_CAPTURE_PORT: "inbound-capture-port", Some('z'), ["INBOUND_CAPTURE_PORT"], Number("PORT"), Proxy,
        "The proxy's inbound listener [default: 15006]";
    INBOUND_TUNNEL_PORT: "inbound-tunnel-port", Some('e'), ["INBOUND_TUNNEL_PORT"], Number("PORT"), Proxy,
        "The tunnel port, never captured [default: 15008]";
    PROXY_UID: "proxy-uid", Some('u'), ["PROXY_UID"], Text("UIDS"), Proxy,
        "Users the proxy runs as [default: uid of $ENVOY_USER, else 1337]";
    PROXY_GID: "proxy-gid", Some('g'), ["PROXY_GID"], Text("GIDS"), Proxy,
        "Groups the proxy runs as [default: same as --proxy-uid]";

    REDIRECT_DNS: "redirect-dns", None, ["REDIRECT_DNS", "ISTIO_META_DNS_CAPTURE"], Bool, Dns,
        "Redirect DNS to the agent on port 15053";
    CAPTURE_ALL_DNS: "capture-all-dns", None, ["CAPTURE_ALL_DNS"], Bool, Dns,
        "Redirect all of port 53, not only the servers in /etc/resolv.conf";

    NETWORK_NAMESPACE: "network-namespace", None, ["NETWORK_NAMESPACE"], Text("PATH"), Modes,
        "The network namespace to work in";
    CNI_MODE: "cni-mode", None, ["CNI_MODE"], Bool, Modes,
        "For calls from the node: use the node's files in a pod's network namespace, with one lock per namespace and no name-service lookups";
    RECONCILE: "reconcile", None, ["RECONCILE"], Bool, Modes,
        "Replace managed rules (those made by this program) that differ from the wanted ones [default: true]";
    CLEANUP_ONLY: "cleanup-only", None, ["CLEANUP_ONLY"], Bool, Modes,
        "Remove all managed rules and routes; the same as the command clean";
    FORCE_APPLY: "force-apply", None, ["FORCE_APPLY"], Bool, Modes,
        "Apply even if the rules are already in place";
    SKIP_RULE_APPLY: "skip-rule-apply", None, ["SKIP_RULE_APPLY"], Bool, Modes,
        "Change nothing; with --run-validation, only validate";
    NATIVE_NFTABLES: "native-nftables", None, ["NATIVE_NFTABLES"], Bool, Modes,
        "Use nftables over netlink instead of iptables, without running any other program";
    FORCE_IPTABLES_BINARY: "force-iptables-binary", None, ["FORCE_IPTABLES_BINARY"], Text("KIND"), Modes,
        "legacy or nft, instead of detecting which one to use";

    DRY_RUN: "dry-run", Some('n'), ["DRY_RUN"], Bool, Diagnostics,
        "Print the rules and change nothing; needs neither root nor iptables. With =kernel, the kernel tries them in a throwaway network namespace";
    OUTPUT: "output", None, ["ISTIO_IPTABLES_OUTPUT"], Text("FORMAT"), Diagnostics,
        "Format of standard output: text, json, or mermaid (a flow chart of the rules) [default: text]";
    LIVE: "live", None, [], Bool, Diagnostics,
        "With explain: explain the rules in the kernel, not those that the flags ask for";
    WATCH: "watch", None, [], Bool, Diagnostics,
        "With check: wait for the first difference";
    STRICT: "strict", None, [], Bool, Diagnostics,
        "With check or apply: if foreign rules (those of other programs) come before managed ones, exit with 3 and change nothing";
    RUN_VALIDATION: "run-validation", None, ["RUN_VALIDATION"], Bool, Diagnostics,
        "After applying, verify redirection with real connections";
    PROBE_PORT: "iptables-probe-port", None, ["IPTABLES_PROBE_PORT"], Number("PORT"), Diagnostics,
        "The port that --run-validation connects to [default: 15002]";
    PROBE_TIMEOUT: "probe-timeout", None, ["PROBE_TIMEOUT"], Number("DURATION"), Diagnostics,
        "Time limit of the validation [default: 5s]";
    LOG_OUTPUT_LEVEL: "log_output_level", None, [], Text("LEVELS"), Diagnostics,
        "Log level as default:LEVEL; none, error, warn, info or debug [default: default:info]";
    LOG_AS_JSON: "log_as_json", None, [], Bool, Diagnostics,
        "Log lines as JSON objects";

    RESTORE_FORMAT: "restore-format", Some('f'), [], RetiredBool, Retired, "Rules are always restored as a whole";
    OUTPUT_PATHS: "output-paths", None, [], RetiredText, Retired, "No file is written";
    TRACE_LOGGING: "iptables-trace-logging", None, [], RetiredBool, Retired, "No LOG rules are added";
    HOST_NSENTER_EXEC: "host-nsenter-exec", None, [], RetiredBool, Retired, "Use --network-namespace";
    IPTABLES_VERSION: "iptables-version", None, [], RetiredText, Retired, "Use --force-iptables-binary";
    LOG_TARGET: "log_target", None, [], RetiredText, Retired, "Logs go to standard error";
    LOG_CALLER: "log_caller", None, [], RetiredText, Retired, "Callers are not logged";
    LOG_STACKTRACE_LEVEL: "log_stacktrace_level", None, [], RetiredText, Retired, "Stack traces are not logged";
    LOG_ROTATE: "log_rotate", None, [], RetiredText, Retired, "Logs go to standard error";
    LOG_ROTATE_MAX_AGE: "log_rotate_max_age", None, [], RetiredText, Retired, "Logs go to standard error";
    LOG_ROTATE_MAX_BACKUPS: "log_rotate_max_backups", None, [], RetiredText, Retired, "Logs go to standard error";
    LOG_ROTATE_MAX_SIZE: "log_rotate_max_size", None, [], RetiredText, Retired, "Logs go to standard error";
    VKLOG: "vklog", Some('v'), [], RetiredText, Retired, "Use --log_output_level default:debug";
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_name_is_there_twice() {
        let mut seen = HashSet::new();
        for flag in ALL {
            assert!(seen.insert(flag.long.to_owned()), "--{}", flag.long);
            assert!(flag.short.is_none_or(|short| seen.insert(short.to_string())), "-{:?}", flag.short);
            assert!(flag.variables.iter().all(|v| seen.insert((*v).to_owned())), "{:?}", flag.variables);
        }
    }

    #[test]
    fn the_first_variable_is_the_long_name_in_capitals_but_for_our_own_flags() {
        for flag in ALL.iter().filter(|f| !f.variables.is_empty() && !["ip-families", "output"].contains(&f.long)) {
            assert_eq!(flag.variables[0], flag.long.to_uppercase().replace('-', "_"));
        }
    }
}
