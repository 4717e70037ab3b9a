//! Entering a network namespace, one that is there or a new one.

use std::fs::File;
use std::path::Path;

use nix::sched::{CloneFlags, setns, unshare};

use super::KernelError;
use super::host::has_an_end;
use crate::netfilter::Ruleset;

/// Enters the network namespace at this path, for the rest of the process's life.
///
/// # Errors
/// Why the path names none, or may not be entered.
pub fn enter(path: &Path) -> Result<(), String> {
    let file = has_an_end(path).and_then(|()| File::open(path)).map_err(|e| e.to_string())?;
    // The kernel refuses what is no network namespace with EINVAL.
    setns(&file, CloneFlags::CLONE_NEWNET).map_err(|e| match e == nix::errno::Errno::EPERM {
        true => format!("{e}: this needs CAP_SYS_ADMIN"),
        false => e.to_string(),
    })
}

/// Enters a new network namespace, which goes with the process, with `lo` up. If that is not allowed, it is
/// one of a new user namespace, in which only one user and one group exist.
///
/// # Errors
/// [`KernelError::Throwaway`] if neither can be had, or the rules name a user that would not exist.
pub fn throwaway(rules: &Ruleset) -> Result<(), KernelError> {
    let error = |reason: String| KernelError::Throwaway { reason };
    match unshare(CloneFlags::CLONE_NEWNET) {
        Ok(()) => {}
        Err(nix::errno::Errno::EPERM) => user_namespace(rules).map_err(error)?,
        Err(errno) => return Err(error(errno.to_string())),
    }
    super::routes::loopback_up().map_err(|e| error(format!("its lo cannot be set up: {e}")))
}

/// Enters a new user namespace with a network namespace. The only user that may be mapped without privileges is
/// the caller's own; it becomes root, because programs that it starts would lose their capabilities otherwise.
fn user_namespace(rules: &Ruleset) -> Result<(), String> {
    let mut owners = rules.rules().flat_map(|(_, rule)| rule.owners());
    if let Some(owner) = owners.find(|o| !o.contains(0) || o.contains(1)) {
        return Err(format!(
            "this process lacks CAP_SYS_ADMIN, and a new user namespace has no user or group {owner}, which the rules name: run it with CAP_SYS_ADMIN, as in a privileged container"
        ));
    }
    let (uid, gid) = (nix::unistd::geteuid(), nix::unistd::getegid());
    unshare(CloneFlags::CLONE_NEWUSER)
        .map_err(|e| format!("{e}: this process lacks CAP_SYS_ADMIN, and may not create a user namespace"))?;
    let write = |file: &str, text: String| std::fs::write(file, text).map_err(|e| format!("{file}: {e}"));
    write("/proc/self/setgroups", "deny".to_owned())?;
    write("/proc/self/uid_map", format!("0 {uid} 1"))?;
    write("/proc/self/gid_map", format!("0 {gid} 1"))?;
    // Only now: files in /proc/net belong to the root that there is when the namespace is made.
    unshare(CloneFlags::CLONE_NEWNET).map_err(|e| e.to_string())
}

/// Makes the name-service configuration look empty to this process alone, so that programs look up names
/// in local files only: in a half-built network, any other look-up hangs. If a mount namespace of its
/// own cannot be had, nothing changes.
///
/// Meant for a child between fork and exec: it only makes system calls.
///
/// # Errors
/// None: the child continues with what there is.
pub(super) fn hide_name_service() -> std::io::Result<()> {
    use nix::mount::{MsFlags, mount};
    let none: Option<&str> = None;
    let _ = unshare(CloneFlags::CLONE_NEWNS).and_then(|()| {
        mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)?;
        mount(Some("/dev/null"), "/etc/nsswitch.conf", none, MsFlags::MS_BIND, none)
    });
    Ok(())
}
