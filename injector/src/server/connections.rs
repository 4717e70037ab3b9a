//! Connections: accepted, limited in number and in time, and ended without losing a request.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Notify, watch};
use tokio_rustls::TlsAcceptor;

use super::App;
use super::http;

/// The longest time for a TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How long a client may take until its first request is there.
const FIRST_REQUEST: Duration = Duration::from_secs(30);

/// How long a connection may be idle afterwards. Go's clients give up after 90 s, so that they close first.
const IDLE: Duration = Duration::from_secs(120);

/// The most that headers may take together.
const HEADERS: usize = 64 << 10;

/// All open connections, by age.
#[derive(Debug, Default)]
pub(super) struct Connections {
    open: Mutex<BTreeMap<u64, Arc<Connection>>>,
    next: AtomicU64,
    ended: Notify,
}

/// One of them.
#[derive(Debug)]
struct Connection {
    opened: Instant,
    evicted: Notify,
    requests: Mutex<Requests>,
}

#[derive(Debug, Default)]
struct Requests {
    /// How many are being answered.
    open: usize,
    /// When the last one was answered.
    last: Option<Instant>,
}

impl Connection {
    fn requests(&self) -> std::sync::MutexGuard<'_, Requests> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When it has been idle for too long; nothing while it works.
    fn deadline(&self) -> Option<Instant> {
        let requests = self.requests();
        match (requests.open, requests.last) {
            (0, None) => Some(self.opened + FIRST_REQUEST),
            (0, Some(last)) => Some(last + IDLE),
            (_, _) => None,
        }
    }
}

/// A request that is being answered.
struct Busy(Arc<Connection>);

impl Busy {
    fn new(connection: &Arc<Connection>) -> Self {
        connection.requests().open += 1;
        Busy(Arc::clone(connection))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let mut requests = self.0.requests();
        requests.open -= 1;
        requests.last = Some(Instant::now());
    }
}

impl Connections {
    fn open(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, Arc<Connection>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self) -> (u64, Arc<Connection>) {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let connection =
            Arc::new(Connection { opened: Instant::now(), evicted: Notify::new(), requests: Mutex::default() });
        self.open().insert(id, Arc::clone(&connection));
        (id, connection)
    }

    fn remove(&self, id: u64) {
        self.open().remove(&id);
        self.ended.notify_waiters();
    }

    /// Makes room by ending the oldest connection that never had a request, or else the one that has been idle longest.
    fn evict(&self) -> bool {
        let mut open = self.open();
        let unproven = open.iter().find(|(_, connection)| {
            let requests = connection.requests();
            requests.open == 0 && requests.last.is_none()
        });
        let idle = || {
            let idle = open.iter().filter(|(_, connection)| connection.requests().open == 0);
            idle.min_by_key(|(_, connection)| connection.requests().last)
        };
        let Some(id) = unproven.or_else(idle).map(|(&id, _)| id) else { return false };
        // It counts as closed immediately, so that the next eviction picks another one.
        if let Some(connection) = open.remove(&id) {
            connection.evicted.notify_one();
        }
        true
    }

    /// Waits until all are gone.
    pub(super) async fn all_ended(&self) {
        loop {
            let ended = self.ended.notified();
            let mut ended = pin!(ended);
            // From here on nothing is missed.
            ended.as_mut().enable();
            if self.open().is_empty() {
                return;
            }
            ended.await;
        }
    }
}

/// What a listener serves.
#[derive(Clone)]
pub(super) enum Service {
    /// Admissions, over TLS.
    Webhook(TlsAcceptor),
    /// Health and metrics, without TLS.
    Monitoring,
}

/// Opens a port, with room for bursts.
pub(super) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(4096)
}

/// Accepts connections until `closed` becomes true.
pub(super) async fn accept(app: Arc<App>, listener: TcpListener, service: Service, mut closed: watch::Receiver<bool>) {
    let mut shutdown = closed.clone();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = shutdown.wait_for(|closed| *closed) => return,
        };
        match accepted {
            Ok((stream, _)) => {
                if app.connections.open().len() >= app.max_connections {
                    app.metrics.connection_closed("too many");
                    // If no connection can be closed, the new one is dropped.
                    if !app.connections.evict() {
                        continue;
                    }
                }
                let (app, service, closed) = (Arc::clone(&app), service.clone(), closed.clone());
                tokio::spawn(serve(app, stream, service, closed));
            }
            Err(error) if is_of_one_client(&error) => (),
            Err(error) => {
                // No descriptors or memory are left, so the oldest idle connection is closed to free its own.
                log::error!("a connection cannot be accepted: {error}");
                app.metrics.connection_closed("no resources");
                app.connections.evict();
                tokio::select! {
                    () = tokio::time::sleep(Duration::from_millis(50)) => (),
                    _ = closed.wait_for(|closed| *closed) => return,
                }
            }
        }
    }
}

