//! The certificate authority of the emulator, and the certificate of its HTTPS listener.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
};
use std::{
    io,
    sync::{Arc, OnceLock},
};
use time::{Duration, OffsetDateTime};

use crate::{clock, wire::hosts::azure_hosts};

/// A certificate for another test server, signed by the emulator's CA.
///
/// Its `Debug` does not show the private key.
#[derive(Clone)]
pub struct ServerCertificate {
    /// The certificate, PEM.
    pub certificate_pem: String,
    /// Its private key, PKCS #8, PEM.
    pub private_key_pem: String,
}

impl std::fmt::Debug for ServerCertificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerCertificate")
            .field("certificate_pem", &self.certificate_pem)
            .finish_non_exhaustive()
    }
}

/// The certificate authority of this process.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) pem: String,
    /// The SHA-1 of the HTTPS listener's certificate, in hexadecimal digits.
    pub(crate) server_thumbprint: String,
    /// The TLS configuration of the HTTPS listener.
    pub(crate) server: Arc<ServerConfig>,
}

impl Authority {
    /// The CA of this process. All emulators share it, so a client that trusts one trusts all.
    pub(crate) fn of_process() -> io::Result<&'static Authority> {
        static AUTHORITY: OnceLock<Result<Authority, String>> = OnceLock::new();
        AUTHORITY
            .get_or_init(|| Authority::make().map_err(|error| error.to_string()))
            .as_ref()
            .map_err(|message| io::Error::other(message.as_str()))
    }

    fn make() -> Result<Authority, Box<dyn std::error::Error>> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(Vec::new())?;
        valid_for_a_year(&mut params)?;
        params.distinguished_name.push(
            DnType::CommonName,
            "Cross-Tenant Identity Emulator CA (throw-away)",
        );
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let pem = params.self_signed(&key)?.pem();
        let issuer = Issuer::new(params, key);

        let names = ["localhost", "127.0.0.1", "::1"]
            .into_iter()
            .chain(azure_hosts());
        let (certificate, key) = sign(&issuer, names.map(str::to_owned).collect())?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut server = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(
                vec![CertificateDer::from(certificate.der().to_vec())],
                PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
            )?;
        server.alpn_protocols = vec![b"http/1.1".to_vec()];
        let sha1 = digest(&SHA1_FOR_LEGACY_USE_ONLY, certificate.der());
        let server_thumbprint = sha1.as_ref().iter().map(|byte| format!("{byte:02X}"));
        Ok(Authority {
            issuer,
            pem,
            server_thumbprint: server_thumbprint.collect(),
            server: Arc::new(server),
        })
    }

    pub(crate) fn certify(&self, names: &[&str]) -> io::Result<ServerCertificate> {
        let names = names.iter().map(|&name| name.to_owned()).collect();
        let (certificate, key) = sign(&self.issuer, names).map_err(io::Error::other)?;
        Ok(ServerCertificate {
            certificate_pem: certificate.pem(),
            private_key_pem: key.serialize_pem(),
        })
    }
}

fn sign(
    issuer: &Issuer<'_, KeyPair>,
    names: Vec<String>,
) -> Result<(rcgen::Certificate, KeyPair), rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(names)?;
    valid_for_a_year(&mut params)?;
    params
        .distinguished_name
        .push(DnType::CommonName, "Cross-Tenant Identity Emulator");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    // Python 3.13 and later refuse a chain without it (VERIFY_X509_STRICT).
    params.use_authority_key_identifier_extension = true;
    let certificate = params.signed_by(&key, issuer)?;
    Ok((certificate, key))
}

/// Some TLS libraries refuse server certificates that are valid for more than 825 days.
fn valid_for_a_year(params: &mut CertificateParams) -> Result<(), rcgen::Error> {
    let now = OffsetDateTime::from_unix_timestamp(clock::now())
        .map_err(|_| rcgen::Error::CouldNotParseCertificate)?;
    params.not_before = now - Duration::DAY;
    params.not_after = now + Duration::days(365);
    Ok(())
}
