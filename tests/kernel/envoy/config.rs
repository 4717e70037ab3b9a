//! Envoy's configuration, as a sidecar's: TCP alone, by original destination.

use crate::envoy::Mode;

/// The proxy's outbound side sends calls of the pod's own service here: the pod itself is the endpoint.
pub const OWN_SERVICE_PORT: u16 = 8081;

/// The text, in YAML. Envoy logs connections to its standard output.
pub fn yaml(mode: Mode) -> String {
    let (transparent, source) = match mode {
        Mode::Redirect => ("", ""),
        // As Istio has it: the application sees the client's address; the mark brings its answers back here.
        Mode::Tproxy => (
            "\n    transparent: true",
            "\n    - name: envoy.filters.listener.original_src\n      \
             typed_config: {\"@type\": type.googleapis.com/envoy.extensions.filters.listener.original_src.v3.OriginalSrc, mark: 1337}",
        ),
    };
    let chain = |name: &str, cluster: &str, matches: &str| {
        format!(
            "
    - filter_chain_match: {matches}
      filters:
      - name: envoy.filters.network.tcp_proxy
        typed_config:
          \"@type\": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
          stat_prefix: {name}
          cluster: {cluster}
          access_log:
          - name: file
            typed_config:
              \"@type\": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog
              path: /dev/stdout
              log_format:
                text_format_source:
                  inline_string: \"{name} to %DOWNSTREAM_LOCAL_ADDRESS% from %DOWNSTREAM_REMOTE_ADDRESS% via %UPSTREAM_LOCAL_ADDRESS% at %UPSTREAM_HOST% flags %RESPONSE_FLAGS%\\n\""
        )
    };
    let listener = |name: &str, port: u16, transparent: &str, source: &str, chains: &str| {
        format!(
            "
  - name: {name}
    address: {{socket_address: {{address: 0.0.0.0, port_value: {port}}}}}
    additional_addresses:
    - address: {{socket_address: {{address: \"::\", port_value: {port}}}}}{transparent}
    tcp_backlog_size: 4096
    listener_filters:
    - name: envoy.filters.listener.original_dst
      typed_config: {{\"@type\": type.googleapis.com/envoy.extensions.filters.listener.original_dst.v3.OriginalDst}}{source}
    filter_chains:{chains}"
        )
    };
    let cluster = |name: &str, rest: &str| {
        format!(
            "
  - name: {name}
    connect_timeout: 5s
    circuit_breakers: {{thresholds: [{{max_connections: 100000, max_pending_requests: 100000}}]}}{rest}"
        )
    };
    const BY_DESTINATION: &str = "\n    type: ORIGINAL_DST\n    lb_policy: CLUSTER_PROVIDED";
    let own = |address: &str| {
        format!(
            "\n    type: STATIC\n    load_assignment: {{cluster_name: x, endpoints: [{{lb_endpoints: [{{endpoint: {{address: {{socket_address: {{address: \"{address}\", port_value: 8080}}}}}}}}]}}]}}"
        )
    };
    let from = |address: &str| {
        format!(
            "{BY_DESTINATION}\n    upstream_bind_config: {{source_address: {{address: \"{address}\", port_value: 0}}}}"
        )
    };
    const V4: &str = "prefix_ranges: [{address_prefix: 0.0.0.0, prefix_len: 0}]";
    const V6: &str = "prefix_ranges: [{address_prefix: \"::\", prefix_len: 0}]";
    let own_port = |family: &str| format!("{{destination_port: {OWN_SERVICE_PORT}, {family}}}");
    let outbound = [
        chain("outbound", "own4", &own_port(V4)),
        chain("outbound", "own6", &own_port(V6)),
        chain("outbound", "outbound", "{}"),
    ];
    let inbound =
        [chain("inbound", "inbound4", &format!("{{{V4}}}")), chain("inbound", "inbound6", &format!("{{{V6}}}"))];
    [
        "static_resources:\n  listeners:".to_owned(),
        listener("outbound", 15001, "", "", &outbound.concat()),
        listener("inbound", 15006, transparent, source, &inbound.concat()),
        "\n  clusters:".to_owned(),
        cluster("outbound", BY_DESTINATION),
        cluster("own4", &own("10.77.0.2")),
        cluster("own6", &own("fd00:77::2")),
        cluster("inbound4", &from("127.0.0.6")),
        cluster("inbound6", &from("::6")),
        "\n".to_owned(),
    ]
    .concat()
}
