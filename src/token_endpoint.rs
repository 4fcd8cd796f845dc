//! Microsoft Entra's token endpoint: the client credentials request that a JWT authenticates
//! (RFC 6749 §4.4, RFC 7521 §4.2, RFC 7523 §2.2), and what it answers.

mod error_answer;

use crate::{
    authority::{AuthorityHost, ClientId, TenantId},
    budget::Budget,
    cache::{Fetched, WINDOW},
    claims::Claims,
    diagnosis::{self, AssertionRequest, ConnectionFailure, Exchange, Peer, Refusal, Retry},
    error::{self, Error, RefusedAnswer, Stage},
    error_body,
    managed_identity::{is_token, number},
    redact,
    time::Clock,
    transport::{self, Destination, Leg, Outcome, Tries},
};
use azure_core::{
    Uuid,
    credentials::AccessToken,
    http::{ClientOptions, Method, RawResponse, Request, RetryOptions, StatusCode, headers},
    time::OffsetDateTime,
};
use error_answer::ErrorAnswer;
use serde::Deserialize;
use serde_json::Value;
use std::{sync::Arc, time::Duration};
use url::form_urlencoded;

/// RFC 7523 §2.2
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// AADSTS50196: "the server terminated an operation because it encountered a client request loop".
/// Each further request prolongs it.
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

/// The token that a request asks for.
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
            Destination::Entra,
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

    /// A success without a usable token. Its body may hold most of a token, so it is not shown.
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

#[cfg(test)]
mod tests;
