//! Probes and hooks, asked as a kubelet asks them: from the node, at the pod's first address.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::spec::{Container, HttpGet};

/// How long one request may take.
const BOUND: Duration = Duration::from_secs(5);

/// Whether something listens there.
pub fn connects(address: SocketAddr) -> bool {
    TcpStream::connect_timeout(&address, BOUND).is_ok()
}

/// Whether a request is answered with a status of 200 to 399.
pub fn succeeds(container: &Container, probe: &HttpGet, ip: std::net::IpAddr) -> Result<bool, String> {
    if probe.scheme.as_deref().is_some_and(|scheme| scheme != "HTTP") {
        return Err(format!("httpGet with the scheme {:?} cannot be asked here", probe.scheme));
    }
    let headers: Vec<_> = probe.http_headers.iter().map(|header| (&*header.name, &*header.value)).collect();
    let answer = get((ip, container.port(&probe.port)?).into(), &probe.path, &headers);
    Ok(answer.is_some_and(|(status, _)| (200..400).contains(&status)))
}

/// The status and the body of what a server answers to GET, if it answers at all.
pub fn get(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Option<(u16, String)> {
    let mut connection = TcpStream::connect_timeout(&address, BOUND).ok()?;
    connection.set_read_timeout(Some(BOUND)).ok()?;
    let mut request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    headers.iter().for_each(|(name, value)| request.push_str(&format!("{name}: {value}\r\n")));
    connection.write_all(format!("{request}\r\n").as_bytes()).ok()?;
    let mut answer = Vec::new();
    // A peer that resets the connection after its answer has answered.
    let _ = connection.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, body.to_owned()))
}
