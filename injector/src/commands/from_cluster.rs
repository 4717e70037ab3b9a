//! What the flags want from a cluster: the ConfigMaps of an installed Istio.

use clap::ArgMatches;

use super::Error;
use super::arguments::text;
use super::inputs::Environment;
use crate::config::Source;

/// Which texts no file gives.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub(super) injection: bool,
    pub(super) values: Values,
    pub(super) mesh: bool,
}

/// How much the values are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Values {
    /// A file gives them.
    No,
    /// They go below those of an IstioOperator, if the ConfigMap has any.
    IfAny,
    /// There are no other values.
    Yes,
}

/// The texts that were read.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) injection: Option<Source>,
    pub(super) values: Option<Source>,
    pub(super) mesh: Option<Source>,
}

/// A ConfigMap that is wanted.
#[derive(Debug)]
struct Asked {
    name: String,
    /// The flag that gives the name.
    #[cfg_attr(not(feature = "cluster"), expect(dead_code, reason = "only a cluster finds fault with a name"))]
    name_flag: &'static str,
    /// The flag for a file with the ConfigMap.
    file_flag: &'static str,
    namespace: String,
}

/// The ConfigMaps that are wanted.
#[derive(Debug)]
#[cfg_attr(not(feature = "cluster"), expect(dead_code, reason = "it is not asked without a client"))]
struct Question<'m> {
    matches: &'m ArgMatches,
    wanted: Wanted,
    injector: Option<Asked>,
    mesh: Option<Asked>,
}

/// Reads what is wanted if a flag asks for a cluster. Otherwise nothing is read, and no cluster is needed.
pub(super) fn read(matches: &ArgMatches, wanted: Wanted, environment: &Environment) -> Result<Found, Error> {
    let Some(flag) = asking_flag(matches) else { return Ok(Found::default()) };
    let question = Question::new(matches, wanted);
    if question.asked().next().is_none() { Ok(Found::default()) } else { question.ask(flag, environment) }
}

/// The flag that asks for a cluster, or KIND/NAME, of commands that have it.
fn asking_flag(matches: &ArgMatches) -> Option<&'static str> {
    let flags = ["injectConfigMapName", "meshConfigMapName", "kubeconfig", "context"];
    let object = || matches.try_get_one::<String>("object").ok().flatten().map(|_| "KIND/NAME");
    flags.into_iter().find(|flag| text(matches, flag).is_some()).or_else(object)
}

impl Asked {
    fn new(matches: &ArgMatches, name_flag: &'static str, default: &str, file_flag: &'static str) -> Self {
        let name = text(matches, name_flag).unwrap_or(default);
        let namespace = text(matches, "istioNamespace").unwrap_or("istio-system").to_owned();
        match text(matches, "revision") {
            // Istio adds it to the names of its own choice only.
            Some(revision) if revision != "default" && name == default => {
                Asked { name: format!("{name}-{revision}"), name_flag: "revision", file_flag, namespace }
            }
            Some(_) | None => Asked { name: name.to_owned(), name_flag, file_flag, namespace },
        }
    }

    /// How to do without the cluster.
    fn as_file(&self) -> String {
        let Asked { name, file_flag, namespace, .. } = self;
        format!("`kubectl -n {namespace} get configmap {name} -o yaml > {name}.yaml`, then {file_flag} {name}.yaml")
    }
}

impl<'m> Question<'m> {
    fn new(matches: &'m ArgMatches, wanted: Wanted) -> Self {
        let file_flag = if wanted.injection { "--injectConfigFile" } else { "--valuesFile" };
        let injector = || Asked::new(matches, "injectConfigMapName", "istio-sidecar-injector", file_flag);
        Question {
            matches,
            wanted,
            injector: (wanted.injection || wanted.values != Values::No).then(injector),
            mesh: wanted.mesh.then(|| Asked::new(matches, "meshConfigMapName", "istio", "--meshConfigFile")),
        }
    }
}

impl Question<'_> {
    fn asked(&self) -> impl Iterator<Item = &Asked> {
        self.injector.iter().chain(&self.mesh)
    }

    /// How to do without the cluster.
    fn as_files(&self) -> String {
        let files: Vec<_> = self.asked().map(Asked::as_file).collect();
        files.join("; ")
    }
}

#[cfg(not(feature = "cluster"))]
impl Question<'_> {
    fn ask(&self, flag: &'static str, _: &Environment) -> Result<Found, Error> {
        Err(Error::NoClient { asks: format!("--{flag}"), instead: self.as_files() })
    }
}

#[cfg(all(feature = "cluster", feature = "webhook"))]
pub(super) use asking::config_maps;
#[cfg(feature = "cluster")]
pub(super) use asking::{failed, name, namespace, options, runtime};

#[cfg(feature = "cluster")]
mod asking {
    use clap::ArgMatches;

    use super::{Asked, Found, Question, Values, Wanted};
    use crate::cluster::{self, Cluster, ConfigMap, Name, Namespace, Options};
    use crate::commands::Error;
    use crate::commands::arguments::text;
    use crate::commands::inputs::Environment;
    use crate::config::Source;

    impl Question<'_> {
        pub(super) fn ask(&self, _: &'static str, environment: &Environment) -> Result<Found, Error> {
            // Before anything is sent, and before a program for credentials is run.
            self.asked().try_for_each(|asked| asked.names().map(drop))?;
            let options = options(self.matches);
            let runtime = runtime()?;
            let result = runtime.block_on(async {
                let cluster = Cluster::new(&options, &*environment.variables).await;
                let cluster = cluster.map_err(|error| failed(error, &self.as_files(), ""))?;
                self.read(&cluster).await
            });
            // It may still look up a name, which cannot be stopped.
            runtime.shutdown_background();
            result
        }

