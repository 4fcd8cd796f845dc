//! The certificate and the key of an endpoint that other machines reach.

use crate::{
    clock,
    secret_file::{self, Sharing},
};
use azure_core::time::{OffsetDateTime, to_rfc3339};
use rustls::{
    CertificateError, Error, InconsistentKeys, RootCertStore, ServerConfig,
    client::{verify_server_cert_signed_by_trust_anchor, verify_server_name},
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
    server::ParsedCertificate,
    sign::{CertifiedKey, SingleCertAndKey},
};
use std::{fmt, path::Path, sync::Arc, time::Duration};

/// Far more than a chain of certificates, or a key, needs.
const LARGEST: usize = 1024 * 1024;

/// After all that a certificate can name (RFC 5280, section 4.1.2.5: 9999-12-31).
const LATEST: Duration = Duration::from_secs(253_402_300_800);

/// What the handshakes of an endpoint use.
#[derive(Clone)]
pub(crate) struct Tls {
    config: Arc<ServerConfig>,
    /// That of the endpoint itself, without those that signed it.
    certificate: CertificateDer<'static>,
}

impl Tls {
    /// # Errors
    ///
    /// If a file cannot be read, is of another form, or others can read the key; if the key is not
    /// that of the certificate. No content of a file is in the message.
    pub(crate) fn read(certificate_file: &Path, private_key_file: &Path) -> Result<Self, String> {
        let (chain_at, key_at) = (certificate_file.display(), private_key_file.display());
        let chain = certificates(certificate_file).map_err(|why| format!("{chain_at}: {why}"))?;
        let key = private_key(private_key_file).map_err(|why| format!("{key_at}: {why}"))?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let own = CertifiedKey::from_der(chain, key, &provider).map_err(|why| match why {
            Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                format!("{key_at} is not the key of the first certificate in {chain_at}")
            }
            Error::InvalidCertificate(why) => format!("{chain_at}: {why}"),
            why => format!(
                "{key_at}: the key cannot be used, {why}: RSA of 2048 bits and more, ECDSA of P-256, P-384 and P-521, and Ed25519 can"
            ),
        })?;
        let certificate = own.end_entity_cert().map_err(|why| why.to_string())?;
        let certificate = certificate.clone().into_owned();
        let config = config(provider, own).map_err(|why| why.to_string())?;
        Ok(Self {
            config: Arc::new(config),
            certificate,
        })
    }

    pub(super) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }

    /// Whether the certificate is for this host name or address, as clients decide it (RFC 9525).
    pub(super) fn is_for(&self, host: &str) -> bool {
        match (ServerName::try_from(host), self.parsed()) {
            (Ok(name), Ok(certificate)) => verify_server_name(&certificate, &name).is_ok(),
            _ => false,
        }
    }

    pub(super) fn expires_on(&self) -> Option<OffsetDateTime> {
        match self.validity(UnixTime::since_unix_epoch(LATEST)) {
            Err(CertificateError::ExpiredContext { not_after, .. }) => time(not_after),
            _ => None,
        }
    }

    /// Why clients will refuse the certificate, as far as it can be known here: not who signed it.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let now = clock::now().unix_timestamp();
        let now = Duration::from_secs(now.try_into().unwrap_or_default());
        let date = |it| time(it).map_or_else(String::new, |it| to_rfc3339(&it));
        let mut warnings = Vec::new();
        match self.validity(UnixTime::since_unix_epoch(now)) {
            Ok(()) => {}
            Err(CertificateError::ExpiredContext { not_after, .. }) => warnings.push(format!(
                "the certificate has expired, on {}: clients refuse it",
                date(not_after)
            )),
            Err(CertificateError::NotValidYetContext { not_before, .. }) => warnings.push(format!(
                "the certificate is not valid before {}: clients refuse it until then",
                date(not_before)
            )),
            Err(why) => warnings.push(format!(
                "strict clients, such as those in Rust, refuse the certificate: {}",
                explained(&why)
            )),
        }
        if self.names().is_empty() {
            warnings
                .push("the certificate has no name (subjectAltName): clients refuse it".to_owned());
        }
        warnings
    }

    /// The host names and addresses of the certificate.
    pub(crate) fn names(&self) -> Vec<String> {
        // What it presents is told only where another name is asked for (RFC 6761: none is like this).
        let (Ok(none), Ok(certificate)) = (ServerName::try_from("none.invalid"), self.parsed())
        else {
            return Vec::new();
        };
        match verify_server_name(&certificate, &none) {
            Err(Error::InvalidCertificate(CertificateError::NotValidForNameContext {
                presented,
                ..
            })) => presented.iter().map(|it| bare(it).to_owned()).collect(),
            _ => Vec::new(),
        }
    }

    /// All that a client checks but the signature.
    fn validity(&self, at: UnixTime) -> Result<(), CertificateError> {
        let Ok(certificate) = self.parsed() else {
            return Err(CertificateError::BadEncoding);
        };
        let algorithms = aws_lc_rs::default_provider().signature_verification_algorithms;
        // Nobody is trusted, and the signer is what is looked at last.
        let checked = verify_server_cert_signed_by_trust_anchor(
            &certificate,
            &RootCertStore::empty(),
            &[],
            at,
            algorithms.all,
        );
        match checked {
            Err(Error::InvalidCertificate(CertificateError::UnknownIssuer)) | Ok(()) => Ok(()),
            Err(Error::InvalidCertificate(why)) => Err(why),
            Err(_) => Err(CertificateError::BadEncoding),
        }
    }

    fn parsed(&self) -> Result<ParsedCertificate<'_>, Error> {
        ParsedCertificate::try_from(&self.certificate)
    }
}

