//! No token, assertion or identity header in any log or Debug output.

#[path = "../examples/support/arm.rs"]
#[allow(dead_code)]
mod arm;
mod support;
#[path = "../examples/support/vault.rs"]
mod vault;

use arm::ResourceManager;
use azure_core::{
    credentials::TokenCredential,
    error::ErrorKind,
    http::{AsyncRawResponse, Body, HttpClient, Request, Transport},
};
use azure_identity::ClientAssertion;
use azure_security_keyvault_secrets::{SecretClient, SecretClientOptions};
use cross_tenant_identity::{DiagnoseOptions, Diagnosis, ManagedIdentityAssertion};
use cross_tenant_identity_emulator::{Endpoint, Fault, Times};
use futures::TryStreamExt;
use std::{fmt::Write, io, sync::Arc};
use support::{ARM, STORAGE, World, at_once, log::record, refused};
use tracing::Level;

const VAULT: &str = "https://vault.azure.net/.default";

/// All texts of an error, at every depth.
fn everything_of(error: &(dyn std::error::Error + 'static)) -> String {
    let mut seen = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        write!(seen, "{error} {error:?} {error:#?} ").unwrap();
        if let Some(ErrorKind::HttpResponse {
            raw_response: Some(raw),
            ..
        }) = error.downcast_ref().map(azure_core::Error::kind)
        {
            let body = String::from_utf8_lossy(raw.body().as_ref()).into_owned();
            let headers: Vec<_> = raw.headers().iter().collect();
            write!(seen, "{body} {headers:?}").unwrap();
        }
        next = error.source();
    }
    write!(seen, "{} ", cross_tenant_identity::explain(error)).unwrap();
    if let Some(found) = cross_tenant_identity::Error::find(error) {
        write!(seen, "{found} {found:?} {found:#?} ").unwrap();
    }
    if let Some(diagnosis) = Diagnosis::of(error) {
        write!(seen, "{diagnosis} {diagnosis:?} {:?}", diagnosis.commands()).unwrap();
    }
    seen
}

/// Responses with the secret in a wrong place. `Retry-After` and `WWW-Authenticate` are not among
/// them: azure_core logs these headers unredacted.
fn echoes(secret: &str) -> Vec<Fault> {
    let json = |status, body: serde_json::Value| Fault::json(status, &body.to_string());
    let answer = |status, name: &str, value: String, body: String| Fault::Response {
        status,
        headers: vec![(name.to_owned(), value)],
        body: body.into_bytes(),
    };
    vec![
        json(
            400,
            serde_json::json!({"error": "invalid_request", "error_description": secret}),
        ),
        json(
            401,
            serde_json::json!({"error": secret, "error_description": "AADSTS700024: x", "error_codes": [700024]}),
        ),
        json(
            400,
            serde_json::json!({"error": {"code": secret, "message": secret}}),
        ),
        json(
            400,
            serde_json::json!({"error": "x", "trace_id": secret, "correlation_id": secret, "timestamp": secret, "claims": secret}),
        ),
        json(
            401,
            serde_json::json!({"error": "invalid_client", "error_description": format!("AADSTS700213: presented assertion subject '{secret}', assertion issuer 'https://{secret}'."), "suberror": secret}),
        ),
        answer(
            403,
            "content-type",
            "text/html".into(),
            format!("<html><title>{secret}</title></html>"),
        ),
        answer(400, "content-encoding", secret.into(), "x".into()),
        answer(200, "content-encoding", secret.into(), "x".into()),
        answer(
            400,
            "content-type",
            "text/plain".into(),
            format!("\u{feff}Response body: {{\"error\":\"{secret}\"}} AADSTS500011 {secret}"),
        ),
        json(200, serde_json::json!({"access_token": secret})),
        json(
            200,
            serde_json::json!({"access_token": secret, "token_type": "pop", "expires_in": 3599}),
        ),
        json(
            200,
            serde_json::json!({"access_token": [secret], "token_type": "Bearer", "expires_in": 3599}),
        ),
        json(
            200,
            serde_json::json!({"access_token": secret, "token_type": "Bearer", "expires_in": secret}),
        ),
        answer(
            200,
            "content-type",
            "text/html".into(),
            format!("<p>{secret}</p>"),
        ),
        answer(
            502,
            "content-type",
            "text/html".into(),
            format!("<p>POST client_assertion={secret}</p>"),
        ),
        answer(500, "x-echo", secret.into(), String::new()),
        answer(
            302,
            "location",
            format!("https://elsewhere.example/?token={secret}"),
            String::new(),
        ),
    ]
}

