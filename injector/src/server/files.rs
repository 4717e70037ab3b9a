//! Files that change while the server runs: configuration and certificates, as Kubernetes mounts them or as people copy
//! them.
//!
//! Checking once a second costs one `stat` per file, and detects every kind of change: files written in place, files
//! renamed over existing ones, and the link `..data` that a kubelet exchanges.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// What distinguishes one state of a file from another. Links are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Signature {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// The state of all files; nothing for one that is not there.
type State = Vec<Option<Signature>>;

/// Files that belong together, and the state in which they were read last.
#[derive(Debug)]
pub(super) struct Files {
    paths: Vec<PathBuf>,
    read: Option<State>,
    seen: Option<State>,
}

impl Files {
    pub(super) fn new(paths: Vec<PathBuf>) -> Self {
        Files { paths, read: None, seen: None }
    }

    /// Whether there is something new to read. Files that have changed since the last look are still being written, so
    /// they are left alone until they stop changing.
    pub(super) fn have_changed(&mut self) -> bool {
        let now = self.state();
        let rests = self.seen.as_ref() == Some(&now);
        let is_new = self.read.as_ref() != Some(&now);
        self.seen = Some(now);
        rests && is_new
    }

    /// Reads them, all in one state: nothing if one of them changed meanwhile.
    pub(super) fn read<T>(&mut self, read: impl FnOnce() -> T) -> Option<T> {
        let before = self.state();
        let result = read();
        if self.state() != before {
            return None;
        }
        self.seen = Some(before.clone());
        self.read = Some(before);
        Some(result)
    }

    fn state(&self) -> State {
        let signature = |path: &PathBuf| {
            let metadata = fs::metadata(path).ok()?;
            Some(Signature {
                device: metadata.dev(),
                inode: metadata.ino(),
                size: metadata.size(),
                modified: (metadata.mtime(), metadata.mtime_nsec()),
                changed: (metadata.ctime(), metadata.ctime_nsec()),
            })
        };
        self.paths.iter().map(signature).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A separate folder for one test.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("sidecar-injector-files-{}-{name}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            fs::create_dir_all(&path).unwrap();
            Folder(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn text(files: &mut Files) -> Option<String> {
        let path = files.paths[0].clone();
        files.read(|| fs::read_to_string(path).unwrap_or_default())
    }

    #[test]
    fn a_change_counts_when_the_files_rest() {
        let folder = Folder::new("rest");
        let path = folder.0.join("config");
        fs::write(&path, "one").unwrap();
        let mut files = Files::new(vec![path.clone()]);
        assert_eq!(text(&mut files).as_deref(), Some("one"));
        assert!(!files.have_changed());
        fs::write(&path, "longer").unwrap();
        assert!(!files.have_changed(), "it may still be written");
        assert!(files.have_changed());
        assert!(files.have_changed(), "until it is read");
        assert_eq!(text(&mut files).as_deref(), Some("longer"));
        assert!(!files.have_changed());
        fs::remove_file(&path).unwrap();
        assert!(!files.have_changed());
        assert!(files.have_changed());
    }

    #[test]
    fn a_link_to_another_folder_is_a_change() {
        let folder = Folder::new("link");
        for (name, text) in [("..1", "one"), ("..2", "two")] {
            fs::create_dir(folder.0.join(name)).unwrap();
            fs::write(folder.0.join(name).join("config"), text).unwrap();
        }
        let point_at = |target: &str| {
            symlink(target, folder.0.join("..new")).unwrap();
            fs::rename(folder.0.join("..new"), folder.0.join("..data")).unwrap();
        };
        point_at("..1");
        symlink("..data/config", folder.0.join("config")).unwrap();
        let mut files = Files::new(vec![folder.0.join("config")]);
        assert_eq!(text(&mut files).as_deref(), Some("one"));
        point_at("..2");
        assert!(!files.have_changed());
        assert!(files.have_changed());
        assert_eq!(text(&mut files).as_deref(), Some("two"));
    }

    #[test]
    fn files_that_change_while_they_are_read_are_not_taken() {
        let folder = Folder::new("meanwhile");
        let path = folder.0.join("config");
        fs::write(&path, "one").unwrap();
        let mut files = Files::new(vec![path.clone()]);
        assert_eq!(files.read(|| fs::write(&path, "other").unwrap()), None);
        assert_eq!(text(&mut files).as_deref(), Some("other"));
    }
}
