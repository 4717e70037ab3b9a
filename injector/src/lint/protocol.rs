//! The protocol that Istio assumes for a Service port.

/// The protocol names that Istio knows, in the order of its documentation, and how it treats each protocol.
const PROTOCOLS: [(&str, Family); 12] = [
    ("http", Family::Http),
    ("http2", Family::Http2),
    ("https", Family::Tcp),
    ("grpc", Family::Http2),
    ("grpc-web", Family::Http2),
    ("http_proxy", Family::Http),
    ("mongo", Family::Mongo),
    ("mysql", Family::MySql),
    ("redis", Family::Redis),
    ("tcp", Family::Tcp),
    ("tls", Family::Tcp),
    ("udp", Family::Udp),
];

/// The names that Kubernetes defines for `appProtocol` only, and that Istio accepts.
const OF_KUBERNETES: [(&str, Family); 3] =
    [("kubernetes.io/h2c", Family::Http2), ("kubernetes.io/ws", Family::Http), ("kubernetes.io/wss", Family::Tcp)];

/// Protocols that the proxy treats alike. Two families on one port of a container cannot both be right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    Http,
    /// Requests and responses in frames, including gRPC.
    Http2,
    /// Bytes that the proxy does not parse, including TLS.
    Tcp,
    Mongo,
    MySql,
    Redis,
    /// Not captured at all.
    Udp,
}

/// The protocol in a port's name: `<protocol>` or `<protocol>-<suffix>`, in any case.
pub(super) fn of_name(name: &str) -> Option<(&'static str, Family)> {
    let name = name.to_ascii_lowercase();
    if name.starts_with("grpc-web") {
        return named("grpc-web");
    }
    named(name.split('-').next().unwrap_or_default())
}

/// The protocol of an `appProtocol`.
pub(super) fn of_app_protocol(name: &str) -> Option<(&'static str, Family)> {
    OF_KUBERNETES.into_iter().find(|(known, _)| *known == name).or_else(|| of_name(name))
}

fn named(name: &str) -> Option<(&'static str, Family)> {
    PROTOCOLS.into_iter().find(|(known, _)| *known == name)
}

/// Well-known ports that Istio treats as TCP by default.
pub(super) const WELL_KNOWN: [i64; 4] = [25, 53, 3306, 27017];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_ports_begin_with_the_protocol() {
        let cases = [
            ("http", Some("http")),
            ("HTTP-web", Some("http")),
            ("grpc-web", Some("grpc-web")),
            ("grpc-website", Some("grpc-web")),
            ("grpc-metrics", Some("grpc")),
            ("tcp-", Some("tcp")),
            ("httpweb", None),
            ("web-http", None),
            ("", None),
            ("kubernetes.io/h2c", None),
        ];
        for (name, want) in cases {
            assert_eq!(of_name(name).map(|(name, _)| name), want, "{name:?}");
        }
        assert_eq!(of_app_protocol("kubernetes.io/wss").map(|(_, family)| family), Some(Family::Tcp));
        assert_eq!(of_app_protocol("example.com/x"), None);
    }
}
