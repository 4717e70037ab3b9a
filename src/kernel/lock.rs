//! Calls in the same network namespace wait for each other.

use std::fs::{File, TryLockError};
use std::io;
use std::time::Duration;

use nix::fcntl::{FcntlArg, FdFlag, fcntl};

use super::KernelError;
use super::netlink::Backoff;

/// The network namespace of this thread, as a file that can be locked.
const NAMESPACE: &str = "/proc/thread-self/ns/net";

/// The lock of legacy iptables itself (iptables(8)).
pub(super) const XTABLES_LOCK: &str = "/run/xtables.lock";

/// The lock of a network namespace, held until it is dropped and every child that inherited it has ended:
/// the child of a call that was killed may still be running.
#[derive(Debug)]
pub struct NamespaceLock {
    // Only ever closed: unlocking it would take the lock from a running child too.
    _file: File,
}

impl NamespaceLock {
    /// Takes the lock for itself, waiting for at most `bound`.
    ///
    /// The lock is `flock(2)` on the namespace's own file, so it is there without a writable file system,
    /// and no two namespaces share it. The programs that use legacy iptables with `XTABLES_LOCKFILE` set to
    /// the namespace (Istio's CNI plugin) take the same lock.
    ///
    /// # Errors
    /// [`KernelError::Locked`] if the time is over, [`KernelError::Lock`] if the system has no such file.
    pub fn take(bound: Duration) -> Result<Self, KernelError> {
        Self::lock(bound, File::try_lock)
    }

    /// Takes the lock shared with other readers, waiting for at most `bound` until no other call changes anything.
    pub fn share(bound: Duration) -> Result<Self, KernelError> {
        Self::lock(bound, File::try_lock_shared)
    }

    fn lock(bound: Duration, try_lock: fn(&File) -> Result<(), TryLockError>) -> Result<Self, KernelError> {
        let error = |error| KernelError::Lock { file: NAMESPACE, error };
        let file = File::open(NAMESPACE).map_err(error)?;
        let mut backoff = Backoff::new();
        loop {
            match try_lock(&file) {
                Ok(()) => {
                    // Children are to inherit it.
                    fcntl(&file, FcntlArg::F_SETFD(FdFlag::empty())).map_err(|e| error(e.into()))?;
                    return Ok(Self { _file: file });
                }
                Err(TryLockError::Error(e)) if e.kind() != io::ErrorKind::Interrupted => return Err(error(e)),
                Err(_) if backoff.wait(bound) => {}
                Err(_) => return Err(KernelError::Locked { seconds: bound.as_secs() }),
            }
        }
    }
}
