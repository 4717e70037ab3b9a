//! The verbs of a CNI plugin, each a short recipe.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::ExitCode;

use istio_iptables::{Done, Outcome, Task, mistakes, within};
use log::Level;

use crate::failure::Failure;
use crate::logging;
use crate::pod::{self, Decision};
use crate::protocol::{self, Environment, Input, NEWEST, PodName, SUPPORTED, Verb};
use crate::settings::{Flag, Settings, settings_of};

/// The network namespace of the caller.
const OWN_NAMESPACE: &str = "/proc/thread-self/ns/net";

/// Does what a runtime asks for. The result goes to `out`, and nothing else.
pub fn run(variable: &dyn Fn(&str) -> Option<OsString>, input: &mut dyn Read, out: &mut dyn Write) -> ExitCode {
    logging::install(Settings::default().level);
    let mut call = Call::default();
    let outcome = call.perform(variable, input);
    let (level, text) = match &outcome {
        Ok(done) => (done.level, done.text.clone()),
        Err(failure) => (Level::Error, failure.to_string()),
    };
    let about = call.about();
    log::log!(level, "{about}: {text}");
    if let Some(file) = &call.settings.log_file {
        logging::append(file, level, &format!("{about}: {text}"));
    }
    let (text, status) = match outcome {
        Ok(done) => (done.output, ExitCode::SUCCESS),
        Err(failure) => (Some(failure.object(call.version())), ExitCode::FAILURE),
    };
    match text.map_or(Ok(()), |text| writeln!(out, "{text}").and_then(|()| out.flush())) {
        Ok(()) => status,
        Err(error) => {
            log::error!("{about}: standard output: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What came of a call that has not failed.
struct Success {
    /// What is logged.
    text: String,
    level: Level,
    /// What goes to standard output.
    output: Option<String>,
}

impl Success {
    fn new(text: impl Into<String>, output: Option<String>) -> Self {
        Self { text: text.into(), level: Level::Info, output }
    }
}

/// What is known of a call so far.
#[derive(Default)]
struct Call {
    environment: Option<Environment>,
    version: Option<String>,
    settings: Settings,
}

impl Call {
    fn perform(
        &mut self,
        variable: &dyn Fn(&str) -> Option<OsString>,
        input: &mut dyn Read,
    ) -> Result<Success, Failure> {
        let environment = self.environment.insert(Environment::read(variable)?).clone();
        let verb = environment.verb;
        if verb == Verb::Del {
            // The namespace goes, and the rules with it, whatever else is wrong.
            return Ok(Success { level: Level::Debug, ..Success::new("nothing to do", None) });
        }
        let input = Input::read(input);
        if verb == Verb::Version {
            // Like other plugins, for whoever asks by hand and sends nothing.
            let asked = input.map_or_else(|_| String::new(), |input| input.version);
            let output = Some(protocol::versions(&asked));
            return Ok(Success { level: Level::Debug, ..Success::new("versions told", output) });
        }
        let input = input?;
        self.version = Some(input.version.clone());
        input.supports(verb)?;
        let (settings, odd) = Settings::read(&input.members).map_err(Failure::Configuration)?;
        logging::install(settings.level);
        odd.iter().for_each(|odd| log::warn!("{odd}"));
        self.settings = settings;
        match verb {
            Verb::Add | Verb::Check => {
                let result = if verb == Verb::Add { Some(input.result()?) } else { None };
                let text = match pod::decide(environment.pod.as_ref(), &input.members, &self.settings)? {
                    Decision::LeaveAlone(reason) => format!("not captured: {reason}"),
                    Decision::Capture(pod, flags) => {
                        let namespace = namespace(&environment)?;
                        let done = match verb == Verb::Add {
                            true => add(&pod, &flags, &namespace, self.settings.validate),
                            false => check(&pod, &flags, &namespace),
                        };
                        done?.to_owned()
                    }
                };
                Ok(Success::new(text, result))
            }
            Verb::Status => status(&self.settings),
            Verb::Del | Verb::Version | Verb::Gc => Ok(Success::new("nothing to do", None)),
        }
    }

    /// The version for errors.
    fn version(&self) -> &str {
        self.version.as_deref().filter(|version| SUPPORTED.contains(version)).unwrap_or(NEWEST)
    }

    /// Which call it is, for the log.
    fn about(&self) -> String {
        let Some(environment) = &self.environment else { return "CNI call".to_owned() };
        let mut about = environment.verb.to_string();
        if let Some(pod) = &environment.pod {
            about.push_str(&format!(" {pod}"));
        }
        if let Some(container) = &environment.container {
            about.push_str(&format!(" ({container})"));
        }
        about
    }
}

/// The pod's network namespace, which must not be that of the node: rules there would cut it off.
fn namespace(environment: &Environment) -> Result<std::path::PathBuf, Failure> {
    let path = environment.netns.clone().unwrap_or_default();
    let wrong = |why: String| Failure::Environment(vec![format!("CNI_NETNS cannot be {path:?}: {why}")]);
    let place = |path: &Path| std::fs::metadata(path).map(|m| (m.dev(), m.ino()));
    let own = place(OWN_NAMESPACE.as_ref()).map_err(|e| wrong(format!("{OWN_NAMESPACE}: {e}")))?;
    match place(&path) {
        Err(error) => Err(wrong(format!("it is not a network namespace ({error})"))),
        Ok(there) if there == own => Err(wrong("it is the network namespace of the node".to_owned())),
        Ok(_) => Ok(path),
    }
}

/// Does a task in the pod's network namespace.
fn perform(pod: &PodName, flags: &[Flag], namespace: &Path, task: Task) -> Result<Done, Failure> {
    let done = within(namespace, &settings_of(flags), task);
    match done.outcome {
        Outcome::Failed => Err(Failure::Rules { pod: pod.to_string(), why: done.errors }),
        // The values have been looked at before.
        Outcome::WrongUsage => Err(Failure::Environment(done.errors)),
        Outcome::Printed
        | Outcome::Accepted
        | Outcome::Applied
        | Outcome::InPlace
        | Outcome::Skipped
        | Outcome::Removed
        | Outcome::NothingThere
        | Outcome::Drifted
        | Outcome::Explained
        | Outcome::NotValid => Ok(done),
    }
}

fn add(pod: &PodName, flags: &[Flag], namespace: &Path, validate: bool) -> Result<&'static str, Failure> {
    let done = perform(pod, flags, namespace, Task::Apply)?;
    if done.outcome == Outcome::Drifted {
        // By `strict`: the warnings name the foreign rules.
        return Err(Failure::Rules { pod: pod.to_string(), why: done.warnings });
    }
    if validate {
        let seen = perform(pod, flags, namespace, Task::Validate)?;
        if seen.outcome == Outcome::NotValid {
            // The pod does not start: what is left of it must not keep half of its network.
            perform(pod, flags, namespace, Task::Clean)?;
            return Err(Failure::NotValid { pod: pod.to_string(), why: seen.errors });
        }
    }
    Ok(if done.outcome == Outcome::InPlace { "its rules were already in place" } else { "its rules are in place" })
}

fn check(pod: &PodName, flags: &[Flag], namespace: &Path) -> Result<&'static str, Failure> {
    let done = perform(pod, flags, namespace, Task::Check)?;
    match done.outcome == Outcome::Drifted {
        true => Err(Failure::Differs { pod: pod.to_string(), differences: done.differences }),
        false => Ok("its rules are in place"),
    }
}

/// Has the kernel try rules in a network namespace of their own.
fn status(settings: &Settings) -> Result<Success, Failure> {
    let flags = pod::usual_flags(settings);
    let flags = settings_of(&flags);
    let wrong = mistakes(&flags);
    if !wrong.is_empty() {
        return Err(Failure::Configuration(wrong));
    }
    let done = within(OWN_NAMESPACE.as_ref(), &flags, Task::Try);
    match done.outcome == Outcome::Accepted {
        true => Ok(Success::new("the kernel accepts the rules", None)),
        false => Err(Failure::Unavailable(done.errors)),
    }
}
