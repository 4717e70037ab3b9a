//! `review`: one AdmissionReview in, the webhook's answer out.

use std::io::Read;

use clap::ArgMatches;

use super::arguments::{is_set, text};
use super::inputs::{self, Environment, Texts};
use super::{Error, Streams};
use crate::decision::Note;
use crate::review::{self, Circumstances, MAX_BODY, Outcome};
use crate::value::Value;
use crate::yaml;

/// Runs the command.
pub(super) fn run(matches: &ArgMatches, environment: &Environment, streams: &mut Streams<'_>) -> Result<(), Error> {
    if is_set(matches, "print-config") {
        return streams.print(Texts::read(matches, environment)?.printed().as_bytes());
    }
    let config = Texts::read(matches, environment)?.config(environment)?;
    let namespace = text(matches, "namespace-file").map(namespace).transpose()?;
    let nodes = inputs::nodes(matches);
    let body = body(streams.input)?;
    let circumstances = Circumstances {
        path: text(matches, "path").unwrap_or_default(),
        namespace: namespace.as_ref(),
        ..inputs::circumstances(matches, environment, nodes.as_deref())
    };
    let answer = review::answer(&body, &config, &circumstances);
    let (verb, reason) = match &answer.outcome {
        Outcome::Injected { decision, .. } => ("injected", decision.reason.to_string()),
        Outcome::Skipped(decision) => ("not injected", decision.reason.to_string()),
        Outcome::Passed(passed) => ("not injected", passed.to_string()),
        Outcome::Refused(refusal) => ("refused", refusal.to_string()),
    };
    // The answer is the result; standard error is for those who want to know the reasons.
    for warning in &answer.warnings {
        let _ = writeln!(streams.errors, "Warning: {warning}");
    }
    for note in answer.outcome.notes().iter().filter(|note| matches!(note, Note::InvalidSelector { .. })) {
        let _ = writeln!(streams.errors, "{note}");
    }
    let _ = writeln!(streams.errors, "{verb}: {reason}");
    streams.print(format!("{}\n", answer.body).as_bytes())
}

fn body(input: &mut dyn Read) -> Result<Vec<u8>, Error> {
    let failed = |source| Error::Read { file: "standard input".to_owned(), source };
    let mut body = Vec::new();
    input.take(MAX_BODY as u64 + 1).read_to_end(&mut body).map_err(failed)?;
    if body.len() > MAX_BODY {
        let source = std::io::Error::other(format!("Request entity too large: limit is {MAX_BODY}"));
        return Err(failed(source));
    }
    Ok(body)
}

pub(super) fn namespace(file: &str) -> Result<Value, Error> {
    let source = inputs::read_file(file)?;
    let object = yaml::parse(&source.text);
    let object = object.map_err(|error| Error::Namespace { file: file.to_owned(), reason: error.to_string() })?;
    match object.str_at(&["kind"]) {
        Some("Namespace") => Ok(object),
        Some(kind) => {
            let reason = format!("this has to be a Namespace, not {kind:?}");
            Err(Error::Namespace { file: file.to_owned(), reason })
        }
        None => {
            let reason = "this has to be a Namespace, but has no `kind`".to_owned();
            Err(Error::Namespace { file: file.to_owned(), reason })
        }
    }
}
