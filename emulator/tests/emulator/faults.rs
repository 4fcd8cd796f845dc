//! Faults, as an HTTP client or a socket sees them.

use cross_tenant_identity_emulator::{Emulator, Endpoint, Fault, Times};
use reqwest::Client;
use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    time::Duration,
};

use crate::support::*;

/// The bytes from IMDS until the connection closes, and the error if there is one.
fn raw(emulator: &Emulator) -> (Vec<u8>, Option<ErrorKind>) {
    let path = "/metadata/identity/oauth2/token?api-version=2018-02-01";
    raw_get(emulator, path, "Metadata: true")
}

fn raw_get(emulator: &Emulator, path: &str, header: &str) -> (Vec<u8>, Option<ErrorKind>) {
    let address = emulator.imds_url().trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).expect("a connection");
    let request = format!(
        "GET {path}&resource={EXCHANGE} HTTP/1.1\r\nHost: {address}\r\n{header}\r\n\
         Connection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).expect("a request");
    let (mut response, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return (response, None),
            Ok(length) => response.extend_from_slice(&buffer[..length]),
            Err(error) => return (response, Some(error.kind())),
        }
    }
}

fn body(response: &[u8]) -> &[u8] {
    let end = response.windows(4).position(|window| window == b"\r\n\r\n");
    &response[end.expect("a whole head") + 4..]
}

async fn over_tls(emulator: &Emulator, client: &Client) -> reqwest::Result<Vec<u8>> {
    let url = format!("{}/common/discovery/keys", emulator.https_url());
    let response = client.get(url).send().await?;
    Ok(response.bytes().await?.to_vec())
}

#[test]
fn a_reset_happens_before_in_or_after_the_head() {
    let emulator = Emulator::start().expect("an emulator");
    emulator.create_scenario();
    emulator.set_fault(Endpoint::Imds, Fault::Reset, Times::Count(1));
    assert_eq!(
        raw(&emulator),
        (Vec::new(), Some(ErrorKind::ConnectionReset))
    );
    assert_eq!(emulator.requests()[0].status, None);

    emulator.set_fault(Endpoint::Imds, Fault::ResetInHead, Times::Count(1));
    let (response, end) = raw(&emulator);
    assert_eq!(response, b"HTTP/1.1 20");
    assert_eq!(end, Some(ErrorKind::ConnectionReset));

    emulator.set_fault(Endpoint::Imds, Fault::ResetInBody, Times::Count(1));
    let (response, end) = raw(&emulator);
    let whole = body(&raw(&emulator).0).len();
    assert_eq!(body(&response).len(), whole / 2);
    assert_eq!(end, Some(ErrorKind::ConnectionReset));
    assert_eq!(emulator.requests()[2].status, Some(200));
}

#[test]
fn a_truncated_body_keeps_its_whole_content_length() {
    let emulator = Emulator::start().expect("an emulator");
    let scenario = emulator.create_scenario();
    // Unlike IMDS, App Service does not return the remaining time, so the response stays the same.
    let path = format!(
        "/msi/token?api-version=2019-08-01&client_id={}",
        scenario.identity_client_id
    );
    let header = format!("X-IDENTITY-HEADER: {}", emulator.identity_header());
    let ask = || raw_get(&emulator, &path, &header);
    let whole = body(&ask().0).to_vec();
    for after in 0..whole.len() {
        let cut = Fault::Truncate { after };
        emulator.set_fault(Endpoint::AppService, cut, Times::Count(1));
        let (response, end) = ask();
        assert_eq!(end, None);
        assert_eq!(body(&response), &whole[..after]);
        let head = String::from_utf8_lossy(&response).to_lowercase();
        assert!(head.contains(&format!("content-length: {}\r\n", whole.len())));
    }
    let all = Fault::Truncate { after: whole.len() };
    emulator.set_fault(Endpoint::AppService, all, Times::Count(1));
    assert_eq!(body(&ask().0), whole);
}