/// A service or a proxy can echo an assertion or a token anywhere in a response. This crate never
/// shows it.
#[tokio::test]
async fn a_secret_that_any_response_echoes_is_not_shown() {
    let (log, _guard) = record(Level::TRACE);
    let world = World::new();
    let assertion = ManagedIdentityAssertion::new(Some(world.identity_options())).unwrap();
    let secret = assertion.secret(None).await.unwrap();
    let mut seen = String::new();
    for endpoint in [Endpoint::Imds, Endpoint::Token] {
        for fault in echoes(&secret) {
            world.azure.set_fault(endpoint, fault, Times::UntilCleared);
            // A response of the identity endpoint needs only a token, because the token contains
            // its expiry.
            match world.credential().get_token(&[ARM], None).await {
                Ok(_) => assert_eq!(endpoint, Endpoint::Imds),
                Err(error) => seen += &everything_of(&error),
            }
        }
        world.azure.clear_faults();
    }
    write!(seen, "{:?}", world.azure.requests()).unwrap();
    seen += &log.text();
    // The header of a JWT alone reveals nothing, and is the same for every token.
    for part in secret.split('.').skip(1) {
        let at = seen.find(part);
        assert!(
            at.is_none(),
            "a secret is shown: {}",
            around(&seen, at.unwrap())
        );
    }
}

fn around(text: &str, at: usize) -> &str {
    let start = (0..=at.saturating_sub(300))
        .rev()
        .find(|i| text.is_char_boundary(*i));
    &text[start.unwrap_or(0)..at]
}

