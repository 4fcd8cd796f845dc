//! A client of the endpoint: a plain request, and a program with an SDK of Azure.

use aws_lc_rs::digest::{SHA256, digest};
use azure_core::{
    credentials::TokenCredential,
    http::{
        ClientOptions, Context, Method, Pipeline, Request,
        policies::auth::BearerTokenAuthorizationPolicy,
    },
};
use azure_identity::{ManagedIdentityCredential, WorkloadIdentityCredential};
use serde_json::Value;
use std::{
    env,
    io::{self, Read, Write},
    net::TcpStream,
    process::Command,
    sync::{Arc, Barrier},
    thread,
    time::Duration,
};

pub(crate) const RESOURCE: &str = "https://management.azure.com";

/// Where the endpoint is, and what its client knows.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    pub(crate) url: String,
    pub(crate) secret: String,
}

pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Response {
    pub(crate) fn parse(response: &str) -> io::Result<Self> {
        let status = response.get(9..12).and_then(|it| it.parse().ok());
        let (_, body) = response.split_once("\r\n\r\n").unwrap_or_default();
        Ok(Self {
            status: status.ok_or(io::ErrorKind::UnexpectedEof)?,
            body: body.to_owned(),
        })
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|why| panic!("{why}: {}", self.body))
    }

    pub(crate) fn message(&self) -> String {
        let body = self.json();
        assert_eq!(body["statusCode"], self.status);
        body["message"].as_str().unwrap().to_owned()
    }
}

impl Endpoint {
    fn of_environment() -> Self {
        Self {
            url: env::var("IDENTITY_ENDPOINT").unwrap(),
            secret: env::var("IDENTITY_HEADER").unwrap(),
        }
    }

    pub(crate) fn address(&self) -> &str {
        let rest = self.url.strip_prefix("http://").unwrap();
        rest.split('/').next().unwrap()
    }

    pub(crate) fn token(&self, resource: &str) -> io::Result<Response> {
        self.ask(&format!("api-version=2019-08-01&resource={resource}"), &[])
    }

    /// With the secret, and these headers.
    pub(crate) fn ask(&self, query: &str, headers: &[&str]) -> io::Result<Response> {
        let secret = format!("X-IDENTITY-HEADER: {}", self.secret);
        let host = format!("Host: {}", self.address());
        let own = [secret.as_str(), host.as_str()];
        self.send(&format!("/msi/token?{query}"), &[&own, headers].concat())
    }

    /// Says that a service has rejected the token of this response. The endpoint fetches another one; the
    /// connection, on which nothing has come yet, is returned.
    pub(crate) fn reject(&self, response: &Response) -> io::Result<TcpStream> {
        let token = response.json();
        let token = token["access_token"].as_str().unwrap();
        let hash = digest(&SHA256, token.as_bytes());
        let hash: String = hash.as_ref().iter().map(|it| format!("{it:02x}")).collect();
        let mut stream = TcpStream::connect(self.address())?;
        write!(
            stream,
            "GET /msi/token?api-version=2025-03-30&resource={RESOURCE}&token_sha256_to_refresh={hash} HTTP/1.1\r\nHost: {}\r\nX-IDENTITY-HEADER: {}\r\n\r\n",
            self.address(),
            self.secret
        )?;
        Ok(stream)
    }

    pub(crate) fn get(&self, path: &str) -> io::Result<Response> {
        self.send(path, &[&format!("Host: {}", self.address())])
    }

    /// With these headers and no others.
    pub(crate) fn send(&self, path: &str, headers: &[&str]) -> io::Result<Response> {
        let mut stream = TcpStream::connect(self.address())?;
        // Nothing hangs: a test that would is to fail.
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        let headers: String = headers.iter().map(|it| format!("{it}\r\n")).collect();
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nConnection: close\r\n{headers}\r\n"
        )?;
        let mut response = String::new();
        stream.read_to_string(&mut response)?;
        Response::parse(&response)
    }
}

/// The arguments after which this test's program is the client `name`.
pub(crate) fn program(name: &str) -> Vec<String> {
    let test = env::current_exe().unwrap();
    [
        test.to_str().unwrap(),
        "--exact",
        &format!("client::{name}"),
        "--ignored",
        "--nocapture",
    ]
    .map(str::to_owned)
    .to_vec()
}

pub(crate) fn command(name: &str, endpoint: &Endpoint) -> Command {
    let arguments = program(name);
    let mut command = Command::new(&arguments[0]);
    command
        .args(&arguments[1..])
        .env("IDENTITY_ENDPOINT", &endpoint.url)
        .env("IDENTITY_HEADER", &endpoint.secret);
    command
}

/// A program that lists resource groups as any other does: on a pod with the file, elsewhere with the
/// endpoint.
#[test]
#[ignore = "it is run in a process of its own by other tests"]
fn azure_identity() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let credential: Arc<dyn TokenCredential> = match env::var_os("AZURE_FEDERATED_TOKEN_FILE") {
        Some(_) => WorkloadIdentityCredential::new(None).unwrap(),
        None => ManagedIdentityCredential::new(None).unwrap(),
    };
    match runtime.block_on(resource_groups(credential)) {
        Ok(groups) => println!("listed={groups}"),
        Err(error) => println!("refused={error:?}"),
    }
}

async fn resource_groups(credential: Arc<dyn TokenCredential>) -> azure_core::Result<Value> {
    let authorization =
        BearerTokenAuthorizationPolicy::new(credential, [format!("{RESOURCE}/.default")]);
    let pipeline = Pipeline::new(
        None,
        None,
        ClientOptions::default(),
        Vec::new(),
        vec![Arc::new(authorization)],
        None,
    );
    let variable = |name| env::var(name).unwrap();
    let url = format!(
        "{}/subscriptions/{}/resourcegroups?api-version=2024-08-01",
        variable("ARM_ENDPOINT"),
        variable("TARGET_SUBSCRIPTION_ID")
    );
    let mut request = Request::new(url.parse()?, Method::Get);
    let response = pipeline.send(&Context::new(), &mut request, None).await?;
    let body: Value = serde_json::from_slice(response.body())?;
    let groups = body["value"].as_array().unwrap().iter();
    Ok(groups.map(|group| group["name"].clone()).collect())
}

#[test]
#[ignore = "it is run in a process of its own by other tests"]
fn one_request() {
    let resource = env::var("CLIENT_RESOURCE").unwrap_or(RESOURCE.to_owned());
    let response = Endpoint::of_environment().token(&resource).unwrap();
    assert_eq!(response.status, 200, "{}", response.body);
}

#[test]
#[ignore = "it is run in a process of its own by other tests"]
fn sixty_requests_at_once() {
    let endpoint = Endpoint::of_environment();
    let together = Barrier::new(60);
    thread::scope(|scope| {
        for _ in 0..60 {
            scope.spawn(|| {
                together.wait();
                assert_eq!(endpoint.token(RESOURCE).unwrap().status, 200);
            });
        }
    });
}

#[test]
#[ignore = "it is run in a process of its own by other tests"]
fn environment() {
    for (name, value) in env::vars() {
        println!("{name}={value}");
    }
}

/// Of an access token.
pub(crate) fn tenant(token: &str) -> String {
    claims(token)["tid"].as_str().unwrap().to_owned()
}

pub(crate) fn claims(token: &str) -> Value {
    let claims = token.split('.').nth(1).unwrap();
    let claims = azure_core::base64::decode_url_safe(claims).unwrap();
    serde_json::from_slice(&claims).unwrap()
}
