//! One list that is kept up to date: it is listed once, and then watched from there on.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::pin::pin;
use std::time::Duration;

use futures_util::StreamExt;
use kube::api::{ListParams, WatchEvent, WatchParams};
use kube::core::Request;
use tokio::time::{Instant, sleep, timeout_at};

use super::backoff::scattered;
use super::object::{Object, Page};
use super::pace::Pace;
use super::trouble::Trouble;
use super::{Cluster, Error};
use crate::value::Value;

/// What is kept of each object, by name or `namespace/name`.
pub(super) type Entries = BTreeMap<String, Value>;

/// The nodes of a large cluster are read in pieces of about a megabyte.
const PAGE: u32 = 50;

/// A list to follow.
pub(super) struct Followed {
    /// The resource, for messages: "nodes".
    pub(super) resource: &'static str,
    /// Its URL: "/api/v1/nodes".
    pub(super) path: String,
    /// Which objects, by label.
    pub(super) labels: Option<String>,
    /// Which objects, by field.
    pub(super) fields: Option<String>,
    /// Whether a server without the resource counts as one with an empty list.
    pub(super) optional: bool,
    /// Whether the metadata is all that is read.
    pub(super) only_metadata: bool,
    /// The permission needed: "list and watch nodes".
    pub(super) right: String,
    /// The consequence if it fails, and which permission is needed.
    pub(super) consequence: String,
    /// The part of an object that is kept. If that part stays the same, there is no change.
    pub(super) pick: fn(Object) -> Value,
    pub(super) pace: Pace,
}

/// What receives changes.
pub(super) trait Sink: Send {
    /// The list, whenever something of it has changed, and at first.
    fn publish(&mut self, entries: &Entries);

    /// The first answer, or the first failure, is there.
    fn settled(&mut self) {}
}

/// How far a list has been followed.
#[derive(Default)]
struct Position {
    /// What is in it; nothing until it has been read.
    entries: Option<Entries>,
    /// The version to watch from; empty if it has to be listed anew.
    version: String,
}

/// How a watch ended without an error.
enum End {
    /// As usual.
    Usual,
    /// The version is too old: list again.
    Expired,
    /// Too soon, without having reported anything.
    Abrupt,
}

impl Followed {
    /// Follows the list until the future is dropped.
    pub(super) async fn follow(&self, cluster: &Cluster, sink: &mut dyn Sink) -> Infallible {
        let mut trouble = Trouble::new(self.resource, self.consequence.clone(), self.pace);
        let mut position = Position::default();
        let mut settled = false;
        let mut settle = |sink: &mut dyn Sink| {
            if !std::mem::replace(&mut settled, true) {
                sink.settled();
            }
        };
        loop {
            if position.version.is_empty() {
                let listed = self.list(cluster).await;
                let wait = match listed {
                    Ok((entries, version)) => {
                        if position.entries.as_ref() != Some(&entries) {
                            sink.publish(&entries);
                        }
                        position = Position { entries: Some(entries), version };
                        Duration::ZERO
                    }
                    Err(Error::Refused { code: 404, .. }) if self.optional => {
                        if position.entries.take().is_none_or(|entries| !entries.is_empty()) {
                            log::info!(resource = self.resource; "{} does not have this resource", cluster.server());
                            sink.publish(&Entries::new());
                        }
                        position.entries = Some(Entries::new());
                        scattered(self.pace.slow)
                    }
                    Err(error) => trouble.failed(&error),
                };
                settle(sink);
                if !wait.is_zero() {
                    sleep(wait).await;
                    continue;
                }
            }
            match self.watch(cluster, &mut position, &mut trouble, sink).await {
                Ok(End::Usual) => {}
                Ok(End::Abrupt) => sleep(trouble.pause()).await,
                Ok(End::Expired) => {
                    position.version.clear();
                    sleep(trouble.pause()).await;
                }
                Err(error) => {
                    // After a lost connection, the watch continues from the last version. Any other error may be due
                    // to the version.
                    if !matches!(error, Error::Unreachable { .. } | Error::TimedOut { .. }) {
                        position.version.clear();
                    }
                    sleep(trouble.failed(&error)).await;
                }
            }
        }
    }

