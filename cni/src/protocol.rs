//! What a runtime sends and gets: CNI's environment and JSON (<https://www.cni.dev/docs/spec/>, 0.1.0 to 1.1.0).

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::io::{self, Read};
use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::failure::Failure;

/// The versions of the specification, oldest first.
pub const SUPPORTED: [&str; 7] = ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"];

/// The version of a configuration that does not name one.
const OLDEST: &str = "0.1.0";

/// The newest version, for errors before the asked one is known.
pub const NEWEST: &str = "1.1.0";

/// How long standard input may be. All annotations of a pod have at most 256 KiB.
const MOST_INPUT: u64 = 8 << 20;

/// The longest name of an interface (linux/if.h, IFNAMSIZ).
const MOST_IFNAME: usize = 15;

/// What a runtime asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Make the pod's rules.
    Add,
    /// The pod goes.
    Del,
    /// Report whether the pod's rules are as they should be.
    Check,
    /// Report the versions of the specification.
    Version,
    /// Report whether `ADD` would work.
    Status,
    /// Free what belongs to pods that are gone.
    Gc,
}

impl Verb {
    const ALL: [(&str, Self); 6] = [
        ("ADD", Self::Add),
        ("DEL", Self::Del),
        ("CHECK", Self::Check),
        ("VERSION", Self::Version),
        ("STATUS", Self::Status),
        ("GC", Self::Gc),
    ];

    /// The version that brought it.
    const fn since(self) -> &'static str {
        match self {
            Self::Add | Self::Del | Self::Version => OLDEST,
            Self::Check => "0.4.0",
            Self::Status | Self::Gc => "1.1.0",
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Self::ALL.iter().filter(|(_, verb)| verb == self).try_for_each(|(name, _)| f.write_str(name))
    }
}

/// The variables of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// `CNI_COMMAND`.
    pub verb: Verb,
    /// `CNI_CONTAINERID`, if the command has one.
    pub container: Option<String>,
    /// `CNI_NETNS`, if the command has one.
    pub netns: Option<PathBuf>,
    /// `K8S_POD_NAMESPACE` and `K8S_POD_NAME` of `CNI_ARGS`.
    pub pod: Option<PodName>,
}

/// What Kubernetes calls a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodName {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl fmt::Display for PodName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Whatever a runtime sends, it stays in its place in a line of the log.
        write!(f, "{}/{}", self.namespace.escape_debug(), self.name.escape_debug())
    }
}

impl Environment {
    /// Reads the variables. All that is wrong is reported at once.
    pub fn read(variable: &dyn Fn(&str) -> Option<OsString>) -> Result<Self, Failure> {
        let mut wrong = Vec::new();
        let mut text = |name: &str| match variable(name)?.into_string() {
            Ok(text) => Some(text).filter(|text| !text.is_empty()),
            Err(raw) => {
                wrong.push(format!("{name} is not UTF-8: {raw:?}"));
                None
            }
        };
        let (command, container, netns) = (text("CNI_COMMAND"), text("CNI_CONTAINERID"), text("CNI_NETNS"));
        let (ifname, arguments) = (text("CNI_IFNAME"), text("CNI_ARGS").unwrap_or_default());
        let names = Verb::ALL.map(|(name, _)| name).join(", ");
        let verb = match &command {
            None => Err(format!("CNI_COMMAND is missing: it has to be one of {names}")),
            Some(command) => {
                let found = Verb::ALL.iter().find(|(name, _)| name == command).map(|(_, verb)| *verb);
                found.ok_or_else(|| format!("CNI_COMMAND cannot be {command:?}: it has to be one of {names}"))
            }
        };
        let pod = pod(&arguments).map_err(|why| wrong.push(why)).unwrap_or_default();
        match &verb {
            Err(why) => wrong.push(why.clone()),
            Ok(Verb::Add | Verb::Check) => {
                match &container {
                    None => wrong.push("CNI_CONTAINERID is missing".to_owned()),
                    Some(id) if !is_container_id(id) => {
                        wrong.push(format!("CNI_CONTAINERID cannot be {id:?}: letters, digits, '_', '.' and '-'"));
                    }
                    Some(_) => {}
                }
                match &ifname {
                    None => wrong.push("CNI_IFNAME is missing".to_owned()),
                    Some(name) if !is_interface(name) => wrong.push(format!(
                        "CNI_IFNAME cannot be {name:?}: 1 to {MOST_IFNAME} characters, no '/', ':' or white space"
                    )),
                    Some(_) => {}
                }
                if netns.is_none() {
                    wrong.push("CNI_NETNS is missing: the path of the pod's network namespace".to_owned());
                }
            }
            // A pod that goes has nothing that could be wrong; the other verbs are not about a pod.
            Ok(Verb::Del | Verb::Version | Verb::Status | Verb::Gc) => {}
        }
        match verb {
            Ok(verb) if wrong.is_empty() || verb == Verb::Del => {
                Ok(Self { verb, container, netns: netns.map(Into::into), pod })
            }
            Ok(_) | Err(_) => Err(Failure::Environment(wrong)),
        }
    }
}

