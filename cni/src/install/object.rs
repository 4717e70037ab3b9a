//! The plugin's own object in the runtime's configuration, from what the operator gives.

use super::json::{Ordered, compact};
pub use crate::pod::CAPABILITY;
use crate::settings::Settings;

/// The plugin's type: the name of its program.
pub const TYPE: &str = "istio-cni";

/// What is wrong with the operator's configuration of the plugin.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// No object.
    #[error(
        "the plugin's configuration from {origin} is not a JSON object: {error}; give one such as {{\"validate\": true}}"
    )]
    NotJson {
        /// Its source.
        origin: String,
        /// What the parser found.
        error: String,
    },
    /// A member that cannot be so.
    #[error("the plugin's configuration from {origin}: {problem}")]
    Wrong {
        /// Its source.
        origin: String,
        /// Which, and what is allowed.
        problem: String,
    },
}

/// The object, without blanks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object(String);

impl Object {
    /// Reads the operator's configuration; type and capability are added.
    pub fn read(text: &str, origin: &str) -> Result<Self, ObjectError> {
        let wrong = |problem: String| ObjectError::Wrong { origin: origin.to_owned(), problem };
        let Ordered(members) = serde_json::from_str(text)
            .map_err(|error| ObjectError::NotJson { origin: origin.to_owned(), error: error.to_string() })?;
        let mut own = vec![format!("\"type\":\"{TYPE}\"")];
        let mut capabilities = Vec::new();
        let mut known: Vec<&str> = Vec::new();
        for (name, value) in &members {
            if known.contains(&name.as_str()) {
                return Err(wrong(format!("\"{name}\" appears twice; keep only one")));
            }
            known.push(name);
            match name.as_str() {
                "type" if compact(value.get()) == format!("\"{TYPE}\"") => {}
                "type" => return Err(wrong(format!("\"type\" is {}; it must be \"{TYPE}\"", value.get()))),
                "capabilities" => {
                    capabilities = others(value.get()).ok_or_else(|| {
                        wrong(format!("\"capabilities\" is {}; it must be an object of true and false", value.get()))
                    })?
                }
                _ => own.push(format!("{}:{}", serde_json::Value::from(name.as_str()), compact(value.get()))),
            }
        }
        capabilities.push(format!("\"{CAPABILITY}\":true"));
        own.push(format!("\"capabilities\":{{{}}}", capabilities.join(",")));
        Ok(Self(format!("{{{}}}", own.join(","))))
    }

    /// Whether the plugin takes it. What is odd about it is given; the plugin would do without.
    pub fn check(&self, origin: &str) -> Result<Vec<String>, ObjectError> {
        let wrong = |problem: String| ObjectError::Wrong { origin: origin.to_owned(), problem };
        let members = serde_json::from_str(&self.0).map_err(|error| wrong(error.to_string()))?;
        let (_, odd) = Settings::read(&members).map_err(|mistakes| wrong(mistakes.join("; ")))?;
        Ok(odd.into_iter().map(|odd| format!("the plugin's configuration from {origin}: {odd}")).collect())
    }

    /// The object as JSON without blanks.
    pub fn text(&self) -> &str {
        &self.0
    }
}

/// The capabilities other than the one that is always there.
fn others(text: &str) -> Option<Vec<String>> {
    let Ordered(members) = serde_json::from_str(text).ok()?;
    if !members.iter().all(|(_, value)| matches!(value.get(), "true" | "false")) {
        return None;
    }
    let others = members.iter().filter(|(name, _)| name != CAPABILITY);
    Some(others.map(|(name, value)| format!("{}:{}", serde_json::Value::from(name.as_str()), value.get())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, String> {
        Object::read(text, "--plugin-config").map(|object| object.0).map_err(|error| error.to_string())
    }

    #[test]
    fn type_and_capability_are_always_there() {
        let usual = r#"{"type":"istio-cni","capabilities":{"io.kubernetes.cri.pod-annotations":true}}"#;
        assert_eq!(read("{}").unwrap(), usual);
        assert_eq!(read(r#"{"type": "istio-cni", "capabilities": {}}"#).unwrap(), usual);
        assert_eq!(read(r#"{"capabilities": {"io.kubernetes.cri.pod-annotations": false}}"#).unwrap(), usual);
    }

    #[test]
    fn members_stay_as_they_are_and_in_order() {
        assert_eq!(
            read(r#"{"z": 1.0, "a": {"y": 1e2, "x": "\u0041 b"}, "capabilities": {"bandwidth": true}}"#).unwrap(),
            r#"{"type":"istio-cni","z":1.0,"a":{"y":1e2,"x":"\u0041 b"},"capabilities":{"bandwidth":true,"io.kubernetes.cri.pod-annotations":true}}"#
        );
    }

    #[test]
    fn plugin_checks_its_keys_before_they_are_written() {
        let check = |text: &str| Object::read(text, "-").unwrap().check("-").map_err(|error| error.to_string());
        assert_eq!(check("{}").unwrap(), [""; 0]);
        assert_eq!(check(r#"{"exclude_namespaces": ["a"], "ambient_enabled": false}"#).unwrap(), [""; 0]);
        assert!(check(r#"{"exclude_namespace": ["a"]}"#).unwrap()[0].contains("unknown key \"exclude_namespace\""));
        for (text, key) in [(r#"{"validate": "yes"}"#, "validate"), (r#"{"defaults": {"proxy_uid": -1}}"#, "proxy")] {
            let error = check(text).unwrap_err();
            assert!(error.contains(key), "{error}");
        }
    }

    #[test]
    fn what_cannot_be_is_refused_by_name_and_value() {
        for (text, named) in [
            ("", "is not a JSON object"),
            ("[]", "expected an object"),
            ("{} {}", "trailing"),
            (r#"{"type": "calico"}"#, r#""type" is "calico"; it must be "istio-cni""#),
            (r#"{"capabilities": [1]}"#, r#""capabilities" is [1]"#),
            (r#"{"capabilities": {"a": 1}}"#, r#""capabilities" is {"a": 1}"#),
            (r#"{"a": 1, "a": 2}"#, r#""a" appears twice"#),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(named) && error.contains("--plugin-config"), "{text}: {error}");
        }
    }
}
