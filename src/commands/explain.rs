//! Reports what becomes of packets, and why.

use super::pod;
use super::session::{Live, Session};
use super::{Call, Failure};
use crate::capture::Routing;
use crate::explain::{self, Level, Listeners, Packet, Request, Scene, in_force};
use crate::kernel::capabilities::Capabilities;
use crate::kernel::detect::Netfilter;
use crate::netfilter::Layer;
use crate::report::{Outcome, Report, Rules};

/// Follows a packet; or without one, shows what happens to each kind of traffic, and what is odd about the rules.
///
/// # Errors
/// [`Failure`].
pub fn explain<'a>(call: Call<'a>, request: Option<&Request>, report: &mut Report<'a>) -> Result<Outcome, Failure> {
    let (layers, routing) = match call.options.live {
        true => live(call, report)?,
        false => {
            warn_of_flags(call, report);
            (vec![in_force(&call.plan.rules, call.options.backend)], call.plan.routing.clone())
        }
    };
    let pod = pod::look(call.config, true);
    let nothing = Layer::default();
    report.findings = explain::findings(call.config, layers.first().unwrap_or(&nothing), &pod);
    let scene = Scene { layers: &layers, routing: &routing, pod: &pod, listeners: Listeners::of(call.config) };
    let followed = match request {
        Some(request) => Packet::resolve(request, &pod, &routing).map(|packet| Some(scene.follow(&packet))),
        None => Ok(None),
    };
    if let Ok(None) = followed {
        report.traffic = Some(explain::summary(call.config, &scene));
    }
    report.rules = Rules::Observed(layers, routing);
    report.trace = followed?;
    Ok(Outcome::Explained)
}

/// Warns if flags are explained, but perhaps the pod's rules were meant.
fn warn_of_flags(call: Call<'_>, report: &mut Report<'_>) {
    if call.config.captures_nothing() {
        report.warn(
            &"no flag selects traffic to capture, such as -i '*' -b '*': explaining the defaults, which capture nothing",
        );
    }
    // Without the privilege to look, there is no warning.
    let look = || Netfilter::default().look().ok();
    if Capabilities::effective().net_admin() && look().is_some_and(|detected| detected.has_any_managed()) {
        report.warn(&"explaining the flags of this call, not the rules in this pod; --live explains those");
    }
}

/// Warns of what is odd about a configuration, unless reading it already has.
pub(super) fn warn(call: Call<'_>, report: &mut Report<'_>) {
    let pod = pod::look(call.config, call.config.dns.is_on());
    let findings = explain::findings(call.config, &in_force(&call.plan.rules, call.options.backend), &pod);
    let warnings: Vec<_> = findings.iter().filter(|f| f.level() == Level::Warning && !f.is_warned_of()).collect();
    warnings.iter().take(MOST_WARNINGS).for_each(|f| report.warn(f));
    if let more @ 1.. = warnings.len().saturating_sub(MOST_WARNINGS) {
        report.warn(&format!("{more} more such findings: run explain to list them"));
    }
    report.findings = findings;
}

/// How many findings a dry run warns of.
const MOST_WARNINGS: usize = 20;

/// What the kernel has.
///
/// # Errors
/// [`Failure`]: what cannot be read is not taken for empty.
pub fn look(call: Call<'_>) -> Result<Live, Failure> {
    Ok(Session::look(call)?.live()?)
}

/// What the kernel has, in the place of what is planned.
fn live(call: Call<'_>, report: &mut Report<'_>) -> Result<(Vec<Layer>, Routing), Failure> {
    let Live { layers, routing, backends, left_out } = look(call)?;
    for line in &left_out {
        log::warn!("cannot be followed: {line}");
    }
    match backends.as_slice() {
        [] => report.warn(&"the kernel has no iptables rules and no managed nftables rules"),
        [one] => log::info!("explaining the kernel's {one} rules"),
        several => report.warn(&format!(
            "the kernel has rules in {}; the order in which it consults them is unknown",
            several.join(" and in ")
        )),
    }
    report.backend = (!backends.is_empty()).then(|| backends.join(", "));
    report.left_out = left_out;
    Ok((layers, routing))
}
