//! Objects as trees: read, created, replaced, applied. Typed objects would be a megabyte of code for four fields.

use kube::api::{GetParams, Patch, PatchParams, PostParams};
use kube::core::Request;

use super::{Cluster, Error};
use crate::json;
use crate::value::Value;

/// The field manager, for `managedFields`.
pub(super) const MANAGER: &str = "sidecar-injector";

impl Cluster {
    /// An object, or nothing if there is none of the name.
    pub(super) async fn read(&self, right: &str, path: &str, name: &str) -> Result<Option<Value>, Error> {
        let request = Request::new(path).get(name, &GetParams::default());
        let object = async { self.client().request(request.map_err(kube::Error::BuildRequest)?).await };
        match self.answer(right, object).await {
            Ok(object) => Ok(Some(object)),
            Err(Error::Refused { code: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
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
