//! Pods that were injected before: injecting them again, or removing the injection.

use super::pod;
use super::reapply::Containers;
use super::status::Status;
use super::undo::{self, Doubt, Noted};
use super::{Error, Request, Setup, inject_with};
use crate::annotations::{self, OVERRIDES, STATUS};
use crate::changes::{Kind, changes};
use crate::value::Value;

/// A pod without an injection.
#[derive(Clone, Debug, PartialEq)]
pub struct Undone {
    /// The pod.
    pub pod: Value,
    /// Whether injecting it gives the pod again.
    pub is_proven: bool,
    /// Fields that were removed since injection sets them. There is no trace of whether the pod had them before, with
    /// the same value.
    pub removed: Vec<String>,
    /// What is uncertain about it.
    pub doubts: Vec<Doubt>,
}

/// What is known about an earlier injection of a pod.
struct Past<'a> {
    pod: &'a Value,
    status: Status,
    overrides: Containers,
    request: &'a Request<'a>,
    setup: &'a Setup<'a>,
}

impl<'a> Past<'a> {
    /// Nothing if the pod was not injected, or if its status cannot be read.
    fn of(pod: &'a Value, request: &'a Request<'a>, setup: &'a Setup<'a>) -> Result<Option<Self>, Error> {
        let status = Status::of_pod(pod)?.filter(|status| status.readable);
        let overrides = Containers::of_annotation(pod)?;
        Ok(status.map(|status| Past { pod, status, overrides, request, setup }))
    }

    fn inject(&self, before: &Value) -> Result<Value, Error> {
        inject_with(before, self.request.clone(), self.setup, None, &Containers::default(), &mut ())
    }

    /// Whether an injection of the pod gives the present pod.
    fn is_same(&self, before: &Value) -> bool {
        self.inject(before).is_ok_and(|again| undo::is_same(&again, self.pod))
    }

    fn noted(&self) -> Noted {
        undo::undo(self.pod, &self.status, &self.overrides, self.request.mesh.default_config().status_port())
    }

    fn by_names(&self) -> Noted {
        undo::undo_by_names(self.pod, &self.status, &self.overrides, &self.request.owner)
    }
}

/// Injects a pod. What an earlier injection put in is replaced: nothing of it stays, except for what it did not note.
///
/// A pod that already is what injection makes of it stays as it is. [`super::inject`] on the other hand merges into the
/// injected pod, as Istio does: it keeps later changes to the injected containers.
pub fn upgrade(pod: &Value, request: Request<'_>, setup: &Setup<'_>) -> Result<(Value, Vec<Doubt>), Error> {
    annotations::validate(pod::annotations(pod)).map_err(Error::Annotations)?;
    let Some(past) = Past::of(pod, &request, setup)? else {
        return Ok((super::inject(pod, request, setup)?, Vec::new()));
    };
    let Noted { pods, mut doubts } = past.by_names();
    if past.noted().pods.iter().chain(&pods).any(|before| past.is_same(before)) {
        return Ok((pod.clone(), Vec::new()));
    }
    let mut pods = pods.iter();
    let injected = past.inject(pods.next().unwrap_or(&Value::Null))?;
    let is_clear = pods.all(|other| past.inject(other).is_ok_and(|other| other == injected));
    doubts.retain(|doubt| doubt.matters() && !(is_clear && matches!(doubt, Doubt::OwnSidecar { .. })));
    Ok((injected, doubts))
}

/// Takes an earlier injection away; nothing if there was none. The configuration proves the result, if it is the one that
/// injected.
pub fn uninject(pod: &Value, request: Request<'_>, setup: &Setup<'_>) -> Result<Option<Undone>, Error> {
    let Some(past) = Past::of(pod, &request, setup)? else { return Ok(None) };
    let (by_names, noted) = (past.by_names(), past.noted());
    for found in [&by_names, &noted] {
        if let Some(before) = found.pods.iter().find(|before| past.is_same(before)) {
            let before = undo::smallest(before.clone(), &mut |smaller| past.is_same(smaller));
            let removed = removed(pod, &before);
            let doubts = found.doubts.iter().filter(|doubt| doubt.outlasts_proof()).cloned().collect();
            return Ok(Some(Undone { pod: before, is_proven: true, removed, doubts }));
        }
    }
    let Noted { pods, mut doubts } = by_names;
    let before = pods.into_iter().next().unwrap_or_default();
    let again = past.inject(&before).map(|again| changes(pod, &again)).unwrap_or_default();
    doubts.push(Doubt::Configuration { paths: again.into_iter().map(|(path, _)| path.to_string()).collect() });
    Ok(Some(Undone { pod: before, is_proven: false, removed: Vec::new(), doubts }))
}

/// What is gone of a pod, except for what is noted: containers, and the injector's own annotations.
fn removed(injected: &Value, before: &Value) -> Vec<String> {
    let own = [STATUS, OVERRIDES].map(|name| format!("metadata.annotations[{name}]"));
    let gone = changes(injected, before).into_iter().filter(|(_, kind)| *kind == Kind::Removed);
    let gone = gone.filter(|(path, _)| !path.is_in_containers()).map(|(path, _)| path.to_string());
    gone.filter(|path| !own.contains(path)).collect()
}
