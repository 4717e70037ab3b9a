//! What the tests on real kernels share: network namespaces, programs and what comes of them, what the machine has to
//! have, and random numbers that a seed repeats. Of no use to the program.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "a test that cannot go on falls over")]

mod backend;
mod namespace;
mod process;
mod random;

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub use backend::Backend;
pub use namespace::{
    APP, Namespace, PROXY, ROOT, TPROXY_PROXY, Who, delivers, in_namespace, own_files, refuse_initial, resolve_with,
    thread_folder,
};
pub use process::{Outcome, feed, run};
pub use random::Random;

/// How long anything may take, on a machine that is busy with other things too; only a test that fails waits as long.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until something is so.
#[track_caller]
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "not so in time: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Calls again what a signal interrupted. The kernel resumes most calls by itself, but not those on a socket with a timeout
/// (signal(7)). A thread that starts a program blocks signals until that is done; if the program ends first, its SIGCHLD
/// interrupts any other thread of the test.
pub fn uninterrupted<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Whether a test that needs root and these programs can run here. One that cannot reports that, and fails in CI, which
/// counts on it.
pub fn can_run<S: AsRef<str>>(programs: &[S]) -> bool {
    missing(programs).is_none_or(|why| cannot_run(&why))
}

/// Reports that a test cannot run, and fails in CI. Returns false.
pub fn cannot_run(why: &str) -> bool {
    assert!(std::env::var_os("CI").is_none(), "this cannot be tested: {why}");
    eprintln!("NOT RUN: {why}");
    false
}

/// What a test that needs root and these programs lacks here.
pub fn missing<S: AsRef<str>>(programs: &[S]) -> Option<String> {
    if !nix::unistd::geteuid().is_root() {
        return Some("not root, which network namespaces and owner matches need".to_owned());
    }
    let program = programs.iter().map(AsRef::as_ref).find(|program| look_for(program).is_none())?;
    Some(format!("{program} is not there"))
}

/// The real program of this name.
pub fn real(program: &str) -> PathBuf {
    look_for(program).unwrap_or_else(|| panic!("{program} is needed"))
}

/// A program on PATH or in the directories of system programs.
fn look_for(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/sbin", "/sbin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/local/bin"];
    let places = std::env::split_paths(&path).chain(system.map(Into::into));
    places.map(|folder| Path::new(&folder).join(program)).find(|file| file.exists())
}
