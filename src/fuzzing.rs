//! Bytes from other parties, and rules that hold for any bytes. There is one function for each
//! place that reads such bytes. `fuzz/` calls them with random inputs; the tests below call them on
//! stable Rust with the same corpus.
#![allow(
    unreachable_pub,
    missing_docs,
    reason = "public for the targets of fuzz/ alone"
)]

#[cfg(test)]
mod corpus;
mod judge;
#[cfg(test)]
mod tests;
mod wire;

use crate::{
    authority::{AuthorityHost, ClientId, TenantId},
    budget::Budget,
    cache::Fetched,
    claims::Claims,
    diagnosis::{AssertionRequest, Diagnosis},
    environment::Environment,
    error::Error,
    managed_identity::{imds::Imds, is_token},
    time::tests::TestClock,
    token_endpoint::{TokenEndpoint, TokenRequest},
    transport::{retry_after, scripted::Scripted},
};
use azure_core::{
    base64::encode_url_safe,
    error::ErrorKind,
    http::{
        RawResponse, StatusCode,
        headers::{Headers, RETRY_AFTER, RETRY_AFTER_MS},
    },
    time::{Duration, OffsetDateTime},
};
use futures::FutureExt;
use std::{future::Future, sync::Arc};
use wire::Answer;

const TENANT: &str = "22222222-2222-4222-8222-222222222222";
const CLIENT: &str = "33333333-3333-4333-8333-333333333333";
const AUDIENCE: &str = "api://AzureADTokenExchange";
const NOW: i64 = 1_800_000_000;

/// The clock and the transport of these calls are never pending, so nothing else can be.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    match future.now_or_never() {
        Some(output) => output,
        None => panic!("the call hangs"),
    }
}

/// A response to the identity request, as text of the HTTP response.
pub fn identity_answer(data: &[u8]) {
    let answer = Answer::parse(data);
    let ask = |answer: &Answer| {
        let clock: Arc<TestClock> = TestClock::new();
        let imds = Imds::new(
            Some("http://127.0.0.1"),
            None,
            AUDIENCE.into(),
            Scripted::new([answer.step()]).client_options(),
            None,
            Environment::from([]),
            Arc::new(clock),
        );
        at_once(judge::some(imds).token())
    };
    match ask(&answer) {
        Ok(token) => {
            assert!(answer.is_success());
            assert!(is_token(token.token.secret()));
        }
        Err(error) => {
            judge::error(&error, &answer, &[]);
            if answer.is_success() {
                judge::same(&error, &judge::failed(ask(&answer.blotted())));
            }
        }
    }
}

