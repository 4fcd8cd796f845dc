//! Faults as a socket sees them.

use cross_tenant_identity_emulator::{Emulator, Endpoint, Fault, Times};
use reqwest::Client;
use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    time::Duration,
};

use crate::support::*;

/// What came back from IMDS over a plain socket until its end, and how that end was.
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
    let (mut answer, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return (answer, None),
            Ok(length) => answer.extend_from_slice(&buffer[..length]),
            Err(error) => return (answer, Some(error.kind())),
        }
    }
}

fn body(answer: &[u8]) -> &[u8] {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n");
    &answer[end.expect("a whole head") + 4..]
}

async fn over_tls(emulator: &Emulator, client: &Client) -> reqwest::Result<Vec<u8>> {
    let url = format!("{}/common/discovery/keys", emulator.https_url());
    let response = client.get(url).send().await?;
    Ok(response.bytes().await?.to_vec())
}

#[test]
fn a_reset_comes_before_in_or_after_the_head() {
    let emulator = Emulator::start().expect("an emulator");
    emulator.create_scenario();
    emulator.set_fault(Endpoint::Imds, Fault::Reset, Times::Count(1));
    assert_eq!(
        raw(&emulator),
        (Vec::new(), Some(ErrorKind::ConnectionReset))
    );
    assert_eq!(emulator.requests()[0].status, None);

    emulator.set_fault(Endpoint::Imds, Fault::ResetInHead, Times::Count(1));
    let (answer, end) = raw(&emulator);
    assert_eq!(answer, b"HTTP/1.1 20");
    assert_eq!(end, Some(ErrorKind::ConnectionReset));

    emulator.set_fault(Endpoint::Imds, Fault::ResetInBody, Times::Count(1));
    let (answer, end) = raw(&emulator);
    let whole = body(&raw(&emulator).0).len();
    assert_eq!(body(&answer).len(), whole / 2);
    assert_eq!(end, Some(ErrorKind::ConnectionReset));
    assert_eq!(emulator.requests()[2].status, Some(200));
}

#[test]
fn a_body_is_cut_at_any_byte_and_its_length_is_still_the_whole() {
    let emulator = Emulator::start().expect("an emulator");
    let scenario = emulator.create_scenario();
    // Unlike IMDS's, the answer does not change with the time left.
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
        let (answer, end) = ask();
        assert_eq!(end, None);
        assert_eq!(body(&answer), &whole[..after]);
        let head = String::from_utf8_lossy(&answer).to_lowercase();
        assert!(head.contains(&format!("content-length: {}\r\n", whole.len())));
    }
    let all = Fault::Truncate { after: whole.len() };
    emulator.set_fault(Endpoint::AppService, all, Times::Count(1));
    assert_eq!(body(&ask().0), whole);
}

#[tokio::test]
async fn resets_and_cuts_happen_under_tls_too() {
    let emulator = Emulator::start().expect("an emulator");
    let client = http(&emulator);
    let whole = over_tls(&emulator, &client).await.expect("an answer");
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
        // A pooled connection's reset would be retried by the client on its own.
        let fresh = http(&emulator);
        emulator.set_fault(Endpoint::Jwks, fault.clone(), Times::Count(1));
        assert!(over_tls(&emulator, &fresh).await.is_err(), "{fault:?}");
        assert_eq!(over_tls(&emulator, &fresh).await.expect("an answer"), whole);
    }
}

