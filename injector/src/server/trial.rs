//! A configuration is tried on sample pods before it is used: a template that parses can still fail for every pod.

use std::collections::BTreeSet;

use super::Settings;
use crate::annotations::TEMPLATES;
use crate::config::Config;
use crate::decision::SWITCH;
use crate::inject::native::Mode;
use crate::json;
use crate::review::{self, Circumstances, Outcome};
use crate::value::{EcoString, Map, Value};

/// Templates of Istio's charts that other controllers render, with data of their own.
const NOT_FOR_PODS: [&str; 4] = ["waypoint", "kube-gateway", "agentgateway", "agentgateway-waypoint"];

/// Sample pods: the smallest one, and one with what templates look at.
const PODS: [&str; 2] = [
    r#"{"containers":[{"name":"app","image":"app"}]}"#,
    r#"{"serviceAccountName":"app","initContainers":[{"name":"first","image":"first"}],"securityContext":{"runAsUser":1000,"fsGroup":1000},
       "volumes":[{"name":"data","emptyDir":{}}],"containers":[{"name":"app","image":"app","ports":[{"name":"http","containerPort":8080}],
       "readinessProbe":{"httpGet":{"path":"/ready","port":"http"}},"livenessProbe":{"tcpSocket":{"port":8080}},
       "volumeMounts":[{"name":"data","mountPath":"/data"}]}]}"#,
];

/// A template that cannot be rendered for a sample pod.
#[derive(Debug, thiserror::Error)]
#[error("a sample pod cannot be injected: {0}")]
pub(super) struct Failed(review::Refusal);

/// Tries what all pods get. The templates that fail of those that a pod has to ask for are returned, with the reasons: some
/// work only together with other templates.
pub(super) fn run(config: &Config, settings: &Settings) -> Result<Vec<(EcoString, String)>, Failed> {
    try_templates(None, config, settings)?;
    let default: BTreeSet<_> = config.injection.default_templates.iter().collect();
    let others = config.injection.templates.keys().filter(|name| !default.contains(name));
    let others = others.filter(|name| !NOT_FOR_PODS.contains(&name.as_str()));
    let failed = others.filter_map(|name| {
        let Failed(refusal) = try_templates(Some(name), config, settings).err()?;
        Some((name.clone(), refusal.to_string()))
    });
    Ok(failed.collect())
}

fn try_templates(name: Option<&EcoString>, config: &Config, settings: &Settings) -> Result<(), Failed> {
    for spec in PODS {
        let review = review(spec, name);
        for native in [Mode::Enabled, Mode::Disabled] {
            let circumstances = Circumstances { native, ..settings.circumstances("/inject") };
            if let Outcome::Refused(refusal) = review::answer(review.as_bytes(), config, &circumstances).outcome {
                return Err(Failed(refusal));
            }
        }
    }
    Ok(())
}

fn review(spec: &str, templates: Option<&EcoString>) -> String {
    let annotations: Map = templates.map(|name| (TEMPLATES, Value::from(name.as_str()))).into_iter().collect();
    let metadata = Map::from_iter([
        ("generateName", Value::from("sample-")),
        ("namespace", "default".into()),
        ("labels", Map::from_iter([(SWITCH, "true"), ("app", "sample")]).into()),
        ("annotations", annotations.into()),
    ]);
    format!(
        r#"{{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{{"uid":"trial","operation":"CREATE",
           "namespace":"default","object":{{"apiVersion":"v1","kind":"Pod","metadata":{},"spec":{spec}}}}}}}"#,
        json::to_string(&metadata)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Source, default};
    use crate::functions;

    fn tried(injection: &Source) -> Result<Vec<(EcoString, String)>, Failed> {
        let (values, mesh) = (default::values(), default::mesh());
        let config = Config::load(injection, &values, &mesh, &functions::all(|_| None)).unwrap();
        run(&config, &Settings::default())
    }

    #[test]
    fn the_built_in_configuration_passes() {
        assert_eq!(tried(&default::injection()).unwrap(), []);
    }

    #[test]
    fn a_default_template_that_fails_is_refused_and_another_one_is_reported() {
        let config = |default: &str| {
            let text = format!(
                "policy: enabled\ndefaultTemplates: [{default}]\ntemplates:\n  good: 'metadata: {{labels: {{a: b}}}}'\n  \
                 bad: '{{{{ .Nothing }}}}'\n  waypoint: '{{{{ .Nothing }}}}'\n"
            );
            Source::new("config", text)
        };
        let failed = tried(&config("good")).unwrap();
        assert_eq!(failed.len(), 1, "{failed:?}");
        assert_eq!(failed[0].0, "bad");
        let error = tried(&config("bad")).unwrap_err().to_string();
        assert!(error.contains("a sample pod cannot be injected") && error.contains("\"bad\""), "{error}");
    }
}
