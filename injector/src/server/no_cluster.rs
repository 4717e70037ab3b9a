//! The place of `cluster` in a program without that feature.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::{App, Error};
use crate::certificate::Triple;

/// What to do in a cluster: nothing can be.
#[derive(Debug)]
pub enum InCluster {}

/// What is told to the rest of the server.
pub(super) struct Channels {
    pub(super) config_maps: watch::Sender<u64>,
    pub(super) serving: watch::Sender<Option<Arc<Triple>>>,
}

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
