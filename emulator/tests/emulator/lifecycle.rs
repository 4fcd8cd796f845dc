use cross_tenant_identity_emulator::Emulator;
use std::{
    net::{TcpListener, TcpStream},
    sync::Arc,
};

use crate::support::*;

fn address(url: &str) -> String {
    let (_, address) = url.split_once("://").expect("a URL");
    address.replace("localhost", "127.0.0.1")
}

#[test]
fn dropping_it_frees_its_ports_even_with_connections_open() {
    let emulator = Emulator::start().expect("an emulator");
    let addresses = [address(emulator.imds_url()), address(emulator.https_url())];
    let open: Vec<TcpStream> = addresses
        .iter()
        .map(|address| TcpStream::connect(address).expect("a connection"))
        .collect();
    drop(emulator);
    for address in &addresses {
        assert!(
            TcpStream::connect(address).is_err(),
            "{address} still listens"
        );
    }
    drop(open);
    for address in &addresses {
        TcpListener::bind(address).expect("a free port");
    }
}

#[test]
fn it_listens_on_the_loopback_interface_alone() {
    let emulator = Emulator::start().expect("an emulator");
    assert!(emulator.imds_url().starts_with("http://127.0.0.1:"));
    assert!(
        emulator
            .identity_endpoint()
            .starts_with("http://127.0.0.1:")
    );
    assert!(emulator.https_url().starts_with("https://localhost:"));
}

#[tokio::test(start_paused = true)]
async fn it_answers_while_the_callers_time_is_paused() {
    let emulator = Emulator::start().expect("an emulator");
    let scenario = emulator.create_scenario();
    assert!(!access_token(&emulator, &scenario, STORAGE).await.is_empty());
}

#[tokio::test]
async fn several_at_once_know_nothing_of_each_other() {
    let one = Emulator::start().expect("an emulator");
    let other = Emulator::start().expect("an emulator");
    assert_eq!(one.ca_pem(), other.ca_pem());
    one.create_scenario();
    assert_eq!(imds(&one, EXCHANGE, &[]).await.status, 200);
    assert_eq!(imds(&other, EXCHANGE, &[]).await.status, 400);
    assert_eq!((one.requests().len(), other.requests().len()), (1, 1));
}

#[tokio::test]
async fn it_can_be_dropped_within_a_runtime_and_shared_before() {
    let emulator = Arc::new(Emulator::start().expect("an emulator"));
    emulator.create_scenario();
    let answers: Vec<_> = (0..64)
        .map(|_| {
            let emulator = Arc::clone(&emulator);
            tokio::spawn(async move { assertion(&emulator).await })
        })
        .collect();
    let mut tokens = Vec::new();
    for answer in answers {
        tokens.push(answer.await.expect("no panic"));
    }
    tokens.dedup();
    assert_eq!(tokens.len(), 1, "IMDS keeps one token");
    drop(emulator);
}
