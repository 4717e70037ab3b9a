//! Output of results.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process;

use super::Error;

/// Writes a file, all of it or nothing: a new file beside it takes its place when it is complete.
pub(super) fn write_file(file: &str, bytes: &[u8]) -> Result<(), Error> {
    replace(Path::new(file), bytes).map_err(|source| Error::Write { file: file.to_owned(), source })
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // What is no regular file, such as /dev/stdout, cannot be replaced. A link stays one.
    let path = match fs::metadata(path) {
        Ok(metadata) if !metadata.is_file() => return File::options().write(true).open(path)?.write_all(bytes),
        Ok(_) => fs::canonicalize(path)?,
        Err(_) => path.to_owned(),
    };
    let temporary = Temporary::beside(&path);
    let mut file = File::create_new(&temporary.0)?;
    file.write_all(bytes)?;
    if let Ok(old) = fs::metadata(&path) {
        file.set_permissions(old.permissions())?;
    }
    file.sync_all()?;
    fs::rename(&temporary.0, &path)
}

/// A file that is removed unless it has been renamed.
struct Temporary(PathBuf);

impl Temporary {
    fn beside(path: &Path) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Temporary(path.with_file_name(format!(".{name}.{}.tmp", process::id())))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // After the rename there is nothing to remove.
        let _ = fs::remove_file(&self.0);
    }
}
