//! What a call came to, as one document for other programs. The names here are a promise to them:
//! `docs/json.md` says what they mean, `docs/schema.json` what a document looks like, and a change that
//! readers have to know of makes another [`VERSION`].

use std::io::{self, Write};

use serde::{Serialize, Serializer};

use crate::capture::{Plan, Routing};
use crate::cli::Command;
use crate::config::{DryRun, Options, Output, Problems};
use crate::explain::in_force;
use crate::explain::json::{self, FamilyView, FindingView, RowView, TraceView};
use crate::netfilter::{Backend, Layer};
use crate::state::{Difference, Subject};

/// The version of the document.
pub const VERSION: u32 = 1;

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
    /// Everything of ours was removed.
    Removed,
    /// There was nothing of ours to remove.
    NothingThere,
    /// The kernel has something else than what is wanted.
    Drifted,
    /// A packet was followed, or the kinds of traffic were.
    Explained,
    /// Connections do not land where they have to.
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

/// One difference between what the kernel has and what is wanted.
#[derive(Debug, Serialize)]
struct DifferenceView {
    /// `missing` from the kernel, or `unexpected` there.
    kind: &'static str,
    /// The rule, chain, table or route, in the notation of the program that shows it.
    what: String,
}

impl From<&Difference> for DifferenceView {
    fn from(difference: &Difference) -> Self {
        let kind = if difference.missing { "missing" } else { "unexpected" };
        Self { kind, what: difference.what.to_string() }
    }
}

/// Writes differences as a list.
fn views<S: Serializer>(differences: &[Difference], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(differences.iter().map(DifferenceView::from))
}

/// The whole document.
#[derive(Clone, Debug, Serialize)]
pub struct Document {
    version: u32,
    command: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    dry_run: Option<&'static str>,
    outcome: Outcome,
    status: u8,
    errors: Vec<String>,
    warnings: Vec<String>,
    /// `iptables-legacy`, `iptables-nft` or `nftables`, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backend: Option<String>,
    rules: Vec<FamilyView>,
    routing: Vec<String>,
    /// Text for the programs that load the rules.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scripts: Vec<Script>,
    /// How the kernel differed from what is wanted.
    #[serde(serialize_with = "views")]
    pub differences: Vec<Difference>,
    /// What the kernel has that could not be followed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
    /// The way of a packet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceView>,
    /// The kinds of traffic.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub traffic: Vec<RowView>,
    /// What is odd about the configuration.
    pub findings: Vec<FindingView>,
    /// Whether anybody gets to see it.
    #[serde(skip)]
    is_read: bool,
}

impl Document {
    /// A document with what is known before anything is done.
    pub fn new(options: &Options, problems: &Problems) -> Self {
        let dry_run = match (options.command, options.dry_run) {
            (Command::Check | Command::Explain, _) | (_, DryRun::No) => None,
            (Command::Apply | Command::Clean, DryRun::Print) => Some("print"),
            (Command::Apply | Command::Clean, DryRun::Kernel) => Some("kernel"),
        };
        Self {
            version: VERSION,
            command: options.command.name(),
            dry_run,
            outcome: Outcome::WrongUsage,
            status: Outcome::WrongUsage.status(),
            errors: problems.errors.iter().map(ToString::to_string).collect(),
            warnings: problems.warnings.iter().map(ToString::to_string).collect(),
            backend: None,
            rules: Vec::new(),
            routing: Vec::new(),
            scripts: Vec::new(),
            differences: Vec::new(),
            left_out: Vec::new(),
            trace: None,
            traffic: Vec::new(),
            findings: Vec::new(),
            is_read: options.output == Output::Json,
        }
    }

    /// Notes how it ended.
    pub fn end(&mut self, outcome: Outcome) {
        self.outcome = outcome;
        self.status = outcome.status();
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

    /// Notes the foreign rules that decide before ours, and warns of those that it did not know of.
    pub fn bypass(&mut self, rules: &[Subject]) {
        let earlier = std::mem::take(&mut self.findings);
        for rule in rules {
            let message = format!(
                "the foreign rule {rule} comes before managed ones and decides about traffic that they would capture: it bypasses the proxy, unless that rule is deleted, or put after them"
            );
            if !earlier.iter().any(|finding| finding.message == message) {
                self.warn(&message);
            }
            self.findings.push(FindingView {
                finding: "foreign-rule-first",
                level: "warning",
                flag: "",
                rule: None,
                message,
            });
        }
    }

    /// Notes the rules that the call is about, as they are in force once they are in place.
    pub fn plan(&mut self, plan: &Plan, backend: Backend) {
        // Ten thousand rules are much work for nobody.
        if self.is_read {
            self.layers(&[in_force(&plan.rules, backend)], &plan.routing);
        }
    }

    /// Notes rules, whoever made them.
    pub fn layers(&mut self, layers: &[Layer], routing: &Routing) {
        if self.is_read {
            self.rules = json::rules(layers);
            self.routing = routing.to_string().lines().map(str::to_owned).collect();
        }
    }

    /// Notes differences.
    pub fn differ(&mut self, differences: &[Difference]) {
        self.differences = differences.to_vec();
    }

    /// Writes the document, and a line end behind it.
    ///
    /// # Errors
    /// What writing gives.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut *out, self)?;
        out.write_all(b"\n")?;
        out.flush()
    }
}
