//! What the tests on real kernels share: network namespaces, what the machine has to have for them, and random numbers
//! that a seed repeats.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "a test that cannot go on falls over")]

use std::path::Path;

use nix::sched::{CloneFlags, unshare};

mod random;

pub use random::Random;

/// Runs `test` in a new network namespace, which goes with it.
pub fn in_namespace<T: Send>(test: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            unshare(CloneFlags::CLONE_NEWNET).expect("root may make a network namespace");
            test()
        });
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Whether a test that needs root and these programs can run here. One that cannot says so, and fails in CI, which
/// counts on it.
pub fn can_run<S: AsRef<str>>(programs: &[S]) -> bool {
    let Some(missing) = missing(programs) else { return true };
    assert!(std::env::var_os("CI").is_none(), "this cannot be tested: {missing}");
    eprintln!("NOT RUN: {missing}");
    false
}

/// What a test that needs root and these programs lacks here.
pub fn missing<S: AsRef<str>>(programs: &[S]) -> Option<String> {
    if !nix::unistd::geteuid().is_root() {
        return Some("not root, which network namespaces and owner matches need".to_owned());
    }
    let program = programs.iter().map(AsRef::as_ref).find(|program| !is_there(program))?;
    Some(format!("{program} is not there"))
}

/// Whether a program is on PATH, or where system programs are.
fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/sbin", "/sbin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/local/bin"];
    std::env::split_paths(&path).chain(system.map(Into::into)).any(|folder| Path::new(&folder).join(program).exists())
}
