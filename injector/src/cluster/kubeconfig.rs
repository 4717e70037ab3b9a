//! The address of a cluster, and the identity to use for it: kubeconfig files, or the service account of a pod.

use std::env::split_paths;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use kube::Config;
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};

use super::error::{Error, causes, one_line};
use super::{Options, proxy};

/// What a client is made of.
pub(super) struct Access {
    pub(super) config: Config,
    /// The source of the credentials.
    pub(super) identity: String,
    /// The proxy on the way, if any: ` through the proxy ...`.
    pub(super) via: String,
}

type Variables<'v> = &'v dyn Fn(&str) -> Option<OsString>;

/// The access that the options, the environment and the files give.
pub(super) async fn access(options: &Options, variables: Variables<'_>) -> Result<Access, Error> {
    let files = match files(options, variables) {
        Ok(files) => files,
        Err(_) if options.context.is_none() && variables("KUBERNETES_SERVICE_HOST").is_some() => return pod(),
        Err(looked) => return Err(Error::NoKubeconfig { looked }),
    };
    let names: Vec<_> = files.iter().map(|file| file.display().to_string()).collect();
    let name = names.join(", ");
    let kubeconfig = read(&files)?;
    let context = context(&kubeconfig, options, &name)?;
    let identity = format!("the context {context} of {name}");
    let own_proxy = own_proxy(&kubeconfig, &context);
    let choice = KubeConfigOptions { context: Some(context), ..KubeConfigOptions::default() };
    let wrong = |error: &KubeconfigError| Error::Kubeconfig { file: name.clone(), reason: causes(error) };
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &choice).await.map_err(|error| wrong(&error))?;
    // kube compares NO_PROXY with the proxy, not with the server.
    let proxy = match own_proxy {
        Some(proxy) => Some((proxy, format!("proxy-url of {name}"))),
        None => proxy::of_environment(&config.cluster_url.to_string(), variables),
    };
    config.proxy_url = None;
    let mut via = String::new();
    if let Some((proxy, from)) = proxy {
        let shown = origin(&proxy);
        let allowed = ["http://", "https://", "socks5://"].iter().any(|scheme| proxy.starts_with(scheme));
        match proxy.parse() {
            Ok(uri) if allowed => config.proxy_url = Some(uri),
            Ok(_) | Err(_) => return Err(Error::Proxy { from, proxy: shown }),
        }
        via = format!(" through the proxy {shown} ({from})");
    }
    Ok(Access { config, identity, via })
}

/// The files that exist; the error lists the searched paths.
fn files(options: &Options, variables: Variables<'_>) -> Result<Vec<PathBuf>, String> {
    if let Some(file) = &options.kubeconfig {
        return Ok(vec![file.clone()]);
    }
    if let Some(list) = variables("KUBECONFIG").filter(|list| !list.is_empty()) {
        // Like kubectl: a list may name files that do not exist yet.
        let files: Vec<_> = split_paths(&list).filter(|file| !file.as_os_str().is_empty() && file.exists()).collect();
        let looked = || format!("no file of KUBECONFIG={} exists", one_line(&list.to_string_lossy()));
        return if files.is_empty() { Err(looked()) } else { Ok(files) };
    }
    match variables("HOME").map(|home| Path::new(&home).join(".kube/config")) {
        Some(file) if file.exists() => Ok(vec![file]),
        Some(file) => Err(format!("KUBECONFIG is not set, and {} does not exist", file.display())),
        None => Err("neither KUBECONFIG nor HOME is set".to_owned()),
    }
}

/// The service account of the pod that this runs in.
fn pod() -> Result<Access, Error> {
    let config = Config::incluster_env().map_err(|error| Error::ServiceAccount { reason: causes(&error) })?;
    Ok(Access { config, identity: "the service account of this pod".to_owned(), via: String::new() })
}

/// The merged files: the first one that has a value wins.
fn read(files: &[PathBuf]) -> Result<Kubeconfig, Error> {
    files.iter().try_fold(Kubeconfig::default(), |all, file| {
        let next = Kubeconfig::read_from(file).and_then(|next| all.merge(next));
        next.map_err(|error| {
            #[expect(
                clippy::wildcard_enum_match_arm,
                reason = "kube's own, and the rest have no text of the file in them"
            )]
            let reason = match &error {
                KubeconfigError::ReadConfig(source, _) => source.to_string(),
                // The rest of the message shows the surrounding lines, which may contain tokens.
                KubeconfigError::Parse(source) => one_line(source.without_snippet().to_string().as_str()),
                error => causes(error),
            };
            Error::Kubeconfig { file: file.display().to_string(), reason }
        })
    })
}

fn context(kubeconfig: &Kubeconfig, options: &Options, file: &str) -> Result<String, Error> {
    let known = || {
        let names: Vec<_> = kubeconfig.contexts.iter().map(|context| format!("{:?}", context.name)).collect();
        if names.is_empty() { "no contexts".to_owned() } else { names.join(", ") }
    };
    let current = kubeconfig.current_context.clone().filter(|name| !name.is_empty());
    let Some(name) = options.context.clone().or(current) else {
        return Err(Error::NoContext { file: file.to_owned(), known: known() });
    };
    if kubeconfig.contexts.iter().any(|context| context.name == name) {
        Ok(name)
    } else {
        Err(Error::UnknownContext { file: file.to_owned(), context: name, known: known() })
    }
}

/// The proxy that the kubeconfig itself names for the cluster of a context.
fn own_proxy(kubeconfig: &Kubeconfig, context: &str) -> Option<String> {
    let context = kubeconfig.contexts.iter().find(|named| named.name == context)?.context.as_ref()?;
    let cluster = kubeconfig.clusters.iter().find(|named| named.name == context.cluster)?.cluster.as_ref()?;
    cluster.proxy_url.clone().filter(|proxy| !proxy.is_empty())
}

/// Scheme, host and port of a URL: no password, no path.
pub(super) fn origin(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").map_or((None, url), |(scheme, rest)| (Some(scheme), rest));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    one_line(&scheme.map_or_else(|| host.to_owned(), |scheme| format!("{scheme}://{host}")))
}
