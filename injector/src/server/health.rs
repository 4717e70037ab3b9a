//! Whether the server is ready, and what it reports when asked.

use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use super::logger::rfc3339;

/// The inputs that are read again while the server runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Input {
    Configuration,
    Certificate,
}

impl Input {
    pub(super) fn name(self) -> &'static str {
        match self {
            Input::Configuration => "configuration",
            Input::Certificate => "certificate",
        }
    }
}

/// The state of an input.
#[derive(Clone, Debug, Default)]
struct Report {
    /// When the current one was loaded.
    taken: Option<SystemTime>,
    /// Why the newest one was refused.
    refused: Option<(SystemTime, String)>,
}

/// The state of both inputs.
#[derive(Debug, Default)]
pub(super) struct Reports(Mutex<[Report; 2]>);

impl Reports {
    pub(super) fn taken(&self, input: Input) {
        self.with(input, |report| *report = Report { taken: Some(SystemTime::now()), refused: None });
    }

    pub(super) fn refused(&self, input: Input, reason: &str) {
        self.with(input, |report| report.refused = Some((SystemTime::now(), reason.to_owned())));
    }

    fn with(&self, input: Input, change: impl FnOnce(&mut Report)) {
        let mut reports = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let [configuration, certificate] = &mut *reports;
        change(match input {
            Input::Configuration => configuration,
            Input::Certificate => certificate,
        });
    }

    /// A line for each input: whether there is one, since when, and what is wrong with the newest.
    pub(super) fn write(&self, out: &mut String) -> bool {
        let reports = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let inputs = [Input::Configuration, Input::Certificate];
        let mut all = true;
        for (input, Report { taken, refused }) in inputs.into_iter().zip(reports) {
            let name = input.name();
            // Writing to memory cannot fail.
            let _ = match taken {
                Some(taken) => writeln!(out, "[+] {name}: in use since {}", rfc3339(taken)),
                None => writeln!(out, "[-] {name}: there is none yet"),
            };
            if let Some((when, reason)) = refused {
                let _ = writeln!(out, "[!] {name}: a newer one was rejected at {}: {reason}", rfc3339(when));
            }
            all &= taken.is_some();
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_input_leaves_the_one_in_force() {
        let reports = Reports::default();
        let text = |reports: &Reports| {
            let mut out = String::new();
            (reports.write(&mut out), out)
        };
        assert!(!text(&reports).0);
        reports.taken(Input::Configuration);
        assert!(!text(&reports).0, "without a certificate it is not ready");
        reports.taken(Input::Certificate);
        reports.refused(Input::Configuration, "line 3: wrong");
        let (ready, out) = text(&reports);
        assert!(ready);
        assert!(out.contains("[+] configuration: in use since 2"), "{out}");
        assert!(
            out.contains("[!] configuration: a newer one was rejected at 2") && out.contains("line 3: wrong"),
            "{out}"
        );
        reports.taken(Input::Configuration);
        assert!(!text(&reports).1.contains("[!]"));
    }
}
