//! Errors from public reports, and the explanation that the user needs: one table for each place
//! that can refuse a token or its use. The inputs are quoted from public reports, with invented
//! ids. The tests use only the public API.

#[path = "wild/identity.rs"]
mod identity;
#[path = "wild/resources.rs"]
mod resources;
#[path = "wild/token_endpoint.rs"]
mod token_endpoint;

use azure_core::{
    base64::encode_url_safe,
    credentials::TokenCredential,
    http::{
        AsyncRawResponse, ClientMethodOptions, ClientOptions, HttpClient, Request, RetryOptions,
        StatusCode, Transport, headers::Headers,
    },
};
use azure_identity::ClientAssertion;
use cross_tenant_identity::{
    Actor, CrossTenantManagedIdentityCredential, CrossTenantManagedIdentityCredentialOptions,
    Diagnosis, Error, explain,
};
use std::sync::Arc;

const HOME: &str = "11111111-1111-4111-8111-111111111111";
const TARGET: &str = "22222222-2222-4222-8222-222222222222";
const APP: &str = "33333333-3333-4333-8333-333333333333";
const PRINCIPAL: &str = "44444444-4444-4444-8444-444444444444";
const OBJECT: &str = "55555555-5555-4555-8555-555555555555";
const SCOPE: &str = "https://storage.azure.com/.default";

/// One response, the same for each request.
#[derive(Clone, Debug)]
struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Answer {
    fn json(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::of(status, "content-type", "application/json", body)
    }

    fn of(status: u16, name: &'static str, value: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: vec![(name, value.to_owned())],
            body: body.into(),
        }
    }

    fn headers(&self) -> Headers {
        let mut headers = Headers::new();
        for (name, value) in &self.headers {
            headers.insert(*name, value.clone());
        }
        headers
    }

    fn client_options(self) -> ClientOptions {
        ClientOptions {
            transport: Some(Transport::new(Arc::new(self))),
            ..Default::default()
        }
    }
}

#[async_trait::async_trait]
impl HttpClient for Answer {
    async fn execute_request(&self, _: &Request) -> azure_core::Result<AsyncRawResponse> {
        Ok(AsyncRawResponse::from_bytes(
            StatusCode::from(self.status),
            self.headers(),
            self.body.clone(),
        ))
    }
}

/// What the message for the person must contain.
struct Told {
    who: Actor,
    code: Option<u32>,
    /// Parts of the output of `explain`.
    says: &'static [&'static str],
    /// Words that must not be in the output, except in links.
    never: &'static [&'static str],
}

impl Told {
    fn by(who: Actor, says: &'static [&'static str]) -> Self {
        Self {
            who,
            code: None,
            says,
            never: &[],
        }
    }

    fn code(mut self, code: u32) -> Self {
        self.code = Some(code);
        self
    }

    fn never(mut self, never: &'static [&'static str]) -> Self {
        self.never = never;
        self
    }

    fn check(&self, name: &str, error: &(dyn std::error::Error + 'static)) {
        let told = explain(error).to_string();
        let diagnosis = Diagnosis::of(error).unwrap_or_else(|| panic!("{name}: {told}"));
        assert_eq!(diagnosis.who(), self.who, "{name}: {told}");
        assert_eq!(diagnosis.code(), self.code, "{name}: {told}");
        for part in self.says {
            assert!(
                told.contains(part),
                "{name}: {part:?} is missing in\n{told}"
            );
        }
        // The address of the guide contains the name of this crate, and so the word "tenant".
        let prose: String = told
            .lines()
            .filter(|line| !line.starts_with("More: "))
            .collect();
        for part in self.never {
            assert!(!prose.contains(part), "{name}: {part:?} is in\n{told}");
        }
        if let Some(ours) = Error::find(error) {
            assert_eq!(ours.code(), diagnosis.code(), "{name}");
            let line = ours.to_string();
            assert!(line.len() <= 460 && !line.contains('\n'), "{name}: {line}");
            says_nothing_twice(name, error, &line);
        }
    }
}

/// Checks the output of anyhow's `{:#}`, source by source.
fn says_nothing_twice(name: &str, error: &(dyn std::error::Error + 'static), line: &str) {
    let all: Vec<String> = std::iter::successors(Some(error), |error| error.source())
        .map(ToString::to_string)
        .collect();
    let printed = all.join(": ");
    assert_eq!(printed.matches(line).count(), 1, "{name}: {printed}");
    for (at, text) in all.iter().enumerate() {
        let others = all.iter().skip(at + 1);
        assert!(
            others
                .into_iter()
                .all(|other| !text.contains(other.as_str())),
            "{name}: {printed}"
        );
    }
}

/// Returns a JWT with these claims.
#[derive(Debug)]
struct Assertion(serde_json::Value);

impl Assertion {
    fn managed_identity() -> serde_json::Value {
        serde_json::json!({
            "iss": format!("https://login.microsoftonline.com/{HOME}/v2.0"),
            "sub": PRINCIPAL,
            "aud": "fb60f99c-7a34-4190-8149-302f77469936",
            "tid": HOME,
            "idtyp": "app",
            "exp": 4_000_000_000_u64,
        })
    }
}

#[async_trait::async_trait]
impl ClientAssertion for Assertion {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        Ok(format!(
            "e30.{}.c2lnbmF0dXJl",
            encode_url_safe(self.0.to_string())
        ))
    }
}

/// The error of `get_token` if the token endpoint sends this response.
async fn refused(claims: serde_json::Value, answer: Answer) -> azure_core::Error {
    let options = CrossTenantManagedIdentityCredentialOptions {
        client_options: answer.client_options(),
        retry: Some(RetryOptions::none()),
        ..Default::default()
    };
    CrossTenantManagedIdentityCredential::with_assertion(
        TARGET,
        APP,
        Arc::new(Assertion(claims)),
        Some(options),
    )
    .unwrap()
    .get_token(&[SCOPE], None)
    .await
    .unwrap_err()
}
