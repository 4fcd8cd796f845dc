//! TLS that accepts exactly one self-signed certificate.

use super::Thumbprint;
use ::aws_lc_rs::{
    constant_time::verify_slices_are_equal,
    digest::{SHA1_FOR_LEGACY_USE_ONLY, digest},
};
use rustls::{
    CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{
        WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls12_signature, verify_tls13_signature,
    },
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use std::{fmt, sync::Arc};

/// Accepts the certificate with this thumbprint and no other. Its issuer, name and validity period do
/// not matter. As always, the server has to prove that it has the private key.
#[derive(Debug)]
pub(super) struct Pinned {
    thumbprint: Thumbprint,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Pinned {
    pub(super) fn new(thumbprint: Thumbprint) -> Self {
        Self {
            thumbprint,
            algorithms: aws_lc_rs::default_provider().signature_verification_algorithms,
        }
    }
}

#[derive(Debug)]
struct WrongThumbprint;

impl fmt::Display for WrongThumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the certificate has another thumbprint")
    }
}

impl std::error::Error for WrongThumbprint {}

/// Whether this was the reason of a failed request. rustls hides the type and shows its name:
/// "invalid peer certificate: Other(OtherError(WrongThumbprint))".
pub(crate) fn is_wrong_thumbprint(error: &(dyn std::error::Error + 'static)) -> bool {
    crate::error::chain(error).any(|it| it.to_string().contains("OtherError(WrongThumbprint)"))
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let thumbprint = digest(&SHA1_FOR_LEGACY_USE_ONLY, certificate);
        verify_slices_are_equal(thumbprint.as_ref(), self.thumbprint.as_bytes())
            .map(|()| ServerCertVerified::assertion())
            .map_err(|_| CertificateError::Other(OtherError(Arc::new(WrongThumbprint))).into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
