//! The log: lines on standard error, which the runtime puts into its own, and a line for each call in a file.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use log::{Level, LevelFilter, Log, Metadata, Record};
use nix::fcntl::{Flock, FlockArg};

/// How long the file gets before it becomes the older one.
const MOST_BYTES: u64 = 4 << 20;

struct StandardError;

impl Log for StandardError {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        level(metadata) <= log::max_level()
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let line = istio_iptables::log_line(level(record.metadata()), &record.args().to_string());
            // If standard error cannot be written to, there is nowhere to report it.
            let _ = io::stderr().write_all(line.as_bytes());
        }
    }

    fn flush(&self) {}
}

/// The library's log, rule by rule, is too much for each pod of a node.
fn level(metadata: &Metadata<'_>) -> Level {
    let of_library = metadata.target().starts_with("istio_iptables");
    if of_library && metadata.level() == Level::Info { Level::Debug } else { metadata.level() }
}

/// Makes standard error the log, from this level on.
pub fn install(level: LevelFilter) {
    log::set_max_level(level);
    // An error only means that there is a log already.
    let _ = log::set_logger(&StandardError);
}

/// Appends what came of a call to a file, as one line. A file that cannot be written to stops no pod.
pub fn append(path: &Path, level: Level, text: &str) {
    let one_line = text.replace('\n', "; ");
    let line = istio_iptables::log_line(level, &one_line);
    if let Err(error) = write(path, line.as_bytes()) {
        log::warn!("log_file {path:?} cannot be written: {error}");
    }
}

fn write(path: &Path, line: &[u8]) -> io::Result<()> {
    let mut file = open(path)?;
    if file.metadata()?.len() > MOST_BYTES {
        rotate(path, file)?;
        file = open(path)?;
    }
    file.write_all(line)
}

/// The file at this path. Anything but a file, such as a FIFO, would hold up the pod.
fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let flags = nix::libc::O_NONBLOCK | nix::libc::O_NOFOLLOW;
    let file = OpenOptions::new().append(true).create(true).mode(0o640).custom_flags(flags).open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::other("not a regular file")),
    }
}

/// Makes the file the older one, once: of two calls that find it full, the second one lets it be.
fn rotate(path: &Path, file: File) -> io::Result<()> {
    let Ok(file) = Flock::lock(file, FlockArg::LockExclusive) else { return Ok(()) };
    if std::fs::metadata(path).is_ok_and(|there| there.ino() == file.metadata().map_or(0, |m| m.ino())) {
        let mut older = path.as_os_str().to_owned();
        older.push(".1");
        std::fs::rename(path, older)?;
    }
    Ok(())
}
