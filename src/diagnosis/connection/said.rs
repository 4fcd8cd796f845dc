//! The texts in the error chain of a transport, and the kind of failure that they mean. Each known
//! text is a constant beside its kind, with the name of the library that writes it.

use super::Kind;
use crate::{diagnosis::contains_ignoring_case, redact};
use std::{error::Error as StdError, io};

/// All texts of an error chain.
pub(super) struct Said {
    texts: Vec<String>,
    io: Vec<io::ErrorKind>,
}

impl Said {
    /// `source()` of an `io::Error` skips the error that it was made from, so that error is read,
    /// too.
    pub(super) fn of(error: &(dyn StdError + 'static)) -> Self {
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

    pub(super) fn has(&self, words: &str) -> bool {
        self.texts
            .iter()
            .any(|text| contains_ignoring_case(text, words))
    }

    fn has_any(&self, all: &[&str]) -> bool {
        all.iter().any(|words| self.has(words))
    }

    /// The words of azure_core and of this crate.
    pub(super) fn set_up(&self) -> Option<Kind> {
        let is_set_up = self.has_any(&[
            "the HTTP client could not be built",
            "builder error",
            "the pipeline has no transport",
        ]);
        is_set_up.then_some(Kind::NoClient)
    }

    pub(super) fn tls_or_proxy(&self) -> Option<Kind> {
        // hyper-util's TunnelError; the words of curl and others for the same failure.
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
        // rustls; OpenSSL; Schannel and SecureTransport through native-tls.
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
        // The parse errors of hyper.
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

    pub(super) fn network(&self) -> Option<Kind> {
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

    /// The text of the innermost error: the errors above it only say that sending failed.
    pub(super) fn innermost(&self) -> String {
        let text = self.texts.last().map(String::as_str).unwrap_or_default();
        redact::printable(&redact::redact(text, &[]), 200)
    }
}
