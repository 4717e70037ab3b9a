//! `webhook`: the server that an API server asks about every pod.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::ArgMatches;

use super::Error;
use super::arguments::{is_set, text};
#[cfg(feature = "cluster")]
use super::from_cluster;
use super::inputs::{self, Environment, Texts};
use crate::server::{self, Certificate, Configuration, Format, InCluster, Options, Settings};

/// Runs the command.
pub(super) fn run(matches: &ArgMatches, environment: Arc<Environment>) -> Result<(), Error> {
    let format = if is_set(matches, "log_as_json") { Format::Json } else { Format::Text };
    let level = matches.get_one::<log::LevelFilter>("log-level").copied().unwrap_or(log::LevelFilter::Info);
    server::start_log(format, level);
    let seconds = |flag| Duration::from_secs(matches.get_one::<u64>(flag).copied().unwrap_or_default());
    let settings = Settings {
        native: environment.native,
        openshift: environment.openshift,
        revision: text(matches, "revision").unwrap_or_default().to_owned(),
        compliance_policy: environment.compliance_policy.clone(),
        nodes: inputs::nodes(matches),
    };
    let cluster = in_cluster(matches, &environment)?;
    let options = Options {
        certificate: certificate(matches, &environment, cluster.is_some()),
        cluster,
        listen: matches.get_one("listen").copied().unwrap_or_else(|| any_address(15017)),
        monitoring: matches.get_one("monitoring").copied(),
        configuration: configuration(matches, environment),
        settings,
        max_connections: matches.get_one("max-connections").copied().unwrap_or(10_000),
        poll: Duration::from_millis(matches.get_one("poll").copied().unwrap_or(1000)),
        shutdown_delay: seconds("shutdown-delay"),
        shutdown_timeout: seconds("shutdown-timeout"),
    };
    Ok(server::run(options)?)
}

/// An address as Go's programs take it: `ADDRESS:PORT`, or `:PORT` for all addresses.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    let any = text.strip_prefix(':').and_then(|port| port.parse().ok()).map(any_address);
    any.or_else(|| text.parse().ok()).ok_or_else(|| {
        "it has to be ADDRESS:PORT with an IP address, such as 0.0.0.0:15017 or [::]:15017, or :PORT for all addresses".to_owned()
    })
}

/// All addresses of both families.
fn any_address(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port)
}

fn certificate(matches: &ArgMatches, environment: &Environment, in_cluster: bool) -> Certificate {
    match (text(matches, "tls-cert"), text(matches, "tls-key")) {
        (Some(certificate), Some(key)) => Certificate::Files {
            certificate: certificate.into(),
            key: key.into(),
            ca: text(matches, "tls-ca").map(Into::into),
        },
        (_, _) if in_cluster => Certificate::Shared,
        (_, _) => Certificate::SelfSigned { names: names(matches, environment) },
    }
}

/// What a self-signed certificate is for: the Service as API servers call it, and this machine.
fn names(matches: &ArgMatches, environment: &Environment) -> Vec<String> {
    let service = text(matches, "service").map_or_else(|| own_name(matches), str::to_owned);
    let namespace = namespace(matches, environment);
    let given = matches.get_many::<String>("tls-name").into_iter().flatten().cloned();
    let service = [format!("{service}.{namespace}.svc"), format!("{service}.{namespace}"), service];
    service.into_iter().chain(["localhost", "127.0.0.1", "::1"].map(str::to_owned)).chain(given).collect()
}

/// The default name of the server, its Service and its Lease.
fn own_name(matches: &ArgMatches) -> String {
    match text(matches, "revision") {
        Some(revision) if revision != "default" => format!("sidecar-injector-{revision}"),
        Some(_) | None => "sidecar-injector".to_owned(),
    }
}

/// The server's own namespace.
fn namespace(matches: &ArgMatches, environment: &Environment) -> String {
    let told = (environment.variables)("POD_NAMESPACE").map(|name| name.to_string_lossy().into_owned());
    let mounted = || std::fs::read_to_string("/var/run/secrets/kubernetes.io/serviceaccount/namespace").ok();
    let told = told.filter(|name| !name.is_empty()).or_else(mounted);
    told.unwrap_or_else(|| text(matches, "istioNamespace").unwrap_or("istio-system").to_owned())
}

fn configuration(matches: &ArgMatches, environment: Arc<Environment>) -> Configuration {
    let flags = ["injectConfigFile", "valuesFile", "meshConfigFile", "operatorFileName"];
    let files = flags.into_iter().filter_map(|flag| text(matches, flag)).map(PathBuf::from).collect();
    let matches = matches.clone();
    let load = move || {
        let texts = Texts::read(&matches, &environment)?;
        Ok(texts.config(&environment)?)
    };
    Configuration { files, load: Box::new(load) }
}

/// What to do in a cluster, if `--cluster` is set.
#[cfg(not(feature = "cluster"))]
fn in_cluster(matches: &ArgMatches, _: &Environment) -> Result<Option<InCluster>, Error> {
    let instead = "mount the configuration, and give a certificate with --tls-cert and --tls-key".to_owned();
    if is_set(matches, "cluster") { Err(Error::NoClient { flag: "cluster", instead }) } else { Ok(None) }
}

/// What to do in a cluster, if `--cluster` is set.
#[cfg(feature = "cluster")]
fn in_cluster(matches: &ArgMatches, environment: &Environment) -> Result<Option<InCluster>, Error> {
    if !is_set(matches, "cluster") {
        return Ok(None);
    }
    let namespace = namespace(matches, environment);
    let own_name = own_name(matches);
    let secret = match text(matches, "tls-cert") {
        Some(_) => None,
        None => {
            let secret = text(matches, "tls-secret").map_or_else(|| format!("{own_name}-tls"), str::to_owned);
            Some((from_cluster::name("tls-secret", "a Secret", &secret)?, names(matches, environment)))
        }
    };
    let pod = (environment.variables)("POD_NAME").or_else(|| (environment.variables)("HOSTNAME"));
    let pod = pod.map(|name| name.to_string_lossy().into_owned()).unwrap_or(own_name.clone());
    Ok(Some(InCluster {
        options: from_cluster::options(matches),
        variables: Arc::clone(&environment.variables),
        namespace: from_cluster::namespace("istioNamespace", &namespace)?,
        lease: from_cluster::name("revision", "a Lease", &own_name)?,
        // A container that starts again is another one.
        identity: format!(
            "{pod}_{}_{}",
            std::process::id(),
            std::time::UNIX_EPOCH.elapsed().unwrap_or_default().as_nanos()
        ),
        config_maps: from_cluster::config_maps(matches)?,
        secret,
    }))
}
