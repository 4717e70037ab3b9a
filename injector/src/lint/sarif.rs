//! Findings for programs: as this program's own JSON, and as SARIF 2.1.0, which code hosts show next to the code.

use serde::Serialize;
use serde_json::{Value as Json, json};

use super::rule::{Level, Rule};
use super::rules::RULES;
use super::text::capital;
use super::{Finding, Report};

/// The version of the JSON document. Within a version, fields may be added, but are never changed or removed.
const VERSION: u32 = 1;

impl Report {
    /// The findings as JSON, as docs/lint.md documents it.
    pub fn to_json(&self) -> String {
        let findings: Vec<_> = self.findings.iter().map(finding).collect();
        let [errors, warnings, infos] = Level::ALL.map(|level| self.count(level));
        printed(&json!({
            "version": VERSION,
            "findings": findings,
            "summary": {"objects": self.objects, "errors": errors, "warnings": warnings, "infos": infos},
        }))
    }

    /// The findings as SARIF 2.1.0.
    pub fn to_sarif(&self) -> String {
        let results: Vec<_> = self.findings.iter().map(result).collect();
        printed(&json!({
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [{
                "tool": {"driver": {
                    "name": "sidecar-injector",
                    "semanticVersion": env!("CARGO_PKG_VERSION"),
                    "rules": RULES.iter().map(described).collect::<Vec<_>>(),
                }},
                "columnKind": "unicodeCodePoints",
                "results": results,
            }],
        }))
    }
}

fn printed(document: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(document).unwrap_or_default();
    text.push('\n');
    text
}

fn finding(finding: &Finding) -> Json {
    let Finding { rule, message, file, position, object, path } = finding;
    json!({
        "name": rule.name,
        "level": rule.level.name(),
        "message": message,
        "advice": rule.advice,
        "docs": rule.docs(),
        "file": file,
        "line": position.line,
        "column": position.column,
        "object": {
            "kind": object.kind.as_str(), "namespace": object.namespace.as_str(), "name": object.name.as_str(),
        },
        "path": path,
    })
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Info => "note",
    }
}

fn described(rule: &Rule) -> Json {
    json!({
        "id": rule.name,
        "shortDescription": {"text": rule.finds},
        "help": {"text": format!("{}. See {}.", capital(rule.advice), rule.docs())},
        "defaultConfiguration": {"level": level(rule.level)},
    })
}

fn result(finding: &Finding) -> Json {
    let Finding { rule, message, file, position, object, path } = finding;
    let index = RULES.iter().position(|other| other.name == rule.name);
    let subject = object.full_name();
    let colon = if subject.is_empty() { "" } else { ": " };
    let dot = if path.is_empty() { "" } else { ": " };
    let logical = match subject.is_empty() {
        true => json!([]),
        false => json!([{"fullyQualifiedName": format!("{subject}{dot}{path}"), "kind": "object"}]),
    };
    let location = json!({
        "physicalLocation": {
            "artifactLocation": {"uri": uri(file)},
            "region": {"startLine": position.line, "startColumn": position.column},
        },
        "logicalLocations": logical,
    });
    json!({
        "ruleId": rule.name,
        "ruleIndex": index,
        "level": level(rule.level),
        "message": {"text": format!("{subject}{colon}{message}. {}.", capital(rule.advice))},
        "locations": [location],
    })
}

/// A file's name as a reference of RFC 3986, relative to lint's working directory unless it is absolute.
fn uri(file: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/!$&'()*+,;=@".contains(&byte);
    let encoded =
        file.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") });
    let encoded: String = encoded.collect();
    if encoded.starts_with('/') { format!("file://{encoded}") } else { encoded }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_become_references() {
        assert_eq!(uri("a b/c%é.yaml"), "a%20b/c%25%C3%A9.yaml");
        assert_eq!(uri("/x/y:1.yaml"), "file:///x/y%3A1.yaml");
        assert_eq!(uri("./x.yaml"), "./x.yaml");
    }
}