/// Finds the pod in `CNI_ARGS`: `KEY=VALUE;KEY=VALUE`.
fn pod(arguments: &str) -> Result<Option<PodName>, String> {
    let mut found = [("K8S_POD_NAMESPACE", None), ("K8S_POD_NAME", None)];
    for pair in arguments.split(';').filter(|pair| !pair.is_empty()) {
        let Some((key, value)) = pair.split_once('=').filter(|(key, _)| !key.is_empty()) else {
            return Err(format!("CNI_ARGS cannot have {pair:?}: write KEY=VALUE, with ; between them"));
        };
        found.iter_mut().filter(|(known, _)| *known == key).for_each(|(_, place)| *place = Some(value.to_owned()));
    }
    let [namespace, name] = found.map(|(_, value)| value.filter(|value| !value.is_empty()));
    Ok(namespace.zip(name).map(|(namespace, name)| PodName { namespace, name }))
}

fn is_container_id(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))
}

fn is_interface(text: &str) -> bool {
    let allowed = |c: char| !matches!(c, '/' | ':') && !c.is_whitespace();
    text.len() <= MOST_IFNAME && !matches!(text, "." | "..") && text.chars().all(allowed)
}

/// The network configuration on standard input: its members as they were written.
#[derive(Debug)]
pub struct Input {
    /// The version of the specification that the runtime speaks.
    pub version: String,
    /// All members, by name.
    pub members: Members,
}

/// The members of a JSON object, each as it was written.
pub type Members = BTreeMap<String, Box<RawValue>>;

impl Input {
    /// Reads standard input.
    pub fn read(input: &mut dyn Read) -> Result<Self, Failure> {
        let mut text = Vec::new();
        let read = input.take(MOST_INPUT + 1).read_to_end(&mut text);
        let error = |e: io::Error| Failure::InputOutput { what: "standard input", reason: e.to_string() };
        if read.map_err(error)? as u64 > MOST_INPUT {
            return Err(Failure::Decoding(format!("it has more than {MOST_INPUT} bytes")));
        }
        let members: Members = serde_json::from_slice(&text).map_err(|e| Failure::Decoding(e.to_string()))?;
        let version: Option<String> = member(&members, "cniVersion").map_err(Failure::Decoding)?;
        let version = version.filter(|v| !v.is_empty()).unwrap_or_else(|| OLDEST.to_owned());
        Ok(Self { version, members })
    }

    /// Fails if the version is not known, or does not have the command.
    pub fn supports(&self, verb: Verb) -> Result<(), Failure> {
        let place = |version: &str| SUPPORTED.iter().position(|v| *v == version);
        match place(&self.version) {
            None => Err(Failure::Version { given: self.version.clone() }),
            Some(at) if Some(at) < place(verb.since()) => {
                Err(Failure::TooOld { verb, since: verb.since(), given: self.version.clone() })
            }
            Some(_) => Ok(()),
        }
    }

    /// What `ADD` prints: what the plugin before has made, unchanged.
    pub fn result(&self) -> Result<String, Failure> {
        let Some(result) = self.members.get("prevResult").filter(|raw| raw.get() != "null") else {
            return Ok(format!("{{\"cniVersion\":{:?}}}", self.version));
        };
        let in_result = |why: String| Failure::Decoding(format!("prevResult: {why}"));
        let members: Members = serde_json::from_str(result.get()).map_err(|e| in_result(e.to_string()))?;
        match member::<String>(&members, "cniVersion").map_err(in_result)? {
            Some(version) if !SUPPORTED.contains(&version.as_str()) => Err(Failure::Version { given: version }),
            _ => Ok(result.get().to_owned()),
        }
    }
}

/// What `VERSION` prints.
pub fn versions(asked: &str) -> String {
    let version = if SUPPORTED.contains(&asked) { asked } else { NEWEST };
    format!("{{\"cniVersion\":{version:?},\"supportedVersions\":{SUPPORTED:?}}}")
}

/// A member's value; nothing if it is missing or null.
pub fn member<T: DeserializeOwned>(members: &Members, key: &str) -> Result<Option<T>, String> {
    let Some(raw) = members.get(key) else { return Ok(None) };
    serde_json::from_str(raw.get()).map_err(|e| {
        // The position within the value is of no use if the value is short, as nearly all are.
        let why = e.to_string();
        format!("{key}: {}", why.split(" at line ").next().unwrap_or(&why))
    })
}
