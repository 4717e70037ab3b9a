//! What other programs may use: the same work, in another network namespace, from values in place of a command line.

use std::path::Path;

use crate::cli::{Command, Invocation};
use crate::report::{Outcome, Report};

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Put the rules in place, as the command `apply` does.
    Apply,
    /// Remove all that is managed.
    Clean,
    /// Tell how what the kernel has differs from what is wanted. Changes nothing.
    Check,
    /// Make connections that prove that the rules do what they are for. Changes nothing.
    Validate,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// How it ended; its [status](Outcome::status) is 0 if all is well.
    pub outcome: Outcome,
    /// What is wrong: with the values, or what the kernel or a program said.
    pub errors: Vec<String>,
    /// What works, but perhaps not as it was meant.
    pub warnings: Vec<String>,
    /// How the kernel differs from what is wanted, or differed before: a line each, with `+` for what is missing and
    /// `-` for what is there without being wanted.
    pub differences: Vec<String>,
}

impl From<&Report<'_>> for Done {
    fn from(report: &Report<'_>) -> Self {
        Self {
            outcome: report.outcome,
            errors: report.errors().to_vec(),
            warnings: report.warnings().to_vec(),
            differences: report.differences.iter().map(ToString::to_string).collect(),
        }
    }
}

/// Does something in the network namespace at this path, on a thread of its own, which alone enters it. It is what a
/// call of the program does with these flags; a flag is named as on the command line, without its dashes. The
/// environment is not asked.
///
/// ```no_run
/// use istio_iptables::{Task, within};
///
/// let values = [("istio-inbound-ports", "*"), ("istio-service-cidr", "*"), ("cni-mode", "true")];
/// let done = within("/run/netns/pod".as_ref(), &values, Task::Apply);
/// assert_eq!(done.outcome.status(), 0, "{:?}", done.errors);
/// ```
pub fn within(namespace: &Path, values: &[(&str, &str)], task: Task) -> Done {
    let namespace = namespace.to_string_lossy();
    let mut all = vec![("network-namespace", &*namespace)];
    all.extend_from_slice(values);
    let command = match task {
        Task::Apply => Command::Apply,
        Task::Clean => Command::Clean,
        Task::Check => Command::Check,
        Task::Validate => {
            all.extend([("skip-rule-apply", "true"), ("run-validation", "true")]);
            Command::Apply
        }
    };
    let invocation = Invocation::of(command, &all);
    let work = || crate::perform(invocation, &|_| (), |report| Done::from(report));
    std::thread::scope(|scope| scope.spawn(work).join()).unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_values_are_named_and_nothing_is_done() {
        let done = within("/nowhere".as_ref(), &[("envoy-port", "0"), ("no-such-flag", "")], Task::Apply);
        assert_eq!(done.outcome, Outcome::WrongUsage);
        assert!(done.errors.iter().any(|e| e.contains("--envoy-port")), "{done:?}");
        assert!(done.errors.iter().any(|e| e.contains("no-such-flag")), "{done:?}");
        let done = within("/nowhere".as_ref(), &[], Task::Check);
        assert!(done.errors.iter().any(|e| e.contains("/nowhere")), "{done:?}");
    }
}
