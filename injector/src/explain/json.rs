//! An explanation for programs: `docs/explain.md` has the fields.

use super::{CallVerdict, Explanation, Templates, Webhooks};
use crate::json;
use crate::value::{Map, Value};
use crate::warnings::By;

/// The version of the form. A field that is added does not change it.
const VERSION: i64 = 1;

/// Explanations as one JSON document, with a line feed at its end.
pub fn to_json(explanations: &[Explanation]) -> String {
    let all: Value = explanations.iter().map(explanation).collect();
    let document = Map::from_iter([("version", Value::Int(VERSION)), ("explanations", all)]);
    json::pretty(&json::to_string(&document)) + "\n"
}

fn explanation(explanation: &Explanation) -> Value {
    let Explanation { subject, by, webhooks, verdict, templates, warnings } = explanation;
    let mut out = Map::from_iter([
        ("kind", Value::from(subject.kind.clone())),
        ("namespace", subject.namespace.clone().into()),
        ("name", subject.name.clone().into()),
        ("verdict", verdict.word().into()),
        ("reason", verdict.reason().into()),
        ("message", verdict.because().into()),
        ("warnings", warnings.iter().map(ToString::to_string).collect()),
    ]);
    out.insert(
        "by",
        match by {
            By::Webhook => "webhook",
            By::KubeInject => "kube-inject",
        },
    );
    if let Some(decision) = verdict.decision() {
        let fields = [
            ("inject", Value::Bool(decision.inject)),
            ("reason", decision.reason.key().into()),
            ("message", decision.reason.to_string().into()),
            ("notes", decision.notes.iter().map(ToString::to_string).collect()),
        ];
        out.insert("decision", Map::from_iter(fields));
    }
    if let Some(found) = webhooks {
        out.insert("webhooks", webhooks_of(found));
    }
    if let Some(chosen) = templates {
        out.insert("templates", templates_of(chosen));
    }
    out.into()
}

fn webhooks_of(webhooks: &Webhooks) -> Value {
    let call = |call: &super::Call| {
        let mut fields = Map::from_iter([
            ("configuration", Value::from(call.configuration.clone())),
            ("webhook", call.webhook.clone().into()),
            ("called", (call.verdict == CallVerdict::Called).into()),
        ]);
        if call.verdict != CallVerdict::Called {
            fields.insert("message", call.verdict.to_string());
        }
        fields
    };
    let calls: Value = webhooks.calls.iter().map(call).collect();
    let fields = [
        ("wellKnown", webhooks.well_known.into()),
        ("namespaceLabels", webhooks.namespace_labels.clone().into()),
        ("entries", calls),
    ];
    Map::from_iter(fields).into()
}

fn templates_of(templates: &Templates) -> Value {
    let name = |(name, alias): &(crate::value::EcoString, Option<_>)| {
        let mut fields = Map::from_iter([("name", Value::from(name.clone()))]);
        if let Some(alias) = alias.clone() {
            fields.insert("alias", Value::from(alias));
        }
        fields
    };
    let names: Value = templates.names.iter().map(name).collect();
    let source = if templates.asked { "annotation" } else { "default" };
    Map::from_iter([("source", Value::from(source)), ("names", names)]).into()
}
