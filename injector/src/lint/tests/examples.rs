//! docs/lint.md: each rule has its section there, with a manifest that breaks it and one that does not.

use super::*;

const DOCS: &str = include_str!("../../../../docs/lint.md");

/// A rule's section: the place in which its examples are deployed, and both of them.
struct Section {
    mesh: Option<&'static str>,
    bad: &'static str,
    good: &'static str,
}

fn section(name: &str) -> Section {
    let (_, text) = DOCS.split_once(&format!("\n### {name}\n")).unwrap_or_else(|| panic!("no section {name}"));
    let text = text.split("\n### ").next().unwrap();
    let mesh = text.split_once("<!-- lint: ").map(|(_, rest)| rest.split(" -->").next().unwrap());
    let mut blocks = text.split("```yaml\n").skip(1).map(|block| block.split("```").next().unwrap());
    let (bad, good) = (blocks.next().unwrap(), blocks.next().unwrap());
    assert!(text.contains("Bad") && text.contains("Good:") && blocks.next().is_none(), "{name}");
    Section { mesh, bad, good }
}

fn template(name: &str, text: &str) -> Source {
    let own = format!("  {name}: |\n    {}\n", text.trim().replace('\n', "\n    "));
    Source::new("injection", default::injection().text.replacen("templates:\n", &format!("templates:\n{own}"), 1))
}

/// What an example's file breaks, in the mesh that its section names.
fn broken(file: &str, mesh: Option<&str>) -> Vec<&'static str> {
    let (injection, native) = match mesh {
        Some("custom") => (template("custom", "spec:\n  containers:\n  - name: istio-proxy\n"), Mode::Enabled),
        Some("fails") => {
            let text = "{{ if not (isset .ObjectMeta.Annotations `example.com/team`) }}{{ fail `no team` }}{{ end }}\nspec: {}";
            (Source::new("template", text), Mode::Auto)
        }
        Some("resources") => {
            let text = "{{ define `resource` }}{{ index .ObjectMeta.Annotations (printf `sidecar.istio.io/proxy%s` .name) }}{{ end }}\n\
                spec:\n  containers:\n  - name: istio-proxy\n    resources:\n      \
                requests: {cpu: {{ index .ObjectMeta.Annotations `sidecar.istio.io/proxyCPU` | quote }}}\n      \
                limits: {cpu: {{ index .ObjectMeta.Annotations `sidecar.istio.io/proxyCPULimit` | quote }}}\n";
            (Source::new("template", text), Mode::Auto)
        }
        Some("cni" | "tproxy") | None => (default::injection(), Mode::Auto),
        Some(other) => panic!("unknown mesh {other}"),
    };
    let values = if mesh == Some("cni") { "pilot: {cni: {enabled: true}}" } else { "{}" };
    let mesh = if mesh == Some("tproxy") { "defaultConfig: {interceptionMode: TPROXY}" } else { "" };
    names(&found_with(file, &config(injection, values, mesh), native))
}

#[test]
fn the_bad_example_of_each_rule_breaks_it_and_the_good_one_does_not() {
    for rule in RULES {
        let Section { mesh, bad, good } = section(rule.name);
        let (bad, good) = (broken(bad, mesh), broken(good, mesh));
        assert!(bad.contains(&rule.name), "bad example of {}: {bad:?}", rule.name);
        assert!(!good.contains(&rule.name), "good example of {}: {good:?}", rule.name);
        // What is shown as good is not to break another rule in turn.
        let worse = good.iter().find(|name| Rule::named(name).unwrap().level == Level::Error);
        assert_eq!(worse, None, "good example of {}", rule.name);
    }
}

#[test]
fn the_table_of_the_documentation_is_that_of_the_program() {
    let rows = DOCS.lines().filter(|line| line.starts_with("| [") && line.contains("](#"));
    let row = |rule: &Rule| format!("| [{0}](#{0}) | {1} | {2} |", rule.name, rule.level, rule.finds);
    assert_eq!(rows.collect::<Vec<_>>(), RULES.iter().map(row).collect::<Vec<_>>());
    let sections = DOCS.lines().filter_map(|line| line.strip_prefix("### "));
    assert_eq!(sections.collect::<Vec<_>>(), RULES.iter().map(|rule| rule.name).collect::<Vec<_>>());
}

#[test]
fn names_and_texts_of_rules_fit_their_places() {
    for (index, rule) in RULES.iter().enumerate() {
        assert!(rule.name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{}", rule.name);
        assert!(RULES.iter().skip(index + 1).all(|other| other.name != rule.name), "{}", rule.name);
        assert!(!rule.advice.ends_with('.') && !rule.finds.ends_with('.'), "{}", rule.name);
    }
}
