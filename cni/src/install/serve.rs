//! Health over HTTP, for the kubelet.
//!
//! Two paths without parameters or bodies are answered here by hand, and no HTTP library comes into the program that a
//! runtime starts for each pod.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::Places;
use super::error::InstallError;
use super::object::Object;

/// Who asks has so long to ask.
const PATIENCE: Duration = Duration::from_secs(2);

/// The kubelet asks once in a while. Connections beyond this number are closed at once.
const CONNECTIONS: usize = 16;

/// Longer than any probe.
const LIMIT: usize = 8 << 10;

/// Answers from now on, until the process ends.
pub fn start(listener: TcpListener, places: Places, object: Object) -> Result<(), InstallError> {
    if let Ok(address) = listener.local_addr() {
        log::info!("answering /healthz and /readyz on http://{address}");
    }
    let (asked, open) = (Arc::new((places, object)), Arc::new(AtomicUsize::new(0)));
    let serve = move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else {
                // Perhaps out of descriptors: some are freed in time.
                thread::sleep(Duration::from_millis(100));
                continue;
            };
            if open.load(Ordering::Relaxed) >= CONNECTIONS {
                continue;
            }
            open.fetch_add(1, Ordering::Relaxed);
            let (asked, one) = (Arc::clone(&asked), Arc::clone(&open));
            let answer = move || {
                let text = text(&mut stream, &asked.0, &asked.1);
                // Not after the answer: this thread may be late then, and the client connect again meanwhile.
                one.fetch_sub(1, Ordering::Relaxed);
                // An error means that the client has gone.
                let _ = text.and_then(|text| stream.write_all(text.as_bytes()));
            };
            if thread::Builder::new().name("probe".to_owned()).spawn(answer).is_err() {
                open.fetch_sub(1, Ordering::Relaxed);
            }
        }
    };
    let spawned = thread::Builder::new().name("health".to_owned()).spawn(serve);
    spawned.map(drop).map_err(InstallError::io("start the health checks of", std::path::Path::new("/proc/self")))
}

/// The answer to what a client asks.
fn text(stream: &mut TcpStream, places: &Places, object: &Object) -> io::Result<String> {
    stream.set_write_timeout(Some(PATIENCE))?;
    let request = read(stream)?;
    let (status, body) = respond(&request, || places.in_place(object));
    let length = body.len() + 1;
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    let body = if request.starts_with("HEAD ") { String::new() } else { body + "\n" };
    Ok(head + &body)
}

/// The head of the request.
fn read(stream: &mut TcpStream) -> io::Result<String> {
    let end = Instant::now() + PATIENCE;
    let (mut head, mut part) = (Vec::new(), [0; 1024]);
    while !head.windows(4).any(|bytes| bytes == b"\r\n\r\n") {
        if head.len() > LIMIT {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut part) {
            Ok(0) => break,
            Ok(count) => head.extend(part.get(..count).unwrap_or_default()),
            // The process was stopped or frozen meanwhile: the kernel does not resume a read with a timeout (signal(7)).
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

/// The status line and the body of an answer.
fn respond(request: &str, in_place: impl FnOnce() -> Result<(), String>) -> (&'static str, String) {
    let mut words = request.lines().next().unwrap_or_default().split(' ');
    let (Some(method), Some(target), Some(version), None) = (words.next(), words.next(), words.next(), words.next())
    else {
        return ("400 Bad Request", "not an HTTP request".to_owned());
    };
    if !version.starts_with("HTTP/1.") {
        return ("400 Bad Request", "not an HTTP/1 request".to_owned());
    }
    let path = target.split('?').next().unwrap_or_default();
    match (method, path) {
        ("GET" | "HEAD", "/healthz") => ("200 OK", "ok".to_owned()),
        ("GET" | "HEAD", "/readyz") => match in_place() {
            Ok(()) => ("200 OK", "in place".to_owned()),
            Err(problem) => ("503 Service Unavailable", format!("not in place: {problem}")),
        },
        (_, "/healthz" | "/readyz") => ("405 Method Not Allowed", "GET and HEAD only".to_owned()),
        _ => ("404 Not Found", "/healthz and /readyz only".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_get_their_answers() {
        for (request, status) in [
            ("GET /healthz HTTP/1.1\r\n", "200"),
            ("HEAD /readyz HTTP/1.0\r\n", "200"),
            ("GET /readyz?verbose HTTP/1.1\r\n", "200"),
            ("POST /readyz HTTP/1.1\r\n", "405"),
            ("GET / HTTP/1.1\r\n", "404"),
            ("GET /healthz HTTP/2.0\r\n", "400"),
            ("GET /healthz\r\n", "400"),
            ("\u{1}\u{2}", "400"),
            ("", "400"),
        ] {
            assert!(respond(request, || Ok(())).0.starts_with(status), "{request}");
        }
        let (status, body) = respond("GET /readyz HTTP/1.1\r\n", || Err("why".to_owned()));
        assert_eq!((status, body.as_str()), ("503 Service Unavailable", "not in place: why"));
    }
}
