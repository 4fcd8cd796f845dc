//! Starting and dropping an emulator.

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
fn dropping_an_emulator_closes_its_ports_and_connections() {
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
fn it_listens_only_on_the_loopback_interface() {
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
async fn it_responds_while_the_time_of_the_caller_is_paused() {
    let emulator = Emulator::start().expect("an emulator");
    let scenario = emulator.create_scenario();
    assert!(!access_token(&emulator, &scenario, STORAGE).await.is_empty());
}

#[tokio::test]
async fn two_emulators_share_only_the_ca() {
    let one = Emulator::start().expect("an emulator");
    let other = Emulator::start().expect("an emulator");
    assert_eq!(one.ca_pem(), other.ca_pem());
    one.create_scenario();
    assert_eq!(imds(&one, EXCHANGE, &[]).await.status, 200);
    assert_eq!(imds(&other, EXCHANGE, &[]).await.status, 400);
    assert_eq!((one.requests().len(), other.requests().len()), (1, 1));
}

#[tokio::test]
async fn tasks_can_share_it_and_a_runtime_can_drop_it() {
    let emulator = Arc::new(Emulator::start().expect("an emulator"));
    emulator.create_scenario();
    let responses: Vec<_> = (0..64)
        .map(|_| {
            let emulator = Arc::clone(&emulator);
            tokio::spawn(async move { assertion(&emulator).await })
        })
        .collect();
    let mut tokens = Vec::new();
    for response in responses {
        tokens.push(response.await.expect("no panic"));
    }
    tokens.dedup();
    assert_eq!(tokens.len(), 1, "IMDS keeps one token");
    drop(emulator);
}

#[test]
fn it_listens_on_the_chosen_ports() {
    // The system chooses the ports first, so that they are likely to be free.
    let (http, https) = {
        let emulator = Emulator::start().expect("an emulator");
        let port = |url| -> u16 { address(url)[10..].parse().expect("a port") };
        (port(emulator.imds_url()), port(emulator.https_url()))
    };
    match Emulator::start_on(http, https) {
        Ok(emulator) => {
            assert_eq!(emulator.imds_url(), format!("http://127.0.0.1:{http}"));
            assert_eq!(emulator.https_url(), format!("https://localhost:{https}"));
        }
        // Another process was faster. The error names the port.
        Err(error) => assert!(error.to_string().contains("cannot listen on 127.0.0.1:")),
    }
}
