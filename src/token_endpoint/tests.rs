use super::*;
use crate::{
    time::tests::{HeldClock, TestClock},
    transport::scripted::{Scripted, Step, body_of},
};
use std::collections::BTreeMap;

const TENANT: &str = "22222222-2222-4222-8222-222222222222";
const CLIENT: &str = "33333333-3333-4333-8333-333333333333";
const ASSERTION: &str = "assertion-canary.a.b";
const SUCCESS: &str = r#"{"token_type":"Bearer","expires_in":3599,"ext_expires_in":3599,"access_token":"token-canary"}"#;

async fn exchange(script: &Arc<Scripted>) -> Result<Fetched, Error> {
    exchange_at(script, &TestClock::new()).await
}

async fn exchange_at(script: &Arc<Scripted>, clock: &Arc<TestClock>) -> Result<Fetched, Error> {
    exchange_within(script, clock, Arc::new(Budget::new(10))).await
}

async fn exchange_within(
    script: &Arc<Scripted>,
    clock: &Arc<TestClock>,
    budget: Arc<Budget>,
) -> Result<Fetched, Error> {
    let endpoint = TokenEndpoint::new(
        AuthorityHost::choose(None, None).unwrap(),
        AssertionRequest::of("api://AzureADTokenExchange"),
        script.client_options(),
        None,
        Arc::new(Arc::clone(clock)),
    )
    .unwrap();
    endpoint.exchange(&asked(), ASSERTION, budget).await
}

async fn refused(status: u16, body: &str) -> Error {
    exchange(&Scripted::new([Step::answer(status, body)]))
        .await
        .err()
        .unwrap()
}

#[tokio::test]
async fn the_form_is_that_of_a_client_credentials_request_with_a_jwt() {
    let script = Scripted::new([Step::answer(200, SUCCESS)]);
    exchange(&script).await.ok().unwrap();
    let request = &script.requests()[0];
    assert_eq!(
        request.url().as_str(),
        format!("https://login.microsoftonline.com/{TENANT}/oauth2/v2.0/token")
    );
    let form: BTreeMap<_, _> = form_urlencoded::parse(body_of(request).as_bytes())
        .into_owned()
        .collect();
    let expected = [
        ("client_assertion", ASSERTION),
        (
            "client_assertion_type",
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        ),
        ("client_id", CLIENT),
        ("grant_type", "client_credentials"),
        ("scope", "https://management.azure.com/.default"),
    ];
    assert_eq!(
        form,
        expected
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into()
    );
}

