//! The way from an Azure SDK client to the emulator, under Azure's real names.

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

/// The hosts whose names lead here; `*.` stands for one label. National clouds' authority hosts
/// are among them, and know none of this cloud's tenants.
pub(crate) const AZURE_HOSTS: [&str; 21] = [
    "login.microsoftonline.com",
    "login.windows.net",
    "login.microsoft.com",
    "sts.windows.net",
    "management.azure.com",
    "management.core.windows.net",
    "graph.microsoft.com",
    "*.blob.core.windows.net",
    "*.dfs.core.windows.net",
    "*.queue.core.windows.net",
    "*.table.core.windows.net",
    "*.file.core.windows.net",
    "*.vault.azure.net",
    "*.servicebus.windows.net",
    "*.database.windows.net",
    "login.microsoftonline.us",
    "login.partner.microsoftonline.cn",
    "login.chinacloudapi.cn",
    "login.sovcloud-identity.fr",
    "login.sovcloud-identity.de",
    "login.sovcloud-identity.sg",
];

/// The address of the instance metadata service: never to be asked for real, for outside Azure
/// it may be somebody else's.
const IMDS_ADDRESS: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);

/// A transport that reaches the emulator and nothing else.
pub(crate) fn to_emulator(plain: SocketAddr, tls: SocketAddr, ca_pem: &str) -> Transport {
    // A failure here is told by the first request: it cannot be mended before.
    let client = Certificate::from_pem(ca_pem.as_bytes())
        .and_then(|ca| {
            Client::builder()
                .no_proxy()
                .redirect(redirect::Policy::none())
                .tls_certs_only([ca])
                .dns_resolver(Arc::new(AzureNames { tls }))
                .build()
        })
        .map_err(|error| error.to_string());
    Transport::new(Arc::new(ToEmulator { plain, client }))
}

#[derive(Debug)]
struct ToEmulator {
    plain: SocketAddr,
    client: std::result::Result<Client, String>,
}

#[async_trait]
impl HttpClient for ToEmulator {
    async fn execute_request(&self, request: &Request) -> Result<AsyncRawResponse> {
        let destination = Destination::of(request.url())?;
        let client = self.client.as_ref().map_err(|error| {
            Error::with_message(
                ErrorKind::Other,
                format!("the transport to the emulator could not be made: {error}"),
            )
        })?;
        if destination == Destination::Imds {
            // An address needs no name lookup, so the URL itself has to change; the header still
            // says whom the client meant.
            let mut request = request.clone();
            let host = IMDS_ADDRESS.to_string();
            let moved = request.url_mut().set_ip_host(self.plain.ip()).is_ok()
                && request.url_mut().set_port(Some(self.plain.port())).is_ok();
            if !moved {
                return Err(refused(request.url(), "its URL cannot be rewritten"));
            }
            request.insert_header("host", host);
            return client.execute_request(&request).await;
        }
        client.execute_request(request).await
    }
}

/// Where a URL leads.
#[derive(Debug, PartialEq, Eq)]
enum Destination {
    /// The instance metadata service under its real address.
    Imds,
    /// A service of Azure's under its real name.
    Azure,
    /// This machine.
    Loopback,
}

impl Destination {
    /// # Errors
    ///
    /// For every host that is none of these, and before anything is sent to it.
    fn of(url: &Url) -> Result<Destination> {
        let other = "only the instance metadata service, Azure's public hosts and loopback \
                     addresses lead to the emulator";
        match url.host() {
            Some(Host::Ipv4(address)) if address.is_loopback() => Ok(Destination::Loopback),
            Some(Host::Ipv6(address)) if address.is_loopback() => Ok(Destination::Loopback),
            Some(Host::Ipv4(address)) if address == IMDS_ADDRESS => {
                if url.scheme() == "http" && url.port().is_none() {
                    Ok(Destination::Imds)
                } else {
                    Err(refused(url, "the metadata service is on http and port 80"))
                }
            }
            Some(Host::Domain("localhost")) => Ok(Destination::Loopback),
            Some(Host::Domain(name)) if is_azure(name) => {
                if url.scheme() == "https" && url.port().is_none() {
                    Ok(Destination::Azure)
                } else {
                    Err(refused(url, "Azure's hosts are on https and port 443"))
                }
            }
            _ => Err(refused(url, other)),
        }
    }
}

fn is_azure(name: &str) -> bool {
    AZURE_HOSTS
        .iter()
        .any(|known| match known.strip_prefix('*') {
            Some(suffix) => name
                .strip_suffix(suffix)
                .is_some_and(|label| !label.is_empty() && !label.contains('.')),
            None => name == *known,
        })
}

/// Says scheme, host and port alone: path and query can hold secrets.
fn refused(url: &Url, why: &str) -> Error {
    Error::with_message(
        ErrorKind::Other,
        format!(
            "refused to connect to {}: {why}",
            url.origin().ascii_serialization()
        ),
    )
}

/// Resolves Azure's names to the TLS listener.
struct AzureNames {
    tls: SocketAddr,
}

impl Resolve for AzureNames {
    fn resolve(&self, name: Name) -> Resolving {
        let address = if name.as_str() == "localhost" {
            // The URL's own port.
            SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0)
        } else {
            self.tls
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
    fn azures_names_the_metadata_address_and_loopback_are_let_through() {
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
