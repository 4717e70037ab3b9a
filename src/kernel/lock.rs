//! Calls of ours in the same network namespace wait for each other.

use std::fs::File;
use std::mem::ManuallyDrop;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, Flock, FlockArg, fcntl};

use super::KernelError;

/// The network namespace of this thread, as a file that can be locked.
const NAMESPACE: &str = "/proc/thread-self/ns/net";

/// The lock of a network namespace, held until this process and every child that inherited it has ended:
/// the child of a call that was killed may still be at work.
#[derive(Debug)]
pub struct NamespaceLock {
    // Never unlocked, which would take the lock from a child at work too: the end of the process closes it.
    _lock: ManuallyDrop<Flock<File>>,
}

impl NamespaceLock {
    /// Takes the lock, waiting for at most `bound`.
    ///
    /// The lock is `flock(2)` on the namespace's own file, so it is there without a writable file system,
    /// and no two namespaces share it. The programs that use legacy iptables with `XTABLES_LOCKFILE` set to
    /// the namespace (Istio's CNI plugin) take the same lock.
    ///
    /// # Errors
    /// [`KernelError::Lock`] where the time is over, or the system has no such file.
    pub fn take(bound: Duration) -> Result<Self, KernelError> {
        let error = |reason: String| KernelError::Lock { seconds: bound.as_secs(), reason };
        let mut file = File::open(NAMESPACE).map_err(|e| error(format!("{NAMESPACE}: {e}")))?;
        let until = Instant::now() + bound;
        // Waiting calls try again ever less often; the first tries matter, since a call takes milliseconds.
        let mut pause = Duration::from_millis(1);
        loop {
            match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                Ok(lock) => {
                    // Children are to inherit it.
                    fcntl(&*lock, FcntlArg::F_SETFD(FdFlag::empty())).map_err(|e| error(e.to_string()))?;
                    return Ok(Self { _lock: ManuallyDrop::new(lock) });
                }
                Err((returned, Errno::EWOULDBLOCK | Errno::EINTR)) if Instant::now() < until => file = returned,
                Err((_, Errno::EWOULDBLOCK)) => return Err(error("it is held".to_owned())),
                Err((_, errno)) => return Err(error(errno.to_string())),
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(20));
        }
    }
}
