//! The runtime's directory of configurations: its files, and which of them the runtime uses.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, SystemTime};

use nix::libc;

use super::conflist::{self, Conflist, Unusable};
use super::error::InstallError;
use super::object::Object;

/// More than any configuration has.
const LIMIT: u64 = 4 << 20;

/// For so long, a file that is not whole may still be written.
const SETTLED_AFTER: Duration = Duration::from_secs(2);

/// Links from link to link.
const LINKS: usize = 8;

/// How a file is read, which follows from its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `.conflist`: a list of plugins.
    List,
    /// `.conf` and `.json`: one plugin.
    Single,
}

impl Shape {
    /// `None` for what runtimes pass over.
    pub fn of(name: &OsStr) -> Option<Self> {
        let name = name.as_bytes();
        let extension = name.iter().rposition(|c| *c == b'.').and_then(|dot| name.get(dot..));
        match extension {
            Some(b".conflist") => Some(Self::List),
            Some(b".conf" | b".json") => Some(Self::Single),
            _ => None,
        }
    }
}

/// A configuration that could be read.
#[derive(Debug)]
pub struct Found {
    /// Its name in the directory.
    pub name: OsString,
    /// How it is read.
    pub shape: Shape,
    /// The file itself: the same name, unless that is a link within the directory.
    pub file: OsString,
    /// What is in it.
    pub text: String,
    /// What the system knows of it.
    pub metadata: Metadata,
}

impl Found {
    /// What keeps a runtime from using it.
    pub fn usable(&self) -> Result<(), Unusable> {
        match self.shape {
            Shape::List => Conflist::usable(&self.text).map(drop),
            Shape::Single => conflist::usable_single(&self.text),
        }
    }

    /// Whether an object that this program wrote is in it.
    pub fn is_managed(&self) -> bool {
        self.shape == Shape::List && Conflist::read(&self.text).is_ok_and(|list| list.is_managed())
    }

    /// Whether exactly this object is in it.
    pub fn holds(&self, object: &Object) -> bool {
        self.shape == Shape::List && Conflist::read(&self.text).is_ok_and(|list| list.holds(object))
    }

    /// How long it may still be on its way.
    fn unsettled(&self) -> Option<Duration> {
        let age = SystemTime::now().duration_since(self.metadata.modified().ok()?).ok()?;
        SETTLED_AFTER.checked_sub(age)
    }
}

/// What the runtime uses.
#[derive(Debug)]
pub enum Choice {
    /// This file.
    Primary(Found),
    /// Nothing yet.
    None,
    /// A file that sorts first is not whole, and may be so soon.
    Unsettled {
        /// Its path.
        path: PathBuf,
        /// What it lacks.
        reason: Unusable,
        /// When to look again.
        wait: Duration,
    },
}

/// Finds the file that the runtime uses, or the one of this name. Files that it skips are reported, with the reason.
pub fn choose(directory: &Path, named: Option<&OsStr>, notes: &mut Vec<String>) -> Result<Choice, InstallError> {
    for name in candidates(directory)? {
        if !named.is_none_or(|named| same_but_for_shape(named, &name)) {
            continue;
        }
        let path = directory.join(&name);
        let found = match read(directory, &name) {
            Ok(found) => found,
            // It went meanwhile.
            Err(InstallError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound && !path.is_symlink() => {
                continue;
            }
            Err(error @ InstallError::Link { .. }) => return Err(error),
            // The runtime may use it all the same.
            Err(error) if !error.rules_out_an_object() => return Err(error),
            Err(error) => {
                notes.push(format!("{error}; skipped, but a runtime may fail on it"));
                continue;
            }
        };
        match (found.usable(), found.unsettled()) {
            (Ok(()), _) => return Ok(Choice::Primary(found)),
            (Err(reason), Some(wait)) => return Ok(Choice::Unsettled { path, reason, wait }),
            (Err(reason), None) => notes
                .push(format!("skipping {}, but a runtime may fail on it: {reason}; fix or remove it", path.display())),
        }
    }
    Ok(Choice::None)
}

/// Whether a file is the named one, or that one as a list: `--conf-name 10-a.conf` is `10-a.conflist` once it is
/// installed into.
fn same_but_for_shape(named: &OsStr, name: &OsStr) -> bool {
    named == name || (Shape::of(named) == Some(Shape::Single) && list_name(named).as_os_str() == name)
}

/// The name that a single plugin's file has as a list.
pub fn list_name(name: &OsStr) -> OsString {
    Path::new(name).with_extension("conflist").into_os_string()
}

/// Whether the directory exists.
pub fn is_there(directory: &Path) -> Result<bool, InstallError> {
    directory.try_exists().map_err(InstallError::io("look at", directory))
}

/// Whether there is anything of this name, such as a link that leads nowhere.
pub fn has(directory: &Path, name: &OsStr) -> Result<bool, InstallError> {
    let path = directory.join(name);
    match path.symlink_metadata() {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(InstallError::io("look at", &path)(error)),
    }
}

/// Reads a configuration, if there is one of this name that this program could have changed.
pub fn read_if_any(directory: &Path, name: &OsStr) -> Result<Option<Found>, InstallError> {
    match read(directory, name) {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.rules_out_an_object() => Ok(None),
        Err(error) => Err(error),
    }
}

/// The names of all files that a runtime looks at, in its order. A directory that is not there has none.
pub fn candidates(directory: &Path) -> Result<Vec<OsString>, InstallError> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(InstallError::io("read the directory", directory))?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(InstallError::io("read the directory", directory))?;
        let is_directory = entry.file_type().is_ok_and(|of| of.is_dir());
        if !is_directory && Shape::of(&entry.file_name()).is_some() {
            names.push(entry.file_name());
        }
    }
    names.sort_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
    Ok(names)
}