/// The client was gone before it was accepted.
fn is_of_one_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    )
}

async fn serve(app: Arc<App>, stream: TcpStream, service: Service, closed: watch::Receiver<bool>) {
    let (id, connection) = app.connections.add();
    app.metrics.connection_opened();
    // Answers are small: waiting for more to send would only delay them.
    let _ = stream.set_nodelay(true);
    match service {
        Service::Monitoring => serve_http1(&app, &connection, stream, true, closed).await,
        Service::Webhook(acceptor) => {
            let handshake = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream));
            let accepted = tokio::select! {
                accepted = handshake => accepted,
                () = connection.evicted.notified() => Ok(Err(io::Error::other("evicted"))),
            };
            match accepted {
                Ok(Ok(stream)) => {
                    if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                        serve_http2(&app, &connection, stream, closed).await;
                    } else {
                        serve_http1(&app, &connection, stream, false, closed).await;
                    }
                }
                Ok(Err(error)) => {
                    // Load balancers open connections only to see whether they can.
                    if error.kind() != io::ErrorKind::UnexpectedEof {
                        log::debug!("TLS handshake failed: {error}");
                    }
                    app.metrics.connection_closed("handshake");
                }
                Err(_) => app.metrics.connection_closed("slow handshake"),
            }
        }
    }
    app.metrics.connection_ended();
    app.connections.remove(id);
}

async fn serve_http1<S>(
    app: &Arc<App>,
    connection: &Arc<Connection>,
    stream: S,
    monitoring: bool,
    closed: watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let service = service_fn(|request| {
        let busy = Busy::new(connection);
        let answer = http::answer(Arc::clone(app), request, monitoring);
        async move {
            let answer = answer.await;
            drop(busy);
            answer
        }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(IDLE).max_header_size(HEADERS);
    let http = pin!(builder.serve_connection(TokioIo::new(stream), service));
    drive(app, connection, http, http1::Connection::graceful_shutdown, closed).await;
}

async fn serve_http2<S>(app: &Arc<App>, connection: &Arc<Connection>, stream: S, closed: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (app_, connection_) = (Arc::clone(app), Arc::clone(connection));
    let service = service_fn(move |request| {
        let busy = Busy::new(&connection_);
        let answer = http::answer(Arc::clone(&app_), request, false);
        async move {
            let answer = answer.await;
            drop(busy);
            answer
        }
    });
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(250)
        .max_header_list_size(u32::try_from(HEADERS).unwrap_or(u32::MAX))
        .keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(20));
    let http = pin!(builder.serve_connection(TokioIo::new(stream), service));
    drive(app, connection, http, http2::Connection::graceful_shutdown, closed).await;
}

/// Drives a connection until the client ends it, or until it is idle for too long, evicted, or the server shuts down.
async fn drive<C: Future>(
    app: &App,
    connection: &Connection,
    mut http: std::pin::Pin<&mut C>,
    end: impl Fn(std::pin::Pin<&mut C>),
    mut closed: watch::Receiver<bool>,
) {
    let mut ending = false;
    loop {
        // While it is busy, it is checked again later.
        let deadline = connection.deadline().unwrap_or_else(|| Instant::now() + FIRST_REQUEST);
        tokio::select! {
            _ = http.as_mut() => return,
            () = connection.evicted.notified() => return,
            _ = closed.wait_for(|closed| *closed), if !ending => {
                ending = true;
                end(http.as_mut());
            }
            () = tokio::time::sleep_until(deadline.into()) => {
                if connection.deadline().is_some_and(|deadline| deadline <= Instant::now()) {
                    app.metrics.connection_closed(if app.is_ending() { "ending" } else { "idle" });
                    return;
                }
            }
        }
    }
}
