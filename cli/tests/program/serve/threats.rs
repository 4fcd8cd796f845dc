//! Requests that are refused, and requests that are made to stop the others.

use super::running::{REPORTS, Serve, both};
use crate::{client::RESOURCE, support::Azure};
use std::{io::Write, net::TcpStream};

#[cfg(unix)]
#[test]
fn who_has_no_secret_and_who_was_tricked_get_nothing() {
    let azure = Azure::start();
    let serve = Serve::start(&azure, &both(&azure));
    let endpoint = &serve.endpoint;
    let path = format!("/msi/token?api-version=2019-08-01&resource={RESOURCE}");
    let host = format!("Host: {}", endpoint.address());
    let secret = format!("X-IDENTITY-HEADER: {REPORTS}");

    // The same answer for each, so that nothing can be learnt from it.
    let mut answers = Vec::new();
    for wrong in [
        "X-Other: 1".to_owned(),
        "X-IDENTITY-HEADER: x".to_owned(),
        secret[..secret.len() - 1].to_owned(),
        format!("{secret}\r\n{secret}"),
    ] {
        let response = endpoint.send(&path, &[&host, &wrong]).unwrap();
        assert_eq!(response.status, 401, "{wrong}");
        answers.push(response.message());
    }
    answers.dedup();
    assert_eq!(answers.len(), 1);
    let other = endpoint.send("/msi/token?resource=no", &[&host, "X-IDENTITY-HEADER: x"]);
    assert_eq!(other.unwrap().message(), answers[0]);

    for headers in [
        vec![host.as_str(), secret.as_str(), "X-Forwarded-For: 10.0.0.1"],
        vec![host.as_str(), secret.as_str(), "Forwarded: for=10.0.0.1"],
        vec!["Host: rebound.example", secret.as_str()],
        vec!["Host: 127.0.0.1", secret.as_str()],
        vec![host.as_str(), "Host: rebound.example", secret.as_str()],
        vec![secret.as_str()],
    ] {
        assert_eq!(
            endpoint.send(&path, &headers).unwrap().status,
            400,
            "{headers:?}"
        );
    }
    for query in [
        format!("resource={RESOURCE}"),
        "api-version=2019-08-01".to_owned(),
        format!("api-version=2019-08-01&resource={RESOURCE}&resource=x"),
        format!("api-version=2019-08-01&resource={RESOURCE}&client_id=another"),
        format!("api-version=2019-08-01&resource={RESOURCE}%20https://vault.azure.net"),
        // They act on a terminal that shows them: CSI, and right to left.
        "api-version=2019-08-01&resource=x%C2%9B31m".to_owned(),
        "api-version=2019-08-01&resource=x%E2%80%AE".to_owned(),
    ] {
        assert_eq!(endpoint.ask(&query, &[]).unwrap().status, 400, "{query}");
    }
    // No assertion comes from here, so the endpoint is never the host of another one.
    let exchange = "api-version=2019-08-01&resource=api://AzureADTokenExchange";
    assert_eq!(endpoint.ask(exchange, &[]).unwrap().status, 403);
    serve.end();
}

#[cfg(unix)]
#[test]
fn requests_without_a_secret_do_not_fill_the_log() {
    let azure = Azure::start();
    let serve = Serve::start(&azure, &both(&azure));
    let host = format!("Host: {}", serve.endpoint.address());
    for _ in 0..50 {
        let without = serve.endpoint.send("/msi/token", &[&host]).unwrap();
        assert_eq!(without.status, 401);
        let elsewhere = serve.endpoint.send("/msi/token", &["Host: a.example"]);
        assert_eq!(elsewhere.unwrap().status, 400);
    }
    // They are counted.
    let metrics = serve.endpoint.get("/metrics").unwrap().body;
    for outcome in ["unauthorized", "other_host"] {
        let line = format!("{{client=\"\",outcome=\"{outcome}\"}} 50\n");
        assert!(metrics.contains(&line), "{metrics}");
    }
    let log = serve.end();
    assert_eq!(log.matches("a request was refused").count(), 2, "{log}");
}

#[test]
fn a_huge_request_and_a_slow_one_do_not_stop_others() {
    let azure = Azure::start();
    let serve = Serve::start(&azure, &both(&azure));
    let endpoint = &serve.endpoint;
    let mut slow = TcpStream::connect(endpoint.address()).unwrap();
    slow.write_all(b"GET /msi/token HTTP/1.1\r\nHo").unwrap();
    let header = format!("X-Long: {}", "x".repeat(64 * 1024));
    // The connection may be closed before all was sent.
    if let Ok(response) = endpoint.ask("", &[&header]) {
        assert_eq!(response.status, 431);
    }
    assert_eq!(endpoint.token(RESOURCE).unwrap().status, 200);
    // It is still connected: when that ends is tested with a set clock, in src/endpoint/tests.rs.
    drop(slow);
}
