//! What the server does in a cluster: it watches what affects injections, and keeps the CA of its webhooks and a shared
//! certificate up to date.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::self_signed::SelfSigned;
use super::{App, Channels, Error};
use crate::cluster::{
    CaBundle, Candidate, Cluster, Name, Namespace, Options, Pace, SharedCertificate, Told, Watches, hold,
    keep_ca_bundle, share_certificate, watch,
};
use crate::commands::Variables;

/// What to do in which cluster.
pub struct InCluster {
    /// Which cluster.
    pub options: Options,
    /// Looks up a variable of the environment.
    pub variables: Variables,
    /// The server's own namespace.
    pub namespace: Namespace,
    /// The Lease of the replica that writes: one for each revision.
    pub lease: Name,
    /// The name of this replica there.
    pub identity: String,
    /// The ConfigMaps that the configuration is read from.
    pub config_maps: Vec<(Namespace, Name)>,
    /// The Secret with the certificate that all replicas share, and the names that it is for.
    pub secret: Option<(Name, Vec<String>)>,
}

/// Starts all of this. It ends when `shutdown` becomes true; when the returned future completes, the Lease has been
/// released.
pub(super) async fn start(
    app: &Arc<App>,
    wanted: InCluster,
    channels: Channels,
    shutdown: watch::Receiver<bool>,
) -> Result<Option<JoinHandle<()>>, Error> {
    let cluster = Cluster::new(&wanted.options, &*wanted.variables).await.map_err(Error::Cluster)?;
    app.settled.send_replace(false);
    let pace = Pace::default();
    let watches = Watches {
        config_maps: wanted.config_maps,
        nodes: app.settings.needs_nodes(),
        namespaces: app.settings.openshift,
        proxy_configs: true,
        pace,
    };
    let told = Told {
        surroundings: Arc::clone(&app.surroundings),
        config_maps: channels.config_maps,
        settled: app.settled.clone(),
    };
    tokio::spawn(watch(cluster.clone(), watches, told, shutdown.clone()));

    // Nothing to write: without a CA file, another program maintains caBundle.
    if wanted.secret.is_none() && app.ca().is_none() {
        return Ok(None);
    }
    let (held_sender, held) = watch::channel(false);
    let candidate =
        Candidate { namespace: wanted.namespace.clone(), lease: wanted.lease, identity: wanted.identity, pace };
    let holding = tokio::spawn(hold(cluster.clone(), candidate, held_sender, shutdown.clone()));

    let metrics = Arc::clone(app);
    let ca_bundle = CaBundle {
        revision: app.settings.revision.clone(),
        wanted: app.ca.subscribe(),
        held: held.clone(),
        report: Arc::new(move |event| metrics.metrics.ca_bundle(event)),
        pace,
    };
    tokio::spawn(keep_ca_bundle(cluster.clone(), ca_bundle, shutdown.clone()));

    if let Some((secret, names)) = wanted.secret {
        let shared = SharedCertificate {
            namespace: wanted.namespace,
            secret,
            issuer: Box::new(SelfSigned::new(names)),
            held,
            serving: channels.serving,
            trusted: app.ca.clone(),
            pace,
        };
        tokio::spawn(share_certificate(cluster, shared, shutdown));
    }
    Ok(Some(holding))
}
