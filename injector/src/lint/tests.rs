//! The documentation's examples, and what the rules leave alone.

mod edges;
mod examples;
mod samples;

use std::sync::LazyLock;

use super::*;
use crate::config::default;
use crate::functions;
use crate::inject::native::Mode;

/// A configuration, as the command makes it, with a few changes.
fn config(injection: Source, values: &str, mesh: &str) -> Config {
    let sources = [ISTIO_VALUES, values].map(|text| Source::new("values", text));
    let values = sources.iter().fold(default::values(), |below, above| crate::config::merged(&below, above).unwrap());
    Config::load(&injection, &values, &Source::new("mesh", mesh), &functions::all(|_| None)).unwrap()
}

/// What is found in a file, in a mesh with Istio's defaults.
fn found(text: &str) -> Report {
    static CONFIG: LazyLock<Config> = LazyLock::new(|| config(default::injection(), "{}", ""));
    found_with(text, &CONFIG, Mode::Auto)
}

fn found_with(text: &str, config: &Config, native: Mode) -> Report {
    let circumstances = Circumstances { native, ..Circumstances::default() };
    let options = Options { circumstances, istio_defaults: true, ..Options::default() };
    lint(&[Source::new("x.yaml", text)], config, &options)
}

/// The names of the rules that a file breaks.
fn names(report: &Report) -> Vec<&'static str> {
    report.findings.iter().map(|finding| finding.rule.name).collect()
}
