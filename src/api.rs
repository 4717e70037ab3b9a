//! What other programs may use: the same work, in another network namespace, from values in place of a command line.

use std::io;
use std::net::IpAddr;
use std::path::Path;

use crate::capture;
use crate::cli::{self, Command, Invocation, Parsed};
use crate::config::{Config, Host, Options, Problems};
use crate::explain::{Listeners, Packet, Pod, Request, Scene, Verdict, WordError, in_force, summary};
use crate::net::Family;
use crate::report::{Outcome, Report};

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Put the rules in place, as the command `apply` does.
    Apply,
    /// Remove all that is managed.
    Clean,
    /// Report how the kernel's rules differ from the wanted ones. Changes nothing.
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
    /// What the user would change: `annotation traffic.sidecar.istio.io/includeInboundPorts`.
    pub named: &'static str,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// How it ended; its [status](Outcome::status) is 0 if all is well.
    pub outcome: Outcome,
    /// The errors: of the values, the kernel or a program.
    pub errors: Vec<String>,
    /// What works, but perhaps not as it was meant.
    pub warnings: Vec<String>,
    /// How the kernel differs from what is wanted, or differed before: a line each, with `+` for what is missing and
    /// `-` for what exists without being wanted.
    pub differences: Vec<String>,
}

impl From<&Report<'_>> for Done {
    fn from(report: &Report<'_>) -> Self {
        Self {
            outcome: report.outcome,
            errors: report.errors.clone(),
            warnings: report.warnings.clone(),
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

/// Traffic of a pod, and what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Traffic {
    /// The kind of traffic, or the packet that was asked about.
    pub traffic: String,
    /// Whether the proxy gets it.
    pub captured: bool,
    /// What becomes of it, in a few words.
    pub verdict: String,
    /// The same in a sentence: by which rule, which flag and which annotation.
    pub sentence: String,
}

/// What becomes of each kind of traffic in a pod whose rules are made by a call with these arguments; or of one packet,
/// described as for the command `explain`. The pod is a usual one, nothing of this host is looked at, and nothing is done.
///
/// ```
/// let traffic = istio_iptables::traffic(&["-i", "*", "-b", "*", "-d", "9000"], Some("in tcp to=:9000"));
/// assert!(!traffic.unwrap()[0].captured);
/// ```
///
/// # Errors
/// What is wrong with the arguments or the packet.
pub fn traffic(arguments: &[&str], packet: Option<&str>) -> Result<Vec<Traffic>, Vec<String>> {
    let argv = ["istio-iptables"].iter().chain(arguments).map(Into::into).collect();
    let Parsed::Call(Invocation { command, flags, errors, .. }) = cli::parse(argv, &|_| None) else {
        return Err(vec!["these arguments print a text, and make no rules".to_owned()]);
    };
    let mut problems = Problems { errors: errors.into_iter().map(Into::into).collect(), warnings: Vec::new() };
    let options = Options::read(command, &flags, &mut problems);
    let config = Config::resolve(&flags, &options, &NoHost, &mut problems);
    if !problems.errors.is_empty() {
        return Err(problems.errors.iter().map(ToString::to_string).collect());
    }
    let plan = capture::plan(&config);
    let layers = [in_force(&plan.rules, options.backend)];
    let usual = Pod::default().interfaces.into_iter().flat_map(|interface| interface.addresses);
    let pod = Pod::with_addresses(usual.filter(|address| config.families.contains(Family::of(*address))));
    let scene = Scene { layers: &layers, routing: &plan.routing, pod: &pod, listeners: Listeners::of(&config) };
    let told = |traffic: String, verdict: &Verdict| Traffic {
        traffic,
        captured: matches!(verdict, Verdict::Captured { .. }),
        verdict: verdict.brief(),
        sentence: verdict.to_string(),
    };
    let Some(packet) = packet else {
        let rows = summary(&config, &scene).rows.into_iter();
        return Ok(rows.map(|row| told(row.traffic, &row.verdict)).collect());
    };
    let texts = |errors: Vec<WordError>| errors.iter().map(ToString::to_string).collect::<Vec<_>>();
    let request = Request::parse(packet.split_whitespace()).map_err(texts)?;
    let packet = Packet::resolve(&request, &pod, &plan.routing).map_err(|error| texts(vec![error]))?;
    Ok(vec![told(packet.to_string(), &scene.follow(&packet).verdict)])
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
    #[test]
    fn traffic_is_explained_without_a_host() {
        let arguments = ["-i", "*", "-b", "*", "-d", "9000", "--run-validation", "--skip-rule-apply"];
        let all = traffic(&arguments, None).unwrap();
        let of = |kind: &str| all.iter().find(|t| t.traffic == kind).unwrap();
        assert_eq!((of("client to the application").captured, of("proxy to a service").captured), (true, false));
        assert!(all.iter().all(|t| !t.traffic.contains("IPv6")), "{all:?}");
        let packet = traffic(&arguments, Some("in tcp to=:9000")).unwrap();
        assert!(packet[0].sentence.contains("excludeInboundPorts"), "{packet:?}");
        assert!(traffic(&["-d", "x"], None).is_err());
        assert!(traffic(&arguments, Some("sideways")).is_err());
    }
}
