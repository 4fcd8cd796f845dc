//! No answer came: what the network, a proxy or TLS has to do with it.
//!
//! The reasons are read from the chain of errors that a transport returns. hyper-util and rustls
//! hide their types behind boxes, and a user may bring any other transport, so their texts count;
//! each text that is looked for is quoted beside its kind.

use super::{Actor, Diagnosis, contains_ignoring_case};
use azure_core::error::ErrorKind;
use std::{error::Error as StdError, io};

/// What was to be reached.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Peer<'a> {
    /// The token endpoint at this authority host.
    TokenEndpoint(&'a str),
    /// The IMDS at this origin.
    Imds(&'a str),
    /// A source of assertions that the application brought.
    OwnSource,
}

/// Why no answer came.
#[derive(Debug)]
pub(crate) struct Failure {
    /// In a few words, for the error's own line.
    pub(crate) reason: String,
    /// Whether it passes without anybody mending anything.
    pub(crate) is_transient: bool,
    /// Whether the transport could not even be used; the network is not to blame.
    pub(crate) is_set_up: bool,
    pub(crate) diagnosis: Diagnosis,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    NoRuntime,
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
            is_set_up: matches!(kind, Kind::NoRuntime | Kind::NoClient),
            diagnosis: kind.diagnosis(peer),
        }
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
                // What azure_core gives to everything that no transport said.
                ErrorKind::Other | ErrorKind::Credential | ErrorKind::DataConversion => {
                    Self::Policy
                }
                _ => Self::Unknown,
            })
    }

    fn is_transient(self) -> bool {
        match self {
            Self::NoRuntime
            | Self::NoClient
            | Self::ProxyLogin
            | Self::UnknownIssuer
            | Self::OtherName
            | Self::NotInTime
            | Self::BadCertificate
            | Self::NoTls
            | Self::NoHttp
            | Self::TooLarge => false,
            // A proxy may refuse for good or be unwell: it gives one text for both. So does a server
            // that refuses TLS.
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

    /// Words of our own where the kind says it all, else the innermost error's.
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
            _ => innermost(error),
        }
    }

    fn diagnosis(self, peer: Peer<'_>) -> Diagnosis {
        let there = match peer {
            Peer::TokenEndpoint(authority) => authority.to_owned(),
            Peer::Imds(origin) => origin.to_owned(),
            Peer::OwnSource => "the source of the assertion".to_owned(),
        };
        let (who, happened, to_do) = match self {
            Self::NoRuntime => (
                Actor::Developer,
                "The default HTTP transport needs a tokio runtime, and none was there. Nothing was sent.".to_owned(),
                "Call from inside a tokio runtime. Otherwise set a transport of your own in client_options, for both legs.".to_owned(),
            ),
            Self::NoClient => (
                Actor::Developer,
                "The HTTP client could not be built, so nothing was sent.".to_owned(),
                "Mend what the error's own words name. TLS roots that cannot be read and a proxy's address that is no URL are the usual reasons; or set a transport of your own in client_options.".to_owned(),
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
                    "Mend what its own words name.".to_owned(),
                ),
                _ => (
                    Actor::Developer,
                    "The transport, or a policy in client_options, returned an error of its own.".to_owned(),
                    "Mend what its own words name. Nothing is known to be wrong with the network.".to_owned(),
                ),
            },
            Self::Unknown => (
                Actor::Operator,
                format!("No answer came from {there}."),
                "Wait: the next call tries again. If it lasts, check the network between the service and it.".to_owned(),
            ),
        };
        Diagnosis::new(who, happened, to_do)
    }
}

/// Everything that a chain of errors says.
struct Said {
    texts: Vec<String>,
    io: Vec<io::ErrorKind>,
}

