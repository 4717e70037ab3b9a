//! `resolv.conf`, and the files of users and groups.

use istio_iptables::config::host;

/// How many names of a file are looked up.
const MOST_NAMES: usize = 3;

/// What is read from a file is in it, and reading the result again gives the same.
pub fn host_files(data: &[u8]) {
    let servers = host::name_servers(data);
    assert!(servers.len() <= data.split(|b| *b == b'\n').count());
    let text: String = servers.iter().map(|s| format!("nameserver {s}\n")).collect();
    assert_eq!(host::name_servers(text.as_bytes()), servers, "written and read again");
    for server in &servers {
        host::is_global(server);
    }
    let lines = String::from_utf8_lossy(data).into_owned();
    let names = lines.lines().map(|line| line.split(':').next().unwrap_or_default());
    for name in names.take(MOST_NAMES) {
        let found = host::number_of(data, name);
        assert!(found.is_none_or(|id| id < u32::MAX), "{name:?} has the number of nobody");
        // A line after the existing ones changes nothing, one before them decides.
        let behind = [data, b"\n", name.as_bytes(), b":x:77:77::/:\n"].concat();
        let before = [name.as_bytes(), b":x:77:77::/:\n", data].concat();
        assert!(found.is_none() || host::number_of(&behind, name) == found, "{name:?} with a line behind");
        assert_eq!(host::number_of(&before, name), Some(77), "{name:?} with a line before");
    }
}
