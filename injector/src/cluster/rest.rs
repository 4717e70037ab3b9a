//! Objects as trees: read, created, replaced, applied. Typed objects would be a megabyte of code for four fields.

use kube::api::{GetParams, ListParams, Patch, PatchParams, PostParams};
use kube::core::Request;

use super::error::one_line;
use super::{Cluster, Error};
use crate::json;
use crate::value::Value;

/// The field manager, for `managedFields`.
pub(super) const MANAGER: &str = "sidecar-injector";

impl Cluster {
    /// An object of a kind, or nothing if there is none of the name.
    pub(super) async fn read(&self, right: &str, kind: &str, path: &str, name: &str) -> Result<Option<Value>, Error> {
        let request = Request::new(path).get(name, &GetParams::default());
        let object = async { self.client().request(request.map_err(kube::Error::BuildRequest)?).await };
        match self.answer(right, object).await {
            Ok(object) => self.of_kind(kind, object).map(Some),
            Err(Error::Refused { code: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The objects of a list, which is of its own kind, such as `PodList`.
    pub(super) async fn list(&self, right: &str, kind: &str, path: &str) -> Result<Vec<Value>, Error> {
        let request = Request::new(path).list(&ListParams::default());
        let list = async { self.client().request(request.map_err(kube::Error::BuildRequest)?).await };
        let list = self.of_kind(kind, self.answer(right, list).await?)?;
        Ok(list.list_at(&["items"]).to_vec())
    }

    /// An answer, if it is of this kind. A proxy before the API server may answer with any JSON.
    fn of_kind(&self, kind: &str, answer: Value) -> Result<Value, Error> {
        if answer.str_at(&["kind"]) == Some(kind) {
            return Ok(answer);
        }
        let found = match answer.get("kind").and_then(Value::as_str) {
            Some(other) => format!("one of the kind {}", one_line(other)),
            None => format!("{} without a kind", answer.kind()),
        };
        Err(Error::Unreadable {
            server: self.server().to_owned(),
            reason: format!("it is {found}, not of the kind {kind}"),
        })
    }

    /// Creates an object, unless there is one of its name: then the code is 409.
    pub(super) async fn create(&self, right: &str, path: &str, object: &Value) -> Result<Value, Error> {
        let request = Request::new(path).create(&manager(), json::to_string(object).into());
        self.answer(right, async { self.client().request(request.map_err(kube::Error::BuildRequest)?).await }).await
    }

    /// Replaces an object, if it still has the version that this one was made from: otherwise the code is 409.
    pub(super) async fn replace(&self, right: &str, path: &str, name: &str, object: &Value) -> Result<Value, Error> {
        let request = Request::new(path).replace(name, &manager(), json::to_string(object).into());
        self.answer(right, async { self.client().request(request.map_err(kube::Error::BuildRequest)?).await }).await
    }

    /// Takes the fields of `part` into an object and owns them from then on, even if they had another owner.
    pub(super) async fn apply(&self, right: &str, path: &str, name: &str, part: &Value) -> Result<Value, Error> {
        let params = PatchParams::apply(MANAGER).force();
        let request = Request::new(path).patch(name, &params, &Patch::Apply(part));
        self.answer(right, async { self.client().request(request.map_err(kube::Error::BuildRequest)?).await }).await
    }
}

fn manager() -> PostParams {
    PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() }
}

/// Whether another client changed the object first.
pub(super) fn is_conflict(error: &Error) -> bool {
    matches!(error, Error::Refused { code: 409, .. })
}