        async fn read(&self, cluster: &Cluster) -> Result<Found, Error> {
            let mut found = Found::default();
            if let Some(asked) = &self.injector {
                let config_map = asked.get(cluster).await?;
                if self.wanted.injection {
                    found.injection = Some(asked.source(&config_map, "config")?);
                }
                found.values = match self.wanted.values {
                    Values::No => None,
                    Values::IfAny => asked.source(&config_map, "values").ok(),
                    Values::Yes => Some(asked.source(&config_map, "values")?),
                };
            }
            if let Some(asked) = &self.mesh {
                found.mesh = Some(asked.source(&asked.get(cluster).await?, "mesh")?);
            }
            Ok(found)
        }
    }

    impl Asked {
        fn names(&self) -> Result<(Namespace, Name), Error> {
            Ok((namespace("istioNamespace", &self.namespace)?, name(self.name_flag, "a ConfigMap", &self.name)?))
        }

        async fn get(&self, cluster: &Cluster) -> Result<ConfigMap, Error> {
            let (namespace, name) = self.names()?;
            let config_map = ConfigMap::get(cluster, &namespace, &name).await;
            config_map.map_err(|error| failed(error, &self.as_file(), self.name_flag))
        }

        fn source(&self, config_map: &ConfigMap, key: &'static str) -> Result<Source, Error> {
            let text = config_map.text(key).map_err(|error| failed(error, &self.as_file(), self.name_flag))?;
            let ConfigMap { namespace, name, .. } = config_map;
            Ok(Source::new(format!("ConfigMap {namespace}/{name} (data.{key})"), text))
        }
    }

    /// What runs the requests of a command.
    pub(in crate::commands) fn runtime() -> Result<tokio::runtime::Runtime, Error> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map_err(|source| Error::Runtime { source })
    }

    /// Which cluster the flags choose.
    pub(in crate::commands) fn options(matches: &ArgMatches) -> Options {
        Options {
            kubeconfig: text(matches, "kubeconfig").map(Into::into),
            context: text(matches, "context").map(str::to_owned),
            ..Options::default()
        }
    }

    /// The ConfigMaps that are read unless a file takes their place.
    #[cfg(feature = "webhook")]
    pub(in crate::commands) fn config_maps(matches: &ArgMatches) -> Result<Vec<(Namespace, Name)>, Error> {
        if super::asking_flag(matches).is_none() {
            return Ok(Vec::new());
        }
        let absent = |flag| text(matches, flag).is_none();
        let injection = absent("injectConfigFile");
        let values = if absent("valuesFile") && injection { Values::Yes } else { Values::No };
        let question = Question::new(matches, Wanted { injection, values, mesh: absent("meshConfigFile") });
        question.asked().map(Asked::names).collect()
    }

    /// A name that a flag gives, if it is one.
    pub(in crate::commands) fn name(flag: &'static str, what: &'static str, name: &str) -> Result<Name, Error> {
        Name::new(name).ok_or_else(|| Error::Name { flag, what, name: name.to_owned(), allowed: Name::ALLOWED })
    }

    /// A namespace that a flag gives, if it is one.
    pub(in crate::commands) fn namespace(flag: &'static str, name: &str) -> Result<Namespace, Error> {
        let allowed = Namespace::ALLOWED;
        Namespace::new(name).ok_or_else(|| Error::Name { flag, what: "a namespace", name: name.to_owned(), allowed })
    }

    /// An error with what to do: first what would make the cluster answer, then how to do without it.
    pub(in crate::commands) fn failed(source: cluster::Error, instead: &str, name_flag: &str) -> Error {
        let check = match &source {
            cluster::Error::NoKubeconfig { .. } | cluster::Error::ServiceAccount { .. } => {
                "set --kubeconfig".to_owned()
            }
            cluster::Error::Kubeconfig { .. } => "correct the file, or set --kubeconfig to another".to_owned(),
            cluster::Error::NoContext { .. } | cluster::Error::UnknownContext { .. } => {
                "choose one with --context".to_owned()
            }
            cluster::Error::Proxy { .. } => "correct it".to_owned(),
            cluster::Error::Credentials { .. } | cluster::Error::Unauthorized { .. } => {
                "log in again, or choose other credentials with --context".to_owned()
            }
            cluster::Error::Client { .. } | cluster::Error::Unreachable { .. } | cluster::Error::TimedOut { .. } => {
                "check --kubeconfig and --context".to_owned()
            }
            cluster::Error::Refused { .. } | cluster::Error::Unreadable { .. } => {
                "check that --kubeconfig and --context lead to a Kubernetes API server".to_owned()
            }
            cluster::Error::Forbidden { .. } => {
                "have a Role grant that, or choose other credentials with --context".to_owned()
            }
            cluster::Error::NoObject { kind: "ConfigMap", .. } => format!("check --istioNamespace and --{name_flag}"),
            cluster::Error::NoObject { .. } => "check the name, --namespace and --context".to_owned(),
            cluster::Error::NoKey { key, .. } => {
                let file_flag = match *key {
                    "config" => "--injectConfigFile",
                    "values" => "--valuesFile",
                    _ => "--meshConfigFile",
                };
                let advice = format!("check --{name_flag}, or give that text as a file with {file_flag}");
                return Error::Cluster { source, advice };
            }
        };
        Error::Cluster { advice: format!("{check}, or read a file instead: {instead}"), source }
    }
}