#[tokio::test]
async fn a_refused_handshake_is_no_answer() {
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
async fn trickled_bytes_arrive_in_the_end() {
    let emulator = Emulator::start().expect("an emulator");
    let pause = Duration::ZERO;
    let whole = over_tls(&emulator, &http(&emulator))
        .await
        .expect("an answer");
    emulator.set_fault(
        Endpoint::Jwks,
        Fault::Trickle { pause },
        Times::UntilCleared,
    );
    let trickled = over_tls(&emulator, &http(&emulator)).await;
    assert_eq!(trickled.expect("an answer"), whole);

    emulator.create_scenario();
    emulator.set_fault(Endpoint::Imds, Fault::Trickle { pause }, Times::Count(1));
    let (answer, end) = raw(&emulator);
    assert_eq!((body(&answer).last(), end), (Some(&b'}'), None));
}

#[tokio::test]
async fn silence_lasts_until_the_client_gives_up_or_the_emulator_ends() {
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
    // In order, so that the request has come in before the end.
    while emulator.requests().len() < 2 {
        tokio::task::yield_now().await;
    }
    drop(emulator);
    assert!(patient.await.expect("no panic").is_err());
}

#[tokio::test]
async fn a_status_comes_with_what_it_was_given() {
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
    let answer = imds(&emulator, EXCHANGE, &[]).await;
    assert_eq!((answer.status, answer.header("retry-after")), (429, "7"));
    let answer = imds(&emulator, EXCHANGE, &[]).await;
    assert_eq!((answer.status, answer.text("error")), (500, "unknown"));
    let in_an_hour = Fault::retry_after_date(503, Duration::from_secs(3600));
    emulator.add_fault(Endpoint::Imds, in_an_hour, Times::Count(1));
    for expected in [410, 410] {
        assert_eq!(imds(&emulator, EXCHANGE, &[]).await.status, expected);
    }
    let answer = imds(&emulator, EXCHANGE, &[]).await;
    assert_eq!(answer.status, 503);
    assert!(answer.header("retry-after").ends_with(" GMT"));
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
async fn answers_that_are_none_look_like_answers() {
    let emulator = Emulator::start().expect("an emulator");
    let scenario = emulator.create_scenario();
    let request = TokenRequest::new(&scenario, &assertion(&emulator).await, STORAGE);
    emulator.set_fault(Endpoint::Token, Fault::Html, Times::Count(1));
    let answer = request.send(&emulator).await;
    assert_eq!(answer.status, 200);
    assert!(answer.header("content-type").starts_with("text/html"));
    emulator.set_fault(Endpoint::Token, Fault::NotJson, Times::Count(1));
    let answer = request.send(&emulator).await;
    assert!(
        answer
            .header("content-type")
            .starts_with("application/json")
    );
    assert_eq!(answer.body, serde_json::Value::Null);
    let location = "https://attacker.example/".to_owned();
    emulator.set_fault(
        Endpoint::Token,
        Fault::Redirect { location },
        Times::Count(1),
    );
    let answer = request.send(&emulator).await;
    assert_eq!(answer.status, 302);
    assert_eq!(answer.header("location"), "https://attacker.example/");
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
async fn a_wrong_clock_shows_in_the_times_and_in_what_is_refused() {
    let emulator = Emulator::start().expect("an emulator");
    let scenario = emulator.create_scenario();
    let right = assertion(&emulator).await;
    let fast = Fault::WrongClock { seconds: 7200 };
    emulator.set_fault(Endpoint::Imds, fast, Times::Count(1));
    let answer = imds(&emulator, EXCHANGE, &[]).await;
    let claims = claims(answer.text("access_token"));
    assert!(claims["nbf"].as_i64().expect("nbf") > now() + 6000);
    assert_eq!(
        assertion(&emulator).await,
        right,
        "the wrong one is not kept"
    );
    let early = TokenRequest::new(&scenario, answer.text("access_token"), STORAGE);
    let answer = early.send(&emulator).await;
    assert_refused(&answer, 401, "invalid_client", 700_024);

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
async fn a_delay_changes_nothing_but_the_time() {
    let emulator = Emulator::start().expect("an emulator");
    emulator.create_scenario();
    let delay = Fault::Delay(Duration::from_millis(1));
    emulator.set_fault(Endpoint::Imds, delay, Times::UntilCleared);
    assert_eq!(imds(&emulator, EXCHANGE, &[]).await.status, 200);
}
