//! The configuration: injection config, values and mesh config, read from three texts as one value that is whole or not
//! at all.

use crate::inject::Setup;
use crate::mesh::MeshConfig;
use crate::template::Functions;
use crate::value::Value;
use crate::yaml::{self, Step};

pub mod default;
mod error;
mod injection;
mod source;
#[rustfmt::skip]
mod table;
mod values;

#[cfg(test)]
mod tests;

pub use error::Error;
pub use injection::Injection;
pub use source::{Part, Source};
pub use values::WrongType;

/// A configuration, ready to inject with. It can be shared between threads.
#[derive(Debug)]
pub struct Config {
    /// Templates, and which pods get them.
    pub injection: Injection,
    /// The values; all numbers are doubles.
    pub values: Value,
    /// The mesh config.
    pub mesh: MeshConfig,
}

impl Config {
    /// Reads the three texts. Each may be a ConfigMap that has the text.
    pub fn load(injection: &Source, values: &Source, mesh: &Source, functions: &Functions) -> Result<Self, Error> {
        Ok(Config {
            mesh: parse_mesh(&mesh.part(Part::Mesh)?)?,
            injection: Injection::parse(&injection.part(Part::Injection)?, functions)?,
            values: parse_values(&values.part(Part::Values)?)?,
        })
    }

    /// The parts that the injection of each pod needs.
    pub fn setup<'a>(&'a self, revision: &'a str, compliance_policy: &'a str) -> Setup<'a> {
        Setup {
            templates: &self.injection.templates,
            aliases: &self.injection.aliases,
            default_templates: &self.injection.default_templates,
            injected_annotations: &self.injection.injected_annotations,
            values: &self.values,
            revision,
            compliance_policy,
        }
    }
}

fn parse_mesh(source: &Source) -> Result<MeshConfig, Error> {
    MeshConfig::parse(&source.text).map_err(|error| Error::Mesh { file: source.name.clone(), source: Box::new(error) })
}

fn parse_values(source: &Source) -> Result<Value, Error> {
    let file = || source.name.clone();
    let values = yaml::parse(&source.text).map_err(|error| Error::Yaml { file: file(), source: Box::new(error) })?;
    if values.is_null() {
        return Err(Error::NoValues { file: file() });
    }
    if let Err(error) = values::check(&values) {
        let position = locate(&source.text, &values, &error.steps);
        return Err(Error::Values { file: file(), position, source: Box::new(error) });
    }
    Ok(values::for_templates(&values))
}

/// Values merged into other values: maps are merged, everything else is replaced.
pub fn merged(below: &Source, above: &Source) -> Result<Source, Error> {
    let above = above.part(Part::Values)?;
    let parse = |source: &Source| {
        yaml::parse(&source.text).map_err(|error| Error::Yaml { file: source.name.clone(), source: Box::new(error) })
    };
    let (mut tree, upper) = (parse(below)?, parse(&above)?);
    // The types are checked here too, so that a message names the file and the line of what is wrong.
    if !upper.is_null() {
        parse_values(&above)?;
        overlay(&mut tree, &upper);
    }
    Ok(Source::new(format!("{} over {}", above.name, below.name), yaml::to_string(&tree)))
}

fn overlay(below: &mut Value, above: &Value) {
    match (below, above) {
        (Value::Map(below), Value::Map(above)) => {
            above.iter().for_each(|(key, value)| overlay(below.entry(key.clone()), value));
        }
        (below, above) => *below = above.clone(),
    }
}

/// The position of a path of keys and indices in a text.
fn locate(text: &str, values: &Value, path: &[crate::value::EcoString]) -> Option<yaml::Position> {
    let mut value = values;
    let mut steps = Vec::with_capacity(path.len());
    for part in path {
        let (step, next) = match value.as_list() {
            Some(list) => {
                let index = part.parse().ok()?;
                (Step::Index(index), list.get(index)?)
            }
            None => (Step::Key(part), value.get(part)?),
        };
        steps.push(step);
        value = next;
    }
    yaml::locate(text, &steps)
}

/// The values and the mesh config of an IstioOperator, as far as it has them.
pub fn operator(source: &Source) -> Result<(Option<Source>, Option<Source>), Error> {
    let tree = yaml::parse(&source.text)
        .map_err(|error| Error::Yaml { file: source.name.clone(), source: Box::new(error) })?;
    let Value::Map(object) = &tree else {
        return Err(Error::Operator { file: source.name.clone(), found: tree.kind() });
    };
    let part = |key: &str| {
        let value = object.get("spec").and_then(|spec| spec.get(key)).filter(|value| !value.is_null());
        value.map(|value| Source::new(format!("{} (spec.{key})", source.name), yaml::to_string(value)))
    };
    Ok((part("values"), part("meshConfig")))
}