    async fn list(&self, cluster: &Cluster) -> Result<(Entries, String), Error> {
        let mut params = ListParams {
            label_selector: self.labels.clone(),
            field_selector: self.fields.clone(),
            limit: Some(PAGE),
            ..ListParams::default()
        };
        let mut entries = Entries::new();
        loop {
            let builder = Request::new(&*self.path);
            let request = if self.only_metadata { builder.list_metadata(&params) } else { builder.list(&params) };
            let client = cluster.client();
            let page = async { client.request::<Page>(request.map_err(kube::Error::BuildRequest)?).await };
            let Page { metadata, items } = cluster.answer(&self.right, page).await?;
            let items = items.unwrap_or_default().into_iter();
            entries.extend(items.map(|object| (object.key(), (self.pick)(object))));
            if metadata.r#continue.is_empty() {
                let version = metadata.resource_version;
                // Without one, there is nothing to watch from.
                let server = || cluster.server().to_owned();
                let unversioned =
                    || Error::Unreadable { server: server(), reason: "it has no resourceVersion".to_owned() };
                return if version.is_empty() { Err(unversioned()) } else { Ok((entries, version)) };
            }
            params.continue_token = Some(metadata.r#continue);
        }
    }

    /// Watches until the server ends it, it fails, or nothing has come for too long.
    async fn watch(
        &self,
        cluster: &Cluster,
        position: &mut Position,
        trouble: &mut Trouble,
        sink: &mut dyn Sink,
    ) -> Result<End, Error> {
        let params = WatchParams {
            label_selector: self.labels.clone(),
            field_selector: self.fields.clone(),
            ..WatchParams::default()
        };
        let builder = Request::new(&*self.path);
        let version = &*position.version;
        let request =
            if self.only_metadata { builder.watch_metadata(&params, version) } else { builder.watch(&params, version) };
        let client = cluster.client();
        let events = async { client.request_events::<Object>(request.map_err(kube::Error::BuildRequest)?).await };
        let mut events = pin!(match cluster.answer(&self.right, events).await {
            Ok(events) => events,
            Err(Error::Refused { code: 410, .. }) => return Ok(End::Expired),
            Err(error) => return Err(error),
        });
        trouble.well();

        let began = Instant::now();
        let entries = position.entries.get_or_insert_default();
        // When changes that have not been published are.
        let mut publish: Option<Instant> = None;
        let mut silent = began + self.pace.silence;
        let end = loop {
            let over = trouble.is_over_in().map(|time| Instant::now() + time);
            let until = [publish, over].into_iter().flatten().fold(silent, Instant::min);
            let event = match timeout_at(until, events.next()).await {
                Ok(Some(event)) => event,
                Ok(None) => break Ok(if began.elapsed() < self.pace.steady { End::Abrupt } else { End::Usual }),
                Err(_) => {
                    trouble.well();
                    if publish.take_if(|time| *time <= Instant::now()).is_some() {
                        sink.publish(entries);
                    }
                    if silent <= Instant::now() {
                        break Ok(End::Usual);
                    }
                    continue;
                }
            };
            silent = Instant::now() + self.pace.silence;
            let changed = match event {
                Ok(WatchEvent::Added(object) | WatchEvent::Modified(object)) => {
                    position.version.clone_from(&object.metadata.resource_version);
                    let key = object.key();
                    let picked = (self.pick)(object);
                    let changed = entries.get(&key) != Some(&picked);
                    if changed {
                        entries.insert(key, picked);
                    }
                    changed
                }
                Ok(WatchEvent::Deleted(object)) => {
                    position.version.clone_from(&object.metadata.resource_version);
                    entries.remove(&object.key()).is_some()
                }
                Ok(WatchEvent::Bookmark(bookmark)) => {
                    position.version = bookmark.metadata.resource_version;
                    false
                }
                Ok(WatchEvent::Error(status)) if status.code == 410 => break Ok(End::Expired),
                Ok(WatchEvent::Error(status)) => break Err(cluster.failed(&self.right, kube::Error::Api(status))),
                Err(error) => break Err(cluster.failed(&self.right, error)),
            };
            if changed {
                publish.get_or_insert(Instant::now() + self.pace.collect);
            }
        };
        if publish.is_some() {
            sink.publish(entries);
        }
        end
    }
}
