//! The resources that a token is for: what they say when they refuse it.

#[path = "resources/arm.rs"]
mod arm;
#[path = "resources/key_vault.rs"]
mod key_vault;
#[path = "resources/others.rs"]
mod others;
#[path = "resources/storage.rs"]
mod storage;

use super::*;
use Actor::{Developer, Nobody, Operator, TargetAdministrator as Target};
use azure_core::{error::ErrorKind, http::RawResponse};

const SUBSCRIPTION: &str = "66666666-6666-4666-8666-666666666666";
const GROUP: &str = "/subscriptions/66666666-6666-4666-8666-666666666666/resourceGroups/rg";

/// What an SDK client makes of such an answer.
fn error_of(answer: &Answer) -> azure_core::Error {
    let status = StatusCode::from(answer.status);
    let raw = RawResponse::from_bytes(status, answer.headers(), answer.body.clone());
    let kind = ErrorKind::HttpResponse {
        status,
        error_code: None,
        raw_response: Some(Box::new(raw)),
    };
    azure_core::Error::with_message(kind, "the client's own words").with_context("and some more")
}

fn json(status: u16, code: &str, message: &str) -> Answer {
    let body = serde_json::json!({"error": {"code": code, "message": message}});
    Answer::json(status, body.to_string())
}

fn challenged(mut answer: Answer, challenge: &str) -> Answer {
    answer
        .headers
        .push(("www-authenticate", challenge.to_owned()));
    answer
}

#[test]
fn each_refusal_is_explained() {
    for (name, answer, told) in [
        arm::refusals(),
        storage::refusals(),
        key_vault::refusals(),
        others::refusals(),
    ]
    .into_iter()
    .flatten()
    {
        told.check(name, &error_of(&answer));
    }
}

#[test]
fn what_is_not_known_is_printed_as_it_is() {
    for (status, body) in [(409, "{}"), (404, "<html>"), (500, "x"), (429, "{}")] {
        let error = error_of(&Answer::json(status, body));
        assert!(Diagnosis::of(&error).is_none(), "{status}");
        let told = explain(&error).to_string();
        assert_eq!(told, "and some more: the client's own words");
    }
}
