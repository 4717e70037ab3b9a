//! The harness itself, on which the other tests depend.

use crate::support::{Case, Family};
use harness::{Backend, Namespace, ROOT, refuse_initial};

for_all!(process_counts_as_a_thread_does);

#[test]
fn the_machines_own_namespace_is_refused() {
    let refused = std::panic::catch_unwind(refuse_initial).expect_err("refused");
    let message = refused.downcast_ref::<&str>().copied().unwrap_or_default();
    assert!(message.starts_with("refused: "), "{message}");
}

#[test]
fn a_namespace_of_ones_own_is_not() {
    crate::netns::run(
        |_, _| {
            let namespace = Namespace::new("own");
            namespace.enter(ROOT, refuse_initial);
            // The calling thread has not changed its namespace.
            assert!(std::panic::catch_unwind(refuse_initial).is_err());
        },
        Backend::Nft,
        Family::Ipv4,
    );
}

/// Clients here are threads with a user's filesystem ids; this one is a process that is all the user's.
fn process_counts_as_a_thread_does(kind: Backend, family: Family) {
    let case = Case::populated(kind, family);
    let landing = |uid: &str, gid: &str| {
        let script = format!("exec 3<>/dev/tcp/{}/80; read -r name rest <&3; echo \"$name\"", family.service());
        let (reuid, regid) = (format!("--reuid={uid}"), format!("--regid={gid}"));
        let arguments = [&reuid, &regid, "--clear-groups", "bash", "-c", &script];
        case.pod.run("setpriv", &arguments, "").trim().to_owned()
    };
    assert_eq!(landing("1000", "1000"), "server");
    case.apply(&[]);
    assert_eq!(landing("1000", "1000"), "outbound");
    assert_eq!(landing("1337", "1337"), "server");
    assert_eq!(landing("1000", "1337"), "server");
    assert_eq!(landing("0", "0"), "outbound");
}
