//! Configurations to try an input with.

use std::sync::LazyLock;

use istio_iptables::capture::{self, Plan};
use istio_iptables::config::Config;

use crate::call::Call;

/// One of each kind of rule there is.
const FLAGS: [&str; 10] = [
    "",
    "-b * -i *",
    "-b * -i * -x 10.9.0.0/16 -d 15090 -o 22",
    "-b 80,443 -i 10.0.0.0/8,fd00::/8 -c eth1,eth2 -k vm0",
    "-m TPROXY -b * -i * --redirect-dns --capture-all-dns --drop-invalid",
    "-m TPROXY -b 80 -i * -c eth1 -t 77 -r 99",
    "-b * -i * -k vm0,vm1 -u 1,2 -g 3",
    "-m TPROXY -b * -i * -x 10.9.0.0/16",
    "-b * -i 127.0.0.0/8,::1/128 --redirect-dns -q 8000:8100 -u root -g 1-5",
    "-b * -i * -p 1 -z 2 -e 3 --redirect-dns --ip-families ipv4",
];

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
