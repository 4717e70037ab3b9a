//! What the observations mean.

use super::{Caller, Check, CheckOutcome, Expected, Holder, Observation, Probe, Role, Seen, Subject};
use crate::config::{Config, InterceptionMode};
use crate::net::Family;
use crate::netfilter::{Protocol, Variant};

const NOT_OF_THESE_FLAGS: &str = "These are not the rules of these flags, or something else redirects it first: as root, `istio-iptables check` with the same flags lists what differs";

/// What else is known when the observations are judged.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    pub config: &'a Config,
    pub caller: Caller,
    /// The variants and families in which there are managed rules, if that may be seen.
    pub rules: Option<Vec<(Variant, Family)>>,
}

/// A check with its outcome.
#[derive(Clone, Debug)]
pub struct CheckResult<'a> {
    pub check: &'a Check,
    /// What was seen, if a connection was made.
    pub observation: Option<Observation>,
    pub outcome: CheckOutcome,
}

/// Interprets the observations, one for each check that has a probe.
pub fn judge<'a>(facts: &Facts<'_>, checks: &'a [Check], observations: Vec<Observation>) -> Vec<CheckResult<'a>> {
    let mut observations = observations.into_iter();
    let verdicts = checks.iter().map(|check| match &check.probe {
        Err(why) => CheckResult { check, observation: None, outcome: CheckOutcome::NotChecked(why.clone()) },
        Ok(probe) => {
            let observation = observations.next();
            let outcome = match &observation {
                Some(seen) => facts.outcome(check, probe, seen),
                None => CheckOutcome::NotChecked("no connection was made".to_owned()),
            };
            CheckResult { check, observation, outcome }
        }
    });
    let mut verdicts: Vec<_> = verdicts.collect();
    // That something is not captured proves nothing if nothing is.
    let proved: Vec<_> =
        verdicts.iter().filter(|v| v.outcome.proves()).map(|v| (v.check.subject, v.check.family)).collect();
    for verdict in &mut verdicts {
        let control = match verdict.check.subject {
            Subject::ExcludedOutbound(_) => Subject::Inbound,
            Subject::ExcludedInbound(_) => Subject::Transparent,
            Subject::Inbound
            | Subject::Transparent
            | Subject::Outbound
            | Subject::DnsUdp
            | Subject::DnsTcp
            | Subject::FromElsewhere => continue,
        };
        if verdict.outcome.proves() && !proved.contains(&(control, verdict.check.family)) {
            verdict.outcome = CheckOutcome::NotChecked(
                "inconclusive: a port that is not excluded was not captured either".to_owned(),
            );
        }
    }
    verdicts
}

