//! The host the process runs on: its addresses and its files, which are only read.

use std::io;
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::net::if_::if_indextoname;

use super::routes;
use crate::config::Host;

/// The host the process runs on.
#[derive(Clone, Copy, Debug)]
pub struct ThisHost;

impl Host for ThisHost {
    fn addresses(&self) -> io::Result<Vec<IpAddr>> {
        Ok(routes::addresses()?.into_iter().map(|(_, address)| address).collect())
    }

    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        let path = path.as_ref();
        has_an_end(path)?;
        std::fs::read(path)
    }
}

/// The device number of `/dev/null`, which may be mounted over a file to hide it (`linux/Documentation/admin-guide`,
/// devices.txt).
const NULL: u64 = 0x103;

/// Whether a file can be opened and read to its end: neither a FIFO, which would be waited for, nor a device.
///
/// # Errors
/// The error that the system returned; or that it is none.
pub(crate) fn has_an_end(path: &Path) -> io::Result<()> {
    let metadata = path.metadata()?;
    match metadata.is_file() || metadata.is_dir() || metadata.rdev() == NULL {
        true => Ok(()),
        false => Err(io::Error::other("it is a FIFO or a device")),
    }
}

/// The addresses of all interfaces of the network namespace, in the kernel's order, with the interface's name.
///
/// # Errors
/// The system's.
pub fn interfaces() -> io::Result<Vec<(String, IpAddr)>> {
    let named = |(index, address)| {
        // An interface may have gone meanwhile.
        let name = if_indextoname(index).ok()?;
        Some((name.to_string_lossy().into_owned(), address))
    };
    Ok(routes::addresses()?.into_iter().filter_map(named).collect())
}

/// The interface of the IPv4 default route, as the kernel lists routes: its name, then the destination.
pub(crate) fn default_interface() -> Option<String> {
    let routes = std::fs::read_to_string("/proc/thread-self/net/route").ok()?;
    let default = routes.lines().find(|line| line.split_ascii_whitespace().nth(1) == Some("00000000"))?;
    default.split_ascii_whitespace().next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_end_is_not_waited_for() {
        let fifo = std::env::temp_dir().join(format!("istio-iptables-fifo-{}", std::process::id()));
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let read = |path: &str| ThisHost.read(path).map_err(|e| e.to_string());
        let refused = Err("it is a FIFO or a device".to_owned());
        assert_eq!(read(fifo.to_str().unwrap()), refused);
        std::fs::remove_file(&fifo).unwrap();
        assert_eq!(read("/dev/zero"), refused);
        assert_eq!(read("/dev/null"), Ok(Vec::new()));
        assert!(read("/proc/self/status").is_ok_and(|text| !text.is_empty()));
    }
}
