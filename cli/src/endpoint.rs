//! The identity protocol of App Service, on this machine. Azure's SDKs of all languages speak it.
//!
//! It only checks who asks and for what. Tokens come from the credential, and so does all that is
//! cached.

mod answer;
mod clients;
mod connections;
mod exposition;
mod health;
mod metrics;
mod networks;
mod origin;
mod refused;
mod secret;
mod shares;
#[cfg(test)]
mod tests;
mod tls;
mod token;
mod upstream;

pub(crate) use clients::{Client, Clients, Resources};
pub(crate) use connections::MOST_CONNECTIONS;
pub(crate) use networks::Networks;
pub(crate) use secret::Secret;
pub(crate) use tls::Tls;
pub(crate) use upstream::Upstream;

use answer::{Answer, Refusal};
use hyper::{Method, StatusCode, body::Incoming};
use metrics::Metrics;
use refused::{Lines, Refused};
use std::{
    io,
    net::SocketAddr,
    sync::{Arc, PoisonError, RwLock},
};
use tokio::net::TcpListener;
use tracing::warn;

/// As on App Service (Microsoft Learn, "How to use managed identities for App Service and Azure
/// Functions").
const TOKEN_PATH: &str = "/msi/token";

/// An endpoint that has its port and answers nobody yet.
pub(crate) struct Endpoint {
    listener: TcpListener,
    service: Arc<Service>,
}

/// Who may ask, and how.
#[derive(Debug, Default)]
pub(crate) struct Access {
    pub(crate) clients: Clients,
    pub(crate) networks: Networks,
    /// `None`: without TLS, on a loopback address only.
    pub(crate) tls: Option<Tls>,
}

/// The two ends of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer {
    remote: SocketAddr,
    local: SocketAddr,
}

/// What answers requests.
pub(crate) struct Service {
    /// Only ever replaced as a whole, and never held while a request waits.
    access: RwLock<Arc<Access>>,
    metrics: Metrics,
    refused: Refused,
    /// Of requests without the secret of a client.
    lines: Lines,
    /// `None`: there are no `/livez`, `/readyz` and `/metrics`.
    upstream: Option<Arc<Upstream>>,
}

impl Endpoint {
    pub(crate) async fn bind(
        address: SocketAddr,
        access: Access,
        upstream: Option<Arc<Upstream>>,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let service = Arc::new(Service {
            access: RwLock::new(Arc::new(access)),
            metrics: Metrics::default(),
            refused: Refused::default(),
            lines: Lines::default(),
            upstream,
        });
        Ok(Self { listener, service })
    }

    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// The value of `IDENTITY_ENDPOINT`.
    pub(crate) fn url(&self) -> io::Result<String> {
        let scheme = match self.service.access().tls {
            Some(_) => "https",
            None => "http",
        };
        Ok(format!("{scheme}://{}{TOKEN_PATH}", self.address()?))
    }

    pub(crate) fn service(&self) -> Arc<Service> {
        Arc::clone(&self.service)
    }

    /// Answers requests until `stop`, and then those that are under way.
    pub(crate) async fn serve(self, stop: impl Future<Output = ()>) {
        connections::serve(self.listener, self.service, stop).await;
    }
}

impl Access {
    /// Whether other machines reach the endpoint.
    fn is_remote(&self) -> bool {
        self.networks != Networks::Any
    }
}

impl Peer {
    fn new(remote: SocketAddr, local: SocketAddr) -> Self {
        // On an address of IPv6, those of IPv4 are ::ffff:10.0.0.1.
        let canonical = |it: SocketAddr| (it.ip().to_canonical(), it.port()).into();
        Self {
            remote: canonical(remote),
            local: canonical(local),
        }
    }
}

impl Service {
    fn access(&self) -> Arc<Access> {
        let access = self.access.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&access)
    }

    /// Requests that are under way end with the access that they began with.
    pub(crate) fn replace_access(&self, access: Access) {
        self.metrics.keep_tokens_of(&access);
        *self.access.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(access);
    }

    async fn respond(&self, request: hyper::Request<Incoming>, peer: &Peer) -> Answer {
        // A body is not read.
        let (head, _) = request.into_parts();
        let access = self.access();
        if let Err(refusal) =
            check_peer(&access, peer).and_then(|()| origin::check(&head, peer, access.tls.as_ref()))
        {
            return self.refuse_unknown(refusal, peer);
        }
        let path = head.uri.path();
        let upstream = self.upstream.as_deref();
        match (path, upstream) {
            (TOKEN_PATH | "/livez" | "/readyz" | "/metrics", _) if head.method != Method::GET => {
                Answer::text(StatusCode::METHOD_NOT_ALLOWED, "only GET is answered\n")
                    .with("allow", "GET")
            }
            (TOKEN_PATH, _) => token::respond(self, &access.clients, &head, peer).await,
            ("/livez", Some(_)) => Answer::text(StatusCode::OK, "ok\n"),
            ("/readyz", Some(_)) => health::ready(self, &access.clients).await,
            ("/metrics", Some(upstream)) => Answer::metrics(self.metrics_text(&access, upstream)),
            _ => Answer::text(StatusCode::NOT_FOUND, "there is nothing at this path\n"),
        }
    }

    /// A request of nobody knows whom: a loop of them must not fill the log.
    fn refuse_unknown(&self, refusal: Refusal, peer: &Peer) -> Answer {
        self.metrics.refused_before_a_client_is_known(&refusal);
        let outcome = refusal.outcome;
        if self.lines.is_due(outcome) {
            let why = &refusal.message;
            warn!(
                peer = %peer.remote,
                outcome,
                why,
                "a request was refused; this line comes at most once a minute"
            );
        }
        refusal.into()
    }

    /// Whether the file was taken when it was read again.
    pub(crate) fn reloaded(&self, is_taken: bool) {
        self.metrics.reloaded(is_taken);
    }

    fn metrics_text(&self, access: &Access, upstream: &Upstream) -> String {
        let mut text = String::new();
        self.metrics.write(&mut text, access);
        self.refused.write(&mut text);
        upstream.write(&mut text);
        text
    }
}

/// A connection stays open when its network is taken out of the file.
fn check_peer(access: &Access, peer: &Peer) -> Result<(), Refusal> {
    match access.networks.allow(peer.remote.ip()) {
        true => Ok(()),
        false => Err(Refusal::new(
            StatusCode::FORBIDDEN,
            "other_network",
            "This address is in none of the endpoint's networks.",
        )),
    }
}
