//! `explain KIND/NAME`: an object of a cluster, and what decides there whether its pods are injected.

use clap::ArgMatches;

use super::arguments::text;
use super::inputs::Environment;
use super::{Error, Streams};
use crate::check::Installation;
use crate::config::Source;
use crate::object::Kind;
use crate::value::Value;

/// What was read.
pub(super) struct Live {
    /// The object.
    pub(super) object: Source,
    /// Its Namespace, if it was to be read and could be.
    pub(super) namespace: Option<Value>,
    /// The webhooks of the cluster, if they were to be read and could be.
    pub(super) webhooks: Option<Installation>,
}

/// What a KIND/NAME names.
#[derive(Debug)]
struct Target<'m> {
    kind: Kind,
    name: &'m str,
    namespace: Option<&'m str>,
}

/// Reads what is asked for, if an object of a cluster is.
pub(super) fn read(
    matches: &ArgMatches,
    environment: &Environment,
    streams: &mut Streams<'_>,
) -> Result<Option<Live>, Error> {
    let Some(given) = text(matches, "object") else { return Ok(None) };
    let target = Target::new(given, text(matches, "namespace"))?;
    target.read(matches, environment, streams).map(Some)
}

impl<'m> Target<'m> {
    fn new(given: &'m str, namespace: Option<&'m str>) -> Result<Self, Error> {
        let wrong = |reason: &str| Error::Target { given: given.to_owned(), reason: reason.to_owned() };
        let (kind, name) = given.split_once('/').ok_or_else(|| wrong("there is no / in it"))?;
        let kind = Kind::of_resource(kind).ok_or_else(|| wrong(&format!("{kind:?} is no kind with pods")))?;
        Ok(Target { kind, name, namespace })
    }

    /// How to do without the cluster.
    fn as_file(&self) -> String {
        let namespace = self.namespace.map(|namespace| format!("-n {namespace} ")).unwrap_or_default();
        let (kind, name) = (self.kind.name().to_ascii_lowercase(), self.name);
        format!("`kubectl {namespace}get {kind} {name} -o yaml > {name}.yaml`, then -f {name}.yaml")
    }
}

#[cfg(not(feature = "cluster"))]
impl Target<'_> {
    fn read(&self, _: &ArgMatches, _: &Environment, _: &mut Streams<'_>) -> Result<Live, Error> {
        Err(Error::NoClient { asks: "KIND/NAME".to_owned(), instead: self.as_file() })
    }
}

#[cfg(feature = "cluster")]
impl Target<'_> {
    fn read(&self, matches: &ArgMatches, environment: &Environment, streams: &mut Streams<'_>) -> Result<Live, Error> {
        use super::from_cluster::{failed, namespace, options, runtime};
        use crate::cluster::{Cluster, Found, Name};
        use crate::json;

        let name = Name::new(self.name).ok_or_else(|| Error::Target {
            given: format!("{}/{}", self.kind.name(), self.name),
            reason: format!("{:?} cannot be a name; allowed are {}", self.name, Name::ALLOWED),
        })?;
        let given = self.namespace.map(|given| namespace("namespace", given)).transpose()?;
        let runtime = runtime()?;
        let result = runtime.block_on(async {
            let cannot = |error| failed(error, &self.as_file(), "");
            let cluster = Cluster::new(&options(matches), &*environment.variables).await.map_err(cannot)?;
            let namespace = given.map_or_else(|| namespace("namespace", cluster.namespace()), Ok)?;
            Found::read(&cluster, self.kind, &namespace, &name).await.map_err(cannot)
        });
        runtime.shutdown_background();
        let Found { object, namespace, webhooks } = result?;
        let mut warn = |warning: &str| {
            // The answer does not depend on whether this can be read.
            let _ = writeln!(streams.errors, "Warning: {warning}");
        };
        let is_given = |flag| text(matches, flag).is_some();
        let namespace = namespace.unwrap_or_else(|error| {
            if !is_given("namespace-labels") && !is_given("namespace-file") {
                warn(&format!(
                    "which webhooks are called is not known: {error}; give the labels of the namespace with --namespace-labels"
                ));
            }
            None
        });
        let webhooks = webhooks.map(Some).unwrap_or_else(|error| {
            if !is_given("webhook-file") {
                warn(&format!("Istio's usual webhooks are assumed: {error}; give the cluster's with --webhook-file"));
            }
            None
        });
        let webhooks = webhooks.map(|configurations| Installation { configurations, ..Installation::default() });
        let object = Source::new(format!("{}/{}", self.kind.name(), self.name), json::to_string(&object));
        Ok(Live { object, namespace, webhooks })
    }
}
