//! A client that speaks TLS, and checks the certificate as an SDK does.

use crate::{
    client::{RESOURCE, Response},
    serve::running::{REPORTS, Serve},
    support::Azure,
};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    time::Duration,
};

#[derive(Clone)]
pub(super) struct TlsClient {
    pub(super) address: SocketAddr,
    config: Arc<ClientConfig>,
}

pub(super) type Stream = StreamOwned<ClientConnection, TcpStream>;

impl TlsClient {
    pub(super) fn new(azure: &Azure, serve: &Serve) -> Self {
        let (scheme, rest) = serve.endpoint.url.split_once("://").unwrap();
        assert_eq!(scheme, "https");
        let (_, port) = rest.split('/').next().unwrap().rsplit_once(':').unwrap();
        let mut roots = RootCertStore::empty();
        let authority = CertificateDer::from_pem_slice(azure.emulator.ca_pem().as_bytes());
        roots.add(authority.unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self {
            address: ([127, 0, 0, 1], port.parse().unwrap()).into(),
            config: Arc::new(config),
        }
    }

    pub(super) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        // Nothing hangs: a test that would is to fail.
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        stream
    }

    /// With a handshake in which the certificate must be for `name`.
    pub(super) fn handshake(&self, stream: TcpStream, name: &str) -> io::Result<Stream> {
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let connection = ClientConnection::new(Arc::clone(&self.config), name).unwrap();
        let mut stream = StreamOwned::new(connection, stream);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(stream)
    }

    /// With the secret, and this header `Host`.
    pub(super) fn token(&self, name: &str, host: &str) -> io::Result<Response> {
        let mut stream = self.handshake(self.connect(), name)?;
        ask(&mut stream, host, true)?;
        rest(&mut stream)
    }

    pub(super) fn get(&self, name: &str, path: &str) -> io::Result<Response> {
        let mut stream = self.handshake(self.connect(), name)?;
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nConnection: close\r\nHost: {name}\r\n\r\n"
        )?;
        rest(&mut stream)
    }
}

pub(super) fn ask(stream: &mut impl Write, host: &str, is_last: bool) -> io::Result<()> {
    let connection = if is_last { "close" } else { "keep-alive" };
    // In one piece: who does not want it may close the connection after the first.
    let head = format!(
        "GET /msi/token?api-version=2019-08-01&resource={RESOURCE} HTTP/1.1\r\nConnection: {connection}\r\nHost: {host}\r\nX-IDENTITY-HEADER: {REPORTS}\r\n\r\n"
    );
    stream.write_all(head.as_bytes())
}

/// All that still comes.
pub(super) fn rest(stream: &mut impl Read) -> io::Result<Response> {
    let mut response = String::new();
    stream.read_to_string(&mut response)?;
    Response::parse(&response)
}
