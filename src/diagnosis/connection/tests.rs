use super::*;
use std::io;

fn error(kind: ErrorKind, text: &'static str) -> azure_core::Error {
    azure_core::Error::with_message(kind, text)
}

fn of(text: &'static str) -> Kind {
    Kind::of(&error(ErrorKind::Connection, text))
}

#[test]
fn each_reason_is_recognised_by_its_words() {
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
fn a_failure_that_somebody_has_to_fix_is_not_transient() {
    for kind in [
        Kind::ProxyLogin,
        Kind::UnknownIssuer,
        Kind::NoTls,
        Kind::NoClient,
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
fn an_error_of_a_client_that_cannot_be_built_does_not_mention_the_network() {
    let error = error(ErrorKind::Other, "the HTTP client could not be built");
    let failure = Failure::of(&error, Peer::IdentityEndpoint("http://127.0.0.1"));
    assert!(failure.is_set_up && !failure.is_transient);
    assert_eq!(failure.diagnosis.who(), Actor::Developer);
}
