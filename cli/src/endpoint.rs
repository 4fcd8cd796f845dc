//! The identity protocol of App Service, on this machine. Azure's SDKs of all languages speak it.
//!
//! It only checks who asks and for what. Tokens come from the credential, and so does all that is
//! cached.

mod answer;
mod clients;
mod connections;
mod health;
mod metrics;
mod origin;
mod secret;
mod token;
mod upstream;

pub(crate) use clients::{Client, Clients, Resources};
pub(crate) use secret::Secret;
pub(crate) use upstream::Upstream;

use answer::Answer;
use hyper::{Method, StatusCode, body::Incoming};
use metrics::Metrics;
use origin::Origin;
use std::{
    io,
    net::SocketAddr,
    sync::{Arc, PoisonError, RwLock},
};
use tokio::net::TcpListener;

/// As on App Service (Microsoft Learn, "How to use managed identities for App Service and Azure
/// Functions").
const TOKEN_PATH: &str = "/msi/token";

/// An endpoint that has its port and answers nobody yet.
pub(crate) struct Endpoint {
    listener: TcpListener,
    service: Arc<Service>,
}

/// What answers requests.
pub(crate) struct Service {
    origin: Origin,
    /// Only ever replaced as a whole, and never held while a request waits.
    clients: RwLock<Arc<Clients>>,
    metrics: Metrics,
    /// `None`: there are no `/livez`, `/readyz` and `/metrics`.
    upstream: Option<Arc<Upstream>>,
}

impl Endpoint {
    pub(crate) async fn bind(
        address: SocketAddr,
        clients: Clients,
        upstream: Option<Arc<Upstream>>,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let service = Arc::new(Service {
            origin: Origin::new(listener.local_addr()?),
            clients: RwLock::new(Arc::new(clients)),
            metrics: Metrics::default(),
            upstream,
        });
        Ok(Self { listener, service })
    }

    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// The value of `IDENTITY_ENDPOINT`.
    pub(crate) fn url(&self) -> io::Result<String> {
        Ok(format!("http://{}{TOKEN_PATH}", self.address()?))
    }

    pub(crate) fn service(&self) -> Arc<Service> {
        Arc::clone(&self.service)
    }

    /// Answers requests until `stop`, and then those that are under way.
    pub(crate) async fn serve(self, stop: impl Future<Output = ()>) {
        connections::serve(self.listener, self.service, stop).await;
    }
}

impl Service {
    pub(crate) fn clients(&self) -> Arc<Clients> {
        let clients = self.clients.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&clients)
    }

    /// Requests that are under way end with the clients that they began with.
    pub(crate) fn replace_clients(&self, clients: Clients) {
        *self.clients.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(clients);
    }

    async fn respond(&self, request: hyper::Request<Incoming>) -> Answer {
        // A body is not read.
        let (head, _) = request.into_parts();
        if let Err(refusal) = self.origin.check(&head) {
            self.metrics.refused_before_a_client_is_known(&refusal);
            return refusal.into();
        }
        let path = head.uri.path();
        let upstream = self.upstream.as_deref();
        match (path, upstream) {
            (TOKEN_PATH | "/livez" | "/readyz" | "/metrics", _) if head.method != Method::GET => {
                Answer::text(StatusCode::METHOD_NOT_ALLOWED, "only GET is answered\n")
                    .with("allow", "GET")
            }
            (TOKEN_PATH, _) => token::respond(self, &head).await,
            ("/livez", Some(_)) => Answer::text(StatusCode::OK, "ok\n"),
            ("/readyz", Some(_)) => health::ready(&self.clients()).await,
            ("/metrics", Some(upstream)) => {
                Answer::text(StatusCode::OK, &self.metrics.text(upstream))
            }
            _ => Answer::text(StatusCode::NOT_FOUND, "there is nothing at this path\n"),
        }
    }
}
