//! What a container runtime sends the CNI plugin.

use istio_cni::failure::Failure;
use istio_cni::pod::{self, Decision};
use istio_cni::protocol::{Input, Members, PodName, Verb};
use istio_cni::settings::{Settings, settings_of};

use crate::one_line;

/// An error stays in its line and is an object of the specification; the result is the one of the plugin before; the flags
/// of a pod are flags that `istio-iptables` takes.
pub fn cni_input(mut data: &[u8]) {
    let input = match Input::read(&mut data) {
        Ok(input) => input,
        Err(failure) => return refused(&failure),
    };
    if let Err(failure) = input.supports(Verb::Add) {
        return refused(&failure);
    }
    match input.result() {
        // Numbers stay as they were written, whatever their size.
        Ok(result) => drop(serde_json::from_str::<Members>(&result).expect("the result is an object")),
        Err(failure) => refused(&failure),
    }
    let (settings, odd) = match Settings::read(&input.members) {
        Ok(read) => read,
        Err(wrong) => return wrong.iter().for_each(|wrong| one_line(wrong)),
    };
    odd.iter().for_each(|odd| one_line(odd));
    let pod = PodName { namespace: "shop".to_owned(), name: "web-0".to_owned() };
    match pod::decide(Some(&pod), &input.members, &settings) {
        Ok(Decision::Capture(of, flags)) => {
            assert_eq!(of, pod);
            assert_eq!(istio_iptables::mistakes(&settings_of(&flags)), Vec::<String>::new(), "{flags:?}");
        }
        Ok(Decision::LeaveAlone(reason)) => one_line(&reason.to_string()),
        Err(failure) => refused(&failure),
    }
}

fn refused(failure: &Failure) {
    one_line(&failure.to_string());
    let object: serde_json::Value = serde_json::from_str(&failure.object("1.0.0")).expect("an error is JSON");
    assert!(object["code"].as_u64().is_some_and(|code| code > 0), "{object}");
    assert!(object["msg"].is_string(), "{object}");
}
