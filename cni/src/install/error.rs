//! What can go wrong on a node, with what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use super::conflist::Unusable;

/// Why the plugin is not in place.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// The system refused.
    #[error("cannot {doing} {path}: {source}; {remedy}", path = path.display(), remedy = remedy(source))]
    Io {
        /// What was to be done.
        doing: &'static str,
        /// To which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Another installer is running, or stopped half-way.
    #[error("{path} is locked by another installer; stop that one, or wait until it is done", path = path.display())]
    Locked {
        /// The directory.
        path: PathBuf,
    },
    /// The result of writing there would be unknown.
    #[error(
        "{path} is a symbolic link to {target}, which leads out of its directory, so it is not followed; put the file itself there, or name another one with --conf-name",
        path = path.display(), target = target.display()
    )]
    Link {
        /// The link.
        path: PathBuf,
        /// Its target.
        target: PathBuf,
    },
    /// The directory was made anew; a mount still shows the old one.
    #[error("{path} was deleted on the node, so anything written there is lost; restart this container", path = path.display())]
    Deleted {
        /// The directory.
        path: PathBuf,
    },
    /// Written by another at the same moment.
    #[error("{path} was changed by another program at the same moment; its change is kept, and is examined next", path = path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// It was usable, and no longer is.
    #[error("{path} cannot be used: {source}", path = path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Unusable,
    },
    /// Several at once.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Several(Vec<InstallError>),
}

impl InstallError {
    /// Whether it is over as soon as it is looked at again.
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Changed { .. })
    }

    /// Whether a file that could not be read for this reason has nothing in it that this program wrote: it is gone, leads
    /// out of the directory, or is not the text of a configuration.
    pub fn rules_out_an_object(&self) -> bool {
        use io::ErrorKind as Kind;
        match self {
            Self::Link { .. } => true,
            Self::Io { source, .. } => {
                matches!(source.kind(), Kind::NotFound | Kind::InvalidInput | Kind::InvalidData | Kind::FileTooLarge)
            }
            Self::Locked { .. }
            | Self::Deleted { .. }
            | Self::Changed { .. }
            | Self::Unusable { .. }
            | Self::Several(_) => false,
        }
    }

    /// For `map_err`.
    pub fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing, path: path.to_owned(), source }
    }
}

fn remedy(error: &io::Error) -> &'static str {
    use io::ErrorKind as Kind;
    let remedies = [
        (Kind::StorageFull, "free space there"),
        (Kind::QuotaExceeded, "free space there"),
        (Kind::ReadOnlyFilesystem, "mount it writable"),
        (Kind::PermissionDenied, "run as root, and for a file of another user with the capability CHOWN"),
        (Kind::NotFound, "mount the node's directory there, or name it with --bin-dir or --conf-dir"),
        (Kind::NotADirectory, "name another one with --bin-dir or --conf-dir"),
        (Kind::IsADirectory, "remove that directory"),
    ];
    let remedy = remedies.iter().find(|(kind, _)| *kind == error.kind());
    remedy.map_or("check the node's file system", |(_, remedy)| remedy)
}