/// Reads a configuration. Links are followed within the directory only: in a container, a path leads elsewhere than on
/// the node, and what is written out of the directory is written by root.
pub fn read(directory: &Path, name: &OsStr) -> Result<Found, InstallError> {
    let shape = Shape::of(name).unwrap_or(Shape::Single);
    let mut file = name.to_owned();
    for _ in 0..LINKS {
        let path = directory.join(&file);
        match open(&path) {
            Ok(opened) => {
                let metadata = opened.metadata().map_err(InstallError::io("look at", &path))?;
                let text = text(opened, &metadata).map_err(InstallError::io("read", &path))?;
                return Ok(Found { name: name.to_owned(), shape, file, text, metadata });
            }
            Err(error) if error.raw_os_error() == Some(libc::ELOOP) => {
                let target = fs::read_link(&path).map_err(InstallError::io("read the link", &path))?;
                file = match within(&target) {
                    Some(next) => next.to_owned(),
                    None => return Err(InstallError::Link { path: directory.join(name), target }),
                };
            }
            Err(error) => return Err(InstallError::io("read", &path)(error)),
        }
    }
    Err(InstallError::Link { path: directory.join(name), target: directory.join(file) })
}

/// The name in the same directory that a link has, if it leads to one.
fn within(target: &Path) -> Option<&OsStr> {
    let mut components = target.components().filter(|component| *component != Component::CurDir);
    match (components.next(), components.next()) {
        (Some(Component::Normal(name)), None) => Some(name),
        _ => None,
    }
}

/// Opens without following a link, and without waiting for a writer of a FIFO.
pub fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path)
}

fn text(file: File, metadata: &Metadata) -> io::Result<String> {
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    let length = metadata.len().min(LIMIT);
    let mut text = String::with_capacity(usize::try_from(length).unwrap_or_default() + 1);
    file.take(LIMIT + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LIMIT {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than 4 MiB, which no configuration is"));
    }
    Ok(text)
}

/// Whether it is the same file, as it was.
pub fn unchanged(before: &Metadata, now: &Metadata) -> bool {
    let of = |metadata: &Metadata| {
        (metadata.dev(), metadata.ino(), metadata.size(), metadata.mtime(), metadata.mtime_nsec())
    };
    of(before) == of(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runtimes_look_at_three_extensions() {
        for (name, shape) in [
            ("10-a.conflist", Some(Shape::List)),
            ("10-a.conf", Some(Shape::Single)),
            ("10-a.json", Some(Shape::Single)),
            (".conf", Some(Shape::Single)),
            ("a.b.conflist", Some(Shape::List)),
            ("10-a.conf.istio-cni-bak", None),
            (".istio-cni.new", None),
            ("10-a.conflist~", None),
            ("conf", None),
            ("", None),
        ] {
            assert_eq!(Shape::of(OsStr::new(name)), shape, "{name}");
        }
    }

    #[test]
    fn links_lead_to_names_in_the_same_directory_only() {
        for (target, name) in [
            ("a.real", Some("a.real")),
            ("./a", Some("a")),
            ("../a", None),
            ("/a", None),
            ("b/a", None),
            ("..", None),
            ("", None),
        ] {
            assert_eq!(within(Path::new(target)), name.map(OsStr::new), "{target}");
        }
    }

    #[test]
    fn named_file_is_found_as_a_list_too() {
        let same = |named: &str, name: &str| same_but_for_shape(OsStr::new(named), OsStr::new(name));
        assert!(same("10-a.conf", "10-a.conf") && same("10-a.conf", "10-a.conflist"));
        assert!(!same("10-a.conflist", "10-a.conf") && !same("10-a.conf", "10-b.conflist"));
    }
}
