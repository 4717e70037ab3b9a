//! The injection config: policy, selectors, templates.

use std::collections::BTreeMap;

use super::{Error, Source};
use crate::annotations::Mentions;
use crate::decision::{Policy, Rules};
use crate::inject::Templates;
use crate::kubernetes::selector::Selector;
use crate::template::{Functions, Template};
use crate::value::{EcoString, Map, Value};
use crate::yaml::{self, Step};

/// The template for pods that do not ask for one.
const SIDECAR: &str = "sidecar";

/// The injection config.
#[derive(Debug)]
pub struct Injection {
    /// The templates.
    pub templates: Templates,
    /// The templates for pods that do not ask for any.
    pub default_templates: Vec<EcoString>,
    /// Names that each mean several templates.
    pub aliases: BTreeMap<EcoString, Vec<EcoString>>,
    /// Annotations that every injected pod gets.
    pub injected_annotations: Map,
    /// Which pods are injected.
    pub rules: Rules,
    /// The annotations of injection that the templates name.
    pub mentions: Mentions,
}

impl Injection {
    /// Reads an injection config. Text that is not an injection config, and has no `templates`, is the template
    /// `sidecar` itself.
    pub fn parse(source: &Source, functions: &Functions) -> Result<Self, Error> {
        let reader = Reader { source, functions };
        match yaml::parse(&source.text) {
            Ok(Value::Map(map)) => match key(&map, "templates") {
                Some((_, Value::Map(templates))) if !templates.is_empty() => reader.config(&map),
                Some((_, Value::Null | Value::Map(_))) | None => reader.lone_template(),
                Some((spelling, other)) => Err(reader.wrong(&[spelling], other, "an object of template texts")),
            },
            Ok(_) => reader.lone_template(),
            // Templates are seldom YAML. If a config is broken in one place, its keys are still at the start of lines.
            Err(error) if source.text.lines().any(|line| line.starts_with("templates:")) => {
                Err(Error::Yaml { file: source.name.clone(), source: Box::new(error) })
            }
            Err(_) => reader.lone_template(),
        }
    }
}

/// The value of a key as Go finds it: in any case, and the last if there are several. Its spelling too.
fn key<'m>(map: &'m Map, name: &str) -> Option<(&'m str, &'m Value)> {
    map.iter().rfind(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(key, value)| (key.as_str(), value))
}

struct Reader<'s> {
    source: &'s Source,
    functions: &'s Functions,
}

impl Reader<'_> {
    fn lone_template(&self) -> Result<Injection, Error> {
        let sidecar = EcoString::from(SIDECAR);
        let templates = [(sidecar.clone(), self.template(SIDECAR, &self.source.text)?)].into_iter().collect();
        Ok(Injection {
            mentions: Mentions::of(&templates),
            templates,
            default_templates: vec![sidecar],
            aliases: BTreeMap::new(),
            injected_annotations: Map::new(),
            rules: Rules::inject_by_default(),
        })
    }

    fn config(&self, map: &Map) -> Result<Injection, Error> {
        let mut templates = Templates::new();
        for (name, text) in self.strings(map, "templates")? {
            let template = self.template(&name, &text)?;
            templates.insert(name, template);
        }
        let mut default_templates = match key(map, "defaultTemplates") {
            Some((spelling, value)) => self.list_of_strings(&[spelling], value)?,
            None => Vec::new(),
        };
        if default_templates.is_empty() {
            default_templates.push(SIDECAR.into());
        }
        let policy = match key(map, "policy") {
            Some((spelling, value)) => self.string(&[spelling], value)?,
            None => EcoString::new(),
        };
        Ok(Injection {
            mentions: Mentions::of(&templates),
            templates,
            default_templates,
            aliases: self.aliases(map)?,
            injected_annotations: self.strings(map, "injectedAnnotations")?.into_iter().collect(),
            rules: Rules {
                policy: Policy::from(policy.as_str()),
                never: self.selectors(map, "neverInjectSelector")?,
                always: self.selectors(map, "alwaysInjectSelector")?,
            },
        })
    }

    /// All templates are called "inject", as messages of Istio call them.
    fn template(&self, name: &str, text: &str) -> Result<Template, Error> {
        Template::parse("inject", text, self.functions).map_err(|source| Error::Template {
            file: self.source.name.clone(),
            name: name.to_owned(),
            source,
        })
    }

    fn aliases(&self, map: &Map) -> Result<BTreeMap<EcoString, Vec<EcoString>>, Error> {
        let Some((spelling, value)) = key(map, "aliases").filter(|(_, value)| !value.is_null()) else {
            return Ok(BTreeMap::new());
        };
        let Value::Map(aliases) = value else {
            return Err(self.wrong(&[spelling], value, "an object of lists of template names"));
        };
        let list =
            |(name, names): (&EcoString, &Value)| Ok((name.clone(), self.list_of_strings(&[spelling, name], names)?));
        aliases.iter().map(list).collect()
    }

    fn selectors(&self, map: &Map, name: &str) -> Result<Vec<crate::decision::SelectorResult>, Error> {
        match key(map, name) {
            None | Some((_, Value::Null)) => Ok(Vec::new()),
            Some((_, Value::List(selectors))) => Ok(selectors.iter().map(Selector::parse).collect()),
            Some((spelling, other)) => Err(self.wrong(&[spelling], other, "a list of label selectors")),
        }
    }

    /// An object of strings; none if it is absent.
    fn strings(&self, map: &Map, name: &str) -> Result<Vec<(EcoString, EcoString)>, Error> {
        match key(map, name) {
            None | Some((_, Value::Null)) => Ok(Vec::new()),
            Some((spelling, Value::Map(entries))) => {
                let string =
                    |(key, value): (&EcoString, &Value)| Ok((key.clone(), self.string(&[spelling, key], value)?));
                entries.iter().map(string).collect()
            }
            Some((spelling, other)) => Err(self.wrong(&[spelling], other, "an object of strings")),
        }
    }

    fn list_of_strings(&self, path: &[&str], value: &Value) -> Result<Vec<EcoString>, Error> {
        match value {
            Value::Null => Ok(Vec::new()),
            Value::List(list) => list.iter().map(|element| self.string(path, element)).collect(),
            Value::Bool(_) | Value::Int(_) | Value::Uint(_) | Value::Float(_) | Value::String(_) | Value::Map(_) => {
                Err(self.wrong(path, value, "a list of strings"))
            }
        }
    }

    /// A string; YAML's numbers and booleans become strings, as in Go.
    fn string(&self, path: &[&str], value: &Value) -> Result<EcoString, Error> {
        match value {
            Value::String(text) => Ok(text.clone()),
            Value::Null => Ok(EcoString::new()),
            Value::Bool(_) | Value::Int(_) | Value::Uint(_) | Value::Float(_) => {
                Ok(yaml::to_string(value).trim_end().into())
            }
            Value::List(_) | Value::Map(_) => Err(self.wrong(path, value, "a string")),
        }
    }

    fn wrong(&self, path: &[&str], value: &Value, allowed: &'static str) -> Error {
        let steps: Vec<_> = path.iter().map(|key| Step::Key(key)).collect();
        Error::Key {
            file: self.source.name.clone(),
            position: yaml::locate(&self.source.text, &steps),
            key: path.join("."),
            found: value.kind(),
            allowed,
        }
    }
}
