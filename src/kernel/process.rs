//! Child processes: the one place that starts any. No shell, standard input from a pipe, output and errors
//! captured whole, a bound on the time.

use std::ffi::OsString;
use std::fmt;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

mod error;

pub use error::ProcessError;

/// A program to run.
#[derive(Clone, Debug, Default)]
pub struct ProgramCall {
    /// The program, by absolute path.
    pub program: PathBuf,
    pub arguments: Vec<String>,
    /// A variable besides the few that every child gets.
    pub environment: Option<(&'static str, &'static str)>,
    /// Whether it is to see an empty name-service configuration, if that can be had.
    pub without_name_service: bool,
}

/// What a program that ended well has written to standard output.
pub type Output = Vec<u8>;

impl fmt::Display for ProgramCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}", self.program.display())?;
        for argument in &self.arguments {
            write!(f, " {argument}")?;
        }
        f.write_str("`")
    }
}

/// Finds a program on `PATH`: the first file of that name that can be executed.
pub fn find(name: &str, path: Option<OsString>) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt;
    let executable = |p: &Path| p.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0);
    let path = path.unwrap_or_else(|| "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".into());
    // A relative directory would make the program depend on the current directory.
    std::env::split_paths(&path).filter(|d| d.is_absolute()).map(|d| d.join(name)).find(|p| executable(p))
}

/// Programs that were started at the same time, and wait for what they are to read: what a program does
/// before it reads, such as being linked, needs no time of its own then.
///
/// Dropped before they are given anything, they are killed.
#[derive(Debug)]
pub struct Started {
    pub calls: Vec<ProgramCall>,
    running: Vec<Result<Running, ProcessError>>,
}

impl Started {
    /// Starts programs. One that cannot be started is reported at the end.
    pub fn new(calls: Vec<ProgramCall>) -> Self {
        let running = calls.iter().map(Running::start).collect();
        Self { calls, running }
    }

    /// Gives each program its input, in the order of the calls, and waits for all of them, for as long as
    /// `bound`.
    pub fn finish(&mut self, inputs: &[&str], bound: Duration) -> Vec<Result<Output, ProcessError>> {
        let until = Instant::now() + bound;
        let inputs = inputs.iter().copied().chain(std::iter::repeat(""));
        let mut running: Vec<_> = std::mem::take(&mut self.running).into_iter().zip(inputs).collect();
        pump(&mut running, until);
        let ends = running.into_iter().zip(&self.calls);
        ends.map(|((program, input), call)| program.and_then(|p| p.end(call, input, until, bound))).collect()
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        self.running.iter_mut().flatten().for_each(|program| end_group(&mut program.child));
    }
}

/// Runs programs at the same time, and waits for all of them. The answers are in the order of the calls.
pub fn run_all(calls: &[(&ProgramCall, &str)], bound: Duration) -> Vec<Result<Output, ProcessError>> {
    let inputs: Vec<_> = calls.iter().map(|(_, input)| *input).collect();
    Started::new(calls.iter().map(|(call, _)| (*call).clone()).collect()).finish(&inputs, bound)
}

/// A running program.
#[derive(Debug)]
struct Running {
    child: Child,
    /// How much of its input it has.
    written: usize,
    out: Vec<u8>,
    err: Vec<u8>,
    trouble: Option<io::Error>,
}

/// Variables that a child inherits unchanged: the paths of programs and of their libraries.
const PASSED_ON: [&str; 3] = ["PATH", "LD_LIBRARY_PATH", "XTABLES_LIBDIR"];

impl Running {
    fn start(call: &ProgramCall) -> Result<Self, ProcessError> {
        log::debug!("running {call}");
        let error = |source| ProcessError::Start { program: call.program.clone(), source };
        let mut command = Command::new(&call.program);
        command.args(&call.arguments).env_clear().env("LC_ALL", "C");
        command.envs(PASSED_ON.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        command.envs(call.environment);
        notice_ends();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // A group of its own, so that what a wrapper started can be ended together with it.
        command.process_group(0);
        if call.without_name_service {
            // SAFETY: between fork and exec, this only makes system calls with constant arguments.
            unsafe { command.pre_exec(super::netns::hide_name_service) };
        }
        let child = command.spawn().map_err(error)?;
        let pipes = [
            child.stdin.as_ref().map(AsFd::as_fd),
            child.stdout.as_ref().map(AsFd::as_fd),
            child.stderr.as_ref().map(AsFd::as_fd),
        ];
        for pipe in pipes.into_iter().flatten() {
            do_not_wait_for(pipe).map_err(error)?;
        }
        Ok(Self { child, written: 0, out: Vec::new(), err: Vec::new(), trouble: None })
    }

    /// Writes and reads what can be without waiting.
    fn step(&mut self, input: &str) {
        if let Some(stdin) = &mut self.child.stdin {
            let rest = input.as_bytes().get(self.written..).unwrap_or_default();
            match if rest.is_empty() { Ok(0) } else { stdin.write(rest) } {
                Ok(count) => {
                    self.written += count;
                    if count == 0 || self.written == input.len() {
                        self.child.stdin = None;
                    }
                }
                Err(error) if waits(&error) => {}
                // It ended without reading all of it: its exit status is the reason.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => self.child.stdin = None,
                Err(error) => {
                    self.trouble = Some(error);
                    self.child.stdin = None;
                }
            }
        }
        drain(&mut self.child.stdout, &mut self.out, &mut self.trouble);
        drain(&mut self.child.stderr, &mut self.err, &mut self.trouble);
    }

    fn pipes(&self) -> impl Iterator<Item = PollFd<'_>> {
        let stdin = self.child.stdin.as_ref().map(|p| PollFd::new(p.as_fd(), PollFlags::POLLOUT));
        let stdout = self.child.stdout.as_ref().map(|p| PollFd::new(p.as_fd(), PollFlags::POLLIN));
        let stderr = self.child.stderr.as_ref().map(|p| PollFd::new(p.as_fd(), PollFlags::POLLIN));
        stdin.into_iter().chain(stdout).chain(stderr)
    }

