//! An explanation for programs: `docs/explain.md` has the fields.

use istio_iptables::Traffic;

use super::{Call, CallVerdict, Capture, Change, Explanation, Injection, Place, Port, Read, Templates, Webhooks};
use crate::json;
use crate::value::{EcoString, Map, Value};
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
    let Explanation { subject, by, webhooks, verdict, templates, warnings, injection } = explanation;
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
    if let Some(injection) = injection {
        out.insert("injection", injection_of(injection));
    }
    out.into()
}

fn webhooks_of(webhooks: &Webhooks) -> Value {
    let call = |call: &Call| {
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
    let name = |(name, alias): &(EcoString, Option<_>)| {
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

fn injection_of(injection: &Injection) -> Value {
    let Injection { settled, changes, unread, capture } = injection;
    let mut fields = Map::from_iter([
        ("settled", Value::Bool(*settled)),
        ("changes", changes.iter().map(change).collect()),
        ("unread", unread.iter().cloned().collect()),
    ]);
    if let Some(capture) = capture {
        fields.insert("capture", capture_of(capture));
    }
    fields.into()
}

fn change(change: &Change) -> Map {
    let mut fields = Map::from_iter([
        ("path", Value::from(change.path.to_string())),
        ("change", change.kind.word().into()),
        ("step", change.step.key().into()),
    ]);
    if let Some(Place { template, line, text, reads, conditions }) = &change.place {
        fields.insert("template", template.clone());
        fields.insert("line", i64::try_from(*line).unwrap_or(i64::MAX));
        fields.insert("text", text.as_str());
        fields.insert("reads", reads.iter().map(read).collect::<Value>());
        fields.insert("conditions", conditions.iter().map(read).collect::<Value>());
    }
    fields
}

fn read(read: &Read) -> Map {
    let mut fields = Map::from_iter([("source", Value::from(read.source.word())), ("key", read.source.key().into())]);
    if let Some(value) = &read.value {
        fields.insert("value", value.as_str());
    }
    fields
}

fn capture_of(capture: &Capture) -> Value {
    let port = |port: &Port| {
        let mut fields = traffic_of(&port.traffic);
        fields.insert("port", i64::from(port.port));
        fields
    };
    let mut fields = Map::from_iter([
        ("container", Value::from(capture.container.clone())),
        ("checks", capture.checks.into()),
        ("arguments", capture.arguments.iter().map(String::as_str).collect()),
        ("ports", capture.ports.iter().map(port).collect()),
    ]);
    match &capture.traffic {
        Ok(traffic) => fields.insert("traffic", traffic.iter().map(traffic_of).collect::<Value>()),
        Err(errors) => fields.insert("errors", errors.iter().map(String::as_str).collect::<Value>()),
    };
    fields.into()
}

fn traffic_of(traffic: &Traffic) -> Map {
    Map::from_iter([
        ("traffic", Value::from(traffic.traffic.as_str())),
        ("captured", traffic.captured.into()),
        ("verdict", traffic.verdict.as_str().into()),
        ("sentence", traffic.sentence.as_str().into()),
    ])
}
