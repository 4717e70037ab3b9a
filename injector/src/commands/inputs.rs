//! What a command reads: files, and the environment.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::ArgMatches;

use super::arguments::text;
use super::from_cluster::{self, Values, Wanted};
use super::{Error, Variables};
use crate::check::Installation;
use crate::config::{self, Config, Part, Source, default};
use crate::functions;
use crate::inject::native::{Mode, Node};
use crate::object::{documents, text_of};
use crate::review::Circumstances;
use crate::template::Functions;
use crate::yaml;

/// The environment of the injector.
pub(super) struct Environment {
    pub(super) native: Mode,
    pub(super) openshift: bool,
    pub(super) compliance_policy: String,
    pub(super) variables: Variables,
}

impl Environment {
    /// Reads the variables; the second value is what is wrong with them.
    pub(super) fn read(variables: Variables) -> (Self, Option<String>) {
        let text = |name| variables(name).map(|value| value.to_string_lossy().into_owned()).unwrap_or_default();
        let native = text("ENABLE_NATIVE_SIDECARS");
        let (native, warning) = match Mode::parse(&native) {
            Some(mode) => (mode, None),
            None if native.is_empty() => (Mode::Auto, None),
            None => (
                Mode::Disabled,
                Some(format!("ENABLE_NATIVE_SIDECARS={native:?} is not true, false or auto; false is used")),
            ),
        };
        let environment = Environment {
            native,
            openshift: text("PLATFORM") == "openshift",
            compliance_policy: text("COMPLIANCE_POLICY"),
            variables,
        };
        (environment, warning)
    }

    /// The functions that templates call. One of them reads the environment.
    fn functions(&self) -> Functions {
        let variables = Arc::clone(&self.variables);
        functions::all(move |name| variables(name).map(|value| value.to_string_lossy().into_owned()))
    }
}

/// The three texts that the flags ask for.
#[derive(Debug)]
pub(super) struct Texts {
    pub(super) injection: Source,
    pub(super) values: Source,
    pub(super) mesh: Source,
}

impl Texts {
    /// What no file gives is read from a cluster, if a flag asks for one. Otherwise, without templates of one's own, the
    /// built-in ones are used, with the built-in values below the given ones.
    pub(super) fn read(matches: &ArgMatches, environment: &Environment) -> Result<Self, Error> {
        Self::over(default::values(), default::mesh(), matches, environment)
    }

    /// The same with other values and another mesh config for who gives none.
    pub(super) fn over(
        built_in_values: Source,
        built_in_mesh: Source,
        matches: &ArgMatches,
        environment: &Environment,
    ) -> Result<Self, Error> {
        let file = |flag| text(matches, flag).map(read_file).transpose();
        let (injection, values, mesh) = (file("injectConfigFile")?, file("valuesFile")?, file("meshConfigFile")?);
        let operator = file("operatorFileName")?.map(|source| config::operator(&source)).transpose()?;
        let (operator_values, operator_mesh) = operator.unwrap_or_default();
        let values = match (&injection, values) {
            (_, Some(values)) => Some(values.part(Part::Values)?),
            // The ConfigMap has both.
            (Some(injection), None) if injection.configmap().is_some() => injection.part_if_any(Part::Values)?,
            (Some(_) | None, None) => None,
        };
        let wanted = Wanted {
            injection: injection.is_none(),
            values: match (&injection, &values, &operator_values) {
                (_, Some(_), _) | (Some(_), None, Some(_)) => Values::No,
                (None, None, Some(_)) => Values::IfAny,
                (_, None, None) => Values::Yes,
            },
            mesh: mesh.is_none() && operator_mesh.is_none(),
        };
        let found = from_cluster::read(matches, wanted, environment)?;
        let (injection, values, mesh) = (injection.or(found.injection), values.or(found.values), mesh.or(found.mesh));

        let values = match (&injection, values, operator_values) {
            (Some(_), None, Some(operator)) => operator,
            (Some(injection), None, None) => return Err(Error::NoValues { file: injection.name.clone() }),
            (Some(_), Some(values), None) => values,
            (Some(_), Some(values), Some(operator)) => config::merged(&values, &operator)?,
            (None, values, operator) => {
                let given = values.into_iter().chain(operator);
                given.into_iter().try_fold(built_in_values, |below, above| config::merged(&below, &above))?
            }
        };
        let injection = match injection {
            Some(injection) => injection.part(Part::Injection)?,
            None => default::injection(),
        };
        let mesh = match operator_mesh.or(mesh) {
            Some(mesh) => mesh.part(Part::Mesh)?,
            None => built_in_mesh,
        };
        Ok(Texts { injection, values, mesh })
    }

    /// The configuration that the texts make.
    pub(super) fn config(&self, environment: &Environment) -> Result<Config, Error> {
        Ok(Config::load(&self.injection, &self.values, &self.mesh, &environment.functions())?)
    }

