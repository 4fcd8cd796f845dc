//! Microsoft Entra's token endpoint: the client credentials request that a JWT authenticates
//! (RFC 6749 §4.4, RFC 7521 §4.2, RFC 7523 §2.2), and what it answers.

use crate::{
    authority::{AuthorityHost, ClientId, TenantId},
    budget::Budget,
    cache::{Fetched, WINDOW},
    claims::Claims,
    diagnosis::{self, AssertionRequest, ConnectionFailure, Exchange, Peer, Refusal, Retry},
    error::{self, Error, RefusedAnswer, Stage},
    error_body::{self, ErrorBody},
    managed_identity::{is_token, number},
    redact,
    time::Clock,
    transport::{self, Leg, Outcome, Tries, Way},
};
use azure_core::{
    Uuid,
    credentials::AccessToken,
    http::{ClientOptions, Method, RawResponse, Request, RetryOptions, StatusCode, headers},
    time::OffsetDateTime,
};
use serde::Deserialize;
use serde_json::Value;
use std::{sync::Arc, time::Duration};
use url::form_urlencoded;

/// RFC 7523 §2.2
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// AADSTS50196: "the server terminated an operation because it encountered a client request loop".
/// More requests only make it last.
const LOOP_DETECTED: u32 = 50196;

/// The token leg's deadline, over all of its tries.
const DEADLINE: Duration = Duration::from_secs(30);

/// The token endpoints of one cloud's tenants.
#[derive(Debug)]
pub(crate) struct TokenEndpoint {
    leg: Leg,
    authority: AuthorityHost,
    /// How assertions are asked for, for diagnosis.
    asked_for: AssertionRequest,
    clock: Arc<dyn Clock>,
}

/// What is asked for, and for whom.
#[derive(Clone, Debug)]
pub(crate) struct TokenRequest {
    pub(crate) tenant: TenantId,
    pub(crate) client_id: ClientId,
    pub(crate) scope: Arc<str>,
}

impl TokenEndpoint {
    pub(crate) fn new(
        authority: AuthorityHost,
        asked_for: AssertionRequest,
        client_options: ClientOptions,
        retry: Option<RetryOptions>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        let leg = Leg::new(
            Way::Token,
            client_options,
            retry,
            Arc::new(ThreeTries),
            DEADLINE,
            Arc::clone(&clock),
        )?;
        Ok(Self {
            leg,
            authority,
            asked_for,
            clock,
        })
    }

    pub(crate) fn authority(&self) -> &AuthorityHost {
        &self.authority
    }

    pub(crate) fn leg(&self) -> &Leg {
        &self.leg
    }

    /// Exchanges the client assertion for an access token.
    pub(crate) async fn exchange(
        &self,
        asked: &TokenRequest,
        assertion: &str,
        budget: Arc<Budget>,
    ) -> Result<Fetched, Error> {
        let answer = self.ask(asked, assertion, budget).await?;
        self.read(asked, assertion, &answer)
    }

    /// The first half of an exchange: sends the request.
    pub(crate) async fn ask(
        &self,
        asked: &TokenRequest,
        assertion: &str,
        budget: Arc<Budget>,
    ) -> Result<RawResponse, Error> {
        let mut request = self.request(asked, assertion)?;
        self.leg
            .send(&mut request, Some(budget))
            .await
            .map_err(|source| {
                let peer = Peer::TokenEndpoint(self.authority.origin());
                let failure = ConnectionFailure::of(&source, peer);
                let headline = match failure.is_set_up {
                    true => format!(
                        "the token endpoint of tenant {} could not be asked",
                        asked.tenant
                    ),
                    false => format!(
                        "the token endpoint of tenant {} at {} gave no answer",
                        asked.tenant, self.authority
                    ),
                };
                Error::unanswered(Stage::TokenEndpoint, headline, failure, source)
            })
    }

    /// The second half: the token in the answer, or why there is none.
    pub(crate) fn read(
        &self,
        asked: &TokenRequest,
        assertion: &str,
        answer: &RawResponse,
    ) -> Result<Fetched, Error> {
        if !answer.status().is_success() {
            return Err(self.refused(asked, assertion, answer));
        }
        issued(answer, self.clock.wall()).ok_or_else(|| self.unreadable(asked, assertion, answer))
    }

    /// A success that is none: its body may hold most of a token, so only its outside is told.
    fn unreadable(&self, asked: &TokenRequest, assertion: &str, answer: &RawResponse) -> Error {
        let encoding = error_body::encoding(answer.headers(), answer.body().as_ref());
        let diagnosis = diagnosis::of_unreadable_answer(&self.authority, encoding.as_deref());
        let headline = format!(
            "the token endpoint of tenant {} at {} answered, but not with a bearer token and its life",
            asked.tenant, self.authority
        );
        let outside = transport::outside(answer, &[assertion]);
        Error::answer(
            Stage::TokenEndpoint,
            answer.status(),
            RefusedAnswer::new(headline, outside, diagnosis),
        )
    }

