//! The runtime's configuration as text, with the plugin's object and without: what is not about that object stays as
//! it is, to the byte. Pure.

use std::ops::Range;

use serde_json::value::RawValue;

use super::json::{Layout, Ordered, Twice, compact, laid_out, span};
use super::object::{CAPABILITY, Object, TYPE};

/// Why a file is none that a runtime could use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// Cut off, perhaps.
    #[error("not JSON: {0}")]
    NotJson(String),
    /// What cannot be without.
    #[error("it has no string \"{0}\", which a CNI configuration needs")]
    NoText(&'static str),
    /// Which one counts depends on the reader.
    #[error("it has \"{0}\" twice; keep only one")]
    Twice(&'static str),
    /// A list without its list.
    #[error("its \"plugins\" is not a list of plugins, each an object with a \"type\"")]
    NoPlugins,
    /// The list that is left if only the primary plugin was removed.
    #[error("it has only istio-cni, which needs another plugin before it to set up the pod's network")]
    OnlyOwn,
}

/// A plugin in a list.
#[derive(Debug)]
struct Plugin {
    span: Range<usize>,
    /// Of the type istio-cni.
    own_type: bool,
    /// Of that type, with the capability that this program always writes: not that of Istio's plugin of the same name.
    managed: bool,
}

/// A configuration list (`.conflist`).
#[derive(Debug)]
pub struct Conflist<'a> {
    text: &'a str,
    /// The place of the list of plugins.
    list: Range<usize>,
    plugins: Vec<Plugin>,
}

/// The position of the plugin's object in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Its place, from 1.
    pub place: usize,
    /// How many plugins there are.
    pub of: usize,
    /// Whether the runtime is asked for annotations.
    pub annotations: bool,
}

impl<'a> Conflist<'a> {
    /// Reads a `.conflist`.
    pub fn read(text: &'a str) -> Result<Self, Unusable> {
        let network = members(text)?;
        text_of(&network, "name")?;
        let list = member(&network, "plugins")?.ok_or(Unusable::NoPlugins)?;
        let plugins: Vec<&RawValue> = serde_json::from_str(list.get()).map_err(|_| Unusable::NoPlugins)?;
        let plugins = plugins.into_iter().map(|plugin| {
            let members = members(plugin.get()).map_err(|_| Unusable::NoPlugins)?;
            let own_type = text_of(&members, "type").map_err(|_| Unusable::NoPlugins)? == TYPE;
            Ok(Plugin { span: span(text, plugin), own_type, managed: own_type && asks_for_annotations(&members) })
        });
        Ok(Self { text, list: span(text, list), plugins: plugins.collect::<Result<_, _>>()? })
    }

    /// Reads a `.conflist` that has a plugin which makes a network.
    pub fn usable(text: &'a str) -> Result<Self, Unusable> {
        let list = Self::read(text)?;
        match (list.plugins.is_empty(), list.plugins.iter().all(|plugin| plugin.own_type)) {
            (true, _) => Err(Unusable::NoPlugins),
            (false, true) => Err(Unusable::OnlyOwn),
            (false, false) => Ok(list),
        }
    }

    /// Whether an object that this program wrote is among the plugins.
    pub fn is_managed(&self) -> bool {
        self.plugins.iter().any(|plugin| plugin.managed)
    }

    /// How many plugins there are.
    pub fn plugins(&self) -> usize {
        self.plugins.len()
    }

    /// The place of the plugin's object, managed or foreign; the last one, if there are several.
    pub fn position(&self) -> Option<Position> {
        let at = self.plugins.iter().rposition(|plugin| plugin.own_type)?;
        let annotations = self.plugins.get(at)?.managed;
        Some(Position { place: at + 1, of: self.plugins.len(), annotations })
    }

    /// Whether this object is the last plugin, and the only one of its type.
    pub fn holds(&self, object: &Object) -> bool {
        let same = |plugin: &Plugin| compact(self.get(&plugin.span)) == object.text();
        self.plugins.iter().filter(|plugin| plugin.own_type).count() == 1
            && self.plugins.last().is_some_and(|plugin| plugin.own_type && same(plugin))
    }

    /// The text with this object as the last plugin, in the place of all of its type.
    pub fn with(&self, object: &Object) -> String {
        if self.holds(object) {
            return self.text.to_owned();
        }
        let mut text = self.without_those(|plugin| plugin.own_type);
        let after = self.plugins.last().map_or(self.list.end, |plugin| plugin.span.end);
        let blanks = self.plugins.iter().rposition(|plugin| !plugin.own_type).map_or("", |at| self.blanks_before(at));
        let object = match self.layout(blanks) {
            Some(layout) => laid_out(object.text(), Some(&layout)),
            None => object.text().to_owned(),
        };
        // What follows the last plugin has the same length as before.
        let at = text.len() - self.text.len().saturating_sub(after);
        text.insert_str(at, &format!(",{blanks}{object}"));
        text
    }

    /// The text without the objects that this program wrote.
    pub fn without(&self) -> String {
        self.without_those(|plugin| plugin.managed)
    }

