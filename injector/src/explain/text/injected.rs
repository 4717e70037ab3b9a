//! What a pod gets, from which source, and what becomes of its traffic.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::Text;
use crate::explain::{Capture, Change, Explanation, Injection, Kind, Part, Path, Place, Port, Read, Source};
use crate::inject::Step;

/// How long a line may be, in characters.
const WIDTH: usize = 110;
/// How many places are named that depend on one annotation.
const MOST_PLACES: usize = 3;

/// The lines about an injection.
pub(super) fn lines(out: &mut Text, injection: &Injection) {
    let Injection { settled, changes, unread, capture } = injection;
    if *settled {
        out.line("\nIt was injected before, and stays as it is. This is what it got then, from where (template:line):");
    } else {
        out.line("\nWhat the pod gets, and from where (template:line):");
    }
    added(out, changes);
    own_containers(out, changes);
    asked_for(out, changes);
    for name in unread {
        out.line(&format!("\nAnnotation {name} has no effect: none of these templates reads it."));
    }
    traffic(out, capture.as_ref());
}

/// The title that something is listed under, and its name there; nothing if it is a part of something that is listed.
fn listed(path: &Path) -> Option<(&str, String)> {
    match path.0.as_slice() {
        [Part::Field(_), Part::Field(map), Part::Field(name)] if map == "labels" || map == "annotations" => {
            Some((map, name.to_string()))
        }
        [Part::Field(_), Part::Field(list), Part::Element { value, .. }] => Some((list, value.to_string())),
        [_, _, Part::Element { .. }, ..] => None,
        _ => Some(("others", path.to_string())),
    }
}

fn added(out: &mut Text, changes: &[Change]) {
    let mut titles: Vec<(&str, Vec<String>)> = Vec::new();
    for change in changes {
        let Some((title, mut name)) = listed(&change.path) else { continue };
        match change.kind {
            Kind::Added => {}
            Kind::Changed | Kind::Removed => name = format!("{name} ({})", change.kind.word()),
        }
        let item = format!("{name} {}", origin(change));
        match titles.iter_mut().find(|(known, _)| *known == title) {
            Some((_, items)) => items.push(item),
            None => titles.push((title, vec![item])),
        }
    }
    for (title, items) in titles {
        wrapped(out, title, &items, ", ");
    }
}

/// The source of something, in a word.
fn origin(change: &Change) -> String {
    match &change.place {
        Some(Place { template, line, .. }) => format!("{template}:{line}"),
        None => change.step.key().to_owned(),
    }
}

/// A title and items, over as many lines as they need.
fn wrapped(out: &mut Text, title: &str, items: &[String], separator: &str) {
    let title_width = if title.is_empty() { 2 } else { 16 };
    let mut line = format!("  {title:title_width$}");
    let mut is_first = true;
    for (index, item) in items.iter().enumerate() {
        let item = if index + 1 < items.len() { format!("{item}{separator}") } else { item.clone() };
        if !is_first && line.chars().count() + item.trim_end().chars().count() > WIDTH {
            out.line(line.trim_end());
            line = " ".repeat(title_width + 2);
        }
        line += &item;
        is_first = false;
    }
    out.line(&line);
}

/// What happened to containers that the pod had itself.
fn own_containers(out: &mut Text, changes: &[Change]) {
    let is_injected = |path: &Path| {
        let container = path.0.get(..3).unwrap_or_default();
        changes.iter().any(|change| change.path.0 == container && change.kind == Kind::Added)
    };
    let within = changes.iter().filter(|change| {
        let in_container = matches!(change.path.0.as_slice(), [_, _, Part::Element { .. }, _, ..]);
        in_container && (!is_injected(&change.path) || change.step == Step::Overrides)
    });
    let mut by: Vec<(String, Vec<String>)> = Vec::new();
    for change in within {
        let why = if change.place.is_some() { origin(change) } else { change.step.to_string() };
        let item = format!("{} {}", change.path, change.kind.word());
        match by.iter_mut().find(|(known, _)| *known == why) {
            Some((_, items)) => items.push(item),
            None => by.push((why, vec![item])),
        }
    }
    if !by.is_empty() {
        out.line("\nWhat changes in the pod's own containers:");
    }
    for (why, items) in by {
        out.line(&format!("  by {why}:"));
        wrapped(out, "", &items, ", ");
    }
}

