//! The scenarios: first apply, changes and clean, next to foreign rules.

use super::pod::{FAMILIES, Pod, State};
use harness::Backend;

pub const REDIRECT: &[&str] = &["--ip-families", "dual", "-b", "*", "-i", "*", "-x", "10.9.0.0/16", "-d", "15090"];
pub const TPROXY: &[&str] = &[
    "--ip-families",
    "dual",
    "-m",
    "TPROXY",
    "-b",
    "*",
    "-i",
    "*",
    "--redirect-dns",
    "--capture-all-dns",
    "--drop-invalid",
    "-c",
    "eth7",
];

/// What a call is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    Apply,
    ApplyTproxy,
    ToTproxy,
    ToRedirect,
    Clean,
}

impl Deed {
    pub const ALL: [Self; 5] = [Self::Apply, Self::ApplyTproxy, Self::ToTproxy, Self::ToRedirect, Self::Clean];

    /// The flags of the rules that exist before.
    pub fn first(self) -> Option<&'static [&'static str]> {
        match self {
            Self::Apply | Self::ApplyTproxy => None,
            Self::ToTproxy => Some(REDIRECT),
            Self::ToRedirect | Self::Clean => Some(TPROXY),
        }
    }

    /// The call.
    pub fn args(self, kind: Backend) -> Vec<String> {
        let (command, flags) = match self {
            Self::Apply | Self::ToRedirect => (None, REDIRECT),
            Self::ApplyTproxy | Self::ToTproxy => (None, TPROXY),
            Self::Clean => (Some("clean"), TPROXY),
        };
        let mut args: Vec<String> = command.into_iter().chain(flags.iter().copied()).map(str::to_owned).collect();
        args.push(kind.flag().to_owned());
        args
    }
}

fn foreign_before(family: &str) -> String {
    let host = if family == "ip" { "203.0.113.7/32" } else { "2001:db8::7/128" };
    format!(
        "*filter\n-N FOREIGN_FILTER\n-A FOREIGN_FILTER -p tcp -m tcp --dport 22 -j ACCEPT\n-A INPUT -j FOREIGN_FILTER\nCOMMIT\n\
         *nat\n-N FOREIGN\n-A FOREIGN -p tcp -m tcp --dport 8443 -j RETURN\n-A PREROUTING -p tcp -m tcp --dport 9999 -j FOREIGN\n\
         -A POSTROUTING -o eth9 -j MASQUERADE\n-A OUTPUT -d {host} -j RETURN\nCOMMIT\n"
    )
}

fn foreign_after(family: &str) -> String {
    let host = if family == "ip" { "203.0.113.7/32" } else { "2001:db8::7/128" };
    format!(
        "*nat\n-A PREROUTING -p tcp -m tcp --dport 9998 -m comment --comment \"no \\\"-j ISTIO_OUTPUT\\\" here\" -j FOREIGN\n\
         -A OUTPUT -p udp -m udp --dport 5353 -j ACCEPT\n-A OUTPUT -d {host} -j RETURN\n-A POSTROUTING -o eth8 -j MASQUERADE\nCOMMIT\n\
         *mangle\n-A POSTROUTING -o eth9 -j MARK --set-xmark 0x7/0xff\nCOMMIT\n"
    )
}

/// Makes the pod what it is before the deed.
pub fn prepare(pod: &Pod, kind: Backend, deed: Deed, foreign: bool) {
    pod.renew();
    let load = |text: fn(&str) -> String| {
        for family in FAMILIES.iter().filter(|_| foreign) {
            pod.load(kind, family, &text(family));
        }
    };
    load(foreign_before);
    if let Some(flags) = deed.first() {
        let mut flags = flags.to_vec();
        flags.push(kind.flag());
        pod.does(&flags);
        load(foreign_after);
    }
}

/// The state before a deed, and the one that an undisturbed call leads to.
pub fn states(pod: &Pod, kind: Backend, deed: Deed, foreign: bool) -> (State, State) {
    prepare(pod, kind, deed, foreign);
    let before = pod.state();
    pod.does(&deed.args(kind));
    let after = pod.state();
    assert_ne!(before, after);
    if deed == Deed::Clean {
        assert_eq!(after.ours(), Vec::<String>::new());
    }
    (before, after)
}