impl Said {
    /// An `io::Error` hides the error that it was made of from `source()`, so that one is looked
    /// into, too.
    fn of(error: &(dyn StdError + 'static)) -> Self {
        const DEEPEST: usize = 16;
        let mut said = Self {
            texts: Vec::new(),
            io: Vec::new(),
        };
        let mut next = Some(error);
        while let Some(error) = next.filter(|_| said.texts.len() < DEEPEST) {
            said.texts.push(error.to_string());
            next = error.source();
            if let Some(io) = error.downcast_ref::<io::Error>() {
                said.io.push(io.kind());
                if let Some(inner) = io.get_ref() {
                    next = Some(inner);
                }
            }
        }
        said
    }

    fn has(&self, words: &str) -> bool {
        self.texts
            .iter()
            .any(|text| contains_ignoring_case(text, words))
    }

    fn has_any(&self, all: &[&str]) -> bool {
        all.iter().any(|words| self.has(words))
    }

    /// azure_core's and this crate's own words.
    fn set_up(&self) -> Option<Kind> {
        if self.has("tokio runtime") || self.has("no reactor running") {
            Some(Kind::NoRuntime)
        } else if self.has_any(&[
            "the HTTP client could not be built",
            "builder error",
            "the pipeline has no transport",
        ]) {
            Some(Kind::NoClient)
        } else {
            None
        }
    }

    fn tls_or_proxy(&self) -> Option<Kind> {
        // hyper-util's TunnelError; curl's and others' words for the same.
        if self.has_any(&[
            "proxy authorization required",
            "proxy authentication required",
            "response 407",
        ]) {
            return Some(Kind::ProxyLogin);
        }
        if self.has_any(&["tunnel error: failed to create", "tunnel error: io error"]) {
            return Some(Kind::ProxyUnreachable);
        }
        if self.has_any(&[
            "tunnel error",
            "unsuccessful tunnel",
            "CONNECT tunnel failed",
        ]) {
            return Some(Kind::ProxyRefused);
        }
        // rustls; OpenSSL; Schannel and SecureTransport by way of native-tls.
        if self.has_any(&[
            "UnknownIssuer",
            "unknown issuer",
            "UnknownCA",
            "unknown ca",
            "self-signed certificate",
            "self signed certificate",
            "unable to get local issuer",
            "unable to get issuer",
            "root certificate which is not trusted",
            "certificate is not trusted",
            "certificate was not trusted",
            "not trusted by the trust provider",
            "CaUsedAsEndEntity",
        ]) {
            return Some(Kind::UnknownIssuer);
        }
        if self.has_any(&[
            "not valid for name",
            "NotValidForName",
            "hostname mismatch",
            "host name mismatch",
            "CN name does not match",
        ]) {
            return Some(Kind::OtherName);
        }
        if self.has_any(&[
            "certificate expired",
            "certificate has expired",
            "certificate not valid yet",
            "certificate is not yet valid",
            "not within its validity period",
            "InvalidCertificate(Expired",
            "InvalidCertificate(NotValidYet",
            "CertificateExpired",
        ]) {
            return Some(Kind::NotInTime);
        }
        if self.has_any(&[
            "invalid peer certificate",
            "certificate verify failed",
            "BadCertificate",
        ]) {
            return Some(Kind::BadCertificate);
        }
        if self.has_any(&[
            "InvalidContentType",
            "received corrupt message",
            "wrong version number",
            "packet length too long",
            "record layer failure",
        ]) {
            return Some(Kind::NoTls);
        }
        if self.has_any(&[
            "peer is incompatible",
            "HandshakeFailure",
            "ProtocolVersion",
            "unsupported protocol",
            "no protocols available",
        ]) {
            return Some(Kind::NoCommonTls);
        }
        // hyper's errors of parsing.
        if self.has_any(&[
            "invalid HTTP version",
            "invalid HTTP status-code",
            "invalid HTTP header",
            "invalid HTTP method",
        ]) {
            return Some(Kind::NoHttp);
        }
        None
    }

    fn network(&self) -> Option<Kind> {
        if self.has_any(&[
            "dns error",
            "failed to lookup address",
            "name or service not known",
            "no such host is known",
            "nodename nor servname",
            "temporary failure in name resolution",
        ]) {
            return Some(Kind::NoSuchHost);
        }
        let is = |kind: io::ErrorKind| self.io.contains(&kind);
        if is(io::ErrorKind::ConnectionRefused) || self.has("connection refused") {
            return Some(Kind::NobodyListens);
        }
        if is(io::ErrorKind::HostUnreachable)
            || is(io::ErrorKind::NetworkUnreachable)
            || self.has_any(&[
                "no route to host",
                "network is unreachable",
                "unreachable network",
            ])
        {
            return Some(Kind::NoRoute);
        }
        if is(io::ErrorKind::TimedOut)
            || self.has_any(&[
                "no whole answer within",
                "no answer within",
                "timed out",
                "deadline",
            ])
        {
            return Some(Kind::Timeout);
        }
        let is_broken = [
            io::ErrorKind::ConnectionReset,
            io::ErrorKind::ConnectionAborted,
            io::ErrorKind::BrokenPipe,
            io::ErrorKind::UnexpectedEof,
        ]
        .into_iter()
        .any(is);
        let says_so = self.has_any(&[
            "connection reset",
            "connection closed",
            "broken pipe",
            "unexpected end of file",
            "unexpected eof",
            "incomplete",
            "end of file before message",
        ]);
        (is_broken || says_so).then_some(Kind::Broken)
    }
}

/// The innermost error's words: the layers above it only say that sending failed.
fn innermost(error: &azure_core::Error) -> String {
    let said = Said::of(error);
    let text = said.texts.last().map(String::as_str).unwrap_or_default();
    crate::redact::excerpt(text.as_bytes(), &[])
        .chars()
        .take(200)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(kind: ErrorKind, text: &'static str) -> azure_core::Error {
        azure_core::Error::with_message(kind, text)
    }

    fn of(text: &'static str) -> Kind {
        Kind::of(&error(ErrorKind::Connection, text))
    }

    #[test]
    fn each_reason_is_known_by_its_words() {
        for (text, kind) in [
            (
                "tunnel error: proxy authorization required",
                Kind::ProxyLogin,
            ),
            ("tunnel error: unsuccessful", Kind::ProxyRefused),
            (
                "tunnel error: failed to create underlying connection",
                Kind::ProxyUnreachable,
            ),
            (
                "invalid peer certificate: UnknownIssuer",
                Kind::UnknownIssuer,
            ),
            (
                "error:0A000086:SSL routines::certificate verify failed: (self-signed certificate in certificate chain)",
                Kind::UnknownIssuer,
            ),
            (
                "A certificate chain processed, but terminated in a root certificate which is not trusted by the trust provider.",
                Kind::UnknownIssuer,
            ),
            (
                "invalid peer certificate: certificate not valid for name \"x\"; certificate is only valid for y",
                Kind::OtherName,
            ),
            (
                "invalid peer certificate: certificate expired: verification time 1",
                Kind::NotInTime,
            ),
            ("invalid peer certificate: Revoked", Kind::BadCertificate),
            (
                "received corrupt message of type InvalidContentType",
                Kind::NoTls,
            ),
            (
                "error:0A00010B:SSL routines:ssl3_get_record:wrong version number",
                Kind::NoTls,
            ),
            ("received fatal alert: HandshakeFailure", Kind::NoCommonTls),
            ("invalid HTTP version parsed", Kind::NoHttp),
            (
                "failed to lookup address information: Name or service not known",
                Kind::NoSuchHost,
            ),
            ("Connection refused (os error 111)", Kind::NobodyListens),
            ("Network is unreachable (os error 101)", Kind::NoRoute),
            ("no whole answer within 10.0 s", Kind::Timeout),
            ("connection closed before message completed", Kind::Broken),
            ("something else", Kind::Unknown),
        ] {
            assert_eq!(of(text), kind, "{text}");
        }
    }

    #[test]
    fn what_somebody_has_to_mend_is_final() {
        for kind in [
            Kind::ProxyLogin,
            Kind::UnknownIssuer,
            Kind::NoTls,
            Kind::NoRuntime,
            Kind::TooLarge,
        ] {
            assert!(!kind.is_transient(), "{kind:?}");
        }
        for kind in [
            Kind::ProxyRefused,
            Kind::NoSuchHost,
            Kind::NobodyListens,
            Kind::Timeout,
            Kind::Broken,
            Kind::Unknown,
        ] {
            assert!(kind.is_transient(), "{kind:?}");
        }
    }

    #[test]
    fn an_error_inside_an_io_error_is_found() {
        let inner = io::Error::new(
            io::ErrorKind::InvalidData,
            "invalid peer certificate: UnknownIssuer",
        );
        let wrapped = io::Error::other(inner);
        assert_eq!(
            Kind::of(&azure_core::Error::new(ErrorKind::Connection, wrapped)),
            Kind::UnknownIssuer
        );
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        assert_eq!(
            Kind::of(&azure_core::Error::new(ErrorKind::Io, refused)),
            Kind::NobodyListens
        );
    }

    #[test]
    fn without_a_runtime_nothing_is_said_of_the_network() {
        let error = error(
            ErrorKind::Other,
            "the default HTTP transport needs a tokio runtime, and none is current",
        );
        let failure = Failure::of(&error, Peer::Imds("http://127.0.0.1"));
        assert!(failure.is_set_up && !failure.is_transient);
        assert_eq!(failure.diagnosis.who(), Actor::Developer);
    }
}
