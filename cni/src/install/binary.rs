//! The program on the node.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::directory::open;
use super::error::InstallError;
use super::object::TYPE;
use super::place::{Locked, same};

/// This program, wherever it was started from, and if its file is gone too.
const OWN: &str = "/proc/self/exe";

/// Every user may run it.
const MODE: u32 = 0o755;

/// Distinguishes this program from Istio's, which has the same name, and finds its version, without running it.
static MARK: &str = concat!("[istio-cni of istio-iptables, version ", env!("CARGO_PKG_VERSION"), "]");

/// How the mark begins, whatever the version.
fn mark_begins() -> &'static [u8] {
    let length = MARK.len() - env!("CARGO_PKG_VERSION").len() - 1;
    MARK.as_bytes().get(..length).unwrap_or_default()
}

/// What is in the place of the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Binary {
    /// Nothing.
    Missing,
    /// Another program of that name.
    Foreign,
    /// This program.
    Managed {
        /// Its version.
        version: String,
        /// Whether it is the very same.
        same: bool,
        /// Who may run it.
        executable: Executable,
    },
}

/// Who may run a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Executable {
    /// Nobody, not even root.
    Never,
    /// Root, as whom runtimes call plugins, and perhaps others.
    ForSome,
    /// Every user.
    ForAll,
}

impl Binary {
    /// Looks at the program in a directory.
    pub fn look(directory: &Path) -> Result<Self, InstallError> {
        let path = path(directory);
        let error = || InstallError::io("read", &path);
        let file = match open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::Missing),
            // A link is replaced; who made it is not this program.
            Err(_) if path.is_symlink() => return Ok(Self::Foreign),
            file => file.map_err(error())?,
        };
        let metadata = file.metadata().map_err(error())?;
        if !metadata.is_file() {
            return Ok(Self::Foreign);
        }
        let executable = match metadata.permissions().mode() & 0o111 {
            0 => Executable::Never,
            0o111 => Executable::ForAll,
            _ => Executable::ForSome,
        };
        if same(Path::new(OWN), &path).map_err(error())? {
            return Ok(Self::Managed { version: env!("CARGO_PKG_VERSION").to_owned(), same: true, executable });
        }
        let version = version_in(file).map_err(error())?;
        Ok(version.map_or(Self::Foreign, |version| Self::Managed { version, same: false, executable }))
    }

    /// Whether nothing is to be done.
    pub const fn in_place(&self) -> bool {
        matches!(self, Self::Managed { same: true, executable: Executable::ForAll, .. })
    }
}

/// The path of the program.
pub fn path(directory: &Path) -> PathBuf {
    directory.join(TYPE)
}

/// Puts this program there. Gives what was there if that was something else.
pub fn put(directory: &Path) -> Result<Option<Binary>, InstallError> {
    let before = Binary::look(directory)?;
    if before.in_place() {
        return Ok(None);
    }
    let locked = Locked::new(directory)?;
    locked.put(OsStr::new(TYPE), MODE, None, None, |new| {
        io::copy(&mut File::open(OWN)?, new)?;
        Ok(())
    })?;
    Ok(Some(before))
}

/// Takes it away, unless it is another program. Gives whether it was there.
pub fn take_away(directory: &Path) -> Result<Binary, InstallError> {
    let before = Binary::look(directory)?;
    if matches!(before, Binary::Managed { .. }) {
        Locked::new(directory)?.remove(OsStr::new(TYPE))?;
    }
    Ok(before)
}

/// The version in this program's mark.
fn version_in(mut file: impl Read) -> io::Result<Option<String>> {
    let (begins, mut window) = (mark_begins(), Vec::new());
    loop {
        if (&mut file).take(1 << 16).read_to_end(&mut window)? == 0 {
            return Ok(None);
        }
        let found = window.windows(begins.len()).enumerate().filter(|(_, bytes)| *bytes == begins);
        for (at, _) in found {
            let version = window.get(at + begins.len()..).unwrap_or_default();
            let length = version.iter().take(64).position(|c| *c == b']').unwrap_or_default();
            let version = version.get(..length).unwrap_or_default();
            let valid = |c: &u8| c.is_ascii_alphanumeric() || b".-+".contains(c);
            if !version.is_empty() && version.iter().all(valid) {
                return Ok(Some(String::from_utf8_lossy(version).into_owned()));
            }
        }
        // A mark may lie across two parts.
        let keep = (begins.len() + 64).min(window.len());
        window.drain(..window.len() - keep);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_is_read_from_the_mark() {
        assert_eq!(version_in(MARK.as_bytes()).unwrap().unwrap(), env!("CARGO_PKG_VERSION"));
        for before in [0, 65_500, 65_536, 131_000] {
            let mut program = vec![b'['; before];
            program.extend(mark_begins());
            program.extend(b"9.8.7-rc.1]");
            program.extend([0; 100_000]);
            assert_eq!(version_in(program.as_slice()).unwrap().unwrap(), "9.8.7-rc.1", "{before}");
        }
        for other in [&b""[..], b"\x7fELF istio-cni", mark_begins(), &[mark_begins(), b"\n1]"].concat()] {
            assert_eq!(version_in(other).unwrap(), None);
        }
    }
}
