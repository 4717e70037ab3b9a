//! One run under ptrace(2): not for its time, but for what it uses.

use std::fs;
use std::os::unix::process::CommandExt;

use nix::libc;
use nix::sys::ptrace::{self, Event, Options};
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::Result;
use crate::programs::Program;

/// What a run used.
#[derive(Clone, Copy, Debug, Default)]
pub struct Used {
    /// The programs it started.
    pub programs: usize,
    /// The system calls of the program itself.
    pub system_calls: usize,
    /// The most memory of the program itself, in KiB. Read when it is about to end, from the memory that it got
    /// when it was started (VmHWM in proc_pid_status(5)); `ru_maxrss` in getrusage(2) would not do, since it
    /// begins with the size of its parent, and ends with that of its largest child.
    pub peak_kib: usize,
}

/// Runs a program and all that it starts to their end.
pub fn run(program: &Program) -> Result<Used> {
    let mut command = program.command()?;
    // SAFETY: the only thing done between fork and exec is one system call.
    unsafe { command.pre_exec(|| Ok(ptrace::traceme()?)) };
    let child = command.spawn()?;
    let main = Pid::from_raw(i32::try_from(child.id())?);
    // It has stopped, since it executed something.
    waitpid(main, None)?;
    let all = [Options::PTRACE_O_TRACEFORK, Options::PTRACE_O_TRACEVFORK, Options::PTRACE_O_TRACECLONE];
    let events = [Options::PTRACE_O_TRACEEXEC, Options::PTRACE_O_TRACEEXIT, Options::PTRACE_O_TRACESYSGOOD];
    let end = [Options::PTRACE_O_EXITKILL];
    ptrace::setoptions(main, all.into_iter().chain(events).chain(end).collect())?;
    ptrace::syscall(main, None)?;
    let mut used = Used::default();
    let mut stops = 0;
    let mut succeeded = false;
    loop {
        let (stopped, signal) = match waitpid(None, Some(WaitPidFlag::__WALL)) {
            Ok(WaitStatus::PtraceEvent(pid, _, event)) => {
                if event == Event::PTRACE_EVENT_EXEC as libc::c_int {
                    used.programs += 1;
                } else if event == Event::PTRACE_EVENT_EXIT as libc::c_int && pid == main {
                    used.peak_kib = peak(pid)?;
                }
                (pid, None)
            }
            Ok(WaitStatus::PtraceSyscall(pid)) => {
                stops += usize::from(pid == main);
                (pid, None)
            }
            // A process that is traced from its start begins with this.
            Ok(WaitStatus::Stopped(pid, Signal::SIGSTOP)) => (pid, None),
            Ok(WaitStatus::Stopped(pid, signal)) => (pid, Some(signal)),
            Ok(WaitStatus::Exited(pid, status)) => {
                succeeded |= pid == main && status == 0;
                continue;
            }
            Ok(WaitStatus::Signaled(..) | WaitStatus::Continued(_) | WaitStatus::StillAlive) => continue,
            Err(nix::Error::ECHILD) => break,
            Err(error) => return Err(error.into()),
        };
        let goes_on = if stopped == main { ptrace::syscall(stopped, signal) } else { ptrace::cont(stopped, signal) };
        match goes_on {
            // It was killed meanwhile.
            Ok(()) | Err(nix::Error::ESRCH) => {}
            Err(error) => return Err(error.into()),
        }
    }
    // Each call stops at its beginning and its end, except for the one that ends the process.
    used.system_calls = usize::div_ceil(stops, 2);
    if succeeded { Ok(used) } else { Err(program.failed("(it was watched)")) }
}

fn peak(pid: Pid) -> Result<usize> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let size = line.and_then(|line| line.split_ascii_whitespace().next()).ok_or("no VmHWM in /proc/PID/status")?;
    Ok(size.parse()?)
}
