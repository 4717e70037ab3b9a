//! A server used in place of an API server: it gives the answers of a test, and notes the requests.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// Path to status and body.
type Answers = dyn Fn(&str) -> (u16, String) + Send + Sync;

/// A server on a port of its own. It ends with the process.
pub struct Server {
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub fn start(answers: impl Fn(&str) -> (u16, String) + Send + Sync + 'static) -> Self {
        Self::with(None, Arc::new(answers))
    }

    pub fn with_tls(
        tls: rustls::ServerConfig,
        answers: impl Fn(&str) -> (u16, String) + Send + Sync + 'static,
    ) -> Self {
        Self::with(Some(Arc::new(tls)), Arc::new(answers))
    }

    fn with(tls: Option<Arc<rustls::ServerConfig>>, answers: Arc<Answers>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&asked);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that breaks off is no matter of the server's.
                let _ = serve(stream, tls.as_ref(), &*answers, &notes);
            }
        });
        Server { address, asked }
    }

    /// The requests so far, each with the token that it bore: `GET /path token`.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn serve(
    stream: TcpStream,
    tls: Option<&Arc<rustls::ServerConfig>>,
    answers: &Answers,
    notes: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    match tls {
        None => answer(stream, answers, notes),
        Some(tls) => {
            let connection = rustls::ServerConnection::new(Arc::clone(tls)).map_err(std::io::Error::other)?;
            answer(rustls::StreamOwned::new(connection, stream), answers, notes)
        }
    }
}

fn answer(stream: impl Read + Write, answers: &Answers, notes: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let Asked { method, path, token, .. } = Asked::read(&mut reader)?;
    notes.lock().unwrap().push(format!("{method} {path} {token}").trim_end().to_owned());
    let (status, body) = answers(&path);
    whole(reader.get_mut(), status, &body)
}

/// A request.
pub struct Asked {
    pub method: String,
    pub path: String,
    pub token: String,
    pub body: Vec<u8>,
}

impl Asked {
    pub fn read(reader: &mut BufReader<impl Read>) -> std::io::Result<Self> {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let mut words = line.split(' ');
        let (method, path) = (words.next().unwrap_or_default().to_owned(), words.next().unwrap_or_default().to_owned());
        let (mut token, mut length) = (String::new(), 0);
        loop {
            line.clear();
            reader.read_line(&mut line)?;
            match line.trim_end().split_once(": ") {
                Some((name, value)) if name.eq_ignore_ascii_case("authorization") => {
                    token = value.trim_start_matches("Bearer ").to_owned();
                }
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.parse().unwrap(),
                Some(_) => {}
                None => break,
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        Ok(Asked { method, path, token, body })
    }
}

/// Writes an answer, the last of its connection.
pub fn whole(stream: &mut impl Write, status: u16, body: &str) -> std::io::Result<()> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} x\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(format!("{head}{body}").as_bytes())?;
    stream.flush()
}
