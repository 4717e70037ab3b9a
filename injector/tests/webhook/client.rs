//! A client that sends what a test wants, and no more: HTTP/1.1 over TLS.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// How to reach a server, and whose certificates to trust.
#[derive(Clone)]
pub struct Client {
    pub address: SocketAddr,
    config: Arc<ClientConfig>,
}

/// A connection, which can be used for several requests.
pub struct Connection(StreamOwned<ClientConnection, TcpStream>);

/// What came back.
#[derive(Debug, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Response {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

impl Client {
    /// Trusts the CAs of a PEM text.
    pub fn new(address: SocketAddr, ca: &str) -> Self {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(ca.as_bytes()) {
            roots.add(certificate.unwrap()).unwrap();
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let mut config = builder.with_root_certificates(roots).with_no_client_auth();
        // Each handshake is a whole one, so that it shows the certificate of now.
        config.resumption = rustls::client::Resumption::disabled();
        Client { address, config: Arc::new(config) }
    }

    pub fn connect(&self) -> io::Result<Connection> {
        let stream = TcpStream::connect(self.address)?;
        // Nothing here takes that long; without an end, a failure would hang.
        stream.set_read_timeout(Some(Duration::from_secs(600)))?;
        stream.set_nodelay(true)?;
        let name = ServerName::try_from("localhost").unwrap();
        let mut connection = ClientConnection::new(Arc::clone(&self.config), name).map_err(io::Error::other)?;
        let mut stream = stream;
        while connection.is_handshaking() {
            connection.complete_io(&mut stream)?;
        }
        Ok(Connection(StreamOwned::new(connection, stream)))
    }

    pub fn get(&self, path: &str) -> io::Result<Response> {
        self.connect()?.send("GET", path, &[], b"")
    }

    pub fn post(&self, path: &str, body: &str) -> io::Result<Response> {
        self.connect()?.post(path, body)
    }
}

impl Connection {
    pub fn post(&mut self, path: &str, body: &str) -> io::Result<Response> {
        self.send("POST", path, &[("Content-Type", "application/json")], body.as_bytes())
    }

    pub fn send(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> io::Result<Response> {
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n", body.len());
        headers.iter().for_each(|(name, value)| head += &format!("{name}: {value}\r\n"));
        head += "\r\n";
        self.write(head.as_bytes())?;
        // A server that refuses does not wait for the rest.
        let sent = self.write(body);
        match self.response() {
            Err(_) if sent.is_err() => Err(sent.unwrap_err()),
            response => response,
        }
    }

    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)?;
        self.0.flush()
    }

    pub fn response(&mut self) -> io::Result<Response> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.0.read_exact(&mut byte)?;
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers: Vec<_> = lines.map(|line| line.split_once(": ").unwrap()).collect();
        let headers: Vec<_> = headers.into_iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
        let length = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        let mut body = vec![0; length.map_or(0, |(_, length)| length.parse().unwrap())];
        self.0.read_exact(&mut body)?;
        Ok(Response { status, headers, body: String::from_utf8(body).unwrap() })
    }

    /// Whether the server has closed it.
    pub fn is_closed(&mut self) -> bool {
        self.0.read_exact(&mut [0]).is_err()
    }

    /// The server's certificate.
    pub fn certificate(&self) -> Vec<u8> {
        self.0.conn.peer_certificates().unwrap()[0].to_vec()
    }
}
