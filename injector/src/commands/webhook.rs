//! `webhook`: the server that an API server asks about every pod.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::ArgMatches;

use super::Error;
use super::arguments::{is_set, text};
use super::inputs::{self, Environment, Texts};
use crate::server::{self, Certificate, Configuration, Format, Options, Settings};

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
    let options = Options {
        listen: matches.get_one("listen").copied().unwrap_or_else(|| any_address(15017)),
        monitoring: matches.get_one("monitoring").copied(),
        certificate: certificate(matches),
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

fn certificate(matches: &ArgMatches) -> Certificate {
    match (text(matches, "tls-cert"), text(matches, "tls-key")) {
        (Some(certificate), Some(key)) => Certificate::Files { certificate: certificate.into(), key: key.into() },
        (_, _) => {
            let names = matches.get_many::<String>("tls-name").map(|names| names.cloned().collect());
            let local = || ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
            Certificate::SelfSigned { names: names.unwrap_or_else(local) }
        }
    }
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
