//! The description of a packet.

use istio_iptables::capture::Plan;
use istio_iptables::config::Config;
use istio_iptables::explain::{
    Effect, Listeners, Packet, Pod, Request, RuleOutcome, Scene, Step, Trace, Verdict, chart,
};
use istio_iptables::netfilter::Layer;
use istio_iptables::report::json::TraceView;

use crate::one_line;
use crate::plans::plan;

/// A packet is printed as it can be typed, and has one end under any rules.
///
/// The first byte chooses the rules, the second the pod; the rest is the description.
pub fn packet(data: &[u8]) {
    let (Some((number, rest)), Some(shape)) = (data.split_first(), data.get(1)) else { return };
    let (config, plan) = plan(*number);
    let pod = match shape % 4 {
        0 => Pod::default(),
        1 => Pod::with_addresses(["10.244.0.10".parse().expect("an address")]),
        2 => Pod::with_addresses([]),
        _ => Pod { interfaces: Vec::new(), name_servers: Vec::new(), ways: None },
    };
    let description = String::from_utf8_lossy(rest.get(1..).unwrap_or_default());
    described(&[&description], config, plan, &pod);
}

/// Reads a description and follows the packet.
pub(crate) fn described(words: &[&str], config: &Config, plan: &Plan, pod: &Pod) {
    let request = match Request::parse(words) {
        Ok(request) => request,
        Err(errors) => {
            assert!(!errors.is_empty());
            return errors.iter().for_each(|e| one_line(&e.to_string()));
        }
    };
    let packet = match Packet::resolve(&request, pod, &plan.routing) {
        Ok(packet) => packet,
        Err(error) => return one_line(&error.to_string()),
    };
    let typed = packet.to_string();
    let again = Request::parse([&typed]).map(|r| Packet::resolve(&r, pod, &plan.routing));
    assert_eq!(again, Ok(Ok(packet.clone())), "{typed:?} typed again");
    let layers = [Layer::from(plan.rules.clone())];
    let scene = Scene { layers: &layers, routing: &plan.routing, pod, listeners: Listeners::of(config) };
    let trace = scene.follow(&packet);
    assert_eq!(scene.follow(&packet), trace, "the same packet has another way");
    ends_once(&trace);
    let text = trace.to_string();
    assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{text:?}");
    one_line(&trace.verdict.to_string());
    serde_json::to_string(&TraceView::from(&trace)).expect("it can be written as JSON");
    chart(&layers[0], packet.family(), Some(&trace));
}

/// A packet that a rule drops meets nothing more, and its verdict is that; no other packet has it.
fn ends_once(trace: &Trace) {
    let gone = |step: &Step| match step {
        Step::Rule { outcome: RuleOutcome::Matched(effect), .. } => {
            matches!(effect, Effect::Dropped | Effect::NoAddress)
        }
        _ => false,
    };
    let (last, before) = trace.steps.split_last().map_or((None, &[][..]), |(last, before)| (Some(last), before));
    assert!(!before.iter().any(gone), "a packet that was dropped goes on: {trace}");
    let dropped = last.is_some_and(gone);
    assert_eq!(matches!(trace.verdict, Verdict::Dropped { .. }), dropped, "{trace}");
}
