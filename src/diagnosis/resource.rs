//! Refusals of the resource that the token was for: Azure Resource Manager, Storage, Key Vault,
//! Cosmos DB, Microsoft Graph.
//!
//! First come the problems of a token that every service can report, in its own words: the token
//! has expired, is for another audience, or is from another tenant. Then come the access rules of
//! each service.

mod answer;
mod arm;
mod data;
mod graph;
mod key_vault;
mod storage;
mod token;

use super::{Actor, Diagnosis, guide::Section};
use answer::Answer;
use azure_core::error::ErrorKind;

/// The meaning of a resource's response that an SDK client converted into this error, if it is
/// known.
pub(crate) fn of_error(error: &azure_core::Error) -> Option<Diagnosis> {
    let ErrorKind::HttpResponse {
        status,
        error_code,
        raw_response,
    } = error.kind()
    else {
        return None;
    };
    let answer = Answer::read(
        (*status).into(),
        error_code.as_deref(),
        raw_response.as_deref(),
    );
    of_answer(&answer).map(|diagnosis| {
        diagnosis
            .in_guide(Section::Resource)
            .with_answer(answer.shown())
    })
}

/// What the status alone shows, if the words of the response are not known.
pub(crate) fn of_status(origin: &str, status: u16) -> Diagnosis {
    let (who, happened, to_do) = match status {
        300..=399 => (
            Actor::Developer,
            format!(
                "{origin} redirects the request (HTTP {status}). A redirect is not followed: it would carry the token elsewhere."
            ),
            "Give the URL of the resource itself.",
        ),
        401 | 403 => (
            Actor::TargetAdministrator,
            format!(
                "{origin} refused access (HTTP {status}) for a reason that this version does not know."
            ),
            "Check the role of the app's service principal at the resource, and the resource's firewall. The resource's own words may say more.",
        ),
        408 | 429 | 500..=599 => (
            Actor::Nobody,
            format!("{origin} has a transient error or too many requests (HTTP {status})."),
            "Wait, and try again.",
        ),
        _ => (
            Actor::Developer,
            format!(
                "{origin} did not take the request (HTTP {status}), and nothing tells that the token is to blame."
            ),
            "Check the URL: its path, and the api-version if the service needs one. The resource's own words may say more.",
        ),
    };
    Diagnosis::new(who, happened, to_do).in_guide(Section::Resource)
}

fn of_answer(answer: &Answer) -> Option<Diagnosis> {
    if answer.is("InvalidSubscriptionId") {
        return arm::of(answer);
    }
    if let Some(diagnosis) = graph::of(answer) {
        return Some(diagnosis);
    }
    if !matches!(answer.status, 401 | 403 | 404) {
        return None;
    }
    key_vault::of(answer)
        .or_else(|| token::of(answer))
        .or_else(|| arm::of(answer))
        .or_else(|| storage::of(answer))
        .or_else(|| data::of(answer))
        .or_else(|| token::of_challenge(answer))
}

#[cfg(test)]
mod tests;
