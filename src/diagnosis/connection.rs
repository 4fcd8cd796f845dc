//! No response arrived: what the network, a proxy or TLS did.
//!
//! The reasons are read from the error chain that a transport returns. hyper-util and rustls hide
//! their types in boxes, and a user can set any other transport. So this module compares texts.

mod said;

use super::{Actor, Diagnosis, guide::Section};
use azure_core::error::ErrorKind;
use said::Said;

/// The destination of the request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Peer<'a> {
    /// The token endpoint at this authority host.
    TokenEndpoint(&'a str),
    /// The identity endpoint at this origin.
    IdentityEndpoint(&'a str),
    /// The resource at this origin.
    Resource(&'a str),
    /// A source of assertions that the application supplied.
    OwnSource,
}

/// Why no answer came.
#[derive(Debug)]
pub(crate) struct Failure {
    /// A few words for the one-line error message.
    pub(crate) reason: String,
    /// Whether a later request can succeed without anybody changing anything.
    pub(crate) is_transient: bool,
    /// Whether the client could not be built. Then the network is not the cause.
    pub(crate) is_set_up: bool,
    pub(crate) diagnosis: Diagnosis,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    NoClient,
    ProxyLogin,
    ProxyRefused,
    ProxyUnreachable,
    UnknownIssuer,
    OtherName,
    NotInTime,
    BadCertificate,
    NoTls,
    NoHttp,
    NoCommonTls,
    NoSuchHost,
    NobodyListens,
    NoRoute,
    Timeout,
    Broken,
    TooLarge,
    Policy,
    Unknown,
}

impl Failure {
    pub(crate) fn of(error: &azure_core::Error, peer: Peer<'_>) -> Self {
        let kind = Kind::of(error);
        Self {
            reason: kind.reason(error),
            is_transient: kind.is_transient(),
            is_set_up: kind == Kind::NoClient,
            diagnosis: kind.diagnosis(peer),
        }
    }

    /// Whether another try can succeed.
    pub(crate) fn may_pass(error: &azure_core::Error) -> bool {
        Kind::of(error).is_transient()
    }

    /// Whether a server accepted the connection, as far as the error shows.
    pub(crate) fn was_connected(error: &azure_core::Error) -> bool {
        let is_nobody_there = matches!(
            Kind::of(error),
            Kind::NobodyListens | Kind::NoRoute | Kind::NoSuchHost | Kind::ProxyUnreachable
        );
        !is_nobody_there && *error.kind() != ErrorKind::Connection
    }
}

impl Kind {
    fn of(error: &azure_core::Error) -> Self {
        let said = Said::of(error);
        if matches!(error.kind(), ErrorKind::DataConversion) && said.has("is larger than") {
            return Self::TooLarge;
        }
        said.tls_or_proxy()
            .or_else(|| said.set_up())
            .or_else(|| said.network())
            .unwrap_or(match error.kind() {
                // The text of azure_core if the transport gave no reason.
                ErrorKind::Other | ErrorKind::Credential | ErrorKind::DataConversion => {
                    Self::Policy
                }
                _ => Self::Unknown,
            })
    }

    fn is_transient(self) -> bool {
        match self {
            Self::NoClient
            | Self::ProxyLogin
            | Self::UnknownIssuer
            | Self::OtherName
            | Self::NotInTime
            | Self::BadCertificate
            | Self::NoTls
            | Self::NoHttp
            | Self::TooLarge => false,
            // A proxy uses the same text for a permanent refusal and for a temporary failure. So
            // does a server that refuses TLS.
            Self::ProxyRefused
            | Self::NoCommonTls
            | Self::ProxyUnreachable
            | Self::NoSuchHost
            | Self::NobodyListens
            | Self::NoRoute
            | Self::Timeout
            | Self::Broken
            | Self::Policy
            | Self::Unknown => true,
        }
    }

    /// This crate's own words if the kind says everything, otherwise the text of the innermost
    /// error.
    fn reason(self, error: &azure_core::Error) -> String {
        match self {
            Self::ProxyLogin => "the proxy asks for a user name and password (HTTP 407)".to_owned(),
            Self::ProxyRefused => "the proxy refused to connect".to_owned(),
            Self::ProxyUnreachable => "the proxy cannot be reached".to_owned(),
            Self::UnknownIssuer => {
                "the TLS certificate is signed by an authority that this host does not trust"
                    .to_owned()
            }
            Self::OtherName => "the TLS certificate is for another host name".to_owned(),
            Self::NotInTime => "the TLS certificate has expired or is not valid yet".to_owned(),
            Self::NoTls => "what answers there does not speak TLS".to_owned(),
            Self::NoHttp => "what answers there does not speak HTTP".to_owned(),
            Self::NoCommonTls => "no TLS version or cipher in common".to_owned(),
            Self::NoSuchHost => "the host name cannot be resolved".to_owned(),
            Self::NobodyListens => "the connection was refused".to_owned(),
            Self::NoRoute => "there is no route to it".to_owned(),
            _ => Said::of(error).innermost(),
        }
    }

    fn diagnosis(self, peer: Peer<'_>) -> Diagnosis {
        let there = match peer {
            Peer::TokenEndpoint(authority) => authority.to_owned(),
            Peer::IdentityEndpoint(origin) | Peer::Resource(origin) => origin.to_owned(),
            Peer::OwnSource => "the source of the assertion".to_owned(),
        };
        let (who, happened, to_do) = match self {
            Self::NoClient => (
                Actor::Developer,
                "The HTTP client could not be built, so nothing was sent.".to_owned(),
                "Fix what the error's own words name. TLS roots that cannot be read and a proxy's address that is no URL are the usual reasons; or set a transport of your own in client_options.".to_owned(),
            ),
            Self::ProxyLogin => (
                Actor::Operator,
                format!("The proxy between the service and {there} demands a user name and password (HTTP 407)."),
                format!("Give them in HTTPS_PROXY, as http://user:password@proxy:port, or exempt the host from the proxy. NO_PROXY takes the name of the host, here that of {there}."),
            ),
            Self::ProxyRefused => (
                Actor::Operator,
                format!("The proxy that HTTPS_PROXY or ALL_PROXY names did not open the connection to {there}."),
                format!("Have the proxy let the service through to {there}. Its log says why it did not; or exempt the host with NO_PROXY."),
            ),
            Self::ProxyUnreachable => (
                Actor::Operator,
                format!("The proxy that HTTPS_PROXY or ALL_PROXY names, on the way to {there}, cannot be reached."),
                "Check the proxy's address in HTTPS_PROXY and that it runs. Unset the variable if this host needs none.".to_owned(),
            ),
            Self::UnknownIssuer => (
                Actor::Operator,
                format!("The certificate that answers for {there} is signed by a certificate authority that this host does not trust. Usually a company's proxy inspects TLS, or the image of the container lacks root certificates."),
                "Install the company's root certificate in the host's trust store, or exempt the host from TLS inspection. In a container, install the package ca-certificates. Never turn the check off: the assertion is a secret.".to_owned(),
            ),
            Self::OtherName => (
                Actor::Operator,
                format!("What answers for {there} shows a certificate for another host name: a proxy, a captive portal, or a wrong address in DNS or /etc/hosts."),
                format!("Find out what answers for {there}. Compare what its name resolves to with another network's answer."),
            ),
            Self::NotInTime => (
                Actor::Operator,
                format!("The certificate that answers for {there} has expired or is not valid yet, by this host's clock."),
                "Set the host's clock by NTP. If it is right, a proxy in between has an expired certificate.".to_owned(),
            ),
            Self::BadCertificate => (
                Actor::Operator,
                format!("The certificate that answers for {there} is not valid."),
                format!("Find out what answers for {there}. A proxy that inspects TLS is the usual reason; exempt the host from it."),
            ),
            Self::NoTls => (
                Actor::Operator,
                format!("What answers for {there} does not speak TLS on that port: it is plain http, or another protocol."),
                "Check the port and the proxy. A proxy variable with https:// for a proxy that speaks plain http is the usual reason, an authority host with a wrong port another.".to_owned(),
            ),
            Self::NoHttp => (
                Actor::Operator,
                format!("What answers at {there} does not speak HTTP."),
                "Check the scheme and the port. An address with http:// for a port that speaks TLS is the usual reason.".to_owned(),
            ),
            Self::NoCommonTls => (
                Actor::Operator,
                format!("This host and what answers for {there} have no version or cipher of TLS in common."),
                "Let the service reach it without the proxy or gateway in between. Microsoft Entra itself speaks TLS 1.2 and 1.3.".to_owned(),
            ),
            Self::NoSuchHost => (
                Actor::Operator,
                format!("The name of {there} cannot be resolved."),
                "Check the host's DNS and its way to the network. If the name was given in code or in AZURE_AUTHORITY_HOST, check its spelling.".to_owned(),
            ),
            Self::NobodyListens => (
                Actor::Operator,
                format!("Nothing listens at {there}."),
                "Check the address and the port, and that a firewall lets the service through.".to_owned(),
            ),
            Self::NoRoute => (
                Actor::Operator,
                format!("This host has no way to {there}."),
                "Check the host's network, its routes and its firewall.".to_owned(),
            ),
            Self::Timeout => (
                Actor::Operator,
                format!("No whole answer came from {there} in time."),
                "Wait: the next call tries again. If it lasts, check that a firewall or a proxy lets the service through.".to_owned(),
            ),
            Self::Broken => (
                Actor::Nobody,
                format!("The connection to {there} ended before the whole answer was there."),
                "Wait: the next call tries again. If it lasts, look for a proxy or a firewall that ends connections.".to_owned(),
            ),
            Self::TooLarge => (
                Actor::Operator,
                format!("What came from {there} is far larger than any answer of its kind, and was not read."),
                format!("Find out what answers for {there}. A proxy or a captive portal in between is the usual reason."),
            ),
            Self::Policy => match peer {
                Peer::OwnSource => (
                    Actor::Developer,
                    "The source given to with_assertion returned an error.".to_owned(),
                    "Fix what its own words name.".to_owned(),
                ),
                _ => (
                    Actor::Developer,
                    "The transport, or a policy in client_options, returned an error of its own.".to_owned(),
                    "Fix what its own words name. Nothing is known to be wrong with the network.".to_owned(),
                ),
            },
            Self::Unknown => (
                Actor::Operator,
                format!("No answer came from {there}."),
                "Wait: the next call tries again. If it lasts, check the network between the service and it.".to_owned(),
            ),
        };
        Diagnosis::new(who, happened, to_do).in_guide(Section::Connection)
    }
}

#[cfg(test)]
mod tests;