/// What depends on the pod's own annotations and labels.
fn asked_for(out: &mut Text, changes: &[Change]) {
    let mut by: BTreeMap<&Read, Vec<&Change>> = BTreeMap::new();
    for change in changes {
        let Some(place) = &change.place else { continue };
        let is_own =
            |read: &&Read| matches!(read.source, Source::Annotation(_) | Source::Label(_)) && read.value.is_some();
        let reads: BTreeSet<_> = place.reads.iter().chain(&place.conditions).filter(is_own).collect();
        reads.into_iter().for_each(|read| by.entry(read).or_default().push(change));
    }
    if !by.is_empty() {
        out.line("\nWhat depends on the pod's own annotations and labels:");
    }
    for (read, changes) in by {
        let places: Vec<_> = changes.iter().map(|change| format!("{} {}", change.path, origin(change))).collect();
        let more = places.len().saturating_sub(MOST_PLACES);
        let mut line = places.get(..places.len() - more).unwrap_or_default().join(", ");
        if more > 0 {
            let _ = write!(line, " and {more} more");
        }
        out.line(&format!("  {read}\n      {line}"));
    }
}

fn traffic(out: &mut Text, capture: Option<&Capture>) {
    let Some(Capture { container, checks, arguments, traffic, ports }) = capture else {
        out.line("\nTraffic: no init container makes rules, so nothing is captured.");
        return;
    };
    let does = if *checks { "checks the rules of the CNI plugin for" } else { "makes the rules with" };
    out.line(&format!("\nTraffic: {container} {does} {}", quoted(arguments)));
    match traffic {
        Err(errors) => errors.iter().for_each(|error| out.line(&format!("  {error}"))),
        Ok(all) => {
            let mut verdicts: Vec<(&str, Vec<String>)> = Vec::new();
            for traffic in all {
                match verdicts.iter_mut().find(|(verdict, _)| *verdict == traffic.verdict) {
                    Some((_, kinds)) => kinds.push(traffic.traffic.clone()),
                    None => verdicts.push((&traffic.verdict, vec![traffic.traffic.clone()])),
                }
            }
            for (verdict, kinds) in verdicts {
                out.line(&format!("  {verdict}:"));
                wrapped(out, "", &kinds, "; ");
            }
        }
    }
    for Port { port, traffic } in ports {
        // The reason for capture is of no interest, unless only this port is asked about.
        let told = if traffic.captured && ports.len() > 1 { &traffic.verdict } else { &traffic.sentence };
        out.line(&format!("  port {port} of the pod: {told}"));
    }
}

/// Arguments as a shell takes them.
fn quoted(arguments: &[String]) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '=' | ',' | '.' | '/' | ':');
    let word = |word: &String| match !word.is_empty() && word.chars().all(is_plain) {
        true => word.clone(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    };
    arguments.iter().map(word).collect::<Vec<_>>().join(" ")
}

/// The lines about what a path of the pod names: itself, and what is in it.
pub fn field(explanation: &Explanation, wanted: &str) -> String {
    let mut out = Text::default();
    let changes = explanation.injection.iter().flat_map(|injection| &injection.changes);
    let is_wanted = |change: &&Change| {
        let path = change.path.to_string();
        path.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    for Change { path, kind, step, place } in changes.filter(is_wanted) {
        match place {
            None => out.line(&format!("{path}: {} by {step}", kind.word())),
            Some(Place { template, line, text, reads, conditions }) => {
                out.line(&format!("{path}: {} by {template}:{line}\n  {text}", kind.word()));
                reads.iter().for_each(|read| out.line(&format!("  reads {read}{}", unset(read))));
                conditions.iter().for_each(|read| out.line(&format!("  if    {read}{}", unset(read))));
            }
        }
    }
    if out.0.is_empty() {
        let verdict = explanation.verdict.word();
        out.line(&format!(
            "{wanted}: injection does not change it (the pod is {verdict}); try spec.containers[istio-proxy]"
        ));
    }
    out.0
}

/// Of what is set or not as a whole; a list of the pod is gone through, element by element.
fn unset(read: &Read) -> &'static str {
    match (&read.value, &read.source) {
        (None, Source::Annotation(_) | Source::Label(_) | Source::Values(_)) => " (not set)",
        (None, Source::Mesh(_) | Source::Proxy(_) | Source::Pod(_) | Source::Owner(_) | Source::Injector(_))
        | (Some(_), _) => "",
    }
}
