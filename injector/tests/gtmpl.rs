//! Random templates, rendered by this engine and by `gtmpl-ng`, which knows nothing of it.
//!
//! The templates keep to what `gtmpl-ng` does as Go does. Left out, because Go and this engine differ from it: floats from
//! a million on (it has no exponent), backslashes and quotes in raw strings (it takes them for escapes), comparisons of different kinds (Go refuses them), `else with`, loops over integers,
//! and typed maps.

use gtmpl_ng::{Context, Value as Other};
use proptest::prelude::*;
use sidecar_injector::template::{Functions, Limits, Map, Template, Value};

/// What both engines see: name, text, number, truth value, list and map of texts, by name.
const TEXTS: [&str; 2] = ["text", "empty"];
const TRUTHS: [&str; 2] = ["yes", "no"];
const LISTS: [&str; 2] = ["list", "none"];

fn ours() -> Value {
    let list = |items: &[&str]| -> Value { items.iter().map(|s| Value::from(*s)).collect() };
    Map::dict([
        ("text", "some text".into()),
        ("empty", "".into()),
        ("number", 8080.0.into()),
        ("yes", true.into()),
        ("no", false.into()),
        ("list", list(&["a", "b c", ""])),
        ("none", list(&[])),
        ("map", Map::dict([("k1", Value::from("v1")), ("k2", "v2".into())]).into()),
    ])
    .into()
}

fn theirs() -> Other {
    let text = |s: &str| Other::String(s.to_owned());
    let list = |items: &[&str]| Other::Array(items.iter().map(|s| text(s)).collect());
    let map = [("k1".to_owned(), text("v1")), ("k2".to_owned(), text("v2"))].into_iter().collect();
    let entries = [
        ("text", text("some text")),
        ("empty", text("")),
        ("number", Other::from(8080.0)),
        ("yes", Other::Bool(true)),
        ("no", Other::Bool(false)),
        ("list", list(&["a", "b c", ""])),
        ("none", list(&[])),
        ("map", Other::Map(map)),
    ];
    Other::Map(entries.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())
}

/// An expression that gives a text.
fn text() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        prop::sample::select(&TEXTS[..]).prop_map(|name| format!("$.{name}")),
        Just("$v".to_owned()),
        "[a-z &<>']{0,6}".prop_map(|s| format!("{s:?}")),
        "[a-z {}]{0,4}".prop_map(|s| format!("`{s}`")),
        Just("(index $.list 1)".to_owned()),
        Just("$.map.k1".to_owned()),
        Just("(index $.map \"k2\")".to_owned()),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("(printf \"%s-%v\" {a} {b})")),
            inner.clone().prop_map(|a| format!("(printf \"%q|%5s|%-5s|%x\" {a} {a} {a} {a})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("(print {a} {b})")),
            inner.clone().prop_map(|a| format!("({a} | html)")),
            inner.clone().prop_map(|a| format!("(urlquery {a})")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("(or {a} {b})")),
        ]
    })
}

/// An expression that is true or false.
fn condition() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        prop::sample::select(&TRUTHS[..]).prop_map(|name| format!("$.{name}")),
        prop::sample::select(&LISTS[..]).prop_map(|name| format!("$.{name}")),
        (text(), text()).prop_map(|(a, b)| format!("(eq {a} {b})")),
        (text(), text()).prop_map(|(a, b)| format!("(lt {a} {b})")),
        (0..4i32, 0..4i32).prop_map(|(a, b)| format!("(ge {a} {b})")),
        Just("(gt (len $.list) 2)".to_owned()),
        Just("$.absent".to_owned()),
    ];
    leaf.prop_recursive(3, 12, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(|a| format!("(not {a})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("(and {a} {b})")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("(or {a} {b})")),
        ]
    })
}

fn action(inside: String) -> impl Strategy<Value = String> {
    (prop::sample::select(&["{{", "{{- "][..]), prop::sample::select(&["}}", " -}}"][..]))
        .prop_map(move |(open, close)| format!("{open}{inside}{close}"))
}

fn acted(inside: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    inside.prop_flat_map(action)
}

/// A piece of a template. `$v` is a variable of the outermost level.
fn piece() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        "[a-z: \n]{0,6}".boxed(),
        acted(text()).boxed(),
        acted(Just("$.number".to_owned())).boxed(),
        acted(text().prop_map(|t| format!("$v = {t}"))).boxed(),
        acted(Just("/* a comment */".to_owned())).boxed(),
        acted(Just("template \"named\" $.text".to_owned())).boxed(),
        acted(condition()).boxed(),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        let block = || prop::collection::vec(inner.clone(), 0..3).prop_map(|pieces| pieces.concat());
        let end = || action("end".into());
        let otherwise = || acted(Just("else".to_owned()));
        prop_oneof![
            (acted(condition().prop_map(|c| format!("if {c}"))), block(), otherwise(), block(), end())
                .prop_map(|(a, b, c, d, e)| [a, b, c, d, e].concat()),
            (
                acted(condition().prop_map(|c| format!("if {c}"))),
                block(),
                acted(condition().prop_map(|c| format!("else if {c}"))),
                block(),
                end()
            )
                .prop_map(|(a, b, c, d, e)| [a, b, c, d, e].concat()),
            (acted(text().prop_map(|t| format!("with {t}"))), block(), action(".".into()), otherwise(), block(), end())
                .prop_map(|(a, b, c, d, e, f)| [a, b, c, d, e, f].concat()),
            (
                acted(prop::sample::select(&LISTS[..]).prop_map(|l| format!("range $i, $e := $.{l}"))),
                block(),
                action("printf \"%d=%s\" $i $e".into()),
                otherwise(),
                block(),
                end()
            )
                .prop_map(|(a, b, c, d, e, f)| [a, b, c, d, e, f].concat()),
            (acted(Just("range $k, $e := $.map".to_owned())), block(), action("$k".into()), end())
                .prop_map(|(a, b, c, d)| [a, b, c, d].concat()),
        ]
    })
}

fn render_ours(text: &str) -> Result<String, String> {
    let template = Template::parse("t", text, &Functions::new()).map_err(|e| e.to_string())?;
    let mut out = String::new();
    template.render(&ours(), &Limits::default(), &mut out).map_err(|e| e.to_string())?;
    Ok(out)
}

fn render_theirs(text: &str) -> Result<String, String> {
    let mut template = gtmpl_ng::Template::default();
    template.parse(text).map_err(|e| e.to_string())?;
    template.render(&Context::from(theirs())).map_err(|e| e.to_string())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_templates_give_what_another_engine_gives(pieces in prop::collection::vec(piece(), 1..5)) {
        let template = format!(
            "{{{{define \"named\"}}}}<{{{{.}}}}>{{{{end}}}}{{{{$v := \"start\"}}}}{}{{{{$v}}}}",
            pieces.concat()
        );
        let (ours, theirs) = (render_ours(&template), render_theirs(&template));
        match (ours, theirs) {
            (Ok(ours), Ok(theirs)) => prop_assert_eq!(ours, theirs, "{}", template),
            (Err(_), Err(_)) => {}
            (ours, theirs) => prop_assert!(false, "{template}\nthis engine: {ours:?}\nthe other: {theirs:?}"),
        }
    }
}