#[tokio::test]
async fn the_life_and_the_time_to_renew_are_read() {
    for (fields, life, renew) in [
        (r#""expires_in":3599"#, 3599, None),
        (r#""expires_in":"3599""#, 3599, None),
        (
            r#""expires_in":86400,"refresh_in":43200"#,
            86400,
            Some(43200),
        ),
        (r#""expires_in":60,"refresh_in":"90""#, 60, Some(60)),
        (r#""expires_in":60,"refresh_in":-5"#, 60, Some(0)),
        (r#""expires_in":-5"#, 0, None),
    ] {
        let body = format!(r#"{{"token_type":"bearer","access_token":"t",{fields}}}"#);
        let clock = TestClock::new();
        let issued = exchange_at(&Scripted::new([Step::answer(200, body)]), &clock)
            .await
            .ok()
            .unwrap();
        let after = |on: OffsetDateTime| (on - clock.wall()).whole_seconds();
        assert_eq!(after(issued.token.expires_on), life, "{fields}");
        assert_eq!(issued.refresh_on.map(after), renew, "{fields}");
    }
}

#[tokio::test]
async fn a_success_that_is_none_shows_not_one_byte_of_the_token() {
    let cuts = (0..SUCCESS.len()).map(|cut| SUCCESS[..cut].to_owned());
    let others = [
        r#"{"token_type":"pop","expires_in":1,"access_token":"token-canary"}"#,
        r#"{"token_type":"Bearer","expires_in":"token-canary","access_token":1}"#,
        r#"{"token_type":"Bearer","access_token":"token-canary"}"#,
        r#"{"token_type":"Bearer","expires_in":99999999999999999999,"access_token":"token-canary"}"#,
        r#"{"token_type":"Bearer","expires_in":1,"access_token":"token-canary\n"}"#,
        r#""token-canary""#,
    ];
    for body in cuts.chain(others.map(str::to_owned)) {
        let error = refused(200, &body).await;
        let shown = format!(
            "{error} {error:?} {:?}",
            azure_core::Error::from(error.clone())
        );
        assert!(!shown.contains("can"), "{body}: {shown}");
        assert!(
            shown.contains(&format!("HTTP 200 with {} bytes", body.len())),
            "{shown}"
        );
    }
}

#[tokio::test]
async fn both_shapes_of_an_error_text_are_read() {
    for end in [
        " Trace ID: t1 Correlation ID: c1 Timestamp: 2026-01-01 00:00:00Z",
        r"\r\nTrace ID: t1\r\nCorrelation ID: c1\r\nTimestamp: 2026-01-01 00:00:00Z",
    ] {
        let error = refused(401, &format!(
            r#"{{"error":"invalid_client","error_description":"AADSTS700213: No \"matching\" record.{end}","error_codes":[700213],"trace_id":"t1","correlation_id":"c1","timestamp":"2026-01-01 00:00:00Z"}}"#
        )).await;
        let said = error.to_string();
        assert_eq!(
            (error.code(), error.status()),
            (Some(700213), Some(StatusCode::Unauthorized))
        );
        assert!(
            said.contains(r#"HTTP 401 invalid_client, AADSTS700213: No "matching" record"#),
            "{said}"
        );
        assert!(!said.contains("t1") && said.len() <= 420, "{said}");
        let told = error.diagnosis().unwrap();
        assert_eq!(told.answer(), Some("AADSTS700213: No \"matching\" record."));
        let told = told.to_string();
        assert!(told.contains("Trace ID t1, correlation ID c1"), "{told}");
    }
}

#[tokio::test]
async fn a_refusal_says_what_may_be_tried_again_and_with_what() {
    for (status, body, is_transient, is_about_the_assertion) in [
        (503, "{}", true, false),
        (400, r#"{"error":"temporarily_unavailable"}"#, true, false),
        (400, r#"{"error":"invalid_grant"}"#, false, false),
        (
            401,
            r#"{"error":"invalid_client","error_codes":[90002]}"#,
            false,
            false,
        ),
        (
            401,
            r#"{"error":"invalid_client","error_codes":[700024]}"#,
            false,
            true,
        ),
    ] {
        let error = refused(status, body).await;
        assert_eq!(error.is_transient(), is_transient, "{body}");
        let of_assertion = error.is_about_the_assertion();
        assert_eq!(of_assertion, is_about_the_assertion, "{body}");
    }
}

#[tokio::test]
async fn what_is_missing_or_empty_is_not_shown() {
    for (body, said) in [
        ("", "HTTP 400, with an empty body"),
        (
            r#"{"error":"","error_description":""}"#,
            "not in Microsoft Entra's form",
        ),
        (r#"{"error":"odd"}"#, "HTTP 400 odd"),
        (
            r#"{"error_description":"no reason"}"#,
            "HTTP 400, no reason",
        ),
        (r#"{"error":"odd","correlation_id":"c1"}"#, "HTTP 400 odd"),
    ] {
        let error = refused(400, body).await;
        let message = error.to_string();
        assert!(message.contains(said), "{body}: {message}");
        let is_entras = body.contains("odd") || body.contains("reason");
        assert_eq!(
            message.contains("form"),
            !is_entras && !body.is_empty(),
            "{message}"
        );
        let ids = error.diagnosis().unwrap().support_ids().count();
        assert_eq!(ids, usize::from(body.contains("_id")), "{message}");
    }
}

#[tokio::test]
async fn one_odd_field_does_not_hide_the_rest_of_an_error() {
    let error = refused(400, r#"{"error":"invalid_grant","error_description":7,"error_codes":["53003",-1,{}],"trace_id":null}"#).await;
    assert_eq!(error.code(), Some(53003));
    assert!(error.to_string().contains("invalid_grant"), "{error}");
}

#[tokio::test]
async fn an_answer_that_is_not_entras_is_shown_by_its_start() {
    let page = format!(
        "<html>\u{1b}[31mBlocked by proxy {}</html>",
        "x ".repeat(2000)
    );
    let error = refused(403, &page).await;
    let said = error.to_string();
    assert!(
        said.contains("HTTP 403, not in Microsoft Entra's form")
            && said.contains("Blocked by proxy"),
        "{said}"
    );
    assert!(!said.contains('\u{1b}') && said.len() < 1200, "{said}");
    assert!(refused(502, "").await.is_transient());
}

#[tokio::test]
async fn what_a_proxy_echoes_of_the_assertion_is_redacted() {
    let error = refused(
        500,
        &format!("you sent client_assertion={ASSERTION} and eyJhbGciOiJSUzI1NiJ9.e30.x"),
    )
    .await;
    let outer = azure_core::Error::from(error.clone());
    let shown = format!("{error} {error:?} {outer} {outer:?}");
    assert!(
        shown.contains("you sent") && !shown.contains("canary") && !shown.contains("eyJ"),
        "{shown}"
    );
    let below: &azure_core::Error = std::error::Error::source(&error)
        .unwrap()
        .downcast_ref()
        .unwrap();
    assert!(!format!("{below:?}").contains("canary"));
}

#[tokio::test]
async fn what_may_pass_is_tried_three_times_and_a_refusal_once() {
    for (step, requests) in [
        (Step::NoAnswer, 3),
        (Step::Silence, 3),
        (Step::CutShort, 3),
        (Step::answer(408, "{}"), 3),
        (Step::answer(429, "{}"), 3),
        (Step::answer(503, "{}"), 3),
        (Step::with_header(503, "retry-after", "6", "{}"), 1),
        (Step::with_header(429, "retry-after", "3600", "{}"), 1),
        (Step::answer(400, "{}"), 1),
        (Step::answer(401, "{}"), 1),
        (
            Step::with_header(307, "location", "https://evil.example", "{}"),
            1,
        ),
        (Step::answer(200, "{"), 1),
        (
            Step::answer(200, "x".repeat(transport::LARGEST_ANSWER + 1)),
            1,
        ),
    ] {
        let shown = format!("{step:.60?}");
        let (script, clock) = (Scripted::new([step]), TestClock::new());
        assert!(exchange_at(&script, &clock).await.is_err(), "{shown}");
        assert_eq!(script.count(), requests, "{shown}");
        assert!(
            clock.monotonic() <= DEADLINE,
            "{shown}: {:?}",
            clock.monotonic()
        );
    }
}

/// An outage of seconds must not keep callers waiting for the minutes after it.
#[tokio::test]
async fn only_what_was_answered_with_a_token_or_a_refusal_counts_as_a_request() {
    for (step, counts) in [
        (Step::NoAnswer, false),
        (Step::Silence, false),
        (Step::answer(408, "{}"), false),
        (Step::answer(429, "{}"), false),
        (Step::answer(503, "{}"), false),
        (Step::CutShort, true),
        (Step::answer(400, "{}"), true),
        (Step::answer(401, "{}"), true),
        (Step::answer(200, "<html>"), true),
        (Step::answer(200, SUCCESS), true),
    ] {
        let shown = format!("{step:.60?}");
        let (script, clock) = (Scripted::new([step]), TestClock::new());
        let budget = Arc::new(Budget::new(1));
        let _ = exchange_within(&script, &clock, Arc::clone(&budget)).await;
        assert_eq!(!budget.has_left(), counts, "{shown}");
        if counts {
            let _ = exchange_within(&script, &clock, budget).await;
            assert_eq!(script.count(), 1, "{shown}");
        }
    }
}

/// Its tries begin anew at our policy, each with its own limit; the leg's is the same for all.
#[tokio::test]
async fn silence_counts_as_no_request_with_a_users_retry_options_either() {
    let at_once = RetryOptions::fixed(azure_core::http::FixedRetryOptions {
        delay: azure_core::time::Duration::ZERO,
        max_retries: 9,
        ..Default::default()
    });
    let (script, clock) = (Scripted::new([Step::Silence]), HeldClock::new());
    let budget = Arc::new(Budget::new(1));
    let endpoint = endpoint_with(&script, at_once, Arc::clone(&clock));
    let asked = asked();
    let call = endpoint.exchange(&asked, ASSERTION, Arc::clone(&budget));
    let mut call = std::pin::pin!(call);
    let mut tries = 0;
    while futures::poll!(&mut call).is_pending() {
        tokio::task::yield_now().await;
        // A new try is under way, or the one before goes on, and not one of azure_core's pauses.
        if script.count() > tries || clock.monotonic().as_secs() % 12 != 0 {
            tries = script.count();
            // So that the third one begins at 24 s, and has six left.
            clock.advance(Duration::from_secs(3));
        }
    }
    assert_eq!((clock.monotonic(), script.count()), (DEADLINE, 3));
    assert!(budget.has_left());
}

#[tokio::test]
async fn a_users_retry_options_replace_ours() {
    assert_eq!(requests_with(RetryOptions::none(), 503).await, 1);
    // Its policy asks ours which statuses to try again; azure_core's own would leave 507 out.
    let four_more = RetryOptions::fixed(azure_core::http::FixedRetryOptions {
        delay: azure_core::time::Duration::ZERO,
        max_retries: 4,
        ..Default::default()
    });
    assert_eq!(requests_with(four_more.clone(), 503).await, 5);
    assert_eq!(requests_with(four_more.clone(), 507).await, 5);
    assert_eq!(requests_with(four_more, 400).await, 1);
}

/// How many requests an endpoint that is unwell gets.
async fn requests_with(retry: RetryOptions, status: u16) -> usize {
    let script = Scripted::new([Step::answer(status, "{}")]);
    // The pauses are azure_core's own, of no time at all but on its own timer.
    let endpoint = endpoint_with(&script, retry, HeldClock::new());
    let budget = Arc::new(Budget::new(10));
    assert!(
        endpoint
            .exchange(&asked(), ASSERTION, budget)
            .await
            .is_err()
    );
    script.count()
}

fn endpoint_with(
    script: &Arc<Scripted>,
    retry: RetryOptions,
    clock: Arc<HeldClock>,
) -> TokenEndpoint {
    TokenEndpoint::new(
        AuthorityHost::choose(None, None).unwrap(),
        AssertionRequest::of("api://AzureADTokenExchange"),
        script.client_options(),
        Some(retry),
        clock,
    )
    .unwrap()
}

fn asked() -> TokenRequest {
    TokenRequest {
        tenant: TenantId::parse(TENANT).unwrap(),
        client_id: ClientId::parse(CLIENT).unwrap(),
        scope: "https://management.azure.com/.default".into(),
    }
}
