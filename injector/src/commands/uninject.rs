//! `uninject`: files of injected objects in, files of what they were out.

use std::collections::BTreeSet;

use clap::ArgMatches;

use super::arguments::{is_set, text};
use super::inputs::{self, Environment, Texts};
use super::kube_inject::{self, Injector};
use super::{Error, PodError, Streams};
use crate::inject::{self, Doubt};
use crate::json;
use crate::object::{Empty, Style, Workload};
use crate::value::Value;

/// Runs the command.
pub(super) fn run(matches: &ArgMatches, environment: &Environment, streams: &mut Streams<'_>) -> Result<(), Error> {
    let file = text(matches, "filename").ok_or(kube_inject::NO_FILE)?;
    let config = Texts::read(matches, environment)?.config(environment)?;
    let sources = inputs::objects(file, streams.input)?;
    let injector = Injector::of(matches, is_set(matches, "policy-from-config"), &config, environment);
    let has_config = ["injectConfigFile", "injectConfigMapName", "kubeconfig", "context"];
    let mut uninjector = Uninjector {
        injector,
        has_config: has_config.into_iter().any(|flag| text(matches, flag).is_some()),
        warnings: Vec::new(),
        removed: BTreeSet::new(),
        unproven: 0,
    };
    let style = Style {
        cron_job_pod_metadata: is_set(matches, "cronjob-pod-metadata"),
        keep_unknown: true,
        // The injected text has them all, whether injection or the user wrote them.
        empty: if is_set(matches, "minimal") { Empty::LeftOut } else { Empty::Printed },
        copy_unchanged: true,
    };
    let mut result = Vec::new();
    for source in &sources {
        kube_inject::rewrite(source, style, &mut |workload, pod| uninjector.pod(workload, pod), &mut result)?;
    }
    for warning in &uninjector.warnings {
        // The result does not depend on whether this can be read.
        let _ = writeln!(streams.errors, "Warning: {warning}");
    }
    if !uninjector.removed.is_empty() {
        let all: Vec<_> = uninjector.removed.iter().map(String::as_str).collect();
        let _ = writeln!(
            streams.errors,
            "Note: also removed, since injection sets it to the very same: {}. If your own manifest has any of it, add it again; \
             the injected result does not depend on it",
            json::visible(&all.join(", "))
        );
    }
    if is_set(matches, "verify") && uninjector.unproven > 0 {
        return Err(Error::Unproven { count: uninjector.unproven });
    }
    kube_inject::write(matches, &result, streams)
}

struct Uninjector<'c> {
    injector: Injector<'c>,
    /// Whether the configuration is one that was asked for.
    has_config: bool,
    warnings: Vec<String>,
    /// What was removed from one of the pods because injection sets it.
    removed: BTreeSet<String>,
    /// How many pods the configuration does not make again.
    unproven: usize,
}

impl Uninjector<'_> {
    fn pod(&mut self, workload: &Workload, pod: Value) -> Result<Value, PodError> {
        let mesh = self.injector.mesh(&pod)?;
        let request = self.injector.request(workload, &pod, &mesh);
        let undone = inject::uninject(&pod, request, &self.injector.setup).map_err(PodError::Inject)?;
        let Some(undone) = undone else { return Ok(pod) };
        self.unproven += usize::from(!undone.is_proven);
        self.removed.extend(undone.removed);
        let name = kube_inject::named(workload, &workload.full_name(&pod));
        for mut doubt in undone.doubts {
            if let Doubt::Configuration { paths } = &mut doubt
                && !self.has_config
            {
                paths.clear();
            }
            self.warnings.push(kube_inject::told(&name, &doubt));
        }
        Ok(undone.pod)
    }
}
