//! Replaces `cluster` in a build without that feature.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::{App, Channels, Error};

/// What to do in a cluster: this build can do nothing.
#[derive(Debug)]
pub enum InCluster {}

/// Never called.
pub(super) async fn start(
    _: &Arc<App>,
    wanted: InCluster,
    channels: Channels,
    _: watch::Receiver<bool>,
) -> Result<Option<JoinHandle<()>>, Error> {
    drop((channels.config_maps, channels.serving));
    match wanted {}
}
