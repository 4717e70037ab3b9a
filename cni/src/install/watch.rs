//! Changes in the two directories, as the kernel reports them, without polling.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, InotifyEvent};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use super::error::InstallError;
use super::place::TEMPORARY;

/// Why a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woken {
    /// Something changed, or the time is over.
    Look,
    /// The process is to end.
    End(Signal),
}

/// Two directories, or those of their parents that exist, and the signals that end the process.
pub struct Watch {
    inotify: Inotify,
    signals: SignalFd,
    directories: [PathBuf; 2],
}

/// Files that are whole, and names that come and go. A file that is still written is of no interest.
const EVENTS: AddWatchFlags = AddWatchFlags::IN_CLOSE_WRITE
    .union(AddWatchFlags::IN_MOVED_TO)
    .union(AddWatchFlags::IN_MOVED_FROM)
    .union(AddWatchFlags::IN_DELETE)
    .union(AddWatchFlags::IN_CREATE)
    .union(AddWatchFlags::IN_ATTRIB)
    .union(AddWatchFlags::IN_DELETE_SELF)
    .union(AddWatchFlags::IN_MOVE_SELF);

impl Watch {
    /// Begins to watch. From now on, SIGTERM and SIGINT end a wait and not the process.
    pub fn new(directories: [&Path; 2]) -> Result<Self, InstallError> {
        let [first, _] = directories;
        let error = || InstallError::io("watch", first);
        let mut ending = SigSet::empty();
        ending.add(Signal::SIGTERM);
        ending.add(Signal::SIGINT);
        ending.thread_block().map_err(io::Error::from).map_err(error())?;
        let signals = SignalFd::with_flags(&ending, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK);
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK);
        let mut watch = Self {
            inotify: inotify.map_err(io::Error::from).map_err(error())?,
            signals: signals.map_err(io::Error::from).map_err(error())?,
            directories: directories.map(Path::to_owned),
        };
        watch.follow()?;
        Ok(watch)
    }

    /// Watches the directories that exist by now, and for missing ones the directory in which they will be made.
    pub fn follow(&mut self) -> Result<(), InstallError> {
        for directory in &self.directories {
            // A directory that goes while it is looked for is looked for again: its parents are fewer each time.
            for path in directory.ancestors() {
                let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
                match self.inotify.add_watch(path, EVENTS | AddWatchFlags::IN_ONLYDIR) {
                    Ok(_) => break,
                    Err(Errno::ENOENT | Errno::ENOTDIR) => {}
                    Err(error) => return Err(InstallError::io("watch", path)(error.into())),
                }
            }
        }
        Ok(())
    }

    /// Waits until something changes, though not before `not_before`, until `at_latest`, or for a signal.
    pub fn wait(&mut self, not_before: Instant, at_latest: Option<Instant>) -> Result<Woken, InstallError> {
        let mut changed = false;
        loop {
            let now = Instant::now();
            let until = if changed { Some(not_before) } else { at_latest.map(|latest| latest.max(not_before)) };
            if until.is_some_and(|until| until <= now) {
                return Ok(Woken::Look);
            }
            let timeout = until.map_or(PollTimeout::NONE, |until| rounded_up(until - now));
            let mut ready = [
                PollFd::new(self.signals.as_fd(), PollFlags::POLLIN),
                PollFd::new(self.inotify.as_fd(), PollFlags::POLLIN),
            ];
            match poll(&mut ready, timeout) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(error) => return Err(self.error(error)),
            }
            if let Some(signal) = self.signals.read_signal().map_err(|error| self.error(error))? {
                let signal = i32::try_from(signal.ssi_signo).ok().and_then(|number| Signal::try_from(number).ok());
                return Ok(Woken::End(signal.unwrap_or(Signal::SIGTERM)));
            }
            changed |= self.changes()?;
        }
    }

    /// Whether something happened that is not this program's own writing.
    fn changes(&mut self) -> Result<bool, InstallError> {
        let mut changed = false;
        loop {
            match self.inotify.read_events() {
                Ok(events) => changed |= events.iter().any(|event| self.is_change(event)),
                Err(Errno::EAGAIN) => return Ok(changed),
                Err(Errno::EINTR) => {}
                Err(error) => return Err(self.error(error)),
            }
        }
    }

    /// Whether an event is of interest. A file that was just made is written next, unless it is a link.
    fn is_change(&self, event: &InotifyEvent) -> bool {
        let Some(name) = &event.name else { return true };
        if name.as_bytes().starts_with(TEMPORARY.as_bytes()) {
            return false;
        }
        let is_linked = |directory: &PathBuf| {
            let made = directory.join(name).symlink_metadata();
            made.is_ok_and(|made| !made.is_file() || made.nlink() > 1)
        };
        !event.mask.contains(AddWatchFlags::IN_CREATE)
            || event.mask.contains(AddWatchFlags::IN_ISDIR)
            || self.directories.iter().any(is_linked)
    }

    fn error(&self, error: Errno) -> InstallError {
        let [first, _] = &self.directories;
        InstallError::io("watch", first)(error.into())
    }
}

/// Milliseconds, not fewer than the time.
fn rounded_up(time: Duration) -> PollTimeout {
    let time = time + Duration::from_nanos(999_999);
    PollTimeout::try_from(time.as_millis()).unwrap_or(PollTimeout::MAX)
}
