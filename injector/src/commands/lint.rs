//! `lint`: checks workloads against the requirements of a mesh, before they are deployed.

use clap::ArgMatches;

use super::arguments::{is_set, text};
use super::inputs::{self, Environment, Texts};
use super::{Error, Streams};
use crate::config::{self, Source, default};
use crate::lint::{self, Level, Options, Report, Rule};

/// Runs the command. Returns whether there is a finding at the level of `--fail-on` or above.
pub(super) fn run(matches: &ArgMatches, environment: &Environment, streams: &mut Streams<'_>) -> Result<bool, Error> {
    if is_set(matches, "list") {
        return streams.print(lint::list().as_bytes()).map(|()| false);
    }
    let texts = texts(matches, environment)?;
    if is_set(matches, "print-config") {
        return streams.print(texts.printed().as_bytes()).map(|()| false);
    }
    let ignored = ignored(matches)?;
    let config = texts.config(environment)?;
    let sources = sources(matches, streams)?;
    let nodes = inputs::nodes(matches);
    let options = Options {
        namespace: text(matches, "namespace").unwrap_or_default(),
        ignored: &ignored,
        circumstances: inputs::circumstances(matches, environment, nodes.as_deref()),
        istio_defaults: is_built_in(&texts),
    };
    let report = lint::lint(&sources, &config, &options);
    if report.objects == 0 {
        let names: Vec<_> = sources.iter().map(|source| source.name.as_str()).collect();
        return Err(Error::NoObjects { file: names.join(", ") });
    }
    streams.print(printed(&report, matches, streams.colour).as_bytes())?;
    let worst = text(matches, "fail-on").and_then(Level::named).unwrap_or(Level::Error);
    Ok(report.findings.iter().any(|finding| finding.rule.level >= worst))
}

fn printed(report: &Report, matches: &ArgMatches, colour: bool) -> String {
    match text(matches, "output") {
        Some("json") => report.to_json(),
        Some("sarif") => report.to_sarif(),
        Some(_) | None => report.to_text(colour),
    }
}

/// The configuration. If none is given, Istio's defaults are assumed instead of the built-in configuration, which is
/// for pods without a control plane.
fn texts(matches: &ArgMatches, environment: &Environment) -> Result<Texts, Error> {
    let above = Source::new("Istio's defaults", lint::ISTIO_VALUES);
    let values = config::merged(&default::values(), &above)?;
    Texts::over(values, Source::new("Istio's mesh config", ""), matches, environment)
}

fn is_built_in(texts: &Texts) -> bool {
    texts.injection.name == default::injection().name
}

/// The names of rules to leave out.
fn ignored(matches: &ArgMatches) -> Result<Vec<&str>, Error> {
    let names = matches.get_many::<String>("ignore").into_iter().flatten().map(|name| name.trim());
    let names: Vec<_> = names.filter(|name| !name.is_empty()).collect();
    match names.iter().find(|name| Rule::named(name).is_none()) {
        Some(name) => Err(Error::UnknownRule { name: (*name).to_owned() }),
        None => Ok(names),
    }
}

fn sources(matches: &ArgMatches, streams: &mut Streams<'_>) -> Result<Vec<Source>, Error> {
    let files: Vec<_> =
        matches.get_many::<String>("filename").into_iter().flatten().filter(|f| !f.is_empty()).collect();
    if files.is_empty() {
        return Err(Error::Missing("filename not specified (see --filename or -f)"));
    }
    let mut sources: Vec<Source> = Vec::new();
    for file in files {
        for source in inputs::objects_below(file, streams.input)? {
            // A directory and a file in it are not two copies of the file.
            if sources.iter().all(|known| known.name != source.name) {
                sources.push(source);
            }
        }
    }
    Ok(sources)
}
