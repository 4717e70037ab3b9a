//! Configurations to try an input with.

use std::sync::LazyLock;

use istio_iptables::capture::{self, Plan};
use istio_iptables::config::Config;

use crate::call::Call;
use istio_iptables::state::model::FLAGS;

/// Plans with what they were made from.
static PLANS: LazyLock<Vec<(Config, Plan)>> = LazyLock::new(|| FLAGS.map(planned).into());

fn planned(flags: &str) -> (Config, Plan) {
    let call = Call::of(["--ip-families", "dual"].into_iter().chain(flags.split_ascii_whitespace()));
    let resolved = call.resolve().expect("it is no call for help");
    assert!(resolved.problems.errors.is_empty(), "{flags}: {:?}", resolved.problems);
    let plan = capture::plan(&resolved.config);
    // As they are handed to programs.
    let plan = Plan { rules: plan.rules.by_number().into_owned(), routing: plan.routing };
    (resolved.config, plan)
}

/// A plan by number: any number will do.
pub(crate) fn plan(number: u8) -> &'static (Config, Plan) {
    &PLANS[usize::from(number) % FLAGS.len()]
}