impl fmt::Debug for Tls {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.names();
        f.debug_struct("Tls")
            .field("names", &names)
            .finish_non_exhaustive()
    }
}

fn explained(why: &CertificateError) -> String {
    let of_authority =
        matches!(why, CertificateError::Other(it) if it.to_string().contains("CaUsedAsEndEntity"));
    match why {
        _ if of_authority => "it is that of an authority (basicConstraints CA:TRUE), as openssl req -x509 makes it without -addext basicConstraints=critical,CA:FALSE".to_owned(),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "it is not for servers (extendedKeyUsage)".to_owned()
        }
        why => why.to_string(),
    }
}

/// Without its kind: `DnsName("a.example")`, `IpAddress(10.0.0.1)`.
fn bare(presented: &str) -> &str {
    let inner = presented.split_once('(').map_or(presented, |(_, it)| it);
    inner.trim_end_matches(')').trim_matches('"')
}

fn config(provider: Arc<CryptoProvider>, own: CertifiedKey) -> Result<ServerConfig, Error> {
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(own)));
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn time(it: UnixTime) -> Option<OffsetDateTime> {
    let seconds = i64::try_from(it.as_secs()).ok()?;
    OffsetDateTime::from_unix_timestamp(seconds).ok()
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let text = secret_file::read(path, LARGEST, Sharing::Everybody)?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match all {
        Ok(all) if !all.is_empty() => Ok(all),
        Ok(_) => Err("it holds no certificate in PEM (-----BEGIN CERTIFICATE-----)".to_owned()),
        Err(why) => Err(format!("it is no PEM: {why}")),
    }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    let text = secret_file::read(path, LARGEST, Sharing::ServiceAlone)?;
    PrivateKeyDer::from_pem_slice(&text).map_err(|_| {
        // Of PKCS #8, and of the older form of OpenSSL.
        let is_encrypted = text.windows(9).any(|it| it == b"ENCRYPTED");
        let why = match is_encrypted {
            true => "the key is encrypted, and there is nobody to ask for its password: write it without one (openssl pkey -in KEY -out FILE), in a file that only this service reads",
            false => "it holds no private key in PEM (-----BEGIN PRIVATE KEY-----)",
        };
        why.to_owned()
    })
}
