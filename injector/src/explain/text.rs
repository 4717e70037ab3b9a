//! An explanation for people: a screen of a usual pod.

mod injected;

use std::fmt::Write as _;

pub use injected::field;

use super::{CallVerdict, Explanation, Templates, Verdict, Webhooks};
use crate::annotations::TEMPLATES;
use crate::json;
use crate::warnings::By;

/// An explanation as text, with a line feed at its end.
pub fn to_text(explanation: &Explanation) -> String {
    let mut out = Text::default();
    let Explanation { subject, by, webhooks, verdict, templates, warnings, injection } = explanation;
    let slash = if subject.namespace.is_empty() { "" } else { "/" };
    let word = match verdict {
        Verdict::Injected(_) => "injected",
        Verdict::Skipped(_) | Verdict::NotCalled(_) | Verdict::Passed(_) => "not injected",
        Verdict::Refused { .. } => "refused",
    };
    out.line(&format!("{} {}{slash}{}: {word}", subject.kind, subject.namespace, subject.name));
    out.entry("because", &verdict.because());
    if let (Verdict::NotCalled(decision), true) = (verdict, *by == By::Webhook) {
        let would = if decision.inject { "would inject it" } else { "would not inject it either" };
        out.entry("", &format!("if it were called, the injector {would}: {}", decision.reason));
    }
    if *by == By::Webhook {
        webhook_lines(&mut out, webhooks.as_ref());
    }
    if let Some(templates) = templates {
        out.entry("templates", &template_line(templates));
    }
    if let Some(injection) = injection {
        injected::lines(&mut out, injection);
    }
    if !warnings.is_empty() {
        out.line("\nSettings that do not do what they seem to do:");
        for warning in warnings {
            out.entry("-", &warning.to_string());
        }
    }
    out.0
}

#[derive(Default)]
struct Text(String);

impl Text {
    fn line(&mut self, line: &str) {
        // Texts of the pod may hold any character.
        let lines = line.split('\n').map(json::visible);
        lines.for_each(|line| {
            let _ = writeln!(self.0, "{line}");
        });
    }

    /// What something is, under its title.
    fn entry(&mut self, title: &str, text: &str) {
        let width = if title == "-" { 1 } else { 9 };
        let indent = "\n".to_owned() + &" ".repeat(width + 3);
        let text = text.replace('\n', &indent);
        self.line(&format!("  {title:width$} {text}"));
    }
}

fn webhook_lines(out: &mut Text, webhooks: Option<&Webhooks>) {
    let Some(Webhooks { well_known, calls, .. }) = webhooks else {
        out.entry(
            "webhook",
            "not known without the labels of the namespace: give --namespace-labels or --namespace-file",
        );
        return;
    };
    let source = if *well_known { " (as Istio installs it)" } else { "" };
    let called: Vec<_> = calls.iter().filter(|call| call.verdict == CallVerdict::Called).collect();
    for call in &called {
        out.entry("webhook", &format!("{}: {}{source}", call.configuration, call.webhook));
    }
    if called.is_empty() {
        for call in calls {
            out.entry("webhook", &format!("{}: {}{source}: {}", call.configuration, call.webhook, call.verdict));
        }
    }
    if calls.is_empty() {
        out.entry("webhook", "there is none of this revision");
    }
}

fn template_line(templates: &Templates) -> String {
    let name = |(name, alias): &(_, Option<_>)| match alias {
        Some(alias) => format!("{name} (of the alias {alias})"),
        None => format!("{name}"),
    };
    let names: Vec<_> = templates.names.iter().map(name).collect();
    let why = if templates.asked { format!("annotation {TEMPLATES}") } else { "the default".to_owned() };
    format!("{} ({why})", names.join(", "))
}