/// A response of the token endpoint, as text of the HTTP response.
pub fn token_answer(data: &[u8]) {
    exchange(r#"{"iss":"https://sts.windows.net/x/","exp":1}"#, data);
}

/// The claims of an assertion on the first line, then the refusal of the token endpoint.
pub fn refusal(data: &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n');
    let (claims, answer) = data.split_at(end.unwrap_or(data.len()));
    exchange(&String::from_utf8_lossy(claims), answer.trim_ascii_start());
}

fn exchange(claims: &str, data: &[u8]) {
    let assertion = format!("e30.{}.c2lnbmF0dXJlLWNhbmFyeQ", encode_url_safe(claims));
    let answer = Answer::parse(data);
    let ask = |answer: &Answer| exchanged(answer, &assertion, &TestClock::new());
    match ask(&answer) {
        Ok(fetched) => {
            assert!(answer.is_success());
            assert!(is_token(fetched.token.token.secret()));
            let expires_on = fetched.token.expires_on;
            assert!(expires_on.unix_timestamp() >= NOW);
            assert!(fetched.refresh_on.is_none_or(|on| on <= expires_on));
        }
        Err(error) => {
            judge::error(&error, &answer, &[&assertion]);
            if answer.is_success() {
                judge::same(&error, &judge::failed(ask(&answer.blotted())));
            }
        }
    }
}

fn exchanged(answer: &Answer, assertion: &str, clock: &Arc<TestClock>) -> Result<Fetched, Error> {
    let endpoint = TokenEndpoint::new(
        judge::some(AuthorityHost::choose(None, None)),
        AssertionRequest::of(AUDIENCE),
        Scripted::new([answer.step()]).client_options(),
        None,
        Arc::new(Arc::clone(clock)),
    );
    let asked = TokenRequest {
        tenant: judge::some(TenantId::parse(TENANT)),
        client_id: judge::some(ClientId::parse(CLIENT)),
        scope: "https://management.azure.com/.default".into(),
    };
    let budget = Arc::new(Budget::new(10));
    at_once(judge::some(endpoint).exchange(&asked, assertion, budget))
}

/// The payload of a JWT.
pub fn claims(data: &[u8]) {
    let jwt = format!("e30.{}.x", encode_url_safe(data));
    // The text of the token can also be anything.
    let _ = Claims::peek(&String::from_utf8_lossy(data));
    let Some(claims) = Claims::peek(&jwt) else {
        return;
    };
    let all: serde_json::Map<String, serde_json::Value> = judge::some(serde_json::from_slice(data));
    for (name, seen) in [
        ("iss", &claims.iss),
        ("sub", &claims.sub),
        ("aud", &claims.aud),
        ("tid", &claims.tid),
        ("azp", &claims.azp),
        ("idtyp", &claims.idtyp),
        ("xms_mirid", &claims.xms_mirid),
    ] {
        let stated = all.get(name);
        let only = stated
            .and_then(|value| value.as_array())
            .filter(|list| name == "aud" && list.len() == 1)
            .and_then(|list| list.first());
        let stated = only.or(stated).and_then(|value| value.as_str());
        assert_eq!(seen.as_deref(), stated, "{name}");
    }
    let exp = all.get("exp").and_then(|value| value.as_i64());
    assert!(exp.is_none() || claims.exp == exp);
}

/// The HTTP response of a resource, as text, that an SDK client converted into an error.
pub fn challenge(data: &[u8]) {
    let answer = Answer::parse(data);
    let mut headers = Headers::new();
    for (name, value) in &answer.headers {
        headers.insert(*name, value.clone());
    }
    let status = StatusCode::from(answer.status);
    let kind = ErrorKind::HttpResponse {
        status,
        error_code: None,
        raw_response: Some(Box::new(RawResponse::from_bytes(
            status,
            headers,
            answer.body.clone(),
        ))),
    };
    if let Some(diagnosis) = Diagnosis::of(&azure_core::Error::new(kind, "refused")) {
        assert!(!answer.is_success());
        judge::diagnosis(&diagnosis);
    }
}

/// `Retry-After`, in seconds, in milliseconds and as a date.
pub fn wait_asked_for(data: &[u8]) {
    let text = String::from_utf8_lossy(data).into_owned();
    let now = judge::some(OffsetDateTime::from_unix_timestamp(NOW));
    let whole = text.trim().parse::<u64>().ok();
    for (name, unit) in [(RETRY_AFTER, 1000), (RETRY_AFTER_MS, 1)] {
        let mut headers = Headers::new();
        headers.insert(name, text.clone());
        let asked = retry_after(&headers, now);
        match whole {
            Some(number) => assert_eq!(
                asked.map(|asked| asked.as_millis()),
                Some(u128::from(number) * unit)
            ),
            // A value that is not a number can be a date, and no date is later than the year 9999.
            None => assert!(asked.is_none_or(|asked| asked < Duration::days(365 * 8_000))),
        }
    }
    // Then the code that uses the value: a try that waits, or an error with the time of the next
    // try.
    let mut answer = Answer::parse(b"HTTP/1.1 503 \r\n\r\n");
    answer
        .headers
        .push(("retry-after", text.replace(['\r', '\n'], "")));
    let clock = TestClock::new();
    let error = judge::failed(exchanged(&answer, "a", &clock));
    judge::error(&error, &answer, &[]);
    assert!(clock.slept().iter().sum::<std::time::Duration>() <= Duration::seconds(30));
}
