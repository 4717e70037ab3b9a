//! The three texts, and their sources.

use super::Error;
use crate::value::Value;
use crate::yaml;

/// A text and its name for messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The file, or other origin.
    pub name: String,
    /// The text.
    pub text: String,
}

/// Which of the three texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The injection config: policy and templates.
    Injection,
    /// The values.
    Values,
    /// The mesh config.
    Mesh,
}

impl Part {
    /// Its key in the ConfigMap.
    fn key(self) -> &'static str {
        match self {
            Part::Injection => "config",
            Part::Values => "values",
            Part::Mesh => "mesh",
        }
    }

    fn configmap(self) -> &'static str {
        match self {
            Part::Injection | Part::Values => "istio-sidecar-injector",
            Part::Mesh => "istio",
        }
    }
}

impl Source {
    /// A source of a name.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Source { name: name.into(), text: text.into() }
    }

    /// The text itself: if the file is a ConfigMap, as `kubectl get -o yaml` prints it, the text that it holds.
    pub fn part(&self, part: Part) -> Result<Source, Error> {
        self.part_if_any(part)?.ok_or_else(|| Error::ConfigMap {
            file: self.name.clone(),
            kind: part.key(),
            key: part.key(),
            configmap: part.configmap(),
        })
    }

    /// As [`part`](Self::part); nothing if the file is a ConfigMap without that text.
    pub fn part_if_any(&self, part: Part) -> Result<Option<Source>, Error> {
        let Some(data) = self.configmap() else { return Ok(Some(self.clone())) };
        let text = data.str_at(&[part.key()]);
        Ok(text.map(|text| Source::new(format!("{} (data.{})", self.name, part.key()), text)))
    }

    /// The data of the ConfigMap, if it is one.
    pub fn configmap(&self) -> Option<Value> {
        // Reading a config twice takes longer than injecting a pod.
        if !self.text.contains("ConfigMap") {
            return None;
        }
        let object = yaml::parse(&self.text).ok()?;
        let is_configmap = object.str_at(&["kind"]) == Some("ConfigMap");
        is_configmap.then(|| object.get("data").cloned().unwrap_or_default())
    }
}
