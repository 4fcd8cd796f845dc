//! The client assertion: form, signature and time.

use cross_tenant_identity_emulator::Emulator;
use serde_json::{Value, json};

use crate::support::*;

#[tokio::test]
async fn a_malformed_assertion_is_refused() {
    let emulator = Emulator::start().expect("an emulator");
    let scenario = emulator.create_scenario();
    let good = assertion(&emulator).await;
    let parts: Vec<&str> = good.split('.').collect();
    let header = |header: Value| {
        let header = azure_core::base64::encode_url_safe(header.to_string());
        format!("{header}.{}.{}", parts[1], parts[2])
    };
    let lacking = |claim: &str| {
        let mut claims = assertion_claims(&scenario);
        claims.as_object_mut().expect("claims").remove(claim);
        emulator.sign(&claims)
    };
    let other_signature = parts[2].chars().rev().collect::<String>();
    for (assertion, status, error, code) in [
        ("x".to_owned(), 400, "invalid_request", 50027),
        ("a.b.c".to_owned(), 400, "invalid_request", 50027),
        (format!("{good}.more"), 400, "invalid_request", 50027),
        (
            header(json!({"alg": "none"})),
            401,
            "invalid_client",
            5_002_738,
        ),
        (
            header(json!({"alg": "RS256"})),
            401,
            "invalid_client",
            5_002_723,
        ),
        (
            header(json!({"alg": "RS256", "kid": "unknown"})),
            401,
            "invalid_client",
            700_027,
        ),
        (
            format!("{}.{}.{other_signature}", parts[0], parts[1]),
            401,
            "invalid_client",
            700_027,
        ),
        (lacking("iss"), 400, "invalid_request", 90014),
        (lacking("sub"), 400, "invalid_request", 90014),
        (lacking("aud"), 400, "invalid_request", 90014),
        (lacking("exp"), 400, "invalid_request", 90014),
    ] {
        let request = TokenRequest::new(&scenario, &assertion, STORAGE);
        assert_refused(&request.send(&emulator).await, status, error, code);
    }
}

#[tokio::test]
async fn an_assertion_is_valid_in_its_time_on_entras_clock() {
    let emulator = Emulator::start().expect("an emulator");
    let scenario = emulator.create_scenario();
    let request = TokenRequest::new(&scenario, &assertion(&emulator).await, STORAGE);
    for (offset, granted) in [(-290, true), (86_390, true), (-400, false), (86_500, false)] {
        emulator.set_clock_offset(offset);
        let response = request.send(&emulator).await;
        if granted {
            assert_eq!(response.status, 200, "{offset}: {}", response.body);
        } else {
            assert_refused(&response, 401, "invalid_client", 700_024);
        }
    }
    // Its answers tell its clock, and those of the identity endpoint the machine's.
    emulator.set_clock_offset(86_400);
    let today = imds(&emulator, EXCHANGE, &[]).await;
    let tomorrow = request.send(&emulator).await;
    // Such as "Tue, 24 Nov 2026".
    assert_ne!(today.header("date")[..16], tomorrow.header("date")[..16]);
    // A time without a calendar date is refused, too.
    for offset in [i64::MIN, i64::MAX] {
        emulator.set_clock_offset(offset);
        let response = request.send(&emulator).await;
        assert_eq!(response.body["error_codes"], json!([700_024]));
    }
}
