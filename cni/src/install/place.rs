//! Writing so that a reader finds the old file or the new one, whatever happens meanwhile.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::directory::{open, unchanged};
use super::error::InstallError;

/// What names of temporary files begin with. No runtime looks at them, and no event of theirs is one.
pub const TEMPORARY: &str = ".istio-cni.";

const NEW: &str = ".istio-cni.new";

/// What is added to the name of a file that is kept aside.
const ASIDE: &str = ".istio-cni-bak";

/// An installer holds the lock for some milliseconds.
const LOCK_WAIT: Duration = Duration::from_secs(10);

/// How much of a file is compared at once.
const PART: usize = 1 << 18;

/// A directory that this installer alone writes to, of all that there are on the node.
#[derive(Debug)]
pub struct Locked {
    path: PathBuf,
    directory: File,
}

impl Locked {
    /// Waits for the lock. It ends with its holder, however that ends.
    pub fn new(path: &Path) -> Result<Self, InstallError> {
        let directory = File::open(path).map_err(InstallError::io("open the directory", path))?;
        let metadata = directory.metadata().map_err(InstallError::io("look at", path))?;
        if !metadata.is_dir() {
            return Err(InstallError::io("open the directory", path)(io::ErrorKind::NotADirectory.into()));
        }
        if metadata.nlink() == 0 {
            return Err(InstallError::Deleted { path: path.to_owned() });
        }
        let (start, mut pause) = (Instant::now(), Duration::from_millis(1));
        loop {
            match directory.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if start.elapsed() < LOCK_WAIT => {
                    sleep(pause);
                    pause = (pause * 2).min(Duration::from_millis(100));
                }
                Err(TryLockError::WouldBlock) => return Err(InstallError::Locked { path: path.to_owned() }),
                // A file system without locks: there is no other installer to be expected on it either.
                Err(TryLockError::Error(_)) => break,
            }
        }
        let locked = Self { path: path.to_owned(), directory };
        // The process that left it was killed. A read-only file system refuses to remove what does not exist, too.
        if path.join(NEW).symlink_metadata().is_ok() {
            locked.remove_if_there(OsStr::new(NEW))?;
        }
        Ok(locked)
    }

    /// Puts a file in place that `content` writes, with this mode and the owner of the one before.
    ///
    /// With `over`, the file in its place has to be the one that was read. One that another program replaces at the
    /// same moment, or writes to, is put back.
    pub fn put(
        &self,
        name: &OsStr,
        mode: u32,
        owner: Option<&Metadata>,
        over: Option<&Metadata>,
        content: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> Result<(), InstallError> {
        let path = self.path.join(name);
        let new = self.path.join(NEW);
        let written = self.write(&new, mode, owner, content);
        let put = written.and_then(|()| match over {
            Some(over) => self.exchange(name, &new, over),
            None => fs::rename(&new, &path).map_err(InstallError::io("write", &path)),
        });
        if put.is_err() {
            // The first error is the one to report.
            let _ = fs::remove_file(&new);
        }
        put?;
        self.sync()
    }

    fn write(
        &self,
        new: &Path,
        mode: u32,
        owner: Option<&Metadata>,
        content: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> Result<(), InstallError> {
        let error = |doing| InstallError::io(doing, new);
        let mut file =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(new).map_err(error("make the file"))?;
        content(&mut file).map_err(error("write"))?;
        // While the file is still root's: later, it would take another capability.
        file.set_permissions(Permissions::from_mode(mode)).map_err(error("change the mode of"))?;
        let made = file.metadata().map_err(error("look at"))?;
        if let Some(owner) = owner.filter(|owner| (owner.uid(), owner.gid()) != (made.uid(), made.gid())) {
            fchown(&file, Some(owner.uid()), Some(owner.gid())).map_err(error("change the owner of"))?;
        }
        file.sync_all().map_err(error("write"))
    }

    /// Renames over a file that was read. The two change places first: if another program replaced or wrote to the old
    /// one at the last moment, it goes back, and a writer that has it open still writes to the right file.
    fn exchange(&self, name: &OsStr, new: &Path, over: &Metadata) -> Result<(), InstallError> {
        let path = self.path.join(name);
        let look = |path: &Path| fs::symlink_metadata(path).map_err(InstallError::io("look at", path));
        if !unchanged(over, &look(&path)?) {
            return Err(InstallError::Changed { path });
        }
        match swap(new, &path) {
            Ok(()) => {}
            // It went meanwhile, or some file systems cannot.
            Err(Errno::NOENT) => return Err(InstallError::Changed { path }),
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                return fs::rename(new, &path).map_err(InstallError::io("write", &path));
            }
            Err(error) => return Err(InstallError::io("write", &path)(error.into())),
        }
        if unchanged(over, &look(new)?) {
            return fs::remove_file(new).map_err(InstallError::io("remove", new));
        }
        swap(new, &path).map_err(io::Error::from).map_err(InstallError::io("put back", &path))?;
        Err(InstallError::Changed { path })
    }

    /// Keeps a file under a name that runtimes pass over. One that was kept before goes.
    pub fn set_aside(&self, name: &OsStr) -> Result<(), InstallError> {
        self.rename(name, &aside(name))
    }

    /// Brings back what was set aside, over what is in its place.
    pub fn bring_back(&self, name: &OsStr) -> Result<(), InstallError> {
        self.rename(&aside(name), name)
    }

    fn rename(&self, from: &OsStr, to: &OsStr) -> Result<(), InstallError> {
        let from = self.path.join(from);
        fs::rename(&from, self.path.join(to)).map_err(InstallError::io("rename", &from))?;
        self.sync()
    }

    /// Removes a file.
    pub fn remove(&self, name: &OsStr) -> Result<(), InstallError> {
        self.remove_if_there(name)?;
        self.sync()
    }

    fn remove_if_there(&self, name: &OsStr) -> Result<(), InstallError> {
        let path = self.path.join(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(InstallError::io("remove", &path)(error)),
            _ => Ok(()),
        }
    }

    /// Names are on the disk after this: a power cut leaves them in the order in which they changed.
    fn sync(&self) -> Result<(), InstallError> {
        match self.directory.sync_all() {
            // Not every file system can.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
            result => result.map_err(InstallError::io("write the directory", &self.path)),
        }
    }
}

/// The name under which a file is kept aside.
pub fn aside(name: &OsStr) -> OsString {
    let mut name = name.to_owned();
    name.push(ASIDE);
    name
}

/// Whether two files have the same bytes.
pub fn same(a: &Path, b: &Path) -> io::Result<bool> {
    let (a, b) = (File::open(a)?, open(b)?);
    let (of_a, of_b) = (a.metadata()?, b.metadata()?);
    if !of_b.is_file() || of_a.len() != of_b.len() {
        return Ok(false);
    }
    let mut buffers = [vec![0; PART], vec![0; PART]];
    let mut left = of_a.len();
    while left > 0 {
        let count = usize::try_from(left).unwrap_or(PART).min(PART);
        let [Some(of_a), Some(of_b)] = buffers.each_mut().map(|buffer| buffer.get_mut(..count)) else {
            return Ok(false);
        };
        (&a).read_exact(of_a)?;
        (&b).read_exact(of_b)?;
        if of_a != of_b {
            return Ok(false);
        }
        left -= count as u64;
    }
    Ok(true)
}

/// Two files change places, at once.
fn swap(a: &Path, b: &Path) -> Result<(), Errno> {
    renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE)
}

/// Writes text.
pub fn text(text: &str) -> impl FnOnce(&mut File) -> io::Result<()> {
    move |file| file.write_all(text.as_bytes())
}
