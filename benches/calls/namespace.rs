//! Network namespaces, one for each run.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, unshare};

use crate::Result;

/// What programs read and write while they are measured: in memory, and used by nothing else.
pub const FILES: &str = "/run";

/// The network namespace that this process is in.
const HERE: &str = "/proc/thread-self/ns/net";

/// How long the kernel is left alone before the clock starts, to end what the set-up has begun.
const SETTLE: Duration = Duration::from_millis(5);

/// Namespaces that were left. Taking one down keeps a thread of the kernel busy, with grace periods that change
/// the time of other calls: so they are kept, a few at a time, and go together while nothing is measured.
static LEFT: Mutex<Vec<File>> = Mutex::new(Vec::new());
const MOST_LEFT: usize = 8;
const TAKING_DOWN: Duration = Duration::from_millis(200);

/// From here on `/run` is this process's own, and with it the lock of legacy iptables: what else runs on this
/// machine does not hold it.
pub fn enter_private_files() -> Result<()> {
    if let Some(why) = harness::missing(&["ip"]) {
        return Err(why.into());
    }
    harness::own_files();
    Ok(())
}

/// Puts this process, and what it starts, into a new network namespace with `lo` up. Returns how long that took.
pub fn fresh() -> Result<Duration> {
    let before = inode()?;
    leave()?;
    let start = Instant::now();
    unshare(CloneFlags::CLONE_NEWNET)?;
    let up = Command::new("ip").args(["link", "set", "lo", "up"]).stdin(Stdio::null()).status()?;
    let took = start.elapsed();
    // Rules in the machine's own would cut it off.
    if !up.success() || inode()? == before {
        return Err("no network namespace could be made".into());
    }
    Ok(took)
}

/// Keeps the namespace that is about to be left.
fn leave() -> Result<()> {
    let mut left = LEFT.lock().map_err(|e| e.to_string())?;
    if left.len() >= MOST_LEFT {
        left.clear();
        thread::sleep(TAKING_DOWN);
    }
    left.push(File::open(HERE)?);
    Ok(())
}

/// Waits until the kernel has done what the set-up has left to it.
pub fn settle() {
    thread::sleep(SETTLE);
}

fn inode() -> Result<u64> {
    Ok(fs::metadata(HERE)?.ino())
}
