//! `diff`: what injection changes, or what another configuration would change.

use std::cell::RefCell;
use std::path::Path;

use clap::ArgMatches;

use super::arguments::{self, is_set, text};
use super::inputs::{self, Environment, Texts};
use super::kube_inject::{self, Injector};
use super::{Error, PodError, Streams};
use crate::changes;
use crate::config::{Config, Source};
use crate::object::{self, Document, Workload};
use crate::value::Value;
use crate::{json, unified};

/// Runs the command. Returns whether there is a difference.
pub(super) fn run(matches: &ArgMatches, environment: &Environment, streams: &mut Streams<'_>) -> Result<bool, Error> {
    let file = text(matches, "filename").ok_or(kube_inject::NO_FILE)?;
    let other = arguments::other_configuration(matches);
    let config = Texts::read(matches, environment)?.config(environment)?;
    let other_config = match &other {
        Some(other) => Some(Texts::read(other, environment)?.config(environment)?),
        None => None,
    };
    let mut from = None;
    let mut to = injector(matches, matches, &config, environment);
    if let (Some(other), Some(other_config)) = (&other, &other_config) {
        from = Some(to);
        to = injector(other, matches, other_config, environment);
        // What the first configuration made is replaced by what the second one makes.
        from.iter_mut().chain([&mut to]).for_each(|injector| injector.upgrades = true);
    }
    let sources = inputs::objects(file, streams.input)?;
    let mut sides = Sides { from, to, style: kube_inject::style(matches) };
    let pairs = sources.iter().map(|source| sides.of(source)).collect::<Result<Vec<_>, _>>()?;
    for warning in &sides.to.warnings {
        let _ = writeln!(streams.errors, "Warning: {}", warning.trim_end());
    }
    let summary = matches.get_one::<bool>("summary").copied().unwrap_or_else(|| Path::new(file).is_dir());
    let documents: Vec<_> = pairs.into_iter().flatten().collect();
    let text = if summary { table(&documents) } else { documents.iter().map(Pair::unified).collect() };
    let text = if streams.colour { unified::coloured(&text) } else { text };
    streams.print(text.as_bytes())?;
    Ok(documents.iter().any(Pair::differs))
}

fn injector<'c>(
    configured: &'c ArgMatches,
    matches: &ArgMatches,
    config: &'c Config,
    environment: &'c Environment,
) -> Injector<'c> {
    let mut injector = Injector::of(configured, is_set(matches, "policy-from-config"), config, environment);
    injector.upgrades = is_set(matches, "upgrade");
    injector
}

/// What is compared: the objects as they are, or as one configuration injects them, and as another one does.
struct Sides<'c> {
    from: Option<Injector<'c>>,
    to: Injector<'c>,
    style: object::Style,
}

/// A pod of a workload, by its name.
type Pod = (String, Value);

/// A document as it becomes, and its pods.
struct Rewritten {
    text: String,
    pods: Vec<Pod>,
}

/// A document in both forms.
struct Pair {
    file: String,
    number: usize,
    from: String,
    to: String,
    pods: Vec<(Pod, Pod)>,
}

impl Sides<'_> {
    fn of(&mut self, source: &Source) -> Result<Vec<Pair>, Error> {
        let Sides { from, to, style } = self;
        let olds = documents(source, *style, &mut |workload, pod| match from {
            Some(injector) => injector.pod(workload, pod),
            None => Ok(pod),
        })?;
        let news = documents(source, *style, &mut |workload, pod| to.pod(workload, pod))?;
        let pairs = olds.into_iter().zip(news).enumerate().map(|(i, (old, new))| Pair {
            file: source.name.clone(),
            number: i + 1,
            from: old.text,
            to: new.text,
            pods: old.pods.into_iter().zip(new.pods).collect(),
        });
        Ok(pairs.collect())
    }
}

/// The documents of a file with what becomes of their pods, and these.
fn documents(
    source: &Source,
    style: object::Style,
    work: &mut dyn FnMut(&Workload, Value) -> Result<Value, PodError>,
) -> Result<Vec<Rewritten>, Error> {
    let pods = RefCell::new(Vec::new());
    let mut documents = Vec::new();
    let mut note = |workload: &Workload, pod: Value| {
        let name = kube_inject::named(workload, &workload.full_name(&pod));
        let mut pod = work(workload, pod)?;
        pods.borrow_mut().push((name, pod.clone()));
        object::hide_empty_maps(&mut pod);
        Ok(pod)
    };
    object::rewrite_each(&source.text, style, &mut note, &mut |document: &Document<'_>, new: Option<String>| {
        let text = new.unwrap_or_else(|| document.text.clone().into_owned());
        documents.push(Rewritten { text, pods: pods.take() });
        Ok(())
    })
    .map_err(|error| Error::Object { file: source.name.clone(), source: error })?;
    Ok(documents)
}

impl Pair {
    fn differs(&self) -> bool {
        self.from != self.to
    }

    /// The unified diff; empty if nothing differs.
    fn unified(&self) -> String {
        let names: Vec<_> = self.pods.iter().map(|((name, _), _)| name.as_str()).collect();
        let title = format!("{}: {}", self.file, json::visible(&names.join(", ")));
        unified::diff(&self.from, &self.to, &title)
    }

    fn changes(&self) -> impl Iterator<Item = (&str, Vec<String>)> {
        self.pods.iter().map(|((name, from), (_, to))| (name.as_str(), changes::lines(from, to)))
    }
}

/// Workloads, and which of their fields change.
fn table(documents: &[Pair]) -> String {
    let mut text = String::new();
    let (mut all, mut changed) = (0_usize, 0_usize);
    for document in documents {
        for (name, changes) in document.changes() {
            all += 1;
            if changes.is_empty() {
                continue;
            }
            changed += 1;
            text.push_str(&format!("{}, document {}: {}\n", document.file, document.number, json::visible(name)));
            for change in changes {
                text.push_str(&format!("  {}\n", json::visible(&change)));
            }
        }
    }
    text.push_str(&format!("workloads that change: {changed} of {all}\n"));
    text
}
