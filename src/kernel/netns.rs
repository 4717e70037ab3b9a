//! Entering a network namespace.

use std::fs::File;
use std::path::Path;

use nix::sched::{CloneFlags, setns};

use super::KernelError;

/// Enters the network namespace at this path, for the rest of the process's life.
///
/// # Errors
/// [`KernelError::Namespace`] where the path is none, or entering it is not allowed.
pub fn enter(path: &Path) -> Result<(), KernelError> {
    let error = |reason: String| KernelError::Namespace { path: path.to_owned(), reason };
    let file = File::open(path).map_err(|e| error(e.to_string()))?;
    // The kernel refuses what is no network namespace with EINVAL.
    setns(&file, CloneFlags::CLONE_NEWNET).map_err(|e| {
        error(if e == nix::errno::Errno::EPERM { format!("{e}: this needs CAP_SYS_ADMIN") } else { e.to_string() })
    })
}

/// Makes the name-service configuration look empty to this process alone, so that programs look up names
/// in local files only: in a half-built network, any other look-up hangs. Where a mount namespace of its
/// own cannot be had, nothing changes.
///
/// Meant for a child between fork and exec: it only makes system calls.
///
/// # Errors
/// None: the child goes on with what there is.
pub(super) fn hide_name_service() -> std::io::Result<()> {
    use nix::mount::{MsFlags, mount};
    let none: Option<&str> = None;
    let _ = nix::sched::unshare(CloneFlags::CLONE_NEWNS).and_then(|()| {
        mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)?;
        mount(Some("/dev/null"), "/etc/nsswitch.conf", none, MsFlags::MS_BIND, none)
    });
    Ok(())
}
