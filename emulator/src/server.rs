//! The listeners, their connections, and what happens to each request on its way.

use http_body_util::{BodyExt, Full, Limited};
use hyper::{body::Bytes, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use std::{
    convert::Infallible,
    future::pending,
    io,
    net::{Ipv4Addr, TcpListener as BoundListener},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

use crate::{
    app_service, arm, clock, entra,
    fault_stream::{Cut, Ending, FaultStream, Place, Plan, Resettable, SharedPlan},
    faults::{Fault, Faults},
    imds, key_vault,
    keys::SigningKey,
    log::Log,
    metadata,
    router::{Endpoint, Listener, Route},
    tls::Authority,
    wire::{Answer, Request},
    world::World,
};

/// The largest request body that is read.
const LARGEST_BODY: usize = 8 * 1024 * 1024;

/// What the emulator's handle and its connections share. The locks are held for the making of
/// one answer at most and never across an await.
pub(crate) struct Shared {
    pub(crate) key: &'static SigningKey,
    pub(crate) identity_header: String,
    world: Mutex<World>,
    faults: Mutex<Faults>,
    log: Mutex<Log>,
}

impl Shared {
    pub(crate) fn new(key: &'static SigningKey, identity_header: String) -> Shared {
        Shared {
            key,
            identity_header,
            world: Mutex::default(),
            faults: Mutex::default(),
            log: Mutex::default(),
        }
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A port of the system's choice, on the loopback interface.
pub(crate) fn bind() -> io::Result<BoundListener> {
    let listener = BoundListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Serves both listeners until the future is dropped.
pub(crate) async fn serve(
    shared: Arc<Shared>,
    plain: BoundListener,
    tls: BoundListener,
    authority: &'static Authority,
) -> io::Result<()> {
    let plain = TcpListener::from_std(plain)?;
    let tls = TcpListener::from_std(tls)?;
    let acceptor = TlsAcceptor::from(Arc::clone(&authority.server));
    loop {
        tokio::select! {
            accepted = plain.accept() => {
                if let Some(stream) = accepted_stream(accepted).await {
                    tokio::spawn(serve_connection(Arc::clone(&shared), Listener::Plain, stream));
                }
            }
            accepted = tls.accept() => {
                if let Some(stream) = accepted_stream(accepted).await {
                    let (shared, acceptor) = (Arc::clone(&shared), acceptor.clone());
                    if shared.faults().next(Endpoint::TlsHandshake).is_some() {
                        tokio::spawn(refuse_handshake(stream));
                        continue;
                    }
                    tokio::spawn(async move {
                        // A client that does not trust the CA hangs up here: nothing to do.
                        if let Ok(stream) = acceptor.accept(stream).await {
                            serve_connection(shared, Listener::Tls, stream).await;
                        }
                    });
                }
            }
        }
    }
}

async fn accepted_stream(
    accepted: io::Result<(TcpStream, std::net::SocketAddr)>,
) -> Option<TcpStream> {
    match accepted {
        Ok((stream, _)) => {
            // Trickled bytes are to leave one by one.
            let _ = stream.set_nodelay(true);
            Some(stream)
        }
        Err(_) => {
            // Out of file descriptors, as a rule: others have to be closed first, and trying
            // again at once would keep them from it.
            clock::sleep(Duration::from_millis(10)).await;
            None
        }
    }
}

/// Reads the client's hello and sends a fatal `handshake_failure` (RFC 8446 section 6.2).
async fn refuse_handshake(stream: TcpStream) {
    const ALERT: [u8; 7] = [21, 3, 3, 0, 2, 2, 40];
    // Unread, the hello would turn the end of the connection into a reset.
    let mut hello = vec![0; 16 * 1024];
    while stream.readable().await.is_ok() {
        match stream.try_read(&mut hello) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(_) => return,
            Ok(_) => break,
        }
    }
    // The client may be gone: so much the better refused.
    let _ = stream.try_write(&ALERT);
}

async fn serve_connection<S>(shared: Arc<Shared>, listener: Listener, stream: S)
where
    S: AsyncRead + AsyncWrite + Resettable + Unpin + Send + 'static,
{
    let plan = SharedPlan::default();
    let stream = FaultStream::new(stream, plan.clone());
    let service = service_fn(move |request| {
        let (shared, plan) = (Arc::clone(&shared), plan.clone());
        async move { Ok::<_, Infallible>(serve_request(&shared, listener, &plan, request).await) }
    });
    // How a connection ends is the client's business, or a fault's.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn serve_request(
    shared: &Shared,
    listener: Listener,
    plan: &SharedPlan,
    request: hyper::Request<hyper::body::Incoming>,
) -> hyper::Response<Full<Bytes>> {
    plan.begin(Plan::default());
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, LARGEST_BODY).collect().await else {
        return Answer::empty(413).into_http();
    };
    let request = Request::new(&head, &body.to_bytes());
    let route = Route::of(listener, &request);
    let endpoint = route.endpoint();
    let number = shared.log().arrived(endpoint, &request);
    let fault = shared.faults().next(endpoint);

    let mut wrong_clock = 0;
    match &fault {
        Some(Fault::Silence) => pending().await,
        Some(Fault::Delay(delay)) => clock::sleep(*delay).await,
        Some(Fault::WrongClock { seconds }) => wrong_clock = clock::bounded_offset(*seconds),
        _ => {}
    }
    let mut answer = match fault.as_ref().and_then(instead) {
        Some(answer) => answer,
        None => answer(shared, &route, &request, wrong_clock),
    };
    if wrong_clock != 0 {
        answer = answer.with("Date", &clock::http_date(clock::now() + wrong_clock));
    }
    let treatment = treatment(fault.as_ref(), answer.body.len());
    let has_status = !matches!(fault, Some(Fault::Reset | Fault::ResetInHead));
    if has_status {
        shared.log().answered(number, answer.status);
    }
    plan.begin(treatment);
    answer.into_http()
}

fn answer(shared: &Shared, route: &Route, request: &Request, wrong_clock: i64) -> Answer {
    let key = shared.key;
    let mut world = shared.world();
    let now = clock::now() + world.settings.clock_offset + wrong_clock;
    match route {
        Route::Imds => imds::answer(&mut world, key, request, wrong_clock),
        Route::AppService => app_service::answer(
            &mut world,
            key,
            request,
            &shared.identity_header,
            wrong_clock,
        ),
        Route::Token { tenant } => entra::answer(&mut world, key, request, tenant, now),
        Route::OpenIdConfiguration { tenant, v2 } => {
            metadata::openid_configuration(&world, request, tenant, *v2)
        }
        Route::InstanceDiscovery => metadata::instance_discovery(request),
        Route::Jwks => Answer::json(200, &key.jwks()),
        Route::ResourceManager => arm::answer(&world, key, request, now),
        Route::KeyVault { name } => key_vault::answer(&world, key, request, name, now),
        Route::Nowhere => Answer::empty(404),
    }
}

/// The answer that a fault puts in the right one's place.
fn instead(fault: &Fault) -> Option<Answer> {
    match fault {
        Fault::Status {
            code,
            retry_after,
            body,
        } => {
            let answer = match body {
                Some((content_type, body)) => Answer::text(*code, content_type, body),
                None => Answer::empty(*code),
            };
            Some(match retry_after {
                Some(value) => answer.with("Retry-After", value),
                None => answer,
            })
        }
        Fault::Response {
            status,
            headers,
            body,
        } => Some(Answer {
            status: *status,
            headers: headers.clone(),
            body: body.clone(),
        }),
        Fault::NotJson => Some(Answer::text(
            200,
            "application/json; charset=utf-8",
            "this is not JSON",
        )),
        Fault::Html => Some(Answer::text(
            200,
            "text/html; charset=utf-8",
            "<!DOCTYPE html><html><head><title>Sign in to the network</title></head>\
             <body><h1>Sign in to the network</h1></body></html>",
        )),
        Fault::Redirect { location } => Some(Answer::empty(302).with("Location", location)),
        _ => None,
    }
}

/// What a fault does to the answer's bytes.
fn treatment(fault: Option<&Fault>, body_length: usize) -> Plan {
    let cut = |after, ending| Plan {
        cut: Some(Cut { after, ending }),
        pause: None,
    };
    match fault {
        Some(Fault::Reset) => cut(Place::Head(0), Ending::Reset),
        // Within the status line: "HTTP/1.1 20".
        Some(Fault::ResetInHead) => cut(Place::Head(11), Ending::Reset),
        Some(Fault::ResetInBody) => cut(Place::Body(body_length / 2), Ending::Reset),
        Some(Fault::Truncate { after }) => cut(Place::Body(*after), Ending::Close),
        Some(Fault::Trickle { pause }) => Plan {
            cut: None,
            pause: Some(*pause),
        },
        _ => Plan::default(),
    }
}
