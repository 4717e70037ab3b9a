//! The result of a call, as a value. Text, JSON and the picture are renderings of it.

use std::io::{self, Write};
use std::time::Duration;

use serde::Serialize;

use crate::capture::{Plan, Routing};
use crate::config::{Options, OutputFormat, Problems};
use crate::explain::{Finding, Level, Summary, Trace, in_force};
use crate::netfilter::{Backend, Layer};
use crate::state::{Difference, DifferingItem};

pub mod json;
mod text;

/// What came of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The rules were printed.
    Printed,
    /// The kernel takes the rules.
    Accepted,
    /// The rules were put in place.
    Applied,
    /// The rules are in place; nothing was changed.
    InPlace,
    /// Nothing was applied, as was asked for.
    Skipped,
    /// Everything managed was removed.
    Removed,
    /// There was nothing managed to remove.
    NothingThere,
    /// The kernel has something else than what is wanted.
    Drifted,
    /// A packet was followed, or the kinds of traffic were.
    Explained,
    /// Connections do not arrive at the expected place.
    NotValid,
    /// The call failed.
    Failed,
    /// The call is wrong.
    WrongUsage,
}

impl Outcome {
    /// The exit status.
    pub const fn status(self) -> u8 {
        match self {
            Self::Printed
            | Self::Accepted
            | Self::Applied
            | Self::InPlace
            | Self::Skipped
            | Self::Removed
            | Self::NothingThere
            | Self::Explained => 0,
            Self::Failed => 1,
            Self::WrongUsage => 2,
            Self::Drifted => 3,
            // As Istio's program has it.
            Self::NotValid => 126,
        }
    }
}

/// Text for a program that loads rules.
#[derive(Clone, Debug, Serialize)]
pub struct Script {
    /// The program with its arguments.
    pub program: String,
    /// What it reads from standard input.
    pub text: String,
}

/// The rules that a call is about, managed or foreign.
#[derive(Clone, Debug, Default)]
pub enum Rules<'a> {
    /// None are known.
    #[default]
    Unknown,
    /// Planned ones, as they are in force once they are in place.
    Planned(&'a Plan, Backend),
    /// Those that are there, each backend's and each foreign chain's by themselves.
    Observed(Vec<Layer>, Routing),
}

impl Rules<'_> {
    /// The rules in layers, and the routing.
    fn layers(&self) -> (Vec<Layer>, Routing) {
        match self {
            Self::Unknown => (Vec::new(), Routing::default()),
            Self::Planned(plan, backend) => (vec![in_force(&plan.rules, *backend)], plan.routing.clone()),
            Self::Observed(layers, routing) => (layers.clone(), routing.clone()),
        }
    }
}

fn level(finding: &Finding) -> &'static str {
    match finding.level() {
        Level::Note => "note",
        Level::Warning => "warning",
    }
}

/// The result of a call.
#[derive(Debug)]
pub struct Report<'a> {
    options: &'a Options,
    /// How it ended.
    pub outcome: Outcome,
    /// What is wrong.
    pub errors: Vec<String>,
    /// What works, but perhaps not as it was meant.
    pub warnings: Vec<String>,
    /// `iptables-legacy`, `iptables-nft` or `nftables`, if it is known.
    pub backend: Option<String>,
    /// The rules that it is about.
    pub rules: Rules<'a>,
    /// Text for the programs that load the rules.
    pub scripts: Vec<Script>,
    /// What else a dry run prints: commands for the routing, a line each.
    pub comments: String,
    /// How long it took until the kernel had taken the rules.
    pub taken: Option<Duration>,
    /// How the kernel differed from what is wanted.
    pub differences: Vec<Difference>,
    /// What the kernel has that could not be followed.
    pub left_out: Vec<String>,
    /// The way of a packet.
    pub trace: Option<Trace>,
    /// The kinds of traffic.
    pub traffic: Option<Summary>,
    /// What is odd about the configuration.
    pub findings: Vec<Finding>,
}

impl<'a> Report<'a> {
    /// A report with what is known before anything is done.
    pub fn new(options: &'a Options, problems: &Problems) -> Self {
        Self {
            options,
            outcome: Outcome::WrongUsage,
            errors: problems.errors.iter().map(ToString::to_string).collect(),
            warnings: problems.warnings.iter().map(ToString::to_string).collect(),
            backend: None,
            rules: Rules::Unknown,
            scripts: Vec::new(),
            comments: String::new(),
            taken: None,
            differences: Vec::new(),
            left_out: Vec::new(),
            trace: None,
            traffic: None,
            findings: Vec::new(),
        }
    }

    /// Notes an error.
    pub fn error(&mut self, error: &impl ToString) {
        self.errors.push(error.to_string());
    }

    /// Logs a warning, and notes it.
    pub fn warn(&mut self, warning: &impl ToString) {
        let text = warning.to_string();
        log::warn!("{text}");
        self.warnings.push(text);
    }

    /// Notes the foreign rules that decide before managed ones, and warns of those that it did not know of.
    pub fn bypass(&mut self, rules: Vec<DifferingItem>) {
        let found = rules.iter().map(Finding::foreign_rule_first);
        let earlier = std::mem::replace(&mut self.findings, found.collect());
        for finding in self.findings.clone() {
            if !earlier.contains(&finding) {
                self.warn(&finding);
            }
        }
    }

    /// Writes what goes to standard output, in the form that was asked for.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        match self.options.output {
            OutputFormat::Json => json::write(self, out)?,
            OutputFormat::Mermaid => text::chart(self, out)?,
            OutputFormat::Text => text::write(self, out)?,
        }
        out.flush()
    }
}
