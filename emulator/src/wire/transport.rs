//! The HTTP transport for Azure SDK clients. It connects Azure's real host names to the emulator.

use async_trait::async_trait;
use azure_core::{
    Result,
    error::{Error, ErrorKind},
    http::{AsyncRawResponse, HttpClient, Request, Transport, Url},
};
use reqwest::{
    Certificate, Client,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect,
};
use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};
use url::Host;

use crate::wire::hosts::is_azure;

/// The address of IMDS. A test never connects to it: outside Azure the address can belong to
/// another cloud's metadata service.
const IMDS_ADDRESS: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);

/// A transport that connects to the emulator and to no other host.
pub(crate) fn new(http: SocketAddr, https: SocketAddr, ca_pem: &str) -> Transport {
    // This function cannot return an error, so the first request returns it.
    let client = Certificate::from_pem(ca_pem.as_bytes())
        .and_then(|ca| {
            Client::builder()
                .no_proxy()
                .redirect(redirect::Policy::none())
                .tls_certs_only([ca])
                .dns_resolver(Arc::new(AzureNames { https }))
                .build()
        })
        .map_err(|error| error.to_string());
    Transport::new(Arc::new(EmulatorTransport { http, client }))
}

#[derive(Debug)]
struct EmulatorTransport {
    http: SocketAddr,
    client: std::result::Result<Client, String>,
}

#[async_trait]
impl HttpClient for EmulatorTransport {
    async fn execute_request(&self, request: &Request) -> Result<AsyncRawResponse> {
        let destination = Destination::of(request.url())?;
        let client = self.client.as_ref().map_err(|error| {
            Error::with_message(
                ErrorKind::Other,
                format!("cannot create the transport to the emulator: {error}"),
            )
        })?;
        if destination == Destination::Imds {
            // An IP address needs no name resolution, so the URL has to change. The `Host` header
            // keeps the address that the client used.
            let mut request = request.clone();
            let host = IMDS_ADDRESS.to_string();
            let moved = request.url_mut().set_ip_host(self.http.ip()).is_ok()
                && request.url_mut().set_port(Some(self.http.port())).is_ok();
            if !moved {
                return Err(refused(
                    request.url(),
                    "the URL cannot be changed to the address of the emulator",
                ));
            }
            request.insert_header("host", host);
            return client.execute_request(&request).await;
        }
        client.execute_request(request).await
    }
}

/// The kind of host in a URL.
#[derive(Debug, PartialEq, Eq)]
enum Destination {
    /// IMDS at its real address.
    Imds,
    /// A service of Azure with its real name.
    Azure,
    /// This machine.
    Loopback,
}

impl Destination {
    /// # Errors
    ///
    /// If the host is any other one. Nothing is sent to it.
    fn of(url: &Url) -> Result<Destination> {
        let other = "the emulator serves only IMDS, Azure's public hosts and loopback addresses";
        match url.host() {
            Some(Host::Ipv4(address)) if address.is_loopback() => Ok(Destination::Loopback),
            Some(Host::Ipv6(address)) if address.is_loopback() => Ok(Destination::Loopback),
            Some(Host::Ipv4(address)) if address == IMDS_ADDRESS => {
                if url.scheme() == "http" && url.port().is_none() {
                    Ok(Destination::Imds)
                } else {
                    Err(refused(url, "IMDS uses http and port 80"))
                }
            }
            Some(Host::Domain("localhost")) => Ok(Destination::Loopback),
            Some(Host::Domain(name)) if is_azure(name) => {
                if url.scheme() == "https" && url.port().is_none() {
                    Ok(Destination::Azure)
                } else {
                    Err(refused(url, "Azure's services use https and port 443"))
                }
            }
            _ => Err(refused(url, other)),
        }
    }
}

/// Names only scheme, host and port, because path and query can hold secrets.
fn refused(url: &Url, why: &str) -> Error {
    Error::with_message(
        ErrorKind::Other,
        format!(
            "refused to connect to {}: {why}",
            url.origin().ascii_serialization()
        ),
    )
}

/// Resolves the names of Azure's hosts to the HTTPS listener.
struct AzureNames {
    https: SocketAddr,
}

impl Resolve for AzureNames {
    fn resolve(&self, name: Name) -> Resolving {
        let address = if name.as_str() == "localhost" {
            // 0 keeps the port of the URL.
            SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0)
        } else {
            self.https
        };
        Box::pin(async move { Ok(Box::new(std::iter::once(address)) as Addrs) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn destination(url: &str) -> Result<Destination> {
        Destination::of(&url.parse().expect("a URL"))
    }

    #[test]
    fn azure_hosts_imds_and_loopback_are_allowed() {
        for (url, expected) in [
            ("https://login.microsoftonline.com/x", Destination::Azure),
            ("https://litware.blob.core.windows.net/", Destination::Azure),
            (
                "http://169.254.169.254/metadata/identity",
                Destination::Imds,
            ),
            ("http://127.0.0.1:8080/", Destination::Loopback),
            ("https://localhost:8443/", Destination::Loopback),
            ("https://[::1]:8443/", Destination::Loopback),
        ] {
            assert_eq!(destination(url).expect(url), expected, "{url}");
        }
    }

    #[test]
    fn every_other_host_is_refused() {
        for url in [
            "https://example.com/?secret=1",
            "https://login.microsoftonline.com.example.com/",
            "https://a.b.blob.core.windows.net/",
            "https://.blob.core.windows.net/",
            "http://login.microsoftonline.com/",
            "https://login.microsoftonline.com:8443/",
            "https://169.254.169.254/",
            "http://169.254.169.254:8080/",
            "http://169.254.169.253/",
            "http://10.0.0.1/",
        ] {
            let refused = destination(url).expect_err(url).to_string();
            assert!(refused.starts_with("refused to connect to"), "{refused}");
            assert!(!refused.contains("secret"), "{refused}");
        }
    }
}