    /// The texts as documents of one file, for people.
    pub(super) fn printed(&self) -> String {
        let parts = [("injection config", &self.injection), ("values", &self.values), ("mesh config", &self.mesh)];
        let document = |(what, source): (&str, &Source)| {
            let end = if source.text.ends_with('\n') || source.text.is_empty() { "" } else { "\n" };
            format!("# {what}: {}\n{}{end}", source.name, source.text)
        };
        parts.map(document).join("---\n")
    }
}

/// What affects the webhook's answer, as far as flags and environment define it.
pub(super) fn circumstances<'c>(
    matches: &'c ArgMatches,
    environment: &'c Environment,
    nodes: Option<&'c [Node]>,
) -> Circumstances<'c> {
    Circumstances {
        nodes,
        native: environment.native,
        openshift: environment.openshift,
        revision: text(matches, "revision").unwrap_or_default(),
        compliance_policy: &environment.compliance_policy,
        ..Circumstances::default()
    }
}

/// The nodes of the cluster, as far as they are given: their kubelets' versions. A node without a name is
/// named by its place, `node-1` for the first.
pub(super) fn nodes(matches: &ArgMatches) -> Option<Vec<Node>> {
    let versions = matches.get_one::<String>("kubelet-versions")?;
    let given = versions.split(',').map(str::trim).filter(|version| !version.is_empty());
    let node = |(index, given): (usize, &str)| match given.split_once('=') {
        Some((name, version)) => Node { name: name.into(), kubelet_version: version.into() },
        None => Node { name: ecow::eco_format!("node-{}", index + 1), kubelet_version: given.into() },
    };
    Some(given.enumerate().map(node).collect())
}

/// A file of the command line as text.
pub(super) fn read_file(file: &str) -> Result<Source, Error> {
    let bytes = fs::read(file).map_err(|source| Error::Read { file: file.to_owned(), source })?;
    to_source(file.to_owned(), bytes)
}

fn to_source(file: String, bytes: Vec<u8>) -> Result<Source, Error> {
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Source::new(file, text)),
        Err(error) => match text_of(error.as_bytes()) {
            Err(source) => Err(Error::NotUtf8 { file, source }),
            Ok(text) => Ok(Source::new(file, text)),
        },
    }
}

/// The objects of a file, of standard input, or of all files below a directory in the order of their names. Files and
/// directories that begin with a dot are left out.
pub(super) fn objects_below(file: &str, input: &mut dyn Read) -> Result<Vec<Source>, Error> {
    if file == "-" || !Path::new(file).is_dir() {
        return objects(file, input);
    }
    let mut files = Vec::new();
    below(Path::new(file), &mut files)?;
    if files.is_empty() {
        return Err(Error::EmptyDirectory { file: file.to_owned() });
    }
    files.sort();
    files.iter().map(|path| read_file(&path.to_string_lossy())).collect()
}

fn below(directory: &Path, files: &mut Vec<PathBuf>) -> Result<(), Error> {
    let failed = |source: io::Error| Error::Read { file: directory.to_string_lossy().into_owned(), source };
    for entry in fs::read_dir(directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let (path, kind) = (entry.path(), entry.file_type().map_err(failed)?);
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        // A link to a directory may lead in a circle.
        if !hidden && kind.is_dir() {
            below(&path, files)?;
        } else if !hidden && has_objects(&path)? {
            files.push(path);
        }
    }
    Ok(())
}

/// Whether it is a file for objects, by its name.
fn has_objects(path: &Path) -> Result<bool, Error> {
    if !path.extension().is_some_and(|e| e == "yaml" || e == "yml" || e == "json") {
        return Ok(false);
    }
    let failed = |source| Error::Read { file: path.to_string_lossy().into_owned(), source };
    Ok(fs::metadata(path).map_err(failed)?.is_file())
}

/// The objects to inject: a file, the files of a directory in the order of their names, or standard input.
pub(super) fn objects(file: &str, input: &mut dyn Read) -> Result<Vec<Source>, Error> {
    let failed = |source: io::Error| Error::Read { file: file.to_owned(), source };
    if file == "-" {
        let mut bytes = Vec::new();
        input.read_to_end(&mut bytes).map_err(failed)?;
        return Ok(vec![to_source("standard input".to_owned(), bytes)?]);
    }
    if !Path::new(file).is_dir() {
        return Ok(vec![read_file(file)?]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(file).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if has_objects(&path)? {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(Error::EmptyDirectory { file: file.to_owned() });
    }
    files.iter().map(|path| read_file(&path.to_string_lossy())).collect()
}

/// The objects of an installation of the webhook.
pub(super) fn installation(file: &str, input: &mut dyn Read) -> Result<Installation, Error> {
    let mut found = Vec::new();
    for source in objects(file, input)? {
        let failed = |reason: String| Error::NoObject { file: source.name.clone(), reason };
        for document in documents(&source.text) {
            let document = document.map_err(|error| failed(format!("line {}: {error}", error.line)))?;
            let number = document.number;
            let object = yaml::parse(&document.text).map_err(|error| failed(format!("document {number}: {error}")))?;
            match object.str_at(&["kind"]) {
                Some("List") => found.extend(object.list_at(&["items"]).iter().cloned()),
                Some(_) | None => found.push(object),
            }
        }
    }
    Ok(Installation::of(found))
}
