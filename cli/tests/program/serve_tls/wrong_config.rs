//! What is wrong with certificate, key and networks is told before anything starts.

use super::{LOOPBACK, NAME, certificates::Pair, clients, config};
use crate::{
    serve::running::{Serve, command},
    support::{Azure, ended},
};
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa};

/// The message, and no line of the key.
fn told(azure: &Azure, config: &str, pair: &Pair) -> String {
    let ended = ended(&mut command(azure, config)).expect(2);
    assert!(!ended.stderr.contains("\"ready\""), "{}", ended.stderr);
    pair.assert_key_not_in(&ended.stderr);
    ended.stderr
}

#[test]
fn an_address_that_others_reach_needs_tls_and_networks() {
    let azure = Azure::start();
    let pair = Pair::usual(&azure);
    let (tls, clients) = (pair.config(), clients(&azure));
    let everywhere = "listen = \"0.0.0.0:0\"\n";
    let here = "listen = \"127.0.0.1:0\"\n";
    let without = |key: &str| {
        let lines = tls.lines().filter(|it| !it.starts_with(key));
        lines.map(|it| format!("{it}\n")).collect::<String>()
    };
    for (config, expected) in [
        (format!("{everywhere}{clients}"), "has no TLS: give [tls]"),
        (format!("listen = \"[::]:0\"\n{clients}"), "has no TLS"),
        (
            format!("{everywhere}networks = [\"10.0.0.0/8\"]\n{clients}"),
            "has no TLS",
        ),
        (
            format!("{here}networks = [\"10.0.0.0/8\"]\n{clients}"),
            "networks without [tls]",
        ),
        (format!("{everywhere}{tls}{clients}"), "give networks"),
        (
            format!("{everywhere}networks = []\n{tls}{clients}"),
            "networks is empty",
        ),
        (
            format!("{everywhere}networks = [\"10.0.0.1/8\", \"here\", \"::/0\"]\n{tls}{clients}"),
            "give 10.0.0.0/8",
        ),
        (
            format!("{everywhere}networks = [\"0.0.0.0/0\"]\n{tls}{clients}"),
            "every address",
        ),
        (
            format!("{here}{}{clients}", without("certificate_file")),
            "tls has no certificate_file",
        ),
        (
            format!("{here}{}{clients}", without("private_key_file")),
            "tls has no private_key_file",
        ),
        (
            format!("{here}{}{clients}", tls.replace("private_key_file", "key")),
            "unknown field",
        ),
    ] {
        let message = told(&azure, &config, &pair);
        assert!(message.contains(expected), "{expected}: {message}");
    }
    assert_eq!(azure.emulator.requests().len(), 0);
}

#[test]
fn a_certificate_or_a_key_that_cannot_be_used_is_told() {
    let azure = Azure::start();
    let pair = Pair::usual(&azure);
    let good = config(&azure, LOOPBACK, &pair);
    let made = azure.emulator.server_certificate(&[NAME]).unwrap();
    let (certificate, key) = (&made.certificate_pem, &made.private_key_pem);
    let encrypted = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    let encrypted_before = key.replace("PRIVATE KEY", "RSA PRIVATE KEY").replacen(
        '\n',
        "\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\n",
        1,
    );
    let other = azure.emulator.server_certificate(&[NAME]).unwrap();
    for (certificate, key, expected) in [
        (certificate, &other.private_key_pem, "is not the key of"),
        (certificate, &encrypted, "the key is encrypted"),
        (certificate, &encrypted_before, "the key is encrypted"),
        (certificate, certificate, "it holds no private key in PEM"),
        (key, key, "it holds no certificate in PEM"),
        (&String::new(), key, "it holds no certificate in PEM"),
        (certificate, &String::new(), "it holds no private key"),
        (&certificate.replace("MII", "AAA"), key, "tls.crt"),
        (
            certificate,
            &key.replace("MIG", "AAA"),
            "the key cannot be used",
        ),
    ] {
        let pair = Pair::in_files(&azure, certificate, key);
        let message = told(&azure, &good, &pair);
        assert!(message.contains(expected), "{expected}: {message}");
    }
    let pair = Pair::in_files(&azure, certificate, key);
    for file in ["tls.crt", "tls.key"] {
        let message = told(&azure, &good.replace(file, "missing"), &pair);
        assert!(message.contains("missing: cannot read it"), "{message}");
    }
}

#[cfg(unix)]
#[test]
fn a_key_that_others_can_read_is_refused() {
    let azure = Azure::start();
    let pair = Pair::usual(&azure);
    let good = config(&azure, LOOPBACK, &pair);
    for mode in [0o644, 0o604, 0o660, 0o602, 0o610] {
        pair.set_key_mode(mode);
        let message = told(&azure, &good, &pair);
        let expected = format!("its mode is 0{mode:o}");
        assert!(message.contains(&expected), "{expected}: {message}");
    }
    pair.set_key_mode(0o400);
    Serve::start(&azure, &good).end();
}

#[cfg(unix)]
#[test]
fn a_certificate_that_clients_will_refuse_is_a_warning_with_its_date() {
    let azure = Azure::start();
    let unnamed = CertificateParams::default();
    let mut of_authority = CertificateParams::new([NAME.to_owned()]).unwrap();
    of_authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let mut of_client = CertificateParams::new([NAME.to_owned()]).unwrap();
    of_client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    for (pair, expected) in [
        (
            Pair::valid(&azure, 2001, 2002),
            "has expired, on 2002-01-01T00:00:00Z",
        ),
        (
            Pair::valid(&azure, 3001, 3002),
            "is not valid before 3001-01-01T00:00:00Z",
        ),
        (Pair::self_signed(&azure, unnamed), "has no name"),
        (
            Pair::self_signed(&azure, of_authority),
            "it is that of an authority",
        ),
        (
            Pair::self_signed(&azure, of_client),
            "it is not for servers",
        ),
    ] {
        let pair_config = config(&azure, LOOPBACK, &pair);
        // `pair` is made before the one that comes after it is written to the same files.
        let pair = Pair::in_files(&azure, &pair.certificate_pem, &pair.key_pem);
        let log = Serve::start(&azure, &pair_config).end();
        assert!(log.contains(expected), "{expected}: {log}");
        pair.assert_key_not_in(&log);
    }
    let pair = Pair::usual(&azure);
    let networks = "\"127.0.0.0/8\", \"203.0.113.0/24\"";
    let log = Serve::start(&azure, &config(&azure, networks, &pair)).end();
    assert!(
        log.contains("addresses of the internet: 203.0.113.0/24"),
        "{log}"
    );
    assert!(!log.contains("the certificate"), "{log}");
}
