//! Connections, all of which are bounded: how many, how large, how slow.

use super::Service;
use crate::clock;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use std::{convert::Infallible, pin::pin, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};

/// More wait in the queue of the system.
const MOST_CONNECTIONS: usize = 1_024;
/// Of a request's head. Its body is not read.
const LARGEST_HEAD: usize = 16 * 1024;
const MOST_HEADERS: usize = 64;
/// From a connection, or from the last response on it, to the end of the next head.
const SLOWEST_HEAD: Duration = Duration::from_secs(10);
/// What requests get when the endpoint stops.
const GRACE: Duration = Duration::from_secs(10);

pub(super) async fn serve(
    listener: TcpListener,
    service: Arc<Service>,
    stop: impl Future<Output = ()>,
) {
    let free = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let open = GracefulShutdown::new();
    let mut stop = pin!(stop);
    loop {
        let (stream, permit) = tokio::select! {
            () = &mut stop => break,
            accepted = accept(&listener, &free) => accepted,
        };
        let service = Arc::clone(&service);
        let respond = service_fn(move |request| {
            let service = Arc::clone(&service);
            async move { Ok::<_, Infallible>(service.respond(request).await.into_response()) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(SLOWEST_HEAD)
            .max_buf_size(LARGEST_HEAD)
            .max_headers(MOST_HEADERS)
            .serve_connection(TokioIo::new(stream), respond);
        let connection = open.watch(connection);
        tokio::spawn(async move {
            // An error is the client's own: it has gone, or was too slow.
            let _ = connection.await;
            drop(permit);
        });
    }
    // So that whoever comes now is told at once.
    drop(listener);
    clock::within(GRACE, open.shutdown()).await;
}

async fn accept(
    listener: &TcpListener,
    free: &Arc<Semaphore>,
) -> (TcpStream, OwnedSemaphorePermit) {
    loop {
        let Ok(permit) = Arc::clone(free).acquire_owned().await else {
            // It is never closed.
            std::future::pending::<()>().await;
            continue;
        };
        match listener.accept().await {
            Ok((stream, _)) => {
                let _ = stream.set_nodelay(true);
                return (stream, permit);
            }
            // Of a connection that has ended already, or because there are too many open files.
            Err(_) => clock::pause(Duration::from_millis(50)).await,
        }
    }
}