    fn request(&self, asked: &TokenRequest, assertion: &str) -> Result<Request, Error> {
        let url = self
            .authority
            .token_endpoint(&asked.tenant)
            .map_err(|why| {
                Error::configuration(format!(
                    "{} and {} make no URL ({why}): check tenant_id and the authority host",
                    self.authority, asked.tenant
                ))
            })?;
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("client_id", asked.client_id.as_str())
            .append_pair("scope", &asked.scope)
            .append_pair("grant_type", "client_credentials")
            .append_pair("client_assertion_type", JWT_BEARER)
            .append_pair("client_assertion", assertion)
            .finish();
        let mut request = Request::new(url, Method::Post);
        request.insert_header(headers::CONTENT_TYPE, "application/x-www-form-urlencoded");
        request.insert_header(headers::ACCEPT, "application/json");
        // Entra's name for it; azure_core sends x-ms-client-request-id. It comes back as the
        // correlation id, under which the tenant's sign-in logs have the request.
        request.insert_header("client-request-id", Uuid::new_v4().to_string());
        request.set_body(form);
        Ok(request)
    }

    fn refused(&self, asked: &TokenRequest, assertion: &str, answer: &RawResponse) -> Error {
        let status = answer.status();
        let body = ErrorAnswer::of(answer);
        let claims = Claims::peek(assertion);
        // Values are read from these texts and shown, and a proxy may echo what it was sent.
        let clean = |text: &'_ Option<String>| {
            let text = text.as_deref()?;
            Some(redact::redact(text, &[assertion]).into_owned())
        };
        let (description, suberror) = (clean(&body.error_description), clean(&body.suberror));
        let (diagnosis, retry) = diagnosis::of_refusal(
            &Refusal {
                status: status.into(),
                error: body.error.as_deref(),
                description: description.as_deref(),
                codes: &body.codes,
                suberror: suberror.as_deref(),
                has_claims: body.has_claims,
                is_entras: body.is_entras(),
            },
            &Exchange {
                authority: &self.authority,
                tenant: &asked.tenant,
                client_id: &asked.client_id,
                scopes: &asked.scope,
                assertion: claims.as_ref(),
                asked: &self.asked_for,
                now: self.clock.wall(),
            },
        );
        let headline = format!(
            "the token endpoint of tenant {} at {} refused",
            asked.tenant, self.authority
        );
        let mut said = format!("HTTP {}", u16::from(status));
        if transport::is_redirect(status) {
            said.push_str(", a redirect, which is never followed");
        } else {
            said.push_str(&body.said(assertion));
        }
        let diagnosis = diagnosis
            .with_answer(body.whole(assertion))
            .with_support_ids(body.ids(assertion));
        let is_waiting = retry == Retry::Later;
        Error::answer(
            Stage::TokenEndpoint,
            status,
            RefusedAnswer {
                is_transient: transport::is_transient(status) || is_waiting,
                is_about_the_assertion: retry == Retry::NewAssertionOnce,
                silence: body.codes.contains(&LOOP_DETECTED).then_some(WINDOW),
                retry_after: transport::retry_after(answer.headers(), self.clock.wall()),
                source: Some(error::http_response(answer, body.error, &[assertion])),
                ..RefusedAnswer::new(headline, said, diagnosis)
            },
        )
    }
}

/// I/O errors, 408, 429 and 5xx are tried again twice; a refusal of the exchange itself never is.
#[derive(Debug)]
struct ThreeTries;

impl Tries for ThreeTries {
    fn next(&self, made: u32, _elapsed: Duration, outcome: Outcome<'_>) -> Option<Duration> {
        let again = match outcome {
            Outcome::NoAnswer { .. } => true,
            Outcome::Answer(answer) => transport::is_transient(answer.status()),
        };
        (again && made < 3).then(|| transport::pause(Duration::from_millis(500), made))
    }

    fn status_codes(&self) -> &'static [StatusCode] {
        &transport::TRANSIENT
    }
}

/// RFC 6749 §5.1, and Entra's `refresh_in`.
#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    token_type: String,
    expires_in: Value,
    #[serde(default)]
    refresh_in: Value,
}

