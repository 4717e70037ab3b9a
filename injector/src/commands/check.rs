//! `check`: finds the problems of a webhook installation.

use clap::ArgMatches;

use super::arguments::{is_set, text};
use super::inputs::{self, Environment};
use super::{Error, Streams};
use crate::check::{Finding, Installation, Severity, probe};

/// Runs the command.
pub(super) fn run(matches: &ArgMatches, environment: &Environment, streams: &mut Streams<'_>) -> Result<(), Error> {
    let revision = text(matches, "revision");
    let files = text(matches, "filename");
    let installation = match files {
        Some(file) => inputs::installation(file, streams.input)?,
        None => from_cluster(matches, environment, revision)?,
    };
    let mut findings = installation.check(revision);
    // Files reveal nothing about what is running.
    if files.is_none() || text(matches, "address").is_some() {
        for entry in installation.entries(revision) {
            let problems = probe(&entry, text(matches, "address")).into_iter();
            findings.extend(problems.map(|problem| Finding { subject: entry.subject(), problem }));
        }
    }
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.problem.severity()));
    let count = |severity| findings.iter().filter(|finding| finding.problem.severity() == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let mut out = String::new();
    for Finding { subject, problem } in &findings {
        let severity = match problem.severity() {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let subject = if subject.is_empty() { String::new() } else { format!("{subject}: ") };
        out += &format!("{severity}: {subject}{problem}\n");
    }
    let webhooks = installation.entries(revision).count();
    out += &format!("webhooks checked: {webhooks}, errors: {errors}, warnings: {warnings}\n");
    streams.print(out.as_bytes())?;
    let failed = errors > 0 || is_set(matches, "strict") && warnings > 0;
    if failed { Err(Error::Findings { errors, warnings }) } else { Ok(()) }
}

#[cfg(feature = "cluster")]
fn from_cluster(
    matches: &ArgMatches,
    environment: &Environment,
    revision: Option<&str>,
) -> Result<Installation, Error> {
    use super::from_cluster;
    use crate::cluster::Cluster;

    let failed = |source| Error::Cluster {
        source,
        advice: "check --kubeconfig, --context and the permissions of their user, or check files with -f".to_owned(),
    };
    let runtime = from_cluster::runtime()?;
    let read = runtime.block_on(async {
        let cluster = Cluster::new(&from_cluster::options(matches), &*environment.variables).await?;
        Installation::read(&cluster, revision).await
    });
    runtime.shutdown_background();
    read.map_err(failed)
}

#[cfg(not(feature = "cluster"))]
fn from_cluster(_: &ArgMatches, _: &Environment, _: Option<&str>) -> Result<Installation, Error> {
    Err(Error::NoClient {
        asks: "check without -f".to_owned(),
        instead: "give the objects as a file with -f".to_owned(),
    })
}