    /// Waits for the end, which comes at once if both outputs are closed.
    fn end(mut self, call: &ProgramCall, input: &str, until: Instant, bound: Duration) -> Result<Output, ProcessError> {
        let (command, said) = (call.to_string(), String::from_utf8_lossy(&self.err).into_owned());
        if let Some(source) = self.trouble {
            end_group(&mut self.child);
            return Err(ProcessError::Pipe { command, source });
        }
        let status = match wait(&mut self.child, until) {
            Ok(Some(status)) => status,
            Ok(None) => {
                end_group(&mut self.child);
                let cause = super::diagnosis::hung(&call.arguments);
                return Err(ProcessError::Hung { command, bound, said, cause });
            }
            Err(source) => return Err(ProcessError::Pipe { command, source }),
        };
        if !status.success() {
            let line = error::complaint(&said, input);
            let text = line.as_ref().map(|(_, text)| text.as_str());
            let cause = super::diagnosis::cause(&call.program, &said, text, input);
            return Err(ProcessError::Failed { command, status, line, said, cause });
        }
        Ok(self.out)
    }
}

/// Moves input and output of all programs until their pipes are closed or the time is over.
fn pump(running: &mut [(Result<Running, ProcessError>, &str)], until: Instant) {
    loop {
        for (program, input) in running.iter_mut() {
            program.iter_mut().for_each(|p| p.step(input));
        }
        let mut pipes: Vec<_> = running.iter().flat_map(|(program, _)| program).flat_map(Running::pipes).collect();
        let left = until.saturating_duration_since(Instant::now());
        if pipes.is_empty() || left.is_zero() {
            return;
        }
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        match poll(&mut pipes, timeout) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => {}
            Err(_) => return,
        }
    }
}

/// Ends a program and all that it started: a child of its own would go on with the work, and hold the lock
/// of the network namespace.
fn end_group(child: &mut Child) {
    if let Ok(group) = i32::try_from(child.id()) {
        let _ = nix::sys::signal::killpg(nix::unistd::Pid::from_raw(group), nix::sys::signal::Signal::SIGKILL);
    }
    let _ = child.kill();
    let _ = child.wait();
}

/// Waits for the end of a program, which comes soon if its outputs are closed.
fn wait(child: &mut Child, until: Instant) -> io::Result<Option<ExitStatus>> {
    let end = notice_of_end(child);
    let mut pause = Duration::from_micros(50);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(None);
        }
        match &end {
            Some(end) => {
                let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
                let _ = poll(&mut [PollFd::new(end.as_fd(), PollFlags::POLLIN)], timeout);
            }
            None => {
                std::thread::sleep(pause);
                pause = (pause * 2).min(Duration::from_millis(10));
            }
        }
    }
}

/// Has the kernel keep the exit status of programs. A parent that ignores SIGCHLD leaves that to this process, and
/// then the kernel throws it away (wait(2)).
fn notice_ends() {
    use nix::sys::signal::{SigHandler, Signal, signal};
    // SAFETY: neither is a function that could run at the wrong time.
    let before = unsafe { signal(Signal::SIGCHLD, SigHandler::SigDfl) };
    if let Ok(handler @ SigHandler::Handler(_)) = before {
        // SAFETY: it was there before.
        let _ = unsafe { signal(Signal::SIGCHLD, handler) };
    }
}

/// A descriptor that can be read once the program has ended (pidfd_open(2)); `None` if the kernel has no
/// such thing, or does not permit it.
fn notice_of_end(child: &Child) -> Option<OwnedFd> {
    // SAFETY: the call takes two numbers.
    let fd = unsafe { nix::libc::syscall(nix::libc::SYS_pidfd_open, child.id(), 0) };
    let fd = i32::try_from(fd).ok().filter(|fd| *fd >= 0)?;
    // SAFETY: the kernel has just opened it for this process.
    Some(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// The most that is read of what a program prints: a hundred times what ten thousand rules are.
const MOST_READ: usize = 64 << 20;

fn drain<P: Read>(pipe: &mut Option<P>, into: &mut Vec<u8>, trouble: &mut Option<io::Error>) {
    let Some(open) = pipe else { return };
    let mut buffer = [0; 4_096];
    loop {
        match open.read(&mut buffer) {
            Ok(0) => break,
            Ok(_) if into.len() > MOST_READ => {
                *trouble = Some(io::Error::other("it printed more than 64 MiB, and was killed"));
                break;
            }
            Ok(count) => into.extend_from_slice(buffer.get(..count).unwrap_or_default()),
            Err(error) if waits(&error) => return,
            Err(error) => {
                *trouble = Some(error);
                break;
            }
        }
    }
    *pipe = None;
}

fn waits(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

fn do_not_wait_for(pipe: BorrowedFd<'_>) -> io::Result<()> {
    let flags = OFlag::from_bits_truncate(fcntl(pipe, FcntlArg::F_GETFL)?);
    fcntl(pipe, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
    Ok(())
}

#[cfg(test)]
mod tests;
