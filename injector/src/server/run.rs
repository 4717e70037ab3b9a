//! The server's life: start, serve, end.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::connections::{self, Service};
use super::health::Input;
use super::inputs::{Certificates, Configurations};
use super::{App, Channels, Error, Options, cluster, inputs, tls};

/// Serves until SIGTERM or SIGINT.
pub fn run(options: Options) -> Result<(), Error> {
    let started = Instant::now();
    let (config_maps, changes) = watch::channel(0);
    let (serving, shared) = watch::channel(None);
    let mut configurations = Configurations::new(options.configuration, changes);
    let config = configurations.first(&options.settings).map_err(Error::Configuration)?;
    let app = Arc::new(App::new(options.settings, config, options.max_connections));
    app.took(Input::Configuration);
    let (certificates, served) = Certificates::first(options.certificate, shared)?;
    if let Some(served) = served {
        app.serve_with(served);
    }
    let tls = tls::server_config(Arc::clone(&app.certificate)).map_err(Error::Tls)?;

    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Error::Runtime)?;
    let result = runtime.block_on(async {
        let listener = listen("listen", options.listen)?;
        let monitoring = options.monitoring.map(|address| listen("monitoring", address)).transpose()?;
        let mut signals = Signals::new().map_err(Error::Runtime)?;
        let (close, closed) = watch::channel(false);
        let holding = match options.cluster {
            Some(wanted) => cluster::start(&app, wanted, Channels { config_maps, serving }, closed.clone()).await?,
            None => None,
        };
        let accept = |listener, service| {
            tokio::spawn(connections::accept(Arc::clone(&app), listener, service, closed.clone()));
        };
        report("serving", &listener, started);
        accept(listener, Service::Webhook(TlsAcceptor::from(Arc::new(tls))));
        if let Some(listener) = monitoring {
            report("serving health and metrics", &listener, started);
            accept(listener, Service::Monitoring);
        }
        let refreshed = Arc::clone(&app);
        // It ends with the process.
        std::thread::spawn(move || inputs::refresh(&refreshed, configurations, certificates, options.poll));
        signals.next().await;
        app.ending.store(true, Ordering::Relaxed);
        log::info!("shutting down; no longer ready");
        tokio::select! {
            () = tokio::time::sleep(options.shutdown_delay) => (),
            () = signals.next() => (),
        }
        // Each connection ends after the requests that it has.
        close.send_replace(true);
        let ended = async {
            app.connections.all_ended().await;
            // So that the next replica does not have to wait for the Lease.
            if let Some(holding) = holding {
                let _ = holding.await;
            }
        };
        tokio::select! {
            () = ended => log::info!("shut down"),
            () = tokio::time::sleep(options.shutdown_timeout) => log::warn!("shut down before every request was answered"),
            () = signals.next() => (),
        }
        Ok(())
    });
    runtime.shutdown_background();
    result
}

fn listen(flag: &'static str, address: std::net::SocketAddr) -> Result<TcpListener, Error> {
    connections::listen(address).map_err(|source| Error::Listen { flag, address, source })
}

fn report(what: &str, listener: &TcpListener, started: Instant) {
    let address = listener.local_addr().map(|address| address.to_string()).unwrap_or_default();
    let milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    log::info!(address = address.as_str(), started_in_ms = milliseconds; "{what}");
}

/// SIGTERM and SIGINT.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Signals { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => (),
            _ = self.interrupt.recv() => (),
        }
    }
}