fn issued(answer: &RawResponse, received: OffsetDateTime) -> Option<Fetched> {
    let body = error_body::without_mark(answer.body().as_ref());
    let body: TokenAnswer = serde_json::from_slice(body).ok()?;
    // RFC 6749 §7.1: a client must not use a token whose type it does not understand.
    if !body.token_type.eq_ignore_ascii_case("bearer") || !is_token(&body.access_token) {
        return None;
    }
    let after = |seconds: i64| {
        let seconds = u64::try_from(seconds.max(0)).ok()?;
        received.checked_add(Duration::from_secs(seconds).try_into().ok()?)
    };
    let expires_on = after(number(&body.expires_in)?)?;
    let refresh_on = number(&body.refresh_in)
        .and_then(after)
        .map(|on| on.min(expires_on));
    Some(Fetched {
        token: AccessToken::new(body.access_token, expires_on),
        refresh_on,
    })
}

/// RFC 6749 §5.2, and what Entra adds (Microsoft Learn, "Microsoft Entra authentication and
/// authorization error codes", "Handling error codes in your application"). A gateway may have
/// wrapped it in a form of its own.
struct ErrorAnswer {
    error: Option<String>,
    error_description: Option<String>,
    codes: Vec<u32>,
    suberror: Option<String>,
    timestamp: Option<String>,
    trace_id: Option<String>,
    correlation_id: Option<String>,
    has_claims: bool,
    body: ErrorBody,
}

impl ErrorAnswer {
    /// Whatever of it can be read: one field of another type must not hide the rest.
    fn of(answer: &RawResponse) -> Self {
        let body = ErrorBody::of(answer);
        let listed = match body.value_at("/error_codes") {
            Some(Value::Array(codes)) => codes.as_slice(),
            _ => &[],
        };
        let mut codes: Vec<u32> = listed
            .iter()
            .filter_map(|code| u32::try_from(number(code)?).ok())
            .collect();
        // The number is in the text, too, wherever that stands, and in a link.
        for code in diagnosis::codes_in(body.text()) {
            if !codes.contains(&code) {
                codes.push(code);
            }
        }
        if codes.is_empty() {
            codes.extend(body.at("/error_uri").and_then(|uri| {
                let (_, code) = uri.split_once("code=")?;
                code.parse::<u32>().ok()
            }));
        }
        let text = |path: &str| body.at(path).map(str::to_owned);
        Self {
            error: body.code().map(Into::into),
            error_description: body.message().map(Into::into),
            codes,
            suberror: text("/suberror"),
            timestamp: text("/timestamp"),
            trace_id: text("/trace_id"),
            correlation_id: text("/correlation_id"),
            has_claims: body.value_at("/claims").is_some(),
            body,
        }
    }

    fn is_entras(&self) -> bool {
        self.error.is_some() || self.error_description.is_some() || !self.codes.is_empty()
    }

    /// The error and the first sentence of its description, or the start of whatever else answered.
    fn said(&self, assertion: &str) -> String {
        if self.error.is_none() && self.error_description.is_none() {
            let beginning = self.body.beginning(&[assertion]);
            return match beginning.as_str() {
                "" => ", without a word".to_owned(),
                _ => format!(", not in Microsoft Entra's form; it begins: {beginning}"),
            };
        }
        let mut said = String::new();
        if let Some(error) = &self.error {
            said.push(' ');
            said.push_str(&redact::excerpt(error.as_bytes(), &[assertion]));
        }
        if let Some(description) = &self.error_description {
            let first = diagnosis::first_sentence(sentence(description));
            said.push_str(", ");
            said.push_str(&redact::excerpt(
                first.trim_end_matches('.').as_bytes(),
                &[assertion],
            ));
        }
        said
    }

    /// All that was answered in words, as far as it may be shown.
    fn whole(&self, assertion: &str) -> String {
        match &self.error_description {
            Some(description) => redact::excerpt(sentence(description).as_bytes(), &[assertion]),
            None => self.body.beginning(&[assertion]),
        }
    }

    /// What Microsoft's support and the sign-in logs find the request by.
    fn ids(&self, assertion: &str) -> Vec<(&'static str, String)> {
        [
            ("Trace ID", &self.trace_id),
            ("correlation ID", &self.correlation_id),
            ("timestamp", &self.timestamp),
        ]
        .into_iter()
        .filter_map(|(name, value)| {
            let value = redact::redact(value.as_deref()?, &[assertion]);
            Some((name, redact::printable(&value, 60)))
        })
        .collect()
    }
}

/// The description without the ids that follow it: after spaces today, after `\r\n` in older
/// answers.
fn sentence(description: &str) -> &str {
    let end = description.find("Trace ID:").unwrap_or(description.len());
    description[..end].trim()
}

#[cfg(test)]
mod tests {
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
            ("", "HTTP 400, without a word"),
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
}
