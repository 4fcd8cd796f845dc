//! Refusals of the resource that the token was for: Azure Resource Manager, Storage, Key Vault,
//! Cosmos DB, Microsoft Graph.
//!
//! What every service can say of a token, in whatever words, is read first: that it has expired, is
//! for another audience, is of another tenant. Then come each service's own rules about access.

mod answer;
mod arm;
mod data;
mod key_vault;
mod storage;
mod token;

use super::Diagnosis;
use answer::Answer;
use azure_core::error::ErrorKind;

/// What the answer that an SDK client turned into this error means, if it is known.
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
    of_answer(&answer).map(|diagnosis| diagnosis.with_answer(answer.shown()))
}

fn of_answer(answer: &Answer) -> Option<Diagnosis> {
    if answer.is("InvalidSubscriptionId") {
        return arm::of(answer);
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
