//! The token endpoint, and what stands in its place.

#[path = "token_endpoint/in_its_place.rs"]
mod in_its_place;
#[path = "token_endpoint/kinds_of_assertion.rs"]
mod kinds_of_assertion;
#[path = "token_endpoint/numbers.rs"]
mod numbers;

use super::*;
use Actor::{
    BothAdministrators as Both, Developer, HomeAdministrator as Home, Nobody, Operator,
    TargetAdministrator as Target,
};
use serde_json::{Value, json};

struct Case {
    name: &'static str,
    claims: Value,
    answer: Answer,
    transient: bool,
    told: Told,
}

fn case(name: &'static str, answer: Answer, transient: bool, told: Told) -> Case {
    Case {
        name,
        claims: Assertion::managed_identity(),
        answer,
        transient,
        told,
    }
}

impl Case {
    fn presenting(mut self, issuer: &str, subject: &str, audience: Value) -> Self {
        self.claims =
            json!({"iss": issuer, "sub": subject, "aud": audience, "exp": 4_000_000_000_u64});
        self
    }
}

/// Entra's body with one number.
fn entra(status: u16, error: &str, code: u32, sentence: &str) -> Answer {
    let body = json!({
        "error": error,
        "error_description": format!("AADSTS{code}: {sentence} Trace ID: t1 Correlation ID: c1 Timestamp: 2026-11-20 10:00:00Z"),
        "error_codes": [code],
        "timestamp": "2026-11-20 10:00:00Z",
        "trace_id": "t1",
        "correlation_id": "c1",
    });
    Answer::json(status, body.to_string())
}

#[tokio::test]
async fn each_refusal_is_explained() {
    let cases = [
        kinds_of_assertion::cases(),
        numbers::cases(),
        in_its_place::cases(),
    ];
    for case in cases.into_iter().flatten() {
        let error = refused(case.claims, case.answer).await;
        let ours = Error::find(&error).unwrap();
        assert_eq!(ours.is_transient(), case.transient, "{}: {ours}", case.name);
        case.told.check(case.name, &error);
    }
}

/// A mark before a success is no reason to refuse it.
#[tokio::test]
async fn a_token_behind_a_byte_order_mark_is_a_token() {
    let body = "\u{feff}{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":\"t\"}";
    let options = CrossTenantManagedIdentityCredentialOptions {
        client_options: Answer::json(200, body).client_options(),
        ..Default::default()
    };
    let assertion = Arc::new(Assertion(Assertion::managed_identity()));
    let credential =
        CrossTenantManagedIdentityCredential::with_assertion(TARGET, APP, assertion, Some(options));
    credential.unwrap().get_token(&[SCOPE], None).await.unwrap();
}

#[tokio::test]
async fn a_scope_that_is_refused_comes_with_the_right_one() {
    let options = CrossTenantManagedIdentityCredentialOptions {
        client_options: Answer::json(500, "{}").client_options(),
        ..Default::default()
    };
    let assertion = Arc::new(Assertion(Assertion::managed_identity()));
    let credential =
        CrossTenantManagedIdentityCredential::with_assertion(TARGET, APP, assertion, Some(options))
            .unwrap();
    for (scope, right) in [
        (
            "https://management.azure.com/",
            "\"https://management.azure.com/.default\"",
        ),
        (
            "https://vault.azure.net",
            "\"https://vault.azure.net/.default\"",
        ),
    ] {
        let error = credential.get_token(&[scope], None).await.unwrap_err();
        assert!(
            explain(&error).to_string().contains(right),
            "{}",
            explain(&error)
        );
        assert!(error.to_string().contains(right), "{error}");
        assert!(!error.to_string().contains("//.default"), "{error}");
    }
}
