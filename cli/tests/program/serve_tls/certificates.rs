//! Certificates with their keys, in files.

use super::NAME;
use crate::support::Azure;
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use std::fs;

pub(super) struct Pair {
    certificate: String,
    key: String,
    pub(super) certificate_pem: String,
    pub(super) key_pem: String,
}

impl Pair {
    /// Signed by the emulator's authority, which is in the file `ca.pem`.
    pub(super) fn of(azure: &Azure, names: &[&str]) -> Self {
        let made = azure.emulator.server_certificate(names).unwrap();
        Self::in_files(azure, &made.certificate_pem, &made.private_key_pem)
    }

    pub(super) fn usual(azure: &Azure) -> Self {
        Self::of(azure, &[NAME, "127.0.0.1"])
    }

    /// That was valid in these years, signed by its own key.
    pub(super) fn valid(azure: &Azure, from: i32, to: i32) -> Self {
        let mut params = CertificateParams::new([NAME.to_owned()]).unwrap();
        params.not_before = date_time_ymd(from, 1, 1);
        params.not_after = date_time_ymd(to, 1, 1);
        Self::self_signed(azure, params)
    }

    pub(super) fn self_signed(azure: &Azure, params: CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self::in_files(azure, &certificate.pem(), &key.serialize_pem())
    }

    /// In the files of the pair before, if there is one.
    pub(super) fn in_files(azure: &Azure, certificate: &str, key: &str) -> Self {
        let pair = Self {
            certificate: azure.file("tls.crt", certificate),
            key: azure.file("tls.key", key),
            certificate_pem: certificate.to_owned(),
            key_pem: key.to_owned(),
        };
        set_mode(&pair.key, 0o600);
        pair
    }

    pub(super) fn config(&self) -> String {
        format!(
            "[tls]\ncertificate_file = \"{}\"\nprivate_key_file = \"{}\"\n",
            self.certificate, self.key
        )
    }

    pub(super) fn set_key_mode(&self, mode: u32) {
        set_mode(&self.key, mode);
    }

    /// Not a line of the key is in this.
    pub(super) fn assert_key_not_in(&self, text: &str) {
        // Those of Base64.
        let lines = self.key_pem.lines().filter(|it| it.len() > 30);
        for line in lines.filter(|it| !it.starts_with("-----")) {
            assert!(!text.contains(line), "{text}");
        }
    }
}

fn set_mode(path: &str, mode: u32) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    #[cfg(not(unix))]
    let _ = (path, mode, fs::metadata(path));
}
