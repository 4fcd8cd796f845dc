//! Connections that end before a request, and those that stand in nobody's way.

use super::{
    LOOPBACK, NAME,
    certificates::Pair,
    client::{TlsClient, ask, rest},
    config, start,
};
use crate::support::Azure;
use std::{io::Read, net::TcpStream};

fn refused(client: &TlsClient, reason: &str) -> u64 {
    let metrics = client.get(NAME, "/metrics").unwrap().body;
    let name = format!("cross_tenant_identity_connections_refused_total{{reason=\"{reason}\"}} ");
    let line = metrics.lines().find_map(|it| it.strip_prefix(&name));
    line.unwrap_or_else(|| panic!("{reason}: {metrics}"))
        .parse()
        .unwrap()
}

/// What comes until it is closed: nothing also if it was reset.
fn all(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
    }
    bytes
}

#[test]
fn clients_that_never_send_do_not_keep_others_away() {
    let azure = Azure::start();
    let pair = Pair::usual(&azure);
    let (_serve, client) = start(&azure, &config(&azure, LOOPBACK, &pair));
    // When they are disconnected is tested with a set clock, in src/endpoint/tests.rs.
    let _silent: Vec<_> = (0..50).map(|_| client.connect()).collect();
    assert_eq!(client.token(NAME, NAME).unwrap().status, 200);
}

/// Of another address of this machine.
#[cfg(target_os = "linux")]
fn connect_from(source: [u8; 4], client: &TlsClient) -> TcpStream {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let stream = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind((source, 0).into()).unwrap();
        socket.connect(client.address).await.unwrap()
    });
    let stream = stream.into_std().unwrap();
    stream.set_nonblocking(false).unwrap();
    stream
}

#[cfg(target_os = "linux")]
#[test]
fn one_address_cannot_take_all_connections() {
    let azure = Azure::start();
    let pair = Pair::usual(&azure);
    let (_serve, client) = start(&azure, &config(&azure, LOOPBACK, &pair));
    let _taken: Vec<_> = (0..256).map(|_| client.connect()).collect();
    assert!(all(&mut client.connect()).is_empty());

    let other = connect_from([127, 0, 0, 2], &client);
    let mut other = client.handshake(other, NAME).unwrap();
    ask(&mut other, NAME, true).unwrap();
    assert_eq!(rest(&mut other).unwrap().status, 200);
}

#[cfg(target_os = "linux")]
#[test]
fn an_address_of_no_listed_network_gets_not_a_byte() {
    let azure = Azure::start();
    let pair = Pair::usual(&azure);
    let networks = "\"127.0.0.1/32\", \"fd00::/8\"";
    let (mut serve, client) = start(&azure, &config(&azure, networks, &pair));
    // It would be answered if the handshake came first.
    for _ in 0..2 {
        let other = connect_from([127, 0, 0, 2], &client);
        assert!(client.handshake(other, NAME).is_err());
    }
    assert!(all(&mut connect_from([127, 0, 0, 2], &client)).is_empty());
    assert_eq!(client.token(NAME, NAME).unwrap().status, 200);
    assert_eq!(refused(&client, "network"), 3);
    let logged = serve.logged("a connection was refused");
    assert_eq!(logged["peer"], "127.0.0.2");
    assert_eq!(logged["reason"], "network");
    // Once, for whoever tries must not fill the log.
    let log = serve.end();
    assert_eq!(log.matches("a connection was refused").count(), 1, "{log}");
}

#[test]
fn who_speaks_http_to_it_or_trusts_another_authority_gets_no_token() {
    let azure = Azure::start();
    let pair = Pair::usual(&azure);
    let (mut serve, client) = start(&azure, &config(&azure, LOOPBACK, &pair));
    let mut plain = client.connect();
    ask(&mut plain, NAME, true).unwrap();
    let answer = all(&mut plain);
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    let logged = serve.logged("a connection was refused");
    assert_eq!(logged["reason"], "handshake");
    // A port that is only looked at is no failure.
    drop(client.connect());
    assert!(client.token("other.example", NAME).is_err());
    assert_eq!(client.token(NAME, NAME).unwrap().status, 200);
    assert!(refused(&client, "handshake") <= 2);
}
