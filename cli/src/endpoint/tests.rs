//! Limits to waiting. The clock of these tests moves on by itself whenever nothing else is to be done, so
//! that nobody waits for it.

use super::{
    Access, Client, Clients, Endpoint, Resources, Secret, Service, Tls,
    connections::{GRACE, SLOWEST_HANDSHAKE, SLOWEST_HEAD, SLOWEST_READER},
    token::LONGEST,
};
use crate::clock;
use async_trait::async_trait;
use azure_core::http::{AsyncRawResponse, ClientOptions, HttpClient, Request, Transport};
use cross_tenant_identity::{
    CrossTenantManagedIdentityCredential as Credential,
    CrossTenantManagedIdentityCredentialOptions as Options,
};
use std::{
    io::Write,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::oneshot,
    task::JoinHandle,
    time::Instant,
};

const SECRET: &str = "00000000000000000000000000000000";

/// An identity endpoint that takes requests and never answers.
#[derive(Debug, Default)]
struct Silent {
    is_asked: AtomicBool,
}

#[async_trait]
impl HttpClient for Silent {
    async fn execute_request(&self, _: &Request) -> azure_core::Result<AsyncRawResponse> {
        self.is_asked.store(true, Ordering::Relaxed);
        std::future::pending().await
    }
}

/// An endpoint with one client, which gets no token: Azure is silent.
struct Running {
    azure: Arc<Silent>,
    address: SocketAddr,
    service: Arc<Service>,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

impl Running {
    async fn start() -> Self {
        Self::start_with(None).await
    }

    async fn start_with(tls: Option<Tls>) -> Self {
        let azure = Arc::new(Silent::default());
        let options = ClientOptions {
            transport: Some(Transport::new(azure.clone())),
            ..Default::default()
        };
        let tenant = "22222222-2222-4222-8222-222222222222";
        let app = "33333333-3333-4333-8333-333333333333";
        let options = Options::default().with_client_options(options.clone(), options);
        let client = Client {
            name: "reports".to_owned(),
            secret: Secret::of(SECRET),
            target_tenant_id: tenant.to_owned(),
            app_id: app.to_owned(),
            identity: None,
            resources: Resources::Any,
            credential: Credential::new(tenant, app, Some(options)).unwrap(),
        };
        let address = (Ipv4Addr::LOCALHOST, 0).into();
        let access = Access {
            clients: Clients::new([client]),
            tls,
            ..Default::default()
        };
        let endpoint = Endpoint::bind(address, access, None).await.unwrap();
        let address = endpoint.address().unwrap();
        let service = endpoint.service();
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(endpoint.serve(async {
            let _ = stopped.await;
        }));
        Self {
            azure,
            address,
            service,
            stop,
            serving,
        }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// A connection whose request waits for a token.
    async fn ask(&self) -> TcpStream {
        let mut stream = self.connect().await;
        let head = format!(
            "GET /msi/token?api-version=2019-08-01&resource=https://vault.azure.net HTTP/1.1\r\nHost: {}\r\nX-IDENTITY-HEADER: {SECRET}\r\nConnection: close\r\n\r\n",
            self.address
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        // Busy, so that the clock stands still until the request has come so far.
        while !self.azure.is_asked.load(Ordering::Relaxed) {
            tokio::task::yield_now().await;
        }
        stream
    }
}

#[expect(clippy::disallowed_methods, reason = "the clock of the test")]
fn now() -> Instant {
    Instant::now()
}

async fn rest(stream: &mut TcpStream) -> String {
    let mut rest = String::new();
    // An error is an end, too.
    let _ = stream.read_to_string(&mut rest).await;
    rest
}

/// A certificate for this machine, signed by its own key.
fn tls() -> Tls {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        // With mode 0600.
        let mut file = tempfile::NamedTempFile::new_in(folder.path()).unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file.persist(&path).unwrap();
        path
    };
    let certificate = file("tls.crt", &made.cert.pem());
    let key = file("tls.key", &made.signing_key.serialize_pem());
    Tls::read(&certificate, &key).unwrap()
}

#[tokio::test(start_paused = true)]
async fn who_never_begins_the_handshake_is_disconnected_after_ten_seconds() {
    let running = Running::start_with(Some(tls())).await;
    let mut stream = running.connect().await;
    let start = now();
    assert_eq!(rest(&mut stream).await, "");
    assert_eq!(start.elapsed().as_secs(), SLOWEST_HANDSHAKE.as_secs());
    let mut text = String::new();
    running.service.refused.write(&mut text);
    assert!(text.contains("{reason=\"slow_handshake\"} 1\n"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn who_sends_half_a_head_is_disconnected_after_ten_seconds() {
    let running = Running::start().await;
    let mut stream = running.connect().await;
    stream
        .write_all(b"GET /msi/token HTTP/1.1\r\nHo")
        .await
        .unwrap();
    let start = now();
    assert_eq!(rest(&mut stream).await, "");
    assert_eq!(start.elapsed().as_secs(), SLOWEST_HEAD.as_secs());
}

#[tokio::test(start_paused = true)]
async fn a_byte_now_and_then_does_not_keep_a_connection() {
    let running = Running::start().await;
    let mut stream = running.connect().await;
    let start = now();
    let mut sent = 0;
    // The system still takes bytes after the end, until it hears that nobody reads them.
    while stream.write_all(b"a").await.is_ok() {
        sent += 1;
        assert!(sent < 100_000, "it is still connected");
        clock::pause(Duration::from_secs(1)).await;
    }
    assert!(start.elapsed() >= SLOWEST_HEAD);
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_requests_is_closed() {
    let running = Running::start().await;
    let mut stream = running.connect().await;
    let head = format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", running.address);
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut response = [0; 12];
    // Busy, so that the clock stands still until there is a response.
    while stream.try_read(&mut response).is_err() {
        tokio::task::yield_now().await;
    }
    assert_eq!(&response, b"HTTP/1.1 404");
    let start = now();
    rest(&mut stream).await;
    assert_eq!(start.elapsed().as_secs(), SLOWEST_HEAD.as_secs());
}

#[tokio::test(start_paused = true)]
async fn who_does_not_read_its_answers_is_disconnected() {
    let running = Running::start().await;
    let mut stream = running.connect().await;
    let head = format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", running.address);
    let requests = head.repeat(1_000);
    let start = now();
    // Until the buffers of both sides are full, and then until the end.
    let end = clock::within(SLOWEST_READER * 10, async {
        while stream.write_all(requests.as_bytes()).await.is_ok() {}
    });
    assert!(end.await.is_some(), "it is still connected");
    assert_eq!(start.elapsed().as_secs(), SLOWEST_READER.as_secs());
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_token_is_told_before_its_sdk_gives_up() {
    let running = Running::start().await;
    let mut stream = running.ask().await;
    let start = now();
    let response = rest(&mut stream).await;
    assert!(response.starts_with("HTTP/1.1 503"), "{response}");
    assert!(
        response.contains("There was no token within 100 s."),
        "{response}"
    );
    assert_eq!(start.elapsed().as_secs(), LONGEST.as_secs());
}

#[tokio::test(start_paused = true)]
async fn a_request_without_end_does_not_keep_the_endpoint_from_stopping() {
    let running = Running::start().await;
    let stream = running.ask().await;
    let start = now();
    running.stop.send(()).unwrap();
    running.serving.await.unwrap();
    assert_eq!(start.elapsed().as_secs(), GRACE.as_secs());
    // Whoever comes now is told at once, and not first when the grace is over.
    assert!(TcpStream::connect(running.address).await.is_err());
    drop(stream);
}
