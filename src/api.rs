//! What other programs may use: the same work, in another network namespace, from values in place of a command line.

use std::io;
use std::net::IpAddr;
use std::path::Path;

use crate::cli::{Command, Invocation};
use crate::config::{Config, Host, Options, Problems};
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
    /// Have the kernel try the rules in a network namespace that goes with the call.
    Try,
}

/// A value of a flag, and what messages call the place that it came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting<'a> {
    /// The long name of the flag, without its dashes.
    pub flag: &'a str,
    /// The value, as on a command line.
    pub text: &'a str,
    /// Where the user would change it: `annotation traffic.sidecar.istio.io/includeInboundPorts`.
    pub named: &'static str,
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

/// Does something in the network namespace at this path. It is what a call of the program does with these flags. The
/// environment is not asked.
///
/// The calling thread enters the namespace and stays there: who has other work to do calls this on a thread of its own,
/// and ends that. A thread here would cost each call of the CNI plugin a tenth of its time.
///
/// ```no_run
/// use istio_iptables::{Setting, Task, within};
///
/// let setting = |flag, text| Setting { flag, text, named: "the example" };
/// let values = [setting("istio-inbound-ports", "*"), setting("istio-service-cidr", "*"), setting("cni-mode", "true")];
/// let done = within("/run/netns/pod".as_ref(), &values, Task::Apply);
/// assert_eq!(done.outcome.status(), 0, "{:?}", done.errors);
/// ```
pub fn within(namespace: &Path, values: &[Setting<'_>], task: Task) -> Done {
    let namespace = namespace.to_string_lossy();
    let option = |flag, text| Setting { flag, text, named: "the network namespace" };
    let mut all = vec![option("network-namespace", &*namespace)];
    all.extend_from_slice(values);
    let command = match task {
        Task::Apply => Command::Apply,
        Task::Clean => Command::Clean,
        Task::Check => Command::Check,
        Task::Validate => {
            all.extend([option("skip-rule-apply", "true"), option("run-validation", "true")]);
            Command::Apply
        }
        Task::Try => {
            all.push(option("dry-run", "kernel"));
            Command::Apply
        }
    };
    let invocation = Invocation::of(command, &all);
    crate::perform(invocation, &|_| (), |report| Done::from(report))
}

/// What is wrong with the values themselves, on any host and in any network namespace: what [`within`] would refuse.
pub fn mistakes(values: &[Setting<'_>]) -> Vec<String> {
    let Invocation { command, flags, errors, .. } = Invocation::of(Command::Apply, values);
    let mut problems = Problems { errors: errors.into_iter().map(Into::into).collect(), warnings: Vec::new() };
    let options = Options::read(command, &flags, &mut problems);
    Config::resolve(&flags, &options, &NoHost, &mut problems);
    problems.errors.iter().map(ToString::to_string).collect()
}

/// A host of which nothing is known.
struct NoHost;

impl Host for NoHost {
    fn addresses(&self) -> io::Result<Vec<IpAddr>> {
        Ok(Vec::new())
    }

    fn read(&self, _: &str) -> io::Result<Vec<u8>> {
        Ok(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting<'a>(flag: &'a str, text: &'a str) -> Setting<'a> {
        Setting { flag, text, named: "annotation a/b" }
    }

    #[test]
    fn wrong_values_are_named_and_nothing_is_done() {
        let values = [setting("envoy-port", "0"), setting("no-such-flag", "")];
        let done = within("/nowhere".as_ref(), &values, Task::Apply);
        assert_eq!(done.outcome, Outcome::WrongUsage);
        assert!(done.errors.iter().any(|e| e.starts_with("annotation a/b cannot be \"0\"")), "{done:?}");
        assert!(done.errors.iter().any(|e| e.contains("no-such-flag")), "{done:?}");
        assert_eq!(mistakes(&values), done.errors);
        let done = within("/nowhere".as_ref(), &[], Task::Check);
        assert!(done.errors.iter().any(|e| e.contains("/nowhere")), "{done:?}");
        assert!(mistakes(&[setting("envoy-port", "1"), setting("istio-inbound-ports", "*")]).is_empty());
    }
}