/// A source that returns something that is not a JWT, and a source that panics with a secret in its
/// message.
#[derive(Debug)]
enum Canary {
    Returns(&'static str),
    Fails(&'static str),
    Panics(&'static str),
}

#[async_trait::async_trait]
impl ClientAssertion for Canary {
    async fn secret(
        &self,
        _: Option<azure_core::http::ClientMethodOptions<'_>>,
    ) -> azure_core::Result<String> {
        match self {
            Self::Returns(secret) => Ok((*secret).to_owned()),
            Self::Fails(secret) => Err(azure_core::Error::with_message(
                ErrorKind::Other,
                format!("no key in {secret}"),
            )),
            Self::Panics(secret) => panic!("{secret}"),
        }
    }
}

#[tokio::test]
async fn the_assertion_of_a_users_source_is_not_shown() {
    const OPAQUE: &str = "opaque-canary-2f6c1d";
    const JWT: &str = "eyJhbGciOiJub25lIn0.eyJjYW5hcnkiOjF9.c2lnbmF0dXJlLWNhbmFyeQ";
    let (log, _guard) = record(Level::TRACE);
    for (source, secret) in [
        (Canary::Returns(OPAQUE), OPAQUE),
        (Canary::Returns(JWT), JWT),
        (Canary::Returns("line\nopaque-canary-2f6c1d"), OPAQUE),
        (Canary::Fails(JWT), JWT),
        (Canary::Panics(OPAQUE), OPAQUE),
    ] {
        let world = World::new();
        let echo = Fault::Response {
            status: 400,
            headers: vec![("x-echo".into(), secret.into())],
            body: format!(
                r#"{{"error":"invalid_client","error_description":"AADSTS700213: presented assertion subject '{}'"}}"#,
                secret.escape_default()
            )
            .into_bytes(),
        };
        world
            .azure
            .set_fault(Endpoint::Token, echo, Times::UntilCleared);
        let credential = world.with_assertion(source, world.options());
        let error = credential.get_token(&[ARM], None).await.unwrap_err();
        let seen = everything_of(&error) + &format!("{credential:?}") + &log.text();
        let at = seen.find(secret);
        assert!(
            at.is_none(),
            "a secret is shown: {}",
            around(&seen, at.unwrap())
        );
    }
}

/// A transport that shows the request in an error, at some depth.
#[derive(Debug)]
struct Quoting(ErrorKind);

#[async_trait::async_trait]
impl HttpClient for Quoting {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let Body::Bytes(body) = request.body() else {
            panic!("the form is no stream");
        };
        let quoted = format!("sent {}", String::from_utf8_lossy(body));
        let inner = io::Error::other(quoted.clone());
        let error = azure_core::Error::new(self.0.clone(), io::Error::other(inner));
        Err(error.with_context(quoted))
    }
}

#[tokio::test]
async fn the_error_of_a_transport_that_quotes_the_request_shows_no_assertion() {
    const OPAQUE: &str = "opaque canary/2f6c1d";
    const JWT: &str = "eyJhbGciOiJub25lIn0.eyJjYW5hcnkiOjF9.c2lnbmF0dXJlLWNhbmFyeQ";
    let (log, _guard) = record(Level::TRACE);
    for kind in [ErrorKind::Io, ErrorKind::Connection, ErrorKind::Other] {
        for secret in [OPAQUE, JWT] {
            let world = World::new();
            let mut options = world.options();
            options.retry = Some(at_once(1));
            options.client_options.transport =
                Some(Transport::new(Arc::new(Quoting(kind.clone()))));
            let credential = world.with_assertion(Canary::Returns(secret), options);
            let error = credential.get_token(&[ARM], None).await.unwrap_err();
            let seen = everything_of(&error) + &log.text();
            assert!(seen.contains("sent client_id="), "{seen}");
            for hidden in ["canary", "2f6c1d", "c2lnbmF0dXJl", "eyJjYW5hcnkiOjF9"] {
                let at = seen.find(hidden);
                assert!(
                    at.is_none(),
                    "{kind}: shown: {}",
                    around(&seen, at.unwrap())
                );
            }
        }
    }
}

#[tokio::test]
async fn a_report_logs_no_secret() {
    let (log, _guard) = record(Level::TRACE);
    let world = World::new();
    let assertion = ManagedIdentityAssertion::new(Some(world.identity_options())).unwrap();
    let jwt = assertion.secret(None).await.unwrap();
    let options = DiagnoseOptions {
        exchange_at_home: true,
        resource_url: Some("https://management.azure.com/subscriptions?api-version=x".into()),
    };
    for fault in [None, Some(Fault::status(500)), Some(Fault::Reset)] {
        for endpoint in [Endpoint::ResourceManager, Endpoint::Token] {
            if let Some(fault) = fault.clone() {
                world.azure.set_fault(endpoint, fault, Times::UntilCleared);
            }
            let credential = world.credential();
            drop(credential.diagnose(&[ARM], Some(options.clone())).await);
            world.azure.clear_faults();
        }
    }
    let text = log.text();
    assert!(text.contains("diagnose{"), "{text}");
    // This also covers the access tokens, which the test has not stored.
    assert!(!text.contains("eyJ"), "{text}");
    for part in jwt.split('.') {
        assert!(!text.contains(part), "a secret is shown");
    }
}

#[tokio::test]
async fn a_log_at_trace_shows_the_legs_and_no_secret() {
    let (log, _guard) = record(Level::TRACE);
    let world = World::new();
    let mut options = world.options();
    options.retry = Some(at_once(1));
    let credential = world.credential_with(options);
    world
        .azure
        .set_fault(Endpoint::Token, Fault::ResetInBody, Times::Count(1));
    let token = credential.get_token(&[ARM], None).await.unwrap();
    // azure_core logs what SDK clients do with a token, with its own redaction.
    let arm = ResourceManager::new(credential.clone(), world.azure.client_options()).unwrap();
    let groups = arm.resource_groups(&world.scenario.target_subscription_id);
    assert_eq!(
        groups.unwrap().try_collect::<Vec<_>>().await.unwrap().len(),
        1
    );
    let url = vault::emulated(&world.azure, &world.scenario, "greeting").unwrap();
    let vault_options = SecretClientOptions {
        client_options: world.azure.client_options(),
        ..Default::default()
    };
    let vault = SecretClient::new(&url, credential.clone(), Some(vault_options)).unwrap();
    vault.get_secret("greeting", None).await.unwrap();
    let vault_token = credential.get_token(&[VAULT], None).await.unwrap();
    let assertion = ManagedIdentityAssertion::new(Some(world.identity_options())).unwrap();
    let jwt = assertion.secret(None).await.unwrap();
    let echo = Fault::json(
        400,
        &format!(r#"{{"error":"invalid_request","error_description":"{jwt}"}}"#),
    );
    world
        .azure
        .set_fault(Endpoint::Token, echo, Times::UntilCleared);
    let error = refused(&credential, STORAGE).await;

    let text = log.text();
    for told in ["new client assertion", "new access token", "duration_ms"] {
        assert!(text.contains(told), "{told} is missing in:\n{text}");
    }
    let options = world.options();
    let everything = format!(
        "{text}{credential:?}{assertion:?}{options:?}{error}{error:?}{:?}{:?}",
        azure_core::Error::from(error.clone()),
        world.azure.requests(),
    );
    for secret in [token.token.secret(), vault_token.token.secret(), &jwt] {
        for part in secret.split('.') {
            assert!(!everything.contains(part), "a secret is shown");
        }
    }
}