#[tokio::test]
async fn resets_and_truncation_happen_over_tls_too() {
    let emulator = Emulator::start().expect("an emulator");
    let client = http(&emulator);
    let whole = over_tls(&emulator, &client).await.expect("a response");
    for fault in [
        Fault::Reset,
        Fault::ResetInHead,
        Fault::ResetInBody,
        Fault::Truncate { after: 0 },
        Fault::Truncate { after: 17 },
        Fault::Truncate {
            after: whole.len() - 1,
        },
    ] {
        // The client would repeat the request after the reset of a pooled connection.
        let fresh = http(&emulator);
        emulator.set_fault(Endpoint::Jwks, fault.clone(), Times::Count(1));
        assert!(over_tls(&emulator, &fresh).await.is_err(), "{fault:?}");
        assert_eq!(
            over_tls(&emulator, &fresh).await.expect("a response"),
            whole
        );
    }
}

#[tokio::test]
async fn a_refused_handshake_is_a_connection_error() {
    let emulator = Emulator::start().expect("an emulator");
    let client = http(&emulator);
    emulator.set_fault(Endpoint::TlsHandshake, Fault::Reset, Times::Count(1));
    let refused = over_tls(&emulator, &client)
        .await
        .expect_err("no handshake");
    assert!(refused.is_connect(), "{refused:?}");
    assert!(
        format!("{refused:?}").contains("HandshakeFailure"),
        "{refused:?}"
    );
    assert!(emulator.requests().is_empty());
    assert!(over_tls(&emulator, &client).await.is_ok());
}

#[tokio::test]
async fn a_trickled_response_arrives_completely() {
    let emulator = Emulator::start().expect("an emulator");
    let pause = Duration::ZERO;
    let whole = over_tls(&emulator, &http(&emulator))
        .await
        .expect("a response");
    emulator.set_fault(
        Endpoint::Jwks,
        Fault::Trickle { pause },
        Times::UntilCleared,
    );
    let trickled = over_tls(&emulator, &http(&emulator)).await;
    assert_eq!(trickled.expect("a response"), whole);

    emulator.create_scenario();
    emulator.set_fault(Endpoint::Imds, Fault::Trickle { pause }, Times::Count(1));
    let (response, end) = raw(&emulator);
    assert_eq!((body(&response).last(), end), (Some(&b'}'), None));
}

#[tokio::test]
async fn silence_lasts_until_the_client_or_the_emulator_closes_the_connection() {
    let emulator = Emulator::start().expect("an emulator");
    emulator.create_scenario();
    emulator.set_fault(Endpoint::Imds, Fault::Silence, Times::UntilCleared);
    let impatient = Client::builder()
        .no_proxy()
        .timeout(Duration::from_millis(50))
        .build()
        .expect("a client");
    let url = format!("{}/metadata/identity/oauth2/token", emulator.imds_url());
    let silent = impatient.get(&url).send().await.expect_err("nothing");
    assert!(silent.is_timeout(), "{silent}");
    assert_eq!(emulator.requests()[0].status, None);

    let patient = tokio::spawn(http(&emulator).get(&url).send());
    // First the request arrives, then the emulator ends.
    while emulator.requests().len() < 2 {
        tokio::task::yield_now().await;
    }
    drop(emulator);
    assert!(patient.await.expect("no panic").is_err());
}

