//! The HTTP and HTTPS listeners and their connections.

use http_body_util::{BodyExt, Full, Limited};
use hyper::{body::Bytes, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use std::{
    convert::Infallible,
    future::Future,
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener as BoundListener},
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

use crate::{
    clock,
    wire::{
        fault_stream::{FaultStream, Resettable, SharedPlan, WritePlan},
        http::{Request, Response},
    },
};

/// The largest request body that the server reads.
const MAX_BODY_BYTES: usize = 8 * 1024 * 1024;

/// The listener that accepted the connection of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listener {
    Http,
    Https,
}

/// Makes the responses to the requests of both listeners.
pub(crate) trait Handler: Send + Sync + 'static {
    /// Whether the next TLS handshake fails.
    fn refuses_handshake(&self) -> bool;

    /// The response, and how its bytes are written to the connection.
    fn handle(
        &self,
        listener: Listener,
        request: Request,
    ) -> impl Future<Output = (Response, WritePlan)> + Send;
}

/// Binds a port on the loopback interface. The system chooses the port if it is 0.
pub(crate) fn bind(port: u16) -> io::Result<BoundListener> {
    let listener = BoundListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|error| {
        io::Error::new(
            error.kind(),
            format!("cannot listen on 127.0.0.1:{port}: {error}"),
        )
    })?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Serves both listeners until the future is dropped.
pub(crate) async fn serve(
    handler: Arc<impl Handler>,
    http: BoundListener,
    https: BoundListener,
    tls: Arc<ServerConfig>,
) -> io::Result<()> {
    let http = TcpListener::from_std(http)?;
    let https = TcpListener::from_std(https)?;
    let acceptor = TlsAcceptor::from(tls);
    loop {
        tokio::select! {
            accepted = http.accept() => {
                if let Some(stream) = accepted_stream(accepted).await {
                    tokio::spawn(serve_connection(Arc::clone(&handler), Listener::Http, stream));
                }
            }
            accepted = https.accept() => {
                if let Some(stream) = accepted_stream(accepted).await {
                    let (handler, acceptor) = (Arc::clone(&handler), acceptor.clone());
                    if handler.refuses_handshake() {
                        tokio::spawn(refuse_handshake(stream));
                        continue;
                    }
                    tokio::spawn(async move {
                        // The handshake fails here when the client does not trust the CA.
                        if let Ok(stream) = acceptor.accept(stream).await {
                            serve_connection(handler, Listener::Https, stream).await;
                        }
                    });
                }
            }
        }
    }
}

async fn accepted_stream(accepted: io::Result<(TcpStream, SocketAddr)>) -> Option<TcpStream> {
    match accepted {
        Ok((stream, _)) => {
            // `Fault::Trickle` sends single bytes. They must not be collected into one packet.
            let _ = stream.set_nodelay(true);
            Some(stream)
        }
        Err(_) => {
            // Most often the process has no file descriptor left. The wait gives other
            // connections time to close.
            clock::sleep(Duration::from_millis(10)).await;
            None
        }
    }
}

/// Reads the `ClientHello` and sends a fatal `handshake_failure` (RFC 8446 section 6.2).
async fn refuse_handshake(stream: TcpStream) {
    const ALERT: [u8; 7] = [21, 3, 3, 0, 2, 2, 40];
    // Closing a socket with unread data sends a TCP reset instead of the alert.
    let mut hello = vec![0; 16 * 1024];
    while stream.readable().await.is_ok() {
        match stream.try_read(&mut hello) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(_) => return,
            Ok(_) => break,
        }
    }
    // This fails when the client has closed the connection, which also refuses the handshake.
    let _ = stream.try_write(&ALERT);
}

async fn serve_connection<S>(handler: Arc<impl Handler>, listener: Listener, stream: S)
where
    S: AsyncRead + AsyncWrite + Resettable + Unpin + Send + 'static,
{
    let plan = SharedPlan::default();
    let stream = FaultStream::new(stream, plan.clone());
    let service = service_fn(move |request| {
        let (handler, plan) = (Arc::clone(&handler), plan.clone());
        async move {
            let response = serve_request(&*handler, listener, &plan, request).await;
            Ok::<_, Infallible>(response)
        }
    });
    // An error here means that the client or a fault ended the connection.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn serve_request(
    handler: &impl Handler,
    listener: Listener,
    plan: &SharedPlan,
    request: hyper::Request<hyper::body::Incoming>,
) -> hyper::Response<Full<Bytes>> {
    plan.start(WritePlan::default());
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, MAX_BODY_BYTES).collect().await else {
        return Response::empty(413).into_http();
    };
    let request = Request::new(&head, &body.to_bytes());
    let (response, write_plan) = handler.handle(listener, request).await;
    plan.start(write_plan);
    response.into_http()
}