    fn without_those(&self, leaves: impl Fn(&Plugin) -> bool) -> String {
        let [Some(first), Some(last)] = [self.plugins.first(), self.plugins.last()] else {
            return self.text.to_owned();
        };
        if self.plugins.iter().all(&leaves) {
            return [self.get(&(0..self.list.start)), "[]", self.get(&(self.list.end..self.text.len()))].concat();
        }
        let mut text = self.get(&(0..first.span.start)).to_owned();
        let mut end_before = None;
        for plugin in &self.plugins {
            if !leaves(plugin) {
                if let Some(end) = end_before.filter(|_| text.len() > first.span.start) {
                    text.push_str(self.get(&(end..plugin.span.start)));
                }
                text.push_str(self.get(&plugin.span));
            }
            end_before = Some(plugin.span.end);
        }
        text + self.get(&(last.span.end..self.text.len()))
    }

    /// The blanks before a plugin, after the comma or bracket.
    fn blanks_before(&self, at: usize) -> &'a str {
        let start = self.plugins.get(at).map_or(0, |plugin| plugin.span.start);
        let before = self.text.get(..start).unwrap_or_default();
        before.get(before.trim_end_matches([' ', '\t', '\r', '\n']).len()..).unwrap_or_default()
    }

    /// How plugins are laid out that have these blanks before them.
    fn layout(&self, blanks: &str) -> Option<Layout> {
        let (_, indent) = blanks.rsplit_once('\n')?;
        let line = self.get(&(0..self.list.start)).rsplit('\n').next().unwrap_or_default();
        let outer = line.get(..line.len() - line.trim_start_matches([' ', '\t']).len()).unwrap_or_default();
        let unit = indent.strip_prefix(outer).filter(|unit| !unit.is_empty()).unwrap_or("  ");
        let newline = if blanks.contains("\r\n") { "\r\n" } else { "\n" };
        Some(Layout { newline, indent: indent.to_owned(), unit: unit.to_owned() })
    }

    fn get(&self, span: &Range<usize>) -> &'a str {
        self.text.get(span.clone()).unwrap_or_default()
    }
}

/// A list of the one plugin that a `.conf` or `.json` has, and of this object. `name` and `cniVersion` are the list's.
pub fn from_single(text: &str, object: &Object) -> Result<String, Unusable> {
    let members = single(text)?;
    let quoted = |name: &str| serde_json::Value::from(name).to_string();
    let (mut list, mut plugin) = (Vec::new(), Vec::new());
    for (name, value) in &members.0 {
        let of = if matches!(name.as_str(), "name" | "cniVersion") { &mut list } else { &mut plugin };
        of.push(format!("{}:{}", quoted(name), value.get()));
    }
    list.push(format!("\"plugins\":[{{{}}},{}]", plugin.join(","), object.text()));
    let list = format!("{{{}}}", list.join(","));
    let Some((_, indented)) = text.trim_start().split_once('\n') else { return Ok(compact(&list)) };
    let unit = indented.get(..indented.len() - indented.trim_start_matches([' ', '\t']).len()).unwrap_or_default();
    let unit = if unit.is_empty() { "  " } else { unit };
    let layout = Layout { newline: "\n", indent: String::new(), unit: unit.to_owned() };
    Ok(laid_out(&list, Some(&layout)) + "\n")
}

/// Whether a `.conf` or `.json` is one that a runtime could use.
pub fn usable_single(text: &str) -> Result<(), Unusable> {
    single(text).map(drop)
}

fn single(text: &str) -> Result<Ordered<'_>, Unusable> {
    let members = members(text)?;
    text_of(&members, "name")?;
    member(&members, "cniVersion")?;
    if text_of(&members, "type")? == TYPE { Err(Unusable::OnlyOwn) } else { Ok(members) }
}

fn members(text: &str) -> Result<Ordered<'_>, Unusable> {
    serde_json::from_str(text).map_err(|error| Unusable::NotJson(error.to_string()))
}

fn member<'a>(members: &Ordered<'a>, name: &'static str) -> Result<Option<&'a RawValue>, Unusable> {
    members.get(name).map_err(|Twice| Unusable::Twice(name))
}

/// A member that is a text, and not an empty one.
fn text_of(members: &Ordered<'_>, name: &'static str) -> Result<String, Unusable> {
    let text: Option<String> = member(members, name)?.and_then(|value| serde_json::from_str(value.get()).ok());
    text.filter(|text| !text.is_empty()).ok_or(Unusable::NoText(name))
}

fn asks_for_annotations(plugin: &Ordered<'_>) -> bool {
    let capabilities = plugin.get("capabilities").ok().flatten().map(RawValue::get).unwrap_or_default();
    let capabilities: Result<Ordered<'_>, _> = serde_json::from_str(capabilities);
    capabilities.is_ok_and(|these| matches!(these.get(CAPABILITY), Ok(Some(value)) if value.get() == "true"))
}

#[cfg(test)]
mod tests;