#[tokio::test]
async fn a_status_has_the_given_headers_and_body() {
    let emulator = Emulator::start().expect("an emulator");
    emulator.create_scenario();
    emulator.set_fault(
        Endpoint::Imds,
        Fault::retry_after(429, "7"),
        Times::Count(1),
    );
    emulator.add_fault(
        Endpoint::Imds,
        Fault::json(500, r#"{"error":"unknown"}"#),
        Times::Count(1),
    );
    emulator.add_fault(Endpoint::Imds, Fault::status(410), Times::Count(2));
    let response = imds(&emulator, EXCHANGE, &[]).await;
    assert_eq!(
        (response.status, response.header("retry-after")),
        (429, "7")
    );
    let response = imds(&emulator, EXCHANGE, &[]).await;
    assert_eq!((response.status, response.text("error")), (500, "unknown"));
    let in_an_hour = Fault::retry_after_date(503, Duration::from_secs(3600));
    emulator.add_fault(Endpoint::Imds, in_an_hour, Times::Count(1));
    for expected in [410, 410] {
        assert_eq!(imds(&emulator, EXCHANGE, &[]).await.status, expected);
    }
    let response = imds(&emulator, EXCHANGE, &[]).await;
    assert_eq!(response.status, 503);
    assert!(response.header("retry-after").ends_with(" GMT"));
    for expected in [200, 200] {
        assert_eq!(imds(&emulator, EXCHANGE, &[]).await.status, expected);
    }
    let statuses: Vec<_> = emulator
        .requests()
        .iter()
        .map(|request| request.status)
        .collect();
    assert_eq!(statuses, [429, 500, 410, 410, 503, 200, 200].map(Some));
}

#[tokio::test]
async fn invalid_responses_have_status_200_or_302() {
    let emulator = Emulator::start().expect("an emulator");
    let scenario = emulator.create_scenario();
    let request = TokenRequest::new(&scenario, &assertion(&emulator).await, STORAGE);
    emulator.set_fault(Endpoint::Token, Fault::Html, Times::Count(1));
    let response = request.send(&emulator).await;
    assert_eq!(response.status, 200);
    assert!(response.header("content-type").starts_with("text/html"));
    emulator.set_fault(Endpoint::Token, Fault::NotJson, Times::Count(1));
    let response = request.send(&emulator).await;
    assert!(
        response
            .header("content-type")
            .starts_with("application/json")
    );
    assert_eq!(response.body, serde_json::Value::Null);
    let location = "https://attacker.example/".to_owned();
    emulator.set_fault(
        Endpoint::Token,
        Fault::Redirect { location },
        Times::Count(1),
    );
    let response = request.send(&emulator).await;
    assert_eq!(response.status, 302);
    assert_eq!(response.header("location"), "https://attacker.example/");
    let raw = Fault::Response {
        status: 200,
        headers: [
            ("Content-Type", "application/json"),
            ("Content-Length", "9"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec(),
        body: vec![0xff, 0x00],
    };
    emulator.set_fault(Endpoint::Token, raw, Times::Count(1));
    assert_eq!(request.send(&emulator).await.body, serde_json::Value::Null);
}

#[tokio::test]
async fn a_wrong_clock_changes_times_and_checks() {
    let emulator = Emulator::start().expect("an emulator");
    let scenario = emulator.create_scenario();
    let right = assertion(&emulator).await;
    let fast = Fault::WrongClock { seconds: 7200 };
    emulator.set_fault(Endpoint::Imds, fast, Times::Count(1));
    let response = imds(&emulator, EXCHANGE, &[]).await;
    let claims = claims(response.text("access_token"));
    assert!(claims["nbf"].as_i64().expect("nbf") > now() + 6000);
    assert_eq!(
        assertion(&emulator).await,
        right,
        "the wrong one is not kept"
    );
    let early = TokenRequest::new(&scenario, response.text("access_token"), STORAGE);
    let response = early.send(&emulator).await;
    assert_refused(&response, 401, "invalid_client", 700_024);

    let slow = Fault::WrongClock { seconds: -100_000 };
    emulator.set_fault(Endpoint::Token, slow, Times::UntilCleared);
    let request = TokenRequest::new(&scenario, &right, STORAGE);
    assert_refused(
        &request.send(&emulator).await,
        401,
        "invalid_client",
        700_024,
    );
    emulator.clear_faults();
    assert_eq!(request.send(&emulator).await.status, 200);
}

#[tokio::test]
async fn a_delay_does_not_change_the_response() {
    let emulator = Emulator::start().expect("an emulator");
    emulator.create_scenario();
    let delay = Fault::Delay(Duration::from_millis(1));
    emulator.set_fault(Endpoint::Imds, delay, Times::UntilCleared);
    assert_eq!(imds(&emulator, EXCHANGE, &[]).await.status, 200);
}
