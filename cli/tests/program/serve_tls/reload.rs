//! SIGHUP with TLS: another certificate, other networks.

use super::{LOOPBACK, NAME, certificates::Pair, client::ask, config, start};
use crate::support::Azure;
use rustix::process::Signal;
use std::io::Read;

const NEW_NAME: &str = "new.contoso.example";

#[test]
fn the_certificate_is_read_again_and_a_wrong_one_keeps_the_one_before() {
    let azure = Azure::start();
    let pair = Pair::usual(&azure);
    let config = config(&azure, LOOPBACK, &pair);
    let (mut serve, client) = start(&azure, &config);
    let ask_by = |name: &str| client.token(name, name).map(|it| it.status);
    assert_eq!(ask_by(NAME).unwrap(), 200);

    let pair = Pair::of(&azure, &[NEW_NAME]);
    serve.signal(Signal::HUP);
    let logged = serve.logged("read the file again");
    assert_eq!(logged["without_tokens"], "");
    assert_eq!(logged["names"], NEW_NAME);
    assert_eq!(ask_by(NEW_NAME).unwrap(), 200);
    assert!(ask_by(NAME).is_err());
    // The name of the certificate before is nobody's.
    assert_eq!(client.token(NEW_NAME, NAME).unwrap().status, 400);

    // The key of another one, a key that all can read, and a file that is half written.
    let other = azure.emulator.server_certificate(&[NAME]).unwrap();
    azure.file("tls.crt", &other.certificate_pem);
    serve.signal(Signal::HUP);
    let logged = serve.logged("stay as they were");
    assert!(
        logged["why"].to_string().contains("is not the key of"),
        "{logged}"
    );
    assert_eq!(ask_by(NEW_NAME).unwrap(), 200);

    azure.file("tls.key", &other.private_key_pem);
    pair.set_key_mode(0o644);
    serve.signal(Signal::HUP);
    let logged = serve.logged("stay as they were");
    assert!(
        logged["why"].to_string().contains("its mode is 0644"),
        "{logged}"
    );
    pair.set_key_mode(0o600);
    let half = &other.certificate_pem[..other.certificate_pem.len() / 2];
    azure.file("tls.crt", half);
    serve.signal(Signal::HUP);
    serve.logged("stay as they were");
    assert_eq!(ask_by(NEW_NAME).unwrap(), 200);

    azure.file("tls.crt", &other.certificate_pem);
    serve.signal(Signal::HUP);
    serve.logged("read the file again");
    assert_eq!(ask_by(NAME).unwrap(), 200);
    let log = serve.end();
    pair.assert_key_not_in(&log);
}

#[test]
fn networks_change_also_for_connections_that_are_open() {
    let azure = Azure::start();
    let pair = Pair::usual(&azure);
    let (mut serve, client) = start(&azure, &config(&azure, LOOPBACK, &pair));
    let mut open = client.handshake(client.connect(), NAME).unwrap();
    ask(&mut open, NAME, false).unwrap();
    let mut head = [0; 15];
    open.read_exact(&mut head).unwrap();
    assert_eq!(&head, b"HTTP/1.1 200 OK");

    azure.file("serve.toml", &config(&azure, "\"192.0.2.0/24\"", &pair));
    serve.signal(Signal::HUP);
    let logged = serve.logged("read the file again");
    assert_eq!(logged["networks"], "192.0.2.0/24");
    assert!(client.token(NAME, NAME).is_err());
    ask(&mut open, NAME, true).unwrap();
    let mut text = String::new();
    open.read_to_string(&mut text).unwrap();
    assert!(text.contains("HTTP/1.1 403"), "{text}");
    assert!(text.contains("none of the endpoint's networks"), "{text}");
    serve.end();
}

#[test]
fn tls_is_not_taken_away_by_a_reload() {
    let azure = Azure::start();
    let pair = Pair::usual(&azure);
    let with = format!(
        "listen = \"127.0.0.1:0\"\n{}{}",
        pair.config(),
        super::clients(&azure)
    );
    let (mut serve, client) = start(&azure, &with);
    azure.file("serve.toml", &with.replace(&pair.config(), ""));
    serve.signal(Signal::HUP);
    let logged = serve.logged("stay as they were");
    assert!(
        logged["why"].to_string().contains("needs a restart"),
        "{logged}"
    );
    assert_eq!(client.token(NAME, NAME).unwrap().status, 200);
}