impl Facts<'_> {
    fn outcome(&self, check: &Check, probe: &Probe, observation: &Observation) -> CheckOutcome {
        let port = probe.expected.port().number();
        let failed = |text: String| CheckOutcome::Failed(self.with_meaning(text, check, probe));
        match (&observation.seen, probe.expected) {
            (Seen::NotTried(why), _) => CheckOutcome::NotChecked(why.clone()),
            (Seen::Taken(holder), Expected::Captured(_)) if self.is_proxy(holder) => CheckOutcome::NotChecked(format!(
                "port {port} is in use by the running proxy ({holder}), which answers itself"
            )),
            (Seen::Taken(holder), Expected::Captured(_)) => CheckOutcome::Failed(taken(holder)),
            (Seen::Taken(holder), Expected::NotCaptured(_)) => {
                CheckOutcome::NotChecked(format!("port {port} is in use ({holder})"))
            }
            (Seen::Captured { port, .. }, Expected::NotCaptured(_)) => {
                CheckOutcome::Failed(format!("it reached the listener on port {port}"))
            }
            (Seen::Captured { port: at, .. }, Expected::Captured(_)) if *at != port => {
                let text = format!("it reached the listener on port {at}, not the one on port {port}");
                let why = self.wrong_user(check, probe).unwrap_or_else(|| NOT_OF_THESE_FLAGS.to_owned());
                CheckOutcome::Failed(format!("{text}. {why}"))
            }
            (Seen::Captured { original, answered, .. }, Expected::Captured(_)) => {
                self.captured(probe, observation, *original, *answered)
            }
            (Seen::Accepted(holder), Expected::Captured(_)) if holder.port == port && self.is_proxy(holder) => {
                CheckOutcome::Partly(format!(
                    "reached port {port}, which is in use by the running proxy ({holder}): token and original destination not checked"
                ))
            }
            (Seen::Accepted(holder), Expected::Captured(_)) if holder.port == port => {
                CheckOutcome::Failed(taken(holder))
            }
            (Seen::Accepted(holder), Expected::Captured(_)) => {
                failed(format!("it was accepted on port {} ({holder}), not captured to port {port}", holder.port))
            }
            (Seen::Accepted(holder), Expected::NotCaptured(_)) if holder.port == port => {
                CheckOutcome::Failed(format!("it reached port {port} ({holder})"))
            }
            (Seen::Accepted(holder), Expected::NotCaptured(_)) => {
                CheckOutcome::Passed(format!("reached port {} itself ({holder})", holder.port))
            }
            (Seen::Outside, Expected::NotCaptured(_)) => CheckOutcome::Passed("went out".to_owned()),
            (Seen::Outside, Expected::Captured(_)) => {
                failed(format!("it left the pod and was answered by the destination, not captured to port {port}"))
            }
            (Seen::Refused(_), Expected::NotCaptured(_)) => {
                CheckOutcome::Passed("refused by the port itself, where nothing listens".to_owned())
            }
            (Seen::Refused(error), Expected::Captured(_)) => {
                failed(format!("it was refused ({error}), not captured to port {port}"))
            }
            (Seen::NoSuchAddress, _) => {
                failed("the destination is not an address of this pod; applying the rules adds it to lo".to_owned())
            }
            (Seen::Silence, Expected::NotCaptured(_)) => {
                CheckOutcome::NotChecked("nothing answered: something drops these packets".to_owned())
            }
            (Seen::Silence, Expected::Captured(_)) => {
                let text = format!("nothing answered within {:.1?}", observation.time);
                match probe.from {
                    // Within the pod everything is answered, captured or not.
                    Some(_) => CheckOutcome::Failed(format!(
                        "{text}: something drops these packets, such as a rule in the filter table or of a network policy"
                    )),
                    None => failed(format!("{text}: it left the pod uncaptured, or was dropped")),
                }
            }
        }
    }

    fn captured(
        &self,
        probe: &Probe,
        observation: &Observation,
        original: Option<std::net::SocketAddr>,
        answered: bool,
    ) -> CheckOutcome {
        let port = probe.expected.port();
        match probe.protocol {
            Protocol::Udp if !answered => CheckOutcome::Failed(format!(
                "the query reached port {port}, but the answer did not come back: conntrack does not recognise it (are the raw table's rules in place?)"
            )),
            Protocol::Tcp if !answered => {
                CheckOutcome::Failed(format!("it reached port {port}, but the answer did not come back"))
            }
            Protocol::Tcp if original != observation.to => {
                let original = original.map_or_else(|| "not known".to_owned(), |a| a.to_string());
                CheckOutcome::Failed(format!(
                    "it reached port {port}, but its original destination is {original}: another program redirects it too"
                ))
            }
            Protocol::Udp => CheckOutcome::Passed(format!("reached port {port}, and the answer came back")),
            Protocol::Tcp => {
                CheckOutcome::Passed(format!("reached port {port}, original destination and token are right"))
            }
        }
    }

    /// Istio runs the proxy as root in TPROXY mode.
    fn is_proxy(&self, holder: &Holder) -> bool {
        holder.uid.is_some_and(|uid| {
            self.config.proxy_uids.iter().any(|o| o.contains(uid))
                || (self.config.mode == InterceptionMode::Tproxy && uid == 0)
        })
    }

    /// What usually causes it.
    fn with_meaning(&self, text: String, check: &Check, probe: &Probe) -> String {
        let why = self.wrong_user(check, probe).unwrap_or_else(|| self.rules(check.family));
        format!("{text}. {why}")
    }

    /// That only the proxy's user is redirected so, if this is another one.
    fn wrong_user(&self, check: &Check, probe: &Probe) -> Option<String> {
        let as_proxy = check.subject == Subject::Inbound && probe.caller.is_none();
        if !as_proxy || !Role::Proxy.is_missed_by(self.config, &self.caller) {
            return None;
        }
        let owner = self.config.proxy_uids.first().map(ToString::to_string).unwrap_or_default();
        let uid = self.caller.ids.uid;
        Some(format!(
            "Wrong user: this is user {uid}, but the rules redirect what user {owner} sends: run the validation as that user (runAsUser: {owner}), or give --proxy-uid {uid} if that is the proxy's user"
        ))
    }

    /// What is known about the rules of a family.
    fn rules(&self, family: Family) -> String {
        let Some(rules) = &self.rules else {
            return format!(
                "Either there are no {family} rules in this network namespace (the init container or the CNI plugin did not run, or ran for other families), or they are in an iptables variant or table that does not apply to it, or something else redirects or drops it first; as root, `iptables-save` shows them"
            );
        };
        let variants: Vec<_> = rules.iter().filter(|(_, f)| *f == family).map(|(variant, _)| variant.name()).collect();
        let others = rules.iter().any(|(_, f)| *f != family);
        match (variants.as_slice(), others) {
            ([], true) => format!(
                "There are no managed {family} rules, only rules for the other family: apply them with the same --ip-families and --dual-stack"
            ),
            ([], false) => {
                "There are no managed rules in this network namespace, neither legacy nor nft: apply them first"
                    .to_owned()
            }
            (variants, _) => format!(
                "There are managed {family} rules ({}), but none applies to it, or something else redirects or drops it first: compare `iptables-save` with `istio-iptables --dry-run`",
                variants.join(" and ")
            ),
        }
    }
}

fn taken(holder: &Holder) -> String {
    format!("port {} is in use by {holder}, which is not the proxy: the proxy could not listen there", holder.port)
}
