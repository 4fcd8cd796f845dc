//! Connections, all of which are bounded: how many, how large, how slow.

use super::{
    Peer, Service,
    refused::Why,
    shares::{Share, Shares},
};
use crate::{clock, open_files};
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
};
use rustls::ServerConfig;
use std::{convert::Infallible, io, pin::pin, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
};
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;

/// Fewer, where there are not so many open files. More wait in the queue of the system.
pub(crate) const MOST_CONNECTIONS: usize = 1_024;
/// Of one address, where other machines reach the endpoint: so that none of them takes all.
const MOST_OF_ONE_ADDRESS: usize = 256;
/// Of a request's head. Its body is not read.
const LARGEST_HEAD: usize = 16 * 1024;
const MOST_HEADERS: usize = 64;
pub(super) const SLOWEST_HANDSHAKE: Duration = Duration::from_secs(10);
/// From a connection, or from the last response on it, to the end of the next head.
pub(super) const SLOWEST_HEAD: Duration = Duration::from_secs(10);
/// For what is sent, until the system takes all of it. The largest answer is smaller than the buffers of
/// the system.
pub(super) const SLOWEST_READER: Duration = Duration::from_secs(10);
/// How a handshake ends with a client that has not begun one.
const LOOKED_AT: [io::ErrorKind; 2] =
    [io::ErrorKind::UnexpectedEof, io::ErrorKind::ConnectionReset];
/// What requests get when the endpoint stops.
pub(super) const GRACE: Duration = Duration::from_secs(10);

/// A connection that is served, and what it holds as long.
struct Connection {
    service: Arc<Service>,
    peer: Peer,
    watcher: Watcher,
    _permit: OwnedSemaphorePermit,
    _share: Option<Share>,
}

pub(super) async fn serve(
    listener: TcpListener,
    service: Arc<Service>,
    stop: impl Future<Output = ()>,
) {
    let free = Arc::new(Semaphore::new(open_files::connections(MOST_CONNECTIONS)));
    let shares = Shares::new(MOST_OF_ONE_ADDRESS);
    let open = GracefulShutdown::new();
    let (stopping, stopped) = watch::channel(());
    let mut stop = pin!(stop);
    loop {
        let (stream, peer, permit) = tokio::select! {
            () = &mut stop => break,
            accepted = accept(&listener, &free) => accepted,
        };
        let access = service.access();
        // Before the handshake: whoever is elsewhere gets not a byte.
        if !access.networks.allow(peer.remote.ip()) {
            service.refused.add(Why::Network, peer.remote.ip(), None);
            continue;
        }
        let share = match access.is_remote() {
            false => None,
            true => {
                let share = shares.take(peer.remote.ip());
                if share.is_none() {
                    service.refused.add(Why::TooMany, peer.remote.ip(), None);
                    continue;
                }
                share
            }
        };
        let connection = Connection {
            service: Arc::clone(&service),
            peer,
            watcher: open.watcher(),
            _permit: permit,
            _share: share,
        };
        match access.tls.as_ref().map(|tls| tls.config()) {
            None => tokio::spawn(connection.serve(stream)),
            Some(config) => tokio::spawn(connection.serve_tls(stream, config, stopped.clone())),
        };
    }
    // So that whoever comes now is told at once, and nobody waits for handshakes.
    drop((listener, stopping));
    clock::within(GRACE, open.shutdown()).await;
}

impl Connection {
    async fn serve_tls(
        self,
        stream: TcpStream,
        config: Arc<ServerConfig>,
        mut stopped: watch::Receiver<()>,
    ) {
        let handshake = TlsAcceptor::from(config).accept(stream);
        let handshake = clock::within(SLOWEST_HANDSHAKE, handshake);
        let done = tokio::select! {
            done = handshake => done,
            _ = stopped.changed() => return,
        };
        let peer = self.peer.remote.ip();
        let refused = &self.service.refused;
        match done {
            Some(Ok(stream)) => self.serve(stream).await,
            // Somebody who only looks whether the port is open, as load balancers do.
            Some(Err(why)) if LOOKED_AT.contains(&why.kind()) => {}
            Some(Err(why)) => refused.add(Why::Handshake, peer, Some(why.to_string())),
            None => refused.add(Why::SlowHandshake, peer, None),
        }
    }

    async fn serve(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let (service, peer) = (self.service, self.peer);
        let respond = service_fn(move |request| {
            let service = Arc::clone(&service);
            async move { Ok::<_, Infallible>(service.respond(request, &peer).await.into_response()) }
        });
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(SLOWEST_READER));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(SLOWEST_HEAD)
            .max_buf_size(LARGEST_HEAD)
            .max_headers(MOST_HEADERS)
            .serve_connection(TokioIo::new(Box::pin(stream)), respond);
        // An error is the client's own: it has gone, or was too slow.
        let _ = self.watcher.watch(connection).await;
    }
}

async fn accept(
    listener: &TcpListener,
    free: &Arc<Semaphore>,
) -> (TcpStream, Peer, OwnedSemaphorePermit) {
    loop {
        let Ok(permit) = Arc::clone(free).acquire_owned().await else {
            // It is never closed.
            std::future::pending::<()>().await;
            continue;
        };
        match listener.accept().await {
            Ok((stream, remote)) => {
                let _ = stream.set_nodelay(true);
                // It fails if the connection has ended already.
                if let Ok(local) = stream.local_addr() {
                    return (stream, Peer::new(remote, local), permit);
                }
            }
            // Of a connection that has ended already, or because there are too many open files.
            Err(_) => clock::pause(Duration::from_millis(50)).await,
        }
    }
}
