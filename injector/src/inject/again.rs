//! Pods that were injected before: injected anew, or taken back.

use super::pod;
use super::reapply::Containers;
use super::status::Status;
use super::undo::{self, Doubt, Noted};
use super::{Error, Request, Setup, inject_with};
use crate::annotations;
use crate::changes::changes;
use crate::value::Value;

/// A pod without an injection.
#[derive(Clone, Debug, PartialEq)]
pub struct Undone {
    /// The pod.
    pub pod: Value,
    /// Whether injecting it gives what there was.
    pub is_proven: bool,
    /// What cannot be known about it.
    pub doubts: Vec<Doubt>,
}

/// What there is to know about an earlier injection of a pod.
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

    /// Whether an injection of the pod gives what there is.
    fn is_same(&self, before: &Value) -> bool {
        self.inject(before).is_ok_and(|again| undo::is_same(&again, self.pod))
    }

    fn status_port(&self) -> i32 {
        self.request.mesh.default_config().status_port()
    }

    fn noted(&self) -> Noted {
        undo::undo(self.pod, &self.status, &self.overrides, self.status_port())
    }

    fn by_names(&self) -> Noted {
        undo::undo_by_names(self.pod, &self.status, &self.overrides, self.status_port(), &self.request.owner)
    }
}

/// Injects a pod. What an earlier injection put in is replaced: nothing of it stays, except for what it did not note.
///
/// A pod that already is what injection makes of it stays as it is. [`super::inject`] on the other hand merges into the
/// injected pod, as Istio does: it keeps what others changed in the injected containers since.
pub fn upgrade(pod: &Value, request: Request<'_>, setup: &Setup<'_>) -> Result<(Value, Vec<Doubt>), Error> {
    annotations::validate(pod::annotations(pod)).map_err(Error::Annotations)?;
    let Some(past) = Past::of(pod, &request, setup)? else {
        return Ok((super::inject(pod, request, setup)?, Vec::new()));
    };
    if past.noted().pods.iter().any(|before| past.is_same(before)) {
        return Ok((pod.clone(), Vec::new()));
    }
    let Noted { pods, doubts } = past.by_names();
    let before = pods.into_iter().next().unwrap_or_default();
    let injected = past.inject(&before)?;
    Ok((injected, doubts.into_iter().filter(Doubt::matters).collect()))
}

/// Takes an earlier injection away; nothing if there was none. The configuration proves the result, if it is the one that
/// injected.
pub fn uninject(pod: &Value, request: Request<'_>, setup: &Setup<'_>) -> Result<Option<Undone>, Error> {
    let Some(past) = Past::of(pod, &request, setup)? else { return Ok(None) };
    let by_names = past.by_names();
    for noted in [&by_names, &past.noted()] {
        if let Some(before) = noted.pods.iter().find(|before| past.is_same(before)) {
            let pod = undo::smallest(before.clone(), &mut |smaller| past.is_same(smaller));
            let doubts = noted.doubts.iter().filter(|doubt| doubt.outlasts_proof()).cloned().collect();
            return Ok(Some(Undone { pod, is_proven: true, doubts }));
        }
    }
    let Noted { pods, mut doubts } = by_names;
    let before = pods.into_iter().next().unwrap_or_default();
    let again = past.inject(&before).map(|again| changes(pod, &again)).unwrap_or_default();
    doubts.push(Doubt::Configuration { paths: again.into_iter().map(|change| change.path).collect() });
    Ok(Some(Undone { pod: before, is_proven: false, doubts }))
}
