//! Maps the warnings and refusals of admission to rules and places.

use crate::annotations::{OVERRIDES, PROXY_CONFIG, Problems, STATUS, TEMPLATES};
use crate::decision::{Note, Reason, SWITCH, Source};
use crate::inject::{Error, Finding, Why};
use crate::lint::picture::Member;
use crate::lint::place::{At, Hit};
use crate::warnings::Warning;

/// The findings of admission about a workload that break a rule.
pub(in crate::lint) fn hits<'p>(member: &'p Member, rule: &str) -> Vec<Hit<'p>> {
    let warned = member.warnings.iter().filter_map(|warning| {
        let (name, at) = of_warning(member, warning)?;
        (name == rule).then(|| at.hit(warning.to_string()))
    });
    let refused = member.injected.as_ref().and_then(|injected| injected.as_ref().err());
    let refused = refused.into_iter().flat_map(|error| of_refusal(member, error));
    warned.chain(refused.filter(|(name, _)| *name == rule).map(|(_, hit)| hit)).collect()
}

/// The rule of a warning, and the value that it is about. Findings that other rules report are left out.
fn of_warning<'p>(member: &'p Member, warning: &'p Warning) -> Option<(&'static str, At<'p>)> {
    let metadata = member.metadata();
    let annotation = |name: &'p str| metadata.down(["annotations", name]);
    let switch = |source: &Source| match source {
        Source::Label => metadata.down(["labels", SWITCH]),
        Source::Annotation => annotation(SWITCH),
    };
    Some(match warning {
        Warning::Switch(Note::InvalidSwitch { source, .. }) => ("inject-value", switch(source)),
        // About the configuration.
        Warning::Switch(Note::InvalidSelector { .. }) => return None,
        Warning::DeprecatedSwitch => ("inject-annotation", annotation(SWITCH)),
        Warning::OverruledSwitch(..) => ("inject-contradiction", annotation(SWITCH)),
        // The rule host-network finds it, even if the pod does not request a sidecar.
        Warning::Declined(_, Reason::HostNetwork) => return None,
        Warning::Declined(source, _) => ("inject-without-effect", switch(source)),
        Warning::Unknown(name, _) => ("unknown-annotation", annotation(name)),
        Warning::Deprecated(name, _) => ("deprecated-annotation", annotation(name)),
        Warning::Misplaced(name) => ("label-for-annotation", metadata.down(["labels", name.as_str()])),
        Warning::NoBoolean(name, ..) => ("annotation-not-boolean", annotation(name)),
        Warning::UnknownField(_) => ("proxy-config-field", annotation(PROXY_CONFIG)),
        Warning::StatusPort(..) => ("proxy-config-status-port", annotation(PROXY_CONFIG)),
        Warning::Redirect => ("proxy-config-redirect", annotation(PROXY_CONFIG)),
        Warning::WrongLevel(what, name, _) => {
            let list = if *what == "label" { "labels" } else { "annotations" };
            ("annotation-at-wrong-level", member.at().down(["metadata", list, name.as_str()]))
        }
        Warning::Finding(Finding::Resources { annotation: name, .. }) => ("resources-erased", annotation(name)),
        // About the configuration.
        Warning::Finding(Finding::NoAgent { .. }) => return None,
        Warning::Finding(Finding::Probe { container, field, why }) => {
            let rule = match why {
                Why::Host(_) => "probe-host",
                Why::UnknownPort(_) => "probe-unknown-port",
                Why::AgentPort(_) => "probe-agent-port",
            };
            let container = member.init_containers().chain(member.containers()).find(|at| at.text("name") == container);
            (rule, container?.down(field.split('.')))
        }
    })
}

/// The rules that a refused pod breaks.
fn of_refusal<'p>(member: &'p Member, error: &'p Error) -> Vec<(&'static str, Hit<'p>)> {
    let annotation = |name: &'p str| member.metadata().down(["annotations", name]);
    let one = |rule, at: At<'p>| vec![(rule, at.hit(without_prefix(&error.to_string())))];
    match error {
        Error::Annotations(Problems(problems)) => {
            let hit = |problem: &'p crate::annotations::Problem| {
                ("invalid-annotation", annotation(problem.annotation).hit(problem.to_string()))
            };
            problems.iter().map(hit).collect()
        }
        Error::Overrides { .. } => one("invalid-annotation", annotation(OVERRIDES)),
        Error::Status { .. } => one("invalid-annotation", annotation(STATUS)),
        Error::ProxyConfig(_) => one("invalid-annotation", annotation(PROXY_CONFIG)),
        Error::TooManyTemplates { .. } => one("invalid-annotation", annotation(TEMPLATES)),
        Error::UnknownTemplate { .. } => one("unknown-template", annotation(TEMPLATES)),
        Error::Prometheus(_) => one("scrape-port", member.metadata().key("annotations")),
        Error::Render { .. }
        | Error::NoYaml(_)
        | Error::NoObject { .. }
        | Error::Merge { .. }
        | Error::NoPod { .. }
        | Error::Reapply { .. } => one("injection-fails", member.metadata()),
    }
}

/// A message without Istio's prefix, which names the step that failed, and without the template lines after it.
fn without_prefix(message: &str) -> &str {
    let message = message.lines().next().unwrap_or_default();
    let steps = ["failed to run injection template: ", "failed to process pod: ", "failed to re apply container: "];
    steps.into_iter().find_map(|step| message.strip_prefix(step)).unwrap_or(message)
}
