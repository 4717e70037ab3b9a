//! `render`: what templates make for a pod, before anything is merged.

use std::fmt::Write as _;

use clap::ArgMatches;

use super::arguments::{is_set, text};
use super::error::PodError;
use super::inputs::{self, Environment, Texts};
use super::kube_inject::{self, Injector};
use super::{Error, Streams};
use crate::inject::{self, chosen};
use crate::object::{Style, Workload};
use crate::value::Value;

/// Runs the command.
pub(super) fn run(matches: &ArgMatches, environment: &Environment, streams: &mut Streams<'_>) -> Result<(), Error> {
    let missing = Error::Missing("there is no pod to render for: give a file with -f");
    let file = text(matches, "filename").ok_or(missing)?;
    let config = Texts::read(matches, environment)?.config(environment)?;
    // Which templates there are does not depend on who injects; which are the default, here as in the webhook.
    let injector = Injector::of(matches, true, &config, environment);
    let renderer = Renderer { injector, template: text(matches, "template"), numbered: is_set(matches, "lines") };
    let mut out = String::new();
    for source in inputs::objects(file, streams.input)? {
        let mut work = |workload: &Workload, pod: Value| {
            renderer.render(workload, &pod, &mut out)?;
            Ok(pod)
        };
        let style = Style { cron_job_pod_metadata: is_set(matches, "cronjob-pod-metadata"), ..Style::default() };
        kube_inject::rewrite(&source, style, &mut work, &mut std::io::sink())?;
    }
    streams.print(out.as_bytes())
}

struct Renderer<'c> {
    injector: Injector<'c>,
    /// The only template that is wanted.
    template: Option<&'c str>,
    /// Whether each line has the number of the template's line before it.
    numbered: bool,
}

impl Renderer<'_> {
    fn render(&self, workload: &Workload, pod: &Value, out: &mut String) -> Result<(), PodError> {
        let mesh = self.injector.mesh(pod)?;
        let request = self.injector.request(workload, pod, &mesh);
        let setup = self.injector.setup;
        let names = match self.template {
            Some(name) => vec![name],
            None => chosen(pod, &setup).into_iter().map(|chosen| chosen.name).collect(),
        };
        for name in names {
            let (template, text, marks) =
                inject::render_alone(pod, &request, &setup, name).map_err(PodError::Inject)?;
            let _ = writeln!(out, "# template {name}, for {} {}", workload.kind.name(), workload.full_name(pod));
            let mut start = 0;
            for line in text.split_inclusive('\n') {
                if self.numbered {
                    // A line with several sources gets the number of the one from which its text comes.
                    let text = start + line.len() - line.trim_start().len();
                    let number = template.line_of(&marks, text.min(start + line.len() - 1)).unwrap_or_default();
                    let _ = write!(out, "{number:5} | ");
                }
                let _ = writeln!(out, "{}", line.trim_end_matches('\n'));
                start += line.len();
            }
            out.push_str("---\n");
        }
        Ok(())
    }
}
